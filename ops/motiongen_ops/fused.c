/* A whole layer of parallel scans on a CPU, forward and backward, in fp32: for each of k scans a convolution, SiLU, the
 * step sizes, the selective scan; then the sum over the scans. What lies between the projections of the input and the
 * sum never reaches memory.
 *
 * Channels lie in the vector lanes. For one sequence and one vector of channels, CHUNK frames at a time stay in the
 * first-level cache while all scans of one direction go over them. The backward pass saves nothing but the states
 * between chunks and rebuilds the rest. Sums over channels and over the batch go through partial buffers whose number
 * depends on the shape alone: the same call gives the same bits for any number of threads.
 *
 * kernels.h includes this file once per instruction set. */

#ifndef WIDTH

#include <stddef.h>
#include <stdint.h>

enum { CHUNK = 8, MAX_STATES = 64, MAX_KERNEL = 16 };

/* Mirrors FIELDS in parallel_scans.py: every field is eight bytes. Strides count elements; the last axis is contiguous.
 * A row of `projected` is what step sizes are made from [rank], then B [k][n], then C [k][n]. */
typedef struct {
    int64_t b, l, k, c, n, rank, kernel, threads, has_mask;
    const float *x, *projected, *weight, *bias, *to_delta, *delta_bias, *A, *D;
    const uint8_t *mask;
    uint64_t reverse; /* bytes, one for each scan */
    float *y, *saved;
    const float *gy;
    float *gx, *gprojected, *gweight, *gbias, *gto_delta, *gdelta_bias, *gA, *gD;
    int64_t sx[2], sprojected[2], smask[2], sgy[2];
} Fused;

/* What one call derives from its Fused before the threads start. */
typedef struct {
    const Fused *s;
    int64_t blocks, chunks, rows; /* vectors of channels; chunks of frames; vectors of parameters of a scan and block */
    int64_t width;                /* columns of `projected` */
    int64_t slices, groups;       /* a work item is one slice of the batch and one group of blocks */
    float *parameters;            /* [k][block][rows][WIDTH], as `row_of` orders them */
    float *parts;                 /* backward: [slice] of the gradients of `parameters` */
    float *part_projected;        /* backward: [group][b][l][width]; the gradient itself when there is one group */
    char *scratch;                /* `scratch_bytes` for each thread */
    size_t scratch_bytes;
} Job;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static size_t round64(size_t bytes) { return (bytes + 63) / 64 * 64; }

static int backwards(const Fused *s, int64_t k) { return ((const uint8_t *)(uintptr_t)s->reverse)[k]; }
static int any_scan(const Fused *s, int back) {
    for (int64_t k = 0; k < s->k; k++)
        if (backwards(s, k) == back)
            return 1;
    return 0;
}

#define KERNEL "fused.c"
#include "kernels.h"

int motiongen_fused_best_level(void) { return best_level(); }

void motiongen_fused_set_level(int wanted) { level = wanted; }

void motiongen_fused_set_team(Team wanted) { team = wanted; }

/* Lanes of a vector, and with it channels of a block. */
static int64_t lanes(void) { return PICK(lanes)(); }

/* Floats that `saved` must hold. */
int64_t motiongen_fused_saved_size(int64_t b, int64_t l, int64_t k, int64_t c, int64_t n) {
    return b * k * ceil_div(c, lanes()) * ((l - 1) / CHUNK) * n * lanes();
}

static Job plan(const Fused *s, int64_t least_units, int64_t most_slices) {
    Job job = {.s = s, .blocks = ceil_div(s->c, lanes()), .chunks = ceil_div(s->l, CHUNK),
               .rows = s->kernel + 3 + s->n + s->rank, .width = s->rank + 2 * s->k * s->n};
    job.slices = least(s->b, most_slices);
    /* Few sequences: split the channels too, so that there is work for several threads. */
    job.groups = least(job.blocks, ceil_div(least_units, job.slices));
    return job;
}

/* Threads worth waking: one for each ~30 microseconds of work. */
static int64_t useful_threads(const Job *job, int64_t states_each) {
    const Fused *s = job->s;
    const int64_t work = s->b * s->l * s->k * s->c * (s->n + 8);
    return least(least(s->threads, MAX_THREADS), least(job->slices * job->groups, 1 + work / states_each));
}

