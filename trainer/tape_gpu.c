/* A tape whose values lie on a GPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/tape_gpu.h"

enum { SLOTS = 8 }; /* kinds of passes */

struct FgTapeGpu {
    FgGpu *d;
    FgCudaPass pass[SLOTS];
    char *wrote[SLOTS]; /* [params] which of them, or gradients, it wrote */
    char *writes;       /* the current pass's */
    uint64_t live;      /* `now`, there */
    FgLive now;
    int drops;                /* the graph has dropout */
    FgMirror *params, *grads; /* grads NULL: forward only */
    FgKView *val, *grad;      /* [nb_nodes], at = 0: none */
    uint64_t stage;           /* f32, between 16-bit values and the host */
    uint64_t given;           /* f32, the output's gradient; 16-bit, asked */
    int is_given;             /* it waits for a backward pass */
    int kept;                 /* FG_KEEP_* */
    float scale;              /* what gradients on the device carry */
    int chosen;               /* the scale of the next backward pass is */
    char *matched;            /* [nb_nodes] its seed is there already */
    uint64_t parts;           /* of losses, largest values, shares */
};

/* ---- memory ---- */

static size_t count(const FgTensor *t)
{
    return (size_t)t->shape.n * t->shape.c * t->shape.h * t->shape.w;
}

/* Views share memory here as they do on the host: with a later node. */
static int make(FgTape *t, const FgTensor *all, FgKView *v, int i, FgError *err)
{
    struct FgTapeGpu *g = t->gpu;
    const FgShape s = all[i].shape;

    if (!all[i].data)
        return 0;
    v[i] = (FgKView){0, s.c, s.h, s.w, s.c, g->d->element};
    for (int j = i + 1; j < t->graph->nb_nodes; j++)
        if (all[j].data == all[i].data) {
            v[i].at = v[j].at;
            return 0;
        }
    return g->d->gpu.api->alloc(
        g->d->gpu.dev, count(&all[i]) * (g->d->element ? 2 : 4), &v[i].at, err);
}

static int is_owner(const FgTensor *all, int i)
{
    return all[i].owned != NULL;
}

static int make_stage(FgTape *t, FgError *err)
{
    struct FgTapeGpu *g = t->gpu;
    size_t most = 0;

    for (int i = 0; i < t->graph->nb_nodes; i++)
        most = count(&t->val[i]) > most ? count(&t->val[i]) : most;
    if (g->d->element == FG_ELEMENT_F32)
        return 0;
    return g->d->gpu.api->alloc(g->d->gpu.dev, most * sizeof(float), &g->stage,
                                err);
}

/* Two sums a block of each match; a share of each image. */
static size_t parts_bytes(const FgTape *t)
{
    const size_t sums = sizeof(double) * 2 * FG_LOSS_PARTS * FG_MATCHES;
    const size_t shares = sizeof(float) * (size_t)t->val[0].shape.n;

    return sums > shares ? sums : shares;
}

int fg_tape_gpu_create(FgTape *t, FgError *err)
{
    const int n = t->graph->nb_nodes;
    struct FgTapeGpu *g = t->gpu = calloc(1, sizeof(*g));
    int ret = 0;

    if (!g)
        return -ENOMEM;
    g->d = t->ex->gpu;
    g->scale = 1;
    g->val = calloc((size_t)n, sizeof(*g->val));
    g->grad = calloc((size_t)n, sizeof(*g->grad));
    g->matched = calloc((size_t)n, 1);
    if (!g->val || !g->grad || !g->matched)
        return -ENOMEM;
    for (int i = n - 1; i >= 0 && !ret; i--) {
        ret = make(t, t->val, g->val, i, err);
        if (!ret)
            ret = make(t, t->grad, g->grad, i, err);
    }
    if (!ret)
        ret = make_stage(t, err);
    if (!ret)
        ret = g->d->gpu.api->alloc(g->d->gpu.dev, sizeof(g->now), &g->live,
                                   err);
    if (!ret)
        ret = g->d->gpu.api->alloc(g->d->gpu.dev, parts_bytes(t), &g->parts,
                                   err);
    if (ret)
        return ret;
    for (int i = 0; i < n; i++)
        g->drops |= !strcmp(t->graph->nodes[i].op->name, "dropout");
    g->params = fg_mirror_take(g->d, t->params);
    if (g->params && t->grads)
        g->grads = fg_mirror_take(g->d, t->grads);
    if (g->params && (g->grads || !t->grads))
        return 0;
    return fg_error(err, g->d->rc, "%s", g->d->err.text);
}

