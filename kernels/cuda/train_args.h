/* ffgan: the kernels of training and what they are given besides.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Read by gcc and by nvcc. Values are batches: images one behind another, each
 * as args.h has one. Gradients of parameters are f32 and always added to. Sums
 * have one order: the same values give the same bits. */
#ifndef FFGAN_KERNELS_CUDA_TRAIN_ARGS_H
#define FFGAN_KERNELS_CUDA_TRAIN_ARGS_H

#include <stdint.h>

/* How many threads: one per element of out's images; one per image and channel
 * of out; a block per result; the blocks of train_mma.h, train_tile.h. */
enum {
    FG_GRID_ELEMENTS,
    FG_GRID_MAPS,
    FG_GRID_RESULTS,
    FG_GRID_GATHER32,
    FG_GRID_GATHER64,
    FG_GRID_OUTER,
    FG_GRID_TILE32,
    FG_GRID_TILE64,
    FG_GRID_TILE_OUTER
};

/* X(name, grid): fg_NAME of train_ops.h, train_grad.h, train_mma.h,
 * train_tile.h, train_data.h, train_loss.h, train_step.h. A name that ends in
 * _back makes the gradient of in[0] (back_b: of in[1]) of the op: in[0] is the
 * gradient of its output, in[1] its input, add its output or its other input
 * where that is needed. */
#define FG_KERNELS_TRAIN(X)                                                    \
    X(t_conv, FG_GRID_ELEMENTS)                                                \
    X(t_deconv, FG_GRID_ELEMENTS)                                              \
    X(t_unary, FG_GRID_ELEMENTS)                                               \
    X(t_binary, FG_GRID_ELEMENTS)                                              \
    X(t_copy, FG_GRID_ELEMENTS)                                                \
    X(t_shuffle, FG_GRID_ELEMENTS)                                             \
    X(t_unshuffle, FG_GRID_ELEMENTS)                                           \
    X(t_resize, FG_GRID_ELEMENTS)                                              \
    X(t_resize_like, FG_GRID_ELEMENTS)                                         \
    X(t_pool, FG_GRID_ELEMENTS)                                                \
    X(t_pad, FG_GRID_ELEMENTS)                                                 \
    X(t_warp, FG_GRID_ELEMENTS)                                                \
    X(t_correlate, FG_GRID_ELEMENTS)                                           \
    X(t_dense, FG_GRID_ELEMENTS)                                               \
    X(t_dropout, FG_GRID_ELEMENTS)                                             \
    X(t_mean, FG_GRID_RESULTS)                                                 \
    X(t_moments, FG_GRID_RESULTS)                                              \
    X(t_fixed, FG_GRID_ELEMENTS)                                               \
    X(t_norm, FG_GRID_ELEMENTS)                                                \
    X(t_layer_moments, FG_GRID_ELEMENTS)                                       \
    X(t_layer, FG_GRID_ELEMENTS)                                               \
    X(t_conv_back, FG_GRID_ELEMENTS)                                           \
    X(t_deconv_back, FG_GRID_ELEMENTS)                                         \
    X(t_weights, FG_GRID_RESULTS)                                              \
    X(t_pack, FG_GRID_ELEMENTS)                                                \
    X(t_f16_gather32, FG_GRID_GATHER32)                                        \
    X(t_f16_gather64, FG_GRID_GATHER64)                                        \
    X(t_f16_outer, FG_GRID_OUTER)                                              \
    X(t_bf16_gather32, FG_GRID_GATHER32)                                       \
    X(t_bf16_gather64, FG_GRID_GATHER64)                                       \
    X(t_bf16_outer, FG_GRID_OUTER)                                             \
    X(t_f32_pack, FG_GRID_ELEMENTS)                                            \
    X(t_f32_gather32, FG_GRID_TILE32)                                          \
    X(t_f32_gather64, FG_GRID_TILE64)                                          \
    X(t_f32_outer, FG_GRID_TILE_OUTER)                                         \
    X(t_parts, FG_GRID_ELEMENTS)                                               \
    X(t_slices, FG_GRID_ELEMENTS)                                              \
    X(t_channels, FG_GRID_RESULTS)                                             \
    X(t_act_back, FG_GRID_ELEMENTS)                                            \
    X(t_mul_back, FG_GRID_ELEMENTS)                                            \
    X(t_back_b, FG_GRID_ELEMENTS)                                              \
    X(t_back_pixel, FG_GRID_RESULTS)                                           \
    X(t_slice_back, FG_GRID_ELEMENTS)                                          \
    X(t_resize_back, FG_GRID_ELEMENTS)                                         \
    X(t_like_back, FG_GRID_ELEMENTS)                                           \
    X(t_pool_back, FG_GRID_ELEMENTS)                                           \
    X(t_pad_back, FG_GRID_ELEMENTS)                                            \
    X(t_warp_back, FG_GRID_MAPS)                                               \
    X(t_flow_back, FG_GRID_ELEMENTS)                                           \
    X(t_correlate_back, FG_GRID_ELEMENTS)                                      \
    X(t_dense_back, FG_GRID_ELEMENTS)                                          \
    X(t_dense_weights, FG_GRID_ELEMENTS)                                       \
    X(t_mean_back, FG_GRID_ELEMENTS)                                           \
    X(t_norm_sums, FG_GRID_RESULTS)                                            \
    X(t_norm_params, FG_GRID_ELEMENTS)                                         \
    X(t_norm_back, FG_GRID_ELEMENTS)                                           \
    X(t_layer_sums, FG_GRID_ELEMENTS)                                          \
    X(t_layer_back, FG_GRID_ELEMENTS)                                          \
    X(t_crop, FG_GRID_ELEMENTS)                                                \
    X(t_loss, FG_GRID_RESULTS)                                                 \
    X(t_bend, FG_GRID_ELEMENTS)                                                \
    X(t_most, FG_GRID_RESULTS)                                                 \
    X(t_mix, FG_GRID_ELEMENTS)                                                 \
    X(t_add, FG_GRID_ELEMENTS)                                                 \
    X(t_coarse, FG_GRID_RESULTS)                                               \
    X(t_adv, FG_GRID_RESULTS)                                                  \
    X(t_lengths, FG_GRID_RESULTS)                                              \
    X(t_tangent, FG_GRID_ELEMENTS)                                             \
    X(t_step, FG_GRID_ELEMENTS)                                                \
    X(t_squares, FG_GRID_RESULTS)                                              \
    X(t_total, FG_GRID_RESULTS)                                                \
    X(t_columns, FG_GRID_ELEMENTS)                                             \
    X(t_rows, FG_GRID_RESULTS)                                                 \
    X(t_unit, FG_GRID_ELEMENTS)                                                \
    X(t_divide, FG_GRID_ELEMENTS)                                              \
    X(t_dot, FG_GRID_RESULTS)                                                  \
    X(t_undivide, FG_GRID_ELEMENTS)

