/* ffgan: plans: folding a graph into steps, packing weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "cuda_plan.h"
#include "graph_priv.h"
#include "plan_priv.h"

int fg_precision_find(const char *name)
{
    static const char *const names[] = {"auto", "fp32", "bf16", "int16",
                                        "fast", "int8", "fp8"};
    for (int i = 0; i <= FG_PREC_FP8; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -EINVAL;
}

/* What folding needs to know about each node. */
typedef struct Fold {
    FgPlan *p;
    int *users; /* readers of each value; the graph's output has one more */
    int *user;  /* the last of them */
    char *used; /* done by an earlier step or by the tail */
    const FgShape *shapes;
} Fold;

static int is_identity(const FgNode *n)
{
    if (fg_node_is(n, "scale"))
        return n->attr.alpha == 1.0f;
    return (fg_node_is(n, "resize") || fg_node_is(n, "pixel_shuffle") ||
            fg_node_is(n, "pixel_unshuffle")) &&
           n->attr.factor == 1;
}

static void find_users(Fold *f)
{
    const FgGraph *g = &f->p->g;
    int *alias = f->p->alias;
    for (int i = 0; i < g->nb_nodes; i++) {
        const FgNode *n = &g->nodes[i];
        alias[i] = i;
        f->user[i] = -1;
        if (is_identity(n)) {
            alias[i] = alias[n->in[0]];
            f->used[i] = 1;
            continue;
        }
        for (int k = 0; k < n->nb_in; k++) {
            f->users[alias[n->in[k]]]++;
            f->user[alias[n->in[k]]] = i;
        }
    }
    f->users[alias[g->nb_nodes - 1]]++;
}

/* ---- conv steps ---- */

static int by_tiles(const Fold *f, const FgStep *s)
{
    return f->p->precision == FG_PREC_BF16 && !f->p->plain &&
           fg_mat_ops(fg_cpu_level()) &&
           fg_mat_fits(&f->p->g.nodes[s->node].attr);
}

static int fold_act(Fold *f, FgStep *s)
{
    const int i = f->users[s->out] == 1 ? f->user[s->out] : -1;
    if (i < 0 || f->used[i])
        return 0;
    const FgNode *n = &f->p->g.nodes[i];
    if (fg_node_is(n, "relu"))
        s->epilogue.act = FG_CONV_RELU;
    else if (fg_node_is(n, "leaky_relu"))
        s->epilogue.act = FG_CONV_LEAKY_RELU;
    else if (fg_node_is(n, "prelu"))
        s->epilogue.act = FG_CONV_PRELU;
    else if (fg_node_is(n, "silu") && !f->p->cuda && by_tiles(f, s))
        s->epilogue.act = FG_CONV_SILU;
    else
        return 0;
    s->epilogue.alpha = n->attr.alpha;
    if (n->nb_param)
        s->epilogue.slope = fg_params_find(&f->p->ps, n->param[0])->data;
    s->out = i;
    f->used[i] = 1;
    return 1;
}

static int same_shape(FgShape a, FgShape b)
{
    return a.n == b.n && a.c == b.c && a.h == b.h && a.w == b.w;
}

/* Steps are ordered by the last node folded in, so the other operand, which
 * that node reads, is there by then. */
static int fold_add(Fold *f, FgStep *s)
{
    const int i = f->users[s->out] == 1 ? f->user[s->out] : -1;
    if (i < 0 || f->used[i] || s->add >= 0)
        return 0;
    const FgNode *n = &f->p->g.nodes[i];
    if (!fg_node_is(n, "add") || n->nb_in != 2)
        return 0;
    const int a = f->p->alias[n->in[0]], b = f->p->alias[n->in[1]];
    const int other = a == s->out ? b : a;
    if (!same_shape(f->shapes[a], f->shapes[b]))
        return 0;
    s->add = other;
    s->in[s->nb_in++] = other;
    s->out = i;
    f->used[i] = 1;
    return 1;
}

/* -ENOTSUP where the plain way is better or the only one. */
static int wino_prep(Fold *f, FgStep *s, int ic, const float *w, const float *b)
{
    const FgAttr *a = &f->p->g.nodes[s->node].attr;
    const int int16 = f->p->precision != FG_PREC_FP32;
    const FgWinoKind kind = int16 ? FG_WINO_I16 : FG_WINO_F32;
    if (f->p->precision == FG_PREC_BF16 || f->p->plain || !fg_wino_fits(a) ||
        !fg_cost_prefers_wino(a, ic, kind))
        return -ENOTSUP;
    const int rc = fg_wino_prep(&s->wino, kind, a, ic, w, b, 0);
    if (rc < 0)
        return rc == -ENOMEM ? rc : -ENOTSUP;
    s->grid = FG_WINO_TILE;
    f->p->nb_wino++;
    f->p->nb_int16 += int16;
    return 0;
}

