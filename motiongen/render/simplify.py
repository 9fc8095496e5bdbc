"""Fewer triangles for small pictures: a body has thousands in hands and face that no pixel would show."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

_ROUNDS = 40
# A triangle may turn by at most this much (cosine) when a corner moves.
_TURN = 0.35


def simplified(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], length: float
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, "g 3"]]:
    """Collapse edges shorter than `length` metres, each onto one of its ends, the shortest of a neighbourhood first.

    Vertices are kept or dropped, never moved, so that the rest carries its weights, colours and shape coefficients.

    Returns:
        indices of the vertices kept, in order; and the faces, as indices into those.
    """
    faces = faces.astype(np.int64)
    count = len(vertices)
    refused = np.zeros(0, np.int64)
    for _ in range(_ROUNDS):
        # On a closed surface every edge is passed in both directions: taking one of them takes each edge once.
        a, b = faces.T.ravel(), np.roll(faces, -1, axis=1).T.ravel()
        once = a < b
        a, b = a[once], b[once]
        size = np.linalg.norm(vertices[a] - vertices[b], axis=1)
        short = size < length
        a, b, size = a[short], b[short], size[short]
        fresh = ~np.isin(a * count + b, refused)
        a, b = _apart(a[fresh], b[fresh], size[fresh], count)
        if len(a) == 0:
            break
        target = np.arange(count)
        low, high = a, b
        for a, b in ((low, high), (high, low)):  # onto the one end, and where that folds a triangle, onto the other
            free = (target[low] == low) & (target[high] == high)
            target[b[free]] = a[free]
            bad = free & _folded(vertices, faces, target)[b]
            target[b[bad]] = b[bad]
        refused = np.concatenate([refused, (low * count + high)[bad]])
        faces = target[faces]
        faces = faces[(faces != np.roll(faces, 1, axis=1)).all(1)]
    kept = np.unique(faces)
    place = np.zeros(count, np.int64)
    place[kept] = np.arange(len(kept))
    return kept, place[faces].astype(np.int32)


def _apart(
    a: Int[np.ndarray, " e"], b: Int[np.ndarray, " e"], size: Float[np.ndarray, " e"], count: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Edges that are shorter than all others in reach of one more edge, so that no two of them share a triangle."""
    rank = np.empty(len(a))
    rank[np.argsort(size, kind="stable")] = np.arange(len(a))
    ends = np.concatenate([a, b])
    near = np.full(count, np.inf)
    np.minimum.at(near, ends, np.concatenate([rank, rank]))
    best = np.minimum(near[a], near[b])
    np.minimum.at(near, ends, np.concatenate([best, best]))
    chosen = (near[a] == rank) & (near[b] == rank)
    return a[chosen], b[chosen]


def _folded(
    vertices: Float[np.ndarray, "v 3"], faces: Int[np.ndarray, "f 3"], target: Int[np.ndarray, " v"]
) -> Bool[np.ndarray, " v"]:
    """For each vertex, whether moving it to its target would fold or flatten one of its triangles."""
    moved = faces[(target[faces] != faces).any(1)]
    after = target[moved]
    whole = (after != np.roll(after, 1, axis=1)).all(1)
    moved, after = moved[whole], after[whole]

    def normal(f: np.ndarray) -> np.ndarray:
        p, q, r = (vertices[f[:, i]] for i in range(3))
        n = np.cross(q - p, r - p)
        return n / (np.linalg.norm(n, axis=1, keepdims=True) + 1e-20)

    bad = (normal(moved) * normal(after)).sum(1) < _TURN
    spoilt = np.zeros(len(target), bool)
    corners = moved[bad].ravel()
    spoilt[corners[target[corners] != corners]] = True
    return spoilt
