/* ffgan: chunks of a job: joining them.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Presentation times are the plan's, which the packets must bear out.
 * Decoding times are made anew: with the frames' times T in order of
 * showing and D the most frames that any packet comes early, the n-th packet
 * is decoded at T[n - D]; the first D before T[0] in steps of T[1] - T[0]. So
 * joints leave no trace, at constant rates or not. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/mathematics.h>

#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/path_json.h"
#include "pipeline/receipt.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Join {
    const FgJobPlan *plan;
    FgTrack shown; /* the frames that come out; the plan's */
    FgReport *report;
    FgError *err;
    FgInput *in;
    FgOutput *out;
    FgStreamInfo stream;
    FgReceipt *receipt; /* [chunks] */
    int64_t *time;      /* [frames] in ticks of the stream, in order */
    int64_t *raw;       /* [frames] the same as the packets have it */
    int64_t delay;      /* D */
    /* Where we are. */
    int64_t chunk, packet; /* the next ones */
    FgPacketReader file;
    AVPacket *next; /* of the picture; data NULL = none read */
    int have_next, ended;
} Join;

static int fail(Join *j, int ret, const char *path)
{
    fg_error(j->err, 0, "%s: %s", fg_show(path), fg_strerror(ret));
    return fg_exit_input(ret);
}

/* ---- what there is ---- */

static int same_stream(const Join *j, int64_t k)
{
    const json_t *const a = json_object_get(j->receipt[0].json, "stream");
    const json_t *const b = json_object_get(j->receipt[k].json, "stream");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)a, key, v)
    {
        if (json_equal(v, json_object_get(b, key)))
            continue;
        fg_error(j->err, 0,
                 "%s: chunk %lld cannot be joined to chunk 0: the encoder gave "
                 "it another '%s'",
                 fg_show(j->plan->folder), (long long)k, key);
        return FG_EXIT_CONFIG;
    }
    return 0;
}

