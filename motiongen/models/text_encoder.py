"""The interface of every text encoder, and the frame for networks that are used but not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.motion import MotionError


class TextError(MotionError):
    """A text, or a part that reads it, is not what it has to be; the message is one line for the user."""


@dataclass(frozen=True)
class TextEmbedding:
    """What a denoiser reads of `b` sentences.

    Attributes:
        tokens: one vector a token; zero where `mask` is False.
        mask: True where a token is real; every row has at least one, the empty sentence's too.
        pooled: one vector a sentence.
    """

    tokens: Float[Tensor, "b s c"]
    mask: Bool[Tensor, "b s"]
    pooled: Float[Tensor, "b c"]


class TextEncoder(nn.Module):
    """Turns sentences into a `TextEmbedding`; the empty sentence is the unconditional prompt.

    Attributes:
        kind: name in `TEXT_ENCODERS`.
        dim: channels `c` of `tokens` and `pooled`.
        config: the arguments that build this encoder again.
    """

    kind: str
    dim: int
    config: dict[str, Any]

    def forward(self, texts: list[str]) -> TextEmbedding:
        raise NotImplementedError


class Frozen(nn.Module):
    """A network that is used but not trained: no gradient, no train mode, and no place in a state dict.

    Its weights have a source of their own (a file, a hub), so a checkpoint that holds them would only be larger.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()
        self.register_state_dict_post_hook(_leave_out)
        self.register_load_state_dict_pre_hook(_keep_own)

    def train(self, mode: bool = True) -> Frozen:
        return super().train(False)

    @torch.no_grad()
    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.network(*args, **kwargs)


def _leave_out(module: nn.Module, state: dict[str, Tensor], prefix: str, metadata: dict[str, Any]) -> None:
    for key in [key for key in state if key.startswith(prefix)]:
        del state[key]


def _keep_own(module: nn.Module, state: dict[str, Tensor], prefix: str, *unused: Any) -> None:
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    state.update({prefix + name: value.detach() for name, value in own.items()})
