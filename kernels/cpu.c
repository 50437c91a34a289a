/* CPU capabilities.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cpu.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/auxv.h>
#include <sys/syscall.h>
#endif

#if defined(__aarch64__)
static const char *const names[] = {"c", "neon"};
#define ALLOWED "c, neon"
#else
static const char *const names[] = {"c", "avx2", "avx512", "avx512bf16", "amx"};
#define ALLOWED "c, avx2, avx512, avx512bf16, amx"
#endif
#define NB_LEVELS ((int)(sizeof(names) / sizeof(names[0])))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static FgCpu limit = FG_CPU_TOP; /* by the environment */
static _Atomic int mask = FG_CPU_TOP;

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

/* Tiles are 8 KiB of state that Linux gives only to who asks for it; the
 * answer holds for all threads, those to come as well. */
static int has_amx(void)
{
    const unsigned want = 1u << 22 | 1u << 24 | 1u << 25; /* bf16, tile, int8 */
    unsigned a, b, c, d = 0;

    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & want) != want)
        return 0;
#if defined(__linux__) && defined(SYS_arch_prctl)
    const int request_permission = 0x1023, tile_data = 18;

    return !syscall(SYS_arch_prctl, request_permission, tile_data);
#else
    return 0;
#endif
}
#endif

int fg_cpu_has_avxvnni(void)
{
#if defined(__x86_64__)
    unsigned a = 0, b, c, d;

    return fg_cpu_detect() >= FG_CPU_AVX2 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
#else
    return 0;
#endif
}

int fg_cpu_has_dotprod(void)
{
#if defined(__aarch64__) && defined(__linux__)
    return !!(getauxval(AT_HWCAP) & 1ul << 20);
#else
    return 0;
#endif
}

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
    return has_amx() ? FG_CPU_AMX : FG_CPU_AVX512BF16;
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
