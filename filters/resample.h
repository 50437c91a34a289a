/* ffgan: separable resampling of float pictures to any size and phase.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_RESAMPLE_H
#define FFGAN_FILTERS_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/pool.h"

/* Kernels. BICUBIC: Keys 1981 with a = -0.5. LANCZOS3: sinc windowed by the
 * main lobe of a sinc three times as wide. Both are widened by the step when
 * shrinking (antialiased), weights are normalised, edges repeat. */
typedef enum FgKernel { FG_BICUBIC, FG_LANCZOS3 } FgKernel;

/* One direction: destination sample i lies at source coordinate
 * first + i*step, where source sample j has coordinate j. */
typedef struct FgAxis {
    int src, dst; /* samples, >= 1 */
    double first, step;
} FgAxis;

/* Pixel centres aligned: (i + 0.5) * src/dst - 0.5. */
FgAxis fg_axis(int src, int dst);

/* A view: element (y, x, c) is data[y*row + x*channels + c]. */
typedef struct FgView {
    float *data;
    ptrdiff_t row; /* elements */
} FgView;

typedef struct FgTaps {
    FgAxis axis;
    FgKernel kernel;
    int nb;      /* weights of one destination sample, <= axis.src */
    int copy;    /* the axis changes nothing */
    int up;      /* step is 1/up: weights repeat every up samples; else 0 */
    int down;    /* step is 2: lo..hi have the same weights, 2 samples on */
    int lo, hi;  /* the destination samples for which that holds */
    int *start;  /* [dst] first source sample, start + nb <= axis.src */
    float *w;    /* [dst][nb] */
    double *acc; /* [nb] scratch of fg_taps_phase */
} FgTaps;

/* One direction alone. 0 or -ENOMEM; then *t is to be freed all the same. */
int fg_taps_init(FgTaps *t, FgAxis axis, FgKernel kernel);
/* Moves the sampling positions; allocates nothing. */
void fg_taps_phase(FgTaps *t, double first);
void fg_taps_free(FgTaps *t); /* accepts zeroed */
/* *t = `first`, then `second`, in one step, with room for any phases of the
 * two. 0 or -ENOMEM; then *t is to be freed all the same. */
int fg_taps_join(FgTaps *t, const FgTaps *first, const FgTaps *second);
/* The same again after their phases have moved; allocates nothing. */
void fg_taps_join_again(FgTaps *t, const FgTaps *first, const FgTaps *second);
/* A row of 1..3 channels: dst = keep * dst + gain * resampled(src), with keep 0
 * never reading dst. */
void fg_taps_across(const FgTaps *t, int channels, float *dst, const float *src,
                    float keep, float gain);

/* dst = row y of the result, n values, of source rows that are wide apart: row
 * i at src + i % rows * wide. */
void fg_taps_down(const FgTaps *t, float *dst, const float *src, ptrdiff_t wide,
                  int rows, int y, ptrdiff_t n);

typedef struct FgResize {
    FgTaps x, y;
    int channels; /* 1..3 */
    FgView tmp;
} FgResize;

/* 0 or -ENOMEM/-EINVAL; on failure *r is zeroed. */
int fg_resize_init(FgResize *r, FgAxis x, FgAxis y, FgKernel kernel,
                   int channels);
/* Moves the sampling positions; allocates nothing. */
void fg_resize_phase(FgResize *r, double first_x, double first_y);
void fg_resize_free(FgResize *r); /* accepts NULL, zeroed */

/* dst = keep * dst + gain * resampled(src), with keep 0 never reading dst.
 * dirty (may be NULL): dirty[y] == 0 promises that source row y is all zero,
 * which is then not read; with keep 1 whole clean areas cost nothing.
 * The same bits for any executor. One call at a time per FgResize. */
void fg_resize_run(FgResize *r, FgView dst, FgView src, float keep, float gain,
                   const uint8_t *dirty, FgExecutor *ex);

/* The same by rows, for whoever has or wants a row at a time, where by_rows
 * says 1 (both axes change, the picture does not get lower): first every row of
 * the source in any order, then rows of the result. Different rows may be done
 * by threads at the same time. */
int fg_resize_by_rows(const FgResize *r);
/* By rows, and each channel in rows of its own: plane 0 .. channels-1. Once,
 * before the first row. */
void fg_resize_planar(FgResize *r);
void fg_resize_take_row(FgResize *r, int plane, int y, const float *src);
void fg_resize_give_row(const FgResize *r, int plane, int y, float *dst);

/* Samples of a row, from <= x < to. */
typedef struct FgPart {
    int from, to;
} FgPart;

/* The destination samples that read source sample i. */
FgPart fg_taps_readers(const FgTaps *t, int i);

/* By rows, where little of the source is not zero (1 or 3 channels). take: row
 * y, zero outside in; says which samples of the result's row it reaches. add:
 * dst = keep * dst + row y of the result, from the rows y of the source for
 * which dirty[y], taken, with part[y] what take said. */
FgPart fg_resize_take_part(FgResize *r, int y, const float *src, FgPart in);
void fg_resize_add_row(const FgResize *r, int y, float *dst, float keep,
                       const FgPart *part, const uint8_t *dirty);

#endif
