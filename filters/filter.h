/* ffgan: what our filters share: threads, models, options.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_FILTER_H
#define FFGAN_FILTERS_FILTER_H

#include "compat.h"

#include <libavutil/opt.h>

#include "kernels/model.h"
#include "kernels/plan.h"

/* The filter graph's slice threads as an executor. ctx must outlive it. */
void fg_slices_init(FgExecutor *ex, AVFilterContext *ctx);

/* Logs err; returns ret. */
int fg_filter_fail(void *ctx, int ret, const FgError *err);

/* What activate returns: an error also becomes the output's status, so that
 * who asks again gets it again. Without it FFmpeg's lavfi device waits for
 * ever. */
int fg_filter_end(AVFilterContext *ctx, int ret);

/* Finds, reads and logs a model of this task (FG_TASK_SR: no other). Name
 * "help" lists the models of the task that can be found and returns
 * AVERROR_EXIT. 0 or an error, which was logged. */
int fg_filter_model(AVFilterContext *ctx, const char *name, FgTask task,
                    FgModel **m);

/* Says where the network runs, and how, to those who want to know (verbose). */
void fg_say_plan(AVFilterContext *ctx, const FgPlanInfo *i);

/* Logs text once. */
void fg_say_once(AVFilterContext *ctx, int *said, int level, int really,
                 const char *text);

/* ---- rows of an option table; CONTEXT must be defined ---- */

#define FG_OFFSET(x) offsetof(CONTEXT, x)
#define FG_FLAGS (AV_OPT_FLAG_VIDEO_PARAM | AV_OPT_FLAG_FILTERING_PARAM)
#define FG_RUNTIME AV_OPT_FLAG_RUNTIME_PARAM
#define FG_NUMBER(unit, name, value)                                           \
    {                                                                          \
        name, NULL, 0, AV_OPT_TYPE_CONST, {.i64 = value}, 0, 0, FG_FLAGS, unit \
    }
#define FG_TEXT(name, help, field, def)                                        \
    {                                                                          \
        name, help, FG_OFFSET(field), AV_OPT_TYPE_STRING, {.str = def}, 0, 0,  \
            FG_FLAGS, NULL                                                     \
    }
#define FG_VALUE(name, help, field, type, def, max, unit)                      \
    {                                                                          \
        name, help, FG_OFFSET(field), AV_OPT_TYPE_##type, def, 0, max,         \
            FG_FLAGS, unit                                                     \
    }
#define FG_LIVE(name, help, field, def, min, max)                              \
    {                                                                          \
        name, help, FG_OFFSET(field), AV_OPT_TYPE_DOUBLE, {.dbl = def}, min,   \
            max, FG_FLAGS | FG_RUNTIME, NULL                                   \
    }

#define FG_OPTIONS_PRECISION                                                   \
    FG_VALUE("precision", "arithmetic of the network", precision, INT,         \
             {.i64 = FG_PREC_AUTO}, FG_PREC_FP8, "precision"),                 \
        FG_NUMBER("precision", "auto", FG_PREC_AUTO),                          \
        FG_NUMBER("precision", "fp32", FG_PREC_FP32),                          \
        FG_NUMBER("precision", "bf16", FG_PREC_BF16),                          \
        FG_NUMBER("precision", "int16", FG_PREC_INT16),                        \
        FG_NUMBER("precision", "fast", FG_PREC_FAST),                          \
        FG_NUMBER("precision", "int8", FG_PREC_INT8),                          \
        FG_NUMBER("precision", "fp8", FG_PREC_FP8)
#define FG_OPTIONS_PLAN                                                        \
    FG_OPTIONS_PRECISION,                                                      \
        FG_VALUE("tilesize",                                                   \
                 "tile side in input pixels, 0 = chosen by memory", tilesize,  \
                 INT, {.i64 = 0}, 1 << 24, NULL),                              \
        FG_TEXT("device", "where the network runs: auto, cpu, cuda or cuda:N", \
                device, "auto")
#define FG_OPTIONS_COLOUR                                                      \
    FG_VALUE("colorspace", "YCbCr matrix of the input", space, INT,            \
             {.i64 = AVCOL_SPC_UNSPECIFIED}, AVCOL_SPC_NB - 1, "colorspace"),  \
        FG_NUMBER("colorspace", "auto", AVCOL_SPC_UNSPECIFIED),                \
        FG_NUMBER("colorspace", "bt709", AVCOL_SPC_BT709),                     \
        FG_NUMBER("colorspace", "bt601", AVCOL_SPC_SMPTE170M),                 \
        FG_NUMBER("colorspace", "bt470bg", AVCOL_SPC_BT470BG),                 \
        FG_NUMBER("colorspace", "smpte170m", AVCOL_SPC_SMPTE170M),             \
        FG_NUMBER("colorspace", "smpte240m", AVCOL_SPC_SMPTE240M),             \
        FG_NUMBER("colorspace", "fcc", AVCOL_SPC_FCC),                         \
        FG_NUMBER("colorspace", "bt2020nc", AVCOL_SPC_BT2020_NCL),             \
        FG_NUMBER("colorspace", "bt2020", AVCOL_SPC_BT2020_NCL),               \
        FG_VALUE("range", "code range of the input", range, INT,               \
                 {.i64 = AVCOL_RANGE_UNSPECIFIED}, AVCOL_RANGE_NB - 1,         \
                 "range"),                                                     \
        FG_NUMBER("range", "auto", AVCOL_RANGE_UNSPECIFIED),                   \
        FG_NUMBER("range", "tv", AVCOL_RANGE_MPEG),                            \
        FG_NUMBER("range", "limited", AVCOL_RANGE_MPEG),                       \
        FG_NUMBER("range", "mpeg", AVCOL_RANGE_MPEG),                          \
        FG_NUMBER("range", "pc", AVCOL_RANGE_JPEG),                            \
        FG_NUMBER("range", "full", AVCOL_RANGE_JPEG),                          \
        FG_NUMBER("range", "jpeg", AVCOL_RANGE_JPEG)

#endif
