/* Search spaces are read and refused; each arm proposes valid points, is a
 * function of its results, and beats random search on functions whose optimum
 * is known, on average over fixed seeds.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/arms.h"
#include "trainer/controller.h"
#include "trainer/dice.h"
#include "trainer/median.h"

static FgSpace space_of(const char *text)
{
    FgSpace s;
    FgYaml y;
    FgError err = {{0}};
    if (fg_yaml_parse(&y, text, strlen(text), "t.yaml", &err) ||
        fg_space_read(&s, &y, "t.yaml", &err))
        fail_msg("%s", err.text);
    fg_yaml_free(&y);
    return s;
}

static void refused(const char *text, const char *word)
{
    FgSpace s;
    FgYaml y;
    FgError err = {{0}};
    assert_int_equal(fg_yaml_parse(&y, text, strlen(text), "t.yaml", &err), 0);
    assert_int_equal(fg_space_read(&s, &y, "t.yaml", &err), -EINVAL);
    if (!strstr(err.text, word) || !strstr(err.text, "t.yaml"))
        fail_msg("'%s' does not say '%s'", err.text, word);
    assert_int_equal(s.nb, 0);
    fg_yaml_free(&y);
}

static void bad_spaces_are_named(void **state)
{
    (void)state;
    refused("{}\n", "no gene");
    refused("a: 3\n", "a: wanted a list");
    refused("a: [3]\n", "1 choices, allowed 2..64");
    refused("a: [[1], [2]]\n", "wanted words or numbers");
    refused("a: {min: 2, max: 1}\n", "'min' is 2, allowed below max, 1");
    refused("a: {min: 0, max: 1, log: true}\n", "allowed over 0");
    refused("a: {min: 0, max: 1, step: 2}\n", "'step' is 2");
    refused("a: {min: 0, max: 1, stop: 2}\n", "stop");
    refused("a: {min: 0}\n", "max");
    refused("a: {words: [x, y], count: 0}\n", "count");
    refused("a: {words: [x, y], count: 16}\nb: {words: [x, y], count: 16}\n"
            "c: {words: [x, y], count: 16}\nd: [1, 2]\n",
            "more than 48");
}

static void points_become_keys(void **state)
{
    FgSpace s = space_of("f: [8, 12]\ncells: {words: [a, b], count: 3}\n"
                         "lr: {min: 1e-4, max: 1e-2, log: true}\n"
                         "n: {min: 4, max: 17, step: 4}\n");
    const FgPoint p = {{1, 0, 1, 1, 0.0012345678, 12}};
    char **list;
    int nb;
    (void)state;
    assert_int_equal(s.nb, 6);
    assert_int_equal(fg_space_overrides(&s, &p, &list, &nb), 0);
    assert_int_equal(nb, 4);
    assert_string_equal(list[0], "f=12");
    assert_string_equal(list[1], "cells=a b b");
    assert_string_equal(list[2], "lr=0.00123457");
    assert_string_equal(list[3], "n=12");
    assert_true(isinf(fg_space_size(&s)));
    assert_int_equal(fg_gene_levels(&s.gene[5]), 4);
    assert_true(fabs(fg_gene_level(&s.gene[5], 3) - 16) < 1e-9);
    assert_true(fabs(fg_gene_at(&s.gene[4], 0.5) - 1e-3) < 1e-9);
    fg_strings_free(&list, nb);
    fg_space_free(&s);
}

/* ---- functions with a known optimum: 0, everything else is less ---- */

static const char *const numbers =
    "x: {min: -5, max: 5}\ny: {min: -5, max: 5}\n"
    "z: {min: 1e-4, max: 1, log: true}\nk: {min: 0, max: 20, step: 1}\n";

static double bowl(const FgPoint *p)
{
    const double z = log10(p->v[2] / 1e-2);

    return -(pow(p->v[0] - 1.3, 2) + pow(p->v[1] + 2.1, 2) + 4 * z * z +
             0.1 * pow(p->v[3] - 7, 2));
}

static const char *const choices =
    "f: [8, 12, 16, 20, 24, 32]\na: [relu, silu, prelu]\n"
    "c: {words: [p, r, g, m, s], count: 5}\nskip: [none, global, concat]\n";

/* Each gene has its best value; two neighbours help each other. */
static double additive(const FgPoint *p)
{
    static const double best[] = {3, 1, 2, 0, 4, 1, 3, 2};
    double sum = 0;

    for (int i = 0; i < 8; i++)
        sum -= fabs(p->v[i] - best[i]);
    return sum - 1.5 * (p->v[2] > 2 || p->v[2] < 2 || p->v[3] > 0);
}

typedef double (*Fn)(const FgPoint *);

static double run(const char *arm, const FgSpace *s, Fn f, uint64_t seed,
                  int evaluations)
{
    FgResult *r = calloc((size_t)evaluations, sizeof(*r));
    FgArmInput in = {s, seed, 20, 6, 0, r};
    double best = -INFINITY;

    assert_non_null(r);
    for (; in.nb < evaluations; in.nb++) {
        fg_arm_find(arm)->propose(&in, &r[in.nb].x);
        /* Now and then a trial fails. */
        r[in.nb].fitness = in.nb % 17 == 5 ? -INFINITY : f(&r[in.nb].x);
        best = fmax(best, r[in.nb].fitness);
    }
    free(r);
    return best;
}

