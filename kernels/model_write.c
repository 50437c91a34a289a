/* ffgan: number formats of the weights file, and the atomic writer.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"
#include "model_priv.h"

/* ---- number formats ---- */

static float half_to_float(uint16_t h)
{
    const int e = h >> 10 & 31, m = h & 1023;
    float v;
    if (e == 31)
        v = m ? NAN : INFINITY;
    else
        v = e ? ldexpf((float)(m + 1024), e - 25) : ldexpf((float)m, -24);
    return h & 0x8000 ? -v : v;
}

static uint64_t le(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static float bits_to_float(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof(f));
    return f;
}

void fg_model_decode(float *dst, const void *src, const char *dtype, size_t n)
{
    const uint8_t *p = src;
    if (!strcmp(dtype, "F32"))
        for (size_t i = 0; i < n; i++)
            dst[i] = bits_to_float((uint32_t)le(p + 4 * i, 4));
    else if (!strcmp(dtype, "BF16"))
        for (size_t i = 0; i < n; i++)
            dst[i] = bits_to_float((uint32_t)le(p + 2 * i, 2) << 16);
    else if (!strcmp(dtype, "F16"))
        for (size_t i = 0; i < n; i++)
            dst[i] = half_to_float((uint16_t)le(p + 2 * i, 2));
    else
        for (size_t i = 0; i < n; i++) {
            const uint64_t u = le(p + 8 * i, 8);
            double d;
            memcpy(&d, &u, sizeof(d));
            dst[i] = (float)d;
        }
}

int64_t fg_nonfinite(const float *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(p[i]))
            return (int64_t)i;
    return -1;
}

/* ---- the header ---- */

