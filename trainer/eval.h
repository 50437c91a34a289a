/* What ffgan eval measures of generators, and grids of pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TRAINER_EVAL_H
#define FFGAN_TRAINER_EVAL_H

#include "kernels/model.h"
#include "kernels/pool.h"
#include "trainer/data.h"
#include "trainer/distance.h"

typedef struct FgMadeFigures {
    double swd[FG_SWD_LEVELS]; /* finest first */
    int nb_levels;
    double swd_mean, fd, one_nn;
} FgMadeFigures;

/* n pictures of a generator, of the size it was trained on; picture i depends
 * on seed and i. *out is malloc'ed [n]; NULL on failure. */
int fg_made_pictures(const FgModel *m, int n, uint64_t seed, FgPicture **out,
                     FgExecutor *ex, FgError *err);
/* n crops of w x h, each picture used equally often. -ENODATA: all are
 * smaller. */
int fg_real_pictures(const FgData *d, int w, int h, int n, uint64_t seed,
                     FgPicture **out, FgError *err);
void fg_pictures_free(FgPicture **p, int n); /* accepts *p == NULL */
/* Both [n], n >= 2, of one size of 16x16 or more. 0 or -ENOMEM. */
int fg_made_figures(const FgPicture *real, const FgPicture *made, int n,
                    uint64_t seed, FgMadeFigures *f, FgExecutor *ex);

/* Pictures of one size in rows of columns, two pixels apart. 0 or -ENOMEM. */
int fg_grid(const FgPicture *p, int n, int columns, FgPicture *out);

/* The generator's half of ffgan eval. before may be NULL. */
typedef struct FgEvalMade {
    const FgModel *model, *before;
    const char *data, *grid; /* grid: PNG, or NULL */
    int samples, json;
    uint64_t seed;
} FgEvalMade;
int fg_eval_made(const FgEvalMade *e, FgExecutor *ex, FgError *err);

#endif