/* Returns 0, or 1 when memory ran out. */
int motiongen_fused_forward(const Fused *s) {
    Job job = plan(s, 16, 64);
    const int64_t threads = useful_threads(&job, 200000);
    const size_t parameters = sizeof(float) * s->k * job.blocks * job.rows * lanes();
    /* States of all scans; inputs of a chunk. */
    job.scratch_bytes = sizeof(float) * lanes() * (s->k * s->n + CHUNK + s->kernel);
    char *memory;
    if (posix_memalign((void **)&memory, 64, parameters + threads * job.scratch_bytes))
        return 1;
    job.parameters = (float *)memory;
    job.scratch = memory + parameters;
    run(&job, PICK(pack), s->k * job.blocks, 1, threads);
    run(&job, PICK(forward_work), job.slices * job.groups, 1, threads);
    free(memory);
    return 0;
}

int motiongen_fused_backward(const Fused *s) {
    Job job = plan(s, 8, 16);
    const int64_t threads = useful_threads(&job, 60000), vector = lanes();
    const int64_t group_blocks = ceil_div(job.blocks, job.groups);
    const size_t parameters = sizeof(float) * s->k * job.blocks * job.rows * vector;
    const size_t projected = job.groups > 1 ? round64(sizeof(float) * s->b * s->l * job.width) : 0;
    /* As NAME(tape) is laid out. */
    job.scratch_bytes = sizeof(float) * vector *
                        ((4 * CHUNK + 1) * s->n + (CHUNK + 1) * s->rank + group_blocks * 2 * (CHUNK + s->kernel - 1) +
                         s->k * group_blocks * s->n);
    char *memory, *at;
    if (posix_memalign((void **)&memory, 64,
                       parameters * (1 + job.slices) + projected * job.groups + threads * job.scratch_bytes))
        return 1;
    at = memory;
    job.parameters = (float *)at, at += parameters;
    job.parts = (float *)at, at += parameters * job.slices;
    job.part_projected = projected ? (float *)at : s->gprojected, at += projected * job.groups;
    job.scratch = at;
    run(&job, PICK(pack), s->k * job.blocks, 1, threads);
    run(&job, PICK(backward_work), job.slices * job.groups, 1, threads);
    run(&job, PICK(sum_parts), s->k * job.blocks, 1, threads);
    if (projected) {
        const int64_t size = s->b * s->l * job.width, stride = projected / sizeof(float);
        for (int64_t i = 0; i < size; i++) {
            float sum = 0;
            for (int64_t g = 0; g < job.groups; g++)
                sum += job.part_projected[g * stride + i];
            s->gprojected[i] = sum;
        }
    }
    free(memory);
    return 0;
}

#else /* ---------------------------------------------------------------- one instruction set, WIDTH lanes */

static int64_t NAME(lanes)(void) { return WIDTH; }

#define v4 NAME(v4)
typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* ---- parameters: vectors of the taps, the bias, delta's bias, D, A [n], to_delta [rank] */

#define vectors NAME(vectors)
typedef struct {
    float *taps, *bias, *delta_bias, *D, *A, *to_delta;
} vectors;

INLINE vectors NAME(vectors_at)(const Job *job, float *base, int64_t k, int64_t block) {
    const Fused *s = job->s;
    float *taps = base + (k * job->blocks + block) * job->rows * WIDTH, *bias = taps + s->kernel * WIDTH;
    return (vectors){taps, bias, bias + WIDTH, bias + 2 * WIDTH, bias + 3 * WIDTH, bias + (3 + s->n) * WIDTH};
}

/* Rows of `size` numbers, one a channel, to `size` vectors of channels, and back. */
INLINE void NAME(turn_in)(const float *from, int64_t size, int64_t count, float *to) {
    for (int64_t i = 0; i < size; i++, to += WIDTH)
        for (int64_t c = 0; c < WIDTH; c++)
            to[c] = c < count ? from[c * size + i] : 0;
}
INLINE void NAME(turn_out)(const float *from, int64_t size, int64_t count, float *to) {
    for (int64_t i = 0; i < size; i++, from += WIDTH)
        for (int64_t c = 0; c < count; c++)
            to[c * size + i] = from[c];
}

