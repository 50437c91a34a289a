/* Fuzzes the weights file's reader; what it accepts must plan and run.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "kernels/generator.h"
#include "kernels/model.h"
#include "kernels/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void generate(const FgModel *m)
{
    const FgGeneratorOptions o = {.w = 9, .h = 7};
    const FgMoment one = {1, {{1, 0, 1}}, 1};
    FgGenerator *g;
    FgGeneratorInfo info;
    FgTensor t;
    if (fg_generator_create(&g, m, &o, NULL) < 0)
        return;
    fg_generator_info(g, &info);
    if (info.macs < 1e7)
        fg_generator_run(g, &one, &t, NULL);
    fg_generator_free(&g);
}

static void run(const FgModel *m)
{
    const FgPlanOptions o = {.max_w = 9, .max_h = 7, .memory_limit = 1 << 22};
    FgPlan *p = NULL;
    FgPlanInfo info;
    FgTensor in = {0}, out = {0};
    if (m->task == FG_TASK_GENERATOR)
        generate(m);
    if (fg_plan_create(&p, m, &o, NULL) < 0)
        return;
    fg_plan_info(p, &info);
    const FgShape a = {1, info.channels_in, 7, 9};
    const FgShape b = {
        1, info.channels_out,
        (7 * info.scale_num + info.scale_den - 1) / info.scale_den,
        (9 * info.scale_num + info.scale_den - 1) / info.scale_den};
    if (info.macs_per_pixel < 1e5 && fg_tensor_alloc(&in, a, FG_F32) >= 0 &&
        (double)b.h * b.w * b.c < 1e6 && fg_tensor_alloc(&out, b, FG_F32) >= 0)
        fg_plan_run(p, &in, &out);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_plan_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgModel *m;
    FgError err;
    if (fg_model_parse(&m, data, size, "fuzz", &err) >= 0)
        run(m);
    fg_model_free(&m);
    return 0;
}
