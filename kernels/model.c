/* ffgan: reading the weights file; every bound is checked, nothing executed.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "import.h"
#include "model.h"
#include "model_priv.h"
#include "op.h"

/* A tensor as the header describes it. */
typedef struct Entry {
    const char *name;
    const char *dtype;
    size_t size; /* bytes of one element */
    int nb_dims, dims[4];
    uint64_t count, begin, end;
} Entry;

typedef struct Reader {
    const char *file;
    const uint8_t *data; /* the tensors' bytes */
    uint64_t size;
    json_t *header;
    Entry *entries;
    int nb;
    FgModel *m;
    FgError *err;
} Reader;

void fg_sha256_hex(const void *data, size_t size, char out[65])
{
    SHA256Data(data, size, out);
    out[64] = 0;
}

FgModel *fg_model_alloc(void)
{
    return calloc(1, sizeof(FgModel));
}

void fg_model_free(FgModel **m)
{
    if (!m || !*m)
        return;
    fg_graph_free(&(*m)->graph);
    for (int i = 0; i < (*m)->nb_stages; i++)
        fg_graph_free(&(*m)->stages[i]);
    free((*m)->stages);
    fg_params_free(&(*m)->params);
    for (int i = 0; i < (*m)->nb_meta; i++) {
        free((*m)->meta[i].key);
        free((*m)->meta[i].value);
    }
    free((*m)->meta);
    free(*m);
    *m = NULL;
}

const char *fg_model_meta(const FgModel *m, const char *key)
{
    for (int i = 0; i < m->nb_meta; i++)
        if (!strcmp(m->meta[i].key, key))
            return m->meta[i].value;
    return NULL;
}

int fg_model_set_meta(FgModel *m, const char *key, const char *value)
{
    char *v = strdup(value);
    if (!v)
        return -ENOMEM;
    for (int i = 0; i < m->nb_meta; i++)
        if (!strcmp(m->meta[i].key, key)) {
            free(m->meta[i].value);
            m->meta[i].value = v;
            return 0;
        }
    FgMeta *p = realloc(m->meta, sizeof(*p) * (size_t)(m->nb_meta + 1));
    char *k = strdup(key);
    if (p)
        m->meta = p;
    if (!p || !k) {
        free(k);
        free(v);
        return -ENOMEM;
    }
    m->meta[m->nb_meta++] = (FgMeta){k, v};
    return 0;
}

void fg_model_drop_meta(FgModel *m, const char *key)
{
    for (int i = 0; i < m->nb_meta; i++)
        if (!strcmp(m->meta[i].key, key)) {
            free(m->meta[i].key);
            free(m->meta[i].value);
            m->meta[i] = m->meta[--m->nb_meta];
            return;
        }
}

/* ---- the header ---- */

static int bad_tensor(const Reader *r, const char *name, const char *what)
{
    return fg_error(r->err, -EBADMSG, "%s: tensor '%.96s': %s", r->file, name,
                    what);
}

static int read_dtype(const Reader *r, Entry *e, const json_t *v)
{
    static const struct {
        const char *name;
        size_t size;
    } types[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}};
    e->dtype = json_string_value(v);
    for (size_t i = 0; e->dtype && i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(e->dtype, types[i].name)) {
            e->size = types[i].size;
            return 0;
        }
    return fg_error(r->err, -EBADMSG,
                    "%s: tensor '%.96s': dtype is %.16s, allowed F32, F16, "
                    "BF16, F64",
                    r->file, e->name, e->dtype ? e->dtype : "not a string");
}

static int read_dims(const Reader *r, Entry *e, const json_t *v)
{
    const size_t nb = json_array_size(v);
    if (!json_is_array(v) || nb > 4)
        return bad_tensor(r, e->name, "shape must be a list of 0..4 sizes");
    e->nb_dims = (int)nb;
    e->count = 1;
    for (size_t i = 0; i < nb; i++) {
        const json_t *d = json_array_get(v, i);
        const json_int_t n = json_integer_value(d);
        if (!json_is_integer(d) || n < 1 || n > FG_MODEL_MAX_DATA)
            return bad_tensor(r, e->name, "a size in shape is not 1..2^30");
        e->dims[i] = (int)n;
        e->count *= (uint64_t)n;
        if (e->count > FG_MODEL_MAX_DATA)
            return bad_tensor(r, e->name, "shape has more than 2^30 elements");
    }
    return 0;
}

