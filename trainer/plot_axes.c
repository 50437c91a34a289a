/* Pictures of numbers: ranges and ticks.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trainer/plot_priv.h"

#define MOST 16

int fg_axis_shows(const FgAxis *x, double v)
{
    return isfinite(v) && (!x->log || v > 0);
}

double fg_axis_at(const FgAxis *x, double v)
{
    const double part = x->log ? log(v / x->lo) / log(x->hi / x->lo)
                               : (v - x->lo) / (x->hi - x->lo);

    return x->a + part * (x->b - x->a);
}

static void widen(FgAxis *x)
{
    if (!(x->lo <= x->hi)) {
        x->lo = x->log ? 1 : 0;
        x->hi = x->log ? 10 : 1;
    } else if (x->log) {
        const double more = pow(x->hi / x->lo, 0.04);
        const double by = more > 1 ? more : 2;

        x->lo /= by;
        x->hi *= by;
    } else {
        const double more = 0.04 * (x->hi - x->lo);
        const double by = more > 0       ? more
                          : x->hi != 0.0 ? 0.1 * fabs(x->hi)
                                         : 1;

        x->lo -= by;
        x->hi += by;
    }
}

FgAxis fg_axis_of(const FgPlot *p, int x, double a, double b)
{
    FgAxis ax = {INFINITY, -INFINITY, a, b, x ? p->log_x : p->log_y};
    const FgAxis other = {.log = x ? p->log_y : p->log_x};

    for (int i = 0; i < p->nb; i++) {
        const FgSeries *s = &p->series[i];

        for (int k = 0; k < s->nb; k++) {
            const double v = x ? s->x[k] : s->y[k];

            if (!fg_axis_shows(&ax, v) ||
                !fg_axis_shows(&other, x ? s->y[k] : s->x[k]))
                continue;
            ax.lo = fmin(ax.lo, v);
            ax.hi = fmax(ax.hi, v);
        }
    }
    widen(&ax);
    return ax;
}

static int log_ticks(double lo, double hi, int many, double out[MOST])
{
    static const double part[] = {1, 2, 5};
    int n = 0;

    for (double e = floor(log10(lo)); e <= ceil(log10(hi)); e++)
        for (int k = 0; k < (many ? 3 : 1); k++) {
            const double v = part[k] * pow(10, e);

            if (v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9) && n < MOST)
                out[n++] = v;
        }
    return n;
}

int fg_plot_ticks(double lo, double hi, int log, int n, double out[MOST])
{
    double step, first;
    int nb = 0;

    if (log) {
        nb = log_ticks(lo, hi, 0, out);
        if (nb < 3)
            nb = log_ticks(lo, hi, 1, out);
        if (nb >= 3)
            return nb;
        nb = 0;
    }
    step = pow(10, floor(log10((hi - lo) / n)));
    if ((hi - lo) / step > 5 * n)
        step *= 10;
    else if ((hi - lo) / step > 2.5 * n)
        step *= 5;
    else if ((hi - lo) / step > 1.25 * n)
        step *= 2;
    first = ceil(lo / step - 1e-9);
    for (int k = 0; nb < MOST && (first + k) * step <= hi + 1e-9 * step; k++)
        out[nb++] = (first + k) * step;
    return nb;
}
