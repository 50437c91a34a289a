/* ffgan: several frames in flight.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flight.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ROOM ((size_t)256 << 20)

struct FgFlight {
    FgUpscale *of;
    FgExecutor *ex;
    FgUpscale *up[FG_FLIGHT_MOST];
    int nb_up;
    /* of the run at hand */
    FgFlightFrame *frames;
    int nb;
    atomic_int next;
};

int fg_flight_frames(const FgUpscale *of, const FgExecutor *ex, int asked)
{
    FgPlanInfo info;
    int n = fg_threads(ex);

    fg_upscale_plan_info(of, &info);
    if (n == 1 || strcmp(info.device, "cpu") != 0)
        return 1;
    if (asked > 0)
        return asked < FG_FLIGHT_MOST ? asked : FG_FLIGHT_MOST;
    if (fg_upscale_tiled(of))
        return 1;
    const size_t each = fg_upscale_bytes(of);
    n = n < FG_FLIGHT_MOST ? n : FG_FLIGHT_MOST;
    n = (size_t)n < ROOM / each ? n : (int)(ROOM / each);
    return n > fg_upscale_parts(of) ? n : 1;
}

int fg_flight_create(FgFlight **pf, FgUpscale *of, FgExecutor *ex, int frames,
                     FgError *err)
{
    FgFlight *f = *pf = calloc(1, sizeof(*f));
    int ret = 0;

    if (!f)
        return fg_error(err, -ENOMEM, "out of memory");
    f->of = of;
    f->ex = ex;
    f->nb_up = frames < fg_threads(ex) ? frames : fg_threads(ex);
    for (int i = 0; i < f->nb_up && ret >= 0; i++)
        ret = fg_upscale_share(&f->up[i], of, NULL, err);
    if (ret < 0)
        fg_flight_free(pf);
    return ret;
}

void fg_flight_free(FgFlight **pf)
{
    FgFlight *f = pf ? *pf : NULL;

    if (!f)
        return;
    for (int i = 0; i < FG_FLIGHT_MOST; i++)
        fg_upscale_free(&f->up[i]);
    free(f);
    *pf = NULL;
}

static void one_frame(FgUpscale *u, FgFlightFrame *v)
{
    v->ret = fg_upscale_frame(u, v->out, v->in, &v->look, &v->err);
    v->guessed = fg_upscale_guessed(u);
}

/* Each enlarger takes the next frame until there is none. */
static void job(void *arg, int i, int worker)
{
    FgFlight *f = arg;
    int k;

    (void)worker;
    while ((k = atomic_fetch_add(&f->next, 1)) < f->nb)
        one_frame(f->up[i], &f->frames[k]);
}

void fg_flight_run(FgFlight *f, FgFlightFrame *v, int nb)
{
    int ready = f->nb_up > 0;

    if (nb == 1) { /* all threads are its own */
        one_frame(f->of, v);
        return;
    }
    for (int k = 0; k < f->nb_up; k++)
        for (int i = 0; i < nb; i++)
            ready &= fg_upscale_ready(f->up[k], &v[i].look, &v[i].err) >= 0;
    f->frames = v;
    f->nb = nb;
    atomic_store(&f->next, 0);
    for (int i = 0; i < f->nb_up && !ready; i++)
        fg_upscale_free(&f->up[i]); /* what `of` may need */
    f->nb_up = ready ? f->nb_up : 0;
    if (ready)
        fg_run(f->ex, job, f, nb < f->nb_up ? nb : f->nb_up);
    for (int i = 0; i < nb; i++)
        if (!ready || v[i].ret == -EAGAIN)
            one_frame(f->of, &v[i]);
}
