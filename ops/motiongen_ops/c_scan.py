"""Gives `scan.c` to autograd."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from motiongen_ops import library

# As in scan.c.
BLOCK, CHUNK, MAX_STATES = 16, 16, 64
# struct Scan in scan.c, every field eight bytes wide.
FIELDS = struct.Struct("53q")


def unavailable() -> str:
    """Why the C library cannot be used on this machine; empty if it can."""
    return library.load("scan")[1]


def instruction_sets() -> tuple[str, ...]:
    """As `library.instruction_sets`."""
    return library.instruction_sets("scan")


def use_instruction_set(name: str) -> None:
    """As `library.use_instruction_set`."""
    library.use_instruction_set("scan", name)


@torch.compiler.disable  # Dynamo cannot look into ctypes: the C library is a break in its graph
def refusal(u: Tensor, n: int) -> str:
    """Why this call cannot go to the C library; empty if it can."""
    if u.device.type != "cpu":
        return f"u is on {u.device}; the C kernel runs on the CPU"
    if u.dtype is not torch.float32:
        return f"u is {u.dtype}; the C kernel computes in float32"
    if n > MAX_STATES:
        return f"A has {n} states; the C kernel takes at most {MAX_STATES}"
    return unavailable()


@torch.compiler.disable
def c_scan(
    u: Float[Tensor, "b l *k d"],
    delta: Float[Tensor, "b l *k d"],
    A: Float[Tensor, "*k d n"],
    B: Float[Tensor, "b l *k n"],
    C: Float[Tensor, "b l *k n"],
    D: Float[Tensor, "*k d"] | None,
    z: Float[Tensor, "b l *k d"] | None,
    delta_bias: Float[Tensor, "*k d"] | None,
    initial_state: Float[Tensor, "b *k d n"] | None,
    delta_softplus: bool,
    reverse: tuple[bool, ...],
    mask: Bool[Tensor, "b l"] | None,
    return_last_state: bool,
) -> tuple[Float[Tensor, "b l *k d"], Float[Tensor, "b *k d n"] | None]:
    """As `reference_scan`, with the axis k and the last state optional; float32 on the CPU, first derivatives only."""
    tensors = (u, delta, A, B, C, D, z, delta_bias, initial_state)
    if torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors):
        return _Scan.apply(*tensors, delta_softplus, reverse, mask, return_last_state)
    y, last, _ = _forward(_rows(tensors), delta_softplus, reverse, mask, return_last_state, save=False)
    return y, last


Tensors = tuple["Tensor | None", ...]


def _rows(tensors: Tensors) -> Tensors:
    """The tensors as the kernel reads them: the last axis contiguous, the small ones contiguous altogether."""
    u, delta, A, B, C, D, z, delta_bias, initial_state = tensors
    u, delta, B, C, z = (x if x is None or x.stride(-1) == 1 else x.contiguous() for x in (u, delta, B, C, z))
    A, D, delta_bias, initial_state = (None if x is None else x.contiguous() for x in (A, D, delta_bias, initial_state))
    return u, delta, A, B, C, D, z, delta_bias, initial_state


def _pointer(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _strides(x: Tensor | None) -> tuple[int, int, int]:
    if x is None:
        return 0, 0, 0
    strides = x.stride()
    return (strides[0], strides[1], strides[2] if len(strides) == 4 else 0)


def _call(
    function: str,
    tensors: Tensors,
    delta_softplus: bool,
    reverse: tuple[bool, ...],
    mask: Tensor | None,
    outputs: Tensors,
    grad_y: Tensor | None,
    grad_last: Tensor | None,
    gradients: Tensors,
) -> None:
    u, delta, A, B, C, _, z, _, _ = tensors
    assert u is not None and A is not None
    directions = ctypes.create_string_buffer(bytes(reverse))
    arguments = FIELDS.pack(
        u.shape[0],
        u.shape[1],
        len(reverse),
        u.shape[-1],
        A.shape[-1],
        torch.get_num_threads(),
        delta_softplus,
        mask is not None,
        *map(_pointer, tensors),
        _pointer(mask),
        ctypes.addressof(directions),
        *map(_pointer, outputs),
        _pointer(grad_y),
        _pointer(grad_last),
        *map(_pointer, gradients),
        *_strides(u),
        *_strides(delta),
        *_strides(B),
        *_strides(C),
        *_strides(z),
        *_strides(grad_y),
        *((0, 0) if mask is None else mask.stride()),
    )
    if not library.call("scan", function, arguments):
        raise MemoryError(f"selective_scan on u of shape {list(u.shape)}: no memory for its scratch")


def _forward(
    tensors: Tensors, delta_softplus: bool, reverse: tuple[bool, ...], mask: Tensor | None, want_last: bool, save: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    u, A = tensors[0], tensors[2]
    assert u is not None and A is not None
    b, length, d, n, k = u.shape[0], u.shape[1], u.shape[-1], A.shape[-1], len(reverse)
    y = u.new_empty(u.shape)
    last = u.new_empty((b, *A.shape)) if want_last else None
    saves = (length - 1) // CHUNK
    saved = u.new_empty(b * k * -(-d // BLOCK) * saves * n * BLOCK) if save and saves else None
    _call("forward", tensors, delta_softplus, reverse, mask, (y, last, saved), None, None, (None,) * 9)
    return y, last, saved


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        u: Tensor,
        delta: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        D: Tensor | None,
        z: Tensor | None,
        delta_bias: Tensor | None,
        initial_state: Tensor | None,
        delta_softplus: bool,
        reverse: tuple[bool, ...],
        mask: Tensor | None,
        want_last: bool,
    ) -> tuple[Tensor, Tensor | None]:
        tensors = _rows((u, delta, A, B, C, D, z, delta_bias, initial_state))
        y, last, saved = _forward(tensors, delta_softplus, reverse, mask, want_last, save=True)
        ctx.save_for_backward(*tensors, mask, saved)
        ctx.delta_softplus, ctx.reverse = delta_softplus, reverse
        ctx.set_materialize_grads(False)
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor | None, grad_last: Tensor | None) -> tuple[Tensor | None, ...]:
        *tensors, mask, saved = ctx.saved_tensors
        if grad_y is None:
            grad_y = torch.zeros_like(tensors[0])
        if grad_y.stride(-1) != 1:
            grad_y = grad_y.contiguous()
        gradients = tuple(None if x is None else x.new_empty(x.shape) for x in tensors)
        _call(
            "backward",
            tuple(tensors),
            ctx.delta_softplus,
            ctx.reverse,
            mask,
            (None, None, saved),
            grad_y,
            None if grad_last is None else grad_last.contiguous(),
            gradients,
        )
        return (*gradients, None, None, None, None)
