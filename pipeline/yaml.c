/* ffgan: YAML documents with places, read through libyaml.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "pipeline/source.h"

enum {
    MAX_DEPTH = 32,
    MAX_SIZE = 1 << 20,
    MAX_ANCHORS = 256,
    MAX_VALUES = 100000 /* aliases are copied: stops "billion laughs" */
};

typedef struct Anchor {
    char *name;
    FgYaml value;
} Anchor;

typedef struct Parser {
    yaml_parser_t yaml;
    yaml_event_t event;
    int have_event;
    const char *name; /* of the document, in messages */
    Anchor anchors[MAX_ANCHORS];
    int nb_anchors;
    int nb_values;
    FgError *err;
} Parser;

static int fail_at(const Parser *p, yaml_mark_t at, const char *text)
{
    return fg_error(p->err, -EINVAL, "%s:%d:%d: %s", p->name, (int)at.line + 1,
                    (int)at.column + 1, text);
}

static int no_memory(const Parser *p)
{
    return fg_error(p->err, -ENOMEM, "%s: out of memory", p->name);
}

static void drop_event(Parser *p)
{
    if (p->have_event)
        yaml_event_delete(&p->event);
    p->have_event = 0;
}

static int next_event(Parser *p)
{
    char text[256];

    drop_event(p);
    if (yaml_parser_parse(&p->yaml, &p->event)) {
        p->have_event = 1;
        return 0;
    }
    if (p->yaml.error == YAML_MEMORY_ERROR)
        return no_memory(p);
    snprintf(text, sizeof(text), "%s%s%s",
             p->yaml.problem ? p->yaml.problem : "not YAML",
             p->yaml.context ? " " : "",
             p->yaml.context ? p->yaml.context : "");
    return fail_at(p, p->yaml.problem_mark, text);
}

/* ---- values ---- */

static size_t count_values(const FgYaml *y)
{
    size_t nb = 1;

    for (int i = 0; i < y->nb; i++)
        nb += count_values(&y->items[i]);
    return nb;
}

void fg_yaml_free(FgYaml *y)
{
    if (!y)
        return;
    for (int i = 0; i < y->nb; i++) {
        fg_yaml_free(&y->items[i]);
        if (y->keys)
            free(y->keys[i]);
    }
    free(y->items);
    free(y->keys);
    free(y->key_line);
    free(y->key_column);
    free(y->text);
    memset(y, 0, sizeof(*y));
}

/* Room for one more item; the counts grow when it is there. */
static int grow(FgYaml *y)
{
    const size_t cap = (size_t)y->nb + 1;
    FgYaml *items;
    char **keys;
    int *place;

    if (y->nb & (y->nb - 1)) /* sizes double: full at 0 and powers of two */
        return 0;
    items = realloc(y->items, sizeof(*items) * 2 * cap);
    if (!items)
        return -ENOMEM;
    y->items = items;
    if (y->type != FG_YAML_MAP)
        return 0;
    keys = realloc(y->keys, sizeof(*keys) * 2 * cap);
    if (!keys)
        return -ENOMEM;
    y->keys = keys;
    place = realloc(y->key_line, sizeof(*place) * 2 * cap);
    if (!place)
        return -ENOMEM;
    y->key_line = place;
    place = realloc(y->key_column, sizeof(*place) * 2 * cap);
    if (!place)
        return -ENOMEM;
    y->key_column = place;
    return 0;
}

int fg_yaml_copy(FgYaml *dst, const FgYaml *src)
{
    FgYaml y = {.type = src->type,
                .quoted = src->quoted,
                .line = src->line,
                .column = src->column};

    memset(dst, 0, sizeof(*dst));
    if (src->text && !(y.text = strdup(src->text)))
        return -ENOMEM;
    for (int i = 0; i < src->nb; i++) {
        if (grow(&y) < 0 || fg_yaml_copy(&y.items[i], &src->items[i]) < 0)
            goto fail;
        if (y.type == FG_YAML_MAP) {
            y.key_line[i] = src->key_line[i];
            y.key_column[i] = src->key_column[i];
            y.keys[i] = strdup(src->keys[i]);
        }
        y.nb++;
        if (y.type == FG_YAML_MAP && !y.keys[i])
            goto fail;
    }
    *dst = y;
    return 0;
fail:
    fg_yaml_free(&y);
    return -ENOMEM;
}

