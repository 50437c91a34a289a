/* ffgan: is the file what was written?
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/mem.h>

#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Check {
    const FgOutput *o;
    AVFormatContext *fmt;
    int *track; /* [streams of fmt] stream of the muxer, -1 = none */
    int64_t *packets;
    int64_t first, end; /* of the picture, AV_TIME_BASE */
} Check;

/* Attached files and covers have no packets and change places. */
static int is_track(const AVStream *st)
{
    const enum AVMediaType t = st->codecpar->codec_type;
    return (t == AVMEDIA_TYPE_VIDEO || t == AVMEDIA_TYPE_AUDIO ||
            t == AVMEDIA_TYPE_SUBTITLE) &&
           !(st->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

static int bad(const FgOutput *o, FgError *err, const char *what, int64_t is,
               int64_t should)
{
    fg_error(err, 0,
             "%s: check failed: %s: %lld in the file, %lld written; nothing "
             "was kept",
             fg_show(o->job->output), what, (long long)is, (long long)should);
    return FG_EXIT_BUG;
}

static int no_memory(FgError *err)
{
    fg_error(err, 0, "no memory");
    return FG_EXIT_RETRY;
}

static int match_tracks(Check *c, FgError *err)
{
    const FgOutput *const o = c->o;
    const unsigned nb = c->fmt->nb_streams;
    unsigned j = 0;
    int64_t is = 0, should = 0;
    c->track = av_malloc_array(nb, sizeof(*c->track));
    c->packets = av_calloc(o->mux->nb_streams, sizeof(*c->packets));
    if (!c->track || !c->packets)
        return no_memory(err);
    for (unsigned i = 0; i < nb; i++) {
        c->track[i] = -1;
        if (!is_track(c->fmt->streams[i]))
            continue;
        is++;
        while (j < o->mux->nb_streams && !is_track(o->mux->streams[j]))
            j++;
        if (j < o->mux->nb_streams)
            c->track[i] = (int)j++;
    }
    for (unsigned i = 0; i < o->mux->nb_streams; i++)
        should += is_track(o->mux->streams[i]);
    return is == should ? 0 : bad(o, err, "tracks", is, should);
}

static void count(Check *c, const AVPacket *pkt)
{
    const int to = c->track[pkt->stream_index];
    const AVRational tb = c->fmt->streams[pkt->stream_index]->time_base;
    if (to < 0 || (to == c->o->video && (pkt->flags & AV_PKT_FLAG_DISCARD)))
        return;
    c->packets[to] += fg_output_counts_bytes(c->o->mux->streams[to]) ? pkt->size
                                                                     : 1;
    if (to != c->o->video || pkt->pts == AV_NOPTS_VALUE)
        return;
    const int64_t t = av_rescale_q(pkt->pts, tb, AV_TIME_BASE_Q);
    const int64_t e = av_rescale_q(pkt->pts + pkt->duration, tb,
                                   AV_TIME_BASE_Q);
    if (t < c->first)
        c->first = t;
    if (e > c->end)
        c->end = e;
}

static int read_packets(Check *c)
{
    AVPacket *pkt = av_packet_alloc();
    int ret = pkt ? 0 : AVERROR(ENOMEM);
    while (ret >= 0 && !fg_stop_signal()) {
        ret = av_read_frame(c->fmt, pkt);
        if (ret < 0)
            break;
        if ((unsigned)pkt->stream_index < c->fmt->nb_streams && c->track)
            count(c, pkt);
        av_packet_unref(pkt);
    }
    av_packet_free(&pkt);
    return ret == AVERROR_EOF ? 0 : ret;
}

/* Containers that keep one packet one packet, and times as they are. */
static int keeps_packets(const FgOutput *o)
{
    static const char *const names[] = {"matroska", "webm", "mov", "mp4",
                                        "ipod"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(o->format->name, names[i]))
            return 1;
    return 0;
}

/* MP4 in fragments has no edit lists: a late start is all it can say. */
static int is_fragmented(const FgOutput *o)
{
    static const char *const words[] = {"frag", "empty_moov", "dash", "cmaf",
                                        "isml"};
    const FgPreset *const p = o->job->preset;
    for (int i = 0; i < p->nb_mux_opts; i++)
        for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++)
            if (!strcmp(p->mux_opts[i].key, "movflags") &&
                strstr(p->mux_opts[i].value, words[w]))
                return 1;
    return 0;
}

static int compare(const Check *c, FgError *err)
{
    const FgOutput *const o = c->o;
    const int64_t tick = av_rescale_q(1, o->mux->streams[o->video]->time_base,
                                      AV_TIME_BASE_Q);
    const int64_t tolerance = tick + 1000;
    const int64_t frames = o->packets[o->video];
    if (c->packets[o->video] != frames)
        return bad(o, err, "frames", c->packets[o->video], frames);
    if (!keeps_packets(o))
        return 0;
    for (unsigned i = 0; i < o->mux->nb_streams; i++)
        if (is_track(o->mux->streams[i]) && c->packets[i] != o->packets[i])
            return bad(o, err,
                       fg_output_counts_bytes(o->mux->streams[i])
                           ? "bytes of a copied stream"
                           : "packets of a copied stream",
                       c->packets[i], o->packets[i]);
    if (o->first_pts >= 0 && !is_fragmented(o) &&
        llabs(c->first - o->first_pts) > tolerance)
        return bad(o, err, "first time in us", c->first, o->first_pts);
    const int64_t length = c->end - c->first, want = o->end_pts - o->first_pts;
    /* A last frame's length is not kept by every container. */
    if (frames > 1 && length < want - (want / frames) * 2 - 2 * tolerance)
        return bad(o, err, "duration in us", length, want);
    return 0;
}

static int open_again(Check *c, FgError *err)
{
    char *const url = fg_format("file:%s", c->o->temp);
    int ret = url ? avformat_open_input(&c->fmt, url, NULL, NULL)
                  : AVERROR(ENOMEM);
    free(url);
    if (ret >= 0 && !keeps_packets(c->o))
        ret = avformat_find_stream_info(c->fmt, NULL);
    if (ret >= 0)
        return 0;
    fg_error(err, 0, "%s: check failed: it cannot be read back: %s",
             fg_show(c->o->job->output), fg_strerror(ret));
    return ret == AVERROR(ENOMEM) ? FG_EXIT_RETRY : FG_EXIT_BUG;
}

int fg_output_verify(const FgOutput *o, FgError *err)
{
    Check c = {.o = o, .first = INT64_MAX, .end = INT64_MIN};
    if (!o->header)
        return 0;
    int ret = open_again(&c, err);
    if (!ret)
        ret = match_tracks(&c, err);
    if (!ret) {
        const int read = read_packets(&c);
        if (read < 0)
            ret = bad(o, err, fg_strerror(read), c.packets[o->video],
                      o->packets[o->video]);
    }
    if (!ret && !fg_stop_signal())
        ret = compare(&c, err);
    av_free(c.track);
    av_free(c.packets);
    avformat_close_input(&c.fmt);
    return ret;
}
