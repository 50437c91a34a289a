/* ffgan: Hopper's products of warp groups, and what they do on a CPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * wgmma.m64nNk16, of 8-bit numbers k32 (PTX manual, "Asynchronous warpgroup
 * level matrix instructions"): four warps; both factors lie in shared memory,
 * their 32 bytes along k, as core matrices of 8 rows of 16 bytes, one row
 * behind the other. A descriptor says where:
 *   bits 0..13  address / 16 (of 18 bits)
 *   bits 16..29 bytes / 16 from the first half of k to the second
 *   bits 32..45 bytes / 16 from 8 rows to the next 8
 *   bits 62..63 0: not swizzled
 * So a core matrix may begin at any 16 bytes: 8 neighbouring pixels, whichever
 * tap. The sum: thread l = 4 g + i of warp w has rows 16 w + g (registers
 * 4 j, 4 j + 1) and 8 more (4 j + 2, 4 j + 3), columns 8 j + 2 i, + 1. */
#ifndef FFGAN_KERNELS_CUDA_WGMMA_H
#define FFGAN_KERNELS_CUDA_WGMMA_H

#include "mma.h"

/* Registers of a thread for the sums of n outputs: two products. */
#define FG_WG_ACC(n) ((n) / 2)

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

FG_HD void fg_wgmma_f16_64(float *c, uint64_t a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.f16.f16 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,"
                 "%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,"
                 "%26,%27,%28,%29,%30,%31}, %32, %33, 1, 1, 1, 0, 0;"
                 : FG_WG8_(c, 0), FG_WG8_(c, 8), FG_WG8_(c, 16), FG_WG8_(c, 24)
                 : "l"(a), "l"(b));
}

FG_HD void fg_wgmma_e4m3_16(float *c, uint64_t a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n16k32.f32.e4m3.e4m3 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7}, %8, %9, 1, 1, 1;"
                 : FG_WG8_(c, 0)
                 : "l"(a), "l"(b));
}

FG_HD void fg_wgmma_e4m3_32(float *c, uint64_t a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n32k32.f32.e4m3.e4m3 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,"
                 "%14,%15}, %16, %17, 1, 1, 1;"
                 : FG_WG8_(c, 0), FG_WG8_(c, 8)
                 : "l"(a), "l"(b));
}

FG_HD void fg_wgmma_e4m3_48(float *c, uint64_t a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n48k32.f32.e4m3.e4m3 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,"
                 "%14,%15,%16,%17,%18,%19,%20,%21,%22,%23}, %24, %25, 1, 1, 1;"
                 : FG_WG8_(c, 0), FG_WG8_(c, 8), FG_WG8_(c, 16)
                 : "l"(a), "l"(b));
}

FG_HD void fg_wgmma_e4m3_64(float *c, uint64_t a, uint64_t b)
{
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3 "
                 "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,"
                 "%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,"
                 "%26,%27,%28,%29,%30,%31}, %32, %33, 1, 1, 1;"
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

#define FG_WGMMA(element, n, c, i, a, b)                                       \
    ((element) == FG_ELEMENT_F16 ? fg_wgmma_f16_64(&(c)[i], a, b)              \
     : (n) == 16                 ? fg_wgmma_e4m3_16(&(c)[i], a, b)             \
     : (n) == 32                 ? fg_wgmma_e4m3_32(&(c)[i], a, b)             \
     : (n) == 48                 ? fg_wgmma_e4m3_48(&(c)[i], a, b)             \
                                 : fg_wgmma_e4m3_64(&(c)[i], a, b))
#endif

#else

#define FG_WG_AT(p) ((uint32_t)((p)-shared))

/* Number (row, k) of the factor that d describes. */
static inline float fg_emu_wg(int element, const char *shared, uint64_t d,
                              int row, int k)
{
    const int half = element == FG_ELEMENT_E4M3 ? 16 : 8;
    const uint64_t at = (d & 0x3fff) * 16 +
                        (d >> 16 & 0x3fff) * 16 * (uint64_t)(k / half) +
                        (d >> 32 & 0x3fff) * 16 * (uint64_t)(row / 8) +
                        (uint64_t)(row % 8 * 16 + k % half * (16 / half));
    uint16_t h;
    if (element == FG_ELEMENT_E4M3)
        return fg_e4m3_to_float((uint8_t)shared[at]);
    memcpy(&h, shared + at, 2);
    return fg_f16_get(h);
}

static inline void fg_emu_wgmma(int element, int n, float *c, int n_c,
                                const char *shared, uint64_t a, uint64_t b)
{
    for (int l = 0; l < FG_BLOCK; l++)
        for (int r = 0; r < FG_WG_ACC(n); r++) {
            const int row = l / 32 * 16 + l % 32 / 4 + r / 2 % 2 * 8;
            const int col = r / 4 * 8 + l % 4 * 2 + r % 2;
            float sum = c[l * n_c + r];
            for (int k = 0; k < (element == FG_ELEMENT_E4M3 ? 32 : 16); k++)
                sum += fg_emu_wg(element, shared, a, row, k) *
                       fg_emu_wg(element, shared, b, col, k);
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

#define FG_WGMMA(element, n, c, i, a, b)                                       \
    fg_emu_wgmma(element, n, &(c)[0][i], FG_ROW(c), shared, a, b)

#endif

#endif