const FgYaml *fg_yaml_get(const FgYaml *map, const char *key)
{
    if (!map || map->type != FG_YAML_MAP)
        return NULL;
    for (int i = 0; i < map->nb; i++)
        if (!strcmp(map->keys[i], key))
            return &map->items[i];
    return NULL;
}

/* ---- parsing ---- */

static int parse_value(Parser *p, FgYaml *y, int depth);

static int keep_anchor(Parser *p, const char *name, yaml_mark_t at,
                       const FgYaml *y)
{
    Anchor *const a = &p->anchors[p->nb_anchors];

    if (p->nb_anchors == MAX_ANCHORS)
        return fail_at(p, at, "more than 256 anchors");
    p->nb_values += (int)count_values(y);
    if (p->nb_values > MAX_VALUES)
        return fail_at(p, at, "more than 100000 values");
    a->name = strdup(name);
    if (!a->name || fg_yaml_copy(&a->value, y) < 0) {
        free(a->name);
        return no_memory(p);
    }
    p->nb_anchors++;
    return 0;
}

static int parse_alias(Parser *p, FgYaml *y)
{
    const char *const name = (const char *)p->event.data.alias.anchor;
    const yaml_mark_t at = p->event.start_mark;

    for (int i = p->nb_anchors; i-- > 0;) {
        if (strcmp(p->anchors[i].name, name) != 0)
            continue;
        /* One is already counted for the alias itself. */
        p->nb_values += (int)count_values(&p->anchors[i].value) - 1;
        if (p->nb_values > MAX_VALUES)
            return fail_at(p, at, "more than 100000 values");
        if (fg_yaml_copy(y, &p->anchors[i].value) < 0)
            return no_memory(p);
        return 0;
    }
    return fail_at(p, at, "alias without its anchor");
}

static int parse_scalar(Parser *p, FgYaml *y)
{
    const yaml_scalar_style_t style = p->event.data.scalar.style;
    const char *const text = (const char *)p->event.data.scalar.value;

    if (strlen(text) != p->event.data.scalar.length)
        return fail_at(p, p->event.start_mark, "a zero byte inside a value");
    y->type = FG_YAML_SCALAR;
    y->quoted = style != YAML_PLAIN_SCALAR_STYLE &&
                style != YAML_ANY_SCALAR_STYLE;
    y->text = strdup(text);
    return y->text ? 0 : no_memory(p);
}

