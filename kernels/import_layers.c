/* ffgan: importing: layers by the names of their tensors.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "import_priv.h"
#include "op.h"

static int grow(FgImport *im, int nb)
{
    int *c = realloc(im->channels, sizeof(*c) * (size_t)nb);
    if (c)
        im->channels = c;
    FgShape *s = realloc(im->shapes, sizeof(*s) * (size_t)nb);
    if (s)
        im->shapes = s;
    return c && s ? 0 : fg_im_fail(im, -ENOMEM, "out of memory");
}

static int keep_channels(FgImport *im, int node)
{
    const FgNode *n = &im->m->graph.nodes[node];
    FgShape in[FG_MAX_IN], *out;
    FgError why = {{0}};
    if (grow(im, node + 1) < 0)
        return im->rc;
    out = &im->shapes[node];
    *out = (FgShape){1, n->attr.channels, im->ref_h, im->ref_w};
    for (int k = 0; k < n->nb_in; k++)
        in[k] = im->shapes[n->in[k]];
    if (!fg_node_is(n, "input") && n->op->shape(n, in, out, &why) < 0)
        return fg_im_fail(im, -EBADMSG, "%s does not fit: %.600s",
                          im->family ? im->family : "the network", why.text);
    if (out->c < 1 || out->h < 1 || out->w < 1 || out->c > 1 << 16 ||
        out->h > 1 << 20 || out->w > 1 << 20)
        return fg_im_fail(im, -EBADMSG, "layer '%s' makes %d channels of %dx%d",
                          n->name, out->c, out->w, out->h);
    im->channels[node] = out->c;
    return 0;
}

int fg_im_op(FgImport *im, const char *op, const char *name, int in0, int in1,
             FgAttr attr)
{
    if (im->rc < 0)
        return 0;
    const int i = fg_graph_op(&im->m->graph, op, name, in0, in1, attr);
    if (i < 0) {
        fg_im_fail(im, i == -ENOMEM ? i : -EBADMSG,
                   "layer '%.96s' (%s) cannot be added", name, op);
        return 0;
    }
    return keep_channels(im, i) < 0 ? 0 : i;
}

int fg_im_input(FgImport *im, int channels)
{
    return fg_im_op(im, "input", "input", -1, -1,
                    (FgAttr){.channels = channels});
}

int fg_im_param(FgImport *im, const char *name, int nb_dims, const int *dims,
                const float *v)
{
    if (im->rc < 0 || fg_params_find(&im->m->params, name))
        return im->rc;
    FgParam *p = fg_params_add(&im->m->params, name, nb_dims, dims);
    if (!p)
        return fg_im_fail(im, -ENOMEM, "tensor '%s': out of memory", name);
    memcpy(p->data, v, sizeof(float) * fg_param_count(p));
    return 0;
}

int fg_im_kernel(FgImport *im, const char *name, int in, const FgImKernel *q)
{
    const int per = q->groups > 0 && im->rc >= 0 ? im->channels[in] / q->groups
                                                 : 0;
    const int dims[4] = {q->oc, per, q->k, q->k};
    const FgAttr a = {.channels = q->oc,
                      .kernel = q->k,
                      .stride = q->stride,
                      .pad = q->pad,
                      .pad_mode = q->pad_mode,
                      .groups = q->groups,
                      .bias = q->b != NULL};
    char key[FG_NAME_LEN + 16];
    if (im->rc < 0)
        return 0;
    const int i = fg_im_op(im, "conv2d", name, in, -1, a);
    snprintf(key, sizeof(key), "%s.weight", name);
    fg_im_param(im, key, 4, dims, q->w);
    snprintf(key, sizeof(key), "%s.bias", name);
    if (q->b)
        fg_im_param(im, key, 1, dims, q->b);
    return i;
}

int fg_im_conv(FgImport *im, const char *key, int in, int stride, int pad)
{
    char name[2 * FG_NAME_LEN];
    snprintf(name, sizeof(name), "%s.weight", key);
    const FgParam *w = fg_im_need(im, name);
    snprintf(name, sizeof(name), "%s.bias", key);
    const FgParam *b = fg_params_find(&im->src, name);
    if (im->rc < 0 || !w)
        return in;
    if (b)
        fg_im_need(im, name);
    const int ic = im->channels[in];
    if (w->nb_dims != 4 || w->dims[2] != w->dims[3] || ic % w->dims[1]) {
        fg_im_fail(im, -EBADMSG,
                   "tensor '%s' is %dx%dx%dx%d (%d sizes), expected a square "
                   "kernel over %d channels",
                   w->name, w->dims[0], w->dims[1], w->dims[2], w->dims[3],
                   w->nb_dims, ic);
        return 0;
    }
    if (b && (b->nb_dims != 1 || b->dims[0] != w->dims[0])) {
        fg_im_fail(im, -EBADMSG, "tensor '%s' has %zu values, expected %d",
                   b->name, fg_param_count(b), w->dims[0]);
        return 0;
    }
    return fg_im_kernel(im, key, in,
                        &(FgImKernel){.oc = w->dims[0],
                                      .k = w->dims[2],
                                      .groups = ic / w->dims[1],
                                      .stride = stride,
                                      .pad = pad < 0 ? w->dims[2] / 2 : pad,
                                      .w = w->data,
                                      .b = b ? b->data : NULL});
}

int fg_im_conv_again(FgImport *im, const char *name, const char *key, int in)
{
    const int first = im->rc < 0 ? -1 : fg_graph_find(&im->m->graph, key);
    if (first < 0)
        return 0;
    FgNode n = im->m->graph.nodes[first];
    snprintf(n.name, sizeof(n.name), "%s", name);
    n.in[0] = in;
    const int i = fg_graph_add(&im->m->graph, &n);
    if (i < 0) {
        fg_im_fail(im, i == -ENOMEM ? i : -EBADMSG,
                   "layer '%.96s' cannot be added", name);
        return 0;
    }
    return keep_channels(im, i) < 0 ? 0 : i;
}

int fg_im_pick(FgImport *im, const char *name, int in, int nb, const int *from)
{
    const size_t c = im->rc < 0 ? 0 : (size_t)im->channels[in];
    float *w = c ? calloc(c * (size_t)nb, sizeof(*w)) : NULL;
    if (!w)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    for (int i = 0; i < nb; i++)
        w[(size_t)i * c + (size_t)from[i]] = 1;
    const int y = fg_im_kernel(
        im, name, in,
        &(FgImKernel){.oc = nb, .k = 1, .groups = 1, .stride = 1, .w = w});
    free(w);
    return y;
}

/* One slope for all channels or one for each. */
int fg_im_prelu(FgImport *im, const char *key, int in)
{
    char name[2 * FG_NAME_LEN];
    snprintf(name, sizeof(name), "%s.weight", key);
    const FgParam *w = fg_im_need(im, name);
    if (im->rc < 0 || !w)
        return in;
    const int c = im->channels[in];
    const size_t n = fg_param_count(w);
    if (n != 1 && n != (size_t)c) {
        fg_im_fail(im, -EBADMSG, "tensor '%s' has %zu values, expected %d",
                   name, n, c);
        return 0;
    }
    float *v = malloc(sizeof(*v) * (size_t)c);
    if (!v) {
        fg_im_fail(im, -ENOMEM, "out of memory");
        return 0;
    }
    for (int i = 0; i < c; i++)
        v[i] = w->data[n == 1 ? 0 : i];
    fg_im_param(im, name, 1, &c, v);
    free(v);
    return fg_im_op(im, "prelu", key, in, -1, (FgAttr){0});
}

