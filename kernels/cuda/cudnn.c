/* ffgan: opens cuDNN and makes its convolutions ready.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cudnn.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OURS "the plug-in's own kernels do all convolutions"
#define OURS_THEN "the plug-in's own kernels do what it does not"

#ifdef FG_CUDNN

#include <cudnn_graph.h>

typedef cudnnBackendDescriptor_t Desc;

/* X(name here, name in the library, result, arguments) */
#define FG_DNN(X)                                                              \
    X(version, "cudnnGetVersion", size_t, (void))                              \
    X(why, "cudnnGetLastErrorString", void, (char *, size_t))                  \
    X(create, "cudnnCreate", cudnnStatus_t, (cudnnHandle_t *))                 \
    X(destroy, "cudnnDestroy", cudnnStatus_t, (cudnnHandle_t))                 \
    X(set_stream, "cudnnSetStream", cudnnStatus_t,                             \
      (cudnnHandle_t, cudaStream_t))                                           \
    X(make, "cudnnBackendCreateDescriptor", cudnnStatus_t,                     \
      (cudnnBackendDescriptorType_t, Desc *))                                  \
    X(drop, "cudnnBackendDestroyDescriptor", cudnnStatus_t, (Desc))            \
    X(set, "cudnnBackendSetAttribute", cudnnStatus_t,                          \
      (Desc, cudnnBackendAttributeName_t, cudnnBackendAttributeType_t,         \
       int64_t, const void *))                                                 \
    X(get, "cudnnBackendGetAttribute", cudnnStatus_t,                          \
      (const Desc, cudnnBackendAttributeName_t, cudnnBackendAttributeType_t,   \
       int64_t, int64_t *, void *))                                            \
    X(finalize, "cudnnBackendFinalize", cudnnStatus_t, (Desc))                 \
    X(execute, "cudnnBackendExecute", cudnnStatus_t,                           \
      (cudnnHandle_t, Desc, Desc))

