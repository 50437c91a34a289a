/* ffgan: pictures between two frames.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Motion is found and undone in plain arithmetic (flow.h); a network of task
 * "interp" decides what is seen of which frame and repairs the rest.
 *   in  [1,7,H,W]: Y' of frame 0 and of frame 1, each moved to time t; the
 *                  share of frame 1 by plain arithmetic, 0..1; the motion's
 *                  length / 32 pixels, at most 1; Y' of frame 0 and of frame 1
 *                  where they are; t
 *   out [1,3,H,W]: d, r, k
 * The result is a = clip(share + d, 0, 1), s = clip(k, 0, 1),
 * y = settled((1 - s) (y0 + a (y1 - y0)) + s ((1 - t) p0 + t p1)) + r, y moved
 * and p not: s is how much is faded from one frame to the other because motion
 * is not to be trusted; settled: fg_interp_settle. Other planes take a and s
 * alone. A network that gives zeros changes nothing. */
#ifndef FFGAN_KERNELS_INTERP_H
#define FFGAN_KERNELS_INTERP_H

#include "flow.h"
#include "tensor.h"

enum { FG_INTERP_IN = 7, FG_INTERP_OUT = 3 };

/* A model of colour "rgb" is a whole network instead (trainer's task interp):
 *   in  [1,7,H,W]: frame 0 RGB, frame 1 RGB, t in every pixel, 0 < t < 1
 *   out [1,3,H,W]: the picture at t, RGB, to be clipped to 0..1 */
enum { FG_INTERP_RGB_IN = 7, FG_INTERP_RGB_OUT = 3 };

/* The network's input for the two frames pushed last at time t, 0 < t < 1,
 * after fg_flow_find. in is [1,7,h,w] f32 of the flow's size, dense. Calls
 * fg_flow_at. */
void fg_interp_inputs(FgFlow *f, float t, FgTensor *in);
/* A row: luma[n], of y above what is to be settled, and share[n], fade[n] (a
 * and s above) from the network's pixels in [n][7] and out [n][3]; out NULL = a
 * network that gives zeros. */
void fg_interp_fuse(float *luma, float *share, float *fade, const float *in,
                    const float *out, int n);

/* A row of error[n] for fg_interp_settle: half the variance below. */
void fg_interp_doubt(float *error, const float *in, const float *share, int n);
/* Row y of what is left of luma [h][w] when it is not believed farther than the
 * two frames agree (local statistics after Lee, PAMI 2(2), 1980): round each
 * sample, its difference to the mean of 3 x 3 keeps the share (v - e) / v, at
 * least 0, of v = its variance there and e = the mean over 5 x 5 of error,
 * which is the variance that the mix a of two moved frames y0, y1 betrays: a (1
 * - a) (y1 - y0)^2. Where they agree nothing changes. scratch: 3 (w + 4)
 * floats. */
void fg_interp_settle(float *dst, const float *luma, const float *error, int w,
                      int h, int y, float *scratch);

#endif
