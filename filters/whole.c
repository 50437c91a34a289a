/* ffgan: frames for a network that makes the frame between by itself.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "whole.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "kernels/interp.h"
#include "resample.h"

struct FgWhole {
    const FgPlaneFormat *fmt;
    FgMatrix matrix;
    int sub;            /* chroma has its own grid */
    float pos_x, pos_y; /* its siting, of up and down */
    FgResize up, down;
    FgTensor rgb[2];  /* of frames 0 and 1, not clipped */
    FgTensor full[3]; /* planes on the luma grid */
    FgTensor own[3];  /* chroma on its grid; [0] is not used */
    const FgPlanes *p;
    const FgTensor *out;
    FgTensor *in;
    float t;
};

static FgView view(const FgTensor *t)
{
    return (FgView){t->data, t->row};
}

/* ---- life ---- */

static int plane(FgTensor *t, int c, int w, int h)
{
    return fg_tensor_alloc(t, (FgShape){1, c, h, w}, FG_F32);
}

static int init_chroma(FgWhole *w)
{
    const FgPlaneFormat *f = w->fmt;
    const FgFlowGrid *g = &f->grid[1];
    const double x = g->first_x, y = g->first_y;
    const double sx = g->step_x, sy = g->step_y;
    int ret = 0;

    w->pos_x = g->first_x;
    w->pos_y = g->first_y;
    for (int k = 1; k < 3 && ret >= 0; k++)
        ret = plane(&w->own[k], 1, g->w, g->h);
    if (ret >= 0)
        ret = fg_resize_init(&w->up, (FgAxis){g->w, f->w, -x / sx, 1 / sx},
                             (FgAxis){g->h, f->h, -y / sy, 1 / sy}, FG_BICUBIC,
                             1);
    if (ret >= 0)
        ret = fg_resize_init(&w->down, (FgAxis){f->w, g->w, x, sx},
                             (FgAxis){f->h, g->h, y, sy}, FG_BICUBIC, 1);
    return ret;
}

int fg_whole_create(FgWhole **pw, const FgPlaneFormat *fmt)
{
    FgWhole *w = *pw = calloc(1, sizeof(*w));
    int ret = w ? 0 : -ENOMEM;

    if (ret < 0)
        return ret;
    w->fmt = fmt;
    w->sub = fmt->fmt.log2w || fmt->fmt.log2h;
    for (int k = 0; k < 2 && ret >= 0; k++)
        ret = plane(&w->rgb[k], 3, fmt->w, fmt->h);
    for (int k = 0; k < 3 && ret >= 0; k++)
        ret = plane(&w->full[k], 1, fmt->w, fmt->h);
    if (ret >= 0 && w->sub)
        ret = init_chroma(w);
    if (ret < 0)
        fg_whole_free(pw);
    return ret;
}

void fg_whole_free(FgWhole **pw)
{
    FgWhole *w = pw ? *pw : NULL;

    if (!w)
        return;
    for (int k = 0; k < 2; k++)
        fg_tensor_free(&w->rgb[k]);
    for (int k = 0; k < 3; k++) {
        fg_tensor_free(&w->full[k]);
        fg_tensor_free(&w->own[k]);
    }
    fg_resize_free(&w->up);
    fg_resize_free(&w->down);
    free(w);
    *pw = NULL;
}

/* ---- frames in ---- */

static int set_matrix(FgWhole *w, const AVFrame *in, FgError *err)
{
    enum AVColorSpace s = in->colorspace;

    if (w->fmt->fmt.rgb || w->fmt->fmt.nb == 1)
        s = AVCOL_SPC_BT709; /* it is undone */
    else if (s == AVCOL_SPC_UNSPECIFIED || s == AVCOL_SPC_RESERVED)
        s = fg_guess_space(w->fmt->w, w->fmt->h);
    if (fg_matrix_init(&w->matrix, s) >= 0)
        return 0;
    return fg_error(err, -ENOTSUP,
                    "colour space %s is not supported with an RGB model, "
                    "allowed are %s",
                    av_color_space_name(s) ? av_color_space_name(s) : "?",
                    fg_matrix_names());
}

static void set_siting(FgWhole *w)
{
    const FgFlowGrid *g = &w->fmt->grid[1];

    if (!w->sub || (g->first_x == w->pos_x && g->first_y == w->pos_y))
        return;
    w->pos_x = g->first_x;
    w->pos_y = g->first_y;
    fg_resize_phase(&w->up, -g->first_x / g->step_x, -g->first_y / g->step_y);
    fg_resize_phase(&w->down, g->first_x, g->first_y);
}

