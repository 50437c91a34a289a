/* ffgan: two films side by side: figures of each frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/base64.h>
#include <libavutil/imgutils.h>
#include <libavutil/mem.h>
#include <libswscale/swscale.h>

#include "kernels/flow.h"

typedef struct Side {
    FgClip *clip;
    FgPicture pic;
    FgFlow *flow;
    float *luma;
} Side;

typedef struct Work {
    FgCompare *c;
    const FgCompareOptions *o;
    Side a, b;
    FgPool *pool;
} Work;

/* ---- pictures ---- */

static int resize(FgPicture *p, int w, int h)
{
    FgPicture q = {w, h, malloc(3 * (size_t)w * (size_t)h)};
    struct SwsContext *s = sws_getContext(
        p->w, p->h, AV_PIX_FMT_RGB24, w, h, AV_PIX_FMT_RGB24,
        SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    const uint8_t *const src[4] = {p->rgb};
    uint8_t *const dst[4] = {q.rgb};
    const int from[4] = {3 * p->w}, to[4] = {3 * w};
    if (!q.rgb || !s) {
        free(q.rgb);
        sws_freeContext(s);
        return -ENOMEM;
    }
    sws_scale(s, src, from, 0, p->h, dst, to);
    sws_freeContext(s);
    fg_picture_free(p);
    *p = q;
    return 0;
}

static int copy(FgPicture *to, const FgPicture *from)
{
    const size_t n = 3 * (size_t)from->w * (size_t)from->h;
    *to = (FgPicture){from->w, from->h, malloc(n)};
    if (!to->rgb)
        return -ENOMEM;
    memcpy(to->rgb, from->rgb, n);
    return 0;
}

static int fill_frame(AVFrame *f, const FgPicture *p)
{
    struct SwsContext *s;
    const uint8_t *const src[4] = {p->rgb};
    const int from[4] = {3 * p->w};
    f->format = AV_PIX_FMT_YUVJ444P;
    f->width = p->w;
    f->height = p->h;
    f->quality = 3 * FF_QP2LAMBDA;
    if (av_frame_get_buffer(f, 0) < 0)
        return AVERROR(ENOMEM);
    s = sws_getContext(p->w, p->h, AV_PIX_FMT_RGB24, p->w, p->h, f->format,
                       SWS_BICUBIC, NULL, NULL, NULL);
    if (!s)
        return AVERROR(ENOMEM);
    sws_scale(s, src, from, 0, p->h, f->data, f->linesize);
    sws_freeContext(s);
    return 0;
}

static char *base64(const uint8_t *data, int size)
{
    const int n = AV_BASE64_SIZE(size);
    char *text = malloc((size_t)n);
    if (text && av_base64_encode(text, n, data, size))
        return text;
    free(text);
    return NULL;
}

static int open_jpeg(AVCodecContext **out, const FgPicture *p)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c)
        return AVERROR_ENCODER_NOT_FOUND;
    *out = c;
    c->width = p->w;
    c->height = p->h;
    c->pix_fmt = AV_PIX_FMT_YUVJ444P;
    c->color_range = AVCOL_RANGE_JPEG;
    c->time_base = (AVRational){1, 25};
    c->flags |= AV_CODEC_FLAG_QSCALE;
    c->global_quality = 3 * FF_QP2LAMBDA;
    return avcodec_open2(c, codec, NULL);
}

static char *jpeg(const FgPicture *p)
{
    AVCodecContext *c = NULL;
    AVFrame *f = av_frame_alloc();
    AVPacket *pkt = av_packet_alloc();
    char *text = NULL;
    if (f && pkt && open_jpeg(&c, p) >= 0 && fill_frame(f, p) >= 0 &&
        avcodec_send_frame(c, f) >= 0 && avcodec_receive_packet(c, pkt) >= 0)
        text = base64(pkt->data, pkt->size);
    avcodec_free_context(&c);
    av_frame_free(&f);
    av_packet_free(&pkt);
    return text;
}

/* ---- figures ---- */

