/* ffgan: what convolutions of 8-bit floating point compute.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fp8.h"

#include <math.h>

#include "e4m3.h"

int fg_fp8_fits(const FgAttr *a, int ic)
{
    return a->groups <= 1 && a->stride <= 1 &&
           (a->kernel == 1 || a->kernel == 3) && a->pad == a->kernel / 2 &&
           ic >= 32 && ic % 16 == 0;
}

/* The largest power of two by which v stays at most `most`. */
static float power(float v, float most)
{
    int e;

    if (!(v > 0) || !isfinite(v))
        return 1;
    frexpf(most / v, &e);
    e = e - 1 > 100 ? 100 : e - 1 < -100 ? -100 : e - 1;
    return ldexpf(1, e);
}

float fg_fp8_input(float lo, float hi)
{
    return power(fmaxf(fabsf(lo), fabsf(hi)), FG_E4M3_MAX / 2);
}

float fg_fp8_weight(const float *w, size_t n)
{
    float top = 0;

    for (size_t i = 0; i < n; i++)
        top = fmaxf(top, fabsf(w[i]));
    return power(top, FG_E4M3_MAX);
}

void fg_fp8_round(float *v, size_t n, float factor)
{
    for (size_t i = 0; i < n; i++)
        v[i] = fg_e4m3_to_float(fg_e4m3_from_float(v[i] * factor)) / factor;
}
