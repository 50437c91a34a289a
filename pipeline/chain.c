/* ffgan: filters between a source and a sink.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include <stdio.h>
#include <string.h>

#include "pipeline/chain.h"

void fg_chain_close(FgChain *c)
{
    avfilter_graph_free(&c->graph);
    *c = (FgChain){0};
}

static int chain_source(FgChain *c, const AVFrame *f, AVRational tb,
                        AVRational rate)
{
    AVBufferSrcParameters *const p = av_buffersrc_parameters_alloc();
    c->src = avfilter_graph_alloc_filter(c->graph,
                                         avfilter_get_by_name("buffer"), "in");
    if (!p || !c->src) {
        av_free(p);
        return AVERROR(ENOMEM);
    }
    p->format = c->format = f->format;
    p->width = c->w = f->width;
    p->height = c->h = f->height;
    p->color_space = c->space = f->colorspace;
    p->color_range = c->range = f->color_range;
    p->sample_aspect_ratio = f->sample_aspect_ratio;
    p->time_base = tb;
    p->hw_frames_ctx = f->hw_frames_ctx;
    c->frames = f->hw_frames_ctx ? f->hw_frames_ctx->data : NULL;
    if (rate.num > 0 && rate.den > 0)
        p->frame_rate = rate;
    int ret = av_buffersrc_parameters_set(c->src, p);
    av_free(p);
    if (ret >= 0)
        ret = avfilter_init_dict(c->src, NULL);
    return ret;
}

static int chain_text(FgChain *c, const char *text)
{
    AVFilterInOut *ins = avfilter_inout_alloc(), *outs = avfilter_inout_alloc();
    int ret = AVERROR(ENOMEM);
    if (!ins || !outs)
        goto end;
    outs->name = av_strdup("in");
    outs->filter_ctx = c->src;
    ins->name = av_strdup("out");
    ins->filter_ctx = c->sink;
    if (outs->name && ins->name)
        ret = avfilter_graph_parse_ptr(c->graph, text, &ins, &outs, NULL);
end:
    avfilter_inout_free(&ins);
    avfilter_inout_free(&outs);
    return ret;
}

/* A GPU for those that work there. */
int fg_chain_devices(const AVFilterGraph *g, const FgChainUse *use)
{
    char name[16];
    int ret = 0;
    snprintf(name, sizeof(name), "cuda:%d", use->gpu);
    for (unsigned i = 0; i < g->nb_filters && ret >= 0; i++) {
        AVFilterContext *const f = g->filters[i];
        uint8_t *device = NULL;
        if (use->hw && (!strcmp(f->filter->name, "hwupload") ||
                        !strcmp(f->filter->name, "ganup") ||
                        !strcmp(f->filter->name, "gansrc"))) {
            f->hw_device_ctx = av_buffer_ref(use->hw);
            ret = f->hw_device_ctx ? 0 : AVERROR(ENOMEM);
        }
        if (strncmp(f->filter->name, "gan", 3) != 0 ||
            av_opt_get(f->priv, "device", 0, &device) < 0)
            continue;
        if (device && !strcmp((char *)device, "cuda"))
            ret = av_opt_set(f->priv, "device", name, 0);
        av_free(device);
    }
    return ret;
}

/* Who pushes one frame and waits for one, as layers do, must not have it held,
 * whatever the preset says; else a chain that says how many is left alone. */
static int in_flight(const AVFilterGraph *g, const char *text, int several)
{
    const int said = strstr(text, "inflight=") != NULL;
    int ret = 0;
    for (unsigned i = 0; i < g->nb_filters && ret >= 0; i++)
        if (!strcmp(g->filters[i]->filter->name, "gansr") && !(several && said))
            ret = av_opt_set_int(g->filters[i]->priv, "inflight", !several, 0);
    return ret;
}

int fg_chain_open(FgChain *c, const char *text, const AVFrame *f, AVRational tb,
                  AVRational rate, const FgChainUse *use)
{
    fg_chain_close(c);
    c->graph = avfilter_graph_alloc();
    if (!c->graph)
        return AVERROR(ENOMEM);
    c->graph->nb_threads = use->threads;
    c->graph->scale_sws_opts = av_strdup(
        "flags=bicubic+accurate_rnd+full_chroma_int");
    if (!c->graph->scale_sws_opts)
        return AVERROR(ENOMEM);
    int ret = chain_source(c, f, tb, rate);
    if (ret >= 0)
        ret = avfilter_graph_create_filter(&c->sink,
                                           avfilter_get_by_name("buffersink"),
                                           "out", NULL, NULL, c->graph);
    if (ret >= 0)
        ret = chain_text(c, text);
    if (ret >= 0)
        ret = fg_chain_devices(c->graph, use);
    if (ret >= 0)
        ret = in_flight(c->graph, text, use->several);
    if (ret >= 0)
        ret = avfilter_graph_config(c->graph, NULL);
    return ret;
}

int fg_chain_fits(const FgChain *c, const AVFrame *f)
{
    return c->graph && c->w == f->width && c->h == f->height &&
           c->format == f->format &&
           c->frames == (f->hw_frames_ctx ? f->hw_frames_ctx->data : NULL) &&
           c->space == (int)f->colorspace && c->range == (int)f->color_range;
}
