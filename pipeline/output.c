/* ffgan: the output: a media file, or numbered pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/avstring.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>

#include "pipeline/dpx.h"
#include "pipeline/exit.h"
#include "pipeline/exr.h"
#include "pipeline/job_plan.h"
#include "pipeline/layers.h"
#include "pipeline/output.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

enum { IO_BUFFER = 1 << 18 };

static int fail(const FgOutput *o, int ret, const char *what, FgError *err)
{
    char cause[256];
    const int code = o->io_err ? o->io_err : ret;
    const char *const path = fg_show(o->job->output);
    fg_log_cause(cause, sizeof(cause));
    if (fg_exit_output(code) == FG_EXIT_CONFIG && *cause)
        fg_error(err, 0, "%s: %s: %s (%s)", path, what, fg_strerror(code),
                 cause);
    else
        fg_error(err, 0, "%s: %s: %s", path, what, fg_strerror(code));
    return fg_exit_output(code);
}

static int choose_format(FgOutput *o, FgError *err)
{
    const char *const path = o->job->output;
    const char *const want = o->job->preset->container;
    const AVOutputFormat *by_name = av_guess_format(NULL, path, NULL);
    o->format = want ? av_guess_format(want, NULL, NULL) : by_name;
    if (!o->format) {
        fg_error(err, 0,
                 "%s: no container is known by '%s': use .mkv, .mp4, "
                 ".mov, .webm or another that libavformat writes",
                 fg_show(path), *fg_path_ext(path) ? fg_path_ext(path) : path);
        return FG_EXIT_USAGE;
    }
    if (by_name && by_name != o->format && o->format->extensions &&
        !av_match_ext(path, o->format->extensions)) {
        fg_error(err, 0,
                 "%s: preset '%s' writes %s: use a name that ends in "
                 "one of: %s",
                 fg_show(path), o->job->preset->name, o->format->name,
                 o->format->extensions);
        return FG_EXIT_USAGE;
    }
    if (o->format->flags & AVFMT_NOFILE) {
        fg_error(err, 0, "%s: '%s' is not a file format", fg_show(path),
                 o->format->name);
        return FG_EXIT_USAGE;
    }
    return 0;
}

int fg_output_plan(FgOutput **out, const FgJob *job, const FgInput *in,
                   FgReport *report, FgError *err)
{
    FgOutput *o = av_mallocz(sizeof(*o));
    *out = o;
    if (!o) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    o->job = job;
    o->input = in;
    o->report = report;
    o->fd = -1;
    o->first_pts = o->end_pts = AV_NOPTS_VALUE;
    o->first_number = job->start_number >= 0 ? job->start_number : 1;
    o->first_index = in->next_ahead;
    if (job->index) {
        o->first_number += job->from;
        o->first_index = job->from;
    }
    o->exr = job->pictures_out &&
             !strcasecmp(fg_path_ext(job->output), ".exr") &&
             !strcmp(job->preset->codec, "exr");
    int ret = job->discard || job->chunk_file
                  ? 0
                  : fg_provenance(&o->provenance, job->preset, err);
    if (!ret && o->exr) {
        ret = fg_layers_open(&o->layers, job->preset, job->threads, job->gpu,
                             err);
        ret = ret == -ENOMEM ? FG_EXIT_RETRY : ret ? FG_EXIT_CONFIG : 0;
    }
    if (ret || job->pictures_out)
        return ret;
    ret = choose_format(o, err);
    return ret || job->chunk_file ? ret : fg_streams_plan(o, report, err);
}

int64_t fg_output_number(const FgOutput *o, int64_t i)
{
    const FgSequence *const in = &o->input->pictures;
    const int64_t k = o->first_index + i;
    if (!in->nb)
        return o->first_number + i;
    /* Chains that make more frames go on behind the last. */
    return k < in->nb ? in->number[k] : in->number[in->nb - 1] + k - in->nb + 1;
}

