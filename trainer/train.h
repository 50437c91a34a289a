/* A training run: what every family shares.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * loop.c drives a run and knows nothing of losses; a family (train_sr.c) knows
 * one step. Families may have several networks, each with its own optimiser
 * memory, and step them in any order inside FgFamily.step. */
#ifndef FFGAN_TRAINER_TRAIN_H
#define FFGAN_TRAINER_TRAIN_H

#include "kernels/pool.h"
#include "trainer/data.h"
#include "trainer/net.h"
#include "trainer/recipe.h"

#define FG_MAX_NETS 32
#define FG_MAX_EXTRA 3

#define FG_MAX_SCALARS 16

typedef struct FgScalar {
    const char *tag; /* "Loss/G", "D/real": a static string */
    double v;
} FgScalar;

/* What a step tells the log. Everything is averaged over the steps between two
 * lines. The scalars reach terminal, JSON, CSV and event files under their
 * tags; a step may leave some out. */
typedef struct FgStepInfo {
    double loss; /* of the generator or only network */
    double mse;  /* shown as dB; NAN (preset) where a family has none */
    int bad;     /* loss or gradient not finite: nothing was stepped */
    FgScalar scalar[FG_MAX_SCALARS];
    int nb_scalars;
} FgStepInfo;

/* Adds a scalar; past FG_MAX_SCALARS, or with a value that is not finite, it is
 * left out. */
void fg_step_scalar(FgStepInfo *info, const char *tag, double v);

struct FgFamily;

typedef struct FgTrain {
    FgRecipe *recipe; /* fixed once the pictures are there */
    const struct FgFamily *family;
    void *priv; /* the family's */
    FgExecutor *ex;
    FgData train, val;
    FgData extra[FG_MAX_EXTRA]; /* a family's other sets of pictures */
    FgNet net[FG_MAX_NETS];
    int nb_nets;
    /* What else a family must find again after a stop (power iterations, image
     * pools, noise amplitudes): made in create by fg_params_add, saved whole.
     * Part of what a rollback restores. */
    FgParams state;
    char parent[65];  /* SHA-256 of the init file, or "" */
    char added[512];  /* continue.h: what was learnt besides, or "" */
    char *provenance; /* continue.h: JSON, owned, or NULL */
    /* state of the run, all of it in the checkpoint */
    int64_t step;     /* done */
    double best;      /* best validation figure, -INFINITY = none yet */
    double best_ssim; /* of the same weights */
    int64_t best_step;
    double last_val;  /* NAN = none yet */
    double lr_scale;  /* halved at each rollback */
    double elapsed_s; /* over all starts */
    int64_t skipped;
    int64_t stale; /* validations since the best one */
} FgTrain;

/* What a family's figures are called and how they read: "PSNR %.3f dB". */
typedef struct FgFigure {
    const char *name;   /* in the weights file: "val_psnr_y" */
    const char *second; /* "val_ssim_y", or NULL: there is none */
    const char *label;  /* on the screen: "%.3f dB"; prints sign * figure */
    double sign;        /* -1: smaller is better, figure holds its negative */
} FgFigure;

void fg_figure_text(const FgFigure *f, double figure, char *out, size_t size);

/* Members that may be NULL say so. */
typedef struct FgFamily {
    const char *name; /* the recipe's task */
    /* Its own keys, ended by {0}, or NULL. A row with the name of a common key
     * stands instead of that one (another default or range). */
    const FgKey *keys;
    FgFigure figure;
    /* What the table of keys cannot say; err names the file and the key.
     * NULL: nothing. */
    int (*check)(const FgRecipe *r, const char *path, FgError *err);
    /* Fills t->train, t->val, t->extra. NULL = fg_train_load: folders of
     * pictures by the keys train and val. */
    int (*load)(FgTrain *t, FgError *err);
    /* Makes the networks and the buffers. */
    int (*create)(FgTrain *t, FgError *err);
    /* One step at t->step; part is the share of the schedule done. */
    int (*step)(FgTrain *t, double lr, double part, FgStepInfo *info);
    /* Figures of the averaged weights on held-out pictures; larger is better.
     * NULL, or no t->val: the newest average is written instead. */
    int (*validate)(FgTrain *t, double *figure, double *ssim, FgError *err);
    /* The weights file's content from one set of weights. */
    int (*export_model)(FgTrain *t, int set, FgModel **m, FgError *err);
    void (*close)(FgTrain *t); /* accepts a failed create */
    /* A picture that shows what the set's weights make now; the same one for
     * the same weights. The caller frees *out. NULL: none. */
    int (*sample)(FgTrain *t, int set, FgPicture *out, FgError *err);
} FgFamily;

/* Families: one file train_NAME.c each, one row in family.c. */
extern const FgFamily fg_family_sr, fg_family_dcgan, fg_family_wgan,
    fg_family_wgan_gp, fg_family_vae;
extern const FgFamily fg_family_gan_sr, fg_family_cyclegan, fg_family_cut,
    fg_family_keyframe;
extern const FgFamily fg_family_interp, fg_family_plate, fg_family_texture;
const FgFamily *fg_family_find(const char *name); /* or NULL */
const FgFamily *fg_family_at(int i);              /* NULL past the end */

/* ---- for families ---- */

/* The folders (or files, see data.h) of one key into *d, at most limit pictures
 * (0 = all); nothing where the key is absent or empty. */
int fg_train_folders(FgTrain *t, FgData *d, const char *key, int scale,
                     int limit, FgError *err);
/* The default of FgFamily.load. */
int fg_train_load(FgTrain *t, FgError *err);
/* Copies what the recipe's 'init' has of equal names and shapes into net;
 * -EINVAL when that is nothing. Without 'init' does nothing. Sets t->parent. */
int fg_train_warm_start(FgTrain *t, FgNet *net, FgError *err);

/* Length of out without ".safetensors": where OUT.ckpt, OUT.samples begin. */
int fg_stem(const char *out);

/* ---- checkpoint.c: everything a run needs to go on ---- */

int fg_checkpoint_write(const FgTrain *t, const char *path, FgError *err);
/* -ENOENT: there is none. -EBADMSG: damaged. -EEXIST: made from another recipe
 * or other pictures (err says what changed). On failure *t is unchanged. */
int fg_checkpoint_read(FgTrain *t, const char *path, FgError *err);

/* ---- loop.c ---- */

typedef struct FgLoopOptions {
    const char *out;        /* weights file */
    const char *checkpoint; /* path */
    const char *log_dir;    /* folder of log files, NULL = none */
    int gate; /* 1: the first weights are judged, too, before any step; only
                 better ones are written then */
    int json; /* progress as one object a line on stdout */
} FgLoopOptions;

/* Runs until the recipe's end. 0, -EINTR after a signal (checkpoint written),
 * -EDOM when training keeps diverging, or another negative errno. */
int fg_loop(FgTrain *t, const FgLoopOptions *o, FgError *err);
/* Share of the schedule that is done, 0..1. */
double fg_loop_part(const FgTrain *t);
double fg_loop_rate(const FgTrain *t); /* learning rate of the next step */
extern volatile int fg_loop_signal;    /* set by the program's handler */

#endif
