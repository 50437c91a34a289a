/* Losses between features: value and gradient.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stddef.h>

#include "trainer/loss_image.h"

double fg_loss_feature(double weight, const FgTensor *a, const FgTensor *b,
                       FgTensor *g)
{
    const FgShape s = a->shape;
    const size_t n = (size_t)s.n * s.c * s.h * s.w;
    const float *p = a->data, *q = b->data, k = (float)(weight / (double)n);
    float *d = g->data;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        const float v = p[i] - q[i];

        sum += fabsf(v);
        d[i] = v > 0 ? k : v < 0 ? -k : v * k;
    }
    return weight * sum / (double)n;
}

/* Unit vectors; returns the lengths in len where it is not NULL. */
static void unit(double *d, const float *s, int places, int channels,
                 double *len)
{
    for (int i = 0; i < places; i++) {
        double sum = 0;

        for (int c = 0; c < channels; c++)
            sum += (double)s[i * channels + c] * s[i * channels + c];
        sum = sqrt(sum);
        for (int c = 0; c < channels; c++)
            d[i * channels + c] = s[i * channels + c] / (sum + 1e-7);
        if (len)
            len[i] = sum;
    }
}

/* Cross entropy of row i's softmax at i; the row becomes its gradient. */
static double entropy(double *row, int n, int i)
{
    double most = row[0], sum = 0, own = row[i];

    for (int j = 1; j < n; j++)
        most = row[j] > most ? row[j] : most;
    for (int j = 0; j < n; j++) {
        row[j] = exp(row[j] - most);
        sum += row[j];
    }
    for (int j = 0; j < n; j++)
        row[j] = row[j] / sum - (j == i);
    return log(sum) + most - own;
}

/* v = q/(|q| + e): dq = (dv - v' dv q/|q|) / (|q| + e), v' dv the product. */
static void through_unit(float *g, const double *dv, const double *v,
                         double len, int channels, double k)
{
    const double all = len + 1e-7;
    double dot = 0;

    for (int c = 0; c < channels; c++)
        dot += v[c] * dv[c];
    for (int c = 0; c < channels; c++) {
        const double along = len > 0 ? v[c] * all / len : 0;

        g[c] = (float)(k * (dv[c] - dot * along) / all);
    }
}

double fg_loss_nce(double weight, double tau, const float *q, const float *k,
                   int places, int channels, float *g, double *work)
{
    double *uq = work, *uk = uq + (size_t)places * channels;
    double *s = uk + (size_t)places * channels;
    double *len = s + (size_t)places * places, sum = 0;

    unit(uq, q, places, channels, len);
    unit(uk, k, places, channels, NULL);
    for (int i = 0; i < places; i++) {
        double *row = s + (size_t)i * places;

        for (int j = 0; j < places; j++) {
            row[j] = 0;
            for (int c = 0; c < channels; c++)
                row[j] += uq[i * channels + c] * uk[j * channels + c];
            row[j] /= tau;
        }
        sum += entropy(row, places, i);
    }
    for (int i = 0; i < places; i++) {
        const double *row = s + (size_t)i * places;
        double dv[1024];

        for (int c = 0; c < channels; c++) {
            dv[c] = 0;
            for (int j = 0; j < places; j++)
                dv[c] += row[j] * uk[j * channels + c];
        }
        through_unit(g + (size_t)i * channels, dv, uq + (size_t)i * channels,
                     len[i], channels, weight / (tau * places));
    }
    return weight * sum / places;
}
