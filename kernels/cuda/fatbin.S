/* ffgan: the kernels for all GPUs, Hopper's and those of 8 bits, as nvcc made them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
    .section .rodata
    .balign 16
    .globl fg_cuda_fatbin
    .hidden fg_cuda_fatbin
    .type fg_cuda_fatbin, %object
fg_cuda_fatbin:
    .incbin FATBIN
    .size fg_cuda_fatbin, . - fg_cuda_fatbin
    .balign 16
    .globl fg_cuda_hopper
    .hidden fg_cuda_hopper
    .type fg_cuda_hopper, %object
fg_cuda_hopper:
    .incbin HOPPER_FATBIN
    .size fg_cuda_hopper, . - fg_cuda_hopper
    .balign 16
    .globl fg_cuda_fp8
    .hidden fg_cuda_fp8
    .type fg_cuda_fp8, %object
fg_cuda_fp8:
    .incbin FP8_FATBIN
    .size fg_cuda_fp8, . - fg_cuda_fp8
    .section .note.GNU-stack, "", %progbits
