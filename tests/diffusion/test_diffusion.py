from __future__ import annotations

import pytest
import torch
from diffusers import DDPMScheduler

from motiongen.diffusion.easing import eased
from motiongen.diffusion.guidance import guided, stacked
from motiongen.diffusion.noise import initial_latents, standard_normal
from motiongen.diffusion.objective import DiffusionObjective
from motiongen.diffusion.sampling import SCHEDULERS, Given, build_scheduler, sample
from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import Denoiser
from motiongen.motion import MotionError

MEAN, STD = 0.7, 0.3


def perfect_model(objective: DiffusionObjective):
    """The exact prediction for data that is normal with mean 0.7 and deviation 0.3 in every dimension."""

    def model(z: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        alpha = objective.alphas_cumprod[(level * objective.steps).round().long()][..., None]
        signal, sigma = alpha.sqrt(), (1 - alpha).sqrt()
        clean = MEAN + signal * STD**2 / (alpha * STD**2 + sigma**2) * (z - signal * MEAN)
        noise = (z - signal * clean) / sigma
        if objective.prediction_type == "epsilon":
            return noise
        return clean if objective.prediction_type == "sample" else signal * noise - sigma * clean

    return model


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_schedulers_recover_a_known_distribution(name: str, prediction: str) -> None:
    beta = {} if prediction == "v_prediction" else {"beta_schedule": "scaled_linear", "beta_end": 0.012}
    objective = DiffusionObjective({"prediction_type": prediction, **beta})
    z = torch.randn(64, 64, 1)
    drawn = sample(perfect_model(objective), z, build_scheduler(name, objective), objective, 50)
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.05)
    assert drawn.std().item() == pytest.approx(STD, abs=0.05)


def test_noising_equals_diffusers_at_equal_levels() -> None:
    objective = DiffusionObjective()
    scheduler = DDPMScheduler(**objective.process)
    z, noise, t = torch.randn(3, 5, 2), torch.randn(3, 5, 2), torch.tensor([0, 500, 999])
    per_frame = t[:, None].expand(3, 5)
    assert torch.allclose(objective.add_noise(z, noise, per_frame), scheduler.add_noise(z, noise, t), atol=1e-6)
    assert torch.allclose(objective.target(z, noise, per_frame), scheduler.get_velocity(z, noise, t), atol=1e-6)


def test_levels_of_frames_are_independent() -> None:
    objective = DiffusionObjective()
    z, noise = torch.randn(1, 2, 3), torch.randn(1, 2, 3)
    mixed = objective.add_noise(z, noise, torch.tensor([[0, 999]]))
    assert torch.allclose(mixed[0, 0], z[0, 0], atol=0.1)
    assert torch.allclose(mixed[0, 1], noise[0, 1], atol=0.1)


def describe(tokens: int, sentences: int, batch: int = 2) -> FrameText:
    return FrameText(
        torch.randn(batch, tokens, 4),
        torch.zeros(batch, tokens, dtype=torch.long),
        torch.randn(batch, sentences, 4),
        torch.zeros(batch, 6, dtype=torch.long),
    )


