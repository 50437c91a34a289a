/* How far made pictures are from held-out ones.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "trainer/distance.h"
#include "trainer/gan.h"

static void free_all(FgPicture *p, int n)
{
    for (int i = 0; p && i < n; i++)
        fg_picture_free(&p[i]);
    free(p);
}

/* Each image of t as a picture. */
static FgPicture *split(const FgTensor *t, double lo, double hi)
{
    const int n = t->shape.n;
    FgPicture *p = calloc((size_t)n, sizeof(*p));
    int ret = p ? 0 : -ENOMEM;

    for (int i = 0; i < n && !ret; i++) {
        const FgTensor one = fg_tensor_images(t, i, 1);

        ret = fg_picture_grid(&p[i], &one, 1, 1, lo, hi);
    }
    if (!ret)
        return p;
    free_all(p, n);
    return NULL;
}

int fg_gan_distance(const FgTensor *real, const FgTensor *made, double lo,
                    double hi, FgExecutor *ex, double *swd)
{
    const int n = real->shape.n;
    FgPicture *a = split(real, lo, hi), *b = split(made, lo, hi);
    double level[FG_SWD_LEVELS];
    int nb = a && b ? fg_swd(a, b, n, 1, level, ex) : -ENOMEM;

    *swd = 0;
    for (int i = 0; i < nb; i++)
        *swd += level[i] / nb;
    free_all(a, n);
    free_all(b, n);
    return nb < 0 ? nb : 0;
}
