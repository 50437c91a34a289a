/* ffgan: tensor cores' instructions, and what they do on a CPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Registers of the 32 threads of a warp hold matrices as the PTX manual says
 * (mma.m16n8k16, ldmatrix): thread l = 4 g + i has
 *   A 16x16: rows g (registers 0, 2), g + 8 (1, 3), columns 2i, 2i+1, from
 *            register 2 on 8 more;
 *   B 16x8:  column g, rows 2i, 2i+1 (register 0), 8 more (1);
 *   C 16x8:  row g, columns 2i, 2i+1 (0, 1); row g + 8 (2, 3).
 * ldmatrix: thread 8 m + r names row r (16 bytes) of matrix m; register m of
 * thread l gets elements 2i, 2i+1 of row g; turned (.trans): of rows 2i, 2i+1
 * element g. Of 8-bit numbers (m16n8k32) each half of a register above holds
 * two, so that A, B have 32 columns, rows: 4i .. 4i+3 for 2i, 2i+1. */
#ifndef FFGAN_KERNELS_CUDA_MMA_H
#define FFGAN_KERNELS_CUDA_MMA_H

#include "hd.h"

#ifdef __CUDACC__

FG_HD uint32_t fg_shared_at(const char *p)
{
    return (uint32_t)__cvta_generic_to_shared(p);
}

FG_HD void fg_ldmatrix(uint32_t *d, const char *at)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(fg_shared_at(at))
                 : "memory");
}

FG_HD void fg_ldmatrix_turned(uint32_t *d, const char *at)
{
    asm volatile(
        "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
        : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
        : "r"(fg_shared_at(at))
        : "memory");
}

FG_HD void fg_mma_f16(float *c, const uint32_t *a, const uint32_t *b)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
                   "r"(b[1]));
#else
    for (int i = 0; i < 2; i++)
        asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 "
                     "{%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                     : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
#endif
}

FG_HD void fg_mma_bf16(float *c, const uint32_t *a, const uint32_t *b)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
                   "r"(b[1]));
#else
    asm volatile("trap;"); /* the plan does not ask for it there */
#endif
}

FG_HD void fg_mma_e4m3(float *c, const uint32_t *a, const uint32_t *b)
{
#if __CUDA_ARCH__ >= 890
    asm volatile("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
                   "r"(b[1]));
#else
    asm volatile("trap;"); /* nor for this one */
#endif
}

#define FG_LDMATRIX(d, i, at, j) fg_ldmatrix(&(d)[i], shared + (at)[j])
#define FG_LDMATRIX_TURNED(d, i, at, j)                                        \
    fg_ldmatrix_turned(&(d)[i], shared + (at)[j])
#define FG_MMA(element, c, i, a, j, b, k)                                      \
    ((element) == FG_ELEMENT_F16    ? fg_mma_f16(&(c)[i], &(a)[j], &(b)[k])    \
     : (element) == FG_ELEMENT_BF16 ? fg_mma_bf16(&(c)[i], &(a)[j], &(b)[k])   \
                                    : fg_mma_e4m3(&(c)[i], &(a)[j], &(b)[k]))

/* 16 bytes to shared memory, while others are computed with where the GPU can.
 */
FG_HD void fg_copy16(char *to, const void *from)
{
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(fg_shared_at(to)),
        "l"(from)
        : "memory");
#else
    *(uint4 *)to = *(const uint4 *)from;
#endif
}

FG_HD void fg_copies_begun(void)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* All but the last `left` (0, 1) groups have come. */
FG_HD void fg_copies_done(int left)
{
#if __CUDA_ARCH__ >= 800
    if (left)
        asm volatile("cp.async.wait_group 1;" ::: "memory");
    else
        asm volatile("cp.async.wait_group 0;" ::: "memory");
#endif
}

FG_HD void fg_zero16(char *to)
{
    *(uint4 *)to = make_uint4(0, 0, 0, 0);
}

#else

/* Rows of n_d and n_at registers per thread. */
static inline void fg_emu_ldmatrix(uint32_t *d, int n_d, const int *at,
                                   int n_at, const char *shared)
{
    for (int l = 0; l < FG_BLOCK; l++)
        for (int m = 0; m < 4; m++) {
            const int from = l / 32 * 32 + 8 * m + l % 32 / 4;
            memcpy(&d[l * n_d + m], shared + at[from * n_at] + l % 4 * 4, 4);
        }
}

