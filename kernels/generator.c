/* ffgan: pictures from a generator's weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generator.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "generator_priv.h"
#include "plan_priv.h"

/* ---- stages ---- */

static int make_plan(FgPlan **plan, const FgGenerator *g, const FgStage *s,
                     FgPrecision precision, FgError *err)
{
    const FgPlanOptions o = {.device = g->o.device,
                             .precision = precision,
                             .max_w = s->w + 2 * s->pad_x,
                             .max_h = s->h + 2 * s->pad_y,
                             .tile = g->o.tile,
                             .ex = g->o.ex,
                             .cuda_context = g->o.cuda_context};
    FgModel view = {.graph = s->graph, .params = *s->params, .scale = 1};
    return fg_plan_create(plan, &view, &o, err);
}

/* Padding by what a pixel depends on, in whole Winograd tiles of any level. */
static int pad_of(const FgReach *r)
{
    const int step = r->align * FG_WINO_TILE;
    return fg_round_up(r->radius + 1, step);
}

static int stage_maps(FgGenerator *g, FgStage *s, FgError *err)
{
    const int w = s->w + 2 * s->pad_x, h = s->h + 2 * s->pad_y;
    FgPlanInfo i;
    int rc = make_plan(&s->plan, g, s, g->o.precision, err);
    if (rc < 0)
        return rc;
    fg_plan_info(s->plan, &i);
    g->macs += i.macs_per_pixel * w * h;
    rc = fg_tensor_alloc(&s->in, (FgShape){1, i.channels_in, h, w}, FG_F32);
    if (rc >= 0)
        rc = fg_tensor_alloc(
            &s->out, (FgShape){1, i.channels_out, h * s->scale, w * s->scale},
            FG_F32);
    return rc < 0 ? fg_error(err, rc, "no memory for maps of %dx%d", w, h) : 0;
}

static int init_stage(FgGenerator *g, FgStage *s, int w, int h, FgError *err)
{
    FgReach reach;
    int rc = fg_graph_reach(&s->graph, &reach, err);
    if (rc < 0)
        return rc;
    if (reach.scale_den != 1 || reach.scale_num > 256)
        return fg_error(err, -ENOTSUP,
                        "the generator scales by %d/%d, whole factors up to "
                        "256 are allowed",
                        reach.scale_num, reach.scale_den);
    if (reach.global && g->o.seamless)
        return fg_error(err, -ENOTSUP,
                        "seamless pictures need a generator without layers "
                        "that see the whole picture");
    s->scale = reach.scale_num;
    s->w = w;
    s->h = h;
    s->pad_x = g->o.seamless & FG_SEAMLESS_X ? pad_of(&reach) : 0;
    s->pad_y = g->o.seamless & FG_SEAMLESS_Y ? pad_of(&reach) : 0;
    return stage_maps(g, s, err);
}

/* ---- the three kinds ---- */

static int init_plate(FgGenerator *g, const FgModel *m, FgError *err)
{
    const FgLatent *l = &g->latent;
    const int last = l->nb_sizes - 1;
    int rc = 0;
    for (int k = 0; k <= last && rc >= 0; k++) {
        const double fx = (double)l->size[k][0] / l->size[last][0];
        const double fy = (double)l->size[k][1] / l->size[last][1];
        const int w = k < last ? (int)lrint(g->o.w * fx) : g->o.w;
        const int h = k < last ? (int)lrint(g->o.h * fy) : g->o.h;
        FgStage *s = &g->stage[g->nb++];
        s->params = &m->params;
        rc = fg_graph_copy(&s->graph, fg_model_stage(m, k));
        if (rc < 0)
            return fg_error(err, rc, "out of memory");
        rc = init_stage(g, s, w < 1 ? 1 : w, h < 1 ? 1 : h, err);
    }
    return rc;
}

static int check_seamless(const FgGenerator *g, int scale, FgError *err)
{
    if (g->o.seamless & FG_SEAMLESS_X && g->o.w % scale)
        return fg_error(err, -EINVAL,
                        "a width of %d cannot be seamless, multiples of %d can",
                        g->o.w, scale);
    if (g->o.seamless & FG_SEAMLESS_Y && g->o.h % scale)
        return fg_error(err, -EINVAL,
                        "a height of %d cannot be seamless, multiples of %d "
                        "can",
                        g->o.h, scale);
    return 0;
}

static int init_waves(FgGenerator *g, const FgModel *m, FgError *err)
{
    const FgPlanOptions o = {
        .precision = FG_PREC_FP32, .max_w = 1, .max_h = 1, .plain = 1};
    FgModel view = {.params = m->params, .scale = 1};
    if (!g->latent.periodic)
        return 0;
    view.graph = m->stages[0];
    g->wave = calloc((size_t)g->latent.periodic, 2 * sizeof(*g->wave));
    g->global = calloc((size_t)g->latent.global, sizeof(float));
    return g->wave && g->global ? fg_plan_create(&g->waves, &view, &o, err)
                                : fg_error(err, -ENOMEM, "out of memory");
}

static int init_cells(FgGenerator *g, const FgModel *m, FgError *err)
{
    FgStage *s = &g->stage[g->nb++];
    FgReach reach;
    int rc = fg_generator_project(&s->graph, &g->projected, m, err);
    if (rc < 0)
        return rc;
    s->params = &g->projected;
    rc = fg_graph_reach(&s->graph, &reach, err);
    if (rc >= 0)
        rc = check_seamless(g, reach.scale_num, err);
    if (rc >= 0)
        rc = init_stage(g, s, fg_ceil_div(g->o.w, reach.scale_num),
                        fg_ceil_div(g->o.h, reach.scale_num), err);
    return rc < 0 ? rc : init_waves(g, m, err);
}

