from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from motiongen.models.alignment import AlignmentHeads
from motiongen.models.denoiser import MotionMambaDenoiser, TransformerDenoiser
from motiongen.models.text import WordLlamaText
from motiongen.models.vae import TemporalCodec
from motiongen.motion import MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.prompts import timeline, timelines
from motiongen.skeleton import bone_lengths


def build(transformer: bool = False) -> TextToMotionPipeline:
    torch.manual_seed(0)
    text = WordLlamaText(dim=32, layers=1, feedforward=64)
    if transformer:
        denoiser = TransformerDenoiser(latent_dim=8, width=32, text_dim=32, blocks=1, heads=2, feedforward=64)
    else:
        denoiser = MotionMambaDenoiser(  # type: ignore[assignment]
            latent_dim=8, width=32, text_dim=32, blocks=2, inner=16, states=4, group=8, spatial_states=4, feedforward=64
        )
    torch.nn.init.normal_(denoiser.to_latent.weight, std=0.1)
    codec = TemporalCodec(latent_dim=8, width=48, blocks=1)
    # An untrained decoder's joints would otherwise lie on each other.
    codec.features.set(torch.randn(263), torch.rand(263))
    return TextToMotionPipeline(codec, text, denoiser)


@pytest.fixture(scope="module")
def pipeline() -> TextToMotionPipeline:
    return build()


