/* How long a network takes on one frame.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <time.h>

#include "kernels/plan.h"
#include "trainer/trial.h"

#define LEAST_RUNS 4
#define MOST_RUNS 40
#define LEAST_S 0.25

typedef struct Clocked {
    FgPlan *plan;
    FgTensor in, out;
    double best;
} Clocked;

/* Only what this thread spends: others on the machine do not count. */
static double spent(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void clocked_free(Clocked *c)
{
    fg_plan_free(&c->plan);
    fg_tensor_free(&c->in);
    fg_tensor_free(&c->out);
}

static int clocked_make(Clocked *c, const FgModel *m, int w, int h,
                        FgError *err)
{
    const FgPlanOptions opt = {.device = "cpu", .max_w = w, .max_h = h};
    FgPlanInfo info;
    FgShape in = {1, 1, h, w}, out;
    int ret = fg_plan_create(&c->plan, m, &opt, err);

    c->best = INFINITY;
    if (ret)
        return ret;
    fg_plan_info(c->plan, &info);
    in.c = info.channels_in;
    out = (FgShape){1, info.channels_out, h * info.scale_num / info.scale_den,
                    w * info.scale_num / info.scale_den};
    ret = fg_tensor_alloc(&c->in, in, FG_F32);
    if (!ret)
        ret = fg_tensor_alloc(&c->out, out, FG_F32);
    for (size_t i = 0; !ret && i < (size_t)in.c * (size_t)(w * h); i++)
        ((float *)c->in.data)[i] = (float)(i * 7919 % 1021) / 1021.0f;
    return ret;
}

static int run_once(Clocked *c)
{
    const double from = spent();
    const int ret = fg_plan_run(c->plan, &c->in, &c->out);

    c->best = fmin(c->best, spent() - from);
    return ret == -EDOM ? 0 : ret;
}

int fg_trial_time(const FgTrialWorld *w, const FgModel *m, double *ms,
                  FgError *err)
{
    Clocked c = {0}, ref = {0};
    const double from = spent();
    int ret = clocked_make(&c, m, w->w, w->h, err);

    if (!ret && w->reference)
        ret = clocked_make(&ref, w->reference, w->w, w->h, err);
    for (int i = 0;
         !ret && i < MOST_RUNS && (i < LEAST_RUNS || spent() - from < LEAST_S);
         i++) {
        ret = run_once(&c);
        if (!ret && w->reference)
            ret = run_once(&ref);
    }
    *ms = 1000 * c.best;
    if (!ret && w->reference)
        *ms = c.best / ref.best * w->reference_ms;
    clocked_free(&c);
    clocked_free(&ref);
    return ret;
}
