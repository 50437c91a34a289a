/* ffgan: how many neighbours in time the filters of a chain look at.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/dict.h>
#include <libavutil/rational.h>

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
                                    "gansrc",
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
    {"deflicker", "size", 5, BOTH},  {"ganfx", NULL, 1, BEHIND},
    {"estdif", NULL, 5, CENTRED},    {"tmedian", "radius", 1, BOTH},
    {"tmix", "frames", 3, BEHIND},   {"w3fdif", NULL, 5, CENTRED},
    {"yadif", NULL, 5, CENTRED},
};

/* ---- filters that change the number of frames ---- */

static const char *option(const AVDictionary *o, const char *key,
                          const char *otherwise)
{
    const AVDictionaryEntry *const e = av_dict_get(o, key, NULL, 0);
    return e ? e->value : otherwise;
}

static int is_one_of(const char *v, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(v, *words))
            return 1;
    return 0;
}

/* Two frames for each, whatever their flags say. */
static int every_field(const AVDictionary *o, const FgTrack *in,
                       const FgTrack *out)
{
    static const char *const fields[] = {"send_field", "field", "1", NULL};
    static const char *const all[] = {"all", "0", NULL};
    (void)in;
    (void)out;
    return is_one_of(option(o, "mode", ""), fields) &&
           is_one_of(option(o, "deint", "all"), all);
}

/* A start that was given is met once only. */
static int no_start(const AVDictionary *o, const FgTrack *in,
                    const FgTrack *out)
{
    (void)in;
    (void)out;
    return !av_dict_get(o, "start_time", NULL, 0);
}

/* Its cuts are found by how much each mixture differs from the one before:
 * that is the pair of frames before when each pair is mixed. A pair is mixed
 * for times between 15 and 240 of 256 parts, so once at least when frames
 * come out in steps of less than 0.87 of the way between two. */
static int each_pair_is_mixed(const AVDictionary *o, const FgTrack *in,
                              const FgTrack *out)
{
    if (!strcmp(option(o, "flags", "scd"), "0"))
        return 1;
    if (av_dict_get(o, "interp_start", NULL, 0) ||
        av_dict_get(o, "interp_end", NULL, 0))
        return 0;
    const double step = out->nb > 1 ? (double)(out->pts[1] - out->pts[0]) *
                                          av_q2d(out->tb)
                                    : 0;
    for (int64_t i = 1; i < in->nb; i++)
        if (step >
            0.87 * (double)(in->pts[i] - in->pts[i - 1]) * av_q2d(in->tb))
            return 0;
    return 1;
}

/* Motion vectors are searched from those of the frame before. */
static int no_motion(const AVDictionary *o, const FgTrack *in,
                     const FgTrack *out)
{
    static const char *const modes[] = {"dup", "blend", "0", "1", NULL};
    (void)in;
    (void)out;
    return is_one_of(option(o, "mi_mode", "mci"), modes);
}

/* Times that are stretched are not those of the input. */
static int no_slowmo(const AVDictionary *opts, const FgTrack *in,
                     const FgTrack *out)
{
    const AVDictionaryEntry *const e = av_dict_get(opts, "slowmo", NULL, 0);
    (void)in, (void)out;
    return !e || !strcmp(e->value, "1");
}

static const FgRateFilter rates[] = {
    {.name = "bwdif", .past = 3, .future = 3, .fits = every_field},
    {.name = "fps", .past = 1, .future = 2, .fits = no_start},
    {.name = "framerate",
     .past = 3,
     .future = 2,
     .begin = FG_BEGIN_ON_GRID,
     .fits = each_pair_is_mixed},
    {.name = "framestep",
     .future = 1,
     .begin = FG_BEGIN_BY_COUNT,
     .step = 1,
     .count = "step"},
    {.name = "ganinterp",
     .past = 2,
     .future = 2,
     .fits = no_slowmo,
     .instead = "model=none:device=cpu:scd=none"},
    {.name = "minterpolate", .past = 3, .future = 3, .fits = no_motion},
    {.name = "separatefields", .past = 1, .future = 2},
    {.name = "yadif", .past = 3, .future = 3, .fits = every_field},
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

/* Row of the windows, -1. Deinterlacers that give each field are no such. */
static int window_of(const AVFilterParams *p)
{
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
        if (!strcmp(p->filter_name, windows[i].name))
            return every_field(p->opts, NULL, NULL) ? -1 : (int)i;
    return -1;
}

static const FgRateFilter *rate_of(const char *name)
{
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        if (!strcmp(name, rates[i].name))
            return &rates[i];
    return NULL;
}

/* The step that the next filter without a rate belongs to. NULL: too many. */
static FgStep *plain_step(FgSupport *s)
{
    if (s->nb_steps && !s->step[s->nb_steps - 1].rate)
        return &s->step[s->nb_steps - 1];
    return s->nb_steps < FG_MAX_STEPS ? &s->step[s->nb_steps++] : NULL;
}

/* 1 and the sums grown when the filter's window is known. */
static int add_window(FgSupport *s, const AVFilterParams *p)
{
    const int i = window_of(p);
    FgStep *const step = i < 0 ? NULL : plain_step(s);
    if (!step)
        return 0;
    /* Statistics of a shot come from its first frame, however far back. */
    if (!strcmp(option(p->opts, "norm", "frame"), "shot"))
        return 0;
    const char *const v = windows[i].option
                              ? option(p->opts, windows[i].option, NULL)
                              : NULL;
    const int n = v ? atoi(v) : windows[i].length;
    const int place = windows[i].place;
    if (n < 1 || n > 1024)
        return 0;
    step->past += place == CENTRED ? n / 2 : n;
    step->future += place == CENTRED ? n / 2 : place == BOTH ? n : 0;
    return 1;
}

/* 1 when it is one that changes the number of frames. */
static int add_rate(FgSupport *s, const AVFilterParams *p)
{
    const FgRateFilter *const r = rate_of(p->filter_name);
    if (!r || s->nb_steps == FG_MAX_STEPS)
        return 0;
    FgStep *const step = &s->step[s->nb_steps];
    *step = (FgStep){r->past, r->future, 1, r, p->filter->filter, NULL};
    if (r->count)
        step->count = atoi(option(p->opts, r->count, "1"));
    if (step->count < 1 || av_dict_copy(&step->opts, p->opts, 0) < 0)
        return 0;
    s->nb_steps++;
    s->nb_rates++;
    /* Only the very first frames can be told to be in their place. */
    return r->begin == FG_BEGIN_ANYWHERE || s->nb_rates == 1;
}

static void add_filter(FgSupport *s, const AVFilterParams *p)
{
    const int known = !counts_frames(p->opts) &&
                      ((is_alone(p->filter_name) && plain_step(s)) ||
                       add_window(s, p) || add_rate(s, p));
    if (!known && !*s->unknown)
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
    for (int i = 0; i < s->nb_steps; i++) {
        s->past += s->step[i].past;
        s->future += s->step[i].future;
    }
    return ret < 0 ? fg_error(err, ret == AVERROR(ENOMEM) ? -ENOMEM : -EINVAL,
                              "the chain '%s' cannot be read", chain)
                   : 0;
}

void fg_support_free(FgSupport *s)
{
    for (int i = 0; i < s->nb_steps; i++)
        av_dict_free(&s->step[i].opts);
    s->nb_steps = 0;
}
