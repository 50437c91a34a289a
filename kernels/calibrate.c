/* ffgan: the ranges that 8-bit convolutions need.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calibrate.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fp8.h"
#include "graph_priv.h"
#include "op.h"
#include "plan.h"
#include "q8.h"

#define BINS 2048

/* ---- reading ---- */

static int bad_ranges(const char *key, FgError *err)
{
    return fg_error(err, -EBADMSG,
                    "%s is not {\"layers\": {node: [low, high]}}: "
                    "ffgan model calibrate makes it anew",
                    key);
}

static int read_range(FgRange *r, const char *name, const json_t *v)
{
    const json_t *const lo = json_array_get(v, 0), *const hi = json_array_get(
                                                       v, 1);

    if (json_array_size(v) != 2 || !json_is_number(lo) || !json_is_number(hi) ||
        strlen(name) >= sizeof(r->node))
        return -EBADMSG;
    strcpy(r->node, name);
    r->lo = (float)json_number_value(lo);
    r->hi = (float)json_number_value(hi);
    return isfinite(r->lo) && isfinite(r->hi) && r->lo <= r->hi ? 0 : -EBADMSG;
}

static int read_layers(FgRanges *r, json_t *layers)
{
    const size_t n = json_object_size(layers);
    const char *name;
    json_t *v;
    int ret = 0;

    if (!json_is_object(layers) || n > 4096)
        return -EBADMSG;
    r->r = calloc(n + 1, sizeof(*r->r));
    if (!r->r)
        return -ENOMEM;
    json_object_foreach(layers, name, v) if (!ret)
        ret = read_range(&r->r[r->nb++], name, v);
    return ret;
}

int fg_ranges_read(FgRanges *r, const FgModel *m, int fp8, FgError *err)
{
    const char *const key = fp8 ? FG_FP8_KEY : FG_INT8_KEY;
    const char *const text = fg_model_meta(m, key);

    *r = (FgRanges){0};
    if (!text)
        return fg_error(err, -ENOENT,
                        "precision %s wants ranges, which this model lacks: "
                        "ffgan model calibrate MODEL %s--data PICTURES -o "
                        "OUT.safetensors finds them",
                        fp8 ? "fp8" : "int8", fp8 ? "--precision fp8 " : "");
    json_t *const root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const int ret = root ? read_layers(r, json_object_get(root, "layers"))
                         : -EBADMSG;

    json_decref(root);
    if (ret)
        fg_ranges_free(r);
    return ret == -ENOMEM ? fg_error(err, ret, "plan: out of memory")
           : ret          ? bad_ranges(key, err)
                          : 0;
}

const FgRange *fg_ranges_find(const FgRanges *r, const char *node)
{
    for (int i = 0; i < r->nb; i++)
        if (!strcmp(r->r[i].node, node))
            return &r->r[i];
    return NULL;
}

void fg_ranges_free(FgRanges *r)
{
    if (!r)
        return;
    free(r->r);
    *r = (FgRanges){0};
}

/* ---- running samples, op by op ---- */

typedef struct Value {
    FgTensor t;
    int left;   /* readers that are still to come */
    int wanted; /* by an 8-bit convolution */
    float lo, hi;
    double *bins;
} Value;

typedef struct Conv {
    int node, in8;
    float *w;     /* fp8: weights as their codes have them */
    double error; /* alone */
} Conv;

typedef struct Cal {
    FgModel *m;
    FgGraph g;
    FgParams ps;
    FgExecutor *ex;
    int fp8;
    FgShape *shape;
    Value *val;
    Conv *conv;
    int nb_conv;
    FgTensor *want; /* of each sample: the fp32 result */
} Cal;

static FgTensor flat(const FgParam *p)
{
    const int *d = p->dims, n = p->nb_dims;
    const FgShape s = {n > 0 ? d[0] : 1, n > 1 ? d[1] : 1, n > 2 ? d[2] : 1,
                       n > 3 ? d[3] : 1};

    return fg_tensor_wrap(p->data, s, FG_F32);
}

