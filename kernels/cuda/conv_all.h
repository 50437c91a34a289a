/* ffgan: the tensor-core convolutions, one after another.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_CONV_ALL_H
#define FFGAN_KERNELS_CUDA_CONV_ALL_H

#include "mma.h"

#define FG_CAT3_(a, b, c) a##b##c
#define FG_CAT3(a, b, c) FG_CAT3_(a, b, c)

#define FG_MMA_NAME f16_n16_k1
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 16
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n32_k1
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 32
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n48_k1
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 48
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n64_k1
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 64
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n16_k3
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 16
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n32_k3
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 32
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n48_k3
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 48
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME f16_n64_k3
#define FG_MMA_ELEMENT 1
#define FG_MMA_N 64
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n16_k1
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 16
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n32_k1
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 32
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n48_k1
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 48
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n64_k1
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 64
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n16_k3
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 16
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n32_k3
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 32
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n48_k3
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 48
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME bf16_n64_k3
#define FG_MMA_ELEMENT 2
#define FG_MMA_N 64
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n16_k1
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 16
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n32_k1
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 32
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n48_k1
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 48
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n64_k1
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 64
#define FG_MMA_K 1
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n16_k3
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 16
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n32_k3
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 32
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n48_k3
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 48
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#define FG_MMA_NAME e4m3_n64_k3
#define FG_MMA_ELEMENT 3
#define FG_MMA_N 64
#define FG_MMA_K 3
#include "conv_mma_template.c"
#undef FG_MMA_NAME
#undef FG_MMA_ELEMENT
#undef FG_MMA_N
#undef FG_MMA_K

#endif
