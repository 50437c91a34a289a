/* ffgan: networks as data. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An FgGraph is a list of nodes in execution order; node i may only use
 * outputs of nodes before it. Node 0 is always the op "input" (for several
 * inputs, nodes 0..k-1); the last node is the output. Parameters are named
 * tensors kept beside it in FgParams; a node names the ones it uses. */
#ifndef FFGAN_KERNELS_GRAPH_H
#define FFGAN_KERNELS_GRAPH_H

#include <stddef.h>

#include "error.h"
#include "tensor.h"

#define FG_MAX_IN 8
#define FG_MAX_PARAM 4
#define FG_NAME_LEN 96
#define FG_MAX_NODES 4096

typedef enum FgPadMode {
    FG_PAD_ZERO,
    FG_PAD_REFLECT,
    FG_PAD_REPLICATE,
    FG_PAD_CIRCULAR
} FgPadMode;
typedef enum FgResizeMode {
    FG_RESIZE_NEAREST,
    FG_RESIZE_BILINEAR,
    FG_RESIZE_BICUBIC
} FgResizeMode;

/* Attributes; an op reads only those that its row in the op table lists and
 * the rest stay 0. JSON keys are the field names. */
typedef struct FgAttr {
    int channels; /* outputs of conv, deconv, dense, input, slice */
    int kernel;   /* square kernel side (conv, deconv, pools) */
    int stride;   /* conv, deconv, pools */
    int pad;      /* conv, pools: border on each side; deconv: cropped border */
    int pad_mode; /* FgPadMode: conv, pad */
    int groups;   /* conv, deconv: 1 = full, c = depthwise */
    int bias;     /* 0 or 1: conv, deconv, dense have a bias parameter */
    int factor;   /* pixel_shuffle, pixel_unshuffle, resize: integer >= 1 */
    int mode;     /* FgResizeMode of resize */
    int first;    /* slice: first channel that is kept */
    float alpha;  /* leaky_relu: negative slope; scale: factor */
    float eps;    /* instance_norm, batch_norm */
    float momentum; /* batch_norm: running statistics */
} FgAttr;

typedef struct FgNode {
    char name[FG_NAME_LEN]; /* unique; [A-Za-z0-9_.-]+ */
    const struct FgOp *op;
    FgAttr attr;
    int nb_in, in[FG_MAX_IN]; /* node indices, each < own index */
    int nb_param;
    char param[FG_MAX_PARAM][FG_NAME_LEN];
} FgNode;

typedef struct FgGraph {
    FgNode *nodes;
    int nb_nodes, cap;
} FgGraph;

typedef struct FgParam {
    char name[FG_NAME_LEN];
    int nb_dims, dims[4]; /* conv weights are O,I/groups,K,K (PyTorch order);
                             deconv I,O/groups,K,K; vectors one dim */
    float *data;          /* dense, row-major, owned */
    int trainable;        /* 0: running statistics, constants */
} FgParam;

typedef struct FgParams {
    FgParam *p;
    int nb, cap;
    struct FgMirror *mirror; /* the trainer's: a copy on a GPU, or NULL; not
                                copied by fg_params_copy */
} FgParams;

size_t fg_param_count(const FgParam *p);    /* elements of one */
size_t fg_params_count(const FgParams *ps); /* trainable elements */
FgParam *fg_params_find(const FgParams *ps, const char *name); /* or NULL */
/* Adds a zero-filled tensor. NULL when out of memory or the name is taken. */
FgParam *fg_params_add(FgParams *ps, const char *name, int nb_dims,
                       const int *dims);
int fg_params_copy(FgParams *dst, const FgParams *src); /* deep; 0, -ENOMEM */
void fg_params_free(FgParams *ps); /* accepts NULL, zeroed */

/* Appends a copy of *node (its op set, its inputs valid). Returns its index,
 * -ENOMEM, or -EINVAL. */
int fg_graph_add(FgGraph *g, const FgNode *node);
/* Convenience used by builders and tests: op by name, one or two inputs
 * (-1 = none). For ops with parameters the names are NODE.weight, NODE.bias,
 * ... in the op table's order. Returns the index or a negative errno. */
int fg_graph_op(FgGraph *g, const char *op, const char *name, int in0, int in1,
                FgAttr attr);
int fg_graph_find(const FgGraph *g, const char *name); /* index or -ENOENT */
int fg_graph_copy(FgGraph *dst, const FgGraph *src);
void fg_graph_free(FgGraph *g); /* accepts NULL, zeroed */

/* Checks structure and, with the input's shape, infers every node's output
 * shape into out[nb_nodes] (may be NULL). -EINVAL with err naming the node. */