static const float *colour_row(const FgWhole *w, int k, int y)
{
    const FgPlane *p = &w->p->p[k];

    return k && w->sub ? fg_f32(&w->full[k], 0, y, 0) : p->data + y * p->row;
}

static void rgb_job(void *arg, int y, int worker)
{
    const FgWhole *w = arg;
    const FgFormat *f = &w->fmt->fmt;
    const FgMatrix *m = &w->matrix;
    const int last = f->nb - 1;
    const float *a = colour_row(w, 0, y);
    const float *b = colour_row(w, last ? 1 : 0, y);
    const float *c = colour_row(w, last, y);
    float *d = fg_f32(&w->rgb[1], 0, y, 0);

    (void)worker;
    for (int x = 0; x < w->fmt->w; x++, d += 3) {
        const int yuv = last && !f->rgb;

        d[0] = yuv ? a[x] + m->cr * c[x] : a[x];
        d[1] = yuv ? a[x] - m->gb * b[x] - m->gr * c[x] : b[x];
        d[2] = yuv ? a[x] + m->cb * b[x] : c[x];
    }
}

int fg_whole_push(FgWhole *w, const FgPlanes *p, const AVFrame *in,
                  FgError *err)
{
    const FgTensor t = w->rgb[0];
    const int ret = set_matrix(w, in, err);

    if (ret < 0)
        return ret;
    w->rgb[0] = w->rgb[1];
    w->rgb[1] = t;
    w->p = p;
    set_siting(w);
    for (int k = 1; k < 3 && w->sub; k++)
        fg_resize_run(&w->up, view(&w->full[k]),
                      (FgView){p->p[k].data, p->p[k].row}, 0, 1, NULL,
                      w->fmt->ex);
    fg_run(w->fmt->ex, rgb_job, w, w->fmt->h);
    return 0;
}

/* ---- the network's ends ---- */

static float clip(float v)
{
    v = v > 0 ? v : 0;
    return v < 1 ? v : 1;
}

static void input_job(void *arg, int y, int worker)
{
    const FgWhole *w = arg;
    const float *a = fg_f32(&w->rgb[0], 0, y, 0);
    const float *b = fg_f32(&w->rgb[1], 0, y, 0);
    float *d = fg_f32(w->in, 0, y, 0);

    (void)worker;
    for (int x = 0; x < w->fmt->w; x++, d += FG_INTERP_RGB_IN) {
        for (int c = 0; c < 3; c++) {
            d[c] = clip(a[3 * x + c]);
            d[3 + c] = clip(b[3 * x + c]);
        }
        d[6] = w->t;
    }
}

void fg_whole_input(FgWhole *w, float t, FgTensor *in)
{
    w->t = t;
    w->in = in;
    fg_run(w->fmt->ex, input_job, w, w->fmt->h);
}

static void take_job(void *arg, int y, int worker)
{
    const FgWhole *w = arg;
    const FgFormat *f = &w->fmt->fmt;
    const FgMatrix *m = &w->matrix;
    const float *a = fg_f32(&w->rgb[0], 0, y, 0);
    const float *b = fg_f32(&w->rgb[1], 0, y, 0);
    const float *net = fg_f32(w->out, 0, y, 0);
    float *d[3], v[3];

    (void)worker;
    for (int k = 0; k < 3; k++)
        d[k] = fg_f32(&w->full[k], 0, y, 0);
    for (int x = 0; x < w->fmt->w; x++) {
        for (int c = 0; c < 3; c++) {
            const int i = 3 * x + c;
            const float rest = a[i] - clip(a[i]);

            v[c] = clip(net[i]) + rest + w->t * (b[i] - clip(b[i]) - rest);
        }
        const float luma = m->kr * v[0] + m->kg * v[1] + m->kb * v[2];

        d[0][x] = f->rgb ? v[0] : luma;
        d[1][x] = f->rgb ? v[1] : (v[2] - luma) * m->icb;
        d[2][x] = f->rgb ? v[2] : (v[0] - luma) * m->icr;
    }
}

void fg_whole_take(FgWhole *w, const FgTensor *out)
{
    w->out = out;
    fg_run(w->fmt->ex, take_job, w, w->fmt->h);
    for (int k = 1; k < 3 && w->sub; k++)
        fg_resize_run(&w->down, view(&w->own[k]), view(&w->full[k]), 0, 1, NULL,
                      w->fmt->ex);
}

float *fg_whole_row(FgWhole *w, int k, int y)
{
    return fg_f32(k && w->sub ? &w->own[k] : &w->full[k], 0, y, 0);
}
