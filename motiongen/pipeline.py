"""`TextToMotionPipeline`: sentences in, motions out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, overload

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

import motiongen_assets
from motiongen.checkpoint import (
    CONFIG,
    check_fit,
    index_of,
    load_module,
    pipeline_hash,
    read_json,
    save_module,
    write_json,
)
from motiongen.diffusion.noise import initial_latents
from motiongen.diffusion.objective import DiffusionObjective
from motiongen.diffusion.sampling import check_scheduler
from motiongen.diffusion.timeline import Sampling, TimelineSampler
from motiongen.editing.loop import closed, in_place_of, looped, stays
from motiongen.editing.span import Editor
from motiongen.editing.stream import MotionStream
from motiongen.features.recovery import check_recoverable, recovered
from motiongen.models.alignment import AlignmentHeads, membership
from motiongen.models.codecs import CODECS
from motiongen.models.denoiser import DENOISERS, Denoiser
from motiongen.models.text import TEXT_ENCODERS, TextEncoder, build_text_encoder
from motiongen.models.vae import MotionCodec, TemporalCodec
from motiongen.motion import FPS, Motion, MotionError
from motiongen.prompts import Duration, Prompt, Timeline, timeline, timelines

OutputType = Literal["motion", "features", "latent"]
# Called after each step as diffusers does: f(pipeline, step, timestep, {"latents": ...}) -> dict that may hold others.
StepEnd = Callable[["TextToMotionPipeline", int, int, dict[str, Tensor]], dict[str, Tensor] | None]


@dataclass(frozen=True)
class TextToMotionOutput:
    """What was generated for the first prompt comes first.

    Attributes:
        motions: the clips; empty unless `output_type` is "motion".
        features: those [t, f] of each, as the codec decodes them; empty if `output_type` is "latent".
        latents: what they were decoded from, padded to the longest.
        alignment: how well each agrees with its sentences, -1 to 1; empty for a pipeline without alignment heads.
    """

    motions: list[Motion]
    features: list[Tensor]
    latents: Float[Tensor, "b l d"]
    alignment: list[float]


@dataclass(frozen=True)
class Batch:
    """Timelines laid out over latent frames: which sentence conditions a frame, and which frames are real."""

    sentences: tuple[tuple[str, ...], ...]
    frame_sentence: Int[Tensor, "b l"]
    mask: Bool[Tensor, "b l"]
    asked: tuple[Timeline, ...]


class TextToMotionPipeline:
    """A codec, a text encoder and a denoiser that were trained together.

    Example:
        pipeline = TextToMotionPipeline.from_pretrained("base")
        motion = pipeline("a person waves with the left hand", duration=4.0).motions[0]
        motion.save("wave.npz")
    """

    def __init__(
        self,
        codec: MotionCodec,
        text_encoder: TextEncoder,
        denoiser: Denoiser,
        process: dict[str, Any] | None = None,
        name: str = "unnamed",
        digest: str = "",
        heads: AlignmentHeads | None = None,
    ) -> None:
        self.codec, self.text_encoder, self.denoiser = codec.eval(), text_encoder.eval(), denoiser.eval()
        self.heads = None if heads is None else heads.eval()
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
        kind = str(index.get("denoiser"))
        if kind not in DENOISERS:
            raise MotionError(f"{folder}: denoiser '{kind}' is unknown; there are {', '.join(DENOISERS)}")
        encoder = str(index.get("text_encoder"))
        if encoder not in TEXT_ENCODERS:
            raise MotionError(f"{folder}: text encoder '{encoder}' is unknown; there are {', '.join(TEXT_ENCODERS)}")
        process = read_json(folder / "scheduler" / "config.json")
        try:
            DiffusionObjective(process)
        except MotionError as error:
            raise MotionError(f"{folder / 'scheduler'}: no diffusion process can be built ({error})") from None
        pipeline = cls(
            load_codec(folder / "codec", str(index["codec"]) if index.get("codec") else None),
            load_module(partial(build_text_encoder, encoder), folder / "text_encoder", encoder == "wordllama"),
            load_module(DENOISERS[kind], folder / "denoiser"),
            process,
            name=folder.resolve().name,
            digest=pipeline_hash(folder),
            heads=load_module(AlignmentHeads, folder / "alignment") if index.get("alignment") else None,
        )
        check_fit(folder, pipeline.codec, pipeline.text_encoder, pipeline.denoiser)
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
        if self.heads is not None:
            save_module(self.heads, folder / "alignment", dtype)
            components["alignment"] = type(self.heads).__name__
        write_json(folder / "model_index.json", index_of(components))

    def to(self, device: str | torch.device) -> TextToMotionPipeline:
        for module in self._modules().values():
            module.to(device)
        return self

    def _modules(self) -> dict[str, nn.Module]:
        modules = {"codec": self.codec, "text_encoder": self.text_encoder, "denoiser": self.denoiser}
        return modules if self.heads is None else {**modules, "alignment": self.heads}

    @property
    def device(self) -> torch.device:
        return next(self.denoiser.parameters()).device

    @property
    def parameters(self) -> dict[str, int]:
        """Number of weights of each component."""
        return {name: sum(p.numel() for p in module.parameters()) for name, module in self._modules().items()}

    @overload
    def __call__(
        self, prompt: str | Sequence[Prompt], duration: Duration | Sequence[Duration] = ...,
        num_inference_steps: int = ..., guidance_scale: float = ..., num_motions_per_prompt: int = ...,
        generator: torch.Generator | Sequence[torch.Generator] | None = ..., latents: Tensor | None = ...,
        scheduler: str = ..., clean_feet: bool = ..., best_of: int = ..., loop: bool = ..., in_place: bool = ...,
        output_type: OutputType = ..., return_dict: Literal[True] = ...,
        callback_on_step_end: StepEnd | None = ...,
    ) -> TextToMotionOutput: ...  # fmt: skip
    @overload
    def __call__(
        self, prompt: str | Sequence[Prompt], duration: Duration | Sequence[Duration] = ...,
        num_inference_steps: int = ..., guidance_scale: float = ..., num_motions_per_prompt: int = ...,
        generator: torch.Generator | Sequence[torch.Generator] | None = ..., latents: Tensor | None = ...,
        scheduler: str = ..., clean_feet: bool = ..., best_of: int = ..., loop: bool = ..., in_place: bool = ...,
        output_type: OutputType = ..., *, return_dict: Literal[False],
        callback_on_step_end: StepEnd | None = ...,
    ) -> tuple[Any]: ...  # fmt: skip
    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[Prompt],
        duration: Duration | Sequence[Duration] = 4.0,
        num_inference_steps: int = 20,
        guidance_scale: float = 2.5,
        num_motions_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        latents: Float[Tensor, "b l d"] | None = None,
        scheduler: str = "ddim",
        clean_feet: bool = True,
        best_of: int = 1,
        loop: bool = False,
        in_place: bool = False,
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
            best_of: make so many of each clip and keep the one that agrees best with its sentences.
            loop: let the last frame flow into the first: pose, velocity, heading and, unless in place, position. The
                length is rounded up to a fifth of a second; a clip that travels is looped in place.
            in_place: take away the way over the floor, as game engines like it; feet slide then, as they must.
            output_type: "motion", or "features" or "latent" to stop before; a pipeline of KIT-ML's 21 joints, whose
                frames are counted as if there were 20 a second, makes no motions.
            return_dict: False gives a tuple with what `output_type` names alone.
            callback_on_step_end: `f(pipeline, step, timestep, {"latents": z})`; may return a dict with other latents.

        Raises:
            MotionError: an empty or too long text, a duration out of range, lists that do not fit each other.
        """
        asked = timelines(prompt, duration)
        for name, value in (("motions per prompt", num_motions_per_prompt), ("candidates to choose from", best_of)):
            if value < 1:
                raise MotionError(f"{value} {name} asked for; give at least 1")
        if output_type not in get_args(OutputType):
            raise MotionError(f"output type '{output_type}' is unknown; there are {', '.join(get_args(OutputType))}")
        if output_type == "motion":
            check_recoverable(self.codec.layout, self.name)
        if best_of > 1 and self.heads is None:
            raise MotionError(f"pipeline '{self.name}' has no alignment heads to choose by; leave out best_of")
        if (loop or in_place) and output_type != "motion":
            what = "a loop is made" if loop else "the way over the floor is taken out"
            raise MotionError(f"{what} of joints; output type '{output_type}' has none, ask for \"motion\"")
        if loop:
            self._in_time()
        sampling = self._sampling(num_inference_steps, guidance_scale, scheduler)
        asked = [t for t in asked for _ in range(num_motions_per_prompt)]
        batch = self._laid_out([t for t in asked for _ in range(best_of)])
        noise = initial_latents(latents, batch.mask, self.codec.latent_dim, generator, best_of)
        callback = None if callback_on_step_end is None else self._step_end(callback_on_step_end)
        every = None if bool(batch.mask.all()) else batch.mask
        z = self._sampler(batch.sentences, batch.frame_sentence, noise, sampling, every, callback)
        agreement = self.alignment(z, batch) if self.heads is not None else []
        if best_of > 1:
            best = torch.tensor(agreement).view(-1, best_of).argmax(1)
            rows = best + torch.arange(len(best)) * best_of
            agreement = [agreement[i] for i in rows.tolist()]
            z, batch = z[rows.to(z.device)], self._laid_out(asked)
            every = None if bool(batch.mask.all()) else batch.mask
        features: list[Tensor] = []
        motions: list[Motion] = []
        if output_type != "latent" and not loop:
            decoded = self.codec.decode(z, every, [len(t) for t in asked])
            features = [f[: len(t)].cpu() for f, t in zip(decoded, asked)]
        if output_type == "motion" and loop:
            for row in range(len(asked)):
                motion, z[row, batch.mask[row]] = self._looped(z, batch, row, sampling, clean_feet, in_place)
                motions.append(motion)
            features = [motion.extra["features"] for motion in motions]
            agreement = self.alignment(z, batch) if self.heads is not None else []
        elif output_type == "motion":
            for f, t in zip(features, asked):
                joints = recovered(f, clean_feet and not in_place)
                joints = in_place_of(joints) if in_place else joints
                motions.append(Motion(joints, FPS, t.segments(), {"features": f}))
        output = TextToMotionOutput(motions, features, z.cpu(), agreement)
        if return_dict:
            return output
        chosen: dict[str, Any] = {"motion": motions, "features": features, "latent": output.latents}
        return (chosen[output_type],)

    def edit(
        self, motion: Motion, text: str, start: int, stop: int, num_inference_steps: int = 20,
        guidance_scale: float = 2.5, generator: torch.Generator | None = None, scheduler: str = "ddim",
        clean_feet: bool = True,
    ) -> Motion:  # fmt: skip
        """The clip with frames `[start, stop)` generated anew to `text`; see `motiongen.editing.span`."""
        sampling = self._sampling(num_inference_steps, guidance_scale, scheduler)
        editor = Editor(self._in_time(), self._sampler)
        return editor.regenerated(motion, start, stop, text, sampling, generator, clean_feet)

    def extend(
        self, motion: Motion, prompt: Prompt, duration: Duration = 4.0, num_inference_steps: int = 20,
        guidance_scale: float = 2.5, generator: torch.Generator | None = None, scheduler: str = "ddim",
        clean_feet: bool = True,
    ) -> Motion:  # fmt: skip
        """The clip followed by new motion to one or several sentences; see `motiongen.editing.span`."""
        sampling = self._sampling(num_inference_steps, guidance_scale, scheduler)
        editor = Editor(self._in_time(), self._sampler)
        return editor.continued(motion, timeline(prompt, duration), sampling, generator, clean_feet)

    def stream(
        self, text: str, num_inference_steps: int = 10, guidance_scale: float = 2.5,
        generator: torch.Generator | None = None, scheduler: str = "ddim", clean_feet: bool = True,
    ) -> MotionStream:  # fmt: skip
        """Endless motion in pieces of 0.4 seconds; `say` changes the sentence at any moment. See `MotionStream`."""
        sampling = self._sampling(num_inference_steps, guidance_scale, scheduler)
        return MotionStream(self._in_time(), self._sampler, text, sampling, generator, clean_feet)

    @torch.no_grad()
    def alignment(self, z: Float[Tensor, "b l d"], batch: Batch) -> list[float]:
        """Mean cosine between the sentences of each clip and the motion of their segments, -1 to 1.

        Raises:
            MotionError: the pipeline has no alignment heads.
        """
        if self.heads is None:
            raise MotionError(f"pipeline '{self.name}' has no alignment heads to compare text and motion with")
        distinct = sorted({text for row in batch.sentences for text in row})
        told = self.heads.sentences(self.text_encoder(distinct).pooled)
        most = max(map(len, batch.sentences))
        shown = self.heads.segments(z, membership(batch.frame_sentence, batch.mask, most))
        scores = []
        for row, sentences in enumerate(batch.sentences):
            text = told[[distinct.index(t) for t in sentences]]
            scores.append(float((text * shown[row, : len(sentences)]).sum(-1).mean()))
        return scores

    @property
    def _sampler(self) -> TimelineSampler:
        return TimelineSampler(self.text_encoder, self.denoiser, self.objective)

    def _sampling(self, steps: int, guidance: float, scheduler: str) -> Sampling:
        if steps < 1 or steps > self.objective.steps:
            raise MotionError(f"{steps} steps asked for; give 1 to {self.objective.steps}")
        check_scheduler(scheduler)
        return Sampling(steps, guidance, scheduler)

    @property
    def takes_timelines(self) -> bool:
        """Whether clips can be of several sentences, edited, continued, streamed and looped."""
        return isinstance(self.codec, TemporalCodec)

    def _in_time(self, motions: bool = True) -> TemporalCodec:
        """The codec, for what needs latents that belong to times, and unless told otherwise to joints of motions."""
        if motions:
            check_recoverable(self.codec.layout, self.name)
        if not isinstance(self.codec, TemporalCodec):
            tokens = self.codec.latent_length(1)
            raise MotionError(
                f"the codec of pipeline '{self.name}' holds a whole clip in {tokens} tokens, which can be of one "
                "sentence alone and not be edited, continued or looped; use a pipeline with the temporal codec"
            )
        return self.codec

    def _laid_out(self, asked: Sequence[Timeline]) -> Batch:
        # Where no latent belongs to any time, the one sentence conditions all.
        several = any(len(t.sentences) > 1 for t in asked)
        group = self._in_time(motions=False).downsampling if several else 1
        lengths = [self.codec.latent_length(len(t)) for t in asked]
        mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        frames = torch.stack([t.of_latents(max(lengths), group) for t in asked])
        return Batch(tuple(t.sentences for t in asked), frames.to(self.device), mask.to(self.device), tuple(asked))

    def _looped(
        self, z: Float[Tensor, "b l d"], batch: Batch, row: int, sampling: Sampling, clean_feet: bool, in_place: bool
    ) -> tuple[Motion, Float[Tensor, "l d"]]:
        codec = self._in_time()
        own = z[row : row + 1, batch.mask[row]]
        frames = batch.frame_sentence[row, batch.mask[row]]
        if not in_place:
            in_place = not stays(recovered(codec.decode(own)[0].cpu()))
        generator = torch.Generator().manual_seed(0)  # the same clip has the same seam
        sentences = batch.sentences[row]
        whole = closed(self._sampler, codec, own, sentences, frames, sampling, generator, in_place)
        joints, features = looped(codec, whole, clean_feet, in_place)
        told = batch.asked[row]
        last = told.frames[-1] + len(joints) - len(told)
        segments = Timeline(told.sentences, (*told.frames[:-1], last)).segments()
        return Motion(joints, FPS, segments, {"features": features}), whole[0]

    def _step_end(self, callback: StepEnd) -> Callable[[int, int, Tensor], Tensor | None]:
        def adapted(step: int, timestep: int, z: Tensor) -> Tensor | None:
            return (callback(self, step, timestep, {"latents": z}) or {}).get("latents")

        return adapted


def load_codec(folder: Path, kind: str | None = None) -> MotionCodec:
    """The codec in a folder: of the class `kind`, or else of the one that its `config.json` names.

    Raises:
        MotionError: there is no such class, or a file is missing or damaged.
    """
    named = str(kind or read_json(folder / CONFIG).get("_class_name", TemporalCodec.__name__))
    if named not in CODECS:
        raise MotionError(f"{folder}: codec '{named}' is unknown; there are {', '.join(CODECS)}")
    return load_module(CODECS[named], folder)
