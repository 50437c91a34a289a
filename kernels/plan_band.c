/* ffgan: plans: whether steps run as rolling waves, which of them together, and
 * how high the bands are.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "plan_priv.h"

/* Activations below this need no wave: narrow networks', and those of networks
 * so wide that their products hide what goes to and from memory. */
#define SMALL_BYTES ((size_t)1 << 20)
#define WIDE_BYTES ((size_t)64 << 20)
#define WIDE 48
#define BAND 8
#define BAND_MOST FG_PLAN_AHEAD
/* What a wave with higher bands may take. */
#define HIGH_BYTES ((size_t)8 << 20)
/* What a group of steps may take of a core's second cache: rows that are kept,
 * and weights. CPUs with tile products have 2 MiB. */
#define GROUP_BYTES ((size_t)5 << 18)
#define GROUP_BAND 2
/* Rows more than a band: who keeps them for longer does so for other groups. */
#define LONG 6

/* ---- the rolling wave ---- */

/* Convolutions alone, each value as large as the input. */
static int can_band(const FgPlan *p)
{
    for (int i = 0; i < p->nb_steps; i++) {
        const FgAttr *a = &p->g.nodes[p->steps[i].node].attr;
        if (p->steps[i].chain)
            continue;
        if (!p->steps[i].conv || a->stride > 1 ||
            a->pad_mode == FG_PAD_CIRCULAR || 2 * a->pad != a->kernel - 1)
            return 0;
    }
    return p->nb_steps > 1 && !p->reach.global && p->reach.align == 1 &&
           p->reach.scale_den == 1;
}

/* Rows of value v from `first` on are read when the wave comes to `y`. */
static void keep_rows(FgPlan *p, int v, int64_t first, int y)
{
    const int n = (int)(y + p->lead[v] - first);
    p->keep[v] = fg_round_up(n > p->keep[v] ? n : p->keep[v],
                             p->nb_wino ? FG_WINO_TILE : 1);
}

/* All rows of what a group makes for a later one. */
static void keep_whole(FgPlan *p)
{
    for (int i = 0; i < p->nb_steps; i++) {
        const int v = p->steps[i].out, last = fg_plan_last_use(p, v);
        const int reader = last < p->nb_steps ? last : p->nb_steps - 1;
        if (reader > i && p->group[reader] != p->group[i])
            p->keep[v] = 0;
    }
}

/* lead and keep, for rows far from every border. */
static int find_leads(FgPlan *p, FgError *err)
{
    const int f = p->reach.scale_num, before = p->band;
    const int y = fg_round_up(8 * p->radius + 8 * before, p->grid);
    const FgShape in = {1, p->channels_in, 2 * y, 2 * y};
    const FgTail *t = &p->tail;
    if (fg_graph_shapes(&p->g, in, p->shapes, NULL) < 0)
        return fg_error(err, -EINVAL,
                        "plan: what a pixel depends on is too "
                        "much");
    fg_plan_need(p, (y - p->grid) * f, y * f);
    for (int i = 0; i < p->g.nb_nodes; i++) {
        p->lead[i] = p->need1[i] + 1 - y;
        p->keep[i] = 0;
    }
    if (p->take_rows)
        keep_rows(p, 0, y - before - 2, y);
    for (int i = 0; i < p->nb_steps; i++) {
        const FgStep *s = &p->steps[i];
        for (int k = 0; k < s->nb_in; k++)
            keep_rows(p, s->in[k],
                      fg_step_first(p, s, k, y - before + p->lead[s->out]), y);
    }
    if (!p->has_tail)
        keep_rows(p, p->alias[p->g.nb_nodes - 1], y - before, y);
    if (p->has_tail && t->shuffle >= 0)
        keep_rows(p, t->shuffle, y - before, y);
    if (p->has_tail && t->base >= 0)
        keep_rows(p, t->base, y - before - 2, y);
    keep_whole(p);
    return 0;
}

/* High bands, for few waits of threads for one another, while the rows kept
 * take little. */
