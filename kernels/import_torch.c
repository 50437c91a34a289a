/* ffgan: importing: PyTorch's .pth and .pt, the zip files of torch.save.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_priv.h"
#include "model_priv.h"
#include "pickle.h"
#include "zip.h"

#define MAX_DIMS 16

typedef struct Torch {
    FgImport *im;
    FgZip zip;
    FgPickle pickle;
    char root[256]; /* "archive/" */
} Torch;

/* A tensor's place in its storage. */
typedef struct Place {
    const char *dtype;
    size_t element;
    const uint8_t *data;
    uint64_t offset, elements; /* of the storage */
    int nb;
    uint64_t dims[MAX_DIMS], strides[MAX_DIMS];
} Place;

static const FgZipEntry *entry(const Torch *t, const char *name, size_t len)
{
    char path[512];
    const int n = snprintf(path, sizeof(path), "%s%.*s", t->root, (int)len,
                           name);
    return n > 0 && (size_t)n < sizeof(path)
               ? fg_zip_find(&t->zip, path, (size_t)n)
               : NULL;
}

/* The folder that holds data.pkl. */
static const FgZipEntry *find_root(Torch *t)
{
    static const char last[] = "data.pkl";
    const size_t n = sizeof(last) - 1;
    for (int i = 0; i < t->zip.nb; i++) {
        const FgZipEntry *e = &t->zip.entries[i];
        if (e->name_len < n || e->name_len - n >= sizeof(t->root) ||
            memcmp(e->name + e->name_len - n, last, n) != 0 ||
            (e->name_len > n && e->name[e->name_len - n - 1] != '/'))
            continue;
        memcpy(t->root, e->name, e->name_len - n);
        t->root[e->name_len - n] = 0;
        return e;
    }
    return NULL;
}

static int integers(const FgPickle *p, int tuple, uint64_t *v, int *nb)
{
    const FgPickleValue *t = &p->values[tuple];
    if (t->nb > MAX_DIMS)
        return -1;
    for (int i = 0; i < t->nb; i++) {
        const FgPickleValue *n = &p->values[t->items[i]];
        if (n->type != FG_PICKLE_INT || n->v < 0)
            return -1;
        v[i] = (uint64_t)n->v;
    }
    *nb = t->nb;
    return 0;
}

/* The last element that the strides reach lies inside, without overflow. */
static int fits(const Place *q)
{
    uint64_t last = q->offset;
    if (q->offset >= q->elements)
        return 0;
    for (int i = 0; i < q->nb; i++) {
        if (!q->dims[i] || q->dims[i] > FG_MODEL_MAX_DATA)
            return 0;
        if (q->dims[i] > 1 && q->strides[i] > q->elements)
            return 0;
        last += (q->dims[i] - 1) * q->strides[i];
        if (last >= q->elements)
            return 0;
    }
    return 1;
}

static int find_place(Torch *t, int tensor, const char *name, int len, Place *q)
{
    const FgPickle *p = &t->pickle;
    const int *items = p->values[tensor].items;
    const FgPickleValue *s = &p->values[items[0]];
    char key[80];
    int nb_strides = 0;
    q->dtype = fg_pickle_dtype(s, &q->element);
    const int n = snprintf(key, sizeof(key), "data/%.*s", (int)s->len, s->text);
    const FgZipEntry *e = entry(t, key, (size_t)n);
    if (!e)
        return fg_im_fail(t->im, -EBADMSG,
                          "tensor '%.*s': its storage '%s' is not in the file",
                          len, name, key);
    q->data = e->data;
    q->elements = e->size / q->element;
    q->offset = (uint64_t)p->values[items[1]].v;
    if (p->values[items[1]].v < 0 || integers(p, items[2], q->dims, &q->nb) ||
        integers(p, items[3], q->strides, &nb_strides) || nb_strides != q->nb)
        return fg_im_fail(t->im, -EBADMSG,
                          "tensor '%.*s': its sizes or strides are not 0..%d "
                          "numbers >= 0",
                          len, name, MAX_DIMS);
    return 0;
}

static void decode(float *dst, const uint8_t *src, const Place *q, size_t n)
{
    if (q->dtype[0] == 'F' || !strcmp(q->dtype, "BF16")) {
        fg_model_decode(dst, src, q->dtype, n);
        return;
    }
    const int bytes = (int)q->element, is_signed = q->dtype[0] == 'I';
    for (size_t i = 0; i < n; i++) {
        uint64_t v = fg_le(src + i * q->element, bytes);
        if (is_signed && bytes < 8 && v >> (8 * bytes - 1))
            v |= ~(uint64_t)0 << 8 * bytes;
        dst[i] = is_signed ? (float)(int64_t)v : (float)v;
    }
}

static int is_dense(const Place *q)
{
    uint64_t want = 1;
    for (int i = q->nb - 1; i >= 0; i--) {
        if (q->dims[i] > 1 && q->strides[i] != want)
            return 0;
        want *= q->dims[i];
    }
    return 1;
}

/* Element by element, counting up like an odometer. */
static void gather(float *dst, const Place *q, size_t count)
{
    uint64_t at[MAX_DIMS] = {0}, from = q->offset;
    for (size_t i = 0; i < count; i++) {
        decode(dst + i, q->data + from * q->element, q, 1);
        for (int k = q->nb - 1; k >= 0; k--) {
            from += q->strides[k];
            if (++at[k] < q->dims[k])
                break;
            from -= q->strides[k] * q->dims[k];
            at[k] = 0;
        }
    }
}

