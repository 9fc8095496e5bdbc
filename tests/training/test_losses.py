from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from motiongen.diffusion.objective import DiffusionObjective
from motiongen.features.humanml3d import FOOT_CONTACTS, decode
from motiongen.models.alignment import AlignmentHeads
from motiongen.models.denoiser import MotionMambaDenoiser
from motiongen.models.text import WordLlamaText
from motiongen.models.vae import TemporalCodec
from motiongen.training.codec import CodecConfig, CodecLoss, set_latent_statistics, set_root_statistics
from motiongen.training.data import Clip, Share, step_generator
from motiongen.training.latents import LatentBatch, Piece, collate
from motiongen.training.losses import Alignment, DenoiserLoss, alike, draw
from motiongen.training.masking import Masking

PLAIN = Masking(masked="none", given=0.0)


def model(alignment: Alignment | None = None) -> DenoiserLoss:
    torch.manual_seed(0)
    text = WordLlamaText(dim=16, layers=1, heads=2, feedforward=32)
    denoiser = MotionMambaDenoiser(
        latent_dim=4, width=16, text_dim=16, blocks=1, inner=8, states=4, group=8, spatial_states=4, heads=2,
        feedforward=32,
    )  # fmt: skip
    torch.nn.init.normal_(denoiser.to_latent.weight, std=0.3)
    heads = None if alignment is None else AlignmentHeads(4, 16, dim=8, width=16, pools=2)
    return DenoiserLoss(text, denoiser, heads, DiffusionObjective(), alignment or Alignment(weight=0.0)).eval()


def batch() -> LatentBatch:
    torch.manual_seed(1)
    samples = [
        [
            Piece(torch.randn(3 + i, 4), f"sentence number {i}", i, i % 3),
            *([Piece(torch.randn(2, 4), "then waves", i, 7)] if i % 2 else []),
        ]
        for i in range(5)
    ]
    return collate(samples)


def loss_of(trained: DenoiserLoss, whole: LatentBatch, dropout: float, share: Share = Share()) -> torch.Tensor:  # noqa: B008
    drawn = draw(whole, trained.objective.steps, Masking(share=0.4, given=0.4), dropout, step_generator(0, 3))
    return trained(whole, drawn, share)[0]


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("alignment", [None, Alignment(weight=0.5, restored=0.5)], ids=["plain", "aligned"])
def test_shares_of_several_processes_make_the_loss_and_gradient_of_one(
    processes: int, alignment: Alignment | None
) -> None:
    trained, whole = model(alignment), batch()

    def gradient(shares: list[Share]) -> tuple[float, torch.Tensor]:
        trained.zero_grad()
        mean = torch.stack([loss_of(trained, whole, 0.3, share) for share in shares]).mean()
        mean.backward()
        return mean.item(), torch.cat([p.grad.flatten() for p in trained.parameters() if p.grad is not None])

    one, one_gradient = gradient([Share()])
    many, many_gradient = gradient([Share(i, processes) for i in range(processes)])
    assert many == pytest.approx(one, rel=1e-5)
    assert torch.allclose(many_gradient, one_gradient, atol=2e-6)


@pytest.mark.parametrize("processes", [2, 3])
def test_shares_of_a_codec_s_batch_make_the_loss_and_gradient_of_one(processes: int) -> None:
    torch.manual_seed(0)
    codec = TemporalCodec(latent_dim=8, width=24, blocks=1)
    loss = CodecLoss(codec, CodecConfig())
    features = 0.1 * torch.randn(5, 16, 263)
    features[..., FOOT_CONTACTS] = (torch.rand(5, 16, 4) < 0.5).float()
    # Shares of very different weight: whole clips, short ones, and one without a foot on the ground.
    mask = torch.arange(16) < torch.tensor([16, 4, 8, 4, 16])[:, None]
    features[2, :, FOOT_CONTACTS] = 0.0
    noise = torch.randn(5, 4, codec.learned_dim)

    def gradient(shares: list[Share]) -> tuple[float, dict[str, float], torch.Tensor]:
        loss.zero_grad()
        results = [loss(features, mask, noise, share) for share in shares]
        mean = torch.stack([total for total, _ in results]).mean()
        mean.backward()
        numbers = {k: torch.stack([n[k] for _, n in results]).mean().item() for k in results[0][1]}
        return mean.item(), numbers, torch.cat([p.grad.flatten() for p in loss.parameters() if p.grad is not None])

    one, one_numbers, one_gradient = gradient([Share()])
    many, many_numbers, many_gradient = gradient([Share(i, processes) for i in range(processes)])
    assert many == pytest.approx(one, rel=1e-5)
    assert many_numbers == pytest.approx(one_numbers, rel=1e-4)
    assert torch.allclose(many_gradient, one_gradient, rtol=1e-3, atol=1e-5 * one_gradient.abs().max().item())


