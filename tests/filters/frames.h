/* Frames for the filters' tests.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_FILTERS_FRAMES_H
#define FFGAN_TESTS_FILTERS_FRAMES_H

#include <stdlib.h>
#include <string.h>

#include <libavutil/frame.h>

/* A frame of zeros, which the test frees; without memory the test ends. */
static inline AVFrame *new_frame(enum AVPixelFormat fmt, int w, int h)
{
    AVFrame *f = av_frame_alloc();
    int ret = -1;

    if (f) {
        f->format = fmt;
        f->width = w;
        f->height = h;
        ret = av_frame_get_buffer(f, 0);
    }
    if (ret < 0)
        abort();
    for (int p = 0; p < 4 && f->buf[p]; p++)
        memset(f->buf[p]->data, 0, f->buf[p]->size);
    return f;
}

#endif
