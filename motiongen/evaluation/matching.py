"""The text-motion matching networks by which the field measures (Guo et al., CVPR 2022, supplement), in their shapes.

Modules and parameters carry the names of the published checkpoints, so that these load as they are.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

# Frames that one step of the movement encoder's result stands for.
UNIT = 4


class MovementEncoder(nn.Module):
    """Two convolutions that shorten features by four in time, and a linear layer.

    Args:
        features: channels of a frame, foot contacts left out: 259 for HumanML3D, 247 for KIT-ML.
        hidden: channels between the convolutions.
        out: channels of the result.
    """

    def __init__(self, features: int, hidden: int, out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv1d(features, hidden, 4, 2, 1),
            nn.Dropout(0.2),
            nn.LeakyReLU(0.2),
            nn.Conv1d(hidden, out, 4, 2, 1),
            nn.Dropout(0.2),
            nn.LeakyReLU(0.2),
        )
        self.out_net = nn.Linear(out, out)
        _initialise(self.main, self.out_net)

    def forward(self, features: Float[Tensor, "b t f"]) -> Float[Tensor, "b t//4 m"]:
        return self.out_net(self.main(features.transpose(1, 2)).transpose(1, 2))


class _Recurrent(nn.Module):
    """A bidirectional GRU whose two last states become one vector."""

    def __init__(self, width: int, hidden: int, out: int) -> None:
        super().__init__()
        self.input_emb = nn.Linear(width, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.LayerNorm(hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, out)
        )
        self.hidden = nn.Parameter(torch.randn(2, 1, hidden))
        _initialise(self.input_emb, self.output_net)

    def summed_up(self, x: Float[Tensor, "b s w"], lengths: Int[Tensor, " b"]) -> Float[Tensor, "b e"]:
        packed = pack_padded_sequence(self.input_emb(x), lengths.cpu(), batch_first=True, enforce_sorted=False)
        last = self.gru(packed, self.hidden.expand(-1, len(x), -1).contiguous())[1]
        return self.output_net(torch.cat([last[0], last[1]], dim=-1))


class MotionEncoder(_Recurrent):
    """Results of the movement encoder to one vector a clip."""

    def forward(self, movements: Float[Tensor, "b s m"], lengths: Int[Tensor, " b"]) -> Float[Tensor, "b e"]:
        """`lengths` counts units of four frames, at least one."""
        return self.summed_up(movements, lengths)


class TextEncoder(_Recurrent):
    """Word vectors and parts of speech to one vector a sentence.

    Args:
        word: channels of a word vector.
        pos: parts of speech that are told apart; with 0 none are.
    """

    def __init__(self, word: int, pos: int, hidden: int, out: int) -> None:
        super().__init__(word, hidden, out)
        self.pos_emb = nn.Linear(pos, word) if pos else None
        if self.pos_emb is not None:
            _initialise(self.pos_emb)

    def forward(
        self, words: Float[Tensor, "b s w"], pos: Float[Tensor, "b s p"], lengths: Int[Tensor, " b"]
    ) -> Float[Tensor, "b e"]:
        """`pos` is one-hot; `lengths` counts words, at least one."""
        return self.summed_up(words if self.pos_emb is None else words + self.pos_emb(pos), lengths)


def _initialise(*modules: nn.Module) -> None:
    for part in (p for module in modules for p in module.modules()):
        if isinstance(part, (nn.Conv1d, nn.Linear)):
            nn.init.xavier_normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
