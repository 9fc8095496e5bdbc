"""Device code for few long sequences: time is cut into segments that run side by side.

A segment of the recurrence h_t = a_t h_{t-1} + x_t acts on the state before it as h -> exp(A sum delta) h + r, where r
is what it makes of a state of zero. So: every r and sum of delta, then a scan over the segments, then each segment from
its own true state. The gradient of the state obeys the same recurrence, backwards in time.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

from motiongen_ops.triton_kernels import (
    FREE,
    LOG2_E,
    channels,
    load_row,
    load_saved,
    load_states,
    over_channels,
    over_states,
    place,
    place_in_time,
    sigmoid,
    state_index,
    step_size,
    store_saved,
    time_axis,
)


@triton.jit(do_not_specialize=FREE)
@no_type_check
def segment_kernel(
    x, delta, A, write, z, delta_bias, mask, results, sizes,
    length, groups, d, blocks, segments, segment_length, reverse_bits, one,
    x_b, x_l, x_k, delta_b, delta_l, delta_k, write_b, write_l, write_k, z_b, z_l, z_k, mask_b, mask_l,
    GRADIENT: tl.constexpr, SOFTPLUS: tl.constexpr, STATES: tl.constexpr, NI: tl.constexpr, CI: tl.constexpr,
    NL: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """What each segment but the last makes of a state of zero, and its sum of delta.

    With GRADIENT, what each segment but the first makes of a gradient of zero: `x` is that of y and `write` is C.
    """
    block, group, segment, batch = place(tl.program_id(0), groups, blocks, segments - 1)
    first, forth = time_axis(group, length, reverse_bits)
    n = state_index(NI, NL)
    c = channels(block, CI, CL)
    real = c < d
    A_log2 = load_states(A, group, n, c, d, one, True, STATES) * LOG2_E
    bias = 0.0
    if delta_bias is not None:
        bias = tl.load(delta_bias + group * d + c, mask=real, other=0.0).to(tl.float32)
    x_row = x + batch * x_b + group * x_k + c
    delta_row = delta + batch * delta_b + group * delta_k + c
    write_row = write + batch * write_b + group * write_k + n
    z_row = None if z is None else z + batch * z_b + group * z_k + c
    mask_row = None if mask is None else mask + batch * mask_b
    begin = segment * segment_length
    if GRADIENT:
        begin += segment_length
    stop = tl.minimum(begin + segment_length, length)

    state = tl.zeros([NI, CI, NL, CL], tl.float32)
    total = tl.zeros([CI, CL], tl.float32)
    for i in range(stop - begin):
        t = stop - 1 - i if GRADIENT else begin + i
        row, valid = place_in_time(t, stop, first, forth, mask_row, mask_l)
        raw = load_row(delta_row, row, delta_l, real, mask_row, valid) + bias
        dt, _ = step_size(raw, valid, SOFTPLUS)
        x_t = load_row(x_row, row, x_l, real, mask_row, valid)
        write_t = load_row(write_row, row, write_l, n < STATES, mask_row, valid)
        decay = tl.exp2(over_states(dt) * A_log2)
        if GRADIENT:
            if z is not None:
                z_t = load_row(z_row, row, z_l, real, mask_row, valid)
                x_t *= z_t * sigmoid(z_t)
            state = decay * (state + over_states(x_t) * over_channels(write_t))
        else:
            state = decay * state + over_states(dt * x_t) * over_channels(write_t)
        total += dt
    at = (batch * groups + group) * (segments - 1) + segment
    store_saved(results, at, state, n, c, d, one, STATES)
    tl.store(sizes + at * d + c, total, mask=real)


@triton.jit(do_not_specialize=FREE)
@no_type_check
def join_kernel(
    A, before, results, sizes, groups, d, blocks, segments, one,
    GRADIENT: tl.constexpr, STATES: tl.constexpr, NI: tl.constexpr, CI: tl.constexpr,
    NL: tl.constexpr, CL: tl.constexpr,
):  # fmt: skip
    """Turns `results`, in place, into the state before each segment but the first.

    With GRADIENT, into the gradient of the state after each segment but the last. `before` is the state, or the
    gradient, that enters from outside.
    """
    block, group, _, batch = place(tl.program_id(0), groups, blocks, 1)
    scan = batch * groups + group
    n = state_index(NI, NL)
    c = channels(block, CI, CL)
    A_log2 = load_states(A, group, n, c, d, one, True, STATES) * LOG2_E
    state = tl.zeros([NI, CI, NL, CL], tl.float32)
    if before is not None:
        state = load_states(before, scan, n, c, d, one, True, STATES)
    for i in range(segments - 1):
        at = scan * (segments - 1) + (segments - 2 - i if GRADIENT else i)
        size = tl.load(sizes + at * d + c, mask=c < d, other=0.0)
        state = tl.exp2(over_states(size) * A_log2) * state + load_saved(results, at, n, c, d, one, True, STATES)
        store_saved(results, at, state, n, c, d, one, STATES)
