"""Device code of the selective scan's backward pass; the tiles of states are those of `triton_kernels`."""

# The compiler takes neither (*a, b) nor a test for None joined to one of values.
# ruff: noqa: RUF005, SIM102

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

from motiongen_ops.triton_kernels import (
    FREE,
    LN_2,
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
    store_states,
    sum_channels,
    sum_states,
    time_axis,
)


@triton.jit(do_not_specialize=FREE)
@no_type_check
def backward_kernel(
    u, delta, A, B, C, D, z, delta_bias, initial_state, mask, ungated, saved, ends, grad_y, grad_last, scratch,
    grad_u, grad_delta, grad_z, grad_A, grad_B, grad_C, grad_D, grad_delta_bias, grad_initial_state,
    length, groups, d, blocks, segments, segment_length, reverse_bits, one, batches,
    u_b, u_l, u_k, delta_b, delta_l, delta_k, B_b, B_l, B_k, C_b, C_l, C_k, z_b, z_l, z_k, mask_b, mask_l,
    grad_y_b, grad_y_l, grad_y_k,
    SOFTPLUS: tl.constexpr, STATES: tl.constexpr, NI: tl.constexpr, CI: tl.constexpr,
    NL: tl.constexpr, CL: tl.constexpr, SAVE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Gradients; those of A, D and delta_bias for each sequence and segment, those of B and C for each channel block.

    A program does one piece of work after another, so that what it puts aside takes memory for the programs alone.
    From a chunk's saved state the state before each of its tiles is rebuilt and put aside; then, from the last tile to
    the first, a tile's states are rebuilt in registers and the gradient of the state is carried back through them.
    """
    for work in range(tl.program_id(0), batches * groups * blocks * segments, tl.num_programs(0)):
        block, group, segment, batch = place(work, groups, blocks, segments)
        first, forth = time_axis(group, length, reverse_bits)
        scan = batch * groups + group
        n = state_index(NI, NL)
        c = channels(block, CI, CL)
        real = c < d
        A_log2 = load_states(A, group, n, c, d, one, True, STATES) * LOG2_E
        bias = 0.0
        if delta_bias is not None:
            bias = tl.load(delta_bias + group * d + c, mask=real, other=0.0).to(tl.float32)
        skip = 0.0
        if D is not None:
            skip = tl.load(D + group * d + c, mask=real, other=0.0).to(tl.float32)

        u_row = u + batch * u_b + group * u_k + c
        delta_row = delta + batch * delta_b + group * delta_k + c
        B_row = B + batch * B_b + group * B_k + n
        C_row = C + batch * C_b + group * C_k + n
        z_row = None if z is None else z + batch * z_b + group * z_k + c
        grad_y_row = grad_y + batch * grad_y_b + group * grad_y_k + c
        mask_row = None if mask is None else mask + batch * mask_b
        wide = (batch * length * groups + group) * d + c
        narrow = ((block * batches + batch) * length * groups + group) * STATES

        begin = segment * segment_length
        stop = tl.minimum(begin + segment_length, length)
        chunks = (length - 1) // SAVE
        aside = tl.program_id(0).to(tl.int64) * (SAVE // TILE)

        g = tl.zeros([NI, CI, NL, CL], tl.float32)  # dL/dh
        if grad_last is not None:
            if stop == length:
                g = load_states(grad_last, scan, n, c, d, one, True, STATES)
        if ends is not None:
            if stop < length:
                g = load_saved(ends, scan * (segments - 1) + segment, n, c, d, one, True, STATES)
        sum_A = tl.zeros([NI, CI, NL, CL], tl.float32)
        sum_D = tl.zeros([CI, CL], tl.float32)
        sum_bias = tl.zeros([CI, CL], tl.float32)

        for back in range(0, stop - begin, SAVE):
            chunk = (stop - 1) // SAVE - back // SAVE
            h = load_saved(saved, scan * chunks + chunk - 1, n, c, d, one, chunk > 0, STATES)
            if initial_state is not None:
                if chunk == 0:
                    h = load_states(initial_state, scan, n, c, d, one, True, STATES)
            start = chunk * SAVE
            tiles = (tl.minimum(stop - start, SAVE) + TILE - 1) // TILE
            for tile in range(tiles - 1):
                store_saved(scratch, aside + tile, h, n, c - block * CI * CL, CI * CL, one, STATES)
                for i in tl.static_range(TILE):
                    row, valid = place_in_time(start + tile * TILE + i, stop, first, forth, mask_row, mask_l)
                    u_t = load_row(u_row, row, u_l, real, mask_row, valid)
                    raw = load_row(delta_row, row, delta_l, real, mask_row, valid) + bias
                    dt, _ = step_size(raw, valid, SOFTPLUS)
                    B_t = load_row(B_row, row, B_l, n < STATES, mask_row, valid)
                    h = tl.exp2(over_states(dt) * A_log2) * h + over_states(dt * u_t) * over_channels(B_t)
            store_saved(scratch, aside + tiles - 1, h, n, c - block * CI * CL, CI * CL, one, STATES)
            tl.debug_barrier()  # what a lane put aside may be another's to take up

            for done in range(tiles):
                tile = tiles - 1 - done
                # Loaded first: the layout of what is loaded last is preferred, and that should be the channels'.
                h = load_saved(scratch, aside + tile, n, c - block * CI * CL, CI * CL, one, True, STATES)
                rows, valids, inputs, steps, slopes, writes, states, decays = (), (), (), (), (), (), (h,), ()
                for i in tl.static_range(TILE):
                    row, valid = place_in_time(start + tile * TILE + i, stop, first, forth, mask_row, mask_l)
                    u_t = load_row(u_row, row, u_l, real, mask_row, valid)
                    raw = load_row(delta_row, row, delta_l, real, mask_row, valid) + bias
                    dt, slope = step_size(raw, valid, SOFTPLUS)
                    B_t = load_row(B_row, row, B_l, n < STATES, mask_row, valid)
                    decay = tl.exp2(over_states(dt) * A_log2)
                    h = decay * h + over_states(dt * u_t) * over_channels(B_t)
                    rows, valids, inputs, writes = rows + (row,), valids + (valid,), inputs + (u_t,), writes + (B_t,)
                    steps, slopes, states, decays = steps + (dt,), slopes + (slope,), states + (h,), decays + (decay,)
                for i in tl.static_range(TILE - 1, -1, -1):
                    row, valid, u_t, dt, B_t = rows[i], valids[i], inputs[i], steps[i], writes[i]
                    exists = start + tile * TILE + i < stop
                    at = wide + row * (groups * d)
                    C_t = load_row(C_row, row, C_l, n < STATES, mask_row, valid)
                    dy = tl.load(grad_y_row + row * grad_y_l, mask=real & valid, other=0.0).to(tl.float32)
                    if z is not None:
                        z_t = load_row(z_row, row, z_l, real, mask_row, valid)
                        y_t = tl.load(ungated + at, mask=real & valid, other=0.0).to(tl.float32)
                        gate = sigmoid(z_t)
                        dz = dy * y_t * gate * (1.0 + z_t * (1.0 - gate))
                        tl.store(grad_z + at, dz, mask=real & exists)
                        dy *= z_t * gate
                    g += over_states(dy) * over_channels(C_t)
                    part = narrow + row * (groups * STATES) + n
                    tl.store(grad_C + part, sum_channels(states[i + 1] * over_states(dy)), mask=(n < STATES) & exists)
                    tl.store(grad_B + part, sum_channels(g * over_states(dt * u_t)), mask=(n < STATES) & exists)
                    through_input = sum_states(g * over_channels(B_t))
                    g *= decays[i]
                    through_decay = g * states[i]
                    sum_A += through_decay * over_states(dt)
                    # Masked by the slope: what does not count would still get a gradient through its decay.
                    ddelta = (u_t * through_input + sum_states(through_decay * A_log2) * LN_2) * slopes[i]
                    du = dt * through_input + skip * dy
                    tl.store(grad_u + at, du, mask=real & exists)
                    tl.store(grad_delta + at, ddelta, mask=real & exists)
                    sum_D += dy * u_t
                    sum_bias += ddelta
            tl.debug_barrier()

        part = (batch * segments + segment) * groups + group
        store_states(grad_A, part, sum_A, n, c, d, one, STATES)
        if D is not None:
            tl.store(grad_D + part * d + c, sum_D, mask=real)
        if delta_bias is not None:
            tl.store(grad_delta_bias + part * d + c, sum_bias, mask=real)
        if initial_state is not None:
            if segment == 0:
                store_states(grad_initial_state, scan, g, n, c, d, one, STATES)
