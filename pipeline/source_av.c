/* ffgan: first stage: demux, decode.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/frame.h>

#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/exr.h"
#include "pipeline/index.h"
#include "pipeline/output.h"
#include "pipeline/run.h"
#include "pipeline/util.h"

enum { EARLY_MAX = 64 };

typedef struct Source {
    FgRun *run;
    FgInput *in;
    AVFrame *frame;
    int64_t from, to; /* sample, in AV_TIME_BASE units; to INT64_MAX = all */
    int64_t packets;  /* of the picture */
    int64_t hidden;   /* packets that show nothing, by their own word */
    int64_t hidden_from, hidden_to; /* their times */
    int64_t dts_from, dts_to;       /* of all packets, AV_NOPTS_VALUE = none */
    int64_t off_from, off_to;       /* pts - dts of shown ones */
    int64_t shown_from, shown_to;   /* from the first to the last one's end */
    int64_t gaps;      /* frames that a constant rate would have and are not */
    int64_t corrupt;   /* packets of broadcast that were damaged on the way */
    int64_t last_pts;  /* of the last frame sent */
    int64_t first_pts; /* of the first frame */
    int64_t early[EARLY_MAX]; /* times of packets before the first frame */
    int nb_early;
    int64_t damaged, moved;
    int past_end;     /* the sample is over */
    int64_t shown_us; /* largest end of any packet, AV_TIME_BASE */
    double started;
    /* A part of a job. */
    int64_t next;  /* frame of the index that is due */
    int64_t key;   /* of the index, where reading began; -1 = the start */
    int await_key; /* 1: packets before the first key frame are passed over */
} Source;

static double frame_seconds(const Source *s, int64_t pts)
{
    return (double)pts * av_q2d(s->in->time_base);
}

static int whole_input(const Source *s)
{
    return s->to == INT64_MAX && !s->run->job->max_frames && !s->past_end;
}

static int damaged(Source *s, int64_t pts, const char *what)
{
    FgRun *const run = s->run;
    char cause[256], at[48] = "";
    fg_log_cause(cause, sizeof(cause));
    s->damaged++;
    if (run->job->allow_errors)
        return 0;
    if (pts != AV_NOPTS_VALUE)
        snprintf(at, sizeof(at), " at %.3f s", frame_seconds(s, pts));
    return fg_run_fail(run, FG_EXIT_DATA,
                       "%s: %s after %lld frames%s%s%s%s; --allow-errors goes "
                       "on",
                       fg_show(s->in->path), what, (long long)run->decoded,
                       s->in->pictures.nb ? "" : at, *cause ? " (" : "", cause,
                       *cause ? ")" : "");
}

/* Ticks that a frame lasts, 0 = not known. */
static int64_t frame_step(const Source *s)
{
    const AVRational rate = s->in->frame_rate;
    return rate.num > 0 ? av_rescale_q(1, av_inv_q(rate), s->in->time_base) : 0;
}

static int is_broadcast(const FgInput *in)
{
    return in->fmt && (in->fmt->iformat->flags & AVFMT_TS_DISCONT);
}

/* Broadcast counts nothing: frames that are missing are seen by their times. */
static void note_gap(Source *s, int64_t pts)
{
    const int64_t step = frame_step(s);
    if (step > 1 && s->in->cfr && is_broadcast(s->in) &&
        s->last_pts != AV_NOPTS_VALUE)
        s->gaps += (pts - s->last_pts - step / 2) / step;
}

/* Times must rise for every encoder. */
static void fix_time(Source *s, AVFrame *f)
{
    int64_t pts = f->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE)
        pts = f->pts;
    if (pts == AV_NOPTS_VALUE && s->last_pts == AV_NOPTS_VALUE)
        pts = 0;
    if (pts == AV_NOPTS_VALUE ||
        (s->last_pts != AV_NOPTS_VALUE && pts <= s->last_pts)) {
        const int64_t step = pts == AV_NOPTS_VALUE && s->in->frame_rate.num > 0
                                 ? av_rescale_q(1, av_inv_q(s->in->frame_rate),
                                                s->in->time_base)
                                 : 1;
        if (pts != AV_NOPTS_VALUE && !s->moved++)
            fg_report_warn(s->run->report,
                           "frame %lld has no rising time: moved to follow "
                           "the one before (more may follow)",
                           (long long)s->run->decoded);
        pts = s->last_pts + (step > 0 ? step : 1);
    }
    note_gap(s, pts);
    f->pts = pts;
    s->last_pts = pts;
}

