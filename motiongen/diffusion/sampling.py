"""From noise to latents with the schedulers of diffusers, chosen by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen.diffusion.guidance import Model
from motiongen.diffusion.objective import DiffusionObjective
from motiongen.motion import MotionError

# Modules are named one by one: importing the package's own index costs a second.
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("scheduling_ddim.DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": True}),
    "dpm-solver++": ("scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "unipc": ("scheduling_unipc_multistep.UniPCMultistepScheduler", {}),
}


def check_scheduler(name: str) -> None:
    """Raises: MotionError: there is no scheduler of that name."""
    if name not in SCHEDULERS:
        raise MotionError(f"scheduler '{name}' is unknown; there are {', '.join(SCHEDULERS)}")


def build_scheduler(name: str, objective: DiffusionObjective) -> Any:
    """The named scheduler on the process that the denoiser was trained with.

    Raises:
        MotionError: there is no scheduler of that name.
    """
    check_scheduler(name)
    place, settings = SCHEDULERS[name]
    module, kind = place.split(".")
    scheduler = getattr(importlib.import_module(f"diffusers.schedulers.{module}"), kind)
    process = {k: v for k, v in objective.process.items() if k != "clip_sample"}
    # "trailing" begins at the noisiest timestep, which is what the latents at the start are (Lin et al. 2024, 3.3).
    return scheduler(**process, **settings, timestep_spacing="trailing")


@dataclass(frozen=True)
class Given:
    """Latents that are known, where `mask` is True: they stay as they are, and the model sees them without noise."""

    latents: Float[Tensor, "b l d"]
    mask: Bool[Tensor, "b l"]

    def put_into(self, z: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        return torch.where(self.mask[..., None], self.latents, z)


@torch.no_grad()
def sample(
    model: Model,
    latents: Float[Tensor, "b l d"],
    scheduler: Any,
    objective: DiffusionObjective,
    steps: int,
    callback: Callable[[int, int, Tensor], Tensor | None] | None = None,
    given: Given | None = None,
    project: Callable[[Float[Tensor, "b l d"]], Float[Tensor, "b l d"]] | None = None,
) -> Float[Tensor, "b l d"]:
    """Denoise `latents`, standard normal, in `steps` steps; the schedulers here draw no randomness of their own.

    Args:
        callback: called as (step, timestep, latents) after each step; may return other latents to go on with.
        given: frames that are known.
        project: puts the clean latents that each step expects onto a constraint, as a root that has to arrive.
    """
    scheduler.set_timesteps(steps, device=latents.device)
    z = latents * scheduler.init_noise_sigma
    for i, timestep in enumerate(scheduler.timesteps):
        level = objective.noise_level(timestep).to(z).expand(z.shape[:2])
        if given is not None:
            z, level = given.put_into(z), level.masked_fill(given.mask, 0.0)
        predicted = model(scheduler.scale_model_input(z, timestep), level)
        if project is not None:
            at = timestep.expand(z.shape[:2]).to(z.device)
            expected = objective.restored(z, predicted, at)
            expected = project(expected if given is None else given.put_into(expected))
            predicted = objective.prediction_of(z, expected, at)
        z = scheduler.step(predicted, timestep, z, return_dict=False)[0]
        if callback is not None:
            changed = callback(i, int(timestep), z)
            z = z if changed is None else changed
    return z if given is None else given.put_into(z)
