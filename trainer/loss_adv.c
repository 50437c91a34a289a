/* Adversarial losses by name: values and gradients.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "kernels/adv_maths.h"
#include "trainer/loss_adv.h"

static const char *const names[] = {
    [FG_ADV_BCE] = "bce",     [FG_ADV_LOGITS] = "bce_logits",
    [FG_ADV_LSGAN] = "lsgan", [FG_ADV_HINGE] = "hinge",
    [FG_ADV_WGAN] = "wgan",   [FG_ADV_PAIRS] = "relativistic",
};

int fg_adv_find(const char *name)
{
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

int fg_adv_pairs(int kind)
{
    return kind == FG_ADV_PAIRS;
}

int fg_adv_fooling(int kind)
{
    return kind == FG_ADV_HINGE ? FG_ADV_WGAN : kind;
}

static double mean(int kind, int real, double weight, const float *x, float *g,
                   size_t n)
{
    const double k = weight / (double)n;
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        double slope;

        sum += fg_adv_one(kind, x[i], real, &slope);
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
        double slope;

        sum += fg_adv_pair(hi[i], lo[i], &slope);
        if (g_hi)
            g_hi[i] = (float)-(k * slope);
        if (g_lo)
            g_lo[i] = (float)(k * slope);
    }
    return sum * k;
}

double fg_adv_critic(int kind, double weight, const float *real, float *g_real,
                     const float *fake, float *g_fake, size_t n)
{
    if (fg_adv_pairs(kind))
        return pairs(weight, real, g_real, fake, g_fake, n);
    return (real ? mean(kind, 1, weight, real, g_real, n) : 0) +
           (fake ? mean(kind, 0, weight, fake, g_fake, n) : 0);
}

double fg_adv_generator(int kind, double weight, const float *real,
                        const float *fake, float *g, size_t n)
{
    return fg_adv_pairs(kind)
               ? pairs(weight, fake, g, real, NULL, n)
               : mean(fg_adv_fooling(kind), 1, weight, fake, g, n);
}
