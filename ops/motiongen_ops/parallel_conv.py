"""`parallel_conv`: k depthwise causal convolutions of one input, with their activation, in one call.

The kernel is `conv.c`, built beside this module where a compiler was at hand; plain torch computes everywhere else.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from motiongen_ops import library

Activation = Literal["silu"] | None
ConvBackend = Literal["auto", "c", "reference"]
# As in conv.c.
MAX_KERNEL = 16
# struct Conv in conv.c, every field eight bytes wide.
FIELDS = struct.Struct("21q")


def parallel_conv(
    x: Float[Tensor, "b l c"],
    weight: Float[Tensor, "kernel k c"],
    bias: Float[Tensor, "k c"],
    reverse: Sequence[bool],
    activation: Activation = "silu",
    backend: ConvBackend = "auto",
) -> Float[Tensor, "b l k c"]:
    """k depthwise convolutions of one channel-last input, each causal in the direction of the scan that follows it.

        y[b, t, i, c] = silu(bias[i, c] + sum_j weight[j, i, c] x[b, t - j, c])

    with x[b, t + j, c] where scan i is reversed, and with zeros outside 0 <= t < l.

    Args:
        x: input. Any strides; the last axis contiguous saves a copy.
        weight: tap j of convolution i; tap 0 sees the frame itself.
        bias: one for each convolution and channel.
        reverse: k bools, the directions of the scans.
        activation: "silu", or None for the convolutions alone.
        backend: "auto" takes "c" for float32 on the CPU where it is built and "reference" elsewhere. "c" saves nothing
            but x for the backward pass and has first derivatives only.

    Raises:
        ValueError: an argument's shape, dtype or device does not fit; the message names it.
        RuntimeError: the backend asked for cannot run here; the message says why.
    """
    directions = tuple(map(bool, reverse))
    _check(x, weight, bias, directions, activation)
    if backend not in ("auto", "c", "reference"):
        raise ValueError(f"backend is {backend!r}; expected one of auto, c, reference")
    reason = "" if backend == "reference" else refusal(x, weight)
    if backend == "c" and reason:
        raise RuntimeError(f"parallel_conv cannot use backend 'c': {reason}")
    if backend == "reference" or reason:
        return _reference(x, weight, bias, directions, activation)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad or bias.requires_grad):
        y: Tensor = _ParallelConv.apply(x, weight, bias, directions, activation)
        return y
    return _forward(x, weight, bias, directions, activation)


def refusal(x: Tensor, weight: Tensor) -> str:
    """Why this call cannot go to the C library; empty if it can."""
    if x.device.type != "cpu":
        return f"x is on {x.device}; the C kernel runs on the CPU"
    if x.dtype is not torch.float32:
        return f"x is {x.dtype}; the C kernel computes in float32"
    if len(weight) > MAX_KERNEL:
        return f"weight has {len(weight)} taps; the C kernel takes at most {MAX_KERNEL}"
    return unavailable()


def _check(x: Tensor, weight: Tensor, bias: Tensor, reverse: tuple[bool, ...], activation: object) -> None:
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"x has shape {list(x.shape)}; expected [b, l, c], every axis at least 1 long")
    if weight.ndim != 3 or 0 in weight.shape or weight.shape[2] != x.shape[2]:
        raise ValueError(f"weight has shape {list(weight.shape)}; expected [kernel, k, {x.shape[2]}] to fit x")
    if bias.shape != weight.shape[1:]:
        raise ValueError(f"bias has shape {list(bias.shape)}; expected {list(weight.shape[1:])} to fit weight")
    if len(reverse) != weight.shape[1]:
        raise ValueError(f"reverse has {len(reverse)} entries; expected one for each of the {weight.shape[1]} scans")
    if activation not in ("silu", None):
        raise ValueError(f"activation is {activation!r}; expected 'silu' or None")
    for name, value in (("x", x), ("weight", weight), ("bias", bias)):
        if not value.dtype.is_floating_point or value.dtype is not x.dtype:
            raise ValueError(f"{name} is {value.dtype}; expected one floating dtype for x, weight and bias")
        if value.device != x.device:
            raise ValueError(f"{name} is on {value.device}; expected {x.device} as x is")


def _reference(x: Tensor, weight: Tensor, bias: Tensor, reverse: tuple[bool, ...], activation: Activation) -> Tensor:
    reach, length = len(weight) - 1, x.shape[1]
    padded = nn.functional.pad(x, (0, 0, reach, reach)).unsqueeze(2)
    stacks, order = [], []
    for backwards, towards in ((False, -1), (True, 1)):
        scans = [i for i, flag in enumerate(reverse) if flag is backwards]
        if not scans:
            continue
        y = bias[scans].expand(*x.shape[:2], -1, -1)
        for tap, taps in enumerate(weight[:, scans]):
            start = reach + towards * tap
            y = torch.addcmul(y, padded[:, start : start + length], taps)
        stacks.append(y)
        order += scans
    y = torch.cat(stacks, dim=2)
    if order != sorted(order):
        y = y[:, :, [order.index(i) for i in range(len(order))]]
    return nn.functional.silu(y) if activation == "silu" else y


def unavailable() -> str:
    """Why the C library cannot be used on this machine; empty if it can."""
    return library.load("conv")[1]


def instruction_sets() -> tuple[str, ...]:
    """As `library.instruction_sets`."""
    return library.instruction_sets("conv")


def use_instruction_set(name: str) -> None:
    """As `library.use_instruction_set`."""
    library.use_instruction_set("conv", name)


def _call(
    function: str,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    reverse: tuple[bool, ...],
    activation: Activation,
    y: Tensor | None,
    grad_y: Tensor | None,
    gradients: tuple[Tensor | None, Tensor | None, Tensor | None],
) -> None:
    directions = ctypes.create_string_buffer(bytes(reverse))
    pointers = (x, weight, bias, directions, y, grad_y, *gradients)
    arguments = FIELDS.pack(
        *x.shape[:2],
        *weight.shape[1:],
        len(weight),
        torch.get_num_threads(),
        activation == "silu",
        *(0 if p is None else p.data_ptr() if isinstance(p, Tensor) else ctypes.addressof(p) for p in pointers),
        *x.stride()[:2],
        *((0, 0, 0) if grad_y is None else grad_y.stride()[:3]),
    )
    if not library.call("conv", function, arguments):
        raise MemoryError(f"parallel_conv on x of shape {list(x.shape)}: no memory for its scratch")


def _forward(x: Tensor, weight: Tensor, bias: Tensor, reverse: tuple[bool, ...], activation: Activation) -> Tensor:
    x, weight, bias = x if x.stride(-1) == 1 else x.contiguous(), weight.contiguous(), bias.contiguous()
    y = x.new_empty((*x.shape[:2], *bias.shape))
    _call("forward", x, weight, bias, reverse, activation, y, None, (None, None, None))
    return y


class _ParallelConv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, reverse: tuple[bool, ...], activation: Activation
    ) -> Tensor:
        ctx.save_for_backward(x, weight, bias)
        ctx.reverse, ctx.activation = reverse, activation
        return _forward(x, weight, bias, reverse, activation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        x, weight, bias = x if x.stride(-1) == 1 else x.contiguous(), weight.contiguous(), bias.contiguous()
        grad_y = grad_y if grad_y.stride(-1) == 1 else grad_y.contiguous()
        gradients = (x.new_empty(x.shape), torch.empty_like(weight), torch.empty_like(bias))
        _call("backward", x, weight, bias, ctx.reverse, ctx.activation, None, grad_y, gradients)
        return (*gradients, None, None)
