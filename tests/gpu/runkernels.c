/* ffgan: the stand-in for the driver runs our kernels: modules, launches and
 * graphs of fakecuda.c, the kernels' sources on the CPU.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A launch ends the program unless its grid, block and shared memory are what
 * launch.h says, and each picture that it is given lies whole in memory of the
 * current context. $FAKECUDA_LOAD=N: what cuModuleLoadDataEx says;
 * $FAKECUDA_HOPPER=N: of that with FG_KERNELS_HOPPER, which is loaded on a
 * device 9.0 alone; $FAKECUDA_FP8=N: of that with FG_KERNELS_FP8, on 8.9 and
 * 12.x. */
#include <errno.h>
#include <malloc.h>

#include "fakecuda.h"
#include "kernels/cuda/emulate.h"

typedef struct Launch {
    int kernel; /* -1: work of a graph that was captured */
    FgKernelArgs a;
    FakeWork work;
} Launch;

typedef struct Graph {
    int nb;
    Launch *l;
} Graph;

typedef struct Node { /* CUDA_KERNEL_NODE_PARAMS_v2 */
    const char *func;
    unsigned grid[3], block[3], shared;
    void **params, **extra;
    void *kernel, *context;
} Node;

static const char names[][32] = {
#define MAP(name) [FG_KERNEL_##name] = "fg_cuda_" #name,
    FG_KERNELS_MAP(MAP)
        FG_KERNELS_WIDE(MAP)[FG_KERNEL_moments] = "fg_cuda_moments",
#define MMA(name, element, n, k) [FG_KERNEL_##name] = "fg_cuda_" #name,
    FG_KERNELS_TENSOR(MMA)
#define TRAIN(name, grid) [FG_KERNEL_##name] = "fg_cuda_" #name,
        FG_KERNELS_TRAIN(TRAIN)};

/* ---- modules ---- */

enum { ALL, HOPPER, FP8 };

/* Which of the plug-in's fatbins: the first is for all; no device is to be
 * given both others. */
static size_t image_is(const void *image)
{
    static const void *general;
    const int cc = fake_setting("FAKECUDA_CC", 90);
    general = general ? general : image;
    if (image == general)
        return ALL;
    if (cc != 90 && cc != 89 && cc < 120)
        fake_die("another GPU's kernels");
    return cc == 90 ? HOPPER : FP8;
}

CUresult cuModuleLoadDataEx(Thing **m, const void *image, unsigned n,
                            const int *options, void **values)
{
    static const char *const settings[] = {"FAKECUDA_LOAD", "FAKECUDA_HOPPER",
                                           "FAKECUDA_FP8"};
    const size_t is = image_is(image);
    const CUresult rc = fake_setting(settings[is], OK);
    uint32_t magic;
    memcpy(&magic, image, sizeof(magic));
    if (magic != 0xba55ed50) /* a fatbin */
        return INVALID_IMAGE;
    for (unsigned i = 0; i < n; i++)
        if (options[i] == 5) /* CU_JIT_ERROR_LOG_BUFFER */
            strcpy(values[i], rc ? "the log" : "");
    *m = rc ? NULL : fake_make(MODULE);
    if (*m)
        (*m)->bytes = is;
    return rc ? rc : *m ? OK : INVALID_CONTEXT;
}

static size_t image_of(int kernel)
{
    switch (kernel) {
#define CASE(name, element, n, k) case FG_KERNEL_##name:
        FG_KERNELS_HOPPER(CASE)
        return HOPPER;
        FG_KERNELS_FP8(CASE)
        return FP8;
#undef CASE
    default:
        return ALL;
    }
}

CUresult cuModuleUnload(Thing *m)
{
    return fake_drop(MODULE, m);
}

CUresult cuModuleGetFunction(const void **f, const Thing *m, const char *name)
{
    if (!fake_is(MODULE, m))
        return INVALID_HANDLE;
    for (int i = 0; i < FG_NB_KERNELS; i++)
        if (!strcmp(names[i], name) && image_of(i) == m->bytes) {
            *f = names[i];
            return OK;
        }
    return NOT_FOUND;
}

/* ---- launches ---- */

static int kernel_of(const void *f)
{
    for (int i = 0; i < FG_NB_KERNELS; i++)
        if (f == names[i])
            return i;
    fake_die("a launch of what is no kernel");
    return -1;
}

