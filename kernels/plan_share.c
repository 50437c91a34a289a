/* ffgan: plans: several of one network.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "plan_priv.h"

/* What does not depend on sizes and threads. Steps hold numbers that depend on
 * types, too: each plan finds the same. */
static void join(FgPlan *p, const FgPlan *of)
{
    p->users = of->users;
    atomic_fetch_add(p->users, 1);
    p->g = of->g;
    p->ps = of->ps;
    p->ranges = of->ranges;
    p->steps = of->steps;
    p->nb_steps = of->nb_steps;
    p->alias = of->alias;
    p->reach = of->reach;
    p->precision = of->precision;
    p->plain = of->plain;
    p->nb_bf16 = of->nb_bf16;
    p->nb_int16 = of->nb_int16;
    p->nb_int8 = of->nb_int8;
    p->nb_wino = of->nb_wino;
    p->nb_mat = of->nb_mat;
    p->mat_pad = of->mat_pad;
    p->channels_in = of->channels_in;
    p->channels_out = of->channels_out;
    p->has_tail = of->has_tail;
    p->tail = of->tail;
}

void fg_plan_leave(FgPlan *p)
{
    if (!p->users || atomic_fetch_sub(p->users, 1) > 1)
        return;
    for (int i = 0; i < p->nb_steps; i++) {
        fg_conv_prep_free(&p->steps[i].prep);
        fg_wino_free(&p->steps[i].wino);
        fg_mat_free(&p->steps[i].mat);
        fg_q8_free(&p->steps[i].q8);
        free(p->steps[i].chain);
    }
    free(p->steps);
    free(p->alias);
    fg_ranges_free(&p->ranges);
    fg_params_free(&p->ps);
    fg_graph_free(&p->g);
    free(p->users);
}

int fg_plan_share(FgPlan **plan, const FgPlan *of, const FgPlanOptions *opt,
                  FgError *err)
{
    int rc = fg_plan_check(opt, err);
    *plan = NULL;
    if (rc >= 0 && of->cuda)
        rc = fg_error(err, -ENOTSUP, "plan: a GPU's plan cannot be shared");
    if (rc < 0)
        return rc;
    FgPlan *p = calloc(1, sizeof(*p));
    if (!p)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    join(p, of);
    fg_plan_take(p, opt);
    rc = fg_plan_layout(p, opt, err);
    if (rc < 0)
        fg_plan_free(&p);
    *plan = p;
    return rc < 0 ? rc : 0;
}
