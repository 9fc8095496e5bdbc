/* k depthwise convolutions of one channel-last input and their SiLU on a CPU, forward and backward, in fp32.
 *
 * Channels lie in the vector lanes. For one sequence and one block of 16 channels the input is copied between zeros into
 * a scratch that stays in the first-level cache, so that taps beyond the ends need no branch; every output is then read
 * or written once. The backward pass saves nothing: it computes the pre-activations again.
 * Gradients of the weights go through partial sums whose number depends on the shape alone: the same call gives the same
 * bits for any number of threads.
 *
 * This file includes itself once per instruction set; the set is chosen when the library is loaded. */

#ifndef CONV_WIDTH

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { BLOCK = 16, MAX_KERNEL = 16, MAX_THREADS = 256 };

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
    int64_t units, next;    /* work items and the first one nobody has taken */
    char *scratch;          /* `scratch_bytes` for each thread */
    size_t scratch_bytes;
} Job;

typedef void (*Work)(Job *, int64_t unit, float *scratch);

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Floats in the taps of all scans. */
static int64_t taps_size(const Job *job) { return job->s->k * job->blocks * (job->s->kernel + 1) * BLOCK; }

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#if defined(__x86_64__) && defined(__GNUC__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
#endif
#define CONV_WIDTH 16
#define NAME(f) PASTE(f, _avx512)
#include "conv.c"
#undef CONV_WIDTH
#undef NAME
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define CONV_WIDTH 8
#define NAME(f) PASTE(f, _avx2)
#include "conv.c"
#undef CONV_WIDTH
#undef NAME
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#define CONV_WIDTH 4
#define NAME(f) PASTE(f, _baseline)
#include "conv.c"
#undef CONV_WIDTH
#undef NAME

/* 2: AVX-512, 1: AVX2, 0: baseline (SSE2, NEON). */
static int level = 0;

int motiongen_conv_best_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return 1;
#endif
    return 0;
}

void motiongen_conv_set_level(int wanted) { level = wanted; }

#if defined(__x86_64__)
#define PICK(f) (level == 2 ? f##_avx512 : level == 1 ? f##_avx2 : f##_baseline)
#else
#define PICK(f) f##_baseline
#endif

typedef struct {
    Job *job;
    Work work;
    char *scratch;
} Thread;

static void *run_thread(void *argument) {
    Thread *thread = argument;
    Job *job = thread->job;
#if defined(__x86_64__)
    /* Saturated sigmoids reach denormals, which would cost a hundred cycles each. */
    const unsigned int control = _mm_getcsr();
    _mm_setcsr(control | 0x8040);
#endif
    for (;;) {
        const int64_t unit = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
        if (unit >= job->units)
            break;
        thread->work(job, unit, (float *)thread->scratch);
    }
#if defined(__x86_64__)
    _mm_setcsr(control);
#endif
    return NULL;
}

static void run(Job *job, Work work, int64_t units, int64_t threads) {
    Thread thread[MAX_THREADS];
    pthread_t handle[MAX_THREADS];
    int started[MAX_THREADS];
    job->units = units;
    job->next = 0;
    for (int64_t i = 0; i < threads; i++)
        thread[i] = (Thread){job, work, job->scratch + i * job->scratch_bytes};
    /* A thread that cannot start leaves its share to the others. */
    for (int64_t i = 1; i < threads; i++)
        started[i] = pthread_create(&handle[i], NULL, run_thread, &thread[i]) == 0;
    run_thread(&thread[0]);
    for (int64_t i = 1; i < threads; i++)
        if (started[i])
            pthread_join(handle[i], NULL);
}

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
    run(&job, work, units, threads);
    if (with_parts)
        sum_parts(&job);
    free(memory);
    return 0;
}

/* A thread is worth starting for each ~100 microseconds of work. */
int motiongen_conv_forward(const Conv *s) { return call(s, PICK(forward_work), 64, 200000, 0); }

int motiongen_conv_backward(const Conv *s) { return call(s, PICK(backward_work), 16, 100000, 1); }

#else /* ---------------------------------------------------------------- one instruction set, CONV_WIDTH lanes */

