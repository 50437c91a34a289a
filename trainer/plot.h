/* Pictures of numbers: lines and points with axes, ticks and a legend, drawn
 * without any library. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_PLOT_H
#define FFGAN_TRAINER_PLOT_H

#include "pipeline/source.h"

typedef enum FgMark { FG_MARK_LINE, FG_MARK_DOTS, FG_MARK_STEPS } FgMark;

typedef struct FgSeries {
    const char *label;
    const double *x, *y; /* [nb]; what is not finite is left out */
    int nb;
    FgMark mark;
} FgSeries;

typedef struct FgPlot {
    const char *title, *x_label, *y_label; /* ASCII */
    const FgSeries *series;
    int nb;
    int log_x, log_y; /* 1: logarithmic; values not over 0 are left out */
    int w, h;         /* pixels, each 200 or more */
} FgPlot;

/* *pic is made; 0, -EINVAL (size), -ENOMEM; zeroed on failure. Without a
 * finite point the axes stay empty. The legend stands right of the axes; line
 * series skip what is not finite, so sparse ones stay joined. Series have fixed
 * colours in order, which also differ for the colour-blind (Okabe and Ito). */
int fg_plot_draw(const FgPlot *p, FgPicture *pic);
/* The same into a PNG file, written atomically. */
int fg_plot_write(const FgPlot *p, const char *path, FgError *err);

/* About n round numbers between lo and hi: steps of 1, 2 or 5 times a power of
 * ten; log: powers of ten, with 2 and 5 between when they are few. Returns how
 * many, at most 16. */
int fg_plot_ticks(double lo, double hi, int log, int n, double out[16]);

/* 5x7 font. Row y of a printable ASCII character, bit 4 = left; 0 elsewhere. */
int fg_font_row(char c, int y);

#endif