static int by_name(const void *a, const void *b)
{
    const FgParam *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static const FgParam **sorted(const FgParams *ps)
{
    const FgParam **p = malloc(sizeof(*p) * (size_t)(ps->nb + 1));
    for (int i = 0; p && i < ps->nb; i++)
        p[i] = &ps->p[i];
    if (p)
        qsort(p, (size_t)ps->nb, sizeof(*p), by_name);
    return p;
}

static json_t *entry_json(const FgParam *p, size_t begin)
{
    json_t *dims = json_array();
    for (int i = 0; i < p->nb_dims; i++)
        json_array_append_new(dims, json_integer(p->dims[i]));
    return json_pack("{s:s,s:o,s:[I,I]}", "dtype", "F32", "shape", dims,
                     "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + 4 * fg_param_count(p)));
}

static int set_text(json_t *o, const char *key, char *text)
{
    const int bad = !text || json_object_set_new(o, key, json_string(text));
    free(text);
    return bad;
}

static int set_task(json_t *o, const FgModel *m)
{
    int bad = 0;
    json_object_del(o, "ffgan.task");
    json_object_del(o, "ffgan.stages");
    json_object_del(o, "ffgan.latent");
    if (m->task != FG_TASK_SR)
        bad |= json_object_set_new(o, "ffgan.task",
                                   json_string(fg_task_name(m->task)));
    if (m->nb_stages)
        bad |= set_text(o, "ffgan.stages", fg_model_stages_json(m));
    if (m->task == FG_TASK_GENERATOR)
        bad |= set_text(o, "ffgan.latent", fg_latent_to_json(&m->latent));
    return bad;
}

/* The keys that follow from the model itself win over m->meta. */
static json_t *meta_json(const FgModel *m, const FgReach *reach)
{
    json_t *o = json_object();
    char *graph = fg_graph_to_json(&m->graph);
    char scale[16], radius[16];
    int bad = !o || !graph;
    snprintf(scale, sizeof(scale), "%d", m->scale);
    snprintf(radius, sizeof(radius), "%d", reach->radius);
    if (!bad) {
        bad |= json_object_set_new(o, "ffgan.range", json_string("full"));
        bad |= json_object_set_new(o, "ffgan.transfer", json_string("srgb"));
    }
    for (int i = 0; !bad && i < m->nb_meta; i++)
        bad |= json_object_set_new(o, m->meta[i].key,
                                   json_string(m->meta[i].value));
    if (!bad) {
        bad |= json_object_set_new(o, "ffgan.format", json_string("1"));
        bad |= json_object_set_new(o, "ffgan.graph", json_string(graph));
        bad |= json_object_set_new(o, "ffgan.scale", json_string(scale));
        bad |= json_object_set_new(o, "ffgan.reach", json_string(radius));
        bad |= json_object_set_new(o, "ffgan.colour",
                                   json_string(m->luma ? "y" : "rgb"));
    }
    bad = bad || set_task(o, m);
    free(graph);
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* Sorted keys, then spaces up to a multiple of 64, so that equal models are
 * equal files and the data is aligned for whoever maps it. */
static char *header_text(const FgModel *m, const FgParam **p,
                         const FgReach *reach, size_t *len)
{
    json_t *o = json_object();
    size_t at = 0;
    int bad = !o || json_object_set_new(o, "__metadata__", meta_json(m, reach));
    for (int i = 0; !bad && i < m->params.nb; i++) {
        bad |= json_object_set_new(o, p[i]->name, entry_json(p[i], at));
        at += 4 * fg_param_count(p[i]);
    }
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    if (!text)
        return NULL;
    const size_t n = strlen(text);
    *len = ((n + 8 + 63) & ~(size_t)63) - 8;
    char *padded = realloc(text, *len + 1);
    if (!padded) {
        free(text);
        return NULL;
    }
    memset(padded + n, ' ', *len - n);
    return padded;
}

/* ---- the file ---- */

static int put(int fd, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        const ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

static int put_param(int fd, const FgParam *p)
{
    uint8_t buf[4096];
    const size_t n = fg_param_count(p);
    for (size_t i = 0; i < n;) {
        size_t k = 0;
        for (; k < sizeof(buf) / 4 && i < n; k++, i++) {
            uint32_t u;
            memcpy(&u, &p->data[i], 4);
            for (int b = 0; b < 4; b++)
                buf[4 * k + (size_t)b] = (uint8_t)(u >> 8 * b);
        }
        const int rc = put(fd, buf, 4 * k);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int put_all(int fd, const FgModel *m, const FgParam **p,
                   const char *header, size_t len)
{
    uint8_t size[8];
    for (int b = 0; b < 8; b++)
        size[b] = (uint8_t)((uint64_t)len >> 8 * b);
    int rc = put(fd, size, sizeof(size));
    if (rc >= 0)
        rc = put(fd, header, len);
    for (int i = 0; i < m->params.nb && rc >= 0; i++)
        rc = put_param(fd, p[i]);
    if (rc >= 0 && fsync(fd) < 0)
        rc = -errno;
    return rc;
}

/* A fresh file beside path; the umask applies, as to any new file. */
static int open_temp(const char *path, char **temp)
{
    const size_t size = strlen(path) + 32;
    *temp = malloc(size);
    if (!*temp)
        return -ENOMEM;
    for (int i = 0; i < 100; i++) {
        snprintf(*temp, size, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        const int fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                            0666);
        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : -errno;
    }
    return -EEXIST;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!dir)
        return -ENOMEM;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (fd < 0)
        return -errno;
    /* Some file systems refuse to sync a folder; the file itself is safe. */
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc == -EINVAL ? 0 : rc;
}

/* The rest of an atomic write: fd is the temporary file's, which goes away;
 * rc is what writing into it gave. */
static int settle(int fd, char *temp, int rc, const char *path, FgError *err)
{
    if (fd >= 0) {
        if (close(fd) < 0 && rc >= 0)
            rc = -errno;
        if (rc >= 0 && rename(temp, path) < 0)
            rc = -errno;
        if (rc < 0)
            unlink(temp);
    }
    free(temp);
    if (rc >= 0)
        rc = sync_folder(path);
    return rc < 0 ? fg_error(err, rc, "%s: %s", path, strerror(-rc)) : 0;
}

static int write_file(const FgModel *m, const FgParam **p, const char *path,
                      const char *header, size_t len, FgError *err)
{
    char *temp = NULL;
    const int fd = open_temp(path, &temp);
    const int rc = fd >= 0 ? put_all(fd, m, p, header, len) : fd;
    return settle(fd, temp, rc, path, err);
}

int fg_put_file(const char *path, const void *data, size_t size, FgError *err)
{
    char *temp = NULL;
    const int fd = open_temp(path, &temp);
    int rc = fd >= 0 ? put(fd, data, size) : fd;
    if (fd >= 0 && rc >= 0 && fsync(fd) < 0)
        rc = -errno;
    return settle(fd, temp, rc, path, err);
}

static int check_params(const FgModel *m, const char *path, FgError *err)
{
    for (int i = 0; i < m->params.nb; i++) {
        const FgParam *p = &m->params.p[i];
        const int64_t at = fg_nonfinite(p->data, fg_param_count(p));
        if (at >= 0)
            return fg_error(err, -EINVAL,
                            "%s: parameter '%s': element %lld is not finite",
                            path, p->name, (long long)at);
        if (!fg_model_uses(m, p->name))
            return fg_error(err, -EINVAL,
                            "%s: parameter '%s': the graph does not use it",
                            path, p->name);
    }
    return 0;
}

static int check(const FgModel *m, const char *path, FgReach *reach,
                 FgError *err)
{
    FgError why = {{0}};
    FgParams wanted = {0};
    if (m->scale < 1 || m->scale > 16)
        return fg_error(err, -EINVAL, "%s: scale is %d, allowed 1..16", path,
                        m->scale);
    int rc = check_params(m, path, err);
    if (rc < 0)
        return rc;
    rc = fg_params_copy(&wanted, &m->params);
    for (int i = 0; i <= m->nb_stages && rc >= 0; i++)
        rc = fg_graph_params(fg_model_stage(m, i), &wanted, &why);
    if (rc >= 0)
        rc = fg_model_check_task(m, &why);
    if (rc >= 0)
        rc = fg_graph_reach(&m->graph, reach, &why);
    const int missing = wanted.nb != m->params.nb;
    fg_params_free(&wanted);
    if (rc < 0)
        return fg_error(err, rc, "%s: %.900s", path, why.text);
    if (missing)
        return fg_error(err, -EINVAL,
                        "%s: the graph has parameters that the "
                        "model lacks",
                        path);
    return 0;
}

int fg_model_write(const FgModel *m, const char *path, FgError *err)
{
    FgReach reach = {0};
    size_t len = 0;
    int rc = check(m, path, &reach, err);
    if (rc < 0)
        return rc;
    const FgParam **p = sorted(&m->params);
    char *header = p ? header_text(m, p, &reach, &len) : NULL;
    if (!header)
        rc = fg_error(err, -ENOMEM,
                      "%s: out of memory, or metadata that is "
                      "not UTF-8",
                      path);
    else if (len > FG_MODEL_MAX_HEADER)
        rc = fg_error(err, -EINVAL, "%s: the header has %zu bytes, allowed %d",
                      path, len, FG_MODEL_MAX_HEADER);
    else
        rc = write_file(m, p, path, header, len, err);
    free(header);
    free(p);
    return rc;
}
