"""The takes of the starter set's three sources: Bandai-Namco Research motion data sets, CMU, Mesh2Motion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from motiongen.motion import MotionError
from motiongen_data_prep import splits
from motiongen_data_prep.bandai_captions import CONTENTS, bandai_captions
from motiongen_data_prep.bandai_styles import STYLES
from motiongen_data_prep.captions import Content, sentences
from motiongen_data_prep.cmu_captions import cmu_content, read_index
from motiongen_data_prep.mesh2motion_captions import CLIPS
from motiongen_data_prep.readers import UNREADABLE, read_all, reason
from motiongen_data_prep.take import Take

Skip = Callable[[str, str], None]

# What a take shows where it is more, or something else, than its name says.
_BANDAI_TAKES = {
    "dataset-1_call_normal_001": "call-behind",
    "dataset-1_call_normal_002": "call-shout",
    "dataset-1_punch_normal_001": "punch-left",
    "dataset-1_punch_normal_002": "punch-both",
    "dataset-1_slash_normal_001": "slash-down",
    "dataset-1_slash_normal_002": "slash-combo",
    # These three turn to the other side than their names say.
    "dataset-2_walk-turn-left_masculine_006": "walk-turn-right",
    "dataset-2_walk-turn-left_masculine_007": "walk-turn-right",
    "dataset-2_walk-turn-right_masculine_007": "walk-turn-left",
}
_BANDAI_UNUSABLE = {"dataset-2_walk-turn-right_masculine_006": "turns left twice, by 260 degrees; no label fits"}
# One closed cycle of a second or less.
_BANDAI_CYCLES = {
    "dataset-1_walk_normal_002",
    "dataset-1_walk-back_normal_001",
    "dataset-1_run_normal_001",
    "dataset-1_dash_normal_001",
}
_BANDAI_NAME = re.compile(r"dataset-([12])_([a-z-]+)_([a-z-]+)_(\d+)")

# The Daz conversions fade from the rest pose over their first frames; two cgspeed ones hold it for several.
_DAZ_NAME = re.compile(r"(salsa|indian|martial)_\d+")
_CMU_LEAD_IN = {"07_12": 0.15, "09_10": 0.15}


def bandai_takes(src: Path, skip: Skip) -> list[Take]:
    """Every `dataset-N_CONTENT_STYLE_ID.bvh` below `src`."""
    takes = []
    for path in _unique(src, ("*.bvh",), skip):
        match = _BANDAI_NAME.fullmatch(path.stem)
        if not match:
            skip(path.name, "not named dataset-N_CONTENT_STYLE_ID.bvh")
            continue
        if path.stem in _BANDAI_UNUSABLE:
            skip(path.name, _BANDAI_UNUSABLE[path.stem])
            continue
        number, content, style, _ = match.groups()
        shows = _BANDAI_TAKES.get(path.stem, content)
        content = shows if content.startswith("walk-turn") else content
        if shows not in CONTENTS and content in ("call", "punch", "slash"):
            shows = next(key for key in CONTENTS if key.startswith(content))
        if shows not in CONTENTS or style not in STYLES:
            skip(path.name, f"content '{content}' or style '{style}' is not one of the data sets'")
            continue
        takes.append(
            Take(
                name=f"bn{number}_{path.stem.partition('_')[2]}",
                source="bandai-namco",
                file=path,
                captions=bandai_captions(shows, style),
                content=content,
                style=style,
                cycle=path.stem in _BANDAI_CYCLES,
                turn=content.rpartition("-")[2] if content.startswith("walk-turn") else "",
            )
        )
    if not takes:
        raise MotionError(
            f"{src}: no dataset-N_CONTENT_STYLE_ID.bvh below it; give the folder of the unpacked data sets"
        )
    return _split(takes, lambda take: take.name)


def cmu_takes(src: Path, skip: Skip) -> list[Take]:
    """Every `SUBJECT_TRIAL.bvh`, `SUBJECT_TRIAL.amc` (with `SUBJECT.asf`), and `salsa_NN.bvh`, `indian_NN.bvh`,
    `martial_NN.bvh` below `src`; `cmu-mocap-index.csv` there describes the trials."""
    skeletons = {path.stem: path for path in sorted(src.rglob("*.asf"))}
    index = read_index(src)
    takes = []
    for path in _unique(src, ("*.bvh", "*.amc"), skip):
        found = cmu_content(path.stem, index)
        if found is None:
            skip(path.name, "neither a known trial nor described in cmu-mocap-index.csv")
            continue
        label, content = found
        asf = None
        if path.suffix.lower() == ".amc":
            subject = path.stem.partition("_")[0]
            asf = skeletons.get(subject)
            if asf is None:
                skip(path.name, f"needs the skeleton {subject}.asf, which is not below {src}")
                continue
        takes.append(
            Take(
                name=f"cmu_{path.stem}",
                source="cmu",
                file=path,
                captions=_frozen(sentences(content)),
                content=label,
                asf=asf,
                still="balance" in label,
                lead_in=_CMU_LEAD_IN.get(path.stem, 0.25 if _DAZ_NAME.fullmatch(path.stem) else 0.0),
            )
        )
    if not takes:
        raise MotionError(f"{src}: no SUBJECT_TRIAL.bvh or .amc below it; give the folder of CMU's clips")
    return _split(takes, lambda take: _dance_pair(take.name))


def mesh2motion_takes(src: Path, skip: Skip) -> list[Take]:
    """Every animation, known by its name, of the GLB files below `src` (or of `src` itself)."""
    takes: dict[str, Take] = {}
    for path in _unique(src, ("*.glb",), skip):
        try:
            clips = list(read_all(path))
        except UNREADABLE as error:
            skip(path.name, reason(error))
            continue
        for clip in clips:
            known = CLIPS.get(clip)
            if known is None:
                skip(f"{path.name}#{clip}", "not a clip of Mesh2Motion that has sentences")
            elif isinstance(known, str):
                skip(f"{path.name}#{clip}", known)
            elif (name := "m2m_" + re.sub(r"[^a-z0-9]+", "-", clip.lower()).strip("-")) in takes:
                first = takes[name]
                skip(f"{path.name}#{clip}", f"{name} was already taken from {first.file.name}#{first.clip}")
            else:
                takes[name] = Take(
                    name=name,
                    source="mesh2motion",
                    file=path,
                    clip=clip,
                    captions=_frozen(sentences(Content(known.phrases))),
                    content=known.label,
                    still=known.still,
                    cycle=known.cycle,
                )
    if not takes:
        raise MotionError(f"{src}: no GLB with clips of Mesh2Motion below it; give mesh2motion-base.glb or its folder")
    return _split(list(takes.values()), lambda take: take.name)


def _split(takes: list[Take], unit: Callable[[Take], str]) -> list[Take]:
    split = splits.assign((unit(take), (take.content, take.style)) for take in takes)
    return [replace(take, split=split[unit(take)]) for take in takes]


def _dance_pair(name: str) -> str:
    """Salsa 16 to 30 are the partners of 01 to 15: the same dances."""
    match = re.fullmatch(r"cmu_salsa_(\d+)", name)
    return f"cmu_salsa_pair_{(int(match[1]) - 1) % 15 + 1:02d}" if match else name


def _unique(src: Path, patterns: tuple[str, ...], skip: Skip) -> Iterable[Path]:
    """The matching files below `src`, sorted; one of each file name."""
    if src.is_file():
        return [src]
    if not src.is_dir():
        raise MotionError(f"{src}: no such folder")
    seen: dict[str, Path] = {}
    for path in sorted(path for pattern in patterns for path in src.rglob(pattern)):
        if path.stem in seen:
            skip(str(path), f"a clip of this name was already taken from {seen[path.stem]}")
        else:
            seen[path.stem] = path
    return seen.values()


def _frozen(groups: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(group) for group in groups)
