/* What the drawing of plots shares. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef FFGAN_TRAINER_PLOT_PRIV_H
#define FFGAN_TRAINER_PLOT_PRIV_H

#include "trainer/plot.h"

/* One axis: values lo..hi on pixels a..b (a > b for y). */
typedef struct FgAxis {
    double lo, hi, a, b;
    int log;
} FgAxis;

/* From all finite values of a plot's series; x = 1: theirs in x. */
FgAxis fg_axis_of(const FgPlot *p, int x, double a, double b);
int fg_axis_shows(const FgAxis *x, double v); /* can the value be drawn? */
double fg_axis_at(const FgAxis *x, double v); /* its pixel */

#endif
