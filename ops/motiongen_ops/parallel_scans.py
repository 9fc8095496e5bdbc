"""`parallel_scans`: k convolutions, their activations, step sizes and selective scans over one input, summed.

The kernel is `fused.c`, built beside this module where a compiler was at hand; elsewhere `parallel_conv` and
`selective_scan` do the same one after the other.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from motiongen_ops import library
from motiongen_ops.dispatch import selective_scan
from motiongen_ops.parallel_conv import parallel_conv

ScansBackend = Literal["auto", "c", "composed"]
# As in fused.c.
MAX_STATES, MAX_KERNEL = 64, 16
# struct Fused in fused.c, every field eight bytes wide.
FIELDS = struct.Struct("38q")


def parallel_scans(
    x: Float[Tensor, "b l c"],
    projected: Float[Tensor, "b l p"],
    weight: Float[Tensor, "kernel k c"],
    bias: Float[Tensor, "k c"],
    to_delta: Float[Tensor, "kc rank"],
    delta_bias: Float[Tensor, "k c"],
    A: Float[Tensor, "k c n"],
    D: Float[Tensor, "k c"],
    reverse: Sequence[bool],
    mask: Bool[Tensor, "b l"] | None = None,
    backend: ScansBackend = "auto",
) -> Float[Tensor, "b l c"]:
    """k parallel pairs of depthwise convolution and selective scan of one input, summed (arXiv 2403.07487, eq. 4).

        u_i = silu(conv_i(x))                                   as `parallel_conv` has it
        delta_i = step W_i^T                                    step, B and C: the columns of `projected`
        y = sum_i scan(u_i, softplus(delta_i + delta_bias_i), A_i, B_i, C_i, D_i)       as `selective_scan` has it

    Args:
        x: input. Any strides; the last axis contiguous saves a copy.
        projected: what each frame chooses: steps [rank], then B [k n], then C [k n], in one row of p columns.
        weight, bias: of the convolutions; tap 0 sees the frame itself.
        to_delta: the matrices W_i one below the other, k c rows.
        delta_bias, A, D: of the scans; A negative.
        reverse: k bools: the scan, and with it the convolution, runs from the end.
        mask: frames with False are zeros to the convolutions, change no state, give output 0 and take gradient 0.
        backend: "auto" takes "c" for float32 on the CPU where it is built and "composed" elsewhere. "c" saves for the
            backward pass the inputs and one state every 8 frames, and has first derivatives only.

    Raises:
        ValueError: an argument's shape, dtype or device does not fit; the message names it.
        RuntimeError: the backend asked for cannot run here; the message says why.
    """
    directions = tuple(map(bool, reverse))
    tensors = (x, projected, weight, bias, to_delta, delta_bias, A, D)
    _check(*tensors, directions, mask)
    if backend not in ("auto", "c", "composed"):
        raise ValueError(f"backend is {backend!r}; expected one of auto, c, composed")
    reason = "" if backend == "composed" else refusal(tensors)
    if backend == "c" and reason:
        raise RuntimeError(f"parallel_scans cannot use backend 'c': {reason}")
    if backend == "composed" or reason:
        return _composed(*tensors, directions, mask)
    return _fused(tensors, directions, mask)


@torch.compiler.disable  # Dynamo cannot look into ctypes
def refusal(tensors: tuple[Tensor, ...]) -> str:
    """Why this call cannot go to the C library; empty if it can."""
    x, _, weight, *_, A, _ = tensors
    if x.device.type != "cpu":
        return f"x is on {x.device}; the C kernel runs on the CPU"
    if x.dtype is not torch.float32:
        return f"x is {x.dtype}; the C kernel computes in float32"
    if A.shape[-1] > MAX_STATES:
        return f"A has {A.shape[-1]} states; the C kernel takes at most {MAX_STATES}"
    if len(weight) > MAX_KERNEL:
        return f"weight has {len(weight)} taps; the C kernel takes at most {MAX_KERNEL}"
    return unavailable()


def unavailable() -> str:
    """Why the C library cannot be used on this machine; empty if it can."""
    return library.load("fused")[1]


def instruction_sets() -> tuple[str, ...]:
    """As `library.instruction_sets`."""
    return library.instruction_sets("fused")


def use_instruction_set(name: str) -> None:
    """As `library.use_instruction_set`."""
    library.use_instruction_set("fused", name)


def _check(
    x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, to_delta: Tensor, delta_bias: Tensor, A: Tensor,
    D: Tensor, reverse: tuple[bool, ...], mask: Tensor | None,
) -> None:  # fmt: skip
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"x has shape {list(x.shape)}; expected [b, l, c], every axis at least 1 long")
    b, length, c = x.shape
    k = len(reverse)
    if weight.ndim != 3 or 0 in weight.shape or weight.shape[1:] != (k, c):
        raise ValueError(f"weight has shape {list(weight.shape)}; expected [kernel, {k}, {c}] to fit reverse and x")
    if A.ndim != 3 or 0 in A.shape or A.shape[:2] != (k, c):
        raise ValueError(f"A has shape {list(A.shape)}; expected [{k}, {c}, n], at least 1 state")
    if to_delta.ndim != 2 or 0 in to_delta.shape or len(to_delta) != k * c:
        raise ValueError(f"to_delta has shape {list(to_delta.shape)}; expected [{k * c}, rank] to fit reverse and x")
    columns = to_delta.shape[1] + 2 * k * A.shape[2]
    named = (
        ("x", x, (b, length, c)), ("projected", projected, (b, length, columns)), ("weight", weight, weight.shape),
        ("bias", bias, (k, c)), ("to_delta", to_delta, to_delta.shape), ("delta_bias", delta_bias, (k, c)),
        ("A", A, A.shape), ("D", D, (k, c)),
    )  # fmt: skip
    for name, value, expected in named:
        if value.shape != expected:
            raise ValueError(
                f"{name} has shape {list(value.shape)}; expected {list(expected)} to fit x, to_delta and A"
            )
        if not value.dtype.is_floating_point or value.dtype is not x.dtype:
            raise ValueError(f"{name} is {value.dtype}; expected one floating dtype for all, as x is {x.dtype}")
        if value.device != x.device:
            raise ValueError(f"{name} is on {value.device}; expected {x.device} as x is")
    if mask is not None:
        if mask.shape != (b, length):
            raise ValueError(f"mask has shape {list(mask.shape)}; expected {[b, length]}")
        if mask.dtype is not torch.bool:
            raise ValueError(f"mask is {mask.dtype}; expected torch.bool")
        if mask.device != x.device:
            raise ValueError(f"mask is on {mask.device}; expected {x.device} as x is")


def _composed(
    x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, to_delta: Tensor, delta_bias: Tensor, A: Tensor,
    D: Tensor, reverse: tuple[bool, ...], mask: Tensor | None,
) -> Tensor:  # fmt: skip
    if mask is not None:
        blank = ~mask[..., None]
        x, projected = x.masked_fill(blank, 0), projected.masked_fill(blank, 0)
    k, c, n = A.shape
    step, B, C = projected.split([to_delta.shape[1], k * n, k * n], dim=-1)
    y = selective_scan(
        parallel_conv(x, weight, bias, reverse),
        F.linear(step, to_delta).to(x.dtype).unflatten(-1, (k, c)),
        A,
        B.unflatten(-1, (k, n)),
        C.unflatten(-1, (k, n)),
        D,
        delta_bias=delta_bias,
        delta_softplus=True,
        reverse=reverse,
        mask=mask,
    )
    return y.sum(2)


@torch.compiler.disable
def _fused(tensors: tuple[Tensor, ...], reverse: tuple[bool, ...], mask: Tensor | None) -> Tensor:
    if torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
        y: Tensor = _ParallelScans.apply(*tensors, reverse, mask)
        return y
    return _forward(_rows(tensors), reverse, mask, save=False)[0]


def _rows(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The tensors as the kernel reads them: the last axis contiguous, the parameters contiguous altogether."""
    x, projected, *parameters = tensors
    rows = (value if value.stride(-1) == 1 else value.contiguous() for value in (x, projected))
    return (*rows, *(value.contiguous() for value in parameters))


