/* Training on a GPU: mirrors of parameters.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/gpu.h"

struct FgMirror {
    FgGpu *d;
    FgParams *ps;
    int refs;
    uint64_t *at;
    char *host_ok, *dev_ok; /* at least one of the two */
    uint64_t serial;
    FgCudaPass zero;
    FgMirror *next;
};

/* ---- the device ---- */

static int element_of(FgGpu *d, const char *precision, FgError *err)
{
    d->element = !strcmp(precision, "fp16")   ? FG_ELEMENT_F16
                 : !strcmp(precision, "bf16") ? FG_ELEMENT_BF16
                                              : FG_ELEMENT_F32;
    if (d->element == FG_ELEMENT_BF16 && d->gpu.about.major < 8)
        return fg_error(err, -ENOTSUP,
                        "CUDA: %s (compute capability %d.%d) has no bf16, "
                        "which came with 8.0; allowed fp32, fp16",
                        d->gpu.about.name, d->gpu.about.major,
                        d->gpu.about.minor);
    return 0;
}

int fg_gpu_open(FgGpu **out, const char *name, const char *precision,
                FgExecutor *ex, FgError *err)
{
    FgGpu *d = *out = name ? calloc(1, sizeof(*d)) : NULL;
    int ret;

    if (!name)
        return 0;
    if (!d)
        return fg_error(err, -ENOMEM, "not enough memory");
    ret = fg_cuda_train_open(&d->gpu, name, err);
    if (!ret)
        ret = element_of(d, precision, err);
    if (!ret)
        ret = d->gpu.api->alloc(d->gpu.dev, FG_GPU_PARTS * sizeof(double),
                                &d->parts, err);
    if (ret) {
        fg_gpu_close(out);
        return ret;
    }
    d->emulated = !strcmp(d->gpu.api->kind, "emulated");
    d->ex = ex;
    ex->gpu = d;
    return 0;
}

void fg_gpu_close(FgGpu **out)
{
    FgGpu *d = *out;

    *out = NULL;
    if (!d)
        return;
    if (d->ex)
        d->ex->gpu = NULL;
    if (d->parts)
        d->gpu.api->release(d->gpu.dev, d->parts);
    fg_cuda_train_close(&d->gpu);
    free(d);
}

int fg_gpu_fail(FgGpu *d, int rc, const FgError *err)
{
    if (rc < 0 && !d->rc) {
        d->rc = rc;
        d->err = *err;
    }
    return rc;
}

/* ---- passes ---- */

uint64_t fg_gpu_key(uint64_t key, const void *part, size_t bytes)
{
    const unsigned char *const c = part;

    for (size_t i = 0; i < bytes; i++)
        key = (key ^ c[i]) * 0x100000001b3 + 1;
    return key;
}

int fg_gpu_launch(FgGpu *d, int kernel, const FgKernelArgs *k)
{
    FgError err = {""};

    return fg_gpu_fail(d, fg_cuda_launch(&d->gpu, kernel, k, &err), &err);
}

int fg_gpu_pass(FgGpu *d, FgCudaPass *p, uint64_t key,
                int (*make)(FgGpu *d, void *arg), void *arg)
{
    FgError err = {""};
    int ret = d->rc ? d->rc : fg_cuda_pass_begin(&d->gpu, p, key, &err);

    if (!ret)
        do
            ret = fg_cuda_pass_end(&d->gpu, make(d, arg), &err);
        while (ret > 0);
    return ret < 0 ? fg_gpu_fail(d, ret, &err) : 0;
}

/* ---- copies ---- */

int fg_gpu_put(FgGpu *d, uint64_t to, const void *from, size_t bytes)
{
    FgError err = {""};

    d->up += bytes;
    return fg_gpu_fail(
        d, d->gpu.api->upload(d->gpu.dev, NULL, to, from, bytes, &err), &err);
}

int fg_gpu_get(FgGpu *d, void *to, uint64_t from, size_t bytes)
{
    FgError err = {""};
    int ret = d->gpu.api->download(d->gpu.dev, NULL, to, from, bytes, &err);

    if (!ret)
        ret = d->gpu.api->sync(d->gpu.dev, NULL, &err);
    d->down += bytes;
    d->waits++;
    return fg_gpu_fail(d, ret, &err);
}

/* ---- mirrors ---- */

static size_t bytes_of(const FgParams *ps, int i)
{
    return fg_param_count(&ps->p[i]) * sizeof(float);
}

static void drop(FgMirror *m)
{
    FgMirror **at = &m->d->mirrors;

    while (*at && *at != m)
        at = &(*at)->next;
    if (*at)
        *at = m->next;
    for (int i = 0; m->at && i < m->ps->nb; i++)
        m->d->gpu.api->release(m->d->gpu.dev, m->at[i]);
    fg_cuda_pass_forget(&m->d->gpu, &m->zero);
    m->ps->mirror = NULL;
    free(m->at);
    free(m->host_ok);
    free(m->dev_ok);
    free(m);
}

