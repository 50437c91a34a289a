/* Made-up motion: photographs in layers that move over one another.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trainer/motion.h"

enum { MAX_LAYERS = 4, WAVES = 4, BLUR = 4 };
#define PI 3.14159265358979323846

/* A layer has coordinates of its own, in output pixels round the middle of the
 * crop. At time tau its point q is seen at
 *     x = middle + q + (tau - 1/2) (turn q + path),
 * and shows the photograph at from + grain q. */
typedef struct Layer {
    const FgPicture *photo;
    double path[2], turn[2][2];
    double from[2], grain[2][2];
    int shape; /* 0: everywhere, 1: a blob, 2: a bar */
    double at[2], size, wave[WAVES], phase[WAVES], along[2];
} Layer;

typedef struct Scene {
    Layer layer[MAX_LAYERS]; /* the last is in front */
    int nb, side;
    double light;   /* change of gain over the interval */
    double shutter; /* share of the interval that is blurred, 0 = none */
    double grain;   /* standard deviation of noise on the two frames */
} Scene;

/* ---- choosing ---- */

/* Small ones are common. */
static double size_of(FgRandom *r, double most)
{
    const double u = fg_random_unit(r);

    return most * u * u;
}

static void choose_motion(Layer *l, double motion, FgRandom *r)
{
    const double a = fg_random_in(r, 0, 2 * PI), v = size_of(r, motion);
    const double bend = 0.12;

    l->path[0] += v * cos(a);
    l->path[1] += v * sin(a);
    for (int i = 0; i < 4; i++)
        l->turn[i / 2][i % 2] = 0;
    if (fg_random_unit(r) < 0.6) {
        const double spin = fg_random_in(r, -bend, bend);
        const double zoom = fg_random_in(r, -bend, bend);

        l->turn[0][0] = zoom + fg_random_in(r, -0.02, 0.02);
        l->turn[1][1] = zoom;
        l->turn[0][1] = -spin + fg_random_in(r, -0.02, 0.02);
        l->turn[1][0] = spin;
    }
}

static void choose_photo(Layer *l, const FgData *photos, int side, FgRandom *r)
{
    const double zoom = exp(fg_random_in(r, -0.5, 0.45));
    const double a = fg_random_unit(r) < 0.5 ? 0 : fg_random_in(r, 0, 2 * PI);
    const double flip = fg_random_unit(r) < 0.5 ? -1 : 1;
    const double edge = 0.5 * side;

    l->photo = &photos->pair[fg_random_below(r, photos->nb)].hr;
    for (int i = 0; i < 2; i++) {
        const double room = i ? l->photo->h : l->photo->w;
        const double most = room - 1 - edge;

        l->from[i] = edge < most ? fg_random_in(r, edge, most) : 0.5 * room;
    }
    l->grain[0][0] = flip * zoom * cos(a);
    l->grain[0][1] = -zoom * sin(a);
    l->grain[1][0] = flip * zoom * sin(a);
    l->grain[1][1] = zoom * cos(a);
}

static void choose_shape(Layer *l, int side, FgRandom *r)
{
    const double a = fg_random_in(r, 0, PI);

    l->shape = fg_random_unit(r) < 0.8 ? 1 : 2;
    l->along[0] = cos(a);
    l->along[1] = sin(a);
    for (int i = 0; i < 2; i++)
        l->at[i] = fg_random_in(r, -0.5, 0.5) * side;
    l->size = side * (l->shape == 1 ? fg_random_in(r, 0.08, 0.4)
                                    : fg_random_in(r, 0.01, 0.08));
    for (int i = 0; i < WAVES; i++) {
        l->wave[i] = fg_random_in(r, 0, 0.35) / (i + 1);
        l->phase[i] = fg_random_in(r, 0, 2 * PI);
    }
}