def _call(
    function: str,
    tensors: tuple[Tensor, ...],
    reverse: tuple[bool, ...],
    mask: Tensor | None,
    y: Tensor | None,
    saved: Tensor | None,
    grad_y: Tensor | None,
    gradients: tuple[Tensor | None, ...],
) -> None:
    x, projected, weight, _, to_delta, _, A, _ = tensors
    b, length, c = x.shape
    directions = ctypes.create_string_buffer(bytes(reverse))
    pointers = (*tensors, mask, directions, y, saved, grad_y, *gradients)
    arguments = FIELDS.pack(
        b,
        length,
        len(reverse),
        c,
        A.shape[2],
        to_delta.shape[1],
        len(weight),
        torch.get_num_threads(),
        mask is not None,
        *(0 if p is None else p.data_ptr() if isinstance(p, Tensor) else ctypes.addressof(p) for p in pointers),
        *x.stride()[:2],
        *projected.stride()[:2],
        *((0, 0) if mask is None else mask.stride()),
        *((0, 0) if grad_y is None else grad_y.stride()[:2]),
    )
    if not library.call("fused", function, arguments):
        raise MemoryError(f"parallel_scans on x of shape {list(x.shape)}: no memory for its scratch")


def _forward(
    tensors: tuple[Tensor, ...], reverse: tuple[bool, ...], mask: Tensor | None, save: bool
) -> tuple[Tensor, Tensor | None]:
    x, A = tensors[0], tensors[6]
    y = x.new_empty(x.shape)
    size = library.saved_states(*x.shape[:2], *A.shape) if save else 0
    saved = x.new_empty(size) if size else None
    _call("forward", tensors, reverse, mask, y, saved, None, (None,) * 8)
    return y, saved


class _ParallelScans(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, projected: Tensor, weight: Tensor, bias: Tensor, to_delta: Tensor, delta_bias: Tensor,
        A: Tensor, D: Tensor, reverse: tuple[bool, ...], mask: Tensor | None,
    ) -> Tensor:  # fmt: skip
        tensors = _rows((x, projected, weight, bias, to_delta, delta_bias, A, D))
        y, saved = _forward(tensors, reverse, mask, save=True)
        ctx.save_for_backward(*tensors, mask, saved)
        ctx.reverse = reverse
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        *tensors, mask, saved = ctx.saved_tensors
        if grad_y.stride(-1) != 1:
            grad_y = grad_y.contiguous()
        gradients = tuple(value.new_empty(value.shape) for value in tensors)
        _call("backward", tuple(tensors), ctx.reverse, mask, None, saved, grad_y, gradients)
        return (*gradients, None, None)
