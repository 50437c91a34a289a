/* ffgan: model check: fp32 against bf16 on a test picture.
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
    double db, seconds[2]; /* seconds: fp32, bf16 */
    int codes, finite;     /* largest difference in 8-bit code values */
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

static int run_one(const FgModel *m, FgPrecision precision, FgExecutor *ex,
                   FgTensor *out, double *seconds, FgError *err)
{
    const FgPlanOptions opt = {.device = "cpu",
                               .precision = precision,
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
    o->codes = (int)ceil(worst * 255 - 1e-9);
    o->db = sum > 0 ? 10 * log10(n / sum) : INFINITY;
}

static int check(const FgModel *m, FgExecutor *ex, Outcome *o, FgError *err)
{
    FgTensor a = {0}, b = {0};
    int ret = run_one(m, FG_PREC_FP32, ex, &a, &o->seconds[0], err);
    if (!ret)
        ret = run_one(m, FG_PREC_BF16, ex, &b, &o->seconds[1], err);
    if (!ret)
        compare(&a, &b, o);
    fg_tensor_free(&a);
    fg_tensor_free(&b);
    return ret;
}

static void print(const Outcome *o, int json)
{
    char db[32] = "inf";
    if (isfinite(o->db))
        snprintf(db, sizeof(db), "%.2f", o->db);
    if (json)
        printf("{\"fp32_bf16_db\":%s,\"codes\":%d,\"fp32_s\":%.4f,"
               "\"bf16_s\":%.4f}\n",
               isfinite(o->db) ? db : "null", o->codes, o->seconds[0],
               o->seconds[1]);
    else
        printf("bf16 against fp32 on a %dx%d test picture: %s dB, at most %d "
               "code value(s) of 255\nfp32 %.1f ms, bf16 %.1f ms\n",
               SIDE_W, SIDE_H, db, o->codes, o->seconds[0] * 1e3,
               o->seconds[1] * 1e3);
}

int fg_model_self_check(const char *name, int json)
{
    char path[4096];
    FgError err = {{0}};
    FgModel *m = NULL;
    FgPool *pool = NULL;
    Outcome o = {0};
    int ret = fg_model_open(&m, name, path, sizeof(path));
    if (ret)
        return ret;
    ret = fg_pool_create(&pool, 0);
    if (!ret)
        ret = check(m, fg_pool_executor(pool), &o, &err);
    if (!ret && !o.finite)
        ret = fg_error(&err, -EDOM, "its output is not finite");
    if (!ret)
        print(&o, json);
    else
        fprintf(stderr, "ffgan: %s: %s\n", fg_show(path), err.text);
    fg_pool_free(&pool);
    fg_model_free(&m);
    return ret ? fg_exit_chain(ret) : FG_EXIT_OK;
}