static int add_tensor(Torch *t, const FgPickleValue *key, int tensor)
{
    FgImport *im = t->im;
    const int len = (int)(key->len < 96 ? key->len : 96);
    Place q;
    if (find_place(t, tensor, key->text, len, &q) < 0)
        return im->rc;
    for (int i = 0; i < q.nb; i++)
        if (!q.dims[i])
            return 0; /* an empty one: a counter or buffer never used */
    if (!fits(&q))
        return fg_im_fail(im, -EBADMSG,
                          "tensor '%.*s' reaches beyond its storage of %llu "
                          "elements",
                          len, key->text, (unsigned long long)q.elements);
    FgParam *p = fg_im_add(im, key->text, key->len, q.nb, q.dims);
    if (!p)
        return im->rc;
    const size_t n = fg_param_count(p);
    if (n > q.elements && n > 1 << 16)
        return fg_im_fail(im, -EBADMSG,
                          "tensor '%s' repeats a storage of %llu elements",
                          p->name, (unsigned long long)q.elements);
    if (is_dense(&q))
        decode(p->data, q.data + q.offset * q.element, &q, n);
    else
        gather(p->data, &q, n);
    return 0;
}

static int has_tensors(const FgPickle *p, int d)
{
    const FgPickleValue *v = &p->values[d];
    for (int i = 1; v->type == FG_PICKLE_DICT && i < v->nb; i += 2)
        if (p->values[v->items[i]].type == FG_PICKLE_TENSOR)
            return 1;
    return 0;
}

/* The dictionary that holds the tensors, known names first, two deep. */
static int find_dict(const FgPickle *p, int d, int depth)
{
    static const char *const names[] = {
        "params_ema",       "params-ema", "params",
        "state_dict",       "model_ema",  "model",
        "model_state_dict", "net_g",      "generator",
        "network",          "net",        "ema"};
    if (d < 0 || has_tensors(p, d))
        return d;
    if (p->values[d].type != FG_PICKLE_DICT || depth > 2)
        return -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const int v = fg_pickle_get(p, d, names[i]);
        const int found = v < 0 ? -1 : find_dict(p, v, depth + 1);
        if (found >= 0)
            return found;
    }
    return p->values[d].nb == 2 ? find_dict(p, p->values[d].items[1], depth + 1)
                                : -1;
}

/* What the file holds instead of tensors: the first three names of its
 * dictionary. */
static int no_tensors(Torch *t)
{
    const FgPickle *p = &t->pickle;
    const FgPickleValue *v = p->root >= 0 ? &p->values[p->root] : NULL;
    char text[200] = "";
    int nb = 0;
    for (int i = 0; v && v->type == FG_PICKLE_DICT && i + 1 < v->nb; i += 2) {
        const FgPickleValue *key = &p->values[v->items[i]];
        const size_t at = strlen(text);
        if (key->type == FG_PICKLE_TEXT && nb++ < 3)
            snprintf(text + at, sizeof(text) - at, "%s'%.*s'", at ? ", " : "",
                     (int)(key->len < 48 ? key->len : 48), key->text);
    }
    return fg_im_fail(t->im, -ENOTSUP,
                      "data.pkl holds no dictionary of tensors, but %s%s%s; "
                      "known are params_ema, params, state_dict, model, or the "
                      "dictionary itself",
                      nb                                 ? "one of "
                      : v && v->type == FG_PICKLE_DICT   ? "an empty one"
                      : v && v->type == FG_PICKLE_TENSOR ? "one tensor"
                                                         : "something else",
                      text, nb > 3 ? ", ..." : "");
}

static int torchscript(FgImport *im)
{
    return fg_im_fail(im, -ENOTSUP,
                      "a TorchScript program, which would have to be executed; "
                      "save its weights: torch.save(torch.jit.load(FILE)."
                      "state_dict(), NEW)");
}

static int add_all(Torch *t)
{
    const FgPickle *p = &t->pickle;
    const int d = find_dict(p, p->root, 0);
    if (d < 0)
        return no_tensors(t);
    const FgPickleValue *v = &p->values[d];
    for (int i = 0; i + 1 < v->nb; i += 2) {
        const FgPickleValue *key = &p->values[v->items[i]];
        if (key->type == FG_PICKLE_TEXT &&
            p->values[v->items[i + 1]].type == FG_PICKLE_TENSOR &&
            add_tensor(t, key, v->items[i + 1]) < 0)
            return t->im->rc;
    }
    return 0;
}

static int read_zip(Torch *t)
{
    FgError why = {{0}};
    const FgZipEntry *pkl = find_root(t);
    if (!pkl)
        return fg_im_fail(t->im, -ENOTSUP,
                          "a zip file without data.pkl: not made by "
                          "torch.save");
    const FgZipEntry *order = entry(t, "byteorder", 9);
    if (order && (order->size < 6 || memcmp(order->data, "little", 6) != 0))
        return fg_im_fail(t->im, -ENOTSUP, "its numbers are not little-endian");
    if (entry(t, "constants.pkl", 13))
        return torchscript(t->im);
    const int rc = fg_pickle_read(&t->pickle, pkl->data, pkl->size, &why);
    return rc < 0 ? fg_im_fail(t->im, rc, "%s", why.text) : add_all(t);
}

int fg_import_torch(FgImport *im, const FgImportFile *f)
{
    Torch t = {.im = im};
    FgError why = {{0}};
    const int rc = fg_zip_open(&t.zip, f->data, f->size, &why);
    /* Its code is compressed, which the directory's reader refuses. */
    if (rc == -ENOTSUP && memmem(f->data, f->size, "/constants.pkl", 14))
        return torchscript(im);
    if (rc < 0)
        return fg_im_fail(im, rc, "%s", why.text);
    read_zip(&t);
    fg_pickle_free(&t.pickle);
    fg_zip_free(&t.zip);
    return im->rc < 0 ? im->rc : fg_im_build(im);
}
