/* Frechet's distance between normal distributions.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/distance.h"

/* ---- symmetric matrices [n][n] ---- */

/* One Jacobi rotation that clears m[p][q]; v gathers the eigenvectors. */
static void rotate(double *m, double *v, int n, int p, int q)
{
    const double a = m[p * n + q], d = m[q * n + q] - m[p * n + p];
    const double t = fabs(a) < 1e-300
                         ? 0
                         : 2 * a / (d + copysign(sqrt(d * d + 4 * a * a), d));
    const double c = 1 / sqrt(t * t + 1), s = t * c;

    for (int k = 0; k < n; k++) {
        const double x = m[k * n + p], y = m[k * n + q];

        m[k * n + p] = c * x - s * y;
        m[k * n + q] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = m[p * n + k], y = m[q * n + k];

        m[p * n + k] = c * x - s * y;
        m[q * n + k] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = v[k * n + p], y = v[k * n + q];

        v[k * n + p] = c * x - s * y;
        v[k * n + q] = s * x + c * y;
    }
}

/* m becomes diagonal: the eigenvalues. */
static void diagonalise(double *m, double *v, int n)
{
    for (int i = 0; i < n * n; i++)
        v[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, all = 0;

        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++) {
                all += m[i * n + k] * m[i * n + k];
                off += i != k ? m[i * n + k] * m[i * n + k] : 0;
            }
        if (off <= 1e-26 * all)
            return;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                rotate(m, v, n, p, q);
    }
}

static double root(double x)
{
    return x > 0 ? sqrt(x) : 0;
}

static void multiply(double *out, const double *a, const double *b, int n)
{
    memset(out, 0, sizeof(*out) * (size_t)n * (size_t)n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            for (int j = 0; j < n; j++)
                out[i * n + j] += a[i * n + k] * b[k * n + j];
}

/* out = m^(1/2); m is used up; v and t are room. */
static void square_root(double *out, double *m, double *v, double *t, int n)
{
    diagonalise(m, v, n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            t[i * n + k] = root(m[i * n + i]) * v[k * n + i];
    multiply(out, v, t, n);
}

/* ---- the distance ---- */

static void fit(const double *a, int n, int dim, double *mean, double *cov)
{
    memset(mean, 0, sizeof(*mean) * (size_t)dim);
    memset(cov, 0, sizeof(*cov) * (size_t)dim * (size_t)dim);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < dim; d++)
            mean[d] += a[(size_t)i * (size_t)dim + (size_t)d] / n;
    for (int i = 0; i < n; i++) {
        const double *x = a + (size_t)i * (size_t)dim;

        for (int d = 0; d < dim; d++)
            for (int e = 0; e < dim; e++)
                cov[d * dim + e] += (x[d] - mean[d]) * (x[e] - mean[e]) /
                                    (n - 1);
    }
}

double fg_frechet(const double *a, int na, const double *b, int nb, int dim)
{
    const size_t sq = (size_t)dim * (size_t)dim;
    double *room = malloc(sizeof(*room) * (6 * sq + 2 * (size_t)dim));
    double *ca = room, *cb = ca + sq, *s = cb + sq, *t = s + sq, *u = t + sq;
    double *v = u + sq, *ma = v + sq, *mb = ma + dim, sum = 0;

    if (!room)
        return NAN;
    fit(a, na, dim, ma, ca);
    fit(b, nb, dim, mb, cb);
    for (int d = 0; d < dim; d++)
        sum += (ma[d] - mb[d]) * (ma[d] - mb[d]) + ca[d * dim + d] +
               cb[d * dim + d];
    /* tr (C1 C2)^(1/2) = tr (C1^(1/2) C2 C1^(1/2))^(1/2), which is symmetric.
     */
    square_root(s, ca, v, t, dim);
    multiply(t, s, cb, dim);
    multiply(u, t, s, dim);
    diagonalise(u, v, dim);
    for (int d = 0; d < dim; d++)
        sum -= 2 * root(u[d * dim + d]);
    free(room);
    return fmax(sum, 0);
}
