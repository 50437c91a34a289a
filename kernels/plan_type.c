/* ffgan: plans: which values are kept in half precision.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between 16-bit Winograd convolutions half precision loses less than their
 * products do, and halves the memory that goes by. A value over 65504 becomes
 * infinite, which the picture then shows. */
#include "plan_priv.h"

static int is_wino(const FgStep *s)
{
    return s->wino.owned && s->wino.kind == FG_WINO_I16;
}

static void keep_f32(FgPlan *p, int value, int *changed)
{
    *changed |= p->dtype[value] != FG_F32;
    p->dtype[value] = FG_F32;
}

/* A sum's operand and result are of one type. */
static void match_add(FgPlan *p, const FgStep *s, int *changed)
{
    if (s->add < 0 || p->dtype[s->add] == p->dtype[s->out])
        return;
    keep_f32(p, s->add, changed);
    keep_f32(p, s->out, changed);
}

void fg_plan_types(FgPlan *p)
{
    int changed = 1;

    for (int i = 0; i < p->g.nb_nodes; i++)
        p->dtype[i] = FG_F32;
    for (int i = 0; i < p->nb_steps && p->nb_int16; i++)
        if (p->steps[i].conv && p->steps[i].prep.dtype != FG_BF16)
            p->dtype[p->steps[i].out] = FG_F16;
    for (int i = 0; i < p->nb_steps; i++) {
        const FgStep *const s = &p->steps[i];

        for (int k = 0; k < s->nb_in; k++)
            if (!s->conv || (!k && !is_wino(s)))
                keep_f32(p, s->in[k], &changed);
    }
    if (!p->has_tail)
        keep_f32(p, p->alias[p->g.nb_nodes - 1], &changed);
    if (p->has_tail && p->tail.shuffle >= 0)
        keep_f32(p, p->tail.shuffle, &changed);
    if (p->has_tail && p->tail.base >= 0)
        keep_f32(p, p->tail.base, &changed);
    while (changed) {
        changed = 0;
        for (int i = 0; i < p->nb_steps; i++)
            match_add(p, &p->steps[i], &changed);
    }
}
