/* The op instance_norm. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

/* With weight 1 and bias 0 each channel of each image has mean 0, variance 1,
 * also where the mean is large beside the variance. */
static void moments(void **state)
{
    const GcCase c = {
        "instance_norm", {.eps = 1e-7f}, .nb_in = 1, .in = {{2, 3, 20, 17}}};
    GcRun r;
    (void)state;
    gc_open(&r, &c, FG_F32, 0, NULL);
    for (size_t i = 0; i < gc_count(&r.in[0]); i++)
        gc_set(&r.in[0], i, gc_get(&r.in[0], i) + 100);
    for (int k = 0; k < 3; k++) {
        gc_set(&r.param[0], k, 1);
        gc_set(&r.param[1], k, 0);
    }
    gc_forward(&r);
    for (int g = 0; g < 6; g++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < 340; i++) {
            const double v = gc_get(&r.out, (g / 3 * 340 + i) * 3 + g % 3);
            sum += v / 340;
            squares += v * v / 340;
        }
        assert_true(fabs(sum) < 1e-6 && fabs(squares - 1) < 1e-5);
    }
    gc_close(&r);
}

static void gradients(void **state)
{
    (void)state;
    gc_check(&(GcCase){
        "instance_norm", {.eps = 1e-5f}, .nb_in = 1, .in = {{2, 3, 5, 7}}});
    gc_check(&(GcCase){
        "instance_norm", {.eps = 0.1f}, .nb_in = 1, .in = {{1, 4, 18, 3}}});
}

static void refusals(void **state)
{
    (void)state;
    gc_refused(&(GcCase){"instance_norm", .nb_in = 1, .in = {{2, 3, 5, 7}}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),
        cmocka_unit_test(gradients),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("kernels/instance_norm", tests, NULL,
                                       NULL);
}
