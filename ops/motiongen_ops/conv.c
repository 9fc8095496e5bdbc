/* k depthwise convolutions of one channel-last input and their SiLU on a CPU, forward and backward, in fp32.
 *
 * Channels lie in the vector lanes. For one sequence and one block of 16 channels the input is copied between zeros into
 * a scratch that stays in the first-level cache, so that taps beyond the ends need no branch; every output is then read
 * or written once. The backward pass saves nothing: it computes the pre-activations again.
 * Gradients of the weights go through partial sums whose number depends on the shape alone: the same call gives the same
 * bits for any number of threads.
 *
 * kernels.h includes this file once per instruction set. */

#ifndef WIDTH

#include <stddef.h>
#include <stdint.h>

enum { BLOCK = 16, MAX_KERNEL = 16 };

/* Mirrors FIELDS in parallel_conv.py: every field is eight bytes. Strides count elements; the last axis is contiguous. */
typedef struct {
    int64_t b, l, k, c, kernel, threads, silu;
    const float *x, *weight, *bias;
    uint64_t reverse; /* bytes, one for each scan */
    float *y;
    const float *gy;
    float *gx, *gweight, *gbias;
    int64_t sx[2], sgy[3];
} Conv;

/* What one call derives from its Conv before the threads start. */
typedef struct {
    const Conv *s;
    int64_t blocks;         /* of channels */
    int64_t slices, groups; /* a work item is one slice of the batch and one group of channel blocks */
    const float *taps;      /* [k][block][kernel + 1][BLOCK]: weights, then the bias; zero beyond c */
    float *parts;           /* backward: [slice] of the gradients of `taps` */
    char *scratch;          /* `scratch_bytes` for each thread */
    size_t scratch_bytes;
} Job;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Floats in the taps of all scans. */
static int64_t taps_size(const Job *job) { return job->s->k * job->blocks * (job->s->kernel + 1) * BLOCK; }

#define KERNEL "conv.c"
#include "kernels.h"

int motiongen_conv_best_level(void) { return best_level(); }

void motiongen_conv_set_level(int wanted) { level = wanted; }

void motiongen_conv_set_team(Team wanted) { team = wanted; }

static void pack_taps(const Job *job, float *packed) {
    const Conv *s = job->s;
    memset(packed, 0, sizeof(float) * taps_size(job));
    for (int64_t j = 0; j <= s->kernel; j++)
        for (int64_t k = 0; k < s->k; k++) {
            const float *from = j < s->kernel ? s->weight + (j * s->k + k) * s->c : s->bias + k * s->c;
            for (int64_t block = 0; block < job->blocks; block++)
                memcpy(packed + ((k * job->blocks + block) * (s->kernel + 1) + j) * BLOCK, from + block * BLOCK,
                       sizeof(float) * least(BLOCK, s->c - block * BLOCK));
        }
}

/* Adds up the parts in their order, writes the gradients of the weights and the bias. */
static void sum_parts(const Job *job) {
    const Conv *s = job->s;
    const int64_t size = taps_size(job);
    float *sum = job->parts;
    for (int64_t slice = 1; slice < job->slices; slice++)
        for (int64_t i = 0; i < size; i++)
            sum[i] += job->parts[slice * size + i];
    for (int64_t j = 0; j <= s->kernel; j++)
        for (int64_t k = 0; k < s->k; k++) {
            float *to = j < s->kernel ? s->gweight + (j * s->k + k) * s->c : s->gbias + k * s->c;
            for (int64_t block = 0; block < job->blocks; block++)
                memcpy(to + block * BLOCK, sum + ((k * job->blocks + block) * (s->kernel + 1) + j) * BLOCK,
                       sizeof(float) * least(BLOCK, s->c - block * BLOCK));
        }
}

