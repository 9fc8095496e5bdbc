"""The Triton backend under torch.compile and under torch's own check of custom operators; run by test_triton_scan.py.

A process of its own, interpreted (TRITON_INTERPRET=1) and without pytest, whose shape checks no compiler sees through.
"""

from __future__ import annotations

import torch
from torch import Tensor

from motiongen_ops import selective_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state")
SHAPES = ((1, 4, 2, 3),) * 2 + ((2, 3, 2),) + ((1, 4, 2, 2),) * 2 + ((2, 3), (1, 4, 2, 3), (2, 3), (1, 2, 3, 2))


def loss(*leaves: Tensor) -> Tensor:
    named = dict(zip(NAMES, leaves))
    y, last = selective_scan(
        **named, delta_softplus=True, reverse=(False, True), return_last_state=True, backend="triton"
    )
    return (y * 2).sum() + last.sum()


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    leaves = [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]
    expected = loss(*leaves)
    gradients = torch.autograd.grad(expected, leaves)
    for compiler in ("eager", "aot_eager"):
        torch._dynamo.reset()
        actual = torch.compile(loss, fullgraph=True, backend=compiler)(*leaves)
        assert torch.equal(actual, expected), compiler
        for name, a, b in zip(NAMES, torch.autograd.grad(actual, leaves), gradients):
            assert torch.equal(a, b), f"{compiler}: d{name}"
    operator = torch.ops.motiongen_ops.triton_scan.default
    torch.library.opcheck(operator, (*leaves, None, True, [False, True], True, True))


if __name__ == "__main__":
    main()
