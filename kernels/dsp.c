/* The table of innermost loops.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dsp.h"
#include "dsp_c.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FgDsp tables[FG_CPU_TOP + 1];
static const FgDsp *current; /* read without the lock: acquire, release */

void fg_dsp_init(FgDsp *d, FgCpu level)
{
    fg_dsp_init_c(d);
#if defined(__x86_64__)
    if (level >= FG_CPU_AVX2) {
        fg_dsp_init_avx2(d);
        fg_gemm_init_avx2(d);
    }
    if (level >= FG_CPU_AVX512) {
        fg_dsp_init_avx512(d);
        fg_gemm_init_avx512(d);
    }
    if (level >= FG_CPU_AVX512BF16)
        fg_dsp_init_avx512bf16(d);
#elif defined(__aarch64__)
    if (level >= FG_CPU_NEON) {
        fg_dsp_init_neon(d);
        fg_dsp_init_bf16_neon(d);
    }
#else
    (void)level;
#endif
}

const FgDsp *fg_dsp(void)
{
    const FgDsp *d = __atomic_load_n(&current, __ATOMIC_ACQUIRE);

    if (d)
        return d;
    pthread_mutex_lock(&lock);
    d = current;
    if (!d) {
        const FgCpu level = fg_cpu_level();

        /* One table per level: a table once handed out never changes. */
        if (!tables[level].conv_row_f32)
            fg_dsp_init(&tables[level], level);
        d = &tables[level];
        __atomic_store_n(&current, d, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&lock);
    return d;
}

void fg_kernels_init(void)
{
    pthread_mutex_lock(&lock);
    __atomic_store_n(&current, NULL, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}