static const Conv *conv_at(const Cal *k, int node)
{
    for (int i = 0; i < k->nb_conv; i++)
        if (k->conv[i].node == node)
            return &k->conv[i];
    return NULL;
}

/* Input and weights as their codes have them; in is to be freed. */
static int narrow(const Cal *k, const Conv *c, FgOpCall *call, FgTensor *in,
                  FgTensor *w)
{
    const Value *const v = &k->val[call->node->in[0]];
    const int ret = fg_tensor_alloc(in, v->t.shape, FG_F32);

    if (ret)
        return ret;
    fg_tensor_copy(in, &v->t);
    fg_fp8_round(in->data, (size_t)in->image, fg_fp8_input(v->lo, v->hi));
    w->data = c->w;
    call->in[0] = in;
    return 0;
}

static int run_node(Cal *k, int i)
{
    const Conv *const c8 = k->fp8 ? conv_at(k, i) : NULL;
    FgTensor in8 = {.data = NULL};
    const FgNode *const n = &k->g.nodes[i];
    FgTensor param[FG_MAX_PARAM];
    FgShape in[FG_MAX_IN] = {{0}};
    FgOpCall c = {.node = n,
                  .nb_in = n->nb_in,
                  .nb_param = n->nb_param,
                  .out = &k->val[i].t,
                  .ex = k->ex};
    size_t size = 64;

    for (int j = 0; j < n->nb_in; j++) {
        c.in[j] = &k->val[n->in[j]].t;
        in[j] = k->shape[n->in[j]];
    }
    for (int j = 0; j < n->nb_param; j++) {
        param[j] = flat(fg_params_find(&k->ps, n->param[j]));
        c.param[j] = &param[j];
    }
    int ret = fg_tensor_alloc(&k->val[i].t, k->shape[i], FG_F32);

    if (!ret && c8 && c8->in8)
        ret = narrow(k, c8, &c, &in8, &param[0]);
    if (n->op->scratch)
        size += n->op->scratch(n, in, &k->shape[i], FG_F32, fg_threads(k->ex));
    c.scratch = aligned_alloc(64, (size + 63) & ~(size_t)63);
    if (!ret)
        ret = c.scratch ? n->op->f32.forward(&c) : -ENOMEM;
    free(c.scratch);
    fg_tensor_free(&in8);
    return ret;
}

static int look(Value *v, int pass)
{
    const float *const x = v->t.data; /* dense */
    const size_t n = (size_t)v->t.image;

    for (size_t i = 0; i < n && !pass; i++) {
        if (!isfinite(x[i]))
            return -EDOM;
        v->lo = x[i] < v->lo ? x[i] : v->lo;
        v->hi = x[i] > v->hi ? x[i] : v->hi;
    }
    const float step = (v->hi - v->lo) / BINS;

    for (size_t i = 0; i < n && pass && step > 0; i++) {
        const int b = (int)((x[i] - v->lo) / step);

        v->bins[b < 0 ? 0 : b >= BINS ? BINS - 1 : b]++;
    }
    return 0;
}

static void release(Cal *k, int i)
{
    if (--k->val[i].left <= 0)
        fg_tensor_free(&k->val[i].t);
}

/* pass LOWEST: lowest and highest; COUNT: how often each is there; RESULT: the
 * last value is moved to out. */
enum { LOWEST, COUNT, RESULT };
static int run_sample(Cal *k, const FgTensor *sample, int pass, FgTensor *out,
                      FgError *err)
{
    int ret = fg_graph_shapes(&k->g, sample->shape, k->shape, err);

    for (int i = 0; i < k->g.nb_nodes; i++)
        k->val[i].left = 0;
    for (int i = 0; i < k->g.nb_nodes; i++)
        for (int j = 0; j < k->g.nodes[i].nb_in; j++)
            k->val[k->g.nodes[i].in[j]].left++;
    for (int i = 0; i < k->g.nb_nodes && ret >= 0; i++) {
        Value *const v = &k->val[i];

        if (k->g.nodes[i].nb_in)
            ret = run_node(k, i);
        else if (!(ret = fg_tensor_alloc(&v->t, sample->shape, FG_F32)))
            fg_tensor_copy(&v->t, sample);
        if (ret >= 0 && v->wanted && pass != RESULT)
            ret = look(v, pass);
        for (int j = 0; j < k->g.nodes[i].nb_in; j++)
            release(k, k->g.nodes[i].in[j]);
    }
    if (ret >= 0 && pass == RESULT) {
        *out = k->val[k->g.nb_nodes - 1].t;
        k->val[k->g.nb_nodes - 1].t = (FgTensor){.data = NULL};
    }
    for (int i = 0; i < k->g.nb_nodes; i++)
        fg_tensor_free(&k->val[i].t);
    return ret;
}