/* In 8 bits where there is a range for what comes in. */
static int q8_prep(Fold *f, FgStep *s, int ic, const float *w, const float *b)
{
    const FgNode *n = &f->p->g.nodes[s->node];
    const FgRange *r = fg_ranges_find(&f->p->ranges, n->name);
    if (!r || !fg_q8_fits(&n->attr, ic))
        return -ENOTSUP;
    f->p->nb_int8++;
    return fg_q8_prep(&s->q8, &n->attr, ic, w, b, fg_q8_code(r->lo, r->hi));
}

static int conv_prep(Fold *f, FgStep *s, FgError *err)
{
    const FgNode *n = &f->p->g.nodes[s->node];
    const int ic = f->shapes[n->in[0]].c;
    if (f->p->cuda)
        return 0; /* cuda_step.c packs */
    const float *w = fg_params_find(&f->p->ps, n->param[0])->data;
    const float *b = n->nb_param > 1
                         ? fg_params_find(&f->p->ps, n->param[1])->data
                         : NULL;
    if (by_tiles(f, s)) {
        s->tiles = 1;
        f->p->nb_bf16++;
        f->p->nb_mat++;
        return 0;
    }
    int rc = q8_prep(f, s, ic, w, b);
    if (rc == -ENOTSUP)
        rc = wino_prep(f, s, ic, w, b);
    if (rc == -ENOTSUP && f->p->precision == FG_PREC_BF16 &&
        ic / n->attr.groups >= 8) {
        rc = fg_conv_prep(&s->prep, &n->attr, ic, w, b, FG_BF16);
        f->p->nb_bf16 += rc >= 0;
    }
    if (rc == -ENOTSUP)
        rc = fg_conv_prep(&s->prep, &n->attr, ic, w, b, FG_F32);
    return rc < 0 ? fg_error(err, rc, "node '%s': weights cannot be packed",
                             n->name)
                  : 0;
}

static int conv_step(Fold *f, FgStep *s, FgError *err)
{
    s->conv = 1;
    if (!fold_act(f, s)) {
        s->epilogue.add_first = fold_add(f, s);
        fold_act(f, s);
    } else {
        fold_add(f, s);
    }
    return conv_prep(f, s, err);
}

/* ---- all steps ---- */

static FgTensor param_tensor(const FgParam *p)
{
    const int *d = p->dims, nb = p->nb_dims;
    const FgShape s = {nb > 0 ? d[0] : 1, nb > 1 ? d[1] : 1, nb > 2 ? d[2] : 1,
                       nb > 3 ? d[3] : 1};
    return fg_tensor_wrap(p->data, s, FG_F32);
}

static int add_step(Fold *f, int i, FgError *err)
{
    const FgNode *n = &f->p->g.nodes[i];
    FgStep *s = &f->p->steps[f->p->nb_steps++];
    s->node = s->out = i;
    s->add = -1;
    s->grid = 1;
    for (int k = 0; k < n->nb_in; k++)
        s->in[s->nb_in++] = f->p->alias[n->in[k]];
    if (fg_node_is(n, "conv2d"))
        return conv_step(f, s, err);
    for (int k = 0; k < n->nb_param; k++)
        s->param[k] = param_tensor(fg_params_find(&f->p->ps, n->param[k]));
    if (!f->p->cuda && fg_fused_fits(n, f->shapes) && fg_fused_start(s, n) < 0)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    return 0;
}

static int by_out(const void *a, const void *b)
{
    const FgStep *x = a, *y = b;
    return x->out < y->out ? -1 : x->out > y->out;
}

/* ---- the last convolution's order of channels ---- */

static int readers(const FgGraph *g, const char *param)
{
    int n = 0;
    for (int i = 0; i < g->nb_nodes; i++)
        for (int k = 0; k < g->nodes[i].nb_param; k++)
            n += !strcmp(g->nodes[i].param[k], param);
    return n;
}

/* Output o of a parameter goes to where the shuffled row has it. */
static int reorder(FgParam *p, int r)
{
    const int oc = p->dims[0], c = oc / (r * r);
    const size_t n = fg_param_count(p) / (size_t)oc;
    float *const old = malloc(sizeof(*old) * n * (size_t)oc);
    if (!old)
        return -ENOMEM;
    memcpy(old, p->data, sizeof(*old) * n * (size_t)oc);
    for (int k = 0; k < c; k++)
        for (int s = 0; s < r * r; s++)
            memcpy(p->data + (size_t)(s * c + k) * n,
                   old + (size_t)(k * r * r + s) * n, sizeof(*old) * n);
    free(old);
    return 0;
}

/* Where a convolution alone feeds the shuffle, it makes its outputs in the
 * picture's order: a row of the picture is then read in one piece. */