/* A unit is one block of one scan. */
static void NAME(pack)(Job *job, int64_t first, int64_t last, char *scratch) {
    (void)scratch;
    const Fused *s = job->s;
    for (int64_t unit = first; unit < last; unit++) {
        const int64_t k = unit / job->blocks, block = unit % job->blocks, channel = k * s->c + block * WIDTH;
        const int64_t count = least(s->c - block * WIDTH, WIDTH);
        const vectors p = NAME(vectors_at)(job, job->parameters, k, block);
        for (int64_t j = 0; j < s->kernel; j++)
            store(p.taps + j * WIDTH, load_some(s->weight + j * s->k * s->c + channel, count));
        store(p.bias, load_some(s->bias + channel, count));
        store(p.delta_bias, load_some(s->delta_bias + channel, count));
        store(p.D, load_some(s->D + channel, count));
        NAME(turn_in)(s->A + channel * s->n, s->n, count, p.A);
        NAME(turn_in)(s->to_delta + channel * s->rank, s->rank, count, p.to_delta);
    }
}

/* Adds up the parts in their order; writes the gradients. */
static void NAME(sum_parts)(Job *job, int64_t first, int64_t last, char *scratch) {
    (void)scratch;
    const Fused *s = job->s;
    const int64_t size = job->rows * WIDTH, slice_size = s->k * job->blocks * size;
    for (int64_t unit = first; unit < last; unit++) {
        float *sum = job->parts + unit * size;
        for (int64_t slice = 1; slice < job->slices; slice++)
            for (int64_t i = 0; i < size; i += WIDTH)
                store(sum + i, load(sum + i) + load(sum + slice * slice_size + i));
        const int64_t k = unit / job->blocks, block = unit % job->blocks, channel = k * s->c + block * WIDTH;
        const int64_t count = least(s->c - block * WIDTH, WIDTH);
        const vectors p = NAME(vectors_at)(job, job->parts, k, block);
        for (int64_t j = 0; j < s->kernel; j++)
            store_some(s->gweight + j * s->k * s->c + channel, load(p.taps + j * WIDTH), count);
        store_some(s->gbias + channel, load(p.bias), count);
        store_some(s->gdelta_bias + channel, load(p.delta_bias), count);
        store_some(s->gD + channel, load(p.D), count);
        NAME(turn_out)(p.A, s->n, count, s->gA + channel * s->n);
        NAME(turn_out)(p.to_delta, s->rank, count, s->gto_delta + channel * s->rank);
    }
}

/* ---- a chunk of frames, as both passes see it */

#define chunk NAME(chunk)
typedef struct {
    int64_t b, start, steps; /* frames start <= t < start + steps of sequence b */
    int back;                /* visited from the last one to the first */
    const float *projected;  /* row of frame `start` */
    uint8_t valid[CHUNK];    /* not masked */
} chunk;

/* `visited`: how many chunks came before it in the order of the scans of this direction. */
INLINE chunk NAME(chunk_at)(const Job *job, int64_t b, int back, int64_t visited) {
    const Fused *s = job->s;
    chunk q = {.b = b, .start = (back ? job->chunks - 1 - visited : visited) * CHUNK, .back = back};
    q.steps = least(CHUNK, s->l - q.start);
    q.projected = s->projected + b * s->sprojected[0] + q.start * s->sprojected[1];
    for (int64_t i = 0; i < q.steps; i++)
        q.valid[i] = !s->has_mask || s->mask[b * s->smask[0] + (q.start + i) * s->smask[1]];
    return q;
}
#define PROJECTED(i) (q->projected + (i) * s->sprojected[1])
#define B_OF(i, k) (PROJECTED(i) + s->rank + (k) * n)
#define C_OF(i, k) (PROJECTED(i) + s->rank + (s->k + (k)) * n)

/* A chunk's inputs have the frames before them (after them if scans run backwards) that taps reach. */
#define HALO(q) ((q)->back ? 0 : kernel - 1)
/* The input that frame i takes through tap j, counted in such rows. */
#define TAP_ROW(q, i, j) ((q)->back ? (i) + (j) : kernel - 1 + (i) - (j))

