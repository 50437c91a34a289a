/* ffgan: pictures in and out through libav.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/source.h"

enum { MAX_SIDE = 1 << 20 };
static const size_t max_pixels = (size_t)1 << 30;

typedef struct Reader {
    const char *path;
    AVFormatContext *fmt;
    AVCodecContext *dec;
    AVPacket *pkt;
    AVFrame *frame;
    int stream;
    FgError *err;
} Reader;

static int av_fail(const Reader *r, int code, const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE];

    av_strerror(code, text, sizeof(text));
    /* Codes of libav's own ("FERRTAG"s) are no errno values. */
    if (code < -4095)
        code = -EBADMSG;
    return fg_error(r->err, code, "%s: %s: %s", r->path, what, text);
}

static int reader_open_file(Reader *r)
{
    const size_t size = strlen(r->path) + sizeof("file:");
    char *const url = malloc(size);
    AVDictionary *opt = NULL;
    int ret;

    if (access(r->path, R_OK) < 0) {
        ret = -errno;
        free(url);
        return fg_error(r->err, ret, "%s: %s", r->path, strerror(-ret));
    }
    if (!url)
        return -ENOMEM;
    /* "a:b.png" is no protocol and "a%d.png" no pattern. */
    snprintf(url, size, "file:%s", r->path);
    av_dict_set(&opt, "pattern_type", "none", 0);
    ret = avformat_open_input(&r->fmt, url, NULL, &opt);
    av_dict_free(&opt);
    free(url);
    if (ret < 0)
        return av_fail(r, ret, "not a picture or clip");
    ret = avformat_find_stream_info(r->fmt, NULL);
    return ret < 0 ? av_fail(r, ret, "not a picture or clip") : 0;
}

/* libavformat takes any text for terminal art and would draw it. */
static int is_text_art(enum AVCodecID id)
{
    return id == AV_CODEC_ID_ANSI || id == AV_CODEC_ID_BINTEXT ||
           id == AV_CODEC_ID_XBIN || id == AV_CODEC_ID_IDF;
}

