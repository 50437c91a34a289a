/* ffgan: two films side by side: figures of each frame, and the page.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_COMPARE_H
#define FFGAN_PIPELINE_COMPARE_H

#include <stdio.h>

#include "pipeline/source.h"

typedef struct FgCompareFrame {
    double psnr; /* dB over R'G'B', 100 at most */
    double ssim; /* of luma, windows of 8 x 8 (Wang et al. 2004) */
    double a, b; /* flicker: mean difference to the frame before along the
                    motion, code values of 255; -1 = no frame before */
} FgCompareFrame;

typedef struct FgCompareShot {
    int n;       /* frame number from 0 */
    char *a, *b; /* JPEG, base64; owned */
} FgCompareShot;

typedef struct FgCompare {
    const char *name_a, *name_b;
    int w, h;
    int b_w, b_h; /* of B before it was brought to A's size */
    FgCompareFrame *frame;
    int nb, cap;
    FgCompareShot shot[64];
    int nb_shots;
    int more_a, more_b; /* frames that only one has */
} FgCompare;

typedef struct FgCompareOptions {
    const char *a, *b;
    int shots;      /* pictures in the page, 1..64 */
    int max_frames; /* 0 = all */
    int width;      /* of the pictures, at most */
} FgCompareOptions;

/* Reads both, in step. 0 or a negative errno + err. */
int fg_compare_run(FgCompare *c, const FgCompareOptions *o, FgError *err);
void fg_compare_free(FgCompare *c);
/* compare_page.c: a page that needs nothing else. 0 or -EIO. */
int fg_compare_page(const FgCompare *c, FILE *f);

#endif