int fg_generator_size(const FgModel *m, int *w, int *h, FgError *err)
{
    const FgLatent *l = &m->latent;
    FgGraph graph = {0};
    FgParams params = {0};
    FgReach reach;
    if (l->kind == FG_LATENT_PLATE) {
        *w = l->size[l->nb_sizes - 1][0];
        *h = l->size[l->nb_sizes - 1][1];
        return 0;
    }
    int rc = fg_generator_project(&graph, &params, m, err);
    if (rc >= 0)
        rc = fg_graph_reach(&graph, &reach, err);
    if (rc >= 0) {
        *w = l->base_w * reach.scale_num / reach.scale_den;
        *h = l->base_h * reach.scale_num / reach.scale_den;
    }
    fg_graph_free(&graph);
    fg_params_free(&params);
    return rc;
}

static int create(FgGenerator *g, const FgModel *m, FgError *err)
{
    const int w = g->o.w, h = g->o.h;
    int rc = fg_model_expect(m, FG_TASK_GENERATOR, "the model", err);
    if (rc < 0)
        return rc;
    if (w < 1 || h < 1 || w > 32768 || h > 32768)
        return fg_error(err, -EINVAL,
                        "a picture of %dx%d, allowed 1x1 to "
                        "32768x32768",
                        w, h);
    g->latent = m->latent;
    return g->latent.kind == FG_LATENT_PLATE ? init_plate(g, m, err)
                                             : init_cells(g, m, err);
}

int fg_generator_create(FgGenerator **pg, const FgModel *m,
                        const FgGeneratorOptions *o, FgError *err)
{
    FgGenerator *g = *pg = calloc(1, sizeof(*g));
    if (!g)
        return fg_error(err, -ENOMEM, "out of memory");
    g->o = *o;
    const int rc = create(g, m, err);
    if (rc < 0)
        fg_generator_free(pg);
    return rc;
}

void fg_generator_free(FgGenerator **pg)
{
    FgGenerator *g = pg ? *pg : NULL;
    if (!g)
        return;
    for (int k = 0; k < g->nb; k++) {
        FgStage *s = &g->stage[k];
        fg_plan_free(&s->plan);
        fg_plan_free(&s->plan32);
        fg_graph_free(&s->graph);
        fg_tensor_free(&s->in);
        fg_tensor_free(&s->out);
    }
    fg_plan_free(&g->waves);
    fg_params_free(&g->projected);
    free(g->wave);
    free(g->global);
    free(g);
    *pg = NULL;
}

/* ---- running ---- */

static int run_stage(FgGenerator *g, FgStage *s, FgError *err)
{
    FgPlanInfo info;
    int rc = fg_plan_run(s->plan, &s->in, &s->out);
    fg_plan_info(s->plan, &info);
    if (rc == -EDOM && strcmp(info.precision, "fp32") != 0) {
        if (!s->plan32) {
            rc = make_plan(&s->plan32, g, s, FG_PREC_FP32, err);
            if (rc < 0)
                return rc;
        }
        rc = fg_plan_run(s->plan32, &s->in, &s->out);
    }
    if (rc == -EDOM)
        return fg_error(err, rc,
                        "the generator's output has a NaN or an infinite "
                        "value in fp32");
    return rc < 0 ? fg_error(err, rc, "the generator failed: %s",
                             fg_plan_failure(s->plan, rc))
                  : 0;
}

FgTensor fg_stage_inside(const FgStage *s, const FgTensor *t, int scale)
{
    return fg_tensor_window(t, s->pad_x * scale, s->pad_y * scale, s->w * scale,
                            s->h * scale);
}

static int last_input(FgGenerator *g, const FgMoment *at, FgError *err)
{
    int rc = 0;
    g->at = at;
    for (int k = 0; k < g->nb - 1 && rc >= 0; k++) {
        rc = fg_generator_fill(g, k, 0, err);
        if (rc >= 0)
            rc = run_stage(g, &g->stage[k], err);
    }
    return rc < 0 ? rc : fg_generator_fill(g, g->nb - 1, 0, err);
}

int fg_generator_run(FgGenerator *g, const FgMoment *at, FgTensor *picture,
                     FgError *err)
{
    FgStage *last = &g->stage[g->nb - 1];
    int rc = last_input(g, at, err);
    if (rc >= 0)
        rc = run_stage(g, last, err);
    if (rc < 0)
        return rc;
    const FgTensor all = fg_stage_inside(last, &last->out, last->scale);
    *picture = fg_tensor_window(&all, 0, 0, g->o.w, g->o.h);
    return 0;
}

void fg_generator_info(const FgGenerator *g, FgGeneratorInfo *info)
{
    const FgStage *first = &g->stage[0], *last = &g->stage[g->nb - 1];
    FgPlanInfo p = {0};
    memset(info, 0, sizeof(*info));
    for (int k = 0; k < g->nb; k++) {
        const FgShape a = g->stage[k].in.shape, b = g->stage[k].out.shape;
        fg_plan_info(g->stage[k].plan, &p);
        info->bytes += p.bytes + sizeof(float) *
                                     ((size_t)a.c * (size_t)a.h * (size_t)a.w +
                                      (size_t)b.c * (size_t)b.h * (size_t)b.w);
    }
    info->precision = p.precision;
    info->isa = p.isa;
    info->channels = last->out.shape.c;
    info->scale = g->latent.kind == FG_LATENT_PLATE ? 1 : last->scale;
    info->nb_stages = g->nb;
    info->map_w = first->w;
    info->map_h = first->h;
    info->macs = g->macs;
}
