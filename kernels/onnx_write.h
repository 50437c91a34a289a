/* ffgan: parts of an ONNX file that is being written.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Field numbers are those of onnx.proto. A failure sticks in the buffers and is
 * looked at once, at the end. */
#ifndef FFGAN_KERNELS_ONNX_WRITE_H
#define FFGAN_KERNELS_ONNX_WRITE_H

#include "graph_priv.h"
#include "onnx_buf.h"
#include "op.h"

typedef struct FgOnnxWriter {
    const char *path; /* for messages */
    FgError *err;
    int rc; /* of an op that cannot be written */
    const FgGraph *g;
    const FgParams *ps;
    const FgShape *shapes; /* of some size, or of width x height */
    FgBuf graph;
    FgBuf constants; /* initializers: written after the nodes */
    FgBuf attrs;     /* of the node in hand */
    const FgNode *n;
    int serial;
    int width, height; /* of the input, 0 = open */
    FgReach reach;
} FgOnnxWriter;

typedef struct FgOnnxName {
    char s[FG_NAME_LEN + 24];
} FgOnnxName;

/* Attributes of the next node. */
void fg_ow_ints(FgOnnxWriter *w, const char *name, int nb, const int64_t *v);
void fg_ow_int(FgOnnxWriter *w, const char *name, int64_t v);
void fg_ow_float(FgOnnxWriter *w, const char *name, float v);
void fg_ow_text(FgOnnxWriter *w, const char *name, const char *v);
/* op(in[0], ..) -> out, with the attributes gathered; "" stands for an input
 * left out. */
void fg_ow_node_of(FgOnnxWriter *w, const char *op, int nb,
                   const char *const *in, const char *out);
/* The same with one to three inputs, NULL where there are fewer. */
void fg_ow_node(FgOnnxWriter *w, const char *op, const char *a, const char *b,
                const char *c, const char *out);
/* A name of its own inside the graph's node in hand. */
FgOnnxName fg_ow_name(FgOnnxWriter *w, const char *what);
void fg_ow_constant(FgOnnxWriter *w, const char *name, int nb_dims,
                    const int *dims, const float *v);
FgOnnxName fg_ow_number(FgOnnxWriter *w, float v); /* a constant without dims */
FgOnnxName fg_ow_integers(FgOnnxWriter *w, int nb, const int64_t *v);
/* Elements first to end (exclusive; may be negative) of one axis. */
void fg_ow_slice(FgOnnxWriter *w, const char *from, int axis, int64_t first,
                 int64_t end, const char *to);
/* Parameter k of the node in hand, NULL where it has none. */
const FgParam *fg_ow_param(const FgOnnxWriter *w, int k);
/* Input k's name. */
const char *fg_ow_in(const FgOnnxWriter *w, int k);

/* export_onnx_far.c: ops that look far. */
void fg_ow_warp(FgOnnxWriter *w);
void fg_ow_correlate(FgOnnxWriter *w);
void fg_ow_dense(FgOnnxWriter *w);
void fg_ow_resize_like(FgOnnxWriter *w);

#endif