/* Listing only. */
static int list_frame(Source *s, AVFrame *f)
{
    FgRun *const run = s->run;
    const int ret = fg_index_add_frame(run->indexing, f->pts, f->duration);
    if (ret < 0)
        return fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    if (!run->decoded++ && fg_graph_probe(run, f) < 0)
        return -1;
    av_frame_unref(f);
    return 0;
}

static int push_frame(Source *s)
{
    FgRun *const run = s->run;
    if (run->indexing)
        return list_frame(s, s->frame);
    AVFrame *f = av_frame_alloc();
    if (!f)
        return fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    av_frame_move_ref(f, s->frame);
    run->decoded++;
    return fg_queue_push(run->frames, (FgItem){FG_ITEM_FRAME, f});
}

/* The sample's window; its times start at zero. */
static int in_sample(Source *s, AVFrame *f)
{
    if (s->to == INT64_MAX)
        return 1;
    const int64_t t = av_rescale_q(f->pts, s->in->time_base, AV_TIME_BASE_Q);
    if (t >= s->to)
        s->past_end = 1;
    if (t < s->from || t >= s->to)
        return 0;
    f->pts -= av_rescale_q(s->from, AV_TIME_BASE_Q, s->in->time_base);
    return 1;
}

/* 1: the frame is one of the part's; 0: it lies before; -1: the input is not
 * what was indexed. */
static int in_part(Source *s, AVFrame *f)
{
    const FgJob *const job = s->run->job;
    const FgIndex *const x = job->index;
    const int64_t end = job->in_to;
    if (f->pts < x->pts[s->next] && s->next == job->in_from)
        return 0;
    if (f->pts != x->pts[s->next])
        return fg_run_fail(s->run, FG_EXIT_DATA,
                           "%s: frame %lld is at %.6f s, and was at %.6f s "
                           "when the job was planned",
                           fg_show(s->in->path), (long long)s->next,
                           frame_seconds(s, f->pts),
                           frame_seconds(s, x->pts[s->next]));
    f->duration = s->next + 1 < x->nb ? x->pts[s->next + 1] - x->pts[s->next]
                                      : x->last_length;
    if (++s->next == end)
        s->run->full = 1;
    return 1;
}

static int crop(const Source *s, AVFrame *f)
{
    const int *const c = s->in->crop;
    const int ret = fg_device_crop(f);
    if (ret < 0)
        return fg_run_fail(s->run, FG_EXIT_DEVICE,
                           "%s: a frame does not come out of GPU memory: %s",
                           fg_show(s->in->path), fg_strerror(ret));
    if (!c[0] && !c[1] && !c[2] && !c[3])
        return 0;
    f->crop_top = (size_t)c[0];
    f->crop_bottom = (size_t)c[1];
    f->crop_left = (size_t)c[2];
    f->crop_right = (size_t)c[3];
    return av_frame_apply_cropping(f, AV_FRAME_CROP_UNALIGNED) < 0
               ? fg_run_fail(s->run, FG_EXIT_DATA,
                             "%s: its container's crop does not fit a frame",
                             fg_show(s->in->path))
               : 0;
}

