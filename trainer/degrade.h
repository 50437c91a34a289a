/* What happens to a picture on its way to a small bad copy: blur, resizing,
 * noise, compression, twice over, then a codec.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * After Real-ESRGAN's high-order model (arXiv:2107.10833), with real codecs.
 * Every number is a key of the recipe; -1 stands for what `degrade` says, none,
 * mild or real. Everything drawn is a function of seed, step and sample. */
#ifndef FFGAN_TRAINER_DEGRADE_H
#define FFGAN_TRAINER_DEGRADE_H

#include "trainer/data.h"
#include "trainer/recipe.h"

/* clang-format off */
/* X(name, mild, real, smallest, largest, help) of one pass; chances 0..1. */
#define FG_DEGRADE_PASS(X, P, M, R)                                            \
    X(P##blur, M(.3, .0), R(1, .8), 0, 1, "chance of a blur")                  \
    X(P##sinc, M(0, 0), R(.1, .1), 0, 1, "... of a sinc filter then")          \
    X(P##aniso, M(.3, .3), R(.4, .4), 0, 1, "... of unequal widths")           \
    X(P##general, M(0, 0), R(.15, .15), 0, 1, "... of a general Gaussian")     \
    X(P##plateau, M(0, 0), R(.15, .15), 0, 1, "... of a plateau")              \
    X(P##kernel, M(7, 7), R(21, 21), 3, 31, "largest side of a kernel, pixels")\
    X(P##sigma_min, M(.2, .2), R(.2, .2), .05, 10, "least width, pixels")      \
    X(P##sigma_max, M(.8, .6), R(3, 1.5), .05, 10, "largest width, pixels")    \
    X(P##beta_min, M(.5, .5), R(.5, .5), .1, 10, "least general exponent")     \
    X(P##beta_max, M(4, 4), R(4, 4), .1, 10, "largest general exponent")       \
    X(P##up, M(0, 0), R(.2, .3), 0, 1, "chance of resizing up")                \
    X(P##down, M(0, 0), R(.7, .4), 0, 1, "chance of resizing down")            \
    X(P##size_min, M(.8, .8), R(.3, .4), .1, 1, "smallest factor")             \
    X(P##size_max, M(1.2, 1.2), R(1.5, 1.2), 1, 4, "largest factor")           \
    X(P##noise, M(.3, 0), R(.5, .5), 0, 1, "chance of Gaussian noise")         \
    X(P##noise_max, M(3, 3), R(30, 25), 0, 100, "... largest sigma of 255")    \
    X(P##shot, M(.2, 0), R(.5, .5), 0, 1, "chance of shot noise else")         \
    X(P##shot_max, M(.3, .3), R(3, 2.5), 0, 20, "... largest strength")        \
    X(P##grey, M(.3, .3), R(.4, .4), 0, 1, "chance that noise has no colour")  \
    X(P##jpeg, M(0, 0), R(1, 1), 0, 1, "chance of JPEG")                       \
    X(P##jpeg_min, M(2, 2), R(2, 2), 1, 31, "... least quantiser")             \
    X(P##jpeg_max, M(6, 6), R(16, 16), 1, 31, "... largest quantiser")

#define FG_DEGRADE_FIRST(a, b) a
#define FG_DEGRADE_SECOND(a, b) b
#define FG_DEGRADE_NUMBERS(X)                                                  \
    FG_DEGRADE_PASS(X, deg1_, FG_DEGRADE_FIRST, FG_DEGRADE_FIRST)              \
    FG_DEGRADE_PASS(X, deg2_, FG_DEGRADE_SECOND, FG_DEGRADE_SECOND)            \
    X(deg_twice, 0, 1, 0, 1, "chance of the second pass")                      \
    X(deg_codec, .8, .8, 0, 1, "chance of a codec at the end")                 \
    X(deg_x264_min, 12, 18, 0, 51, "least QP of x264")                         \
    X(deg_x264_max, 30, 40, 0, 51, "largest QP of x264")                       \
    X(deg_mpeg2_min, 1, 2, 1, 31, "least quantiser of mpeg2")                  \
    X(deg_mpeg2_max, 6, 16, 1, 31, "largest quantiser of mpeg2")               \
    X(deg_motion, 3, 6, 0, 32, "largest motion before, pixels a frame")        \
    X(deg_frames, 3, 4, 1, 16, "most frames before, itself included")

/* clang-format on */

typedef struct FgDegrade {
    int none; /* the picture is made small by MATLAB's bicubic, no more */
    const char *codec[3];
    int nb_codecs;
#define X(name, mild, real, lo, hi, help) double name;
    FG_DEGRADE_NUMBERS(X)
#undef X
} FgDegrade;

/* Rows for a family's table of keys. */
#define FG_DEGRADE_ROW(name, mild, real, lo, hi, help)                         \
    {#name, FG_KEY_DOUBLE, "-1", -1, hi, NULL, 0, help ", -1 = by degrade"},
#define FG_DEGRADE_KEYS                                                        \
    {"degrade", FG_KEY_ENUM,      "mild", 0,                                   \
     0,         "none|mild|real", 0,      "how small pictures are spoilt"},    \
        FG_DEGRADE_NUMBERS(FG_DEGRADE_ROW)                                     \
    {                                                                          \
        "deg_codecs", FG_KEY_LIST, NULL, 0, 0, "x264|mpeg2|jpeg", 0,           \
            "codecs drawn from, all three when absent"                         \
    }

/* -EINVAL + err where a least value is above its largest, or below what is
 * allowed. The texts stay the recipe's. */
int fg_degrade_read(FgDegrade *d, const FgRecipe *r, const char *path,
                    FgError *err);

/* A row of random numbers that belongs to one sample of one step. */
typedef struct FgDice {
    uint64_t seed;
    int64_t step;
    uint32_t sample, next;
} FgDice;
double fg_dice(FgDice *d); /* [0, 1) */

/* hr [side][side][3], 0..1 -> the middle lr [p][p][3] of its small version of
 * side/scale, 8-bit steps of 0..1; side divides by scale. The pictures round
 * the middle feed blurs and codecs. 0, -ENOMEM, or the codec's error + err. */
int fg_degrade_run(const FgDegrade *d, FgDice *dice, const float *hr, int side,
                   int scale, float *lr, int p, FgError *err);

/* As fg_crops_fill, with small pictures made by d. 0, or the first sample's
 * error that failed. */
int fg_degrade_fill(const FgDegrade *d, const FgCrops *c, int64_t step,
                    FgTensor *in, FgTensor *target, FgExecutor *ex,
                    FgError *err);

#endif
