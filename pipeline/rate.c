/* ffgan: chains that change the number of frames: which frames come out, and
 * which go in for some of them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>

#include "pipeline/temporal.h"
#include "pipeline/util.h"

enum { SIDE = 64, PACE = 4096 };

/* Filters between a source and a sink. */
typedef struct Mill {
    AVFilterGraph *graph;
    AVFilterContext *src, *sink;
    AVFrame *black, *got;
} Mill;

static void mill_close(Mill *m)
{
    avfilter_graph_free(&m->graph);
    av_frame_free(&m->black);
    av_frame_free(&m->got);
}

static int mill_source(Mill *m, const FgTrack *in)
{
    AVBufferSrcParameters *const p = av_buffersrc_parameters_alloc();
    m->src = avfilter_graph_alloc_filter(m->graph,
                                         avfilter_get_by_name("buffer"), "in");
    if (!p || !m->src) {
        av_free(p);
        return AVERROR(ENOMEM);
    }
    p->format = AV_PIX_FMT_YUV420P;
    p->width = p->height = SIDE;
    p->time_base = in->tb;
    if (in->rate.num > 0 && in->rate.den > 0)
        p->frame_rate = in->rate;
    int ret = av_buffersrc_parameters_set(m->src, p);
    av_free(p);
    return ret < 0 ? ret : avfilter_init_dict(m->src, NULL);
}

/* Behind *last, which it then is. */
static int mill_filter(Mill *m, const FgStep *step, AVFilterContext **last)
{
    AVDictionary *opts = NULL;
    AVFilterContext *const f = avfilter_graph_alloc_filter(m->graph,
                                                           step->filter, NULL);
    int ret = f ? av_dict_copy(&opts, step->opts, 0) : AVERROR(ENOMEM);
    if (ret >= 0 && step->rate->instead)
        ret = av_dict_parse_string(&opts, step->rate->instead, "=", ":", 0);
    if (ret >= 0)
        ret = avfilter_init_dict(f, &opts);
    av_dict_free(&opts);
    if (ret >= 0)
        ret = avfilter_link(*last, 0, f, 0);
    *last = f;
    return ret;
}

static int mill_filters(Mill *m, const FgStep *step, int nb)
{
    AVFilterContext *last = m->src;
    int ret = 0;
    for (int i = 0; i < nb && ret >= 0; i++)
        if (step[i].rate)
            ret = mill_filter(m, &step[i], &last);
    return ret < 0 ? ret : avfilter_link(last, 0, m->sink, 0);
}

static int mill_frame(Mill *m)
{
    m->got = av_frame_alloc();
    m->black = av_frame_alloc();
    if (!m->got || !m->black)
        return AVERROR(ENOMEM);
    m->black->format = AV_PIX_FMT_YUV420P;
    m->black->width = m->black->height = SIDE;
    const int ret = av_frame_get_buffer(m->black, 0);
    for (int p = 0; p < 3 && ret >= 0; p++)
        memset(m->black->data[p], p ? 128 : 16,
               (size_t)m->black->linesize[p] * (p ? SIDE / 2 : SIDE));
    return ret;
}

static int mill_open(Mill *m, const FgStep *step, int nb, const FgTrack *in)
{
    m->graph = avfilter_graph_alloc();
    if (!m->graph)
        return AVERROR(ENOMEM);
    m->graph->nb_threads = 1;
    int ret = mill_frame(m);
    if (ret >= 0)
        ret = mill_source(m, in);
    if (ret >= 0)
        ret = avfilter_graph_create_filter(&m->sink,
                                           avfilter_get_by_name("buffersink"),
                                           "out", NULL, NULL, m->graph);
    if (ret >= 0)
        ret = mill_filters(m, step, nb);
    return ret < 0 ? ret : avfilter_graph_config(m->graph, NULL);
}

static int mill_drain(Mill *m, FgTrack *out)
{
    for (;;) {
        const int ret = av_buffersink_get_frame(m->sink, m->got);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret < 0)
            return ret;
        const int64_t pts = m->got->pts;
        av_frame_unref(m->got);
        if (pts == AV_NOPTS_VALUE || (out->nb && pts <= out->pts[out->nb - 1]))
            return AVERROR(EINVAL);
        if (fg_track_add(out, pts) < 0)
            return AVERROR(ENOMEM);
    }
}

static int mill_feed(Mill *m, const FgTrack *in, FgTrack *out)
{
    int ret = 0;
    for (int64_t i = 0; i < in->nb && ret >= 0; i++) {
        AVFrame *const f = av_frame_clone(m->black);
        if (!f)
            return AVERROR(ENOMEM);
        f->pts = in->pts[i];
        f->duration = i + 1 < in->nb ? in->pts[i + 1] - f->pts
                                     : in->last_length;
        f->time_base = in->tb;
        AVFrame *own = f;
        ret = av_buffersrc_add_frame_flags(m->src, f, AV_BUFFERSRC_FLAG_PUSH);
        av_frame_free(&own);
        if (ret >= 0)
            ret = mill_drain(m, out);
    }
    if (ret >= 0)
        ret = av_buffersrc_add_frame_flags(m->src, NULL,
                                           AV_BUFFERSRC_FLAG_PUSH);
    return ret < 0 ? ret : mill_drain(m, out);
}

