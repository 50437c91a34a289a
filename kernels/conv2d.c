/* The op conv2d: y = bias + sum over taps of x * w.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv_gemm.h"
#include "conv_ring.h"
#include "ops.h"
#include "real.h"
#include "wino.h"
#include "wino_grad.h"

#include <errno.h>
#include <string.h>

#define conv_put FG_REAL_NAME(fg_conv_put)
#define conv_all FG_REAL_NAME(fg_conv_all)
#define conv_wgrad FG_REAL_NAME(fg_conv_wgrad)
#define conv_bgrad FG_REAL_NAME(fg_conv_bgrad)

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static FgConvPrep forward_prep(const FgNode *n, int channels_in, FgDtype dtype)
{
    const FgAttr *const a = &n->attr;
    FgConvPrep p = {.groups = a->groups > 0 ? a->groups : 1, .dtype = dtype};

    p.ic = p.icp = channels_in / p.groups;
    p.oc = a->channels / p.groups;
    p.ocp = (p.oc + 15) & ~15;
    p.k = a->kernel;
    p.stride = a->stride > 0 ? a->stride : 1;
    p.dilate = 1;
    p.pad = a->pad;
    p.pad_mode = a->pad_mode;
    return p;
}

/* The input gradient: a convolution of dy, zeros between its pixels, with the
 * mirrored taps. With a border that is not zero it is made for the padded
 * picture and folded back. */
static FgConvPrep grad_prep(const FgConvPrep *f)
{
    FgConvPrep p = *f;

    p.ic = p.icp = f->oc;
    p.oc = f->ic;
    p.ocp = (p.oc + 15) & ~15;
    p.stride = 1;
    p.dilate = f->stride;
    p.pad = f->k - 1 - (f->pad_mode == FG_PAD_ZERO ? f->pad : 0);
    p.pad_mode = FG_PAD_ZERO;
    return p;
}

static int folds(const FgConvPrep *p)
{
    return p->pad > 0 && p->pad_mode != FG_PAD_ZERO;
}

static FgShape plane_shape(const FgConvPrep *p, FgShape in)
{
    return (FgShape){1, in.c, in.h + 2 * p->pad, in.w + 2 * p->pad};
}

#ifndef FG_REAL_DOUBLE
/* Transforms cost more than they save where few channels are summed. */
static int wino(FgWino *w, FgWinoKind kind, const FgAttr *a, int channels_in,
                int flip)
{
    return channels_in >= 8 && a->channels >= 8 &&
           !fg_wino_geometry(w, kind, a, channels_in, flip);
}

static size_t wino_bytes(const FgAttr *a, int channels_in, int flip,
                         int threads)
{
    size_t most = 0;

    for (int kind = FG_WINO_I16; kind <= FG_WINO_F32; kind++) {
        FgWino w;
        const size_t n = wino(&w, (FgWinoKind)kind, a, channels_in, flip)
                             ? fg_wino_memory(&w) +
                                   fg_wino_scratch(&w) * (size_t)threads
                             : 0;

        most = n > most ? n : most;
    }
    return most;
}

typedef struct Put {
    const FgWino *w;
    const float *weight;
    int flip;
    char *scratch;
} Put;

static void put_job(void *arg, int o, int worker)
{
    const Put *const p = arg;

    fg_wino_put_output(p->w, p->weight, p->flip, o,
                       p->scratch + fg_wino_scratch(p->w) * (size_t)worker);
}

/* 1 if it was done so. */
static int wino_run(const FgOpCall *c, const FgTensor *in, FgTensor *out,
                    int add, int flip)
{
    const FgTensor *const bias = c->nb_param > 1 && !flip ? c->param[1] : NULL;
    FgWino w;
    Put put = {&w, c->param[0]->data, flip, NULL};

    const FgWinoKind kind = c->fast == FG_FAST_16BIT ? FG_WINO_I16
                                                     : FG_WINO_F32;

    if (!c->fast || !wino(&w, kind, &c->node->attr, c->in[0]->shape.c, flip))
        return 0;
    fg_wino_put_begin(&w, c->scratch, bias ? bias->data : NULL);
    put.scratch = (char *)c->scratch + fg_wino_memory(&w);
    fg_run(c->ex, put_job, &put, w.oc);
    fg_wino_all(&w, in, out, add, c->ex,
                (char *)c->scratch + fg_wino_memory(&w));
    return 1;
}

