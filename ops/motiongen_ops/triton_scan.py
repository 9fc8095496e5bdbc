"""The selective scan on a GPU: launches the Triton kernels and gives them to autograd and to torch.compile."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# As in triton_kernels.py, which needs triton to be imported.
SAVE, TILE = 16, 4
MAX_STATES = 64
# Below this length the two extra passes over the segments cost more than running them side by side gains.
SEGMENTS_FROM, SEGMENT_LENGTH = 2048, 256
# Warps that keep one multiprocessor busy; as many of the backward pass fit, by their registers.
WARPS = 8
SCHEDULERS = 4
INSTALLED = importlib.util.find_spec("triton") is not None


@torch.compiler.assume_constant_result
def unavailable() -> str:
    """Why the Triton kernels cannot be used on this machine; empty if they can."""
    if not INSTALLED:
        return "triton is not installed (torch's CUDA builds bring it along)"
    if not torch.cuda.is_available():
        return "there is no CUDA device"
    capability = torch.cuda.get_device_capability()
    if capability < (8, 0):
        return f"the CUDA device is sm_{capability[0]}{capability[1]}; the kernels need sm_80 or later"
    return ""


@torch.compiler.assume_constant_result
def _interpreted() -> bool:
    return INSTALLED and os.environ.get("TRITON_INTERPRET") == "1"


def refusal(u: Tensor, n: int) -> str:
    """Why this call cannot go to the Triton kernels; empty if it can."""
    if u.dtype is torch.float64:
        return "u is torch.float64; the Triton kernels compute in float32"
    if n > MAX_STATES:
        return f"A has {n} states; the Triton kernels take at most {MAX_STATES}"
    if _interpreted():
        return ""
    if u.device.type != "cuda":
        missing = "" if INSTALLED else " and triton is not installed"
        return f"u is on {u.device}{missing}; the Triton kernels run on CUDA (on a CPU only with TRITON_INTERPRET=1)"
    return unavailable()


def triton_scan(
    u: Float[Tensor, "b l k d"],
    delta: Float[Tensor, "b l k d"],
    A: Float[Tensor, "k d n"],
    B: Float[Tensor, "b l k n"],
    C: Float[Tensor, "b l k n"],
    D: Float[Tensor, "k d"] | None,
    z: Float[Tensor, "b l k d"] | None,
    delta_bias: Float[Tensor, "k d"] | None,
    initial_state: Float[Tensor, "b k d n"] | None,
    delta_softplus: bool,
    reverse: tuple[bool, ...],
    mask: Bool[Tensor, "b l"] | None,
    return_last_state: bool,
) -> tuple[Float[Tensor, "b l k d"], Float[Tensor, "b k d n"] | None]:
    """As `reference_scan`, in float32 inside whatever the inputs' types; first derivatives only.

    `y` has u's dtype, the last state is float32 and None unless asked for; gradients have their inputs' dtypes.
    """
    tensors = (u, delta, A, B, C, D, z, delta_bias, initial_state)
    save = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)
    y, last, _, _ = torch.ops.motiongen_ops.triton_scan(
        *tensors, mask, delta_softplus, list(reverse), return_last_state, save
    )
    return y, last if return_last_state else None


class Layout(NamedTuple):
    """A program's tile of states: [NI, CI, NL, CL], the last two axes over the 32 lanes of its warp."""

    NI: int
    CI: int
    NL: int
    CL: int

    @property
    def channels(self) -> int:
        return self.CI * self.CL


