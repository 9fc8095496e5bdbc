"""AITS: seconds that one sentence takes at batch 1, loading excluded, for a pipeline and its Transformer twin."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from motiongen.models.denoiser import DENOISERS
from motiongen.motion import FPS
from motiongen.pipeline import OutputType, TextToMotionPipeline
from motiongen.training.config import load_config


def untrained_twin(pipeline: TextToMotionPipeline) -> TextToMotionPipeline:
    """The pipeline with the denoiser of the configuration `transformer`, untrained: weights do not change the cost."""
    config = load_config("denoiser", "transformer")
    sizes = {"latent_dim": pipeline.codec.latent_dim, "text_dim": pipeline.text_encoder.dim}
    denoiser = DENOISERS[config.denoiser](**{**config.model, **sizes}).eval().to(pipeline.device)
    return TextToMotionPipeline(
        pipeline.codec, pipeline.text_encoder, denoiser, pipeline.objective.process, name="transformer, untrained"
    )


def seconds_a_sentence(
    pipelines: Sequence[TextToMotionPipeline],
    captions: Sequence[str],
    frames: Sequence[int],
    steps: int,
    guidance: float,
) -> list[float]:
    """Mean seconds from a sentence to its motion, each sentence by itself; pipelines take turns, so that what else the
    machine does meets all of them. The first sentence of each is not counted. A pipeline that makes no motions is timed
    up to its features.
    """
    ends: list[OutputType] = ["motion" if p.codec.layout.makes_motions else "features" for p in pipelines]
    seconds = [0.0] * len(pipelines)
    for i, (caption, length) in enumerate(zip([captions[0], *captions], [frames[0], *frames])):
        for j, pipeline in enumerate(pipelines):
            began = time.perf_counter()
            generator = torch.Generator().manual_seed(i)
            pipeline(caption, length / FPS, steps, guidance, generator=generator, output_type=ends[j])
            if i > 0:
                seconds[j] += time.perf_counter() - began
    return [total / len(captions) for total in seconds]
