/* The selective scan on a CPU, forward and backward, in fp32.
 *
 * Channels lie in the vector lanes and the n states of a channel are looped over, so B and C are broadcasts and y needs
 * no horizontal sum. One block is 16 channels whatever the machine's vector width. The backward pass saves nothing but
 * the state every CHUNK steps; it rebuilds a chunk's states and decays in a scratch that fits the cache.
 * Sums over channels and over the batch go through partial buffers whose number depends on the shape alone: the same
 * call gives the same bits for any number of threads, and there are no atomics on floats.
 *
 * kernels.h includes this file once per instruction set. */

#ifndef WIDTH

#include <stddef.h>
#include <stdint.h>

enum { BLOCK = 16, CHUNK = 16, MAX_STATES = 64 };

/* Mirrors FIELDS in c_scan.py: every field is eight bytes. Strides count elements; the last axis is contiguous. */
typedef struct {
    int64_t b, l, k, d, n, threads, softplus, has_mask;
    const float *u, *delta, *A, *B, *C, *D, *z, *bias, *h0;
    const uint8_t *mask;
    uint64_t reverse; /* bytes, one for each scan */
    float *y, *last, *saved;
    const float *gy, *glast;
    float *gu, *gdelta, *gA, *gB, *gC, *gD, *gz, *gbias, *gh0;
    int64_t su[3], sdelta[3], sB[3], sC[3], sz[3], sgy[3], smask[2];
} Scan;

/* What one call derives from its Scan before the threads start. */
typedef struct {
    const Scan *s;
    int64_t blocks, saves;        /* channel blocks a scan; saved states a block */
    const float *A;               /* [k][block][n][BLOCK], zero beyond d */
    char *scratch;                /* `scratch_bytes` for each thread */
    size_t scratch_bytes;
    int64_t slices, groups;       /* backward: slices of the batch, groups of channel blocks */
    float *part_A, *part_D, *part_bias; /* [slice][k][block][...] */
    float *part_B, *part_C;       /* [group][b][l][k][n]; the gradients themselves when there is one group */
} Job;

/* Frames of sequence `b` in the order scan `k` visits them; the masked ones follow behind. Returns how many are valid. */
static int64_t visit(const Scan *s, int64_t b, int64_t k, int32_t *order) {
    const int back = ((const uint8_t *)(uintptr_t)s->reverse)[k];
    int64_t valid = 0, padded = s->l;
    for (int64_t i = 0; i < s->l; i++) {
        const int64_t t = back ? s->l - 1 - i : i;
        if (s->has_mask && !s->mask[b * s->smask[0] + t * s->smask[1]])
            order[--padded] = (int32_t)t;
        else
            order[valid++] = (int32_t)t;
    }
    return valid;
}

#define KERNEL "scan.c"
#include "kernels.h"

int motiongen_scan_best_level(void) { return best_level(); }

void motiongen_scan_set_level(int wanted) { level = wanted; }

void motiongen_scan_set_team(Team wanted) { team = wanted; }

/* Threads worth starting: one for each ~100 microseconds of work. */
static int64_t useful_threads(const Scan *s, int64_t units, int64_t states_each) {
    const int64_t work = s->b * s->l * s->k * s->d * s->n;
    return least(least(s->threads, MAX_THREADS), least(units, 1 + work / states_each));
}

/* Few enough work items at a time that the threads end together. */
static int64_t stride_of(int64_t units, int64_t threads) { return units / (threads * 8) + 1; }

static size_t round64(size_t bytes) { return (bytes + 63) / 64 * 64; }

static void pack_A(const Scan *s, int64_t blocks, float *packed) {
    memset(packed, 0, sizeof(float) * s->k * blocks * s->n * BLOCK);
    for (int64_t k = 0; k < s->k; k++)
        for (int64_t c = 0; c < s->d; c++)
            for (int64_t i = 0; i < s->n; i++)
                packed[((k * blocks + c / BLOCK) * s->n + i) * BLOCK + c % BLOCK] = s->A[(k * s->d + c) * s->n + i];
}