/* Masked frames and those beyond the ends are zeros. */
INLINE void NAME(copy_in)(const Fused *s, const chunk *q, int64_t c, int64_t count, float *x, const int kernel) {
    for (int64_t i = 0; i < q->steps + kernel - 1; i++) {
        const int64_t t = q->start + i - HALO(q);
        const int there = t >= 0 && t < s->l && (!s->has_mask || s->mask[q->b * s->smask[0] + t * s->smask[1]]);
        store(x + i * WIDTH, there ? load_some(s->x + q->b * s->sx[0] + t * s->sx[1] + c, count) : splat(0));
    }
}

/* Step sizes before the softplus. Four frames at a time: a sum's additions wait for each other. */
INLINE void NAME(raw_steps)(const Fused *s, const chunk *q, const vectors p, vf *raw) {
    for (int64_t i = 0; i < q->steps; i += 4) {
        const float *row[4];
        vf sum[4];
#pragma GCC unroll 4
        for (int m = 0; m < 4; m++) {
            row[m] = PROJECTED(least(i + m, q->steps - 1));
            sum[m] = load(p.delta_bias);
        }
        for (int64_t r = 0; r < s->rank; r++) {
            const vf w = load(p.to_delta + r * WIDTH);
#pragma GCC unroll 4
            for (int m = 0; m < 4; m++)
                sum[m] += w * row[m][r];
        }
#pragma GCC unroll 4
        for (int m = 0; m < 4; m++)
            raw[i + m] = sum[m];
    }
}

/* Convolutions before the SiLU. */
INLINE void NAME(convolve)(const chunk *q, const vectors p, const float *x, vf *z, const int kernel) {
    for (int64_t i = 0; i < q->steps; i++) {
        vf sum = load(p.bias);
#pragma GCC unroll 16
        for (int j = 0; j < kernel; j++)
            sum += load(p.taps + j * WIDTH) * load(x + TAP_ROW(q, i, j) * WIDTH);
        z[i] = sum;
    }
}

INLINE float *NAME(saved_state)(const Job *job, int64_t b, int64_t k, int64_t block, int64_t visited) {
    const Fused *s = job->s;
    return s->saved + (((b * s->k + k) * job->blocks + block) * (job->chunks - 1) + visited - 1) * s->n * WIDTH;
}

/* ---- forward */

/* One sequence and block. h: [k][n] states. */
INLINE void NAME(forward_column)(const Job *job, int64_t b, int64_t block, float *h, float *x, const int n,
                                 const int kernel) {
    const Fused *s = job->s;
    const int64_t c = block * WIDTH, count = least(s->c - c, WIDTH);
    int fresh = 1; /* nothing is in y yet */
    for (int back = 0; back < 2; back++) {
        if (!any_scan(s, back))
            continue;
        memset(h, 0, sizeof(float) * s->k * n * WIDTH);
        for (int64_t visited = 0; visited < job->chunks; visited++) {
            const chunk at = NAME(chunk_at)(job, b, back, visited), *q = &at;
            float *y = s->y + (b * s->l + q->start) * s->c + c;
            vf sum[CHUNK], u[CHUNK], dt[CHUNK];
            NAME(copy_in)(s, q, c, count, x, kernel);
            for (int64_t i = 0; i < q->steps; i++)
                sum[i] = fresh ? splat(0) : load_some(y + i * s->c, count);
            for (int64_t k = 0; k < s->k; k++) {
                if (backwards(s, k) != back)
                    continue;
                const vectors p = NAME(vectors_at)(job, job->parameters, k, block);
                NAME(convolve)(q, p, x, u, kernel);
                NAME(raw_steps)(s, q, p, dt);
                for (int64_t i = 0; i < q->steps; i++) {
                    u[i] *= sigmoid(u[i]);
                    dt[i] = vsoftplus(dt[i]);
                }
                vf state[MAX_STATES];
                const vf D = load(p.D);
#pragma GCC unroll 16
                for (int j = 0; j < n; j++)
                    state[j] = load(h + (k * n + j) * WIDTH);
                if (s->saved && visited) {
                    float *to = NAME(saved_state)(job, b, k, block, visited);
#pragma GCC unroll 16
                    for (int j = 0; j < n; j++)
                        store(to + j * WIDTH, state[j]);
                }
                for (int64_t v = 0; v < q->steps; v++) {
                    const int64_t i = back ? q->steps - 1 - v : v;
                    if (!q->valid[i])
                        continue;
                    const vf scaled = dt[i] * LOG2E, input = dt[i] * u[i];
                    const float *B = B_OF(i, k), *C = C_OF(i, k);
                    vf out = sum[i] + D * u[i], more = splat(0);
#pragma GCC unroll 16
                    for (int j = 0; j < n; j++) {
                        state[j] = vexp2(scaled * load(p.A + j * WIDTH)) * state[j] + input * B[j];
                        if (j % 2)
                            more += state[j] * C[j];
                        else
                            out += state[j] * C[j];
                    }
                    sum[i] = out + more;
                }
#pragma GCC unroll 16
                for (int j = 0; j < n; j++)
                    store(h + (k * n + j) * WIDTH, state[j]);
            }
            for (int64_t i = 0; i < q->steps; i++)
                store_some(y + i * s->c, q->valid[i] ? sum[i] : splat(0), count);
        }
        fresh = 0;
    }
}

