/* ffgan: plans: what each way of a convolution costs, and which is taken.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In cycles of vector instructions per 16 outputs' pixels (one Winograd tile).
 * The constants of the transforms were measured on one Zen 4 core (input 300,
 * output 200 cycles for a vector of channels); other CPUs differ, but the ways
 * lie far apart where it matters. */
#include "cuda_plan.h"
#include "plan_priv.h"

#include <errno.h>
#include <limits.h>

#define PIXELS (FG_WINO_TILE * FG_WINO_TILE)
#define PLANES 36
#define IN_CYCLES 300
#define OUT_CYCLES 200
/* The 16-bit way has to pay for its rounding. */
#define WORTH 0.6

static double lanes(FgCpu level)
{
    return level >= FG_CPU_AVX512 ? 16 : level == FG_CPU_AVX2 ? 8 : 1;
}

/* Vectors of channels, the last one maybe of half the width. */
static double vectors(int c, double lanes)
{
    const double half = lanes > 1 ? lanes / 2 : 1;

    return (double)(int)((c + half - 1) / half) * half / lanes;
}

double fg_cost_plain(const FgAttr *a, int ic, FgDtype dtype, FgCpu level)
{
    const double groups = a->groups > 0 ? a->groups : 1;
    const double taps = (double)a->kernel * a->kernel * ic / groups;
    const double rate = dtype == FG_BF16 && level >= FG_CPU_AVX512BF16 ? 2 : 1;

    return PIXELS * taps / rate * vectors(a->channels, lanes(level));
}

double fg_cost_wino(const FgAttr *a, int ic, FgWinoKind kind, FgCpu level)
{
    const double n = lanes(level), out = vectors(a->channels, n);
    /* Pairs in one instruction with VNNI, else in two. */
    const int pairs = level >= FG_CPU_AVX512BF16 ||
                      (level == FG_CPU_AVX2 && fg_cpu_has_avxvnni());
    const double k = kind == FG_WINO_F32 ? ic
                     : pairs             ? (ic + 1) / 2.0
                                         : (double)ic;

    return PLANES * k * out + IN_CYCLES * vectors(ic, n) + OUT_CYCLES * out;
}

/* Not by the CPU at hand: the choice is part of the result. */
int fg_cost_prefers_wino(const FgAttr *a, int ic, FgWinoKind kind)
{
    const FgCpu level = FG_CPU_AVX512BF16;

    return fg_cost_wino(a, ic, kind, level) <
           WORTH * fg_cost_plain(a, ic, FG_F32, level);
}

/* Products alone: what follows is small beside them. */
static double cost_q8(const FgQ8 *q, FgCpu level)
{
    const double n = (double)PIXELS * q->k * q->ocp / 16;

    if (level >= FG_CPU_AMX)
        return n * q->lines;
    if (level >= FG_CPU_AVX512BF16)
        return n * q->quads;
    return n * q->quads * (fg_cpu_has_avxvnni() ? 2 : 8);
}

/* ---- what a plan says about itself ---- */

/* What handing a part to a thread takes: one that sleeps between layers (50 us
 * in a virtual machine), one that waits awake in a wave. */
#define WAKE_CYCLES 150000
#define TURN_CYCLES 5000

static const char *method(const FgStep *s)
{
    if (s->chain)
        return "row by row, fp32";
    if (!s->conv)
        return "op by op, fp32";
    if (s->tiles)
        return "AMX tile products, bf16";
    if (s->q8.owned)
        return "plain, int8";
    if (s->wino.owned)
        return s->wino.kind == FG_WINO_F32 ? "Winograd F(4x4,3x3), fp32"
                                           : "Winograd F(4x4,3x3), int16";
    return s->prep.dtype == FG_BF16 ? "plain, bf16" : "plain, fp32";
}

static double cost(const FgPlan *p, const FgStep *s)
{
    const FgAttr *a = &p->g.nodes[s->node].attr;
    const int ic = p->shapes[s->in[0]].c;

    if (!s->conv)
        return 0;
    if (s->tiles)
        return fg_mat_products(&s->mat);
    if (s->q8.owned)
        return cost_q8(&s->q8, fg_cpu_level());
    return s->wino.owned ? fg_cost_wino(a, ic, s->wino.kind, fg_cpu_level())
                         : fg_cost_plain(a, ic, s->prep.dtype, fg_cpu_level());
}

/* Into how many parts the step is cut, of rows (0: all) at a time. */
static double step_parts(const FgPlan *p, const FgStep *s, int band)
{
    const FgShape v = p->shapes[s->out];
    const int rows = band && band < v.h ? band : v.h;
    const int columns = s->tiles || s->q8.owned || s->wino.owned;
    const int most = !band ? v.h / 8 : columns ? v.w / 8 : rows;
    const double cycles = cost(p, s) * rows * v.w / PIXELS;
    const double n = cycles / (10.0 * (band ? TURN_CYCLES : WAKE_CYCLES));

    return n < 1 || most < 1 ? 1 : n < most ? n : most;
}

int fg_cost_parts(const FgPlan *p)
{
    double all = 0, longest = 0;

    for (int i = 0; i < p->nb_steps; i++) {
        const FgShape v = p->shapes[p->steps[i].out];
        const double c = cost(p, &p->steps[i]) * v.h * v.w;

        all += c;
        longest += c / step_parts(p, &p->steps[i], p->band);
    }
    return longest > 0 ? (int)(all / longest) : INT_MAX;
}

int fg_plan_step(const FgPlan *p, int i, FgPlanStepInfo *info)
{
    double sum = 0;

    if (i < 0 || i >= p->nb_steps)
        return -EINVAL;
    const FgStep *s = &p->steps[i];
    const FgNode *n = &p->g.nodes[s->node];

    const int narrow = p->cuda && p->cuda->alone8 && p->cuda->alone8[s->out];

    for (int k = 0; k < p->nb_steps; k++)
        sum += cost(p, &p->steps[k]);
    *info = (FgPlanStepInfo){
        .node = n->name,
        .op = n->op->name,
        .method = p->cuda ? fg_cuda_method(p, s) : method(s),
        .choice = p->cuda ? fg_cuda_choice(p, s) : "",
        .kernel = s->conv ? n->attr.kernel : 0,
        .channels_in = p->shapes[s->in[0]].c,
        .channels_out = p->shapes[s->out].c,
        .half = !narrow && p->dtype[s->out] == FG_F16,
        .bits = narrow ? 8 : 8 * (int)fg_dtype_size(p->dtype[s->out]),
        .fp8 = narrow,
        .adds = s->add >= 0,
        .activates = s->conv && s->epilogue.act,
        .share = sum > 0 ? cost(p, s) / sum : 0};
    return 0;
}
