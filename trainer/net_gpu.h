/* A network's optimiser step on a GPU; for net.c.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_NET_GPU_H
#define FFGAN_TRAINER_NET_GPU_H

#include "trainer/net.h"

/* Do the network's gradients lie on a device? */
int fg_net_gpu(const FgNet *net);
/* fg_net_grad_norm, fg_net_step after clipping by factor (1: none), and
 * trainable weights kept within +-limit, there; sums have a fixed order.
 * Failures stick to the device: the norm is then NaN. */
double fg_net_gpu_norm(FgNet *net);
void fg_net_gpu_step(FgNet *net, double lr, double factor, double decay);
void fg_net_gpu_limit(FgNet *net, double limit);
/* Gives back what steps took. */
void fg_net_gpu_leave(FgNet *net);

#endif