void fg_tape_gpu_free(FgTape *t)
{
    struct FgTapeGpu *g = t->gpu;

    if (!g)
        return;
    for (int i = 0; i < t->graph->nb_nodes; i++) {
        if (g->val && is_owner(t->val, i))
            g->d->gpu.api->release(g->d->gpu.dev, g->val[i].at);
        if (g->grad && is_owner(t->grad, i))
            g->d->gpu.api->release(g->d->gpu.dev, g->grad[i].at);
    }
    for (int i = 0; i < SLOTS; i++) {
        fg_cuda_pass_forget(&g->d->gpu, &g->pass[i]);
        free(g->wrote[i]);
    }
    g->d->gpu.api->release(g->d->gpu.dev, g->stage);
    g->d->gpu.api->release(g->d->gpu.dev, g->given);
    g->d->gpu.api->release(g->d->gpu.dev, g->live);
    g->d->gpu.api->release(g->d->gpu.dev, g->parts);
    free(g->matched);
    if (g->params)
        fg_mirror_leave(t->params);
    if (g->grads)
        fg_mirror_leave(t->grads);
    free(g->val);
    free(g->grad);
    free(g);
    t->gpu = NULL;
}

/* ---- to and from the host ---- */

/* Values times scale. */
static int put(FgTape *t, const FgTensor *from, const FgKView *to, float scale)
{
    struct FgTapeGpu *g = t->gpu;
    FgKView stage = *to;
    FgError err = {""};
    int ret;

    if (to->element == FG_ELEMENT_F32)
        return fg_gpu_put(g->d, to->at, from->data,
                          count(from) * sizeof(float));
    stage.at = g->stage;
    stage.element = FG_ELEMENT_F32;
    ret = fg_gpu_put(g->d, stage.at, from->data, count(from) * sizeof(float));
    if (!ret)
        ret = fg_cuda_cast(&g->d->gpu, to, &stage, from->shape.n, scale, &err);
    return fg_gpu_fail(g->d, ret, &err);
}

static int get(FgTape *t, FgTensor *to, const FgKView *from, float scale)
{
    struct FgTapeGpu *g = t->gpu;
    FgKView stage = *from;
    FgError err = {""};
    int ret = 0;

    if (from->element != FG_ELEMENT_F32) {
        stage.at = g->stage;
        stage.element = FG_ELEMENT_F32;
        ret = fg_gpu_fail(
            g->d,
            fg_cuda_cast(&g->d->gpu, &stage, from, to->shape.n, scale, &err),
            &err);
    }
    return ret ? ret
               : fg_gpu_get(g->d, to->data, stage.at,
                            count(to) * sizeof(float));
}

static int is_given(const FgTape *t, int i)
{
    if (i == t->graph->nb_nodes - 1 && !(t->gpu->kept & FG_KEEP_GRADIENT))
        return 1;
    return t->seeded[i] && !t->gpu->matched[i];
}

static float most_given(const FgTape *t)
{
    float most = 0;

    for (int i = 0; i < t->graph->nb_nodes; i++) {
        const float *v = t->grad[i].data;

        for (size_t k = 0; is_given(t, i) && k < count(&t->grad[i]); k++)
            most = fabsf(v[k]) > most ? fabsf(v[k]) : most;
    }
    return most;
}

