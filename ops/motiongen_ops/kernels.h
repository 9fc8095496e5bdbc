/* What the kernels share: vectors and their mathematics for each instruction set, the choice among the sets when the
 * library is loaded, and threads.
 *
 * A kernel's file defines what its passes share (among it `Job`, with `scratch` and `scratch_bytes` for each thread) and
 * KERNEL, its own name, and includes this header. The header includes that file again once per instruction set, with
 * WIDTH, the lanes of a vector, and NAME, which tells the sets' functions apart. */

#ifndef WIDTH

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MAX_THREADS = 256 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

#define INLINE static inline __attribute__((always_inline))
#define LOG2E 1.44269504088896341f

/* NAME is another one in each pass, and so are these. */
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define vf NAME(vf)
#define vi NAME(vi)
#define splat NAME(splat)
#define load NAME(load)
#define store NAME(store)
#define load_some NAME(load_some)
#define store_some NAME(store_some)
#define larger NAME(larger)
#define smaller NAME(smaller)
#define vexp2 NAME(vexp2)
#define exp_minus NAME(exp_minus)
#define reciprocal NAME(reciprocal)
#define sigmoid NAME(sigmoid)
#define absolute NAME(absolute)
#define vsoftplus NAME(vsoftplus)

#if defined(__x86_64__) && defined(__GNUC__)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma")
#endif
#define WIDTH 16
#define NAME(f) PASTE(f, _avx512)
#include "kernels.h"
#undef WIDTH
#undef NAME
#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define WIDTH 8
#define NAME(f) PASTE(f, _avx2)
#include "kernels.h"
#undef WIDTH
#undef NAME
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#define WIDTH 4
#define NAME(f) PASTE(f, _baseline)
#include "kernels.h"
#undef WIDTH
#undef NAME

/* 2: AVX-512, 1: AVX2, 0: baseline (SSE2, NEON). */
static int level = 0;

