/* ffgan: the header of DPX pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * libavcodec writes the first 1664 bytes only, calls all light linear, and
 * forgets what the source's header said. SMPTE 268M-2003. */
#ifndef FFGAN_PIPELINE_DPX_H
#define FFGAN_PIPELINE_DPX_H

#include <stddef.h>
#include <stdint.h>

#include <libavutil/pixfmt.h>

typedef struct FgDpxOptions {
    const char *like; /* the picture that it is made from, when that is DPX:
                         its transfer, film and television headers (time code,
                         rate, slate, ...), input device, project; or NULL */
    const char *creator;
    enum AVColorTransferCharacteristic trc; /* without like */
    double rate;                            /* frames a second, 0 = unknown */
    int64_t number;                         /* of the picture */
} FgDpxOptions;

/* A whole header of 2048 bytes in front of an encoded picture's pixels:
 * malloc'ed *out of *out_size bytes. 0, -EINVAL (not DPX), -ENOMEM, or the
 * errno of reading like. */
int fg_dpx_complete(uint8_t **out, size_t *out_size, const uint8_t *data,
                    size_t size, const FgDpxOptions *o);

#endif