/* ---- ranges ---- */

/* Square error of codes for lo..hi: what is cut off, and the steps between. */
static double cost(const Value *v, double lo, double hi)
{
    const double bin = (v->hi - v->lo) / BINS, step = (hi - lo) / 255;
    double sum = 0;

    for (int b = 0; b < BINS; b++) {
        const double x = v->lo + (b + 0.5) * bin;
        const double cut = x < lo ? lo - x : x > hi ? x - hi : 0;

        sum += v->bins[b] * (cut > 0 ? cut * cut : step * step / 12);
    }
    return sum;
}

/* Both ends in turn, as long as it helps. */
static void choose(Value *v)
{
    const double lo = v->lo, hi = v->hi;
    double best_lo = lo, best_hi = hi, best = cost(v, lo, hi);

    for (int turn = 0; turn < 4; turn++)
        for (int i = 20; i <= 100; i++) {
            const double end = (turn & 1 ? lo : hi) * i / 100;
            const double a = turn & 1 ? end : best_lo;
            const double b = turn & 1 ? best_hi : end;
            const double c = cost(v, a, b);

            if (c < best) {
                best = c;
                best_lo = a;
                best_hi = b;
            }
        }
    v->lo = (float)best_lo;
    v->hi = (float)best_hi;
}

static int find_ranges(Cal *k, const FgTensor *samples, int nb, FgError *err)
{
    int ret = 0;

    for (int pass = LOWEST; pass <= (k->fp8 ? LOWEST : COUNT); pass++)
        for (int i = 0; i < nb && ret >= 0; i++)
            ret = run_sample(k, &samples[i], pass, NULL, err);
    for (int i = 0; i < k->g.nb_nodes && ret >= 0 && !k->fp8; i++)
        if (k->val[i].wanted)
            choose(&k->val[i]);
    if (ret == -EDOM)
        fg_error(err, ret, "a sample makes values that are not finite");
    return ret;
}

/* ---- the metadata ---- */

static const char *key_of(const Cal *k)
{
    return k->fp8 ? FG_FP8_KEY : FG_INT8_KEY;
}

static int write_ranges(Cal *k, double psnr, int nb)
{
    json_t *const layers = json_object(), *const kept = json_array();
    int bad = !layers || !kept;

    for (int i = 0; i < k->nb_conv && !bad; i++) {
        const FgNode *const n = &k->g.nodes[k->conv[i].node];
        const Value *const v = &k->val[n->in[0]];

        bad = k->conv[i].in8
                  ? json_object_set_new(
                        layers, n->name,
                        json_pack("[f,f]", (double)v->lo, (double)v->hi))
                  : json_array_append_new(kept, json_string(n->name));
    }
    json_t *const root = bad ? NULL
                             : json_pack("{s:O,s:O,s:f,s:i}", "layers", layers,
                                         "kept", kept, "psnr",
                                         isfinite(psnr) ? psnr : 0, "samples",
                                         nb);
    char *const text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS |
                                                   JSON_REAL_PRECISION(9))
                            : NULL;

    bad = !text || fg_model_set_meta(k->m, key_of(k), text) < 0;
    free(text);
    json_decref(root);
    json_decref(layers);
    json_decref(kept);
    return bad ? -ENOMEM : 0;
}

/* ---- what each convolution costs in accuracy ---- */

