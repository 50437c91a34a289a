/* ffgan: the ganup filter: frames into a GPU's memory while it works.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * As hwupload, but a frame is copied to pinned memory and handed on at once:
 * the GPU fetches it on a stream of its own, while it works on those before.
 * What reads the frame waits for that there, and no host thread does.
 *
 * A place is pinned memory and the GPU's for one frame. It is taken again when
 * nobody has its frame any more; the copy then waits, on the GPU, for what was
 * enqueued until then, which may still read the old one. */
#include "gpu_priv.h"

#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

enum { FLIGHT = 3 }; /* places at least */

typedef struct Place {
    AVFrame *frame; /* in the GPU's memory */
    void *pinned;
    FgCudaMark *copied; /* how far the copies were behind its last one */
    FgCudaMark *left;   /* how far the frames' stream was when it was free */
    int64_t free;       /* frames before that; -1: somebody has it */
} Place;

typedef struct GanupContext {
    AVBufferRef *device;
    FgCudaCopy *copy;
    Place **place;
    int nb;
    int64_t taken;
    int nb_planes, bytes[4], rows[4];
    size_t pitch[4], offset[4], size;
} GanupContext;

/* ---- life ---- */

static void free_place(FgCudaCopy *c, Place *p)
{
    fg_cuda_copy_wait(c, p->copied, &(FgError){""});
    fg_cuda_copy_unmark(c, &p->copied);
    fg_cuda_copy_unmark(c, &p->left);
    fg_cuda_copy_release(c, p->pinned);
    av_frame_free(&p->frame);
    av_free(p);
}

static void drop(GanupContext *s)
{
    for (int i = 0; i < s->nb; i++)
        free_place(s->copy, s->place[i]);
    s->nb = 0;
    av_freep(&s->place);
    fg_cuda_copy_close(&s->copy);
}

static av_cold void uninit(AVFilterContext *ctx)
{
    GanupContext *s = ctx->priv;

    drop(s);
    av_buffer_unref(&s->device);
}

static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **in,
                         AVFilterFormatsConfig **out)
{
    static const enum AVPixelFormat gpu[] = {AV_PIX_FMT_CUDA, AV_PIX_FMT_NONE};
    GanupContext *s = ctx->priv;
    FgError err = {""};
    int ret = s->device ? 0 : fg_gpu_own_device(&s->device, ctx, NULL, &err);

    if (ret < 0) {
        av_log((void *)ctx, AV_LOG_ERROR, "%s\n", err.text);
        return ret;
    }
    AVHWFramesConstraints *can = av_hwdevice_get_hwframe_constraints(s->device,
                                                                     NULL);

    if (!can)
        return AVERROR(ENOMEM);
    ret = ff_formats_ref(
        ff_make_format_list((const int *)can->valid_sw_formats),
        &in[0]->formats);
    av_hwframe_constraints_free(&can);
    return ret < 0 ? ret
                   : ff_formats_ref(ff_make_format_list((const int *)gpu),
                                    &out[0]->formats);
}

static int measure(GanupContext *s, enum AVPixelFormat sw, int w, int h)
{
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(sw);
    const int ret = av_image_fill_linesizes(s->bytes, sw, w);

    s->size = 0;
    s->nb_planes = av_pix_fmt_count_planes(sw);
    for (int i = 0; i < s->nb_planes && ret >= 0; i++) {
        const int chroma = i == 1 || i == 2;

        s->rows[i] = chroma ? AV_CEIL_RSHIFT(h, d->log2_chroma_h) : h;
        s->pitch[i] = FFALIGN((size_t)s->bytes[i], 256);
        s->offset[i] = s->size;
        s->size += s->pitch[i] * (size_t)s->rows[i];
    }
    return ret;
}

static int config_output(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GanupContext *s = ctx->priv;
    const AVFilterLink *in = ctx->inputs[0];
    FgCudaPlace at;
    FgError err = {""};

    drop(s);
    outlink->w = in->w;
    outlink->h = in->h;
    int ret = measure(s, in->format, in->w, in->h);

    if (ret >= 0)
        ret = fg_gpu_find_device(s->device, &at, "auto", &err);
    if (ret >= 0)
        ret = fg_gpu_make_frames(s->device, in->format, outlink);
    if (ret >= 0)
        ret = fg_cuda_copy_open(&s->copy, &at, &err);
    if (ret >= 0)
        ret = fg_cuda_copy_beside(s->copy, &err);
    return ret < 0 ? fg_filter_fail(ctx, ret, &err) : 0;
}

/* ---- places ---- */

static int add_place(AVFilterLink *outlink, FgError *err)
{
    GanupContext *s = outlink->src->priv;
    Place *p = av_mallocz(sizeof(*p));
    AVBufferRef *frames = ff_filter_link(outlink)->hw_frames_ctx;
    int ret;

    if (p)
        p->frame = av_frame_alloc();
    if (!p || !p->frame || av_dynarray_add_nofree(&s->place, &s->nb, p) < 0) {
        if (p)
            av_frame_free(&p->frame);
        av_free(p);
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    }
    ret = av_hwframe_get_buffer(frames, p->frame, 0);
    if (ret < 0)
        return fg_error(err, ret, "CUDA: no memory for a frame of %dx%d",
                        outlink->w, outlink->h);
    return fg_cuda_copy_alloc(s->copy, s->size, &p->pinned, err);
}

