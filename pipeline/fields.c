/* ffgan: what the fields of a film are.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "pipeline/exit.h"
#include "pipeline/fields.h"
#include "pipeline/input.h"
#include "pipeline/util.h"

enum { SAMPLE = 75, LEAST = 12 };

/* Heights of interlaced pictures; fields do not outlive another. */
static int is_raster(int height)
{
    static const int heights[] = {480, 486, 512, 576, 608, 1080, 1088};
    for (size_t i = 0; i < sizeof(heights) / sizeof(heights[0]); i++)
        if (height == heights[i])
            return 1;
    return 0;
}

/* idet looks at both neighbours: of each 5 frames in 3:2 pulldown 4 look as if
 * they had two times, and one repeats its top, one its bottom field. */
FgFields fg_fields_judge(const FgFieldCounts *c)
{
    const double mixed = c->tff + c->bff, all = mixed + c->progressive;
    const double most = fmax(c->tff, c->bff), share = mixed / fmax(all, 1);
    const double again = fmin(c->again_top, c->again_bottom) /
                         fmax(c->again_top + c->again_bottom + c->fresh, 1);
    const int bff = c->bff > c->tff;
    if (all < LEAST || (!c->flagged && !is_raster(c->height)))
        return FG_FIELDS_FLAGS;
    if (share < 0.1)
        return FG_FIELDS_PROGRESSIVE;
    if (most < 0.85 * mixed)
        return FG_FIELDS_FLAGS;
    if (share > 0.3 && share < 0.92 && again > 0.12 && again < 0.3 &&
        c->rate > 29 && c->rate < 31)
        return bff ? FG_FIELDS_PULLDOWN_BFF : FG_FIELDS_PULLDOWN_TFF;
    /* Against the flags only where there is no doubt. */
    if (share < 0.65 || (!c->flagged && (all < 3 * LEAST || share < 0.9 ||
                                         most < 0.97 * mixed)))
        return FG_FIELDS_FLAGS;
    return bff ? FG_FIELDS_BFF : FG_FIELDS_TFF;
}

/* ---- counting ---- */

typedef struct Look {
    FgFieldCounts *counts;
    FgInput *in;
    AVFilterGraph *graph;
    AVFilterContext *src, *sink;
    AVFrame *f;
    AVDictionary *last; /* idet's sums, with the last frame */
    int n;
} Look;

static int open_idet(Look *l)
{
    char text[256];
    AVFilterInOut *ins = NULL, *outs = NULL;
    const AVFrame *const f = l->f;
    l->graph = avfilter_graph_alloc();
    if (!l->graph)
        return AVERROR(ENOMEM);
    snprintf(text, sizeof(text),
             "buffer@in=video_size=%dx%d:pix_fmt=%d:time_base=%d/%d,"
             "idet,buffersink@out",
             f->width, f->height, f->format, l->in->time_base.num,
             l->in->time_base.den);
    int ret = avfilter_graph_parse2(l->graph, text, &ins, &outs);
    avfilter_inout_free(&ins);
    avfilter_inout_free(&outs);
    if (ret >= 0)
        ret = avfilter_graph_config(l->graph, NULL);
    for (unsigned i = 0; i < l->graph->nb_filters; i++) {
        AVFilterContext *const c = l->graph->filters[i];
        if (!strcmp(c->filter->name, "buffer"))
            l->src = c;
        if (!strcmp(c->filter->name, "buffersink"))
            l->sink = c;
    }
    return ret < 0 ? ret : l->src && l->sink ? 0 : AVERROR(EINVAL);
}

static int take(Look *l)
{
    l->counts->flagged += (l->f->flags & AV_FRAME_FLAG_INTERLACED) != 0;
    l->counts->frames++;
    l->n++;
    int ret = l->graph ? 0 : open_idet(l);
    if (ret >= 0)
        ret = av_buffersrc_add_frame_flags(l->src, l->f,
                                           AV_BUFFERSRC_FLAG_PUSH);
    av_frame_unref(l->f);
    while (ret >= 0 && av_buffersink_get_frame(l->sink, l->f) >= 0) {
        av_dict_free(&l->last);
        ret = av_dict_copy(&l->last, l->f->metadata, 0);
        av_frame_unref(l->f);
    }
    return ret;
}

/* Damage is for the run itself to report: here it ends the sample. */
static int decode_some(Look *l)
{
    AVPacket *pkt = av_packet_alloc();
    int ret = pkt && l->f ? 0 : AVERROR(ENOMEM);
    while (ret >= 0 && l->n < SAMPLE) {
        const int end = fg_input_read(l->in, pkt) < 0;
        const int ours = !end && pkt->stream_index == l->in->video;
        if (ours || end)
            ret = avcodec_send_packet(l->in->dec, end ? NULL : pkt);
        av_packet_unref(pkt);
        while (ret >= 0 && l->n < SAMPLE &&
               avcodec_receive_frame(l->in->dec, l->f) >= 0)
            ret = take(l);
        if (end)
            break;
    }
    av_packet_free(&pkt);
    return ret == AVERROR(ENOMEM) ? ret : 0;
}

