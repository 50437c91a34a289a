/* ffgan: pictures from a generator's weights.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the graphs of a model of task "generator" take and give:
 *   dcgan    [1,channels,h,w] of N(0,1) -> [1,3|4,h*s,w*s]. A deconv2d of
 *            stride 1 and pad 0 right behind the input (the usual 1x1 -> 4x4)
 *            makes kernel x kernel places of each cell, which lie side by side
 *            in bigger maps: each cell is then a trained picture of its own,
 *            and the later layers join it to its neighbours.
 *   texture  [1,local+global+periodic,h,w] -> [1,3|4,h*s,w*s]. local: N(0,1)
 *            per cell; global: one N(0,1) vector in all cells; periodic i:
 *            sin(kx*x + ky*y + phase) at cell (x, y), kx and ky being channels
 *            2i and 2i+1 of what the second graph makes of the global vector.
 *   plate    stage 0 takes noise[0] * N(0,1) in `channels` maps; stage k takes
 *            what stage k-1 gave, resized bilinearly (pixel centres, edges
 *            repeat), plus noise[k] * N(0,1) in as many channels; or, where its
 *            graph takes `channels` more, with that noise behind it. A picture
 *            of w x h has stages of w * size[k] / size[last], rounded.
 * Only the last stage's 3 or 4 channels, 0..1, are the picture. */
#ifndef FFGAN_KERNELS_GENERATOR_H
#define FFGAN_KERNELS_GENERATOR_H

#include "cuda.h"
#include "latent.h"
#include "plan.h"

enum { FG_SEAMLESS_X = 1, FG_SEAMLESS_Y = 2 };

typedef struct FgGeneratorOptions {
    const char *device;    /* as FgPlanOptions */
    FgPrecision precision; /* likewise */
    int w, h;              /* of the picture, 1..32768 */
    int seamless;   /* FG_SEAMLESS_*: the picture's edges fit each other; with
                       dcgan and texture that side is a multiple of s */
    int tile;       /* as FgPlanOptions, of the input map of each stage */
    FgExecutor *ex; /* kept; NULL = calling thread */
    void *cuda_context; /* as FgPlanOptions: for fg_generator_frame */
} FgGeneratorOptions;

typedef struct FgGeneratorInfo {
    int channels;     /* 3 or 4 */
    int scale;        /* pixels per latent cell; 1 for plates */
    int nb_stages;    /* graphs that run one after another */
    int map_w, map_h; /* of the first stage */
    size_t bytes;     /* of maps and plans */
    double macs;      /* per picture */
    const char *precision, *isa;
} FgGeneratorInfo;

typedef struct FgGenerator FgGenerator;

/* Allocates all but what a first failure in 16-bit arithmetic needs. The model
 * must outlive *g. 0, -EINVAL, -ENOTSUP, -ENOMEM and err; *g NULL then. */
int fg_generator_create(FgGenerator **g, const FgModel *m,
                        const FgGeneratorOptions *o, FgError *err);
/* *picture: a view [1,3|4,h,w] of g's memory, good until the next call. The
 * same moment and options give the same bits, whatever was made before, on
 * any CPU, thread count and tile size. A stage that is not finite is done
 * again in fp32; -EDOM when that does not help. */
int fg_generator_run(FgGenerator *g, const FgMoment *at, FgTensor *picture,
                     FgError *err);
/* What values that leave are. */
typedef enum FgMadeAlpha {
    FG_MADE_OPAQUE,
    FG_MADE_BY_MODEL, /* its fourth channel */
    FG_MADE_BY_LUMA   /* the picture is what it gives over black */
} FgMadeAlpha;

typedef struct FgMadeAs {
    int linear; /* light instead of sRGB */
    FgMadeAlpha alpha;
    int premultiplied; /* colours times alpha, else beside it */
    float low, high;   /* FG_MADE_BY_LUMA: transparent, opaque */
} FgMadeAs;

/* With cuda_context: the picture as a frame in device memory, whose size is the
 * options', and which has alpha or none as `as` says; R'G'B' of BT.709, or
 * Y'CbCr of these by the colour. Latents come through host memory; the rest,
 * all stages, is enqueued on the stream and nothing waits for it. 0, or as
 * fg_generator_run and fg_cuda_frame_run. */
int fg_generator_frame(FgGenerator *g, const FgMoment *at, void *stream,
                       const FgCudaFrame *frame, const FgCudaColour *colour,
                       const FgMadeAs *as, FgError *err);
/* As fg_cuda_frame_bad, of all stages. */
int64_t fg_generator_frames_bad(FgGenerator *g, FgError *err);
void fg_generator_info(const FgGenerator *g, FgGeneratorInfo *info);
/* The picture's size that fits the training: base cells times s, or the last
 * stage's. 0 or -EINVAL and err. */
int fg_generator_size(const FgModel *m, int *w, int *h, FgError *err);
void fg_generator_free(FgGenerator **g); /* accepts NULL */

#endif
