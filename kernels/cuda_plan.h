/* ffgan: plans on a GPU, for plan.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CUDA_PLAN_H
#define FFGAN_KERNELS_CUDA_PLAN_H

#include "cuda.h"
#include "plan_priv.h"

/* p has its graph, parameters and reach. On failure the caller frees. */
int fg_cuda_plan_create(FgPlan *p, const FgPlanOptions *opt, FgError *err);

#endif