static double sum(const Look *l, const char *key)
{
    char name[64];
    snprintf(name, sizeof(name), "lavfi.idet.%s", key);
    const AVDictionaryEntry *const e = av_dict_get(l->last, name, NULL, 0);
    return e ? atof(e->value) : 0;
}

/* Pictures that no broadcast has are not judged unless they are flagged. */
static int is_worth(const FgInput *in)
{
    const int order = in->fmt ? fg_input_stream(in)->codecpar->field_order : 0;
    return in->fmt &&
           (is_raster(in->dec->height) || order > AV_FIELD_PROGRESSIVE ||
            in->dec->codec_id == AV_CODEC_ID_MPEG2VIDEO);
}

/* Adds the sample from a time on. */
static int look(FgFieldCounts *c, const FgJob *job, double from, double *length,
                FgError *err)
{
    FgJob part = *job;
    Look l = {.counts = c, .f = av_frame_alloc()};
    part.from_s = from;
    int ret = fg_input_open(&l.in, &part, err);
    if (!ret && is_worth(l.in)) {
        *length = l.in->fmt->duration > 0
                      ? (double)l.in->fmt->duration / AV_TIME_BASE
                      : 0;
        c->height = l.in->dec->height;
        c->rate = l.in->frame_rate.num ? av_q2d(l.in->frame_rate) : 0;
        if (decode_some(&l) < 0) {
            fg_error(err, 0, "no memory");
            ret = FG_EXIT_RETRY;
        }
    }
    c->tff += sum(&l, "single.tff");
    c->bff += sum(&l, "single.bff");
    c->progressive += sum(&l, "single.progressive");
    c->again_top += sum(&l, "repeated.top");
    c->again_bottom += sum(&l, "repeated.bottom");
    c->fresh += sum(&l, "repeated.neither");
    av_dict_free(&l.last);
    avfilter_graph_free(&l.graph);
    av_frame_free(&l.f);
    fg_input_close(&l.in);
    return ret;
}

/* ---- what follows ---- */

static int put(FgPreset *p, FgDeinterlace how, const char *deint)
{
    char *const text = deint ? strdup(deint) : NULL;
    char *const graph = deint ? fg_format("%s,%s", deint, p->chain)
                              : strdup(p->chain);
    if (!graph || (deint && !text)) {
        free(text);
        free(graph);
        return -ENOMEM;
    }
    free(p->deint);
    free(p->graph);
    p->deint = text;
    p->graph = graph;
    p->deinterlace = how;
    return 0;
}

static int apply(FgJob *job, FgFields what, const FgFieldCounts *c,
                 FgReport *report)
{
    const int bff = what == FG_FIELDS_BFF || what == FG_FIELDS_PULLDOWN_BFF;
    const int flagged = c->flagged * 2 > c->frames;
    char text[256];
    switch (what) {
    case FG_FIELDS_PROGRESSIVE:
        if (!c->flagged)
            return 0;
        fg_report_warn(report,
                       "%s: flagged as interlaced, but its frames are whole: "
                       "not deinterlaced (`deinterlace: yes` does)",
                       fg_show(job->input));
        return put(job->preset, FG_DEINT_NO, NULL);
    case FG_FIELDS_PULLDOWN_TFF:
    case FG_FIELDS_PULLDOWN_BFF:
        fg_report_warn(report,
                       "%s: film in 3:2 pulldown: taken back to %.3f frames a "
                       "second",
                       fg_show(job->input), c->rate * 0.8);
        snprintf(text, sizeof(text), FG_IVTC, bff ? "bff" : "tff");
        return put(job->preset, FG_DEINT_YES, text);
    case FG_FIELDS_TFF:
    case FG_FIELDS_BFF:
        if (flagged)
            return 0; /* frame by frame, as flagged */
        fg_report_warn(report,
                       "%s: flagged as progressive, but its frames are fields "
                       "of two times: deinterlaced, %s field first "
                       "(`deinterlace: no` does not)",
                       fg_show(job->input), bff ? "bottom" : "top");
        snprintf(text, sizeof(text),
                 "bwdif=mode=send_frame:deint=all:parity=%s",
                 bff ? "bff" : "tff");
        return put(job->preset, FG_DEINT_YES, text);
    default:
        return 0;
    }
}

int fg_fields_resolve(FgJob *job, FgReport *report, FgError *err)
{
    FgFieldCounts c = {0};
    double length = 0;
    if (job->pictures_in || job->preset->deinterlace != FG_DEINT_AUTO)
        return 0;
    int ret = look(&c, job, job->from_s, &length, err);
    if (!ret && length > 20 && job->len_s <= 0)
        ret = look(&c, job, length / 2, &length, err);
    if (ret || !c.frames)
        return ret;
    if (apply(job, fg_fields_judge(&c), &c, report) == 0)
        return 0;
    fg_error(err, 0, "no memory");
    return FG_EXIT_RETRY;
}
