/* ffgan: the op table, one row per op.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops.h"

#include <errno.h>
#include <string.h>

int fg_input_shape(const FgNode *n, const FgShape *in, FgShape *out,
                   FgError *err)
{
    if (n->attr.channels < 1 || in[0].c != n->attr.channels)
        return fg_error(err, -EINVAL,
                        "%s: channels is %d, the input has %d channels",
                        n->name, n->attr.channels, in[0].c);
    *out = in[0];
    return 0;
}

static int input_nothing(const FgOpCall *c)
{
    (void)c;
    return 0;
}

#define FN(op)                                                                 \
    .shape = fg_##op##_shape,                                                  \
    .f32 = {fg_##op##_forward_f32, fg_##op##_backward_f32},                    \
    .f64 = {fg_##op##_forward_f64, fg_##op##_backward_f64}
#define ARGS(lo, hi) .min_in = (lo), .max_in = (hi)

enum {
    CONV = FG_ATTR_CHANNELS | FG_ATTR_KERNEL | FG_ATTR_STRIDE | FG_ATTR_PAD |
           FG_ATTR_GROUPS | FG_ATTR_BIAS,
    POOL = FG_ATTR_KERNEL | FG_ATTR_STRIDE | FG_ATTR_PAD
};

static const FgOp op_table[] = {
    {.name = "input",
     ARGS(0, 0),
     .attrs = FG_ATTR_CHANNELS,
     .shape = fg_input_shape,
     .f32 = {input_nothing, input_nothing},
     .f64 = {input_nothing, input_nothing}},
    {.name = "conv2d",
     ARGS(1, 1),
     .attrs = CONV | FG_ATTR_PAD_MODE,
     .param = {"weight", "bias"},
     .param_dims = fg_conv2d_param_dims,
     .scratch = fg_conv2d_scratch,
     FN(conv2d)},
    {.name = "deconv2d",
     ARGS(1, 1),
     .attrs = CONV,
     .param = {"weight", "bias"},
     .param_dims = fg_deconv2d_param_dims,
     .scratch = fg_deconv2d_scratch,
     FN(deconv2d)},
    {.name = "bias",
     ARGS(1, 1),
     .param = {"bias"},
     .param_dims = fg_bias_param_dims,
     .scratch = fg_bias_scratch,
     FN(bias)},
    {.name = "relu", ARGS(1, 1), FN(relu)},
    {.name = "leaky_relu", ARGS(1, 1), .attrs = FG_ATTR_ALPHA, FN(leaky_relu)},
    {.name = "prelu",
     ARGS(1, 1),
     .param = {"weight"},
     .param_dims = fg_prelu_param_dims,
     .scratch = fg_prelu_scratch,
     FN(prelu)},
    {.name = "silu", ARGS(1, 1), FN(silu)},
    {.name = "sigmoid", ARGS(1, 1), FN(sigmoid)},
    {.name = "tanh", ARGS(1, 1), FN(tanh)},
    {.name = "add", ARGS(2, 2), .scratch = fg_add_scratch, FN(add)},
    {.name = "mul", ARGS(2, 2), .scratch = fg_mul_scratch, FN(mul)},
    {.name = "concat", ARGS(1, FG_MAX_IN), FN(concat)},
    {.name = "scale", ARGS(1, 1), .attrs = FG_ATTR_ALPHA, FN(scale)},
    {.name = "pixel_shuffle",
     ARGS(1, 1),
     .attrs = FG_ATTR_FACTOR,
     FN(pixel_shuffle)},
    {.name = "pixel_unshuffle",
     ARGS(1, 1),
     .attrs = FG_ATTR_FACTOR,
     FN(pixel_unshuffle)},
    {.name = "resize",
     ARGS(1, 1),
     .attrs = FG_ATTR_FACTOR | FG_ATTR_MODE,
     .scratch = fg_resize_scratch,
     FN(resize)},
    {.name = "resize_like", ARGS(2, 2), .flags = FG_OP_GLOBAL, FN(resize_like)},
    {.name = "avg_pool", ARGS(1, 1), .attrs = POOL, FN(avg_pool)},
    {.name = "max_pool", ARGS(1, 1), .attrs = POOL, FN(max_pool)},
    {.name = "instance_norm",
     ARGS(1, 1),
     .attrs = FG_ATTR_EPS,
     .flags = FG_OP_GLOBAL,
     .param = {"weight", "bias"},
     .param_dims = fg_instance_norm_param_dims,
     .scratch = fg_instance_norm_scratch,
     FN(instance_norm)},
    {.name = "batch_norm",
     ARGS(1, 1),
     .attrs = FG_ATTR_EPS | FG_ATTR_MOMENTUM,
     .param = {"weight", "bias", "running_mean", "running_var"},
     .param_dims = fg_batch_norm_param_dims,
     .scratch = fg_batch_norm_scratch,
     FN(batch_norm)},
    {.name = "dense",
     ARGS(1, 1),
     .attrs = FG_ATTR_CHANNELS | FG_ATTR_BIAS,
     .flags = FG_OP_GLOBAL,
     .param = {"weight", "bias"},
     .param_dims = fg_dense_param_dims,
     .scratch = fg_dense_scratch,
     FN(dense)},
    {.name = "warp", ARGS(2, 2), .flags = FG_OP_GLOBAL, FN(warp)},
    {.name = "pad",
     ARGS(1, 1),
     .attrs = FG_ATTR_PAD | FG_ATTR_PAD_MODE,
     FN(pad)},
    {.name = "slice",
     ARGS(1, 1),
     .attrs = FG_ATTR_CHANNELS | FG_ATTR_FIRST,
     FN(slice)},
    {.name = "dropout", ARGS(1, 1), .attrs = FG_ATTR_ALPHA, FN(dropout)},
    {.name = "correlate",
     ARGS(2, 2),
     .attrs = FG_ATTR_KERNEL,
     .flags = FG_OP_GLOBAL,
     FN(correlate)},
    {.name = "gelu", ARGS(1, 1), FN(gelu)},
    {.name = "mish", ARGS(1, 1), FN(mish)},
    {.name = "group_norm",
     ARGS(1, 1),
     .attrs = FG_ATTR_GROUPS | FG_ATTR_EPS,
     .flags = FG_OP_GLOBAL,
     .param = {"weight", "bias"},
     .param_dims = fg_group_norm_param_dims,
     .scratch = fg_group_norm_scratch,
     FN(group_norm)},
    {.name = "layer_norm",
     ARGS(1, 1),
     .attrs = FG_ATTR_EPS,
     .param = {"weight", "bias"},
     .param_dims = fg_layer_norm_param_dims,
     .scratch = fg_layer_norm_scratch,
     FN(layer_norm)},
    {.name = "mean",
     ARGS(1, 1),
     .flags = FG_OP_GLOBAL,
     .scratch = fg_mean_scratch,
     FN(mean)},
};

enum { NB_OPS = sizeof(op_table) / sizeof(op_table[0]) };

const FgOp *fg_op_at(int i)
{
    return i >= 0 && i < NB_OPS ? &op_table[i] : NULL;
}

const FgOp *fg_op_find(const char *name)
{
    for (int i = 0; name && i < NB_OPS; i++)
        if (!strcmp(op_table[i].name, name))
            return &op_table[i];
    return NULL;
}
