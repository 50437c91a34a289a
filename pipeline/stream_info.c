/* ffgan: an encoded picture stream without its packets.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/base64.h>
#include <libavutil/mem.h>

#include "pipeline/stream_info.h"

/* The numbers of AVCodecParameters that muxers look at, by name. */
#define FIELD(x)                                                               \
    {                                                                          \
#x, offsetof(AVCodecParameters, x)                                     \
    }
static const struct {
    const char *name;
    size_t at;
} fields[] = {
    FIELD(codec_tag),
    FIELD(format),
    FIELD(width),
    FIELD(height),
    FIELD(profile),
    FIELD(level),
    FIELD(field_order),
    FIELD(color_range),
    FIELD(color_primaries),
    FIELD(color_trc),
    FIELD(color_space),
    FIELD(chroma_location),
    FIELD(video_delay),
    FIELD(bits_per_coded_sample),
    FIELD(bits_per_raw_sample),
};
enum { NB_FIELDS = sizeof(fields) / sizeof(fields[0]), MAX_SIDE = 1 << 20 };

static int *field(const AVCodecParameters *par, size_t i)
{
    return (int *)(void *)((char *)par + fields[i].at);
}

int fg_stream_side_data(AVCodecParameters *par, enum AVPacketSideDataType type,
                        const void *data, size_t size)
{
    if (av_packet_side_data_get(par->coded_side_data, par->nb_coded_side_data,
                                type))
        return 0;
    AVPacketSideData *const sd = av_packet_side_data_new(
        &par->coded_side_data, &par->nb_coded_side_data, type, size, 0);
    if (!sd)
        return AVERROR(ENOMEM);
    memcpy(sd->data, data, size);
    return 0;
}

int fg_stream_info(FgStreamInfo *s, const AVCodecContext *enc,
                   const AVFrame *like)
{
    const AVFrameSideData *const turn = av_frame_get_side_data(
        like, AV_FRAME_DATA_DISPLAYMATRIX);
    *s = (FgStreamInfo){avcodec_parameters_alloc(), like->time_base};
    if (!s->par)
        return AVERROR(ENOMEM);
    int ret = avcodec_parameters_from_context(s->par, enc);
    if (ret >= 0 && turn)
        ret = fg_stream_side_data(s->par, AV_PKT_DATA_DISPLAYMATRIX, turn->data,
                                  turn->size);
    return ret;
}

void fg_stream_info_free(FgStreamInfo *s)
{
    avcodec_parameters_free(&s->par);
}

/* ---- JSON ---- */

static json_t *bytes_to_json(const uint8_t *data, size_t size)
{
    const size_t room = AV_BASE64_SIZE(size);
    char *const text = malloc(room);
    json_t *j = NULL;
    if (text && av_base64_encode(text, (int)room, data, (int)size))
        j = json_string(text);
    free(text);
    return j;
}

static json_t *side_data_to_json(const AVCodecParameters *par)
{
    json_t *const a = json_array();
    for (int i = 0; a && i < par->nb_coded_side_data; i++) {
        const AVPacketSideData *const sd = &par->coded_side_data[i];
        json_array_append_new(a, json_pack("[i,o]", (int)sd->type,
                                           bytes_to_json(sd->data, sd->size)));
    }
    return a;
}

json_t *fg_stream_to_json(const FgStreamInfo *s)
{
    const AVCodecParameters *const par = s->par;
    json_t *const j = json_pack(
        "{s:s,s:[i,i],s:[i,i],s:[i,i],s:I,s:o,s:o}", "codec",
        avcodec_get_name(par->codec_id), "time_base", s->tb.num, s->tb.den,
        "sample_aspect_ratio", par->sample_aspect_ratio.num,
        par->sample_aspect_ratio.den, "framerate", par->framerate.num,
        par->framerate.den, "bit_rate", (json_int_t)par->bit_rate, "extradata",
        bytes_to_json(par->extradata, (size_t)par->extradata_size), "side_data",
        side_data_to_json(par));
    for (size_t i = 0; j && i < NB_FIELDS; i++)
        json_object_set_new(j, fields[i].name, json_integer(*field(par, i)));
    return j;
}

/* Decodes into av_malloc'ed bytes with the padding that libav asks for. */
static int bytes_from_json(const json_t *j, uint8_t **data, int *size)
{
    const char *const text = json_string_value(j);
    const size_t room = text ? AV_BASE64_DECODE_SIZE(strlen(text)) : 0;
    if (!text || room > MAX_SIDE)
        return -EINVAL;
    *data = av_mallocz(room + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!*data)
        return -ENOMEM;
    *size = *text ? av_base64_decode(*data, text, (int)room) : 0;
    return *size < 0 ? -EINVAL : 0;
}

static int side_data_from_json(AVCodecParameters *par, const json_t *a)
{
    size_t i;
    const json_t *row;
    json_array_foreach(a, i, row)
    {
        uint8_t *data = NULL;
        int size = 0;
        const json_t *const type = json_array_get(row, 0);
        int ret = json_is_integer(type)
                      ? bytes_from_json(json_array_get(row, 1), &data, &size)
                      : -EINVAL;
        if (!ret &&
            fg_stream_side_data(
                par, (enum AVPacketSideDataType)json_integer_value(type), data,
                (size_t)size) < 0)
            ret = -ENOMEM;
        av_free(data);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int codec_from_json(AVCodecParameters *par, const char *name)
{
    const AVCodecDescriptor *const d = avcodec_descriptor_get_by_name(name);
    if (!d || d->type != AVMEDIA_TYPE_VIDEO)
        return -EINVAL;
    par->codec_type = d->type;
    par->codec_id = d->id;
    return 0;
}

static int fields_from_json(AVCodecParameters *par, const json_t *j)
{
    for (size_t i = 0; i < NB_FIELDS; i++) {
        const json_t *const v = json_object_get(j, fields[i].name);
        if (!json_is_integer(v))
            return -EINVAL;
        *field(par, i) = (int)json_integer_value(v);
    }
    return par->width > 0 && par->height > 0 ? 0 : -EINVAL;
}

int fg_stream_from_json(FgStreamInfo *s, const json_t *j, FgError *err)
{
    const char *codec;
    json_int_t rate;
    json_t *extra, *side;
    *s = (FgStreamInfo){avcodec_parameters_alloc(), {0, 1}};
    AVCodecParameters *const par = s->par;
    if (!par)
        return fg_error(err, -ENOMEM, "no memory");
    int ret = -EINVAL;
    if (!json_unpack((json_t *)j, "{s:s,s:[i,i],s:[i,i],s:[i,i],s:I,s:o,s:o}",
                     "codec", &codec, "time_base", &s->tb.num, &s->tb.den,
                     "sample_aspect_ratio", &par->sample_aspect_ratio.num,
                     &par->sample_aspect_ratio.den, "framerate",
                     &par->framerate.num, &par->framerate.den, "bit_rate",
                     &rate, "extradata", &extra, "side_data", &side) &&
        s->tb.num > 0 && s->tb.den > 0)
        ret = codec_from_json(par, codec);
    if (!ret) {
        par->bit_rate = rate;
        ret = fields_from_json(par, j);
    }
    if (!ret)
        ret = bytes_from_json(extra, &par->extradata, &par->extradata_size);
    if (!ret)
        ret = side_data_from_json(par, side);
    return ret ? fg_error(err, ret, "%s",
                          ret == -ENOMEM ? "no memory"
                                         : "its 'stream' is missing or wrong")
               : 0;
}
