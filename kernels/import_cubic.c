/* ffgan: importing: bicubic scaling as PyTorch and ncnn do it (Keys' a = -3/4;
 * the op resize has -1/2), as convolutions.
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

int fg_im_cubic(FgImport *im, const char *name, int in, int factor, double a)
{
    double rows[16 * 5];
    char inner[FG_NAME_LEN];
    if (im->rc < 0 || factor < 1 || factor > 16)
        return fg_im_fail(im, -EBADMSG, "a factor that is not 1..16");
    for (int p = 0; p < factor; p++)
        for (int k = 0; k < 5; k++)
            rows[p * 5 + k] = keys((p + 0.5) / factor - 0.5 - (k - 2), a);
    const int c = im->channels[in];
    const FgImKernel q = {.oc = c * factor * factor,
                          .k = 5,
                          .groups = c,
                          .stride = 1,
                          .pad = 2,
                          .pad_mode = FG_PAD_REPLICATE};
    snprintf(inner, sizeof(inner), "%.80s_taps", name);
    return fg_im_shuffle(im, name, filter(im, inner, in, q, rows), factor);
}

int fg_im_half_cubic(FgImport *im, const char *name, int in, double a)
{
    const double rows[4] = {keys(1.5, a), keys(0.5, a), keys(0.5, a),
                            keys(1.5, a)};
    if (im->rc < 0)
        return 0;
    const int c = im->channels[in];
    return filter(im, name, in,
                  (FgImKernel){.oc = c,
                               .k = 4,
                               .groups = c,
                               .stride = 2,
                               .pad = 1,
                               .pad_mode = FG_PAD_REPLICATE},
                  rows);
}
