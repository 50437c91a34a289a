/* Luma, PSNR and SSIM as the super-resolution literature measures them.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>

#include "trainer/metric.h"

static uint8_t clip8(double v)
{
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + 0.5);
}

static uint8_t studio(double r, double g, double b)
{
    return clip8(16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255);
}

void fg_studio_from_rgb8(uint8_t *y, const uint8_t *rgb, size_t n)
{
    for (size_t i = 0; i < n; i++, rgb += 3)
        y[i] = studio(rgb[0], rgb[1], rgb[2]);
}

void fg_studio_from_float(uint8_t *y, const float *v, size_t n, int c)
{
    for (size_t i = 0; i < n; i++, v += c) {
        if (c == 1) {
            const double l = v[0] <= 0 ? 0 : v[0] >= 1 ? 1 : v[0];

            y[i] = clip8(16 + 219 * l);
        } else {
            y[i] = studio(clip8(255.0 * v[0]), clip8(255.0 * v[1]),
                          clip8(255.0 * v[2]));
        }
    }
}

double fg_psnr(const uint8_t *a, const uint8_t *b, int w, int h, int border)
{
    const int iw = w - 2 * border, ih = h - 2 * border;
    uint64_t sum = 0;

    if (iw < 1 || ih < 1)
        return NAN;
    for (int y = border; y < h - border; y++)
        for (int x = border; x < w - border; x++) {
            const int d = a[(size_t)y * w + x] - b[(size_t)y * w + x];

            sum += (uint64_t)(d * d);
        }
    if (!sum)
        return INFINITY;
    return 10 * log10(255.0 * 255.0 * iw * ih / (double)sum);
}

#define TAPS 11

static void gauss(double k[TAPS])
{
    double sum = 0;

    for (int i = 0; i < TAPS; i++) {
        k[i] = exp(-(i - 5) * (i - 5) / (2 * 1.5 * 1.5));
        sum += k[i];
    }
    for (int i = 0; i < TAPS; i++)
        k[i] /= sum;
}

/* The five moments of one row of windows, filtered down the columns. */
static void moments(double *m[5], const uint8_t *a, const uint8_t *b, int w,
                    int pitch, const double k[TAPS])
{
    for (int x = 0; x < w; x++) {
        double s[5] = {0};

        for (int i = 0; i < TAPS; i++) {
            const double p = a[(size_t)i * pitch + x];
            const double q = b[(size_t)i * pitch + x];

            s[0] += k[i] * p;
            s[1] += k[i] * q;
            s[2] += k[i] * p * p;
            s[3] += k[i] * q * q;
            s[4] += k[i] * p * q;
        }
        for (int j = 0; j < 5; j++)
            m[j][x] = s[j];
    }
}

static double ssim_at(double *const m[5], int x, const double k[TAPS])
{
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double s[5] = {0};

    for (int j = 0; j < 5; j++)
        for (int i = 0; i < TAPS; i++)
            s[j] += k[i] * m[j][x + i];
    return (2 * s[0] * s[1] + c1) * (2 * (s[4] - s[0] * s[1]) + c2) /
           ((s[0] * s[0] + s[1] * s[1] + c1) *
            (s[2] - s[0] * s[0] + s[3] - s[1] * s[1] + c2));
}

double fg_ssim(const uint8_t *a, const uint8_t *b, int w, int h, int border)
{
    const int iw = w - 2 * border, ih = h - 2 * border;
    double k[TAPS], *m[5], *buf, sum = 0;

    if (iw < TAPS || ih < TAPS)
        return NAN;
    buf = malloc(sizeof(*buf) * 5 * (size_t)iw);
    if (!buf)
        return NAN;
    for (int j = 0; j < 5; j++)
        m[j] = buf + (size_t)j * iw;
    gauss(k);
    for (int y = 0; y + TAPS <= ih; y++) {
        const size_t at = (size_t)(y + border) * w + border;

        moments(m, a + at, b + at, iw, w, k);
        for (int x = 0; x + TAPS <= iw; x++)
            sum += ssim_at(m, x, k);
    }
    free(buf);
    return sum / ((double)(iw - TAPS + 1) * (ih - TAPS + 1));
}
