/* ffgan: the ganinterp filter: frames between frames.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Two ways of time. factor: each interval between two frames, long or short,
 * gets factor - 1 frames at even distances; every input frame leaves as it
 * came. fps: a grid of times k / fps; frames that lie on it leave as they
 * came. Either way the last frame lasts as long as it says, else as long as
 * the one before. */
#include "filter.h"

#include <libavutil/hwcontext.h>
#include <libavutil/mathematics.h>
#include <libavutil/timestamp.h>

#include "between.h"
#include "gpu.h"
#include "props.h"

enum { SCD_NONE, SCD_FDIFF };

typedef struct GaninterpContext {
    const AVClass *class;
    char *model_name, *device;
    int factor, precision, tilesize, range, scd;
    AVRational fps, slowmo;
    double scd_threshold;

    FgModel *model; /* NULL: model=none */
    FgBetween *between;
    FgGpuBetween *gpu; /* instead, where frames are in GPU memory */
    FgExecutor ex;
    AVFrame *from, *to; /* the interval at hand; to NULL: none, or the last */
    int64_t start, end; /* its times, input time base */
    int64_t next;       /* frame of the interval, or of the grid */
    int64_t lasted;     /* the interval before */
    int pushed;         /* `from` is the newest frame in `between` */
    int asked;          /* now `to` is */
    int is_cut, is_still;
    float moved; /* of the interval asked last */
    int64_t made, kept, cuts;
    int said_fields;
} GaninterpContext;

/* ---- life ---- */

static av_cold int init(AVFilterContext *ctx)
{
    GaninterpContext *s = ctx->priv;

    if (s->slowmo.num < 1 || s->slowmo.den < 1) {
        av_log(ctx, AV_LOG_ERROR, "slowmo is %d/%d, allowed above 0\n",
               s->slowmo.num, s->slowmo.den);
        return AVERROR(EINVAL);
    }
    if (!strcmp(s->model_name, "none"))
        return 0;
    return fg_filter_model(ctx, s->model_name, FG_TASK_INTERP, &s->model);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    GaninterpContext *s = ctx->priv;

    if (s->made || s->kept)
        av_log(ctx, AV_LOG_VERBOSE,
               "%" PRId64 " frames made, %" PRId64 " kept, %" PRId64 " cuts\n",
               s->made, s->kept, s->cuts);
    av_frame_free(&s->from);
    av_frame_free(&s->to);
    fg_between_free(&s->between);
    fg_gpu_between_free(&s->gpu);
    fg_model_free(&s->model);
}

static int by_grid(const GaninterpContext *s)
{
    return s->fps.num > 0;
}

static void plan_info(const GaninterpContext *s, FgPlanInfo *i)
{
    if (s->gpu)
        fg_gpu_between_plan_info(s->gpu, i);
    else
        fg_between_plan_info(s->between, i);
}

static int make_between(AVFilterContext *ctx)
{
    GaninterpContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    FgError err = {""};

    fg_between_free(&s->between);
    fg_gpu_between_free(&s->gpu);
    fg_slices_init(&s->ex, ctx);
    const FgBetweenOptions o = {.format = in->format,
                                .w = in->w,
                                .h = in->h,
                                .model = s->model,
                                .device = s->device,
                                .precision = s->precision,
                                .tile = s->tilesize,
                                .range = s->range,
                                .ex = &s->ex};
    const int ret = in->format == AV_PIX_FMT_CUDA
                        ? fg_gpu_between_create(&s->gpu, ctx->inputs[0],
                                                ctx->outputs[0], &o, &err)
                        : fg_between_create(&s->between, &o, &err);
    FgPlanInfo i;

    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    plan_info(s, &i);
    if (s->model)
        fg_say_plan(ctx, &i);
    else if (!s->gpu && !strncmp(s->device, "cuda", 4))
        av_log(ctx, AV_LOG_INFO,
               "model=none has no network: nothing runs on %s\n", s->device);
    return 0;
}

/* A time base in which all times are whole: of factor, the input's divided by
 * it; of a grid, the grid's step. */