/* fp16 has few small numbers: a power of two brings the largest gradient that
 * a loss gives to 256. It follows from the gradient alone, so that a run has
 * nothing to remember. */
static float scale_of(const FgTape *t, float most)
{
    int e;

    if (t->gpu->d->element != FG_ELEMENT_F16 || !(most > 0) || !isfinite(most))
        return 1;
    frexpf(most, &e);
    e = 9 - e > 40 ? 40 : 9 - e < -40 ? -40 : 9 - e;
    return ldexpf(1, e);
}

/* Of the tests: what is not copied is not read. */
static void forget(FgTensor *t)
{
    float *const v = t->data;

    for (size_t i = 0; v && i < count(t); i++)
        v[i] = NAN;
}

void fg_tape_gpu_keep(FgTape *t, int what)
{
    const int last = t->graph->nb_nodes - 1;

    t->gpu->kept = what;
    if (!t->gpu->d->emulated)
        return;
    if (what & FG_KEEP_OUTPUT)
        forget(&t->val[last]);
    if (what & FG_KEEP_SLOPE)
        forget(&t->grad[0]);
    for (int i = 0; i < last && what & FG_KEEP_TAPS; i++)
        if (t->tapped[i])
            forget(&t->val[i]);
}

void fg_tape_gpu_scale(FgTape *t, float scale)
{
    t->gpu->scale = scale;
}

FgKView fg_tape_gpu_view(const FgTape *t, int what)
{
    const struct FgTapeGpu *g = t->gpu;
    const int last = t->graph->nb_nodes - 1;

    return what == FG_VIEW_INPUT    ? g->val[0]
           : what == FG_VIEW_OUTPUT ? g->val[last]
           : what == FG_VIEW_SLOPE  ? g->grad[0]
                                    : g->grad[last];
}

uint64_t fg_tape_gpu_stage(const FgTape *t)
{
    return t->gpu->stage;
}

int fg_tape_gpu_keeps(const FgTape *t, int what)
{
    return t->gpu->kept & what;
}

FgKView fg_tape_gpu_given(FgTape *t)
{
    struct FgTapeGpu *g = t->gpu;
    const int last = t->graph->nb_nodes - 1;
    FgKView v = g->grad[last];
    FgError err = {""};

    g->is_given = 1;
    if (v.element == FG_ELEMENT_F32)
        return v;
    if (!g->given)
        fg_gpu_fail(g->d,
                    g->d->gpu.api->alloc(g->d->gpu.dev,
                                         count(&t->grad[last]) * sizeof(float),
                                         &g->given, &err),
                    &err);
    v.at = g->given;
    v.element = FG_ELEMENT_F32;
    return v;
}

/* Of values there. */
static float most_of(struct FgTapeGpu *g, const FgKView *v, int images)
{
    float part[FG_LOSS_PARTS], most = 0;
    FgKernelArgs k = {.t = {.images = images, .results = FG_LOSS_PARTS}};

    k.in[0] = *v;
    k.p[0] = g->parts;
    if (fg_gpu_launch(g->d, FG_KERNEL_t_most, &k) ||
        fg_gpu_get(g->d, part, g->parts, sizeof(part)))
        return 0;
    for (int j = 0; j < FG_LOSS_PARTS; j++)
        most = part[j] > most ? part[j] : most;
    return most;
}

/* The largest gradient of a backward pass's, where anybody asks. */
static float most_before(FgTape *t)
{
    struct FgTapeGpu *g = t->gpu;
    float most;

    if (g->d->element != FG_ELEMENT_F16)
        return 1;
    most = most_given(t);
    if (g->is_given) {
        const FgKView v = fg_tape_gpu_given(t);

        most = fmaxf(most,
                     most_of(g, &v, t->val[t->graph->nb_nodes - 1].shape.n));
    }
    return most;
}

static int cast(FgGpu *d, const FgKView *to, const FgKView *from, int images,
                float scale)
{
    FgError err = {""};

    return fg_gpu_fail(d, fg_cuda_cast(&d->gpu, to, from, images, scale, &err),
                       &err);
}

