/* ffgan: importing: .safetensors files of other programs.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "import_priv.h"
#include "model_priv.h"

static const struct {
    const char *name;
    size_t size;
    int whole; /* integers: counters and indices, of no use here */
} types[] = {{"F32", 4, 0}, {"F16", 2, 0}, {"BF16", 2, 0}, {"F64", 8, 0},
             {"I64", 8, 1}, {"I32", 4, 1}, {"I16", 2, 1},  {"I8", 1, 1},
             {"U8", 1, 1},  {"BOOL", 1, 1}};

static int find_type(const char *name)
{
    for (size_t i = 0; name && i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(name, types[i].name))
            return (int)i;
    return -1;
}

static int read_dims(const json_t *shape, uint64_t *dims, int *nb)
{
    const size_t n = json_array_size(shape);
    if (!json_is_array(shape) || n > 8)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const json_t *d = json_array_get(shape, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return -1;
        dims[i] = (uint64_t)json_integer_value(d);
    }
    *nb = (int)n;
    return 0;
}

static int add(FgImport *im, const char *key, const json_t *v,
               const uint8_t *data, uint64_t size)
{
    uint64_t dims[8];
    int nb = 0;
    const char *dtype = json_string_value(json_object_get(v, "dtype"));
    const json_t *span = json_object_get(v, "data_offsets");
    const json_t *b = json_array_get(span, 0), *e = json_array_get(span, 1);
    const int type = find_type(dtype);
    if (type < 0)
        return fg_im_fail(
            im, -EBADMSG,
            "tensor '%.96s': dtype is '%.16s', allowed F64, F32, F16, BF16",
            key, dtype ? dtype : "");
    if (read_dims(json_object_get(v, "shape"), dims, &nb) < 0)
        return fg_im_fail(im, -EBADMSG,
                          "tensor '%.96s': shape must be 0 to 8 sizes", key);
    if (!json_is_integer(b) || !json_is_integer(e) ||
        json_integer_value(b) < 0 ||
        json_integer_value(e) < json_integer_value(b) ||
        (uint64_t)json_integer_value(e) > size)
        return fg_im_fail(
            im, -EBADMSG,
            "tensor '%.96s' does not lie inside the file (cut off?)", key);
    for (int i = 0; i < nb; i++)
        if (!dims[i])
            return 0;
    FgParam *p = fg_im_add(im, key, strlen(key), nb, dims);
    if (!p)
        return im->rc;
    const uint64_t n = fg_param_count(p);
    if ((uint64_t)(json_integer_value(e) - json_integer_value(b)) !=
        n * types[type].size)
        return fg_im_fail(
            im, -EBADMSG,
            "tensor '%s' has %lld bytes, its shape and dtype "
            "need %llu",
            p->name, (long long)(json_integer_value(e) - json_integer_value(b)),
            (unsigned long long)(n * types[type].size));
    if (!types[type].whole)
        fg_model_decode(p->data, data + json_integer_value(b), dtype,
                        (size_t)n);
    return 0;
}

static int add_all(FgImport *im, const FgImportFile *f)
{
    const uint8_t *p = f->data;
    const uint64_t n = f->size < 10 ? 0 : fg_le(p, 8);
    json_error_t at;
    const char *key;
    json_t *v;
    if (n < 2 || n > FG_MODEL_MAX_HEADER || n > f->size - 8)
        return fg_im_fail(im, -EBADMSG, "not a whole .safetensors file");
    json_t *root = json_loadb((const char *)p + 8, (size_t)n,
                              JSON_REJECT_DUPLICATES, &at);
    if (!json_is_object(root)) {
        json_decref(root);
        return fg_im_fail(im, -EBADMSG, "the header is not a JSON object");
    }
    json_object_foreach(root, key, v)
    {
        if (strcmp(key, "__metadata__") != 0 &&
            add(im, key, v, p + 8 + n, f->size - 8 - n) < 0)
            break;
    }
    json_decref(root);
    return im->rc;
}

int fg_import_safetensors(FgImport *im, const FgImportFile *f)
{
    return add_all(im, f) < 0 ? im->rc : fg_im_build(im);
}

int fg_import_tensors(FgParams *ps, const FgImportFile *f, FgError *err)
{
    FgImport im = {.file = f->name, .err = err};
    add_all(&im, f);
    *ps = im.src;
    return im.rc;
}
