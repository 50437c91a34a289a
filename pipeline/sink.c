/* ffgan: last stage: encode, mux.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/mem.h>

#include "pipeline/encoder.h"
#include "pipeline/exit.h"
#include "pipeline/hash.h"
#include "pipeline/output.h"
#include "pipeline/run.h"
#include "pipeline/util.h"

/* Lengths of frames inside the encoder, by time: encoders that do not hand
 * them on are many, and a file's end time needs the last one. */
enum { LENGTHS = 1024 };

typedef struct Sink {
    FgRun *run;
    AVCodecContext *enc;
    int open;
    AVFrame *held; /* waits for the next frame's time */
    AVPacket *pkt;
    AVPacket **early; /* packets that came before the header */
    int nb_early, cap_early;
    int64_t pts[LENGTHS], length[LENGTHS];
    int64_t nb_lengths, last_pts, last_length;
    AVRational tb;    /* of frames and packets */
    int64_t base_pts; /* of the first frame */
} Sink;

static int keep_early(Sink *s, AVPacket *pkt)
{
    if (s->nb_early == s->cap_early) {
        const int cap = s->cap_early ? 2 * s->cap_early : 64;
        AVPacket **const more = av_realloc_array(s->early, (size_t)cap,
                                                 sizeof(void *));
        if (!more) {
            av_packet_free(&pkt);
            return fg_run_fail(s->run, FG_EXIT_RETRY, "no memory");
        }
        s->early = more;
        s->cap_early = cap;
    }
    s->early[s->nb_early++] = pkt;
    return 0;
}

static int write_packet(Sink *s, AVPacket *pkt, int enc)
{
    FgError err;
    const int ret = fg_output_write(s->run->output, pkt, enc, &err);
    return ret ? fg_run_fail(s->run, ret, "%s", err.text) : 0;
}

static int flush_early(Sink *s)
{
    int ret = 0;
    for (int i = 0; i < s->nb_early; i++) {
        if (!ret)
            ret = write_packet(s, s->early[i], 0);
        av_packet_free(&s->early[i]);
    }
    s->nb_early = 0;
    return ret;
}

static int open_all(Sink *s, const AVFrame *first)
{
    FgRun *const run = s->run;
    FgError err = {{0}};
    s->tb = first->time_base;
    s->base_pts = first->pts;
    s->open = 1;
    int ret = run->output->exr ? 0 : fg_encoder_open(&s->enc, run, first, &err);
    if (!ret && s->enc)
        ret = fg_output_open(run->output, s->enc, first, &err);
    return ret ? fg_run_fail(run, ret, "%s", err.text) : flush_early(s);
}

static void note_length(Sink *s, const AVFrame *f)
{
    const int64_t i = s->nb_lengths++ % LENGTHS;
    s->pts[i] = f->pts;
    s->length[i] = f->duration;
}

static int64_t length_of(const Sink *s, int64_t pts)
{
    const int64_t n = s->nb_lengths < LENGTHS ? s->nb_lengths : LENGTHS;
    for (int64_t i = 0; i < n; i++)
        if (s->pts[i] == pts)
            return s->length[i];
    return 0;
}

/* Encoders that count frames get the frame's number, and their packets get
 * the time back. Only where that is the same time. */
static int to_clock(Sink *s, AVFrame *f)
{
    const AVRational clock = s->enc->time_base;
    if (!av_cmp_q(clock, s->tb))
        return 0;
    const int64_t t = f->pts - s->base_pts;
    const int64_t n = av_rescale_q(t, s->tb, clock);
    const double off = (double)(av_rescale_q(n, clock, s->tb) - t) *
                       av_q2d(s->tb);
    if (fabs(off) > 0.002)
        return fg_run_fail(s->run, FG_EXIT_CONFIG,
                           "preset '%s': encoder %s takes a constant rate "
                           "only, and a frame is %.1f ms beside it: put "
                           "'fps' in the chain",
                           s->run->job->preset->name,
                           s->run->job->preset->codec, fabs(off) * 1e3);
    f->pts = n;
    f->duration = av_rescale_q(f->duration, s->tb, clock);
    f->time_base = clock;
    return 0;
}

static void from_clock(const Sink *s, AVPacket *pkt)
{
    if (!av_cmp_q(s->enc->time_base, s->tb))
        return;
    av_packet_rescale_ts(pkt, s->enc->time_base, s->tb);
    pkt->pts += s->base_pts;
    pkt->dts += s->base_pts;
}

static int take_packets(Sink *s)
{
    FgRun *const run = s->run;
    for (;;) {
        const int ret = avcodec_receive_packet(s->enc, s->pkt);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret < 0)
            return fg_run_fail(run, FG_EXIT_BUG, "encoder %s: %s",
                               run->job->preset->codec, fg_strerror(ret));
        s->pkt->duration = length_of(s, s->pkt->pts);
        from_clock(s, s->pkt);
        run->sink_bytes += s->pkt->size;
        run->encoded++;
        if (write_packet(s, s->pkt, 1) < 0)
            return -1;
    }
}

