/* Losses between pictures and features: PyTorch's values and gradients, and
 * central differences. SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/kernels/fixture.h"

#include <errno.h>
#include <math.h>

#include "trainer/loss_image.h"

typedef struct Room {
    Fixture fix;
    FgShape shape;
    size_t nb;
    float *y, *t, *e, *g;
    double *map;
    double sums[8];
    FgTensor ty, tt, te, tg;
    FgPool *pool;
    FgLossMsssim *msssim;
    FgLossFocal *focal;
} Room;

typedef double (*LossFn)(Room *r, FgTensor *g, FgExecutor *ex);

/* N,C,H,W in the file, channels last in memory. */
static float *pixels(const Fixture *f, const char *name, FgShape *s, size_t *nb)
{
    int d[4];
    double *v = fixture_get(f, name, d, nb);
    float *out = malloc(sizeof(*out) * *nb);

    assert_non_null(v);
    *s = (FgShape){d[0], d[1], d[2], d[3]};
    for (int n = 0, i = 0; n < d[0]; n++)
        for (int c = 0; c < d[1]; c++)
            for (int y = 0; y < d[2]; y++)
                for (int x = 0; x < d[3]; x++, i++)
                    out[((n * d[2] + y) * d[3] + x) * d[1] + c] = (float)v[i];
    free(v);
    return out;
}

