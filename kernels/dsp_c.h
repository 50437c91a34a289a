/* ffgan: the C versions, where every ISA table starts.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_DSP_C_H
#define FFGAN_KERNELS_DSP_C_H

#include "dsp.h"

void fg_dsp_init_c(FgDsp *d); /* sets every member */

void fg_tap_tile_c(const FgTapTile *q);
void fg_grad_tile_c(const FgPixelTile *q);

#endif