/* Returns 0, or 1 when memory ran out. */
static int call(const Conv *s, Work work, int64_t most_slices, int64_t outputs_each, int with_parts) {
    Job job = {.s = s, .blocks = ceil_div(s->c, BLOCK)};
    job.slices = least(s->b, most_slices);
    /* Few sequences: split the channels too, so that there is work for several threads. */
    job.groups = least(job.blocks, ceil_div(8, job.slices));
    const int64_t units = job.slices * job.groups, outputs = s->b * s->l * s->k * s->c;
    const int64_t threads = least(least(s->threads, MAX_THREADS), least(units, 1 + outputs / outputs_each));
    const size_t bytes_taps = sizeof(float) * taps_size(&job);
    /* The padded inputs; backward, also the padded gradients of the pre-activations and those of the inputs. */
    job.scratch_bytes = sizeof(float) * BLOCK * (s->l + 2 * (s->kernel - 1)) * (with_parts ? 3 : 1);
    char *memory;
    if (posix_memalign((void **)&memory, 64,
                       bytes_taps * (1 + (with_parts ? job.slices : 0)) + threads * job.scratch_bytes))
        return 1;
    pack_taps(&job, (float *)memory);
    job.taps = (float *)memory;
    job.scratch = memory + bytes_taps;
    if (with_parts) {
        job.parts = (float *)job.scratch;
        memset(job.parts, 0, bytes_taps * job.slices);
        job.scratch += bytes_taps * job.slices;
    }
    run(&job, work, units, 1, threads);
    if (with_parts)
        sum_parts(&job);
    free(memory);
    return 0;
}

/* A thread is worth starting for each ~100 microseconds of work. */
int motiongen_conv_forward(const Conv *s) { return call(s, PICK(forward_work), 64, 200000, 0); }

int motiongen_conv_backward(const Conv *s) { return call(s, PICK(backward_work), 16, 100000, 1); }

#else /* ---------------------------------------------------------------- one instruction set, WIDTH lanes */

/* One vector of channels of one sequence. Rows of the scratch are BLOCK floats; the frames start at row kernel - 1. */
#define column NAME(column)
typedef struct {
    int64_t b, block, lane, c, count; /* first channel and how many of the vector's lanes exist */
} column;

#define ROW(t) ((kernel - 1 + (t)) * BLOCK)
#define TAPS(pointer, k) ((pointer) + ((k) * job->blocks + o.block) * (kernel + 1) * BLOCK + o.lane)

/* A scan reads its taps `step` floats apart: from earlier frames, or from later ones if it runs backwards. */
INLINE int64_t NAME(step_of)(const Conv *s, int64_t k) {
    return ((const uint8_t *)(uintptr_t)s->reverse)[k] ? BLOCK : -BLOCK;
}

INLINE void NAME(clear_ends)(const Conv *s, float *rows, const int kernel) {
    memset(rows, 0, sizeof(float) * ROW(0));
    memset(rows + ROW(s->l), 0, sizeof(float) * ROW(0));
}

INLINE void NAME(copy_in)(const Conv *s, const column o, float *rows, const int kernel) {
    const float *x = s->x + o.b * s->sx[0] + o.c;
    for (int64_t t = 0; t < s->l; t++)
        store(rows + ROW(t) + o.lane, load_some(x + t * s->sx[1], o.count));
}

/* The taps of one frame and the bias. `x` points at the frame. */
INLINE vf NAME(convolve)(const float *x, int64_t step, const vf *w, const int kernel) {
    vf sum = w[kernel];
#pragma GCC unroll 16
    for (int j = 0; j < kernel; j++)
        sum += w[j] * load(x + j * step);
    return sum;
}

INLINE void NAME(forward_column)(const Job *job, const column o, float *x, const int kernel, const int silu) {
    const Conv *s = job->s;
    NAME(copy_in)(s, o, x, kernel);
    for (int64_t k = 0; k < s->k; k++) {
        const int64_t step = NAME(step_of)(s, k);
        const float *taps = TAPS(job->taps, k);
        float *y = s->y + (o.b * s->l * s->k + k) * s->c + o.c;
        vf w[MAX_KERNEL + 1] = {0};
#pragma GCC unroll 17
        for (int j = 0; j <= kernel; j++)
            w[j] = load(taps + j * BLOCK);
        for (int64_t t = 0; t < s->l; t++, y += s->k * s->c) {
            vf z = NAME(convolve)(x + ROW(t) + o.lane, step, w, kernel);
            if (silu)
                z *= sigmoid(z);
            store_some(y, z, o.count);
        }
    }
}