#define vf NAME(vf)
#define vi NAME(vi)
typedef float vf __attribute__((vector_size(4 * CONV_WIDTH), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * CONV_WIDTH), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

INLINE vf NAME(splat)(float x) { return x - (vf){0}; }
INLINE vf NAME(load)(const float *p) { return *(const vf *)p; }
INLINE void NAME(store)(float *p, vf x) { *(vf *)p = x; }
#define splat NAME(splat)
#define load NAME(load)
#define store NAME(store)

INLINE vf NAME(load_some)(const float *p, int64_t count) {
    if (count >= CONV_WIDTH)
        return load(p);
    vf x = {0};
    if (count > 0)
        memcpy(&x, p, count * sizeof(float));
    return x;
}
INLINE void NAME(store_some)(float *p, vf x, int64_t count) {
    if (count >= CONV_WIDTH)
        store(p, x);
    else if (count > 0)
        memcpy(p, &x, count * sizeof(float));
}
#define load_some NAME(load_some)
#define store_some NAME(store_some)

/* NaN in the second argument comes through. */
INLINE vf NAME(larger)(vf x, vf y) {
#if CONV_WIDTH == 16
    return (vf)_mm512_max_ps((__m512)x, (__m512)y);
#elif CONV_WIDTH == 8
    return (vf)_mm256_max_ps((__m256)x, (__m256)y);
#elif defined(__x86_64__)
    return (vf)_mm_max_ps((__m128)x, (__m128)y);
#else
    const vi which = (vi)(x > y);
    return (vf)(((vi)x & which) | ((vi)y & ~which));
#endif
}
#define larger NAME(larger)

/* 2^x, clamped to normal numbers: 2^(whole part) by the exponent bits, the rest by the minimax polynomial of degree 5
 * (2e-7 relative). */
INLINE vf NAME(exp2)(vf x) {
    x = larger(splat(-125.0f), x);
    x = -larger(splat(-126.0f), -x);
    const vf shifted = x + 12582912.0f; /* 1.5 * 2^23: rounds to an integer, which the low bits then hold */
    const vf f = x - (shifted - 12582912.0f);
    vf p = splat(1.326472720e-3f);
    p = p * f + 9.671512640e-3f;
    p = p * f + 5.550733743e-2f;
    p = p * f + 2.402224209e-1f;
    p = p * f + 6.931469776e-1f;
    p = p * f + 1.0f;
    return (vf)((vi)p + ((vi)shifted << 23));
}

/* 1 / x; a division would stall for longer than all the rest of a sigmoid. */
INLINE vf NAME(reciprocal)(vf x) {
#if CONV_WIDTH == 4
    return 1.0f / x;
#else
#if CONV_WIDTH == 16
    const vf guess = (vf)_mm512_rcp14_ps((__m512)x);
#else
    const vf guess = (vf)_mm256_rcp_ps((__m256)x);
#endif
    return guess + guess * (1.0f - x * guess); /* Newton's step */
#endif
}

/* exp(-x) */
INLINE vf NAME(exp_minus)(vf x) { return NAME(exp2)(x * -1.44269504088896341f); }

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
                z *= NAME(reciprocal)(1.0f + NAME(exp_minus)(z));
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
                const vf z = NAME(convolve)(at, step, w, kernel), e = NAME(exp_minus)(z);
                const vf gate = NAME(reciprocal)(1.0f + e);
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
            for (int64_t lane = 0; lane < BLOCK && block * BLOCK + lane < s->c; lane += CONV_WIDTH) {
                const int64_t c = block * BLOCK + lane;
                const column o = {b, block, lane, c, least(s->c - c, CONV_WIDTH)};
                if (backward)
                    NAME(backward_column)(job, o, x, g, gx, job->parts + slice * taps_size(job), kernel, silu);
                else
                    NAME(forward_column)(job, o, x, kernel, silu);
            }
}

/* A known kernel keeps its weights and their gradients in registers. */
#define WORK(pass, backward)                                                     \
    static void NAME(pass)(Job * job, int64_t unit, float *scratch) {            \
        const int kernel = (int)job->s->kernel;                                  \
        if (!job->s->silu)                                                       \
            NAME(work)(job, unit, scratch, backward, kernel, 0);                 \
        else if (kernel == 3)                                                    \
            NAME(work)(job, unit, scratch, backward, 3, 1);                      \
        else if (kernel == 4)                                                    \
            NAME(work)(job, unit, scratch, backward, 4, 1);                      \
        else                                                                     \
            NAME(work)(job, unit, scratch, backward, kernel, 1);                 \
    }
WORK(forward_work, 0)
WORK(backward_work, 1)

#undef WORK
#undef vf
#undef vi
#undef INLINE
#undef splat
#undef load
#undef store
#undef load_some
#undef store_some
#undef larger
#undef column
#undef ROW
#undef TAPS
#endif