static int take_frame(Source *s)
{
    FgRun *const run = s->run;
    AVFrame *const f = s->frame;
    if (crop(s, f) < 0)
        return -1;
    if (s->in->fmt) /* containers overrule codecs, as everywhere */
        f->sample_aspect_ratio = av_guess_sample_aspect_ratio(
            s->in->fmt, s->in->fmt->streams[s->in->video], f);
    fix_time(s, f);
    if (s->first_pts == AV_NOPTS_VALUE)
        s->first_pts = f->pts;
    const int inside = run->job->index ? in_part(s, f) : 1;
    if (inside <= 0) {
        av_frame_unref(f);
        return inside;
    }
    const int bad = (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags;
    if (bad && damaged(s, f->pts, "damaged picture") < 0)
        return -1;
    if (!in_sample(s, f)) {
        av_frame_unref(f);
        return 0;
    }
    if (push_frame(s) < 0)
        return -1;
    const FgJob *const job = run->job;
    if ((job->max_frames && run->decoded >= job->max_frames) ||
        (job->max_seconds > 0 && run->decoded >= 3 &&
         fg_now() - s->started > job->max_seconds))
        run->full = 1;
    return 0;
}

static int take_frames(Source *s)
{
    while (!s->run->full && !s->past_end) {
        const int ret = avcodec_receive_frame(s->in->dec, s->frame);
        if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
            return 0;
        if (ret == AVERROR(ENOMEM))
            return fg_run_fail(s->run, FG_EXIT_RETRY, "no memory");
        if (ret < 0) {
            if (damaged(s, AV_NOPTS_VALUE, "damaged picture") < 0)
                return -1;
            continue;
        }
        if (take_frame(s) < 0)
            return -1;
    }
    return 0;
}

static int decode(Source *s, const AVPacket *pkt)
{
    if (s->in->exr)
        return 0; /* nothing is inside */
    int ret = avcodec_send_packet(s->in->dec, pkt);
    if (ret == AVERROR(EAGAIN)) {
        if (take_frames(s) < 0)
            return -1;
        ret = avcodec_send_packet(s->in->dec, pkt);
    }
    if (ret == AVERROR(ENOMEM))
        return fg_run_fail(s->run, FG_EXIT_RETRY, "no memory");
    if (ret < 0 && ret != AVERROR_EOF &&
        damaged(s, pkt ? pkt->pts : AV_NOPTS_VALUE,
                "picture cannot be decoded") < 0)
        return -1;
    return take_frames(s);
}

/* Damage that the demuxer saw, and pictures whose decoders see none. Broadcast
 * streams are cut and joined everywhere: their pictures decide there. */
static int check_packet(Source *s, const AVPacket *pkt)
{
    const FgInput *const in = s->in;
    if (in->pictures.nb)
        return fg_picture_is_whole(pkt->data, (size_t)pkt->size,
                                   in->dec->codec_id)
                   ? 0
                   : damaged(s, AV_NOPTS_VALUE, "picture is cut short");
    if (!(pkt->flags & AV_PKT_FLAG_CORRUPT))
        return 0;
    if (!is_broadcast(in))
        return damaged(s, AV_NOPTS_VALUE, "cut or damaged packet");
    s->corrupt += pkt->stream_index == in->video;
    return 0;
}

/* Reading starts at a key frame of the index, or at the very start. */
static int go_to_key(Source *s)
{
    const FgInput *const in = s->in;
    const FgIndex *const x = s->run->job->index;
    const int64_t shift = av_rescale_q(fg_times_shift(in->times),
                                       AV_TIME_BASE_Q, in->time_base);
    const int64_t ts = s->key >= 0 ? x->key[s->key].seek - shift : INT64_MIN;
    s->await_key = s->key >= 0;
    const int ret = avformat_seek_file(in->fmt, in->video, INT64_MIN, ts,
                                       s->key >= 0 ? ts : INT64_MAX, 0);
    return ret < 0
               ? fg_run_fail(s->run, FG_EXIT_DATA,
                             "%s: cannot go to %.3f s: %s", fg_show(in->path),
                             s->key >= 0 ? frame_seconds(s, ts) : 0.0,
                             fg_strerror(ret))
               : 0;
}

/* 1: the packet is passed over, or reading starts again from further ahead:
 * indexes of files may lead to a place behind the one that was asked for. */
static int before_key(Source *s, const AVPacket *pkt)
{
    const FgIndex *const x = s->run->job->index;
    if (!s->await_key)
        return 0;
    if (!(pkt->flags & AV_PKT_FLAG_KEY) || pkt->pts == AV_NOPTS_VALUE)
        return 1;
    if (pkt->pts <= x->pts[s->next]) {
        s->await_key = 0;
        return 0;
    }
    s->key = s->key > 1 ? s->key / 2 : -1;
    return go_to_key(s) < 0 ? -1 : 1;
}

static int list_key(Source *s, const AVPacket *pkt)
{
    FgIndex *const x = s->run->indexing;
    if (!x || !(pkt->flags & AV_PKT_FLAG_KEY) || pkt->pts == AV_NOPTS_VALUE ||
        (pkt->flags & AV_PKT_FLAG_DISCARD))
        return 0;
    return fg_index_add_key(x, pkt->pts, pkt->dts) < 0
               ? fg_run_fail(s->run, FG_EXIT_RETRY, "no memory")
               : 0;
}

static int exr_picture(Source *s, const AVPacket *pkt)
{
    FgError err = {{0}};
    AVFrame *f = NULL;
    s->packets++;
    int ret = fg_exr_read(s->in->path, &f, &err);
    if (ret == -ENOTSUP)
        fg_error(&err, ret, "%s: not of the kind of the first picture",
                 fg_show(s->in->path));
    if (ret)
        return fg_run_fail(s->run, fg_exit_input(ret), "%s", err.text);
    av_frame_unref(s->frame);
    av_frame_move_ref(s->frame, f);
    av_frame_free(&f);
    s->frame->pts = s->frame->best_effort_timestamp = pkt->pts;
    s->frame->duration = 1;
    return take_frame(s);
}

static int64_t least(int64_t a, int64_t b)
{
    return a == AV_NOPTS_VALUE || b < a ? b : a;
}

static int64_t most(int64_t a, int64_t b)
{
    return a == AV_NOPTS_VALUE || b > a ? b : a;
}

static void note_times(Source *s, const AVPacket *pkt)
{
    const int hidden = pkt->flags & AV_PKT_FLAG_DISCARD;
    s->hidden += hidden != 0;
    if (pkt->pts == AV_NOPTS_VALUE)
        return;
    if (!hidden && s->first_pts == AV_NOPTS_VALUE && s->nb_early < EARLY_MAX)
        s->early[s->nb_early++] = pkt->pts;
    if (!hidden) {
        s->shown_from = least(s->shown_from, pkt->pts);
        s->shown_to = most(s->shown_to, pkt->pts + pkt->duration);
    }
    if (pkt->dts == AV_NOPTS_VALUE)
        return;
    s->dts_from = least(s->dts_from, pkt->dts);
    s->dts_to = most(s->dts_to, pkt->dts);
    if (hidden) {
        s->hidden_from = least(s->hidden_from, pkt->pts);
        s->hidden_to = most(s->hidden_to, pkt->pts);
    } else {
        s->off_from = least(s->off_from, pkt->pts - pkt->dts);
        s->off_to = most(s->off_to, pkt->pts - pkt->dts);
    }
}

static int video_packet(Source *s, AVPacket *pkt)
{
    if (s->in->exr)
        return exr_picture(s, pkt);
    const int early = before_key(s, pkt);
    if (early || list_key(s, pkt) < 0) {
        av_packet_unref(pkt);
        return early > 0 ? 0 : -1;
    }
    s->packets++;
    if (check_packet(s, pkt) < 0)
        return -1;
    note_times(s, pkt);
    const int ret = decode(s, pkt);
    av_packet_unref(pkt);
    return ret;
}

static int other_packet(Source *s, AVPacket *pkt)
{
    FgRun *const run = s->run;
    if (fg_output_wants(run->output, pkt->stream_index) &&
        check_packet(s, pkt) < 0)
        return -1;
    const AVRational tb = s->in->fmt->streams[pkt->stream_index]->time_base;
    const int64_t ts = pkt->pts != AV_NOPTS_VALUE ? pkt->pts : pkt->dts;
    const int64_t t = ts == AV_NOPTS_VALUE
                          ? 0
                          : av_rescale_q(ts, tb, AV_TIME_BASE_Q);
    if (!fg_output_wants(run->output, pkt->stream_index) || run->indexing ||
        (s->to != INT64_MAX && (t < s->from || t >= s->to))) {
        av_packet_unref(pkt);
        return 0;
    }
    if (s->to != INT64_MAX) {
        const int64_t shift = av_rescale_q(s->from, AV_TIME_BASE_Q, tb);
        if (pkt->pts != AV_NOPTS_VALUE)
            pkt->pts -= shift;
        if (pkt->dts != AV_NOPTS_VALUE)
            pkt->dts -= shift;
    }
    AVPacket *p = av_packet_alloc();
    if (!p)
        return fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    av_packet_move_ref(p, pkt);
    return fg_queue_push(run->out, (FgItem){FG_ITEM_PACKET, p});
}

static void note_end(Source *s, const AVPacket *pkt)
{
    const AVRational tb =
        s->in->fmt ? s->in->fmt->streams[pkt->stream_index]->time_base
                   : s->in->time_base;
    if (pkt->pts == AV_NOPTS_VALUE)
        return;
    const int64_t end = av_rescale_q(pkt->pts + pkt->duration, tb,
                                     AV_TIME_BASE_Q);
    if (end > s->shown_us)
        s->shown_us = end;
}

static int read_all(Source *s, AVPacket *pkt)
{
    FgRun *const run = s->run;
    while (!run->failed && !run->full && !s->past_end) {
        int ret = fg_input_read(s->in, pkt);
        if (ret == AVERROR_EOF)
            break;
        if (ret < 0) {
            if (ret != AVERROR_INVALIDDATA && ret != AVERROR(EIO) &&
                ret != AVERROR(ENOMEM) && !s->in->pictures.nb)
                ret = AVERROR_INVALIDDATA;
            if (ret == AVERROR_INVALIDDATA && !s->in->pictures.nb) {
                if (damaged(s, AV_NOPTS_VALUE, "cannot be read on") < 0)
                    return -1;
                break;
            }
            return fg_run_fail(run, fg_exit_input(ret), "%s: %s",
                               fg_show(s->in->path), fg_strerror(ret));
        }
        note_end(s, pkt);
        const int picture = !s->in->fmt || pkt->stream_index == s->in->video;
        ret = picture ? video_packet(s, pkt) : other_packet(s, pkt);
        if (ret < 0)
            return -1;
    }
    return 0;
}

/* Codecs and containers where one packet is not always one picture. */
static int packets_are_pictures(const FgInput *in)
{
    static const char *const formats[] = {"mov", "matroska", "avi", "nut",
                                          "mxf", "flv",      "asf", "ivf"};
    if (in->pictures.nb)
        return 1;
    switch (in->dec->codec_id) {
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_MPEG4:
    case AV_CODEC_ID_MSMPEG4V3:
    case AV_CODEC_ID_WMV3:
    case AV_CODEC_ID_VC1:
        return 0;
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strstr(in->fmt->iformat->name, formats[i]))
            return 1;
    return 0;
}

/* Pictures before the first that can be shown (open GOP at the start). */
static int64_t leading(const Source *s)
{
    int64_t n = 0;
    for (int i = 0; i < s->nb_early; i++)
        n += s->first_pts != AV_NOPTS_VALUE && s->early[i] < s->first_pts;
    return n;
}

/* A cut Matroska file has no count, but says when it meant to end. */
static int too_short(const Source *s)
{
    const AVFormatContext *const fmt = s->in->fmt;
    if (!fmt)
        return 0;
    if (fg_log_premature())
        return 1;
    const int declared = strstr(fmt->iformat->name, "matroska") ||
                         !strcmp(fmt->iformat->name, "flv") ||
                         !strcmp(fmt->iformat->name, "mxf");
    return declared && fmt->duration > 0 &&
           s->shown_us < fmt->duration - 250000;
}

/* Formats where a key frame that was seen is found again. */
static int can_seek(const Source *s)
{
    static const char *const formats[] = {"mov", "matroska", "avi", "mxf",
                                          "mpegts"};
    if (s->in->pictures.nb)
        return 1;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strstr(s->in->fmt->iformat->name, formats[i]))
            return !s->moved && !s->damaged && !s->in->jumps;
    return 0;
}

