/* ffgan: frame properties that hold when a picture changes its size.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_FILTERS_PROPS_H
#define FFGAN_FILTERS_PROPS_H

#include <libavutil/frame.h>

/* Copies in's properties to out, whose width and height are set: times, tags,
 * metadata and side data stay; the sample aspect ratio, the crop rectangle,
 * regions of interest and spherical padding are scaled; side data in pixels
 * that cannot be (pan-scan, motion vectors, encoder parameters, detection
 * boxes, change hints, LCEVC) is dropped, unless the size stays. Returns the
 * number dropped or a negative errno. */
int fg_props_copy(AVFrame *out, const AVFrame *in);

#endif