static void choose(Scene *s, const FgData *photos, double motion, FgRandom *r)
{
    s->nb = 1 + fg_random_below(r, MAX_LAYERS);
    for (int i = 0; i < s->nb; i++) {
        Layer *l = &s->layer[i];

        l->path[0] = i ? s->layer[0].path[0] : 0;
        l->path[1] = i ? s->layer[0].path[1] : 0;
        choose_motion(l, i ? motion : 0.8 * motion, r);
        choose_photo(l, photos, s->side, r);
        l->shape = 0;
        if (i)
            choose_shape(l, s->side, r);
    }
    s->light = fg_random_unit(r) < 0.2 ? fg_random_in(r, -0.2, 0.2) : 0;
    s->shutter = fg_random_unit(r) < 0.15 ? fg_random_in(r, 0.2, 0.6) : 0;
    s->grain = fg_random_unit(r) < 0.3 ? fg_random_in(r, 0, 0.02) : 0;
}

/* ---- looking ---- */

/* A layer at one moment: q = inverse (x - middle - shift). */
typedef struct Moment {
    double inverse[2][2], shift[2];
} Moment;

static Moment moment(const Layer *l, double tau)
{
    const double k = tau - 0.5;
    const double a = 1 + k * l->turn[0][0], b = k * l->turn[0][1];
    const double c = k * l->turn[1][0], d = 1 + k * l->turn[1][1];
    const double det = a * d - b * c;

    return (Moment){{{d / det, -b / det}, {-c / det, a / det}},
                    {k * l->path[0], k * l->path[1]}};
}

static void to_layer(const Moment *m, double x, double y, double q[2])
{
    const double u = x - m->shift[0], v = y - m->shift[1];

    q[0] = m->inverse[0][0] * u + m->inverse[0][1] * v;
    q[1] = m->inverse[1][0] * u + m->inverse[1][1] * v;
}

/* 0..1: how much of the pixel the layer covers. */
static double cover(const Layer *l, const double q[2])
{
    const double dx = q[0] - l->at[0], dy = q[1] - l->at[1];
    double a, edge = l->size;

    if (!l->shape)
        return 1;
    if (l->shape == 2) {
        a = l->size - fabs(dx * l->along[0] + dy * l->along[1]) + 0.5;
    } else {
        const double far = sqrt(dx * dx + dy * dy);
        double most = 0;

        for (int i = 0; i < WAVES; i++)
            most += l->size * l->wave[i];
        if (far > l->size + most + 1)
            return 0;
        if (far < l->size - most - 1)
            return 1;
        a = atan2(dy, dx);
        for (int i = 0; i < WAVES; i++)
            edge += l->size * l->wave[i] * cos((i + 1) * a + l->phase[i]);
        a = edge - far + 0.5;
    }
    return a < 0 ? 0 : a > 1 ? 1 : a;
}

/* Beyond the photograph's edge it is mirrored. */
static int mirror(int i, int n)
{
    const int period = 2 * n;

    i = (i % period + period) % period;
    return i < n ? i : period - 1 - i;
}

static void look_at(const Layer *l, const double q[2], float rgb[3])
{
    const FgPicture *p = l->photo;
    const double x = l->from[0] + l->grain[0][0] * q[0] + l->grain[0][1] * q[1];
    const double y = l->from[1] + l->grain[1][0] * q[0] + l->grain[1][1] * q[1];
    const int ix = (int)floor(x), iy = (int)floor(y);
    const float fx = (float)(x - ix), fy = (float)(y - iy);
    const int x0 = mirror(ix, p->w), x1 = mirror(ix + 1, p->w);
    const uint8_t *a = p->rgb + (size_t)mirror(iy, p->h) * p->w * 3;
    const uint8_t *b = p->rgb + (size_t)mirror(iy + 1, p->h) * p->w * 3;

    for (int i = 0; i < 3; i++) {
        const float top = a[3 * x0 + i] + fx * (a[3 * x1 + i] - a[3 * x0 + i]);
        const float low = b[3 * x0 + i] + fx * (b[3 * x1 + i] - b[3 * x0 + i]);

        rgb[i] = (top + fy * (low - top)) / 255.0f;
    }
}

