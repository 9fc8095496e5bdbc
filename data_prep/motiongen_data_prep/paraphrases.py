"""Sentences for the released data sets' contents and styles in words that the training grammar never makes.

They measure whether a model has learned what a sentence means or only the sentences; training must not see them.
"""

from __future__ import annotations

_BY_LABEL: dict[tuple[str, str], tuple[str, ...]] = {
    ("walk", "normal"): (
        "somebody strolls ahead at a natural pace",
        "a guy simply goes for a walk in front of him",
        "the character advances on foot",
    ),
    ("walk", "elderly"): (
        "grandpa shuffles onward, bent with age",
        "a very aged person makes their way ahead with difficulty",
    ),
    ("walk", "tired"): ("worn down after a long day, a person trudges along",),
    ("walk", "happy"): ("in a really good mood, somebody saunters ahead",),
    ("walk", "sad"): ("a heartbroken person plods ahead, eyes on the floor",),
    ("walk", "giant"): ("an enormous ogre stomps ahead with thundering feet",),
    ("walk", "chimpira"): ("a small-time hoodlum struts along with attitude",),
    ("walk", "proud"): ("chest puffed out, somebody parades ahead like a king",),
    ("walk", "feminine"): ("a young lady sashays ahead like a fashion model",),
    ("walk", "not-confident"): ("an unsure, self-conscious person creeps ahead",),
    ("walk", "musical"): ("somebody bops along to the tune in their headphones",),
    ("walk", "angry"): ("somebody storms ahead, boiling with rage",),
    ("run", "normal"): (
        "somebody breaks into a run",
        "the character is running along a straight path",
    ),
    ("run", "elderly"): ("a pensioner jogs along as quickly as old legs allow",),
    ("run", "exhausted"): ("somebody keeps running although all energy is gone",),
    ("run", "active"): ("bursting with energy, somebody races ahead",),
    ("run", "feminine"): ("a girl runs in a ladylike fashion",),
    ("dash", "normal"): ("somebody bolts ahead at top speed", "an athlete runs flat out"),
    ("dash", "angry"): ("in a fit of rage somebody charges ahead as fast as possible",),
    ("walk-back", "normal"): ("somebody walks in reverse", "without turning round, a person retreats on foot"),
    ("walk-back", "childish"): ("a kid toddles backwards for fun",),
    ("walk-back", "sad"): ("a sorrowful person slowly goes back step by step",),
    ("walk-left", "normal"): ("while going ahead the walker's path slants leftward",),
    ("walk-right", "normal"): ("while going ahead the walker's path slants rightward",),
    ("walk-left", "tired"): ("a fatigued person drifts toward the left side on foot",),
    ("walk-turn-left", "normal"): (
        "somebody strolls ahead and then rounds a corner on the left",
        "after a few paces the walker heads off to the left",
        "the character takes a left after walking straight",
    ),
    ("walk-turn-right", "normal"): (
        "somebody strolls ahead and then rounds a corner on the right",
        "after a few paces the walker heads off to the right",
        "the character takes a right after walking straight",
    ),
    ("walk-turn-left", "elderly"): (
        "a senior citizen ambles ahead, then swings around to the left",
        "first going straight, a hunched old fellow then veers off left",
    ),
    ("walk-turn-right", "elderly"): ("a senior citizen ambles ahead, then swings around to the right",),
    ("walk-turn-right", "exhausted"): ("barely able to stand, somebody drags along and bends off to the right",),
    ("walk-turn-left", "active"): ("a sprightly person marches on and swiftly goes left",),
    ("walk-turn-right", "youthful"): ("a lively teen wanders ahead and hangs a right",),
    ("walk-turn-left", "masculine"): ("a rugged bloke walks on and changes direction to the left",),
    ("raise-up-left-hand", "normal"): (
        "the left arm goes up",
        "somebody sticks their left hand in the air",
        "with the left hand, a student asks to speak",
    ),
    ("raise-up-right-hand", "normal"): (
        "the right arm goes up",
        "somebody sticks their right hand in the air",
        "with the right hand, a student asks to speak",
    ),
    ("raise-up-both-hands", "normal"): ("somebody throws their hands in the air", "hands up, as in a robbery"),
    ("raise-up-left-hand", "elderly"): ("a senior slowly brings the left hand upward",),
    ("raise-up-right-hand", "feminine"): ("a lady delicately holds up her right hand",),
    ("raise-up-both-hands", "masculine"): ("a brawny bloke hoists both arms",),
    ("raise-up-both-hands", "exhausted"): ("drained of strength, somebody barely gets both arms up",),
    ("raise-up-right-hand", "active"): ("a bubbly person shoots the right hand up",),
    ("wave-left-hand", "normal"): (
        "somebody moves the left hand to and fro as a greeting",
        "a hello from the left hand",
    ),
    ("wave-right-hand", "normal"): (
        "somebody moves the right hand to and fro as a greeting",
        "a hello from the right hand",
    ),
    ("wave-both-hands", "normal"): ("somebody signals with both arms swinging overhead",),
    ("wave-left-hand", "elderly"): ("grandma gives a small wave using her left hand",),
    ("wave-right-hand", "elderly"): ("grandma gives a small wave using her right hand",),
    ("wave-right-hand", "youthful"): ("a lively youngster says hi, right hand in the air",),
    ("wave-left-hand", "exhausted"): ("dead tired, somebody flaps the left hand weakly",),
    ("wave-both-hands", "active"): ("somebody excitedly flails both hands to get attention",),
    ("wave-both-hands", "exhausted"): ("totally drained, somebody manages a wave of both arms",),
    ("bow", "normal"): ("somebody bends the upper body in respect",),
    ("bow", "happy"): ("a delighted performer bows to the audience",),
    ("bow", "proud"): ("somebody important gives a stiff little bow",),
    ("bye", "normal"): ("the right hand waves as somebody takes their leave",),
    ("bye", "sad"): ("a tearful farewell wave from the right hand",),
    ("byebye", "normal"): ("both hands waving, somebody takes their leave",),
    ("guide", "normal"): ("a host directs the guests, right arm extended",),
    ("guide", "proud"): ("a conceited host waves the guests through, right arm extended",),
    ("respond", "normal"): ("when the name is called, the left hand goes up",),
    ("punch", "normal"): ("a boxer spars against the air",),
    ("kick", "normal"): ("a fighter unleashes whirling right-leg kicks",),
    ("slash", "normal"): ("a samurai hacks at the air with a katana",),
    ("call", "normal"): ("somebody hollers to a friend in the distance",),
    ("dance-short", "normal"): ("somebody busts some moves on the dance floor",),
}


def paraphrases() -> list[tuple[str, str, str]]:
    """(content, style, text) of every held-out sentence; contents and styles are the data sets' own names."""
    return [(content, style, text) for (content, style), texts in _BY_LABEL.items() for text in texts]