/* Reads the key that is the current event and puts it at y->keys[y->nb]. */
static int parse_key(Parser *p, FgYaml *y)
{
    const yaml_mark_t at = p->event.start_mark;
    const char *key;

    if (p->event.type != YAML_SCALAR_EVENT)
        return fail_at(p, at, "a key must be plain text");
    key = (const char *)p->event.data.scalar.value;
    if (strlen(key) != p->event.data.scalar.length)
        return fail_at(p, at, "a zero byte inside a key");
    if (!strcmp(key, "<<") &&
        p->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(p, at, "merge keys ('<<') are not taken");
    for (int i = 0; i < y->nb; i++)
        if (!strcmp(y->keys[i], key))
            return fg_error(p->err, -EINVAL,
                            "%s:%d:%d: '%s' is there twice, first in line %d",
                            p->name, (int)at.line + 1, (int)at.column + 1, key,
                            y->key_line[i]);
    y->key_line[y->nb] = (int)at.line + 1;
    y->key_column[y->nb] = (int)at.column + 1;
    y->keys[y->nb] = strdup(key);
    return y->keys[y->nb] ? 0 : no_memory(p);
}

/* The items of a list or map whose start is the current event. */
static int parse_items(Parser *p, FgYaml *y, int depth)
{
    const int map = y->type == FG_YAML_MAP;
    const yaml_event_type_t end = map ? YAML_MAPPING_END_EVENT
                                      : YAML_SEQUENCE_END_EVENT;
    int ret;

    while (!(ret = next_event(p)) && p->event.type != end) {
        if (grow(y) < 0)
            return no_memory(p);
        if (map) {
            ret = parse_key(p, y);
            if (ret < 0)
                return ret;
            ret = next_event(p);
            if (ret < 0) {
                free(y->keys[y->nb]);
                return ret;
            }
        }
        memset(&y->items[y->nb], 0, sizeof(*y->items));
        ret = parse_value(p, &y->items[y->nb], depth + 1);
        if (ret < 0) {
            if (map)
                free(y->keys[y->nb]);
            return ret;
        }
        y->nb++;
    }
    return ret;
}

/* Anchor of the current event, malloc'ed, or NULL. */
static char *event_anchor(const Parser *p)
{
    const yaml_char_t *a = NULL;

    if (p->event.type == YAML_SCALAR_EVENT)
        a = p->event.data.scalar.anchor;
    else if (p->event.type == YAML_SEQUENCE_START_EVENT)
        a = p->event.data.sequence_start.anchor;
    else if (p->event.type == YAML_MAPPING_START_EVENT)
        a = p->event.data.mapping_start.anchor;
    return a ? strdup((const char *)a) : NULL;
}

/* The value whose first event is the current one. On failure *y is zeroed. */
static int parse_value(Parser *p, FgYaml *y, int depth)
{
    const yaml_mark_t at = p->event.start_mark;
    char *const anchor = event_anchor(p);
    int ret;

    if (depth > MAX_DEPTH)
        ret = fail_at(p, at, "nested over 32 deep");
    else if (++p->nb_values > MAX_VALUES)
        ret = fail_at(p, at, "more than 100000 values");
    else if (p->event.type == YAML_ALIAS_EVENT)
        ret = parse_alias(p, y);
    else if (p->event.type == YAML_SCALAR_EVENT)
        ret = parse_scalar(p, y);
    else {
        y->type = p->event.type == YAML_MAPPING_START_EVENT ? FG_YAML_MAP
                                                            : FG_YAML_LIST;
        ret = parse_items(p, y, depth);
    }
    y->line = (int)at.line + 1;
    y->column = (int)at.column + 1;
    if (!ret && anchor)
        ret = keep_anchor(p, anchor, at, y);
    if (ret < 0)
        fg_yaml_free(y);
    free(anchor);
    return ret;
}

static int parse_document(Parser *p, FgYaml *y)
{
    int ret = next_event(p); /* stream start */

    if (!ret)
        ret = next_event(p);
    if (ret < 0)
        return ret;
    if (p->event.type == YAML_STREAM_END_EVENT)
        return fg_error(p->err, -EINVAL, "%s:1:1: nothing inside", p->name);
    ret = next_event(p);
    if (!ret)
        ret = parse_value(p, y, 1);
    if (!ret)
        ret = next_event(p); /* document end */
    if (!ret)
        ret = next_event(p);
    if (!ret && p->event.type != YAML_STREAM_END_EVENT)
        ret = fail_at(p, p->event.start_mark, "a second document");
    return ret;
}

int fg_yaml_parse(FgYaml *y, const char *text, size_t len, const char *name,
                  FgError *err)
{
    Parser *const p = calloc(1, sizeof(*p));
    int ret;

    memset(y, 0, sizeof(*y));
    if (!p || !yaml_parser_initialize(&p->yaml)) {
        free(p);
        return fg_error(err, -ENOMEM, "%s: out of memory", name);
    }
    p->name = name;
    p->err = err;
    yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text, len);
    if (len > MAX_SIZE)
        ret = fg_error(err, -EFBIG, "%s: %zu bytes, allowed up to %d", name,
                       len, MAX_SIZE);
    else
        ret = parse_document(p, y);
    drop_event(p);
    yaml_parser_delete(&p->yaml);
    for (int i = 0; i < p->nb_anchors; i++) {
        free(p->anchors[i].name);
        fg_yaml_free(&p->anchors[i].value);
    }
    free(p);
    if (ret < 0)
        fg_yaml_free(y);
    return ret;
}

/* A file that is too long fills the buffer: the parser says so. */
static ssize_t read_up_to(int fd, char *buf, size_t size)
{
    size_t len = 0;

    while (len < size) {
        const ssize_t n = read(fd, buf + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (!n)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

int fg_yaml_read(FgYaml *y, const char *path, FgError *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *buf;
    ssize_t len;
    int ret;

    memset(y, 0, sizeof(*y));
    if (fd < 0) {
        ret = -errno;
        return fg_error(err, ret, "%s: %s", path, strerror(-ret));
    }
    buf = malloc(MAX_SIZE + 1);
    len = buf ? read_up_to(fd, buf, MAX_SIZE + 1) : -ENOMEM;
    close(fd);
    ret = len < 0 ? fg_error(err, (int)len, "%s: %s", path, strerror((int)-len))
                  : fg_yaml_parse(y, buf, (size_t)len, path, err);
    free(buf);
    return ret;
}