static int hash_of(uint64_t *hash, const AVFrame *f)
{
    AVFrame *copy = f->hw_frames_ctx ? av_frame_alloc() : NULL;
    int ret = 0;
    if (f->hw_frames_ctx)
        ret = copy ? av_hwframe_transfer_data(copy, f, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        *hash = fg_hash_frame(copy ? copy : f);
    av_frame_free(&copy);
    return ret;
}

/* What the filters made, whatever the encoder does with it. */
static int note_hash(FgRun *run, const AVFrame *f)
{
    if (run->nb_hash == run->cap_hash) {
        const int64_t cap = run->cap_hash ? 2 * run->cap_hash : 256;
        uint64_t *const more = realloc(run->hash, (size_t)cap * sizeof(*more));
        if (!more)
            return fg_run_fail(run, FG_EXIT_RETRY, "no memory");
        run->hash = more;
        run->cap_hash = cap;
    }
    const int ret = hash_of(&run->hash[run->nb_hash++], f);
    return ret < 0 ? fg_run_fail(run, FG_EXIT_BUG,
                                 "a frame does not come out of GPU memory: %s",
                                 fg_strerror(ret))
                   : 0;
}

static int write_frame(Sink *s, const AVFrame *f)
{
    FgError err;
    const int ret = fg_output_write_frame(s->run->output, f, &err);
    if (ret)
        return fg_run_fail(s->run, ret, "%s", err.text);
    s->run->encoded++;
    return 0;
}

static int encode(Sink *s, AVFrame *f)
{
    FgRun *const run = s->run;
    if (f && run->job->index && note_hash(run, f) < 0)
        return -1;
    if (!s->enc)
        return f ? write_frame(s, f) : 0;
    if (f && to_clock(s, f) < 0)
        return -1;
    if (f) {
        f->pict_type = AV_PICTURE_TYPE_NONE; /* the encoder decides */
        f->flags &= ~AV_FRAME_FLAG_KEY;
        f->quality = 0;
        note_length(s, f);
    }
    const int ret = avcodec_send_frame(s->enc, f);
    if (ret < 0)
        return fg_run_fail(
            run, ret == AVERROR(ENOMEM) ? FG_EXIT_RETRY : FG_EXIT_BUG,
            "encoder %s: %s", run->job->preset->codec, fg_strerror(ret));
    return take_packets(s);
}

/* A frame lasts until the next one; the last one as long as it says, or as
 * the one before. */
static int encode_held(Sink *s, const AVFrame *next)
{
    AVFrame *f = s->held;
    if (!f)
        return 0;
    s->held = NULL;
    if (next && next->pts > f->pts)
        f->duration = next->pts - f->pts;
    else if (f->duration <= 0)
        f->duration = s->last_length > 0 ? s->last_length : 1;
    s->last_length = f->duration;
    const int ret = encode(s, f);
    av_frame_free(&f);
    return ret;
}

static int take_frame(Sink *s, AVFrame *f)
{
    FgRun *const run = s->run;
    int ret = 0;
    run->last_frame_at = fg_now();
    if (run->first_frame_at <= 0)
        run->first_frame_at = run->last_frame_at;
    if (!s->open)
        ret = open_all(s, f);
    if (!ret && s->held && f->pts <= s->last_pts)
        f->pts = s->last_pts + 1; /* two frames in one tick of the clock */
    s->last_pts = f->pts;
    if (!ret)
        ret = encode_held(s, f);
    s->held = f; /* freed with the sink if not encoded */
    return ret;
}

static int take_item(Sink *s, FgItem item)
{
    if (item.kind == FG_ITEM_FRAME)
        return take_frame(s, item.value);
    AVPacket *pkt = item.value;
    if (!s->open)
        return keep_early(s, pkt);
    const int ret = write_packet(s, pkt, 0);
    av_packet_free(&pkt);
    return ret;
}

static int all_items(Sink *s)
{
    FgItem item;
    int ret;
    while ((ret = fg_queue_pop(s->run->out, &item)) > 0) {
        ret = take_item(s, item);
        if (ret < 0)
            return ret;
    }
    return ret;
}

void *fg_sink_main(void *arg)
{
    FgRun *const run = arg;
    Sink *s = av_mallocz(sizeof(*s));
    if (s) {
        s->run = run;
        s->pkt = av_packet_alloc();
    }
    if (!s || !s->pkt) {
        fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    } else if (!all_items(s) && !run->failed && s->open) {
        if (!encode_held(s, NULL))
            encode(s, NULL);
    }
    if (s) {
        av_frame_free(&s->held);
        av_packet_free(&s->pkt);
        for (int i = 0; i < s->nb_early; i++)
            av_packet_free(&s->early[i]);
        av_freep(&s->early);
        avcodec_free_context(&s->enc);
    }
    av_free(s);
    fg_run_stage_ends(run);
    return NULL;
}