/* 1 if the weight gradient was done so. */
static int wino_weights(const FgOpCall *c)
{
    const FgAttr *const a = &c->node->attr;
    FgWino w;

    if (!c->fast || !wino(&w, FG_WINO_F32, a, c->in[0]->shape.c, 0))
        return 0;
    fg_wino_grad(c->fast == FG_FAST_16BIT ? FG_WINO_GRAD_BF16
                                          : FG_WINO_GRAD_F32,
                 a, c->in[0], c->dout, c->dparam[0], c->ex, c->scratch);
    return 1;
}

static size_t plane_bytes(const FgConvPrep *p, FgShape in)
{
    const FgShape s = plane_shape(p, in);

    return round64((size_t)s.c * (size_t)s.h * (size_t)s.w *
                   fg_dtype_size(p->dtype));
}

static int check_attr(const FgNode *n, FgShape in, FgError *err)
{
    const FgAttr *const a = &n->attr;
    const int groups = a->groups > 0 ? a->groups : 1;

    if (a->kernel < 1 || a->kernel > FG_CONV_MAX_KERNEL)
        return fg_error(err, -EINVAL, "node '%s': kernel is %d, allowed 1..%d",
                        n->name, a->kernel, FG_CONV_MAX_KERNEL);
    if (a->stride < 0 || a->stride > 64)
        return fg_error(err, -EINVAL, "node '%s': stride is %d, allowed 1..64",
                        n->name, a->stride);
    if (a->pad < 0 || a->pad > 1024)
        return fg_error(err, -EINVAL, "node '%s': pad is %d, allowed 0..1024",
                        n->name, a->pad);
    if (a->pad_mode < FG_PAD_ZERO || a->pad_mode > FG_PAD_CIRCULAR)
        return fg_error(err, -EINVAL, "node '%s': pad_mode is %d, allowed 0..3",
                        n->name, a->pad_mode);
    if (a->channels < 1 || a->channels % groups || in.c % groups)
        return fg_error(err, -EINVAL,
                        "node '%s': %d inputs and %d outputs do not divide "
                        "into %d groups",
                        n->name, in.c, a->channels, groups);
    return 0;
}

int fg_conv2d_shape(const FgNode *n, const FgShape *in, FgShape *out,
                    FgError *err)
{
    const FgAttr *const a = &n->attr;
    const int stride = a->stride > 0 ? a->stride : 1;
    const int ret = check_attr(n, *in, err);

    if (ret < 0)
        return ret;
    *out = (FgShape){in->n, a->channels,
                     fg_conv_out_size(in->h, a->kernel, stride, a->pad),
                     fg_conv_out_size(in->w, a->kernel, stride, a->pad)};
    if (out->h < 1 || out->w < 1)
        return fg_error(err, -EINVAL,
                        "node '%s': a %dx%d picture is smaller than the "
                        "kernel %d with pad %d",
                        n->name, in->w, in->h, a->kernel, a->pad);
    return 0;
}

int fg_conv2d_param_dims(const FgNode *n, const FgShape *in, int k, int dims[4])
{
    const int groups = n->attr.groups > 0 ? n->attr.groups : 1;

    dims[0] = n->attr.channels;
    if (k > 0)
        return 1;
    dims[1] = in->c / groups;
    dims[2] = dims[3] = n->attr.kernel;
    return 4;
}

size_t fg_conv2d_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                         FgDtype dtype, int threads)
{
    const FgConvPrep f = forward_prep(n, in->c, dtype), g = grad_prep(&f);
    const size_t back_w = (size_t)in->w + 2 * (size_t)f.pad;
    const size_t need[10] = {
        round64(fg_conv_prep_bytes(&f)) +
            fg_conv_all_scratch(&f, out->w, threads),
        round64(fg_conv_prep_bytes(&g)) +
            fg_conv_all_scratch(&g, (int)back_w, threads) +
            (folds(&f) ? plane_bytes(&f, *in) * (size_t)threads : 0),
        fg_conv_wgrad_scratch(&f, *out, threads),
        fg_conv_bgrad_scratch(*out, dtype),
        wino_bytes(&n->attr, in->c, 0, threads),
        wino_bytes(&n->attr, in->c, 1, threads),
        wino_bytes(&n->attr, in->c, 0, 1)
            ? fg_wino_grad_scratch(in->c, out->c, *out, threads)
            : 0,
        fg_conv_gemm_scratch(&f, threads),
        fg_conv_gemm_scratch(&g, threads),
        fg_conv_gemm_wgrad_scratch(&f, threads)};
    size_t most = 0;

    for (int i = 0; i < 10; i++)
        most = need[i] > most ? need[i] : most;
    return most;
}
#endif