/* A picture of another's may be a part of one: its rows, not their ends. */
static void check_view(const FgKView *v, const char *what)
{
    const size_t element = v->element == FG_ELEMENT_F32    ? 4
                           : v->element == FG_ELEMENT_E4M3 ? 1
                                                           : 2;
    const size_t pixels = (size_t)v->h * (size_t)v->w;
    if (!v->at || !pixels)
        return;
    if (v->c > v->pitch && v->pitch)
        fake_die(what);
    if (fake_memory(v->at) <
        element * (pixels - 1) * (size_t)v->pitch + element * (size_t)v->c)
        fake_die(what);
}

/* With its border. */
static void check_plane(const FgPlane *p)
{
    const size_t b = FG_BORDER, row = (size_t)p->row;
    if (!p->data)
        return;
    const size_t n = ((size_t)p->h + 2 * b - 1) * row + (size_t)p->w + 2 * b;
    if (fake_memory((uint64_t)(p->data - b * row - b)) < n * sizeof(float))
        fake_die("a plane lies outside of its memory");
}

static void check_maps(const FgFlowMaps *m)
{
    const void *const maps[] = {m->du[0],     m->du[1],     m->dv[0], m->dv[1],
                                m->misfit[0], m->misfit[1], m->plain, m->u,
                                m->v,         m->share};
    const size_t n = (size_t)m->w * (size_t)m->h;
    for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
        if (maps[i] && fake_memory((uint64_t)maps[i]) < n * sizeof(float))
            fake_die("a map lies outside of its memory");
    for (int k = 0; k < 2; k++)
        if (m->landed[k] &&
            fake_memory((uint64_t)m->landed[k]) < n * sizeof(uint64_t))
            fake_die("what landed lies outside of its memory");
}

static Launch checked(const void *f, const unsigned *grid,
                      const unsigned *block, unsigned shared, void **params)
{
    Launch l = {.kernel = kernel_of(f)};
    memcpy(&l.a, params[0], sizeof(l.a));
    const FgLaunch want = fg_launch(l.kernel, &l.a);
    for (int i = 0; i < 3; i++)
        if (grid[i] != want.grid[i] || !grid[i] || (i && grid[i] > 65535) ||
            block[i] != (i ? 1 : want.block))
            fake_die("a launch of another shape");
    if (shared != want.shared || shared > 48 << 10)
        fake_die("a launch with other shared memory");
    check_view(&l.a.in[0], "in[0] lies outside of its memory");
    check_view(&l.a.in[1], "in[1] lies outside of its memory");
    check_view(&l.a.add, "add lies outside of its memory");
    if (l.kernel != FG_KERNEL_picture_out) /* its rows are a frame's */
        check_view(&l.a.out, "out lies outside of its memory");
    for (size_t i = 0; i < sizeof(l.a.plane) / sizeof(*l.a.plane); i++)
        check_plane(&l.a.plane[i]);
    check_maps(&l.a.flow);
    for (int i = 0; i < 4; i++)
        if (l.a.p[i] && !fake_memory(l.a.p[i]))
            fake_die("a parameter lies outside of its memory");
    return l;
}

static void do_launch(void *arg)
{
    const Launch *const l = arg;
    run_kernel(l->kernel, &l->a);
}

static Launch *copy_of(const Launch *l)
{
    Launch *const c = malloc(sizeof(*c));
    if (!c)
        fake_die("out of host memory");
    *c = *l;
    return c;
}

static void *same(const void *arg)
{
    const size_t n = malloc_usable_size((void *)arg);
    void *const p = malloc(n);
    if (!p)
        fake_die("out of host memory");
    return memcpy(p, arg, n);
}

static CUresult enqueue(const Launch *l, const void *stream)
{
    if (l->kernel < 0)
        return fake_enqueue(stream, l->work.fn, same(l->work.arg));
    if (++fake_launches == fake_setting("FAKECUDA_LAUNCH", 0))
        fake_lose();
    fake_spend(names[l->kernel] + sizeof("fg_cuda_") - 1);
    return fake_enqueue(stream, do_launch, copy_of(l));
}

CUresult cuLaunchKernel(const void *f, unsigned gx, unsigned gy, unsigned gz,
                        unsigned bx, unsigned by, unsigned bz, unsigned shared,
                        const void *stream, void **params, void **extra)
{
    const unsigned grid[] = {gx, gy, gz}, block[] = {bx, by, bz};
    if (!fake_has_context())
        return INVALID_CONTEXT;
    if (extra)
        return INVALID_VALUE;
    const Launch l = checked(f, grid, block, shared, params);
    return enqueue(&l, stream);
}

