"""Measures of motion as pure functions. Positions are in metres, Y up, the floor at y = 0.

Measures of sets of clips take an evaluator's vectors, one a row; `generator` draws what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.features.layouts import layout_of
from motiongen.features.skeletal import integrate_root
from motiongen.geometry.rotations import heading_quaternion, quaternion_rotate
from motiongen.skeleton import JOINT_INDEX

TOES = (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])
# Height over which a toe no longer counts as standing on the floor.
CONTACT_HEIGHT = 0.05


def fid(made: Float[Tensor, "n e"], real: Float[Tensor, "m e"]) -> Float[Tensor, ""]:
    """Frechet distance between the Gaussians of two sets of vectors, in float64.

    |mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Heusel et al. 2017). The trace of the root is the sum of the singular
    values of S1^(1/2) S2^(1/2), which stays real and exact where a covariance is singular.

    Raises:
        ValueError: fewer than two vectors in a set.
    """
    roots, means, traces = [], [], []
    for vectors in (made.double(), real.double()):
        if len(vectors) < 2:
            raise ValueError(f"{len(vectors)} vectors given; a covariance takes two or more")
        covariance = torch.atleast_2d(vectors.T.cov())
        values, axes = torch.linalg.eigh(covariance)
        roots.append(values.clamp(min=0).sqrt()[:, None] * axes.T)
        means.append(vectors.mean(0))
        traces.append(covariance.trace())
    shared = torch.linalg.svdvals(roots[0] @ roots[1].T).sum()
    return (means[0] - means[1]).square().sum() + traces[0] + traces[1] - 2 * shared


def r_precision(
    text: Float[Tensor, "n e"],
    motion: Float[Tensor, "n e"],
    pool: int = 32,
    top: int = 3,
    captions: Sequence[str] | None = None,
) -> Float[Tensor, " top"]:
    """Share of captions whose own motion is among the nearest 1, 2, ... `top` of its pool, by Euclidean distance.

    Pools are `pool` rows that follow each other; without `captions` rows that do not fill the last one are left out.

    Args:
        captions: of rows of a pool with the same caption only the first is ranked, for all of them; the last pool is
            kept however small it is (BABEL's rule; Barquero et al. 2024).

    Raises:
        ValueError: there is no whole pool, or not one caption a row.
    """
    if captions is None and len(text) < pool:
        raise ValueError(f"{len(text)} rows are not one pool of {pool}")
    if captions is not None and len(captions) != len(text):
        raise ValueError(f"{len(captions)} captions given for {len(text)} rows")
    count = len(text) // pool * pool if captions is None else len(text)
    found = torch.zeros(top, dtype=torch.float64)
    for start in range(0, count, pool):
        rows = list(range(start, min(start + pool, count)))
        ranked = rows
        if captions is not None:
            ranked = sorted({captions[row]: row for row in reversed(rows)}.values())
        places = ranks(text[ranked], motion[ranked])
        found += len(rows) * torch.stack([(places < k + 1).double().mean() for k in range(top)])
    return found / count


def ranks(text: Float[Tensor, "n e"], motion: Float[Tensor, "n e"]) -> Int[Tensor, " n"]:
    """How many motions of the pool are nearer to each caption than its own: 0 for the nearest.

    Of motions that are equally far the earlier one counts as nearer, so that among equal vectors chance decides.
    """
    order = torch.cdist(text.double(), motion.double()).argsort(dim=1, stable=True).cpu()
    return (order == torch.arange(len(text))[:, None]).long().argmax(dim=1)


def mm_dist(text: Float[Tensor, "n e"], motion: Float[Tensor, "n e"]) -> Float[Tensor, ""]:
    """Mean Euclidean distance of captions and their own motions."""
    return (text.double() - motion.double()).norm(dim=-1).mean()


def diversity(
    motion: Float[Tensor, "n e"], pairs: int = 300, generator: torch.Generator | None = None
) -> Float[Tensor, ""]:
    """Mean distance of `pairs` random pairs: two draws without replacement, so that a pair may be a clip with itself.

    Raises:
        ValueError: there are fewer vectors than pairs.
    """
    if len(motion) < pairs:
        raise ValueError(f"{len(motion)} vectors given; {pairs} pairs need as many")
    first, second = (torch.randperm(len(motion), generator=generator)[:pairs] for _ in range(2))
    return (motion[first].double() - motion[second].double()).norm(dim=-1).mean()


def multimodality(
    motion: Float[Tensor, "t s e"], pairs: int = 10, generator: torch.Generator | None = None
) -> Float[Tensor, ""]:
    """Mean distance of samples of one text over `pairs` random pairs, the same for all `t` texts.

    Raises:
        ValueError: there are fewer samples a text than pairs.
    """
    if motion.shape[1] < pairs:
        raise ValueError(f"{motion.shape[1]} samples a text given; {pairs} pairs need as many")
    first, second = (torch.randperm(motion.shape[1], generator=generator)[:pairs] for _ in range(2))
    return (motion[:, first].double() - motion[:, second].double()).norm(dim=-1).mean()


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over repeats, and half the width of its 95 % confidence interval, 1.96 sigma / sqrt(n)."""
    numbers = torch.tensor(values, dtype=torch.float64)
    return numbers.mean().item(), 1.96 * numbers.std(correction=0).item() / math.sqrt(len(numbers))


def ape(made: Float[Tensor, "t j 3"], real: Float[Tensor, "t j 3"]) -> dict[str, float]:
    """Average position errors of a clip against the real one, metres, as in `_views` (Petrovich et al. 2022, TEMOS)."""
    return {
        name: (a - b).norm(dim=-1).mean().item() for (name, a), b in zip(_views(made).items(), _views(real).values())
    }


def ave(made: Float[Tensor, "t j 3"], real: Float[Tensor, "t j 3"]) -> dict[str, float]:
    """Average variance errors: how far the variances over time of joints' positions are apart, square metres."""
    return {
        name: (a.var(dim=0) - b.var(dim=0)).norm(dim=-1).mean().item()
        for (name, a), b in zip(_views(made).items(), _views(real).values())
    }


def _views(joints: Float[Tensor, "t j 3"]) -> dict[str, Tensor]:
    """The root; its way over the floor; the other joints against the root; all joints in the world."""
    joints = joints.double()
    root = joints[:, :1]
    return {"root": root, "trajectory": root[..., [0, 2]], "local": joints[:, 1:] - root, "global": joints}


def foot_skate(joints: Float[Tensor, "*b t j 3"], fps: float, toes: tuple[int, int] = TOES) -> Float[Tensor, "*b"]:
    """Mean horizontal speed of the toes while they stand on the floor, cm/s.

    Every frame weighs 2 - 2^(h / H) for a toe at height h over the clip's lowest toe, none from H = 5 cm on (the weight
    of Zhang et al. 2018, Mode-Adaptive Neural Networks, section 6).
    """
    feet = joints[..., toes, :]
    height = feet[..., 1] - feet[..., 1].amin(dim=(-1, -2), keepdim=True)
    height = torch.maximum(height[..., 1:, :], height[..., :-1, :])
    weight = (2 - 2 ** (height / CONTACT_HEIGHT)).clamp(min=0)
    step = feet[..., 1:, :, :] - feet[..., :-1, :, :]
    speed = 100 * fps * step[..., [0, 2]].norm(dim=-1)
    return (speed * weight).sum(dim=(-1, -2)) / weight.sum(dim=(-1, -2)).clamp(min=1e-6)


def jitter(joints: Float[Tensor, "*b t j 3"], fps: float) -> Float[Tensor, "*b"]:
    """Mean size of the third derivative of joint positions, in 100 m/s^3."""
    third = joints.diff(dim=-3).diff(dim=-3).diff(dim=-3) * fps**3
    return third.norm(dim=-1).mean(dim=(-1, -2)) / 100


def jerk(joints: Float[Tensor, "n t j 3"]) -> Float[Tensor, " t-3"]:
    """Third difference of positions, without the frame time: L1 over x, y, z, largest joint, mean over clips; metres.

    (Barquero et al. 2024, FlowMDM, section 5.)
    """
    return joints.double().diff(n=3, dim=1).abs().sum(-1).amax(-1).mean(0)


def peak_jerk(joints: Float[Tensor, "n t j 3"]) -> Float[Tensor, ""]:
    """Largest `jerk` of any frame of clips that are aligned in time, such as windows around transitions; metres."""
    return jerk(joints).amax()


def area_under_jerk(joints: Float[Tensor, "n t j 3"], real: Float[Tensor, "m t j 3"] | float) -> Float[Tensor, ""]:
    """Sum over frames of how far the `jerk` is from that of real motion, either way; metres.

    Args:
        real: real clips of the same length, whose jerk is taken frame by frame, or the mean jerk of real motion.
    """
    reference = real if isinstance(real, (int, float)) else jerk(real)
    return (jerk(joints) - reference).abs().sum()


def penetration(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b"]:
    """Mean over frames of how far the lowest joint is under the floor, cm."""
    return 100 * (-joints[..., 1].amin(-1)).clamp(min=0).mean(-1)


def world_error(predicted: Float[Tensor, "*b t f"], target: Float[Tensor, "*b t f"]) -> Float[Tensor, "*b t"]:
    """Mean joint distance per frame in the world, mm, of two feature clips that start at the same place."""
    layout = layout_of(target.shape[-1])
    return 1000 * (layout.joints(predicted) - layout.joints(target)).norm(dim=-1).mean(-1)


def root_aligned_error(predicted: Float[Tensor, "*b t f"], target: Float[Tensor, "*b t f"]) -> Float[Tensor, "*b t"]:
    """Mean joint distance per frame, mm, after both roots were moved to the origin and turned to face +Z."""
    return 1000 * (_at_root(predicted) - _at_root(target)).norm(dim=-1).mean(-1)


def _at_root(features: Float[Tensor, "*b t f"]) -> Float[Tensor, "*b t j 3"]:
    joints = layout_of(features.shape[-1]).joints(features)
    half_angle, _ = integrate_root(features)
    return quaternion_rotate(heading_quaternion(half_angle)[..., None, :], joints - joints[..., :1, :])
