/* The network's share of what a frame costs in gansr: CPU time of one thread of
 * a whole frame (samples to network, network, samples) and of the network
 * alone, in turn. Usage: frame [MODEL [WxH [PRECISION [ROUNDS]]]]
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filters/upscale.h"

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "frame: %s\n", what);
    exit(1);
}

static AVFrame *new_frame(int w, int h)
{
    AVFrame *const f = av_frame_alloc();

    if (!f)
        die("no memory");
    f->format = AV_PIX_FMT_YUV420P;
    f->width = w;
    f->height = h;
    f->color_range = AVCOL_RANGE_MPEG;
    if (av_frame_get_buffer(f, 0) < 0)
        die("no memory");
    return f;
}

/* A wave with noise; a third of the rows has a short run above white. */
static void fill(AVFrame *f)
{
    for (int p = 0; p < 3; p++) {
        const int w = p ? (f->width + 1) / 2 : f->width;
        const int h = p ? (f->height + 1) / 2 : f->height;

        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                const int over = !p && y % 3 == 0 && x / 100 == y % 7;
                const int v = 100 + (x / 9 + y / 5) % 60 + rand() % 8;

                f->data[p][y * f->linesize[p] + x] = (uint8_t)(over ? 240 : v);
            }
    }
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    const char *const name = argc > 1 ? argv[1] : "fast-x2";
    const char *const precision = argc > 3 ? argv[3] : "fast";
    const int rounds = argc > 4 ? atoi(argv[4]) : 40;
    const FgLook look = {0, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_UNSPECIFIED};
    FgModel *m = NULL;
    FgUpscale *u = NULL;
    FgPlan *plan = NULL;
    const FgTensor *in = NULL;
    FgTensor out;
    FgError err = {""};
    char path[4096];
    int w = 1280, h = 720;

    if (argc > 2 && sscanf(argv[2], "%dx%d", &w, &h) != 2)
        die("the size is not WxH");
    if (rounds < 1 || fg_precision_find(precision) < 0)
        die("not a precision, or no rounds");
    double *const whole = calloc((size_t)rounds, sizeof(double));
    double *const alone = calloc((size_t)rounds, sizeof(double));
    if (!whole || !alone || fg_model_find(name, path, sizeof(path), &err) < 0 ||
        fg_model_read(&m, path, &err) < 0)
        die(err.text);
    const int s = m->scale;
    const FgUpscaleOptions o = {.format = AV_PIX_FMT_YUV420P,
                                .in_w = w,
                                .in_h = h,
                                .out_w = w * s,
                                .out_h = h * s,
                                .precision = fg_precision_find(precision)};
    const FgPlanOptions po = {.precision = o.precision, .max_w = w, .max_h = h};
    AVFrame *a = new_frame(w, h), *b = new_frame(w * s, h * s);

    fill(a);
    if (fg_upscale_create(&u, m, &o, &err) < 0 ||
        fg_plan_create(&plan, m, &po, &err) < 0 ||
        fg_upscale_input(u, a, &look, &in, &err) < 0 ||
        fg_tensor_alloc(&out, (FgShape){1, in->shape.c, h * s, w * s}, FG_F32) <
            0)
        die(err.text);
    for (int i = 0; i < rounds; i++) {
        double t = seconds();

        if (fg_upscale_frame(u, b, a, &look, &err) < 0)
            die(err.text);
        whole[i] = seconds() - t;
        t = seconds();
        if (fg_plan_run(plan, in, &out) < 0)
            die("the network failed");
        alone[i] = seconds() - t;
    }
    qsort(whole, (size_t)rounds, sizeof(double), by_size);
    qsort(alone, (size_t)rounds, sizeof(double), by_size);
    printf("%s %s %dx%d: frame %.2f ms (median %.2f), network %.2f (%.2f): "
           "%.1f %% (%.1f)\n",
           name, precision, w, h, 1e3 * whole[0], 1e3 * whole[rounds / 2],
           1e3 * alone[0], 1e3 * alone[rounds / 2], 100 * alone[0] / whole[0],
           100 * alone[rounds / 2] / whole[rounds / 2]);
    fg_upscale_free(&u);
    fg_plan_free(&plan);
    fg_model_free(&m);
    fg_tensor_free(&out);
    av_frame_free(&a);
    av_frame_free(&b);
    free(whole);
    free(alone);
    return 0;
}