static double psnr(const FgPicture *a, const FgPicture *b)
{
    const size_t n = 3 * (size_t)a->w * (size_t)a->h;
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const int d = a->rgb[i] - b->rgb[i];
        sum += (uint64_t)(d * d);
    }
    return sum ? fmin(100, 10 * log10(65025.0 * (double)n / (double)sum)) : 100;
}

static void fill_luma(float *y, const FgPicture *p)
{
    const size_t n = (size_t)p->w * (size_t)p->h;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *s = p->rgb + 3 * i;
        y[i] = (0.2126f * s[0] + 0.7152f * s[1] + 0.0722f * s[2]) / 255;
    }
}

static double ssim_window(const float *a, const float *b, int w)
{
    double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++) {
            const double p = a[y * w + x], q = b[y * w + x];
            sa += p, sb += q, aa += p * p, bb += q * q, ab += p * q;
        }
    const double ma = sa / 64, mb = sb / 64, c1 = 1e-4, c2 = 9e-4;
    const double va = aa / 64 - ma * ma, vb = bb / 64 - mb * mb;
    const double cov = ab / 64 - ma * mb;
    return (2 * ma * mb + c1) * (2 * cov + c2) /
           ((ma * ma + mb * mb + c1) * (va + vb + c2));
}

static double ssim(const float *a, const float *b, int w, int h)
{
    double sum = 0;
    int n = 0;
    for (int y = 0; y + 8 <= h; y += 4)
        for (int x = 0; x + 8 <= w; x += 4, n++)
            sum += ssim_window(a + y * w + x, b + y * w + x, w);
    return n ? sum / n : 1;
}

static double flicker(Side *s, int w, int first)
{
    FgFlowStats st;
    if (!s->flow)
        return -1;
    fg_flow_push(s->flow, s->luma, w);
    if (first)
        return -1;
    fg_flow_find(s->flow);
    fg_flow_stats(s->flow, &st);
    return 255 * (double)st.moved;
}

/* ---- frames ---- */

static int add_frame(FgCompare *c, FgCompareFrame f)
{
    if (c->nb == c->cap) {
        const int cap = c->cap ? 2 * c->cap : 256;
        FgCompareFrame *p = realloc(c->frame, sizeof(*p) * (size_t)cap);
        if (!p)
            return -ENOMEM;
        c->frame = p;
        c->cap = cap;
    }
    c->frame[c->nb++] = f;
    return 0;
}

static int start(Work *k, FgError *err)
{
    FgCompare *c = k->c;
    const size_t n = (size_t)k->a.pic.w * (size_t)k->a.pic.h;
    c->w = k->a.pic.w;
    c->h = k->a.pic.h;
    c->b_w = k->b.pic.w;
    c->b_h = k->b.pic.h;
    k->a.luma = malloc(n * sizeof(float));
    k->b.luma = malloc(n * sizeof(float));
    if (!k->a.luma || !k->b.luma || fg_pool_create(&k->pool, 0) < 0)
        return fg_error(err, -ENOMEM, "out of memory");
    if (c->w < 16 || c->h < 16)
        return 0; /* too small for motion */
    int ret = fg_flow_create(&k->a.flow, c->w, c->h, fg_pool_executor(k->pool),
                             err);
    if (ret >= 0)
        ret = fg_flow_create(&k->b.flow, c->w, c->h, fg_pool_executor(k->pool),
                             err);
    return ret;
}

/* Evenly spread without knowing the end: when the list is full, every other
 * one goes, and half as many are taken from then on. */
static int keep(Work *k, int n, int *stride)
{
    FgCompare *c = k->c;
    FgPicture a, b;
    if (n % *stride)
        return 0;
    if (c->nb_shots == k->o->shots) {
        int m = 0;
        for (int i = 0; i < c->nb_shots; i++)
            if (i % 2) {
                free(c->shot[i].a);
                free(c->shot[i].b);
            } else {
                c->shot[m++] = c->shot[i];
            }
        c->nb_shots = m;
        *stride *= 2;
        if (n % *stride || m >= k->o->shots)
            return 0;
    }
    if (copy(&a, &k->a.pic) < 0 || copy(&b, &k->b.pic) < 0)
        return -ENOMEM;
    const int w = c->w > k->o->width ? k->o->width : c->w;
    const int h = (int)lrint((double)c->h * w / c->w);
    int ret = w < c->w ? resize(&a, w, h < 1 ? 1 : h) : 0;
    if (!ret && w < c->w)
        ret = resize(&b, w, h < 1 ? 1 : h);
    FgCompareShot s = {.n = n};
    if (!ret) {
        s.a = jpeg(&a);
        s.b = jpeg(&b);
        c->shot[c->nb_shots++] = s;
    }
    fg_picture_free(&a);
    fg_picture_free(&b);
    return ret ? ret : s.a && s.b ? 0 : -ENOMEM;
}

