"""The takes of a user's own folder: motion files and a captions.csv that says what they show."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from motiongen.motion import MotionError
from motiongen_data_prep import splits
from motiongen_data_prep.starter import Skip
from motiongen_data_prep.take import Take

SUFFIXES = (".bvh", ".amc", ".glb")


def folder_takes(src: Path, skip: Skip) -> list[Take]:
    """The clips that `src`/captions.csv names.

    Columns: file, caption, and optionally split (train, val, test or heldout). `file` is relative to `src`; a clip of a
    GLB is `file.glb#clip`. Several rows may name the same clip: it gets all their captions. Clips without a split are
    split by a hash of their names, 10 % test, 5 % val.
    """
    table = src / "captions.csv"
    if not table.is_file():
        raise MotionError(f"{table}: no such file; it needs the columns file,caption and may have split")
    with open(table, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {"file", "caption"} <= set(reader.fieldnames or ()):
            raise MotionError(f"{table}: needs the columns file,caption (has: {', '.join(reader.fieldnames or ())})")
        rows = list(reader)
    takes: dict[str, Take] = {}
    given: set[str] = set()
    for line, row in enumerate(rows, start=2):
        entry, caption, split = ((row.get(key) or "").strip() for key in ("file", "caption", "split"))
        where = f"captions.csv line {line}"
        if not entry or not caption:
            skip(where, "file or caption is empty")
            continue
        if split and split not in splits.SPLITS:
            raise MotionError(f"{table} line {line}: split is '{split}'; it must be one of {', '.join(splits.SPLITS)}")
        relative, _, clip = entry.partition("#")
        path = src / relative
        if path.suffix.lower() not in SUFFIXES:
            skip(entry, f"not one of {', '.join(SUFFIXES)}")
            continue
        if not path.is_file():
            skip(entry, "no such file")
            continue
        caption = caption.replace("#", " ").replace("\n", " ")
        name = (
            "_".join([Path(relative).with_suffix("").as_posix().replace("/", "_"), clip]).strip("_").replace(" ", "-")
        )
        known = takes.get(name)
        if known is not None and (known.file, known.clip) != (path, clip):
            skip(entry, f"its clip would be named {name}, as that of {known.file.name}")
            continue
        captions = (*known.captions, (caption,)) if known else ((caption,),)
        takes[name] = Take(
            name=name,
            source="folder",
            file=path,
            captions=captions,
            clip=clip,
            asf=_skeleton(path),
            split=split or (known.split if known else "train"),
        )
        if split:
            given.add(name)
    if not takes:
        raise MotionError(f"{table}: names no motion file that exists; looked for {', '.join(SUFFIXES)} below {src}")
    by_hash = splits.assign((name, ("", "")) for name in takes if name not in given)
    return [replace(take, split=by_hash.get(take.name, take.split)) for take in takes.values()]


def _skeleton(path: Path) -> Path | None:
    """The ASF of an AMC: of the same name, or of its subject (`35_01.amc` -> `35.asf`), beside it."""
    if path.suffix.lower() != ".amc":
        return None
    for stem in (path.stem, path.stem.partition("_")[0]):
        if (path.parent / f"{stem}.asf").is_file():
            return path.parent / f"{stem}.asf"
    return None