static int pack_tail(Fold *f, FgError *err)
{
    FgPlan *p = f->p;
    FgTail *t = &p->tail;
    const FgNode *n = t->shuffle >= 0 ? &p->g.nodes[t->shuffle] : NULL;
    int rc = 0;
    if (!n || p->cuda || !fg_node_is(n, "conv2d") ||
        f->users[t->shuffle] != 1 || n->attr.groups > 1)
        return 0;
    for (int k = 0; k < n->nb_param; k++)
        if (readers(&p->g, n->param[k]) != 1)
            return 0;
    for (int k = 0; k < n->nb_param && !rc; k++)
        rc = reorder(fg_params_find(&p->ps, n->param[k]), t->factor);
    t->packed = 1;
    return rc < 0 ? fg_error(err, rc, "plan: out of memory") : 0;
}

static int fold(Fold *f, FgError *err)
{
    FgPlan *p = f->p;
    const FgGraph *g = &p->g;
    int rc = 0;
    find_users(f);
    p->has_tail = fg_tail_match(&p->tail, g, f->shapes, p->alias, f->users,
                                f->used);
    if (p->has_tail)
        rc = pack_tail(f, err);
    for (int i = 0; i < g->nb_nodes && rc >= 0; i++)
        if (!f->used[i] && !fg_node_is(&g->nodes[i], "input"))
            rc = add_step(f, i, err);
    if (rc >= 0)
        fg_fused_join(p, f->users);
    /* A folded step runs where its last node stood: all it reads is there. */
    if (p->nb_steps)
        qsort(p->steps, (size_t)p->nb_steps, sizeof(*p->steps), by_out);
    return rc;
}

static int make_steps(FgPlan *p, FgError *err)
{
    const size_t n = (size_t)p->g.nb_nodes;
    FgShape *shapes = fg_graph_any_shapes(&p->g, err);
    if (!shapes)
        return -errno;
    Fold f = {p, calloc(n, sizeof(int)), calloc(n, sizeof(int)), calloc(n, 1),
              shapes};
    p->alias = calloc(n, sizeof(int));
    p->steps = calloc(n, sizeof(*p->steps));
    int rc = -ENOMEM;
    if (f.users && f.user && f.used && p->alias && p->steps)
        rc = fold(&f, err);
    else
        fg_error(err, rc, "plan: out of memory");
    p->channels_in = shapes[0].c;
    p->channels_out = shapes[n - 1].c;
    free(f.users);
    free(f.user);
    free(f.used);
    free(shapes);
    return rc;
}

/* ---- checks ---- */

static int check_size(const FgPlan *p, int side, FgError *err)
{
    FgShape *s = malloc(sizeof(*s) * (size_t)p->g.nb_nodes);
    const int n = p->reach.align * side;
    const FgShape in = {1, p->g.nodes[0].attr.channels, n, n};
    if (!s)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    int rc = fg_graph_shapes(&p->g, in, s, err);
    const FgShape o = s[p->g.nb_nodes - 1];
    const int64_t want = (int64_t)n * p->reach.scale_num / p->reach.scale_den;
    free(s);
    if (rc >= 0 && (o.w != want || o.h != want || o.n != 1))
        rc = fg_error(err, -ENOTSUP,
                      "plan: %dx%d in gives %dx%d out, a scale of %d/%d would "
                      "give %lld: the picture's borders are cut",
                      n, n, o.w, o.h, p->reach.scale_num, p->reach.scale_den,
                      (long long)want);
    return rc;
}

int fg_plan_check(const FgPlanOptions *o, FgError *err)
{
    if (o->device && strcmp(o->device, "auto") && strcmp(o->device, "cpu") &&
        fg_cuda_ordinal(o->device) < 0)
        return fg_error(err, -ENOTSUP,
                        "device '%.32s' is unknown, allowed auto, cpu, cuda, "
                        "cuda:N",
                        o->device);
    if ((int)o->precision < FG_PREC_AUTO || o->precision > FG_PREC_FP8)
        return fg_error(err, -EINVAL, "precision %d, allowed " FG_PRECISIONS,
                        (int)o->precision);
    if (o->max_w < 1 || o->max_h < 1 || o->max_w > 1 << 17 ||
        o->max_h > 1 << 17)
        return fg_error(err, -EINVAL,
                        "picture of %dx%d, allowed 1x1 to 131072x131072",
                        o->max_w, o->max_h);
    if (o->tile < 0)
        return fg_error(err, -EINVAL, "tile is %d, allowed >= 0", o->tile);
    return 0;
}

static int one_input(const FgGraph *g, FgError *err)
{
    for (int i = 1; i < g->nb_nodes; i++)
        if (fg_node_is(&g->nodes[i], "input"))
            return fg_error(err, -ENOTSUP,
                            "plan: node '%s': only one input is supported",
                            g->nodes[i].name);
    return 0;
}