static int set_times(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    const GaninterpContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    const FilterLink *il = ff_filter_link(ctx->inputs[0]);
    FilterLink *ol = ff_filter_link(outlink);

    if (by_grid(s)) {
        ol->frame_rate = s->fps;
        outlink->time_base = av_inv_q(s->fps);
        return 0;
    }
    const AVRational part = av_div_q(s->slowmo, (AVRational){s->factor, 1});
    const AVRational tb = av_mul_q(in->time_base, part);

    if (tb.num < 1 || tb.den < 1 ||
        av_cmp_q(av_div_q(tb, part), in->time_base)) {
        av_log(ctx, AV_LOG_ERROR,
               "the time base %d/%d cannot be divided by %d/%d\n",
               in->time_base.num, in->time_base.den, part.den, part.num);
        return AVERROR(EINVAL);
    }
    outlink->time_base = tb;
    ol->frame_rate = il->frame_rate.num > 0 && il->frame_rate.den > 0
                         ? av_div_q(il->frame_rate, part)
                         : (AVRational){0, 1};
    return 0;
}

/* Frames leave as they came: GPU memory stays GPU memory. */
static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **in,
                         AVFilterFormatsConfig **out)
{
    AVFilterFormats *list = ff_make_format_list((const int *)fg_pix_fmts);
    const int ret = ff_add_format(&list, AV_PIX_FMT_CUDA);

    return ret < 0 ? ret : ff_set_common_formats2(ctx, in, out, list);
}

static int config_output(AVFilterLink *outlink)
{
    outlink->w = outlink->src->inputs[0]->w;
    outlink->h = outlink->src->inputs[0]->h;
    const int ret = set_times(outlink);

    return ret < 0 ? ret : make_between(outlink->src);
}

/* ---- times ---- */

/* Time of frame `next` as a part of the interval: 0 = its start, 1 = its end.
 * Times in files are rounded: half a unit off is none off. */
static double part_of(const GaninterpContext *s, const AVFilterLink *out,
                      const AVFilterLink *in)
{
    const int64_t all = s->end - s->start;

    if (!by_grid(s))
        return (double)s->next / s->factor;
    const AVRational unit = av_div_q(out->time_base,
                                     av_mul_q(in->time_base, s->slowmo));
    const int64_t whole = av_rescale(s->next, unit.num, unit.den);
    const int64_t rest = s->next * unit.num - whole * unit.den;
    const double at = (double)(whole - s->start) + (double)rest / unit.den;

    if (all >= 8 && at <= 0.5)
        return 0;
    return all >= 8 && (double)all - at <= 0.5 ? 1 : at / (double)all;
}

/* The first frame of the grid that is not before an input time. */
static int64_t grid_from(const GaninterpContext *s, const AVFilterLink *out,
                         const AVFilterLink *in, int64_t pts)
{
    return av_rescale_q_rnd(pts, av_mul_q(in->time_base, s->slowmo),
                            out->time_base, AV_ROUND_UP);
}

/* Whether frame `next` belongs to the interval at hand. The end of the last
 * one is a sum of rounded times: a frame that is due there would be one more
 * than the clip's length holds. */
static int inside(const GaninterpContext *s, const AVFilterLink *out,
                  const AVFilterLink *in)
{
    const int round = !s->to && s->end - s->start >= 8;

    return by_grid(s) ? s->next < grid_from(s, out, in, s->end - round)
                      : s->next < s->factor;
}

static void set_time(const GaninterpContext *s, AVFrame *f)
{
    f->pts = by_grid(s) ? s->next
                        : s->start * s->factor + s->next * (s->end - s->start);
    f->duration = by_grid(s) ? 1 : s->end - s->start;
}

/* ---- the pair at hand ---- */

static int push(GaninterpContext *s, const AVFrame *f, FgError *err)
{
    return s->gpu ? fg_gpu_between_push(s->gpu, f, err)
                  : fg_between_push(s->between, f, err);
}

static int stats(GaninterpContext *s, FgFlowStats *st, FgError *err)
{
    if (s->gpu)
        return fg_gpu_between_stats(s->gpu, st, err);
    fg_between_stats(s->between, st);
    return 0;
}