static int choose_height(FgPlan *p, FgError *err)
{
    size_t bytes = 0;
    int rc;
    for (p->band = BAND_MOST;; p->band /= 2) {
        rc = find_leads(p, err);
        if (rc < 0 || p->band <= BAND)
            return rc;
        rc = fg_plan_assign(p, p->max_w, p->max_h, &bytes);
        if (rc < 0 || bytes <= HIGH_BYTES)
            return rc;
    }
}

/* ---- groups that stay in the second cache ---- */

/* Bytes that step i adds to its group: the rows of its value that are kept, of
 * which each thread has its columns, and weights. */
static size_t group_bytes(const FgPlan *p, int i)
{
    const FgStep *const s = &p->steps[i];
    FgShape v = p->shapes[s->out];
    const int most = p->band + LONG, keep = p->keep[s->out];
    v.h = (keep < most ? keep : most) * (int)fg_dtype_size(p->dtype[s->out]) /
          2;
    return (s->tiles ? fg_mat_bytes(&s->mat) : 0) +
           fg_mat_place(NULL, NULL, v, p->mat_pad, 0) /
               (size_t)fg_threads(p->ex);
}

/* As many steps to a group as fit, for the band at hand; returns how many
 * groups, or an error. keep is that of one group for all: what later groups
 * read counts like the rest. */
static int make_groups(FgPlan *p, FgError *err)
{
    size_t sum = 0, bytes;
    int n = 0;
    memset(p->group, 0, sizeof(*p->group) * (size_t)p->nb_steps);
    const int rc = find_leads(p, err);
    if (rc < 0 || fg_plan_assign(p, p->max_w, p->max_h, &bytes) < 0)
        return rc < 0 ? rc : fg_error(err, -ENOMEM, "plan: out of memory");
    for (int i = 0; i < p->nb_steps; i++) {
        const size_t more = group_bytes(p, i);
        n += i && sum + more > GROUP_BYTES;
        sum = i && p->group[i - 1] == n ? sum + more : more;
        p->group[i] = n;
    }
    return n + 1;
}

/* The highest band among those with fewest groups: 1 and all is set, 0 where
 * groups are no gain or their memory is more than `most`, or an error. */
static int choose_groups(FgPlan *p, size_t most, FgError *err)
{
    int fewest = p->nb_steps, band = 0, rc;
    size_t bytes = 0;
    for (p->band = BAND_MOST; p->band >= GROUP_BAND; p->band /= 2) {
        const int n = make_groups(p, err);
        if (n < 0)
            return n;
        if (n < fewest) {
            fewest = n;
            band = p->band;
        }
    }
    p->band = band;
    if (!band || 2 * fewest > p->nb_steps)
        return 0;
    if ((rc = make_groups(p, err)) < 0 || (rc = find_leads(p, err)) < 0)
        return rc;
    rc = fg_plan_assign(p, p->max_w, p->max_h, &bytes);
    return rc < 0 ? fg_error(err, rc, "plan: out of memory") : bytes <= most;
}

static int is_wide(const FgPlan *p)
{
    int wide = 0;

    for (int i = 0; i < p->nb_steps; i++)
        wide |= p->steps[i].conv && p->shapes[p->steps[i].out].c >= WIDE;
    return wide;
}

static int one_group(FgPlan *p, int band)
{
    p->band = band;
    memset(p->group, 0, sizeof(*p->group) * (size_t)p->nb_steps);
    return 0;
}

/* Wide networks layer by layer, or group by group, where all of a picture takes
 * little; else a wave. */
int fg_plan_band(FgPlan *p, const FgPlanOptions *opt, FgError *err)
{
    size_t bytes = 0, most;
    one_group(p, 0);
    if (!can_band(p))
        return 0;
    const int small = fg_plan_assign(p, p->max_w, p->max_h, &bytes) >= 0;
    most = is_wide(p) ? WIDE_BYTES : SMALL_BYTES;
    if (!small || bytes > most)
        return choose_height(p, err);
    if (opt->memory_limit && opt->memory_limit < most)
        most = opt->memory_limit;
    const int rc = p->nb_mat && is_wide(p) ? choose_groups(p, most, err) : 0;
    return rc > 0 ? 0 : rc < 0 ? rc : one_group(p, 0);
}
