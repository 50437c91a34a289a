/* What one core of this machine can do at most: products of each type, by
 * twelve independent chains of one instruction, and bytes from memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernels/cpu.h"

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#define ROUNDS 20000000L
#define ONE(op, r, n) op " %%" r "12, %%" r "13, %%" r #n "\n\t"
/* Registers 0 to 11 are sums; zeros, so that no number becomes strange. */
#define CHAINS(name, op, r)                                                    \
    static void name(long n)                                                   \
    {                                                                          \
        __asm__ volatile(                                                      \
            "vzeroall\n"                                                       \
            "1:\n\t" ONE(op, r, 0) ONE(op, r, 1) ONE(op, r, 2) ONE(op, r, 3)   \
                ONE(op, r, 4) ONE(op, r, 5) ONE(op, r, 6) ONE(op, r, 7)        \
                    ONE(op, r, 8) ONE(op, r, 9) ONE(op, r, 10)                 \
                        ONE(op, r, 11) "dec %0\n\t"                            \
                                       "jnz 1b\n\t"                            \
                                       "vzeroupper"                            \
            : "+r"(n)                                                          \
            :                                                                  \
            : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",    \
              "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13");     \
    }
CHAINS(fma256, "vfmadd231ps", "ymm")
CHAINS(fma512, "vfmadd231ps", "zmm")
CHAINS(madd256, "vpmaddwd", "ymm")
CHAINS(bf16, "vdpbf16ps", "zmm")
CHAINS(int16, "vpdpwssd", "zmm")
CHAINS(int8, "vpdpbusd", "zmm")

/* Four sums of one matrix tile each; zeros. AMX's registers are unknown to the
 * compiler. */
typedef struct TileConfig {
    uint8_t palette, start, reserved[14];
    uint16_t colsb[16];
    uint8_t rows[16];
} TileConfig;
#define FOUR(op)                                                               \
    op " %%tmm6, %%tmm4, %%tmm0\n\t" op " %%tmm7, %%tmm4, %%tmm1\n\t" op       \
       " %%tmm6, %%tmm5, %%tmm2\n\t" op " %%tmm7, %%tmm5, %%tmm3\n\t"
#define TILES(name, op)                                                        \
    static void name(long n)                                                   \
    {                                                                          \
        TileConfig c = {.palette = 1};                                         \
        for (int i = 0; i < 8; i++) {                                          \
            c.colsb[i] = 64;                                                   \
            c.rows[i] = 16;                                                    \
        }                                                                      \
        __asm__ volatile("ldtilecfg %1\n"                                      \
                         "1:\n\t" FOUR(op) FOUR(op)                            \
                             FOUR(op) "sub $256, %0\n\t"                       \
                                      "jg 1b\n\t"                              \
                                      "tilerelease"                            \
                         : "+r"(n)                                             \
                         : "m"(c)                                              \
                         : "cc");                                              \
    }
TILES(tiles_bf16, "tdpbf16ps")
TILES(tiles_int8, "tdpbssd")

static void products(const char *what, void (*f)(long), int ops, FgCpu needs)
{
    double best = 1e9;

    if (fg_cpu_detect() < needs)
        return;
    for (int i = 0; i < 3; i++) {
        const double t = seconds();

        f(ROUNDS / 4);
        if (seconds() - t < best)
            best = seconds() - t;
    }
    printf("%-32s %7.0f G operations a second\n", what,
           (double)ROUNDS / 4 * 12 * ops / best * 1e-9);
}

static void all_products(void)
{
    products("fp32, 256 bits", fma256, 16, FG_CPU_AVX2);
    products("fp32, 512 bits", fma512, 32, FG_CPU_AVX512);
    products("int16 pairs, 256 bits, no sum", madd256, 24, FG_CPU_AVX2);
    products("bf16 pairs, 512 bits", bf16, 64, FG_CPU_AVX512BF16);
    products("int16 pairs, 512 bits", int16, 64, FG_CPU_AVX512BF16);
    products("int8 quads, 512 bits", int8, 128, FG_CPU_AVX512BF16);
    /* They count sums, 256 to a tile. */
    products("bf16 tiles (AMX)", tiles_bf16, 64, FG_CPU_AMX);
    products("int8 tiles (AMX)", tiles_int8, 128, FG_CPU_AMX);
}
#else
static void all_products(void)
{
}
#endif

#define FLOATS ((size_t)16 << 20)

/* a = b + 2 c, 12 bytes an element counted. */
static double triad(float *a, const float *b, const float *c)
{
    double best = 1e9;

    for (int k = 0; k < 5; k++) {
        const double t = seconds();

        for (size_t i = 0; i < FLOATS; i++)
            a[i] = b[i] + 2 * c[i];
        __asm__ volatile("" : : "r"(a) : "memory");
        if (seconds() - t < best)
            best = seconds() - t;
    }
    return 12e-9 * (double)FLOATS / best;
}

static double read_only(const uint64_t *p, size_t n, uint64_t *sum)
{
    double best = 1e9;

    for (int k = 0; k < 5; k++) {
        uint64_t s[8] = {0};
        const double t = seconds();

        for (size_t i = 0; i < n; i += 8)
            for (size_t j = 0; j < 8; j++)
                s[j] += p[i + j];
        if (seconds() - t < best)
            best = seconds() - t;
        for (int j = 0; j < 8; j++)
            *sum += s[j];
    }
    return 8e-9 * (double)n / best;
}

int main(void)
{
    float *const m = calloc(3 * FLOATS, sizeof(*m));
    uint64_t sum = 0;

    if (!m)
        return 1;
    all_products();
    for (size_t i = 0; i < 3 * FLOATS; i++)
        m[i] = (float)(i & 7);
    printf("%-32s %7.1f GB a second\n", "memory, triad",
           triad(m, m + FLOATS, m + 2 * FLOATS));
    printf("%-32s %7.1f GB a second\n", "memory, read",
           read_only((const uint64_t *)(const void *)m, 3 * FLOATS / 2, &sum));
    free(m);
    return sum == 1; /* keeps the sums alive */
}
