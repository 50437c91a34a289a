/* ffgan: the kernels as the GPU starts them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_all.h"
#include "launch.h"
#include "mix_ops.h"
#include "train_data.h"
#include "train_loss.h"
#include "train_mma.h"
#include "train_step.h"
#include "train_tile.h"

/* Blocks of a multiprocessor: a bound on registers (65536 / 128 / blocks),
 * which ptxas otherwise guesses, and spills to keep to its guess. */
enum { FG_BLOCKS_MAP = 8, FG_BLOCKS_TRAIN = 6, FG_BLOCKS_WIDE = 4 };
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define FG_BLOCKS_48 4
#define FG_BLOCKS_TILE64 3
#else
#define FG_BLOCKS_48 5
#define FG_BLOCKS_TILE64 4
#endif
#define FG_BLOCKS_MMA(n)                                                       \
    ((n) == 16 ? 8 : (n) == 32 ? 6 : (n) == 48 ? FG_BLOCKS_48 : 4)

#define ELEMENTS(name, blocks)                                                 \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK, blocks)             \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        int y, x, k;                                                           \
        if (fg_element(&a.out, blockIdx.x, blockIdx.y, blockIdx.z,             \
                       (int)threadIdx.x, &y, &x, &k))                          \
            fg_k_##name(&a, y, x, k);                                          \
    }
#define MAP(name) ELEMENTS(name, FG_BLOCKS_MAP)
#define WIDE(name) ELEMENTS(name, FG_BLOCKS_WIDE)
FG_KERNELS_MAP(MAP)
FG_KERNELS_WIDE(WIDE)

extern "C" __global__ void __launch_bounds__(FG_BLOCK, FG_BLOCKS_MAP)
    fg_cuda_moments(const __grid_constant__ FgKernelArgs a)
{
    extern __shared__ __align__(16) char shared[];
    fg_moments(&a, (int)blockIdx.x, shared);
}

#define MMA(name, element, n, k)                                               \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK, FG_BLOCKS_MMA(n))   \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        extern __shared__ __align__(16) char shared[];                         \
        fg_conv_##name(&a, (int)blockIdx.x, (int)blockIdx.y, (int)blockIdx.z,  \
                       shared);                                                \
    }
FG_KERNELS_MMA(MMA)

#define FG_BLOCKS_OF(grid)                                                     \
    ((grid) == FG_GRID_TILE64     ? FG_BLOCKS_TILE64                           \
     : (grid) >= FG_GRID_GATHER64 ? 4                                          \
                                  : FG_BLOCKS_TRAIN)
#define TRAIN(name, grid)                                                      \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK, FG_BLOCKS_OF(grid)) \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        extern __shared__ __align__(16) char shared[];                         \
        fg_##name(&a, (int)blockIdx.x, shared);                                \
    }
FG_KERNELS_TRAIN(TRAIN)