/* Returns 0, or 1 when memory ran out. */
int motiongen_scan_forward(const Scan *s) {
    const int64_t blocks = (s->d + BLOCK - 1) / BLOCK, units = s->b * s->k * blocks;
    const int64_t threads = useful_threads(s, units, 400000);
    const size_t bytes_A = round64(sizeof(float) * s->k * blocks * s->n * BLOCK), each = round64(sizeof(int32_t) * s->l);
    char *memory;
    if (posix_memalign((void **)&memory, 64, bytes_A + threads * each))
        return 1;
    pack_A(s, blocks, (float *)memory);
    Job job = {.s = s, .blocks = blocks, .saves = (s->l - 1) / CHUNK, .A = (float *)memory,
               .scratch = memory + bytes_A, .scratch_bytes = each};
    run(&job, PICK(forward_work), units, stride_of(units, threads), threads);
    free(memory);
    return 0;
}

int motiongen_scan_backward(const Scan *s) {
    const int64_t blocks = (s->d + BLOCK - 1) / BLOCK, n = s->n;
    Job job = {.s = s, .blocks = blocks, .saves = (s->l - 1) / CHUNK};
    /* Few sequences: split the channels too, so that there is work for several threads. */
    job.groups = s->b * s->k >= 8 ? 1 : least(blocks, (8 + s->b * s->k - 1) / (s->b * s->k));
    const int64_t group_blocks = (blocks + job.groups - 1) / job.groups;
    job.groups = (blocks + group_blocks - 1) / group_blocks;
    const int64_t lanes = s->k * job.groups;
    job.slices = least(s->b, (128 + lanes - 1) / lanes);
    const int64_t units = job.slices * lanes;
    const int64_t threads = useful_threads(s, units, 150000);
    job.scratch_bytes = round64(sizeof(int32_t) * s->l) +
                        sizeof(float) * BLOCK * n * (group_blocks + 4 * CHUNK + 1);
    const size_t rows = s->k * blocks * BLOCK, bytes_A = sizeof(float) * rows * n;
    const size_t projection = job.groups > 1 ? round64(sizeof(float) * s->b * s->l * s->k * n) : 0;
    const size_t total = bytes_A * (1 + job.slices) + 2 * sizeof(float) * rows * job.slices +
                         2 * projection * job.groups + threads * job.scratch_bytes;
    char *memory, *at;
    if (posix_memalign((void **)&memory, 64, total))
        return 1;
    at = memory;
    pack_A(s, blocks, (float *)at);
    job.A = (float *)at, at += bytes_A;
    job.part_A = (float *)at, at += bytes_A * job.slices;
    job.part_D = (float *)at, at += sizeof(float) * rows * job.slices;
    job.part_bias = (float *)at, at += sizeof(float) * rows * job.slices;
    job.part_B = projection ? (float *)at : s->gB, at += projection * job.groups;
    job.part_C = projection ? (float *)at : s->gC, at += projection * job.groups;
    job.scratch = at;
    run(&job, PICK(backward_work), units, stride_of(units, threads), threads);
    run(&job, PICK(sum_slices), s->k * blocks, stride_of(s->k * blocks, threads), threads);
    if (projection) {
        const int64_t size = s->b * s->l * s->k * n, stride = projection / sizeof(float);
        for (int64_t i = 0; i < size; i++) {
            float sum_B = 0, sum_C = 0;
            for (int64_t g = 0; g < job.groups; g++) {
                sum_B += job.part_B[g * stride + i];
                sum_C += job.part_C[g * stride + i];
            }
            s->gB[i] = sum_B, s->gC[i] = sum_C;
        }
    }
    free(memory);
    return 0;
}

#else /* ---------------------------------------------------------------- one instruction set, WIDTH lanes */

#define v4 NAME(v4)
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));
#define LANES (BLOCK / WIDTH) /* vectors in a block */

/* Frames lie kilobytes apart, which no prefetcher of the machine follows: ask for the next block of this frame. */
INLINE vf NAME(read)(const float *p, int64_t count) {
    __builtin_prefetch(p + BLOCK);
    return load_some(p, count);
}

/* One vector of channels: where it starts and how many of its lanes exist. */
#define column NAME(column)
typedef struct {
    int64_t b, k, c, count;
    const float *A; /* [n][BLOCK] */
    vf D, bias;
} column;

