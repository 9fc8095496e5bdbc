"""What the trials of the CMU database show: verb phrases by the index's description, by trial where that says more."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from motiongen_data_prep.captions import Content

INDEX = "cmu-mocap-index.csv"

_DRIBBLE = "([dribble]^3|[bounce]) (a|the) (basketball^3|ball)"
_DRIBBLING = "(dribbling|bouncing) (a|the) (basketball^3|ball)"
_TURN = "([turn]^3|[make] (turns|sharp turns|square turns|ninety degree turns|90 degree turns))"
_DANCE = ("[dance]", "([do]|[perform]|[dance]) a (modern|contemporary|ballet-like|lyrical|expressive) dance")
_HOP = "([hop]|[jump] on one leg|[skip])"

_BY_DESCRIPTION: dict[str, tuple[str, ...]] = {
    "walk": (
        "<walk>",
        "<walk> <ahead>",
        "<walk> <ahead>",
        "<walk> (along|on|around here)",
        "([take]|[go] for|[have]) a (walk|stroll)",
        "<walk> (at an even pace|at a regular pace|evenly|normally)",
        "([take]|[make]) <steps> <ahead>",
        "[move] <ahead> on foot",
    ),
    "slow walk": (
        "<walk> (slowly|unhurriedly|at a slow pace|without hurry|at a leisurely pace|in no hurry)",
        "<walk> <ahead> (slowly|leisurely|in slow motion|at a slow pace)",
        "([stroll]|[amble]|[saunter]) (<ahead>|along)",
        "[take] slow steps <ahead>",
        "[take] a (slow walk|leisurely walk|stroll)",
    ),
    "brisk walk": (
        "<walk> (briskly|quickly|fast|at a brisk pace|at a fast pace|in a hurry|hurriedly|swiftly)",
        "<walk> <ahead> (briskly|quickly|fast|in a hurry)",
        "[take] (quick|brisk|fast) steps <ahead>",
        "[hurry] (along|<ahead>) on foot",
        "[take] a brisk walk",
    ),
    "walk/stride": (
        "[stride] (<ahead>|along|on)",
        "[walk] (with|taking|in) (long|big|large|wide) (steps|strides)",
        "[walk] <ahead> (in|with) long strides",
        "[take] (long|big) strides (<ahead>|)",
    ),
    "slow walk/stride": (
        "[walk] slowly with (long|big) (steps|strides)",
        "[stride] (<ahead>|along) slowly",
        "[take] (long, slow|slow, long|slow and big) (steps|strides) <ahead>",
    ),
    "walk, exaggerated stride": (
        "[walk] with (exaggerated|huge|oversized|overlong|enormous) (strides|steps)",
        "[walk] <ahead> taking (huge|giant|exaggerated) steps",
        "[stride] <ahead> in an exaggerated way",
        "[overdo] {their} strides while walking",
    ),
    "walk on uneven terrain": (
        "[walk] (on|over|across) (uneven|rough|bumpy|rocky|hilly) (ground|terrain)",
        "[step] (carefully|cautiously) over (rough|uneven|stony|bumpy) ground",
        "[walk] <ahead>, stepping up and down over (bumps|rocks|stones|obstacles)",
        "[pick] {their} way over (rocks|rough ground|uneven ground)",
        "[climb] over (bumps|rocks|obstacles) while walking",
        "[hike] over (uneven|rough) ground",
    ),
    "run": ("<run>", "<run> <ahead>", "<run> (along|on)", "[run] (fast|quickly|at speed)", "[go] for a run"),
    "run/jog": (
        "[jog]",
        "[jog] (<ahead>|along|on)",
        "<run> <ahead>",
        "[run] at an (easy|easygoing|even) pace",
        "([go] for|[take]) a (jog|run)",
        "[trot] along",
    ),
    "navigate - walk forward, backward, sideways": (
        "[walk] forward, backward and sideways",
        "[walk] (forward|ahead), then (backward|backwards|back), then (to the side|sideways)",
        "[walk] (around|about) in all directions",
        "[step] (forward|ahead), back and sideways",
        "[go] forward, back up and [sidestep]",
    ),
    "jump, balance": (
        "[jump] and ([balance]|[keep] {their} balance|[steady] {themselves})",
        "[jump] and then [keep] {their} balance",
        "[hop] forward and [balance] on landing",
        "[leap] and [land] in balance",
    ),
    "punch/strike": (
        "[punch]",
        "[throw] (punches|some punches|blows)",
        "([punch]|[hit] out) and [strike] at (someone|an opponent|the air)",
        "[strike] with {their} fists",
        "([box]|[fight] with {their} fists|[spar]) (against an opponent|)",
        "[deal] out blows",
    ),
    "bend over, scoop up, rise, lift arm": (
        "([bend] over|[bend] down|[stoop]), [scoop] something up, ([stand] up|[rise]) and ([lift]|[raise]) an arm",
        "([scoop]|[pick]) something up from the (floor|ground) and ([raise]|[lift]) it",
        "[bend] down to pick something up, then [rise] and ([lift]|[raise]) an arm",
        "[reach] down, [pick] something up and [hold] it (up high|overhead|up)",
    ),
    "swordplay": (
        "[fight] with a (sword|rapier|blade)",
        "([swing]|[brandish]|[wield]) a (sword|blade)",
        "([practice]|[do]|[train]) (swordplay|fencing|sword fighting)",
        "[thrust] and [slash] with a (sword|blade)",
        "[fence] with an (invisible|imaginary) opponent",
    ),
    "wash self": (
        "[wash] ({their} body|{themselves}|all over)",
        "[take] a (shower|bath)",
        "[rub] {their} arms and body as if washing",
        "([scrub]|[soap]|[clean]) {themselves}",
    ),
    "laugh": (
        "[laugh]",
        "[laugh] (out loud|loudly|heartily|hard|a lot)",
        "[laugh] with the whole body",
        "([burst] out laughing|[crack] up|[chuckle]|[giggle])",
        "[shake] with laughter",
        "[have] a (good|big) laugh",
    ),
    "soccer - kick ball": (
        "[kick] a (soccer ball|ball|football)",
        "[step] up to a (football|soccer ball|ball) and [kick] it",
        "[take] <steps> and [kick] a (ball|soccer ball|football)",
        "([shoot]|[strike]|[pass]) a (soccer ball|football|ball) (with {their} foot|)",
        "[take] a (free kick|penalty kick|shot at goal)",
    ),
    "balance on one leg, outstretched arms": (
        "[balance] on one (leg|foot) with (the|{their}|both) arms (stretched out|outstretched|out)",
        "[stand] on one leg, arms (out|stretched) to the sides",
        "[keep] {their} balance on one (foot|leg) with both arms spread",
        "[hold] a one-legged pose with outstretched arms",
        "[stand] like a (stork|flamingo) with both arms spread",
    ),
    "backflip": (
        "([do]|[perform]|[make]|[land]) a (backflip|back flip|backward somersault|backward flip)",
        "[flip] (backwards|backward|over backward) (through|in) the air",
        "[jump] into a backward somersault",
    ),
    "cartwheel": (
        "([do]|[perform]|[turn]|[make]) a (cartwheel|cart wheel)",
        "[cartwheel] (across the floor|sideways|)",
        "[wheel] sideways over {their} hands",
    ),
    "jump kick": (
        "([do]|[perform]) a (jump kick|jumping kick|flying kick)",
        "[jump] and [kick] in (the air|midair)",
        "[leap] (up|into the air) and [kick]",
    ),
    "side flip": (
        "([do]|[perform]) a (side flip|sideways flip|sideways somersault)",
        "[flip] sideways (in|through) the air",
        "[jump] into a side flip",
    ),
    "hand spring": (
        "([do]|[perform]) a (handspring|hand spring|front handspring)",
        "[flip] forward over {their} hands",
        "[spring] over from {their} hands",
    ),
    "start walk stop": (
        "[start] walking and then ([stop]|[halt])",
        "[walk] <steps> and ([stop]|[halt]|[come] to a stop)",
        "[walk] (in the style of|like) michael jackson and [stop]",
        "[walk] like (michael jackson|a pop star)",
        "[set] off on foot and [come] to a halt",
    ),
    "start hop stop": (
        "[start] hopping and then [stop]",
        f"{_HOP} a few times and ([stop]|[halt])",
        f"{_HOP} (forward|along) and [stand] still at the end",
        "[hop] along in the style of michael jackson",
    ),
    "basketball - forward dribble": (
        f"{_DRIBBLE} (forward|ahead|straight ahead|while walking forward|while moving forward)",
        f"[walk] (forward|ahead) {_DRIBBLING}",
        "[move] forward with a bouncing ball",
        f"[advance] while {_DRIBBLING}",
    ),
    "basketball - backward dribble": (
        f"{_DRIBBLE} while (moving|walking|stepping|going) (backward|backwards|back)",
        f"[walk] backwards {_DRIBBLING}",
        f"([back] up|[retreat]|[back] away) while {_DRIBBLING}",
    ),
    "basketball - sideways dribble": (
        f"{_DRIBBLE} while (moving sideways|stepping to the side|sidestepping|going sideways)",
        f"[move] sideways {_DRIBBLING}",
        f"([shuffle] to the side|[sidestep]) while {_DRIBBLING}",
    ),
    "basketball - forward dribble, 90-degree left turns": (
        f"{_DRIBBLE} (forward|ahead) and {_TURN} (left|to the left)",
        "[walk] (forward|ahead) dribbling a basketball and [make] (sharp|square) left turns",
        "[dribble] a ball around corners to the left",
    ),
    "basketball - forward dribble, 90-degree right turns": (
        f"{_DRIBBLE} (forward|ahead) and {_TURN} (right|to the right)",
        "[walk] (forward|ahead) dribbling a basketball and [make] (sharp|square) right turns",
        "[dribble] a ball around corners to the right",
    ),
    "basketball - forward dribble, 90-degree right turns, crossover dribble": (
        f"{_DRIBBLE} (forward|ahead), [turn] right and [switch] hands",
        f"{_DRIBBLE} with crossovers and sharp right turns",
        "[walk] (forward|ahead) doing crossover dribbles and turns to the right",
    ),
    "basketball - low, fast free style dribble, dribble through legs": (
        f"{_DRIBBLE} low and fast, also (between|through) {{their}} legs",
        f"{_DRIBBLE} (between|through) {{their}} legs",
        "[play] with a basketball, bouncing it low and through the legs",
        "[show] off freestyle dribbling (tricks|) with a basketball",
    ),
    "basketball - crossover dribble, shoot": (
        "[do] a crossover dribble and [shoot] the (basketball|ball)",
        f"{_DRIBBLE} from hand to hand and then [shoot]",
        f"{_DRIBBLE}, [switch] hands and [throw] it at the basket",
    ),
    "basketball - dribble, shoot": (
        f"{_DRIBBLE} and (then |)([shoot] it|[take] a shot|[shoot] a basket)",
        f"{_DRIBBLE} and then [throw] (it|the ball) at the basket",
        "[dribble] and [shoot] hoops",
    ),
    "salsa": (
        "[dance] (salsa|the salsa|a salsa|salsa steps)",
        "([do]|[perform]|[practice]|[show]) (salsa steps|a salsa dance|salsa moves|some salsa|a salsa routine)",
        "[dance] (to latin music|to salsa music|a latin dance|latin style)",
        "[move] {their} (hips|hips and feet|feet) in a salsa",
        "[salsa] across the (floor|room|dance floor)",
        "[step] and [turn] (in|to) a salsa",
        "[dance] (with a partner|as in a couple) to salsa (music|rhythms)",
    ),
    "indian": (
        "[dance] (an indian dance|in the indian style|a classical indian dance|a traditional indian dance)",
        "([perform]|[do]|[practice]|[show]) (an indian|a classical indian|a traditional indian|an indian temple) dance",
        "([do]|[perform]) an indian dance with (hand gestures|stamping feet|hands and feet|bent knees)",
        "[dance] (bharatanatyam|as in india|as indian dancers do)",
        "[stamp] {their} feet and [gesture] with the hands in an indian dance",
    ),
    "martial": (
        "([practice]|[train]|[do]|[exercise]) (martial arts|karate|kung fu|martial arts moves|a kata)",
        "([perform]|[show]|[demonstrate]) (martial arts moves|a martial arts (routine|form)|karate moves|kung fu)",
        "[do] a martial arts routine with punches and kicks",
        "[go] through a (martial arts|karate|kung fu) (form|routine|sequence)",
        "[punch] and [kick] as in (karate|kung fu|martial arts)",
        "[fight] an (invisible|imaginary) opponent with martial arts",
    ),
}

# Where the index says less than the trial shows.
_TURNS_RIGHT = {"32_02"}

_PLAYGROUND: dict[str, tuple[str, ...]] = {
    "01_01": ("[jump] forward and [turn] around", "[do] forward jumps and then [turn] around"),
    "01_02": ("[climb] on a playground frame", "[climb] up and over bars"),
    "01_03": ("[climb] up, [hang] from a bar and [swing]", "[hang] from playground bars and [swing]"),
    "01_04": ("[climb] on a playground frame", "[climb] over playground bars"),
    "01_05": ("[climb] over and [go] under a bar", "[climb] and then [duck] under a bar"),
    "01_06": (
        "[climb] up, [sit] with dangling legs and [climb] down",
        "[climb] up, [sit] down up there and [descend] again",
    ),
    "01_07": ("[climb] up, [sit] with dangling legs and [jump] down", "[climb], [sit] on a bar and [jump] down"),
    "01_08": (
        "[climb] up, [sit], [lean] back and [lower] {their} body to the ground",
        "[sit] on a bar, [rock] back and [slide] down",
    ),
    "01_09": ("[climb], [hang], [swing] and [drop] down", "[hang] from bars, [swing], [drop] and [go] under a bar"),
    "01_10": ("[climb] up, [swing], [lean] back and [drop] down", "[swing] from a bar and [drop] to the ground"),
    "01_11": ("[climb] up, [hang], [lean] over and [jump] down", "[hang] from a bar and then [jump] down"),
    "01_12": (
        "[climb], [pull] up on a bar, [sit] and [lower] down again",
        "[pull] up on a bar and [sit] with dangling legs",
    ),
    "01_13": ("[climb] up, [go] under a bar and [jump] down", "[climb], [duck] under a bar and [jump]"),
    "01_14": ("[climb], [jump] down and [dangle] from a bar", "[dangle] from a bar and [push] off with the legs"),
}
_DANCES: dict[str, tuple[str, ...]] = {
    "05_02": ("with expressive arms and a pirouette", "and [spin] in a pirouette"),
    "05_03": ("with a sideways arabesque and a turn", "and [fold] {their} arms"),
    "05_04": ("with a sideways arabesque, bending back", "and [bend] backward"),
    "05_05": ("with one leg raised high and a turning leap", "and [leap] while turning"),
    "05_06": ("with pirouettes and a leap", "and [spin] and [leap]"),
    "05_07": ("with small leaps and turns", "and [leap], [spin] and [turn]"),
    "05_08": ("with a circling leg, a leap and a turn", "and [leap] and [turn]"),
    "05_09": ("with gliding steps and an arabesque", "and [glide] forward and back"),
    "05_10": ("with gliding steps and one leg raised behind", "and [glide] across the floor"),
    "05_11": ("with sideways steps and a pirouette", "and [step] sideways and [spin]"),
    "05_12": ("with the arms held high, turning the upper body", "and [hold] {their} arms up high"),
    "05_13": ("with small leaps and a pirouette", "and [make] small leaps and a spin"),
    "05_14": ("with one leg drawn up and an arabesque", "and [raise] one leg behind"),
    "05_15": ("with one leg lifted behind", "and [balance] in an arabesque"),
    "05_16": ("with a turning leap", "and [jump] while turning"),
    "05_17": ("with a big turning leap", "and [make] a grand leap while turning"),
    "05_18": ("with an arabesque, a turning leap and a bend backward", "and [leap] and [bend] back"),
    "05_19": ("with an arabesque, a turning jump and a backward bend", "and [turn] in a leap and [bend] back"),
    "05_20": ("with one leg raised behind, a turning leap and a back bend", "and [leap] around and [bend] back"),
}


def read_index(src: Path) -> dict[str, str]:
    """Trial -> description, from the index of the database below `src`; empty when there is none."""
    for path in sorted(src.rglob(INDEX)) if src.is_dir() else ():
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            return {
                row[0]: row[1].strip() for row in csv.reader(file) if len(row) > 1 and re.fullmatch(r"\d+_\d+", row[0])
            }
    return {}


def cmu_content(stem: str, index: dict[str, str]) -> tuple[str, Content] | None:
    """Label and verb phrases of a trial by its file name; None when nothing is known about it."""
    dance = re.fullmatch(r"(salsa|indian|martial)_\d+", stem)
    if dance or stem == "94_01":
        kind = dance[1] if dance else "indian"
        return kind, Content(_BY_DESCRIPTION[kind])
    if stem in _PLAYGROUND:
        return f"playground-{stem}", Content(_PLAYGROUND[stem])
    if stem in _DANCES:
        return f"dance-{stem}", Content(tuple(f"{dance} {how}" for dance in _DANCE for how in _DANCES[stem]))
    if stem in _TURNS_RIGHT:
        return "walk, turn right", Content(
            ("<walk> <ahead> and then [turn] (right|to the right)", "[walk] <steps> and [turn] (to the right|right)")
        )
    description = index.get(stem, "Unknown")
    known = _BY_DESCRIPTION.get(description.lower())
    if known is not None:
        return description.lower(), Content(known)
    if description.lower() in ("", "unknown"):
        return None
    # What stands for something in a template is not to be read as such.
    said = " ".join(re.sub(r"[^\w',./-]", " ", description).split())
    return description.lower(), Content((f"[do] the following: {said}", f"[act] out this: {said}"))