static int read_offsets(const Reader *r, Entry *e, const json_t *v)
{
    const json_t *b = json_array_get(v, 0), *n = json_array_get(v, 1);
    if (json_array_size(v) != 2 || !json_is_integer(b) || !json_is_integer(n) ||
        json_integer_value(b) < 0 ||
        json_integer_value(n) < json_integer_value(b))
        return bad_tensor(r, e->name,
                          "data_offsets must be [begin, end], begin <= end");
    e->begin = (uint64_t)json_integer_value(b);
    e->end = (uint64_t)json_integer_value(n);
    if (e->end > r->size)
        return fg_error(r->err, -EBADMSG,
                        "%s: tensor '%.96s' ends at byte %llu of the data, the "
                        "file has %llu",
                        r->file, e->name, (unsigned long long)e->end,
                        (unsigned long long)r->size);
    if (e->end - e->begin != e->count * e->size)
        return fg_error(r->err, -EBADMSG,
                        "%s: tensor '%.96s' has %llu bytes, its shape and "
                        "dtype need %llu",
                        r->file, e->name,
                        (unsigned long long)(e->end - e->begin),
                        (unsigned long long)(e->count * e->size));
    return 0;
}

static int read_entry(const Reader *r, Entry *e, const char *name, json_t *v)
{
    e->name = name;
    if (!*name || strlen(name) >= FG_NAME_LEN)
        return bad_tensor(r, name, "the name must have 1..95 bytes");
    if (!json_is_object(v) || json_object_size(v) != 3)
        return bad_tensor(r, name,
                          "must have exactly dtype, shape and data_offsets");
    int rc = read_dtype(r, e, json_object_get(v, "dtype"));
    if (rc >= 0)
        rc = read_dims(r, e, json_object_get(v, "shape"));
    if (rc >= 0)
        rc = read_offsets(r, e, json_object_get(v, "data_offsets"));
    return rc;
}

