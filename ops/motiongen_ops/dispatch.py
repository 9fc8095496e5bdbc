"""`selective_scan`: checks its arguments, then hands them to a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen_ops import c_scan, triton_scan
from motiongen_ops.reference import reference_scan
from motiongen_ops.torch_scan import torch_scan

Backend = Literal["auto", "c", "torch", "reference", "triton"]
BACKENDS = ("auto", "c", "torch", "reference", "triton")


def available_backends() -> dict[str, str]:
    """Each backend's name with "ok", or with the reason why it cannot run here."""
    return {
        "triton": triton_scan.unavailable() or "ok",
        "c": c_scan.unavailable() or "ok",
        "torch": "ok",
        "reference": "ok",
    }


@overload
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    z: Tensor | None = ...,
    delta_bias: Tensor | None = ...,
    delta_softplus: bool = ...,
    initial_state: Tensor | None = ...,
    return_last_state: Literal[False] = ...,
    reverse: bool | Sequence[bool] = ...,
    mask: Tensor | None = ...,
    backend: Backend = ...,
) -> Tensor: ...
@overload
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    z: Tensor | None = ...,
    delta_bias: Tensor | None = ...,
    delta_softplus: bool = ...,
    initial_state: Tensor | None = ...,
    *,
    return_last_state: Literal[True],
    reverse: bool | Sequence[bool] = ...,
    mask: Tensor | None = ...,
    backend: Backend = ...,
) -> tuple[Tensor, Tensor]: ...
def selective_scan(
    u: Float[Tensor, "b l *k d"],
    delta: Float[Tensor, "b l *k d"],
    A: Float[Tensor, "*k d n"],
    B: Float[Tensor, "b l *k n"],
    C: Float[Tensor, "b l *k n"],
    D: Float[Tensor, "*k d"] | None = None,
    z: Float[Tensor, "b l *k d"] | None = None,
    delta_bias: Float[Tensor, "*k d"] | None = None,
    delta_softplus: bool = False,
    initial_state: Float[Tensor, "b *k d n"] | None = None,
    return_last_state: bool = False,
    reverse: bool | Sequence[bool] = False,
    mask: Bool[Tensor, "b l"] | None = None,
    backend: Backend = "auto",
) -> Float[Tensor, "b l *k d"] | tuple[Float[Tensor, "b l *k d"], Float[Tensor, "b *k d n"]]:
    """Mamba's selective scan (S6, arXiv 2312.00752, section 3), k of them in one call.

        delta_t = softplus(delta_t + delta_bias)        (each part only if asked for)
        h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t
        y_t = (C_t . h_t + D u_t) silu(z_t)             (D and z only if given)

    Everything is channel-last, with or without an axis k: [b, l, d] is one scan, [b, l, k, d] are k independent ones,
    each with its own A, B, C, D and delta_bias.

    Args:
        u: input [b, l, (k,) d]. Any strides; the last axis contiguous saves a copy.
        delta: step sizes, shaped as u.
        A: decay rates [(k,) d, n], negative.
        B, C: input and output projections [b, l, (k,) n], shared by the d channels.
        D: skip [(k,) d].
        z: gate, shaped as u.
        delta_bias: [(k,) d], added to delta before the softplus.
        initial_state: [b, (k,) d, n], the state before the first step taken (the last frame's side if reversed).
        return_last_state: return (y, state after the last step taken), so that two pieces scan as one.
        reverse: scan from the end; a sequence of k bools chooses for each scan (both directions in one call).
        mask: [b, l]; frames with False change no state, give output 0, take gradient 0, and may hold anything.
        backend: "auto" takes "triton" on a GPU (sm_80 or later) and "c" on the CPU where it is built, and "torch"
            where neither can: for float64 and for more than 64 states.

    All tensors are float64, or all are float32/bfloat16/float16 and then computed in float32; y has u's dtype.

    Raises:
        ValueError: an argument's shape, dtype or device does not fit; the message names it.
        RuntimeError: the backend asked for cannot run here; the message says why.
    """
    optional = (D, z, delta_bias, initial_state)
    _check(u, delta, A, B, C, *optional, mask)
    k = u.shape[2] if u.ndim == 4 else 1
    directions = (reverse,) * k if isinstance(reverse, bool) else tuple(map(bool, reverse))
    if len(directions) != k:
        raise ValueError(f"reverse has {len(directions)} entries; expected a bool or one for each of the {k} scans")
    output_dtype = u.dtype
    half = output_dtype not in (torch.float64, torch.float32)
    chosen = _choose(backend, u.new_empty(0, dtype=torch.float32) if half else u, A.shape[-1])
    if output_dtype != torch.float64 and chosen != "triton":  # its kernels convert as they load
        u, delta, A, B, C = u.float(), delta.float(), A.float(), B.float(), C.float()
        D, z, delta_bias, initial_state = (None if x is None else x.float() for x in optional)

    last: Tensor | None
    if chosen == "c":
        options = (delta_softplus, directions, mask, return_last_state)
        y, last = c_scan.c_scan(u, delta, A, B, C, D, z, delta_bias, initial_state, *options)
    else:
        single = u.ndim == 3
        if single:
            u, delta, B, C = u.unsqueeze(2), delta.unsqueeze(2), B.unsqueeze(2), C.unsqueeze(2)
            z = None if z is None else z.unsqueeze(2)
            A = A.unsqueeze(0)
            D = None if D is None else D.unsqueeze(0)
            delta_bias = None if delta_bias is None else delta_bias.unsqueeze(0)
            initial_state = None if initial_state is None else initial_state.unsqueeze(1)
        tensors = (u, delta, A, B, C, D, z, delta_bias, initial_state)
        if chosen == "triton":
            y, last = triton_scan.triton_scan(*tensors, delta_softplus, directions, mask, return_last_state)
        else:
            scan = reference_scan if chosen == "reference" else torch_scan
            y, last = scan(*tensors, delta_softplus, directions, mask)
        if single:
            y, last = y.squeeze(2), None if last is None else last.squeeze(1)
    if output_dtype != y.dtype:
        y = y.to(output_dtype)
    if not return_last_state:
        return y
    assert last is not None
    return y, last


