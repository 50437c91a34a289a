/* ffgan: doctor --colour: what a network that changes nothing changes.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each format that gansr takes, in each range and with each matrix: random
 * codes, illegal ones too, through a luma and an RGB identity network. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "kernels/model.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/util.h"

enum { W = 67, H = 35, PLANES = 4 };

typedef struct Probe {
    const AVPixFmtDescriptor *desc;
    int format, range, matrix;
    const char *model;
    double worst[PLANES]; /* by component: codes, or float */
} Probe;

static uint32_t next_random(uint32_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    *s ^= *s << 5;
    return *s;
}

static int is_float(const Probe *p)
{
    return !!(p->desc->flags & AV_PIX_FMT_FLAG_FLOAT);
}

static int comp_width(const Probe *p, int c)
{
    const int chroma = (c == 1 || c == 2) &&
                       !(p->desc->flags & AV_PIX_FMT_FLAG_RGB) &&
                       p->desc->nb_components > 2;
    return chroma ? AV_CEIL_RSHIFT(W, p->desc->log2_chroma_w) : W;
}

static int comp_height(const Probe *p, int c)
{
    return comp_width(p, c) == W &&
                   (p->desc->log2_chroma_w || !(c == 1 || c == 2))
               ? H
               : AV_CEIL_RSHIFT(H, p->desc->log2_chroma_h);
}

static void fill(const Probe *p, AVFrame *f)
{
    uint32_t seed = 0x9e3779b9, line[W];
    for (int c = 0; c < p->desc->nb_components; c++)
        for (int y = 0; y < comp_height(p, c); y++) {
            for (int x = 0; x < W; x++) {
                const float v = (float)(next_random(&seed) >> 8) / (1 << 24);
                line[x] = next_random(&seed) &
                          ((1u << (p->desc->comp[c].depth & 31)) - 1);
                if (is_float(p))
                    memcpy(&line[x], &v, 4);
            }
            av_write_image_line2(line, f->data, f->linesize, p->desc, 0, y, c,
                                 comp_width(p, c), 4);
        }
}

static AVFrame *make_frame(const Probe *p)
{
    AVFrame *f = av_frame_alloc();
    if (!f)
        return NULL;
    f->width = W;
    f->height = H;
    f->format = p->format;
    f->color_range = p->range;
    f->colorspace = p->matrix;
    if (av_frame_get_buffer(f, 0) < 0) {
        av_frame_free(&f);
        return NULL;
    }
    for (int i = 0; i < PLANES && f->buf[i]; i++)
        memset(f->buf[i]->data, 0, f->buf[i]->size);
    fill(p, f);
    return f;
}

static void compare(Probe *p, const AVFrame *a, const AVFrame *b)
{
    uint32_t s[W], t[W];
    for (int c = 0; c < p->desc->nb_components && c < PLANES; c++)
        for (int y = 0; y < comp_height(p, c); y++) {
            av_read_image_line2(s, (const uint8_t **)a->data, a->linesize,
                                p->desc, 0, y, c, comp_width(p, c), 0, 4);
            av_read_image_line2(t, (const uint8_t **)b->data, b->linesize,
                                p->desc, 0, y, c, comp_width(p, c), 0, 4);
            for (int x = 0; x < comp_width(p, c); x++) {
                float u = (float)s[x], v = (float)t[x];
                if (is_float(p)) {
                    memcpy(&u, &s[x], 4);
                    memcpy(&v, &t[x], 4);
                }
                const double d = fabs((double)u - (double)v);
                p->worst[c] = d > p->worst[c] ? d : p->worst[c];
            }
        }
}

static int set_source(AVFilterContext *src, const Probe *p)
{
    AVBufferSrcParameters *const par = av_buffersrc_parameters_alloc();
    if (!par)
        return AVERROR(ENOMEM);
    par->format = p->format;
    par->width = W;
    par->height = H;
    par->color_space = p->matrix;
    par->color_range = p->range;
    par->time_base = (AVRational){1, 25};
    int ret = av_buffersrc_parameters_set(src, par);
    av_free(par);
    if (ret >= 0)
        ret = avfilter_init_dict(src, NULL);
    return ret;
}

/* A negative code: the filter does not take the format. */
static int open_graph(AVFilterGraph *g, AVFilterContext **src,
                      AVFilterContext **sink, const Probe *p)
{
    AVFilterContext *gansr = NULL;
    avfilter_graph_set_auto_convert(g, AVFILTER_AUTO_CONVERT_NONE);
    *src = avfilter_graph_alloc_filter(g, avfilter_get_by_name("buffer"), "in");
    char *const args = fg_format("model=%s", p->model);
    int ret = *src && args ? set_source(*src, p) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = avfilter_graph_create_filter(
            &gansr, avfilter_get_by_name("gansr"), "net", args, NULL, g);
    if (ret >= 0)
        ret = avfilter_graph_create_filter(
            sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL, g);
    free(args);
    if (ret >= 0)
        ret = avfilter_link(*src, 0, gansr, 0);
    if (ret >= 0)
        ret = avfilter_link(gansr, 0, *sink, 0);
    return ret < 0 ? ret : avfilter_graph_config(g, NULL);
}

