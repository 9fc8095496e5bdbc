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
        colours: linear RGB in 0..1, one per vertex.
    """

    vertices: Float[np.ndarray, "t v 3"]
    faces: Int[np.ndarray, "f 3"]
    normals: Float[np.ndarray, "t v 3"]
    colours: Float[np.ndarray, "v 3"]


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
