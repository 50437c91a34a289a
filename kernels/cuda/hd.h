/* ffgan: what lets one kernel source run on a GPU and, block by block, on a
 * CPU. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A kernel that needs its threads to meet is written in phases: FG_THREADS(t)
 * { ... } is done by every thread of the block, FG_SYNC() ends a phase. What a
 * thread keeps from phase to phase is declared FG_REGS(type, name, n) and used
 * as FG_R(name, t)[i]. On a GPU that is an array in registers and no loop. */
#ifndef FFGAN_KERNELS_CUDA_HD_H
#define FFGAN_KERNELS_CUDA_HD_H

#include "args.h"
#include "kernels/bits.h"
#include "kernels/e4m3.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define FG_HD static __device__ __forceinline__
#define FG_THREADS(t)                                                          \
    for (int t = (int)threadIdx.x, fg_once = 1; fg_once; fg_once = 0)
#define FG_SYNC() __syncthreads()
#define FG_REGS(type, name, n) type name[n]
#define FG_R(name, t) (name)
#define FG_UNROLL _Pragma("unroll")
#define FG_NO_UNROLL _Pragma("unroll 1")
#else
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/half.h"
#define FG_HD static inline
#define FG_THREADS(t) for (int t = 0; t < FG_BLOCK; t++)
#define FG_SYNC()                                                              \
    do {                                                                       \
    } while (0)
#define FG_REGS(type, name, n) type name[FG_BLOCK][n]
#define FG_R(name, t) ((name)[t])
#define FG_UNROLL
#define FG_NO_UNROLL
#endif

#define FG_BLOCK 128 /* threads of every kernel */

/* ---- numbers ---- */

FG_HD float fg_f16_get(uint16_t h)
{
#ifdef __CUDACC__
    return __half2float(__ushort_as_half(h));
#else
    return fg_half_to_float(h);
#endif
}

FG_HD uint16_t fg_f16_put(float f)
{
#ifdef __CUDACC__
    return __half_as_ushort(__float2half_rn(f));
#else
    return fg_half_from_float(f);
#endif
}

FG_HD float fg_bf16_get(uint16_t h)
{
    return fg_bits_float((uint32_t)h << 16);
}

/* To nearest even; a NaN stays one. */
FG_HD uint16_t fg_bf16_put(float f)
{
    const uint32_t u = fg_float_bits(f);
    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

FG_HD float fg_get16(int element, uint16_t h)
{
    return element == FG_ELEMENT_F16 ? fg_f16_get(h) : fg_bf16_get(h);
}

FG_HD uint16_t fg_put16(int element, float f)
{
    return element == FG_ELEMENT_F16 ? fg_f16_put(f) : fg_bf16_put(f);
}

/* Two numbers as e4m3.h rounds them, the first in the low byte. CUDA 12.1 is
 * the first whose assembler has the instruction for 8.9. */
FG_HD uint16_t fg_e4m3_put2(float lo, float hi)
{
#if defined(__CUDACC__) && __CUDA_ARCH__ >= 890 &&                             \
    __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1201
    uint16_t v;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(v) : "f"(hi), "f"(lo));
    return v;
#else
    return (uint16_t)(fg_e4m3_from_float(lo) | fg_e4m3_from_float(hi) << 8);
#endif
}

FG_HD int fg_finite(float f)
{
    return (fg_float_bits(f) & 0x7f800000) != 0x7f800000;
}

/* ---- memory ---- */

FG_HD int64_t fg_index(const FgKView *v, int y, int x, int k)
{
    return ((int64_t)y * v->w + x) * v->pitch + k;
}

FG_HD float fg_load(const FgKView *v, int y, int x, int k)
{
    const int64_t i = fg_index(v, y, x, k);
    if (v->element == FG_ELEMENT_F32)
        return ((const float *)v->at)[i];
    return fg_get16(v->element, ((const uint16_t *)v->at)[i]);
}

FG_HD void fg_store(const FgKView *v, int y, int x, int k, float f)
{
    const int64_t i = fg_index(v, y, x, k);
    if (v->element == FG_ELEMENT_F32)
        ((float *)v->at)[i] = f;
    else
        ((uint16_t *)v->at)[i] = fg_put16(v->element, f);
}

FG_HD float fg_param(uint64_t p, int64_t i)
{
    return ((const float *)p)[i];
}

/* ---- small maths ---- */

FG_HD int fg_imin(int a, int b)
{
    return a < b ? a : b;
}

FG_HD int fg_imax(int a, int b)
{
    return a > b ? a : b;
}

FG_HD int fg_iclamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Keys' bicubic, a = -1/2. */
FG_HD float fg_keys(float x)
{
    x = x < 0 ? -x : x;
    if (x < 1)
        return (1.5f * x - 2.5f) * x * x + 1;
    return x < 2 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : 0;
}

FG_HD float fg_sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

FG_HD float fg_act(int act, float x, float alpha, float slope)
{
    switch (act) {
    case FG_UNARY_RELU:
        return x > 0 ? x : x != x ? x : 0;
    case FG_UNARY_LEAKY:
        return x > 0 ? x : x * alpha;
    case FG_UNARY_PRELU:
        return x > 0 ? x : x * slope;
    default:
        return x;
    }
}

/* The place that a border's place i stands for; -1 = zero. graph.h's
 * FgPadMode: 0 zero, 1 reflect, 2 replicate, 3 circular. */
FG_HD int fg_border(int i, int n, int mode)
{
    if (i >= 0 && i < n)
        return i;
    if (mode == 2)
        return i < 0 ? 0 : n - 1;
    if (mode == 3)
        return (i % n + n) % n;
    if (mode == 1) {
        const int m = 2 * (n - 1);
        if (n == 1)
            return 0;
        i = (i % m + m) % m;
        return i < n ? i : m - i;
    }
    return -1;
}

#endif
