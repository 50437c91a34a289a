/* ffgan: the kernels for all GPUs, as nvcc made them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
    .section .rodata
    .balign 16
    .globl fg_cuda_fatbin
    .hidden fg_cuda_fatbin
    .type fg_cuda_fatbin, %object
fg_cuda_fatbin:
    .incbin FATBIN
    .size fg_cuda_fatbin, . - fg_cuda_fatbin
    .section .note.GNU-stack, "", %progbits
