/* ffgan: plans on a GPU in fp8 (fp8.h), for cuda_plan.c and cuda_step.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_FP8_H
#define FFGAN_KERNELS_CUDA_FP8_H

#include "cuda/conv_wgmma.h"
#include "cuda_plan.h"

/* Whether the device and the network can: 0, -ENOTSUP. */
int fg_cuda_fp8_open(FgPlan *p, FgError *err);
/* The kernel with n outputs a block (16 .. 64) and side k; -1: none here. */
int fg_cuda_fp8_kernel(const FgPlan *p, int n, int k);
/* Which of p's steps and values are in 8 bits: sets to8, alone8, nb_fp8, by
 * p->ranges. 0, -EBADMSG (none), -ENOMEM. */
int fg_cuda_fp8_mark(FgPlan *p, const FgShape *shapes, FgError *err);
/* Whether s is done in 8 bits. */
int fg_cuda_fp8_reads(const FgPlan *p, const FgStep *s, const FgShape *shapes);
/* w [oc][ic][taps] as a kernel of n outputs a block wants it, in dst, which is
 * zero, and what each output's sum is to be multiplied with. */
void fg_cuda_fp8_pack(uint8_t *dst, float *factor, const float *w, int oc,
                      int ic, int taps, int n, float to8, int wgmma);
/* Random codes, none of them NaN. */
void fg_cuda_fp8_random(uint8_t *to, size_t bytes);
/* Runs one layer of each kernel that reads or writes 8 bits, without what is
 * added and its activation, in the plan's memory before that holds anything,
 * and compares a block's pixels and those of the last rows and columns. 0,
 * -ENOTSUP (they are wrong), -ENOMEM, -ENODEV. */
int fg_cuda_fp8_check(FgPlan *p, FgError *err);

#endif