struct FgDnn {
#define FIELD(name, symbol, result, arguments) result(*name) arguments;
    FG_DNN(FIELD)
#undef FIELD
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FgDnn library;
static int known, ready; /* the version; whether it can be used */

/* ---- opening ---- */

static int resolve(void *so, FgError *err)
{
    static const char *const names[] = {
#define NAME(name, symbol, result, arguments) symbol,
        FG_DNN(NAME)
#undef NAME
    };
    void *at[sizeof(names) / sizeof(*names)];
    _Static_assert(sizeof(at) == sizeof(FgDnn), "a table of pointers");
    at[0] = dlsym(so, names[0]);
    if (at[0]) {
        memcpy(&library, at, sizeof(*at));
        known = (int)library.version();
    }
    const int major = known < 90000 ? known / 1000 : known / 10000;
    if (known < FG_DNN_OLDEST)
        return fg_error(
            err, -ENOTSUP, "cuDNN %d.%d.%d is too old, %d.%d is needed: " OURS,
            major, known / 100 % (known < 90000 ? 10 : 100), known % 100,
            FG_DNN_OLDEST / 10000, FG_DNN_OLDEST % 10000 / 100);
    for (size_t i = 1; i < sizeof(names) / sizeof(*names); i++) {
        at[i] = dlsym(so, names[i]);
        if (!at[i])
            return fg_error(err, -ENOTSUP, "cuDNN has no %s: " OURS, names[i]);
    }
    memcpy(&library, at, sizeof(at));
    return 0;
}

const FgDnn *fg_dnn(int *version, FgError *err)
{
    pthread_mutex_lock(&lock);
    if (!ready) {
        void *const so = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
        if (!so)
            fg_error(err, -ENOENT,
                     "no cuDNN 9 (libcudnn.so.9), which is not "
                     "needed: " OURS);
        else if (resolve(so, err) >= 0)
            ready = 1;
        if (so && !ready)
            dlclose(so);
    }
    const int is = ready;
    if (version)
        *version = known;
    pthread_mutex_unlock(&lock);
    return is ? &library : NULL;
}

/* What a call returned as ours. */
static int check(const FgDnn *d, cudnnStatus_t s, const char *doing,
                 FgError *err)
{
    const int memory = s ==
                           CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
                       s ==
                           CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
    char why[256] = "";
    if (s == CUDNN_STATUS_SUCCESS)
        return 0;
    d->why(why, sizeof(why));
    why[strcspn(why, "\n")] = 0;
    return fg_error(err, memory ? -ENOMEM : -ENODEV,
                    "cuDNN: %s failed (%d): %.160s: " OURS_THEN, doing, (int)s,
                    why);
}

/* ---- descriptors ---- */

enum { MOST = 40 };

/* Descriptors that live and die together; the first error stays. */
typedef struct Set {
    const FgDnn *d;
    Desc all[MOST];
    int nb;
    cudnnStatus_t bad;
} Set;

static Desc make(Set *s, cudnnBackendDescriptorType_t type)
{
    Desc t = NULL;
    if (!s->bad)
        s->bad = s->nb < MOST ? s->d->make(type, &t)
                              : CUDNN_STATUS_INTERNAL_ERROR;
    if (!s->bad)
        s->all[s->nb++] = t;
    return t;
}

static void put(Set *s, Desc t, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t nb, const void *v)
{
    if (!s->bad)
        s->bad = s->d->set(t, name, type, nb, v);
}

static void put_desc(Set *s, Desc t, cudnnBackendAttributeName_t name, Desc v)
{
    put(s, t, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &v);
}

static void done(Set *s, Desc t)
{
    if (!s->bad)
        s->bad = s->d->finalize(t);
}

static void drop_all(Set *s)
{
    while (s->nb)
        s->d->drop(s->all[--s->nb]);
}

/* ---- places ---- */

struct FgDnnPlace {
    const FgDnn *d;
    cudnnHandle_t handle; /* one of the two */
    Set device;
};

int fg_dnn_place(const FgDnn *d, const char *text, FgDnnPlace **place,
                 FgError *err)
{
    FgDnnPlace *p = *place = calloc(1, sizeof(*p));
    int rc;
    if (!p)
        return fg_error(err, -ENOMEM, "cuDNN: out of memory");
    p->d = p->device.d = d;
    if (!text) {
        rc = check(d, d->create(&p->handle), "starting it", err);
    } else {
#if CUDNN_VERSION >= 90800
        const Desc t = make(&p->device, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
        put(&p->device, t, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
            CUDNN_TYPE_CHAR, (int64_t)strlen(text), text);
        done(&p->device, t);
        rc = check(d, p->device.bad, "reading a device's description", err);
#else
        rc = fg_error(err, -ENOTSUP, "cuDNN: devices are described from 9.8");
#endif
    }
    if (rc < 0)
        fg_dnn_leave(place);
    return rc;
}

void fg_dnn_leave(FgDnnPlace **place)
{
    FgDnnPlace *p = *place;
    *place = NULL;
    if (!p)
        return;
    drop_all(&p->device);
    if (p->handle)
        p->d->destroy(p->handle);
    free(p);
}

int fg_dnn_describe(const FgDnn *d, char *text, size_t size, FgError *err)
{
#if CUDNN_VERSION >= 90800
    Set s = {.d = d};
    int64_t n = 0;
    int device = 0;
    const Desc t = make(&s, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    put(&s, t, CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &device);
    done(&s, t);
    if (!s.bad)
        s.bad = d->get(t, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                       CUDNN_TYPE_CHAR, (int64_t)size - 1, &n, text);
    drop_all(&s);
    text[n > 0 && n < (int64_t)size ? n : 0] = 0;
    return check(d, s.bad, "describing the device", err);
#else
    (void)d, (void)text, (void)size;
    return fg_error(err, -ENOTSUP, "cuDNN: devices are described from 9.8");
#endif
}

/* ---- the graph ---- */

enum { ID_IN = 1, ID_FILTERS, ID_BIAS, ID_SLOPE, ID_ADD, ID_OUT, ID_BETWEEN };

static cudnnDataType_t type_of(int element)
{
    return element == FG_ELEMENT_F16    ? CUDNN_DATA_HALF
           : element == FG_ELEMENT_BF16 ? CUDNN_DATA_BFLOAT16
                                        : CUDNN_DATA_FLOAT;
}

/* Channels lie side by side; between: a value that is kept nowhere. */
static Desc tensor(Set *s, int64_t id, cudnnDataType_t type, const int64_t *dim,
                   int64_t pitch)
{
    const Desc t = make(s, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const int64_t step[4] = {dim[2] * dim[3] * pitch, 1, dim[3] * pitch, pitch};
    const int64_t align = 16;
    const bool between = id >= ID_BETWEEN;
    put(s, t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
    put(s, t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dim);
    put(s, t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, step);
    put(s, t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
    put(s, t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &align);
    if (between)
        put(s, t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
            &between);
    done(s, t);
    return t;
}

static Desc picture(Set *s, int64_t id, const FgKView *v)
{
    const int64_t dim[4] = {1, v->c, v->h, v->w};
    return tensor(s, id, type_of(v->element), dim, v->pitch);
}

typedef struct Chain {
    Set *s;
    const FgKernelArgs *a;
    Desc op[10], value; /* value: what the last op makes */
    int nb, left;       /* ops that come yet: the last makes the output */
    int64_t between;
} Chain;

static Desc next_value(Chain *c)
{
    FgKView v = c->a->out;
    c->left--;
    if (!c->left)
        return picture(c->s, ID_OUT, &v);
    v.element = FG_ELEMENT_F32;
    v.pitch = v.c;
    return picture(c->s, c->between++, &v);
}

static void convolve(Chain *c)
{
    Set *s = c->s;
    const FgKernelArgs *a = c->a;
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t pad[2] = {a->pad, a->pad}, one[2] = {1, 1}, two = 2;
    const int64_t stride[2] = {a->stride, a->stride};
    const int64_t group = a->in[0].c / a->groups;
    const int64_t side[4] = {a->out.c, group, a->kernel, a->kernel};
    const double alpha = 1, beta = 0;
    const Desc k = make(s, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    put(s, k, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    put(s, k, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1,
        &mode);
    put(s, k, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two);
    put(s, k, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, one);
    put(s, k, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2,
        stride);
    put(s, k, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    put(s, k, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad);
    done(s, k);
    const Desc o = make(s,
                        CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    const Desc in = picture(s, ID_IN, &a->in[0]);
    const Desc w = tensor(s, ID_FILTERS, type_of(a->in[0].element), side,
                          group);
    c->value = next_value(c);
    put_desc(s, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, k);
    put_desc(s, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, in);
    put_desc(s, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    put_desc(s, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, c->value);
    put(s, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_DOUBLE,
        1, &alpha);
    put(s, o, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_DOUBLE,
        1, &beta);
    done(s, o);
    c->op[c->nb++] = o;
}

/* The next value: of x and, unless NULL, y. slope: of ReLU below 0. */
static void pointwise(Chain *c, cudnnPointwiseMode_t mode, double slope, Desc x,
                      Desc y)
{
    Set *s = c->s;
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const Desc k = make(s, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    put(s, k, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    put(s, k, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &sums);
    if (slope != 0)
        put(s, k, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE,
            1, &slope);
    done(s, k);
    const Desc o = make(s, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    c->value = next_value(c);
    put_desc(s, o, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, k);
    put_desc(s, o, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (y)
        put_desc(s, o, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, y);
    put_desc(s, o, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, c->value);
    done(s, o);
    c->op[c->nb++] = o;
}

static void add(Chain *c, Desc what)
{
    pointwise(c, CUDNN_POINTWISE_ADD, 0, c->value, what);
}

static Desc per_channel(Chain *c, int64_t id)
{
    const int64_t dim[4] = {1, c->a->out.c, 1, 1};
    return tensor(c->s, id, type_of(c->a->in[0].element), dim, dim[1]);
}

static int nb_ops(const FgKernelArgs *a)
{
    const int act = a->act == FG_UNARY_COPY    ? 0
                    : a->act == FG_UNARY_PRELU ? 4
                                               : 1;
    return 1 + !!a->add.at + !!a->p[1] + act;
}

/* What is added before the bias and ReLU has engines that need no compiler;
 * after the bias it has not. PReLU: max(x, 0) + slope * (x - max(x, 0)). */
static void chain(Chain *c)
{
    const FgKernelArgs *a = c->a;
    convolve(c);
    if (a->add.at && a->add_first)
        add(c, picture(c->s, ID_ADD, &a->add));
    if (a->p[1])
        add(c, per_channel(c, ID_BIAS));
    const Desc x = c->value;
    if (a->act == FG_UNARY_RELU || a->act == FG_UNARY_LEAKY) {
        pointwise(c, CUDNN_POINTWISE_RELU_FWD,
                  a->act == FG_UNARY_LEAKY ? (double)a->alpha : 0, x, NULL);
    } else if (a->act == FG_UNARY_PRELU) {
        pointwise(c, CUDNN_POINTWISE_RELU_FWD, 0, x, NULL);
        const Desc over = c->value;
        pointwise(c, CUDNN_POINTWISE_SUB, 0, x, over);
        pointwise(c, CUDNN_POINTWISE_MUL, 0, c->value,
                  per_channel(c, ID_SLOPE));
        add(c, over);
    }
    if (a->add.at && !a->add_first)
        add(c, picture(c->s, ID_ADD, &a->add));
}

static Desc graph(Set *s, const FgKernelArgs *a)
{
    Chain c = {.s = s, .a = a, .left = nb_ops(a), .between = ID_BETWEEN};
    chain(&c);
    const Desc g = make(s, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    put(s, g, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
        c.nb, c.op);
    done(s, g);
    return g;
}

/* ---- engines ---- */

enum { CONFIGS = 100, NOTES = 16, KNOBS = 32, COMPILED = 2 };

/* A graph and all that is made of it, while one plan lives. */
typedef struct Shared {
    Set set;
    int users;
} Shared;

struct FgCudaDnn {
    FgDnnPlace *place;
    Shared *graph;
    Set set; /* its configuration, the plan, the pack of its memory */
    Desc plan;
    int64_t workspace;
    char name[FG_DNN_NAME];
};

/* An engine of a configuration: whether it may be used; compiles: it must be
 * compiled first. */
static int fits(Set *s, Desc engine, int element, int *compiles)
{
    cudnnBackendNumericalNote_t n[NOTES];
    cudnnBackendBehaviorNote_t b[NOTES];
    int64_t nb_n = 0, nb_b = 0;
    *compiles = 0;
    if (s->d->get(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                  CUDNN_TYPE_NUMERICAL_NOTE, NOTES, &nb_n, n) ||
        s->d->get(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                  CUDNN_TYPE_BEHAVIOR_NOTE, NOTES, &nb_b, b) ||
        nb_n > NOTES || nb_b > NOTES)
        return 0;
    for (int i = 0; i < nb_n; i++)
        if (n[i] != CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP &&
            (n[i] != CUDNN_NUMERICAL_NOTE_TENSOR_CORE ||
             element == FG_ELEMENT_F32))
            return 0;
    for (int i = 0; i < nb_b; i++) {
        if (b[i] == CUDNN_BEHAVIOR_NOTE_REQUIRES_FILTER_INT8x32_REORDER ||
            b[i] == CUDNN_BEHAVIOR_NOTE_REQUIRES_BIAS_INT8x32_REORDER)
            return 0;
        *compiles |= b[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
    }
    return 1;
}

static void say(char *text, const char *fmt, ...)
{
    const size_t n = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + n, FG_DNN_NAME - n, fmt, ap);
    va_end(ap);
}

/* "e41 2=4 13=0": the engine, and its knobs by cuDNN's numbers. */
static void name_config(Set *s, Desc config, Desc engine, char *name)
{
    Desc knob[KNOBS];
    int64_t id = -1, n = 0, nb = 0;
    int made = 0;
    name[0] = 0;
    s->d->get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &n,
              &id);
    say(name, "e%d", (int)id);
    while (made < KNOBS &&
           !s->d->make(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &knob[made]))
        made++;
    if (made < KNOBS ||
        s->d->get(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, KNOBS, &nb, knob))
        nb = 0;
    for (int i = 0; i < nb && i < KNOBS; i++) {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        int64_t v = 0;
        s->d->get(knob[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                  CUDNN_TYPE_KNOB_TYPE, 1, &n, &type);
        s->d->get(knob[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64,
                  1, &n, &v);
        say(name, " %d=%d", (int)type, (int)v);
    }
    while (made)
        s->d->drop(knob[--made]);
}

/* Descriptors of what the heuristics of one mode say; how many. */
static int configurations(FgDnnPlace *p, Desc g, cudnnBackendHeurMode_t mode,
                          Desc *config)
{
    Set s = {.d = p->d};
    int64_t nb = 0;
    const Desc h = make(&s, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    put(&s, h, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    put_desc(&s, h, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g);
#if CUDNN_VERSION >= 90800
    if (!p->handle)
        put_desc(&s, h, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, p->device.all[0]);
#endif
    done(&s, h);
    int made = 0;
    while (!s.bad && made < CONFIGS &&
           !p->d->make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config[made]))
        made++;
    if (!s.bad)
        s.bad = p->d->get(h, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                          CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &nb, config);
    drop_all(&s);
    if (s.bad || nb > made)
        nb = s.bad ? 0 : made;
    while (made > nb)
        p->d->drop(config[--made]);
    return (int)nb;
}

/* NULL: this engine does not work here. config belongs to it. */
static FgDnnPlan *ready_plan(FgDnnPlace *p, Shared *g, Desc config)
{
    FgDnnPlan *t = calloc(1, sizeof(*t));
    int64_t n = 0;
    if (!t) {
        p->d->drop(config);
        return NULL;
    }
    t->place = p;
    t->set = (Set){.d = p->d, .all = {config}, .nb = 1};
    t->plan = make(&t->set, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    put_desc(&t->set, t->plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
#if CUDNN_VERSION >= 90800
    if (!p->handle)
        put_desc(&t->set, t->plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
                 p->device.all[0]);
#endif
    done(&t->set, t->plan);
    if (!t->set.bad)
        t->set.bad = p->d->get(t->plan,
                               CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                               CUDNN_TYPE_INT64, 1, &n, &t->workspace);
    if (t->set.bad) {
        drop_all(&t->set);
        free(t);
        return NULL;
    }
    t->graph = g;
    g->users++;
    return t;
}

/* One configuration: a plan, or NULL; config is taken. */
static FgDnnPlan *consider(FgDnnPlace *p, Shared *g, Desc config, int element,
                           int *may_compile)
{
    Set s = {.d = p->d};
    char name[FG_DNN_NAME] = "";
    int compiles = 0;
    int64_t n = 0;
    Desc engine = make(&s, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int ok = !s.bad &&
             !p->d->get(config, CUDNN_ATTR_ENGINECFG_ENGINE,
                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine) &&
             fits(&s, engine, element, &compiles);
    if (ok)
        name_config(&s, config, engine, name);
    drop_all(&s);
    if (ok && compiles)
        ok = (*may_compile)-- > 0;
    if (!ok) {
        p->d->drop(config);
        return NULL;
    }
    FgDnnPlan *t = ready_plan(p, g, config);
    if (t)
        memcpy(t->name, name, sizeof(name));
    return t;
}

static void unuse(Shared *g)
{
    if (--g->users)
        return;
    drop_all(&g->set);
    free(g);
}

int fg_dnn_find(FgDnnPlace *p, const FgKernelArgs *a, int nb, FgDnnPlan **found,
                FgError *err)
{
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A,
                                                   CUDNN_HEUR_MODE_FALLBACK};
    Desc config[CONFIGS];
    int n = 0, may_compile = COMPILED;
    Shared *g = calloc(1, sizeof(*g));
    if (!g)
        return fg_error(err, -ENOMEM, "cuDNN: out of memory");
    g->users = 1;
    g->set.d = p->d;
    const Desc all = graph(&g->set, a);
    const int bad = g->set.bad;
    if (bad) {
        n = check(p->d, g->set.bad, "a convolution's graph", err);
        n = n == -ENOMEM ? n : -ENOTSUP;
    }
    for (int m = 0; !bad && m < 2; m++) {
        const int here = configurations(p, all, modes[m], config);
        for (int i = 0; i < here; i++) {
            if (n == nb) {
                p->d->drop(config[i]);
                continue;
            }
            found[n] = consider(p, g, config[i], a->in[0].element,
                                &may_compile);
            n += found[n] != NULL;
        }
    }
    unuse(g);
    if (n == 0)
        fg_error(err, 0,
                 "cuDNN: no engine for a convolution of side %d from %d to %d "
                 "channels: " OURS_THEN,
                 a->kernel, a->in[0].c, a->out.c);
    return n;
}

void fg_dnn_drop(FgDnnPlan **plan)
{
    FgDnnPlan *t = *plan;
    *plan = NULL;
    if (!t)
        return;
    drop_all(&t->set);
    unuse(t->graph);
    free(t);
}

const char *fg_dnn_name(const FgDnnPlan *plan)
{
    return plan->name;
}

size_t fg_dnn_workspace(const FgDnnPlan *plan)
{
    return plan->workspace > 0 ? (size_t)plan->workspace : 0;
}

/* ---- running ---- */

int fg_dnn_run(FgDnnPlan *t, void *stream, const FgKernelArgs *a,
               uint64_t workspace, FgError *err)
{
    const FgDnn *d = t->place->d;
    const uint64_t at[] = {a->in[0].at, a->p[0],   a->p[1],
                           a->p[2],     a->add.at, a->out.at};
    static const int64_t ids[] = {ID_IN,    ID_FILTERS, ID_BIAS,
                                  ID_SLOPE, ID_ADD,     ID_OUT};
    void *where[6], *const space = (void *)(uintptr_t)workspace;
    int64_t id[6], nb = 0;
    Set s = {.d = d};
    for (int i = 0; i < 6; i++)
        if (at[i]) {
            where[nb] = (void *)(uintptr_t)at[i];
            id[nb++] = ids[i];
        }
    const Desc pack = make(&s, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    put(&s, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
        nb, where);
    put(&s, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, nb, id);
    put(&s, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
        &space);
    done(&s, pack);
    if (!s.bad)
        s.bad = d->set_stream(t->place->handle, stream);
    if (!s.bad)
        s.bad = d->execute(t->place->handle, t->plan, pack);
    const int rc = check(d, s.bad, "a convolution", err);
    drop_all(&s);
    return rc;
}

#else /* no headers */

const FgDnn *fg_dnn(int *version, FgError *err)
{
    void *const so = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    size_t (*get)(void) = NULL;
    void *const v = so ? dlsym(so, "cudnnGetVersion") : NULL;
    memcpy(&get, &v, sizeof(v));
    if (version)
        *version = get ? (int)get() : 0;
    if (so)
        dlclose(so);
    fg_error(err, -ENOTSUP,
             "this plug-in was built without cuDNN's headers: " OURS);
    return NULL;
}

/* Nothing below is reached: it takes what fg_dnn gives. */
static int none(FgError *err)
{
    return fg_error(err, -ENOTSUP, "built without cuDNN's headers");
}

int fg_dnn_place(const FgDnn *d, const char *text, FgDnnPlace **place,
                 FgError *err)
{
    (void)d, (void)text;
    *place = NULL;
    return none(err);
}

void fg_dnn_leave(FgDnnPlace **place)
{
    *place = NULL;
}

int fg_dnn_describe(const FgDnn *d, char *text, size_t size, FgError *err)
{
    (void)d, (void)text, (void)size;
    return none(err);
}

int fg_dnn_find(FgDnnPlace *place, const FgKernelArgs *a, int nb,
                FgDnnPlan **found, FgError *err)
{
    (void)place, (void)a, (void)nb, (void)found;
    return none(err);
}

void fg_dnn_drop(FgDnnPlan **plan)
{
    *plan = NULL;
}

const char *fg_dnn_name(const FgDnnPlan *plan)
{
    (void)plan;
    return "";
}

size_t fg_dnn_workspace(const FgDnnPlan *plan)
{
    (void)plan;
    return 0;
}

int fg_dnn_run(FgDnnPlan *plan, void *stream, const FgKernelArgs *a,
               uint64_t workspace, FgError *err)
{
    (void)plan, (void)stream, (void)a, (void)workspace;
    return none(err);
}

#endif
