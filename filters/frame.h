/* ffgan: rows of AVFrames as float rows and back, for any pixel format here.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_FRAME_H
#define FFGAN_FILTERS_FRAME_H

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>

#include "colour.h"

/* The formats that fg_format_init takes, AV_PIX_FMT_NONE at the end. */
extern const enum AVPixelFormat fg_pix_fmts[];

typedef struct FgComponent {
    int plane, offset, step; /* bytes */
    int shift;               /* unused low bits of a sample (P010) */
} FgComponent;

/* A pixel format in our terms. comp: R G B or Y Cb Cr or Y; alpha apart. */
typedef struct FgFormat {
    int nb;           /* colour components: 1 or 3 */
    int rgb;          /* R'G'B', else Y'CbCr or grey */
    int depth, bytes; /* bits used and bytes stored per sample */
    int is_float;     /* 32-bit floats */
    int log2w, log2h; /* chroma subsampling */
    int full;         /* a format that means full range (yuvj) */
    int has_alpha;
    int pad_plane, pad_offset, pad_step; /* the x of 0rgb: plane, else -1 */
    FgComponent comp[3], alpha;
} FgFormat;

int fg_format_init(FgFormat *f, enum AVPixelFormat fmt); /* 0 or -ENOTSUP */
static inline int fg_subsampled(int n, int log2)
{
    return -((-n) >> log2);
}

/* n samples of row y of one component: dst[i*gap] = value. No clipping.
 * Returns 1 when a float sample is NaN or infinite (the value is then kept),
 * else 0. */
int fg_row_read(float *dst, int gap, const AVFrame *f, const FgFormat *fmt,
                const FgComponent *c, int y, int n, FgCode code);
/* The reverse: code = nearest integer (halves up), within 0..code.max. Returns
 * 1 when a float sample is NaN or infinite. */
int fg_row_write(AVFrame *f, const FgFormat *fmt, const FgComponent *c, int y,
                 int n, const float *src, int gap, FgCode code);
/* Fills the unused byte of 0rgb-like formats with all ones. */
void fg_row_pad(AVFrame *f, const FgFormat *fmt, int y, int n);

/* Where chroma sample 0 lies from luma sample 0, in luma samples (0..1);
 * unspecified counts as left. 0 in a direction that is not subsampled. */
void fg_chroma_pos(double *x, double *y, const FgFormat *fmt,
                   enum AVChromaLocation loc);

#endif
