/* Made-up motion: photographs in layers that move over one another.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_MOTION_H
#define FFGAN_TRAINER_MOTION_H

#include "trainer/data.h"
#include "trainer/random.h"

/* Image n of in (channels 0-2: time 0, 3-5: time 1), target (time t) and flow
 * (from the target's pixels to frame 0, frame 1). A background and up to three
 * layers with soft-edged shapes, each a photograph with its own straight path,
 * turn and zoom of at most motion pixels; sometimes with motion blur, a change
 * of light, or noise. */
void fg_motion_triplet(const FgData *photos, double motion, double t,
                       FgTensor *in, FgTensor *target, FgTensor *flow, int n,
                       FgRandom *r);

#endif
