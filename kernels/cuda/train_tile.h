/* ffgan: convolutions of training in fp32 as products of tiles: forward, the
 * input's gradient, the weights'. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What train_mma.h does on tensor cores, in f32 all the way: a block's tile is
 * kept in its threads' registers, what they multiply comes through shared
 * memory. Terms of a sum are the taps' inputs, of each tap as many as
 * FG_TILE_INPUTS, 16 at a time; rows of 16 bytes are fetched as such where
 * channels and pitch are multiples of 4. */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_TILE_H
#define FFGAN_KERNELS_CUDA_TRAIN_TILE_H

#include "train_mma.h"

/* ---- four floats at once ---- */

FG_HD void fg_load4(float *to, const char *from)
{
#ifdef __CUDACC__
    const float4 v = *(const float4 *)from;
    to[0] = v.x;
    to[1] = v.y;
    to[2] = v.z;
    to[3] = v.w;
#else
    memcpy(to, from, 4 * sizeof(*to));
#endif
}

/* Channels [c0, c0 + 4) of a pixel of v's images to shared memory; 0 for those
 * that are none. */
FG_HD void fg_fetch4(const FgKView *v, char *to, int64_t pixel, int c0)
{
    if (pixel < 0 || c0 >= v->c) {
        fg_zero16(to);
        return;
    }
    const float *from = (const float *)v->at + pixel * v->pitch + c0;
    if (c0 + 4 <= v->c && v->pitch % 4 == 0 && v->at % 16 == 0) {
        fg_copy16(to, from);
        return;
    }
    FG_NO_UNROLL
    for (int i = 0; i < 4; i++)
        ((float *)to)[i] = c0 + i < v->c ? from[i] : 0;
}

/* ---- terms ---- */

/* Element k of out: weights [block][chunk][16 terms][n of t.results] of p[0]
 * as fg_pack's. */
FG_HD void fg_pack_tile(const FgKernelArgs *a, int k)
{
    const int n = a->t.results, ic = a->in[0].c, taps = a->kernel * a->kernel;
    const int all = FG_TILE_INPUTS(ic), chunk = k / n / 16 % a->chunks;
    const int o = k / n / 16 / a->chunks * n + k % n;
    const int term = chunk * 16 + k / n % 16;
    const int tap = term / all, i = term % all;
    float v = 0;
    if (o < a->first && i < ic && tap < taps)
        v = fg_pack_weight(a, o, i, tap);
    fg_store(&a->out, 0, 0, k, v);
}

FG_T_EACH(f32_pack, fg_pack_tile(&b, ((void)n, (void)y, (void)x, k)))

/* Taps that a chunk of 16 terms has: 1, 2 or 4. */
FG_HD int fg_tile_taps(const FgKernelArgs *a)
{
    return 16 / fg_imin(FG_TILE_INPUTS(a->in[0].c), 16);
}

/* What pixel t of a block sees by the taps of chunk i: [tap][pixel]. */
FG_HD void fg_tile_look(const FgKernelArgs *a, int *seen, int i, const int *px,
                        int t)
{
    const int nb = fg_tile_taps(a), all = FG_TILE_INPUTS(a->in[0].c);
    FG_NO_UNROLL
    for (int j = 0; j < nb; j++)
        seen[j * FG_GATHER_PIXELS + t] = (int)fg_seen_pixel(
            a, px, (i * 16 + j * 16 / nb) / all);
}

/* A thread's share of chunk i: four neighbours fetch what a pixel sees. */
FG_HD void fg_tile_stage(const FgKernelArgs *a, char *to, const int *seen,
                         int i, int t)
{
    const int nb = fg_tile_taps(a), all = FG_TILE_INPUTS(a->in[0].c);
    FG_NO_UNROLL
    for (int q = t; q < 4 * FG_GATHER_PIXELS; q += FG_BLOCK) {
        const int p = q / 4, j = q % 4;
        fg_fetch4(&a->in[0], to + p * FG_TILE_ROW + j * 16,
                  seen[j * nb / 4 * FG_GATHER_PIXELS + p],
                  (i * 16 + j * 4) % all);
    }
}

/* ---- gradients of weights ---- */

