/* Winograd's weight gradient, NEON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernels/aarch64/wino_vec4.h"
#include "kernels/wino_grad.h"

#if defined(__aarch64__)
#define FN(name) name##_w
#include "kernels/wino_grad_lanes_template.c"

#include "kernels/wino_grad_template.c"

void fg_wino_grad_ops_neon(FgWinoGradOps *o)
{
    *o = (FgWinoGradOps){
        {input_f32, NULL}, {gradient_f32, NULL}, {product_grad_f32, NULL}};
}
#endif
