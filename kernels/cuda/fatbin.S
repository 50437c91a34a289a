/* ffgan: the kernels for all GPUs, and those for Hopper, as nvcc made them.
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
    .section .note.GNU-stack, "", %progbits
