"""Device code of the selective scan: what both passes share, and the forward pass.

A program is one warp and owns one sequence (or one segment of it), one of the k scans and BLOCK_D channels; time is a
loop. Its states are a tile [NI, CI, NL, CL] with n = ni * NL + nl and channel = cl * CI + ci: the last two axes are the
32 lanes, the first two are registers. So a sum over states or over channels is mostly made of additions within a lane,
where a plain [channels, states] tile spends two instructions a state and more on shuffles.
"""

# The compiler does not take a test for None joined to one of values.
# ruff: noqa: SIM102

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

# States are saved every SAVE steps for the backward pass, which handles TILE steps at a time.
SAVE = 16
TILE = 4
LOG2_E = tl.constexpr(1.4426950408889634)
LN_2 = tl.constexpr(0.6931471805599453)


@triton.jit
@no_type_check
def place(program, groups, blocks, segments):
    """Channel block (fastest: neighbours share B and C), scan, segment and sequence of a program."""
    block = program % blocks
    program = program // blocks
    group = program % groups
    program = program // groups
    return block, group, program % segments, (program // segments).to(tl.int64)


@triton.jit
@no_type_check
def time_axis(group, length, reverse_bits):
    """First row of a scan in its own direction, and the step from a row to the next one."""
    backwards = (reverse_bits.to(tl.int64) >> tl.minimum(group, 63).to(tl.int64)) & 1
    return backwards.to(tl.int32) * (length - 1), 1 - 2 * backwards.to(tl.int32)


@triton.jit
@no_type_check
def channels(block, CI: tl.constexpr, CL: tl.constexpr):
    return block * CI * CL + tl.arange(0, CI)[:, None] + tl.arange(0, CL)[None, :] * CI


@triton.jit
@no_type_check
def state_index(NI: tl.constexpr, NL: tl.constexpr):
    return tl.arange(0, NI)[:, None] * NL + tl.arange(0, NL)[None, :]


@triton.jit
@no_type_check
def over_channels(x):
    """A value for each state [NI, NL], spread over the channels."""
    return x[:, None, :, None]


@triton.jit
@no_type_check
def over_states(x):
    """A value for each channel [CI, CL], spread over the states."""
    return x[None, :, None, :]


@triton.jit
@no_type_check
def sum_states(x):
    return tl.sum(tl.sum(x, 0), 1)


@triton.jit
@no_type_check
def sum_channels(x):
    return tl.sum(tl.sum(x, 1), 2)


@triton.jit
@no_type_check
def softplus(x):
    """And its slope."""
    # log(1 + e) with e = exp(-|x|) <= 1, as 2 artanh(e / (2 + e)): the hardware's logarithm near 1 keeps no digits.
    e = tl.exp2(-tl.abs(x) * LOG2_E)
    s = e / (2.0 + e)
    r = s * s
    series = 1.0 + r * (1 / 3 + r * (1 / 5 + r * (1 / 7 + r * (1 / 9 + r * (1 / 11 + r * (1 / 13))))))
    return tl.maximum(x, 0.0) + 2.0 * s * series, tl.where(x > 0, 1.0, e) / (1.0 + e)


@triton.jit
@no_type_check
def sigmoid(x):
    return 1.0 / (1.0 + tl.exp2(-x * LOG2_E))


@triton.jit
@no_type_check
def place_in_time(t, stop, first, forth, mask_row, mask_stride):
    """The row of step `t`, and whether it counts: it is before `stop` and its frame is not padding.

    The last tile reads the last row again for the steps that it lacks, so that no load needs a bound in time.
    """
    row = first + forth * tl.minimum(t, stop - 1)
    valid = t < stop
    if mask_row is not None:
        valid &= tl.load(mask_row + row * mask_stride) != 0
    return row, valid


@triton.jit
@no_type_check
def load_row(base, row, stride, keep, mask_row, valid):
    """One row in float32. Padding may hold anything, NaN included, and reads as 0."""
    if mask_row is not None:
        keep &= valid
    return tl.load(base + row * stride, mask=keep, other=0.0).to(tl.float32)


@triton.jit
@no_type_check
def step_size(raw, valid, SOFTPLUS: tl.constexpr):
    """And its derivative. A step that does not count has size 0: exp(0) = 1 leaves the state as it is."""
    dt = raw
    slope = 1.0
    if SOFTPLUS:
        dt, slope = softplus(raw)
    return tl.where(valid, dt, 0.0), tl.where(valid, slope, 0.0)


# The functions below take `one` = 1 as a variable: were the compiler to know that a tile is contiguous in memory, it
# would lay out the states of the whole kernel for that one access.


@triton.jit
@no_type_check
def load_states(base, index, n, c, d, one, keep, STATES: tl.constexpr):
    """The `index`-th [d, n] of a contiguous tensor."""
    place = (index * d + over_states(c)) * (one * STATES) + over_channels(n) * one
    return tl.load(base + place, mask=over_states(c < d) & over_channels(n < STATES) & keep, other=0.0).to(tl.float32)


@triton.jit
@no_type_check
def store_states(base, index, value, n, c, d, one, STATES: tl.constexpr):
    place = (index * d + over_states(c)) * (one * STATES) + over_channels(n) * one
    tl.store(base + place, value, mask=over_states(c < d) & over_channels(n < STATES))


@triton.jit
@no_type_check
def load_saved(base, index, n, c, d, one, keep, STATES: tl.constexpr):
    """The `index`-th [n, d] of a contiguous tensor: neighbouring lanes are neighbouring channels."""
    place = (index * STATES + over_channels(n)) * d + over_states(c) * one
    return tl.load(base + place, mask=over_states(c < d) & over_channels(n < STATES) & keep, other=0.0)


@triton.jit
@no_type_check
def store_saved(base, index, value, n, c, d, one, STATES: tl.constexpr):
    place = (index * STATES + over_channels(n)) * d + over_states(c) * one
    tl.store(base + place, value, mask=over_states(c < d) & over_channels(n < STATES))


FREE = ["length", "groups", "d", "blocks", "segments", "segment_length", "reverse_bits", "one", "batches"]


@triton.jit(do_not_specialize=FREE)
@no_type_check
def forward_kernel(
    u, delta, A, B, C, D, z, delta_bias, initial_state, mask, starts, y, ungated, last, saved,
    length, groups, d, blocks, segments, segment_length, reverse_bits, one,
    u_b, u_l, u_k, delta_b, delta_l, delta_k, B_b, B_l, B_k, C_b, C_l, C_k, z_b, z_l, z_k, mask_b, mask_l,
    SOFTPLUS: tl.constexpr, STATES: tl.constexpr, NI: tl.constexpr, CI: tl.constexpr,
    NL: tl.constexpr, CL: tl.constexpr, SAVE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """`y` and, if wanted, the last state and the state before every SAVE-th step."""
    block, group, segment, batch = place(tl.program_id(0), groups, blocks, segments)
    first, forth = time_axis(group, length, reverse_bits)
    scan = batch * groups + group
    n = state_index(NI, NL)
    c = channels(block, CI, CL)
    real = c < d
    A_log2 = load_states(A, group, n, c, d, one, True, STATES) * LOG2_E
    bias = None
    if delta_bias is not None:
        bias = tl.load(delta_bias + group * d + c, mask=real, other=0.0).to(tl.float32)
    if D is not None:
        skip = tl.load(D + group * d + c, mask=real, other=0.0).to(tl.float32)
    if initial_state is not None:
        h = load_states(initial_state, scan, n, c, d, one, True, STATES)
    else:
        h = tl.zeros([NI, CI, NL, CL], tl.float32)
    if starts is not None:
        if segment > 0:
            h = load_saved(starts, scan * (segments - 1) + segment - 1, n, c, d, one, True, STATES)

    u_row = u + batch * u_b + group * u_k + c
    delta_row = delta + batch * delta_b + group * delta_k + c
    B_row = B + batch * B_b + group * B_k + n
    C_row = C + batch * C_b + group * C_k + n
    z_row = None if z is None else z + batch * z_b + group * z_k + c
    mask_row = None if mask is None else mask + batch * mask_b
    out_row = (batch * length * groups + group) * d + c
    chunks = (length - 1) // SAVE
    begin = segment * segment_length
    stop = tl.minimum(begin + segment_length, length)
    for start in range(begin, stop, TILE):
        if saved is not None:
            if (start % SAVE == 0) & (start > 0):
                store_saved(saved, scan * chunks + start // SAVE - 1, h, n, c, d, one, STATES)
        for i in tl.static_range(TILE):
            row, valid = place_in_time(start + i, stop, first, forth, mask_row, mask_l)
            u_t = load_row(u_row, row, u_l, real, mask_row, valid)
            raw = load_row(delta_row, row, delta_l, real, mask_row, valid)
            dt, _ = step_size(raw if bias is None else raw + bias, valid, SOFTPLUS)
            B_t = load_row(B_row, row, B_l, n < STATES, mask_row, valid)
            C_t = load_row(C_row, row, C_l, n < STATES, mask_row, valid)
            h = tl.exp2(over_states(dt) * A_log2) * h + over_states(dt * u_t) * over_channels(B_t)
            y_t = sum_states(h * over_channels(C_t))
            out = out_row + row * (groups * d)
            if D is not None:
                y_t += skip * u_t
            if z is not None:
                z_t = load_row(z_row, row, z_l, real, mask_row, valid)
                if ungated is not None:
                    tl.store(ungated + out, y_t, mask=real & (start + i < stop))
                y_t *= z_t * sigmoid(z_t)
            tl.store(y + out, y_t, mask=real & (start + i < stop))
    if last is not None:
        if stop == length:
            store_states(last, scan, h, n, c, d, one, STATES)
