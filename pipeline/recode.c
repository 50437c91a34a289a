/* ffgan: what a codec does to a picture: RGB, 4:2:0, encoder, decoder, RGB.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/source.h"

enum { MAX_FRAMES = 16, QUIET = 64 /* log levels down */ };

typedef struct Codec {
    const char *name, *encoder;
    enum AVCodecID id;
    int full; /* range */
    int least, most;
} Codec;

static const Codec codecs[] = {
    {"x264", "libx264", AV_CODEC_ID_H264, 0, 0, 51},
    {"mpeg2", "mpeg2video", AV_CODEC_ID_MPEG2VIDEO, 0, 1, 31},
    {"jpeg", "mjpeg", AV_CODEC_ID_MJPEG, 1, 1, 31},
};

typedef struct Recode {
    Codec codec;
    const FgRecode *o;
    AVCodecContext *enc, *dec;
    struct SwsContext *to, *from;
    AVFrame *yuv, *got;
    AVPacket *pkt;
    uint8_t *rgb; /* [h][w][3], sides even */
    int w, h, seen;
} Recode;

static const Codec *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof(codecs) / sizeof(codecs[0]); i++)
        if (!strcmp(codecs[i].name, name))
            return &codecs[i];
    return NULL;
}

/* ---- opening ---- */

static int open_encoder(Recode *r)
{
    const AVCodec *c = avcodec_find_encoder_by_name(r->codec.encoder);
    AVCodecContext *e = c ? avcodec_alloc_context3(c) : NULL;

    r->enc = e;
    if (!e)
        return c ? AVERROR(ENOMEM) : AVERROR_ENCODER_NOT_FOUND;
    e->width = r->w;
    e->height = r->h;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->color_range = r->codec.full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    e->colorspace = AVCOL_SPC_SMPTE170M;
    e->time_base = (AVRational){1, 25};
    e->framerate = (AVRational){25, 1};
    e->gop_size = 250;
    e->max_b_frames = 0;
    e->thread_count = 1;
    e->log_level_offset = QUIET;
    e->dct_algo = FF_DCT_INT; /* the same on every CPU */
    e->idct_algo = FF_IDCT_SIMPLE;
    e->flags |= AV_CODEC_FLAG_BITEXACT;
    if (r->codec.id == AV_CODEC_ID_H264) {
        av_opt_set(e->priv_data, "preset", "veryfast", 0);
        av_opt_set_int(e->priv_data, "qp", r->o->quantiser, 0);
        av_opt_set(e->priv_data, "x264-params", "log=-1", 0);
    } else {
        e->flags |= AV_CODEC_FLAG_QSCALE;
        e->global_quality = r->o->quantiser * FF_QP2LAMBDA;
        e->qmin = 1;
    }
    return avcodec_open2(e, c, NULL);
}

static int open_decoder(Recode *r)
{
    const AVCodec *c = avcodec_find_decoder(r->codec.id);
    int ret;

    r->dec = c ? avcodec_alloc_context3(c) : NULL;
    if (!r->dec)
        return c ? AVERROR(ENOMEM) : AVERROR_DECODER_NOT_FOUND;
    r->dec->thread_count = 1;
    r->dec->log_level_offset = QUIET;
    r->dec->idct_algo = FF_IDCT_SIMPLE;
    r->dec->flags |= AV_CODEC_FLAG_BITEXACT;
    if (r->enc->extradata_size) {
        const size_t size = (size_t)r->enc->extradata_size;

        r->dec->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
        if (!r->dec->extradata)
            return AVERROR(ENOMEM);
        memcpy(r->dec->extradata, r->enc->extradata, size);
        r->dec->extradata_size = r->enc->extradata_size;
    }
    ret = avcodec_open2(r->dec, c, NULL);
    return ret;
}

static struct SwsContext *scaler(const Recode *r, enum AVPixelFormat from,
                                 enum AVPixelFormat to)
{
    const int flags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT |
                      SWS_FULL_CHR_H_INP | SWS_BITEXACT;
    const int *k = sws_getCoefficients(SWS_CS_ITU601);
    struct SwsContext *s = sws_getContext(r->w, r->h, from, r->w, r->h, to,
                                          flags, NULL, NULL, NULL);

    if (s)
        sws_setColorspaceDetails(
            s, k, from == AV_PIX_FMT_RGB24 || r->codec.full, k,
            to == AV_PIX_FMT_RGB24 || r->codec.full, 0, 1 << 16, 1 << 16);
    return s;
}

static int open_all(Recode *r, const FgPicture *pic)
{
    int ret;

    r->w = (pic->w + 1) & ~1;
    r->h = (pic->h + 1) & ~1;
    r->rgb = malloc((size_t)r->w * r->h * 3);
    r->yuv = av_frame_alloc();
    r->got = av_frame_alloc();
    r->pkt = av_packet_alloc();
    if (!r->rgb || !r->yuv || !r->got || !r->pkt)
        return AVERROR(ENOMEM);
    r->to = scaler(r, AV_PIX_FMT_RGB24, AV_PIX_FMT_YUV420P);
    r->from = scaler(r, AV_PIX_FMT_YUV420P, AV_PIX_FMT_RGB24);
    if (!r->to || !r->from)
        return AVERROR(ENOMEM);
    ret = open_encoder(r);
    return ret < 0 ? ret : open_decoder(r);
}