/* The sizes of this project's layers have loops of a known length. */
#define SPECIALISE(function, ...)          \
    if (s->n == 16 && s->kernel == 4)      \
        NAME(function)(__VA_ARGS__, 16, 4); \
    else if (s->n == 8 && s->kernel == 3)  \
        NAME(function)(__VA_ARGS__, 8, 3);  \
    else                                   \
        NAME(function)(__VA_ARGS__, (int)s->n, (int)s->kernel);

static void NAME(forward_work)(Job *job, int64_t first, int64_t last, char *scratch) {
    const Fused *s = job->s;
    float *h = (float *)scratch, *x = h + s->k * s->n * WIDTH;
    for (int64_t unit = first; unit < last; unit++) {
        const int64_t slice = unit / job->groups, group = unit % job->groups;
        for (int64_t b = slice * s->b / job->slices; b < (slice + 1) * s->b / job->slices; b++)
            for (int64_t block = group * job->blocks / job->groups; block < (group + 1) * job->blocks / job->groups;
                 block++) {
                SPECIALISE(forward_column, job, b, block, h, x)
            }
    }
}

/* ---- backward */

/* One thread's scratch. Rows of a chunk's frames are in the order of time, or as visited. */
#define tape NAME(tape)
typedef struct {
    float *h, *decay;         /* visited [1 + CHUNK][n] (the state before the chunk first), [CHUNK][n] */
    float *sum_B, *sum_C;     /* [CHUNK][n] gradients summed over blocks, not yet over lanes */
    float *sum_steps, *steps; /* [CHUNK][rank] likewise, and summed over scans; of one frame, over lanes, too */
    float *x, *gx;            /* [block][CHUNK + kernel - 1] */
    float *carry;             /* [k][block][n] gradient of the state after the chunk, then before it */
    float *gprojected;        /* [b][l][width] of this group */
    int64_t first, last;      /* blocks of this group */
} tape;

/* Fills `h` and `decay`. */
INLINE void NAME(rebuild)(const Fused *s, const chunk *q, const vectors p, const float *from, const tape *w,
                          int64_t k, const vf *u, const vf *dt, const int n) {
    vf state[MAX_STATES];
    float *h = w->h, *decay = w->decay;
#pragma GCC unroll 16
    for (int j = 0; j < n; j++) {
        state[j] = from ? load(from + j * WIDTH) : splat(0);
        store(h + j * WIDTH, state[j]);
    }
    for (int64_t v = 0; v < q->steps; v++, decay += n * WIDTH) {
        const int64_t i = q->back ? q->steps - 1 - v : v;
        const vf scaled = dt[i] * LOG2E, input = dt[i] * u[i];
        const float *B = B_OF(i, k);
        h += n * WIDTH;
        if (!q->valid[i]) { /* the sweep passes it over, too */
            memcpy(h, h - n * WIDTH, sizeof(float) * n * WIDTH);
            continue;
        }
#pragma GCC unroll 16
        for (int j = 0; j < n; j++) {
            const vf a = vexp2(scaled * load(p.A + j * WIDTH));
            state[j] = a * state[j] + input * B[j];
            store(decay + j * WIDTH, a);
            store(h + j * WIDTH, state[j]);
        }
    }
}

