/* ffgan: model check: each precision against plain fp32 on a test picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/plan.h"
#include "kernels/pool.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/util.h"

enum { SIDE_W = 160, SIDE_H = 120 };

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

static int run_one(const FgModel *m, FgPrecision precision, int plain,
                   FgExecutor *ex, FgTensor *out, double *seconds, FgError *err)
{
    const FgPlanOptions opt = {.device = "cpu",
                               .precision = precision,
                               .plain = plain,
                               .max_w = SIDE_W,
                               .max_h = SIDE_H,
                               .ex = ex};
    FgPlan *plan = NULL;
    FgPlanInfo info;
    FgTensor in = {0};
    int ret = fg_plan_create(&plan, m, &opt, err);
    if (ret < 0)
        return ret;
    fg_plan_info(plan, &info);
    const FgShape is = {1, info.channels_in, SIDE_H, SIDE_W};
    const FgShape os = {1, info.channels_out,
                        SIDE_H * info.scale_num / info.scale_den,
                        SIDE_W * info.scale_num / info.scale_den};
    ret = fg_tensor_alloc(&in, is, FG_F32);
    if (!ret)
        ret = fg_tensor_alloc(out, os, FG_F32);
    if (!ret) {
        fill(&in);
        const double t = fg_now();
        ret = fg_plan_run(plan, &in, out);
        *seconds = fg_now() - t;
    }
    if (ret < 0)
        fg_error(err, ret, "the test picture failed: %s", fg_strerror(ret));
    fg_tensor_free(&in);
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

/* plain: seconds of the reference. */
static int check(const FgModel *m, FgExecutor *ex, Outcome *o, int nb,
                 double *plain, FgError *err)
{
    FgTensor a = {0}, b = {0};
    int ret = run_one(m, FG_PREC_FP32, 1, ex, &a, plain, err);
    for (int i = 0; !ret && i < nb; i++) {
        ret = run_one(m, o[i].precision, 0, ex, &b, &o[i].seconds, err);
        if (!ret)
            compare(&a, &b, &o[i]);
        if (!ret && !o[i].finite)
            ret = fg_error(err, -EDOM, "its output in %s is not finite",
                           o[i].name);
        fg_tensor_free(&b);
    }
    fg_tensor_free(&a);
    return ret;
}

static void print_json(const Outcome *o, int nb, double plain)
{
    printf("{\"plain_s\":%.4f", plain);
    for (int i = 0; i < nb; i++) {
        char db[32] = "null";
        if (isfinite(o[i].db))
            snprintf(db, sizeof(db), "%.2f", o[i].db);
        printf(",\"%s\":{\"db\":%s,\"codes\":%.4f,\"s\":%.4f}", o[i].name, db,
               o[i].codes, o[i].seconds);
    }
    printf("}\n");
}

static void print_text(const Outcome *o, int nb, double plain)
{
    printf("against plain fp32 (%.1f ms) on a %dx%d test picture:\n",
           plain * 1e3, SIDE_W, SIDE_H);
    for (int i = 0; i < nb; i++)
        printf("%-6s %8.1f ms  %.2f dB, at most %.3f code values of 255\n",
               o[i].name, o[i].seconds * 1e3, o[i].db, o[i].codes);
}

int fg_model_self_check(const char *name, int json)
{
    char path[4096];
    FgError err = {{0}};
    FgModel *m = NULL;
    FgPool *pool = NULL;
    Outcome o[] = {{.name = "int16", .precision = FG_PREC_INT16},
                   {.name = "fp32", .precision = FG_PREC_FP32},
                   {.name = "bf16", .precision = FG_PREC_BF16}};
    const int nb = (int)(sizeof(o) / sizeof(*o));
    double plain = 0;
    int ret = fg_model_open(&m, name, path, sizeof(path));
    if (ret)
        return ret;
    if (m->task != FG_TASK_IMAGE)
        ret = fg_model_expect(m, FG_TASK_SR, "model check", &err);
    if (!ret)
        ret = fg_pool_create(&pool, 0);
    if (!ret)
        ret = check(m, fg_pool_executor(pool), o, nb, &plain, &err);
    if (!ret)
        (json ? print_json : print_text)(o, nb, plain);
    else
        fprintf(stderr, "ffgan: %s: %s\n", fg_show(path), err.text);
    fg_pool_free(&pool);
    fg_model_free(&m);
    return ret ? fg_exit_chain(ret) : FG_EXIT_OK;
}
