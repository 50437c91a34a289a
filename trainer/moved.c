/* Crops of moved frames: of clips, of made-up motion.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trainer/moved.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/random.h"

#define PLANES (FG_INTERP_IN + 1)
#define FLOOR (1 / 12.0 / 255 / 255) /* squared error of rounding to 8 bits */
#define CROPS 4                      /* of a frame */
#define TRIES 3       /* places looked at for each: the worst is taken */
#define CUT 0.04f     /* difference along the motion: ganinterp's own */
#define SPAN 4        /* frames between the two, at most */
#define EASY 2e-6     /* squared errors of frames that nothing can be learnt */
#define HOPELESS 3e-3 /* from: 57 dB, 25 dB */
#define MARGIN 32     /* of made-up frames, for motion from outside the crop */
#define LOW (-0.25f)  /* what 0 stands for; bicubic goes beyond 0..1 */
#define RANGE 1.5f

int fg_moved_alloc(FgMoved *m, int room, int side, FgError *err)
{
    const size_t one = (size_t)side * (size_t)side * PLANES;

    *m = (FgMoved){.room = room, .side = side};
    m->pixel = calloc((size_t)room, one * sizeof(*m->pixel));
    m->scale = calloc((size_t)room, sizeof(*m->scale));
    return m->pixel && m->scale
               ? 0
               : fg_error(err, -ENOMEM, "not enough memory for %d crops", room);
}

void fg_moved_free(FgMoved *m)
{
    free(m->pixel);
    free(m->scale);
    *m = (FgMoved){0};
}

/* ---- a frame at hand ---- */

typedef struct Frame {
    FgFlow *flow; /* of w x h */
    FgMend mend;
    FgTensor in;
    float *luma, *want;
    FgExecutor *ex;
    int w, h;
} Frame;

static void frame_free(Frame *f)
{
    fg_flow_free(&f->flow);
    fg_mend_free(&f->mend);
    fg_tensor_free(&f->in);
    free(f->luma);
    free(f->want);
}

static int frame_open(Frame *f, int w, int h, FgExecutor *ex, FgError *err)
{
    const size_t n = (size_t)w * (size_t)h;

    *f = (Frame){.w = w, .h = h, .ex = ex};
    f->luma = malloc(n * sizeof(float));
    f->want = malloc(n * sizeof(float));
    if (!f->luma || !f->want || fg_mend_alloc(&f->mend, w, h) ||
        fg_tensor_alloc(&f->in, (FgShape){1, FG_INTERP_IN, h, w}, FG_F32))
        return fg_error(err, -ENOMEM, "not enough memory for %dx%d", w, h);
    return fg_flow_create(&f->flow, w, h, ex, err);
}

static float luma(float r, float g, float b)
{
    return 0.299f * r + 0.587f * g + 0.114f * b;
}

/* f->luma is the next frame. */
static void push(Frame *f)
{
    fg_flow_push(f->flow, f->luma, f->w);
}

/* Of the two frames pushed last, the truth in f->want: the mean squared error
 * without a network. */
static double look(Frame *f, float t)
{
    fg_interp_inputs(f->flow, t, &f->in);
    fg_mend_run(&f->mend, f->in.data, NULL, f->w, f->h);
    return fg_mend_mse(&f->mend, f->want);
}

/* ---- crops of it ---- */

static uint16_t code(float v)
{
    v = (v - LOW) * (65535 / RANGE) + 0.5f;
    return (uint16_t)(v < 0 ? 0 : v < 65535 ? v : 65535);
}

static void keep(FgMoved *m, const Frame *f, int x0, int y0, double mse)
{
    const int side = m->side;
    uint16_t *d = m->pixel + (size_t)m->nb * side * side * PLANES;

    for (int y = y0; y < y0 + side; y++)
        for (int x = x0; x < x0 + side; x++, d += PLANES) {
            const float *p = fg_f32(&f->in, 0, y, x);

            for (int k = 0; k < FG_INTERP_IN; k++)
                d[k] = code(p[k]);
            d[FG_INTERP_IN] = code(f->want[(size_t)y * f->w + x]);
        }
    m->scale[m->nb++] = (float)(mse + FLOOR);
}

static double error_at(const Frame *f, int x0, int y0, int side)
{
    double sum = 0;

    for (int y = y0; y < y0 + side; y += 2)
        for (int x = x0; x < x0 + side; x++) {
            const size_t i = (size_t)y * f->w + x;
            const double e = f->mend.y[i] - f->want[i];

            sum += e * e;
        }
    return sum;
}