static int ask(AVFilterContext *ctx)
{
    GaninterpContext *s = ctx->priv;
    FgFlowStats st;
    FgError err = {""};
    int ret;

    if (s->asked)
        return 0;
    s->asked = 1;
    if ((!s->pushed && (ret = push(s, s->from, &err)) < 0) ||
        (ret = push(s, s->to, &err)) < 0 || (ret = stats(s, &st, &err)) < 0)
        return fg_filter_fail(ctx, ret, &err);
    /* A cut fits along no motion, and fits were better before; but two cuts
     * may follow one another. */
    const float before = FFMIN(s->moved, (float)s->scd_threshold / 200);

    s->is_still = st.plain == 0;
    s->is_cut = s->scd == SCD_FDIFF &&
                (st.moved - before) * 100 > s->scd_threshold;
    s->moved = st.moved;
    s->cuts += s->is_cut;
    av_log(ctx, AV_LOG_DEBUG,
           "pts %s: difference %.4f, along the motion %.4f, motion %.2f%s\n",
           av_ts2str(s->start), st.plain, st.moved, st.motion,
           s->is_cut ? ", a cut" : "");
    return 0;
}

/* The link's frames in GPU memory are of one pool. */
static AVFrame *copy_of(AVFilterLink *out, const AVFrame *which)
{
    AVFrame *f = ff_get_video_buffer(out, out->w, out->h);

    if (f && (av_hwframe_transfer_data(f, which, 0) < 0 ||
              av_frame_copy_props(f, which) < 0))
        av_frame_free(&f);
    return f;
}

static int keep(AVFilterLink *out, const AVFrame *which)
{
    GaninterpContext *s = out->src->priv;
    AVFrame *f = s->gpu ? copy_of(out, which) : av_frame_clone(which);

    if (!f)
        return AVERROR(ENOMEM);
    set_time(s, f);
    s->next++;
    s->kept++;
    return ff_filter_frame(out, f);
}

/* What belongs to one picture alone does not go to a new one. */
static int set_props(AVFrame *f, const AVFrame *like)
{
    const int ret = fg_props_copy(f, like);

    av_frame_remove_side_data(f, AV_FRAME_DATA_A53_CC);
    av_frame_remove_side_data(f, AV_FRAME_DATA_MOTION_VECTORS);
    av_frame_remove_side_data(f, AV_FRAME_DATA_VIDEO_ENC_PARAMS);
    av_frame_remove_side_data(f, AV_FRAME_DATA_S12M_TIMECODE);
    av_frame_remove_side_data(f, AV_FRAME_DATA_GOP_TIMECODE);
    f->flags &= ~AV_FRAME_FLAG_KEY;
    f->pict_type = AV_PICTURE_TYPE_NONE;
    return ret;
}

static int make(AVFilterLink *out, float t)
{
    AVFilterContext *ctx = out->src;
    GaninterpContext *s = ctx->priv;
    FgError err = {""};
    AVFrame *f = ff_get_video_buffer(out, out->w, out->h);
    int ret;

    if (!f)
        return AVERROR(ENOMEM);
    if ((ret = set_props(f, t < 0.5f ? s->from : s->to)) < 0)
        goto fail;
    ret = s->gpu ? fg_gpu_between_frame(s->gpu, f, t, &err)
                 : fg_between_frame(s->between, f, t, &err);
    if (ret < 0) {
        av_log(ctx, AV_LOG_ERROR, "after pts %s: %s\n", av_ts2str(s->start),
               err.text);
        goto fail;
    }
    set_time(s, f);
    s->next++;
    s->made++;
    return ff_filter_frame(out, f);
fail:
    av_frame_free(&f);
    return ret;
}