def _choose(backend: str, u: Tensor, n: int) -> str:
    if backend == "auto":
        if u.device.type == "cuda":
            return "torch" if triton_scan.refusal(u, n) else "triton"
        return "torch" if c_scan.refusal(u, n) else "c"
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}; expected one of {', '.join(BACKENDS)}")
    refusal = {"triton": triton_scan.refusal, "c": c_scan.refusal}.get(backend)
    if refusal is not None and (reason := refusal(u, n)):
        raise RuntimeError(f"selective_scan cannot use backend {backend!r}: {reason}")
    return backend


def _check(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    delta_bias: Tensor | None, initial_state: Tensor | None, mask: Tensor | None,
) -> None:  # fmt: skip
    shape = tuple(u.shape)
    if len(shape) not in (3, 4):
        raise ValueError(f"u has shape {list(shape)}; expected [b, l, d] or [b, l, k, d]")
    if 0 in shape:
        raise ValueError(f"u has shape {list(shape)}; expected every axis to be at least 1 long")
    batch, groups, d = shape[:1], shape[2:-1], shape[-1:]
    n = tuple(A.shape[-1:])
    if 0 in n:
        raise ValueError(f"A has shape {list(A.shape)}; expected at least 1 state")
    projection = shape[:-1] + n
    floating = (
        ("u", u, shape), ("delta", delta, shape), ("A", A, groups + d + n), ("B", B, projection), ("C", C, projection),
        ("D", D, groups + d), ("z", z, shape), ("delta_bias", delta_bias, groups + d),
        ("initial_state", initial_state, batch + groups + d + n),
    )  # fmt: skip
    double = u.dtype is torch.float64
    for name, value, expected in floating:
        if value is None:
            continue
        if value.shape != expected:
            raise ValueError(f"{name} has shape {list(value.shape)}; expected {list(expected)} to fit u and A")
        if not value.dtype.is_floating_point or (value.dtype is torch.float64) is not double:
            raise ValueError(
                f"{name} is {value.dtype}; expected {'float64 as u is' if double else 'float32, bfloat16 or float16'}"
            )
        if value.device != u.device:
            raise ValueError(f"{name} is on {value.device}; expected {u.device} as u is")
    if mask is not None:
        if mask.shape != shape[:2]:
            raise ValueError(f"mask has shape {list(mask.shape)}; expected {list(shape[:2])}")
        if mask.dtype is not torch.bool:
            raise ValueError(f"mask is {mask.dtype}; expected torch.bool")
        if mask.device != u.device:
            raise ValueError(f"mask is on {mask.device}; expected {u.device} as u is")
