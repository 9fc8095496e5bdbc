"""Metrics of sets of clips, each against the plainest way to write it and against answers that are known."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.evaluation.metrics import (
    ape,
    area_under_jerk,
    ave,
    diversity,
    fid,
    jerk,
    mean_and_interval,
    mm_dist,
    multimodality,
    peak_jerk,
    r_precision,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return math.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b)))


# -- FID ---------------------------------------------------------------------------------------------------------------


def with_moments(mean: np.ndarray, covariance: np.ndarray, count: int = 50) -> torch.Tensor:
    """Vectors that have exactly this sample mean and covariance."""
    x = normal(count, len(mean)).double().numpy()
    x = x - x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return torch.from_numpy(x @ np.linalg.cholesky(covariance).T + mean)


def test_fid_of_gaussians_whose_axes_agree_is_known() -> None:
    a = with_moments(np.array([0.0, 0.0, 1.0]), np.diag([1.0, 4.0, 9.0]))
    b = with_moments(np.array([3.0, 0.0, 1.0]), np.diag([4.0, 4.0, 1.0]))
    # |mu1 - mu2|^2 and the squared differences of standard deviations.
    assert fid(a, b).item() == pytest.approx(9 + 1 + 0 + 4, rel=1e-9)
    assert fid(a, a).item() == pytest.approx(0, abs=1e-9)


def plain_fid(a: torch.Tensor, b: torch.Tensor) -> float:
    x, y = a.double().numpy(), b.double().numpy()
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values = np.linalg.eigvals(s @ t)  # of a product of two covariances: real and not negative
    root = sum(math.sqrt(max(0.0, v.real)) for v in values)
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * root)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 8), st.floats(0.1, 3))
def test_fid_is_what_eigenvalues_of_the_product_say(seed: int, size: int, scale: float) -> None:
    a, b = normal(40, size, seed=seed), normal(30, size, seed=seed + 1) * scale + 0.5
    assert fid(a, b).item() == pytest.approx(plain_fid(a, b), rel=1e-6, abs=1e-7)
    assert fid(a, b).item() == pytest.approx(fid(b, a).item(), rel=1e-9)


def test_fid_of_few_vectors_in_many_channels_stays_a_distance() -> None:
    # Both covariances are singular, as with a handful of clips in 512 channels.
    a = normal(20, 128)
    assert fid(a, a).item() == pytest.approx(0, abs=1e-6)
    assert fid(a, a + 1).item() == pytest.approx(128, rel=1e-6)
    with pytest.raises(ValueError, match="1 vectors given"):
        fid(a[:1], a)


# -- R-precision, MM-Dist ----------------------------------------------------------------------------------------------


def plain_r_precision(text: torch.Tensor, motion: torch.Tensor, pool: int, top: int) -> list[float]:
    hits, count = [0] * top, 0
    for start in range(0, len(text) - pool + 1, pool):
        for i in range(start, start + pool):
            count += 1
            order = sorted(range(start, start + pool), key=lambda j: distance(text[i], motion[j]))
            for k in range(top):
                hits[k] += i in order[: k + 1]
    return [h / count for h in hits]


def test_r_precision_is_what_sorting_by_distance_says() -> None:
    motion = normal(75, 6)
    text = motion + 0.6 * normal(75, 6, seed=1)
    found = r_precision(text, motion, pool=16)
    # 11 rows do not fill a pool, and are left out.
    assert found.tolist() == pytest.approx(plain_r_precision(text, motion, 16, 3))
    assert 0.2 < found[0] < found[1] < found[2] < 1
    assert r_precision(motion, motion).tolist() == [1, 1, 1]


def test_motions_that_are_all_alike_are_found_by_chance() -> None:
    assert r_precision(normal(64, 5), torch.zeros(64, 5), pool=32).tolist() == pytest.approx([1 / 32, 2 / 32, 3 / 32])


def test_equal_captions_are_ranked_once_and_the_last_pool_is_kept() -> None:
    motion = normal(40, 4)
    text = motion + 0.8 * normal(40, 4, seed=1)
    captions = [f"caption {i % 25}" for i in range(40)]
    expected = [0.0, 0.0, 0.0]
    for start, size in ((0, 32), (32, 8)):
        rows = []
        for i in range(start, start + size):
            if captions[i] not in [captions[r] for r in rows]:
                rows.append(i)
        for i in rows:
            order = sorted(rows, key=lambda j: distance(text[i], motion[j]))
            for k in range(3):
                expected[k] += (i in order[: k + 1]) * size / len(rows) / 40
    assert r_precision(text, motion, 32, captions=captions).tolist() == pytest.approx(expected)
    # A pool of one caption finds it.
    assert r_precision(text[:3], motion[:3], 32, captions=["a", "a", "a"]).tolist() == [1, 1, 1]


def test_r_precision_refuses_what_it_cannot_rank() -> None:
    with pytest.raises(ValueError, match="20 rows are not one pool of 32"):
        r_precision(normal(20, 3), normal(20, 3))
    with pytest.raises(ValueError, match="1 captions given for 20 rows"):
        r_precision(normal(20, 3), normal(20, 3), captions=["a"])


def test_mm_dist_is_the_mean_distance_of_pairs() -> None:
    text, motion = normal(20, 5), normal(20, 5, seed=1)
    expected = sum(distance(t, m) for t, m in zip(text, motion)) / 20
    assert mm_dist(text, motion).item() == pytest.approx(expected)


# -- Diversity, MultiModality, intervals -------------------------------------------------------------------------------


def test_diversity_is_the_mean_over_the_pairs_that_are_drawn() -> None:
    motion = normal(50, 4)
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.randperm(50, generator=generator)[:30].tolist() for _ in range(2))
    expected = sum(distance(motion[i], motion[j]) for i, j in zip(first, second)) / 30
    assert diversity(motion, 30, torch.Generator().manual_seed(3)).item() == pytest.approx(expected)
    assert len(set(first)) == 30  # without replacement
    with pytest.raises(ValueError, match="50 vectors given; 300 pairs"):
        diversity(motion)


def test_diversity_of_two_heaps_is_their_distance_half_of_the_time() -> None:
    heaps = torch.cat([torch.zeros(3000, 2), torch.full((3000, 2), 5.0)])
    expected = 5 * math.sqrt(2) / 2
    assert diversity(heaps, 3000, torch.Generator().manual_seed(0)).item() == pytest.approx(expected, rel=0.05)


def test_multimodality_pairs_samples_of_one_text() -> None:
    # Texts lie far apart; samples of one text a unit.
    motion = 100 * torch.arange(7.0)[:, None, None] + torch.eye(12)[None] / math.sqrt(2)
    generator = torch.Generator().manual_seed(1)
    first, second = (torch.randperm(12, generator=generator)[:10] for _ in range(2))
    expected = (first != second).float().mean().item()
    assert multimodality(motion, 10, torch.Generator().manual_seed(1)).item() == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="12 samples a text"):
        multimodality(motion, 13)


def test_intervals_are_those_of_a_normal_mean() -> None:
    random.seed(0)
    values = [random.gauss(3, 2) for _ in range(20)]
    mean = sum(values) / 20
    sigma = math.sqrt(sum((v - mean) ** 2 for v in values) / 20)
    assert mean_and_interval(values) == pytest.approx((mean, 1.96 * sigma / math.sqrt(20)))
    assert mean_and_interval([5.0]) == (5, 0)


# -- Positions and jerk ------------------------------------------------------------------------------------------------


def test_position_errors_of_a_clip_that_stands_elsewhere() -> None:
    real = normal(30, 22, 3)
    errors = ape(real + torch.tensor([3.0, 0.0, 4.0]), real)
    assert errors == pytest.approx({"root": 5, "trajectory": 5, "local": 0, "global": 5}, abs=1e-5)
    assert ave(real + 1, real) == pytest.approx(dict.fromkeys(errors, 0.0), abs=1e-5)


def test_position_errors_are_what_loops_say() -> None:
    made, real = normal(9, 22, 3), normal(9, 22, 3, seed=1)
    total = sum(distance(made[t, j], real[t, j]) for t in range(9) for j in range(22)) / 9 / 22
    local = sum(distance(made[t, j] - made[t, 0], real[t, j] - real[t, 0]) for t in range(9) for j in range(1, 22))
    assert ape(made, real)["global"] == pytest.approx(total)
    assert ape(made, real)["local"] == pytest.approx(local / 9 / 21)

    def variance(joints: torch.Tensor) -> torch.Tensor:
        mean = sum(joints) / 9
        return sum((frame - mean) ** 2 for frame in joints) / 8  # type: ignore[return-value]

    expected = sum(distance(a, b) for a, b in zip(variance(made), variance(real))) / 22
    assert ave(made, real)["global"] == pytest.approx(expected, rel=1e-5)


def plain_jerk(clips: torch.Tensor) -> list[float]:
    n, t, j, _ = clips.shape
    x = clips.double().numpy()
    curve = []
    for f in range(t - 3):
        total = 0.0
        for c in range(n):
            third = x[c, f + 3] - 3 * x[c, f + 2] + 3 * x[c, f + 1] - x[c, f]
            total += max(sum(abs(third[i])) for i in range(j))
        curve.append(total / n)
    return curve


def test_jerk_and_its_area_are_what_loops_say() -> None:
    made, real = normal(5, 12, 4, 3), normal(7, 12, 4, 3, seed=1)
    curve, other = plain_jerk(made), plain_jerk(real)
    assert jerk(made).tolist() == pytest.approx(curve)
    assert peak_jerk(made).item() == pytest.approx(max(curve))
    assert area_under_jerk(made, real).item() == pytest.approx(sum(abs(a - b) for a, b in zip(curve, other)))
    mean = sum(other) / len(other)
    assert area_under_jerk(made, mean).item() == pytest.approx(sum(abs(a - mean) for a in curve))
