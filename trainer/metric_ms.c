/* Multi-scale SSIM. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>

#include "trainer/metric.h"

#define TAPS 11
#define SCALES 5

/* Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality
 * assessment", Asilomar 2003, 3.2. */
static const double weight[SCALES] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};

typedef struct Plane {
    double *a, *b; /* [h][w] each */
    int w, h;
} Plane;

static void gauss(double k[TAPS])
{
    double sum = 0;

    for (int i = 0; i < TAPS; i++)
        sum += k[i] = exp(-(i - 5) * (i - 5) / (2 * 1.5 * 1.5));
    for (int i = 0; i < TAPS; i++)
        k[i] /= sum;
}

/* Filtered down the columns: means, squares, product of one row of windows. */
static void moments(double *m, const Plane *p, int y, const double k[TAPS])
{
    for (int x = 0; x < p->w; x++) {
        double s[5] = {0};

        for (int i = 0; i < TAPS; i++) {
            const double a = p->a[(size_t)(y + i) * (size_t)p->w + (size_t)x];
            const double b = p->b[(size_t)(y + i) * (size_t)p->w + (size_t)x];

            s[0] += k[i] * a;
            s[1] += k[i] * b;
            s[2] += k[i] * a * a;
            s[3] += k[i] * b * b;
            s[4] += k[i] * a * b;
        }
        for (int j = 0; j < 5; j++)
            m[5 * x + j] = s[j];
    }
}

/* Means over the plane of SSIM and of its contrast and structure part. */
static void similarity(const Plane *p, double *row, double *ssim, double *cs)
{
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    const double n = (double)(p->w - TAPS + 1) * (p->h - TAPS + 1);
    double k[TAPS];

    gauss(k);
    *ssim = *cs = 0;
    for (int y = 0; y + TAPS <= p->h; y++) {
        moments(row, p, y, k);
        for (int x = 0; x + TAPS <= p->w; x++) {
            double s[5] = {0}, c;

            for (int i = 0; i < TAPS; i++)
                for (int j = 0; j < 5; j++)
                    s[j] += k[i] * row[5 * (x + i) + j];
            c = (2 * (s[4] - s[0] * s[1]) + c2) /
                (s[2] - s[0] * s[0] + s[3] - s[1] * s[1] + c2);
            *cs += c / n;
            *ssim += c * (2 * s[0] * s[1] + c1) /
                     (s[0] * s[0] + s[1] * s[1] + c1) / n;
        }
    }
}

/* In place: means of 2x2; an odd last row or column counts twice. */
static void halve(Plane *p)
{
    const int w = (p->w + 1) / 2, h = (p->h + 1) / 2;
    double *const both[2] = {p->a, p->b};

    for (int k = 0; k < 2; k++)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                const int x1 = 2 * x + 1 < p->w ? 2 * x + 1 : 2 * x;
                const int y1 = 2 * y + 1 < p->h ? 2 * y + 1 : 2 * y;
                const double *r0 = both[k] + (size_t)(2 * y) * (size_t)p->w;
                const double *r1 = both[k] + (size_t)y1 * (size_t)p->w;

                both[k][(size_t)y * (size_t)w + (size_t)x] =
                    (r0[2 * x] + r0[x1] + r1[2 * x] + r1[x1]) / 4;
            }
    p->w = w;
    p->h = h;
}

static double over_scales(Plane *p, double *row)
{
    double out = 1;

    for (int s = 0; s < SCALES; s++) {
        double ssim, cs;

        similarity(p, row, &ssim, &cs);
        out *= pow(fmax(s + 1 < SCALES ? cs : ssim, 0), weight[s]);
        if (s + 1 < SCALES)
            halve(p);
    }
    return out;
}

double fg_ms_ssim(const uint8_t *a, const uint8_t *b, int w, int h, int border)
{
    Plane p = {.w = w - 2 * border, .h = h - 2 * border};
    double *room, out;
    size_t n;

    if (p.w <= (TAPS - 1) << (SCALES - 1) || p.h <= (TAPS - 1) << (SCALES - 1))
        return NAN;
    n = (size_t)p.w * (size_t)p.h;
    room = malloc(sizeof(*room) * (2 * n + 5 * (size_t)p.w));
    if (!room)
        return NAN;
    p.a = room;
    p.b = room + n;
    for (int y = 0; y < p.h; y++)
        for (int x = 0; x < p.w; x++) {
            const size_t from = (size_t)(y + border) * (size_t)w +
                                (size_t)(x + border);
            const size_t to = (size_t)y * (size_t)p.w + (size_t)x;

            p.a[to] = a[from];
            p.b[to] = b[from];
        }
    out = over_scales(&p, room + 2 * n);
    free(room);
    return out;
}