/* x, g, gx: scratch rows of the input, of dL/d(pre-activation) and of dL/d(input); parts: this slice's. */
INLINE void NAME(backward_column)(const Job *job, const column o, float *x, float *g, float *gx, float *parts,
                                  const int kernel, const int silu) {
    const Conv *s = job->s;
    NAME(copy_in)(s, o, x, kernel);
    for (int64_t k = 0; k < s->k; k++) {
        const int64_t step = NAME(step_of)(s, k);
        const float *taps = TAPS(job->taps, k);
        const float *gy = s->gy + o.b * s->sgy[0] + k * s->sgy[2] + o.c;
        /* Frames lie kilobytes apart, which no prefetcher of the machine follows: ask for what is read next. */
        const int64_t ahead = k + 1 < s->k ? s->sgy[2] : BLOCK - k * s->sgy[2];
        float *part = TAPS(parts, k);
        vf w[MAX_KERNEL + 1] = {0}, gw[MAX_KERNEL + 1] = {0};
#pragma GCC unroll 17
        for (int j = 0; j <= kernel; j++) {
            w[j] = load(taps + j * BLOCK);
            gw[j] = load(part + j * BLOCK);
        }
        for (int64_t t = 0; t < s->l; t++, gy += s->sgy[1]) {
            const float *at = x + ROW(t) + o.lane;
            __builtin_prefetch(gy + ahead);
            vf d = load_some(gy, o.count);
            if (silu) {
                const vf z = NAME(convolve)(at, step, w, kernel), e = exp_minus(z);
                const vf gate = reciprocal(1.0f + e);
                d *= gate + z * gate * (e * gate); /* 1 - gate would lose its digits where z is large */
            }
            store(g + ROW(t) + o.lane, d);
#pragma GCC unroll 16
            for (int j = 0; j < kernel; j++)
                gw[j] += d * load(at + j * step);
            gw[kernel] += d;
        }
#pragma GCC unroll 17
        for (int j = 0; j <= kernel; j++)
            store(part + j * BLOCK, gw[j]);
        for (int64_t t = 0; t < s->l; t++) {
            float *to = gx + ROW(t) + o.lane;
            const float *at = g + ROW(t) + o.lane;
            vf sum = k ? load(to) : splat(0);
#pragma GCC unroll 16
            for (int j = 0; j < kernel; j++)
                sum += w[j] * load(at - j * step);
            store(to, sum);
        }
    }
    for (int64_t t = 0; t < s->l; t++)
        store_some(s->gx + (o.b * s->l + t) * s->c + o.c, load(gx + ROW(t) + o.lane), o.count);
}

/* One slice of the batch and one group of channel blocks. */
INLINE void NAME(work)(Job *job, int64_t unit, float *scratch, const int backward, const int kernel, const int silu) {
    const Conv *s = job->s;
    const int64_t slice = unit / job->groups, group = unit % job->groups, rows = (s->l + 2 * (kernel - 1)) * BLOCK;
    float *x = scratch, *g = x + rows, *gx = g + rows;
    NAME(clear_ends)(s, x, kernel);
    if (backward)
        NAME(clear_ends)(s, g, kernel);
    for (int64_t b = slice * s->b / job->slices; b < (slice + 1) * s->b / job->slices; b++)
        for (int64_t block = group * job->blocks / job->groups; block < (group + 1) * job->blocks / job->groups; block++)
            for (int64_t lane = 0; lane < BLOCK && block * BLOCK + lane < s->c; lane += WIDTH) {
                const int64_t c = block * BLOCK + lane;
                const column o = {b, block, lane, c, least(s->c - c, WIDTH)};
                if (backward)
                    NAME(backward_column)(job, o, x, g, gx, job->parts + slice * taps_size(job), kernel, silu);
                else
                    NAME(forward_column)(job, o, x, kernel, silu);
            }
}

/* A known kernel keeps its weights and their gradients in registers. */
#define WORK(pass, backward)                                                             \
    static void NAME(pass)(Job * job, int64_t first, int64_t last, char *memory) {       \
        const int kernel = (int)job->s->kernel;                                          \
        float *scratch = (float *)memory;                                                \
        for (int64_t unit = first; unit < last; unit++)                                  \
            if (!job->s->silu)                                                           \
                NAME(work)(job, unit, scratch, backward, kernel, 0);                     \
            else if (kernel == 3)                                                        \
                NAME(work)(job, unit, scratch, backward, 3, 1);                          \
            else if (kernel == 4)                                                        \
                NAME(work)(job, unit, scratch, backward, 4, 1);                          \
            else                                                                         \
                NAME(work)(job, unit, scratch, backward, kernel, 1);                     \
    }
WORK(forward_work, 0)
WORK(backward_work, 1)

#endif