int fg_graph_shapes(const FgGraph *g, FgShape in, FgShape *out, FgError *err);
/* Creates the missing parameters (zero) with the shapes that the nodes want
 * and checks those that exist. Needs the input's channel count only. */
int fg_graph_params(const FgGraph *g, FgParams *ps, FgError *err);
/* He-normal (fan-in, gain by the activation that follows) for weights, zeros
 * for biases, 0.25 for PReLU, ones for norm scales. Counter based: the value
 * depends on seed, parameter name and element index only. */
void fg_graph_init_params(const FgGraph *g, FgParams *ps, uint64_t seed);

/* What one output pixel depends on. radius = input pixels on each side;
 * scale = output pixels per input pixel as num/den; align = the input grid
 * that a tile must start on (unshuffle, strides); global = 1 when some op sees
 * the whole picture (instance norm, dense, circular pad) so tiling is refused.
 * macs = multiply-accumulates per input pixel. */
typedef struct FgReach {
    int radius, scale_num, scale_den, align, global;
    double macs;
} FgReach;
int fg_graph_reach(const FgGraph *g, FgReach *reach, FgError *err);

/* JSON text: {"nodes":[{"name":..,"op":..,"in":[names],"attr":{..},
 * "param":[..]}..]}. to_json returns a malloc'ed string or NULL. from_json
 * refuses unknown ops, keys and out-of-range values, naming them; g is zeroed
 * on failure. */
char *fg_graph_to_json(const FgGraph *g);
int fg_graph_from_json(FgGraph *g, const char *text, size_t len, FgError *err);
/* Whether each node's attributes are within what from_json reads. */
int fg_graph_check_attrs(const FgGraph *g, FgError *err);

/* Builders: networks from hyper-parameters. */
typedef struct FgBuild {
    const char *family;     /* "compact", "res", "identity", "bicubic" */
    int channels_in;        /* 1 (luma) or 3 */
    int scale;              /* 1..8 */
    int features;           /* e.g. 16, 32, 64 */
    int blocks;             /* compact: body convs; res: residual blocks */
    const char *activation; /* "relu", "leaky_relu", "prelu", "silu", "tanh" */
    const char *base;       /* "none", "nearest", "bilinear", "bicubic" */
    int reparam;            /* 1: training form, each 3x3 conv gets parallel
                               branches that fg_graph_collapse folds exactly;
                               2: a widening branch as well (slower) */
} FgBuild;
/* Families:
 *  compact  conv3x3 in->F, act, blocks x (conv3x3 F->F, act),
 *           conv3x3 F->in*s*s, pixel_shuffle s, + base
 *  res      conv3x3 in->F, blocks x (conv, act, conv, + skip), conv3x3,
 *           + long skip, conv3x3 F->in*s*s, pixel_shuffle s, + base
 *  identity scale 1: output = input;  bicubic: base only, no parameters
 * err names the bad value and what is allowed. */
int fg_graph_build(FgGraph *g, const FgBuild *b, FgError *err);

/* Networks of mixed blocks, the space that architecture search walks: stem,
 * blocks, skip, conv3x3, pixel_shuffle, + base. With f(x) = n times conv3x3
 * with the activation between, the blocks are
 *   plainN  act(f(x))
 *   resN    x + f(x)
 *   gateN   (x + f(x)) * tanh(f(x) / 2) / 2, which is SPAN's gate
 *           (x + f) * (sigmoid(f) - 1/2)
 *   mixN    (x + f(x)) * conv1x1(f(x)), as SPANV2 has it
 *   sepN    n times depthwise conv3x3, conv1x1, act */
typedef struct FgCells {
    const char *cells; /* such words, N = 1..4, repeated over b->blocks blocks:
                          "plain1 res2"; NULL = "plain1" */
    const char *stem;  /* "none"; "unshuffle2": the body works at half size;
                          "pool": a branch at half size joins the head */
    const char *skip;  /* from head to tail: "none", "global" (added),
                          "concat" (and a 1x1 conv); NULL = "none", both */
} FgCells;
/* b->family is not read. */
int fg_graph_build_cells(FgGraph *g, const FgBuild *b, const FgCells *c,
                         FgError *err);
/* Folds what the re-parameterised training form spreads over branches, and
 * norms in inference form, into plain convs. Exact up to rounding, borders
 * included. dst and dst_ps are created; on failure zeroed. */
int fg_graph_collapse(FgGraph *dst, FgParams *dst_ps, const FgGraph *src,
                      const FgParams *src_ps, FgError *err);

#endif
