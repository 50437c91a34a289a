/* Adversarial losses by name: values and gradients.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "trainer/loss_adv.h"

/* Loss of one output that should say real (1) or made (0), and its slope. */
typedef double (*OneFn)(double x, int real, double *slope);

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double one_bce(double p, int real, double *slope)
{
    const double q = real ? p : 1 - p, l = log(q);
    const double d = p * (1 - p);

    *slope = (p - real) / (d > 1e-12 ? d : 1e-12);
    return l > -100 ? -l : 100;
}

static double one_logits(double x, int real, double *slope)
{
    *slope = sigmoid(x) - real;
    return softplus(real ? -x : x);
}

static double one_lsgan(double x, int real, double *slope)
{
    *slope = 2 * (x - real);
    return (x - real) * (x - real);
}

static double one_hinge(double x, int real, double *slope)
{
    const double v = real ? 1 - x : 1 + x;

    *slope = v > 0 ? (real ? -1 : 1) : 0;
    return v > 0 ? v : 0;
}

static double one_wgan(double x, int real, double *slope)
{
    *slope = real ? -1 : 1;
    return real ? -x : x;
}

/* g_one: a generator that wants to pass for real has the critic's own loss for
 * real ones, except where that one is cut. */
static const struct {
    const char *name;
    OneFn one, g_one; /* NULL: pairs */
} table[] = {
    {"bce", one_bce, one_bce},       {"bce_logits", one_logits, one_logits},
    {"lsgan", one_lsgan, one_lsgan}, {"hinge", one_hinge, one_wgan},
    {"wgan", one_wgan, one_wgan},    {"relativistic", NULL, NULL},
};

int fg_adv_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof(table) / sizeof(table[0])); i++)
        if (!strcmp(table[i].name, name))
            return i;
    return -1;
}

int fg_adv_pairs(int kind)
{
    return !table[kind].one;
}

static double mean(OneFn one, int real, double weight, const float *x, float *g,
                   size_t n)
{
    const double k = weight / (double)n;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double slope;

        sum += one(x[i], real, &slope);
        g[i] = (float)(k * slope);
    }
    return sum * k;
}

/* Mean of softplus(lo - hi): hi should be the larger one. */
static double pairs(double weight, const float *hi, float *g_hi,
                    const float *lo, float *g_lo, size_t n)
{
    const double k = weight / (double)n;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        const double d = (double)lo[i] - hi[i], s = k * sigmoid(d);

        sum += softplus(d);
        if (g_hi)
            g_hi[i] = (float)-s;
        if (g_lo)
            g_lo[i] = (float)s;
    }
    return sum * k;
}

double fg_adv_critic(int kind, double weight, const float *real, float *g_real,
                     const float *fake, float *g_fake, size_t n)
{
    const OneFn one = table[kind].one;

    if (!one)
        return pairs(weight, real, g_real, fake, g_fake, n);
    return (real ? mean(one, 1, weight, real, g_real, n) : 0) +
           (fake ? mean(one, 0, weight, fake, g_fake, n) : 0);
}

double fg_adv_generator(int kind, double weight, const float *real,
                        const float *fake, float *g, size_t n)
{
    const OneFn one = table[kind].g_one;

    return one ? mean(one, 1, weight, fake, g, n)
               : pairs(weight, fake, g, real, NULL, n);
}