class Echo(Denoiser):
    """Predicts the latents plus the first number of its sentence."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def forward(
        self, z: torch.Tensor, noise_level: torch.Tensor, text: FrameText, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        return z + text.pooled[:, :1, :1]


def test_guidance_extrapolates_from_the_empty_sentence() -> None:
    text, empty = describe(5, 2), describe(1, 1)
    z, level = torch.randn(2, 6, 3), torch.rand(2, 6)
    told, untold = Echo()(z, level, text), Echo()(z, level, empty)
    twice = guided(Echo(), text, empty, 2.0)(z, level)
    assert torch.allclose(twice, untold + 2 * (told - untold), atol=1e-6)
    assert torch.equal(guided(Echo(), text, empty, 1)(z, level), told)


def test_stacking_pads_with_invisible_tokens() -> None:
    both = stacked(describe(5, 2), describe(3, 1))
    assert both.tokens.shape == (4, 5, 4)
    assert (both.token_segment[2:, 3:] == -1).all()
    assert not both.visible()[2:, :, 3:].any()


def test_callback_sees_every_step_and_may_change_the_latents() -> None:
    objective = DiffusionObjective()
    seen = []

    def callback(step: int, timestep: int, z: torch.Tensor) -> torch.Tensor | None:
        seen.append(step)
        return torch.zeros_like(z) if step == 4 else None

    z = torch.randn(1, 4, 2)
    drawn = sample(perfect_model(objective), z, build_scheduler("ddim", objective), objective, 5, callback=callback)
    assert seen == [0, 1, 2, 3, 4]
    assert (drawn == 0).all()


def test_noise_is_drawn_where_its_generator_is_and_depends_on_its_clip_alone() -> None:
    mask = torch.arange(6)[None] < torch.tensor([6, 4])[:, None]

    def seeded(*seeds: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    both = initial_latents(None, mask, 2, seeded(1, 2))
    alone = initial_latents(None, mask[1:, :4], 2, seeded(2))
    assert torch.equal(both[1, :4], alone[0]) and (both[1, 4:] == 0).all()
    assert torch.equal(standard_normal((3, 2), seeded(2)[0], "cpu"), alone[0, :3])
    # A device that holds no numbers stands for any other than the generator's.
    assert standard_normal((3, 2), seeded(2)[0], "meta").device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_generator_of_cuda_draws_for_any_device() -> None:
    first, again = (
        standard_normal((4, 2), torch.Generator("cuda").manual_seed(1), device).cpu() for device in ("cpu", "cuda")
    )
    assert torch.equal(first, again)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(MotionError, match="'euler' is unknown; there are ddim"):
        build_scheduler("euler", DiffusionObjective())
    with pytest.raises(ValueError, match="prediction type 'score'"):
        DiffusionObjective({"prediction_type": "score"})


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_given_frames_stay_and_are_seen_without_noise(scheduler: str) -> None:
    objective = DiffusionObjective()
    known = torch.zeros(2, 6, dtype=torch.bool)
    known[0, :3] = known[1, 4:] = True
    given = Given(torch.full((2, 6, 4), 7.0), known)
    seen = []

    def model(z: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        seen.append((bool((z[known] == 7.0).all()), bool((level[known] == 0).all()), float(level[~known].min())))
        return torch.zeros_like(z)

    noise = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    z = sample(model, noise, build_scheduler(scheduler, objective), objective, 5, given=given)
    assert (z[known] == 7.0).all() and torch.isfinite(z).all()
    assert len(seen) >= 5 and all(clean and flat and level > 0 for clean, flat, level in seen)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_predictions_and_what_they_restore_are_inverse(kind: str) -> None:
    objective = DiffusionObjective({"prediction_type": kind})
    generator = torch.Generator().manual_seed(0)
    z, noise = (torch.randn(3, 5, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    timesteps = torch.randint(50, 900, (3, 5), generator=generator)
    noisy = objective.add_noise(z, noise, timesteps)
    target = objective.target(z, noise, timesteps)
    assert torch.allclose(objective.restored(noisy, target, timesteps), z, atol=1e-5)
    assert torch.allclose(objective.prediction_of(noisy, z, timesteps), target, atol=1e-5)


def test_a_projection_holds_what_each_step_expects() -> None:
    objective = DiffusionObjective()

    def centred(z: torch.Tensor) -> torch.Tensor:
        return z - z.mean(1, keepdim=True)

    def model(z: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        return -torch.ones_like(z)

    noise = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    scheduler = build_scheduler("ddim", objective)
    z = sample(model, noise, scheduler, objective, 8, project=centred)
    assert z.mean(1).abs().max() < 1e-4


def test_latents_are_eased_beside_changes_of_sentence_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 8, 3, generator=generator)
    sentence = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 0, 0, 0]])
    mask = torch.tensor([[True] * 8, [True] * 5 + [False] * 3])
    fixed = torch.zeros(2, 8, dtype=torch.bool)
    fixed[0, 3] = True
    changed = (eased(z, sentence, mask) != z).any(-1)
    # The second clip ends behind its fifth frame: what follows is padding, whose sentence says nothing.
    assert changed.nonzero().tolist() == [[0, 2], [0, 3], [1, 3], [1, 4]]
    assert (eased(z, sentence, mask, fixed) != z).any(-1).nonzero().tolist() == [[0, 2], [1, 3], [1, 4]]
    other = z.clone()
    other[1, 5:] = 100.0
    assert torch.equal(eased(other, sentence, mask)[1, :5], eased(z, sentence, mask)[1, :5])
    ramp = torch.arange(8.0)[None, :, None].expand(2, 8, 3)
    assert torch.allclose(eased(ramp, sentence, mask)[0], ramp[0])
    step = (torch.arange(8) >= 3).float()[None, :, None].expand(1, 8, 1)
    assert eased(step, sentence[:1])[0, 1:5, 0].tolist() == pytest.approx([0, 1 / 6, 5 / 6, 1])
