/* What happens to a picture on its way to a small bad copy.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/op.h"
#include "trainer/degrade.h"
#include "trainer/imresize.h"

#define PI 3.14159265358979323846

/* One pass's numbers; deg1_* and deg2_* stand in the same order. */
typedef struct Pass {
#define X(name, mild, real, lo, hi, help) double name;
    FG_DEGRADE_PASS(X, , FG_DEGRADE_FIRST, FG_DEGRADE_FIRST)
#undef X
} Pass;

/* A picture in work: two planes of room for the largest size. */
typedef struct Work {
    float *a, *b; /* [h][w][3]; a holds the picture */
    int w, h, most;
    FgDice *dice;
    FgError *err;
} Work;

double fg_dice(FgDice *d)
{
    const uint32_t key[2] = {(uint32_t)d->seed, (uint32_t)(d->seed >> 32)};
    const uint32_t at[4] = {(uint32_t)d->step, (uint32_t)(d->step >> 32),
                            d->sample, 0x80000000u | d->next++};
    uint32_t r[4];

    fg_philox(at, key, r);
    return r[0] * 0x1p-32;
}

static double range(FgDice *d, double lo, double hi)
{
    return lo + (hi - lo) * fg_dice(d);
}

static int whole(FgDice *d, double lo, double hi)
{
    return (int)floor(range(d, lo, hi + 1 - 1e-9));
}

static int chance(FgDice *d, double p)
{
    return fg_dice(d) < p;
}

static void swap(Work *k)
{
    float *t = k->a;

    k->a = k->b;
    k->b = t;
}

static int inside(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

/* ---- blur ---- */

typedef struct Kernel {
    int side;
    float v[31 * 31];
} Kernel;

static void normalise(Kernel *f)
{
    double sum = 0;

    for (int i = 0; i < f->side * f->side; i++)
        sum += f->v[i];
    for (int i = 0; i < f->side * f->side; i++)
        f->v[i] = (float)(f->v[i] / sum);
}

/* exp(-q^b / 2), or 1 / (1 + q^b) for a plateau; q = x' S^-1 x. */
static void gaussian(Kernel *f, double sx, double sy, double turn, double beta,
                     int plateau)
{
    const int r = f->side / 2;
    const double c = cos(turn), s = sin(turn);

    for (int y = -r; y <= r; y++)
        for (int x = -r; x <= r; x++) {
            const double u = (c * x + s * y) / sx, v = (c * y - s * x) / sy;
            const double q = pow(u * u + v * v, beta);

            f->v[(y + r) * f->side + x + r] = (float)(plateau ? 1 / (1 + q)
                                                              : exp(-q / 2));
        }
    normalise(f);
}

/* The round low-pass of cut-off w radians: w J1(w r) / (2 pi r). */
static void sinc(Kernel *f, double w)
{
    const int r = f->side / 2;

    for (int y = -r; y <= r; y++)
        for (int x = -r; x <= r; x++) {
            const double d = sqrt((double)(x * x + y * y));

            f->v[(y + r) * f->side + x + r] = (float)(d > 0 ? w * j1(w * d) /
                                                                  (2 * PI * d)
                                                            : w * w / (4 * PI));
        }
    normalise(f);
}

static void draw_kernel(Kernel *f, const Pass *p, FgDice *d)
{
    const int half = whole(d, 1, floor((p->kernel - 1) / 2));
    const double sx = range(d, p->sigma_min, p->sigma_max);
    const double kind = fg_dice(d);
    double sy = sx, turn = 0, beta = 1;

    f->side = 2 * half + 1;
    if (chance(d, p->sinc)) {
        sinc(f, range(d, f->side < 13 ? PI / 3 : PI / 5, PI));
        return;
    }
    if (chance(d, p->aniso)) {
        sy = range(d, p->sigma_min, p->sigma_max);
        turn = range(d, 0, PI);
    }
    if (kind < p->general)
        beta = range(d, p->beta_min, p->beta_max);
    else if (kind < p->general + p->plateau)
        beta = range(d, 1, 2);
    gaussian(f, sx, sy, turn, beta,
             kind >= p->general && kind < p->general + p->plateau);
}

static void blur_pixel(const Work *k, const Kernel *f, int y, int x, float *o)
{
    const int r = f->side / 2;
    float sum[3] = {0};

    for (int v = -r; v <= r; v++) {
        const float *row = k->a + (size_t)inside(y + v, k->h) * k->w * 3;
        const float *c = f->v + (v + r) * f->side;

        for (int u = -r; u <= r; u++) {
            const float *s = row + (size_t)inside(x + u, k->w) * 3;

            for (int i = 0; i < 3; i++)
                sum[i] += c[u + r] * s[i];
        }
    }
    memcpy(o, sum, sizeof(sum));
}

static void blur(Work *k, const Pass *p)
{
    Kernel f;

    if (!chance(k->dice, p->blur))
        return;
    draw_kernel(&f, p, k->dice);
    for (int y = 0; y < k->h; y++)
        for (int x = 0; x < k->w; x++)
            blur_pixel(k, &f, y, x, k->b + ((size_t)y * k->w + x) * 3);
    swap(k);
}

/* ---- size ---- */

/* Both directions at once: the mean over each source area (area), or the four
 * neighbours of its middle (bilinear, no low-pass: it may alias, as bad
 * scalers do). */
static void resample(const Work *k, float *d, int w, int h, int area)
{
    const double fx = (double)k->w / w, fy = (double)k->h / h;

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++, d += 3) {
            const double cx = (x + 0.5) * fx - 0.5, cy = (y + 0.5) * fy - 0.5;
            const double rx = area ? fmax(fx / 2, 0.5) : 1;
            const double ry = area ? fmax(fy / 2, 0.5) : 1;
            double sum[3] = {0}, all = 0;

            for (int v = (int)ceil(cy - ry - 0.5); v <= cy + ry + 0.5; v++)
                for (int u = (int)ceil(cx - rx - 0.5); u <= cx + rx + 0.5;
                     u++) {
                    const double dx = fabs(u - cx), dy = fabs(v - cy);
                    const double wx = area ? fmin(1, rx + 0.5 - dx) : 1 - dx;
                    const double wy = area ? fmin(1, ry + 0.5 - dy) : 1 - dy;
                    const float *s = k->a + ((size_t)inside(v, k->h) * k->w +
                                             inside(u, k->w)) *
                                                3;

                    if (wx <= 0 || wy <= 0)
                        continue;
                    all += wx * wy;
                    for (int i = 0; i < 3; i++)
                        sum[i] += wx * wy * s[i];
                }
            for (int i = 0; i < 3; i++)
                d[i] = (float)(sum[i] / all);
        }
}