static int setup(void **state)
{
    Room *r = calloc(1, sizeof(*r));
    FgError err;

    fixture_open(&r->fix, "trainer/fixtures/style-loss.safetensors");
    r->y = pixels(&r->fix, "y", &r->shape, &r->nb);
    r->t = pixels(&r->fix, "t", &r->shape, &r->nb);
    r->e = pixels(&r->fix, "e", &r->shape, &r->nb);
    r->g = calloc(r->nb, sizeof(*r->g));
    r->map = calloc(2 * r->nb, sizeof(*r->map));
    r->ty = fg_tensor_wrap(r->y, r->shape, FG_F32);
    r->tt = fg_tensor_wrap(r->t, r->shape, FG_F32);
    r->te = fg_tensor_wrap(r->e, r->shape, FG_F32);
    r->tg = fg_tensor_wrap(r->g, r->shape, FG_F32);
    assert_int_equal(fg_pool_create(&r->pool, 2), 0);
    assert_int_equal(
        fg_loss_msssim_create(&r->msssim, r->shape.h, r->shape.w, 2, &err), 0);
    assert_int_equal(
        fg_loss_focal_create(&r->focal, r->shape.h, r->shape.w, 0.7, 2, &err),
        0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    Room *r = *state;

    fg_loss_msssim_free(&r->msssim);
    fg_loss_focal_free(&r->focal);
    fg_pool_free(&r->pool);
    fixture_close(&r->fix);
    free(r->y);
    free(r->t);
    free(r->e);
    free(r->g);
    free(r->map);
    free(r);
    return 0;
}

static double msssim(Room *r, FgTensor *g, FgExecutor *ex)
{
    return fg_loss_msssim(r->msssim, 2, &r->ty, &r->tt, g, ex, r->sums);
}

static double focal(Room *r, FgTensor *g, FgExecutor *ex)
{
    return fg_loss_focal(r->focal, 2, &r->ty, &r->tt, g, ex, r->sums);
}

static double ldl(Room *r, FgTensor *g, FgExecutor *ex)
{
    return fg_loss_ldl(2, &r->ty, &r->tt, &r->te, g, r->map, ex, r->sums);
}

/* Value and gradient as PyTorch has them; added to what g holds; the same bits
 * on two threads. */
static void recorded(Room *r, const char *name, LossFn fn)
{
    char key[64];
    FgShape s;
    size_t nb;
    int d[4];
    double *want, got;
    float *grad;

    snprintf(key, sizeof(key), "%s.loss", name);
    want = fixture_get(&r->fix, key, d, &nb);
    snprintf(key, sizeof(key), "%s.grad", name);
    grad = pixels(&r->fix, key, &s, &nb);
    for (size_t i = 0; i < nb; i++)
        r->g[i] = 1;
    got = fn(r, &r->tg, NULL);
    /* In double on both sides. */
    if (!(fabs(got - 2 * want[0]) <= 1e-12 * (1 + fabs(got))))
        fail_msg("%s: %.17g is not %.17g", name, got, 2 * want[0]);
    for (size_t i = 0; i < nb; i++)
        /* 1 + gradient was rounded to a float. */
        if (!(fabs(r->g[i] - 1 - 2.0 * grad[i]) <= 1.3e-7))
            fail_msg("%s: gradient %zu is %.9g, not %.9g", name, i, r->g[i] - 1,
                     2 * grad[i]);
    assert_true(fn(r, NULL, fg_pool_executor(r->pool)) == got);
    free(want);
    free(grad);
}

/* Where the loss is smooth; constant weights spoil it elsewhere. */
static void differences(Room *r, LossFn fn)
{
    const double eps = 0x1p-12;

    memset(r->g, 0, sizeof(*r->g) * r->nb);
    fn(r, &r->tg, NULL);
    for (size_t i = 0; i < r->nb; i += 101) {
        const float keep = r->y[i];
        double up, down, slope;

        r->y[i] = keep + (float)eps;
        up = fn(r, NULL, NULL);
        r->y[i] = keep - (float)eps;
        down = fn(r, NULL, NULL);
        r->y[i] = keep;
        slope = (up - down) / (2 * eps);
        /* keep +- eps is rounded: 2^-24 of 2^-12, and eps^2 of curvature. */
        if (!(fabs(r->g[i] - slope) <= 1e-3 * fabs(slope) + 1e-8))
            fail_msg("gradient %zu is %.9g, slope %.9g", i, r->g[i], slope);
    }
}

static void test_msssim(void **state)
{
    Room *r = *state;

    assert_int_equal(fg_loss_msssim_scales(r->msssim), 2);
    recorded(r, "msssim", msssim);
    differences(r, msssim);
}

static void test_focal(void **state)
{
    recorded(*state, "focal", focal);
}

/* With alpha 0 the weights are 1 and Parseval makes it the mean square. */
static void test_focal_flat(void **state)
{
    Room *r = *state;
    double want = 0;
    FgError err;

    fg_loss_focal_free(&r->focal);
    assert_int_equal(
        fg_loss_focal_create(&r->focal, r->shape.h, r->shape.w, 0, 2, &err), 0);
    differences(r, focal);
    for (size_t i = 0; i < r->nb; i++)
        want += 2 * pow((double)r->y[i] - r->t[i], 2) / (double)r->nb;
    assert_true(fabs(focal(r, NULL, NULL) - want) < 1e-12);
}

static void test_ldl(void **state)
{
    Room *r = *state;
    const size_t px = (size_t)r->shape.h * r->shape.w;
    size_t zero = 0;

    recorded(r, "ldl", ldl);
    for (size_t i = 0; i < px; i++)
        zero += r->map[px + i] == 0;
    assert_in_range(zero, px / 8, px * 7 / 8); /* both kinds are there */
}

static void test_nce(void **state)
{
    Room *r = *state;
    int d[4];
    size_t nb;
    double *q = fixture_get(&r->fix, "q", d, &nb);
    double *k = fixture_get(&r->fix, "k", d, &nb);
    double *loss = fixture_get(&r->fix, "nce.loss", d, &nb);
    double *grad = fixture_get(&r->fix, "nce.grad", d, &nb);
    const int p = d[0], c = d[1];
    double *work = malloc(sizeof(*work) * (size_t)(p * p + 2 * p * c + p));
    float *fq = malloc(sizeof(*fq) * nb), *fk = malloc(sizeof(*fk) * nb);
    float *g = malloc(sizeof(*g) * nb);

    for (size_t i = 0; i < nb; i++) {
        fq[i] = (float)q[i];
        fk[i] = (float)k[i];
    }
    assert_true(fabs(fg_loss_nce(3, 0.3, fq, fk, p, c, g, work) - 3 * loss[0]) <
                1e-12);
    for (size_t i = 0; i < nb; i++)
        if (!(fabs(g[i] - 3 * grad[i]) <= 1e-7 * (1 + fabs(grad[i]))))
            fail_msg("nce: gradient %zu is %.9g, not %.9g", i, g[i],
                     3 * grad[i]);
    for (size_t i = 0; i < nb; i += 5) {
        const float keep = fq[i];
        double up, down;

        fq[i] = keep + 0x1p-10f;
        up = fg_loss_nce(3, 0.3, fq, fk, p, c, g, work);
        fq[i] = keep - 0x1p-10f;
        down = fg_loss_nce(3, 0.3, fq, fk, p, c, g, work);
        fq[i] = keep;
        assert_true(fabs((up - down) / 0x1p-9 - 3 * grad[i]) < 1e-4);
    }
    free(q);
    free(k);
    free(loss);
    free(grad);
    free(work);
    free(fq);
    free(fk);
    free(g);
}

static void test_feature(void **state)
{
    float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 1, 4, 4, 2, 8}, g[6];
    const float want[6] = {0, 1, -1, 0, 1, -1};
    const FgShape s = {1, 2, 1, 3};
    FgTensor ta = fg_tensor_wrap(a, s, FG_F32);
    FgTensor tb = fg_tensor_wrap(b, s, FG_F32);
    FgTensor tg = fg_tensor_wrap(g, s, FG_F32);

    (void)state;
    assert_true(fg_loss_feature(6, &ta, &tb, &tg) == 7);
    assert_memory_equal(g, want, sizeof(g));
}

static void too_small(void **state)
{
    FgLossMsssim *m;
    FgError err = {""};

    (void)state;
    assert_int_equal(fg_loss_msssim_create(&m, 10, 64, 1, &err), -EINVAL);
    assert_null(m);
    assert_non_null(strstr(err.text, "allowed from 11 x 11"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_msssim),     cmocka_unit_test(test_focal),
        cmocka_unit_test(test_ldl),        cmocka_unit_test(test_nce),
        cmocka_unit_test(test_feature),    cmocka_unit_test(too_small),
        cmocka_unit_test(test_focal_flat),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
