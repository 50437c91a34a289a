/* ffgan: exporting: ONNX: ops that look far.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "onnx_write.h"

/* 0, 1, ... along an axis of the flow, and what is left of its size without
 * one, at least 1; axis 3 = x. */
static void put_ramp(FgOnnxWriter *w, int axis, FgOnnxName *ramp,
                     FgOnnxName *top)
{
    const FgShape s = w->shapes[w->n->in[1]];
    const int nb = axis == 3 ? s.w : s.h;
    int dims[4] = {1, 1, 1, 1};
    dims[axis] = nb;
    float *v = malloc(sizeof(*v) * (size_t)nb);
    for (int i = 0; v && i < nb; i++)
        v[i] = (float)i;
    *ramp = fg_ow_name(w, "ramp");
    if (v)
        fg_ow_constant(w, ramp->s, 4, dims, v);
    else
        w->graph.rc = -ENOMEM;
    free(v);
    *top = fg_ow_number(w, (float)(nb > 1 ? nb - 1 : 1));
}

/* The same of a size that is open. */
static void put_open_ramp(FgOnnxWriter *w, int axis, FgOnnxName *ramp,
                          FgOnnxName *top)
{
    const int64_t at = axis;
    int64_t dims[4] = {1, 1, 1, 1};
    const FgOnnxName shape = fg_ow_name(w, "shape"), n1 = fg_ow_name(w, "n"),
                     n = fg_ow_name(w, "n");
    const FgOnnxName zero = fg_ow_number(w, 0), one = fg_ow_number(w, 1),
                     all = fg_ow_name(w, "all");
    const FgOnnxName less = fg_ow_name(w, "less"), size = fg_ow_name(w, "size");
    const FgOnnxName which = fg_ow_integers(w, 1, &at),
                     none = fg_ow_integers(w, 0, NULL);
    dims[axis] = -1;
    const FgOnnxName form = fg_ow_integers(w, 4, dims);
    *ramp = fg_ow_name(w, "ramp");
    *top = fg_ow_name(w, "top");
    fg_ow_node(w, "Shape", fg_ow_in(w, 1), NULL, NULL, shape.s);
    fg_ow_node(w, "Gather", shape.s, which.s, NULL, n1.s);
    fg_ow_node(w, "Reshape", n1.s, none.s, NULL, n.s);
    fg_ow_int(w, "to", 1);
    fg_ow_node(w, "Cast", n.s, NULL, NULL, size.s);
    fg_ow_node(w, "Range", zero.s, size.s, one.s, all.s);
    fg_ow_node(w, "Reshape", all.s, form.s, NULL, ramp->s);
    fg_ow_node(w, "Sub", size.s, one.s, NULL, less.s);
    fg_ow_node(w, "Max", less.s, one.s, NULL, top->s);
}

/* Where the flow's channel points along its axis, -1..1 over the picture. */
static FgOnnxName put_place(FgOnnxWriter *w, int channel)
{
    const FgOnnxName two = fg_ow_number(w, 2), one = fg_ow_number(w, 1);
    const FgOnnxName d = fg_ow_name(w, "d"), at = fg_ow_name(w, "at"),
                     twice = fg_ow_name(w, "twice");
    const FgOnnxName part = fg_ow_name(w, "part"),
                     place = fg_ow_name(w, "place");
    FgOnnxName ramp, top;
    fg_ow_slice(w, fg_ow_in(w, 1), 1, channel, channel + 1, d.s);
    (w->width ? put_ramp : put_open_ramp)(w, 3 - channel, &ramp, &top);
    fg_ow_node(w, "Add", d.s, ramp.s, NULL, at.s);
    fg_ow_node(w, "Mul", at.s, two.s, NULL, twice.s);
    fg_ow_node(w, "Div", twice.s, top.s, NULL, part.s);
    fg_ow_node(w, "Sub", part.s, one.s, NULL, place.s);
    return place;
}

void fg_ow_warp(FgOnnxWriter *w)
{
    const int64_t order[4] = {0, 2, 3, 1};
    const FgOnnxName x = put_place(w, 0), y = put_place(w, 1);
    const FgOnnxName both = fg_ow_name(w, "both"), grid = fg_ow_name(w, "grid");
    fg_ow_int(w, "axis", 1);
    fg_ow_node(w, "Concat", x.s, y.s, NULL, both.s);
    fg_ow_ints(w, "perm", 4, order);
    fg_ow_node(w, "Transpose", both.s, NULL, NULL, grid.s);
    fg_ow_text(w, "mode", "bilinear");
    fg_ow_text(w, "padding_mode", "border");
    fg_ow_int(w, "align_corners", 1);
    fg_ow_node(w, "GridSample", fg_ow_in(w, 0), grid.s, NULL, w->n->name);
}

/* Displacement by displacement: the second map moved (cut out of itself with a
 * border of zeros), times the first, mean over the channels. */
