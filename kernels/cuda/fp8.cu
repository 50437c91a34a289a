/* ffgan: convolutions of 8-bit numbers as the GPU starts them: a file of its
 * own. CUDA before 12.4 has no such products: the file is then empty, and
 * nothing of it is found.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_all.h"

#if __CUDACC_VER_MAJOR__ > 12 ||                                               \
    (__CUDACC_VER_MAJOR__ == 12 && __CUDACC_VER_MINOR__ >= 4)
#define FG_BLOCKS_FP8(n) ((n) == 16 ? 8 : (n) == 32 ? 6 : (n) == 48 ? 5 : 4)
#define FP8(name, element, n, k)                                               \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK, FG_BLOCKS_FP8(n))   \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        extern __shared__ __align__(16) char shared[];                         \
        fg_conv_##name(&a, (int)blockIdx.x, (int)blockIdx.y, (int)blockIdx.z,  \
                       shared);                                                \
    }
FG_KERNELS_FP8(FP8)
#endif