/* One frame of the interval at hand. */
static int emit(AVFilterContext *ctx)
{
    GaninterpContext *s = ctx->priv;
    AVFilterLink *out = ctx->outputs[0];
    const double t = part_of(s, out, ctx->inputs[0]);
    int ret;

    if (t <= 0 || t >= 1 || !s->to)
        return keep(out, t < 1 || !s->to ? s->from : s->to);
    if ((ret = ask(ctx)) < 0)
        return ret;
    if (s->is_cut || s->is_still)
        return keep(out, t < 0.5 || s->is_still ? s->from : s->to);
    return make(out, (float)t);
}

/* ---- intervals ---- */

static void set_next(AVFilterContext *ctx)
{
    GaninterpContext *s = ctx->priv;

    s->next = by_grid(s)
                  ? grid_from(s, ctx->outputs[0], ctx->inputs[0], s->start)
                  : 0;
}

/* The interval is done: its end is the next one's start. */
static void step(GaninterpContext *s)
{
    av_frame_free(&s->from);
    s->from = s->to;
    s->to = NULL;
    s->lasted = s->end - s->start;
    s->start = s->end;
    s->pushed = s->asked;
    s->asked = 0;
}

static int check_frame(AVFilterContext *ctx, const AVFrame *f)
{
    GaninterpContext *s = ctx->priv;
    const AVFrame *last = s->from;

    fg_say_once(ctx, &s->said_fields, AV_LOG_WARNING,
                !!(f->flags & AV_FRAME_FLAG_INTERLACED),
                "the input is interlaced: put a deinterlacer before ganinterp");
    if (f->pts == AV_NOPTS_VALUE || (last && f->pts <= s->start)) {
        av_log(ctx, AV_LOG_ERROR,
               "frame at pts %s does not follow pts %s: frames need rising "
               "times\n",
               av_ts2str(f->pts), av_ts2str(last ? s->start : AV_NOPTS_VALUE));
        return AVERROR(EINVAL);
    }
    if (last && (f->width != last->width || f->height != last->height ||
                 f->format != last->format)) {
        av_log(ctx, AV_LOG_ERROR,
               "frames change from %dx%d to %dx%d: put scale before "
               "ganinterp\n",
               last->width, last->height, f->width, f->height);
        return AVERROR(EINVAL);
    }
    return 0;
}

static int take(AVFilterContext *ctx, AVFrame *f)
{
    GaninterpContext *s = ctx->priv;
    const int ret = check_frame(ctx, f);

    if (ret < 0) {
        av_frame_free(&f);
        return ret;
    }
    if (!s->from) {
        s->from = f;
        s->start = s->end = f->pts;
        return 0;
    }
    s->to = f;
    s->end = f->pts;
    set_next(ctx);
    return 0;
}

/* Input time units that the last frame lasts. */
static int64_t last_duration(AVFilterContext *ctx, int64_t before)
{
    const GaninterpContext *s = ctx->priv;
    const FilterLink *l = ff_filter_link(ctx->inputs[0]);

    if (before > 0)
        return before;
    if (s->from->duration > 0)
        return s->from->duration;
    return l->frame_rate.num > 0
               ? FFMAX(1, av_rescale_q(1, av_inv_q(l->frame_rate),
                                       ctx->inputs[0]->time_base))
               : 1;
}

/* At the end of frames in GPU memory their results are judged: before, that
 * would mean to wait for them. */
static int end(AVFilterContext *ctx)
{
    const GaninterpContext *s = ctx->priv;
    FgError err = {""};
    const int ret = s->gpu ? fg_gpu_between_finish(s->gpu, &err) : 0;

    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    ff_outlink_set_status(ctx->outputs[0], AVERROR_EOF,
                          by_grid(s) ? s->next : s->end * s->factor);
    return 0;
}