static int read_receipts(Join *j)
{
    const FgJobPlan *const p = j->plan;
    for (int64_t k = 0; k < p->nb_chunks; k++) {
        int ret = fg_receipt_read(&j->receipt[k], p, k, j->err);
        if (!ret)
            ret = fg_receipt_check(&j->receipt[k], p, 1, j->err);
        if (ret)
            return fg_receipt_exit(ret);
        ret = p->job.pictures_out ? 0 : same_stream(j, k);
        if (ret)
            return ret;
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* How early the packets of a chunk come: sorted against as they are. */
static void learn_delay(Join *j, const int64_t *sorted, const int64_t *coded,
                        int64_t nb)
{
    for (int64_t n = 0; n < nb; n++) {
        const int64_t *const at = bsearch(&coded[n], sorted, (size_t)nb,
                                          sizeof(*sorted), by_time);
        if (at && n - (at - sorted) > j->delay)
            j->delay = n - (at - sorted);
    }
}

/* Chunk k's times into time[from..to). */
static int read_times(Join *j, int64_t k)
{
    const FgReceipt *const r = &j->receipt[k];
    const int64_t nb = r->to - r->from;
    int64_t *const sorted = j->raw + r->from;
    int64_t *const coded = malloc((size_t)nb * sizeof(*coded));
    FgPacketReader f;
    int64_t n = 0;
    int ret = coded ? fg_packets_open(&f, r->file) : -ENOMEM;
    while (!ret && (ret = fg_packets_read(&f, j->next, 1)) > 0) {
        ret = n < nb ? 0 : -EINVAL;
        if (!ret)
            coded[n++] = j->next->pts;
    }
    if (coded)
        fg_packets_close(&f);
    if (!ret && n != nb)
        ret = -EINVAL;
    if (!ret) {
        memcpy(sorted, coded, (size_t)nb * sizeof(*coded));
        qsort(sorted, (size_t)nb, sizeof(*sorted), by_time);
        learn_delay(j, sorted, coded, nb);
    }
    free(coded);
    return ret ? fail(j, ret, r->file) : 0;
}

/* Encoders with a clock of their own round by up to 2 ms (sink.c). */
static int take_time(Join *j, int64_t g)
{
    const FgJobPlan *const p = j->plan;
    const double tick = av_q2d(j->stream.tb);
    const int64_t want = av_rescale_q(j->shown.pts[g], j->shown.tb,
                                      j->stream.tb);
    j->time[g] = want;
    if (fabs((double)(j->raw[g] - want) * tick) <= 0.0021 &&
        (!g || want > j->time[g - 1]))
        return 0;
    fg_error(j->err, 0, "%s: frame %lld is at %.6f s, and the plan says %.6f s",
             fg_show(p->folder), (long long)g, (double)j->raw[g] * tick,
             (double)want * tick);
    return FG_EXIT_BUG;
}

static int learn_times(Join *j)
{
    const FgJobPlan *const p = j->plan;
    int ret = 0;
    for (int64_t k = 0; k < p->nb_chunks && !ret; k++)
        ret = read_times(j, k);
    for (int64_t g = 0; g < j->shown.nb && !ret; g++)
        ret = take_time(j, g);
    av_packet_unref(j->next);
    return ret;
}

/* ---- writing ---- */

static int64_t decode_time(const Join *j, int64_t n)
{
    const int64_t nb = j->shown.nb;
    if (n >= j->delay)
        return j->time[n - j->delay];
    const int64_t step = nb > 1 ? j->time[1] - j->time[0] : 1;
    return j->time[0] - (j->delay - n) * step;
}

static void set_times(Join *j, AVPacket *pkt)
{
    const FgReceipt *const r = &j->receipt[j->chunk];
    const int64_t *const at = bsearch(&pkt->pts, j->raw + r->from,
                                      (size_t)(r->to - r->from),
                                      sizeof(*j->raw), by_time);
    const int64_t g = at ? at - j->raw : j->packet;
    pkt->pts = j->time[g];
    if (g + 1 < j->shown.nb)
        pkt->duration = j->time[g + 1] - j->time[g];
    if (j->plan->nb_chunks > 1)
        pkt->dts = decode_time(j, j->packet);
}

/* The next packet of the picture into j->next, with its new times. */
static int read_next(Join *j)
{
    int ret = 0;
    while (!j->have_next && !j->ended) {
        if (!j->file.f && j->chunk == j->plan->nb_chunks) {
            j->ended = 1;
            break;
        }
        if (!j->file.f)
            ret = fg_packets_open(&j->file, j->receipt[j->chunk].file);
        if (!ret)
            ret = fg_packets_read(&j->file, j->next, 0);
        if (ret < 0)
            return fail(j, ret, j->receipt[j->chunk].file);
        j->have_next = ret;
        ret = 0;
        if (j->have_next)
            break;
        fg_packets_close(&j->file);
        j->chunk++;
    }
    if (!j->have_next)
        return 0;
    set_times(j, j->next);
    j->packet++;
    return 0;
}

static int write_next(Join *j)
{
    j->have_next = 0;
    return fg_output_write(j->out, j->next, 1, j->err);
}

/* All pictures that are decoded before that time. */
static int pictures_until(Join *j, int64_t us)
{
    int ret = 0;
    while (!ret && !j->ended && !fg_stop_signal()) {
        if (!j->have_next)
            ret = read_next(j);
        if (ret || !j->have_next ||
            av_compare_ts(j->next->dts, j->stream.tb, us, AV_TIME_BASE_Q) > 0)
            break;
        ret = write_next(j);
    }
    return ret;
}

static int copy_packet(Join *j, AVPacket *pkt)
{
    const AVRational tb = j->in->fmt->streams[pkt->stream_index]->time_base;
    const int64_t ts = pkt->dts != AV_NOPTS_VALUE ? pkt->dts : pkt->pts;
    int ret = 0;
    if ((pkt->flags & AV_PKT_FLAG_CORRUPT) && !j->plan->job.allow_errors &&
        !(j->in->fmt->iformat->flags & AVFMT_TS_DISCONT)) {
        fg_error(j->err, 0,
                 "%s: cut or damaged packet of stream %d; --allow-errors goes "
                 "on",
                 fg_show(j->plan->input), pkt->stream_index);
        return FG_EXIT_DATA;
    }
    if (ts != AV_NOPTS_VALUE)
        ret = pictures_until(j, av_rescale_q(ts, tb, AV_TIME_BASE_Q));
    return ret ? ret : fg_output_write(j->out, pkt, 0, j->err);
}

static int copy_all(Join *j)
{
    AVPacket *pkt = av_packet_alloc();
    int ret = pkt ? 0 : fail(j, AVERROR(ENOMEM), j->plan->folder);
    while (pkt && !ret && j->in->fmt && !fg_stop_signal()) {
        const int got = fg_input_read(j->in, pkt);
        if (got < 0 && got != AVERROR_EOF && !j->plan->job.allow_errors)
            ret = fail(j, got, j->plan->input);
        if (got < 0)
            break;
        if (pkt->stream_index != j->in->video &&
            fg_output_wants(j->out, pkt->stream_index))
            ret = copy_packet(j, pkt);
        av_packet_unref(pkt);
    }
    av_packet_free(&pkt);
    return ret ? ret : pictures_until(j, INT64_MAX);
}

/* Says, before the output gets its name, that it is this job's. */
static int sign(const Join *j)
{
    struct stat st = {.st_size = 0};
    char *const path = fg_format("%s/joined.json", j->plan->folder);
    char text[160];
    int ret = !path ? -ENOMEM : stat(j->out->temp, &st) < 0 ? -errno : 0;
    if (!ret) {
        snprintf(text, sizeof(text), "{\"inode\": %lld, \"bytes\": %lld}\n",
                 (long long)st.st_ino, (long long)st.st_size);
        ret = fg_write_file(path, text, strlen(text), 1);
    }
    if (ret)
        fg_error(j->err, 0, "%s: cannot write it: %s",
                 fg_show(path ? path : j->plan->folder), strerror(-ret));
    free(path);
    return ret ? fg_exit_output(ret) : 0;
}

static int finish(Join *j)
{
    const int sig = fg_stop_signal();
    if (sig) {
        fg_error(j->err, 0, "stopped by %s", strsignal(sig));
        return FG_EXIT_SIGNAL + sig;
    }
    if (j->packet != j->shown.nb) {
        fg_error(j->err, 0, "%s: %lld frames joined of %lld",
                 fg_show(j->plan->folder), (long long)j->packet,
                 (long long)j->shown.nb);
        return FG_EXIT_BUG;
    }
    int ret = fg_output_finish(j->out, j->err);
    if (!ret)
        ret = fg_output_verify(j->out, j->err);
    if (!ret)
        ret = sign(j);
    return ret ? ret : fg_output_commit(j->out, j->err);
}

static int join(Join *j, FgJob *job)
{
    const FgJobPlan *const p = j->plan;
    int ret = read_receipts(j);
    if (ret || p->job.pictures_out)
        return ret;
    job->temp_dir = p->folder;
    j->next = av_packet_alloc();
    if (!j->next)
        return fail(j, AVERROR(ENOMEM), p->folder);
    FgStreamInfo stream;
    ret = fg_receipt_stream(&j->receipt[0], &stream, j->err);
    j->stream = stream;
    if (ret < 0)
        return fg_receipt_exit(ret);
    ret = learn_times(j);
    if (!ret)
        ret = fg_input_open(&j->in, job, j->err);
    j->report->muted = 1; /* said when the job was planned */
    if (!ret)
        ret = fg_output_plan(&j->out, job, j->in, j->report, j->err);
    j->report->muted = 0;
    if (!ret)
        ret = fg_output_start(j->out, &j->stream, j->err);
    if (!ret)
        ret = copy_all(j);
    return ret ? ret : finish(j);
}

int fg_job_plan_join(const FgJobPlan *p, FgReport *report, int64_t *bytes,
                     FgError *err)
{
    FgJob job = p->job; /* borrows */
    Join j = {.plan = p,
              .shown = fg_index_out(&p->index),
              .report = report,
              .err = err};
    j.receipt = calloc((size_t)p->nb_chunks, sizeof(*j.receipt));
    j.time = calloc((size_t)j.shown.nb, sizeof(*j.time));
    j.raw = calloc((size_t)j.shown.nb, sizeof(*j.raw));
    const int ret = j.receipt && j.time && j.raw
                        ? join(&j, &job)
                        : fail(&j, AVERROR(ENOMEM), p->folder);
    *bytes = j.out ? j.out->bytes : 0;
    for (int64_t k = 0; j.receipt && k < p->nb_chunks; k++) {
        if (p->job.pictures_out)
            *bytes += j.receipt[k].bytes;
        fg_receipt_free(&j.receipt[k]);
    }
    free(j.receipt);
    free(j.time);
    free(j.raw);
    fg_packets_close(&j.file);
    av_packet_free(&j.next);
    fg_stream_info_free(&j.stream);
    fg_output_free(&j.out);
    fg_input_close(&j.in);
    return ret;
}
