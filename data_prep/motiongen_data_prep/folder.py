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
    GLB is `file.glb#clip`, or `file.glb` where it holds one alone. Several rows may name the same clip: it gets all
    their captions. Clips without a split are ranked by a hash of their names: 10 % test, 5 % val.

    Raises:
        MotionError: captions.csv is missing, not UTF-8, no table with these columns, or names no file that exists.
    """
    table = src / "captions.csv"
    if not table.is_file():
        raise MotionError(f"{table}: no such file; it needs the columns file,caption and may have split")
    takes: dict[str, Take] = {}
    for line, row in enumerate(_rows(table), start=2):
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
        if "#" in entry and path.suffix.lower() != ".glb":
            skip(entry, f"only a GLB has clips to choose from; write {relative}")
            continue
        if not path.is_file():
            skip(entry, "no such file")
            continue
        caption = caption.replace("#", " ").replace("\n", " ")
        stem = Path(relative).with_suffix("").as_posix()
        # A clip's name may hold anything, a way out of the folder too.
        name = f"{stem}_{clip}".replace("/", "_").strip("_").replace(" ", "-")
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
            split_given=bool(split) or (known is not None and known.split_given),
        )
    if not takes:
        raise MotionError(f"{table}: names no motion file that exists; looked for {', '.join(SUFFIXES)} below {src}")
    by_hash = splits.assign((name, ("", "")) for name, take in takes.items() if not take.split_given)
    return [replace(take, split=by_hash.get(take.name, take.split)) for take in takes.values()]


def with_validation(takes: list[Take]) -> list[Take]:
    """The takes with one in val: training needs it, and 5 % of a few clips is none.

    Of three clips or more without one in val, the first by rank among those that training got moves there. Splits that
    the user gave stay, and so does the last clip that training has.
    """
    trained = [take for take in takes if take.split == "train"]
    free = [take.name for take in trained if not take.split_given]
    if len(takes) < 3 or len(trained) < 2 or not free or any(take.split == "val" for take in takes):
        return takes
    moved = min(free, key=splits.rank)
    return [replace(take, split="val") if take.name == moved else take for take in takes]


def _rows(table: Path) -> list[dict[str, str]]:
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            if not {"file", "caption"} <= set(columns):
                raise MotionError(f"{table}: needs the columns file,caption (has: {', '.join(columns)})")
            return list(reader)
    except UnicodeDecodeError as error:
        raise MotionError(f"{table}: byte {error.object[error.start]:#x} is not UTF-8; save it as UTF-8") from None
    except csv.Error as error:
        raise MotionError(f"{table}: is not CSV ({error}); save it as CSV with the columns file,caption") from None


def _skeleton(path: Path) -> Path | None:
    """The ASF of an AMC: of the same name, or of its subject (`35_01.amc` -> `35.asf`), beside it."""
    if path.suffix.lower() != ".amc":
        return None
    for stem in (path.stem, path.stem.partition("_")[0]):
        if (path.parent / f"{stem}.asf").is_file():
            return path.parent / f"{stem}.asf"
    return None
