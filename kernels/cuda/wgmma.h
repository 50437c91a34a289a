/* ffgan: Hopper's products of warp groups, and what they do on a CPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wgmma.m64n64k16 (PTX manual, "Asynchronous warpgroup level matrix
 * instructions"): four warps; both factors lie in shared memory, their 16
 * columns along k, as core matrices of 8 rows of 16 bytes, one row behind the
 * other. A descriptor says where:
 *   bits 0..13  address / 16 (of 18 bits)
 *   bits 16..29 bytes / 16 from k = 0..7 to k = 8..15
 *   bits 32..45 bytes / 16 from 8 rows to the next 8
 *   bits 62..63 0: not swizzled
 * So a core matrix may begin at any 16 bytes: 8 neighbouring pixels, whichever
 * tap. The sum: thread l = 4 g + i of warp w has rows 16 w + g (registers
 * 4 j, 4 j + 1) and 8 more (4 j + 2, 4 j + 3), columns 8 j + 2 i, + 1. */
#ifndef FFGAN_KERNELS_CUDA_WGMMA_H
#define FFGAN_KERNELS_CUDA_WGMMA_H

#include "mma.h"

enum { FG_WG_M = 64, FG_WG_N = 64, FG_WG_ACC = 32 };

/* at: an address in shared memory; k, rows: bytes, see above. */
FG_HD uint64_t fg_wg_desc(uint32_t at, int k, int rows)
{
    return (uint64_t)((at & 0x3ffff) >> 4) | (uint64_t)(k >> 4) << 16 |
           (uint64_t)(rows >> 4) << 32;
}

#ifdef __CUDACC__

#define FG_WG_AT(p) fg_shared_at(p)

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define FG_WG8_(c, i)                                                          \
    "+f"((c)[i]), "+f"((c)[(i) + 1]), "+f"((c)[(i) + 2]), "+f"((c)[(i) + 3]),  \
        "+f"((c)[(i) + 4]), "+f"((c)[(i) + 5]), "+f"((c)[(i) + 6]),            \
        "+f"((c)[(i) + 7])

FG_HD void fg_wgmma(float *c, uint64_t a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
                 "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,"
                 "%30,%31}, %32, %33, 1, 1, 1, 0, 0;"
                 : FG_WG8_(c, 0), FG_WG8_(c, 8), FG_WG8_(c, 16), FG_WG8_(c, 24)
                 : "l"(a), "l"(b));
}

/* What this thread wrote to shared memory, once all threads have met. */
FG_HD void fg_wg_seen(void)
{
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

FG_HD void fg_wg_begin(void)
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

FG_HD void fg_wg_end(void)
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

#define FG_WGMMA(c, i, a, b) fg_wgmma(&(c)[i], a, b)
#endif

#else

#define FG_WG_AT(p) ((uint32_t)((p)-shared))

/* Element (row, k) of the factor that d describes. */
static inline float fg_emu_wg(const char *shared, uint64_t d, int row, int k)
{
    const uint64_t at = (d & 0x3fff) * 16 +
                        (d >> 16 & 0x3fff) * 16 * (uint64_t)(k / 8) +
                        (d >> 32 & 0x3fff) * 16 * (uint64_t)(row / 8) +
                        (uint64_t)(row % 8 * 16 + k % 8 * 2);
    uint16_t h;
    memcpy(&h, shared + at, 2);
    return fg_f16_get(h);
}

static inline void fg_emu_wgmma(float *c, int n_c, const char *shared,
                                uint64_t a, uint64_t b)
{
    for (int l = 0; l < FG_BLOCK; l++)
        for (int r = 0; r < FG_WG_ACC; r++) {
            const int row = l / 32 * 16 + l % 32 / 4 + r / 2 % 2 * 8;
            const int col = r / 4 * 8 + l % 4 * 2 + r % 2;
            float sum = c[l * n_c + r];
            for (int k = 0; k < 16; k++)
                sum += fg_emu_wg(shared, a, row, k) *
                       fg_emu_wg(shared, b, col, k);
            c[l * n_c + r] = sum;
        }
}

static inline void fg_wg_seen(void)
{
}

static inline void fg_wg_begin(void)
{
}

static inline void fg_wg_end(void)
{
}

#define FG_WGMMA(c, i, a, b) fg_emu_wgmma(&(c)[0][i], FG_ROW(c), shared, a, b)

#endif

#endif
