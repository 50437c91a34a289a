/* The op deconv2d.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gradcheck.h"

#include <math.h>

#include "kernels/conv.h"

static GcCase make_case(int ic, int oc, int kernel, int stride, int pad,
                        int groups)
{
    GcCase c = {.op = "deconv2d", .nb_in = 1, .linear = 1};

    c.attr = (FgAttr){.channels = oc,
                      .kernel = kernel,
                      .stride = stride,
                      .pad = pad,
                      .groups = groups,
                      .bias = 1};
    c.in[0] = (FgShape){2, ic, 5, 4};
    return c;
}

static const struct {
    int ic, oc, kernel, stride, pad, groups;
} cases[] = {{2, 3, 4, 2, 1, 1}, {3, 2, 3, 1, 1, 1}, {2, 2, 3, 2, 0, 1},
             {1, 3, 2, 2, 0, 1}, {4, 6, 4, 2, 1, 2}, {3, 3, 3, 2, 1, 3},
             {2, 1, 5, 3, 2, 1}, {3, 4, 1, 1, 0, 1}, {2, 2, 2, 3, 0, 1},
             {5, 18, 4, 2, 1, 1}};

static void test_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        GcCase c = make_case(cases[i].ic, cases[i].oc, cases[i].kernel,
                             cases[i].stride, cases[i].pad, cases[i].groups);

        gc_check(&c);
        c.attr.bias = 0;
        c.in[0] = (FgShape){1, cases[i].ic, 2, 3};
        gc_check(&c);
    }
}

/* Every input pixel spreads over the taps. */
static void spread(const GcRun *r, const FgAttr *a, double *sum, size_t at)
{
    const FgShape s = r->shape[0], t = r->out_shape;
    const int c = (int)(at % (size_t)s.c), x = (int)(at / (size_t)s.c) % s.w;
    const int y = (int)(at / (size_t)(s.c * s.w)) % s.h;
    const int n = (int)(at / (size_t)(s.c * s.w * s.h));
    const int ocg = a->channels / a->groups, g = c / (s.c / a->groups);
    const double v = gc_get(&r->in[0], at);

    for (int o = 0; o < ocg; o++) {
        for (int k = 0; k < a->kernel * a->kernel; k++) {
            const int yy = y * a->stride + k / a->kernel - a->pad;
            const int xx = x * a->stride + k % a->kernel - a->pad;
            const size_t w = (size_t)((c * ocg + o) * a->kernel * a->kernel +
                                      k);

            if (yy < 0 || yy >= t.h || xx < 0 || xx >= t.w)
                continue;
            sum[(size_t)((n * t.h + yy) * t.w + xx) * (size_t)t.c +
                (size_t)(g * ocg + o)] +=
                v * (double)((const float *)r->param[0].data)[w];
        }
    }
}

static void test_naive(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const GcCase c = make_case(cases[i].ic, cases[i].oc, cases[i].kernel,
                                   cases[i].stride, cases[i].pad,
                                   cases[i].groups);
        double sum[8192] = {0};
        GcRun r;

        gc_open(&r, &c, FG_F32, 1, NULL);
        gc_forward(&r);
        assert_true(gc_count(&r.out) <= 8192);
        for (size_t e = 0; e < gc_count(&r.out); e++)
            sum[e] = gc_get(&r.param[1], e % (size_t)c.attr.channels);
        for (size_t e = 0; e < gc_count(&r.in[0]); e++)
            spread(&r, &c.attr, sum, e);
        for (size_t e = 0; e < gc_count(&r.out); e++)
            if (!(fabs(gc_get(&r.out, e) - sum[e]) < 1e-5))
                fail_msg("case %zu element %zu: %g, wanted %g", i, e,
                         gc_get(&r.out, e), sum[e]);
        gc_close(&r);
    }
}

static void test_refused(void **state)
{
    GcCase c = make_case(3, 4, 4, 2, 4, 1);

    (void)state;
    gc_refused(&c);
    c = make_case(3, 4, 0, 2, 0, 1);
    gc_refused(&c);
    c = make_case(3, 4, 4, 2, 1, 2);
    gc_refused(&c);
    c = make_case(2, 2, 2, 1, 1, 1);
    c.in[0].h = c.in[0].w = 1; /* nothing is left */
    gc_refused(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_naive),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