/* The mean regret over seeds must be under that of random by a factor. */
static void beats(const char *arm, const char *text, Fn f, int evaluations,
                  double factor)
{
    FgSpace s = space_of(text);
    double ours = 0, random = 0;
    const int seeds = 16;

    for (int i = 0; i < seeds; i++) {
        ours -= run(arm, &s, f, 100 + (uint64_t)i, evaluations) / seeds;
        random -= run("random", &s, f, 100 + (uint64_t)i, evaluations) / seeds;
    }
    printf("# %s: regret %.3f, random %.3f, after %d\n", arm, ours, random,
           evaluations);
    assert_true(ours < factor * random);
    fg_space_free(&s);
}

static void tpe_beats_random(void **state)
{
    (void)state;
    beats("tpe", numbers, bowl, 80, 0.7);
    beats("tpe", choices, additive, 80, 0.9);
}

static void evolution_beats_random(void **state)
{
    (void)state;
    beats("evolution", numbers, bowl, 100, 0.7);
    beats("evolution", choices, additive, 100, 0.6);
}

static void reinforce_beats_random(void **state)
{
    (void)state;
    beats("reinforce", choices, additive, 100, 0.9);
    beats("reinforce", numbers, bowl, 100, 0.9);
}

static void lstm_beats_random(void **state)
{
    (void)state;
    beats("lstm", choices, additive, 100, 0.9);
    beats("lstm", numbers, bowl, 100, 0.9);
}

/* Every derivative of the controller's loss beside central differences. */
static void controller_gradients(void **state)
{
    FgSpace s = space_of("f: [8, 12, 16]\nc: {words: [p, r], count: 2}\n"
                         "lr: {min: 1e-4, max: 1e-2, log: true}\n");
    const FgPoint x = {{2, 0, 1, 1e-3}};
    FgController c;
    double *grad, worst = 0;
    (void)state;
    assert_int_equal(fg_controller_create(&c, &s, 3), 0);
    for (size_t i = 0; i < c.nb; i++)
        c.w[i] *= 8; /* far from the flat start */
    fg_controller_loss(&c, &x, 1.3, 0.2);
    grad = malloc(c.nb * sizeof(*grad));
    assert_non_null(grad);
    memcpy(grad, c.grad, c.nb * sizeof(*grad));
    for (size_t i = 0; i < c.nb; i++) {
        const double w = c.w[i], eps = 1e-5;
        double up, down;

        c.w[i] = w + eps;
        up = fg_controller_loss(&c, &x, 1.3, 0.2);
        c.w[i] = w - eps;
        down = fg_controller_loss(&c, &x, 1.3, 0.2);
        c.w[i] = w;
        worst = fmax(worst, fabs((up - down) / (2 * eps) - grad[i]));
    }
    printf("# controller: %zu parameters, largest difference %.1e\n", c.nb,
           worst);
    assert_true(worst < 1e-8); /* eps^2 and 1e-16 / eps */
    free(grad);
    fg_controller_free(&c);
    fg_space_free(&s);
}

/* Two genes that must agree: no product of independent choices does better than
 * half, a controller that knows its first choice does. */
static void controller_learns_what_goes_together(void **state)
{
    FgSpace s = space_of("a: [x, y]\nb: [x, y]\n");
    FgController c;
    FgDice d = {9, 1, 0, 0};
    int agree = 0, first = 0;
    (void)state;
    assert_int_equal(fg_controller_create(&c, &s, 1), 0);
    for (int i = 0; i < 400; i++) {
        FgPoint p;

        for (int k = 0; k < 4; k++) {
            fg_controller_sample(&c, &d, &p);
            fg_controller_loss(&c, &p, fabs(p.v[0] - p.v[1]) < 0.5 ? 1 : -1,
                               0.3);
        }
        fg_controller_step(&c, 0.03, 4);
    }
    for (int i = 0; i < 1000; i++) {
        FgPoint p;

        fg_controller_sample(&c, &d, &p);
        agree += fabs(p.v[0] - p.v[1]) < 0.5;
        first += p.v[0] > 0.5;
    }
    printf("# agree %d of 1000, first is y in %d\n", agree, first);
    assert_true(agree > 900 && first > 100 && first < 900);
    fg_controller_free(&c);
    fg_space_free(&s);
}

static void in_range(const FgSpace *s, const FgPoint *p)
{
    for (int i = 0; i < s->nb; i++) {
        const FgGene *g = &s->gene[i];

        if (g->choice) {
            assert_true(p->v[i] >= 0 && p->v[i] <= g->nb - 1);
            assert_true(fabs(p->v[i] - floor(p->v[i])) <= 0);
        } else {
            assert_true(p->v[i] >= g->lo && p->v[i] <= g->hi);
        }
        if (g->step > 0) {
            const double k = (p->v[i] - g->lo) / g->step;
            assert_true(fabs(k - round(k)) < 1e-9);
        }
    }
}

