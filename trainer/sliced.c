/* How alike the textures of two pictures are.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdlib.h>

#include "trainer/noise.h"
#include "trainer/sliced.h"

enum { SIDE = 7, STEP = 3, SLICES = 32, LEAST = 32, SEED = 20211 };

static float *plane(const uint8_t *s, int w, int h, int half)
{
    const int ow = half ? w / 2 : w, oh = half ? h / 2 : h;
    float *d = malloc(sizeof(*d) * (size_t)ow * oh);

    for (int y = 0; d && y < oh; y++)
        for (int x = 0; x < ow; x++) {
            const uint8_t *p = s + (size_t)(y << half) * w + (x << half);

            d[(size_t)y * ow + x] = half
                                        ? (p[0] + p[1] + p[w] + p[w + 1]) / 4.0f
                                        : p[0];
        }
    return d;
}

static int inside(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

static float *high_pass(const float *s, int w, int h)
{
    float *d = malloc(sizeof(*d) * (size_t)w * h);

    for (int y = 0; d && y < h; y++)
        for (int x = 0; x < w; x++) {
            float sum = 0;

            for (int v = -2; v <= 2; v++)
                for (int u = -2; u <= 2; u++)
                    sum += s[(size_t)inside(y + v, h) * w + inside(x + u, w)];
            d[(size_t)y * w + x] = s[(size_t)y * w + x] - sum / 25;
        }
    return d;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void direction(float *d, int slice)
{
    double sum = 0;

    for (int i = 0; i < SIDE * SIDE; i++) {
        const double v = fg_noise_named(SEED, "texture",
                                        (size_t)(slice * SIDE * SIDE + i));

        d[i] = (float)v;
        sum += v * v;
    }
    for (int i = 0; i < SIDE * SIDE; i++)
        d[i] = (float)(d[i] / sqrt(sum));
}

/* Sorted; returns how many. */
static int project(float *out, const float *s, int w, int h, const float *d)
{
    int n = 0;

    for (int y = 0; y + SIDE <= h; y += STEP)
        for (int x = 0; x + SIDE <= w; x += STEP) {
            float sum = 0;

            for (int v = 0; v < SIDE; v++)
                for (int u = 0; u < SIDE; u++)
                    sum += d[v * SIDE + u] * s[(size_t)(y + v) * w + x + u];
            out[n++] = sum;
        }
    qsort(out, (size_t)n, sizeof(*out), by_value);
    return n;
}

static double compare(const float *a, const float *b, int w, int h)
{
    const size_t room = (size_t)(w / STEP + 1) * (h / STEP + 1);
    float *p = malloc(2 * room * sizeof(*p)), d[SIDE * SIDE];
    double sum = 0;

    if (!p)
        return -1;
    for (int k = 0; k < SLICES; k++) {
        int n;

        direction(d, k);
        n = project(p, a, w, h, d);
        project(p + room, b, w, h, d);
        for (int i = 0; i < n; i++)
            sum += fabs((double)p[i] - p[room + (size_t)i]) / n;
    }
    free(p);
    return SIDE * sum / SLICES;
}

static double level(const uint8_t *a, const uint8_t *b, int w, int h, int half)
{
    float *pa = plane(a, w, h, half), *pb = plane(b, w, h, half);
    const int ow = half ? w / 2 : w, oh = half ? h / 2 : h;
    float *ha = pa ? high_pass(pa, ow, oh) : NULL;
    float *hb = pb ? high_pass(pb, ow, oh) : NULL;
    const double d = ha && hb ? compare(ha, hb, ow, oh) : -1;

    free(pa);
    free(pb);
    free(ha);
    free(hb);
    return d;
}

double fg_sliced_distance(const uint8_t *a, const uint8_t *b, int w, int h)
{
    double full, half;

    if (w < LEAST || h < LEAST)
        return -1;
    full = level(a, b, w, h, 0);
    half = level(a, b, w, h, 1);
    return full < 0 || half < 0 ? -1 : (full + half) / 2;
}
