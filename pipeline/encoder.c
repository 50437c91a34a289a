/* ffgan: the encoder.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/dict.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "pipeline/encoder.h"
#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/util.h"

static int fail(const FgRun *run, const AVFrame *f, int ret, FgError *err)
{
    char cause[256];
    const char *const fmt = av_get_pix_fmt_name(f->format);
    fg_log_cause(cause, sizeof(cause));
    fg_error(err, 0, "preset '%s': encoder %s does not take %dx%d %s: %s",
             run->job->preset->name, run->job->preset->codec, f->width,
             f->height, fmt ? fmt : "?", *cause ? cause : fg_strerror(ret));
    return ret == AVERROR(ENOMEM) ? FG_EXIT_RETRY : FG_EXIT_CONFIG;
}

static void copy_picture_tags(AVCodecContext *c, const AVFrame *f)
{
    c->width = f->width;
    c->height = f->height;
    c->pix_fmt = f->format;
    c->sample_aspect_ratio = f->sample_aspect_ratio;
    c->color_range = f->color_range;
    c->color_primaries = f->color_primaries;
    c->color_trc = f->color_trc;
    c->colorspace = f->colorspace;
    c->chroma_sample_location = f->chroma_location;
    /* RGB has no matrix, whatever the source's was. */
    const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(f->format);
    if (d && (d->flags & AV_PIX_FMT_FLAG_RGB))
        c->colorspace = AVCOL_SPC_RGB;
    else if (c->colorspace == AVCOL_SPC_RGB)
        c->colorspace = AVCOL_SPC_UNSPECIFIED;
}

/* HDR metadata go to the encoder as it starts. */
static int copy_light(AVCodecContext *c, const AVFrame *f)
{
    static const enum AVFrameSideDataType kept[] = {
        AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
        AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
        AV_FRAME_DATA_AMBIENT_VIEWING_ENVIRONMENT,
    };
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        const AVFrameSideData *const sd = av_frame_get_side_data(f, kept[i]);
        const int ret = sd ? av_frame_side_data_clone(&c->decoded_side_data,
                                                      &c->nb_decoded_side_data,
                                                      sd, 0)
                           : 0;
        if (ret < 0)
            return ret;
    }
    return 0;
}

static AVRational known_rate(const FgRun *run)
{
    if (run->out_rate.num > 0)
        return run->out_rate;
    return (AVRational){25, 1}; /* only a hint for rate control */
}

/* x265 prints to stderr by itself unless told otherwise. */
static int quiet_x265(AVDictionary **opts, const char *codec)
{
    if (strcmp(codec, "libx265") != 0)
        return 0;
    const AVDictionaryEntry *const e = av_dict_get(*opts, "x265-params", NULL,
                                                   0);
    char *const v = av_asprintf("log-level=error%s%s", e ? ":" : "",
                                e ? e->value : "");
    return v ? av_dict_set(opts, "x265-params", v, AV_DICT_DONT_STRDUP_VAL)
             : AVERROR(ENOMEM);
}

static int make_options(AVDictionary **opts, const FgPreset *p)
{
    int ret = 0;
    for (int i = 0; i < p->nb_codec_opts && ret >= 0; i++)
        ret = av_dict_set(opts, p->codec_opts[i].key, p->codec_opts[i].value,
                          0);
    return ret < 0 ? ret : quiet_x265(opts, p->codec);
}

/* MPEG-1 and -2 know constant rates only, MPEG-4 no fine clock. */
static AVRational encoder_clock(const AVCodecContext *c, const FgRun *run,
                                const AVFrame *first)
{
    const int counts = c->codec_id == AV_CODEC_ID_MPEG1VIDEO ||
                       c->codec_id == AV_CODEC_ID_MPEG2VIDEO ||
                       (c->codec_id == AV_CODEC_ID_MPEG4 &&
                        first->time_base.den > UINT16_MAX);
    return counts && run->out_rate.num > 0 ? av_inv_q(run->out_rate)
                                           : first->time_base;
}

static int setup(AVCodecContext *c, const FgRun *run, const AVFrame *first)
{
    copy_picture_tags(c, first);
    if (first->hw_frames_ctx &&
        !(c->hw_frames_ctx = av_buffer_ref(first->hw_frames_ctx)))
        return AVERROR(ENOMEM);
    c->sample_aspect_ratio = run->out_sar;
    c->time_base = encoder_clock(c, run, first);
    c->framerate = known_rate(run);
    c->thread_count = run->job->encoder_threads ? run->job->encoder_threads
                                                : run->job->threads;
    c->flags |= AV_CODEC_FLAG_FRAME_DURATION;
    if (run->output->format &&
        (run->output->format->flags & AVFMT_GLOBALHEADER))
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (!(first->flags & AV_FRAME_FLAG_INTERLACED) || run->deinterlaced)
        c->field_order = AV_FIELD_PROGRESSIVE;
    return copy_light(c, first);
}

int fg_encoder_open(AVCodecContext **out, const FgRun *run,
                    const AVFrame *first, FgError *err)
{
    const FgPreset *const p = run->job->preset;
    const AVCodec *const codec = avcodec_find_encoder_by_name(p->codec);
    AVDictionary *opts = NULL;
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    int ret = codec ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
    *out = c;
    if (c)
        ret = setup(c, run, first);
    if (ret >= 0)
        ret = make_options(&opts, p);
    if (ret >= 0)
        ret = avcodec_open2(c, codec, &opts);
    const AVDictionaryEntry *const left = av_dict_iterate(opts, NULL);
    if (ret >= 0 && left) {
        fg_error(err, 0, "preset '%s': encoder %s has no option '%s'", p->name,
                 p->codec, left->key);
        av_dict_free(&opts);
        return FG_EXIT_CONFIG;
    }
    av_dict_free(&opts);
    return ret < 0 ? fail(run, first, ret, err) : 0;
}