INLINE column NAME(column_at)(const Job *job, int64_t b, int64_t k, int64_t block, int lane) {
    const Scan *s = job->s;
    column o = {.b = b, .k = k, .c = block * BLOCK + lane * WIDTH};
    o.count = least(s->d - o.c, WIDTH);
    o.A = job->A + (k * job->blocks + block) * s->n * BLOCK + lane * WIDTH;
    o.D = s->D ? load_some(s->D + k * s->d + o.c, o.count) : splat(0);
    o.bias = s->bias ? load_some(s->bias + k * s->d + o.c, o.count) : splat(0);
    return o;
}
#define AT(pointer, stride, t) (pointer + o.b * stride[0] + (t) * stride[1] + o.k * stride[2])
#define READ(pointer, stride, t) NAME(read)(AT(pointer, stride, t) + o.c, o.count)
#define OUT(pointer, t) (pointer + ((o.b * s->l + (t)) * s->k + o.k) * s->d + o.c)

/* The deltas of the recurrence for some frames. Apart from the recurrence, as is the gate: a softplus has a latency of
 * a hundred cycles, which only other frames can fill. */
INLINE void NAME(step_sizes)(const Scan *s, const column o, const int32_t *order, int64_t steps, vf *dt) {
    for (int64_t i = 0; i < steps; i++) {
        const vf raw = READ(s->delta, s->sdelta, order[i]) + o.bias;
        dt[i] = s->softplus ? vsoftplus(raw) : raw;
    }
}

/* States [b][k][d][n] <-> n vectors of channels; without an array they are zero. */
INLINE void NAME(load_state)(const Scan *s, const column o, const float *from, int n, vf *h) {
    float lanes[WIDTH] = {0};
    if (!from) {
        for (int i = 0; i < n; i++)
            h[i] = splat(0);
        return;
    }
    for (int i = 0; i < n; i++) {
        for (int64_t c = 0; c < o.count; c++)
            lanes[c] = from[((o.b * s->k + o.k) * s->d + o.c + c) * n + i];
        h[i] = load(lanes);
    }
}
INLINE void NAME(store_state)(const Scan *s, const column o, float *to, int n, const vf *h) {
    float lanes[WIDTH];
    for (int i = 0; i < n; i++) {
        store(lanes, h[i]);
        for (int64_t c = 0; c < o.count; c++)
            to[((o.b * s->k + o.k) * s->d + o.c + c) * n + i] = lanes[c];
    }
}

INLINE float *NAME(saved_state)(const Job *job, const column o, int64_t save) {
    const Scan *s = job->s;
    return s->saved + (((o.b * s->k + o.k) * job->blocks + o.c / BLOCK) * job->saves + save) * s->n * BLOCK + o.c % BLOCK;
}

INLINE void NAME(forward_column)(const Job *job, const column o, const int32_t *order, int64_t valid, const int n) {
    const Scan *s = job->s;
    vf h[MAX_STATES], dt[CHUNK], y[CHUNK];
    NAME(load_state)(s, o, s->h0, n, h);
    for (int64_t start = 0; start < valid; start += CHUNK) {
        const int64_t steps = least(CHUNK, valid - start);
        if (s->saved && start) {
            float *to = NAME(saved_state)(job, o, start / CHUNK - 1);
            for (int j = 0; j < n; j++)
                store(to + j * BLOCK, h[j]);
        }
        NAME(step_sizes)(s, o, order + start, steps, dt);
        for (int64_t i = 0; i < steps; i++) {
            const int64_t t = order[start + i];
            const vf u = READ(s->u, s->su, t), scaled = dt[i] * LOG2E, input = dt[i] * u;
            const float *B = AT(s->B, s->sB, t), *C = AT(s->C, s->sC, t);
            vf sum = o.D * u;
#pragma GCC unroll 16
            for (int j = 0; j < n; j++) {
                h[j] = vexp2(scaled * load(o.A + j * BLOCK)) * h[j] + input * B[j];
                sum += h[j] * C[j];
            }
            y[i] = sum;
        }
        for (int64_t i = 0; i < steps; i++) {
            const int64_t t = order[start + i];
            if (s->z) {
                const vf z = READ(s->z, s->sz, t);
                y[i] *= z * sigmoid(z);
            }
            store_some(OUT(s->y, t), y[i], o.count);
        }
    }
    for (int64_t i = valid; i < s->l; i++)
        store_some(OUT(s->y, order[i]), splat(0), o.count);
    if (s->last)
        NAME(store_state)(s, o, s->last, n, h);
}

