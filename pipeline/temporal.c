/* ffgan: how many neighbours in time the filters of a chain look at.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavutil/dict.h>

#include "pipeline/temporal.h"

/* Filters that make each frame of one frame, by their sources. */
static const char *const alone[] = {"alphaextract",
                                    "avgblur",
                                    "bilateral",
                                    "boxblur",
                                    "cas",
                                    "colorbalance",
                                    "colorchannelmixer",
                                    "colorcontrast",
                                    "colorcorrect",
                                    "colorhold",
                                    "colorize",
                                    "colorlevels",
                                    "colormatrix",
                                    "colorspace",
                                    "colortemperature",
                                    "convolution",
                                    "copy",
                                    "crop",
                                    "curves",
                                    "dctdnoiz",
                                    "deband",
                                    "deblock",
                                    "deflate",
                                    "despill",
                                    "dilation",
                                    "drawbox",
                                    "drawgrid",
                                    "edgedetect",
                                    "epx",
                                    "eq",
                                    "erosion",
                                    "exposure",
                                    "extractplanes",
                                    "fieldorder",
                                    "fillborders",
                                    "format",
                                    "gansr",
                                    "gblur",
                                    "gradfun",
                                    "greyedge",
                                    "hflip",
                                    "hqx",
                                    "hue",
                                    "huesaturation",
                                    "inflate",
                                    "kirsch",
                                    "lenscorrection",
                                    "limiter",
                                    "lut",
                                    "lut1d",
                                    "lut3d",
                                    "lutrgb",
                                    "lutyuv",
                                    "median",
                                    "monochrome",
                                    "negate",
                                    "nlmeans",
                                    "noformat",
                                    "null",
                                    "owdenoise",
                                    "pad",
                                    "perspective",
                                    "pixelize",
                                    "pp7",
                                    "premultiply",
                                    "prewitt",
                                    "pseudocolor",
                                    "realtime",
                                    "removegrain",
                                    "roberts",
                                    "rotate",
                                    "sab",
                                    "scale",
                                    "scharr",
                                    "selectivecolor",
                                    "setdar",
                                    "setfield",
                                    "setparams",
                                    "setrange",
                                    "setsar",
                                    "shear",
                                    "shuffleplanes",
                                    "smartblur",
                                    "sobel",
                                    "spp",
                                    "super2xsai",
                                    "swapuv",
                                    "tonemap",
                                    "transpose",
                                    "unpremultiply",
                                    "unsharp",
                                    "untile",
                                    "vaguedenoiser",
                                    "vflip",
                                    "vibrance",
                                    "xbr",
                                    "zscale"};

/* Filters with a window: all behind, half on each side, or all on each. */
static const struct {
    const char *name, *option;
    int length; /* of the window, when the option is not given */
    enum { BEHIND, CENTRED, BOTH } place;
} windows[] = {
    {"atadenoise", "s", 9, CENTRED}, {"bwdif", NULL, 5, CENTRED},
    {"deflicker", "size", 5, BOTH},  {"estdif", NULL, 5, CENTRED},
    {"tmedian", "radius", 1, BOTH},  {"tmix", "frames", 3, BEHIND},
    {"w3fdif", NULL, 5, CENTRED},    {"yadif", NULL, 5, CENTRED},
};

static int is_alone(const char *name)
{
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
        if (!strcmp(name, alone[i]))
            return 1;
    return 0;
}

/* Does an expression count frames? Each part of a job starts at 0. */
static int counts_frames(const AVDictionary *opts)
{
    const AVDictionaryEntry *e = NULL;
    while ((e = av_dict_iterate(opts, e)))
        for (const char *s = e->value; *s;) {
            const char *const word = s;
            while (isalnum((unsigned char)*s) || *s == '_')
                s++;
            if (s == word + 1 && (*word == 'n' || *word == 'N'))
                return 1;
            s += s == word;
        }
    return 0;
}

/* 1 and the sums grown when the filter's window is known. */
static int add_window(FgSupport *s, const AVFilterParams *p)
{
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        if (strcmp(p->filter_name, windows[i].name) != 0)
            continue;
        const AVDictionaryEntry *const e = windows[i].option
                                               ? av_dict_get(p->opts,
                                                             windows[i].option,
                                                             NULL, 0)
                                               : NULL;
        const int n = e ? atoi(e->value) : windows[i].length;
        const int place = windows[i].place;
        if (n < 1 || n > 1024)
            return 0;
        s->past += place == CENTRED ? n / 2 : n;
        s->future += place == CENTRED ? n / 2 : place == BOTH ? n : 0;
        return 1;
    }
    return 0;
}

static void add_filter(FgSupport *s, const AVFilterParams *p)
{
    if (counts_frames(p->opts) ||
        (!is_alone(p->filter_name) && !add_window(s, p)))
        snprintf(s->unknown, sizeof(s->unknown), "%s", p->filter_name);
}

int fg_chain_support(FgSupport *s, const char *chain, FgError *err)
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterGraphSegment *seg = NULL;
    int ret = graph ? avfilter_graph_segment_parse(graph, chain, 0, &seg)
                    : AVERROR(ENOMEM);
    memset(s, 0, sizeof(*s));
    /* Unnamed options get their names; instances keep theirs behind an '@'. */
    if (ret >= 0)
        ret = avfilter_graph_segment_create_filters(seg, 0);
    for (size_t i = 0; ret >= 0 && i < seg->nb_chains; i++)
        for (size_t j = 0; j < seg->chains[i]->nb_filters; j++) {
            AVFilterParams *const p = seg->chains[i]->filters[j];
            AVFilterParams named = *p;
            named.filter_name = (char *)p->filter->filter->name;
            add_filter(s, &named);
        }
    avfilter_graph_segment_free(&seg);
    avfilter_graph_free(&graph);
    return ret < 0 ? fg_error(err, ret == AVERROR(ENOMEM) ? -ENOMEM : -EINVAL,
                              "the chain '%s' cannot be read", chain)
                   : 0;
}
