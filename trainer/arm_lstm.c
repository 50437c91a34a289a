/* REINFORCE on a recurrent controller, NASNet's way.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "trainer/arms.h"
#include "trainer/controller.h"

#define STREAM 11
#define BATCH 4
#define RATE 0.03
#define ENTROPY 0.02

/* One update from BATCH results. */
static void learn(const FgArmInput *in, FgController *c, FgAdvantage *a,
                  int from)
{
    const double worst = fg_worst(in, from + BATCH);

    if (!isfinite(worst))
        return;
    for (int k = from; k < from + BATCH; k++)
        fg_controller_loss(c, &in->done[k].x,
                           fg_advantage(a, in->done[k].fitness, worst),
                           ENTROPY);
    fg_controller_step(c, RATE, BATCH);
}

void fg_arm_lstm(const FgArmInput *in, FgPoint *out)
{
    FgDice d = {in->seed, STREAM, (uint32_t)in->nb, 0};
    FgAdvantage a = {0};
    FgController c;

    if (fg_controller_create(&c, in->space, in->seed)) {
        fg_arm_random(in, out);
        return;
    }
    for (int from = 0; from + BATCH <= in->nb; from += BATCH)
        learn(in, &c, &a, from);
    fg_controller_sample(&c, &d, out);
    fg_controller_free(&c);
}
