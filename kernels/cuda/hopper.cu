/* ffgan: the kernels that only Hopper has, as the GPU starts them: a file of
 * its own. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_wgmma.h"

#define FG_BLOCKS_WG(n) ((n) == 16 ? 8 : (n) == 32 ? 6 : (n) == 48 ? 5 : 4)
#define HOPPER(name, element, n, k)                                            \
    extern "C" __global__ void __launch_bounds__(FG_BLOCK, FG_BLOCKS_WG(n))    \
        fg_cuda_##name(const __grid_constant__ FgKernelArgs a)                 \
    {                                                                          \
        extern __shared__ __align__(128) char shared[];                        \
        fg_conv_##name(&a, (int)blockIdx.x, (int)blockIdx.y, (int)blockIdx.z,  \
                       shared);                                                \
    }
FG_KERNELS_HOPPER(HOPPER)
