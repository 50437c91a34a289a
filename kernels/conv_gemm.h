/* ffgan: whole batches of strided and transposed convolutions as products of
 * tiles (gemm.h), f32. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A transposed convolution (dilate > 1) is cut into dilate^2 plain ones, one
 * for each place of an output pixel between input pixels, so that no zero is
 * multiplied. No input is gathered: rows are read through pointers. Results
 * have the bits of fg_conv_all and fg_conv_wgrad. Weights are in the file's
 * order, as for fg_conv_put. */
#ifndef FFGAN_KERNELS_CONV_GEMM_H
#define FFGAN_KERNELS_CONV_GEMM_H

#include "conv.h"

/* Does this way exist for the geometry (one group, f32, border of zeros, at
 * most 64 taps), and is it the faster one for outputs of this shape? */
int fg_conv_gemm_fits(const FgConvPrep *p, FgShape out);
void fg_conv_gemm(const FgConvPrep *p, const float *weight, const float *bias,
                  int swap, const FgTensor *in, FgTensor *out, int add,
                  FgExecutor *ex, void *scratch);
size_t fg_conv_gemm_scratch(const FgConvPrep *p, int threads);
/* dw += the gradient, as fg_conv_wgrad; p is the forward geometry. */
void fg_conv_gemm_wgrad(const FgConvPrep *p, const FgTensor *in,
                        const FgTensor *dy, FgTensor *dw, FgExecutor *ex,
                        void *scratch);
size_t fg_conv_gemm_wgrad_scratch(const FgConvPrep *p, int threads);

#endif