/* The filters themselves say when their frames come: all in a row, as ends of
 * streams have times, too. */
static int run_filters(FgTrack *out, const FgTrack *in, const FgStep *step,
                       int nb)
{
    Mill m = {0};
    int ret = mill_open(&m, step, nb, in);
    if (ret >= 0) {
        out->tb = av_buffersink_get_time_base(m.sink);
        out->rate = av_buffersink_get_frame_rate(m.sink);
        ret = mill_feed(&m, in, out);
    }
    mill_close(&m);
    return ret;
}

static int copy_track(FgTrack *to, const FgTrack *from)
{
    *to = *from;
    to->pts = NULL;
    to->nb = to->cap = 0;
    for (int64_t i = 0; i < from->nb; i++)
        if (fg_track_add(to, from->pts[i]) < 0)
            return AVERROR(ENOMEM);
    return 0;
}

static int cannot(const FgStep *step, FgError *err)
{
    char cause[2];
    fg_log_cause(cause, sizeof(cause));
    return fg_error(err, 1,
                    "filter %s does not give, from the middle of these frames "
                    "on, what a whole run gives",
                    step->filter->name);
}

static int make_step(FgRates *r, int i, FgError *err)
{
    const FgStep *const step = &r->support->step[i];
    const FgTrack *const in = &r->track[i];
    FgTrack *const out = &r->track[i + 1];
    int from = i; /* behind the last step that has a function */
    while (from > 0 &&
           !(step[from - i - 1].rate && step[from - i - 1].rate->times))
        from--;
    const int ret = !step->rate ? copy_track(out, in)
                    : step->rate->times
                        ? step->rate->times(out, in, step->opts)
                        : run_filters(out, &r->track[from], step + from - i,
                                      i + 1 - from);
    if (ret == AVERROR(ENOMEM))
        return fg_error(err, -ENOMEM, "no memory");
    if (ret < 0 || !out->nb ||
        (step->rate && step->rate->fits &&
         !step->rate->fits(step->opts, in, out)))
        return cannot(step, err);
    return 0;
}

int fg_rates_make(FgRates *r, const FgSupport *s, const FgIndex *x,
                  FgError *err)
{
    const FgTrack in = {.tb = x->tb,
                        .rate = x->out.rate,
                        .pts = x->pts,
                        .nb = x->nb,
                        .last_length = x->last_length};
    memset(r, 0, sizeof(*r));
    r->support = s;
    int ret = copy_track(&r->track[0], &in) < 0
                  ? fg_error(err, -ENOMEM, "no memory")
                  : 0;
    for (int i = 0; i < s->nb_steps && !ret; i++)
        ret = make_step(r, i, err);
    return ret;
}

void fg_rates_free(FgRates *r)
{
    for (int i = 0; i <= FG_MAX_STEPS; i++)
        fg_track_free(&r->track[i]);
}

const FgTrack *fg_rates_out(const FgRates *r)
{
    return &r->track[r->support->nb_steps];
}

/* The last frame that is not behind a time, 0 when all are. */
static int64_t frame_at(const FgTrack *t, int64_t pts, AVRational tb)
{
    int64_t a = 0, b = t->nb;
    while (a < b) {
        const int64_t m = a + (b - a) / 2;
        if (av_compare_ts(t->pts[m], t->tb, pts, tb) <= 0)
            a = m + 1;
        else
            b = m;
    }
    return a ? a - 1 : 0;
}

static int may_begin(const FgStep *step, const FgTrack *in, const FgTrack *out,
                     int64_t i)
{
    if (step->rate->begin == FG_BEGIN_BY_COUNT)
        return i % step->count == 0;
    if (step->rate->begin == FG_BEGIN_ANYWHERE)
        return 1;
    const int64_t k = frame_at(out, in->pts[i], in->tb);
    return !av_compare_ts(out->pts[k], out->tb, in->pts[i], in->tb);
}

/* Frames in for frames [*from, *to) out of step i. */
static void step_back(const FgRates *r, int i, int64_t *from, int64_t *to)
{
    const FgStep *const step = &r->support->step[i];
    const FgTrack *const in = &r->track[i], *const out = &r->track[i + 1];
    const int ends = *to >= out->nb;
    if (step->rate && *from > 0)
        *from = frame_at(in, out->pts[*from], out->tb);
    if (step->rate)
        *to = frame_at(in, out->pts[*to - 1], out->tb) + 1;
    *from = *from > step->past ? *from - step->past : 0;
    *to = ends || *to + step->future > in->nb ? in->nb : *to + step->future;
}

void fg_rates_feed(const FgRates *r, int64_t from, int64_t to, int64_t *in_from,
                   int64_t *in_to)
{
    for (int i = r->support->nb_steps; i-- > 0;)
        step_back(r, i, &from, &to);
    /* Steps before the one that must begin in place give frame for frame. */
    for (int i = 0; i < r->support->nb_steps; i++)
        while (r->support->step[i].rate && from > 0 &&
               !may_begin(&r->support->step[i], &r->track[0], &r->track[i + 1],
                          from))
            from--;
    *in_from = from;
    *in_to = to;
}
