/* ffgan-eval: how good a network is, on pictures it has not seen.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/eval.h"
#include "trainer/eval_interp.h"
#include "trainer/eval_pairs.h"
#include "trainer/main.h"

#define NAME "ffgan-eval"

static const char usage[] =
    "usage: ffgan eval MODEL|bicubic --data DIR [--scale N] [--json]\n"
    "\n"
    "  --data DIR     pictures. For a network that enlarges, each is made "
    "small\n"
    "                 by MATLAB's bicubic, made large again by the model, and\n"
    "                 compared. A generator's pictures are compared with them\n"
    "                 as sets; also a CIFAR-10 folder, file or archive. For\n"
    "                 in-between networks a clip, whose every second frame is\n"
    "                 made again, or pictures, which are moved\n"
    "  --before MODEL measures this one, too, as it was before training went "
    "on\n"
    "  --grid FILE    a PNG of pictures side by side\n"
    "  --samples N    pictures of a generator (default 512)\n"
    "  --seed N       of a generator's pictures (default 1)\n"
    "  --scale N      factor for 'bicubic' (a model has its own)\n"
    "  --precision P  auto (as the filter has it), fp32, bf16, int16,\n"
    "                 fast\n"
    "  --threads N    worker threads (default: all CPUs)\n"
    "  --json         one JSON object a line\n"
    "\n"
    "PSNR in dB, SSIM and MS-SSIM of the BT.601 studio luma (16..235, rounded "
    "to\n"
    "8 bits), without a border of as many pixels as the factor.\n"
    "Generators: sliced Wasserstein distance of patches, Frechet distance on "
    "the\n"
    "features of a fixed network of our own (never comparable with FID), and\n"
    "1-nearest-neighbour accuracy: 50 % when made and real cannot be told "
    "apart.\n"
    "The line 'real' compares real pictures with other real ones.\n";

typedef struct Args {
    const char *model, *before, *data, *grid;
    int scale, threads, json, samples, seed;
    FgPrecision precision;
} Args;

static int number(int *out, const char *name, const char *v, int min, int max)
{
    *out = fg_option_int(v, min, max);
    if (*out < min)
        return fg_fail(NAME, FG_EXIT_USAGE, "%s is %s, allowed %d..%d", name, v,
                       min, max);
    return 0;
}

static int parse_number(Args *a, int argc, char **argv, int *i, int *taken)
{
    const struct {
        const char *name;
        int *out, min, max;
    } all[] = {{"--scale", &a->scale, 1, 8},
               {"--threads", &a->threads, 0, 1024},
               {"--samples", &a->samples, 8, 100000},
               {"--seed", &a->seed, 0, 1000000000}};

    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        const char *v = fg_option(argc, argv, i, all[k].name);

        if (!v)
            continue;
        *taken = 1;
        return number(all[k].out, all[k].name, v, all[k].min, all[k].max);
    }
    return 0;
}

static int parse_word(Args *a, int argc, char **argv, int *i)
{
    const char *v;

    if (!strcmp(argv[*i], "--json")) {
        a->json = 1;
    } else if ((v = fg_option(argc, argv, i, "--data"))) {
        a->data = v;
    } else if ((v = fg_option(argc, argv, i, "--before"))) {
        a->before = v;
    } else if ((v = fg_option(argc, argv, i, "--grid"))) {
        a->grid = v;
    } else if ((v = fg_option(argc, argv, i, "--precision"))) {
        if (fg_precision_find(v) < 0)
            return fg_fail(NAME, FG_EXIT_USAGE,
                           "--precision is %s, allowed " FG_PRECISIONS, v);
        a->precision = (FgPrecision)fg_precision_find(v);
    } else if (argv[*i][0] == '-') {
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "unknown or incomplete option %s; see --help", argv[*i]);
    } else if (a->model) {
        return fg_fail(NAME, FG_EXIT_USAGE, "one model at a time: %s, %s",
                       a->model, argv[*i]);
    } else {
        a->model = argv[*i];
    }
    return 0;
}

static int parse(Args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int taken = 0, ret = parse_number(a, argc, argv, &i, &taken);

        if (!ret && !taken)
            ret = parse_word(a, argc, argv, &i);
        if (ret)
            return ret;
    }
    if (!a->model || !a->data)
        return fg_fail(NAME, FG_EXIT_USAGE,
                       "a model and --data are needed; see --help");
    return 0;
}

static int load_model(const char *name, FgModel **m, FgError *err)
{
    char path[4096];
    int ret = fg_model_find(name, path, sizeof(path), err);

    return ret ? ret : fg_model_read(m, path, err);
}

static int is_generator(const FgModel *m)
{
    return m && m->task == FG_TASK_GENERATOR;
}

static int check_kinds(const Args *a, const FgModel *m, const FgModel *before,
                       FgError *err)
{
    if (m && m->task != FG_TASK_SR && m->task != FG_TASK_INTERP &&
        !is_generator(m))
        return fg_error(
            err, -EINVAL,
            "%s: networks of this task have no measure; allowed sr, "
            "generator, interp",
            a->model);
    if (m && m->task == FG_TASK_INTERP && (before || a->grid))
        return fg_error(err, -EINVAL,
                        "%s: --before and --grid are not for in-between "
                        "networks",
                        a->model);
    if (m && a->scale && (is_generator(m) || a->scale != m->scale))
        return fg_error(err, -EINVAL,
                        "%s: the model's factor is %d, --scale %d", a->model,
                        m->scale, a->scale);
    if (before && (!m || m->task != before->task || m->scale != before->scale))
        return fg_error(err, -EINVAL, "--before: %s is of another kind than %s",
                        a->before, a->model);
    return 0;
}

static int eval(const Args *a, FgExecutor *ex, FgError *err)
{
    FgModel *m = NULL, *before = NULL;
    int ret = 0;

    assert(a->model); /* by parse() */
    if (strcmp(a->model, "bicubic") != 0)
        ret = load_model(a->model, &m, err);
    if (!ret && a->before)
        ret = load_model(a->before, &before, err);
    if (!ret)
        ret = check_kinds(a, m, before, err);
    if (!ret && m && m->task == FG_TASK_INTERP) {
        ret = fg_eval_interp(m, a->data, a->json, ex, err);
    } else if (!ret && is_generator(m)) {
        const FgEvalMade e = {m,          before,  a->data,          a->grid,
                              a->samples, a->json, (uint64_t)a->seed};

        ret = fg_eval_made(&e, ex, err);
    } else if (!ret) {
        const FgEvalPairs e = {.model = m,
                               .before = before,
                               .data = a->data,
                               .grid = a->grid,
                               .scale = m          ? m->scale
                                        : a->scale ? a->scale
                                                   : 2,
                               .json = a->json,
                               .precision = a->precision};

        ret = fg_eval_pairs(&e, ex, err);
    }
    fg_model_free(&m);
    fg_model_free(&before);
    return ret;
}

int fg_main_eval(int argc, char **argv)
{
    Args a = {.samples = 512, .seed = 1};
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
    if (ret == -EINVAL)
        return fg_fail(NAME, FG_EXIT_USAGE, "%s", err.text);
    if (ret)
        return fg_fail(NAME, fg_exit_input(ret), "%s", err.text);
    return 0;
}
