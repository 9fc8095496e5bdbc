"""Standardisation of features by a dataset's mean and standard deviation, kept beside the weights that rely on it."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from motiongen.arrays import read_npy
from motiongen.motion import MotionError


class Normalizer(nn.Module):
    """`(x - mean) / std` and its inverse; the statistics are buffers, so they are saved and moved with the module."""

    mean: Tensor
    std: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("std", torch.ones(dim))

    def set(self, mean: Float[Tensor, "f"], std: Float[Tensor, "f"]) -> None:
        """Take statistics; features that never vary are left unscaled rather than divided by nothing."""
        if mean.shape != self.mean.shape or std.shape != self.std.shape:
            raise ValueError(f"statistics of {tuple(mean.shape)} given, {tuple(self.mean.shape)} needed")
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)))

    def set_from(self, folder: Path) -> None:
        """Take `Mean.npy` and `Std.npy` of a dataset in the HumanML3D layout.

        Raises:
            MotionError: one of them is damaged, or holds something else.
        """
        try:
            mean, std = (torch.from_numpy(read_npy(folder / name)).float() for name in ("Mean.npy", "Std.npy"))
            self.set(mean, std)
        except (TypeError, ValueError) as error:
            raise MotionError(f"{folder}: its Mean.npy or Std.npy cannot be used ({error})") from None

    def normalize(self, x: Float[Tensor, "*b f"]) -> Float[Tensor, "*b f"]:
        return (x - self.mean) / self.std

    def denormalize(self, x: Float[Tensor, "*b f"]) -> Float[Tensor, "*b f"]:
        return x * self.std + self.mean
