/* ffgan: bench: the time of a network, without decoding and encoding.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels/plan.h"
#include "kernels/pool.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/util.h"

#define MAX_RUNS 1000
#define SNR_SIDE 160

typedef struct Bench {
    char what[512];
    int w, h, threads, runs, json;
    FgPrecision precision;
} Bench;

typedef struct Result {
    double median, least, cpu, snr; /* cpu: least of all threads together */
    FgPlanInfo info;
} Result;

static int print_help(void)
{
    puts("usage: ffgan bench MODEL|FAMILY[:KEY=VALUE,...] [options]\n"
         "Times a weights file, or a network with random weights:\n"
         "  compact, res     keys channels, layers, scale, colour (1, 3),\n"
         "                   activation (relu, leaky_relu, prelu, silu),\n"
         "                   base (none, nearest, bilinear, bicubic)\n"
         "  --size WxH       input pixels (480x270)\n"
         "  --threads N      0 = all CPUs (0)\n"
         "  --precision P    auto, fp32, bf16, int16, fast, int8, fp8 (auto)\n"
         "  --runs N         timed runs (as many as fit in 3 s, 5 to 50)\n"
         "  --json           one JSON object\n"
         "Time is the median of the runs after one to warm up; snr_db is the\n"
         "output's distance from plain fp32.");
    return FG_EXIT_OK;
}

/* ---- the network ---- */

static int set_key(FgBuild *b, const char *key, const char *value)
{
    int64_t n = 0;
    int *const to = !strcmp(key, "channels") ? &b->features
                    : !strcmp(key, "layers") ? &b->blocks
                    : !strcmp(key, "scale")  ? &b->scale
                    : !strcmp(key, "colour") ? &b->channels_in
                                             : NULL;
    if (!strcmp(key, "activation")) {
        b->activation = value;
    } else if (!strcmp(key, "base")) {
        b->base = value;
    } else if (!to) {
        return fg_usage_error("bench",
                              "unknown key '%s', allowed channels, layers, "
                              "scale, colour, activation, base",
                              key);
    } else if (fg_parse_int(value, 1, 4096, &n) < 0) {
        return fg_usage_error("bench", "%s is '%s', allowed 1..4096", key,
                              value);
    } else {
        *to = (int)n;
    }
    return 0;
}

/* "family:key=value,..." in text, which the result points into. */
static int parse_build(FgBuild *b, char *text)
{
    char *rest = strchr(text, ':');
    int ret = 0;
    *b = (FgBuild){text, 3, 2, 32, 4, "relu", "bicubic", 0};
    if (rest)
        *rest++ = 0;
    while (!ret && rest && *rest) {
        char *const end = rest + strcspn(rest, ",");
        char *const next = *end ? end + 1 : end;
        char *const value = memchr(rest, '=', (size_t)(end - rest));
        *end = 0;
        if (!value)
            return fg_usage_error("bench", "'%s' is no KEY=VALUE", rest);
        *value = 0;
        ret = set_key(b, rest, value + 1);
        rest = next;
    }
    return ret;
}

static int build_model(FgModel **m, const FgBuild *b)
{
    FgError err = {{0}};
    int ret = -ENOMEM;
    *m = fg_model_alloc();
    if (*m)
        ret = fg_graph_build(&(*m)->graph, b, &err);
    if (!ret)
        ret = fg_graph_params(&(*m)->graph, &(*m)->params, &err);
    if (ret) {
        fg_model_free(m);
        return ret == -ENOMEM ? FG_EXIT_RETRY
                              : fg_usage_error("bench", "%s", err.text);
    }
    fg_graph_init_params(&(*m)->graph, &(*m)->params, 1);
    (*m)->scale = b->scale;
    (*m)->luma = b->channels_in == 1;
    return 0;
}

static int get_model(FgModel **m, Bench *o)
{
    char path[4096], text[512];
    const size_t n = strcspn(o->what, ":");
    FgBuild b;
    if ((n != 7 || strncmp(o->what, "compact", n)) &&
        (n != 3 || strncmp(o->what, "res", n)))
        return fg_model_open(m, o->what, path, sizeof(path));
    snprintf(text, sizeof(text), "%s", o->what);
    const int ret = parse_build(&b, text);
    return ret ? ret : build_model(m, &b);
}

/* ---- runs ---- */