static int check_part(Source *s)
{
    const FgJob *const job = s->run->job;
    if (s->run->failed || s->next == job->in_to)
        return 0;
    return fg_run_fail(s->run, FG_EXIT_DATA,
                       "%s: ends after frame %lld of %lld that were there when "
                       "the job was planned",
                       fg_show(s->in->path), (long long)s->next,
                       (long long)job->index->nb);
}

/* Pictures that an edit list hides lie at the ends of what is shown, which is
 * as long as the list says. Where one lies where nothing is ever decoded, or
 * others have no rising times, or the rest is too short, times are damaged. */
static int hides_too_much(const Source *s)
{
    const int64_t step = frame_step(s);
    const int64_t slack = s->off_to - s->off_from + 2 * step;
    const int64_t length = fg_input_stream(s->in)->duration;
    const int64_t least_length = length - step - step / 2 -
                                 av_rescale_q(2000, AV_TIME_BASE_Q,
                                              s->in->time_base);
    if (s->moved || (length > 0 && s->shown_to != AV_NOPTS_VALUE &&
                     s->shown_to - s->shown_from < least_length))
        return 1;
    return s->hidden_to != AV_NOPTS_VALUE && s->off_to != AV_NOPTS_VALUE &&
           (s->hidden_to > s->dts_to + s->off_to + slack ||
            s->hidden_from < s->dts_from + s->off_from - slack);
}

