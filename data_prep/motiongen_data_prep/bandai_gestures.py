"""Raised and waving hands, bows and other gestures of the Bandai-Namco data sets, told for the left side."""

from __future__ import annotations

from motiongen_data_prep.captions import Content

_RAISE_WHY = (
    "(to ask a question^2|as if to ask a question^2|to volunteer|to get attention|to be noticed|to hail a (taxi|cab)"
    "|to vote|to be called on|to call a waiter|like a student in class^2|as pupils do in class|to take an oath"
    "|to have a say|as a sign|as if to say stop|to signal|as in school|to show where {they} {are})"
)
_LOWER = (
    "((and|, then|and then) ([lower]|[drop]) it( again|)|and [bring] it (back |)down( again|)|, then [let] it (sink|"
    "drop)|and [take] it down again|and [put] it back down)"
)
RAISE_LEFT = Content(
    plain=(
        "[raise] {their} left hand",
        "[raise] the left hand up",
        "[raise] the left arm",
        "[lift] {their} left hand",
        "[put] the left hand up",
    ),
    phrases=(
        "([raise]^5|[lift]^4|[elevate]) <lefthand> (<up>|)",
        "([raise]^4|[lift]^3) <lefthand> (<up>|)",
        "([raise]|[lift]) <lefthand> (high|) " + _RAISE_WHY,
        "([raise]|[lift]) <lefthand> " + _LOWER,
        "([put]^3|[hold]^3|[stick]^2|[bring]|[throw]|[hoist]|[move]|[pull]) <lefthand> <up>",
        "([put] up|[hold] up|[lift] up|[stick] up|[bring] up) <lefthand>",
        "[put] up <lefthand> " + _RAISE_WHY,
        "([stretch]|[extend]|[reach]) <lefthand> (upward|upwards|up|toward the sky|toward the ceiling|into the air)",
        "[reach] (up|upward|for the sky|high|up high|toward the ceiling) with <lefthand>",
        "[let] <lefthand> (rise|go up)",
        "[bring] <lefthand> (up to|above) the (level|height) of {their} head",
        "[ask] for (attention|permission to speak|the floor) with <lefthand> (up|raised)",
        "[show] {their} left palm, (arm raised|hand raised|held high)",
        "[point] <lefthand> (to|at) the (sky|ceiling)",
        "[signal] with {their} left (hand|arm) (up|raised|held high)",
        "[have] <lefthand> (up|raised) for a moment",
        "[swing] <lefthand> up (high|)",
        "[volunteer] by (raising|lifting|putting up) <lefthand>",
    ),
    nouns=(
        "(raising|lifting|putting up|holding up|stretching up) the left (hand|arm)",
        "a <adj> (raise|lift) of the left (hand|arm)",
        "the left (hand|arm) (goes up|is raised|is lifted|rises|moves upward|raised|up|held high|up in the air)",
        "a <adj> left (hand raise|arm raise|hand lift)",
        "left (hand|arm) (up|raised|in the air)",
        "a <adj> left (hand|arm) (held up|raised)",
    ),
    clauses=(
        "@'s left (hand|arm) (goes up|rises|is raised|is lifted|moves up|reaches up|is held up)( and comes down again|"
        ")",
        "the left (hand|arm) of @ (goes up|rises|is raised|is lifted|moves upward)",
        "with the left (hand|arm), @ [reach] (up|upward|for the sky)",
        "up goes the left (hand|arm) of @",
        "up goes @'s left (hand|arm)",
        "@ has {their} left (hand|arm) (up|raised|in the air)",
        "@ stands with the left (hand|arm) (raised|up|held high)",
        "it is the left (hand|arm) that @ [raise]",
        "on the left side, @ [raise] (a|the|one) (hand|arm)",
        "(to ask a question|to get attention|to vote), @ [raise] {their} left (hand|arm)",
        "standing (still|there), @ [raise] the left (hand|arm)",
    ),
    actors="student.they|pupil.they|passenger.they|volunteer.they",
    where="<there>",
    loose=(
        "[raise] (one^2|a) (hand|arm)",
        "[lift] (one|a) (hand|arm)",
        "[put] (one|a) hand up",
        "([raise]|[hold]) (a|one) hand (up|) (to ask a question|to volunteer|in the air)",
    ),
)
RAISE_BOTH = Content(
    plain=(
        "[raise] both hands",
        "[raise] both arms",
        "[raise] {their} hands up",
        "[lift] both hands",
        "[put] both hands up",
    ),
    phrases=(
        "([raise]^5|[lift]^4|[elevate]) <bothhands> (<up>|)",
        "([raise]^4|[lift]^3) <bothhands> (<up>|)",
        "([raise]|[lift]|[put] up) <bothhands> (as if to surrender|in surrender|as if giving up|as if at gunpoint"
        "|like someone under arrest|to surrender|as in prayer to the sky|to show that {they} {are} unarmed)",
        "([raise]|[lift]) <bothhands> (and then [lower] them|and [bring] them (back |)down( again|)|, then [drop] them"
        "|and [take] them down again|and [let] them sink)",
        "([put]^3|[hold]^3|[stick]^2|[bring]|[throw]|[hoist]|[move]) <bothhands> <up>",
        "([put] up|[hold] up|[lift] up|[stick] up|[throw] up) <bothhands>",
        "([stretch]|[extend]|[reach]) <bothhands> (upward|upwards|up|toward the sky|toward the ceiling|into the air)",
        "[reach] (up|upward|for the sky|high|up high|toward the ceiling) with <withboth>",
        "[let] <bothhands> (rise|go up)",
        "[bring] <bothhands> (up to|above) the (level|height) of {their} head",
        "[surrender] with (both|{their}) (hands|arms) (up|raised|in the air)",
        "[give] up, (both|{their}) (hands|arms) (raised|up|in the air)",
        "[raise] the left and the right (hand|arm) (together|at the same time|)",
        "[raise] (one arm and the other|the two arms) at the same time",
        "[point] <bothhands> (to|at) the (sky|ceiling)",
        "[swing] <bothhands> up (high|)",
    ),
    nouns=(
        "(raising|lifting|putting up|holding up|stretching up) both (hands|arms)",
        "a <adj> (raise|lift) of both (hands|arms)",
        "both (hands|arms) (go up|are raised|are lifted|rise|raised|up|up in the air|held high)",
        "(hands|arms|both hands|both arms) (up|raised|in the air)",
        "a <adj> (raise of the hands|raise of two arms|gesture with both hands raised)",
        "a <adj> surrender with both hands up",
    ),
    clauses=(
        "(both|both of) @'s (hands|arms) (go up|rise|are raised|are lifted|move up)( and come down again|)",
        "both (hands|arms) of @ (go up|rise|are raised|are lifted|move upward)",
        "with both (hands|arms), @ [reach] (up|upward|for the sky)",
        "up go both (hands|arms) of @",
        "@ has both (hands|arms) (up|raised|in the air)",
        "@ stands with both (hands|arms) (raised|up|held high)",
        "in surrender, @ [raise] both (hands|arms)",
    ),
    where="<there>",
)
WAVE_LEFT = Content(
    plain=(
        "[wave] {their} left hand",
        "[wave] with the left hand",
        "[wave] the left arm",
        "[raise] {their} left hand and [wave]",
        "[wave] at someone with the left hand",
    ),
    phrases=(
        "[wave] <lefthand>",
        "[wave] (with|using) <lefthand>",
        "[wave] <lefthand> <wavewhy>",
        "[wave] <wavewhy> with <lefthand>",
        "[wave] (with|using) <lefthand> <wavewhy>",
        "([raise]|[lift]|[put] up|[hold] up) <lefthand> and [wave] (it|with it|) (<wavewhy>|)",
        "([say] (hello|hi)|[greet] <someone>|[welcome] <someone>|[signal] to <someone>|[beckon]) (by waving|waving|"
        "with a wave of) <lefthand>",
        "([say] (hello|hi)|[greet] <someone>|[hail] <someone>) with (a wave of <lefthand>|<lefthand> waving)",
        "[give] (a|<someone> a) (wave|friendly wave|little wave) with <lefthand>",
        "([shake]|[swing]|[move]|[flap]|[sway]|[wag]) <lefthand> (from side to side|back and forth|to and fro|in the "
        "air) (in greeting|as a greeting|to greet <someone>|to wave|in a wave)",
        "[do] a (left-handed|lefthanded|left-hand) wave (<wavewhy>|)",
        "[wave] left-handed (<wavewhy>|)",
        "[wave] (goodbye|bye|farewell) with <lefthand>",
        "[make] a waving (gesture|motion|movement) with <lefthand>",
        "[flutter] {their} left hand in greeting",
        "[hold] <lefthand> <up> and [wave] (it|)",
    ),
    nouns=(
        "a <adj> (wave|hello|greeting wave) (with|of|using) the left (hand|arm)",
        "(<adj>|) waving (with|of|) the left (hand|arm)",
        "waving the left (hand|arm) (<wavewhy>|)",
        "a <adj> (left-handed|left-hand|left-arm) (wave|greeting wave|hello wave)",
        "the left (hand|arm) waving (<wavewhy>|)",
        "a <adj> greeting with the left hand waving",
        "left (hand|arm) (wave|waving)",
    ),
    clauses=(
        "(with|using) the left (hand|arm), @ [wave] (<wavewhy>|)",
        "with {their} left (hand|arm) @ [wave] (<wavewhy>|)",
        "@'s left (hand|arm) waves (<wavewhy>|)",
        "@'s left (hand|arm) (goes up and waves|moves from side to side in a wave|is waving|swings back and forth in "
        "greeting)",
        "the left (hand|arm) of @ is waving",
        "it is the left (hand|arm) that @ [wave]",
        "(to say hello|in greeting|to greet a friend|seeing a friend), @ [wave] {their} left (hand|arm)",
        "standing (still|there), @ [wave] the left (hand|arm)",
        "@ stands (waving|and waves) {their} left (hand|arm)",
    ),
    actors="friend.they|neighbor.they|host.they|fan.they|tourist.they",
    where="<there>",
    loose=(
        "[wave]",
        "[wave]",
        "[wave] (hello|hi|a hand|one hand|one arm|at <someone>|to <someone>|in greeting)",
        "[greet] <someone> with a wave",
        "[say] (hi|hello) (with one hand|with a wave of the hand|by waving)",
        "[give] a (friendly |)wave",
    ),
)
WAVE_BOTH = Content(
    plain=(
        "[wave] both hands",
        "[wave] with both hands",
        "[wave] both arms",
        "[raise] both hands and [wave]",
        "[wave] at someone with both hands",
    ),
    phrases=(
        "[wave] <bothhands>",
        "[wave] (with|using) <withboth>",
        "[wave] <bothhands> <wavewhy>",
        "[wave] <wavewhy> with <withboth>",
        "[wave] (with|using) <withboth> <wavewhy>",
        "([raise]|[lift]|[put] up|[hold] up) <bothhands> and [wave] (them|with them|) (<wavewhy>|)",
        "([say] (hello|hi)|[greet] <someone>|[welcome] <someone>|[signal] to <someone>) (by waving|waving) <bothhands>",
        "([say] (hello|hi)|[greet] <someone>|[hail] <someone>) with <withboth> waving",
        "[give] (a|<someone> a) (two-handed|big two-handed|double) wave",
        "([shake]|[swing]|[move]|[flap]|[sway]) <bothhands> (from side to side|back and forth|to and fro|in the air)"
        " (in greeting|as a greeting|to greet <someone>|to wave|in a wave)",
        "[do] a (two-handed|two-armed) wave (<wavewhy>|)",
        "[wave] (the left and the right hand|left and right hand|two-handed|one hand and the other) (together|at the "
        "same time|)",
        "[make] a waving (gesture|motion|movement) with <withboth>",
        "[hold] <bothhands> <up> and [wave] (them|)",
    ),
    nouns=(
        "a <adj> (wave|hello|greeting wave) (with|of|using) both (hands|arms)",
        "(<adj>|) waving (with|of|) both (hands|arms)",
        "waving (both|two) (hands|arms) (<wavewhy>|)",
        "a <adj> (two-handed|two-armed|double-handed) (wave|greeting wave|hello wave)",
        "both (hands|arms) waving (<wavewhy>|)",
    ),
    clauses=(
        "(with|using) both (hands|arms), @ [wave] (<wavewhy>|)",
        "both of @'s (hands|arms) wave (<wavewhy>|)",
        "both (hands|arms) of @ are waving",
        "(to say hello|in greeting|to greet a friend|seeing a friend), @ [wave] both (hands|arms)",
        "standing (still|there), @ [wave] both (hands|arms)",
        "@ stands (waving|and waves) both (hands|arms)",
    ),
    actors="friend.they|neighbor.they|host.they|fan.they|tourist.they",
    where="<there>",
)
_BYE = "(goodbye^4|bye^2|farewell|bye-bye|so long|see you)"
GESTURES: dict[str, Content] = {
    "raise-up-left-hand": RAISE_LEFT,
    "raise-up-both-hands": RAISE_BOTH,
    "wave-left-hand": WAVE_LEFT,
    "wave-both-hands": WAVE_BOTH,
    "bow": Content(
        plain=("[bow]", "[bow] forward", "[take] a bow", "[bend] forward in a bow", "[bow] to someone"),
        phrases=(
            "[bow]",
            "[bow]",
            "[bow] (forward|down|politely|respectfully|deeply|to <someone>|before <someone>|in greeting|in thanks|in "
            "respect)",
            "([take]|[make]|[give]|[perform]|[do]) a (bow^3|polite bow|respectful bow|formal bow|deep bow)",
            "([take]|[make]) a bow (and [straighten] up again|to <someone>|in front of <someone>|and then [rise])",
            "[bend] (forward|over|down|at the waist|from the waist|the upper body) (in a bow|to bow|to show respect|"
            "to thank <someone>|in greeting|out of respect)",
            "[lean] {their} (upper body|torso) forward in a bow",
            "([greet]|[thank]|[honor]|[salute]) <someone> with a bow",
            "([greet]|[thank]|[show] respect to|[apologize] to|[pay] respect to) <someone> by bowing",
            "[lower] {their} (head|upper body|head and shoulders) (in a bow|to bow|respectfully|in respect)",
            "[fold] at the (waist|hips) in a bow",
            "[bow] as (people do in japan|an apology|a sign of respect|a greeting|a thank you)",
            "[incline] {their} (head|body|upper body) (in respect|in greeting|in thanks)",
        ),
        nouns=(
            "a <adj> bow",
            "a <adj> bow (to <someone>|forward|from the waist|in greeting|in thanks|of respect)",
            "<adj> bowing (to <someone>|forward|)",
            "a <adj> (polite|respectful|japanese|formal) bow",
            "bending (forward|over) in a <adj> bow",
        ),
        clauses=(
            "(in greeting|in thanks|to show respect|as a sign of respect|to apologize|at the end of the show), @ [bow]",
            "@'s upper body (bends|leans|goes) forward in a bow",
            "the (head|upper body) of @ goes down in a bow",
        ),
        actors="butler.he|servant.they|host.they|actor.they|musician.they|waiter.he",
        where="<there>",
    ),
    "bye": Content(
        mirrored=True,
        plain=(
            "[wave] goodbye with the left hand",
            "[wave] goodbye with {their} left hand",
            "[say] goodbye with the left hand",
            "[wave] bye with the left hand",
        ),
        phrases=(
            f"([wave]^4|[say]^2|[bid]) {_BYE} (with|using) <lefthand>",
            f"([wave]|[say]) {_BYE} to <someone> with <lefthand>",
            f"[say] {_BYE} (and [wave]|while waving|by waving|waving) <lefthand>",
            "([raise]|[lift]|[hold] up|[put] up) <lefthand> (to say goodbye|to wave goodbye|in farewell|and [wave] "
            "goodbye)",
            "([part] from|[take] leave of|[see] off|[send] off) <someone> (with a wave of|waving) <lefthand>",
            "[wave] <lefthand> (goodbye|in farewell|to say goodbye|as a goodbye|to bid farewell|at parting"
            "|after <someone> who leaves|as <someone> goes away)",
            "[give] a (farewell|goodbye|parting) wave with <lefthand>",
        ),
        nouns=(
            "a <adj> (goodbye|farewell|goodbye wave|parting wave) with the left (hand|arm)",
            "a <adj> left-handed (goodbye|farewell|goodbye wave)",
            "(saying|waving) goodbye with the left (hand|arm)",
        ),
        clauses=(
            "(with|using) the left (hand|arm), @ [wave] (goodbye|bye|farewell)",
            "@'s left (hand|arm) waves goodbye",
            "(at parting|in farewell|as a friend leaves|to say goodbye), @ [wave] {their} left (hand|arm)",
        ),
        where="<there>",
        loose=(
            "[wave] (goodbye|bye|farewell|goodbye to <someone>)",
            "[say] (goodbye|bye|farewell to <someone>) (with one hand|)",
            "[bid] farewell",
            "[wave] after someone who leaves",
        ),
    ),
    "byebye": Content(
        plain=(
            "[wave] goodbye with both hands",
            "[say] goodbye with both hands",
            "[wave] bye-bye with both hands",
            "[wave] both hands in farewell",
        ),
        phrases=(
            f"([wave]^4|[say]^2|[bid]) {_BYE} (with|using) <withboth>",
            f"([wave]|[say]) {_BYE} to <someone> with <withboth>",
            f"[say] {_BYE} (and [wave]|while waving|by waving|waving) <bothhands>",
            "([raise]|[lift]|[hold] up|[put] up) <bothhands> (to say goodbye|to wave goodbye|in farewell|and [wave] "
            "goodbye)",
            "([part] from|[take] leave of|[see] off|[send] off) <someone> (with <withboth> waving|waving <bothhands>)",
            "[wave] <bothhands> (goodbye|in farewell|to say goodbye|as a goodbye|to bid farewell|at parting)",
            "[give] a (farewell|goodbye|parting) wave with <withboth>",
            "[give] a two-handed (farewell|goodbye|parting) wave",
        ),
        nouns=(
            "a <adj> (goodbye|farewell|goodbye wave|parting wave) with both (hands|arms)",
            "a <adj> two-handed (goodbye|farewell|goodbye wave)",
            "(saying|waving) goodbye with both (hands|arms)",
        ),
        clauses=(
            "(with|using) both (hands|arms), @ [wave] (goodbye|bye|farewell)",
            "both of @'s (hands|arms) wave goodbye",
            "(at parting|in farewell|as a friend leaves|to say goodbye), @ [wave] both (hands|arms)",
        ),
        where="<there>",
    ),
    "guide": Content(
        mirrored=True,
        plain=(
            "[show] the way with the left hand",
            "[point] out the way with {their} left hand",
            "[guide] someone with the left hand",
            "[hold] out the left hand to guide someone",
        ),
        phrases=(
            "([show]|[point] out|[indicate]|[direct] <someone>|[explain]) the (way|direction|path) (with|using) "
            "<lefthand>",
            "([guide]|[direct]|[lead]|[invite]|[usher] in|[show] in) <someone> (with|using) <lefthand>",
            "([gesture]|[point]|[sign]|[motion]) with <lefthand> (to show the way|where to go|to guide <someone>|this "
            "way, please)",
            "([hold] out|[extend]|[stretch] out|[open]|[offer]) <lefthand> (to guide <someone>|to show the (way|"
            "direction)|to show where to go|as if to say this way please|to invite <someone> in|in invitation)",
            "[usher] <someone> (along|in|through|to the table) with <lefthand>",
            "[give] directions with <lefthand>",
            "[tell] <someone> where to go, (pointing|gesturing|showing) with <lefthand>",
        ),
        nouns=(
            "a <adj> (guiding|inviting|welcoming) gesture with the left (hand|arm)",
            "showing the way with the left (hand|arm)",
            "a <adj> left-handed (guiding gesture|this-way gesture)",
        ),
        clauses=(
            "(with|using) the left (hand|arm), @ [show] (the way|<someone> the way|where to go)",
            "@'s left (hand|arm) (points out|shows) the way",
            "to show the way, @ [hold] out the left (hand|arm)",
        ),
        actors="receptionist.they|tour guide.they|usher.he|host.they|waiter.he|hotel clerk.they",
        where="<there>",
        loose=(
            "[show] the way",
            "[guide] <someone>",
            "[point] out the way",
            "[give] directions",
            "[usher] <someone> in",
        ),
    ),
    "respond": Content(
        plain=(
            "[raise] {their} left hand in response",
            "[respond] by raising the left hand",
            "[answer] with the left hand raised",
        ),
        phrases=(
            "([raise]|[lift]|[put] up|[hold] up) <lefthand> (in response|to answer|to reply|in answer|when called|as "
            "a reply|when {their} name is called|to say here i am)( and [lower] it again|)",
            "([respond]|[answer]|[reply]|[react]) (by raising|raising|by lifting|with a raise of) <lefthand>",
            "([respond]|[answer]|[reply]) with <lefthand> (raised|up|in the air)",
        ),
        nouns=("a <adj> (reply|response|answer) with the left (hand|arm) (raised|up)",),
        clauses=("(in response|when called|to answer|asked for), @ [raise] {their} left (hand|arm)",),
        where="<there>",
    ),
}
