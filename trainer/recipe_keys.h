/* Rows of the tables of keys. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Used as  FG_INT("steps", "100", 1, 1e9, "optimiser steps"),  in a table that
 * ends with {0}. Defaults are text, NULL = none. */
#ifndef FFGAN_TRAINER_RECIPE_KEYS_H
#define FFGAN_TRAINER_RECIPE_KEYS_H

#include "pipeline/source.h"

#define FG_STRING(name, def, help)                                             \
    {                                                                          \
        name, FG_KEY_STRING, def, 0, 0, NULL, 0, help                          \
    }
#define FG_ENUM(name, def, choices, help)                                      \
    {                                                                          \
        name, FG_KEY_ENUM, def, 0, 0, choices, 0, help                         \
    }
#define FG_INT(name, def, min, max, help)                                      \
    {                                                                          \
        name, FG_KEY_INT, def, min, max, NULL, 0, help                         \
    }
#define FG_DOUBLE(name, def, min, max, help)                                   \
    {                                                                          \
        name, FG_KEY_DOUBLE, def, min, max, NULL, 0, help                      \
    }
#define FG_BOOL(name, def, help)                                               \
    {                                                                          \
        name, FG_KEY_BOOL, def, 0, 1, NULL, 0, help                            \
    }
#define FG_LIST(name, required, help)                                          \
    {                                                                          \
        name, FG_KEY_LIST, NULL, 0, 0, NULL, required, help                    \
    }

/* The super-resolution network: what fills FgRecipe.net, .cells and .luma. */
#define FG_SR_NET_KEYS                                                         \
    FG_ENUM("family", "compact", "compact|res|cells", "network family"),       \
        FG_INT("features", "16", 1, 256, "channels of the body"),              \
        FG_INT("blocks", "4", 0, 64, "body convolutions or blocks"),           \
        FG_ENUM("activation", "relu", "relu|leaky_relu|prelu|silu|tanh",       \
                "activation function"),                                        \
        FG_ENUM("base", "bicubic", "none|nearest|bilinear|bicubic",            \
                "plain upscale that the network's output is added to"),        \
        FG_INT("scale", "2", 1, 8, "output pixels per input pixel"),           \
        FG_ENUM("colour", "rgb", "rgb|y",                                      \
                "what the network sees: colour or luma"),                      \
        FG_BOOL("reparam", "false",                                            \
                "train with parallel branches, folded on saving"),             \
        FG_STRING("cells", NULL,                                               \
                  "family cells: words plain, res, gate, mix or sep with "     \
                  "1..4 convolutions, repeated over the blocks"),              \
        FG_ENUM("stem", NULL, "none|unshuffle2|pool",                          \
                "family cells: full size, half size, or a branch at half "     \
                "size"),                                                       \
        FG_ENUM("skip", NULL, "none|global|concat",                            \
                "family cells: what joins head and tail")

/* Crops of unequal pictures. */
#define FG_FLAT_KEY                                                            \
    FG_DOUBLE("flat", "0", 0, 1, "probability of passing over a flat crop")

/* The pixel loss: what fills FgRecipe.loss, loss_eps, fft, final_mse. */
#define FG_PIXEL_LOSS_KEYS                                                     \
    FG_ENUM("loss", "l1", "l1|mse|charbonnier", "pixel loss"),                 \
        FG_DOUBLE("loss_eps", "1e-3", 1e-9, 1,                                 \
                  "rounding of the charbonnier loss"),                         \
        FG_DOUBLE("fft", "0", 0, 100,                                          \
                  "weight of the added l1 loss on the 2-D FFT"),               \
        FG_DOUBLE("final_mse", "0", 0, 1,                                      \
                  "last share of the run that uses mse alone")

/* Common to every task; a family's row of the same name stands instead. */
extern const FgKey fg_recipe_common[];

#endif