/* From the last visited frame to the first: gu and gdt of each frame; adds to g (gradients of parameters) and to sum_B
 * and sum_C, or overwrites these two if `fresh`. */
INLINE void NAME(sweep)(const Fused *s, const chunk *q, const vectors p, const vectors g, const tape *w,
                        float *carry, int64_t k, const vf *u, const vf *dt, const vf *gy, vf *gu, vf *gdt, const int n,
                        const int fresh) {
    vf gh[MAX_STATES], sum_D = load(g.D);
    const vf D = load(p.D);
#pragma GCC unroll 16
    for (int j = 0; j < n; j++)
        gh[j] = load(carry + j * WIDTH);
    for (int64_t v = q->steps - 1; v >= 0; v--) {
        const int64_t i = q->back ? q->steps - 1 - v : v;
        gu[i] = gdt[i] = splat(0);
        if (!q->valid[i])
            continue;
        const vf input = dt[i] * u[i];
        const float *B = B_OF(i, k), *C = C_OF(i, k);
        const float *before = w->h + v * n * WIDTH, *after = before + n * WIDTH, *decay = w->decay + v * n * WIDTH;
        float *sum_B = w->sum_B + i * n * WIDTH, *sum_C = w->sum_C + i * n * WIDTH;
        vf through_input = splat(0), through_decay = splat(0);
#pragma GCC unroll 16
        for (int j = 0; j < n; j++) {
            const vf total = gh[j] + gy[i] * C[j];
            vf for_B = total * input, for_C = gy[i] * load(after + j * WIDTH);
            if (!fresh) {
                for_B += load(sum_B + j * WIDTH);
                for_C += load(sum_C + j * WIDTH);
            }
            store(sum_B + j * WIDTH, for_B);
            store(sum_C + j * WIDTH, for_C);
            through_input += total * B[j];
            gh[j] = total * load(decay + j * WIDTH);
            const vf exponent = gh[j] * load(before + j * WIDTH);
            through_decay += exponent * load(p.A + j * WIDTH);
            store(g.A + j * WIDTH, load(g.A + j * WIDTH) + exponent * dt[i]);
        }
        sum_D += gy[i] * u[i];
        gu[i] = dt[i] * through_input + D * gy[i];
        gdt[i] = u[i] * through_input + through_decay;
    }
#pragma GCC unroll 16
    for (int j = 0; j < n; j++)
        store(carry + j * WIDTH, gh[j]);
    store(g.D, sum_D);
}

/* Through the convolution and its SiLU; z: what it gave before the SiLU. */
INLINE void NAME(convolution_back)(const chunk *q, const vectors p, const vectors g, const vf *z, const vf *gu,
                                   const float *x, float *gx, const int kernel) {
    vf taps[MAX_KERNEL] = {0}, gtaps[MAX_KERNEL] = {0}, gbias = load(g.bias);
#pragma GCC unroll 16
    for (int j = 0; j < kernel; j++) {
        taps[j] = load(p.taps + j * WIDTH);
        gtaps[j] = load(g.taps + j * WIDTH);
    }
    for (int64_t i = 0; i < q->steps; i++) {
        const vf e = exp_minus(z[i]), gate = reciprocal(1.0f + e);
        const vf d = gu[i] * (gate + z[i] * gate * (e * gate)); /* 1 - gate would lose its digits where z is large */
        gbias += d;
#pragma GCC unroll 16
        for (int j = 0; j < kernel; j++) {
            const int64_t row = TAP_ROW(q, i, j) * WIDTH;
            gtaps[j] += d * load(x + row);
            store(gx + row, load(gx + row) + d * taps[j]);
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < kernel; j++)
        store(g.taps + j * WIDTH, gtaps[j]);
    store(g.bias, gbias);
}

/* Through the softplus and the projection to step sizes. */
INLINE void NAME(steps_back)(const Fused *s, const chunk *q, const vectors p, const vectors g, const vf *raw,
                             const vf *gdt, float *sum_steps) {
    vf graw[CHUNK], gbias = load(g.delta_bias);
    for (int64_t i = 0; i < q->steps; i++) {
        graw[i] = splat(0);
        if (q->valid[i]) /* a masked row may hold anything */
            graw[i] = gdt[i] * sigmoid(raw[i]);
        gbias += graw[i];
    }
    store(g.delta_bias, gbias);
    for (int64_t r = 0; r < s->rank; r++) {
        const vf w = load(p.to_delta + r * WIDTH);
        vf gw = load(g.to_delta + r * WIDTH);
        for (int64_t i = 0; i < q->steps; i++) {
            float *sum = sum_steps + (i * s->rank + r) * WIDTH;
            if (!q->valid[i])
                continue;
            gw += graw[i] * PROJECTED(i)[r];
            store(sum, load(sum) + graw[i] * w);
        }
        store(g.to_delta + r * WIDTH, gw);
    }
}

/* Sums over the lanes of `count` vectors. */
INLINE void NAME(across)(const float *from, int64_t count, float *to) {
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        v4 row[4];
#pragma GCC unroll 4
        for (int m = 0; m < 4; m++) {
            row[m] = *(const v4 *)(from + (i + m) * WIDTH);
#pragma GCC unroll 4
            for (int lane = 4; lane < WIDTH; lane += 4)
                row[m] += *(const v4 *)(from + (i + m) * WIDTH + lane);
        }
#if defined(__x86_64__)
        __m128 a = (__m128)row[0], b = (__m128)row[1], c = (__m128)row[2], d = (__m128)row[3];
        _MM_TRANSPOSE4_PS(a, b, c, d);
        *(v4 *)(to + i) = (v4)a + (v4)b + ((v4)c + (v4)d);
#else
        for (int m = 0; m < 4; m++)
            to[i + m] = row[m][0] + row[m][1] + (row[m][2] + row[m][3]);
#endif
    }
    for (; i < count; i++) {
        to[i] = 0;
        for (int lane = 0; lane < WIDTH; lane++)
            to[i] += from[i * WIDTH + lane];
    }
}

