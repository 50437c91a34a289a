/* ffgan: filters between a source and a sink.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_CHAIN_H
#define FFGAN_PIPELINE_CHAIN_H

#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

/* How a chain runs. */
typedef struct FgChainUse {
    int threads;     /* 0 = all */
    int gpu;         /* what our filters' device=cuda is */
    AVBufferRef *hw; /* for filters that upload frames; NULL = none */
    int several;     /* frames may be kept back until the end is sent */
} FgChainUse;

typedef struct FgChain {
    AVFilterGraph *graph;
    AVFilterContext *src, *sink;
    int w, h, format, space, range; /* of what goes in */
    const void *frames;             /* its frames context, NULL = none */
} FgChain;

/* Opens text, in libavfilter's syntax, for frames like f (what was open is
 * closed). rate 0/1 = not known. 0 or an AVERROR; fg_chain_close in any
 * case. */
int fg_chain_open(FgChain *c, const char *text, const AVFrame *f, AVRational tb,
                  AVRational rate, const FgChainUse *use);
/* Before a graph is configured: which GPU device=cuda is, and where frames are
 * made or uploaded to. 0 or an AVERROR. */
int fg_chain_devices(const AVFilterGraph *g, const FgChainUse *use);
/* Whether it is open for frames like f. */
int fg_chain_fits(const FgChain *c, const AVFrame *f);
void fg_chain_close(FgChain *c); /* accepts zeroed */

#endif
