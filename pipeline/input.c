/* ffgan: an opened input: a media file, or pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/avstring.h>
#include <libavutil/hwcontext.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/mem.h>
#include <libavutil/parseutils.h>

#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/exr.h"
#include "pipeline/input.h"
#include "pipeline/util.h"

enum { AHEAD_MAX = 512 };

const AVStream *fg_input_stream(const FgInput *in)
{
    return in->fmt ? in->fmt->streams[in->video] : NULL;
}

/* With the cause that the library logged, when there is one. */
static int fail(const FgInput *in, int ret, const char *what, FgError *err)
{
    char cause[256];
    fg_log_cause(cause, sizeof(cause));
    if (ret == AVERROR_INVALIDDATA || ret == AVERROR_EOF)
        fg_error(err, 0, "%s: %s%s%s%s", fg_show(in->path), what,
                 *cause ? " (" : "", cause, *cause ? ")" : "");
    else
        fg_error(err, 0, "%s: %s", fg_show(in->path), fg_strerror(ret));
    return fg_exit_input(ret);
}

/* Formats that call any text a video. */
static int takes_anything(const AVInputFormat *f)
{
    static const char *const names[] = {"tty", "bin", "xbin",  "adf",
                                        "idf", "txt", "concat"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (av_match_name(names[i], f->name))
            return 1;
    return 0;
}

/* Some demuxers call an early end an input error. */
static int true_cause(const char *path, int ret, int64_t size)
{
    char byte;
    const int fd = ret == AVERROR(EIO) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return ret;
    if (size < 1 || pread(fd, &byte, 1, size - 1) == 1)
        ret = AVERROR_INVALIDDATA;
    close(fd);
    return ret;
}

static int open_file(FgInput *in, const char *path, FgError *err)
{
    AVDictionary *opts = NULL;
    struct stat st;
    if (stat(path, &st) < 0)
        return fail(in, AVERROR(errno), "", err);
    if (!S_ISREG(st.st_mode)) {
        fg_error(err, 0,
                 S_ISDIR(st.st_mode)
                     ? "%s: a folder: --out-dir takes all that is in it"
                     : "%s: not a regular file",
                 fg_show(path));
        return FG_EXIT_NOINPUT;
    }
    char *const url = fg_format("file:%s", path);
    if (!url)
        return fail(in, AVERROR(ENOMEM), "", err);
    /* Playlists inside a file may not lead to other places. */
    av_dict_set(&opts, "protocol_whitelist", "file", 0);
    int ret = avformat_open_input(&in->fmt, url, NULL, &opts);
    av_dict_free(&opts);
    free(url);
    if (ret < 0)
        return fail(in, true_cause(path, ret, st.st_size),
                    "not a video or picture file that can be read", err);
    if (takes_anything(in->fmt->iformat))
        return fail(in, AVERROR_INVALIDDATA,
                    "not a video or picture file that can be read", err);
    ret = avformat_find_stream_info(in->fmt, NULL);
    return ret < 0 ? fail(in, true_cause(path, ret, st.st_size),
                          "its streams cannot be read", err)
                   : 0;
}

static int pick_stream(FgInput *in, FgError *err)
{
    int best = -1;
    int64_t best_score = -1;
    for (unsigned i = 0; i < in->fmt->nb_streams; i++) {
        const AVStream *const st = in->fmt->streams[i];
        if (st->codecpar->codec_type != AVMEDIA_TYPE_VIDEO ||
            (st->disposition & AV_DISPOSITION_ATTACHED_PIC) ||
            !st->codecpar->width)
            continue;
        const int64_t area = (int64_t)st->codecpar->width *
                             st->codecpar->height;
        const int64_t score = area + ((st->disposition & AV_DISPOSITION_DEFAULT)
                                          ? 1LL << 40
                                          : 0);
        if (score > best_score) {
            best_score = score;
            best = (int)i;
        }
    }
    in->video = best;
    return best >= 0 ? 0
                     : fail(in, AVERROR_INVALIDDATA,
                            "no video stream in it (covers do not count)", err);
}

/* libavcodec's own decoders of VP8 and VP9 leave out the alpha channel. */
static const AVCodec *find_decoder(const FgInput *in,
                                   const AVCodecParameters *par)
{
    const AVDictionaryEntry *const e = av_dict_get(
        in->fmt->streams[in->video]->metadata, "alpha_mode", NULL, 0);
    const char *const name = par->codec_id == AV_CODEC_ID_VP9   ? "libvpx-vp9"
                             : par->codec_id == AV_CODEC_ID_VP8 ? "libvpx"
                                                                : NULL;
    const AVCodec *const codec = name && e && !strcmp(e->value, "1")
                                     ? avcodec_find_decoder_by_name(name)
                                     : NULL;
    return codec ? codec : avcodec_find_decoder(par->codec_id);
}

/* Frames in GPU memory where the decoder offers them, else in ours: it asks
 * again without what the driver refused. */
static enum AVPixelFormat choose_format(AVCodecContext *c,
                                        const enum AVPixelFormat *list)
{
    for (const enum AVPixelFormat *f = list; *f != AV_PIX_FMT_NONE; f++)
        if (*f == AV_PIX_FMT_CUDA)
            return *f;
    return avcodec_default_get_format(c, list);
}

/* A container's crop needs frames that can be cut. */
static void use_gpu(FgInput *in, const AVCodec *codec, int gpu)
{
    const AVCodecHWConfig *hw;
    if (in->crop[0] || in->crop[1] || in->crop[2] || in->crop[3])
        return;
    for (int i = 0; (hw = avcodec_get_hw_config(codec, i)); i++)
        if (hw->pix_fmt == AV_PIX_FMT_CUDA &&
            (hw->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX)) {
            in->dec->hw_device_ctx = fg_device_open(gpu);
            break;
        }
    if (!in->dec->hw_device_ctx)
        return;
    in->dec->get_format = choose_format;
    in->dec->extra_hw_frames = FG_FRAMES_IN_FLIGHT;
}

static int open_decoder(FgInput *in, const AVCodecParameters *par,
                        const FgJob *job, int threads, FgError *err)
{
    const AVCodec *const codec = find_decoder(in, par);
    if (!codec) {
        fg_error(err, 0, "%s: no decoder for %s", fg_show(in->path),
                 avcodec_get_name(par->codec_id));
        return FG_EXIT_DATA;
    }
    in->dec = avcodec_alloc_context3(codec);
    if (!in->dec)
        return fail(in, AVERROR(ENOMEM), "", err);
    int ret = avcodec_parameters_to_context(in->dec, par);
    if (ret < 0)
        return fail(in, ret, "its parameters cannot be used", err);
    in->dec->pkt_timebase = in->time_base;
    in->dec->thread_count = threads;
    in->dec->flags |= AV_CODEC_FLAG_UNALIGNED; /* else crops are rounded */
    if (job->gpu_frames && in->times && !in->pictures.nb)
        use_gpu(in, codec, job->gpu);
    ret = avcodec_open2(in->dec, codec, NULL);
    return ret < 0 ? fail(in, ret, "its decoder does not start", err) : 0;
}

/* AVI fills pauses with empty frames and counts them: only those with bytes
 * are promised. Without an index, as in a cut file, all are. Of MOV's and
 * MP4's, edit lists leave out what is not needed. */
static int64_t promised_frames(const FgInput *in, const AVStream *st)
{
    const int entries = avformat_index_get_entries_count(st);
    int64_t n = 0;
    if (strstr(in->fmt->iformat->name, "mov") && entries > 0 &&
        entries < st->nb_frames)
        return entries;
    if (strcmp(in->fmt->iformat->name, "avi") != 0 || entries <= 0)
        return st->nb_frames;
    for (int i = 0; i < entries; i++)
        n += avformat_index_get_entry((AVStream *)st, i)->size > 0;
    return n > 0 && n < st->nb_frames ? n : st->nb_frames;
}

static void learn_times(FgInput *in)
{
    AVStream *const st = in->fmt->streams[in->video];
    const AVRational avg = st->avg_frame_rate, r = st->r_frame_rate;
    in->time_base = st->time_base;
    in->frame_rate = av_guess_frame_rate(in->fmt, st, NULL);
    if (in->frame_rate.num <= 0 || in->frame_rate.den <= 0)
        in->frame_rate = (AVRational){0, 1};
    in->cfr = avg.num > 0 && avg.den > 0 && r.num > 0 && r.den > 0 &&
              !av_cmp_q(avg, r);
    in->promised = promised_frames(in, st);
    if (strstr(in->fmt->iformat->name, "mov"))
        in->left_out = st->nb_frames - in->promised;
    in->nb_frames = in->promised;
    in->start_us = in->fmt->start_time == AV_NOPTS_VALUE ? 0
                                                         : in->fmt->start_time;
    in->seconds = st->duration > 0
                      ? (double)st->duration * av_q2d(st->time_base)
                  : in->fmt->duration > 0
                      ? (double)in->fmt->duration / AV_TIME_BASE
                      : 0;
    if (in->nb_frames <= 0 && in->seconds > 0) {
        const AVRational rate = avg.num > 0 ? avg : in->frame_rate;
        in->nb_frames = (int64_t)(in->seconds * av_q2d(rate) + 0.5);
    }
}

static int all_sound_seen(const FgInput *in)
{
    for (unsigned i = 0; i < in->fmt->nb_streams; i++)
        if (in->fmt->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
            in->first_pts[i] == AV_NOPTS_VALUE)
            return 0;
    return 1;
}

/* Reads until each sound stream has shown a packet, so that the muxer can be
 * told about sound that starts before zero (encoder delay). */
static int read_ahead(FgInput *in, FgError *err)
{
    in->first_pts = av_malloc_array(in->fmt->nb_streams, sizeof(int64_t));
    in->ahead = av_calloc(AHEAD_MAX, sizeof(void *));
    if (!in->first_pts || !in->ahead)
        return fail(in, AVERROR(ENOMEM), "", err);
    for (unsigned i = 0; i < in->fmt->nb_streams; i++)
        in->first_pts[i] = AV_NOPTS_VALUE;
    while (!all_sound_seen(in) && in->nb_ahead < AHEAD_MAX) {
        AVPacket *pkt = av_packet_alloc();
        if (!pkt)
            return fail(in, AVERROR(ENOMEM), "", err);
        if (av_read_frame(in->fmt, pkt) < 0) {
            av_packet_free(&pkt); /* met again by fg_input_read */
            break;
        }
        fg_times_fix(in->times, in, pkt);
        if (in->first_pts[pkt->stream_index] == AV_NOPTS_VALUE)
            in->first_pts[pkt->stream_index] = pkt->pts;
        in->ahead[in->nb_ahead++] = pkt;
    }
    return 0;
}

static int seek_to(FgInput *in, double from_s, FgError *err)
{
    const int64_t ts = in->start_us + (int64_t)(from_s * AV_TIME_BASE);
    if (from_s <= 0)
        return 0;
    const int ret = avformat_seek_file(in->fmt, -1, INT64_MIN, ts, ts, 0);
    return ret < 0 ? fail(in, ret, "cannot go to the sample's start", err) : 0;
}

/* A part of a job: nothing else is looked at. */
static void only_picture(FgInput *in)
{
    for (unsigned i = 0; i < in->fmt->nb_streams; i++)
        if ((int)i != in->video)
            in->fmt->streams[i]->discard = AVDISCARD_ALL;
}

/* What the container says is not to be shown (MOV's clean aperture,
 * Matroska's crop). The codec's own crop is libavcodec's. */
static int learn_crop(FgInput *in, FgError *err)
{
    const AVCodecParameters *const par = fg_input_stream(in)->codecpar;
    const AVPacketSideData *const sd = av_packet_side_data_get(
        par->coded_side_data, par->nb_coded_side_data,
        AV_PKT_DATA_FRAME_CROPPING);
    if (!sd || sd->size < 16)
        return 0;
    for (int i = 0; i < 4; i++)
        in->crop[i] = (int)FFMIN(AV_RL32(sd->data + 4 * i), INT32_MAX / 4);
    if (in->crop[0] + in->crop[1] < par->height &&
        in->crop[2] + in->crop[3] < par->width)
        return 0;
    fg_error(err, 0, "%s: its container crops all of the picture away",
             fg_show(in->path));
    return FG_EXIT_DATA;
}

static int open_media(FgInput *in, const FgJob *job, FgError *err)
{
    int ret = open_file(in, job->input, err);
    if (!ret)
        ret = pick_stream(in, err);
    if (!ret)
        ret = learn_crop(in, err);
    if (ret)
        return ret;
    learn_times(in);
    in->times = fg_times_alloc(in);
    if (!in->times)
        return fail(in, AVERROR(ENOMEM), "", err);
    ret = seek_to(in, job->from_s, err);
    in->start_us += fg_times_shift(in->times);
    if (!ret && job->index)
        only_picture(in);
    else if (!ret)
        ret = read_ahead(in, err);
    if (!ret)
        ret = open_decoder(in, in->fmt->streams[in->video]->codecpar, job,
                           job->threads, err);
    return ret;
}

static int picture_rate(FgInput *in, const FgJob *job, FgError *err)
{
    const char *const rate = job->rate           ? job->rate
                             : job->preset->rate ? job->preset->rate
                                                 : "25";
    if (av_parse_video_rate(&in->frame_rate, rate) < 0) {
        fg_error(err, 0,
                 "'%s' is not a rate: allowed are numbers and "
                 "fractions, as 24 or 24000/1001",
                 rate);
        return FG_EXIT_USAGE;
    }
    in->time_base = av_inv_q(in->frame_rate);
    in->cfr = 1;
    return 0;
}

/* The first picture of the sample, by the rule of the source: the pictures
 * before it need not be read. */
static int first_in_sample(const FgInput *in, const FgJob *job)
{
    const int64_t from = (int64_t)(job->from_s * AV_TIME_BASE);
    int64_t k = av_rescale_q(from, AV_TIME_BASE_Q, in->time_base);
    while (k > 0 && av_rescale_q(k - 1, in->time_base, AV_TIME_BASE_Q) >= from)
        k--;
    while (av_rescale_q(k, in->time_base, AV_TIME_BASE_Q) < from)
        k++;
    return (int)FFMIN(k, in->pictures.nb);
}

/* EXR that we read ourselves; dec then only holds what it looks like. 1: it is
 * left to libavcodec. */
static int open_exr(FgInput *in, FgError *err)
{
    FgExrInfo info;
    const int ret = fg_exr_probe(in->path, &info, err);
    if (ret)
        return ret == -ENOTSUP ? 1 : fg_exit_input(ret);
    in->dec = avcodec_alloc_context3(NULL);
    if (!in->dec)
        return fail(in, AVERROR(ENOMEM), "", err);
    in->dec->codec_id = AV_CODEC_ID_EXR;
    in->dec->width = info.w;
    in->dec->height = info.h;
    in->dec->pix_fmt = info.format;
    in->exr = 1;
    return 0;
}

static int open_pictures(FgInput *in, const FgJob *job, FgError *err)
{
    int ret = fg_sequence_list(&in->pictures, job->input, job->start_number,
                               job->frames, err);
    if (ret < 0)
        return ret == -EINVAL ? FG_EXIT_USAGE : fg_exit_input(ret);
    in->nb_frames = in->promised = in->pictures.nb;
    in->path = in->pictures.paths[0];
    ret = picture_rate(in, job, err);
    const int ours = !strcasecmp(fg_path_ext(in->path), ".exr");
    const int other = ret ? 0 : ours ? open_exr(in, err) : 1;
    if (other > 1)
        ret = other;
    if (!ret && other)
        ret = open_file(in, in->path, err);
    if (!ret && other)
        ret = pick_stream(in, err);
    /* One thread: an error then belongs to the picture just sent. */
    if (!ret && other)
        ret = open_decoder(in, in->fmt->streams[in->video]->codecpar, job, 1,
                           err);
    avformat_close_input(&in->fmt);
    in->path = job->input;
    if (!ret && job->len_s > 0)
        in->next_ahead = first_in_sample(in, job);
    if (!ret && job->index)
        in->next_ahead = (int)FFMIN(job->in_from, in->pictures.nb);
    return ret;
}

/* The stages ask little of what is made of nothing: a rate and a number. */
static int open_nothing(FgInput *in, const FgJob *job)
{
    in->frame_rate = job->make_rate;
    in->time_base = av_inv_q(job->make_rate);
    in->cfr = 1;
    in->nb_frames = job->make_nb;
    return 0;
}

int fg_input_open(FgInput **out, const FgJob *job, FgError *err)
{
    FgInput *in = av_mallocz(sizeof(*in));
    *out = NULL;
    if (!in) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    in->path = job->input;
    fg_log_new_input();
    const int ret = job->make_nb       ? open_nothing(in, job)
                    : job->pictures_in ? open_pictures(in, job, err)
                                       : open_media(in, job, err);
    if (ret)
        fg_input_close(&in);
    *out = in;
    return ret;
}

void fg_input_close(FgInput **pin)
{
    FgInput *const in = pin ? *pin : NULL;
    if (!in)
        return;
    for (int i = in->next_ahead; i < in->nb_ahead; i++)
        av_packet_free(&in->ahead[i]);
    av_freep(&in->ahead);
    av_freep(&in->first_pts);
    fg_times_free(&in->times);
    avcodec_free_context(&in->dec);
    avformat_close_input(&in->fmt);
    fg_sequence_free(&in->pictures);
    av_freep(pin);
}

static int read_whole(int fd, AVPacket *pkt)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return AVERROR(errno);
    if (st.st_size <= 0 || st.st_size > INT32_MAX / 2)
        return AVERROR_INVALIDDATA;
    const int ret = av_new_packet(pkt, (int)st.st_size);
    if (ret < 0)
        return ret;
    for (int at = 0; at < pkt->size;) {
        const ssize_t n = read(fd, pkt->data + at, (size_t)(pkt->size - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? AVERROR(errno) : AVERROR_INVALIDDATA;
        at += (int)n;
    }
    return 0;
}

static int read_picture(FgInput *in, AVPacket *pkt)
{
    if (in->next_ahead >= in->pictures.nb)
        return AVERROR_EOF;
    in->path = in->pictures.paths[in->next_ahead];
    if (in->exr) {
        pkt->pts = pkt->dts = in->next_ahead++;
        return 0;
    }
    const int fd = open(in->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return AVERROR(errno);
    const int ret = read_whole(fd, pkt);
    close(fd);
    if (ret < 0) {
        av_packet_unref(pkt);
        return ret;
    }
    pkt->pts = pkt->dts = in->next_ahead++;
    pkt->duration = 1;
    pkt->flags |= AV_PKT_FLAG_KEY;
    return 0;
}

int fg_input_read(FgInput *in, AVPacket *pkt)
{
    if (in->pictures.nb)
        return read_picture(in, pkt);
    if (in->next_ahead < in->nb_ahead) {
        av_packet_move_ref(pkt, in->ahead[in->next_ahead]);
        av_packet_free(&in->ahead[in->next_ahead++]);
        return 0;
    }
    const int ret = av_read_frame(in->fmt, pkt);
    if (ret == AVERROR_EOF && in->fmt->pb && in->fmt->pb->error < 0 &&
        in->fmt->pb->error != AVERROR_EOF)
        return in->fmt->pb->error;
    if (ret >= 0)
        fg_times_fix(in->times, in, pkt);
    return ret;
}