static int best_level(void) {
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

#if defined(__x86_64__)
#define PICK(f) (level == 2 ? f##_avx512 : level == 1 ? f##_avx2 : f##_baseline)
#else
#define PICK(f) f##_baseline
#endif

/* Does the work items first <= i < last. */
typedef void (*Work)(Job *, int64_t first, int64_t last, char *scratch);

/* OpenMP's entry (GOMP_parallel): calls `part` with `argument` in every thread of a team of at most `threads`. Threads
 * of our own would fight with those of torch, which go on spinning on their processors after each operation: two
 * threads were slower than one. So torch's own team is used, if it has one; without, threads start and end here. */
typedef void (*Team)(void (*part)(void *argument), void *argument, unsigned threads, unsigned flags);
static Team team = NULL;

typedef struct {
    Job *job;
    Work work;
    int64_t units, stride, next; /* work items, how many a thread takes at once, the first one nobody has taken */
    int64_t entered;             /* threads that have begun */
} Pool;

static void run_part(void *argument) {
    Pool *pool = argument;
    char *scratch =
        pool->job->scratch + __atomic_fetch_add(&pool->entered, 1, __ATOMIC_RELAXED) * pool->job->scratch_bytes;
#if defined(__x86_64__)
    /* Decayed states and saturated sigmoids reach denormals, which would cost a hundred cycles each. */
    const unsigned int control = _mm_getcsr();
    _mm_setcsr(control | 0x8040);
#endif
    for (;;) {
        const int64_t first = __atomic_fetch_add(&pool->next, pool->stride, __ATOMIC_RELAXED);
        if (first >= pool->units)
            break;
        pool->work(pool->job, first, least(first + pool->stride, pool->units), scratch);
    }
#if defined(__x86_64__)
    _mm_setcsr(control);
#endif
}

static void *run_thread(void *pool) {
    run_part(pool);
    return NULL;
}

static void run(Job *job, Work work, int64_t units, int64_t stride, int64_t threads) {
    Pool pool = {job, work, units, stride, 0, 0};
    if (threads > 1 && team) {
        team(run_part, &pool, (unsigned)threads, 0);
        return;
    }
    pthread_t handle[MAX_THREADS];
    int started[MAX_THREADS];
    /* A thread that cannot start leaves its share to the others. */
    for (int64_t i = 1; i < threads; i++)
        started[i] = pthread_create(&handle[i], NULL, run_thread, &pool) == 0;
    run_part(&pool);
    for (int64_t i = 1; i < threads; i++)
        if (started[i])
            pthread_join(handle[i], NULL);
}

#else /* ---------------------------------------------------------------- one instruction set, WIDTH lanes */

typedef float vf __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

INLINE vf splat(float x) { return x - (vf){0}; }
INLINE vf load(const float *p) { return *(const vf *)p; }
INLINE void store(float *p, vf x) { *(vf *)p = x; }

INLINE vf load_some(const float *p, int64_t count) {
    if (count >= WIDTH)
        return load(p);
    vf x = {0};
    if (count > 0)
        memcpy(&x, p, count * sizeof(float));
    return x;
}
INLINE void store_some(float *p, vf x, int64_t count) {
    if (count >= WIDTH)
        store(p, x);
    else if (count > 0)
        memcpy(p, &x, count * sizeof(float));
}

/* NaN in the second argument comes through, in both. */
INLINE vf larger(vf x, vf y) {
#if WIDTH == 16
    return (vf)_mm512_max_ps((__m512)x, (__m512)y);
#elif WIDTH == 8
    return (vf)_mm256_max_ps((__m256)x, (__m256)y);
#elif defined(__x86_64__)
    return (vf)_mm_max_ps((__m128)x, (__m128)y);
#else
    const vi which = (vi)(x > y);
    return (vf)(((vi)x & which) | ((vi)y & ~which));
#endif
}
INLINE vf smaller(vf x, vf y) {
#if WIDTH == 16
    return (vf)_mm512_min_ps((__m512)x, (__m512)y);
#else
    return -larger(-x, -y);
#endif
}

/* 2^x = 2^(whole part) 2^(the rest), the latter by a minimax polynomial of degree 5 (2e-7 relative). */
INLINE vf vexp2(vf x) {
#if WIDTH == 16
    /* The processor splits and scales, infinities and NaN included. 2^0 is exactly 1. */
    const vf f = (vf)_mm512_reduce_ps((__m512)x, 0x01); /* x - floor(x) */
    vf p = splat(1.867147641e-3f);
    p = p * f + 9.016986667e-3f;
    p = p * f + 5.579995216e-2f;
    p = p * f + 2.401644353e-1f;
    p = p * f + 6.931513138e-1f;
    p = p * f + 1.0f;
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)x);
#else
    /* Clamped to normal numbers; the exponent's bits are added. */
    x = larger(splat(-125.0f), x);
    x = smaller(splat(126.0f), x);
    const vf shifted = x + 12582912.0f; /* 1.5 * 2^23: rounds to an integer, which the low bits then hold */
    const vf f = x - (shifted - 12582912.0f);
    vf p = splat(1.326472720e-3f);
    p = p * f + 9.671512640e-3f;
    p = p * f + 5.550733743e-2f;
    p = p * f + 2.402224209e-1f;
    p = p * f + 6.931469776e-1f;
    p = p * f + 1.0f;
    return (vf)((vi)p + ((vi)shifted << 23));
#endif
}

/* exp(-x), finite for the reciprocal's sake */
INLINE vf exp_minus(vf x) { return vexp2(smaller(splat(126.0f), x * -LOG2E)); }

/* 1 / x; a division would stall for longer than all the rest of an exponential. */
INLINE vf reciprocal(vf x) {
#if WIDTH == 4
    return 1.0f / x;
#else
#if WIDTH == 16
    const vf guess = (vf)_mm512_rcp14_ps((__m512)x);
#else
    const vf guess = (vf)_mm256_rcp_ps((__m256)x);
#endif
    return guess + guess * (1.0f - x * guess); /* Newton's step */
#endif
}

INLINE vf sigmoid(vf x) { return reciprocal(1.0f + exp_minus(x)); }

INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* max(x, 0) + log1p(e), e = exp(-|x|). The minimax polynomial is of log1p(e) / e, so a small e keeps its digits. */
INLINE vf vsoftplus(vf x) {
    const vf e = exp_minus(absolute(x));
    vf p = splat(-3.256378473e-3f);
    p = p * e + 1.990716093e-2f;
    p = p * e - 5.706420076e-2f;
    p = p * e + 1.061426469e-1f;
    p = p * e - 1.531186310e-1f;
    p = p * e + 1.967811726e-1f;
    p = p * e - 2.495455887e-1f;
    p = p * e + 3.333000404e-1f;
    p = p * e - 4.999990399e-1f;
    p = p * e + 1.0f;
    return larger(splat(0.0f), x) + e * p;
}

#include KERNEL

#endif