static void NAME(forward_work)(Job *job, int64_t first, int64_t last, char *scratch) {
    const Scan *s = job->s;
    int32_t *order = (int32_t *)scratch;
    int64_t valid = 0, visited = -1;
    for (int64_t unit = first; unit < last; unit++) {
        const int64_t sequence = unit / job->blocks, b = sequence / s->k, k = sequence % s->k;
        if (sequence != visited)
            valid = visit(s, b, k, order);
        visited = sequence;
        for (int lane = 0; lane < LANES; lane++) {
            const column o = NAME(column_at)(job, b, k, unit % job->blocks, lane);
            if (s->n == 16)
                NAME(forward_column)(job, o, order, valid, 16);
            else if (s->n == 8)
                NAME(forward_column)(job, o, order, valid, 8);
            else
                NAME(forward_column)(job, o, order, valid, (int)s->n);
        }
    }
}

/* One chunk of one channel block in the backward pass; all of it in the thread's scratch. */
#define tape NAME(tape)
typedef struct {
    const int32_t *order;
    int64_t start, steps;
    float *h;             /* [CHUNK + 1][n][BLOCK] states, the one before the chunk first */
    float *decay;         /* [CHUNK][n][BLOCK] */
    float *sum_B, *sum_C; /* [CHUNK][n][BLOCK] summed over channel blocks, not yet over lanes */
} tape;

/* Fills `h` and `decay` of the column's lanes, its deltas and its outputs before the gate. */
INLINE void NAME(rebuild)(const Job *job, const column o, const tape w, const int n, const int lane, vf *dt, vf *ungated) {
    const Scan *s = job->s;
    vf h[MAX_STATES];
    if (w.start) {
        const float *from = NAME(saved_state)(job, o, w.start / CHUNK - 1);
        for (int j = 0; j < n; j++)
            h[j] = load(from + j * BLOCK);
    } else {
        NAME(load_state)(s, o, s->h0, n, h);
    }
    float *H = w.h + lane * WIDTH, *decay = w.decay + lane * WIDTH;
    for (int j = 0; j < n; j++)
        store(H + j * BLOCK, h[j]);
    NAME(step_sizes)(s, o, w.order + w.start, w.steps, dt);
    for (int64_t i = 0; i < w.steps; i++, decay += n * BLOCK) {
        const int64_t t = w.order[w.start + i];
        const vf u = READ(s->u, s->su, t), scaled = dt[i] * LOG2E, input = dt[i] * u;
        const float *B = AT(s->B, s->sB, t), *C = AT(s->C, s->sC, t);
        vf sum = o.D * u;
        H += n * BLOCK;
#pragma GCC unroll 16
        for (int j = 0; j < n; j++) {
            const vf a = vexp2(scaled * load(o.A + j * BLOCK));
            h[j] = a * h[j] + input * B[j];
            sum += h[j] * C[j];
            store(decay + j * BLOCK, a);
            store(H + j * BLOCK, h[j]);
        }
        ungated[i] = sum;
    }
}

/* carry: [n][BLOCK] dL/dh after the chunk, then before it; gA: [n][BLOCK]; gD, gbias: [BLOCK]; each at the column's
 * lane. fresh: the first block of the chunk, which overwrites sum_B and sum_C. */