def seeded(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_one_sentence_gives_one_motion(pipeline: TextToMotionPipeline) -> None:
    motion = pipeline("a person walks", duration=1.55, num_inference_steps=3).motions[0]
    assert len(motion) == 31 and motion.fps == 20
    assert [(s.text, s.start, s.stop) for s in motion.text] == [("a person walks", 0, 31)]
    assert motion.extra["features"].shape == (31, 263)


def test_bones_keep_their_length(pipeline: TextToMotionPipeline) -> None:
    lengths = bone_lengths(pipeline("a person walks", 2.0, num_inference_steps=3).motions[0].joints)
    assert (lengths - lengths[0]).abs().max() < 1e-5


def test_a_timeline_is_one_motion_with_its_sentences(pipeline: TextToMotionPipeline) -> None:
    output = pipeline([["a person walks", "then waves"], "a kick"], [[1.0, 2.0], 1.5], num_inference_steps=3)
    assert [len(m) for m in output.motions] == [60, 30]
    assert [(s.start, s.stop) for s in output.motions[0].text] == [(0, 20), (20, 60)]


@pytest.mark.parametrize("scheduler", ["ddim", "dpm-solver++", "unipc"])
def test_same_seed_same_motion(pipeline: TextToMotionPipeline, scheduler: str) -> None:
    first, again, other = (
        pipeline("a person walks", 2.0, 4, generator=seeded(seed), scheduler=scheduler).motions[0].joints
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_a_clip_does_not_depend_on_the_rest_of_its_batch(pipeline: TextToMotionPipeline) -> None:
    alone = pipeline("a person walks", 1.5, 4, generator=seeded(5)).motions[0].joints
    batch = pipeline(["a kick", "a person walks"], [3.0, 1.5], 4, generator=seeded(4, 5)).motions[1].joints
    assert torch.allclose(alone, batch, atol=1e-4)


def test_motions_per_prompt_and_given_latents(pipeline: TextToMotionPipeline) -> None:
    output = pipeline(["a walk", "a kick"], 2.0, 3, num_motions_per_prompt=2, generator=seeded(1, 2, 3, 4))
    assert [m.text[0].text for m in output.motions] == ["a walk", "a walk", "a kick", "a kick"]
    z = torch.randn(1, 10, 8)
    first, second = (pipeline("a walk", 2.0, 3, latents=z).motions[0].joints for _ in range(2))
    assert torch.equal(first, second)


def test_cleaning_feet_moves_the_body_but_no_pose(pipeline: TextToMotionPipeline) -> None:
    z = torch.randn(1, 10, 8)
    clean, raw = (pipeline("a walk", 2.0, 3, latents=z, clean_feet=c).motions[0].joints for c in (True, False))
    assert torch.allclose(clean - clean[:, :1], raw - raw[:, :1], atol=1e-4) and not torch.allclose(clean, raw)


def test_guidance_changes_the_motion(pipeline: TextToMotionPipeline) -> None:
    z = torch.randn(1, 10, 8)
    weak, strong = (pipeline("a walk", 2.0, 3, scale, latents=z).motions[0].joints for scale in (1.0, 4.0))
    assert not torch.allclose(weak, strong)


@pytest.mark.parametrize("transformer", [False, True])
def test_saved_pipelines_come_back_the_same(tmp_path: Path, transformer: bool) -> None:
    before = build(transformer)
    before.save_pretrained(tmp_path / "p")
    after = TextToMotionPipeline.from_pretrained(tmp_path / "p")
    z = torch.randn(1, 10, 8)
    first, second = (p("a walk", 2.0, 3, latents=z).motions[0].joints for p in (before, after))
    assert torch.equal(first, second)
    assert after.digest and after.name == "p"
    files = {p.relative_to(tmp_path / "p").as_posix() for p in (tmp_path / "p").rglob("*") if p.is_file()}
    assert files == {
        "model_index.json", "scheduler/config.json",
        *(f"{c}/{f}" for c in ("codec", "text_encoder", "denoiser") for f in ("config.json", "model.safetensors")),
    }  # fmt: skip


def test_half_precision_halves_the_files(tmp_path: Path) -> None:
    build().save_pretrained(tmp_path / "half", torch.float16)
    weights = load_file(tmp_path / "half/denoiser/model.safetensors")
    assert {w.dtype for w in weights.values()} == {torch.float16}
    assert TextToMotionPipeline.from_pretrained(tmp_path / "half")("a walk", 1.0, 2).motions[0].joints.isfinite().all()


@pytest.mark.parametrize(
    ("prompt", "duration", "message"),
    [
        ("", 2.0, "a sentence is empty"),
        ([], 2.0, "no prompt given"),
        ("a walk", 0.1, "0.1 seconds asked for; a sentence takes 0.5 to 600"),
        ("a walk", 1e9, "1e\\+09 seconds"),
        (["a", "b"], [1.0], "1 durations given for 2 prompts"),
        ([["a", "b"]], [[1.0, 2.0, 3.0]], "3 durations given for 2 sentences"),
        ("a walk " * 200, 2.0, "48"),
    ],
)
def test_bad_requests_are_told_in_one_line(
    pipeline: TextToMotionPipeline, prompt: object, duration: object, message: str
) -> None:
    with pytest.raises(MotionError, match=message) as caught:
        pipeline(prompt, duration)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_bad_numbers_are_told(pipeline: TextToMotionPipeline) -> None:
    with pytest.raises(MotionError, match="0 steps asked for; give 1 to 1000"):
        pipeline("a walk", 1.0, num_inference_steps=0)
    with pytest.raises(MotionError, match="2 generators given for 1 clips"):
        pipeline("a walk", 1.0, generator=seeded(1, 2))
    with pytest.raises(MotionError, match="latents have shape"):
        pipeline("a walk", 1.0, latents=torch.zeros(1, 3, 8))
    with pytest.raises(MotionError, match="scheduler 'euler' is unknown; there are ddim"):
        pipeline("a walk", 1.0, scheduler="euler")


def test_seconds_may_be_numbers_of_numpy(pipeline: TextToMotionPipeline) -> None:
    assert len(pipeline("a walk", np.float32(1.5), 1).motions[0]) == 30
    made = timelines(["a walk", ["a kick", "a bow"]], [np.float32(1.0), [np.float64(0.5), np.int64(1)]])
    assert [len(t) for t in made] == [20, 30]


def test_missing_and_damaged_pipelines_are_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="no pipeline 'nowhere'"):
        TextToMotionPipeline.from_pretrained("nowhere")
    folder = tmp_path / "p"
    build().save_pretrained(folder)
    weights = folder / "denoiser/model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MotionError, match=r"denoiser.*damaged"):
        TextToMotionPipeline.from_pretrained(folder)
    weights.unlink()
    with pytest.raises(MotionError, match="no such file"):
        TextToMotionPipeline.from_pretrained(folder)
    (folder / "model_index.json").write_text("not json")
    with pytest.raises(MotionError, match="not readable as JSON"):
        TextToMotionPipeline.from_pretrained(folder)


def test_output_types_are_stages_of_one_generation(pipeline: TextToMotionPipeline) -> None:
    z = torch.randn(2, 10, 8)
    asked = (["a walk", "a kick"], [2.0, 1.5], 3)
    whole = pipeline(*asked, latents=z)
    (motions,) = pipeline(*asked, latents=z, return_dict=False)
    (features,) = pipeline(*asked, latents=z, output_type="features", return_dict=False)
    (latents,) = pipeline(*asked, latents=z, output_type="latent", return_dict=False)
    assert torch.equal(motions[1].joints, whole.motions[1].joints)
    assert [len(f) for f in features] == [40, 30] and torch.equal(features[1], whole.motions[1].extra["features"])
    assert torch.equal(latents, whole.latents)
    with pytest.raises((MotionError, TypeError), match="mesh"):
        pipeline("a walk", output_type="mesh")  # type: ignore[call-overload]


def test_callback_is_that_of_diffusers(pipeline: TextToMotionPipeline) -> None:
    seen = []

    def at_end(own: TextToMotionPipeline, step: int, timestep: int, state: dict[str, torch.Tensor]) -> dict:
        seen.append((own is pipeline, step, tuple(state["latents"].shape)))
        return {"latents": torch.zeros_like(state["latents"])}

    output = pipeline("a walk", 2.0, 3, callback_on_step_end=at_end)
    assert seen == [(True, i, (1, 10, 8)) for i in range(3)]
    assert (output.latents == 0).all()


def test_the_best_of_several_is_the_one_that_agrees_most() -> None:
    pipeline = build()
    torch.manual_seed(3)
    pipeline.heads = AlignmentHeads(8, 32, dim=8, width=16, pools=2).eval()
    prompts, seconds = ["a walk", ["a kick", "a bow"]], [1.5, [1.0, 1.0]]
    best = pipeline(prompts, seconds, 3, generator=seeded(1, 2), best_of=3, output_type="latent")
    every = []
    for prompt, length, seed in zip(prompts, seconds, (1, 2)):
        generator = torch.Generator().manual_seed(seed)
        every.append([pipeline([prompt], [length], 3, generator=[generator]) for _ in range(3)])
    for row, candidates in enumerate(every):
        scores = [c.alignment[0] for c in candidates]
        assert best.alignment[row] == pytest.approx(max(scores), abs=1e-4) and len(set(scores)) == 3
        chosen = candidates[scores.index(max(scores))].latents[0]
        assert torch.allclose(best.latents[row, : len(chosen)], chosen, atol=1e-4)


def test_alignment_needs_heads_and_travels_with_the_pipeline(tmp_path: Path) -> None:
    pipeline = build()
    assert pipeline("a walk", 1.0, 2).alignment == []
    with pytest.raises(MotionError, match="no alignment heads"):
        pipeline("a walk", 1.0, 2, best_of=2)
    with pytest.raises(MotionError, match="no alignment heads"):
        pipeline.alignment(torch.zeros(1, 5, 8), pipeline._laid_out([timeline("a walk", 1.0)]))
    pipeline.heads = AlignmentHeads(8, 32, dim=8, width=16, pools=2).eval()
    pipeline.save_pretrained(tmp_path)
    again = TextToMotionPipeline.from_pretrained(tmp_path)
    first, second = (p("a walk", 1.0, 2, generator=seeded(1)).alignment for p in (pipeline, again))
    assert first == second and -1 <= first[0] <= 1


@pytest.mark.parametrize("asked", [{"loop": True}, {"in_place": True}])
@pytest.mark.parametrize("output_type", ["latent", "features"])
def test_what_is_made_of_joints_is_refused_without_them(
    pipeline: TextToMotionPipeline, asked: dict[str, bool], output_type: str
) -> None:
    with pytest.raises(MotionError, match=f"of joints; output type '{output_type}' has none"):
        pipeline("a walk", 1.0, 2, output_type=output_type, **asked)  # type: ignore[call-overload]