def forward_layout(b: int, k: int, d: int, n: int, processors: int) -> Layout:
    """One lane a channel; two channels if there is work enough, a part of one if there is too little."""
    states = 1 << (n - 1).bit_length()
    lanes = max(1, states // 16)
    if states <= 16 and b * k * -(-d // 64) >= 2 * WARPS * processors:
        return Layout(states, 2, 1, 32)
    while lanes < min(4, states) and b * k * -(-d * lanes // 32) < WARPS * processors:
        lanes *= 2
    return Layout(states // lanes, 1, lanes, 32 // lanes)


def backward_layout(b: int, k: int, d: int, n: int, processors: int) -> Layout:
    """Sixteen states a lane, spread so that sums over states and sums over channels both stay mostly within lanes."""
    states = 1 << (n - 1).bit_length()
    lanes = min(8, max(1, states // 4))
    layout = Layout(states // lanes, min(4, max(1, 16 * lanes // states)), lanes, 32 // lanes)

    def programs(layout: Layout) -> int:
        return b * k * -(-d // layout.channels)

    # A narrower tile spends more on each state: it pays where a scheduler would have no warp at all.
    while layout.CI > 1 and (layout.channels >= 2 * d or 2 * programs(layout) <= SCHEDULERS * processors):
        layout = layout._replace(CI=layout.CI // 2)
    return layout


def segments(programs: int, length: int, processors: int) -> tuple[int, int]:
    """Into how many segments to cut time, and their length."""
    if length < SEGMENTS_FROM or programs >= WARPS * processors:
        return 1, length
    wanted = min(-(-WARPS * processors // programs), length // SEGMENT_LENGTH)
    size = -(-length // wanted // SAVE) * SAVE
    return -(-length // size), size


def processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


Launch = Callable[..., None]


def launch(kernel: Any, programs: int, arguments: dict[str, Any]) -> None:
    """One warp a program; a kernel takes what it names from `arguments`."""
    with torch.cuda.device_of(arguments["A"]):
        kernel[(programs,)](**{name: arguments[name] for name in kernel.arg_names}, num_warps=1)


def strides(name: str, x: Tensor | None) -> dict[str, int]:
    return {f"{name}_{axis}": 0 if x is None else x.stride(i) for i, axis in enumerate("blk")}


def by_rows(x: Tensor | None) -> Tensor | None:
    """Last axis contiguous, offsets within a sequence in 32 bits."""
    if x is None:
        return None
    if x.stride(-1) != 1 or x.shape[1] * max(x.stride(1), x.stride(2)) >= 2**31:
        x = x.contiguous()
    if x[0].numel() >= 2**31:
        raise ValueError(f"a sequence of shape {list(x.shape[1:])} has over 2**31 numbers; cut it (initial_state)")
    return x


def common(
    tensors: Sequence[Tensor | None], mask: Tensor | None, softplus: bool, reverse: Sequence[bool]
) -> dict[str, Any]:
    """Arguments of the kernels that do not depend on how the work is cut."""
    u, delta, A, B, C, D, z, delta_bias, initial_state = tensors
    assert A is not None
    n = A.shape[-1]
    u, delta, B, C, z = (by_rows(x) for x in (u, delta, B, C, z))
    A, D, delta_bias, initial_state = (None if x is None else x.contiguous() for x in (A, D, delta_bias, initial_state))
    assert u is not None
    if len(set(reverse)) > 1 and len(reverse) > 63:
        raise ValueError(f"{len(reverse)} scans; backend 'triton' takes at most 63 if they differ in direction")
    bits = sum(1 << i for i, back in enumerate(reverse) if back) if len(set(reverse)) > 1 else -int(reverse[0])
    named = {"u": u, "delta": delta, "B": B, "C": C, "z": z}
    return {
        **named, "A": A, "D": D, "delta_bias": delta_bias, "initial_state": initial_state, "mask": mask,
        "length": u.shape[1], "groups": u.shape[2], "d": u.shape[3], "reverse_bits": bits, "one": 1,
        **{key: value for name, x in named.items() for key, value in strides(name, x).items()},
        "mask_b": 0 if mask is None else mask.stride(0), "mask_l": 0 if mask is None else mask.stride(1),
        "SOFTPLUS": softplus, "STATES": n, "SAVE": SAVE, "TILE": TILE,
    }  # fmt: skip


def cut(shared: dict[str, Any], layout: Layout, batch: int, workers: int) -> tuple[dict[str, Any], int]:
    """Arguments that say how the work is cut, and the number of programs."""
    blocks = -(-shared["d"] // layout.channels)
    programs = batch * shared["groups"] * blocks
    count, size = segments(programs, shared["length"], workers)
    return {**layout._asdict(), "blocks": blocks, "segments": count, "segment_length": size}, programs * count


def segment_states(
    arguments: dict[str, Any], batch: int, x: Tensor, write: str, before: Tensor | None, gradient: bool, run: Launch
) -> Tensor:
    """The states that enter the segments from the neighbours: [b, k, segments - 1, n, d]."""
    from motiongen_ops import triton_segments

    between, groups, d = arguments["segments"] - 1, arguments["groups"], arguments["d"]
    results = x.new_empty((batch, groups, between, arguments["STATES"], d), dtype=torch.float32)
    own = {
        **arguments, "x": x, **strides("x", x), "write": arguments[write], "GRADIENT": gradient, "before": before,
        **strides("write", arguments[write]), "results": results,
        "sizes": x.new_empty((batch, groups, between, d), dtype=torch.float32),
    }  # fmt: skip
    programs = batch * groups * arguments["blocks"]
    run(triton_segments.segment_kernel, programs * between, own)
    run(triton_segments.join_kernel, programs, own)
    return results


def forward(
    tensors: Sequence[Tensor | None], mask: Tensor | None, softplus: bool, reverse: Sequence[bool],
    want_last: bool, save: bool, run: Launch = launch,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """y, last state, y before the gate, saved states; those not wanted are empty."""
    from motiongen_ops import triton_kernels

    shared = common(tensors, mask, softplus, reverse)
    u, (k, d, n) = shared["u"], shared["A"].shape
    b, workers = u.shape[0], processors(u.device)
    own, programs = cut(shared, forward_layout(b, k, d, n, workers), b, workers)
    y, last, ungated, saved = outputs(u, n, shared["z"] is not None, want_last, save)
    arguments = {
        **shared, **own, "y": y, "starts": None,
        "last": last if want_last else None, "ungated": ungated if ungated.numel() else None,
        "saved": saved if save else None,
    }  # fmt: skip
    if own["segments"] > 1:
        arguments["starts"] = segment_states(arguments, b, u, "B", shared["initial_state"], False, run)
    run(triton_kernels.forward_kernel, programs, arguments)
    return y, last, ungated, saved


def outputs(u: Tensor, n: int, gated: bool, want_last: bool, save: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    b, length, k, d = u.shape
    return (
        u.new_empty(u.shape),
        u.new_empty((b, k, d, n) if want_last else (0,), dtype=torch.float32),
        u.new_empty(u.shape if gated and save else (0,)),
        u.new_empty((b, k, (length - 1) // SAVE, n, d) if save else (0,), dtype=torch.float32),
    )


def backward(
    tensors: Sequence[Tensor | None], mask: Tensor | None, softplus: bool, reverse: Sequence[bool],
    ungated: Tensor, saved: Tensor, grad_y: Tensor, grad_last: Tensor | None, run: Launch = launch,
) -> list[Tensor]:  # fmt: skip
    """A gradient for each of `tensors`, empty where there is none."""
    from motiongen_ops import triton_backward

    shared = common(tensors, mask, softplus, reverse)
    u, (k, d, n) = shared["u"], shared["A"].shape
    b, length = u.shape[:2]
    workers = processors(u.device)
    layout = backward_layout(b, k, d, n, workers)
    own, programs = cut(shared, layout, b, workers)
    grads = gradients(tensors)
    grad_rows = by_rows(grad_y)
    assert grad_rows is not None
    at_once = min(programs, max(1, WARPS * workers))
    parts = b * own["segments"]

    def partial(*shape: int) -> Tensor:
        return u.new_empty(shape, dtype=torch.float32)

    partials = {
        "grad_A": partial(parts, k, d, n),
        "grad_B": partial(own["blocks"], b, length, k, n),
        "grad_C": partial(own["blocks"], b, length, k, n),
        "grad_D": None if shared["D"] is None else partial(parts, k, d),
        "grad_delta_bias": None if shared["delta_bias"] is None else partial(parts, k, d),
    }
    arguments = {
        **shared, **own, **partials, "grad_y": grad_rows, **strides("grad_y", grad_rows),
        "grad_last": None if grad_last is None else grad_last.contiguous(), "ungated": ungated, "saved": saved,
        "ends": None, "batches": b, "scratch": partial(at_once, SAVE // TILE, n, layout.channels),
        "grad_u": grads[0], "grad_delta": grads[1], "grad_z": None if shared["z"] is None else grads[6],
        "grad_initial_state": None if shared["initial_state"] is None else grads[8],
    }  # fmt: skip
    if own["segments"] > 1:
        arguments["ends"] = segment_states(arguments, b, grad_rows, "C", arguments["grad_last"], True, run)
    run(triton_backward.backward_kernel, at_once, arguments)
    # Sums in a fixed order, so that two runs give the same bits.
    for place, name in ((2, "grad_A"), (3, "grad_B"), (4, "grad_C"), (5, "grad_D"), (7, "grad_delta_bias")):
        if (x := partials[name]) is not None:
            grads[place] = x.sum(0).to(grads[place].dtype)
    return grads


def gradients(tensors: Sequence[Tensor | None]) -> list[Tensor]:
    u = tensors[0]
    assert u is not None
    return [u.new_empty((0,)) if x is None else x.new_empty(x.shape) for x in tensors]


INPUTS = "Tensor u, Tensor delta, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? z, Tensor? delta_bias, \
Tensor? initial_state, Tensor? mask, bool softplus, bool[] reverse"


def _forward_op(*arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *tensors, mask, softplus, reverse, want_last, save = arguments
    return forward(tensors, mask, softplus, reverse, want_last, save)


def _forward_fake(*arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *tensors, _, _, _, want_last, save = arguments
    return outputs(tensors[0], tensors[2].shape[-1], tensors[6] is not None, want_last, save)


def _backward_op(*arguments: Any) -> list[Tensor]:
    *tensors, mask, softplus, reverse, ungated, saved, grad_y, grad_last = arguments
    return backward(tensors, mask, softplus, reverse, ungated, saved, grad_y, grad_last)


def _backward_fake(*arguments: Any) -> list[Tensor]:
    return gradients(arguments[:9])


forward_op = torch.library.custom_op(
    "motiongen_ops::triton_scan", _forward_op, mutates_args=(),
    schema=f"({INPUTS}, bool want_last, bool save) -> (Tensor, Tensor, Tensor, Tensor)",
)  # fmt: skip
forward_op.register_fake(_forward_fake)
backward_op = torch.library.custom_op(
    "motiongen_ops::triton_scan_backward", _backward_op, mutates_args=(),
    schema=f"({INPUTS}, Tensor ungated, Tensor saved, Tensor grad_y, Tensor? grad_last) -> Tensor[]",
)  # fmt: skip
backward_op.register_fake(_backward_fake)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, mask, ctx.softplus, ctx.reverse, ctx.want_last, _ = inputs
    ctx.save_for_backward(*tensors, mask, *output[2:])


def _backward(ctx: Any, grad_y: Tensor, grad_last: Tensor | None, *unused: Tensor | None) -> tuple[Any, ...]:
    *tensors, mask, ungated, saved = ctx.saved_tensors
    grads = torch.ops.motiongen_ops.triton_scan_backward(
        *tensors, mask, ctx.softplus, ctx.reverse, ungated, saved, grad_y, grad_last if ctx.want_last else None
    )
    return (*(None if x is None else grad for x, grad in zip(tensors, grads)), *(None,) * 5)


forward_op.register_autograd(_backward, setup_context=_setup)