static int run_probe(Probe *p)
{
    AVFilterGraph *g = avfilter_graph_alloc();
    AVFilterContext *src = NULL, *sink = NULL;
    AVFrame *in = make_frame(p), *out = av_frame_alloc();
    int ret = g && in && out ? open_graph(g, &src, &sink, p) : AVERROR(ENOMEM);
    memset(p->worst, 0, sizeof(p->worst));
    if (ret >= 0)
        ret = av_buffersrc_add_frame_flags(src, in, AV_BUFFERSRC_FLAG_KEEP_REF);
    if (ret >= 0)
        ret = av_buffersink_get_frame(sink, out);
    if (ret >= 0)
        compare(p, in, out);
    av_frame_free(&in);
    av_frame_free(&out);
    avfilter_graph_free(&g);
    return ret;
}

/* ---- the table ---- */

static int write_identity(const char *path, int luma, FgError *err)
{
    const FgBuild b = {
        .family = "identity", .channels_in = luma ? 1 : 3, .scale = 1};
    FgModel *m = fg_model_alloc();
    int ret = m ? 0 : -ENOMEM;
    if (!ret) {
        m->scale = 1;
        m->luma = luma;
        ret = fg_graph_build(&m->graph, &b, err);
    }
    if (!ret)
        ret = fg_graph_params(&m->graph, &m->params, err);
    if (!ret)
        ret = fg_model_set_meta(m, "name", "identity");
    if (!ret)
        ret = fg_model_set_meta(m, "ffgan.scale", "1");
    if (!ret)
        ret = fg_model_set_meta(m, "ffgan.colour", luma ? "y" : "rgb");
    if (!ret)
        ret = fg_model_write(m, path, err);
    fg_model_free(&m);
    return ret;
}

/* 1 when the row is worse than rounding. */
static int print_row(Probe *p, char *const *models)
{
    const char *const range = av_color_range_name(p->range);
    const char *const matrix = av_color_space_name(p->matrix);
    int bad = 0;
    char text[2][128];
    for (int k = 0; k < 2; k++) {
        p->model = models[k];
        const int ret = run_probe(p);
        size_t n = 0;
        if (ret < 0 && k == 0)
            return -1;
        for (int c = 0; ret >= 0 && c < p->desc->nb_components; c++) {
            n += (size_t)snprintf(text[k] + n, sizeof(text[k]) - n, " %g",
                                  p->worst[c]);
            bad |= p->worst[c] > (is_float(p) ? 1e-5 : 0);
        }
        if (ret < 0)
            snprintf(text[k], sizeof(text[k]), " -");
    }
    printf("%s  %-14s %-4s %-9s luma%-12s rgb%s\n", bad ? "FAIL" : "ok  ",
           p->desc->name, range ? range : "?", matrix ? matrix : "?", text[0],
           text[1]);
    return bad;
}

static int print_format(int format, char *const *models, int *rows)
{
    static const int matrices[] = {AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709,
                                   AVCOL_SPC_BT2020_NCL};
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(format);
    const uint64_t odd = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL |
                         AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_BAYER;
    const int one = !d || (d->flags & AV_PIX_FMT_FLAG_RGB) ||
                    d->nb_components < 3;
    int bad = 0;
    if (!d || (d->flags & odd))
        return 0;
    for (int m = 0; m < (one ? 1 : 3); m++)
        for (int r = 0; r < (one ? 1 : 2); r++) {
            Probe p = {.desc = d, .format = format};
            p.range = one || r ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
            p.matrix = (d->flags & AV_PIX_FMT_FLAG_RGB) ? AVCOL_SPC_RGB
                                                        : matrices[m];
            if (!strncmp(d->name, "yuvj", 4) && !r)
                continue;
            const int ret = print_row(&p, models);
            *rows += ret >= 0;
            bad += ret > 0;
        }
    return bad;
}

int fg_doctor_colour(void)
{
    char dir[] = "/tmp/ffgan-colour-XXXXXX";
    FgError err = {{0}};
    int rows = 0, bad = 0;
    if (!mkdtemp(dir)) {
        fprintf(stderr, "ffgan: doctor: %s: %s\n", dir, strerror(errno));
        return FG_EXIT_IO;
    }
    char *const models[2] = {fg_format("%s/y.safetensors", dir),
                             fg_format("%s/rgb.safetensors", dir)};
    int ret = models[0] && models[1] ? 0 : -ENOMEM;
    for (int k = 0; k < 2 && !ret; k++)
        ret = write_identity(models[k], !k, &err);
    fg_log_init(-1);
    for (int f = 0; f < AV_PIX_FMT_NB && !ret; f++)
        bad += print_format(f, models, &rows);
    for (int k = 0; k < 2; k++) {
        if (models[k])
            unlink(models[k]);
        free(models[k]);
    }
    rmdir(dir);
    if (ret) {
        fprintf(stderr, "ffgan: doctor: %s\n",
                *err.text ? err.text : "no memory");
        return FG_EXIT_IO;
    }
    printf("%d rows, %d worse than rounding (whole codes: 0, float: 1e-5)\n",
           rows, bad);
    return bad ? FG_EXIT_BUG : FG_EXIT_OK;
}
