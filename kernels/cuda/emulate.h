/* ffgan: the kernels' own sources run on the CPU, block after block; for tests.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shared memory lies before guard bytes, full of NaNs at first; a guard that
 * changed ends the program. */
#ifndef FFGAN_KERNELS_CUDA_EMULATE_H
#define FFGAN_KERNELS_CUDA_EMULATE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_all.h"
#include "conv_wgmma.h"
#include "launch.h"
#include "mix_ops.h"
#include "train_data.h"
#include "train_loss.h"
#include "train_mma.h"
#include "train_step.h"
#include "train_tile.h"

enum { GUARD = 64, POISON = 0xff };

static void die(const char *what)
{
    fprintf(stderr, "emulated GPU: %s\n", what);
    abort();
}

static int guards_hold(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] != 0xa5)
            return 0;
    return 1;
}

static void run_map(void (*fn)(const FgKernelArgs *, int, int, int),
                    const FgKernelArgs *a, const FgLaunch *l)
{
    int y, x, k;
    for (unsigned bz = 0; bz < l->grid[2]; bz++)
        for (unsigned by = 0; by < l->grid[1]; by++)
            for (unsigned bx = 0; bx < l->grid[0]; bx++)
                for (int t = 0; t < FG_BLOCK; t++)
                    if (fg_element(&a->out, bx, by, bz, t, &y, &x, &k))
                        fn(a, y, x, k);
}

static char *shared_memory(size_t bytes)
{
    char *p = aligned_alloc(GUARD, (bytes + 2 * GUARD) / GUARD * GUARD);
    if (!p)
        die("out of memory");
    memset(p, POISON, bytes);
    memset(p + bytes, 0xa5, GUARD);
    return p;
}

static void run_blocks(void (*fn)(const FgKernelArgs *, int, int, int, char *),
                       const FgKernelArgs *a, const FgLaunch *l)
{
    char *const shared = shared_memory(l->shared);
    for (unsigned bz = 0; bz < l->grid[2]; bz++)
        for (unsigned by = 0; by < l->grid[1]; by++)
            for (unsigned bx = 0; bx < l->grid[0]; bx++) {
                memset(shared, POISON, l->shared);
                fn(a, (int)bx, (int)by, (int)bz, shared);
            }
    if (!guards_hold(shared + l->shared, GUARD))
        die("a kernel wrote outside of its shared memory");
    free(shared);
}

static void moments(const FgKernelArgs *a, int bx, int by, int bz, char *shared)
{
    (void)by, (void)bz;
    fg_moments(a, bx, shared);
}

static void run_train(void (*fn)(const FgKernelArgs *, int, char *),
                      const FgKernelArgs *a, const FgLaunch *l)
{
    char *const shared = shared_memory(l->shared);
    for (unsigned b = 0; b < l->grid[0]; b++) {
        memset(shared, POISON, l->shared);
        fn(a, (int)b, shared);
    }
    if (!guards_hold(shared + l->shared, GUARD))
        die("a kernel wrote outside of its shared memory");
    free(shared);
}

static void run_kernel(int kernel, const FgKernelArgs *a)
{
    const FgLaunch l = fg_launch(kernel, a);
    switch (kernel) {
#define MAP(name)                                                              \
    case FG_KERNEL_##name:                                                     \
        run_map(fg_k_##name, a, &l);                                           \
        break;
        FG_KERNELS_MAP(MAP)
        FG_KERNELS_WIDE(MAP)
#undef MAP
#define MMA(name, element, n, k)                                               \
    case FG_KERNEL_##name:                                                     \
        run_blocks(fg_conv_##name, a, &l);                                     \
        break;
        FG_KERNELS_TENSOR(MMA)
#undef MMA
#define TRAIN(name, grid)                                                      \
    case FG_KERNEL_##name:                                                     \
        run_train(fg_##name, a, &l);                                           \
        break;
        FG_KERNELS_TRAIN(TRAIN)
#undef TRAIN
    case FG_KERNEL_moments:
        run_blocks(moments, a, &l);
        break;
    default:
        die("unknown kernel");
    }
}

#endif
