/* Optimisers against steps recorded from PyTorch; schedule; averaging.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "tests/kernels/fixture.h"
#include "trainer/optim.h"

/* One float rounding of a parameter near 1, a few times over ten steps. */
#define TOLERANCE 3e-7

typedef struct Span {
    const float *v;
    int steps, n;
} Span;

static Span get(const Fixture *f, const char *name)
{
    const json_t *o = json_object_get(f->header, name);
    const json_t *shape = json_object_get(o, "shape");
    const json_t *at = json_object_get(o, "data_offsets");
    const int dims = (int)json_array_size(shape);
    Span s;

    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "dtype")), "F32");
    s.v = (const float *)(const void *)(f->data + json_integer_value(
                                                      json_array_get(at, 0)));
    s.steps = dims > 1 ? (int)json_integer_value(json_array_get(shape, 0)) : 1;
    s.n = (int)json_integer_value(json_array_get(shape, dims - 1));
    return s;
}

static void against_pytorch(const char *name)
{
    Fixture f;
    float p[64], m[64] = {0}, v[64] = {0};
    FgOptim o = {.kind = fg_optim_find(name)};
    double lr = 0;
    json_t *h;
    Span p0, g, want;

    fixture_open(&f, "adam.safetensors");
    p0 = get(&f, "param");
    g = get(&f, "grad");
    want = get(&f, name);
    h = json_loads(json_string_value(json_object_get(f.meta, name)), 0, NULL);
    assert_int_equal(json_unpack(h, "{s:F,s:F,s:F,s:F,s:F,s:F}", "lr", &lr,
                                 "beta1", &o.beta1, "beta2", &o.beta2, "eps",
                                 &o.eps, "momentum", &o.momentum,
                                 "weight_decay", &o.weight_decay),
                     0);
    assert_true(g.steps == 10 && want.steps == 10 && p0.n <= 64);
    memcpy(p, p0.v, sizeof(*p) * (size_t)p0.n);
    for (int t = 0; t < g.steps; t++) {
        fg_optim_step(&o, p, g.v + t * g.n, m, v, (size_t)g.n, t + 1, lr);
        for (int i = 0; i < g.n; i++)
            if (!(fabs((double)p[i] - want.v[t * g.n + i]) <=
                  TOLERANCE * (1 + fabs((double)p[i]))))
                fail_msg("%s: step %d, value %d: %.9g, PyTorch %.9g", name,
                         t + 1, i, p[i], want.v[t * g.n + i]);
    }
    json_decref(h);
    fixture_close(&f);
}

static void adam(void **state)
{
    (void)state;
    against_pytorch("adam");
}

static void adamw(void **state)
{
    (void)state;
    against_pytorch("adamw");
}

static void sgd(void **state)
{
    (void)state;
    against_pytorch("sgd");
}

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-12))
        fail_msg("%.15g is not %.15g", a, b);
}

static void schedule(void **state)
{
    (void)state;
    near(fg_schedule(0, 9, 109, 2, 0), 0.2); /* a tenth of the way up */
    near(fg_schedule(8, 9, 109, 2, 0), 1.8);
    near(fg_schedule(9, 9, 109, 2, 0), 2);  /* the peak */
    near(fg_schedule(59, 9, 109, 2, 0), 1); /* half of the cosine */
    near(fg_schedule(109, 9, 109, 2, 0.5), 0.5);
    near(fg_schedule(500, 9, 109, 2, 0.5), 0.5);
    near(fg_schedule(0, 0, 10, 3, 1), 3);
}

static void averaging(void **state)
{
    float ema[2] = {1, -1}, p[2] = {3, 1};

    (void)state;
    near(fg_ema_decay(0.999, 1), 2.0 / 11);
    near(fg_ema_decay(0.999, 1000000), 0.999);
    fg_ema_step(ema, p, 2, 0.75);
    near(ema[0], 1.5);
    near(ema[1], -0.5);
}

static void names(void **state)
{
    (void)state;
    assert_int_equal(fg_optim_find("lion"), -1);
    assert_true(fg_optim_find("adam") >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam),      cmocka_unit_test(adamw),
        cmocka_unit_test(sgd),       cmocka_unit_test(schedule),
        cmocka_unit_test(averaging), cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