static void keep_worst(FgMoved *m, const Frame *f, double mse, FgRandom *r)
{
    double most = -1;
    int x = 0, y = 0;

    for (int k = 0; k < TRIES; k++) {
        const int u = fg_random_below(r, f->w - m->side + 1);
        const int v = fg_random_below(r, f->h - m->side + 1);
        const double e = error_at(f, u, v, m->side);

        if (e > most) {
            most = e;
            x = u;
            y = v;
        }
    }
    keep(m, f, x, y, mse);
}

/* ---- clips ---- */

typedef struct Window {
    FgPicture p[SPAN + 1]; /* frames `first` .. `first` + nb - 1 */
    int64_t first;
    int nb;
} Window;

static void window_free(Window *w)
{
    for (int i = 0; i < w->nb; i++)
        fg_picture_free(&w->p[i]);
    w->nb = 0;
}

static void to_luma(float *d, const FgPicture *p)
{
    for (int i = 0; i < p->w * p->h; i++)
        d[i] = luma(p->rgb[3 * i] / 255.0f, p->rgb[3 * i + 1] / 255.0f,
                    p->rgb[3 * i + 2] / 255.0f);
}

static double differ(const float *a, const float *b, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += fabsf(a[i] - b[i]);
    return sum / n;
}

/* Whether the filter would make a frame here: no cut, no frames that repeat;
 * then *mse. k of step frames after the first one lies the truth. */
static int makes(Frame *f, const Window *w, int k, int step, double *mse)
{
    const int n = f->w * f->h;
    FgFlowStats st;
    double near;

    to_luma(f->want, &w->p[k]);
    to_luma(f->luma, &w->p[0]);
    near = differ(f->luma, f->want, n);
    push(f);
    to_luma(f->luma, &w->p[step]);
    near = fmin(near, differ(f->luma, f->want, n));
    push(f);
    fg_flow_find(f->flow);
    fg_flow_stats(f->flow, &st);
    if (st.moved > CUT || near < 0.1 * st.plain || near == 0)
        return 0;
    *mse = look(f, (float)k / (float)step);
    return *mse > EASY && *mse < HOPELESS;
}

/* Moves on until the window begins at frame `first` and is full; 0: the end. */
static int slide(Window *w, FgClip *clip, int64_t first, FgError *err)
{
    while (w->first < first || w->nb < SPAN + 1) {
        FgPicture p;
        const int ret = fg_clip_next(clip, &p, err);

        if (ret <= 0)
            return ret;
        if (w->nb == SPAN + 1 || (w->nb && w->first < first)) {
            fg_picture_free(&w->p[0]);
            w->nb--;
            memmove(w->p, w->p + 1, sizeof(w->p[0]) * (size_t)w->nb);
            w->first++;
        }
        w->p[w->nb++] = p;
    }
    return 1;
}

typedef struct Walk {
    FgMoved *m;
    Frame frame;
    Window window;
    FgClip *clip;
    int64_t total; /* frames that may be looked at */
    int nb;        /* crops wanted of it */
    int middle;
    FgRandom r;
} Walk;

/* Two frames two, three or four apart, and one between them. */
static int take(Walk *w)
{
    int step = 2 + (w->middle ? 2 : 1) * fg_random_below(&w->r, 2);
    const int k = w->middle ? step / 2 : 1 + fg_random_below(&w->r, step - 1);
    double mse;

    if (!makes(&w->frame, &w->window, k, step, &mse))
        return 0;
    for (int i = 0; i < CROPS && w->nb > 0; i++, w->nb--)
        keep_worst(w->m, &w->frame, mse, &w->r);
    return 1;
}

static int walk(Walk *w, FgExecutor *ex, FgError *err)
{
    const int places = (w->nb + CROPS - 1) / CROPS;
    const int64_t room = w->total - SPAN;
    int ret = 1;

    for (int i = 0; i < places && ret > 0; i++) {
        const int64_t end = (i + 1) * room / places;

        for (int64_t at = i * room / places; at < end; at++) {
            ret = slide(&w->window, w->clip, at, err);
            if (ret > 0 && !w->frame.flow) {
                const FgPicture *p = &w->window.p[0];
                const int ok = p->w >= w->m->side && p->h >= w->m->side;

                ret = ok ? frame_open(&w->frame, p->w, p->h, ex, err) : 0;
                ret = ok && !ret ? 1 : ret;
            }
            if (ret <= 0 || take(w))
                break;
        }
    }
    return ret < 0 ? ret : 0;
}

