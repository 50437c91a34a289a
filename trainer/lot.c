/* Values that losses look at, where they lie.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trainer/lot.h"
#include "trainer/tape_gpu.h"

FgLot fg_lot_host(const FgTensor *t)
{
    return (FgLot){.host = *t, .by = 1};
}

static FgLot of(FgTape *t, const FgTensor *host, int keep, int what)
{
    FgLot l = fg_lot_host(host);

    if (!t->gpu || !fg_tape_gpu_keeps(t, keep))
        return l;
    l.d = t->ex->gpu;
    l.there = fg_tape_gpu_view(t, what);
    if (what == FG_VIEW_SLOPE)
        l.by = 1 / fg_tape_gpu_carries(t);
    return l;
}

FgLot fg_lot_input(FgTape *t)
{
    return of(t, fg_tape_input(t), FG_KEEP_INPUT, FG_VIEW_INPUT);
}

FgLot fg_lot_output(FgTape *t)
{
    return of(t, fg_tape_output(t), FG_KEEP_OUTPUT, FG_VIEW_OUTPUT);
}

FgLot fg_lot_grad(FgTape *t)
{
    FgLot l = of(t, fg_tape_output_grad(t), FG_KEEP_GRADIENT, FG_VIEW_GRADIENT);

    if (l.d)
        l.there = fg_tape_gpu_given(t);
    return l;
}

FgLot fg_lot_slope(FgTape *t)
{
    return of(t, fg_tape_input_grad(t), FG_KEEP_SLOPE, FG_VIEW_SLOPE);
}

size_t fg_lot_count(const FgLot *l)
{
    const FgShape s = l->host.shape;

    return (size_t)s.n * (size_t)s.c * (size_t)s.h * (size_t)s.w;
}

int fg_lot_fill(const FgLot *l, double v)
{
    const size_t n = fg_lot_count(l);
    FgKernelArgs k = {.mode = FG_STEP_FILL,
                      .alpha = (float)v,
                      .out = fg_cuda_line(l->there.at, n),
                      .p = {l->there.at},
                      .t = {.images = 1}};

    if (l->d)
        return fg_gpu_launch(l->d, FG_KERNEL_t_step, &k);
    for (size_t i = 0; i < n; i++)
        ((float *)l->host.data)[i] = (float)v;
    return 0;
}
