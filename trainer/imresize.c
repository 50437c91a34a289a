/* Picture scaling as MATLAB's imresize does it (bicubic, antialiased).
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "trainer/imresize.h"

typedef struct Taps {
    int n;     /* taps of one output sample */
    int *at;   /* [out][n] source index */
    double *w; /* [out][n] weight */
} Taps;

static double cubic(double x)
{
    const double a = fabs(x), a2 = a * a, a3 = a2 * a;

    if (a <= 1)
        return 1.5 * a3 - 2.5 * a2 + 1;
    if (a <= 2)
        return -0.5 * a3 + 2.5 * a2 - 4 * a + 2;
    return 0;
}

static int mirror(int i, int n)
{
    i %= 2 * n;
    if (i < 0)
        i += 2 * n;
    return i < n ? i : 2 * n - 1 - i;
}

static void taps_free(Taps *t)
{
    free(t->at);
    free(t->w);
}

static int taps_make(Taps *t, int out, int in)
{
    const double scale = (double)out / in;
    const double shrink = scale < 1 ? scale : 1;
    const double width = 4 / shrink;

    t->n = (int)ceil(width) + 2;
    t->at = malloc(sizeof(*t->at) * (size_t)out * t->n);
    t->w = malloc(sizeof(*t->w) * (size_t)out * t->n);
    if (!t->at || !t->w) {
        taps_free(t);
        *t = (Taps){0};
        return -ENOMEM;
    }
    for (int o = 0; o < out; o++) {
        /* MATLAB counts samples from 1. */
        const double u = (o + 1) / scale + 0.5 * (1 - 1 / scale);
        const int left = (int)floor(u - width / 2);
        double *w = t->w + (size_t)o * t->n;
        double sum = 0;

        for (int k = 0; k < t->n; k++) {
            w[k] = shrink * cubic(shrink * (u - (left + k)));
            t->at[(size_t)o * t->n + k] = mirror(left + k - 1, in);
            sum += w[k];
        }
        for (int k = 0; k < t->n; k++)
            w[k] /= sum;
    }
    return 0;
}

/* Sums are kept in double: a tie at .5 must not depend on their order. */
static void columns(float *dst, const float *src, size_t row, int oh,
                    const Taps *t, double *sum)
{
    for (int y = 0; y < oh; y++) {
        for (size_t x = 0; x < row; x++)
            sum[x] = 0;
        for (int k = 0; k < t->n; k++) {
            const double w = t->w[(size_t)y * t->n + k];
            const float *s = src + row * t->at[(size_t)y * t->n + k];

            if (w == 0)
                continue;
            for (size_t x = 0; x < row; x++)
                sum[x] += w * s[x];
        }
        for (size_t x = 0; x < row; x++)
            dst[row * y + x] = (float)sum[x];
    }
}

static void rows(float *dst, int ow, const float *src, int w, int h, int c,
                 const Taps *t)
{
    for (int y = 0; y < h; y++) {
        const float *s = src + (size_t)y * w * c;
        float *d = dst + (size_t)y * ow * c;

        for (int x = 0; x < ow; x++) {
            const double *wt = t->w + (size_t)x * t->n;
            const int *at = t->at + (size_t)x * t->n;
            double sum[4] = {0};

            for (int k = 0; k < t->n; k++)
                for (int i = 0; i < c; i++)
                    sum[i] += wt[k] * s[at[k] * c + i];
            for (int i = 0; i < c; i++)
                d[x * c + i] = (float)sum[i];
        }
    }
}

int fg_imresize_f32(float *dst, int ow, int oh, const float *src, int w, int h,
                    int c)
{
    const size_t row = (size_t)w * c;
    float *mid = malloc(sizeof(*mid) * row * oh);
    double *sum = malloc(sizeof(*sum) * row);
    Taps tv = {0}, th = {0};
    int ret = -ENOMEM;

    if (mid && sum && !taps_make(&tv, oh, h) && !taps_make(&th, ow, w)) {
        columns(mid, src, row, oh, &tv, sum);
        rows(dst, ow, mid, w, oh, c, &th);
        ret = 0;
    }
    taps_free(&th);
    taps_free(&tv);
    free(sum);
    free(mid);
    return ret;
}

void fg_round8(uint8_t *dst, const float *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] <= 0     ? 0
                 : src[i] >= 255 ? 255
                                 : (uint8_t)(src[i] + 0.5f);
}

int fg_imresize(uint8_t *dst, int ow, int oh, const uint8_t *src, int w, int h,
                int c)
{
    const size_t n = (size_t)w * h * c, on = (size_t)ow * oh * c;
    float *a = malloc(sizeof(*a) * n), *b = calloc(on, sizeof(*b));
    int ret = -ENOMEM;

    if (a && b) {
        for (size_t i = 0; i < n; i++)
            a[i] = src[i];
        ret = fg_imresize_f32(b, ow, oh, a, w, h, c);
    }
    if (!ret)
        fg_round8(dst, b, on);
    free(a);
    free(b);
    return ret;
}
