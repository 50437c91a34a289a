/* ffgan: the gandown filter: frames out of a GPU's memory while it works on.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As hwdownload, but the copy goes to pinned memory and is waited for when two
 * more frames were enqueued: the GPU has the next frame's work by then. */
#include "gpu_priv.h"

#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>

enum { FLIGHT = 2 };

/* Pinned memory lives as long as its last frame. */
typedef struct Home {
    AVBufferRef *device;
    FgCudaCopy *copy;
} Home;

typedef struct GandownContext {
    Home *home; /* the pool's */
    AVBufferPool *pool;
    FgFormat fmt;
    int lines[4];
    size_t offset[4], pitch[4];
    int nb_planes;
    AVFrame *source[FLIGHT + 1], *got[FLIGHT + 1]; /* the oldest first */
    FgCudaMark *mark[FLIGHT + 1];
    int nb;
} GandownContext;

/* ---- memory ---- */

static void free_home(void *arg)
{
    Home *h = arg;

    fg_cuda_copy_close(&h->copy);
    av_buffer_unref(&h->device);
    av_free(h);
}

static void free_pinned(void *arg, uint8_t *data)
{
    fg_cuda_copy_release(((Home *)arg)->copy, data);
}

static AVBufferRef *alloc_pinned(void *arg, size_t size)
{
    Home *h = arg;
    void *m = NULL;
    FgError err;
    AVBufferRef *b = fg_cuda_copy_alloc(h->copy, size, &m, &err) < 0
                         ? NULL
                         : av_buffer_create(m, size, free_pinned, h, 0);

    if (m && !b)
        fg_cuda_copy_release(h->copy, m);
    return b;
}

static void drop(GandownContext *s)
{
    for (int i = 0; i <= FLIGHT; i++) {
        av_frame_free(&s->source[i]);
        av_frame_free(&s->got[i]);
        if (s->home)
            fg_cuda_copy_unmark(s->home->copy, &s->mark[i]);
    }
    s->nb = 0;
    s->home = NULL;
    av_buffer_pool_uninit(&s->pool);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    drop(ctx->priv);
}

/* ---- life ---- */

static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **in,
                         AVFilterFormatsConfig **out)
{
    static const enum AVPixelFormat gpu[] = {AV_PIX_FMT_CUDA, AV_PIX_FMT_NONE};
    int ret = ff_formats_ref(ff_make_format_list((const int *)gpu),
                             &in[0]->formats);

    (void)ctx;
    return ret < 0
               ? ret
               : ff_formats_ref(ff_make_format_list((const int *)fg_pix_fmts),
                                &out[0]->formats);
}

static int open_pool(AVFilterContext *ctx, const AVHWFramesContext *c, int w,
                     int h, FgError *err)
{
    GandownContext *s = ctx->priv;
    ptrdiff_t lines[4];
    size_t bytes[4], all = 0;
    FgCudaPlace at;
    int ret = av_image_fill_linesizes(s->lines, c->sw_format, w);

    for (int i = 0; i < 4; i++)
        lines[i] = FFALIGN(s->lines[i], 256);
    if (ret < 0 ||
        (ret = av_image_fill_plane_sizes(bytes, c->sw_format, h, lines)) < 0)
        return ret;
    for (s->nb_planes = 0; s->nb_planes < 4 && bytes[s->nb_planes];
         s->nb_planes++) {
        s->pitch[s->nb_planes] = (size_t)lines[s->nb_planes];
        s->offset[s->nb_planes] = all;
        s->lines[s->nb_planes] = (int)(bytes[s->nb_planes] /
                                       (size_t)lines[s->nb_planes]);
        all += bytes[s->nb_planes];
    }
    Home *home = av_mallocz(sizeof(*home));

    if (!home || !(home->device = av_buffer_ref(c->device_ref)))
        ret = AVERROR(ENOMEM);
    if (ret >= 0)
        ret = fg_gpu_find_device(home->device, &at, "auto", err);
    if (ret >= 0)
        ret = fg_cuda_copy_open(&home->copy, &at, err);
    if (ret >= 0)
        s->pool = av_buffer_pool_init2(all, home, alloc_pinned, free_home);
    if (!s->pool && home)
        free_home(home);
    s->home = s->pool ? home : NULL;
    return ret < 0 ? ret : s->pool ? 0 : AVERROR(ENOMEM);
}