/* The same results give the same proposal; another seed another one; also when
 * everything failed. */
static void arms_have_no_memory(void **state)
{
    FgSpace s = space_of("x: {min: -5, max: 5}\nk: {min: 3, max: 20, step: 2}\n"
                         "f: [8, 12, 16]\nc: {words: [p, r], count: 3}\n");
    FgResult r[60];
    (void)state;
    for (int a = 0; fg_arm_at(a); a++)
        for (int bad = 0; bad < 2; bad++) {
            FgPoint again, other;
            int differ = 0;

            for (int k = 0; k < 60; k++) {
                FgArmInput in = {&s, 5, 10, 3, k, r};

                fg_arm_at(a)->propose(&in, &r[k].x);
                fg_arm_at(a)->propose(&in, &again);
                assert_true(fg_space_same(&s, &r[k].x, &again));
                in_range(&s, &r[k].x);
                in.seed = 6;
                fg_arm_at(a)->propose(&in, &other);
                differ += !fg_space_same(&s, &other, &again);
                r[k].fitness = bad ? -INFINITY : -fabs(r[k].x.v[0]);
            }
            assert_true(differ > 40);
        }
    fg_space_free(&s);
}

/* Regularised: the parent is among the newest, however good an older one was.
 */
static void the_oldest_die(void **state)
{
    FgSpace s = space_of("c: {words: [p, r, q, t], count: 8}\n");
    FgResult r[30] = {{{{0}}, 0}};
    (void)state;
    for (int i = 0; i < 30; i++) {
        for (int g = 0; g < 8; g++)
            r[i].x.v[g] = i < 20 ? 0 : 3;
        r[i].fitness = i < 20 ? 100 : 1;
    }
    for (uint64_t seed = 0; seed < 20; seed++) {
        const FgArmInput in = {&s, seed, 10, 5, 30, r};
        FgPoint p;
        int changed = 0;

        fg_arm_evolution(&in, &p);
        for (int g = 0; g < 8; g++)
            changed += p.v[g] < 3;
        assert_int_equal(changed, 1);
    }
    fg_space_free(&s);
}

/* Every value of a fair die, and a fair normal. */
static void dice_are_fair(void **state)
{
    FgDice d = {1, 2, 3, 0};
    double sum = 0, square = 0, low = 1, high = 0;
    const int n = 20000;
    int six[6] = {0};
    (void)state;
    for (int i = 0; i < n; i++) {
        const double z = fg_dice_normal(&d), u = fg_dice(&d);

        sum += z;
        square += z * z;
        low = fmin(low, u);
        high = fmax(high, u);
        six[fg_dice_int(&d, 6)]++;
    }
    assert_true(fabs(sum / n) < 4 / sqrt(n));
    assert_true(fabs(square / n - 1) < 4 * sqrt(2.0 / n));
    assert_true(low >= 0 && low < 1e-3 && high < 1 && high > 0.999);
    for (int k = 0; k < 6; k++)
        assert_true(fabs(six[k] - n / 6.0) < 4 * sqrt(n * 5 / 36.0));
}

static void the_median_stops(void **state)
{
    /* Means up to the second report: 1.5, 2.5, 3.5, 4.5, 5.5; the sixth is
     * short and does not count: median 3.5. */
    const FgCurve done[] = {{3, {1, 2, 9}}, {3, {2, 3, 9}}, {3, {3, 4, 9}},
                            {2, {4, 5}},    {3, {5, 6, 9}}, {1, {50}}};
    const FgCurve low = {2, {3.4, 3.3}}, high = {2, {3.6, 1}}, none = {0, {0}};
    (void)state;
    assert_int_equal(fg_median_stops(done, 6, &low), 1);
    assert_int_equal(fg_median_stops(done, 6, &high), 0);
    assert_int_equal(fg_median_stops(done, 6, &none), 0);
    assert_int_equal(fg_median_stops(done, 4, &low), 0);
    /* Even number: 1.5 2.5 3.5 4.5 5.5 7, median 4. */
    const FgCurve more[] = {{2, {1, 2}}, {2, {2, 3}}, {2, {3, 4}},
                            {2, {4, 5}}, {2, {5, 6}}, {2, {7, 7}}};
    assert_int_equal(fg_median_stops(more, 6, &(FgCurve){2, {3.9, 3}}), 1);
    assert_int_equal(fg_median_stops(more, 6, &(FgCurve){2, {4.1, 3}}), 0);
    assert_int_equal(fg_median_stops(more, 6, &(FgCurve){1, {0}}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_spaces_are_named),
        cmocka_unit_test(points_become_keys),
        cmocka_unit_test(tpe_beats_random),
        cmocka_unit_test(evolution_beats_random),
        cmocka_unit_test(reinforce_beats_random),
        cmocka_unit_test(lstm_beats_random),
        cmocka_unit_test(controller_gradients),
        cmocka_unit_test(controller_learns_what_goes_together),
        cmocka_unit_test(arms_have_no_memory),
        cmocka_unit_test(the_oldest_die),
        cmocka_unit_test(dice_are_fair),
        cmocka_unit_test(the_median_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
