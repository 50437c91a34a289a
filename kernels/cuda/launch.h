/* ffgan: how many threads a launch has, and which does what.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plug-in and the tests' plug-in both ask here. */
#ifndef FFGAN_KERNELS_CUDA_LAUNCH_H
#define FFGAN_KERNELS_CUDA_LAUNCH_H

#include "mma.h"

enum { FG_GRID_ROWS = 32768 }; /* a grid has 65535 at most */

static inline unsigned fg_blocks(int64_t n, int by)
{
    return (unsigned)((n + by - 1) / by);
}

/* Element (y, x, k) of thread t of block (bx, by, bz); 0: none. */
FG_HD int fg_element(const FgKView *o, unsigned bx, unsigned by, unsigned bz,
                     int t, int *y, int *x, int *k)
{
    const unsigned i = bx * FG_BLOCK + (unsigned)t;
    *y = (int)(bz * FG_GRID_ROWS + by);
    if (*y >= o->h || i >= (unsigned)o->w * (unsigned)o->c)
        return 0;
    *k = (int)(i % (unsigned)o->c);
    *x = (int)(i / (unsigned)o->c);
    return 1;
}

static inline FgLaunch fg_launch_map(const FgKView *o)
{
    const int rows = o->h < FG_GRID_ROWS ? o->h : FG_GRID_ROWS;
    const FgLaunch l = {{fg_blocks((int64_t)o->w * o->c, FG_BLOCK),
                         (unsigned)rows, fg_blocks(o->h, FG_GRID_ROWS)},
                        FG_BLOCK,
                        0};
    return l;
}

static inline FgLaunch fg_launch_mma(const FgKernelArgs *a, int n, int k)
{
    const FgLaunch l = {{fg_blocks(a->out.w, FG_TILE_W),
                         fg_blocks(a->out.h, FG_TILE_H), (unsigned)a->blocks},
                        FG_BLOCK,
                        2U * (unsigned)FG_MMA_STAGE(n, k)};
    return l;
}

static inline FgLaunch fg_launch_gather(const FgKernelArgs *a, unsigned shared)
{
    const int64_t all = (int64_t)a->t.images * a->out.h * a->out.w;
    const FgLaunch l = {{fg_blocks(all, FG_GATHER_PIXELS) *
                             (unsigned)a->blocks * (unsigned)a->t.results,
                         1, 1},
                        FG_BLOCK,
                        shared};
    return l;
}

static inline FgLaunch fg_launch_outer(const FgKernelArgs *a, unsigned shared)
{
    const unsigned weights = fg_blocks(a->in[0].c, FG_OUTER_N) *
                             fg_blocks(a->in[1].c, FG_OUTER_N) *
                             (unsigned)(a->kernel * a->kernel);
    const FgLaunch l = {
        {weights * (unsigned)a->t.results, 1, 1}, FG_BLOCK, shared};
    return l;
}

/* Two stages, and of train_tile.h two tables. */
static inline FgLaunch fg_launch_product(const FgKernelArgs *a, int grid)
{
    const unsigned table = FG_TILE_TABLE * (unsigned)sizeof(int);
    switch (grid) {
    case FG_GRID_GATHER32:
        return fg_launch_gather(a, 2U * FG_GATHER_STAGE(32));
    case FG_GRID_GATHER64:
        return fg_launch_gather(a, 2U * FG_GATHER_STAGE(64));
    case FG_GRID_TILE32:
        return fg_launch_gather(a, 2U * (FG_TILE_STAGE(32) + table));
    case FG_GRID_TILE64:
        return fg_launch_gather(a, 2U * (FG_TILE_STAGE(64) + table));
    case FG_GRID_OUTER:
        return fg_launch_outer(a, 4U * FG_OUTER_SIDE);
    default:
        return fg_launch_outer(a, 4U * FG_TILE_SIDE +
                                      2U * 32U * (unsigned)sizeof(int));
    }
}

static inline FgLaunch fg_launch_train(const FgKernelArgs *a, int grid)
{
    if (grid >= FG_GRID_GATHER32)
        return fg_launch_product(a, grid);
    const int64_t maps = (int64_t)a->t.images * a->out.c;
    const int64_t all = maps * a->out.h * a->out.w;
    const FgLaunch l = {
        {grid == FG_GRID_RESULTS
             ? (unsigned)a->t.results
             : fg_blocks(grid == FG_GRID_MAPS ? maps : all, FG_BLOCK),
         1, 1},
        FG_BLOCK,
        grid == FG_GRID_RESULTS ? FG_BLOCK * (unsigned)sizeof(double) : 0};
    return l;
}

static inline FgLaunch fg_launch(int kernel, const FgKernelArgs *a)
{
    switch (kernel) {
#define FG_CASE(name, element, n, k)                                           \
    case FG_KERNEL_##name:                                                     \
        return fg_launch_mma(a, n, k);
        FG_KERNELS_TENSOR(FG_CASE)
#undef FG_CASE
#define FG_CASE(name, grid)                                                    \
    case FG_KERNEL_##name:                                                     \
        return fg_launch_train(a, grid);
        FG_KERNELS_TRAIN(FG_CASE)
#undef FG_CASE
    case FG_KERNEL_moments: {
        const FgLaunch l = {
            {(unsigned)a->groups, 1, 1}, FG_BLOCK, FG_BLOCK * sizeof(double)};
        return l;
    }
    default:
        return fg_launch_map(&a->out);
    }
}

#endif