/* What was given there becomes what the ops read. */
static int take_given(FgTape *t)
{
    struct FgTapeGpu *g = t->gpu;
    const FgKView *to = &g->grad[t->graph->nb_nodes - 1];
    const FgKView from = fg_tape_gpu_given(t);

    g->is_given = 0;
    return g->d->rc || from.at == to->at
               ? g->d->rc
               : cast(g->d, to, &from, t->val[t->graph->nb_nodes - 1].shape.n,
                      g->scale);
}

int fg_tape_gpu_begin(FgTape *t, int back)
{
    struct FgTapeGpu *g = t->gpu;
    int ret = g->d->rc;

    if (!ret)
        ret = fg_mirror_push(g->params);
    if (!ret && !back && g->kept & FG_KEEP_INPUT)
        return 0;
    if (!ret && !back)
        return put(t, &t->val[0], &g->val[0], 1);
    if (!ret && g->grads)
        ret = fg_mirror_push(g->grads);
    if ((!(g->kept & FG_KEEP_GRADIENT) || g->is_given) && !g->chosen)
        g->scale = scale_of(t, most_before(t));
    g->chosen = 0;
    if (!ret && g->is_given)
        ret = take_given(t);
    for (int i = 0; i < t->graph->nb_nodes && !ret; i++)
        if (is_given(t, i))
            ret = put(t, &t->grad[i], &g->grad[i], g->scale);
    return ret;
}

int fg_tape_gpu_end(FgTape *t, int back)
{
    struct FgTapeGpu *g = t->gpu;
    const int last = t->graph->nb_nodes - 1;
    int ret = g->d->rc;

    if (back) {
        memset(g->matched, 0, (size_t)last + 1);
        return !ret && t->grad[0].data && t->needs[0] &&
                       !(g->kept & FG_KEEP_SLOPE)
                   ? get(t, &t->grad[0], &g->grad[0], 1 / g->scale)
                   : ret;
    }
    for (int i = 0; i <= last && !ret; i++)
        if (i == last ? !(g->kept & FG_KEEP_OUTPUT) || t->tapped[i]
                      : t->tapped[i] && !(g->kept & FG_KEEP_TAPS))
            ret = get(t, &t->val[i], &g->val[i], 1);
    return ret;
}

/* ---- between tapes ---- */

int fg_tape_gpu_feed(FgTape *critic, FgTape *generator)
{
    const int last = generator->graph->nb_nodes - 1;

    if (!(critic->gpu->kept & FG_KEEP_INPUT) || !generator->gpu)
        return 0;
    cast(critic->gpu->d, &critic->gpu->val[0], &generator->gpu->val[last],
         critic->val[0].shape.n, 1);
    return 1;
}

int fg_tape_gpu_feed_back(FgTape *generator, FgTape *critic)
{
    struct FgTapeGpu *g = generator->gpu, *c = critic->gpu;
    const int last = generator->graph->nb_nodes - 1;

    if (!(g->kept & FG_KEEP_GRADIENT) || !c)
        return 0;
    g->scale = g->d->element == FG_ELEMENT_F16
                   ? scale_of(generator,
                              most_of(c, &c->grad[0], critic->val[0].shape.n) /
                                  c->scale)
                   : 1;
    cast(g->d, &g->grad[last], &c->grad[0], critic->val[0].shape.n,
         g->scale / c->scale);
    return 1;
}

