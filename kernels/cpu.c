/* CPU capabilities.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>

#if defined(__aarch64__)
static const char *const names[] = {"c", "neon"};
#define ALLOWED "c, neon"
#else
static const char *const names[] = {"c", "avx2", "avx512", "avx512bf16"};
#define ALLOWED "c, avx2, avx512, avx512bf16"
#endif
#define NB_LEVELS ((int)(sizeof(names) / sizeof(names[0])))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static FgCpu limit = FG_CPU_AVX512BF16; /* by the environment */
static _Atomic int mask = FG_CPU_AVX512BF16;

const char *fg_cpu_name(FgCpu level)
{
    return (int)level >= 0 && (int)level < NB_LEVELS ? names[level] : "unknown";
}

#if defined(__x86_64__)
#include <cpuid.h>

/* clang 14 knows no __builtin_cpu_supports("f16c"); the bit needs no more OS
 * support than AVX2, which is asked for beside it. */
static int has_f16c(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
#endif

FgCpu fg_cpu_detect(void)
{
#if defined(__x86_64__)
    /* libgcc also asks the OS (XGETBV) whether the registers are saved. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !has_f16c())
        return FG_CPU_C;
    if (!__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return FG_CPU_AVX2;
    if (!__builtin_cpu_supports("avx512bf16") ||
        !__builtin_cpu_supports("avx512vnni"))
        return FG_CPU_AVX512;
    return FG_CPU_AVX512BF16;
#elif defined(__aarch64__)
    return FG_CPU_NEON;
#else
    return FG_CPU_C;
#endif
}

static void read_environment(void)
{
    const char *const word = getenv("FFGAN_CPU");
    const FgCpu have = fg_cpu_detect();

    limit = have;
    if (!word || !*word)
        return;
    for (int i = 0; i < NB_LEVELS; i++) {
        if (strcmp(word, names[i]))
            continue;
        if (i <= (int)have)
            limit = (FgCpu)i;
        else
            fprintf(stderr, "FFGAN_CPU=%s ignored: this machine has %s\n", word,
                    names[have]);
        return;
    }
    fprintf(stderr, "FFGAN_CPU=%s ignored: allowed are " ALLOWED "\n", word);
}

FgCpu fg_cpu_level(void)
{
    pthread_once(&once, read_environment);
    const int m = atomic_load(&mask);
    return m < (int)limit ? (FgCpu)m : limit;
}

void fg_cpu_mask(FgCpu max)
{
    atomic_store(&mask, (int)max);
}