static void close_all(Recode *r)
{
    sws_freeContext(r->to);
    sws_freeContext(r->from);
    avcodec_free_context(&r->enc);
    avcodec_free_context(&r->dec);
    av_frame_free(&r->yuv);
    av_frame_free(&r->got);
    av_packet_free(&r->pkt);
    free(r->rgb);
}

/* ---- the way there and back ---- */

static int inside(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

/* The picture moved by whole pixels, its edge repeated. */
static void shift(Recode *r, const FgPicture *pic, int dx, int dy)
{
    for (int y = 0; y < r->h; y++)
        for (int x = 0; x < r->w; x++)
            memcpy(r->rgb + ((size_t)y * r->w + x) * 3,
                   pic->rgb + ((size_t)inside(y + dy, pic->h) * pic->w +
                               inside(x + dx, pic->w)) *
                                  3,
                   3);
}

static int drain_decoder(Recode *r)
{
    int ret;

    while ((ret = avcodec_receive_frame(r->dec, r->got)) >= 0) {
        uint8_t *const dst[4] = {r->rgb};
        const int pitch[4] = {3 * r->w};

        if (r->got->width != r->w || r->got->height != r->h ||
            (r->got->format != AV_PIX_FMT_YUV420P &&
             r->got->format != AV_PIX_FMT_YUVJ420P))
            return AVERROR_EXTERNAL;
        sws_scale(r->from, (const uint8_t *const *)r->got->data,
                  r->got->linesize, 0, r->h, dst, pitch);
        r->seen++;
        av_frame_unref(r->got);
    }
    return ret == AVERROR(EAGAIN) || ret == AVERROR_EOF ? 0 : ret;
}

static int drain_encoder(Recode *r)
{
    int ret;

    while ((ret = avcodec_receive_packet(r->enc, r->pkt)) >= 0) {
        ret = avcodec_send_packet(r->dec, r->pkt);
        av_packet_unref(r->pkt);
        if (ret >= 0)
            ret = drain_decoder(r);
        if (ret < 0)
            return ret;
    }
    return ret == AVERROR(EAGAIN) || ret == AVERROR_EOF ? 0 : ret;
}

static int send(Recode *r, const FgPicture *pic, int k)
{
    const uint8_t *const src[4] = {r->rgb};
    const int pitch[4] = {3 * r->w}, left = r->o->frames - 1 - k;
    int ret;

    av_frame_unref(r->yuv);
    r->yuv->width = r->w;
    r->yuv->height = r->h;
    r->yuv->format = AV_PIX_FMT_YUV420P;
    r->yuv->color_range = r->enc->color_range;
    r->yuv->colorspace = r->enc->colorspace;
    ret = av_frame_get_buffer(r->yuv, 0);
    if (ret < 0)
        return ret;
    shift(r, pic, left * r->o->dx, left * r->o->dy);
    sws_scale(r->to, src, pitch, 0, r->h, r->yuv->data, r->yuv->linesize);
    r->yuv->pts = k;
    r->yuv->quality = r->enc->global_quality;
    ret = avcodec_send_frame(r->enc, r->yuv);
    return ret < 0 ? ret : drain_encoder(r);
}

static int run(Recode *r, const FgPicture *pic)
{
    int ret = open_all(r, pic);

    for (int k = 0; k < r->o->frames && ret >= 0; k++)
        ret = send(r, pic, k);
    if (ret >= 0)
        ret = avcodec_send_frame(r->enc, NULL);
    if (ret >= 0)
        ret = drain_encoder(r);
    if (ret >= 0)
        ret = avcodec_send_packet(r->dec, NULL);
    if (ret >= 0)
        ret = drain_decoder(r);
    return ret >= 0 && r->seen != r->o->frames ? AVERROR_EXTERNAL : ret;
}

static int check(const FgRecode *o, const Codec *c, FgError *err)
{
    if (!c)
        return fg_error(err, -EINVAL, "codec '%s' is none of x264, mpeg2, jpeg",
                        o->codec ? o->codec : "");
    if (o->quantiser < c->least || o->quantiser > c->most)
        return fg_error(err, -EINVAL, "quantiser of %s is %d, allowed %d..%d",
                        c->name, o->quantiser, c->least, c->most);
    if (o->frames < 1 || o->frames > MAX_FRAMES)
        return fg_error(err, -EINVAL, "frames is %d, allowed 1..%d", o->frames,
                        MAX_FRAMES);
    return 0;
}

int fg_picture_recode(FgPicture *pic, const FgRecode *o, FgError *err)
{
    const Codec *c = find(o->codec);
    Recode r = {.o = o};
    int ret = check(o, c, err);

    if (ret || !c)
        return ret ? ret : -EINVAL;
    r.codec = *c;
    ret = run(&r, pic);
    for (int y = 0; y < pic->h && ret >= 0; y++)
        memcpy(pic->rgb + (size_t)y * pic->w * 3, r.rgb + (size_t)y * r.w * 3,
               (size_t)pic->w * 3);
    close_all(&r);
    if (ret >= 0)
        return 0;
    if (ret == AVERROR_ENCODER_NOT_FOUND || ret == AVERROR_DECODER_NOT_FOUND)
        return fg_error(err, -ENOTSUP, "this FFmpeg has no %s", o->codec);
    if (ret < -4095)
        ret = -EIO;
    return fg_error(err, ret, "%s failed on a picture of %d x %d", o->codec,
                    pic->w, pic->h);
}
