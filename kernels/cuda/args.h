/* ffgan: the kernels and what a launch of each is given.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Read by gcc and by nvcc. One picture at a time: images are [h][w][pitch]
 * with c <= pitch channels. */
#ifndef FFGAN_KERNELS_CUDA_ARGS_H
#define FFGAN_KERNELS_CUDA_ARGS_H

#include <stdint.h>

#include "kernels/flow_types.h"
#include "train_args.h"

/* Of flow_ops.h and mix_ops.h: frames that are moved, mixed, masked, made. */
#define FG_KERNELS_FRAMES(X)                                                   \
    X(plane_in)                                                                \
    X(plane_half)                                                              \
    X(plane_slopes)                                                            \
    X(flow_dense)                                                              \
    X(flow_miss)                                                               \
    X(flow_fit)                                                                \
    X(row_sums)                                                                \
    X(totals)                                                                  \
    X(verdict)                                                                 \
    X(flow_land)                                                               \
    X(flow_choose)                                                             \
    X(flow_share)                                                              \
    X(steady)                                                                  \
    X(mask)                                                                    \
    X(between_in)                                                              \
    X(between_fuse)                                                            \
    X(between_out)                                                             \
    X(whole_rgb)                                                               \
    X(whole_in)                                                                \
    X(whole_out)                                                               \
    X(chroma_down)                                                             \
    X(made)                                                                    \
    X(plate)
/* With more registers than the others. */
#define FG_KERNELS_WIDE(X) X(flow_patch)
/* X(name): one thread per element of out, fg_k_NAME of ops.h or frame_ops.h. */
#define FG_KERNELS_MAP(X)                                                      \
    X(conv)                                                                    \
    X(deconv)                                                                  \
    X(unary)                                                                   \
    X(binary)                                                                  \
    X(copy)                                                                    \
    X(shuffle)                                                                 \
    X(unshuffle)                                                               \
    X(narrow)                                                                  \
    X(resize)                                                                  \
    X(resize_like)                                                             \
    X(pool)                                                                    \
    X(pad)                                                                     \
    X(warp)                                                                    \
    X(correlate)                                                               \
    X(dense)                                                                   \
    X(norm)                                                                    \
    X(layer_norm)                                                              \
    X(picture_in)                                                              \
    X(picture_out)                                                             \
    X(frame_in)                                                                \
    X(frame_out)                                                               \
    X(frame_chroma)                                                            \
    X(frame_alpha)                                                             \
    FG_KERNELS_FRAMES(X)
/* X(name, element, outputs, side): fg_conv_NAME of conv_mma_template.c. */
#define FG_KERNELS_MMA(X)                                                      \
    X(f16_n16_k1, 1, 16, 1)                                                    \
    X(f16_n32_k1, 1, 32, 1)                                                    \
    X(f16_n48_k1, 1, 48, 1)                                                    \
    X(f16_n64_k1, 1, 64, 1)                                                    \
    X(f16_n16_k3, 1, 16, 3)                                                    \
    X(f16_n32_k3, 1, 32, 3)                                                    \
    X(f16_n48_k3, 1, 48, 3)                                                    \
    X(f16_n64_k3, 1, 64, 3)                                                    \
    X(bf16_n16_k1, 2, 16, 1)                                                   \
    X(bf16_n32_k1, 2, 32, 1)                                                   \
    X(bf16_n48_k1, 2, 48, 1)                                                   \
    X(bf16_n64_k1, 2, 64, 1)                                                   \
    X(bf16_n16_k3, 2, 16, 3)                                                   \
    X(bf16_n32_k3, 2, 32, 3)                                                   \
    X(bf16_n48_k3, 2, 48, 3)                                                   \
    X(bf16_n64_k3, 2, 64, 3)
/* The same for 8-bit numbers, in a fatbin for the GPUs whose mma has them:
 * compute capability 8.9 and 12. */
#define FG_KERNELS_FP8(X)                                                      \
    X(e4m3_n16_k1, 3, 16, 1)                                                   \
    X(e4m3_n32_k1, 3, 32, 1)                                                   \
    X(e4m3_n48_k1, 3, 48, 1)                                                   \
    X(e4m3_n64_k1, 3, 64, 1)                                                   \
    X(e4m3_n16_k3, 3, 16, 3)                                                   \
    X(e4m3_n32_k3, 3, 32, 3)                                                   \
    X(e4m3_n48_k3, 3, 48, 3)                                                   \
    X(e4m3_n64_k3, 3, 64, 3)
/* Of conv_wgmma.h, in a fatbin for sm_90a alone. */
#define FG_KERNELS_HOPPER(X)                                                   \
    X(f16_w64_k3, 1, 64, 3)                                                    \
    X(e4m3_w16_k1, 3, 16, 1)                                                   \
    X(e4m3_w32_k1, 3, 32, 1)                                                   \
    X(e4m3_w48_k1, 3, 48, 1)                                                   \
    X(e4m3_w64_k1, 3, 64, 1)                                                   \
    X(e4m3_w16_k3, 3, 16, 3)                                                   \
    X(e4m3_w32_k3, 3, 32, 3)                                                   \
    X(e4m3_w48_k3, 3, 48, 3)                                                   \
    X(e4m3_w64_k3, 3, 64, 3)