/* 1: damaged. Else the pictures that it hides are told of. */
static int check_hidden(const Source *s)
{
    const FgInput *const in = s->in;
    const int64_t n = s->hidden + in->left_out;
    if (n <= 0)
        return 0;
    if (hides_too_much(s))
        return 1;
    fg_report_warn(s->run->report,
                   "%s: its edit list hides %lld of %lld pictures",
                   fg_show(in->path), (long long)n,
                   (long long)(s->packets + in->left_out));
    return 0;
}

/* Broadcast may be damaged, and is told of. Two packets may be one picture
 * where there are fields. */
static void warn_broadcast(const Source *s, int64_t lost)
{
    const FgInput *const in = s->in;
    if (!is_broadcast(in))
        return;
    if (fg_input_stream(in)->codecpar->field_order > AV_FIELD_PROGRESSIVE ||
        lost > s->packets / 4 || lost < s->gaps)
        lost = s->gaps;
    if (lost > 0 || s->corrupt)
        fg_report_warn(s->run->report,
                       "%s: %lld packet(s) were damaged on their way, and "
                       "%lld frame(s) are missing",
                       fg_show(in->path), (long long)s->corrupt,
                       (long long)lost);
}

static int check_counts(Source *s)
{
    FgRun *const run = s->run;
    const FgInput *const in = s->in;
    const char *const path = fg_show(run->job->input);
    const int64_t lead = leading(s);
    const int64_t lost = packets_are_pictures(in)
                             ? s->packets - s->hidden - lead - run->decoded
                             : 0;
    const long long n = (long long)run->decoded;
    if (in->jumps && !run->failed)
        fg_report_warn(run->report,
                       "%s: %d jump(s) of the clock were closed: what follows "
                       "continues where it stopped",
                       path, in->jumps);
    if (run->failed || !whole_input(s))
        return 0;
    warn_broadcast(s, s->packets - s->hidden - lead - run->decoded);
    if (lead)
        fg_report_warn(run->report,
                       "%s: %lld picture(s) before the first whole one cannot "
                       "be shown",
                       path, (long long)lead);
    const int bad_times = check_hidden(s);
    if (run->job->allow_errors) {
        const int64_t all = (lost > 0 ? lost : 0) + (bad_times ? s->hidden : 0);
        if (s->damaged || all)
            fg_report_warn(run->report, "%s: %lld damaged, %lld lost pictures",
                           path, (long long)s->damaged, (long long)all);
        return 0;
    }
    if (in->promised > 0 && s->packets < in->promised)
        return fg_run_fail(run, FG_EXIT_DATA,
                           "%s: ends after %lld of %lld frames (cut short?); "
                           "--allow-errors takes what is there",
                           path, n, (long long)in->promised);
    if (bad_times)
        return fg_run_fail(run, FG_EXIT_DATA,
                           "%s: times of pictures are damaged, and %lld frames "
                           "are left; --allow-errors takes what is there",
                           path, n);
    if (lost > 0)
        return fg_run_fail(run, FG_EXIT_DATA,
                           "%s: only %lld of %lld frames could be decoded; "
                           "--allow-errors takes what is there",
                           path, n, n + (long long)lost);
    if (fg_log_broken())
        return fg_run_fail(run, FG_EXIT_DATA,
                           "%s: parts of it cannot be read, and %lld frames "
                           "are left; --allow-errors takes what is there",
                           path, n);
    if (too_short(s))
        return fg_run_fail(run, FG_EXIT_DATA,
                           "%s: ends after %lld frames at %.3f s of %.3f s "
                           "(cut short?); --allow-errors takes what is there",
                           path, n, (double)s->shown_us / AV_TIME_BASE,
                           (double)in->fmt->duration / AV_TIME_BASE);
    return 0;
}

