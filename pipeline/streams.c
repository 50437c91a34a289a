/* ffgan: which streams are copied, and with what.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include <libavutil/avstring.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/mem.h>
#include <libavutil/intreadwrite.h>

#include "pipeline/exit.h"
#include "pipeline/output.h"
#include "pipeline/util.h"

static int is_cover(const AVStream *st)
{
    return st->disposition & AV_DISPOSITION_ATTACHED_PIC;
}

static unsigned copy_bit(const AVStream *st)
{
    switch (st->codecpar->codec_type) {
    case AVMEDIA_TYPE_AUDIO:
        return FG_COPY_AUDIO;
    case AVMEDIA_TYPE_SUBTITLE:
        return FG_COPY_SUBTITLES;
    case AVMEDIA_TYPE_ATTACHMENT:
        return FG_COPY_ATTACHMENTS;
    case AVMEDIA_TYPE_VIDEO:
        return is_cover(st) ? FG_COPY_ATTACHMENTS : 0;
    default:
        return FG_COPY_DATA;
    }
}

static int is_matroska(const AVOutputFormat *f)
{
    return !strcmp(f->name, "matroska");
}

static int is_mov(const AVOutputFormat *f)
{
    return !strcmp(f->name, "mov") || !strcmp(f->name, "mp4") ||
           !strcmp(f->name, "ipod");
}

/* Timecodes and chapters are tracks in MOV and metadata to us. */
static int is_metadata_track(const FgOutput *o, const AVStream *st)
{
    const unsigned tag = st->codecpar->codec_tag;
    const unsigned copy = o->job->preset->copy;
    if (st->codecpar->codec_type != AVMEDIA_TYPE_DATA)
        return 0;
    return (tag == MKTAG('t', 'm', 'c', 'd') && (copy & FG_COPY_METADATA)) ||
           (tag == MKTAG('t', 'e', 'x', 't') && (copy & FG_COPY_CHAPTERS) &&
            o->input->fmt->nb_chapters);
}

static void keep_tag(AVCodecParameters *par, const AVOutputFormat *f)
{
    unsigned tag = 0;
    const unsigned have = par->codec_tag;
    if (f->codec_tag && av_codec_get_id(f->codec_tag, have) != par->codec_id &&
        av_codec_get_tag2(f->codec_tag, par->codec_id, &tag))
        par->codec_tag = 0;
}

/* What has a number in AVI and WAV can also be had in Matroska. */
static int is_riff(enum AVCodecID id)
{
    const enum AVMediaType type = avcodec_get_type(id);
    const struct AVCodecTag *const tags[] = {
        type == AVMEDIA_TYPE_AUDIO ? avformat_get_riff_audio_tags()
                                   : avformat_get_riff_video_tags(),
        NULL};
    return (type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_VIDEO) &&
           av_codec_get_tag(tags, id);
}

/* MP4 and MOV know codecs that they refuse all the same ("only in MP4", "only
 * as an experiment"): a header of that stream alone, written to memory. */
static int header_takes(const AVOutputFormat *f, const AVStream *st)
{
    AVFormatContext *mux = NULL;
    uint8_t *bytes = NULL;
    char cause[2];
    int ret = avformat_alloc_output_context2(&mux, f, NULL, NULL);
    AVStream *const out = ret < 0 ? NULL : avformat_new_stream(mux, NULL);
    if (out)
        ret = avcodec_parameters_copy(out->codecpar, st->codecpar);
    if (out && ret >= 0) {
        keep_tag(out->codecpar, f);
        out->time_base = st->time_base;
        out->disposition = st->disposition;
        ret = avio_open_dyn_buf(&mux->pb);
    }
    if (out && ret >= 0) {
        ret = avformat_write_header(mux, NULL);
        avio_close_dyn_buf(mux->pb, &bytes);
        mux->pb = NULL;
        av_free(bytes);
    }
    avformat_free_context(mux);
    fg_log_cause(cause, sizeof(cause)); /* no cause of anything later */
    return ret >= 0 || ret == AVERROR(ENOMEM);
}

static int container_takes(const AVOutputFormat *f, const AVStream *st)
{
    const AVCodecParameters *const par = st->codecpar;
    if (par->codec_type == AVMEDIA_TYPE_ATTACHMENT)
        return is_matroska(f);
    if (is_cover(st) && is_matroska(f))
        return st->attached_pic.size > 0;
    if (par->codec_id == AV_CODEC_ID_NONE)
        return 0;
    if (is_matroska(f) && is_riff(par->codec_id))
        return 1;
    return avformat_query_codec(f, par->codec_id, FF_COMPLIANCE_NORMAL) != 0 &&
           (!is_mov(f) || header_takes(f, st));
}