INLINE void NAME(sweep)(const Job *job, const column o, const tape w, const int n, const int lane, const vf *dt,
                        const vf *ungated, float *carry, float *gA, float *gD, float *gbias, const int fresh) {
    const Scan *s = job->s;
    const int32_t *order = w.order + w.start;
    vf g[MAX_STATES], gy[CHUNK], gdelta[CHUNK], sum_D = load(gD), sum_bias = load(gbias);
    for (int j = 0; j < n; j++)
        g[j] = load(carry + j * BLOCK);
    for (int64_t i = 0; i < w.steps; i++) {
        gy[i] = READ(s->gy, s->sgy, order[i]);
        if (s->z) {
            const vf z = READ(s->z, s->sz, order[i]), gate = sigmoid(z);
            store_some(OUT(s->gz, order[i]), gy[i] * ungated[i] * gate * (1.0f + z * (1.0f - gate)), o.count);
            gy[i] *= z * gate;
        }
    }
    for (int64_t i = w.steps - 1; i >= 0; i--) {
        const int64_t t = order[i], at = i * n * BLOCK + lane * WIDTH;
        const vf u = READ(s->u, s->su, t), input = dt[i] * u;
        const float *B = AT(s->B, s->sB, t), *C = AT(s->C, s->sC, t);
        const float *before = w.h + at, *after = before + n * BLOCK, *decay = w.decay + at;
        float *sum_B = w.sum_B + at, *sum_C = w.sum_C + at;
        vf through_input = splat(0), through_decay = splat(0);
#pragma GCC unroll 16
        for (int j = 0; j < n; j++) {
            const vf total = g[j] + gy[i] * C[j];
            vf for_B = total * input, for_C = gy[i] * load(after + j * BLOCK);
            if (!fresh) {
                for_B += load(sum_B + j * BLOCK);
                for_C += load(sum_C + j * BLOCK);
            }
            store(sum_B + j * BLOCK, for_B);
            store(sum_C + j * BLOCK, for_C);
            through_input += total * B[j];
            g[j] = total * load(decay + j * BLOCK);
            const vf exponent = g[j] * load(before + j * BLOCK);
            through_decay += exponent * load(o.A + j * BLOCK);
            store(gA + j * BLOCK, load(gA + j * BLOCK) + exponent * dt[i]);
        }
        sum_D += gy[i] * u;
        store_some(OUT(s->gu, t), dt[i] * through_input + o.D * gy[i], o.count);
        gdelta[i] = u * through_input + through_decay;
    }
    for (int64_t i = 0; i < w.steps; i++) {
        if (s->softplus)
            gdelta[i] *= sigmoid(READ(s->delta, s->sdelta, order[i]) + o.bias);
        sum_bias += gdelta[i];
        store_some(OUT(s->gdelta, order[i]), gdelta[i], o.count);
    }
    for (int j = 0; j < n; j++)
        store(carry + j * BLOCK, g[j]);
    store(gD, sum_D);
    store(gbias, sum_bias);
}

/* to[j] = sum of row j of [n][BLOCK] */
INLINE void NAME(sum_lanes)(const float *rows, const int n, float *to) {
    for (int j = 0; j < n; j++, rows += BLOCK) {
        const v4 q = *(const v4 *)rows + *(const v4 *)(rows + 4) + (*(const v4 *)(rows + 8) + *(const v4 *)(rows + 12));
        to[j] = (q[0] + q[1]) + (q[2] + q[3]);
    }
}

INLINE void NAME(backward_sequence)(const Job *job, int64_t b, int64_t k, int64_t slice, int64_t group, char *scratch,
                                    const int n) {
    const Scan *s = job->s;
    const int64_t per_group = (job->blocks + job->groups - 1) / job->groups;
    const int64_t first = group * per_group, last = least(first + per_group, job->blocks);
    const int64_t step = (int64_t)n * BLOCK, projection = job->groups > 1 ? (s->b * s->l * s->k * n + 15) / 16 * 16 : 0;
    int32_t *order = (int32_t *)scratch;
    const int64_t valid = visit(s, b, k, order);
    float *at = (float *)(scratch + (sizeof(int32_t) * s->l + 63) / 64 * 64);
    tape w = {.order = order};
    w.h = at, at += (CHUNK + 1) * step;
    w.decay = at, at += CHUNK * step;
    w.sum_B = at, at += CHUNK * step;
    w.sum_C = at, at += CHUNK * step;
    float *carry = at; /* [block][n][BLOCK] */

    for (int64_t block = first; block < last; block++)
        for (int lane = 0; lane < LANES; lane++) {
            const column o = NAME(column_at)(job, b, k, block, lane);
            float *to = carry + (block - first) * step + lane * WIDTH;
            vf h[MAX_STATES];
            NAME(load_state)(s, o, s->glast, n, h);
            for (int j = 0; j < n; j++)
                store(to + j * BLOCK, h[j]);
            for (int64_t i = valid; i < s->l; i++) {
                store_some(OUT(s->gu, order[i]), splat(0), o.count);
                store_some(OUT(s->gdelta, order[i]), splat(0), o.count);
                if (s->z)
                    store_some(OUT(s->gz, order[i]), splat(0), o.count);
            }
        }
    float *gB = job->part_B + group * projection, *gC = job->part_C + group * projection;
    for (int64_t i = valid; i < s->l; i++) {
        const int64_t row = ((b * s->l + order[i]) * s->k + k) * n;
        memset(gB + row, 0, n * sizeof(float));
        memset(gC + row, 0, n * sizeof(float));
    }
    for (int64_t chunk = (valid + CHUNK - 1) / CHUNK - 1; chunk >= 0; chunk--) {
        w.start = chunk * CHUNK, w.steps = least(CHUNK, valid - w.start);
        for (int64_t block = first; block < last; block++)
            for (int lane = 0; lane < LANES; lane++) {
                const column o = NAME(column_at)(job, b, k, block, lane);
                const int64_t row = ((slice * s->k + k) * job->blocks + block) * BLOCK + lane * WIDTH;
                float *my_carry = carry + (block - first) * step + lane * WIDTH;
                float *gA = job->part_A + (row - lane * WIDTH) * n + lane * WIDTH;
                float *gD = job->part_D + row, *gbias = job->part_bias + row;
                vf dt[CHUNK], ungated[CHUNK];
                NAME(rebuild)(job, o, w, n, lane, dt, ungated);
                if (block == first)
                    NAME(sweep)(job, o, w, n, lane, dt, ungated, my_carry, gA, gD, gbias, 1);
                else
                    NAME(sweep)(job, o, w, n, lane, dt, ungated, my_carry, gA, gD, gbias, 0);
            }
        for (int64_t i = 0; i < w.steps; i++) {
            const int64_t row = ((b * s->l + order[w.start + i]) * s->k + k) * n;
            NAME(sum_lanes)(w.sum_B + i * step, n, gB + row);
            NAME(sum_lanes)(w.sum_C + i * step, n, gC + row);
        }
    }
    if (s->gh0)
        for (int64_t block = first; block < last; block++)
            for (int lane = 0; lane < LANES; lane++) {
                const column o = NAME(column_at)(job, b, k, block, lane);
                const float *from = carry + (block - first) * step + lane * WIDTH;
                vf h[MAX_STATES];
                for (int j = 0; j < n; j++)
                    h[j] = load(from + j * BLOCK);
                NAME(store_state)(s, o, s->gh0, n, h);
            }
}