static int work(AVFilterContext *ctx)
{
    AVFilterLink *in = ctx->inputs[0], *out = ctx->outputs[0];
    GaninterpContext *s = ctx->priv;
    AVFrame *f = NULL;
    int64_t pts;
    int ret, status;

    FF_FILTER_FORWARD_STATUS_BACK(out, in);
    if (s->end > s->start && s->from) {
        if (inside(s, out, in))
            return ff_outlink_frame_wanted(out) ? emit(ctx) : FFERROR_NOT_READY;
        if (!s->to)
            return end(ctx);
        step(s);
    }
    if ((ret = ff_inlink_consume_frame(in, &f)) < 0)
        return ret;
    if (ret > 0) {
        if ((ret = take(ctx, f)) < 0)
            return ret;
        ff_filter_set_ready(ctx, 100);
        return 0;
    }
    if (ff_inlink_acknowledge_status(in, &status, &pts)) {
        if (!s->from || status != AVERROR_EOF) {
            ff_outlink_set_status(out, status, AV_NOPTS_VALUE);
            return 0;
        }
        s->end = s->start + last_duration(ctx, s->lasted);
        set_next(ctx);
        ff_filter_set_ready(ctx, 100);
        return 0;
    }
    FF_FILTER_FORWARD_WANTED(out, in);
    return FFERROR_NOT_READY;
}

static int activate(AVFilterContext *ctx)
{
    return fg_filter_end(ctx, work(ctx));
}

/* ---- options ---- */

#define CONTEXT GaninterpContext

static const AVOption ganinterp_options[] = {
    FG_TEXT("model",
            "name or path of the weights file; none = plain arithmetic; help "
            "lists the names",
            model_name, "none"),
    {"fps",
     "output frames per second, 0 = from factor",
     FG_OFFSET(fps),
     AV_OPT_TYPE_RATIONAL,
     {.dbl = 0},
     0,
     1000,
     FG_FLAGS,
     NULL},
    {"factor",
     "output frames per input frame",
     FG_OFFSET(factor),
     AV_OPT_TYPE_INT,
     {.i64 = 2},
     1,
     64,
     FG_FLAGS,
     NULL},
    {"slowmo",
     "factor by which all takes longer",
     FG_OFFSET(slowmo),
     AV_OPT_TYPE_RATIONAL,
     {.dbl = 1},
     0.01,
     64,
     FG_FLAGS,
     NULL},
    FG_VALUE("scd", "scene change detection", scd, INT, {.i64 = SCD_FDIFF},
             SCD_FDIFF, "scd"),
    FG_NUMBER("scd", "none", SCD_NONE),
    FG_NUMBER("scd", "fdiff", SCD_FDIFF),
    FG_LIVE("scd_threshold",
            "percent of full scale by which a cut's frames differ along the "
            "motion, more than those before",
            scd_threshold, 4, 0, 100),
    FG_VALUE("range", "code range of the input", range, INT,
             {.i64 = AVCOL_RANGE_UNSPECIFIED}, AVCOL_RANGE_NB - 1, "range"),
    FG_NUMBER("range", "auto", AVCOL_RANGE_UNSPECIFIED),
    FG_NUMBER("range", "tv", AVCOL_RANGE_MPEG),
    FG_NUMBER("range", "limited", AVCOL_RANGE_MPEG),
    FG_NUMBER("range", "pc", AVCOL_RANGE_JPEG),
    FG_NUMBER("range", "full", AVCOL_RANGE_JPEG),
    FG_OPTIONS_PLAN,
    {NULL},
};

AVFILTER_DEFINE_CLASS(ganinterp);

static const AVFilterPad ganinterp_inputs[] = {
    {.name = "default", .type = AVMEDIA_TYPE_VIDEO},
};

static const AVFilterPad ganinterp_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .config_props = config_output},
};

extern const FFFilter ff_vf_ganinterp;
const FFFilter ff_vf_ganinterp = {
    FG_PUB(name) = "ganinterp",
    FG_PUB(description) = NULL_IF_CONFIG_SMALL(
        "Frames between frames, by motion and a neural network."),
    FG_PUB(priv_class) = &ganinterp_class,
    FG_PUB(flags) = AVFILTER_FLAG_SLICE_THREADS,
    .priv_size = sizeof(GaninterpContext),
    .init = init,
    .uninit = uninit,
    .activate = activate,
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    .process_command = ff_filter_process_command,
    FILTER_INPUTS(ganinterp_inputs),
    FILTER_OUTPUTS(ganinterp_outputs),
    FILTER_QUERY_FUNC2(query_formats),
};
