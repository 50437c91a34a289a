/* The densities of tree-structured Parzen estimators, as hyperopt has them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <math.h>

#include "trainer/parzen.h"

double fg_parzen_weight(int i, int n)
{
    const int ramp = n - FG_PARZEN_FORGET;

    if (n <= FG_PARZEN_FORGET || i >= ramp)
        return 1;
    return ramp == 1 ? 1.0 / n : 1.0 / n + i * (1 - 1.0 / n) / (ramp - 1);
}

int fg_parzen_below(int n)
{
    const int k = (int)ceil(FG_PARZEN_GAMMA * sqrt(n));

    return k < FG_PARZEN_FORGET ? k : FG_PARZEN_FORGET;
}

static double cdf(double x, double mu, double sigma)
{
    return 0.5 + 0.5 * erf((x - mu) / (sqrt(2) * sigma));
}

/* Insertion by position; equal ones stay in order, the prior goes before. */
static int sort_in(FgParzen *p, const double *obs, int n, double prior)
{
    int at = 0;

    p->nb = 0;
    for (int i = 0; i < n; i++) {
        int k = p->nb++;

        for (; k > 0 && p->mu[k - 1] > obs[i]; k--) {
            p->mu[k] = p->mu[k - 1];
            p->w[k] = p->w[k - 1];
        }
        p->mu[k] = obs[i];
        p->w[k] = fg_parzen_weight(i, n);
    }
    while (at < n && p->mu[at] < prior)
        at++;
    for (int k = p->nb++; k > at; k--) {
        p->mu[k] = p->mu[k - 1];
        p->w[k] = p->w[k - 1];
    }
    p->mu[at] = prior;
    p->w[at] = 1;
    return at;
}

static void widths(FgParzen *p, int prior, double range)
{
    const int n = p->nb;
    const double least = range / fmin(100, 1.0 + n);

    for (int k = 0; k < n; k++) {
        const double left = k ? p->mu[k] - p->mu[k - 1] : 0;
        const double right = k + 1 < n ? p->mu[k + 1] - p->mu[k] : 0;

        p->sigma[k] = fmax(left, right);
    }
    if (n == 2)
        p->sigma[!prior] = range / 2;
    for (int k = 0; k < n; k++)
        p->sigma[k] = fmin(range, fmax(least, p->sigma[k]));
    p->sigma[prior] = range;
}

void fg_parzen_make(FgParzen *p, const double *obs, int n, double low,
                    double high, double q)
{
    const double range = high - low;
    double sum = 0;
    int prior;

    assert(n <= FG_PARZEN_MAX);
    prior = sort_in(p, obs, n, (low + high) / 2);
    widths(p, prior, range);
    p->low = low;
    p->high = high;
    p->q = q;
    for (int k = 0; k < p->nb; k++)
        sum += p->w[k];
    p->accept = 0;
    for (int k = 0; k < p->nb; k++) {
        p->w[k] /= sum;
        p->accept += p->w[k] * (cdf(high, p->mu[k], p->sigma[k]) -
                                cdf(low, p->mu[k], p->sigma[k]));
    }
}

double fg_parzen_log(const FgParzen *p, double x)
{
    const double a = fmax(x - p->q / 2, p->low),
                 b = fmin(x + p->q / 2, p->high);
    double sum = 0;

    for (int k = 0; k < p->nb; k++) {
        const double mu = p->mu[k], s = p->sigma[k], z = (x - mu) / s;

        if (p->q > 0)
            sum += p->w[k] * (cdf(b, mu, s) - cdf(a, mu, s));
        else
            sum += p->w[k] * exp(-0.5 * z * z) /
                   sqrt(6.283185307179586 * s * s);
    }
    return log(sum + 1e-300) - log(p->accept);
}
