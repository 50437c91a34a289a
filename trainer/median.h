/* Median stopping: hopeless trials end early.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_MEDIAN_H
#define FFGAN_TRAINER_MEDIAN_H

#define FG_MAX_REPORTS 16
#define FG_MEDIAN_TRIALS 5 /* whole curves before anything is stopped */

/* The figures of a trial at its 1st, 2nd, ... report; larger is better. */
typedef struct FgCurve {
    int nb;
    double v[FG_MAX_REPORTS];
} FgCurve;

#define FG_MEDIAN_GRACE 1 /* reports that stop nothing */

/* 1 when the best of now's reports is below the median, over those of done's
 * nb curves that went as far, of their means up to that report (Golovin et al.,
 * "Google Vizier", KDD 2017, 3.2.2). Never at the first
 * FG_MEDIAN_GRACE reports or with fewer than FG_MEDIAN_TRIALS curves. */
int fg_median_stops(const FgCurve *done, int nb, const FgCurve *now);

#endif
