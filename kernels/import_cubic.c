/* ffgan: importing: linear and cubic scaling by ratios as PyTorch and ncnn do
 * it (Keys' a = -3/4; the op resize has -1/2), as convolutions: of den pixels
 * each num are made.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "import_priv.h"

static double keys(double x, double a)
{
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0;
}

/* Every channel alone; edges repeat. */
static int filter(FgImport *im, const char *name, int in, FgImKernel q,
                  const double *rows)
{
    const int c = im->channels[in], phases = q.oc / c, n = q.k;
    const int r = (int)lround(sqrt(phases));
    const size_t area = (size_t)(n * n);
    float *w = malloc(sizeof(*w) * (size_t)q.oc * area);
    if (!w)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    for (int o = 0; o < q.oc; o++)
        for (int t = 0; t < n * n; t++)
            w[(size_t)o * area + (size_t)t] =
                (float)(rows[o % phases / r * n + t / n] *
                        rows[o % phases % r * n + t % n]);
    q.w = w;
    const int y = fg_im_kernel(im, name, in, &q);
    free(w);
    return y;
}

/* Weight of the source pixel at a distance of x. */
static double curve(double x, double a, int linear)
{
    return linear ? fmax(0, 1 - fabs(x)) : keys(x, a);
}

int fg_im_resample(FgImport *im, const char *name, int in, FgImRatio r)
{
    double rows[16 * 31] = {0};
    char inner[FG_NAME_LEN];
    const int half = r.linear ? 1 : 2;
    if (im->rc < 0)
        return 0;
    if (r.num < 1 || r.num > 16 || r.den < 1 || r.den > 16)
        return fg_im_fail(im, -EBADMSG, "a factor that is not 1/16..16");
    /* Taps are as many before the first pixel of a step as behind its last. */
    const int first = (int)floor(0.5 * r.den / r.num - 0.5) - (half - 1);
    const int pad = first < 0 ? -first : 0, k = r.den + 2 * pad;
    for (int p = 0; p < r.num; p++)
        for (int t = 0; t < k; t++)
            rows[p * k + t] = curve((p + 0.5) * r.den / r.num - 0.5 - (t - pad),
                                    r.a, r.linear);
    const int c = im->channels[in];
    const FgImKernel q = {.oc = c * r.num * r.num,
                          .k = k,
                          .groups = c,
                          .stride = r.den,
                          .pad = pad,
                          .pad_mode = FG_PAD_REPLICATE};
    if (r.num == 1)
        return filter(im, name, in, q, rows);
    snprintf(inner, sizeof(inner), "%.80s_taps", name);
    return fg_im_shuffle(im, name, filter(im, inner, in, q, rows), r.num);
}

int fg_im_ratio(double by, FgImRatio *r)
{
    for (r->den = 1; r->den <= 16; r->den++) {
        const double n = by * r->den;
        r->num = n > 0 && n < 17 ? (int)lround(n) : 0;
        if (r->num >= 1 && r->num <= 16 && fabs(n - r->num) < 1e-6 * n)
            return 1;
    }
    return 0;
}