def test_padding_is_no_part_of_the_loss() -> None:
    trained, whole = model(Alignment(weight=0.5, restored=0.5, blur=0.0)), batch()
    other = replace(whole, z=whole.z.clone())
    other.z[~whole.mask] = 100.0
    assert loss_of(trained, whole, 0.0).item() == pytest.approx(loss_of(trained, other, 0.0).item(), rel=1e-5)


def test_known_frames_are_no_part_of_the_loss_and_inform_it() -> None:
    trained, whole = model(), batch()
    drawn = draw(whole, trained.objective.steps, Masking(share=0.0, given=1.0), 0.0, step_generator(0, 3))
    assert drawn.plan.given.any() and (drawn.plan.timesteps[drawn.plan.given] == 0).all()
    own = trained(whole, drawn)[1]["diffusion"]
    noise = torch.where(drawn.plan.given[..., None], drawn.noise + 1.0, drawn.noise)
    # Noise at known frames is almost without effect, since they have none and no target.
    assert trained(whole, replace(drawn, noise=noise))[1]["diffusion"] == pytest.approx(own, rel=0.02)
    moved = replace(whole, z=torch.where(drawn.plan.given[..., None], whole.z + 3.0, whole.z))
    assert trained(moved, drawn)[1]["diffusion"] != pytest.approx(own, rel=1e-4)


def test_dropped_sentences_train_the_empty_one() -> None:
    trained, whole = model(), batch()
    renamed = replace(whole, sentences=tuple(tuple("other" for _ in s) for s in whole.sentences))
    kept = [loss_of(trained, b, 0.0).item() for b in (whole, renamed)]
    gone = [loss_of(trained, b, 1.0).item() for b in (whole, renamed)]
    assert kept[0] != pytest.approx(kept[1], rel=1e-6) and gone[0] == pytest.approx(gone[1], rel=1e-6)


def test_restored_motion_teaches_the_denoiser_and_leaves_the_heads() -> None:
    whole = batch()
    gradients = {}
    for restored in (0.0, 1.0):
        trained = model(Alignment(weight=1.0, restored=restored, blur=0.0))
        drawn = draw(whole, trained.objective.steps, PLAIN, 0.0, step_generator(0, 3))
        trained(whole, drawn)[0].backward()
        gradients[restored] = {n: p.grad.clone() for n, p in trained.named_parameters() if p.grad is not None}
    changed = {n for n in gradients[1.0] if not torch.allclose(gradients[0.0][n], gradients[1.0][n], atol=1e-8)}
    assert any(n.startswith("denoiser.") for n in changed)
    assert not any(n.startswith("heads.") for n in changed)


def test_equal_captions_and_equal_contents_are_no_negatives() -> None:
    pieces = [("A person walks.", 0), ("a person walks", 1), ("someone strolls", 0), ("a kick", 2)]
    same = alike(collate([[Piece(torch.zeros(2, 4), text, 0, kind)] for text, kind in pieces]))
    expected = torch.eye(4, dtype=torch.bool)
    expected[0, 1] = expected[1, 0] = expected[0, 2] = expected[2, 0] = True
    assert torch.equal(same, expected)


def test_a_codec_learns_one_clip_and_keeps_its_statistics() -> None:
    torch.manual_seed(0)
    features = torch.cat([0.3 * torch.randn(32, 3).cumsum(0) / 10, torch.randn(32, 260).cumsum(0) / 10], dim=-1)
    features[:, FOOT_CONTACTS] = 1.0
    clip = Clip("clip", features, ("",))
    codec = TemporalCodec(latent_dim=8, width=48, blocks=1)
    codec.features.set(features.mean(0), features.std(0).clamp(min=0.1))
    set_root_statistics(codec, [clip])
    loss = CodecLoss(codec, CodecConfig())
    optimizer = torch.optim.Adam(codec.parameters(), lr=1e-3)
    mask = torch.ones(1, 32, dtype=torch.bool)
    errors = []
    for _ in range(100):
        value, numbers = loss(features[None], mask, torch.zeros(1, 8, 5))
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        errors.append(numbers["positions_mm"].item())
    assert errors[-1] < 0.4 * errors[0]
    set_latent_statistics(codec, [clip])
    z = codec.encode(features[None]).mean
    assert z.mean(1).abs().max() < 0.5 and 0.5 < z[..., :3].std(1).mean() < 1.5
    assert (decode(codec.decode(z)) - decode(features[None])).abs().mean() < 2e-3 * errors[0]