/* A thread's share of 32 pixels from `first` on. */
FG_HD void fg_tile_outer_stage(const FgKernelArgs *a, char *to,
                               const FgOuter *o, const int *seen, int64_t first,
                               int t)
{
    FG_NO_UNROLL
    for (int q = t; q < 32 * FG_OUTER_N / 4; q += FG_BLOCK) {
        const int p = q / (FG_OUTER_N / 4), c = q % (FG_OUTER_N / 4) * 4;
        const int64_t at = first + p < o->end ? first + p : -1;
        fg_fetch4(&a->in[0], to + q * 16, at, o->row * FG_OUTER_N + c);
        fg_fetch4(&a->in[1], to + FG_TILE_SIDE + q * 16, seen[p],
                  o->col * FG_OUTER_N + c);
    }
}

/* A thread's 32 pixels; x, y: where its own channels begin. */
FG_HD void fg_tile_outer_multiply(float *acc, const char *x, const char *y)
{
    FG_NO_UNROLL
    for (int p = 0; p < 32; p++) {
        float v[8], w[4];
        fg_load4(v, x + p * FG_OUTER_N * 4);
        fg_load4(v + 4, x + p * FG_OUTER_N * 4 + FG_OUTER_N * 2);
        fg_load4(w, y + p * FG_OUTER_N * 4);
        FG_UNROLL
        for (int i = 0; i < 8; i++) {
            FG_UNROLL
            for (int j = 0; j < 4; j++)
                acc[i * 4 + j] += v[i] * w[j];
        }
    }
}

/* As train_outer_template.c's, a thread having 8x4 of the 64x64 weights: rows
 * 4 (t / 16) and 32 on, columns 4 (t % 16) on; threads without any rest. */
FG_HD void fg_t_f32_outer(const FgKernelArgs *a, int index, char *shared)
{
    const FgOuter o = fg_outer(a, index);
    int *const table = (int *)(shared + 4 * FG_TILE_SIDE);
    FG_REGS(float, acc, 32);

    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 32; i++)
            FG_R(acc, t)[i] = 0;
        if (t < 64)
            table[t] = fg_outer_look(a, &o, o.first + t);
    }
    FG_SYNC();
    FG_THREADS(t)
    {
        fg_tile_outer_stage(a, shared, &o, table, o.first, t);
        fg_copies_begun();
    }
    FG_NO_UNROLL
    for (int s = 0; o.first + s * 32 < o.end; s++) {
        const int64_t next = o.first + (s + 1) * 32;
        const int from = (s & 1) * 2 * FG_TILE_SIDE;
        FG_THREADS(t)
        {
            if (next < o.end) {
                fg_tile_outer_stage(a, shared + 2 * FG_TILE_SIDE - from, &o,
                                    table + (32 - (s & 1) * 32), next, t);
                fg_copies_begun();
            }
            fg_copies_done(next < o.end);
        }
        FG_SYNC();
        FG_THREADS(t)
        {
            if (t < 32)
                table[(s & 1) * 32 + t] = fg_outer_look(a, &o, next + 32 + t);
            if (o.row * FG_OUTER_N + t / 16 * 4 < a->in[0].c &&
                o.col * FG_OUTER_N + t % 16 * 4 < a->in[1].c)
                fg_tile_outer_multiply(
                    FG_R(acc, t), shared + from + t / 16 * 16,
                    shared + from + FG_TILE_SIDE + t % 16 * 16);
        }
        FG_SYNC();
    }
    FG_THREADS(t)
    {
        FG_UNROLL
        for (int i = 0; i < 32; i++)
            fg_outer_put(a, &o, i / 16 * 32 + t / 16 * 4 + i / 4 % 4,
                         t % 16 * 4 + i % 4, FG_R(acc, t)[i]);
    }
}

/* ---- sizes ---- */

#define FG_T_NAME f32_gather32
#define FG_T_N 32
#include "train_tile_template.c"
#undef FG_T_NAME
#undef FG_T_N

#define FG_T_NAME f32_gather64
#define FG_T_N 64
#include "train_tile_template.c"
#undef FG_T_NAME
#undef FG_T_N

#endif
