/* ffgan: plans: which values are kept in half precision.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between 16-bit Winograd convolutions half precision loses less than their
 * products do, and halves the memory that goes by. A value over 65504 becomes
 * infinite, which the picture then shows. Between tile products values are
 * bf16, as these read them. */
#include "plan_priv.h"

#include <errno.h>
#include <stdlib.h>

#include "graph_priv.h"

static int is_wino(const FgStep *s)
{
    return s->wino.owned && s->wino.kind == FG_WINO_I16;
}

static void keep_f32(FgPlan *p, int value, int *changed)
{
    *changed |= p->dtype[value] != FG_F32;
    p->dtype[value] = FG_F32;
}

/* Tile products take the high and the low half of so few channels (mat.h). */
static int takes_halves(const FgPlan *p, const FgStep *s)
{
    const FgNode *const n = &p->g.nodes[s->node];

    return s->tiles && fg_params_find(&p->ps, n->param[0])->dims[1] <= 4;
}

/* A sum's operand and result are of one type. */
static void match_add(FgPlan *p, const FgStep *s, int *changed)
{
    if (s->add < 0 || p->dtype[s->add] == p->dtype[s->out])
        return;
    keep_f32(p, s->add, changed);
    keep_f32(p, s->out, changed);
}

/* ---- 8 bits ---- */

static int same_code(FgQ8Code a, FgQ8Code b)
{
    return a.inv == b.inv && a.zero == b.zero;
}

/* The code in which all that read the value want it: none (inv 0) where one of
 * them wants numbers. */
static FgQ8Code wanted_code(const FgPlan *p, int value)
{
    const FgTail *const t = &p->tail;
    FgQ8Code c = {.inv = 0};

    if (p->has_tail ? t->shuffle == value || t->base == value
                    : p->alias[p->g.nb_nodes - 1] == value)
        return c;
    for (int i = 0; i < p->nb_steps; i++) {
        const FgStep *const s = &p->steps[i];

        for (int k = 0; k < s->nb_in; k++) {
            if (s->in[k] != value)
                continue;
            if (!s->q8.owned || k || (c.inv > 0 && !same_code(c, s->q8.in)))
                return (FgQ8Code){.inv = 0};
            c = s->q8.in;
        }
    }
    return c;
}

static void code_values(FgPlan *p)
{
    for (int i = 0; i < p->nb_steps; i++) {
        FgStep *const s = &p->steps[i];

        if (!s->q8.owned)
            continue;
        s->to = wanted_code(p, s->out);
        if (s->to.inv > 0)
            p->dtype[s->out] = FG_U8;
    }
}

/* ---- all values ---- */

void fg_plan_types(FgPlan *p)
{
    int changed = 1;

    for (int i = 0; i < p->g.nb_nodes; i++)
        p->dtype[i] = FG_F32;
    for (int i = 0; i < p->nb_steps && p->nb_int16; i++)
        if (p->steps[i].chain ||
            (p->steps[i].conv && p->steps[i].prep.dtype != FG_BF16))
            p->dtype[p->steps[i].out] = FG_F16;
    for (int i = 0; i < p->nb_steps; i++)
        if (p->steps[i].tiles || (p->steps[i].chain && p->nb_mat))
            p->dtype[p->steps[i].out] = FG_BF16;
    for (int i = 0; i < p->nb_steps; i++) {
        const FgStep *const s = &p->steps[i];

        for (int k = 0; k < s->nb_in; k++)
            if (!s->chain && (!s->conv || (!k && !is_wino(s) &&
                                           (!s->tiles || takes_halves(p, s)))))
                keep_f32(p, s->in[k], &changed);
    }
    if (!p->has_tail)
        keep_f32(p, p->alias[p->g.nb_nodes - 1], &changed);
    if (p->has_tail && p->tail.shuffle >= 0)
        keep_f32(p, p->tail.shuffle, &changed);
    if (p->has_tail && p->tail.base >= 0)
        keep_f32(p, p->tail.base, &changed);
    for (int i = 0; i < p->nb_steps; i++)
        if (p->steps[i].q8.owned) {
            keep_f32(p, p->steps[i].out, &changed);
            if (p->steps[i].add >= 0)
                keep_f32(p, p->steps[i].add, &changed);
        }
    while (changed) {
        changed = 0;
        for (int i = 0; i < p->nb_steps; i++)
            match_add(p, &p->steps[i], &changed);
    }
    code_values(p);
}

/* ---- tile products ---- */

static int pack_mat(FgPlan *p, FgStep *s, int ic)
{
    const FgNode *n = &p->g.nodes[s->node];
    const FgDtype in = p->dtype[s->in[0]];
    const float *w = fg_params_find(&p->ps, n->param[0])->data;
    const float *b = n->nb_param > 1 ? fg_params_find(&p->ps, n->param[1])->data
                                     : NULL;
    const int f32 = p->dtype[s->out] != FG_BF16;
    /* Only borders of zeros are there without gathering. */
    const int gather = in != FG_BF16 || n->attr.pad_mode;
    const int rc = fg_mat_prep(&s->mat, &n->attr, ic, w, b, gather, f32);
    /* Few widths fit lines as they lie; gathered ones may be any. */
    return rc == -EINVAL && !gather
               ? fg_mat_prep(&s->mat, &n->attr, ic, w, b, 1, f32)
               : rc;
}

int fg_plan_mats(FgPlan *p, FgError *err)
{
    FgShape *shapes = p->nb_mat ? fg_graph_any_shapes(&p->g, err) : NULL;
    int rc = p->nb_mat && !shapes ? -EINVAL : 0;

    for (int i = 0; i < p->nb_steps && rc >= 0; i++) {
        FgStep *const s = &p->steps[i];

        if (!s->tiles || s->mat.owned) /* by the plan that this one shares */
            continue;
        rc = shapes ? pack_mat(p, s, shapes[s->in[0]].c) : -EINVAL;
        p->mat_pad = s->mat.pad > p->mat_pad ? s->mat.pad : p->mat_pad;
        if (rc < 0)
            fg_error(err, rc, "node '%s': weights cannot be packed",
                     p->g.nodes[s->node].name);
    }
    free(shapes);
    return rc;
}
