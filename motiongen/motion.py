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

from motiongen.arrays import ArraysError, read_npy, read_npz
from motiongen.skeleton import MIRROR, NUM_JOINTS

FPS = 20.0
# Beyond, 32-bit numbers no longer tell centimetres apart, and nothing that people do goes there.
FARTHEST_M = 1e5
_NPY = b"\x93NUMPY"
# Of the arrays that travel with a clip, those that are computed with.
_POSED = {"features", "poses", "trans", "betas"}


class MotionError(ValueError):
    """A motion, or a file that should hold one, is not what it has to be; the message is one line for the user."""


@dataclass(frozen=True)
class Segment:
    """A sentence and the half-open range of frames `[start, stop)` that it describes."""

    text: str
    start: int
    stop: int

    def __post_init__(self) -> None:
        # Halves of characters can be in files and arguments but in no file or picture that shows the text.
        object.__setattr__(self, "text", self.text.encode("utf-8", "replace").decode("utf-8"))


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
        if (farthest := self.joints.abs().max().item()) > FARTHEST_M:
            raise MotionError(f"joints are up to {farthest:.3g} m away; at most {FARTHEST_M:g} m: are they in metres?")
        for name in self.extra.keys() & _POSED:
            if not torch.isfinite(self.extra[name]).all():
                raise MotionError(f"array '{name}' holds NaN or infinity")
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
        arrays = _arrays(path)
        if "joints" not in arrays:
            held = ", ".join(sorted(arrays))[:200] or "nothing"
            raise MotionError(f"{path}: holds no array 'joints' (it has: {held})")
        try:
            with np.errstate(all="ignore"):  # what is too large for 32 bits is infinite there, and refused below
                joints = torch.from_numpy(np.ascontiguousarray(_real(arrays.pop("joints")), dtype=np.float32))
            fps = float(_real(arrays.pop("fps", np.array(FPS))))
            columns = [_column(arrays, name) for name in ("texts", "starts", "stops")]
            if len({len(column) for column in columns}) > 1:
                raise ValueError("texts, starts and stops differ in length")
            # Spans beyond the clip say nothing; a few of them could say it of more frames than memory holds.
            cut = ((str(t), max(0, int(a)), min(len(joints), int(b))) for t, a, b in zip(*columns))
            text = tuple(Segment(t, a, b) for t, a, b in cut if a < b)
            extra = {k: torch.from_numpy(_at_most_double(v)) for k, v in arrays.items() if v.dtype.kind == "f"}
        except (TypeError, ValueError, OverflowError) as error:
            raise MotionError(f"{path}: not a motion ({(str(error).splitlines() or [''])[0][:120]})") from None
        try:
            return cls(joints, fps, text, extra)
        except MotionError as error:
            raise MotionError(f"{path}: {error}") from None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a npz, or the one of a npy as its `joints`."""
    try:
        with open(path, "rb") as file:
            if file.read(len(_NPY)) != _NPY:
                return read_npz(file)
            joints = read_npy(file)
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file") from None
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ArraysError as error:
        raise MotionError(f"{path}: not a readable npz or npy file: {error}") from None
    if joints.dtype.kind not in "fiu":
        raise MotionError(f"{path}: holds {joints.dtype} and not the numbers of joints [frames, 22, 3]")
    return {"joints": joints}


def _real(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise ValueError(f"holds {array.dtype} where numbers should be")
    return array


def _at_most_double(array: np.ndarray) -> np.ndarray:
    """The array in a type that torch has: some machines have floats of more than 64 bits."""
    return array if array.dtype.itemsize <= 8 else array.astype(np.float64)


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