int FG_REAL_NAME(fg_conv2d_forward)(const FgOpCall *c)
{
    FgConvPrep p = forward_prep(c->node, c->in[0]->shape.c, FG_REAL_DTYPE);
    const fg_real *const bias = c->nb_param > 1 ? c->param[1]->data : NULL;
    const size_t packed = round64(fg_conv_prep_bytes(&p));

#ifndef FG_REAL_DOUBLE
    if (wino_run(c, c->in[0], c->out, 0, 0))
        return 0;
    if (fg_conv_gemm_fits(&p, c->out->shape)) {
        fg_conv_gemm(&p, c->param[0]->data, bias, 0, c->in[0], c->out, 0, c->ex,
                     c->scratch);
        return 0;
    }
#endif
    conv_put(&p, c->scratch, c->param[0]->data, bias, 0);
    conv_all(&p, c->in[0], c->out, 0, c->ex, (char *)c->scratch + packed);
    return 0;
}

typedef struct Fold {
    const FgConvPrep *f, *g; /* forward, gradient */
    const FgTensor *dout;
    FgTensor *din;
    int add;
    char *scratch;
    size_t rows, per_worker; /* bytes for rows; with the plane */
} Fold;

/* One image: gradient of the padded picture, then every pixel of it is added
 * to the pixel that it was a copy of. */
static void fold_job(void *arg, int n, int worker)
{
    const Fold *const a = arg;
    const FgShape s = plane_shape(a->f, a->din->shape);
    char *const mem = a->scratch + (size_t)worker * a->per_worker;
    FgTensor plane = fg_tensor_wrap(mem + a->rows, s, FG_REAL_DTYPE);
    const FgTensor dout = fg_tensor_images(a->dout, n, 1);
    FgTensor din = fg_tensor_images(a->din, n, 1);

    conv_all(a->g, &dout, &plane, 0, NULL, mem);
    if (!a->add)
        fg_tensor_zero(&din);
    for (int y = 0; y < s.h; y++) {
        const int to_y = fg_pad_index(y - a->f->pad, din.shape.h,
                                      a->f->pad_mode);

        for (int x = 0; x < s.w; x++) {
            const int to_x = fg_pad_index(x - a->f->pad, din.shape.w,
                                          a->f->pad_mode);
            const fg_real *const src = fg_at(&plane, 0, y, x);
            fg_real *const dst = fg_at(&din, 0, to_y, to_x);

            for (int i = 0; i < s.c; i++)
                dst[i] += src[i];
        }
    }
}

static void input_gradient(const FgOpCall *c, const FgConvPrep *f)
{
    FgConvPrep g = grad_prep(f);
    const size_t packed = round64(fg_conv_prep_bytes(&g));
    char *const rest = (char *)c->scratch + packed;
    Fold a = {f, &g, c->dout, c->din[0], c->din_add[0], rest, 0, 0};
    FgShape s;

#ifndef FG_REAL_DOUBLE
    if (!folds(f) && wino_run(c, c->dout, c->din[0], c->din_add[0], 1))
        return;
    if (!folds(f) && fg_conv_gemm_fits(&g, c->din[0]->shape)) {
        fg_conv_gemm(&g, c->param[0]->data, NULL, 1, c->dout, c->din[0],
                     c->din_add[0], c->ex, c->scratch);
        return;
    }
#endif
    conv_put(&g, c->scratch, c->param[0]->data, NULL, 1);
    if (!folds(f)) {
        conv_all(&g, c->dout, c->din[0], c->din_add[0], c->ex, rest);
        return;
    }
    s = plane_shape(f, c->din[0]->shape);
    a.rows = fg_conv_all_scratch(&g, s.w, 1);
    a.per_worker = a.rows + round64(sizeof(fg_real) * (size_t)s.c *
                                    (size_t)s.h * (size_t)s.w);
    fg_run(c->ex, fold_job, &a, c->dout->shape.n);
}

static void weight_gradient(const FgOpCall *c, const FgConvPrep *f)
{
#ifndef FG_REAL_DOUBLE
    if (wino_weights(c))
        return;
    if (fg_conv_gemm_fits(f, c->dout->shape)) {
        fg_conv_gemm_wgrad(f, c->in[0], c->dout, c->dparam[0], c->ex,
                           c->scratch);
        return;
    }
#endif
    conv_wgrad(f, c->in[0], c->dout, c->dparam[0], c->ex, c->scratch);
}

int FG_REAL_NAME(fg_conv2d_backward)(const FgOpCall *c)
{
    const FgConvPrep f = forward_prep(c->node, c->in[0]->shape.c,
                                      FG_REAL_DTYPE);

    if (c->dparam[0])
        weight_gradient(c, &f);
    if (c->nb_param > 1 && c->dparam[1])
        conv_bgrad(c->dout, c->dparam[1], c->ex, c->scratch);
    if (c->din[0])
        input_gradient(c, &f);
    return 0;
}
