/* ffgan: times of packets that cannot stay: before zero, or after a jump.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include <libavutil/mathematics.h>
#include <libavutil/mem.h>

#include "pipeline/input.h"

/* As ffmpeg's dts_delta_threshold. */
static const int64_t jump_us = 10 * AV_TIME_BASE;

struct FgTimes {
    int joins;        /* 1: a format that is cut and joined, as broadcasts */
    int64_t shift_us; /* for times before zero */
    int64_t newest;   /* offset of what follows the newest jump */
    int64_t last;     /* newest time of any stream */
    int64_t *offset, *next; /* [streams] in us; next: when the next is due */
};

FgTimes *fg_times_alloc(const FgInput *in)
{
    FgTimes *t = av_mallocz(sizeof(*t));
    const unsigned nb = in->fmt->nb_streams;
    if (!t)
        return NULL;
    t->joins = !!(in->fmt->iformat->flags & AVFMT_TS_DISCONT);
    t->last = AV_NOPTS_VALUE;
    t->offset = av_calloc(nb, sizeof(*t->offset));
    t->next = av_malloc_array(nb, sizeof(*t->next));
    if (!t->offset || !t->next) {
        fg_times_free(&t);
        return NULL;
    }
    for (unsigned i = 0; i < nb; i++)
        t->next[i] = AV_NOPTS_VALUE;
    const int64_t start = in->fmt->streams[in->video]->start_time;
    /* Sound that starts before zero is the encoder's delay and stays. In whole
     * milliseconds, which every clock can tell. */
    if (start != AV_NOPTS_VALUE && start < 0 && in->start_us < 0)
        t->shift_us = (-in->start_us + 999) / 1000 * 1000;
    return t;
}

void fg_times_free(FgTimes **t)
{
    if (*t) {
        av_free((*t)->offset);
        av_free((*t)->next);
    }
    av_freep(t);
}

int64_t fg_times_shift(const FgTimes *t)
{
    return t ? t->shift_us : 0;
}

static int near(int64_t a, int64_t b)
{
    return b != AV_NOPTS_VALUE && llabs(a - b) <= jump_us;
}

/* The offset for a packet of stream i that says raw. A stream alone may pause
 * for long; when its time fits no other stream's either, it has jumped. The
 * others follow by the same offset, each when it comes to the place. */
static int64_t join(FgTimes *t, FgInput *in, int i, int64_t raw)
{
    if (t->next[i] == AV_NOPTS_VALUE && t->last == AV_NOPTS_VALUE)
        return 0;
    if (t->next[i] == AV_NOPTS_VALUE)
        t->next[i] = t->last;
    const int64_t now = raw + t->offset[i];
    if (near(now, t->next[i]) || near(now, t->last))
        return t->offset[i];
    if (near(raw + t->newest, t->next[i]) || near(raw + t->newest, t->last))
        return t->newest;
    in->jumps++;
    t->newest = t->next[i] - raw;
    return t->newest;
}

static void note(FgTimes *t, FgInput *in, const AVPacket *pkt, int64_t raw)
{
    const int i = pkt->stream_index;
    const AVRational tb = in->fmt->streams[i]->time_base;
    t->offset[i] = join(t, in, i, raw);
    t->last = raw + t->offset[i];
    t->next[i] = t->last + av_rescale_q(pkt->duration, tb, AV_TIME_BASE_Q);
}

void fg_times_fix(FgTimes *t, FgInput *in, AVPacket *pkt)
{
    const AVStream *const st = in->fmt->streams[pkt->stream_index];
    const enum AVMediaType type = st->codecpar->codec_type;
    const int64_t ts = pkt->dts != AV_NOPTS_VALUE ? pkt->dts : pkt->pts;
    if (t->joins && ts != AV_NOPTS_VALUE) {
        const int64_t raw = av_rescale_q(ts, st->time_base, AV_TIME_BASE_Q);
        if (type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO)
            note(t, in, pkt, raw);
        else
            t->offset[pkt->stream_index] = t->newest;
    }
    const int64_t add = av_rescale_q(t->offset[pkt->stream_index] + t->shift_us,
                                     AV_TIME_BASE_Q, st->time_base);
    if (pkt->pts != AV_NOPTS_VALUE)
        pkt->pts += add;
    if (pkt->dts != AV_NOPTS_VALUE)
        pkt->dts += add;
}