static int fill(FgMirror *m)
{
    const size_t n = (size_t)m->ps->nb + 1;
    FgError err = {"not enough memory for the network's weights"};
    int ret = 0;

    m->at = calloc(n, sizeof(*m->at));
    m->host_ok = malloc(n);
    m->dev_ok = calloc(n, 1);
    if (!m->at || !m->host_ok || !m->dev_ok)
        return fg_gpu_fail(m->d, -ENOMEM, &err);
    memset(m->host_ok, 1, n);
    for (int i = 0; i < m->ps->nb && !ret; i++)
        ret = m->d->gpu.api->alloc(m->d->gpu.dev, bytes_of(m->ps, i), &m->at[i],
                                   &err);
    return fg_gpu_fail(m->d, ret, &err);
}

FgMirror *fg_mirror_take(FgGpu *d, FgParams *ps)
{
    FgMirror *m = ps->mirror;

    if (!m) {
        m = calloc(1, sizeof(*m));
        if (!m) {
            fg_gpu_fail(d, -ENOMEM, &(FgError){"not enough memory"});
            return NULL;
        }
        *m = (FgMirror){
            .d = d, .ps = ps, .serial = ++d->serial, .next = d->mirrors};
        d->mirrors = ps->mirror = m;
        if (fill(m)) {
            drop(m);
            return NULL;
        }
    }
    m->refs++;
    return m;
}

void fg_mirror_leave(FgParams *ps)
{
    FgMirror *m = ps->mirror;

    if (!m || --m->refs)
        return;
    fg_params_host(ps, 0);
    drop(m);
}

/* Of the tests: copies that claim to be equal are. */
static void check_equal(FgMirror *m, int i)
{
    const size_t bytes = bytes_of(m->ps, i);
    float *there = malloc(bytes);
    FgError err = {""};

    if (there &&
        !m->d->gpu.api->download(m->d->gpu.dev, NULL, there, m->at[i], bytes,
                                 &err) &&
        memcmp(there, m->ps->p[i].data, bytes)) {
        fg_error(&err, -EINVAL,
                 "%s was changed on the host and the GPU not told",
                 m->ps->p[i].name);
        fg_gpu_fail(m->d, -EINVAL, &err);
    }
    free(there);
}

int fg_mirror_push(FgMirror *m)
{
    for (int i = 0; i < m->ps->nb && !m->d->rc; i++) {
        if (!m->dev_ok[i]) {
            m->dev_ok[i] = 1;
            fg_gpu_put(m->d, m->at[i], m->ps->p[i].data, bytes_of(m->ps, i));
        } else if (m->host_ok[i] && m->d->emulated) {
            check_equal(m, i);
        }
    }
    return m->d->rc;
}

uint64_t fg_mirror_at(const FgMirror *m, int i)
{
    return m->at[i];
}

void fg_mirror_wrote(FgMirror *m, int i)
{
    FgParam *p = &m->ps->p[i];

    if (m->d->emulated && m->host_ok[i])
        for (size_t k = 0; k < fg_param_count(p); k++)
            p->data[k] = NAN;
    m->host_ok[i] = 0;
    m->dev_ok[i] = 1;
}

static int make_zeros(FgGpu *d, void *arg)
{
    const FgMirror *m = arg;
    int ret = 0;

    for (int i = 0; i < m->ps->nb && !ret; i++) {
        FgKernelArgs k = {.mode = FG_STEP_FILL, .t = {.images = 1}};

        k.out = fg_cuda_line(m->at[i], fg_param_count(&m->ps->p[i]));
        k.p[0] = m->at[i];
        ret = fg_gpu_launch(d, FG_KERNEL_t_step, &k);
    }
    return ret;
}

void fg_mirror_zero(FgMirror *m)
{
    memset(m->host_ok, 1, (size_t)m->ps->nb);
    memset(m->dev_ok, 1, (size_t)m->ps->nb);
    fg_gpu_pass(m->d, &m->zero, 1, make_zeros, m);
}

uint64_t fg_mirror_serial(const FgMirror *m)
{
    return m->serial;
}

FgGpu *fg_mirror_gpu(const FgMirror *m)
{
    return m->d;
}

void fg_params_host(const FgParams *ps, int write)
{
    FgMirror *m = ps->mirror;

    for (int i = 0; m && i < ps->nb; i++) {
        if (!m->host_ok[i])
            fg_gpu_get(m->d, ps->p[i].data, m->at[i], bytes_of(ps, i));
        m->host_ok[i] = 1;
        if (write)
            m->dev_ok[i] = 0;
    }
}
