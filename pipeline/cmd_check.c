/* ffgan: model check: each precision against plain fp32 on a test picture, or
 * against a recorded reference.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/plan.h"
#include "kernels/pool.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/model_reference.h"
#include "pipeline/util.h"

enum { SIDE_W = 160, SIDE_H = 120, FRAME_W = 192, FRAME_H = 128, MOVED = 3 };

typedef struct Outcome {
    const char *name;
    FgPrecision precision;
    int finite;
    double codes; /* largest difference, 8-bit code values */
    double db, seconds;
} Outcome;

/* Ramps, rings of rising frequency and a checkerboard: flat, smooth and sharp
 * parts in every channel. */
static float pattern(int x, int y, int c)
{
    const double r2 = (double)(x * x + y * y);
    if (x > SIDE_W / 2 && y > SIDE_H / 2)
        return ((x >> 2) + (y >> 2) + c) & 1 ? 0.9f : 0.1f;
    if (x > SIDE_W / 2)
        return (float)((c == 1 ? y : x) % SIDE_H) / (float)SIDE_H;
    return (float)(0.5 + 0.45 * cos(r2 * (0.004 + 0.001 * c)));
}

static void fill(FgTensor *t)
{
    for (int y = 0; y < t->shape.h; y++)
        for (int x = 0; x < t->shape.w; x++)
            for (int c = 0; c < t->shape.c; c++)
                fg_f32(t, 0, y, x)[c] = pattern(x, y, c);
}

/* Two frames of three channels, the second moved, and the time. */
static void fill_frames(FgTensor *t)
{
    for (int y = 0; y < t->shape.h; y++)
        for (int x = 0; x < t->shape.w; x++)
            for (int c = 0; c < t->shape.c; c++)
                fg_f32(t, 0, y, x)[c] = c == t->shape.c - 1 ? 0.5f
                                        : c < 3             ? pattern(x, y, c)
                                                : pattern(x + MOVED, y, c - 3);
}

/* What is to be compared: a picture, and what should come of it. */
typedef struct Check {
    FgTensor in, want;
    double limit;     /* of differences in fp32, when want was recorded */
    const char *from; /* the record, or NULL: want is plain fp32 */
    Outcome o[4];     /* plain, then the precisions */
} Check;
enum { PLAIN, NB_OUTCOMES = 4 };

static int test_picture(const FgModel *m, FgTensor *in)
{
    const int two = m->task == FG_TASK_INTERP;
    const FgShape s = {1, m->graph.nodes[0].attr.channels,
                       two ? FRAME_H : SIDE_H, two ? FRAME_W : SIDE_W};
    const int ret = fg_tensor_alloc(in, s, FG_F32);
    if (!ret)
        (two ? fill_frames : fill)(in);
    return ret;
}

static int run_one(const FgModel *m, const FgTensor *in, int plain,
                   FgExecutor *ex, Outcome *o, FgTensor *out, FgError *err)
{
    const FgPlanOptions opt = {.device = "cpu",
                               .precision = o->precision,
                               .plain = plain,
                               .max_w = in->shape.w,
                               .max_h = in->shape.h,
                               .ex = ex};
    FgPlan *plan = NULL;
    FgPlanInfo info;
    int ret = fg_plan_create(&plan, m, &opt, err);
    if (ret < 0)
        return ret;
    fg_plan_info(plan, &info);
    const FgShape os = {1, info.channels_out,
                        in->shape.h * info.scale_num / info.scale_den,
                        in->shape.w * info.scale_num / info.scale_den};
    ret = fg_tensor_alloc(out, os, FG_F32);
    if (!ret) {
        const double t = fg_now();
        ret = fg_plan_run(plan, in, out);
        o->seconds = fg_now() - t;
    }
    if (ret < 0)
        fg_error(err, ret, "the picture failed: %s", fg_strerror(ret));
    fg_plan_free(&plan);
    return ret;
}

static void compare(const FgTensor *a, const FgTensor *b, Outcome *o)
{
    double sum = 0, n = 0, worst = 0;
    for (int y = 0; y < a->shape.h; y++)
        for (int x = 0; x < a->shape.w; x++)
            for (int c = 0; c < a->shape.c; c++) {
                const double d = (double)fg_f32(a, 0, y, x)[c] -
                                 fg_f32(b, 0, y, x)[c];
                sum += d * d;
                n++;
                if (fabs(d) > worst)
                    worst = fabs(d);
            }
    o->finite = isfinite(sum);
    o->codes = worst * 255;
    o->db = sum > 0 ? 10 * log10(n / sum) : INFINITY;
}

static double largest(const FgTensor *t)
{
    double top = 1;
    for (int y = 0; y < t->shape.h; y++)
        for (int x = 0; x < t->shape.w; x++)
            for (int c = 0; c < t->shape.c; c++)
                top = fmax(top, fabs(fg_f32(t, 0, y, x)[c]));
    return top;
}