/* Adds share times what is seen at (x, y) round the middle. */
static void see(const Scene *s, const Moment *m, double x, double y,
                float share, float *rgb)
{
    float left = 1;

    for (int i = s->nb - 1; i >= 0 && left > 0; i--) {
        double q[2];
        float one[3], c;

        to_layer(&m[i], x, y, q);
        c = (float)cover(&s->layer[i], q);
        if (c <= 0 || !s->layer[i].photo)
            continue;
        look_at(&s->layer[i], q, one);
        for (int k = 0; k < 3; k++)
            rgb[k] += share * left * c * one[k];
        left *= 1 - c;
    }
}

static void render(const Scene *s, double tau, FgTensor *t, int n, int c0)
{
    const int times = s->shutter > 0 ? BLUR : 1;
    const float gain = (float)(1 + s->light * (tau - 0.5));
    const double half = 0.5 * (s->side - 1);

    for (int k = 0; k < times; k++) {
        const double at = tau + s->shutter * ((k + 0.5) / times - 0.5);
        Moment m[MAX_LAYERS] = {{{{0}}, {0}}};

        for (int i = 0; i < s->nb; i++)
            m[i] = moment(&s->layer[i], at);
        for (int y = 0; y < s->side; y++)
            for (int x = 0; x < s->side; x++) {
                float *p = fg_f32(t, n, y, x) + c0;

                if (!k)
                    p[0] = p[1] = p[2] = 0;
                see(s, m, x - half, y - half, gain / times, p);
            }
    }
}

static void flow_at(const Scene *s, const Moment *m, double x, double y,
                    double t, float *flow)
{
    for (int i = s->nb - 1; i >= 0; i--) {
        const Layer *l = &s->layer[i];
        double q[2], v[2];

        to_layer(&m[i], x, y, q);
        if (cover(l, q) < 0.5)
            continue;
        for (int k = 0; k < 2; k++)
            v[k] = l->turn[k][0] * q[0] + l->turn[k][1] * q[1] + l->path[k];
        for (int k = 0; k < 2; k++) {
            flow[k] = (float)(-t * v[k]);
            flow[2 + k] = (float)((1 - t) * v[k]);
        }
        return;
    }
}

static void flows(const Scene *s, double t, FgTensor *flow, int n)
{
    const double half = 0.5 * (s->side - 1);
    Moment m[MAX_LAYERS] = {{{{0}}, {0}}};

    for (int i = 0; i < s->nb; i++)
        m[i] = moment(&s->layer[i], t);
    for (int y = 0; y < s->side; y++)
        for (int x = 0; x < s->side; x++)
            flow_at(s, m, x - half, y - half, t, fg_f32(flow, n, y, x));
}

/* A sum of three even numbers has almost a normal's shape, and costs less. */
static void add_noise(const Scene *s, FgTensor *in, int n, FgRandom *r)
{
    for (int y = 0; y < s->side; y++)
        for (int x = 0; x < s->side; x++) {
            float *p = fg_f32(in, n, y, x);

            for (int k = 0; k < 6; k++) {
                const uint32_t u = fg_random_u32(r);
                const double sum = (u & 1023) + (u >> 10 & 1023) +
                                   (u >> 20 & 1023);

                p[k] += (float)(s->grain * (sum / 512 - 2.997));
            }
        }
}

static void clip(FgTensor *t, int n, int nb)
{
    for (int y = 0; y < t->shape.h; y++)
        for (int x = 0; x < t->shape.w; x++) {
            float *p = fg_f32(t, n, y, x);

            for (int k = 0; k < nb; k++)
                p[k] = p[k] < 0 ? 0 : p[k] > 1 ? 1 : p[k];
        }
}

void fg_motion_triplet(const FgData *photos, double motion, double t,
                       FgTensor *in, FgTensor *target, FgTensor *flow, int n,
                       FgRandom *r)
{
    Scene s = {.side = in->shape.h};

    choose(&s, photos, motion, r);
    render(&s, 0, in, n, 0);
    render(&s, 1, in, n, 3);
    render(&s, t, target, n, 0);
    flows(&s, t, flow, n);
    if (s.grain > 0)
        add_noise(&s, in, n, r);
    clip(in, n, 6);
    clip(target, n, 3);
}