/* ---- graphs ---- */

CUresult cuGraphCreate(Thing **g, unsigned flags)
{
    if (flags)
        return INVALID_VALUE;
    *g = fake_make(GRAPH);
    if (!*g)
        return INVALID_CONTEXT;
    (*g)->data = calloc(1, sizeof(Graph));
    return (*g)->data ? OK : OUT_OF_MEMORY;
}

/* Only chains: each node waits for the one before. A node is its number. */
CUresult cuGraphAddKernelNode_v2(void **node, const Thing *g, void *const *deps,
                                 size_t nb_deps, const Node *p)
{
    if (!fake_is(GRAPH, g))
        return INVALID_HANDLE;
    Graph *const m = g->data;
    if (nb_deps != (m->nb > 0) || (nb_deps && (intptr_t)deps[0] != m->nb))
        fake_die("a node that does not wait for the one before");
    m->l = realloc(m->l, sizeof(*m->l) * (size_t)(m->nb + 1));
    if (!m->l)
        fake_die("out of host memory");
    m->l[m->nb++] = checked(p->func, p->grid, p->block, p->shared, p->params);
    *node = (void *)(intptr_t)m->nb;
    return OK;
}

/* What was captured, as a graph. */
CUresult cuStreamEndCapture(const void *stream, Thing **g)
{
    FakeWork *work;
    const int n = fake_captured(stream, &work);
    if (n < 0 || cuGraphCreate(g, 0) != OK)
        return INVALID_HANDLE;
    Graph *const m = (*g)->data;
    m->l = calloc((size_t)n + 1, sizeof(*m->l));
    if (!m->l)
        fake_die("out of host memory");
    for (; m->nb < n; m->nb++)
        m->l[m->nb] = (Launch){.kernel = -1, .work = work[m->nb]};
    free(work);
    return OK;
}

static void append(Graph *m, const Graph *from)
{
    m->l = realloc(m->l, sizeof(*m->l) * (size_t)(m->nb + from->nb + 1));
    if (!m->l)
        fake_die("out of host memory");
    for (int i = 0; i < from->nb; i++, m->nb++) {
        m->l[m->nb] = from->l[i];
        if (from->l[i].kernel < 0)
            m->l[m->nb].work.arg = same(from->l[i].work.arg);
    }
}

CUresult cuGraphAddChildGraphNode(void **node, const Thing *g,
                                  void *const *deps, size_t nb_deps,
                                  const Thing *child)
{
    if (!fake_is(GRAPH, g) || !fake_is(GRAPH, child))
        return INVALID_HANDLE;
    Graph *const m = g->data;
    if (nb_deps != (m->nb > 0) || (nb_deps && (intptr_t)deps[0] != m->nb))
        fake_die("a node that does not wait for the one before");
    append(m, child->data);
    *node = (void *)(intptr_t)m->nb;
    return OK;
}

static CUresult drop_graph(int kind, Thing *g)
{
    Graph *const m = fake_is(kind, g) ? g->data : NULL;
    const CUresult rc = fake_drop(kind, g);
    if (rc == OK && m) {
        for (int i = 0; i < m->nb; i++)
            if (m->l[i].kernel < 0)
                free(m->l[i].work.arg);
        free(m->l);
        free(m);
    }
    return rc;
}

CUresult cuGraphDestroy(Thing *g)
{
    return drop_graph(GRAPH, g);
}

CUresult cuGraphInstantiateWithFlags(Thing **x, const Thing *g,
                                     unsigned long long flags)
{
    if (flags || !fake_is(GRAPH, g))
        return INVALID_HANDLE;
    const Graph *const from = g->data;
    Graph *const to = calloc(1, sizeof(*to));
    *x = fake_make(EXEC);
    if (!to || !*x)
        fake_die("out of host memory");
    append(to, from);
    (*x)->data = to;
    return OK;
}

CUresult cuGraphExecDestroy(Thing *x)
{
    return drop_graph(EXEC, x);
}

CUresult cuGraphLaunch(const Thing *x, const void *stream)
{
    if (!fake_is(EXEC, x))
        return INVALID_HANDLE;
    const Graph *const m = x->data;
    CUresult rc = OK;
    for (int i = 0; i < m->nb && rc == OK; i++)
        rc = enqueue(&m->l[i], stream);
    return rc;
}