/* All scans of one direction over one chunk. */
INLINE void NAME(backward_chunk)(const Job *job, const chunk *q, const tape *w, int64_t visited, float *parts,
                                 int fresh_steps, const int n, const int kernel) {
    const Fused *s = job->s;
    const int64_t extent = (CHUNK + kernel - 1) * WIDTH;
    float *gprojected = w->gprojected + (q->b * s->l + q->start) * job->width;
    memset(w->sum_steps, 0, sizeof(float) * CHUNK * s->rank * WIDTH);
    memset(w->gx, 0, sizeof(float) * (w->last - w->first) * extent);
    for (int64_t block = w->first; block < w->last; block++)
        NAME(copy_in)(s, q, block * WIDTH, least(s->c - block * WIDTH, WIDTH), w->x + (block - w->first) * extent, kernel);
    for (int64_t k = 0; k < s->k; k++) {
        if (backwards(s, k) != q->back)
            continue;
        for (int64_t block = w->first; block < w->last; block++) {
            const vectors p = NAME(vectors_at)(job, job->parameters, k, block);
            const vectors g = NAME(vectors_at)(job, parts, k, block);
            const int64_t own = block - w->first, c = block * WIDTH;
            const float *gy_row = s->gy + q->b * s->sgy[0] + q->start * s->sgy[1] + c;
            float *carry = w->carry + (k * (w->last - w->first) + own) * n * WIDTH;
            vf z[CHUNK], u[CHUNK], raw[CHUNK], dt[CHUNK], gy[CHUNK], gu[CHUNK], gdt[CHUNK];
            NAME(convolve)(q, p, w->x + own * extent, z, kernel);
            NAME(raw_steps)(s, q, p, raw);
            for (int64_t i = 0; i < q->steps; i++) {
                u[i] = z[i] * sigmoid(z[i]);
                dt[i] = vsoftplus(raw[i]);
                gy[i] = load_some(gy_row + i * s->sgy[1], least(s->c - c, WIDTH));
            }
            NAME(rebuild)(s, q, p, visited ? NAME(saved_state)(job, q->b, k, block, visited) : NULL, w, k, u, dt, n);
            if (own)
                NAME(sweep)(s, q, p, g, w, carry, k, u, dt, gy, gu, gdt, n, 0);
            else
                NAME(sweep)(s, q, p, g, w, carry, k, u, dt, gy, gu, gdt, n, 1);
            NAME(convolution_back)(q, p, g, z, gu, w->x + own * extent, w->gx + own * extent, kernel);
            NAME(steps_back)(s, q, p, g, raw, gdt, w->sum_steps);
        }
        for (int64_t i = 0; i < q->steps; i++) {
            float *gB = gprojected + i * job->width + s->rank + k * n, *gC = gB + s->k * n;
            if (q->valid[i]) {
                NAME(across)(w->sum_B + i * n * WIDTH, n, gB);
                NAME(across)(w->sum_C + i * n * WIDTH, n, gC);
            } else {
                memset(gB, 0, sizeof(float) * n);
                memset(gC, 0, sizeof(float) * n);
            }
        }
    }
    for (int64_t i = 0; i < q->steps; i++) {
        float *to = gprojected + i * job->width;
        NAME(across)(w->sum_steps + i * s->rank * WIDTH, s->rank, w->steps);
        for (int64_t r = 0; r < s->rank; r++)
            to[r] = w->steps[r] + (fresh_steps ? 0 : to[r]);
    }
    for (int64_t i = 0; i < q->steps + kernel - 1; i++) {
        const int64_t t = q->start + i - HALO(q);
        if (t < 0 || t >= s->l || (s->has_mask && !s->mask[q->b * s->smask[0] + t * s->smask[1]]))
            continue;
        for (int64_t block = w->first; block < w->last; block++) {
            const int64_t count = least(s->c - block * WIDTH, WIDTH);
            float *to = s->gx + (q->b * s->l + t) * s->c + block * WIDTH;
            store_some(to, load_some(to, count) + load(w->gx + (block - w->first) * extent + i * WIDTH), count);
        }
    }
}

