/* Reads recorded .safetensors files, for tests only: trusted input, checked
 * with asserts. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_TESTS_FIXTURE_H
#define FFGAN_TESTS_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Fixture {
    json_t *header; /* tensors by name */
    json_t *meta;   /* __metadata__, borrowed from header */
    unsigned char *bytes, *data;
    size_t size;
} Fixture;

/* FILE of tests/kernels/fixtures, or ROOM/fixtures/FILE of tests; the tests run
 * in the top folder, or ROOT says where that is. */
static inline void fixture_open(Fixture *f, const char *file)
{
    const char *const root = getenv("ROOT");
    char path[4096];
    uint64_t len = 0;
    memset(f, 0, sizeof(*f));
    snprintf(path, sizeof(path), "%s/tests/%s%s", root ? root : ".",
             strchr(file, '/') ? "" : "kernels/fixtures/", file);
    FILE *const in = fopen(path, "rb");
    if (!in)
        fail_msg("cannot open %s", path);
    fseek(in, 0, SEEK_END);
    const long size = ftell(in);
    rewind(in);
    assert_true(size > 8);
    f->bytes = malloc(size);
    assert_non_null(f->bytes);
    assert_int_equal(fread(f->bytes, 1, size, in), size);
    fclose(in);
    for (int i = 7; i >= 0; i--)
        len = len << 8 | f->bytes[i];
    assert_true(len <= (uint64_t)size - 8);
    f->header = json_loadb((char *)f->bytes + 8, len, 0, NULL);
    assert_non_null(f->header);
    f->meta = json_object_get(f->header, "__metadata__");
    f->data = f->bytes + 8 + len;
    f->size = size - 8 - len;
}

static inline void fixture_close(Fixture *f)
{
    json_decref(f->header);
    free(f->bytes);
    memset(f, 0, sizeof(*f));
}

/* The elements of a tensor as doubles (free them); NULL where there is none.
 * dims[4] gets the shape, 1 where it has fewer; nb the number of elements. */
static inline double *fixture_get(const Fixture *f, const char *name,
                                  int dims[4], size_t *nb)
{
    const json_t *const t = json_object_get(f->header, name);
    if (!t)
        return NULL;
    const json_t *const shape = json_object_get(t, "shape");
    const json_t *const span = json_object_get(t, "data_offsets");
    const size_t from = json_integer_value(json_array_get(span, 0));
    const size_t to = json_integer_value(json_array_get(span, 1));
    const int wide = !strcmp(json_string_value(json_object_get(t, "dtype")),
                             "F64");
    *nb = 1;
    assert_in_range(json_array_size(shape), 1, 4);
    for (size_t i = 0; i < 4; i++) {
        dims[i] = i < json_array_size(shape)
                      ? json_integer_value(json_array_get(shape, i))
                      : 1;
        *nb *= dims[i];
    }
    assert_true(to <= f->size && to - from == *nb * (wide ? 8 : 4));
    double *const d = malloc(*nb * sizeof(*d));
    assert_non_null(d);
    for (size_t i = 0; i < *nb; i++) {
        float v;
        memcpy(&v, f->data + from + i * (wide ? 8 : 4), sizeof(v));
        d[i] = v;
        if (wide)
            memcpy(&d[i], f->data + from + i * 8, sizeof(d[i]));
    }
    return d;
}

/* The JSON text of a metadata key, parsed; json_decref it. */
static inline json_t *fixture_meta(const Fixture *f, const char *key)
{
    const json_t *const s = json_object_get(f->meta, key);
    assert_non_null(s);
    json_t *const j = json_loads(json_string_value(s), 0, NULL);
    assert_non_null(j);
    return j;
}

#endif
