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

typedef struct FgNcnnBlob {
    FgSpan name;
    int layer; /* node of the graph */
} FgNcnnBlob;

typedef struct FgNcnn {
    FgImport *im;
    FgSpan text, weights; /* what is left of each */
    FgNcnnBlob *blobs;
    int nb_blobs, serial, input, last;
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
/* ncnn_layers.c */
const FgNcnnType *fg_ncnn_find(FgSpan type); /* or NULL */

#endif
