/* ffgan-eval: luma PSNR and SSIM of a network beside MATLAB's bicubic.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/main.h"
#include "trainer/score.h"

#define NAME "ffgan-eval"

static const char usage[] =
    "usage: ffgan eval MODEL|bicubic --data DIR [--scale N] [--json]\n"
    "\n"
    "  --data DIR     pictures; each is made small by MATLAB's bicubic, made\n"
    "                 large again by the model, and compared\n"
    "  --scale N      factor for 'bicubic' (a model has its own)\n"
    "  --precision P  auto (as the filter has it), fp32, bf16, int16,\n"
    "                 fast\n"
    "  --threads N    worker threads (default: all CPUs)\n"
    "  --json         one JSON object a line\n"
    "\n"
    "PSNR in dB and SSIM of the BT.601 studio luma (16..235, rounded to 8\n"
    "bits), without a border of as many pixels as the factor.\n";

typedef struct Args {
    const char *model, *data;
    int scale, threads, json;
    FgPrecision precision;
} Args;

static int parse(Args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *v;

        if (!strcmp(argv[i], "--json")) {
            a->json = 1;
        } else if ((v = fg_option(argc, argv, &i, "--data"))) {
            a->data = v;
        } else if ((v = fg_option(argc, argv, &i, "--scale"))) {
            a->scale = fg_option_int(v, 1, 8);
            if (a->scale < 0)
                return fg_fail(NAME, FG_EXIT_USAGE,
                               "--scale is %s, allowed 1..8", v);
        } else if ((v = fg_option(argc, argv, &i, "--threads"))) {
            a->threads = fg_option_int(v, 0, 1024);
            if (a->threads < 0)
                return fg_fail(NAME, FG_EXIT_USAGE,
                               "--threads is %s, allowed 0..1024", v);
        } else if ((v = fg_option(argc, argv, &i, "--precision"))) {
            if (fg_precision_find(v) < 0)
                return fg_fail(NAME, FG_EXIT_USAGE,
                               "--precision is %s, allowed auto, fp32, bf16, "
                               "int16, fast",
                               v);
            a->precision = (FgPrecision)fg_precision_find(v);
        } else if (argv[i][0] == '-') {
            return fg_fail(NAME, FG_EXIT_USAGE,
                           "unknown or incomplete option %s; see --help",
                           argv[i]);
        } else if (a->model) {
            return fg_fail(NAME, FG_EXIT_USAGE, "one model at a time: %s, %s",
                           a->model, argv[i]);
        } else {
            a->model = argv[i];
        }
    }
    if (!a->model || !a->data)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "a model and --data are needed; see --help");
    return 0;
}

/* Equal pictures have an infinite PSNR, which JSON can only call null. */
static json_t *real(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static void print(const Args *a, const char *name, const FgScore *net,
                  const FgScore *base)
{
    json_t *o;
    char *s;

    if (!a->json) {
        printf("%-32s %8.2f %7.4f   %8.2f %7.4f\n", name, net->psnr, net->ssim,
               base->psnr, base->ssim);
        return;
    }
    o = json_pack("{s:s}", "image", name);
    if (!o)
        return;
    json_object_set_new(o, "psnr", real(net->psnr));
    json_object_set_new(o, "ssim", real(net->ssim));
    json_object_set_new(o, "bicubic_psnr", real(base->psnr));
    json_object_set_new(o, "bicubic_ssim", real(base->ssim));
    s = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(7));
    if (s)
        puts(s);
    free(s);
    json_decref(o);
}

static int score_all(const Args *a, const FgData *d, FgScorer *s, FgError *err)
{
    FgScore net = {0}, base = {0};
    const double n = d->nb;
    int ret = 0;

    if (!a->json)
        printf("%-32s %8s %7s   %8s %7s\n", "picture", "PSNR dB", "SSIM",
               "bicubic", "SSIM");
    for (int i = 0; i < d->nb && !ret; i++) {
        FgScore one, two;

        ret = fg_score_bicubic(&d->pair[i], &two);
        one = two;
        if (!ret && s)
            ret = fg_scorer_run(s, &d->pair[i], &one, err);
        if (ret)
            break;
        print(a, d->pair[i].name, &one, &two);
        net.psnr += one.psnr / n;
        net.ssim += one.ssim / n;
        base.psnr += two.psnr / n;
        base.ssim += two.ssim / n;
    }
    if (!ret)
        print(a, "mean", &net, &base);
    return ret;
}

static int load_model(const Args *a, FgModel **m, FgError *err)
{
    char path[4096];
    int ret = fg_model_find(a->model, path, sizeof(path), err);

    if (!ret)
        ret = fg_model_read(m, path, err);
    return ret ? ret : fg_model_expect(*m, FG_TASK_SR, path, err);
}

static int eval(const Args *a, FgExecutor *ex, FgError *err)
{
    const int plain = a->model && !strcmp(a->model, "bicubic");
    int scale = a->scale ? a->scale : 2, ret = 0;
    FgScorer *s = NULL;
    FgModel *m = NULL;
    FgData d = {0};

    if (!plain)
        ret = load_model(a, &m, err);
    if (!ret && m && a->scale && a->scale != m->scale)
        ret = fg_error(err, -EINVAL, "%s: the model's factor is %d, --scale %d",
                       a->model, m->scale, a->scale);
    if (!ret && m)
        scale = m->scale;
    if (!ret)
        ret = fg_data_add(&d, a->data, scale, 0, err);
    if (!ret)
        ret = fg_data_finish(&d, 1, ex, err);
    if (!ret && m)
        ret = fg_scorer_create(&s, m, &d, a->precision, ex, err);
    if (!ret)
        ret = score_all(a, &d, s, err);
    fg_scorer_free(&s);
    fg_model_free(&m);
    fg_data_free(&d);
    return ret;
}

int fg_main_eval(int argc, char **argv)
{
    Args a = {0};
    FgPool *pool = NULL;
    FgError err = {"not enough memory"};
    int ret;

    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(usage, stdout);
            return 0;
        }
    ret = parse(&a, argc, argv);
    if (ret)
        return ret;
    if (fg_pool_create(&pool, a.threads))
        return fg_fail(NAME, FG_EXIT_TEMP, "not enough memory or threads");
    ret = eval(&a, fg_pool_executor(pool), &err);
    fg_pool_free(&pool);
    if (ret == -EINVAL && a.scale)
        return fg_fail(NAME, FG_EXIT_USAGE, "%s", err.text);
    if (ret)
        return fg_fail(NAME, fg_exit_input(ret), "%s", err.text);
    return 0;
}
