/* ffgan: a stand-in for libcudnn.so.9, for tests without a GPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The entry points that kernels/cuda/cudnn.c opens. Descriptors keep what was
 * set; a graph of one convolution and pointwise operations is written down and
 * computed as it was described, on the stand-in for the driver: what is wrong
 * in a description makes wrong values. Stricter than cuDNN: attributes are set
 * once, before the end; what is used is finalised and still there; pointers lie
 * in memory of the current context. Engine i ("ei 2=i") needs i KiB to work in.
 *
 * $FAKECUDNN_VERSION (91900). $FAKECUDNN_ENGINES=N (2). $FAKECUDNN_WRONG=i: its
 * first value is 0.5 too large. $FAKECUDNN_NOTE=N: engine 0 has that numerical
 * note. $FAKECUDNN_REFUSE=create, describe, graph, engines, plan, pack, stream,
 * execute: that fails; $FAKECUDNN_STATUS=N (3000): as that. */
#include <cudnn_graph.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakecuda.h"
#include "fakecudnn.h"
#include "kernels/cuda/hd.h"

enum { VALUES = 24, OPS = 10, MARK = 0x0dd5eed };

typedef cudnnStatus_t Status;

typedef struct Attr {
    struct Attr *next;
    int name, type;
    int64_t nb;
    char data[];
} Attr;

typedef struct Fake {
    struct Fake *next;
    int type, done, engine;
    Attr *attrs;
} Fake;

struct cudnnContext {
    int mark;
    cudaStream_t stream;
};

static Fake *all;
static int nb_made, nb_handles;
static char said[2000];

const char *fake_dnn_graph(void)
{
    return said;
}

int fake_dnn_left(void)
{
    return nb_made + nb_handles;
}

size_t cudnnGetVersion(void)
{
    return (size_t)fake_setting("FAKECUDNN_VERSION", 91900);
}

void cudnnGetLastErrorString(char *text, size_t size)
{
    snprintf(text, size, "refused by the stand-in\nand more");
}

static Status refuse(const char *what)
{
    const char *is = getenv("FAKECUDNN_REFUSE");
    return is && !strcmp(is, what)
               ? (Status)fake_setting("FAKECUDNN_STATUS", 3000)
               : CUDNN_STATUS_SUCCESS;
}

Status cudnnCreate(cudnnHandle_t *h)
{
    const Status s = refuse("create");
    if (s)
        return s;
    if (!fake_has_context())
        return CUDNN_STATUS_NOT_INITIALIZED;
    *h = calloc(1, sizeof(**h));
    (*h)->mark = MARK;
    nb_handles++;
    return s;
}

Status cudnnDestroy(cudnnHandle_t h)
{
    if (h->mark != MARK || !fake_has_context())
        fake_die("cuDNN: the end of what is no handle");
    nb_handles--;
    free(h);
    return CUDNN_STATUS_SUCCESS;
}

Status cudnnSetStream(cudnnHandle_t h, cudaStream_t stream)
{
    h->stream = stream;
    return refuse("stream");
}

/* ---- descriptors ---- */

static Fake *find(const void *p)
{
    Fake *f = all;
    while (f && f != p)
        f = f->next;
    if (!f)
        fake_die("cuDNN: a descriptor that is gone");
    return f;
}

Status cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                    cudnnBackendDescriptor_t *d)
{
    const Status s = refuse("describe");
    if (s)
        return s;
    Fake *f = calloc(1, sizeof(*f));
    f->type = (int)type;
    f->next = all;
    all = f;
    nb_made++;
    *d = f;
    return s;
}

