/* ffgan: the kernels as the GPU starts them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_all.h"
#include "frame_ops.h"
#include "launch.h"

#define MAP(name)                                                              \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK)                     \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        int y, x, k;                                                           \
        if (fg_element(&a.out, blockIdx.x, blockIdx.y, blockIdx.z,             \
                       (int)threadIdx.x, &y, &x, &k))                          \
            fg_k_##name(&a, y, x, k);                                          \
    }
FG_KERNELS_MAP(MAP)

extern "C" __global__ void __launch_bounds__(FG_BLOCK)
    fg_cuda_moments(const __grid_constant__ FgKernelArgs a)
{
    extern __shared__ __align__(16) char shared[];
    fg_moments(&a, (int)blockIdx.x, shared);
}

#define MMA(name, element, n, k)                                               \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK)                     \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        extern __shared__ __align__(16) char shared[];                         \
        fg_conv_##name(&a, (int)blockIdx.x, (int)blockIdx.y,                   \
                       (int)blockIdx.z, shared);                               \
    }
FG_KERNELS_MMA(MMA)
