/* The ops against what PyTorch computed: outputs, all gradients, running
 * statistics; float and double. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixture.h"
#include "gradcheck.h"

#include <math.h>

/* PyTorch computed in double, in its own order: 1e-12 covers sums of about a
 * hundred terms. Floats carry 6e-8 each and norms divide: 2e-5. */
static const double tolerance[2] = {2e-5, 1e-12};

static int integer(const json_t *attr, const char *key)
{
    return (int)json_number_value(json_object_get(attr, key));
}

static GcCase read_case(const Fixture *f, const char *name)
{
    json_t *const j = fixture_meta(f, name);
    const json_t *const a = json_object_get(j, "attr");
    GcCase c = {.nb_in = integer(j, "nb_in"),
                .training = integer(j, "training")};
    c.op = fg_op_find(json_string_value(json_object_get(j, "op")))->name;
    c.attr = (FgAttr){
        .channels = integer(a, "channels"),
        .kernel = integer(a, "kernel"),
        .stride = integer(a, "stride"),
        .pad = integer(a, "pad"),
        .pad_mode = integer(a, "pad_mode"),
        .groups = integer(a, "groups"),
        .bias = integer(a, "bias"),
        .factor = integer(a, "factor"),
        .first = integer(a, "first"),
        .mode = integer(a, "mode"),
        .alpha = (float)json_number_value(json_object_get(a, "alpha")),
        .eps = (float)json_number_value(json_object_get(a, "eps")),
        .momentum = (float)json_number_value(json_object_get(a, "momentum"))};
    for (int k = 0; k < c.nb_in; k++) {
        char key[128];
        int d[4];
        size_t nb;
        snprintf(key, sizeof(key), "%s.in%d", name, k);
        double *const v = fixture_get(f, key, d, &nb);
        assert_non_null(v);
        free(v);
        c.in[k] = (FgShape){d[0], d[1], d[2], d[3]};
    }
    json_decref(j);
    return c;
}

/* Where element i of the file's N,C,H,W order is in n, y, x, c order; a
 * parameter is dense in its own order. */
static size_t order(const FgTensor *t, size_t i, int param)
{
    const FgShape s = t->shape;
    const size_t x = i % s.w, y = i / s.w % s.h, c = i / s.w / s.h % s.c;
    const size_t n = i / s.w / s.h / s.c;
    return param ? i : ((n * s.h + y) * s.w + x) * s.c + c;
}

static double *tensor(const Fixture *f, const char *name, const char *what,
                      int k, const FgTensor *t)
{
    char key[128];
    int d[4];
    size_t nb;
    snprintf(key, sizeof(key), k < 0 ? "%s.%s" : "%s.%s%d", name, what, k);
    double *const v = fixture_get(f, key, d, &nb);
    if (v && nb != gc_count(t))
        fail_msg("%s has %zu elements, ours %zu", key, nb, gc_count(t));
    return v;
}

static void load(const Fixture *f, const char *name, const char *what, int k,
                 FgTensor *t, int param)
{
    double *const v = tensor(f, name, what, k, t);
    if (!v)
        fail_msg("%s.%s%d is not there", name, what, k);
    for (size_t i = 0; i < gc_count(t); i++)
        gc_set(t, order(t, i, param), v[i]);
    free(v);
}

/* Returns 1 if the file has it. */
static int compare(const Fixture *f, const char *name, const char *what, int k,
                   const FgTensor *t, int param)
{
    const double tol = tolerance[t->dtype == FG_F64];
    double *const v = tensor(f, name, what, k, t);
    for (size_t i = 0; v && i < gc_count(t); i++) {
        const double got = gc_get(t, order(t, i, param));
        if (!(fabs(got - v[i]) <= tol * (1 + fabs(v[i]))))
            fail_msg("%s.%s%d[%zu] is %.9g, PyTorch has %.9g", name, what, k, i,
                     got, v[i]);
    }
    free(v);
    return v != NULL;
}

/* The recorded attributes are exact as floats. */
static void run_case(const Fixture *f, const char *name, FgDtype dtype)
{
    const GcCase c = read_case(f, name);
    GcRun r;
    gc_open(&r, &c, dtype, 1, NULL);
    for (int k = 0; k < c.nb_in; k++)
        load(f, name, "in", k, &r.in[k], 0);
    for (int k = 0; k < r.call.nb_param; k++)
        load(f, name, "param", k, &r.param[k], 1);
    load(f, name, "dout", -1, &r.dout, 0);
    gc_forward(&r);
    gc_backward(&r);
    assert_int_equal(compare(f, name, "out", -1, &r.out, 0), 1);
    for (int k = 0; k < c.nb_in; k++)
        assert_int_equal(compare(f, name, "din", k, &r.din[k], 0), 1);
    for (int k = 0; k < r.call.nb_param; k++) {
        if (r.call.dparam[k])
            assert_int_equal(compare(f, name, "dparam", k, &r.dparam[k], 1), 1);
        compare(f, name, "after", k, &r.param[k], 1);
    }
    gc_close(&r);
}

static void run_all(FgDtype dtype)
{
    Fixture f;
    const char *name;
    json_t *value;
    int nb = 0;
    fixture_open(&f, "ops.safetensors");
    json_object_foreach(f.meta, name, value)
    {
        run_case(&f, name, dtype);
        nb++;
    }
    assert_true(nb >= 40);
    fixture_close(&f);
}

static void floats(void **state)
{
    (void)state;
    run_all(FG_F32);
}

static void doubles(void **state)
{
    (void)state;
    run_all(FG_F64);
}

/* Every op of the table has a case, but for the input. */
static void complete(void **state)
{
    Fixture f;
    const char *name;
    json_t *value;
    (void)state;
    fixture_open(&f, "ops.safetensors");
    for (int i = 0; fg_op_at(i); i++) {
        int nb = !strcmp(fg_op_at(i)->name, "input");
        json_object_foreach(f.meta, name, value)
            nb += read_case(&f, name).op == fg_op_at(i)->name;
        if (!nb)
            fail_msg("no case for %s", fg_op_at(i)->name);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats),
        cmocka_unit_test(doubles),
        cmocka_unit_test(complete),
    };
    return cmocka_run_group_tests_name("kernels/fixtures", tests, NULL, NULL);
}
