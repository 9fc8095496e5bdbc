"""What the renderer draws: any triangle mesh, posed once a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class PosedMesh:
    """A mesh of fixed topology over the frames of a clip.

    Attributes:
        vertices: metres, Y up.
        faces: indices of vertices, counter-clockwise seen from outside.
        normals: unit, outwards.
        tone: a number of each vertex that is interpolated over the faces; its whole part chooses the colour.
        palette: linear RGB in 0..1.
        level: height of the ground that the mesh stands on.
    """

    vertices: Float[np.ndarray, "t v 3"]
    faces: Int[np.ndarray, "f 3"]
    normals: Float[np.ndarray, "t v 3"]
    tone: Float[np.ndarray, " v"]
    palette: Float[np.ndarray, "p 3"]
    level: float

    @property
    def colours(self) -> Float[np.ndarray, "v 3"]:
        """Linear RGB of each vertex."""
        return self.palette[np.clip(self.tone.astype(int), 0, len(self.palette) - 1)]


def linear(hexadecimal: str) -> Float[np.ndarray, " 3"]:
    """Linear RGB of a colour as the web writes it, #rrggbb."""
    srgb = np.array([int(hexadecimal[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache(maxsize=8)
def _corners(faces: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces around each vertex as one list of runs: face of each entry, start of each run, vertex of each run."""
    flat = np.frombuffer(faces, dtype=np.int32)
    order = np.argsort(flat, kind="stable")
    used, starts = np.unique(flat[order], return_index=True)
    return (order // 3).astype(np.int32), starts, used


@lru_cache(maxsize=8)
def _parts(faces: bytes) -> np.ndarray:
    corner = np.frombuffer(faces, dtype=np.int32).reshape(-1, 3)
    label = np.arange(corner.max() + 1, dtype=np.int32)
    while True:
        lowest = label[corner].min(1)
        before = label.copy()
        np.minimum.at(label, corner, lowest[:, None])
        label = label[label]
        if (label == before).all():
            return label[corner[:, 0]]


def face_parts(faces: Int[np.ndarray, "f 3"]) -> Int[np.ndarray, " f"]:
    """A number for each face that is shared by exactly the faces of its connected piece."""
    return _parts(np.ascontiguousarray(faces, dtype=np.int32).tobytes())


def vertex_normals(vertices: Float[np.ndarray, "t v 3"], faces: Int[np.ndarray, "f 3"]) -> Float[np.ndarray, "t v 3"]:
    """Area-weighted mean of the normals of the faces around each vertex, unit length."""
    face_of, starts, used = _corners(np.ascontiguousarray(faces, dtype=np.int32).tobytes())
    normals = np.zeros_like(vertices)
    for posed, out in zip(vertices, normals):
        a, b, c = (posed[faces[:, i]] for i in range(3))
        n = np.cross(b - a, c - a)
        out[used] = np.add.reduceat(n[face_of], starts, axis=0)
        out /= np.sqrt((out * out).sum(-1, keepdims=True)) + 1e-20
    return normals