/* Which frames came back: all that reads them is enqueued by now. */
static int look(GanupContext *s, FgError *err)
{
    int ret = 0;

    for (int i = 0; i < s->nb && ret >= 0; i++) {
        Place *p = s->place[i];

        if (p->free >= 0 || av_buffer_get_ref_count(p->frame->buf[0]) > 1)
            continue;
        p->free = s->taken;
        ret = fg_cuda_copy_mark_place(s->copy, &p->left, err);
    }
    return ret;
}

/* The one that has been free longest, for a frame's time at least: what the GPU
 * does with the frame just before is not waited for. */
static int choose(AVFilterLink *outlink, Place **p, FgError *err)
{
    GanupContext *s = outlink->src->priv;
    int ret = look(s, err);

    *p = NULL;
    for (int i = 0; i < s->nb && s->nb >= FLIGHT && ret >= 0; i++) {
        Place *q = s->place[i];

        if (q->free >= 0 && q->free < s->taken && (!*p || q->free < (*p)->free))
            *p = q;
    }
    if (ret < 0 || *p)
        return ret;
    ret = add_place(outlink, err);
    *p = ret < 0 ? NULL : s->place[s->nb - 1];
    return ret;
}

/* ---- frames ---- */

static int copy(GanupContext *s, Place *p, const AVFrame *in, FgError *err)
{
    char *const to = p->pinned;
    int ret = fg_cuda_copy_wait(s->copy, p->copied, err);

    if (ret >= 0)
        ret = fg_cuda_copy_behind(s->copy, p->left, err);
    for (int i = 0; i < s->nb_planes && ret >= 0; i++) {
        const FgCudaRows r = {to + s->offset[i],
                              (uint64_t)(uintptr_t)p->frame->data[i],
                              s->pitch[i],
                              (size_t)p->frame->linesize[i],
                              (size_t)s->bytes[i],
                              (size_t)s->rows[i],
                              0};

        av_image_copy_plane((uint8_t *)r.host, (int)s->pitch[i], in->data[i],
                            in->linesize[i], s->bytes[i], s->rows[i]);
        ret = fg_cuda_copy_rows(s->copy, &r, err);
    }
    if (ret >= 0)
        ret = fg_cuda_copy_mark(s->copy, &p->copied, err);
    return ret < 0 ? ret : fg_cuda_copy_before(s->copy, p->copied, err);
}

static int give(AVFilterLink *outlink, const AVFrame *in, AVFrame **out,
                FgError *err)
{
    GanupContext *s = outlink->src->priv;
    Place *p;
    int ret = choose(outlink, &p, err);

    if (ret >= 0)
        ret = copy(s, p, in, err);
    if (ret < 0)
        return ret;
    p->free = -1;
    s->taken++;
    *out = av_frame_clone(p->frame);
    if (!*out || av_frame_copy_props(*out, in) < 0)
        return fg_error(err, AVERROR(ENOMEM), "out of memory");
    (*out)->width = in->width;
    (*out)->height = in->height;
    return 0;
}

static int filter_frame(AVFilterLink *inlink, AVFrame *in)
{
    AVFilterContext *ctx = inlink->dst;
    AVFilterLink *outlink = ctx->outputs[0];
    AVFrame *out = NULL;
    FgError err = {""};
    int ret;

    if (in->width != outlink->w || in->height != outlink->h)
        ret = fg_error(&err, AVERROR(EINVAL),
                       "a frame of %dx%d between frames of %dx%d: put scale "
                       "before the filter",
                       in->width, in->height, outlink->w, outlink->h);
    else
        ret = give(outlink, in, &out, &err);
    av_frame_free(&in);
    if (ret >= 0)
        return ff_filter_frame(outlink, out);
    av_frame_free(&out);
    return fg_filter_end(ctx, fg_filter_fail(ctx, ret, &err));
}

static const AVFilterPad ganup_inputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .filter_frame = filter_frame},
};

static const AVFilterPad ganup_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .config_props = config_output},
};

extern const FFFilter ff_vf_ganup;
const FFFilter ff_vf_ganup = {
    FG_PUB(name) = "ganup",
    FG_PUB(description) = NULL_IF_CONFIG_SMALL(
        "Frames into GPU memory while the GPU works on."),
    FG_PUB(flags) = AVFILTER_FLAG_HWDEVICE,
    .priv_size = sizeof(GanupContext),
    .uninit = uninit,
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    FILTER_INPUTS(ganup_inputs),
    FILTER_OUTPUTS(ganup_outputs),
    FILTER_QUERY_FUNC2(query_formats),
};