/* Smooth parts, edges and a little noise, 0..1. */
static void fill(FgTensor *t)
{
    uint32_t seed = 1;
    for (int y = 0; y < t->shape.h; y++)
        for (int x = 0; x < t->shape.w; x++)
            for (int c = 0; c < t->shape.c; c++) {
                seed = seed * 1664525u + 1013904223u;
                const double noise = (double)(seed >> 8) / (1 << 24) - 0.5;
                const double edge = ((x >> 4) + (y >> 4)) & 1 ? 0.2 : 0;
                fg_f32(t, 0, y,
                       x)[c] = (float)(0.4 + edge +
                                       0.2 * sin(x * 0.11 + c) * cos(y * 0.07) +
                                       0.1 * noise);
            }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int time_runs(FgPlan *plan, const FgTensor *in, FgTensor *out,
                     const Bench *o, Result *r)
{
    static double t[MAX_RUNS];
    double start = fg_now();
    int n = 0, ret = fg_plan_run(plan, in, out);
    const double first = fg_now() - start;
    const int fit = (int)(3 / (first + 1e-6));
    const int most = o->runs ? o->runs : fit < 5 ? 5 : fit > 50 ? 50 : fit;
    for (; !ret && n < most; n++) {
        const double cpu = cpu_seconds();
        start = fg_now();
        ret = fg_plan_run(plan, in, out);
        t[n] = fg_now() - start;
        r->cpu = n ? fmin(r->cpu, cpu_seconds() - cpu) : cpu_seconds() - cpu;
    }
    if (!ret) {
        qsort(t, (size_t)n, sizeof(*t), by_value);
        r->median = n % 2 ? t[n / 2] : (t[n / 2 - 1] + t[n / 2]) / 2;
        r->least = t[0];
    }
    return ret;
}

/* Makes the plan and both tensors. */
static int prepare(const FgModel *m, const FgPlanOptions *opt, FgPlan **plan,
                   FgTensor *in, FgTensor *out, FgPlanInfo *info, FgError *err)
{
    int ret = fg_plan_create(plan, m, opt, err);
    if (ret)
        return ret;
    fg_plan_info(*plan, info);
    const FgShape is = {1, info->channels_in, opt->max_h, opt->max_w};
    const FgShape os = {1, info->channels_out,
                        opt->max_h * info->scale_num / info->scale_den,
                        opt->max_w * info->scale_num / info->scale_den};
    ret = fg_tensor_alloc(in, is, FG_F32);
    if (!ret)
        ret = fg_tensor_alloc(out, os, FG_F32);
    if (ret)
        return fg_error(err, ret, "%dx%d: not enough memory", opt->max_w,
                        opt->max_h);
    fill(in);
    return 0;
}

static int one_output(const FgModel *m, FgPlanOptions opt, FgTensor *out,
                      FgError *err)
{
    FgPlan *plan = NULL;
    FgPlanInfo info;
    FgTensor in = {0};
    opt.max_w = opt.max_h = SNR_SIDE;
    int ret = prepare(m, &opt, &plan, &in, out, &info, err);
    if (!ret && fg_plan_run(plan, &in, out))
        ret = fg_error(err, -EDOM, "its output is not finite");
    fg_tensor_free(&in);
    fg_plan_free(&plan);
    return ret;
}

/* Signal without its mean, over the difference from plain fp32. */
static int find_snr(const FgModel *m, FgPlanOptions opt, Result *r,
                    FgError *err)
{
    FgTensor a = {0}, b = {0};
    double sum = 0, square = 0, noise = 0;
    int ret = one_output(m, opt, &b, err);
    opt.plain = 1;
    opt.precision = FG_PREC_FP32;
    if (!ret)
        ret = one_output(m, opt, &a, err);
    if (!ret) {
        const size_t n = (size_t)a.image;
        for (size_t i = 0; i < n; i++) {
            const double x = ((float *)a.data)[i];
            const double d = x - (double)((float *)b.data)[i];
            sum += x;
            square += x * x;
            noise += d * d;
        }
        r->snr = 10 * log10((square - sum * sum / (double)n) / noise);
    }
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    return ret;
}

static int run_bench(const FgModel *m, const Bench *o, FgExecutor *ex,
                     Result *r, FgError *err)
{
    const FgPlanOptions opt = {.device = "cpu",
                               .precision = o->precision,
                               .max_w = o->w,
                               .max_h = o->h,
                               .ex = ex};
    FgPlan *plan = NULL;
    FgTensor in = {0}, out = {0};
    int ret = prepare(m, &opt, &plan, &in, &out, &r->info, err);
    if (!ret && time_runs(plan, &in, &out, o, r))
        ret = fg_error(err, -EDOM, "its output is not finite");
    if (!ret)
        ret = find_snr(m, opt, r, err);
    fg_tensor_free(&in);
    fg_tensor_free(&out);
    fg_plan_free(&plan);
    return ret;
}

static void print(const Bench *o, const Result *r, int threads)
{
    const double work = 2e-9 * r->info.macs_per_pixel * o->w * o->h;
    char snr[32] = "null";
    if (isfinite(r->snr))
        snprintf(snr, sizeof(snr), "%.2f", r->snr);
    if (o->json)
        printf("{\"network\":\"%s\",\"size\":\"%dx%d\",\"threads\":%d,"
               "\"precision\":\"%s\",\"isa\":\"%s\",\"ms_median\":%.3f,"
               "\"ms_min\":%.3f,\"cpu_ms_min\":%.3f,\"gflops\":%.1f,"
               "\"snr_db\":%s,"
               "\"memory_mb\":%.1f}\n",
               o->what, o->w, o->h, threads, r->info.precision, r->info.isa,
               r->median * 1e3, r->least * 1e3, r->cpu * 1e3, work / r->median,
               snr, (double)r->info.bytes / 1e6);
    else
        printf("%s %dx%d, %d thread(s), %s, %s: %.2f ms (least %.2f), %.1f "
               "frames/s, %.0f GFLOP/s of plain convolutions, SNR %s dB, "
               "%.1f MB\n",
               o->what, o->w, o->h, threads, r->info.precision, r->info.isa,
               r->median * 1e3, r->least * 1e3, 1 / r->median, work / r->median,
               snr, (double)r->info.bytes / 1e6);
}

/* ---- the command line ---- */

static int parse_size(Bench *o, const char *v)
{
    char end;
    if (sscanf(v, "%dx%d%c", &o->w, &o->h, &end) == 2 && o->w >= 1 &&
        o->h >= 1 && o->w <= 1 << 16 && o->h <= 1 << 16)
        return 0;
    return fg_usage_error("bench", "--size is '%s', allowed WxH, 1 to 65536",
                          v);
}

static int parse_option(Bench *o, const char *name, const char *v)
{
    int64_t n = 0;
    if (!strcmp(name, "--size"))
        return parse_size(o, v);
    if (!strcmp(name, "--threads")) {
        if (fg_parse_int(v, 0, 1024, &n) < 0)
            return fg_usage_error("bench", "--threads is '%s', allowed 0..1024",
                                  v);
        o->threads = (int)n;
        return 0;
    }
    if (!strcmp(name, "--runs")) {
        if (fg_parse_int(v, 1, MAX_RUNS, &n) < 0)
            return fg_usage_error("bench", "--runs is '%s', allowed 1..%d", v,
                                  MAX_RUNS);
        o->runs = (int)n;
        return 0;
    }
    if (strcmp(name, "--precision"))
        return fg_usage_error("bench", "no option '%s'", name);
    if (fg_precision_find(v) < 0)
        return fg_usage_error("bench",
                              "--precision is '%s', allowed " FG_PRECISIONS, v);
    o->precision = (FgPrecision)fg_precision_find(v);
    return 0;
}

static int parse(Bench *o, int argc, char **argv)
{
    int ret = 0;
    for (int i = 1; i < argc && !ret; i++) {
        char name[32];
        const char *value = strchr(argv[i], '=');
        if (!strcmp(argv[i], "--json")) {
            o->json = 1;
        } else if (strncmp(argv[i], "--", 2)) {
            if (o->what[0] || strlen(argv[i]) >= sizeof(o->what))
                return fg_usage_error("bench", "one network at a time");
            strcpy(o->what, argv[i]);
        } else {
            const size_t n = value ? (size_t)(value - argv[i])
                                   : strlen(argv[i]);
            snprintf(name, sizeof(name), "%.*s", (int)n, argv[i]);
            if (!value && i + 1 == argc)
                return fg_usage_error("bench", "%s needs a value", name);
            ret = parse_option(o, name, value ? value + 1 : argv[++i]);
        }
    }
    if (!ret && !o->what[0])
        return fg_usage_error("bench", "a network is needed");
    return ret;
}

int fg_cmd_bench(int argc, char **argv)
{
    Bench o = {.w = 480, .h = 270};
    Result r = {0};
    FgModel *m = NULL;
    FgPool *pool = NULL;
    FgError err = {"not enough memory"};
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return print_help();
    int ret = parse(&o, argc, argv);
    if (!ret)
        ret = get_model(&m, &o);
    if (ret)
        return ret;
    ret = fg_pool_create(&pool, o.threads);
    if (!ret)
        ret = run_bench(m, &o, fg_pool_executor(pool), &r, &err);
    if (!ret)
        print(&o, &r, fg_threads(fg_pool_executor(pool)));
    else
        fprintf(stderr, "ffgan: %s: %s\n", fg_show(o.what), err.text);
    fg_pool_free(&pool);
    fg_model_free(&m);
    return ret ? fg_exit_chain(ret) : FG_EXIT_OK;
}
