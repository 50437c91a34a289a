/* ffgan: the encoder. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_ENCODER_H
#define FFGAN_PIPELINE_ENCODER_H

#include <libavcodec/avcodec.h>

#include "pipeline/run.h"

/* Opens the preset's encoder for frames like first: its size, format, colour
 * tags, pixel shape and light metadata; the time base is the frames' own, so
 * that times pass unchanged, or 1/rate for encoders that only count frames. 0
 * or an exit code + err. */
int fg_encoder_open(AVCodecContext **enc, const FgRun *run,
                    const AVFrame *first, FgError *err);

#endif
