/* ffgan: the inside of an enlarger: what its files share.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_UPSCALE_PRIV_H
#define FFGAN_FILTERS_UPSCALE_PRIV_H

#include "upscale.h"

#include "byrow.h"
#include "chroma_mix.h"
#include "frame.h"
#include "resample.h"
#include "side.h"

/* floats per pixel of a worker's row: see FgUpscaleRows */
#define SCRATCH (9 + FG_CHROMA_MIX_WORK)

struct FgUpscale {
    FgUpscaleOptions o;
    const FgModel *model;
    FgPlan *plan, *plan32; /* plan32: made when a frame first needs it */
    int shared;            /* of another: fg_upscale_share */
    int shrunk;            /* tiles were halved for want of memory */
    int direct;            /* the plan's rows can be stored as they come */
    int stream;            /* and the network's made as it takes them */
    FgFormat fmt;
    int luma, yuv, sub; /* luma network; Y'CbCr frames; subsampled chroma */
    int cw, ch, ocw, och;
    int fits;  /* the output's size is not the network's */
    int ahead; /* rows of the output that are stored in any order */
    /* Pictures, where rows cannot come and go: tin where they are not made as
     * they are taken; tout is a view of tnet if sizes agree. */
    FgTensor tin, tnet, tout;
    FgResize fit; /* tnet -> tout */
    FgPush push;  /* the same by rows */
    FgSide side;
    FgTensor cin, cout; /* Pb, Pr interleaved */
    int by_rows;        /* chroma has none of these: chroma.h */
    int mixes;          /* nor here, subsampled and seen by the network */
    FgChromaMix mix;
    FgPull alpha, tint; /* from the frame: alpha; chroma of RGB frames that a
                           luma network does not see */
    FgResize chroma;    /* that the network does not see */
    float *scratch;
    size_t scratch_row;
    uint8_t *marks, *marks_in; /* rows with values that are not finite */
    enum AVChromaLocation loc;
    /* of the frame at hand */
    const AVFrame *in;
    AVFrame *out;
    FgMatrix matrix;
    FgCode code_y, code_c, code_a;
    int shaper, guessed;
    int adds; /* rows are stored with what the network must not see */
    float blend;
};

typedef struct FgUpscaleRows {
    float *rgb, *y, *c;
    float *src, *lo, *hi; /* see limit */
    float *mix;           /* FG_CHROMA_MIX_WORK */
} FgUpscaleRows;

static inline FgUpscaleRows fg_upscale_rows(const FgUpscale *u, int worker)
{
    float *p = u->scratch + u->scratch_row * (size_t)worker;
    const size_t n = (u->scratch_row - 16) / SCRATCH;

    return (FgUpscaleRows){p,         p + 3 * n, p + 4 * n, p + 6 * n,
                           p + 7 * n, p + 8 * n, p + 9 * n};
}

/* upscale_rows.c. The frame's row y as the network's kind of values, not
 * clipped, in r's memory. *bad |= a value is not finite. */
const float *fg_upscale_read_row(const FgUpscale *u, FgUpscaleRows r, int y,
                                 int *bad);
/* The frame's row y of alpha, and of what tint takes, into dst. */
const float *fg_upscale_alpha_row(void *arg, float *dst, int y, int worker);
const float *fg_upscale_tint_row(void *arg, float *dst, int y, int worker);
/* Row y of the network's picture at the output size into the frame. arg: the
 * FgUpscale. */
void fg_upscale_store_row(void *arg, const float *v, int y, int worker);

#endif
