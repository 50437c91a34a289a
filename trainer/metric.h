/* What quality figures are measured with.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_METRIC_H
#define FFGAN_TRAINER_METRIC_H

#include <stddef.h>
#include <stdint.h>

/* Full-range BT.601 luma of an 8-bit RGB pixel, 0..1: what luma networks see.
 */
static inline float fg_luma(const uint8_t *rgb)
{
    return (0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]) / 255.0f;
}

/* Studio-range luma 16..235, rounded to 8 bits, as MATLAB's rgb2ycbcr. */
void fg_studio_from_rgb8(uint8_t *y, const uint8_t *rgb, size_t n);
/* The same from network output: c = 1 (full-range luma) or 3 (RGB, first
 * rounded to 8 bits), values 0..1 clipped. */
void fg_studio_from_float(uint8_t *y, const float *v, size_t n, int c);

/* Peak 255, without border pixels on each side. +INFINITY for equal planes,
 * NAN when nothing is left inside the border. */
double fg_psnr(const uint8_t *a, const uint8_t *b, int w, int h, int border);
/* Mean SSIM (Wang 2004): 11x11 Gaussian of 1.5, no padding, K .01 and .03.
 * NAN when a side inside the border is under 11 or memory ran out. */
double fg_ssim(const uint8_t *a, const uint8_t *b, int w, int h, int border);
/* Multi-scale SSIM (Wang 2003): five scales, each half the last by 2x2 means,
 * contrast and structure of all, luminance of the last. NAN when a side inside
 * the border is 160 or less, or memory ran out. */
double fg_ms_ssim(const uint8_t *a, const uint8_t *b, int w, int h, int border);

#endif
