/* ffgan: ncnn networks as seen by the importer.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_NCNN_H
#define FFGAN_KERNELS_NCNN_H

#include "import_priv.h"
#include "protobuf.h"

#define FG_NCNN_IO 64
#define FG_NCNN_PARAMS 32
#define FG_NCNN_LIST 8
#define FG_NCNN_BLOBS 16384

typedef struct FgNcnnParam {
    int key, nb;
    double list[FG_NCNN_LIST];
} FgNcnnParam;

typedef struct FgNcnnLayer {
    FgSpan type, name, in[FG_NCNN_IO], out[FG_NCNN_IO];
    int nb_in, nb_out, nb_param;
    FgNcnnParam param[FG_NCNN_PARAMS];
} FgNcnnLayer;

/* What a layer made: a node of the graph, or numbers that the file holds (one
 * for all channels or one for each). */
typedef struct FgNcnnBlob {
    FgSpan name;
    int layer, uses;
    float *data; /* owned; NULL = a node */
    int nb;
} FgNcnnBlob;

typedef struct FgNcnn {
    FgImport *im;
    FgSpan text, weights; /* what is left of each */
    FgNcnnBlob *blobs;
    int nb_blobs, serial, last;
    int nb_inputs, input[3]; /* nodes: the picture, or frame, frame, time */
} FgNcnn;

typedef int FgNcnnFn(FgNcnn *c, const FgNcnnLayer *l);
typedef struct FgNcnnType {
    const char *name;
    FgNcnnFn *fn;
} FgNcnnType;

/* import_ncnn.c */
int fg_ncnn_refuse(FgNcnn *c, const FgNcnnLayer *l, const char *what);
double fg_ncnn_number(const FgNcnnLayer *l, int key, double def);
int fg_ncnn_int(const FgNcnnLayer *l, int key, int def);
const FgNcnnParam *fg_ncnn_list(const FgNcnnLayer *l, int key); /* or NULL */
int fg_ncnn_in(FgNcnn *c, const FgNcnnLayer *l, int k);
int fg_ncnn_put(FgNcnn *c, const FgNcnnLayer *l, int k, int layer);
const char *fg_ncnn_name(FgNcnn *c, const char *word);
/* Input k where it is numbers, else NULL; not a use of it. */
FgNcnnBlob *fg_ncnn_constant(FgNcnn *c, const FgNcnnLayer *l, int k);
/* v is c's, also after a failure. */
int fg_ncnn_put_constant(FgNcnn *c, const FgNcnnLayer *l, int k, float *v,
                         int nb);
/* Input k is read once, by this layer: what made it may be changed. */
int fg_ncnn_alone(FgNcnn *c, const FgNcnnLayer *l, int k);
/* ncnn_layers.c */
/* n numbers of the .bin, behind a tag that says how they are stored where
 * tagged is set; NULL after a failure. */
float *fg_ncnn_floats(FgNcnn *c, const FgNcnnLayer *l, size_t n, int tagged);
int fg_ncnn_shift(FgNcnn *c, int x, double by);
int fg_ncnn_scale(FgNcnn *c, int x, double by);
/* ncnn_frames.c */
FgNcnnFn fg_ncnn_input, fg_ncnn_memory, fg_ncnn_same_numbers, fg_ncnn_crop,
    fg_ncnn_unary, fg_ncnn_warp;
/* op of BinaryOp with input k, which is numbers, and the other input. */
int fg_ncnn_with_numbers(FgNcnn *c, const FgNcnnLayer *l, int op, int k);
/* ncnn_layers.c */
const FgNcnnType *fg_ncnn_find(FgSpan type); /* or NULL */

#endif