static int config_output(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GandownContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    const AVBufferRef *ref = ff_filter_link(ctx->inputs[0])->hw_frames_ctx;
    FgError err = {""};

    drop(s);
    outlink->w = in->w;
    outlink->h = in->h;
    if (!ref)
        return AVERROR(EINVAL);
    const AVHWFramesContext *const c = (void *)ref->data;

    if (c->sw_format != (enum AVPixelFormat)outlink->format) {
        av_log(ctx, AV_LOG_ERROR, "the frames are %s: put format=%s behind\n",
               av_get_pix_fmt_name(c->sw_format),
               av_get_pix_fmt_name(c->sw_format));
        return AVERROR(EINVAL);
    }
    const int ret = open_pool(ctx, c, in->w, in->h, &err);

    return ret < 0 ? fg_filter_fail(ctx, ret, &err) : 0;
}

/* ---- frames ---- */

static int start(GandownContext *s, AVFrame *out, const AVFrame *in,
                 FgCudaMark **mark, FgError *err)
{
    int ret = av_frame_copy_props(out, in);

    out->buf[0] = av_buffer_pool_get(s->pool);
    if (!out->buf[0])
        return fg_error(err, AVERROR(ENOMEM), "CUDA: no pinned memory");
    for (int i = 0; i < s->nb_planes && ret >= 0; i++) {
        out->data[i] = out->buf[0]->data + s->offset[i];
        out->linesize[i] = (int)s->pitch[i];
        const FgCudaRows r = {out->data[i],
                              (uint64_t)(uintptr_t)in->data[i],
                              s->pitch[i],
                              (size_t)in->linesize[i],
                              FFMIN(s->pitch[i], (size_t)in->linesize[i]),
                              (size_t)s->lines[i],
                              1};

        ret = fg_cuda_copy_rows(s->home->copy, &r, err);
    }
    return ret < 0 ? ret : fg_cuda_copy_mark(s->home->copy, mark, err);
}

/* The oldest, when it is there. */
static int give(AVFilterContext *ctx)
{
    GandownContext *s = ctx->priv;
    FgCudaMark *const mark = s->mark[0];
    AVFrame *f = s->got[0];
    FgError err = {""};
    const int ret = fg_cuda_copy_wait(s->home->copy, mark, &err);

    av_frame_free(&s->source[0]);
    for (int i = 0; i < FLIGHT; i++) {
        s->source[i] = s->source[i + 1];
        s->got[i] = s->got[i + 1];
        s->mark[i] = s->mark[i + 1];
    }
    s->source[FLIGHT] = s->got[FLIGHT] = NULL;
    s->mark[FLIGHT] = mark;
    s->nb--;
    if (ret >= 0)
        return ff_filter_frame(ctx->outputs[0], f);
    av_frame_free(&f);
    return fg_filter_fail(ctx, ret, &err);
}

static int take(AVFilterContext *ctx, AVFrame *in)
{
    GandownContext *s = ctx->priv;
    const AVFilterLink *l = ctx->outputs[0];
    AVFrame *out = av_frame_alloc();
    FgError err = {""};

    s->source[s->nb] = in;
    s->got[s->nb] = out;
    if (!out)
        return AVERROR(ENOMEM);
    out->format = l->format;
    out->width = l->w;
    out->height = l->h;
    const int ret = start(s, out, in, &s->mark[s->nb], &err);

    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    return ++s->nb > FLIGHT ? give(ctx) : 0;
}

static int work(AVFilterContext *ctx)
{
    AVFilterLink *in = ctx->inputs[0], *out = ctx->outputs[0];
    GandownContext *s = ctx->priv;
    AVFrame *f = NULL;
    int64_t pts;
    int ret, status;

    FF_FILTER_FORWARD_STATUS_BACK(out, in);
    if ((ret = ff_inlink_consume_frame(in, &f)) < 0)
        return ret;
    if (ret > 0 && (ret = take(ctx, f)) < 0)
        return ret;
    if (ff_inlink_acknowledge_status(in, &status, &pts)) {
        while (s->nb && ret >= 0 && status == AVERROR_EOF)
            ret = give(ctx);
        if (ret >= 0)
            ff_outlink_set_status(out, status, pts);
        return ret;
    }
    FF_FILTER_FORWARD_WANTED(out, in);
    return FFERROR_NOT_READY;
}

static int activate(AVFilterContext *ctx)
{
    return fg_filter_end(ctx, work(ctx));
}

static const AVFilterPad gandown_inputs[] = {
    {.name = "default", .type = AVMEDIA_TYPE_VIDEO},
};

static const AVFilterPad gandown_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .config_props = config_output},
};

extern const FFFilter ff_vf_gandown;
const FFFilter ff_vf_gandown = {
    FG_PUB(name) = "gandown",
    FG_PUB(description) = NULL_IF_CONFIG_SMALL(
        "Frames out of GPU memory while the GPU works on."),
    .priv_size = sizeof(GandownContext),
    .uninit = uninit,
    .activate = activate,
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    FILTER_INPUTS(gandown_inputs),
    FILTER_OUTPUTS(gandown_outputs),
    FILTER_QUERY_FUNC2(query_formats),
};
