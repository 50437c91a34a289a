/* Winograd's weight gradient in C.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wino_grad.h"
#include "wino_vec1.h"

#define FN(name) name##_w
#include "wino_grad_lanes_template.c"

#include "wino_grad_template.c"

void fg_wino_grad_ops_c(FgWinoGradOps *o)
{
    *o = (FgWinoGradOps){
        {input_f32, NULL}, {gradient_f32, NULL}, {product_grad_f32, NULL}};
}
