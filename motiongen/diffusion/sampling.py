"""From noise to latents with the schedulers of diffusers, chosen by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.diffusion.guidance import Model
from motiongen.diffusion.objective import DiffusionObjective

# Modules are named one by one: importing the package's own index costs a second.
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("scheduling_ddim.DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": True}),
    "dpm-solver++": ("scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "unipc": ("scheduling_unipc_multistep.UniPCMultistepScheduler", {}),
}


def build_scheduler(name: str, objective: DiffusionObjective) -> Any:
    """The named scheduler on the process that the denoiser was trained with.

    Raises:
        ValueError: there is no scheduler of that name.
    """
    if name not in SCHEDULERS:
        raise ValueError(f"scheduler '{name}' is unknown; there are {', '.join(SCHEDULERS)}")
    place, settings = SCHEDULERS[name]
    module, kind = place.split(".")
    scheduler = getattr(importlib.import_module(f"diffusers.schedulers.{module}"), kind)
    process = {k: v for k, v in objective.process.items() if k != "clip_sample"}
    # "trailing" begins at the noisiest timestep, which is what the latents at the start are (Lin et al. 2024, 3.3).
    return scheduler(**process, **settings, timestep_spacing="trailing")


@torch.no_grad()
def sample(
    model: Model,
    latents: Float[Tensor, "b l d"],
    scheduler: Any,
    objective: DiffusionObjective,
    steps: int,
    callback: Callable[[int, int, Tensor], Tensor | None] | None = None,
) -> Float[Tensor, "b l d"]:
    """Denoise `latents`, standard normal, in `steps` steps; the schedulers here draw no randomness of their own.

    `callback(step, timestep, latents)` is called after each step and may return other latents to go on with.
    """
    scheduler.set_timesteps(steps, device=latents.device)
    z = latents * scheduler.init_noise_sigma
    for i, timestep in enumerate(scheduler.timesteps):
        level = objective.noise_level(timestep).to(z).expand(z.shape[:2])
        predicted = model(scheduler.scale_model_input(z, timestep), level)
        z = scheduler.step(predicted, timestep, z, return_dict=False)[0]
        if callback is not None:
            changed = callback(i, int(timestep), z)
            z = z if changed is None else changed
    return z