static int plan_result(Cal *k, const FgTensor *s, FgPrecision precision,
                       FgTensor *out, FgError *err)
{
    const FgPlanOptions o = {.precision = precision,
                             .max_w = s->shape.w,
                             .max_h = s->shape.h,
                             .ex = k->ex};
    FgPlanInfo i;
    FgPlan *p = NULL;
    int ret = fg_plan_create(&p, k->m, &o, err);

    if (ret < 0)
        return ret;
    fg_plan_info(p, &i);
    const FgShape to = {1, i.channels_out,
                        (int)((int64_t)s->shape.h * i.scale_num / i.scale_den),
                        (int)((int64_t)s->shape.w * i.scale_num / i.scale_den)};

    ret = fg_tensor_alloc(out, to, FG_F32);
    if (!ret)
        ret = fg_plan_run(p, s, out);
    fg_plan_free(&p);
    if (ret == -EDOM)
        fg_error(err, ret, "a sample makes values that are not finite");
    else if (ret < 0)
        fg_error(err, ret, "a sample cannot be run: %s", strerror(-ret));
    return ret;
}

/* Mean square error of the 8-bit result with the convolutions chosen now. */
static int measure(Cal *k, const FgTensor *samples, int nb, double *mse,
                   FgError *err)
{
    double sum = 0, n = 0;
    int ret = write_ranges(k, 0, nb);

    for (int i = 0; i < nb && ret >= 0; i++) {
        FgTensor out = {.data = NULL};

        ret = k->fp8 ? run_sample(k, &samples[i], RESULT, &out, err)
                     : plan_result(k, &samples[i], FG_PREC_INT8, &out, err);
        for (ptrdiff_t e = 0; e < out.image && ret >= 0; e++) {
            const double d = (double)((float *)out.data)[e] -
                             (double)((float *)k->want[i].data)[e];

            sum += d * d;
        }
        n += (double)out.image;
        fg_tensor_free(&out);
    }
    *mse = n > 0 ? sum / n : 0;
    return ret;
}

static void all_but(Cal *k, int only)
{
    for (int i = 0; i < k->nb_conv; i++)
        k->conv[i].in8 = only < 0 || i == only;
}

/* Takes out what costs most until the rest is good enough. */
static int keep_within(Cal *k, const FgTensor *samples, int nb, double psnr,
                       double *mse, FgError *err)
{
    const double most = pow(10, -psnr / 10);
    int ret = 0;

    for (int i = 0; i < k->nb_conv && ret >= 0; i++) {
        all_but(k, i);
        ret = measure(k, samples, nb, &k->conv[i].error, err);
    }
    all_but(k, -1);
    while (ret >= 0) {
        int worst = -1;

        ret = measure(k, samples, nb, mse, err);
        if (*mse <= most)
            break;
        for (int i = 0; i < k->nb_conv; i++)
            if (k->conv[i].in8 &&
                (worst < 0 || k->conv[i].error > k->conv[worst].error))
                worst = i;
        if (worst < 0)
            break;
        k->conv[worst].in8 = 0;
    }
    return ret;
}

/* ---- all of it ---- */

static int is_picture(const FgGraph *g, int i)
{
    return !g->nodes[i].nb_in;
}

/* Of the last convolution. */
static int narrow_weights(Cal *k, const FgNode *n)
{
    const FgParam *const p = fg_params_find(&k->ps, n->param[0]);
    const size_t all = fg_param_count(p), one = all / (size_t)p->dims[0];
    float *const w = malloc(sizeof(*w) * all);

    k->conv[k->nb_conv].w = w;
    if (!w)
        return -ENOMEM;
    memcpy(w, p->data, sizeof(*w) * all);
    for (size_t o = 0; o < all; o += one)
        fg_fp8_round(w + o, one, fg_fp8_weight(w + o, one));
    return 0;
}

