/* The op deconv2d: transposed convolution, weights [I][O/groups][K][K].
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conv.h"
#include "conv_gemm.h"
#include "ops.h"
#include "real.h"

#include <errno.h>

#define conv_put FG_REAL_NAME(fg_conv_put)
#define conv_all FG_REAL_NAME(fg_conv_all)
#define conv_wgrad FG_REAL_NAME(fg_conv_wgrad)
#define conv_bgrad FG_REAL_NAME(fg_conv_bgrad)

static size_t round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* The convolution from the op's output to its input, of which this op is the
 * transpose. */
static FgConvPrep plain_prep(const FgNode *n, int channels_in, FgDtype dtype)
{
    const FgAttr *const a = &n->attr;
    FgConvPrep p = {.groups = a->groups > 0 ? a->groups : 1, .dtype = dtype};

    p.ic = p.icp = a->channels / p.groups;
    p.oc = channels_in / p.groups;
    p.ocp = (p.oc + 15) & ~15;
    p.k = a->kernel;
    p.stride = a->stride > 0 ? a->stride : 1;
    p.dilate = 1;
    p.pad = a->pad;
    return p;
}

static FgConvPrep transposed_prep(const FgConvPrep *f)
{
    FgConvPrep p = *f;

    p.ic = p.icp = f->oc;
    p.oc = f->ic;
    p.ocp = (p.oc + 15) & ~15;
    p.stride = 1;
    p.dilate = f->stride;
    p.pad = f->k - 1 - f->pad;
    return p;
}

#ifndef FG_REAL_DOUBLE
int fg_deconv2d_shape(const FgNode *n, const FgShape *in, FgShape *out,
                      FgError *err)
{
    const FgAttr *const a = &n->attr;
    const int groups = a->groups > 0 ? a->groups : 1;
    const int stride = a->stride > 0 ? a->stride : 1;

    if (a->kernel < 1 || a->kernel > FG_CONV_MAX_KERNEL)
        return fg_error(err, -EINVAL, "node '%s': kernel is %d, allowed 1..%d",
                        n->name, a->kernel, FG_CONV_MAX_KERNEL);
    if (a->stride < 0 || a->stride > 64)
        return fg_error(err, -EINVAL, "node '%s': stride is %d, allowed 1..64",
                        n->name, a->stride);
    if (a->pad < 0 || a->pad >= a->kernel)
        return fg_error(err, -EINVAL, "node '%s': pad is %d, allowed 0..%d",
                        n->name, a->pad, a->kernel - 1);
    if (a->channels < 1 || a->channels % groups || in->c % groups)
        return fg_error(err, -EINVAL,
                        "node '%s': %d inputs and %d outputs do not divide "
                        "into %d groups",
                        n->name, in->c, a->channels, groups);
    *out = (FgShape){in->n, a->channels,
                     (in->h - 1) * stride + a->kernel - 2 * a->pad,
                     (in->w - 1) * stride + a->kernel - 2 * a->pad};
    if (out->h < 1 || out->w < 1)
        return fg_error(err, -EINVAL,
                        "node '%s': pad %d leaves nothing of a %dx%d picture",
                        n->name, a->pad, in->w, in->h);
    return 0;
}

int fg_deconv2d_param_dims(const FgNode *n, const FgShape *in, int k,
                           int dims[4])
{
    const int groups = n->attr.groups > 0 ? n->attr.groups : 1;

    if (k > 0) {
        dims[0] = n->attr.channels;
        return 1;
    }
    dims[0] = in->c;
    dims[1] = n->attr.channels / groups;
    dims[2] = dims[3] = n->attr.kernel;
    return 4;
}

size_t fg_deconv2d_scratch(const FgNode *n, const FgShape *in,
                           const FgShape *out, FgDtype dtype, int threads)
{
    const FgConvPrep f = plain_prep(n, in->c, dtype), t = transposed_prep(&f);
    const size_t need[7] = {round64(fg_conv_prep_bytes(&t)) +
                                fg_conv_all_scratch(&t, out->w, threads),
                            round64(fg_conv_prep_bytes(&f)) +
                                fg_conv_all_scratch(&f, in->w, threads),
                            fg_conv_wgrad_scratch(&f, *in, threads),
                            fg_conv_bgrad_scratch(*out, dtype),
                            fg_conv_gemm_scratch(&t, threads),
                            fg_conv_gemm_scratch(&f, threads),
                            fg_conv_gemm_wgrad_scratch(&f, threads)};
    size_t most = 0;

    for (int i = 0; i < 7; i++)
        most = need[i] > most ? need[i] : most;
    return most;
}
#endif

int FG_REAL_NAME(fg_deconv2d_forward)(const FgOpCall *c)
{
    const FgConvPrep f = plain_prep(c->node, c->in[0]->shape.c, FG_REAL_DTYPE);
    FgConvPrep t = transposed_prep(&f);
    const fg_real *const bias = c->nb_param > 1 ? c->param[1]->data : NULL;
    void *const rest = (char *)c->scratch + round64(fg_conv_prep_bytes(&t));

#ifndef FG_REAL_DOUBLE
    if (fg_conv_gemm_fits(&t, c->out->shape)) {
        fg_conv_gemm(&t, c->param[0]->data, bias, 1, c->in[0], c->out, 0, c->ex,
                     c->scratch);
        return 0;
    }
#endif
    conv_put(&t, c->scratch, c->param[0]->data, bias, 1);
    conv_all(&t, c->in[0], c->out, 0, c->ex, rest);
    return 0;
}

static void weight_gradient(const FgOpCall *c, const FgConvPrep *f)
{
#ifndef FG_REAL_DOUBLE
    if (fg_conv_gemm_fits(f, c->in[0]->shape)) {
        fg_conv_gemm_wgrad(f, c->dout, c->in[0], c->dparam[0], c->ex,
                           c->scratch);
        return;
    }
#endif
    conv_wgrad(f, c->dout, c->in[0], c->dparam[0], c->ex, c->scratch);
}

/* 1 if the input's gradient was done so. */
static int gemm_input(const FgOpCall *c, const FgConvPrep *f)
{
#ifndef FG_REAL_DOUBLE
    if (fg_conv_gemm_fits(f, c->din[0]->shape)) {
        fg_conv_gemm(f, c->param[0]->data, NULL, 0, c->dout, c->din[0],
                     c->din_add[0], c->ex, c->scratch);
        return 1;
    }
#else
    (void)c;
    (void)f;
#endif
    return 0;
}

int FG_REAL_NAME(fg_deconv2d_backward)(const FgOpCall *c)
{
    FgConvPrep f = plain_prep(c->node, c->in[0]->shape.c, FG_REAL_DTYPE);
    void *const rest = (char *)c->scratch + round64(fg_conv_prep_bytes(&f));

    if (c->dparam[0])
        weight_gradient(c, &f);
    if (c->nb_param > 1 && c->dparam[1])
        conv_bgrad(c->dout, c->dparam[1], c->ex, c->scratch);
    if (c->din[0] && !gemm_input(c, &f)) {
        conv_put(&f, c->scratch, c->param[0]->data, NULL, 0);
        conv_all(&f, c->dout, c->din[0], c->din_add[0], c->ex, rest);
    }
    return 0;
}
