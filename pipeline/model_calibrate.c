/* ffgan: model calibrate. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernels/calibrate.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/model_convert.h"
#include "pipeline/source.h"
#include "pipeline/util.h"

#define SIDE 192     /* of the piece that is looked at */
#define MOST 256     /* samples */
#define PER_CLIP 4   /* of one clip */
#define CLIP_STEP 24 /* frames from one to the next */

typedef struct Options {
    const char *model, *out;
    char *const *data;
    int nb_data, samples, fp8;
    double psnr;
} Options;

typedef struct Samples {
    FgTensor t[MOST];
    int nb, most, align, luma;
} Samples;

static int failed(int rc, const FgError *err)
{
    fprintf(stderr, "ffgan: %s\n", err->text);
    return rc == -ENOMEM                                  ? FG_EXIT_RETRY
           : rc == -ENOENT                                ? FG_EXIT_NOINPUT
           : rc == -EIO || rc == -ENOSPC || rc == -EACCES ? FG_EXIT_IO
                                                          : FG_EXIT_DATA;
}

/* ---- samples ---- */

static void put_pixel(float *dst, const uint8_t *rgb, int luma)
{
    if (luma)
        *dst = (0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2]) / 255.0f;
    for (int c = 0; c < 3 && !luma; c++)
        dst[c] = rgb[c] / 255.0f;
}

/* The middle of a picture. */
static int add_picture(Samples *s, const FgPicture *p, const char *path,
                       FgError *err)
{
    const int w = (p->w < SIDE ? p->w : SIDE) / s->align * s->align;
    const int h = (p->h < SIDE ? p->h : SIDE) / s->align * s->align;
    const int x0 = (p->w - w) / 2, y0 = (p->h - h) / 2;
    FgTensor *const t = &s->t[s->nb];

    if (w < 1 || h < 1)
        return fg_error(err, -EINVAL, "%s: %dx%d, allowed from %dx%d",
                        fg_show(path), p->w, p->h, s->align, s->align);
    if (fg_tensor_alloc(t, (FgShape){1, s->luma ? 1 : 3, h, w}, FG_F32))
        return fg_error(err, -ENOMEM, "%s: out of memory", fg_show(path));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            put_pixel(fg_f32(t, 0, y, x),
                      p->rgb +
                          ((size_t)(y0 + y) * (size_t)p->w + (size_t)(x0 + x)) *
                              3,
                      s->luma);
    s->nb++;
    return 0;
}

static int add_clip(Samples *s, const char *path, FgError *err)
{
    FgPicture p = {0};
    FgClip *clip = NULL;
    int ret = fg_clip_open(&clip, path, err), more = 1;

    for (int i = 0; !ret && s->nb < s->most; i++) {
        more = fg_clip_next(clip, &p, err);
        if (more <= 0)
            break;
        if (i % CLIP_STEP == 0)
            ret = add_picture(s, &p, path, err);
        fg_picture_free(&p);
        if (i >= CLIP_STEP * (PER_CLIP - 1))
            break;
    }
    fg_clip_close(&clip);
    return more < 0 ? more : ret;
}

static int add_folder(Samples *s, const char *path, FgError *err)
{
    char **list = NULL;
    int nb = 0, ret = fg_list_pictures(path, &list, &nb, err);
    /* Spread over the folder where it has more than is asked for. */
    const int step = nb > s->most ? nb / s->most : 1;

    for (int i = 0; i < nb && !ret && s->nb < s->most; i += step)
        ret = add_clip(s, list[i], err);
    fg_strings_free(&list, nb);
    return ret;
}

static int collect(Samples *s, const Options *o, FgError *err)
{
    struct stat st;
    int ret = 0;

    for (int i = 0; i < o->nb_data && !ret && s->nb < s->most; i++) {
        const int folder = !stat(o->data[i], &st) && S_ISDIR(st.st_mode);

        ret = folder ? add_folder(s, o->data[i], err)
                     : add_clip(s, o->data[i], err);
    }
    if (!ret && !s->nb)
        ret = fg_error(err, -ENOENT, "no pictures in %s", fg_show(o->data[0]));
    return ret;
}