double fg_tape_gpu_match(FgTape *t, const FgTape *like, const int *node, int nb,
                         double weight)
{
    struct FgTapeGpu *g = t->gpu;
    double sums[FG_MATCHES][2 * FG_LOSS_PARTS], sum = 0;
    float most = most_before(t);

    for (int i = 0; i < nb; i++)
        most = fmaxf(most, (float)(weight / nb / count(&t->val[node[i]])));
    g->scale = scale_of(t, most);
    g->chosen = 1;
    for (int i = 0; i < nb; i++) {
        const int n = node[i];
        FgKernelArgs k = {.mode = FG_LOSS_L1,
                          .alpha = (float)(weight / nb / count(&t->val[n]))};

        k.in[0] = g->val[n];
        k.in[1] = like->gpu->val[n];
        k.out = g->grad[n];
        k.p[0] = g->parts + sizeof(*sums) * (uint64_t)i;
        k.t.images = t->val[n].shape.n;
        k.t.results = FG_LOSS_PARTS;
        k.t.scale = g->scale;
        k.t.weight = 1;
        if (fg_gpu_launch(g->d, FG_KERNEL_t_loss, &k))
            return NAN;
        t->seeded[n] = g->matched[n] = 1;
    }
    if (fg_gpu_get(g->d, sums, g->parts, sizeof(*sums) * (size_t)nb))
        return NAN;
    for (int i = 0; i < nb; i++)
        for (int j = 0; j < FG_LOSS_PARTS; j++)
            sum += sums[i][2 * j] * weight / nb / count(&t->val[node[i]]);
    return sum;
}

int fg_tape_gpu_mix(FgTape *to, const FgTape *a, const FgTape *b,
                    const float *e)
{
    struct FgTapeGpu *g = to->gpu;
    const int n = to->val[0].shape.n;
    FgKernelArgs k = {.t = {.images = n}};

    k.in[0] = a->gpu->val[0];
    k.in[1] = b->gpu->val[0];
    k.out = g->val[0];
    k.p[0] = g->parts;
    if (fg_gpu_put(g->d, g->parts, e, sizeof(*e) * (size_t)n))
        return g->d->rc;
    return fg_gpu_launch(g->d, FG_KERNEL_t_mix, &k);
}

/* ---- ops ---- */

static int index_of(const FgParams *ps, const char *name)
{
    const FgParam *p = fg_params_find(ps, name);

    return p ? (int)(p - ps->p) : -1;
}

static void fill(FgTape *t, FgCudaCall *k, const FgOpCall *c, int i, int back)
{
    const struct FgTapeGpu *g = t->gpu;
    const FgNode *n = c->node;

    *k = (FgCudaCall){.node = n, .nb_in = n->nb_in};
    k->images = t->val[i].shape.n;
    k->out = g->val[i];
    k->live = g->live;
    k->training = c->training;
    k->seed = c->seed;
    k->place = c->place;
    for (int j = 0; j < n->nb_in; j++)
        k->in[j] = g->val[n->in[j]];
    for (int j = 0; j < n->nb_param; j++)
        k->param[j] = fg_mirror_at(g->params, index_of(t->params, n->param[j]));
    if (!back)
        return;
    k->dout = g->grad[i];
    for (int j = 0; j < n->nb_in; j++)
        if (c->din[j]) {
            k->din[j] = g->grad[n->in[j]];
            k->din_add[j] = c->din_add[j];
        }
    for (int j = 0; j < n->nb_param; j++)
        if (c->dparam[j])
            k->dparam[j] = fg_mirror_at(g->grads,
                                        index_of(t->grads, n->param[j]));
}

/* Which parameters the op wrote: gradients, running moments. */
static void note_writes(FgTape *t, const FgOpCall *c, int back)
{
    char *const writes = t->gpu->writes;
    const FgNode *n = c->node;
    const int moves = !back && c->training &&
                      !strcmp(n->op->name, "batch_norm");

    for (int j = 0; j < n->nb_param; j++) {
        if (back && c->dparam[j])
            writes[index_of(t->grads, n->param[j])] = 1;
        if (moves && j >= 2)
            writes[index_of(t->params, n->param[j])] = 1;
    }
}