int fg_moved_clip(FgMoved *m, const FgMovedClip *c, FgExecutor *ex,
                  FgError *err)
{
    Walk w = {.m = m,
              .total = c->frames,
              .nb = c->nb < m->room - m->nb ? c->nb : m->room - m->nb,
              .middle = c->middle,
              .r = fg_random(c->seed, m->nb, 0, 3)};
    int ret = fg_clip_open(&w.clip, c->path, err);

    if (!ret)
        ret = walk(&w, ex, err);
    window_free(&w.window);
    frame_free(&w.frame);
    fg_clip_close(&w.clip);
    return ret;
}

/* ---- photographs ---- */

static void made_up(FgMoved *m, Frame *f, const FgTensor *rgb,
                    const FgTensor *target, FgRandom *r)
{
    const int n = f->w * f->h;
    const float *p = rgb->data, *q = target->data;

    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < n; i++)
            f->luma[i] = luma(p[7 * i + 3 * k], p[7 * i + 3 * k + 1],
                              p[7 * i + 3 * k + 2]);
        push(f);
    }
    for (int i = 0; i < n; i++)
        f->want[i] = luma(q[3 * i], q[3 * i + 1], q[3 * i + 2]);
    fg_flow_find(f->flow);
    keep_worst(m, f, look(f, p[6]), r);
}

int fg_moved_photos(FgMoved *m, const FgTriplets *q, int nb, FgExecutor *ex,
                    FgError *err)
{
    const int side = m->side + 2 * MARGIN;
    FgTensor rgb = {0}, target = {0}, flow = {0};
    Frame f;
    int known, ret = frame_open(&f, side, side, ex, err);

    if (!ret &&
        (fg_tensor_alloc(&rgb, (FgShape){1, 7, side, side}, FG_F32) ||
         fg_tensor_alloc(&target, (FgShape){1, 3, side, side}, FG_F32) ||
         fg_tensor_alloc(&flow, (FgShape){1, 4, side, side}, FG_F32)))
        ret = fg_error(err, -ENOMEM, "not enough memory for made-up motion");
    for (int i = 0; i < nb && m->nb < m->room && !ret; i++) {
        FgRandom r = fg_random(q->seed, i, 0, 4);

        fg_triplets_fill(q, i, &rgb, &target, &flow, &known, ex);
        made_up(m, &f, &rgb, &target, &r);
    }
    fg_tensor_free(&rgb);
    fg_tensor_free(&target);
    fg_tensor_free(&flow);
    frame_free(&f);
    return ret;
}

/* ---- a batch ---- */

typedef struct Fill {
    const FgMoved *m;
    uint64_t seed;
    int64_t step;
    FgTensor *in, *want;
    float *scale;
} Fill;

static void swap(float *a, float *b)
{
    const float t = *a;

    *a = *b;
    *b = t;
}

/* The two frames change places. */
static void turn_time(float *p)
{
    swap(&p[0], &p[1]);
    swap(&p[4], &p[5]);
    p[2] = 1 - p[2];
    p[6] = 1 - p[6];
}

static void fill_one(void *arg, int n, int worker)
{
    const Fill *f = arg;
    const int side = f->m->side;
    FgRandom r = fg_random(f->seed, f->step, (uint32_t)n, 5);
    const int at = fg_random_below(&r, f->m->nb);
    const int turn = fg_random_below(&r, 16);
    const uint16_t *s = f->m->pixel + (size_t)at * side * side * PLANES;

    (void)worker;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int u = turn & 4 ? y : x, v = turn & 4 ? x : y;
            const uint16_t *q;
            float *p = fg_f32(f->in, n, y, x);

            u = turn & 1 ? side - 1 - u : u;
            v = turn & 2 ? side - 1 - v : v;
            q = s + ((size_t)v * side + u) * PLANES;
            for (int k = 0; k < FG_INTERP_IN; k++)
                p[k] = LOW + RANGE / 65535 * q[k];
            fg_f32(f->want, n, y, x)[0] = LOW + RANGE / 65535 * q[FG_INTERP_IN];
            if (turn & 8)
                turn_time(p);
        }
    f->scale[n] = f->m->scale[at];
}

void fg_moved_fill(const FgMoved *m, uint64_t seed, int64_t step, FgTensor *in,
                   FgTensor *want, float *scale, FgExecutor *ex)
{
    Fill f = {m, seed, step, in, want, scale};

    fg_run(ex, fill_one, &f, in->shape.n);
}
