"""What the trials of the CMU database show: verb phrases by the index's description, by trial where that says more."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from motiongen_data_prep.captions import Content

INDEX = "cmu-mocap-index.csv"

_WALK = (
    "[walk]",
    "[walk] forward",
    "[walk] ahead",
    "[walk] along",
    "[take] a walk",
    "[walk] at an even pace",
    "[go] for a walk",
)
_DRIBBLE = ("[dribble] a basketball", "[bounce] a basketball")
_DANCE = ("[dance]", "[do] a modern dance", "[perform] a modern dance")

_BY_DESCRIPTION: dict[str, tuple[str, ...]] = {
    "walk": _WALK,
    "slow walk": (
        "[walk] slowly",
        "[walk] forward slowly",
        "[stroll] forward",
        "[walk] at a slow pace",
        "[take] slow steps forward",
    ),
    "brisk walk": (
        "[walk] briskly",
        "[walk] forward fast",
        "[walk] at a brisk pace",
        "[take] quick steps forward",
        "[walk] in a hurry",
    ),
    "walk/stride": ("[stride] forward", "[walk] with long steps", "[walk] forward in long strides", "[stride] along"),
    "slow walk/stride": ("[walk] slowly with long steps", "[stride] forward slowly", "[take] long, slow steps forward"),
    "walk, exaggerated stride": (
        "[walk] with exaggerated strides",
        "[walk] forward taking huge steps",
        "[stride] forward in an exaggerated way",
    ),
    "walk on uneven terrain": (
        "[walk] on uneven ground",
        "[walk] over uneven terrain",
        "[step] carefully over rough ground",
        "[walk] forward, stepping up and down over bumps",
    ),
    "run": ("[run]", "[run] forward", "[run] ahead", "[run] along", "[run] fast", "[run] straight ahead"),
    "run/jog": ("[jog]", "[jog] forward", "[run] forward", "[jog] along", "[run] at an easy pace"),
    "navigate - walk forward, backward, sideways": (
        "[walk] forward, backward and sideways",
        "[walk] forward, then backward, then to the side",
        "[walk] around in all directions",
        "[step] forward, back and sideways",
    ),
    "jump, balance": (
        "[jump] and [balance]",
        "[jump] and then [keep] {their} balance",
        "[hop] forward and [balance] on landing",
    ),
    "punch/strike": (
        "[punch]",
        "[throw] punches",
        "[punch] and [strike] at someone",
        "[strike] with {their} fists",
        "[box] against an opponent",
    ),
    "bend over, scoop up, rise, lift arm": (
        "[bend] over, [scoop] something up, [stand] up and [lift] an arm",
        "[scoop] something up from the floor and [raise] it",
        "[bend] down to pick something up, then [rise] and [lift] an arm",
        "[reach] down, [pick] something up and [hold] it up high",
    ),
    "swordplay": (
        "[fight] with a sword",
        "[swing] a sword",
        "[practice] swordplay",
        "[thrust] and [slash] with a sword",
        "[fence] with an invisible opponent",
    ),
    "wash self": (
        "[wash] {their} body",
        "[take] a shower",
        "[rub] {their} arms and body as if washing",
        "[scrub] themselves",
    ),
    "laugh": (
        "[laugh]",
        "[laugh] out loud",
        "[laugh] with the whole body",
        "[burst] out laughing",
        "[shake] with laughter",
    ),
    "soccer - kick ball": (
        "[kick] a soccer ball",
        "[kick] a ball",
        "[step] up to a football and [kick] it",
        "[take] a few steps and [kick] a ball",
        "[shoot] a soccer ball",
    ),
    "balance on one leg, outstretched arms": (
        "[balance] on one leg with the arms stretched out",
        "[stand] on one leg, arms out to the sides",
        "[keep] {their} balance on one foot with both arms spread",
        "[hold] a one-legged pose with outstretched arms",
    ),
    "backflip": (
        "[do] a backflip",
        "[perform] a backflip",
        "[flip] backwards through the air",
        "[jump] into a backward somersault",
    ),
    "cartwheel": (
        "[do] a cartwheel",
        "[perform] a cartwheel",
        "[turn] a cartwheel",
        "[wheel] sideways over {their} hands",
    ),
    "jump kick": (
        "[do] a jump kick",
        "[jump] and [kick] in the air",
        "[perform] a flying kick",
        "[leap] up and [kick]",
    ),
    "side flip": (
        "[do] a side flip",
        "[flip] sideways in the air",
        "[perform] a sideways somersault",
        "[jump] into a side flip",
    ),
    "hand spring": (
        "[do] a handspring",
        "[perform] a handspring",
        "[flip] forward over {their} hands",
        "[spring] over from {their} hands",
    ),
    "start walk stop": (
        "[start] walking and then [stop]",
        "[walk] a few steps and [stop]",
        "[walk] in the style of Michael Jackson and [stop]",
        "[walk] like Michael Jackson",
    ),
    "start hop stop": (
        "[start] hopping and then [stop]",
        "[hop] a few times and [stop]",
        "[hop] forward and [stand] still at the end",
        "[hop] along in the style of Michael Jackson",
    ),
    "basketball - forward dribble": (
        *(f"{dribble} {how}" for dribble in _DRIBBLE for how in ("forward", "while walking forward")),
        "[walk] forward dribbling a basketball",
        "[move] forward with a bouncing ball",
    ),
    "basketball - backward dribble": (
        *(f"{dribble} while {how}" for dribble in _DRIBBLE for how in ("moving backward", "walking backwards")),
        "[walk] backwards dribbling a basketball",
        "[back] up while bouncing a ball",
    ),
    "basketball - sideways dribble": (
        *(f"{dribble} while {how}" for dribble in _DRIBBLE for how in ("moving sideways", "stepping to the side")),
        "[move] sideways dribbling a basketball",
        "[shuffle] to the side while bouncing a ball",
    ),
    "basketball - forward dribble, 90-degree left turns": (
        "[dribble] a basketball forward and [turn] left",
        "[walk] forward dribbling a basketball and [make] sharp left turns",
        "[dribble] a ball around corners to the left",
        "[bounce] a basketball forward with ninety degree turns to the left",
    ),
    "basketball - forward dribble, 90-degree right turns": (
        "[dribble] a basketball forward and [turn] right",
        "[walk] forward dribbling a basketball and [make] sharp right turns",
        "[dribble] a ball around corners to the right",
        "[bounce] a basketball forward with ninety degree turns to the right",
    ),
    "basketball - forward dribble, 90-degree right turns, crossover dribble": (
        "[dribble] a basketball forward, [turn] right and [switch] hands",
        "[dribble] a ball with crossovers and sharp right turns",
        "[walk] forward doing crossover dribbles and turns to the right",
    ),
    "basketball - low, fast free style dribble, dribble through legs": (
        "[dribble] a basketball low and fast, also between the legs",
        "[dribble] a ball between {their} legs",
        "[play] with a basketball, bouncing it low and through the legs",
    ),
    "basketball - crossover dribble, shoot": (
        "[do] a crossover dribble and [shoot] the basketball",
        "[dribble] from hand to hand and then [shoot]",
        "[dribble] a basketball, [switch] hands and [throw] it at the basket",
    ),
    "basketball - dribble, shoot": (
        "[dribble] a basketball and [shoot] it",
        "[dribble] and then [throw] the ball at the basket",
        "[bounce] a basketball, then [take] a shot",
    ),
    "salsa": (
        "[dance] salsa",
        "[dance] the salsa",
        "[do] salsa steps",
        "[perform] a salsa dance",
        "[dance] to latin music",
        "[move] {their} hips and feet in a salsa",
    ),
    "indian": (
        "[dance] an Indian dance",
        "[perform] a classical Indian dance",
        "[do] an Indian dance with hand gestures and stamping feet",
        "[dance] in the Indian style",
    ),
    "martial": (
        "[practice] martial arts",
        "[perform] martial arts moves",
        "[do] a martial arts routine with punches and kicks",
        "[train] karate",
        "[go] through a martial arts form",
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
            ("[walk] forward and then [turn] right", "[walk] a few steps and [turn] to the right")
        )
    description = index.get(stem, "Unknown")
    known = _BY_DESCRIPTION.get(description.lower())
    if known is not None:
        return description.lower(), Content(known)
    if description.lower() in ("", "unknown"):
        return None
    return description.lower(), Content((f"[do] the following: {description}",))
