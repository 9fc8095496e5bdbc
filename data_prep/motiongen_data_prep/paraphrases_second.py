"""A second set of held-out sentences, in the words of people who never saw a caption of the data set.

Animators, players, parents, children and people who learn English say these; they were written from the names of
contents and styles alone, so what a model makes of them tells how far it has got beyond the wording that it was taught.
"""

from __future__ import annotations

_BY_LABEL: dict[tuple[str, str], tuple[str, ...]] = {
    ("walk", "normal"): (
        "guy just walking",
        "she is going somewhere on foot, nothing special",
        "character moves ahead at walking pace",
        "make him walk straight",
    ),
    ("walk", "elderly"): ("grandpa walking to the shop", "a very old lady makes her way along, small steps"),
    ("walk", "exhausted"): (
        "he can barely keep walking, so worn out",
        "walking home dead on his feet after work",
    ),
    ("walk", "feminine"): ("a woman walks with swinging hips, like a model",),
    ("walk", "masculine"): ("a tough guy walks, broad shoulders and all",),
    ("walk", "youthful"): ("a teenager walks along, light on his feet",),
    ("walk", "active"): ("she walks with lots of energy, arms pumping",),
    ("walk", "sad"): ("he walks with his head down, heartbroken",),
    ("walk", "happy"): ("walking like it's the best day ever",),
    ("walk", "angry"): ("he is so mad, stomping off",),
    ("walk", "giant"): ("a big heavy monster walks, every step thuds",),
    ("walk", "proud"): ("walks in with chest out like he owns the place",),
    ("walk", "not-confident"): ("a shy kid walks, looks unsure of himself",),
    ("run", "normal"): (
        "quick, run!",
        "the player runs ahead",
        "he is late for the bus so he runs",
        "man doing a jog in the park",
    ),
    ("run", "elderly"): ("an old man tries to run after the bus",),
    ("run", "active"): ("she runs full of power like an athlete",),
    ("run", "feminine"): ("a girl runs in a girly way",),
    ("run", "masculine"): ("a strong man runs like a soldier",),
    ("run", "youthful"): ("a young boy runs across the playground",),
    ("dash", "normal"): ("sprint!", "he bolts off as fast as he can"),
    ("dash", "happy"): ("she races off full of joy",),
    ("dash", "tired"): ("he gives a last sprint though he has no strength left",),
    ("walk-back", "normal"): (
        "walk in reverse",
        "he backs up slowly",
        "person is going backward step by step without turning around",
    ),
    ("walk-back", "not-confident"): ("she backs away nervously",),
    ("walk-back", "angry"): ("furious, he walks backward away from us",),
    ("walk-turn-left", "normal"): (
        "walk and then take a left",
        "he walks up to the corner and goes left",
        "moves forward and curves to the left side",
        "go forward, then left turn",
    ),
    ("walk-turn-left", "elderly"): ("grandma walks up the hall and goes round to the left",),
    ("walk-turn-left", "exhausted"): ("a drained man drags himself along and veers left",),
    ("walk-turn-left", "active"): ("she marches off, swinging left with energy",),
    ("walk-turn-left", "masculine"): ("a macho man walks and makes a left",),
    ("walk-turn-right", "normal"): (
        "walk and then take a right",
        "he walks up to the corner and goes right",
        "moves forward and curves to the right side",
        "go forward, then right turn",
    ),
    ("walk-turn-right", "elderly"): ("grandma walks up the hall and goes round to the right",),
    ("walk-turn-right", "exhausted"): ("a drained man drags himself along and veers right",),
    ("walk-turn-right", "active"): ("she marches off, swinging right with energy",),
    ("walk-turn-right", "feminine"): ("a lady walks elegantly and makes a right",),
    ("raise-up-left-hand", "normal"): (
        "put your left hand up",
        "he has a question so he sticks his left hand in the air",
        "left arm goes up over the head",
        "kid in class puts the left hand high",
    ),
    ("raise-up-left-hand", "elderly"): ("an old woman slowly gets her left arm up",),
    ("raise-up-left-hand", "exhausted"): ("so tired, but she gets the left hand up",),
    ("raise-up-left-hand", "active"): ("he shoots his left hand up, pick me pick me",),
    ("raise-up-right-hand", "normal"): (
        "put your right hand up",
        "he has a question so he sticks his right hand in the air",
        "right arm goes up over the head",
        "kid in class puts the right hand high",
    ),
    ("raise-up-right-hand", "elderly"): ("an old woman slowly gets her right arm up",),
    ("raise-up-right-hand", "exhausted"): ("so tired, but she gets the right hand up",),
    ("raise-up-right-hand", "youthful"): ("a youngster throws his right hand up",),
    ("raise-up-both-hands", "normal"): (
        "hands up!",
        "he surrenders with both arms in the air",
        "both arms go up above the head",
        "stretch the two hands to the sky",
    ),
    ("raise-up-both-hands", "active"): ("goal! he throws both arms up",),
    ("raise-up-both-hands", "elderly"): ("grandpa lifts up his two arms bit by bit",),
    ("raise-up-both-hands", "feminine"): ("a lady puts up her two hands gracefully",),
    ("wave-left-hand", "normal"): (
        "says hi with the left hand",
        "waving at somebody, left hand",
        "he shakes his left hand in the air to greet a friend",
        "goodbye with left hand",
    ),
    ("wave-left-hand", "active"): ("she is wildly waving her left arm at the plane",),
    ("wave-left-hand", "exhausted"): ("a weak little wave from the left hand, no energy left",),
    ("wave-left-hand", "masculine"): ("the big man gives a wave, left hand",),
    ("wave-right-hand", "normal"): (
        "says hi with the right hand",
        "waving at somebody, right hand",
        "he shakes his right hand in the air to greet a friend",
        "goodbye with right hand",
    ),
    ("wave-right-hand", "active"): ("she is wildly waving her right arm at the plane",),
    ("wave-right-hand", "exhausted"): ("a weak little wave from the right hand, no energy left",),
    ("wave-right-hand", "feminine"): ("the princess gives a wave, right hand",),
    ("wave-both-hands", "normal"): (
        "hey over here! waves two arms",
        "both hands waving in the air",
        "he signals the helicopter with both arms",
        "says bye with two hands",
    ),
    ("wave-both-hands", "elderly"): ("granny waves at us with her two hands",),
    ("wave-both-hands", "youthful"): ("a teen fan waves both arms at a concert",),
    ("bow", "normal"): (
        "bows like japanese people do",
        "bends down from the waist to say thank you",
        "the actor takes a bow after the show",
    ),
    ("bow", "sad"): ("he bows in sorrow, says he is sorry",),
    ("bow", "old"): ("the old master bows",),
    ("kick", "normal"): ("kick!", "he kicks something in front of him", "gives a kick with the leg like a fighter"),
    ("punch", "normal"): ("punch!", "he hits the bag with his fist", "boxer throws a punch"),
    ("dance-short", "normal"): ("have a dance", "he is busting some moves", "she dances to the music at a party"),
}


def paraphrases_second() -> list[tuple[str, str, str]]:
    """(content, style, text) of every sentence; contents and styles are the data sets' own names."""
    return [(content, style, text) for (content, style), texts in _BY_LABEL.items() for text in texts]
