/* The op dropout. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

static void outside_training(void **state)
{
    const GcCase c = {
        "dropout", {.alpha = 0.5f}, .nb_in = 1, .in = {{1, 1, 2, 2}}};
    const double in[] = {-1, 0, 2.5, -0.5};

    (void)state;
    gc_expect(&c, (const double *const[]){in}, NULL, in, 0);
}

static void gradients(void **state)
{
    (void)state;
    for (int training = 0; training < 2; training++)
        gc_check(&(GcCase){"dropout",
                           {.alpha = 0.25f},
                           .nb_in = 1,
                           .in = {{2, 5, 3, 7}},
                           .training = training,
                           .linear = 1});
}

static double share(GcRun *r, int64_t step, int place, uint64_t *bits)
{
    size_t dropped = 0;

    r->call.step = step;
    r->call.place = place;
    r->call.seed = 5;
    gc_forward(r);
    *bits = 0;
    for (size_t i = 0; i < gc_count(&r->out); i++) {
        const double in = gc_get(&r->in[0], i), out = gc_get(&r->out, i);

        if (out == 0)
            dropped++;
        else if (!(fabs(out - in / 0.75) < 1e-6))
            fail_msg("[%zu] is %g, wanted %g", i, out, in / 0.75);
        if (i < 64)
            *bits |= (uint64_t)(out == 0) << i;
    }
    return (double)dropped / (double)gc_count(&r->out);
}

/* Other steps and places drop others; the same ones drop the same. */
static void masks(void **state)
{
    const GcCase c = {"dropout",     {.alpha = 0.25f},
                      .nb_in = 1,    .in = {{4, 16, 16, 16}},
                      .training = 1, .away = 0.01};
    uint64_t a, b, d, again;
    GcRun r;

    (void)state;
    gc_open(&r, &c, FG_F32, 0, NULL);
    /* 16384 draws: four standard deviations are 0.0135. */
    assert_true(fabs(share(&r, 3, 2, &a) - 0.25) < 0.0135);
    assert_true(fabs(share(&r, 4, 2, &b) - 0.25) < 0.0135);
    assert_true(fabs(share(&r, 3, 5, &d) - 0.25) < 0.0135);
    share(&r, 3, 2, &again);
    assert_true(a == again && a != b && a != d && b != d);
    gc_close(&r);
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){
        "dropout", {.alpha = -0.1f}, .nb_in = 1, .in = {{1, 1, 1, 1}}});
    gc_refused(
        &(GcCase){"dropout", {.alpha = 1}, .nb_in = 1, .in = {{1, 1, 1, 1}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outside_training),
        cmocka_unit_test(gradients),
        cmocka_unit_test(masks),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests_name("kernels/dropout", tests, NULL, NULL);
}
