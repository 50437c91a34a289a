/* ffgan: the output size from the w, h and scale_factor options.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_SIZE_H
#define FFGAN_FILTERS_SIZE_H

#include <libavutil/rational.h>

#include "kernels/error.h"

typedef struct FgSizeIn {
    int w, h;                    /* of the input */
    AVRational sar;              /* 0/x = unknown, taken as 1 */
    double factor;               /* > 0: what an unset side is scaled by */
    const char *w_expr, *h_expr; /* NULL or "" = unset */
} FgSizeIn;

/* Expressions over iw ih ow oh (and in_w in_h out_w out_h) a sar dar, as the
 * scale filter has them: 0 = the input's side; -1 = keeps the aspect; -n =
 * keeps it, rounded to a multiple of n; both negative = the input's size.
 * With one side unset it is -1; with both, the input times factor, rounded.
 * 0, or -EINVAL/-ENOMEM with err naming the option. */
int fg_size(int *w, int *h, const FgSizeIn *in, FgError *err);

#endif