/* All convolutions on tensor cores. */
#define FG_KERNELS_TENSOR(X)                                                   \
    FG_KERNELS_MMA(X) FG_KERNELS_FP8(X) FG_KERNELS_HOPPER(X)

typedef enum FgKernel {
#define FG_KERNEL_ID(name) FG_KERNEL_##name,
    FG_KERNELS_MAP(FG_KERNEL_ID) FG_KERNELS_WIDE(FG_KERNEL_ID)
#undef FG_KERNEL_ID
        FG_KERNEL_moments, /* one block per group of channels */
#define FG_KERNEL_ID(name, element, n, k) FG_KERNEL_##name,
    FG_KERNELS_TENSOR(FG_KERNEL_ID)
#undef FG_KERNEL_ID
#define FG_KERNEL_ID(name, grid) FG_KERNEL_##name,
        FG_KERNELS_TRAIN(FG_KERNEL_ID)
#undef FG_KERNEL_ID
            FG_NB_KERNELS
} FgKernelId;

/* E4M3 (kernels/e4m3.h): what tensor-core convolutions read and write, and
 * narrow writes; from compute capability 8.9 on. */
enum { FG_ELEMENT_F32, FG_ELEMENT_F16, FG_ELEMENT_BF16, FG_ELEMENT_E4M3 };

typedef struct FgKView {
    uint64_t at; /* 0 = none */
    int c, h, w, pitch, element;
} FgKView;

enum { /* unary: mode */
       FG_UNARY_COPY,
       FG_UNARY_RELU,
       FG_UNARY_LEAKY,  /* alpha */
       FG_UNARY_PRELU,  /* p[0]: slope of each channel */
       FG_UNARY_SCALE,  /* alpha */
       FG_UNARY_AFFINE, /* p[0]: factor, p[1]: addend of each channel */
       FG_UNARY_SIGMOID,
       FG_UNARY_SILU,
       FG_UNARY_TANH,
       FG_UNARY_GELU,
       FG_UNARY_MISH
};
enum { FG_BINARY_ADD, FG_BINARY_MUL };
enum { FG_POOL_AVERAGE, FG_POOL_LARGEST };
enum { /* made: mode, any of these */
       FG_MADE_LINEAR = 1,
       FG_MADE_ALPHA = 2, /* of the fourth channel, or */
       FG_MADE_KEY = 4,   /* of luma: (luma - eps) * alpha */
       FG_MADE_UNDO = 8,  /* colours over alpha, which they are times */
       FG_MADE_TIMES = 16 /* colours times alpha */
};

typedef struct FgKAxis { /* dst sample i lies at first + i * step */
    double first, step;
} FgKAxis;

typedef struct FgKPlane {
    uint64_t at;
    int64_t pitch; /* bytes */
    int step;      /* samples from one to the next */
    int offset;    /* of the first, samples */
} FgKPlane;

/* A frame's samples: comp Y Cb Cr or R G B, then alpha; value = (code - offset)
 * * to_value. */
typedef struct FgKFrame {
    FgKPlane comp[4], filler; /* filler.at = 0, comp[3].at = 0: none */
    int w, h, cw, ch;         /* chroma samples */
    int bytes, shift, rgb;
    float offset[4], to_value[4], to_code[4], max;
} FgKFrame;

typedef struct FgKernelArgs {
    FgKView in[2], out;
    FgKView add;   /* conv, picture_out, frame_out (the base): at = 0: none */
    uint64_t p[4]; /* parameters, f32 unless said otherwise */
    int kernel, stride, pad, pad_mode, groups, factor, mode, first;
    int act, add_first; /* conv: FG_UNARY_*, whether the sum comes before it */
    float alpha, eps;
    /* conv_mma: p[0] = packed weights, p[1] = bias [oc padded] */
    int chunks, blocks; /* of 32 bytes of inputs, of n outputs */
    float to8;          /* outputs of 8 bits (narrow, too): code of a value */
    int x0, y0, x1, y1; /* picture_*: where the window lies, what goes out */
    int tail, base_factor, base_mode; /* net_at: the end of the network */
    /* frames */
    FgKFrame src, dst;
    FgKAxis up[2]; /* the picture's: output pixel to input pixel; x, y */
    FgKAxis c_same[2], c_up[2], c_down[2], c_loss[2];
    float kr, kb, blend;
    uint64_t side;       /* [h][w][c] f32: what the network must not see */
    uint64_t cup, cfull; /* [h][w][2] f32: chroma on the luma grids */
    uint64_t bad;        /* one 64-bit counter */
    /* frames that are moved and mixed: flow_ops.h, mix_ops.h */
    FgPlane plane[6];
    FgFlowMaps flow;
    FgFlowGrid grid;
    FgKFrame mask;
    uint64_t parts; /* [h][w][4] f32 */
    FgTrainArgs t;
} FgKernelArgs;

typedef struct FgLaunch {
    unsigned grid[3], block, shared; /* bytes */
} FgLaunch;

#endif
