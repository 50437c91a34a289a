/* ffgan: ONNX files as seen by the importer.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Field numbers are those of onnx.proto (ONNX's published schema). A value is a
 * layer of the growing graph or a constant; shapes computed at run time are
 * constants here, since they are computed for one reference picture. */
#ifndef FFGAN_KERNELS_ONNX_H
#define FFGAN_KERNELS_ONNX_H

#include "import_priv.h"
#include "protobuf.h"

#define FG_ONNX_MAX_NODES 8192
#define FG_ONNX_MAX_IO 64
#define FG_ONNX_MAX_DIMS 8

/* What a runtime value is beside a layer: halves of known patterns. */
typedef enum FgOnnxKind {
    FG_ONNX_LAYER,
    FG_ONNX_CONST,
    FG_ONNX_ERF,      /* erf(layer / sqrt 2) */
    FG_ONNX_ERF1,     /* 1 + that */
    FG_ONNX_SOFTPLUS, /* log(1 + exp(layer)) */
    FG_ONNX_TANH_SP,  /* tanh of that */
    FG_ONNX_SPLIT,    /* the layer under other sizes, dims, on its way to be
                         a pixel shuffle */
    FG_ONNX_LAST,     /* the layer with its channels as the last axis */
    FG_ONNX_CMEAN,    /* mean over the layer's channels */
    FG_ONNX_CENTRED,  /* layer - that */
    FG_ONNX_SQUARED,  /* the square of that */
    FG_ONNX_CVAR,     /* the mean of that over the channels, + eps */
    FG_ONNX_DEVIATION /* the root of that */
} FgOnnxKind;

typedef struct FgOnnxValue {
    FgSpan name;
    FgOnnxKind kind;
    int layer; /* index in the graph */
    int perm;  /* SPLIT: 0 none yet, 1 shuffle, 2 unshuffle */
    int block; /* SPLIT: of what side; < 0: sizes must be the layer's */
    int last;  /* LAST to DEVIATION: channels are the last axis */
    float eps; /* CVAR, DEVIATION; 0: not added yet */
    int nb_dims;
    int64_t dims[FG_ONNX_MAX_DIMS];
    int whole;  /* CONST of integers: the numbers are in i */
    float *f;   /* CONST, owned */
    int64_t *i; /* CONST, owned */
    int *from;  /* CONST, owned; or NULL. Of each number: 2 l + 1, 2 l + 2 where
                   it is the height, width of layer l, else 0 */
    size_t count;
} FgOnnxValue;

typedef struct FgOnnxNode {
    FgSpan bytes, op, name;
    int nb_in, nb_out;
    FgSpan in[FG_ONNX_MAX_IO], out[FG_ONNX_MAX_IO];
} FgOnnxNode;

typedef struct FgOnnx {
    FgImport *im;
    FgSpan graph;
    int opset;
    FgOnnxValue *values;
    int nb_values, cap_values;
    int *hash, hash_size; /* index + 1 into values */
    int serial;           /* of layer names */
    FgSpan output;        /* the graph's output's name */
} FgOnnx;

/* onnx_read.c: attributes with their defaults, tensors. */
int64_t fg_onnx_int(const FgOnnxNode *n, const char *name, int64_t def);
float fg_onnx_float(const FgOnnxNode *n, const char *name, float def);
FgSpan fg_onnx_text(const FgOnnxNode *n, const char *name);
/* Numbers into v[max]; how many there are (max + 1: more), -1: no such. */
int fg_onnx_ints(const FgOnnxNode *n, const char *name, int64_t *v, int max);
int fg_onnx_floats(const FgOnnxNode *n, const char *name, float *v, int max);
int fg_onnx_tensor_attr(const FgOnnxNode *n, const char *name, FgSpan *tensor);
int fg_onnx_node(FgOnnx *o, FgSpan bytes, FgOnnxNode *n);
/* A TensorProto as a constant; name gets the tensor's own. 0 or im->rc. */
int fg_onnx_tensor(FgOnnx *o, FgSpan tensor, FgOnnxValue *v);

/* import_onnx.c: values by name. NULL and the failure set where it is not
 * there; an empty name is an input left out: NULL without a failure. */
const FgOnnxValue *fg_onnx_value(FgOnnx *o, FgSpan name);
int fg_onnx_put(FgOnnx *o, FgSpan name, const FgOnnxValue *v);
int fg_onnx_put_layer(FgOnnx *o, const FgOnnxNode *n, int out, int layer);
/* Input k as a layer; a failure otherwise. */
int fg_onnx_layer(FgOnnx *o, const FgOnnxNode *n, int k);
const FgOnnxValue *fg_onnx_in(FgOnnx *o, const FgOnnxNode *n, int k);
/* A fresh name: WORD and a number. */
const char *fg_onnx_name(FgOnnx *o, const char *word);
int fg_onnx_refuse(FgOnnx *o, const FgOnnxNode *n, const char *what);

typedef int FgOnnxFn(FgOnnx *o, const FgOnnxNode *n);
typedef struct FgOnnxOp {
    const char *name;
    FgOnnxFn *fn;
} FgOnnxOp;
/* onnx_layers.c, onnx_norm.c, onnx_math.c, onnx_view.c, onnx_shape.c:
 * NULL-terminated tables. */
extern const FgOnnxOp fg_onnx_layers[], fg_onnx_norms[], fg_onnx_math[],
    fg_onnx_views[], fg_onnx_shapes[];
/* onnx_shape.c: what an op does when all its inputs are constants: 1 done, 0
 * not for it, < 0. */
int fg_onnx_fold(FgOnnx *o, const FgOnnxNode *n);
/* onnx_norm.c: the sum, difference, product or quotient of two values as a step
 * of a norm; the square of one. 1: it was (im->rc tells how that went). */
int fg_onnx_norm_step(FgOnnx *o, const FgOnnxNode *n, const FgOnnxValue *a,
                      const FgOnnxValue *b);
int fg_onnx_squared(FgOnnx *o, const FgOnnxNode *n);
/* onnx_math.c: x limited to lo..hi. */
int fg_onnx_clamp(FgOnnx *o, int x, double lo, double hi);

#endif
