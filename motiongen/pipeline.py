"""`TextToMotionPipeline`: sentences in, motions out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, overload

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

import motiongen_assets
from motiongen.checkpoint import index_of, load_module, pipeline_hash, read_json, save_module, write_json
from motiongen.diffusion.guidance import guided
from motiongen.diffusion.objective import DiffusionObjective
from motiongen.diffusion.sampling import build_scheduler, sample
from motiongen.features.feet import FEET, planted
from motiongen.features.humanml3d import FOOT_CONTACTS, decode, with_uniform_bones
from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import DENOISERS, Denoiser
from motiongen.models.text import TEXT_ENCODERS, TextEncoder, build_text_encoder
from motiongen.models.vae import TemporalCodec
from motiongen.motion import FPS, Motion, MotionError, Segment

MIN_SECONDS = 0.5
MAX_SECONDS = 600.0

OutputType = Literal["motion", "features", "latent"]
# Called after each step as diffusers does: f(pipeline, step, timestep, {"latents": ...}) -> dict that may hold others.
StepEnd = Callable[["TextToMotionPipeline", int, int, dict[str, Tensor]], dict[str, Tensor] | None]

# One sentence, or several that follow each other in one clip.
Prompt = str | Sequence[str]
Duration = float | Sequence[float]


@dataclass(frozen=True)
class TextToMotionOutput:
    """What was generated for the first prompt comes first.

    Attributes:
        motions: the clips; empty unless `output_type` is "motion".
        features: HumanML3D's features [t, 263] of each, as decoded; empty if `output_type` is "latent".
        latents: what they were decoded from, padded to the longest.
    """

    motions: list[Motion]
    features: list[Tensor]
    latents: Float[Tensor, "b l d"]


class TextToMotionPipeline:
    """A codec, a text encoder and a denoiser that were trained together.

    Example:
        pipeline = TextToMotionPipeline.from_pretrained("base")
        motion = pipeline("a person waves with the left hand", duration=4.0).motions[0]
        motion.save("wave.npz")
    """

    def __init__(
        self,
        codec: TemporalCodec,
        text_encoder: TextEncoder,
        denoiser: Denoiser,
        process: dict[str, Any] | None = None,
        name: str = "unnamed",
        digest: str = "",
    ) -> None:
        self.codec, self.text_encoder, self.denoiser = codec.eval(), text_encoder.eval(), denoiser.eval()
        self.objective = DiffusionObjective(process)
        self.name, self.digest = name, digest

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path = "base", device: str | torch.device = "cpu"
    ) -> TextToMotionPipeline:
        """Load a released pipeline by name, or one saved by `save_pretrained` by its folder.

        Raises:
            MotionError: there is no such pipeline, or one of its files is missing or damaged.
        """
        released = motiongen_assets.pipelines()
        folder = released.get(str(name_or_path), Path(name_or_path))
        if not folder.is_dir():
            names = ", ".join(released) or "none in this build"
            raise MotionError(f"no pipeline '{name_or_path}'; released are {names}, or give a folder")
        index = read_json(folder / "model_index.json")
        kind = index.get("denoiser")
        if kind not in DENOISERS:
            raise MotionError(f"{folder}: denoiser '{kind}' is unknown; there are {', '.join(DENOISERS)}")
        encoder = index.get("text_encoder")
        if encoder not in TEXT_ENCODERS:
            raise MotionError(f"{folder}: text encoder '{encoder}' is unknown; there are {', '.join(TEXT_ENCODERS)}")
        pipeline = cls(
            load_module(TemporalCodec, folder / "codec"),
            load_module(lambda **config: build_text_encoder(encoder, **config), folder / "text_encoder"),
            load_module(DENOISERS[kind], folder / "denoiser"),
            read_json(folder / "scheduler" / "config.json"),
            name=folder.resolve().name,
            digest=pipeline_hash(folder),
        )
        return pipeline.to(device)

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write `model_index.json` and a folder a component; weights as `dtype`, or as they are."""
        folder = Path(folder)
        save_module(self.codec, folder / "codec", dtype)
        save_module(self.text_encoder, folder / "text_encoder", dtype)
        save_module(self.denoiser, folder / "denoiser", dtype)
        write_json(folder / "scheduler" / "config.json", self.objective.process)
        components = {
            "codec": type(self.codec).__name__,
            "text_encoder": self.text_encoder.kind,
            "denoiser": type(self.denoiser).__name__,
        }
        write_json(folder / "model_index.json", index_of(components))

    def to(self, device: str | torch.device) -> TextToMotionPipeline:
        for module in (self.codec, self.text_encoder, self.denoiser):
            module.to(device)
        return self

    @property
    def device(self) -> torch.device:
        return next(self.denoiser.parameters()).device

    @property
    def parameters(self) -> dict[str, int]:
        """Number of weights of each component."""
        modules = {"codec": self.codec, "text_encoder": self.text_encoder, "denoiser": self.denoiser}
        return {name: sum(p.numel() for p in module.parameters()) for name, module in modules.items()}

    @overload
    def __call__(
        self, prompt: str | Sequence[Prompt], duration: float | Sequence[Duration] = ...,
        num_inference_steps: int = ..., guidance_scale: float = ..., num_motions_per_prompt: int = ...,
        generator: torch.Generator | Sequence[torch.Generator] | None = ..., latents: Tensor | None = ...,
        scheduler: str = ..., clean_feet: bool = ..., output_type: OutputType = ..., return_dict: Literal[True] = ...,
        callback_on_step_end: StepEnd | None = ...,
    ) -> TextToMotionOutput: ...  # fmt: skip
    @overload
    def __call__(
        self, prompt: str | Sequence[Prompt], duration: float | Sequence[Duration] = ...,
        num_inference_steps: int = ..., guidance_scale: float = ..., num_motions_per_prompt: int = ...,
        generator: torch.Generator | Sequence[torch.Generator] | None = ..., latents: Tensor | None = ...,
        scheduler: str = ..., clean_feet: bool = ..., output_type: OutputType = ..., *, return_dict: Literal[False],
        callback_on_step_end: StepEnd | None = ...,
    ) -> tuple[Any]: ...  # fmt: skip
    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[Prompt],
        duration: float | Sequence[Duration] = 4.0,
        num_inference_steps: int = 20,
        guidance_scale: float = 2.5,
        num_motions_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Float[Tensor, "b l d"] | None = None,
        scheduler: str = "ddim",
        clean_feet: bool = True,
        output_type: OutputType = "motion",
        return_dict: bool = True,
        callback_on_step_end: StepEnd | None = None,
    ) -> TextToMotionOutput | tuple[Any]:
        """Generate motions. Arguments are those of diffusers' pipelines, and `duration`.

        Args:
            prompt: one sentence, or a list with an entry a clip: a sentence, or a list of sentences that follow each
                other in that clip.
            duration: seconds, one number for all sentences or nested like `prompt`. Rounded to frames at 20 fps.
            guidance_scale: how much more than the empty sentence the sentence counts; 1 switches guidance off.
            num_motions_per_prompt: clips for each entry of `prompt`.
            generator: randomness, one for all or one a clip; with one a clip, a clip does not depend on the others.
            latents: standard normal latents to start from instead.
            scheduler: one of `motiongen.diffusion.sampling.SCHEDULERS`.
            clean_feet: move the body so that feet in contact with the floor do not slide on it.
            output_type: "motion", or "features" or "latent" to stop before.
            return_dict: False gives a tuple with what `output_type` names alone.
            callback_on_step_end: `f(pipeline, step, timestep, {"latents": z})`; may return a dict with other latents.

        Raises:
            MotionError: an empty or too long text, a duration out of range, lists that do not fit each other.
        """
        timelines = _timelines(prompt, duration)
        if num_motions_per_prompt < 1:
            raise MotionError(f"{num_motions_per_prompt} motions per prompt asked for; give at least 1")
        if output_type not in get_args(OutputType):
            raise MotionError(f"output type '{output_type}' is unknown; there are {', '.join(get_args(OutputType))}")
        timelines = [t for t in timelines for _ in range(num_motions_per_prompt)]
        if num_inference_steps < 1 or num_inference_steps > self.objective.steps:
            raise MotionError(f"{num_inference_steps} steps asked for; give 1 to {self.objective.steps}")
        frames = [sum(n for _, n in t) for t in timelines]
        group = self.codec.downsampling
        lengths = [-(-n // group) for n in frames]
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        segments = _segment_of_latents(timelines, max(lengths), group)
        mask, segments = mask.to(self.device), segments.to(self.device)
        z = self._initial_latents(latents, mask, generator)
        every = None if bool(mask.all()) else mask
        text, empty = self._embed(timelines, segments)
        model = guided(self.denoiser, text, empty, guidance_scale, every)
        steps = build_scheduler(scheduler, self.objective)
        callback = None if callback_on_step_end is None else self._step_end(callback_on_step_end)
        z = sample(model, z, steps, self.objective, num_inference_steps, callback)
        features: list[Tensor] = []
        motions: list[Motion] = []
        if output_type != "latent":
            features = [f[:n].cpu() for f, n in zip(self.codec.decode(z, every), frames)]
        if output_type == "motion":
            motions = [_to_motion(f, timeline, clean_feet) for f, timeline in zip(features, timelines)]
        output = TextToMotionOutput(motions, features, z.cpu())
        if return_dict:
            return output
        chosen: dict[str, Any] = {"motion": motions, "features": features, "latent": output.latents}
        return (chosen[output_type],)

    def _step_end(self, callback: StepEnd) -> Callable[[int, int, Tensor], Tensor | None]:
        def adapted(step: int, timestep: int, z: Tensor) -> Tensor | None:
            return (callback(self, step, timestep, {"latents": z}) or {}).get("latents")

        return adapted

    def _embed(
        self, timelines: list[list[tuple[str, int]]], segments: Int[Tensor, "b l"]
    ) -> tuple[FrameText, FrameText]:
        """The sentences and the empty sentence, laid out by frame."""
        distinct = ["", *sorted({text for timeline in timelines for text, _ in timeline})]
        embedding = self.text_encoder(distinct)
        rows = [[distinct.index(text) for text, _ in timeline] for timeline in timelines]
        nothing = [[0] for _ in timelines]
        return FrameText.build(embedding, rows, segments), FrameText.build(embedding, nothing, segments * 0)

    def _initial_latents(
        self,
        latents: Float[Tensor, "n m d"] | None,
        mask: Bool[Tensor, "b l"],
        generator: torch.Generator | Sequence[torch.Generator] | None,
    ) -> Float[Tensor, "b l d"]:
        shape = (*mask.shape, self.codec.latent_dim)
        if latents is not None:
            if tuple(latents.shape) != shape:
                raise MotionError(f"latents have shape {tuple(latents.shape)}; these durations need {shape}")
            return latents.to(self.device)
        if generator is None or isinstance(generator, torch.Generator):
            return _noise(shape, generator).to(self.device)
        if len(generator) != shape[0]:
            raise MotionError(f"{len(generator)} generators given for {shape[0]} clips; give one, or one a clip")
        z = torch.zeros(shape)
        for row, own in enumerate(generator):
            # Only as much as the clip needs, so that its noise does not depend on the length of the others.
            length = int(mask[row].sum())
            z[row, :length] = _noise((length, shape[2]), own).cpu()
        return z.to(self.device)


def _noise(shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    return torch.randn(shape, generator=generator, device=None if generator is None else generator.device)


def _timelines(prompt: str | Sequence[Prompt], duration: float | Sequence[Duration]) -> list[list[tuple[str, int]]]:
    """(sentence, frames) of every sentence of every clip."""
    prompts: list[Prompt] = [prompt] if isinstance(prompt, str) else list(prompt)
    durations: list[Duration] = (
        [float(duration)] * len(prompts) if isinstance(duration, (int, float)) else list(duration)
    )
    if not prompts:
        raise MotionError("no prompt given; give at least one sentence")
    if len(durations) != len(prompts):
        raise MotionError(f"{len(durations)} durations given for {len(prompts)} prompts; give one, or one a prompt")
    timelines = []
    for entry, length in zip(prompts, durations):
        sentences = [entry] if isinstance(entry, str) else list(entry)
        seconds = [float(length)] * len(sentences) if isinstance(length, (int, float)) else [float(s) for s in length]
        if not sentences or len(seconds) != len(sentences):
            raise MotionError(f"{len(seconds)} durations given for {len(sentences)} sentences; give one, or one each")
        for text in sentences:
            if not text.strip():
                raise MotionError("a sentence is empty; say what the person does")
        for s in seconds:
            if not MIN_SECONDS <= s <= MAX_SECONDS:
                raise MotionError(f"{s:g} seconds asked for; a sentence takes {MIN_SECONDS:g} to {MAX_SECONDS:g}")
        timelines.append([(text.strip(), round(s * FPS)) for text, s in zip(sentences, seconds)])
    return timelines


def _segment_of_latents(timelines: list[list[tuple[str, int]]], length: int, group: int) -> Int[Tensor, "b l"]:
    """Which sentence each latent frame belongs to: that of its middle; the last sentence goes on to the end."""
    middles = torch.arange(length) * group + group // 2
    rows = []
    for timeline in timelines:
        stops = torch.tensor([n for _, n in timeline]).cumsum(0)
        rows.append(torch.bucketize(middles, stops, right=True).clamp(max=len(timeline) - 1))
    return torch.stack(rows)


def _to_motion(features: Float[Tensor, "t 263"], timeline: list[tuple[str, int]], clean_feet: bool) -> Motion:
    """Joints with bones of constant length, and the sentences at their frames."""
    decoded = decode(features)
    joints = with_uniform_bones(decoded)
    if clean_feet:
        joints = planted(joints, features[:, FOOT_CONTACTS], decoded[:, FEET, 1])
    segments, start = [], 0
    for text, frames in timeline:
        segments.append(Segment(text, start, start + frames))
        start += frames
    return Motion(joints, FPS, tuple(segments), {"features": features})
