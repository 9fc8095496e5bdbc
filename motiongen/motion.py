"""The motion that everything passes around: joint positions in metres, their frame rate and the text that they show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.skeleton import MIRROR, NUM_JOINTS

FPS = 20.0


class MotionError(ValueError):
    """A motion, or a file that should hold one, is not what it has to be; the message is one line for the user."""


@dataclass(frozen=True)
class Segment:
    """A sentence and the half-open range of frames `[start, stop)` that it describes."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True)
class Motion:
    """A clip of one person.

    Attributes:
        joints: positions of the 22 SMPL joints, metres, Y up, facing +Z at frame 0, floor at y = 0.
        fps: frames per second.
        text: sentences and the frames that they describe.
        extra: further arrays by name that travel with the clip. A generated one has `features` [t, 263], as they came
            from the decoder: before bones were brought to one length and feet were planted in `joints`.
    """

    joints: Float[Tensor, "t 22 3"]
    fps: float = FPS
    text: tuple[Segment, ...] = ()
    extra: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = tuple(self.joints.shape)
        if len(shape) != 3 or shape[1:] != (NUM_JOINTS, 3) or shape[0] == 0:
            raise MotionError(f"joints have shape {shape}; a motion needs [frames >= 1, {NUM_JOINTS}, 3]")
        if not torch.isfinite(self.joints).all():
            frame = int((~torch.isfinite(self.joints)).flatten(1).any(1).nonzero()[0])
            raise MotionError(f"joints hold NaN or infinity, first at frame {frame}")
        if not (0.1 <= self.fps <= 10_000):
            raise MotionError(f"fps is {self.fps:g}; it must be 0.1 to 10000")

    def __len__(self) -> int:
        return self.joints.shape[0]

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def crop(self, start: int, stop: int) -> Motion:
        """Frames `[start, stop)`; sentences are cut to what remains of them."""
        if not 0 <= start < stop <= len(self):
            raise MotionError(f"frames {start}:{stop} are not inside a clip of {len(self)} frames")
        text = tuple(
            Segment(s.text, max(s.start, start) - start, min(s.stop, stop) - start)
            for s in self.text
            if s.start < stop and s.stop > start
        )
        extra = {k: v[start:stop] for k, v in self.extra.items() if v.shape[:1] == (len(self),)}
        return replace(self, joints=self.joints[start:stop], text=text, extra=extra)

    def mirrored(self) -> Motion:
        """Left and right swapped by a reflection in the plane x = 0. The text is the caller's to swap."""
        joints = self.joints[:, list(MIRROR)] * self.joints.new_tensor([-1.0, 1.0, 1.0])
        return replace(self, joints=joints, extra={})

    def joined(self, other: Motion) -> Motion:
        """This clip followed by `other` as it stands: no blending and no change of place."""
        if other.fps != self.fps:
            raise MotionError(f"cannot join {self.fps} fps and {other.fps} fps; resample one first")
        shift = len(self)
        text = self.text + tuple(Segment(s.text, s.start + shift, s.stop + shift) for s in other.text)
        shared = self.extra.keys() & other.extra.keys()
        extra = {k: torch.cat([self.extra[k], other.extra[k]]) for k in shared}
        return replace(self, joints=torch.cat([self.joints, other.joints]), text=text, extra=extra)

    def resampled(self, fps: float) -> Motion:
        """The same clip at another frame rate, by linear interpolation of the positions."""
        if fps == self.fps:
            return self
        frames = max(1, round((len(self) - 1) * fps / self.fps) + 1)
        place = (torch.arange(frames) * (self.fps / fps)).clamp(max=len(self) - 1)
        low = place.floor().long()
        high = (low + 1).clamp(max=len(self) - 1)
        weight = (place - low).to(self.joints)[:, None, None]
        joints = torch.lerp(self.joints[low], self.joints[high], weight)
        text = tuple(
            Segment(s.text, round(s.start * fps / self.fps), min(frames, round(s.stop * fps / self.fps)))
            for s in self.text
        )
        return replace(self, joints=joints, fps=fps, text=text, extra={})

    def save(self, path: str | Path) -> None:
        """Write the native `npz`: joints, fps, texts, starts, stops, extra arrays; the bytes depend on them alone."""
        arrays: dict[str, Any] = {"joints": self.joints.detach().cpu().numpy().astype(np.float32)}
        arrays.update({k: v.detach().cpu().numpy() for k, v in self.extra.items()})
        arrays["fps"] = np.float32(self.fps)
        arrays["texts"] = np.array([s.text for s in self.text], dtype=np.str_)
        arrays["starts"] = np.array([s.start for s in self.text], dtype=np.int64)
        arrays["stops"] = np.array([s.stop for s in self.text], dtype=np.int64)
        # np.savez stamps its members with a fixed date, so equal arrays are equal bytes.
        with atomic_path(path) as beside, open(beside, "wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Motion:
        """Read a native `npz`, or a bare `npy` of joints [t, 22, 3] at 20 fps."""
        path = Path(path)
        try:
            loaded = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise MotionError(f"{path}: no such file") from None
        except Exception as error:
            raise MotionError(f"{path}: not a readable npz or npy file ({type(error).__name__})") from None
        if isinstance(loaded, np.ndarray):
            if loaded.dtype.kind not in "fiu":
                raise MotionError(f"{path}: holds {loaded.dtype} and not the numbers of joints [frames, 22, 3]")
            return cls(torch.from_numpy(loaded.astype(np.float32)))
        with loaded as file:
            if "joints" not in file.files:
                raise MotionError(
                    f"{path}: holds no array 'joints' (it has: {', '.join(sorted(file.files)) or 'nothing'})"
                )
            try:
                arrays = {k: file[k] for k in file.files}
            except Exception as error:
                raise MotionError(f"{path}: damaged ({type(error).__name__})") from None
        try:
            joints = torch.from_numpy(np.ascontiguousarray(arrays.pop("joints"), dtype=np.float32))
            fps = float(arrays.pop("fps", np.float32(FPS)))
            columns = [_column(arrays, name) for name in ("texts", "starts", "stops")]
            if len({len(column) for column in columns}) > 1:
                raise ValueError("texts, starts and stops differ in length")
            # Spans beyond the clip say nothing; a few of them could say it of more frames than memory holds.
            cut = ((str(t), max(0, int(a)), min(len(joints), int(b))) for t, a, b in zip(*columns))
            text = tuple(Segment(t, a, b) for t, a, b in cut if a < b)
        except (TypeError, ValueError) as error:
            raise MotionError(f"{path}: not a motion ({str(error).splitlines()[0]})") from None
        extra = {k: torch.from_numpy(v) for k, v in arrays.items() if v.dtype.kind == "f"}
        return cls(joints, fps, text, extra)


def _column(arrays: dict[str, np.ndarray], name: str) -> Sequence[Any]:
    return arrays.pop(name).tolist() if name in arrays else ()


class atomic_path:
    """Context that gives a path beside `path` to write to and renames it into place only when all went well."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.beside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part{self.path.suffix}")

    def __enter__(self) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.beside

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                os.replace(self.beside, self.path)
        finally:
            self.beside.unlink(missing_ok=True)
