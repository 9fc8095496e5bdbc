"""What the clips of the two Bandai-Namco data sets show: verb phrases by content, and sentences of both.

Names were checked against the motion. `bye`, `guide` use the right hand and `byebye` both hands in every style (`guide`
in the happy style starts with both); `walk-left` and `walk-right` are neither side steps nor turns: the person walks
forward and the path bears 8 to 45 degrees off the facing direction; `respond` raises the left hand; `kick` is done with
the right leg in a full turn to the left; `slash` holds the sword in both hands.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from motiongen_data_prep.bandai_styles import STYLES
from motiongen_data_prep.captions import Content, sentences, swap_sides

_RAISE_LEFT = Content(
    (
        "[raise] {their} left hand",
        "[raise] the left hand up",
        "[raise] the left arm",
        "[lift] {their} left hand",
        "[lift] {their} left arm up",
        "[put] the left hand up",
        "[raise] {their} left arm and then [lower] it",
        "[lift] the left hand and [bring] it down again",
    ),
    loose=("[raise] one hand", "[raise] a hand", "[lift] one arm"),
)
_WAVE_LEFT = Content(
    (
        "[wave] {their} left hand",
        "[wave] with the left hand",
        "[wave] the left arm",
        "[raise] {their} left hand and [wave]",
        "[lift] the left arm and [wave] with it",
        "[wave] at someone with the left hand",
        "[wave] hello with {their} left hand",
        "[greet] someone by waving the left hand",
    ),
    loose=("[wave]", "[wave] hello", "[wave] one hand", "[wave] at someone"),
)
_TURN_LEFT = Content(
    (
        "[walk] forward and [turn] left",
        "[walk] forward and [turn] to the left",
        "[walk] forward, then [turn] left",
        "[walk] and [turn] left",
        "[walk] straight ahead and then [turn] to the left",
        "[walk] ahead and [make] a left turn",
        "[take] a few steps forward, [turn] left and [walk] on",
        "[walk] forward, [turn] ninety degrees to the left and [walk] on",
        "[turn] to the left while walking",
        "[turn] to {their} left during a walk",
    ),
    travels=True,
)
_BEAR_LEFT = Content(
    (
        "[walk] diagonally to the left",
        "[walk] diagonally forward to the left",
        "[walk] forward, bearing to the left",
        "[walk] to the left",
        "[walk] ahead and [drift] to the left",
        "[move] forward and left at a walk",
        "[walk] at an angle to the left",
        "[veer] to the left while walking forward",
    ),
    travels=True,
)


def _mirrored(content: Content) -> Content:
    return replace(content, phrases=tuple(swap_sides(p) for p in content.phrases))


CONTENTS: dict[str, Content] = {
    "walk": Content(
        (
            "[walk] forward",
            "[walk]",
            "[walk] straight ahead",
            "[walk] ahead",
            "[walk] in a straight line",
            "[take] several steps forward",
            "[walk] along",
            "[walk] on and on",
        ),
        travels=True,
    ),
    "run": Content(
        (
            "[run] forward",
            "[run]",
            "[jog] forward",
            "[jog]",
            "[run] straight ahead",
            "[run] ahead",
            "[run] in a straight line",
            "[move] forward at a run",
        ),
        travels=True,
    ),
    "dash": Content(
        (
            "[dash] forward",
            "[sprint] forward",
            "[sprint]",
            "[dash] straight ahead",
            "[run] forward very fast",
            "[sprint] ahead in a straight line",
            "[run] at full speed",
            "[rush] forward",
        ),
        travels=True,
        has_pace=True,
    ),
    "walk-back": Content(
        (
            "[walk] backwards",
            "[walk] backward",
            "[step] backwards",
            "[back] away",
            "[move] backward at a walk",
            "[take] several steps back",
            "[walk] backwards in a straight line",
            "[retreat] step by step",
        ),
        travels=True,
    ),
    "walk-left": _BEAR_LEFT,
    "walk-right": _mirrored(_BEAR_LEFT),
    "walk-turn-left": _TURN_LEFT,
    "walk-turn-right": _mirrored(_TURN_LEFT),
    "raise-up-left-hand": _RAISE_LEFT,
    "raise-up-right-hand": _mirrored(_RAISE_LEFT),
    "raise-up-both-hands": Content(
        (
            "[raise] both hands",
            "[raise] both arms",
            "[raise] {their} hands up",
            "[lift] both hands",
            "[lift] both arms up",
            "[put] both hands up",
            "[raise] both arms and then [lower] them",
            "[lift] {their} hands and [bring] them down again",
        )
    ),
    "wave-left-hand": _WAVE_LEFT,
    "wave-right-hand": _mirrored(_WAVE_LEFT),
    "wave-both-hands": Content(
        (
            "[wave] both hands",
            "[wave] with both hands",
            "[wave] both arms",
            "[raise] both hands and [wave]",
            "[lift] both arms and [wave] with them",
            "[wave] at someone with both hands",
            "[wave] hello with both hands",
            "[greet] someone by waving both hands",
        )
    ),
    "bow": Content(
        (
            "[bow]",
            "[bow] forward",
            "[take] a bow",
            "[bend] forward in a bow",
            "[make] a bow and [straighten] up again",
            "[bow] to someone",
            "[greet] someone with a bow",
            "[lower] {their} head in a bow",
        )
    ),
    "bye": Content(
        (
            "[wave] goodbye with the right hand",
            "[wave] goodbye with {their} right hand",
            "[say] goodbye with the right hand",
            "[wave] bye with the right hand",
            "[raise] the right hand to say goodbye",
            "[say] bye and [wave] {their} right hand",
            "[wave] farewell with the right hand",
            "[part] from someone with a wave of the right hand",
        ),
        loose=("[wave] goodbye", "[say] goodbye", "[wave] bye"),
    ),
    "byebye": Content(
        (
            "[wave] goodbye with both hands",
            "[say] goodbye with both hands",
            "[wave] bye-bye with both hands",
            "[raise] both hands to say goodbye",
            "[wave] both hands in farewell",
            "[say] bye-bye and [wave] both hands",
            "[wave] farewell with both hands",
            "[part] from someone with both hands waving",
        )
    ),
    "guide": Content(
        (
            "[show] the way with the right hand",
            "[point] out the way with {their} right hand",
            "[guide] someone with the right hand",
            "[gesture] with the right hand to show the way",
            "[hold] out the right hand to guide someone",
            "[direct] someone with {their} right hand",
            "[extend] the right arm to show where to go",
            "[usher] someone along with the right hand",
        ),
        loose=("[show] the way", "[guide] someone", "[point] out the way"),
    ),
    "respond": Content(
        (
            "[raise] {their} left hand in response",
            "[respond] by raising the left hand",
            "[answer] with the left hand raised",
            "[lift] the left hand to answer",
            "[put] up the left hand to reply and [lower] it again",
            "[raise] the left arm when called",
        )
    ),
    "call-behind": Content(
        (
            "[lean] forward with both hands behind {their} back and then [call] with the right hand up",
            "[call] someone, hands behind the back at first, then with the right hand raised",
            "[put] both hands behind {their} back, [call] out and [raise] the right hand",
            "[bend] forward, hands behind the back, and then [beckon] with the right hand",
            "[call] out to someone and [lift] the right hand at the end",
        )
    ),
    "call-shout": Content(
        (
            "[call] out to someone with both hands at {their} mouth",
            "[cup] both hands around {their} mouth and [shout]",
            "[raise] both hands to {their} mouth and [call] out",
            "[shout] to someone far away through both hands",
            "[lean] forward and [call] out, hands around {their} mouth",
        )
    ),
    "punch-left": Content(
        (
            "[punch] with the left hand",
            "[throw] several left jabs",
            "[jab] with {their} left fist from a boxing stance",
            "[box], striking with the left hand",
            "[stand] in a fighting stance and [punch] with the left hand",
        )
    ),
    "punch-both": Content(
        (
            "[throw] punches with both fists",
            "[punch] several times with the left and the right hand",
            "[throw] combinations of punches from a boxing stance",
            "[box], striking with both hands in turn",
            "[stand] in a fighting stance and [punch] with both hands",
        )
    ),
    "kick": Content(
        (
            "[kick] with the right leg and [spin] around",
            "[throw] several spinning kicks with the right leg",
            "[do] roundhouse kicks with {their} right leg",
            "[stand] in a fighting stance and [kick] with the right foot",
            "[kick] high with the right leg, turning all the way around to the left",
        )
    ),
    "slash-down": Content(
        (
            "[slash] downward with a sword held in both hands",
            "[swing] a sword down from above the head with both hands",
            "[raise] both hands overhead and [cut] down with a sword",
            "[strike] downward with a two-handed sword several times",
            "[lift] a sword and [bring] it down, again and again",
        )
    ),
    "slash-combo": Content(
        (
            "[slash] from side to side with a sword held in both hands",
            "[swing] a two-handed sword in several cuts",
            "[perform] a series of sword cuts with both hands",
            "[fight] with a sword, slashing several times in a row",
            "[cut] with a sword in both hands, turning {their} body with every swing",
        )
    ),
    "dance-short": Content(
        (
            "[dance]",
            "[dance] with big arm movements and spins",
            "[perform] an energetic dance with kicks and turns",
            "[dance] a lively routine, spinning and jumping",
            "[do] a dance routine",
            "[dance] on the spot, turning around and swinging both arms",
        )
    ),
}
CONTENTS["dance-long"] = CONTENTS["dance-short"]


@cache
def bandai_captions(content: str, style: str) -> tuple[tuple[str, ...], ...]:
    """All sentences for a content and a style, grouped by pattern. KeyError for a name unknown to them."""
    return tuple(tuple(group) for group in sentences(CONTENTS[content], STYLES[style]))
