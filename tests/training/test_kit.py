"""Training on KIT-ML's features: what is measured in metres is so, whatever units the features have."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from motiongen.evaluation.metrics import root_aligned_error, world_error
from motiongen.features.kit import GROUPS, METRE
from motiongen.models.vae import DiagonalNormal, TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.codec import CodecConfig, CodecLoss, reconstruction
from motiongen.training.data import Clip, crops, load_clips, step_generator
from motiongen.training.latents import encode_clips


def codec() -> TemporalCodec:
    return TemporalCodec(latent_dim=8, width=24, blocks=1, features=251).eval()


def standing(frames: int = 24) -> Tensor:
    """Somebody of KIT's size who does not move, whose contacts say that the feet stand."""
    features = torch.zeros(frames, 251)
    features[:, GROUPS["root_height"]] = 560.0
    positions = 300.0 * torch.randn(20, 3).abs()
    features[:, GROUPS["joint_positions"]] = positions.flatten()
    features[:, GROUPS["foot_contacts"]] = 1.0
    return features


def raised(features: Tensor, units: float) -> Tensor:
    """The same a little higher up."""
    higher = features.clone()
    higher[..., GROUPS["root_height"]] += units
    higher[..., GROUPS["joint_positions"]].unflatten(-1, (20, 3))[..., 1] += units
    return higher


def test_errors_are_in_millimetres() -> None:
    features = standing()
    assert torch.allclose(world_error(raised(features, METRE / 10), features), torch.tensor(100.0), rtol=1e-4)
    # Which puts the root higher too.
    assert root_aligned_error(raised(features, METRE / 10), features).max() < 0.1


def test_the_loss_weighs_metres(monkeypatch: pytest.MonkeyPatch) -> None:
    model = codec()
    clip = standing()[None]
    nothing = torch.zeros(1, 6, 5)

    def rebuilt(features: Tensor, mask: Tensor, noise: Tensor) -> tuple[Tensor, DiagonalNormal]:
        return raised(features, METRE / 10), DiagonalNormal(nothing, nothing)

    monkeypatch.setattr(model, "rebuilt", rebuilt)
    mask = torch.ones(1, 24, dtype=torch.bool)
    _, numbers = CodecLoss(model, CodecConfig())(clip, mask, nothing)
    assert numbers["positions_mm"].item() == pytest.approx(100 / 3, rel=1e-3)
    assert numbers["velocities_mm"].item() == pytest.approx(0, abs=1e-2)
    assert numbers["contacts_mm"].item() == pytest.approx(0, abs=1e-2)


def test_feet_that_glide_do_so_in_centimetres_a_second() -> None:
    gliding = standing()
    gliding[:, GROUPS["root_velocity"].start] = METRE / 100  # a centimetre a frame
    numbers = reconstruction(codec(), [Clip("glides", gliding, ("",))])
    assert numbers["real_skate_cm_s"] == pytest.approx(12.5, rel=1e-2)


def test_who_stands_still_and_who_travels_is_told_by_metres() -> None:
    resting = standing()
    moving = resting.clone()
    # Feet that creep at a centimetre in 1/20 s, and a person who walks at a metre a second.
    resting[:, GROUPS["joint_velocities"].start] = 0.01 * METRE * 20 / 12.5
    moving[:, GROUPS["joint_velocities"].start] = 0.02 * METRE * 20 / 12.5
    moving[:, GROUPS["root_velocity"].start] = METRE / 12.5
    model = codec()
    model.features.set(resting.mean(0), torch.full((251,), 100.0))
    model.root.set(torch.zeros(3), torch.tensor([0.1, 500.0, 500.0]))
    still, walking = encode_clips(model, [Clip(n, f, ("",)) for n, f in (("a", resting), ("b", moving))], every=False)
    assert not still.travels and set(still.pauses[0]) == set(range(6))
    assert walking.travels and walking.pauses == ({},)


def write(folder: Path, features: dict[str, int], fps: float | None = None) -> Path:
    for sub in ("new_joint_vecs", "texts"):
        (folder / sub).mkdir(parents=True)
    for name, channels in features.items():
        np.save(folder / "new_joint_vecs" / f"{name}.npy", np.ones((24, channels), dtype=np.float32))
        (folder / "texts" / f"{name}.txt").write_text("walks#walks/VERB#0.0#0.0\n")
    (folder / "train.txt").write_text("\n".join(features))
    if fps is not None:
        (folder / "manifest.json").write_text(json.dumps({"fps": fps}))
    return folder


def test_clips_of_either_layout_are_read(tmp_path: Path) -> None:
    clips = load_clips(write(tmp_path / "told", {"a": 251, "b": 251}, fps=12.5), "train")
    assert [c.features.shape for c in clips] == [(24, 251)] * 2
    assert crops(clips, 3, 16, step_generator(0, 0)).features.shape == (3, 16, 251)
    assert load_clips(write(tmp_path / "untold", {"a": 251}), "train", features=251)


def test_clips_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"b\.npy: has 263 features a frame, and clips before it 251$"):
        load_clips(write(tmp_path / "mixed", {"a": 251, "b": 263}), "train")
    with pytest.raises(MotionError, match=r"a\.npy: has 251 features a frame, and the codec 263$"):
        load_clips(write(tmp_path / "kit", {"a": 251}), "train", features=263)
    with pytest.raises(MotionError, match=r"a: features have shape \(24, 250\), not \[t, 263\] or \[t, 251\]$"):
        load_clips(write(tmp_path / "other", {"a": 250}), "train")
    with pytest.raises(MotionError, match=r"has 20 frames a second; training takes 12.5, as KIT-ML has them$"):
        load_clips(write(tmp_path / "fast", {"a": 251}, fps=20), "train")