static inline void fg_emu_ldmatrix_turned(uint32_t *d, int n_d, const int *at,
                                          int n_at, const char *shared)
{
    for (int l = 0; l < FG_BLOCK; l++)
        for (int m = 0; m < 4; m++) {
            const int from = l / 32 * 32 + 8 * m + l % 4 * 2;
            uint16_t v[2];
            for (int i = 0; i < 2; i++)
                memcpy(&v[i], shared + at[(from + i) * n_at] + l % 32 / 4 * 2,
                       2);
            d[l * n_d + m] = v[0] | (uint32_t)v[1] << 16;
        }
}

/* Number i of those in r, of which there are `in_reg`: 2 or 4. */
static inline float fg_emu_number(int element, uint32_t r, int in_reg, int i)
{
    return in_reg == 4 ? fg_e4m3_to_float((uint8_t)(r >> 8 * i))
                       : fg_get16(element, (uint16_t)(r >> 16 * i));
}

static inline void fg_emu_mma(int element, float *c, int n_c, const uint32_t *a,
                              int n_a, const uint32_t *b, int n_b)
{
    const int n = element == FG_ELEMENT_E4M3 ? 4 : 2; /* of a register */
    for (int warp = 0; warp < FG_BLOCK; warp += 32) {
        float A[16][32], B[32][8];
        for (int l = 0; l < 32; l++)
            for (int r = 0; r < 4 * n; r++) {
                const int g = l / 4, i = l % 4 * n + r % n, q = r / n;
                A[g + q % 2 * 8][i + q / 2 * 4 * n] = fg_emu_number(
                    element, a[(warp + l) * n_a + q], n, r % n);
                if (q < 2)
                    B[i + q * 4 * n][g] = fg_emu_number(
                        element, b[(warp + l) * n_b + q], n, r % n);
            }
        for (int l = 0; l < 32; l++)
            for (int r = 0; r < 4; r++) {
                const int row = l / 4 + r / 2 * 8, col = l % 4 * 2 + r % 2;
                float *to = &c[(warp + l) * n_c + r], sum = *to;
                for (int k = 0; k < 8 * n; k++)
                    sum += A[row][k] * B[k][col];
                *to = sum;
            }
    }
}

#define FG_ROW(v) ((int)(sizeof((v)[0]) / sizeof((v)[0][0])))
#define FG_LDMATRIX(d, i, at, j)                                               \
    fg_emu_ldmatrix(&(d)[0][i], FG_ROW(d), &(at)[0][j], FG_ROW(at), shared)
#define FG_LDMATRIX_TURNED(d, i, at, j)                                        \
    fg_emu_ldmatrix_turned(&(d)[0][i], FG_ROW(d), &(at)[0][j], FG_ROW(at),     \
                           shared)
#define FG_MMA(element, c, i, a, j, b, k)                                      \
    fg_emu_mma(element, &(c)[0][i], FG_ROW(c), &(a)[0][j], FG_ROW(a),          \
               &(b)[0][k], FG_ROW(b))

static inline void fg_copy16(char *to, const void *from)
{
    if (((uintptr_t)to | (uintptr_t)from) % 16)
        abort(); /* a GPU would, too */
    memcpy(to, from, 16);
}

static inline void fg_copies_begun(void)
{
}

static inline void fg_copies_done(int left)
{
    (void)left;
}

static inline void fg_zero16(char *to)
{
    memset(to, 0, 16);
}

#endif

/* The first n of 8 numbers of 16 bits; the others become 0. */
FG_HD void fg_copy_part(char *to, const char *from, int n)
{
    FG_UNROLL
    for (int i = 0; i < 8; i++)
        ((uint16_t *)to)[i] = i < n ? ((const uint16_t *)from)[i] : (uint16_t)0;
}

/* Rows of 32 bytes in shared memory, their halves swapped every four rows: no
 * eight neighbouring rows that ldmatrix reads share a bank. */
FG_HD int fg_row32(int row, int half)
{
    return row * 32 + ((half ^ (row >> 2 & 1)) << 4);
}

enum { FG_TILE_W = 16, FG_TILE_H = 8 };

/* Bytes of one of two stages: inputs, then weights. */
#define FG_MMA_PIXELS(k) ((FG_TILE_W + (k)-1) * (FG_TILE_H + (k)-1))
#define FG_MMA_STAGE(n, k) ((FG_MMA_PIXELS(k) + (k) * (k) * (n)) * 32)

#endif
