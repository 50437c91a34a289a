/* ffgan: colours under what is transparent.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_PIPELINE_BLEED_H
#define FFGAN_PIPELINE_BLEED_H

#include <libavutil/frame.h>

/* Straight alpha only: pixels of alpha 0 get the colours of their visible
 * neighbours, up to 16 pixels away, so that networks do not mix what nobody
 * sees into the edges. f is made writable. Formats without alpha, with chroma
 * of half size, or of more than 16 bits but float are left. 0 or AVERROR. */
int fg_bleed(AVFrame *f);

#endif
