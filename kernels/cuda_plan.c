/* ffgan: plans on a GPU. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cuda_plan.h"

#include <errno.h>

#include "cuda/abi.h"

int fg_cuda_plan_create(FgPlan *p, const FgPlanOptions *opt, FgError *err)
{
    int rc;
    const FgCudaApi *const api = fg_cuda_load(&rc, err);
    (void)p;
    (void)opt;
    return api ? fg_error(err, -ENOTSUP, "CUDA: no plans in this version") : rc;
}

int fg_cuda_frame_run(FgPlan *p, void *stream, const FgCudaFrame *in,
                      const FgCudaFrame *out, const FgCudaColour *colour,
                      FgError *err)
{
    (void)p, (void)stream, (void)in, (void)out, (void)colour;
    return fg_error(err, -ENOTSUP, "this plan is the CPU's");
}

int64_t fg_cuda_frame_bad(FgPlan *p, FgError *err)
{
    (void)p;
    return fg_error(err, -ENOTSUP, "this plan is the CPU's");
}