int fg_im_act(FgImport *im, const char *op, const char *name, int in,
              float alpha)
{
    return fg_im_op(im, op, name, in, -1, (FgAttr){.alpha = alpha});
}

int fg_im_add2(FgImport *im, const char *name, int a, int b)
{
    return fg_im_op(im, "add", name, a, b, (FgAttr){0});
}

int fg_im_mul2(FgImport *im, const char *name, int a, int b)
{
    return fg_im_op(im, "mul", name, a, b, (FgAttr){0});
}

int fg_im_scale(FgImport *im, const char *name, int in, double by)
{
    return fg_im_op(im, "scale", name, in, -1, (FgAttr){.alpha = (float)by});
}

int fg_im_offset(FgImport *im, const char *name, int in, double by,
                 const float *each)
{
    char key[FG_NAME_LEN + 16];
    if (im->rc < 0)
        return 0;
    const int c = im->channels[in];
    float *v = malloc(sizeof(*v) * (size_t)c);
    if (!v) {
        fg_im_fail(im, -ENOMEM, "out of memory");
        return 0;
    }
    for (int i = 0; i < c; i++)
        v[i] = each ? each[i] : (float)by;
    snprintf(key, sizeof(key), "%s.bias", name);
    fg_im_param(im, key, 1, &c, v);
    free(v);
    return fg_im_op(im, "bias", name, in, -1, (FgAttr){0});
}

int fg_im_cat(FgImport *im, const char *name, int nb, const int *in)
{
    FgNode n;
    if (im->rc < 0)
        return 0;
    memset(&n, 0, sizeof(n));
    snprintf(n.name, sizeof(n.name), "%s", name);
    n.op = fg_op_find("concat");
    for (int i = 0; i < nb && i < FG_MAX_IN; i++)
        n.in[n.nb_in++] = in[i];
    const int i = nb <= FG_MAX_IN ? fg_graph_add(&im->m->graph, &n) : -EINVAL;
    if (i < 0) {
        fg_im_fail(im, i == -ENOMEM ? i : -EBADMSG,
                   "layer '%.96s' joins %d values, allowed 1..%d", name, nb,
                   FG_MAX_IN);
        return 0;
    }
    return keep_channels(im, i) < 0 ? 0 : i;
}

int fg_im_slice(FgImport *im, const char *name, int in, int first, int nb)
{
    return fg_im_op(im, "slice", name, in, -1,
                    (FgAttr){.first = first, .channels = nb});
}

int fg_im_shuffle(FgImport *im, const char *name, int in, int factor)
{
    return fg_im_op(im, "pixel_shuffle", name, in, -1,
                    (FgAttr){.factor = factor});
}

int fg_im_unshuffle(FgImport *im, const char *name, int in, int factor)
{
    return fg_im_op(im, "pixel_unshuffle", name, in, -1,
                    (FgAttr){.factor = factor});
}

int fg_im_resize(FgImport *im, const char *name, int in, int factor, int mode)
{
    return fg_im_op(im, "resize", name, in, -1,
                    (FgAttr){.factor = factor, .mode = mode});
}