static int on_write(void *opaque, const uint8_t *data, int size)
{
    FgOutput *const o = opaque;
    const int ret = fg_write_all(o->fd, data, (size_t)size);
    if (ret < 0 && !o->io_err)
        o->io_err = ret;
    return ret < 0 ? ret : size;
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
    FgOutput *const o = opaque;
    if (whence == AVSEEK_SIZE) {
        struct stat st;
        return fstat(o->fd, &st) < 0 ? AVERROR(errno) : st.st_size;
    }
    const off_t at = lseek(o->fd, offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

static int create_temp(FgOutput *o, const char *path)
{
    av_freep(&o->temp);
    char *const name = fg_temp_name(path, o->job->temp_dir);
    o->temp = name ? av_strdup(name) : NULL;
    free(name);
    if (!o->temp)
        return AVERROR(ENOMEM);
    /* A leftover of a dead process that had our number. */
    unlink(o->temp);
    o->fd = open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->fd < 0) {
        const int ret = AVERROR(errno);
        av_freep(&o->temp);
        return ret;
    }
    fg_stop_temp(o->temp);
    return 0;
}

/* Containers that get random numbers: the same frames give the same file
 * without them. */
static int is_random(const AVOutputFormat *f)
{
    static const char *const names[] = {"matroska", "webm", "mxf", "ogg"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strncmp(f->name, names[i], strlen(names[i])))
            return 1;
    return 0;
}

static int open_mux(FgOutput *o)
{
    int ret = avformat_alloc_output_context2(&o->mux, o->format, NULL, NULL);
    if (ret < 0)
        return ret;
    uint8_t *const buffer = av_malloc(IO_BUFFER);
    if (!buffer)
        return AVERROR(ENOMEM);
    o->mux->pb = avio_alloc_context(buffer, IO_BUFFER, 1, o, NULL, on_write,
                                    on_seek);
    if (!o->mux->pb) {
        av_free(buffer);
        return AVERROR(ENOMEM);
    }
    o->mux->flags |= AVFMT_FLAG_CUSTOM_IO |
                     (is_random(o->format) ? AVFMT_FLAG_BITEXACT : 0);
    /* Muxers that read their own file again (faststart) open this name. */
    av_freep(&o->mux->url);
    o->mux->url = av_asprintf("file:%s", o->temp);
    return o->mux->url ? 0 : AVERROR(ENOMEM);
}

/* The edit lists that carry the start of each track count in the movie's
 * ticks: 1/1000 s would round them. */
static int64_t movie_timescale(const FgOutput *o)
{
    int64_t t = 1000;
    for (unsigned i = 0; i < o->mux->nb_streams; i++) {
        const int64_t d = o->mux->streams[i]->time_base.den;
        if (d > 0 && t / av_gcd(t, d) <= INT32_MAX / 4 / d)
            t = t / av_gcd(t, d) * d;
    }
    return t;
}

static int write_header(FgOutput *o, FgError *err)
{
    AVDictionary *opts = NULL;
    const FgPreset *const p = o->job->preset;
    int ret = 0;
    if (av_opt_find((void *)&o->format->priv_class, "movie_timescale", NULL, 0,
                    AV_OPT_SEARCH_FAKE_OBJ) &&
        o->format->priv_class)
        ret = av_dict_set_int(&opts, "movie_timescale", movie_timescale(o), 0);
    for (int i = 0; i < p->nb_mux_opts && ret >= 0; i++)
        ret = av_dict_set(&opts, p->mux_opts[i].key, p->mux_opts[i].value, 0);
    if (ret >= 0)
        ret = avformat_write_header(o->mux, &opts);
    const AVDictionaryEntry *const left = av_dict_iterate(opts, NULL);
    if (ret >= 0 && left) {
        fg_error(err, 0, "%s: the container %s has no option '%s'",
                 fg_show(o->job->output), o->format->name, left->key);
        av_dict_free(&opts);
        return FG_EXIT_CONFIG;
    }
    av_dict_free(&opts);
    o->header = ret >= 0;
    return ret < 0 ? fail(o, ret, "cannot start the file", err) : 0;
}

static int start_chunk(FgOutput *o, FgError *err)
{
    int ret = create_temp(o, o->job->chunk_file);
    if (!ret)
        ret = fg_packets_start(&o->packet_file, o->fd);
    return ret < 0 ? fail(o, ret, "cannot create a chunk", err) : 0;
}

int fg_output_open(FgOutput *o, const AVCodecContext *enc, const AVFrame *like,
                   FgError *err)
{
    o->enc_tb = like->time_base;
    o->trc = enc->color_trc;
    if (o->job->discard || o->job->pictures_out)
        return 0;
    const int ret = fg_stream_info(&o->stream, enc, like);
    if (ret < 0)
        return fail(o, ret, "cannot set up its streams", err);
    return o->job->chunk_file ? start_chunk(o, err)
                              : fg_output_start(o, &o->stream, err);
}

int fg_output_start(FgOutput *o, const FgStreamInfo *video, FgError *err)
{
    o->enc_tb = video->tb;
    int ret = create_temp(o, o->job->output);
    if (ret < 0)
        return fail(o, ret, "cannot create it", err);
    ret = open_mux(o);
    if (ret >= 0)
        ret = fg_streams_create(o, video);
    if (ret < 0)
        return fail(o, ret, "cannot set up its streams", err);
    o->packets = av_calloc(o->mux->nb_streams, sizeof(*o->packets));
    o->rescaled = av_malloc_array(o->mux->nb_streams, sizeof(*o->rescaled));
    o->last_dts = av_malloc_array(o->mux->nb_streams, sizeof(*o->last_dts));
    if (!o->packets || !o->rescaled || !o->last_dts)
        return fail(o, AVERROR(ENOMEM), "cannot set up its streams", err);
    for (unsigned i = 0; i < o->mux->nb_streams; i++)
        o->rescaled[i] = o->last_dts[i] = AV_NOPTS_VALUE;
    return write_header(o, err);
}

static FgExrOptions exr_options(const FgPreset *p)
{
    FgExrOptions o = {.compression = -1, .half = -1};
    for (int i = 0; i < p->nb_codec_opts; i++) {
        const FgPair *const e = &p->codec_opts[i];
        if (!strcmp(e->key, "compression"))
            o.compression = fg_exr_compression(e->value);
        if (!strcmp(e->key, "format"))
            o.half = !strcmp(e->value, "half") || !strcmp(e->value, "1");
    }
    return o;
}

/* The picture that a frame is made from, by its time (chains may give more or
 * fewer than came in); NULL when that has another extension. */
static const char *source_of(const FgOutput *o, int64_t pts, AVRational tb,
                             const char *ext)
{
    const FgSequence *const in = &o->input->pictures;
    const int64_t n = av_rescale_q_rnd(pts, tb, o->input->time_base,
                                       AV_ROUND_DOWN);
    const int64_t first = o->job->index ? 0 : o->first_index;
    const int64_t k = FFMIN(first + FFMAX(n, 0), in->nb - 1);
    return k >= 0 && !strcasecmp(fg_path_ext(in->paths[k]), ext) ? in->paths[k]
                                                                 : NULL;
}

/* DPX gets the whole of its header. */
static int write_packet(const FgOutput *o, const AVPacket *pkt,
                        const char *path)
{
    const AVRational rate = o->input->frame_rate;
    const FgDpxOptions dpx = {
        .like = source_of(o, pkt->pts, o->enc_tb, ".dpx"),
        .creator = o->provenance,
        .trc = o->trc,
        .rate = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0,
        .number = fg_output_number(o, o->pictures)};
    uint8_t *whole = NULL;
    size_t size = 0;
    if (strcasecmp(fg_path_ext(path), ".dpx") != 0)
        return fg_write_all(o->fd, pkt->data, (size_t)pkt->size);
    int ret = fg_dpx_complete(&whole, &size, pkt->data, (size_t)pkt->size,
                              &dpx);
    if (!ret)
        ret = fg_write_all(o->fd, whole, size);
    free(whole);
    return ret;
}

static int write_exr(FgOutput *o, const AVFrame *f)
{
    FgError err = {{0}};
    FgExrOptions options = exr_options(o->job->preset);
    options.provenance = o->provenance;
    fg_layers_use(o->layers, &options);
    const int ret = fg_exr_write(
        o->fd, f, source_of(o, f->pts, f->time_base, ".exr"), &options, &err);
    return ret;
}

/* Each picture appears whole, under its own number: a packet, or a frame. */
static int write_picture(FgOutput *o, const AVPacket *pkt, const AVFrame *f,
                         FgError *err)
{
    char *const path = fg_pattern_name(o->job->output,
                                       fg_output_number(o, o->pictures));
    struct stat st = {.st_size = 0};
    int ret = path ? create_temp(o, path) : AVERROR(ENOMEM);
    if (!ret)
        ret = f     ? write_exr(o, f)
              : pkt ? write_packet(o, pkt, path)
                    : AVERROR(EINVAL);
    if (!ret && fstat(o->fd, &st) < 0)
        ret = AVERROR(errno);
    if (!ret && fsync(o->fd) < 0)
        ret = AVERROR(errno);
    if (o->fd >= 0 && close(o->fd) < 0 && !ret)
        ret = AVERROR(errno);
    o->fd = -1;
    if (!ret)
        ret = fg_rename(o->temp, path, o->job->overwrite);
    if (!ret) {
        fg_stop_temp(NULL);
        av_freep(&o->temp);
        o->pictures++;
        o->bytes += st.st_size;
    }
    if (ret < 0)
        fg_error(err, 0, "%s: cannot write it: %s",
                 fg_show(path ? path : o->job->output), fg_strerror(ret));
    free(path);
    return ret < 0 ? fg_exit_output(ret) : 0;
}

int fg_output_counts_bytes(const AVStream *st)
{
    return av_get_exact_bits_per_sample(st->codecpar->codec_id) > 0;
}

static void note_times(FgOutput *o, const AVPacket *pkt)
{
    const int64_t from = av_rescale_q(pkt->pts, o->enc_tb, AV_TIME_BASE_Q);
    const int64_t to = av_rescale_q(pkt->pts + pkt->duration, o->enc_tb,
                                    AV_TIME_BASE_Q);
    if (o->first_pts == AV_NOPTS_VALUE || from < o->first_pts)
        o->first_pts = from;
    if (o->end_pts == AV_NOPTS_VALUE || to > o->end_pts)
        o->end_pts = to;
}

/* Sound keeps its sample-exact steps even when the input's ticks are coarse
 * (Matroska's are 1 ms). */
static void rescale_copied(FgOutput *o, AVPacket *pkt, AVRational from, int to)
{
    const AVStream *const st = o->mux->streams[to];
    const AVCodecParameters *const par = st->codecpar;
    int samples = 0;
    if (par->codec_type == AVMEDIA_TYPE_AUDIO && par->sample_rate > 0 &&
        pkt->dts != AV_NOPTS_VALUE) {
        samples = av_get_audio_frame_duration2((AVCodecParameters *)par,
                                               pkt->size);
        if (!samples)
            samples = par->frame_size;
    }
    if (samples <= 0 || from.num != 1 || from.den >= par->sample_rate) {
        av_packet_rescale_ts(pkt, from, st->time_base);
        return;
    }
    pkt->dts = av_rescale_delta(from, pkt->dts,
                                (AVRational){1, par->sample_rate}, samples,
                                &o->rescaled[to], st->time_base);
    pkt->pts = pkt->dts;
    pkt->duration = av_rescale_q(pkt->duration, from, st->time_base);
}

/* Sound without lengths (Matroska): MP4 would end the track where its last
 * packet begins. As long as the one before, or up to the input's end. */
static int64_t guess_length(const FgOutput *o, const AVPacket *pkt, int to)
{
    const FgInput *const in = o->input;
    const int64_t step = pkt->dts - o->last_dts[to];
    const int64_t left = av_rescale_q(in->start_us + in->fmt->duration,
                                      AV_TIME_BASE_Q,
                                      o->mux->streams[to]->time_base) -
                         pkt->dts;
    return in->fmt->duration > 0 && left > 0 && left < step ? left : step;
}

/* Most muxers refuse a packet that is not behind the one before. */
static void keep_order(FgOutput *o, AVPacket *pkt, int to)
{
    const enum AVMediaType type = o->mux->streams[to]->codecpar->codec_type;
    const int64_t last = o->last_dts[to];
    const int strict = type != AVMEDIA_TYPE_SUBTITLE &&
                       !(o->format->flags & AVFMT_TS_NONSTRICT);
    if (pkt->dts == AV_NOPTS_VALUE)
        return;
    const int64_t least = last == AV_NOPTS_VALUE ? pkt->dts : last + strict;
    if (strict && pkt->duration <= 0 && type == AVMEDIA_TYPE_AUDIO &&
        last != AV_NOPTS_VALUE && pkt->dts > last)
        pkt->duration = guess_length(o, pkt, to);
    if (pkt->dts < least && !o->moved++)
        fg_report_warn(o->report,
                       "stream %d: packets whose times do not rise were moved "
                       "behind the one before",
                       to);
    if (pkt->dts < least)
        pkt->dts = least;
    if (pkt->pts != AV_NOPTS_VALUE && pkt->pts < pkt->dts)
        pkt->pts = pkt->dts;
    o->last_dts[to] = pkt->dts;
}

int fg_output_write_frame(FgOutput *o, const AVFrame *f, FgError *err)
{
    return o->job->discard ? 0 : write_picture(o, NULL, f, err);
}

/* A copied packet that its muxer cannot make sense of: the input is cut or
 * damaged there. */
static int bad_copy(FgOutput *o, int to, FgError *err)
{
    char cause[256];
    fg_log_cause(cause, sizeof(cause));
    if (o->job->allow_errors) {
        fg_report_warn(o->report, "stream %d: a damaged packet was left out",
                       to);
        return 0;
    }
    fg_error(err, 0,
             "%s: cut or damaged packet of stream %d%s%s%s; --allow-errors "
             "goes on",
             fg_show(o->job->input), to, *cause ? " (" : "", cause,
             *cause ? ")" : "");
    return FG_EXIT_DATA;
}

int fg_output_write(FgOutput *o, AVPacket *pkt, int enc, FgError *err)
{
    int ret = 0;
    if (enc && o->job->pictures_out && !o->job->discard)
        ret = write_picture(o, pkt, NULL, err);
    if (o->job->discard || o->job->pictures_out) {
        av_packet_unref(pkt);
        return ret;
    }
    if (o->job->chunk_file) {
        ret = enc ? fg_packets_add(&o->packet_file, pkt) : 0;
        av_packet_unref(pkt);
        return ret < 0 ? fail(o, ret, "cannot write a chunk", err) : 0;
    }
    const int to = enc ? o->video : o->map[pkt->stream_index];
    if (enc) {
        note_times(o, pkt);
        av_packet_rescale_ts(pkt, o->enc_tb, o->mux->streams[to]->time_base);
    } else {
        rescale_copied(
            o, pkt, o->input->fmt->streams[pkt->stream_index]->time_base, to);
        keep_order(o, pkt, to);
    }
    pkt->stream_index = to;
    pkt->pos = -1;
    const int64_t n = fg_output_counts_bytes(o->mux->streams[to]) ? pkt->size
                                                                  : 1;
    ret = av_interleaved_write_frame(o->mux, pkt);
    if (ret == AVERROR_INVALIDDATA && !enc)
        return bad_copy(o, to, err);
    o->packets[to] += n;
    return ret < 0 ? fail(o, ret, "cannot write it", err) : 0;
}

static int finish_mux(FgOutput *o)
{
    int ret = av_write_trailer(o->mux);
    avio_flush(o->mux->pb);
    if (ret >= 0 && o->mux->pb->error < 0)
        ret = o->mux->pb->error;
    return ret >= 0 && o->io_err ? o->io_err : ret;
}

int fg_output_finish(FgOutput *o, FgError *err)
{
    int ret = 0;
    if (o->header)
        ret = finish_mux(o);
    else if (o->packet_file.hash)
        fg_packets_end(&o->packet_file, o->hash);
    else
        return 0;
    if (ret >= 0 && fsync(o->fd) < 0)
        ret = AVERROR(errno);
    struct stat st;
    if (ret >= 0 && !fstat(o->fd, &st))
        o->bytes = st.st_size;
    if (close(o->fd) < 0 && ret >= 0)
        ret = AVERROR(errno); /* network disks tell late */
    o->fd = -1;
    return ret < 0 ? fail(o, ret, "cannot finish it", err) : 0;
}

int fg_output_commit(FgOutput *o, FgError *err)
{
    if (!o->temp)
        return 0;
    const int ret = fg_rename(
        o->temp, o->job->chunk_file ? o->job->chunk_file : o->job->output,
        o->job->overwrite);
    if (ret < 0)
        return fail(o, ret, "cannot give it its name", err);
    fg_stop_temp(NULL);
    av_freep(&o->temp);
    return 0;
}

void fg_output_free(FgOutput **po)
{
    FgOutput *const o = po ? *po : NULL;
    if (!o)
        return;
    if (o->mux && o->mux->pb) {
        av_freep(&o->mux->pb->buffer);
        avio_context_free(&o->mux->pb);
    }
    avformat_free_context(o->mux);
    fg_packets_end(&o->packet_file, NULL);
    fg_stream_info_free(&o->stream);
    if (o->fd >= 0)
        close(o->fd);
    if (o->temp) {
        unlink(o->temp);
        fg_stop_temp(NULL);
    }
    fg_layers_close(&o->layers);
    free(o->provenance);
    av_freep(&o->temp);
    av_freep(&o->map);
    av_freep(&o->packets);
    av_freep(&o->rescaled);
    av_freep(&o->last_dts);
    av_freep(po);
}
