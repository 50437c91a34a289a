/* ffgan: an encoded picture stream without its packets.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_STREAM_INFO_H
#define FFGAN_PIPELINE_STREAM_INFO_H

#include <jansson.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>

#include "kernels/error.h"

typedef struct FgStreamInfo {
    AVCodecParameters *par; /* owned */
    AVRational tb;          /* of the packets */
} FgStreamInfo;

/* What the encoder writes; like: the first frame to it, for its clock and its
 * display matrix. 0 or an AVERROR; free in any case. */
int fg_stream_info(FgStreamInfo *s, const AVCodecContext *enc,
                   const AVFrame *like);
void fg_stream_info_free(FgStreamInfo *s); /* accepts zeroed */
/* Adds a copy of data unless there is one of that type. 0 or AVERROR. */
int fg_stream_side_data(AVCodecParameters *par, enum AVPacketSideDataType type,
                        const void *data, size_t size);
/* Everything a muxer needs, as text. NULL: no memory. */
json_t *fg_stream_to_json(const FgStreamInfo *s);
/* 0, -EINVAL + err, -ENOMEM + err. */
int fg_stream_from_json(FgStreamInfo *s, const json_t *j, FgError *err);

#endif
