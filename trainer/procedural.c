/* Effect plates that are made, not filmed: gradient noise (Perlin, "Improving
 * Noise", 2002) in octaves, bent by itself (domain warping), with a shape and a
 * colour ramp for each kind. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/procedural.h"

const char *const fg_procedural_names[] = {"fire", "smoke", "clouds", "weave",
                                           NULL};

typedef struct Spot {
    double u, v, t; /* x over the height, -; y 0 (bottom) .. 1; seconds */
    uint32_t seed;
} Spot;

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double smooth(double a, double b, double x)
{
    const double t = clamp01((x - a) / (b - a));

    return t * t * (3 - 2 * t);
}

/* ---- noise ---- */

static uint32_t hash(uint32_t x, uint32_t y, uint32_t z, uint32_t seed)
{
    uint32_t h = x * 0x8da6b343u ^ y * 0xd8163841u ^ z * 0xcb1ab31fu ^
                 seed * 0x9e3779b9u;

    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

static double corner(int x, int y, int z, uint32_t seed, double dx, double dy,
                     double dz)
{
    const uint32_t h = hash((uint32_t)x, (uint32_t)y, (uint32_t)z, seed) & 15;
    const double a = h < 8 ? dx : dy;
    const double b = h < 4 ? dy : h == 12 || h == 14 ? dx : dz;

    return (h & 1 ? -a : a) + (h & 2 ? -b : b);
}

static double fade(double t)
{
    return t * t * t * (t * (t * 6 - 15) + 10);
}

static double mix(double a, double b, double t)
{
    return a + (b - a) * t;
}

static double noise(double x, double y, double z, uint32_t seed)
{
    const int ix = (int)floor(x), iy = (int)floor(y), iz = (int)floor(z);
    const double fx = x - ix, fy = y - iy, fz = z - iz;
    const double u = fade(fx), v = fade(fy), w = fade(fz);
    double plane[2];

    for (int k = 0; k < 2; k++) {
        const double z0 = fz - k;
        const double a = corner(ix, iy, iz + k, seed, fx, fy, z0);
        const double b = corner(ix + 1, iy, iz + k, seed, fx - 1, fy, z0);
        const double c = corner(ix, iy + 1, iz + k, seed, fx, fy - 1, z0);
        const double d = corner(ix + 1, iy + 1, iz + k, seed, fx - 1, fy - 1,
                                z0);

        plane[k] = mix(mix(a, b, u), mix(c, d, u), v);
    }
    return mix(plane[0], plane[1], w);
}

/* About -1..1. */
static double octaves(double x, double y, double z, int nb, uint32_t seed)
{
    double sum = 0, gain = 1, total = 0;

    for (int i = 0; i < nb; i++) {
        sum += gain * noise(x, y, z, seed + (uint32_t)i);
        total += gain;
        gain *= 0.5;
        x *= 2.03;
        y *= 2.03;
        z *= 1.7;
    }
    return 1.6 * sum / total;
}

/* ---- kinds ---- */

/* Colour of glowing gas by heat 0..1: dark red, orange, yellow, near white. */
static void glow(double heat, float *px)
{
    px[0] = (float)clamp01(0.25 + 1.9 * heat);
    px[1] = (float)clamp01(0.03 + 1.15 * pow(heat, 1.35));
    px[2] = (float)clamp01(0.01 + 0.9 * pow(heat, 3.2));
}

static void fire(const Spot *p, float *px)
{
    const double rise = 1.1 * p->t;
    const double bend = octaves(1.6 * p->u, 1.1 * p->v - rise, 0.4 * p->t, 3,
                                p->seed);
    const double u = p->u + 0.32 * bend * (0.25 + p->v);
    const double tongue = octaves(3.4 * u, 1.3 * p->v - 1.6 * rise, 0.6 * p->t,
                                  4, p->seed + 17);
    const double fine = octaves(9 * u, 3.4 * p->v - 2.4 * rise, p->t, 3,
                                p->seed + 31);
    const double top = 0.62 +
                       0.42 * noise(1.9 * p->u, 0.3 * p->t, 0.5, p->seed + 47);
    const double body = top - p->v + 0.5 * tongue + 0.16 * fine;
    const double heat = clamp01(1.25 * body * (1 - 0.25 * p->v));

    glow(pow(heat, 0.9), px);
    px[3] = (float)smooth(0.02, 0.42, body);
}

static double smoke_density(const Spot *p, double dx, double dy)
{
    const double u = p->u + dx, v = p->v + dy, rise = 0.35 * p->t;
    const double a = octaves(1.3 * u, 1.3 * v - rise, 0.2 * p->t, 3, p->seed);
    const double b = octaves(1.3 * u + 4, 1.3 * v - rise + 7, 0.2 * p->t, 3,
                             p->seed + 5);
    const double d = octaves(2.4 * (u + 0.22 * a), 2.4 * (v + 0.22 * b) - rise,
                             0.3 * p->t, 6, p->seed + 11);

    return 0.40 + 0.80 * d + 0.35 * a;
}

static void smoke(const Spot *p, float *px)
{
    const double d = smoke_density(p, 0, 0);
    const double toward = smoke_density(p, 0.05, 0.08);
    const double light = clamp01(0.62 + 1.1 * (d - toward));

    px[0] = (float)(0.10 + 0.80 * light);
    px[1] = (float)(0.10 + 0.81 * light);
    px[2] = (float)(0.12 + 0.82 * light);
    px[3] = (float)smooth(0.08, 0.85, d);
}

static double cloud_density(const Spot *p, double dx, double dy)
{
    const double u = p->u + dx + 0.05 * p->t, v = p->v + dy;
    const double a = octaves(1.4 * u, 2.2 * v, 0.1 * p->t, 2, p->seed);
    const double d = octaves(1.7 * u + 0.35 * a, 2.8 * v, 0.12 * p->t, 6,
                             p->seed + 3);

    return 0.30 + 1.1 * d;
}

/* Opaque: sky behind, lit from above; alpha is the clouds' own. */
static void clouds(const Spot *p, float *px)
{
    static const double high[3] = {0.16, 0.36, 0.68};
    static const double low[3] = {0.55, 0.70, 0.86};
    const double d = cloud_density(p, 0, 0);
    const double above = cloud_density(p, 0.04, 0.09);
    const double alpha = smooth(0.16, 0.72, d);
    const double light = clamp01(0.80 + 0.55 * (d - above) - 0.12 * d);

    for (int i = 0; i < 3; i++) {
        const double sky = mix(low[i], high[i], p->v);
        const double white = mix(0.48 + 0.05 * i, 1.0, light);

        px[i] = (float)clamp01(mix(sky, white, alpha));
    }
    px[3] = (float)alpha;
}

/* A plain weave of two threads, with irregular yarn: periodic texture. */
static void weave(const Spot *p, float *px)
{
    const double pi = 3.14159265358979, f = 7;
    const double wob = 0.05 * octaves(2 * p->u, 2 * p->v, 0, 2, p->seed);
    const double x = f * (p->u + wob), y = f * (p->v - wob);
    const int over = ((int)floor(x) + (int)floor(y)) & 1;
    const double across = over ? x - floor(x) : y - floor(y);
    const double along = over ? y - floor(y) : x - floor(x);
    const double round = sin(pi * clamp01((across - 0.06) / 0.88));
    const double arch = 0.55 + 0.45 * sin(pi * along);
    const double yarn = octaves(over ? 60 * p->u : 9 * p->u,
                                over ? 9 * p->v : 60 * p->v, 1, 3, p->seed + 9);
    const double tint = 0.5 + 0.5 * octaves(p->u, p->v, 3, 2, p->seed + 21);
    const double l = clamp01(sqrt(round) * arch * (0.86 + 0.25 * yarn));

    px[0] = (float)clamp01(l * (over ? 0.80 : 0.42 + 0.2 * tint));
    px[1] = (float)clamp01(l * (over ? 0.68 : 0.20 + 0.1 * tint));
    px[2] = (float)clamp01(l * (over ? 0.48 : 0.16));
    px[3] = 1;
}

int fg_procedural_find(const char *name)
{
    for (int i = 0; fg_procedural_names[i]; i++)
        if (!strcmp(fg_procedural_names[i], name))
            return i;
    return -1;
}

void fg_procedural(int kind, uint32_t seed, double time, int w, int h,
                   float *px)
{
    static void (*const kinds[])(const Spot *p, float *px) = {fire, smoke,
                                                              clouds, weave};

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, px += 4) {
            const Spot p = {(x + 0.5 - 0.5 * w) / h, 1 - (y + 0.5) / h, time,
                            seed * 101u};

            kinds[kind](&p, px);
        }
}