static int prepare(Cal *k, const FgModel *m, int nb, FgError *err)
{
    const int ret = fg_graph_collapse(&k->g, &k->ps, &m->graph, &m->params,
                                      err);

    if (ret < 0)
        return ret;
    const size_t n = (size_t)k->g.nb_nodes;
    FgShape *const any = fg_graph_any_shapes(&k->g, err);

    if (!any)
        return -errno;
    k->shape = calloc(n, sizeof(*k->shape));
    k->val = calloc(n, sizeof(*k->val));
    k->conv = calloc(n, sizeof(*k->conv));
    k->want = calloc((size_t)nb, sizeof(*k->want));
    int bad = !k->shape || !k->val || !k->conv || !k->want;

    for (int i = 0; i < (int)n && !bad; i++) {
        const FgNode *const node = &k->g.nodes[i];

        if (!fg_node_is(node, "conv2d") || is_picture(&k->g, node->in[0]) ||
            !(k->fp8 ? fg_fp8_fits : fg_q8_fits)(&node->attr,
                                                 any[node->in[0]].c))
            continue;
        Value *const v = &k->val[node->in[0]];

        k->conv[k->nb_conv].node = i;
        v->wanted = 1;
        v->bins = v->bins ? v->bins : calloc(BINS, sizeof(*v->bins));
        bad = !v->bins || (k->fp8 && narrow_weights(k, node) < 0);
        k->nb_conv++;
    }
    free(any);
    return bad ? fg_error(err, -ENOMEM, "not enough memory to calibrate") : 0;
}

static void finish(Cal *k, int nb)
{
    for (int i = 0; k->val && i < k->g.nb_nodes; i++)
        free(k->val[i].bins);
    for (int i = 0; k->want && i < nb; i++)
        fg_tensor_free(&k->want[i]);
    for (int i = 0; i < k->nb_conv; i++)
        free(k->conv[i].w);
    free(k->shape);
    free(k->val);
    free(k->conv);
    free(k->want);
    fg_graph_free(&k->g);
    fg_params_free(&k->ps);
}

static int calibrate(Cal *k, const FgTensor *samples, int nb, double psnr,
                     FgCalibrated *result, FgError *err)
{
    double mse = 0;
    int ret = find_ranges(k, samples, nb, err);

    for (int i = 0; i < nb && ret >= 0; i++)
        ret = plan_result(k, &samples[i], FG_PREC_FP32, &k->want[i], err);
    if (ret >= 0)
        ret = keep_within(k, samples, nb, psnr, &mse, err);
    for (int i = 0; i < k->nb_conv; i++)
        result->layers += k->conv[i].in8;
    result->kept = k->nb_conv - result->layers;
    result->psnr = mse > 0 ? -10 * log10(mse) : INFINITY;
    if (ret >= 0 && !result->layers)
        ret = fg_error(err, -EINVAL,
                       "no convolution is within %.1f dB in 8 bits", psnr);
    return ret < 0 ? ret : write_ranges(k, result->psnr, nb);
}

/* A GPU keeps networks that move pixels in fp32. */
static int moves_none(const FgGraph *g, FgError *err)
{
    for (int i = 0; i < g->nb_nodes; i++)
        if (fg_node_is(&g->nodes[i], "warp") ||
            fg_node_is(&g->nodes[i], "correlate"))
            return fg_error(err, -EINVAL,
                            "fp8 is not for a network that moves pixels, which "
                            "node '%s' does",
                            g->nodes[i].name);
    return 0;
}

int fg_calibrate(FgModel *m, const FgTensor *samples, int nb, double psnr,
                 int fp8, FgExecutor *ex, FgCalibrated *result, FgError *err)
{
    Cal k = {.m = m, .ex = ex, .fp8 = fp8};

    *result = (FgCalibrated){0};
    if (nb < 1)
        return fg_error(err, -EINVAL, "calibration wants samples");
    int ret = fp8 ? moves_none(&m->graph, err) : 0;

    if (ret >= 0)
        ret = prepare(&k, m, nb, err);
    if (ret >= 0 && !k.nb_conv)
        ret = fg_error(err, -EINVAL,
                       fp8 ? "no convolution here can be done in fp8: 1x1 or "
                             "3x3, of one group, stride 1, whose 32 channels "
                             "or more are in 16s"
                           : "no convolution here can be done in 8 bits");
    if (ret >= 0)
        ret = calibrate(&k, samples, nb, psnr, result, err);
    if (ret < 0)
        fg_model_drop_meta(m, key_of(&k));
    finish(&k, nb);
    return ret < 0 ? ret : 0;
}
