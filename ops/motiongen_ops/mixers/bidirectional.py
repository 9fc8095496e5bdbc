"""Vision Mamba: selective scans in both directions (Zhu et al., arXiv 2401.09417)."""

from __future__ import annotations

from motiongen_ops.mixers.mamba import SelectiveMixer


class VisionMamba(SelectiveMixer):
    """Vim's block (arXiv 2401.09417, algorithm 1): two selective scans of opposite directions under one gate.

        u, z = W_in x
        y_o  = S6_o(silu(conv1d_o(u)))          for o forwards and backwards in time, each with its own convolution,
                                                B, C, delta, A and D, as in `Mamba`
        y    = W_out ((y_forward + y_backward) silu(z))

    Both scans run in one call. Time O(l E c N), memory O(l E c).

    Args:
        channels: c, of input and output.
        states: N.
        expand: E.
        kernel: frames that each convolution sees.
        delta_range: step sizes at the start of training.
    """

    causal = False

    def __init__(
        self, channels: int, states: int = 16, expand: int = 2, kernel: int = 4,
        delta_range: tuple[float, float] = (0.001, 0.1),
    ) -> None:  # fmt: skip
        super().__init__(channels, states, expand, kernel, delta_range, (False, True))