enum { /* channels: mode, what is summed besides the gradient d itself */
       FG_SUM_PLAIN,
       FG_SUM_SLOPE, /* d x where x <= 0 */
       FG_SUM_ALONG, /* d times add's value where x <= 0 */
       FG_SUM_LAYER  /* d times the normalised x: p[2] of layer_moments */
};
enum { FG_LANES = 32 }; /* weights: outputs of a block */
/* gather's mode; its block's pixels, a stage's bytes for n outputs. outer's
 * block: 64x64 weights; bytes of one side's 32 pixels. */
enum { FG_SEES_CONV, FG_SEES_BACK };
enum { FG_GATHER_PIXELS = 128, FG_OUTER_N = 64, FG_OUTER_SIDE = 4096 };
#define FG_GATHER_STAGE(n) (2 * (FG_GATHER_PIXELS + (n)) * 32)
/* Of train_tile.h: how many terms a tap of c inputs has, with zeros; bytes of a
 * pixel's 16 terms, of a stage, of outer's 32 pixels of one side; what pixels
 * see by at most four taps. */
#define FG_TILE_INPUTS(c) ((c) <= 4 ? 4 : (c) <= 8 ? 8 : ((c) + 15) / 16 * 16)
enum {
    FG_TILE_ROW = 80,
    FG_TILE_SIDE = 32 * FG_OUTER_N * 4,
    FG_TILE_TABLE = 4 * FG_GATHER_PIXELS
};
#define FG_TILE_STAGE(n) (FG_GATHER_PIXELS * FG_TILE_ROW + (n)*64)
/* loss: trainer/loss.c's table. */
enum { FG_LOSS_L1, FG_LOSS_MSE, FG_LOSS_CHARBONNIER };
/* adv: mode, a row of kernels/adv_maths.h and what it should pass for; pairs
 * have none. lengths, tangent: trainer/penalty.h's kinds. */
enum { FG_ADV_REAL = 256 };
enum { FG_LENGTHS_SAMPLE, FG_LENGTHS_PIXEL, FG_LENGTHS_R1 };
enum { FG_CROP_LUMA = 1, FG_CROP_CENTRED = 2 }; /* crop's mode */

typedef struct FgCrop { /* crop's */
    int64_t at;         /* bytes from the data's start to the picture's */
    int w, x, y, turn;  /* the picture's width; as trainer/data.h's FgPlace */
} FgCrop;
enum {
    FG_STEP_ADAM,
    FG_STEP_ADAMW,
    FG_STEP_SGD,
    FG_STEP_RMSPROP,
    FG_STEP_FILL,
    FG_STEP_LIMIT
};
/* k of step: trainer/optim.c's numbers, the average's two, what gradients are
 * multiplied by first. */
enum {
    FG_K_RATE,
    FG_K_ROOT,
    FG_K_BETA1,
    FG_K_TAKE1,
    FG_K_BETA2,
    FG_K_TAKE2,
    FG_K_EPS,
    FG_K_DECAY,
    FG_K_KEEP,
    FG_K_EMA,
    FG_K_EMA_TAKE,
    FG_K_CLIP,
    FG_NB_K
};
/* Doubles of a weight under spectral norm: its largest singular value, a sum of
 * squares, <G, W>. */
enum { FG_SPECTRAL_SIGMA, FG_SPECTRAL_NORM, FG_SPECTRAL_DOT, FG_NB_SPECTRAL };
/* Blocks that square one parameter's gradient. */
#define FG_SQUARES 32

/* What changes from one time to the next that a recorded launch runs. */
typedef struct FgLive {
    int64_t step; /* dropout's */
    float scale;  /* for FgTrainArgs.scale */
    float k[FG_NB_K];
} FgLive;

typedef struct FgTrainArgs {
    int images;
    int add;        /* out +=, not = */
    int results;    /* blocks of FG_GRID_RESULTS; slices of train_mma.h */
    int spread;     /* pixels of a dense layer's flattened input; others: 1 */
    int joint;      /* moments: one for the batch, not for each image */
    int fixed;      /* norm_back: the moments do not depend on the input */
    int place;      /* dropout: the node's; negative: nothing is dropped */
    uint32_t below; /* dropout: a word under it drops */
    float scale;    /* parameters' gradients += scale * sum */
    float momentum;
    double weight; /* loss, coarse, adv, tangent: of their values */
    uint64_t seed;
    int64_t step;
    uint64_t live; /* an FgLive in device memory, whose step, scale and k count;
                      0: those here (of step: always there) */
} FgTrainArgs;

#endif