int fg_tape_gpu_op(FgTape *t, const FgOpCall *c, int i, int back)
{
    struct FgTapeGpu *g = t->gpu;
    FgError err = {""};
    FgCudaCall k;
    int ret;

    fill(t, &k, c, i, back);
    ret = back ? fg_cuda_backward(&g->d->gpu, &k, &err)
               : fg_cuda_forward(&g->d->gpu, &k, &err);
    if (!ret)
        note_writes(t, c, back);
    return fg_gpu_fail(g->d, ret, &err);
}

/* ---- a penalty's second pass ---- */

FgKView fg_tape_gpu_node(const FgTape *t, int i, int grad)
{
    return grad ? t->gpu->grad[i] : t->gpu->val[i];
}

void fg_tape_gpu_call(FgTape *t, FgCudaCall *k, int i)
{
    FgTensor params[FG_MAX_PARAM];
    FgOpCall c;

    fg_tape_call(t, &c, i, params, 0);
    fill(t, k, &c, i, 0);
}

FgMirror *fg_tape_gpu_grads(const FgTape *t)
{
    return t->gpu->grads;
}

float fg_tape_gpu_carries(const FgTape *t)
{
    return t->gpu->scale;
}

float fg_tape_gpu_scaled(FgTape *t, const FgKView *from, const FgKView *to,
                         int images)
{
    struct FgTapeGpu *g = t->gpu;
    const int wide = to->element == FG_ELEMENT_F32;
    const float scale = g->d->element == FG_ELEMENT_F16
                            ? scale_of(t, most_of(g, from, images))
                            : 1;

    if (g->d->rc || (!wide && cast(g->d, to, from, images, scale)))
        return 0;
    return scale;
}

void fg_tape_gpu_seeded(FgTape *t, int node)
{
    t->seeded[node] = t->gpu->matched[node] = 1;
    t->gpu->chosen = 1;
}

/* ---- passes ---- */

/* Names what the launches of a pass depend on besides the tape's memory. */
static uint64_t key_of(const FgTape *t, const FgTapePass *p)
{
    const size_t n = (size_t)t->graph->nb_nodes;
    uint64_t key = fg_gpu_key(1, t->needs, n);

    if (p->back)
        key = fg_gpu_key(key, p->seen, n);
    for (int i = 0; i < t->params->nb; i++)
        key = fg_gpu_key(key, &t->params->p[i].trainable, sizeof(int));
    return fg_gpu_key(key, &t->seed, sizeof(t->seed));
}

/* What may change from one time to the next. */
static int put_live(FgTape *t)
{
    struct FgTapeGpu *g = t->gpu;
    const FgLive live = {.step = g->drops ? t->step : 0, .scale = 1 / g->scale};

    if (live.step == g->now.step && live.scale == g->now.scale)
        return 0;
    g->now = live;
    return fg_gpu_put(g->d, g->live, &g->now, sizeof(g->now));
}

typedef struct Work {
    FgTape *t;
    const FgTapePass *p;
    int (*make)(FgTape *t, const FgTapePass *p);
} Work;

static int make_pass(FgGpu *d, void *arg)
{
    const Work *w = arg;

    (void)d;
    memset(w->t->gpu->writes, 0, (size_t)w->t->params->nb);
    return w->make(w->t, w->p);
}

int fg_tape_gpu_pass(FgTape *t, const FgTapePass *p,
                     int (*make)(FgTape *t, const FgTapePass *p))
{
    struct FgTapeGpu *g = t->gpu;
    const int slot = 4 * p->back + 2 * (p->training != 0) + p->want_params;
    Work w = {t, p, make};
    int ret = put_live(t);

    if (!g->wrote[slot])
        g->wrote[slot] = calloc((size_t)t->params->nb + 1, 1);
    g->writes = g->wrote[slot];
    if (!g->writes)
        return -ENOMEM;
    if (!ret)
        ret = fg_gpu_pass(g->d, &g->pass[slot], key_of(t, p), make_pass, &w);
    for (int i = 0; i < t->params->nb && !ret; i++)
        if (g->writes[i])
            fg_mirror_wrote(p->back ? g->grads : g->params, i);
    return ret;
}
