"""Words that the sentences of all contents share: directions, body parts, ways to say walk, and who moves.

Everything is said for the left; the sentences for the right are their mirror images.
"""

from __future__ import annotations

LEXICON: dict[str, str] = {
    # Directions.
    "ahead": "(forward^6|forwards^2|ahead^3|straight ahead^3|straight on|straight forward|onward|straight^2)",
    "left": "(left^6|to the left^6|to {their} left^3|leftward|leftwards^2|toward the left^2|towards the left"
    "|to the left-hand side|to the left side^2|over to the left|to {their} left-hand side|in the left direction)",
    "back": "(backward^4|backwards^5|back^2|in reverse^2|to the rear|rearward|rearwards)",
    "steps": "(a few|several|some|a couple of|many|three or four) (steps|paces)",
    "turnleft": (
        "([turn] <left>^9|[make] a (left turn^2|left|turn (to the left|left)|turn to {their} left|sharp left)|[take] "
        "a (left|left turn|turn to the left|turn left)|[hang] a left|[go] <left>|[head] (off|) <left>|[swing] (around|"
        "round|) <left>|[pivot] <left>|[rotate] <left>|[round] (a|the) corner (to the left|on the left)|[take] the "
        "(corner|turning|path|next corner) (to|on) the left|[change] direction to the left|[curve] <left>|[veer] off "
        "sharply <left>|[cut] <left>|[wheel] <left>|[do] a (quarter turn|ninety degree turn|turn) <left>|[turn] (90|"
        "ninety) degrees <left>|[turn] (at|around) the corner <left>|[go] (around|round) a (corner|bend) to the left|"
        "[turn] off <left>|[switch] direction <left>|[turn] {their} (body|whole body|path) <left>|[bend] {their} path "
        "<left>|[spin] a quarter <left>|[steer] <left>|[turn] and [go] <left>|[redirect] {themselves} <left>|[go] "
        "(round|around) to the left|[arc] <left>|[sweep] (round|around|) <left>|[end] up going <left>|[come] (round|"
        "around) to the left|[loop] (round|around) to the left)"
    ),
    # Body parts.
    "hand": "(hand^6|arm^4|palm)",
    "lefthand": "((the^2|{their}^3) left (hand^6|arm^4)^6|the (hand|arm) on (the|{their}) left( side|))",
    "bothhands": "(both^5|both of {their}|both {their}|the two|{their} two|{their}) (hands^3|arms^2)",
    "withboth": "(both^4|both of {their}|{their} two|two) (hands^3|arms^2)",
    "up": "(up^5|high^2|up high^2|overhead|in the air^2|into the air^2|upward^2|upwards|toward the sky|to the sky"
    "|toward the ceiling|above {their} head|over {their} head|aloft)",
    "down": "(lower it^2|put it down|bring it down again^2|take it down again|let it sink|let it drop)",
    "again": "(again and again|several times|repeatedly|a few times|in a row|in quick succession|one after another)",
    "stance": "(a fighting stance|a boxing stance|a guard|a boxer's stance)",
    # Travel; styles have walks of their own.
    "walk": "([walk]^12|[stroll]|[amble]|[go] on foot|[move] on foot|[pace]|[step]^2|[move] at a walk|[wander]|"
    "[tread])",
    "goes": "([walk]^8|[go]^3|[move]^3|[head]^2|[proceed]|[travel]|[advance])",
    "run": "([run]^9|[jog]^5|[trot]^2|[lope]|[go] running|[go] jogging|[move] at a (run|jog|trot))",
    "dash": "([dash]^5|[sprint]^6|[race]^3|[bolt]^2|[charge]|[tear]|[rush]^2|[dart]|[speed]|[zoom]|[run] (flat out"
    "|at full speed^2|at top speed^2|very fast^2|really fast|as fast as {they} can^2|at full tilt|like the wind))",
    "where": "(down the (street|road|hallway|corridor|path|aisle|sidewalk)|along (the|a) (road|street|path|corridor"
    "|pavement|track)|across the (room|floor|stage|yard|hall|square)|through the (park|room|hall)|in an empty room"
    "|on a flat floor|outdoors|outside|on the street)",
    "there": "(in (the|a|an empty) room|on (a|the) stage|in the (street|park|hallway|studio)|on the spot|outdoors"
    "|in front of the camera|in front of an audience|in place|standing upright|while standing^3|standing^2)",
    "wavewhy": (
        "(to say (hello|hi)|to greet <someone>^2|at <someone>^3|to <someone>^2|in greeting|as a greeting|saying hi|"
        "for attention|to get attention|to be seen|from side to side|back and forth^2|to and fro|in the air^2|hello^2|"
        "hi|friendly|as if greeting <someone>|in welcome|to welcome <someone>|to call <someone> over|side to side)"
    ),
    "someone": "(someone^4|somebody^2|a friend^3|people|a (neighbor|neighbour|colleague|stranger|guest)|another person"
    "|the (crowd|audience|camera|viewer)|passers-by)",
}

# Each a noun and the gender of its pronouns: they, he, she or it.
PEOPLE = (
    *(("person", "they"),) * 10,
    *(("man", "he"),) * 4,
    *(("figure", "it"),) * 2,
    *(("human", "they"),) * 2,
    *(("guy", "he"),) * 2,
    ("character", "they"),
    ("human being", "they"),
    ("individual", "they"),
    ("human figure", "it"),
    ("fellow", "he"),
    ("subject", "they"),
    ("actor", "they"),
    ("performer", "they"),
    ("avatar", "it"),
    ("player", "they"),
    ("adult", "they"),
    ("stick figure", "it"),
)
# Said without an article.
NAMED = (("someone", "they"), ("somebody", "they"), ("he", "he"), ("someone", "they"), ("one person", "they"))
DETERMINERS = ("a",) * 9 + ("the",) * 5 + ("this", "one", "")

PRONOUN_FORMS: dict[str, dict[str, str]] = {
    "they": {"they": "they", "them": "them", "their": "their", "themselves": "themselves", "are": "are"},
    "he": {"they": "he", "them": "him", "their": "his", "themselves": "himself", "are": "is"},
    "she": {"they": "she", "them": "her", "their": "her", "themselves": "herself", "are": "is"},
    "it": {"they": "it", "them": "it", "their": "its", "themselves": "itself", "are": "is"},
    "you": {"they": "you", "them": "you", "their": "your", "themselves": "yourself", "are": "are"},
    "i": {"they": "i", "them": "me", "their": "my", "themselves": "myself", "are": "am"},
    "we": {"they": "we", "them": "us", "their": "our", "themselves": "ourselves", "are": "are"},
}