static void set_window(Source *s)
{
    const FgJob *const job = s->run->job;
    s->from = s->in->start_us + (int64_t)(job->from_s * AV_TIME_BASE);
    s->to = job->len_s > 0 ? s->from + (int64_t)(job->len_s * AV_TIME_BASE)
                           : INT64_MAX;
    s->last_pts = s->first_pts = AV_NOPTS_VALUE;
    s->hidden_from = s->hidden_to = AV_NOPTS_VALUE;
    s->shown_from = s->shown_to = AV_NOPTS_VALUE;
    s->dts_from = s->dts_to = s->off_from = s->off_to = AV_NOPTS_VALUE;
    s->started = fg_now();
    s->shown_us = INT64_MIN;
    s->key = -1;
    if (!job->index)
        return;
    s->next = job->in_from;
    if (s->in->fmt && !job->from_start)
        s->key = fg_index_key(job->index, s->next);
}

static void work(Source *s, AVPacket *pkt)
{
    FgRun *const run = s->run;
    if (s->key >= 0 && go_to_key(s) < 0)
        return;
    if (read_all(s, pkt) < 0)
        return;
    if (!run->full && !s->past_end && decode(s, NULL) < 0) /* drain */
        return;
    if (run->job->index) {
        check_part(s);
        return;
    }
    if (run->indexing)
        run->indexing->seekable = can_seek(s);
    if (check_counts(s) < 0 || run->failed || run->decoded)
        return;
    fg_run_fail(run, FG_EXIT_DATA, "%s: no frame in it%s",
                fg_show(run->job->input),
                run->job->len_s > 0 ? " at the sample's place" : "");
}

void *fg_source_main(void *arg)
{
    FgRun *const run = arg;
    Source s = {.run = run, .in = run->input};
    AVPacket *pkt = av_packet_alloc();
    s.frame = av_frame_alloc();
    set_window(&s);
    if (pkt && s.frame)
        work(&s, pkt);
    else
        fg_run_fail(run, FG_EXIT_RETRY, "no memory");
    av_packet_free(&pkt);
    av_frame_free(&s.frame);
    fg_queue_finish(run->frames);
    fg_queue_finish(run->out);
    fg_run_stage_ends(run);
    return NULL;
}
