/* ffgan: the functions behind the op table.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each op file defines, compiled once as float and once as double (real.h):
 *   int fg_<op>_forward_f32 / _f64 (const FgOpCall *c)
 *   int fg_<op>_backward_f32 / _f64 (const FgOpCall *c)
 * and once only (#ifndef FG_REAL_DOUBLE):
 *   int fg_<op>_shape(const FgNode *, const FgShape *in, FgShape *out,
 *                     FgError *)
 *   int fg_<op>_param_dims(const FgNode *, const FgShape *in, int k,
 *                          int dims[4])            where it has parameters
 *   size_t fg_<op>_scratch(const FgNode *, const FgShape *in,
 *                          const FgShape *out, FgDtype, int threads)
 *                                                  where it needs scratch
 * The parameter "bias" is optional (attr.bias) only in ops whose row lists
 * FG_ATTR_BIAS: conv2d, deconv2d, dense. The others always have theirs. */
#ifndef FFGAN_KERNELS_OPS_H
#define FFGAN_KERNELS_OPS_H

#include "op.h"

#define FG_OP_DECLARE(op)                                                      \
    int fg_##op##_forward_f32(const FgOpCall *c);                              \
    int fg_##op##_forward_f64(const FgOpCall *c);                              \
    int fg_##op##_backward_f32(const FgOpCall *c);                             \
    int fg_##op##_backward_f64(const FgOpCall *c);                             \
    int fg_##op##_shape(const FgNode *n, const FgShape *in, FgShape *out,      \
                        FgError *err);
#define FG_OP_DECLARE_PARAM(op)                                                \
    int fg_##op##_param_dims(const FgNode *n, const FgShape *in, int k,        \
                             int dims[4]);
#define FG_OP_DECLARE_SCRATCH(op)                                              \
    size_t fg_##op##_scratch(const FgNode *n, const FgShape *in,               \
                             const FgShape *out, FgDtype dtype, int threads);

/* The network's input: shape() gets the picture's shape as in[0] and checks
 * its channels. Forward and backward do nothing and return 0. */
int fg_input_shape(const FgNode *n, const FgShape *in, FgShape *out,
                   FgError *err);

FG_OP_DECLARE(conv2d)
FG_OP_DECLARE_PARAM(conv2d)
FG_OP_DECLARE_SCRATCH(conv2d)
FG_OP_DECLARE(deconv2d)
FG_OP_DECLARE_PARAM(deconv2d)
FG_OP_DECLARE_SCRATCH(deconv2d)
FG_OP_DECLARE(bias)
FG_OP_DECLARE_PARAM(bias)
FG_OP_DECLARE_SCRATCH(bias)
FG_OP_DECLARE(relu)
FG_OP_DECLARE(leaky_relu)
FG_OP_DECLARE(prelu)
FG_OP_DECLARE_PARAM(prelu)
FG_OP_DECLARE_SCRATCH(prelu)
FG_OP_DECLARE(silu)
FG_OP_DECLARE(sigmoid)
FG_OP_DECLARE(tanh)
FG_OP_DECLARE(add)
FG_OP_DECLARE_SCRATCH(add)
FG_OP_DECLARE(mul)
FG_OP_DECLARE_SCRATCH(mul)
FG_OP_DECLARE(concat)
FG_OP_DECLARE(scale)
FG_OP_DECLARE(pixel_shuffle)
FG_OP_DECLARE(pixel_unshuffle)
FG_OP_DECLARE(resize)
FG_OP_DECLARE_SCRATCH(resize)
FG_OP_DECLARE(avg_pool)
FG_OP_DECLARE(max_pool)
FG_OP_DECLARE(instance_norm)
FG_OP_DECLARE_PARAM(instance_norm)
FG_OP_DECLARE_SCRATCH(instance_norm)
FG_OP_DECLARE(batch_norm)
FG_OP_DECLARE_PARAM(batch_norm)
FG_OP_DECLARE_SCRATCH(batch_norm)
FG_OP_DECLARE(dense)
FG_OP_DECLARE_PARAM(dense)
FG_OP_DECLARE_SCRATCH(dense)
FG_OP_DECLARE(warp)
FG_OP_DECLARE(pad)
FG_OP_DECLARE(dropout)
FG_OP_DECLARE(slice)
FG_OP_DECLARE(correlate)
FG_OP_DECLARE(gelu)
FG_OP_DECLARE(mish)
FG_OP_DECLARE(group_norm)
FG_OP_DECLARE_PARAM(group_norm)
FG_OP_DECLARE_SCRATCH(group_norm)
FG_OP_DECLARE(layer_norm)
FG_OP_DECLARE_PARAM(layer_norm)
FG_OP_DECLARE_SCRATCH(layer_norm)
FG_OP_DECLARE(resize_like)
FG_OP_DECLARE(mean)
FG_OP_DECLARE_SCRATCH(mean)

#endif