/* ---- the command ---- */

static int calibrate(FgModel *m, Samples *s, const Options *o, FgError *err)
{
    FgReach reach = {0};
    FgCalibrated c;
    int ret = fg_graph_reach(&m->graph, &reach, err);

    s->align = reach.align > 0 ? reach.align : 1;
    s->luma = m->luma;
    s->most = o->samples;
    if (ret >= 0)
        ret = collect(s, o, err);
    if (ret >= 0)
        ret = fg_calibrate(m, s->t, s->nb, o->psnr, o->fp8, NULL, &c, err);
    if (!ret && m->sha256[0])
        ret = fg_model_set_meta(m, "ffgan.parent_sha256", m->sha256);
    if (!ret)
        ret = fg_model_write(m, o->out, err);
    if (!ret)
        printf("%s: %d convolutions in %s, %d kept, %.1f dB from exact on "
               "%d samples\n",
               fg_show(o->out), c.layers, o->fp8 ? "fp8" : "8 bits", c.kept,
               c.psnr, s->nb);
    return ret;
}

static int run(const Options *o)
{
    Samples *const s = calloc(1, sizeof(*s));
    char path[4096];
    FgError err = {{0}};
    FgModel *m = NULL;
    int ret = s ? fg_model_open(&m, o->model, path, sizeof(path))
                : FG_EXIT_RETRY;

    if (ret) {
        free(s);
        return ret;
    }
    if (m->task != FG_TASK_SR && m->task != FG_TASK_IMAGE)
        ret = fg_error(&err, -ENOTSUP,
                       "%s: calibrate is for models that take a picture, this "
                       "one's task is %s",
                       fg_show(path), fg_task_name(m->task));
    if (!ret)
        ret = calibrate(m, s, o, &err);
    for (int i = 0; i < s->nb; i++)
        fg_tensor_free(&s->t[i]);
    free(s);
    fg_model_free(&m);
    return ret ? failed(ret, &err) : FG_EXIT_OK;
}

static int number(const char *text, double lo, double hi, double *v)
{
    char *end;

    *v = strtod(text, &end);
    return end != text && !*end && *v >= lo && *v <= hi;
}

/* Words after --data, up to the next option. */
static int take_data(Options *o, int argc, char **argv, int i)
{
    o->data = argv + i;
    while (i < argc && argv[i][0] != '-') {
        o->nb_data++;
        i++;
    }
    return i;
}

int fg_model_calibrate_command(int argc, char **argv)
{
    Options o = {.samples = 16, .psnr = 50};
    double n = 16;

    for (int i = 1; i < argc; i++) {
        const int more = i + 1 < argc;

        if (!strcmp(argv[i], "--data") && more && !o.data)
            i = take_data(&o, argc, argv, i + 1) - 1;
        else if (!strcmp(argv[i], "-o") && more)
            o.out = argv[++i];
        else if (!strcmp(argv[i], "--psnr") && more) {
            if (!number(argv[++i], 20, 100, &o.psnr))
                return fg_usage_error(
                    "model", "--psnr is '%s', allowed 20..100", argv[i]);
        } else if (!strcmp(argv[i], "--precision") && more) {
            o.fp8 = !strcmp(argv[++i], "fp8");
            if (!o.fp8 && strcmp(argv[i], "int8") != 0)
                return fg_usage_error(
                    "model", "--precision is '%s', allowed int8, fp8", argv[i]);
        } else if (!strcmp(argv[i], "--samples") && more) {
            if (!number(argv[++i], 1, MOST, &n))
                return fg_usage_error(
                    "model", "--samples is '%s', allowed 1..%d", argv[i], MOST);
        } else if (argv[i][0] == '-' || o.model)
            return fg_usage_error("model", "calibrate: '%s' is not understood",
                                  argv[i]);
        else
            o.model = argv[i];
    }
    o.samples = (int)n;
    if (!o.model || !o.nb_data || !o.out)
        return fg_usage_error("model", "calibrate wants FILE|NAME --data "
                                       "PICTURE|CLIP|DIR... -o OUT");
    return run(&o);
}
