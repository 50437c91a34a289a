/* ffgan: several frames in flight, where one is too small for all threads.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each thread takes a frame of its own and has an enlarger of its own, made by
 * fg_upscale_share. Nothing of a frame depends on which thread has it. */
#ifndef FFGAN_FILTERS_FLIGHT_H
#define FFGAN_FILTERS_FLIGHT_H

#include "upscale.h"

#define FG_FLIGHT_MOST 64

typedef struct FgFlightFrame {
    AVFrame *in, *out; /* out: allocated */
    FgLook look;
    int ret; /* what fg_upscale_frame returned, and err */
    int guessed;
    FgError err;
} FgFlightFrame;

typedef struct FgFlight FgFlight;

/* How many frames to take at a time. asked > 0: as many, whatever memory that
 * takes; 0: as many as ex has threads and 256 MiB have room for
 * (fg_upscale_bytes), if that is more than the threads that one frame keeps
 * busy (fg_plan_parts), else 1. With one thread, on a GPU, and for 0 with a
 * tile size, 1. */
int fg_flight_frames(const FgUpscale *of, const FgExecutor *ex, int asked);
/* For 2 to FG_FLIGHT_MOST frames at a time. of and ex are kept. 0, or a
 * negative errno and err; *f is NULL then. */
int fg_flight_create(FgFlight **f, FgUpscale *of, FgExecutor *ex, int frames,
                     FgError *err);
/* Fills the frames' out, ret, err and guessed. Allocates nothing, unless a look
 * is new or a frame is not finite. Where there is no memory for a new look,
 * `of` does all frames from then on, one after another. */
void fg_flight_run(FgFlight *f, FgFlightFrame *v, int nb);
void fg_flight_free(FgFlight **f); /* accepts NULL */

#endif
