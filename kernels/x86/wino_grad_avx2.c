/* Winograd's weight gradient, AVX2 and FMA.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/wino_grad.h"
#include "kernels/x86/wino_vec8_fn.h"

#include "kernels/x86/wino_vec8.h"
#define FN(name) name##_w
#include "kernels/wino_grad_lanes_template.c"

#include "kernels/wino_grad_template.c"

void fg_wino_grad_ops_avx2(FgWinoGradOps *o)
{
    *o = (FgWinoGradOps){
        {input_f32, NULL}, {gradient_f32, NULL}, {product_grad_f32, NULL}};
}