static int reader_open_codec(Reader *r)
{
    const AVCodec *codec = NULL;
    const AVCodecParameters *par;
    int ret;

    if (!r->fmt)
        return -EINVAL;
    ret = av_find_best_stream(r->fmt, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (ret < 0)
        return av_fail(r, ret, "no picture inside");
    r->stream = ret;
    par = r->fmt->streams[ret]->codecpar;
    if (is_text_art(par->codec_id))
        return fg_error(r->err, -EBADMSG,
                        "%s: not a picture or clip: it is text", r->path);
    r->dec = avcodec_alloc_context3(codec);
    if (!r->dec)
        return -ENOMEM;
    ret = avcodec_parameters_to_context(r->dec, par);
    if (ret < 0)
        return av_fail(r, ret, "cannot set up the decoder");
    r->dec->thread_count = 1;
    r->dec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    ret = avcodec_open2(r->dec, codec, NULL);
    return ret < 0 ? av_fail(r, ret, "cannot open the decoder") : 0;
}

static int send_next(Reader *r)
{
    int ret = av_read_frame(r->fmt, r->pkt);

    if (ret == AVERROR_EOF)
        return avcodec_send_packet(r->dec, NULL);
    if (ret < 0)
        return ret;
    if (r->pkt->stream_index == r->stream)
        ret = avcodec_send_packet(r->dec, r->pkt);
    av_packet_unref(r->pkt);
    return ret;
}

/* 1: a frame; 0: the end. */
static int reader_next(Reader *r)
{
    int ret;

    while ((ret = avcodec_receive_frame(r->dec, r->frame)) == AVERROR(EAGAIN)) {
        ret = send_next(r);
        if (ret < 0)
            break;
    }
    if (ret == AVERROR_EOF)
        return 0;
    if (ret < 0)
        return av_fail(r, ret, "cannot decode");
    if (r->frame->decode_error_flags ||
        (r->frame->flags & AV_FRAME_FLAG_CORRUPT))
        return fg_error(r->err, -EBADMSG, "%s: damaged picture", r->path);
    return 1;
}

static void reader_close(Reader *r)
{
    av_frame_free(&r->frame);
    av_packet_free(&r->pkt);
    avcodec_free_context(&r->dec);
    avformat_close_input(&r->fmt);
}

static int reader_open(Reader *r)
{
    int ret;

    r->pkt = av_packet_alloc();
    r->frame = av_frame_alloc();
    if (!r->pkt || !r->frame)
        return -ENOMEM;
    ret = reader_open_file(r);
    return ret < 0 ? ret : reader_open_codec(r);
}

/* Palette entries are 32-bit ARGB words in the machine's byte order. */
static void convert_palette(FgPicture *pic, const AVFrame *f)
{
    const uint32_t *const palette = (const uint32_t *)f->data[1];

    for (int y = 0; y < f->height; y++) {
        const uint8_t *const src = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        uint8_t *dst = pic->rgb + (size_t)y * f->width * 3;
        for (int x = 0; x < f->width; x++, dst += 3) {
            dst[0] = (uint8_t)(palette[src[x]] >> 16);
            dst[1] = (uint8_t)(palette[src[x]] >> 8);
            dst[2] = (uint8_t)palette[src[x]];
        }
    }
}

/* RGB and grey of integers: component by component, rounded to nearest, so
 * that nothing depends on the scaler's tables. */
static int convert_exact(FgPicture *pic, const AVFrame *f,
                         const AVPixFmtDescriptor *desc)
{
    const int grey = desc->nb_components < 3;
    uint32_t *const line = malloc(sizeof(*line) * (size_t)f->width);

    if (!line)
        return -ENOMEM;
    for (int c = 0; c < 3; c++) {
        const int comp = grey ? 0 : c;
        const uint32_t max = (1u << desc->comp[comp].depth) - 1;
        const uint32_t flip = f->format == AV_PIX_FMT_MONOWHITE ? max : 0;
        for (int y = 0; y < f->height; y++) {
            uint8_t *dst = pic->rgb + (size_t)y * f->width * 3 + c;
            av_read_image_line2(line, (const uint8_t **)f->data, f->linesize,
                                desc, 0, y, comp, f->width, 0, 4);
            for (int x = 0; x < f->width; x++, dst += 3)
                *dst = (uint8_t)(((line[x] ^ flip) * UINT64_C(255) + max / 2) /
                                 max);
        }
    }
    free(line);
    return 0;
}

/* The common case of the above: three components of one byte each. */
static void convert_bytes(FgPicture *pic, const AVFrame *f,
                          const AVPixFmtDescriptor *desc)
{
    for (int c = 0; c < 3; c++) {
        const AVComponentDescriptor *const d = &desc->comp[c];
        for (int y = 0; y < f->height; y++) {
            const uint8_t *src = f->data[d->plane] +
                                 (ptrdiff_t)y * f->linesize[d->plane] +
                                 d->offset;
            uint8_t *dst = pic->rgb + (size_t)y * f->width * 3 + c;
            for (int x = 0; x < f->width; x++, src += d->step, dst += 3)
                *dst = *src;
        }
    }
}

static int is_full_range(const AVFrame *f)
{
    switch (f->format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
        return 1;
    default:
        return f->color_range == AVCOL_RANGE_JPEG;
    }
}

static int convert_scaler(FgPicture *pic, const AVFrame *f)
{
    const int flags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT |
                      SWS_FULL_CHR_H_INP | SWS_BITEXACT;
    /* AVCOL_SPC_* and SWS_CS_* have the same numbers. */
    const int space = f->colorspace == AVCOL_SPC_UNSPECIFIED
                          ? (f->height > 576 && !is_full_range(f)
                                 ? SWS_CS_ITU709
                                 : SWS_CS_ITU601)
                          : (int)f->colorspace;
    uint8_t *const dst[4] = {pic->rgb};
    const int pitch[4] = {3 * f->width};
    struct SwsContext *const sws = sws_getContext(
        f->width, f->height, f->format, f->width, f->height, AV_PIX_FMT_RGB24,
        flags, NULL, NULL, NULL);
    int ret;

    if (!sws)
        return -ENOTSUP;
    sws_setColorspaceDetails(sws, sws_getCoefficients(space), is_full_range(f),
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16,
                             1 << 16);
    ret = sws_scale(sws, (const uint8_t *const *)f->data, f->linesize, 0,
                    f->height, dst, pitch);
    sws_freeContext(sws);
    return ret == f->height ? 0 : -EINVAL;
}

static int convert_by_kind(FgPicture *pic, const Reader *r,
                           const AVPixFmtDescriptor *desc)
{
    const AVFrame *const f = r->frame;
    const uint64_t odd = AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    const int rgb = !!(desc->flags & AV_PIX_FMT_FLAG_RGB);
    int ret = 0;

    /* Grey of a limited range exists in video only; the scaler knows it. */
    if (f->format == AV_PIX_FMT_PAL8)
        convert_palette(pic, f);
    else if (desc->flags & odd ||
             (!rgb &&
              (desc->nb_components > 2 || f->color_range == AVCOL_RANGE_MPEG)))
        ret = convert_scaler(pic, f);
    else if (rgb && desc->comp[0].depth == 8 && desc->comp[1].depth == 8 &&
             !(desc->flags & AV_PIX_FMT_FLAG_BITSTREAM))
        convert_bytes(pic, f, desc);
    else
        ret = convert_exact(pic, f, desc);
    return ret < 0 ? fg_error(r->err, ret, "%s: cannot convert %s to RGB",
                              r->path, desc->name)
                   : 0;
}

static int convert(FgPicture *pic, const Reader *r)
{
    const AVFrame *const f = r->frame;
    const AVPixFmtDescriptor *const desc = av_pix_fmt_desc_get(f->format);

    if (!desc || (desc->flags & AV_PIX_FMT_FLAG_HWACCEL) || f->width < 1 ||
        f->height < 1 || f->width > MAX_SIDE || f->height > MAX_SIDE ||
        (size_t)f->width * f->height > max_pixels)
        return fg_error(r->err, -ENOTSUP, "%s: %dx%d %s is not supported",
                        r->path, f->width, f->height,
                        desc ? desc->name : "picture");
    pic->w = f->width;
    pic->h = f->height;
    pic->rgb = malloc((size_t)f->width * f->height * 3);
    if (!pic->rgb)
        return fg_error(r->err, -ENOMEM, "%s: out of memory", r->path);
    return convert_by_kind(pic, r, desc);
}

/* The frame's alpha, rounded to 8 bits; src holds a line. */
static void take_alpha(FgPicture *alpha, const AVFrame *f, uint32_t *src)
{
    const AVPixFmtDescriptor *const desc = av_pix_fmt_desc_get(f->format);
    const uint32_t *const palette = (const uint32_t *)f->data[1];
    const int comp = desc->nb_components - 1;
    const uint32_t max = (1u << desc->comp[comp].depth) - 1;

    for (int y = 0; y < f->height; y++) {
        uint8_t *dst = alpha->rgb + (size_t)y * f->width * 3;

        if (f->format != AV_PIX_FMT_PAL8)
            av_read_image_line2(src, (const uint8_t **)f->data, f->linesize,
                                desc, 0, y, comp, f->width, 0, 4);
        for (int x = 0; x < f->width; x++, dst += 3) {
            if (f->format == AV_PIX_FMT_PAL8)
                src[x] = palette[f->data[0][y * f->linesize[0] + x]] >> 24;
            else
                src[x] = (uint32_t)((src[x] * UINT64_C(255) + max / 2) / max);
            dst[0] = dst[1] = dst[2] = (uint8_t)src[x];
        }
    }
}

static int convert_alpha(FgPicture *alpha, const Reader *r)
{
    const AVFrame *const f = r->frame;
    const AVPixFmtDescriptor *const desc = av_pix_fmt_desc_get(f->format);
    uint32_t *line;

    if (!(desc->flags & AV_PIX_FMT_FLAG_ALPHA))
        return fg_error(r->err, -EINVAL, "%s: has no alpha", r->path);
    if (desc->flags & AV_PIX_FMT_FLAG_FLOAT)
        return fg_error(r->err, -ENOTSUP,
                        "%s: alpha of floats (%s) cannot be read here: convert "
                        "it to PNG or TIFF",
                        r->path, desc->name);
    line = malloc(sizeof(*line) * (size_t)f->width);
    *alpha = (FgPicture){f->width, f->height,
                         malloc((size_t)f->width * (size_t)f->height * 3)};
    if (line && alpha->rgb)
        take_alpha(alpha, f, line);
    free(line);
    return line && alpha->rgb
               ? 0
               : fg_error(r->err, -ENOMEM, "%s: out of memory", r->path);
}

int fg_picture_read(FgPicture *pic, const char *path, FgError *err)
{
    Reader r = {.path = path, .err = err};
    int ret;

    memset(pic, 0, sizeof(*pic));
    ret = reader_open(&r);
    if (ret == -ENOMEM)
        fg_error(err, ret, "%s: out of memory", path);
    if (ret >= 0)
        ret = reader_next(&r);
    if (!ret)
        ret = fg_error(err, -EBADMSG, "%s: no whole picture inside", path);
    if (ret >= 0)
        ret = convert(pic, &r);
    reader_close(&r);
    if (ret < 0) {
        fg_picture_free(pic);
        return ret;
    }
    return 0;
}

void fg_picture_free(FgPicture *pic)
{
    if (!pic)
        return;
    free(pic->rgb);
    memset(pic, 0, sizeof(*pic));
}

struct FgClip {
    Reader r;
    char *path;
};

int fg_clip_open(FgClip **clip, const char *path, FgError *err)
{
    FgClip *c = calloc(1, sizeof(*c));
    int ret = -ENOMEM;

    *clip = NULL;
    if (c && (c->path = strdup(path))) {
        c->r = (Reader){.path = c->path, .err = err};
        ret = reader_open(&c->r);
    }
    if (ret == -ENOMEM)
        fg_error(err, ret, "%s: out of memory", path);
    if (ret < 0)
        fg_clip_close(&c);
    else
        *clip = c;
    return ret < 0 ? ret : 0;
}

int fg_clip_next(FgClip *clip, FgPicture *pic, FgError *err)
{
    return fg_clip_next_alpha(clip, pic, NULL, err);
}

int fg_clip_next_alpha(FgClip *clip, FgPicture *pic, FgPicture *alpha,
                       FgError *err)
{
    int ret;

    memset(pic, 0, sizeof(*pic));
    if (alpha)
        memset(alpha, 0, sizeof(*alpha));
    clip->r.err = err;
    ret = reader_next(&clip->r);
    if (ret <= 0)
        return ret;
    ret = convert(pic, &clip->r);
    if (ret >= 0 && alpha)
        ret = convert_alpha(alpha, &clip->r);
    av_frame_unref(clip->r.frame);
    if (ret < 0) {
        fg_picture_free(pic);
        fg_picture_free(alpha);
    }
    return ret < 0 ? ret : 1;
}

void fg_clip_close(FgClip **clip)
{
    if (!clip || !*clip)
        return;
    reader_close(&(*clip)->r);
    free((*clip)->path);
    free(*clip);
    *clip = NULL;
}

static int encode_png(const FgPicture *pic, AVPacket *pkt)
{
    const AVCodec *const codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    AVCodecContext *enc = codec ? avcodec_alloc_context3(codec) : NULL;
    AVFrame *frame = av_frame_alloc();
    int ret = AVERROR(ENOMEM);

    if (!codec)
        ret = AVERROR_ENCODER_NOT_FOUND;
    if (enc && frame) {
        enc->width = frame->width = pic->w;
        enc->height = frame->height = pic->h;
        enc->pix_fmt = frame->format = AV_PIX_FMT_RGB24;
        enc->time_base = (AVRational){1, 1};
        frame->data[0] = pic->rgb;
        frame->linesize[0] = 3 * pic->w;
        ret = avcodec_open2(enc, codec, NULL);
        if (ret >= 0)
            ret = avcodec_send_frame(enc, frame);
        if (ret >= 0)
            ret = avcodec_send_frame(enc, NULL);
        if (ret >= 0)
            ret = avcodec_receive_packet(enc, pkt);
    }
    av_frame_free(&frame);
    avcodec_free_context(&enc);
    return ret;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* The rename is only safe on disk once the folder is. */
static void sync_folder(const char *path)
{
    const char *const slash = strrchr(path, '/');
    char *const dir = slash ? strndup(path, slash - path + 1) : strdup(".");
    const int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

static int write_file(const char *path, const uint8_t *data, size_t size)
{
    const size_t room = strlen(path) + 32;
    char *const tmp = malloc(room);
    int fd, ret;

    if (!tmp)
        return -ENOMEM;
    snprintf(tmp, room, "%s.%ld.tmp", path, (long)getpid());
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    ret = fd < 0 ? -errno : write_all(fd, data, size);
    if (fd >= 0) {
        if (!ret && fsync(fd) < 0)
            ret = -errno;
        if (close(fd) < 0 && !ret)
            ret = -errno;
        if (!ret && rename(tmp, path) < 0)
            ret = -errno;
        if (ret)
            unlink(tmp);
        else
            sync_folder(path);
    }
    free(tmp);
    return ret;
}

int fg_picture_encode_png(const FgPicture *pic, uint8_t **data, size_t *size,
                          FgError *err)
{
    AVPacket *pkt = av_packet_alloc();
    int ret = pkt ? encode_png(pic, pkt) : AVERROR(ENOMEM);

    *data = NULL;
    *size = 0;
    if (!ret) {
        *data = malloc((size_t)pkt->size);
        ret = *data ? 0 : -ENOMEM;
    }
    if (!ret) {
        *size = (size_t)pkt->size;
        memcpy(*data, pkt->data, *size);
    } else {
        fg_error(err, ret, "a picture cannot be encoded as PNG");
    }
    av_packet_free(&pkt);
    return ret;
}

int fg_picture_write_png(const FgPicture *pic, const char *path, FgError *err)
{
    AVPacket *pkt = av_packet_alloc();
    int ret = pkt ? encode_png(pic, pkt) : AVERROR(ENOMEM);

    if (ret < 0) {
        const Reader r = {.path = path, .err = err};
        ret = av_fail(&r, ret, "cannot encode a PNG");
    } else {
        ret = write_file(path, pkt->data, (size_t)pkt->size);
        if (ret < 0)
            fg_error(err, ret, "%s: %s", path, strerror(-ret));
    }
    av_packet_free(&pkt);
    return ret;
}
