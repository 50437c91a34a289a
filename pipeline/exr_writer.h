/* ffgan: OpenEXR pictures: what will be written.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_EXR_WRITER_H
#define FFGAN_PIPELINE_EXR_WRITER_H

#include "pipeline/exr_priv.h"

/* One channel of the output: rows of the data window. */
typedef struct FgExrChannel {
    const char *name;
    int type;            /* exr_pixel_type_t in the file */
    uint8_t linear;      /* b44's flag */
    const uint8_t *data; /* 32-bit values */
    ptrdiff_t stride;
    void *own;      /* to free */
    AVFrame *frame; /* to free */
} FgExrChannel;

typedef struct FgExrOut {
    FgExrFile src; /* a view, where has_src */
    int has_src;
    int closed; /* 1: its pixels cannot be read here */
    exr_attr_box2i_t data, display;
    FgExrChannel *ch;
    int nb;
} FgExrOut;

typedef struct FgExrWriter {
    exr_context_t ctx;
    int fd, code;  /* code: a negative errno of a write */
    FgExrFile src; /* the part that the frame was made from */
    int has_src, closed;
    const AVFrame *f;
    const FgExrOptions *o;
    const char *like;
    double sx, sy; /* size of the frame by its source's */
    FgExrOut *part;
    int nb_parts;
    FgError *err;
} FgExrWriter;

/* Fills part with windows and channels; the source is open. 0, negative errno
 * + err. fg_exr_plan_free in any case. */
int fg_exr_plan(FgExrWriter *w);
void fg_exr_plan_free(FgExrWriter *w);

#endif