void fg_ow_correlate(FgOnnxWriter *w)
{
    const int k = w->n->attr.kernel, r = k / 2;
    const int64_t pads[8] = {0, 0, r, r, 0, 0, r, r}, axis = 1;
    const FgOnnxName border = fg_ow_integers(w, 8, pads);
    const FgOnnxName wide = fg_ow_name(w, "wide");
    FgOnnxName *part = calloc((size_t)(k * k), sizeof(*part));
    const char **all = calloc((size_t)(k * k), sizeof(*all));
    if (!part || !all) {
        w->graph.rc = -ENOMEM;
        free(part);
        free(all);
        return;
    }
    fg_ow_node(w, "Pad", fg_ow_in(w, 1), border.s, NULL, wide.s);
    for (int i = 0; i < k * k; i++) {
        const int y = i / k, x = i % k;
        const FgOnnxName rows = fg_ow_name(w, "rows");
        const FgOnnxName moved = fg_ow_name(w, "moved");
        const FgOnnxName both = fg_ow_name(w, "both");
        /* An end counted from behind holds for every size; 0 would not. */
        fg_ow_slice(w, wide.s, 2, y, y < k - 1 ? y - k + 1 : INT32_MAX, rows.s);
        fg_ow_slice(w, rows.s, 3, x, x < k - 1 ? x - k + 1 : INT32_MAX,
                    moved.s);
        fg_ow_node(w, "Mul", fg_ow_in(w, 0), moved.s, NULL, both.s);
        part[i] = fg_ow_name(w, "alike");
        all[i] = part[i].s;
        fg_ow_ints(w, "axes", 1, &axis);
        fg_ow_node(w, "ReduceMean", both.s, NULL, NULL, part[i].s);
    }
    fg_ow_int(w, "axis", 1);
    fg_ow_node_of(w, "Concat", k * k, all, w->n->name);
    free(part);
    free(all);
}

/* A convolution as large as the picture: the weights' order is its own. */
void fg_ow_dense(FgOnnxWriter *w)
{
    const FgShape s = w->shapes[w->n->in[0]];
    const FgParam *p = fg_ow_param(w, 0);
    const int64_t side[2] = {s.h, s.w};
    const int dims[4] = {p->dims[0], s.c, s.h, s.w};
    if ((double)s.c * s.h * s.w != p->dims[1] || (!w->width && s.h * s.w > 1)) {
        if (w->rc >= 0)
            w->rc = fg_error(w->err, -EINVAL,
                             "%s: the op dense of '%s' takes %d values, and "
                             "gets %dx%dx%d: give the size of its picture, "
                             "--size WxH",
                             w->path, w->n->name, p->dims[1], s.c, s.h, s.w);
        return;
    }
    const FgOnnxName weight = fg_ow_name(w, "weight");
    const FgParam *b = w->n->attr.bias ? fg_ow_param(w, 1) : NULL;
    const FgOnnxName bias = fg_ow_name(w, "bias");
    fg_ow_constant(w, weight.s, 4, dims, p->data);
    if (b)
        fg_ow_constant(w, bias.s, 1, b->dims, b->data);
    fg_ow_ints(w, "kernel_shape", 2, side);
    fg_ow_node(w, "Conv", fg_ow_in(w, 0), weight.s, b ? bias.s : NULL,
               w->n->name);
}

/* The sizes are worked out from both inputs where they are open. */
void fg_ow_resize_like(FgOnnxWriter *w)
{
    const FgShape s = w->shapes[w->n->in[0]], o = w->shapes[w->n - w->g->nodes];
    const int64_t fixed[4] = {1, s.c, o.h, o.w};
    FgOnnxName sizes = {{0}};
    if (w->width) {
        sizes = fg_ow_integers(w, 4, fixed);
    } else {
        const FgOnnxName a = fg_ow_name(w, "shape"), b = fg_ow_name(w, "like");
        const FgOnnxName c = fg_ow_name(w, "first"), d = fg_ow_name(w, "last");
        sizes = fg_ow_name(w, "sizes");
        fg_ow_node(w, "Shape", fg_ow_in(w, 0), NULL, NULL, a.s);
        fg_ow_node(w, "Shape", fg_ow_in(w, 1), NULL, NULL, b.s);
        fg_ow_slice(w, a.s, 0, 0, 2, c.s);
        fg_ow_slice(w, b.s, 0, 2, 4, d.s);
        fg_ow_int(w, "axis", 0);
        fg_ow_node(w, "Concat", c.s, d.s, NULL, sizes.s);
    }
    const char *const in[4] = {fg_ow_in(w, 0), "", "", sizes.s};
    fg_ow_text(w, "mode", "linear");
    fg_ow_text(w, "coordinate_transformation_mode", "half_pixel");
    fg_ow_node_of(w, "Resize", 4, in, w->n->name);
}