static int by_begin(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int check_cover(const Reader *r)
{
    uint64_t at = 0;
    qsort(r->entries, (size_t)r->nb, sizeof(Entry), by_begin);
    for (int i = 0; i < r->nb; i++) {
        if (r->entries[i].begin != at)
            return bad_tensor(r, r->entries[i].name,
                              r->entries[i].begin < at
                                  ? "overlaps the tensor before it"
                                  : "there is a hole before it");
        at = r->entries[i].end;
    }
    if (at == r->size)
        return 0;
    return fg_error(r->err, -EBADMSG,
                    "%s: %llu bytes after the last tensor belong to none",
                    r->file, (unsigned long long)(r->size - at));
}

static int read_metadata(const Reader *r, json_t *o)
{
    const char *key;
    json_t *v;
    if (!json_is_object(o))
        return fg_error(r->err, -EBADMSG, "%s: __metadata__ is not an object",
                        r->file);
    json_object_foreach(o, key, v)
    {
        if (!json_is_string(v))
            return fg_error(r->err, -EBADMSG,
                            "%s: __metadata__: '%.96s' is not a string",
                            r->file, key);
        if (fg_model_set_meta(r->m, key, json_string_value(v)) < 0)
            return fg_error(r->err, -ENOMEM, "%s: out of memory", r->file);
    }
    return 0;
}

static int read_header(Reader *r)
{
    const char *key;
    json_t *v;
    const size_t nb = json_object_size(r->header);
    if (!json_is_object(r->header))
        return fg_error(r->err, -EBADMSG, "%s: the header is not an object",
                        r->file);
    if (nb > FG_MODEL_MAX_TENSORS + 1)
        return fg_error(r->err, -EBADMSG, "%s: %zu tensors, allowed %d",
                        r->file, nb, FG_MODEL_MAX_TENSORS);
    r->entries = calloc(nb + 1, sizeof(Entry));
    if (!r->entries)
        return fg_error(r->err, -ENOMEM, "%s: out of memory", r->file);
    json_object_foreach(r->header, key, v)
    {
        const int rc = strcmp(key, "__metadata__")
                           ? read_entry(r, &r->entries[r->nb++], key, v)
                           : read_metadata(r, v);
        if (rc < 0)
            return rc;
    }
    return check_cover(r);
}

/* ---- the network ---- */

static int wrap(const Reader *r, int code, const FgError *why)
{
    return fg_error(r->err, code, "%s: %.900s", r->file, why->text);
}

static int read_scale(const Reader *r)
{
    const char *s = fg_model_meta(r->m, "ffgan.scale");
    char *end = NULL;
    const long v = s && *s ? strtol(s, &end, 10) : 0;
    if (v < 1 || v > 16 || *end)
        return fg_error(r->err, -EBADMSG,
                        "%s: ffgan.scale is '%.32s', allowed 1..16", r->file,
                        s ? s : "");
    r->m->scale = (int)v;
    return 0;
}

static int read_description(const Reader *r)
{
    const char *graph = fg_model_meta(r->m, "ffgan.graph");
    const char *format = fg_model_meta(r->m, "ffgan.format");
    const char *colour = fg_model_meta(r->m, "ffgan.colour");
    const char *range = fg_model_meta(r->m, "ffgan.range");
    FgError why = {{0}};
    if (!graph)
        return fg_error(r->err, -ENOTSUP,
                        "%s: no ffgan.graph in its metadata: files made by "
                        "other programs cannot be read",
                        r->file);
    if (!format || strcmp(format, "1"))
        return fg_error(r->err, -ENOTSUP,
                        "%s: ffgan.format is '%.16s', this version reads '1'",
                        r->file, format ? format : "");
    if (!colour || (strcmp(colour, "rgb") && strcmp(colour, "y")))
        return fg_error(r->err, -EBADMSG,
                        "%s: ffgan.colour is '%.16s', allowed rgb, y", r->file,
                        colour ? colour : "");
    if (range && strcmp(range, "full"))
        return fg_error(r->err, -ENOTSUP,
                        "%s: ffgan.range is '%.16s', this version reads full",
                        r->file, range);
    r->m->luma = !strcmp(colour, "y");
    int rc = read_scale(r);
    if (rc < 0)
        return rc;
    rc = fg_graph_from_json(&r->m->graph, graph, strlen(graph), &why);
    if (rc < 0)
        return wrap(r, rc == -ENOMEM ? rc : -EBADMSG, &why);
    return fg_model_read_task(r->m, r->file, r->err);
}

static int has_entry(const Reader *r, const char *name)
{
    for (int i = 0; i < r->nb; i++)
        if (!strcmp(r->entries[i].name, name))
            return 1;
    return 0;
}

static int check_graph_names(const Reader *r, const FgGraph *g)
{
    for (int i = 0; i < g->nb_nodes; i++)
        for (int k = 0; k < g->nodes[i].nb_param; k++)
            if (!has_entry(r, g->nodes[i].param[k]))
                return bad_tensor(r, g->nodes[i].param[k],
                                  "the graph uses it and the file lacks it");
    return 0;
}

/* Both ways, before anything is allocated for the tensors. */
static int check_names(const Reader *r)
{
    int rc = 0;
    for (int i = 0; i < r->nb; i++)
        if (!fg_model_uses(r->m, r->entries[i].name))
            return bad_tensor(r, r->entries[i].name,
                              "the graph does not use it");
    for (int i = 0; i <= r->m->nb_stages && rc >= 0; i++)
        rc = check_graph_names(r, fg_model_stage(r->m, i));
    return rc;
}

static int read_tensors(const Reader *r)
{
    for (int i = 0; i < r->nb; i++) {
        const Entry *e = &r->entries[i];
        FgParam *p = fg_params_add(&r->m->params, e->name, e->nb_dims, e->dims);
        if (!p)
            return fg_error(r->err, -ENOMEM, "%s: tensor '%s': out of memory",
                            r->file, e->name);
        fg_model_decode(p->data, r->data + e->begin, e->dtype, e->count);
        const int64_t at = fg_nonfinite(p->data, e->count);
        if (at >= 0)
            return fg_error(r->err, -EBADMSG,
                            "%s: tensor '%s': element %lld is not finite",
                            r->file, e->name, (long long)at);
    }
    return 0;
}

static int check_network(const Reader *r)
{
    FgModel *m = r->m;
    FgError why = {{0}};
    int rc = 0;
    for (int i = 0; i <= m->nb_stages && rc >= 0; i++)
        rc = fg_graph_params(fg_model_stage(m, i), &m->params, &why);
    rc = rc < 0 ? rc : fg_model_check_task(m, &why);
    return rc < 0 ? wrap(r, rc == -ENOMEM ? rc : -EBADMSG, &why) : 0;
}

/* What was fetched in the place of a model. */
static int is_text(const uint8_t *data, size_t size)
{
    const size_t n = size < 40 ? size : 40;
    for (size_t i = 0; i < n; i++)
        if ((data[i] < ' ' || data[i] > '~') && data[i] != '\n' &&
            data[i] != '\r' && data[i] != '\t')
            return 0;
    return 1;
}

static int first_line(const uint8_t *data, size_t size)
{
    int n = 0;
    while (n < 40 && (size_t)n < size && data[n] >= ' ')
        n++;
    return n;
}

static int parse(Reader *r, const uint8_t *data, size_t size)
{
    json_error_t at;
    uint64_t n = 0;
    if (size < 8)
        return fg_error(r->err, -EBADMSG,
                        "%s: not a weights file: %zu bytes, at least 8 needed",
                        r->file, size);
    if (is_text(data, size))
        return fg_error(r->err, -EBADMSG,
                        "%s: not a weights file but a text: '%.*s...'; a Git "
                        "LFS pointer or a web page? Fetch the file itself",
                        r->file, first_line(data, size), (const char *)data);
    for (int i = 7; i >= 0; i--)
        n = n << 8 | data[i];
    if (n > FG_MODEL_MAX_HEADER)
        return fg_error(r->err, -EBADMSG,
                        "%s: not a weights file (.safetensors, .pth, .onnx, "
                        ".param): its header would have %llu bytes, allowed "
                        "%d",
                        r->file, (unsigned long long)n, FG_MODEL_MAX_HEADER);
    if (n > size - 8)
        return fg_error(r->err, -EBADMSG,
                        "%s: header says %llu bytes, the file has %zu", r->file,
                        (unsigned long long)n, size - 8);
    r->data = data + 8 + n;
    r->size = size - 8 - n;
    if (r->size > FG_MODEL_MAX_DATA)
        return fg_error(r->err, -EBADMSG, "%s: %llu bytes of data, allowed %d",
                        r->file, (unsigned long long)r->size,
                        FG_MODEL_MAX_DATA);
    r->header = json_loadb((const char *)data + 8, (size_t)n,
                           JSON_REJECT_DUPLICATES, &at);
    if (!r->header)
        return fg_error(r->err, -EBADMSG,
                        "%s: the header is not JSON (byte %d: %.100s)", r->file,
                        at.position, at.text);
    int rc = read_header(r);
    rc = rc < 0 ? rc : read_description(r);
    rc = rc < 0 ? rc : check_names(r);
    rc = rc < 0 ? rc : read_tensors(r);
    return rc < 0 ? rc : check_network(r);
}

int fg_model_parse(FgModel **m, const void *data, size_t size, const char *name,
                   FgError *err)
{
    Reader r = {.file = name, .m = fg_model_alloc(), .err = err};
    *m = NULL;
    if (!r.m)
        return fg_error(err, -ENOMEM, "%s: out of memory", name);
    const int rc = parse(&r, data, size);
    json_decref(r.header);
    free(r.entries);
    if (rc < 0) {
        fg_model_free(&r.m);
        return rc;
    }
    fg_sha256_hex(data, size, r.m->sha256);
    *m = r.m;
    return 0;
}

static int map_file(int fd, const char *path, void **map, size_t *size,
                    FgError *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return fg_error(err, -EIO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fg_error(err, -EBADMSG, "%s: not a plain file", path);
    if (st.st_size < 8 ||
        st.st_size - 8 > (off_t)FG_MODEL_MAX_HEADER + (off_t)FG_MODEL_MAX_DATA)
        return fg_error(err, -EBADMSG,
                        "%s: not a weights file: %lld bytes, allowed 8 to "
                        "1 GiB",
                        path, (long long)st.st_size);
    *size = (size_t)st.st_size;
    *map = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (*map == MAP_FAILED)
        return fg_error(err, -EIO, "%s: %s", path, strerror(errno));
    return 0;
}

int fg_model_read(FgModel **m, const char *path, FgError *err)
{
    void *map = NULL;
    size_t size = 0;
    *m = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        const int e = errno;
        const int known = e == ENOENT || e == EACCES || e == ENOMEM;
        return fg_error(err, known ? -e : -EIO, "%s: %s", path, strerror(e));
    }
    int rc = map_file(fd, path, &map, &size, err);
    if (rc >= 0) {
        rc = fg_import_wants(map, size)
                 ? fg_import_read(m, map, size, path, err)
                 : fg_model_parse(m, map, size, path, err);
        munmap(map, size);
    }
    close(fd);
    return rc;
}