static int check_encoder(const FgOutput *o, FgError *err)
{
    const AVCodec *const enc = avcodec_find_encoder_by_name(
        o->job->preset->codec);
    if (!enc ||
        avformat_query_codec(o->format, enc->id, FF_COMPLIANCE_NORMAL) ||
        (is_matroska(o->format) && is_riff(enc->id)))
        return 0;
    fg_error(
        err, 0, "%s: the container %s does not take %s of preset '%s': use %s",
        fg_show(o->job->output), o->format->name, avcodec_get_name(enc->id),
        o->job->preset->name, is_matroska(o->format) ? ".mov or .avi" : ".mkv");
    return FG_EXIT_CONFIG;
}

static int plan_one(const FgOutput *o, unsigned i, FgReport *report)
{
    const AVStream *const st = o->input->fmt->streams[i];
    const unsigned bit = copy_bit(st);
    const char *const type = av_get_media_type_string(st->codecpar->codec_type);
    if ((int)i == o->input->video)
        return 1;
    if (bit && !(o->job->preset->copy & bit)) {
        if (bit == FG_COPY_DATA && !is_metadata_track(o, st))
            fg_report_warn(report,
                           "stream %u (%s) is left out: the preset "
                           "does not copy data streams",
                           i, type ? type : "data");
        return 0;
    }
    if (st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO &&
        st->codecpar->sample_rate <= 0) {
        fg_report_warn(report,
                       "stream %u (audio, %s) is left out: nothing of it can "
                       "be read",
                       i, avcodec_get_name(st->codecpar->codec_id));
        return 0;
    }
    if (container_takes(o->format, st))
        return 1;
    fg_report_warn(report,
                   "stream %u (%s, %s) is left out: %s does not take "
                   "it; .mkv takes most",
                   i, type ? type : "data",
                   avcodec_get_name(st->codecpar->codec_id), o->format->name);
    return 0;
}

/* Dolby Vision counts in pixels and shots of the old picture, so that only its
 * base can be kept: HDR10, HLG or SDR. Profile 5 has none, and its colours are
 * not what others take them for. */
static int check_dovi(const FgOutput *o, FgReport *report, FgError *err)
{
    const AVCodecParameters *const par = fg_input_stream(o->input)->codecpar;
    const AVPacketSideData *const sd = av_packet_side_data_get(
        par->coded_side_data, par->nb_coded_side_data, AV_PKT_DATA_DOVI_CONF);
    if (!sd)
        return 0;
    const AVDOVIDecoderConfigurationRecord *const r = (void *)sd->data;
    if (r->dv_profile != 5) {
        fg_report_warn(report, "Dolby Vision is left out; HDR10 data stay");
        return 0;
    }
    fg_error(err, 0,
             "%s: Dolby Vision of profile 5, with no base that is HDR10 or "
             "SDR: its colours would be wrong%s",
             fg_show(o->input->path),
             o->job->allow_errors ? "" : "; --allow-errors takes them so");
    if (!o->job->allow_errors)
        return FG_EXIT_DATA;
    fg_report_warn(report, "%s", err->text);
    return 0;
}

int fg_streams_plan(FgOutput *o, FgReport *report, FgError *err)
{
    const int ret = check_encoder(o, err);
    if (ret)
        return ret;
    if (!o->input->fmt) /* pictures: one stream */
        return 0;
    const int dovi = check_dovi(o, report, err);
    if (dovi)
        return dovi;
    const unsigned nb = o->input->fmt->nb_streams;
    o->map = av_malloc_array(nb, sizeof(*o->map));
    if (!o->map) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    for (unsigned i = 0, n = 0; i < nb; i++) {
        o->map[i] = plan_one(o, i, report) ? (int)n++ : -1;
        if ((int)i == o->input->video)
            o->video = o->map[i];
    }
    return 0;
}

/* Matroska has covers as attached files. */
static int cover_to_file(AVStream *out, const AVStream *in)
{
    AVCodecParameters *const par = out->codecpar;
    const int size = in->attached_pic.size;
    const int png = par->codec_id == AV_CODEC_ID_PNG;
    uint8_t *const data = av_mallocz((size_t)size +
                                     AV_INPUT_BUFFER_PADDING_SIZE);
    if (!data)
        return AVERROR(ENOMEM);
    memcpy(data, in->attached_pic.data, (size_t)size);
    av_freep(&par->extradata);
    par->extradata = data;
    par->extradata_size = size;
    par->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    out->disposition = 0;
    int ret = av_dict_set(&out->metadata, "filename",
                          png ? "cover.png" : "cover.jpg",
                          AV_DICT_DONT_OVERWRITE);
    if (ret >= 0)
        ret = av_dict_set(&out->metadata, "mimetype",
                          png ? "image/png" : "image/jpeg",
                          AV_DICT_DONT_OVERWRITE);
    return ret;
}

