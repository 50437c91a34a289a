/* ffgan: frame properties that hold when a picture changes its size.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "props.h"

#include <limits.h>
#include <math.h>

#include <libavutil/spherical.h>

static const enum AVFrameSideDataType in_pixels[] = {
    AV_FRAME_DATA_PANSCAN,          AV_FRAME_DATA_MOTION_VECTORS,
    AV_FRAME_DATA_VIDEO_ENC_PARAMS, AV_FRAME_DATA_DETECTION_BBOXES,
    AV_FRAME_DATA_VIDEO_HINT,       AV_FRAME_DATA_LCEVC,
};

/* The data may be shared with the input frame. */
static int writable(AVFrameSideData *sd)
{
    const int ret = av_buffer_make_writable(&sd->buf);

    if (ret >= 0)
        sd->data = sd->buf->data;
    return ret;
}

static void scale_regions(AVFrameSideData *sd, double kx, double ky)
{
    const uint32_t step = ((const AVRegionOfInterest *)sd->data)->self_size;

    if (step < sizeof(AVRegionOfInterest))
        return;
    for (size_t at = 0; at + step <= sd->size; at += step) {
        AVRegionOfInterest *r = (AVRegionOfInterest *)(sd->data + at);

        r->top = (int)lrint(r->top * ky);
        r->bottom = (int)lrint(r->bottom * ky);
        r->left = (int)lrint(r->left * kx);
        r->right = (int)lrint(r->right * kx);
    }
}

static int scale_side_data(AVFrame *out, double kx, double ky)
{
    AVFrameSideData *sd = av_frame_get_side_data(
        out, AV_FRAME_DATA_REGIONS_OF_INTEREST);
    int ret;

    if (sd && sd->size >= sizeof(AVRegionOfInterest)) {
        if ((ret = writable(sd)) < 0)
            return ret;
        scale_regions(sd, kx, ky);
    }
    sd = av_frame_get_side_data(out, AV_FRAME_DATA_SPHERICAL);
    if (sd) {
        if ((ret = writable(sd)) < 0)
            return ret;
        AVSphericalMapping *m = (AVSphericalMapping *)sd->data;

        m->padding = (uint32_t)lrint(m->padding * kx);
    }
    return 0;
}

int fg_props_copy(AVFrame *out, const AVFrame *in)
{
    const int w = out->width, h = out->height;
    int dropped = 0, ret = av_frame_copy_props(out, in);

    if (ret < 0)
        return ret;
    out->width = w;
    out->height = h;
    if (w == in->width && h == in->height)
        return 0;
    const double kx = (double)w / in->width, ky = (double)h / in->height;

    out->crop_left = (size_t)llrint((double)in->crop_left * kx);
    out->crop_right = (size_t)llrint((double)in->crop_right * kx);
    out->crop_top = (size_t)llrint((double)in->crop_top * ky);
    out->crop_bottom = (size_t)llrint((double)in->crop_bottom * ky);
    if (in->sample_aspect_ratio.num)
        av_reduce(&out->sample_aspect_ratio.num, &out->sample_aspect_ratio.den,
                  (int64_t)in->sample_aspect_ratio.num * h * in->width,
                  (int64_t)in->sample_aspect_ratio.den * w * in->height,
                  INT_MAX);
    for (size_t i = 0; i < sizeof(in_pixels) / sizeof(*in_pixels); i++) {
        dropped += !!av_frame_get_side_data(out, in_pixels[i]);
        av_frame_remove_side_data(out, in_pixels[i]);
    }
    if ((ret = scale_side_data(out, kx, ky)) < 0)
        return ret;
    return dropped;
}
