/* ffgan: one op source, two number types.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Op files are compiled twice. Without FG_REAL_DOUBLE fg_real is float and
 * FG_REAL_NAME(x) is x_f32; with it fg_real is double and the name x_f64.
 * What exists once (shape, param_dims, scratch) is guarded by
 * #ifndef FG_REAL_DOUBLE. */
#ifndef FFGAN_KERNELS_REAL_H
#define FFGAN_KERNELS_REAL_H

#include <math.h>

#include "tensor.h"

#ifdef FG_REAL_DOUBLE
typedef double fg_real;
#define FG_REAL_NAME(x) x##_f64
#define FG_REAL_DTYPE FG_F64
#define fg_real_fma fma
#define fg_real_exp exp
#define fg_real_tanh tanh
#define fg_real_sqrt sqrt
#define fg_real_floor floor
#else
typedef float fg_real;
#define FG_REAL_NAME(x) x##_f32
#define FG_REAL_DTYPE FG_F32
#define fg_real_fma fmaf
#define fg_real_exp expf
#define fg_real_tanh tanhf
#define fg_real_sqrt sqrtf
#define fg_real_floor floorf
#endif

/* Element (n, y, x, 0). */
static inline fg_real *fg_at(const FgTensor *t, int n, int y, int x)
{
    return (fg_real *)t->data + n * t->image + fg_row_offset(t, y) +
           (ptrdiff_t)x * t->pitch;
}

#endif