static int to_size(Work *k, int w, int h)
{
    const int kind = whole(k->dice, 0, 2);
    int ret = 0;

    if (w == k->w && h == k->h)
        return 0;
    if (kind == 0)
        ret = fg_imresize_f32(k->b, w, h, k->a, k->w, k->h, 3);
    else
        resample(k, k->b, w, h, kind == 1);
    k->w = w;
    k->h = h;
    swap(k);
    return ret;
}

static int resize(Work *k, const Pass *p)
{
    const double kind = fg_dice(k->dice);
    double by = 1;
    int side;

    if (kind < p->up)
        by = range(k->dice, 1, p->size_max);
    else if (kind < p->up + p->down)
        by = range(k->dice, p->size_min, 1);
    side = (int)lround(k->w * by);
    side = side < 16 ? 16 : side > k->most ? k->most : side;
    return by == 1 ? 0 : to_size(k, side, side);
}

/* ---- noise ---- */

/* A standard normal number of one place, by Box and Muller. */
static float normal(const FgDice *d, uint32_t stream, uint32_t i)
{
    const uint32_t key[2] = {(uint32_t)d->seed ^ stream,
                             (uint32_t)(d->seed >> 32)};
    const uint32_t at[4] = {(uint32_t)d->step, (uint32_t)(d->step >> 32),
                            d->sample, i};
    uint32_t r[4];

    fg_philox(at, key, r);
    return (float)(sqrt(-2 * log((r[0] + 0.5) * 0x1p-32)) *
                   cos(2 * PI * (r[1] * 0x1p-32)));
}

/* Shot noise has the variance of a Poisson count of 255 v, times strength^2;
 * normal numbers stand for the counts. */
static void noise(Work *k, const Pass *p, uint32_t stream)
{
    const double kind = fg_dice(k->dice);
    const int gauss = kind < p->noise;
    const int shot = !gauss && fg_dice(k->dice) < p->shot;
    const int grey = chance(k->dice, p->grey);
    const float by = (float)(gauss
                                 ? range(k->dice, 0, p->noise_max) / 255
                                 : range(k->dice, 0, p->shot_max) / sqrt(255));

    if (!gauss && !shot)
        return;
    for (int i = 0; i < k->w * k->h; i++)
        for (int c = 0; c < 3; c++) {
            float *v = k->a + (size_t)i * 3 + c;
            const float n = normal(k->dice, stream,
                                   (uint32_t)(grey ? i * 3 : i * 3 + c));

            *v += by * n * (gauss ? 1 : sqrtf(fmaxf(*v, 0)));
        }
}

