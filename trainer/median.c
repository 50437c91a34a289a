/* Median stopping: hopeless trials end early.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>

#include "trainer/median.h"

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

int fg_median_stops(const FgCurve *done, int nb, const FgCurve *now)
{
    double *mean = malloc(sizeof(*mean) * ((size_t)nb + 1)), best = -INFINITY;
    int n = 0, stop = 0;

    for (int i = 0; mean && i < nb; i++) {
        double sum = 0;

        if (done[i].nb < now->nb)
            continue;
        for (int k = 0; k < now->nb; k++)
            sum += done[i].v[k];
        mean[n++] = sum / now->nb;
    }
    for (int k = 0; k < now->nb; k++)
        best = fmax(best, now->v[k]);
    if (now->nb > FG_MEDIAN_GRACE && n >= FG_MEDIAN_TRIALS)
        stop = best < median(mean, n);
    free(mean);
    return stop;
}