static int one(Work *k, int n, int *stride, FgError *err)
{
    FgCompare *c = k->c;
    FgCompareFrame f;
    int ret = n ? 0 : start(k, err);
    if (ret < 0)
        return ret;
    if (k->a.pic.w != c->w || k->a.pic.h != c->h)
        ret = resize(&k->a.pic, c->w, c->h);
    if (!ret && (k->b.pic.w != c->w || k->b.pic.h != c->h))
        ret = resize(&k->b.pic, c->w, c->h);
    if (!ret) {
        fill_luma(k->a.luma, &k->a.pic);
        fill_luma(k->b.luma, &k->b.pic);
        f.psnr = psnr(&k->a.pic, &k->b.pic);
        f.ssim = ssim(k->a.luma, k->b.luma, c->w, c->h);
        f.a = flicker(&k->a, c->w, !n);
        f.b = flicker(&k->b, c->w, !n);
        ret = add_frame(c, f);
    }
    if (!ret)
        ret = keep(k, n, stride);
    return ret ? fg_error(err, ret, "out of memory") : 0;
}

static int count_rest(FgClip *clip, FgError *err)
{
    FgPicture p;
    int n = 0, ret;
    while ((ret = fg_clip_next(clip, &p, err)) > 0) {
        fg_picture_free(&p);
        n++;
    }
    return ret < 0 ? ret : n;
}

static int frames(Work *k, FgError *err)
{
    FgCompare *c = k->c;
    int stride = 1, ra = 0, rb = 0, ret = 0;
    for (int n = 0; !k->o->max_frames || n < k->o->max_frames; n++) {
        ra = fg_clip_next(k->a.clip, &k->a.pic, err);
        rb = ra < 0 ? ra : fg_clip_next(k->b.clip, &k->b.pic, err);
        if (ra < 0 || rb < 0)
            return ra < 0 ? ra : rb;
        if (!ra || !rb)
            break;
        ret = one(k, n, &stride, err);
        fg_picture_free(&k->a.pic);
        fg_picture_free(&k->b.pic);
        if (ret < 0)
            return ret;
    }
    if (!c->nb)
        return fg_error(err, -EINVAL, "%s, %s: no frames to compare", k->o->a,
                        k->o->b);
    if (ra && !rb && (ret = count_rest(k->a.clip, err)) >= 0)
        c->more_a = ret + 1;
    if (!ra && rb && (ret = count_rest(k->b.clip, err)) >= 0)
        c->more_b = ret + 1;
    return ret < 0 ? ret : 0;
}

static void close_side(Side *s)
{
    fg_clip_close(&s->clip);
    fg_picture_free(&s->pic);
    fg_flow_free(&s->flow);
    free(s->luma);
}

int fg_compare_run(FgCompare *c, const FgCompareOptions *o, FgError *err)
{
    Work k = {.c = c, .o = o};
    memset(c, 0, sizeof(*c));
    c->name_a = o->a;
    c->name_b = o->b;
    int ret = fg_clip_open(&k.a.clip, o->a, err);
    if (ret >= 0)
        ret = fg_clip_open(&k.b.clip, o->b, err);
    if (ret >= 0)
        ret = frames(&k, err);
    close_side(&k.a);
    close_side(&k.b);
    fg_pool_free(&k.pool);
    if (ret < 0)
        fg_compare_free(c);
    return ret;
}

void fg_compare_free(FgCompare *c)
{
    for (int i = 0; i < c->nb_shots; i++) {
        free(c->shot[i].a);
        free(c->shot[i].b);
    }
    free(c->frame);
    memset(c, 0, sizeof(*c));
}
