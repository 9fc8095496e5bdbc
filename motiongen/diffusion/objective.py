"""What the denoiser is trained to predict, with a noise level of its own for every latent frame."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.motion import MotionError

# A cosine schedule (Nichol and Dhariwal 2021) and velocities (Salimans and Ho 2022) rather than MLD's scaled-linear one
# and noise: they reach pure noise at the last step, so that short samplings start from what training has seen.
DEFAULT_PROCESS: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "clip_sample": False,
}
# Their noise levels are worked out one by one before anything else is.
MOST_STEPS = 10_000
# What the process of every scheduler that samples can be told.
_SHARED = {
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type", "clip_sample",
}  # fmt: skip
_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")


class DiffusionObjective:
    """Noising and targets of a diffusers process.

    Frames may have different timesteps: a masked frame is one at full noise, a given frame one at none.
    """

    def __init__(self, process: dict[str, Any] | None = None) -> None:
        self.process = {**DEFAULT_PROCESS, **(process or {})}
        steps = self.process["num_train_timesteps"]
        if not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
            told = str(steps)[:40]
            raise MotionError(f"process.num_train_timesteps is {told}; give 1 to {MOST_STEPS}")
        try:
            scheduler = DDPMScheduler(**self.process)
        except Exception as error:  # whatever the library makes of numbers and names that nobody checked
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise MotionError(reason[:160]) from None
        self.steps: int = scheduler.config.num_train_timesteps
        self.prediction_type: str = scheduler.config.prediction_type
        if self.prediction_type not in ("epsilon", "v_prediction", "sample"):
            told = str(self.prediction_type)[:40]
            raise MotionError(f"prediction type '{told}' is none of epsilon, v_prediction, sample")
        self.alphas_cumprod: Tensor = scheduler.alphas_cumprod
        beyond = self.process.keys() - _SHARED
        if beyond or self.process.get("beta_schedule") not in _SCHEDULES:
            what = f"'{min(beyond)}'" if beyond else f"the schedule '{self.process.get('beta_schedule')}'"
            raise MotionError(f"not all schedulers know {what[:60]}; give {', '.join(sorted(_SHARED))}")
        if not torch.isfinite(self.alphas_cumprod).all():
            raise MotionError("its noise levels are not numbers")

    def noise_level(self, timesteps: Int[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Timesteps as the denoiser sees them: a share of the whole process, 0 for (almost) clean."""
        return timesteps / self.steps

    def add_noise(
        self, z: Float[Tensor, "b l d"], noise: Float[Tensor, "b l d"], timesteps: Int[Tensor, "b l"]
    ) -> Float[Tensor, "b l d"]:
        """z_t = sqrt(a_t) z + sqrt(1 - a_t) noise (Ho et al. 2020, equation 4)."""
        signal, sigma = self._scales(timesteps)
        return signal * z + sigma * noise

    def target(
        self, z: Float[Tensor, "b l d"], noise: Float[Tensor, "b l d"], timesteps: Int[Tensor, "b l"]
    ) -> Float[Tensor, "b l d"]:
        """The noise, the clean latents, or v = sqrt(a_t) noise - sqrt(1 - a_t) z (Salimans and Ho, appendix D)."""
        if self.prediction_type == "epsilon":
            return noise
        if self.prediction_type == "sample":
            return z
        signal, sigma = self._scales(timesteps)
        return signal * noise - sigma * z

    def restored(
        self, noisy: Float[Tensor, "b l d"], predicted: Float[Tensor, "b l d"], timesteps: Int[Tensor, "b l"]
    ) -> Float[Tensor, "b l d"]:
        """The clean latents that a prediction stands for (DDIM, equation 12, and its like for v)."""
        if self.prediction_type == "sample":
            return predicted
        signal, sigma = self._scales(timesteps)
        if self.prediction_type == "epsilon":
            return (noisy - sigma * predicted) / signal.clamp(min=1e-4)
        return signal * noisy - sigma * predicted

    def prediction_of(
        self, noisy: Float[Tensor, "b l d"], clean: Float[Tensor, "b l d"], timesteps: Int[Tensor, "b l"]
    ) -> Float[Tensor, "b l d"]:
        """The prediction that stands for these clean latents: the inverse of `restored`."""
        if self.prediction_type == "sample":
            return clean
        signal, sigma = self._scales(timesteps)
        noise = (noisy - signal * clean) / sigma.clamp(min=1e-4)
        return noise if self.prediction_type == "epsilon" else signal * noise - sigma * clean

    def signal_share(self, timesteps: Int[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """a_t: how much of the variance of noisy latents is the clip's."""
        return self.alphas_cumprod.to(timesteps.device)[timesteps]

    def _scales(self, timesteps: Int[Tensor, "b l"]) -> tuple[Float[Tensor, "b l 1"], Float[Tensor, "b l 1"]]:
        alpha = self.alphas_cumprod.to(timesteps.device)[timesteps][..., None]
        return alpha.sqrt(), (1 - alpha).sqrt()