static int create(FgPlan *p, const FgModel *m, const FgPlanOptions *opt,
                  FgError *err)
{
    int rc = fg_plan_check(opt, err);
    if (rc >= 0)
        rc = one_input(&m->graph, err);
    if (rc >= 0)
        rc = fg_graph_collapse(&p->g, &p->ps, &m->graph, &m->params, err);
    if (rc >= 0)
        rc = fg_graph_reach(&p->g, &p->reach, err);
    /* Large enough for every kernel to fit, and two sizes, so that a
     * constant number of missing pixels shows. */
    for (int i = 0; i < 2 && rc >= 0; i++)
        rc = check_size(p, 64 + i, err);
    if (rc < 0)
        return rc;
    fg_plan_take(p, opt);
    p->precision = opt->precision;
    const int cuda = fg_cuda_ordinal(opt->device) >= 0;
    if (p->precision == FG_PREC_FAST && !cuda)
        p->precision = fg_mat_ops(fg_cpu_level()) ? FG_PREC_BF16
                                                  : FG_PREC_INT16;
    p->plain = opt->plain;
    p->take_rows = p->take_rows && !cuda;
    if (p->precision == FG_PREC_FP8 && !cuda)
        rc = fg_error(err, -ENOTSUP,
                      "precision fp8 is a GPU's (device cuda), allowed on the "
                      "CPU auto, fp32, bf16, int16, fast, int8");
    if (rc >= 0 && cuda)
        rc = fg_cuda_plan_open(p, opt, err);
    if (rc >= 0 && (p->precision == FG_PREC_FP8 ||
                    (p->precision == FG_PREC_INT8 && !p->plain && !cuda)))
        rc = fg_ranges_read(&p->ranges, m, p->precision == FG_PREC_FP8, err);
    if (rc >= 0)
        rc = make_steps(p, err);
    if (rc < 0)
        return rc;
    return cuda ? fg_cuda_plan_layout(p, opt, err)
                : fg_plan_layout(p, opt, err);
}

int fg_plan_create(FgPlan **plan, const FgModel *m, const FgPlanOptions *opt,
                   FgError *err)
{
    FgPlan *p = calloc(1, sizeof(*p));
    *plan = NULL;
    if (!p)
        return fg_error(err, -ENOMEM, "plan: out of memory");
    p->users = malloc(sizeof(*p->users));
    if (p->users)
        atomic_init(p->users, 1);
    const int rc = p->users ? create(p, m, opt, err)
                            : fg_error(err, -ENOMEM, "plan: out of memory");
    if (rc < 0)
        fg_plan_free(&p);
    *plan = p;
    return rc < 0 ? rc : 0;
}

const char *fg_plan_failure(const FgPlan *p, int rc)
{
    return p->cuda && *p->cuda->why.text ? p->cuda->why.text : strerror(-rc);
}

int fg_plan_parts(const FgPlan *p)
{
    return p->cuda ? INT_MAX : p->parts;
}

void fg_plan_info(const FgPlan *p, FgPlanInfo *info)
{
    memset(info, 0, sizeof(*info));
    info->scale_num = p->reach.scale_num;
    info->scale_den = p->reach.scale_den;
    info->channels_in = p->channels_in;
    info->channels_out = p->channels_out;
    info->radius = p->reach.radius;
    info->align = p->reach.align;
    info->tile_w = p->tile_w;
    info->tile_h = p->tile_h;
    info->band = p->band;
    info->groups = p->band ? p->group[p->nb_steps - 1] + 1 : 0;
    info->takes_rows = p->take_rows;
    info->bytes = fg_plan_bytes(p);
    info->weights = fg_plan_weights(p);
    info->macs_per_pixel = p->reach.macs;
    info->device = "cpu";
    info->precision = p->nb_int8    ? "int8"
                      : p->nb_bf16  ? "bf16"
                      : p->nb_int16 ? "int16"
                                    : "fp32";
    info->isa = fg_cpu_name(fg_cpu_level());
    if (p->cuda)
        fg_cuda_plan_info(p, info);
}

void fg_plan_free(FgPlan **plan)
{
    FgPlan *p = plan ? *plan : NULL;
    if (!p)
        return;
    fg_cuda_plan_close(p);
    fg_tensor_free(&p->staging);
    fg_tensor_free(&p->ring);
    free(p->shapes);
    free(p->dtype);
    free(p->value);
    free(p->need0);
    free(p->need1);
    free(p->lead);
    free(p->keep);
    free(p->group);
    free(p->slot);
    free(p->mem);
    free(p->mem_size);
    free(p->arena);
    free(p->worst);
    fg_plan_leave(p);
    free(p);
    *plan = NULL;
}