INLINE void NAME(backward_sequence)(const Job *job, int64_t b, const tape *w, float *parts, const int n,
                                    const int kernel) {
    const Fused *s = job->s;
    const int64_t c = w->first * WIDTH, count = least(w->last * WIDTH, s->c) - c;
    for (int64_t t = 0; t < s->l; t++)
        memset(s->gx + (b * s->l + t) * s->c + c, 0, sizeof(float) * count);
    int fresh_steps = 1;
    for (int back = 0; back < 2; back++) {
        if (!any_scan(s, back))
            continue;
        memset(w->carry, 0, sizeof(float) * s->k * (w->last - w->first) * n * WIDTH);
        for (int64_t visited = job->chunks - 1; visited >= 0; visited--) {
            const chunk q = NAME(chunk_at)(job, b, back, visited);
            NAME(backward_chunk)(job, &q, w, visited, parts, fresh_steps, n, kernel);
        }
        fresh_steps = 0;
    }
}

static void NAME(backward_work)(Job *job, int64_t first, int64_t last, char *scratch) {
    const Fused *s = job->s;
    const int64_t step = s->n * WIDTH, part = job->rows * WIDTH;
    for (int64_t unit = first; unit < last; unit++) {
        const int64_t slice = unit / job->groups, group = unit % job->groups;
        tape w = {.first = group * job->blocks / job->groups, .last = (group + 1) * job->blocks / job->groups};
        const int64_t extent = (w.last - w.first) * (CHUNK + s->kernel - 1) * WIDTH;
        float *at = (float *)scratch;
        w.h = at, at += (CHUNK + 1) * step;
        w.decay = at, at += CHUNK * step;
        w.sum_B = at, at += CHUNK * step;
        w.sum_C = at, at += CHUNK * step;
        w.sum_steps = at, at += CHUNK * s->rank * WIDTH;
        w.steps = at, at += (s->rank + WIDTH - 1) / WIDTH * WIDTH;
        w.x = at, at += extent;
        w.gx = at, at += extent;
        w.carry = at;
        w.gprojected = job->part_projected + (job->groups > 1 ? group * ((s->b * s->l * job->width + 15) / 16 * 16) : 0);
        float *parts = job->parts + slice * s->k * job->blocks * part;
        for (int64_t k = 0; k < s->k; k++)
            memset(parts + (k * job->blocks + w.first) * part, 0, sizeof(float) * (w.last - w.first) * part);
        for (int64_t b = slice * s->b / job->slices; b < (slice + 1) * s->b / job->slices; b++) {
            SPECIALISE(backward_sequence, job, b, &w, parts)
        }
    }
}

#endif