static void NAME(backward_work)(Job *job, int64_t first_unit, int64_t last_unit, char *scratch) {
    const Scan *s = job->s;
    const int64_t per_group = (job->blocks + job->groups - 1) / job->groups;
    for (int64_t unit = first_unit; unit < last_unit; unit++) {
        const int64_t group = unit % job->groups, k = unit / job->groups % s->k, slice = unit / job->groups / s->k;
        const int64_t first = group * per_group, count = least(per_group, job->blocks - first) * BLOCK;
        const int64_t row = ((slice * s->k + k) * job->blocks + first) * BLOCK;
        memset(job->part_A + row * s->n, 0, sizeof(float) * count * s->n);
        memset(job->part_D + row, 0, sizeof(float) * count);
        memset(job->part_bias + row, 0, sizeof(float) * count);
        for (int64_t b = slice * s->b / job->slices; b < (slice + 1) * s->b / job->slices; b++) {
            if (s->n == 16)
                NAME(backward_sequence)(job, b, k, slice, group, scratch, 16);
            else if (s->n == 8)
                NAME(backward_sequence)(job, b, k, slice, group, scratch, 8);
            else
                NAME(backward_sequence)(job, b, k, slice, group, scratch, (int)s->n);
        }
    }
}

/* Sums the partial gradients of A, D and delta_bias over the slices of the batch; a unit is one block of one scan. */
static void NAME(sum_slices)(Job *job, int64_t first, int64_t last, char *scratch) {
    (void)scratch;
    const Scan *s = job->s;
    const int64_t rows = s->k * job->blocks * BLOCK;
    for (int64_t unit = first; unit < last; unit++)
        for (int lane = 0; lane < LANES; lane++) {
            const column o = NAME(column_at)(job, 0, unit / job->blocks, unit % job->blocks, lane);
            vf g[MAX_STATES], D = splat(0), bias = splat(0);
            for (int j = 0; j < s->n; j++)
                g[j] = splat(0);
            for (int64_t slice = 0; slice < job->slices; slice++) {
                const int64_t row = slice * rows + unit * BLOCK;
                const float *gA = job->part_A + row * s->n + lane * WIDTH;
                for (int j = 0; j < s->n; j++)
                    g[j] += load(gA + j * BLOCK);
                D += load(job->part_D + row + lane * WIDTH);
                bias += load(job->part_bias + row + lane * WIDTH);
            }
            NAME(store_state)(s, o, s->gA, (int)s->n, g);
            if (s->gD)
                store_some(s->gD + o.k * s->d + o.c, D, o.count);
            if (s->gbias)
                store_some(s->gbias + o.k * s->d + o.c, bias, o.count);
        }
}

#endif
