/* ffgan: the ranges that 8-bit convolutions need, found by running samples.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * They are kept with the model as ffgan.int8 (integers, q8.h) and ffgan.fp8
 * (floating point, fp8.h), JSON:
 *   {"layers": {NODE: [low, high], ...}, "kept": [NODE, ...], "psnr": dB,
 *    "samples": n}
 * layers: convolutions done in 8 bits, and the range of what each reads; all
 * others stay 16-bit, among them those that were kept for accuracy. */
#ifndef FFGAN_KERNELS_CALIBRATE_H
#define FFGAN_KERNELS_CALIBRATE_H

#include "model.h"
#include "pool.h"

#define FG_INT8_KEY "ffgan.int8"
#define FG_FP8_KEY "ffgan.fp8"

typedef struct FgRange {
    char node[FG_NAME_LEN];
    float lo, hi;
} FgRange;

typedef struct FgRanges {
    FgRange *r;
    int nb;
} FgRanges;

/* Of the model's metadata, for 8-bit integers or floats. -ENOENT where it has
 * none, with a line that says how to make them; -EBADMSG (not what is described
 * above), -ENOMEM. *r is zeroed on failure. */
int fg_ranges_read(FgRanges *r, const FgModel *m, int fp8, FgError *err);
const FgRange *fg_ranges_find(const FgRanges *r,
                              const char *node); /* or NULL */
void fg_ranges_free(FgRanges *r);                /* accepts NULL, zeroed */

typedef struct FgCalibrated {
    int layers, kept; /* convolutions in 8 bits; that could be but are not */
    double psnr; /* of the 8-bit result to the fp32 one, over all samples, dB */
} FgCalibrated;

/* Runs the samples (each [1,C,H,W] f32, 0..1, what the graph takes), chooses
 * for each convolution's input the range with the least square error of codes,
 * then takes convolutions out of the 8-bit ones, that with the largest error
 * first, until the result's psnr (dB, peak 1) is reached, and writes ffgan.int8
 * into m. A convolution that reads the picture itself is always kept.
 * fp8: the range is what is there, the result that of a GPU but for how
 * sums are rounded and fp16 between layers, by the ops on the CPU; ffgan.fp8.
 * 0;
 * -EINVAL (no samples, no convolution), -EDOM (a value is not finite), -ENOMEM
 * and what plans return, + err: m then has no ranges. ex may be NULL. */
int fg_calibrate(FgModel *m, const FgTensor *samples, int nb, double psnr,
                 int fp8, FgExecutor *ex, FgCalibrated *result, FgError *err);

#endif