Status cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d)
{
    Fake *const f = find(d), **at = &all;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    for (Attr *a = f->attrs, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    free(f);
    nb_made--;
    return CUDNN_STATUS_SUCCESS;
}

static size_t size_of(int type)
{
    return type == CUDNN_TYPE_BOOLEAN || type == CUDNN_TYPE_CHAR ? 1
           : type == CUDNN_TYPE_INT64 || type == CUDNN_TYPE_DOUBLE ||
                   type == CUDNN_TYPE_VOID_PTR ||
                   type == CUDNN_TYPE_BACKEND_DESCRIPTOR
               ? 8
               : 4;
}

static const Attr *attr_of(const Fake *f, int name)
{
    const Attr *a = f->attrs;
    while (a && a->name != name)
        a = a->next;
    return a;
}

Status cudnnBackendSetAttribute(cudnnBackendDescriptor_t d,
                                cudnnBackendAttributeName_t name,
                                cudnnBackendAttributeType_t type, int64_t nb,
                                const void *v)
{
    Fake *const f = find(d);
    const size_t n = (size_t)nb * size_of((int)type);
    if (f->done || attr_of(f, (int)name) || nb < 1)
        fake_die("cuDNN: an attribute set twice, or too late");
    for (int64_t i = 0; type == CUDNN_TYPE_BACKEND_DESCRIPTOR && i < nb; i++)
        if (!find(((void *const *)v)[i])->done)
            return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
    Attr *a = calloc(1, sizeof(*a) + n);
    a->name = (int)name;
    a->type = (int)type;
    a->nb = nb;
    memcpy(a->data, v, n);
    a->next = f->attrs;
    f->attrs = a;
    return CUDNN_STATUS_SUCCESS;
}

/* What must be there. */
static const void *value(const Fake *f, int name, int type, int64_t nb)
{
    const Attr *const a = attr_of(f, name);
    if (!a || a->type != type || a->nb != nb)
        fake_die("cuDNN: an attribute is missing, or of another kind");
    return a->data;
}

static int64_t number(const Fake *f, int name)
{
    return *(const int64_t *)value(f, name, CUDNN_TYPE_INT64, 1);
}

static int word(const Fake *f, int name, int type)
{
    return *(const int *)value(f, name, type, 1);
}

static Fake *link_of(const Fake *f, int name)
{
    return find(
        *(void *const *)value(f, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1));
}

/* ---- graphs ---- */

typedef struct Value {
    int64_t id, dim[4], step[4];
    int type, between;
    char *at; /* memory, or where a value between is kept */
} Value;

typedef struct Op {
    int mode; /* -1: the convolution */
    int x, y, b;
    int64_t pad[2], stride[2];
    double slope;
} Op;

typedef struct Run {
    Value v[VALUES];
    Op op[OPS];
    int nb_v, nb_op, wrong;
    char *space;
    size_t space_size;
} Run;

static void say(const char *fmt, const char *name, int64_t a, int64_t b)
{
    const size_t n = strlen(said);
    snprintf(said + n, sizeof(said) - n, fmt, name, (int)a, (int)b);
}

static int element_of(int type)
{
    return type == CUDNN_DATA_HALF       ? FG_ELEMENT_F16
           : type == CUDNN_DATA_BFLOAT16 ? FG_ELEMENT_BF16
           : type == CUDNN_DATA_FLOAT
               ? FG_ELEMENT_F32
               : (fake_die("cuDNN: a type that is not known here"), 0);
}

/* "x=1:1x40x21x34/40 f16", the channels' step being 1; between: "x=7". */
static void say_value(const char *name, const Value *v)
{
    static const char *const types[] = {"f32", "f16", "bf16"};
    say(" %s=%d", name, v->id, 0);
    if (v->between)
        return;
    say("%s:%dx%d", "", v->dim[0], v->dim[1]);
    say("%sx%dx%d", "", v->dim[2], v->dim[3]);
    say("%s/%d", "", v->step[3], 0);
    say(" %s", types[v->type], 0, 0);
}

static int add_value(Run *r, const char *name, const Fake *t)
{
    const int64_t id = number(t, CUDNN_ATTR_TENSOR_UNIQUE_ID);
    int i = 0;
    while (i < r->nb_v && r->v[i].id != id)
        i++;
    Value *const v = &r->v[i];
    if (i == VALUES)
        fake_die("cuDNN: too many values");
    r->nb_v += i == r->nb_v;
    v->id = id;
    v->type = element_of(
        word(t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE));
    memcpy(v->dim, value(t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4),
           sizeof(v->dim));
    memcpy(v->step, value(t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4),
           sizeof(v->step));
    const Attr *a = attr_of(t, CUDNN_ATTR_TENSOR_IS_VIRTUAL);
    v->between = a && *(const bool *)a->data;
    if (number(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT) != 16 || v->step[1] != 1 ||
        v->step[2] != v->dim[3] * v->step[3] ||
        v->step[0] != v->dim[2] * v->step[2])
        fake_die("cuDNN: not a picture whose channels lie side by side");
    if (v->between && (v->type != FG_ELEMENT_F32 || v->step[3] != v->dim[1]))
        fake_die("cuDNN: a value between that is not whole and of 32 bits");
    say_value(name, v);
    return i;
}

static void read_pair(int64_t *to, const Fake *f, int name)
{
    memcpy(to, value(f, name, CUDNN_TYPE_INT64, 2), 2 * sizeof(*to));
}

static void read_conv(Run *r, Op *o, const Fake *f)
{
    const Fake *k = link_of(f,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
    int64_t post[2], far[2];
    read_pair(o->pad, k, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
    read_pair(post, k, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
    read_pair(far, k, CUDNN_ATTR_CONVOLUTION_DILATIONS);
    read_pair(o->stride, k, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
    const double *alpha = value(f,
                                CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                CUDNN_TYPE_DOUBLE, 1);
    const double *beta = value(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                               CUDNN_TYPE_DOUBLE, 1);
    if (memcmp(post, o->pad, sizeof(post)) || far[0] != 1 || far[1] != 1 ||
        number(k, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2 || *alpha != 1 ||
        *beta != 0 ||
        word(k, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
             CUDNN_TYPE_CONVOLUTION_MODE) != CUDNN_CROSS_CORRELATION ||
        word(k, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE) !=
            CUDNN_DATA_FLOAT)
        fake_die("cuDNN: a convolution of another kind");
    o->mode = -1;
    say("%sconv pad %d stride %d", "", o->pad[0], o->stride[0]);
    o->x = add_value(r, "x",
                     link_of(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X));
    o->b = add_value(r, "w",
                     link_of(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W));
    o->y = add_value(r, "y",
                     link_of(f, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y));
}

static const char *mode_name(int mode)
{
    return mode == CUDNN_POINTWISE_ADD   ? "add"
           : mode == CUDNN_POINTWISE_SUB ? "sub"
           : mode == CUDNN_POINTWISE_MUL ? "mul"
           : mode == CUDNN_POINTWISE_RELU_FWD
               ? "relu"
               : (fake_die("cuDNN: an operation that is not known"), "");
}

static void read_pointwise(Run *r, Op *o, const Fake *f)
{
    const Fake *k = link_of(f, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
    const Attr *slope = attr_of(k, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE);
    if (word(k, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE) !=
        CUDNN_DATA_FLOAT)
        fake_die("cuDNN: an operation of another kind");
    o->mode = word(k, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE);
    if (slope)
        memcpy(&o->slope, slope->data, sizeof(o->slope));
    say("%s", mode_name(o->mode), 0, 0);
    if (slope)
        say("%s slope %d/100", "", (int64_t)(o->slope * 100 + 0.5), 0);
    o->x = add_value(r, "x", link_of(f, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
    o->b = o->mode == CUDNN_POINTWISE_RELU_FWD
               ? -1
               : add_value(r, "b",
                           link_of(f, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
    o->y = add_value(r, "y", link_of(f, CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
}

static void read_graph(Run *r, const Fake *g)
{
    const Attr *ops = attr_of(g, CUDNN_ATTR_OPERATIONGRAPH_OPS);
    memset(r, 0, sizeof(*r));
    said[0] = 0;
    if (!ops || ops->nb > OPS)
        fake_die("cuDNN: a graph without operations, or with too many");
    for (; r->nb_op < (int)ops->nb; r->nb_op++) {
        const Fake *f = find(
            ((void *const *)(const void *)ops->data)[r->nb_op]);
        if (f->type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
            read_conv(r, &r->op[r->nb_op], f);
        else
            read_pointwise(r, &r->op[r->nb_op], f);
        say("%s\n", "", 0, 0);
    }
}

Status cudnnBackendFinalize(cudnnBackendDescriptor_t d)
{
    Fake *const f = find(d);
    Run r;
    Status s = CUDNN_STATUS_SUCCESS;
    if (f->done)
        fake_die("cuDNN: finalised twice");
    if (f->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
        read_graph(&r, f);
        s = refuse("graph");
    } else if (f->type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) {
        s = refuse("engines");
    } else if (f->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
        s = refuse("plan");
        f->engine = link_of(f, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)->engine;
    } else if (f->type == CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) {
        s = refuse("pack");
    }
    f->done = !s;
    return s;
}

/* ---- engines ---- */

/* Configurations, each with its graph; none by the second way of guessing. */
static int64_t engines(const Fake *heur, int64_t most, void *const *to)
{
    const int nb = word(heur, CUDNN_ATTR_ENGINEHEUR_MODE,
                        CUDNN_TYPE_HEUR_MODE) == CUDNN_HEUR_MODE_A
                       ? fake_setting("FAKECUDNN_ENGINES", 2)
                       : 0;
    void *const g = link_of(heur, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    int i = 0;
    for (; i < nb && i < most; i++) {
        cudnnBackendSetAttribute(to[i], CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &g);
        find(to[i])->engine = i;
        find(to[i])->done = 1;
    }
    return i;
}

static int64_t put64(void *to, int64_t v)
{
    memcpy(to, &v, sizeof(v));
    return 1;
}

static int64_t put32(void *to, int v)
{
    memcpy(to, &v, sizeof(v));
    return 1;
}

Status cudnnBackendGetAttribute(cudnnBackendDescriptor_t d,
                                cudnnBackendAttributeName_t name,
                                cudnnBackendAttributeType_t type, int64_t most,
                                int64_t *nb, void *to)
{
    const Fake *const f = find(d);
    const int note = fake_setting("FAKECUDNN_NOTE",
                                  CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP);
    (void)type;
    *nb = 0;
    switch ((int)name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS:
        *nb = engines(f, most, to);
        break;
    case CUDNN_ATTR_ENGINECFG_ENGINE:
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
        find(*(void **)to)->engine = f->engine;
        *nb = 1;
        break;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
        *nb = f->engine ? 0 : put32(to, note);
        break;
    case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
        break;
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
        *nb = put32(to, 2);
        break;
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
        *nb = put64(to, f->engine);
        break;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
        *nb = put64(to, f->engine * 1024);
        break;
    default:
        return CUDNN_STATUS_BAD_PARAM;
    }
    return CUDNN_STATUS_SUCCESS;
}

/* ---- running ---- */

static int64_t index_of(const Value *v, const int64_t *at)
{
    int64_t i = 0; /* where it has one, that one is for all */
    for (int k = 0; k < 4; k++)
        i += (v->dim[k] == 1 ? 0 : at[k]) * v->step[k];
    return i;
}

static float get(const Value *v, const int64_t *at)
{
    const int64_t i = index_of(v, at);
    return v->type == FG_ELEMENT_F32
               ? ((const float *)(const void *)v->at)[i]
               : fg_get16(v->type, ((const uint16_t *)(const void *)v->at)[i]);
}

static void put(const Value *v, const int64_t *at, float f)
{
    const int64_t i = index_of(v, at);
    if (v->type == FG_ELEMENT_F32)
        ((float *)(void *)v->at)[i] = f;
    else
        ((uint16_t *)(void *)v->at)[i] = fg_put16(v->type, f);
}

static float conv_at(const Run *r, const Op *o, const int64_t *at)
{
    const Value *x = &r->v[o->x], *w = &r->v[o->b], *y = &r->v[o->y];
    const int64_t groups = x->dim[1] / w->dim[1];
    const int64_t first = at[1] / (y->dim[1] / groups) * w->dim[1];
    float sum = 0;
    for (int64_t v = 0; v < w->dim[2]; v++)
        for (int64_t u = 0; u < w->dim[3]; u++) {
            const int64_t sy = at[2] * o->stride[0] - o->pad[0] + v;
            const int64_t sx = at[3] * o->stride[1] - o->pad[1] + u;
            if (sy < 0 || sx < 0 || sy >= x->dim[2] || sx >= x->dim[3])
                continue;
            for (int64_t i = 0; i < w->dim[1]; i++) {
                const int64_t wa[4] = {at[1], i, v, u};
                const int64_t xa[4] = {0, first + i, sy, sx};
                sum += get(x, xa) * get(w, wa);
            }
        }
    return sum;
}

static float pointwise_at(const Run *r, const Op *o, const int64_t *at)
{
    const float x = get(&r->v[o->x], at);
    const float b = o->b < 0 ? 0 : get(&r->v[o->b], at);
    return o->mode == CUDNN_POINTWISE_ADD   ? x + b
           : o->mode == CUDNN_POINTWISE_SUB ? x - b
           : o->mode == CUDNN_POINTWISE_MUL ? x * b
           : x > 0                          ? x
                                            : x * (float)o->slope;
}

static void run_op(const Run *r, const Op *o)
{
    const Value *y = &r->v[o->y];
    int64_t at[4] = {0, 0, 0, 0};
    for (at[1] = 0; at[1] < y->dim[1]; at[1]++)
        for (at[2] = 0; at[2] < y->dim[2]; at[2]++)
            for (at[3] = 0; at[3] < y->dim[3]; at[3]++)
                put(y, at,
                    o->mode < 0 ? conv_at(r, o, at) : pointwise_at(r, o, at));
}

static size_t bytes_of(const Value *v)
{
    return ((size_t)(v->dim[0] * v->step[0]) -
            (size_t)(v->step[3] - v->dim[1])) *
           (v->type == FG_ELEMENT_F32 ? 4 : 2);
}

static void run(void *arg)
{
    Run r = *(const Run *)arg;
    for (int i = 0; i < r.nb_v; i++)
        if (r.v[i].between)
            r.v[i].at = malloc(bytes_of(&r.v[i]));
    if (r.space)
        memset(r.space, 0xff, r.space_size);
    for (int i = 0; i < r.nb_op; i++)
        run_op(&r, &r.op[i]);
    const Value *y = &r.v[r.op[r.nb_op - 1].y];
    const int64_t first[4] = {0, 0, 0, 0};
    if (r.wrong)
        put(y, first, get(y, first) + 0.5F);
    for (int i = 0; i < r.nb_v; i++)
        if (r.v[i].between)
            free(r.v[i].at);
}

/* Where each value of the graph lies, by its id. */
static void bind(Run *r, const Fake *pack)
{
    const Attr *ids = attr_of(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    const Attr *at = attr_of(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
    if (!ids || !at || ids->nb != at->nb)
        fake_die("cuDNN: not one pointer for each value");
    for (int i = 0; i < r->nb_v; i++) {
        Value *const v = &r->v[i];
        for (int64_t k = 0; k < ids->nb; k++)
            if (((const int64_t *)(const void *)ids->data)[k] == v->id)
                v->at = ((char *const *)(const void *)at->data)[k];
        if (v->between ? v->at != NULL
                       : fake_memory((uint64_t)v->at) < bytes_of(v) ||
                             (uint64_t)v->at % 16)
            fake_die("cuDNN: a value that lies outside of its memory");
    }
}

Status cudnnBackendExecute(cudnnHandle_t h, cudnnBackendDescriptor_t plan,
                           cudnnBackendDescriptor_t pack)
{
    const Fake *const p = find(plan);
    const Fake *config = link_of(p, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const Status s = refuse("execute");
    char name[16], before[sizeof(said)];
    if (s)
        return s;
    Run *const r = calloc(1, sizeof(*r));
    memcpy(before, said, sizeof(said));
    read_graph(r, link_of(config, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH));
    memcpy(said, before, sizeof(said));
    bind(r, find(pack));
    r->wrong = fake_setting("FAKECUDNN_WRONG", -1) == p->engine;
    r->space = *(char *const *)value(
        find(pack), CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1);
    r->space_size = (size_t)p->engine * 1024;
    if (!r->space_size)
        r->space = NULL;
    else if (fake_memory((uint64_t)r->space) < r->space_size)
        fake_die("cuDNN: too little memory to work in");
    snprintf(name, sizeof(name), "e%d", p->engine);
    fake_spend(name);
    return fake_enqueue(h->stream, run, r) ? CUDNN_STATUS_EXECUTION_FAILED
                                           : CUDNN_STATUS_SUCCESS;
}