/* Against the record where there is one, else against the first, plain. */
static int check(const FgModel *m, FgExecutor *ex, Check *c, FgError *err)
{
    int ret = 0;
    for (int i = 0; !ret && i < NB_OUTCOMES; i++) {
        Outcome *const o = &c->o[i];
        FgTensor out = {0};
        ret = run_one(m, &c->in, i == PLAIN, ex, o, &out, err);
        if (!ret && i == PLAIN && !c->from) {
            c->want = out;
            continue;
        }
        if (!ret)
            compare(&out, &c->want, o);
        if (!ret && !o->finite)
            ret = fg_error(err, -EDOM, "its output in %s is not finite",
                           o->name);
        if (!ret && c->from && o->precision == FG_PREC_FP32 &&
            o->codes > 255 * c->limit)
            ret = fg_error(err, -EDOM,
                           "in %s it differs from %s by up to %.3g, allowed "
                           "%.3g",
                           o->name, fg_show(c->from), o->codes / 255, c->limit);
        fg_tensor_free(&out);
    }
    return ret;
}

static void print_json(const Check *c)
{
    printf("{\"plain_s\":%.4f,\"reference\":", c->o[PLAIN].seconds);
    json_t *const from = c->from ? json_string(fg_show(c->from)) : json_null();
    char *const text = json_dumps(from, JSON_ENCODE_ANY);
    printf("%s", text ? text : "null");
    free(text);
    json_decref(from);
    for (int i = c->from ? PLAIN : PLAIN + 1; i < NB_OUTCOMES; i++) {
        char db[32] = "null";
        if (isfinite(c->o[i].db))
            snprintf(db, sizeof(db), "%.2f", c->o[i].db);
        printf(",\"%s\":{\"db\":%s,\"codes\":%.6g,\"s\":%.4f}", c->o[i].name,
               db, c->o[i].codes, c->o[i].seconds);
    }
    printf("}\n");
}

static void print_text(const Check *c)
{
    const FgShape s = c->in.shape;
    if (c->from)
        printf("against %s, %dx%d:\n", fg_show(c->from), s.w, s.h);
    else
        printf("against plain fp32 (%.1f ms) on a %dx%d test picture:\n",
               c->o[PLAIN].seconds * 1e3, s.w, s.h);
    for (int i = c->from ? PLAIN : PLAIN + 1; i < NB_OUTCOMES; i++)
        printf("%-6s %8.1f ms  %.2f dB, at most %.3f code values of 255\n",
               c->o[i].name, c->o[i].seconds * 1e3, c->o[i].db, c->o[i].codes);
}

typedef struct Words {
    const char *name, *reference, *record;
    int json;
} Words;

/* The record that was named, or the one beside the model. */
static int find_picture(const FgModel *m, const Words *w, const char *beside,
                        Check *c, FgError *err)
{
    c->from = w->reference                                    ? w->reference
              : !w->record && beside && !access(beside, R_OK) ? beside
                                                              : NULL;
    if (!c->from)
        return test_picture(m, &c->in);
    const int ret = fg_reference_read(c->from, m, &c->in, &c->want, err);
    c->limit = ret ? 0 : 1e-4 * largest(&c->want);
    return ret;
}

static int run_check(const FgModel *m, const Words *w, const char *path)
{
    Check c = {.o = {{.name = "plain", .precision = FG_PREC_FP32},
                     {.name = "int16", .precision = FG_PREC_INT16},
                     {.name = "fp32", .precision = FG_PREC_FP32},
                     {.name = "bf16", .precision = FG_PREC_BF16}}};
    FgError err = {{0}};
    FgPool *pool = NULL;
    char *const beside = fg_reference_path(path);
    int ret = m->task == FG_TASK_IMAGE || m->task == FG_TASK_INTERP
                  ? 0
                  : fg_model_expect(m, FG_TASK_SR, "model check", &err);
    if (!ret)
        ret = find_picture(m, w, beside, &c, &err);
    if (!ret)
        ret = fg_pool_create(&pool, 0);
    if (!ret)
        ret = check(m, fg_pool_executor(pool), &c, &err);
    if (!ret && w->record)
        ret = fg_reference_write(w->record, &c.in, &c.want, &err);
    if (!ret)
        (w->json ? print_json : print_text)(&c);
    else
        fprintf(stderr, "ffgan: %s: %s\n", fg_show(path), err.text);
    fg_pool_free(&pool);
    fg_tensor_free(&c.in);
    fg_tensor_free(&c.want);
    free(beside);
    return ret ? fg_exit_chain(ret) : FG_EXIT_OK;
}

int fg_model_check(int argc, char **argv)
{
    char path[4096];
    FgModel *m = NULL;
    Words w = {0};
    for (int i = 1; i < argc; i++) {
        const char **const file = !strcmp(argv[i], "--reference") ? &w.reference
                                  : !strcmp(argv[i], "--record")  ? &w.record
                                                                  : NULL;
        if (!strcmp(argv[i], "--json"))
            w.json = 1;
        else if (file && (i + 1 >= argc || *file))
            return fg_usage_error("model", "%s wants one file name", argv[i]);
        else if (file)
            *file = argv[++i];
        else if ((argv[i][0] == '-' && argv[i][1]) || w.name)
            return fg_usage_error("model", "check: '%s' is not expected",
                                  argv[i]);
        else
            w.name = argv[i];
    }
    if (!w.name || (w.reference && w.record))
        return fg_usage_error("model", "check FILE|NAME [--reference FILE | "
                                       "--record FILE] [--json]");
    const int ret = fg_model_open(&m, w.name, path, sizeof(path));
    if (ret)
        return ret;
    const int rc = run_check(m, &w, path);
    fg_model_free(&m);
    return rc;
}
