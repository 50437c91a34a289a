/* ffgan: product of two tensors, the second may be broadcast.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "binary.h"

#ifndef FG_REAL_DOUBLE
int fg_mul_shape(const FgNode *n, const FgShape *in, FgShape *out, FgError *err)
{
    return fg_binary_shape(n, in, out, err);
}

size_t fg_mul_scratch(const FgNode *n, const FgShape *in, const FgShape *out,
                      FgDtype dtype, int threads)
{
    (void)n, (void)out, (void)dtype, (void)threads;
    return fg_binary_scratch(in);
}
#endif

int FG_REAL_NAME(fg_mul_forward)(const FgOpCall *c)
{
    return fg_binary_forward(c, 1);
}

int FG_REAL_NAME(fg_mul_backward)(const FgOpCall *c)
{
    return fg_binary_backward(c, 1);
}