/* ---- compression ---- */

static int recode(Work *k, const char *codec, int quantiser, int frames, int dx,
                  int dy)
{
    const FgRecode o = {codec, quantiser, frames, dx, dy};
    const size_t n = (size_t)k->w * k->h * 3;
    FgPicture pic = {k->w, k->h, malloc(n)};
    int ret;

    if (!pic.rgb)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        pic.rgb[i] = (uint8_t)lrintf(fminf(fmaxf(k->a[i], 0), 1) * 255);
    ret = fg_picture_recode(&pic, &o, k->err);
    for (size_t i = 0; i < n && !ret; i++)
        k->a[i] = pic.rgb[i] / 255.0f;
    free(pic.rgb);
    return ret;
}

static int jpeg(Work *k, const Pass *p)
{
    if (!chance(k->dice, p->jpeg))
        return 0;
    return recode(k, "jpeg", whole(k->dice, p->jpeg_min, p->jpeg_max), 1, 0, 0);
}

static int codec(Work *k, const FgDegrade *d)
{
    const int which = whole(k->dice, 0, d->nb_codecs - 1);
    const char *name = d->codec[which];
    const int frames = whole(k->dice, 1, d->deg_frames);
    const int dx = whole(k->dice, -d->deg_motion, d->deg_motion);
    const int dy = whole(k->dice, -d->deg_motion, d->deg_motion);
    double lo = d->deg1_jpeg_min, hi = d->deg1_jpeg_max;

    if (!strcmp(name, "x264")) {
        lo = d->deg_x264_min;
        hi = d->deg_x264_max;
    } else if (!strcmp(name, "mpeg2")) {
        lo = d->deg_mpeg2_min;
        hi = d->deg_mpeg2_max;
    }
    return recode(k, name, whole(k->dice, lo, hi), frames, dx, dy);
}

/* ---- all of it ---- */

/* at: where a pass's numbers begin in d. */
static int pass(Work *k, const FgDegrade *d, size_t at, uint32_t stream)
{
    Pass p;
    int ret;

    memcpy(&p, (const char *)d + at, sizeof(p));
    blur(k, &p);
    ret = resize(k, &p);
    if (ret)
        return ret;
    noise(k, &p, stream);
    return jpeg(k, &p);
}

static int spoil(Work *k, const FgDegrade *d, int small)
{
    int ret = 0;

    _Static_assert(offsetof(FgDegrade, deg2_blur) -
                           offsetof(FgDegrade, deg1_blur) ==
                       sizeof(Pass),
                   "the two passes have the same numbers");
    if (!d->none)
        ret = pass(k, d, offsetof(FgDegrade, deg1_blur), 0x5eed0001);
    if (!ret && !d->none && chance(k->dice, d->deg_twice))
        ret = pass(k, d, offsetof(FgDegrade, deg2_blur), 0x5eed0002);
    if (!ret) {
        ret = fg_imresize_f32(k->b, small, small, k->a, k->w, k->h, 3);
        k->w = k->h = small;
        swap(k);
    }
    if (!ret && !d->none && d->nb_codecs && chance(k->dice, d->deg_codec))
        ret = codec(k, d);
    return ret;
}

int fg_degrade_run(const FgDegrade *d, FgDice *dice, const float *hr, int side,
                   int scale, float *lr, int p, FgError *err)
{
    Work k = {.w = side, .h = side, .most = 2 * side, .dice = dice, .err = err};
    const size_t room = (size_t)k.most * k.most * 3;
    const int small = side / scale, edge = (small - p) / 2;
    int ret = -ENOMEM;
    float *mem = malloc(2 * room * sizeof(*mem));

    if (mem) {
        k.a = mem;
        k.b = mem + room;
        memcpy(k.a, hr, (size_t)side * side * 3 * sizeof(*hr));
        ret = spoil(&k, d, small);
    }
    for (int y = 0; y < p && !ret; y++)
        for (int x = 0; x < p * 3; x++) {
            const float v =
                k.a[((size_t)(y + edge) * small + edge) * 3 + (size_t)x];

            lr[(size_t)y * p * 3 + x] = rintf(fminf(fmaxf(v, 0), 1) * 255) /
                                        255.0f;
        }
    free(mem);
    return ret;
}
