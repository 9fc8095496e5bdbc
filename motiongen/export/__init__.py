"""One file per format, one registry. A format's libraries are imported when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from motiongen.motion import Motion

Exporter = Callable[[Motion, Path], None]


def _lazy(name: str) -> Exporter:
    def export(motion: Motion, path: Path) -> None:
        import_module(f"motiongen.export.{name}").write(motion, path)

    export.__name__ = export.__qualname__ = name
    export.__doc__ = f"Write a motion as {name}; see `motiongen.export.{name}`."
    return export


EXPORTERS: dict[str, Exporter] = {name: _lazy(name) for name in ("npz", "mp4")}

__all__ = ["EXPORTERS", "Exporter"]
