"""One file per format, one registry for writing and one for reading. A format's libraries load when it is first used.

What comes back: npz whole; GLB and AMASS with text, pose and shape; BVH without text; MDM at 20 frames per second with
one sentence; of a video nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from motiongen.motion import Motion, MotionError

Exporter = Callable[[Motion, Path], None]
Importer = Callable[[Path], Motion]


def _writer(name: str) -> Exporter:
    def export(motion: Motion, path: Path) -> None:
        held = {key: array.detach().cpu() for key, array in motion.extra.items()}
        motion = replace(motion, joints=motion.joints.detach().cpu().float(), extra=held)
        import_module(f"motiongen.export.{name}").write(motion, path)

    export.__name__ = export.__qualname__ = name
    export.__doc__ = f"Write a motion as {name}; see `motiongen.export.{name}`."
    return export


def _reader(name: str, module: str) -> Importer:
    def read(path: Path) -> Motion:
        motion: Motion = import_module(f"motiongen.export.{module}").read(path)
        return motion

    read.__name__ = read.__qualname__ = f"read_{name}"
    read.__doc__ = f"Read a motion from {name}; see `motiongen.export.{module}`."
    return read


EXPORTERS: dict[str, Exporter] = {name: _writer(name) for name in ("npz", "amass", "bvh", "glb", "mp4", "mdm")}
IMPORTERS: dict[str, Importer] = {
    name: _reader(name, module)
    for name, module in {"npz": "npz", "amass": "amass", "bvh": "bvh_reader", "glb": "glb_reader", "mdm": "mdm"}.items()
}
# Formats whose suffix alone would be that of another one.
_SUFFIXES = {"amass": ".amass.npz", "mdm": ".mdm.npy"}


def suffix(name: str) -> str:
    """How names of files of a format end."""
    return _SUFFIXES.get(name, f".{name}")


def format_to_write(path: Path) -> str:
    """The format that a file's name asks for: its ending, or `results.npy` as MDM calls its file.

    Raises:
        MotionError: no format has that ending.
    """
    name = path.name.lower()
    if name == "results.npy":
        return "mdm"
    for known in sorted(EXPORTERS, key=lambda known: -len(suffix(known))):
        if name.endswith(suffix(known)):
            return known
    endings = ", ".join(suffix(known) for known in EXPORTERS)
    raise MotionError(f"{path}: no format ends in '{path.suffix}'; there are {endings}")


def format_to_read(path: Path) -> str:
    """The format of a file that is there; npz and npy are told apart by what they hold.

    Raises:
        MotionError: no such file, or none that motion can be read from.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending == "npz":
        from motiongen.export.npz import keys

        held = keys(path)
        return "amass" if "joints" not in held and {"poses", "trans"} & held else "npz"
    if ending == "npy":
        from motiongen.export.mdm import is_results

        return "mdm" if is_results(path) else "npz"
    if ending in IMPORTERS:
        return ending
    what = "a video holds no joints" if ending == "mp4" else f"'.{ending}' is not read"
    raise MotionError(f"{path}: {what}; a clip is read from npz, npy, bvh and glb")


def load(path: Path) -> Motion:
    """The motion in a file of any format that can be read.

    Raises:
        MotionError: no such file, of no format that can be read, or damaged.
    """
    return IMPORTERS[format_to_read(path)](path)


__all__ = ["EXPORTERS", "IMPORTERS", "Exporter", "Importer", "format_to_read", "format_to_write", "load", "suffix"]