/* Sound whose first packet lies before zero: Matroska says that as a delay of
 * the codec; otherwise every stream would be shifted. */
static void keep_priming(FgOutput *o, AVStream *out, int i)
{
    AVCodecParameters *const par = out->codecpar;
    const int64_t pts = o->input->first_pts[i];
    if (par->codec_type != AVMEDIA_TYPE_AUDIO || pts == AV_NOPTS_VALUE ||
        pts >= 0 || o->job->len_s > 0 || par->sample_rate <= 0 ||
        (!is_matroska(o->format) && strcmp(o->format->name, "webm") != 0))
        return;
    par->initial_padding = (int)av_rescale_q(
        -pts, o->input->fmt->streams[i]->time_base,
        (AVRational){1, par->sample_rate});
}

static int create_copy(FgOutput *o, int i)
{
    const AVStream *const in = o->input->fmt->streams[i];
    AVStream *const out = avformat_new_stream(o->mux, NULL);
    if (!out)
        return AVERROR(ENOMEM);
    int ret = avcodec_parameters_copy(out->codecpar, in->codecpar);
    if (ret < 0)
        return ret;
    keep_tag(out->codecpar, o->format);
    out->time_base = in->time_base;
    out->avg_frame_rate = in->avg_frame_rate;
    out->r_frame_rate = in->r_frame_rate;
    out->sample_aspect_ratio = in->sample_aspect_ratio;
    out->disposition = in->disposition;
    /* Attached files need their names and types whatever the preset says. */
    if ((o->job->preset->copy & FG_COPY_METADATA) ||
        in->codecpar->codec_type == AVMEDIA_TYPE_ATTACHMENT)
        ret = av_dict_copy(&out->metadata, in->metadata, 0);
    keep_priming(o, out, i);
    if (ret >= 0 && is_cover(in) && is_matroska(o->format))
        ret = cover_to_file(out, in);
    return ret;
}

int fg_output_wants(const FgOutput *o, int i)
{
    if (!o->format || !o->map || o->map[i] < 0)
        return 0;
    return !(is_matroska(o->format) && is_cover(o->input->fmt->streams[i]));
}

/* The matrix turns; its shift counts pixels, so it grows with the picture. */
static void scale_matrix(int32_t *m, double sx, double sy)
{
    m[6] = (int32_t)((double)m[6] * sx);
    m[7] = (int32_t)((double)m[7] * sy);
}

static int keep_side_data(FgOutput *o, AVStream *out)
{
    static const enum AVPacketSideDataType kept[] = {
        AV_PKT_DATA_DISPLAYMATRIX,
        AV_PKT_DATA_STEREO3D,
        AV_PKT_DATA_SPHERICAL,
        AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
        AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
        AV_PKT_DATA_AMBIENT_VIEWING_ENVIRONMENT,
    };
    const AVCodecParameters *const in =
        o->input->fmt ? o->input->fmt->streams[o->input->video]->codecpar : 0;
    int ret = 0;
    for (size_t i = 0; in && i < sizeof(kept) / sizeof(kept[0]); i++) {
        const AVPacketSideData *const sd = av_packet_side_data_get(
            in->coded_side_data, in->nb_coded_side_data, kept[i]);
        if (sd && ret >= 0)
            ret = fg_stream_side_data(out->codecpar, kept[i], sd->data,
                                      sd->size);
    }
    const AVPacketSideData *const matrix = av_packet_side_data_get(
        out->codecpar->coded_side_data, out->codecpar->nb_coded_side_data,
        AV_PKT_DATA_DISPLAYMATRIX);
    if (matrix && in && in->width && in->height)
        scale_matrix((int32_t *)matrix->data,
                     (double)out->codecpar->width / in->width,
                     (double)out->codecpar->height / in->height);
    return ret;
}

/* What describes the old encoding is not true of the new one. */
static void drop_statistics(AVDictionary **meta)
{
    static const char *const keys[] = {
        "encoder",
        "DURATION",
        "BPS",
        "NUMBER_OF_FRAMES",
        "NUMBER_OF_BYTES",
        "_STATISTICS_WRITING_APP",
        "_STATISTICS_WRITING_DATE_UTC",
        "_STATISTICS_TAGS",
        "SOURCE_ID",
    };
    AVDictionary *kept = NULL;
    const AVDictionaryEntry *e = NULL;
    while ((e = av_dict_iterate(*meta, e))) {
        int drop = 0;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            drop |= !strncmp(e->key, keys[i], strlen(keys[i]));
        if (!drop)
            av_dict_set(&kept, e->key, e->value, 0);
    }
    av_dict_free(meta);
    *meta = kept;
}

