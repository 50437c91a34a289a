/* Losses of tapes' outputs, where they lie.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "kernels/adv_maths.h"
#include "trainer/loss_adv.h"
#include "trainer/loss_tape.h"
#include "trainer/lot.h"
#include "trainer/tape_gpu.h"

enum { PARTS = FG_LOSS_PARTS };
/* The sums of a launch of adv; what its two outputs come to. */
enum { LOSS, FIRST, SECOND, SUMS };

static double mean_of(const FgLot *l)
{
    const size_t n = fg_lot_count(l);
    const float *v = l->host.data;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return sum / (double)n;
}

/* ---- on the device ---- */

/* A launch, its sums behind those of `before` others. */
static void judge(FgKernelArgs *k, const FgLot *y, double weight, int before)
{
    k->in[0] = y->there;
    k->p[0] = y->d->parts + sizeof(double) * SUMS * PARTS * (uint64_t)before;
    k->t.images = y->host.shape.n;
    k->t.results = PARTS;
    k->t.weight = weight / (double)fg_lot_count(y);
}

/* Sums of nb launches, the loss times its weight, outputs as means. */
static int fetch(FgGpu *d, int nb, size_t n, double weight, double to[][SUMS])
{
    double part[2][PARTS][SUMS];

    if (fg_gpu_get(d, part, d->parts, sizeof(part[0]) * (size_t)nb))
        return d->rc;
    for (int i = 0; i < nb; i++)
        for (int k = 0; k < SUMS; k++) {
            double sum = 0;

            for (int j = 0; j < PARTS; j++)
                sum += part[i][j][k];
            to[i][k] = sum * ((k == LOSS ? weight : 1) / (double)n);
        }
    return 0;
}

static const FgVerdict failed = {NAN, NAN, NAN};

/* first should be the larger one; g[1] of no device: not wanted. */
static FgVerdict pairs(double weight, const FgLot *first, const FgLot *second,
                       const FgLot *g, const FgLot *other)
{
    FgKernelArgs k = {.mode = FG_ADV_PAIRS};
    double sums[1][SUMS];

    judge(&k, first, weight, 0);
    k.in[1] = second->there;
    k.out = g->there;
    if (other)
        k.add = other->there;
    if (fg_gpu_launch(first->d, FG_KERNEL_t_adv, &k) ||
        fetch(first->d, 1, fg_lot_count(first), weight, sums))
        return failed;
    return (FgVerdict){sums[0][LOSS], sums[0][FIRST], sums[0][SECOND]};
}

/* y[i] is to pass for real[i]. */
static FgVerdict singles(int kind, double weight, const FgLot *y,
                         const FgLot *g, const int *real, int nb)
{
    double sums[2][SUMS] = {{0}};
    FgVerdict v = {0};

    for (int i = 0; i < nb; i++) {
        FgKernelArgs k = {.mode = kind | (real[i] ? FG_ADV_REAL : 0)};

        judge(&k, &y[i], weight, i);
        k.out = g[i].there;
        if (fg_gpu_launch(y[i].d, FG_KERNEL_t_adv, &k))
            return failed;
    }
    if (fetch(y[0].d, nb, fg_lot_count(&y[0]), weight, sums))
        return failed;
    for (int i = 0; i < nb; i++) {
        v.loss += sums[i][LOSS];
        *(real[i] ? &v.real : &v.fake) = sums[i][FIRST];
    }
    return v;
}

/* ---- either ---- */

FgVerdict fg_lot_adv_critic(int kind, double weight, const FgLot *y,
                            const FgLot *g)
{
    const int says[2] = {1, 0};
    FgVerdict v;

    if (y[0].d && fg_adv_pairs(kind))
        return pairs(weight, &y[0], &y[1], &g[0], &g[1]);
    if (y[0].d)
        return singles(kind, weight, y, g, says, 2);
    v.real = mean_of(&y[0]);
    v.fake = mean_of(&y[1]);
    v.loss = fg_adv_critic(kind, weight, y[0].host.data, g[0].host.data,
                           y[1].host.data, g[1].host.data, fg_lot_count(&y[0]));
    return v;
}

FgVerdict fg_tape_adv_critic(int kind, double weight, FgTape *real,
                             FgTape *fake)
{
    FgTape *const tape[2] = {real ? real : fake, real ? fake : NULL};
    const int says[2] = {real != NULL, 0}, nb = real && fake ? 2 : 1;
    FgLot y[2], g[2];
    FgVerdict v = {0};

    for (int i = 0; i < nb; i++) {
        y[i] = fg_lot_output(tape[i]);
        g[i] = fg_lot_grad(tape[i]);
    }
    if (nb == 2)
        return fg_lot_adv_critic(kind, weight, y, g);
    if (y[0].d)
        return singles(kind, weight, y, g, says, nb);
    *(real ? &v.real : &v.fake) = mean_of(&y[0]);
    v.loss = fg_adv_critic(kind, weight, real ? y[0].host.data : NULL,
                           real ? g[0].host.data : NULL,
                           fake ? y[0].host.data : NULL,
                           fake ? g[0].host.data : NULL, fg_lot_count(&y[0]));
    return v;
}

FgVerdict fg_tape_adv_generator(int kind, double weight, FgTape *real,
                                FgTape *fake)
{
    const FgLot y = fg_lot_output(fake), g = fg_lot_grad(fake);
    const int says = 1;
    FgVerdict v;

    if (y.d && fg_adv_pairs(kind)) {
        const FgLot x = fg_lot_output(real);

        v = pairs(weight, &y, &x, &g, NULL);
        return (FgVerdict){v.loss, 0, v.real};
    }
    if (y.d) {
        v = singles(fg_adv_fooling(kind), weight, &y, &g, &says, 1);
        return (FgVerdict){v.loss, 0, v.real};
    }
    v.real = 0;
    v.fake = mean_of(&y);
    v.loss = fg_adv_generator(kind, weight,
                              real ? fg_tape_output(real)->data : NULL,
                              y.host.data, g.host.data, fg_lot_count(&y));
    return v;
}