static int create_video(FgOutput *o, const FgStreamInfo *video)
{
    AVStream *const out = avformat_new_stream(o->mux, NULL);
    const AVStream *const in = fg_input_stream(o->input);
    if (!out)
        return AVERROR(ENOMEM);
    int ret = avcodec_parameters_copy(out->codecpar, video->par);
    if (ret < 0)
        return ret;
    out->time_base = video->tb;
    out->sample_aspect_ratio = video->par->sample_aspect_ratio;
    if (o->input->cfr)
        out->avg_frame_rate = video->par->framerate;
    o->video = out->index;
    /* Apple's players know HEVC by this name only. */
    if (is_mov(o->format) && video->par->codec_id == AV_CODEC_ID_HEVC)
        out->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
    ret = keep_side_data(o, out);
    if (ret < 0 || !in)
        return ret;
    out->disposition = in->disposition;
    if (o->job->preset->copy & FG_COPY_METADATA) {
        ret = av_dict_copy(&out->metadata, in->metadata, 0);
        drop_statistics(&out->metadata);
    }
    return ret;
}

static int copy_chapters(FgOutput *o)
{
    const AVFormatContext *const in = o->input->fmt;
    AVFormatContext *const mux = o->mux;
    if (!in->nb_chapters || o->job->len_s > 0)
        return 0;
    mux->chapters = av_calloc(in->nb_chapters, sizeof(void *));
    if (!mux->chapters)
        return AVERROR(ENOMEM);
    for (unsigned i = 0; i < in->nb_chapters; i++) {
        AVChapter *const c = av_mallocz(sizeof(*c));
        if (!c)
            return AVERROR(ENOMEM);
        *c = *in->chapters[i];
        c->metadata = NULL;
        const int64_t shift = av_rescale_q(fg_times_shift(o->input->times),
                                           AV_TIME_BASE_Q, c->time_base);
        c->start += shift;
        c->end += shift;
        mux->chapters[mux->nb_chapters++] = c;
        const int ret = av_dict_copy(&c->metadata, in->chapters[i]->metadata,
                                     0);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* MP4 and MOV know few names. Behind what is there. */
static int add_provenance(FgOutput *o)
{
    AVDictionary **const m = &o->mux->metadata;
    const int mov = is_mov(o->format);
    const int taken = mov && av_dict_get(*m, "comment", NULL, 0);
    const char *const key = !mov ? "PROVENANCE"
                            : taken && strcmp(o->format->name, "mov") != 0
                                ? "description"
                                : "comment";
    const AVDictionaryEntry *const old = av_dict_get(*m, key, NULL, 0);
    char *const text = av_asprintf("%s%s%s", old ? old->value : "",
                                   old ? "\n" : "", o->provenance);
    return text ? av_dict_set(m, key, text, AV_DICT_DONT_STRDUP_VAL)
                : AVERROR(ENOMEM);
}

static int file_metadata(FgOutput *o)
{
    static const char *const container[] = {"major_brand", "minor_version",
                                            "compatible_brands", "encoder",
                                            "duration"};
    const FgPreset *const p = o->job->preset;
    int ret = 0;
    if (o->input->fmt && (p->copy & FG_COPY_METADATA)) {
        ret = av_dict_copy(&o->mux->metadata, o->input->fmt->metadata, 0);
        for (size_t i = 0; i < sizeof(container) / sizeof(container[0]); i++)
            av_dict_set(&o->mux->metadata, container[i], NULL, 0);
    }
    if (ret >= 0 && o->provenance)
        ret = add_provenance(o);
    for (int i = 0; i < p->nb_tags && ret >= 0; i++)
        ret = av_dict_set(&o->mux->metadata, p->tags[i].key,
                          *p->tags[i].value ? p->tags[i].value : NULL, 0);
    return ret;
}

int fg_streams_create(FgOutput *o, const FgStreamInfo *video)
{
    int ret = file_metadata(o);
    if (!o->input->fmt)
        return ret < 0 ? ret : create_video(o, video);
    if (ret >= 0 && (o->job->preset->copy & FG_COPY_CHAPTERS))
        ret = copy_chapters(o);
    for (unsigned i = 0; i < o->input->fmt->nb_streams && ret >= 0; i++) {
        if ((int)i == o->input->video)
            ret = create_video(o, video);
        else if (o->map[i] >= 0)
            ret = create_copy(o, (int)i);
    }
    return ret;
}
