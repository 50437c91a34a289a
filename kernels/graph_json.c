/* ffgan: graphs as JSON text, out and in.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "graph_priv.h"
#include "op.h"

enum { INT, REAL, WORD };

/* One row per attribute: the writer, the reader and its messages read it. */
typedef struct AttrKey {
    const char *name;
    unsigned bit;
    int type;
    size_t offset;
    double min, max, def; /* def < min: must be given */
    const char *words[5];
} AttrKey;

#define OFFSET(x) offsetof(FgAttr, x)
static const AttrKey keys[] = {
    {"channels", FG_ATTR_CHANNELS, INT, OFFSET(channels), 1, 65536, 0, {0}},
    {"kernel", FG_ATTR_KERNEL, INT, OFFSET(kernel), 1, 31, 0, {0}},
    {"stride", FG_ATTR_STRIDE, INT, OFFSET(stride), 1, 64, 1, {0}},
    {"pad", FG_ATTR_PAD, INT, OFFSET(pad), 0, 1024, 0, {0}},
    {"pad_mode",
     FG_ATTR_PAD_MODE,
     WORD,
     OFFSET(pad_mode),
     0,
     3,
     0,
     {"zero", "reflect", "replicate", "circular"}},
    {"groups", FG_ATTR_GROUPS, INT, OFFSET(groups), 1, 65536, 1, {0}},
    {"bias", FG_ATTR_BIAS, INT, OFFSET(bias), 0, 1, 0, {0}},
    {"factor", FG_ATTR_FACTOR, INT, OFFSET(factor), 1, 64, 0, {0}},
    {"mode",
     FG_ATTR_MODE,
     WORD,
     OFFSET(mode),
     0,
     2,
     0,
     {"nearest", "bilinear", "bicubic"}},
    {"alpha", FG_ATTR_ALPHA, REAL, OFFSET(alpha), -1e6, 1e6, 0, {0}},
    {"eps", FG_ATTR_EPS, REAL, OFFSET(eps), 1e-30, 1, 1e-5, {0}},
    {"first", FG_ATTR_FIRST, INT, OFFSET(first), 0, 65536, 0, {0}},
    {"momentum", FG_ATTR_MOMENTUM, REAL, OFFSET(momentum), 0, 1, 0.1, {0}},
};
#define NB_KEYS (sizeof(keys) / sizeof(*keys))

int fg_graph_check_attrs(const FgGraph *g, FgError *err)
{
    for (int i = 0; i < g->nb_nodes * (int)NB_KEYS; i++) {
        const FgNode *n = &g->nodes[i / (int)NB_KEYS];
        const AttrKey *k = &keys[i % (int)NB_KEYS];
        const void *at = (const char *)&n->attr + k->offset;
        const double d = k->type == REAL ? *(const float *)at
                                         : *(const int *)at;
        if ((n->op->attrs & k->bit) && !(d >= k->min && d <= k->max))
            return fg_error(err, -EINVAL,
                            "graph: node '%s': attr '%s' is %g, allowed "
                            "%g..%g",
                            n->name, k->name, d, k->min, k->max);
    }
    return 0;
}

/* ---- out ---- */

static json_t *attr_json(const FgNode *n)
{
    json_t *o = json_object();
    for (size_t i = 0; o && i < NB_KEYS; i++) {
        const AttrKey *k = &keys[i];
        const void *at = (const char *)&n->attr + k->offset;
        json_t *v = NULL;
        if (!(n->op->attrs & k->bit))
            continue;
        if (k->type == REAL)
            v = json_real(*(const float *)at);
        else if (k->type == WORD && *(const int *)at >= 0 &&
                 *(const int *)at <= (int)k->max)
            v = json_string(k->words[*(const int *)at]);
        else
            v = json_integer(*(const int *)at);
        if (json_object_set_new(o, k->name, v) < 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static json_t *node_json(const FgGraph *g, const FgNode *n)
{
    json_t *in = json_array(), *param = json_array(), *attr = attr_json(n);
    json_t *o = json_object();
    int bad = !in || !param || !attr || !o;
    for (int i = 0; !bad && i < n->nb_in; i++)
        bad |= json_array_append_new(in, json_string(g->nodes[n->in[i]].name));
    for (int i = 0; !bad && i < n->nb_param; i++)
        bad |= json_array_append_new(param, json_string(n->param[i]));
    if (!bad) {
        bad |= json_object_set_new(o, "name", json_string(n->name));
        bad |= json_object_set_new(o, "op", json_string(n->op->name));
        bad |= json_object_set(o, "in", in);
        bad |= json_object_set(o, "attr", attr);
        bad |= json_object_set(o, "param", param);
    }
    json_decref(in);
    json_decref(param);
    json_decref(attr);
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

char *fg_graph_to_json(const FgGraph *g)
{
    json_t *root = json_object(), *nodes = json_array();
    char *text = NULL;
    int bad = !root || !nodes;
    for (int i = 0; !bad && i < g->nb_nodes; i++)
        bad |= json_array_append_new(nodes, node_json(g, &g->nodes[i]));
    bad = bad || json_object_set(root, "nodes", nodes) < 0;
    /* Nine digits give every float back. */
    if (!bad)
        text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(nodes);
    json_decref(root);
    return text;
}

/* ---- in ---- */

static const AttrKey *key_find(const char *name)
{
    for (size_t i = 0; i < NB_KEYS; i++)
        if (!strcmp(keys[i].name, name))
            return &keys[i];
    return NULL;
}

static int read_word(const FgNode *n, const AttrKey *k, const json_t *v,
                     FgError *err)
{
    const char *s = json_string_value(v);
    char allowed[80] = "";
    for (int i = 0; i <= (int)k->max; i++) {
        if (s && !strcmp(s, k->words[i]))
            return i;
        strcat(strcat(allowed, i ? ", " : ""), k->words[i]);
    }
    return fg_error(err, -EINVAL,
                    "graph: node '%s': attr '%s' is '%s', allowed %s", n->name,
                    k->name, s ? s : "not a string", allowed);
}

static int read_attr(FgNode *n, const char *name, const json_t *v, FgError *err)
{
    const AttrKey *k = key_find(name);
    if (!k || !(n->op->attrs & k->bit))
        return fg_error(err, -EINVAL,
                        "graph: node '%s': op '%s' has no attr "
                        "'%s'",
                        n->name, n->op->name, name);
    void *at = (char *)&n->attr + k->offset;
    if (k->type == WORD) {
        const int w = read_word(n, k, v, err);
        if (w < 0)
            return w;
        *(int *)at = w;
        return 0;
    }
    if (k->type == INT ? !json_is_integer(v) : !json_is_number(v))
        return fg_error(err, -EINVAL, "graph: node '%s': attr '%s' must be %s",
                        n->name, name,
                        k->type == INT ? "an integer" : "a number");
    const double d = json_number_value(v);
    if (!(d >= k->min && d <= k->max))
        return fg_error(err, -EINVAL,
                        "graph: node '%s': attr '%s' is %g, allowed %g..%g",
                        n->name, name, d, k->min, k->max);
    if (k->type == INT)
        *(int *)at = (int)d;
    else
        *(float *)at = (float)d;
    return 0;
}

static int read_attrs(FgNode *n, json_t *o, FgError *err)
{
    const char *name;
    json_t *v;
    for (size_t i = 0; i < NB_KEYS; i++) {
        const AttrKey *k = &keys[i];
        if (!(n->op->attrs & k->bit))
            continue;
        if (k->def < k->min && !json_object_get(o, k->name))
            return fg_error(err, -EINVAL,
                            "graph: node '%s': attr '%s' is missing", n->name,
                            k->name);
        void *at = (char *)&n->attr + k->offset;
        if (k->type == REAL)
            *(float *)at = (float)k->def;
        else
            *(int *)at = (int)k->def;
    }
    json_object_foreach(o, name, v)
    {
        const int rc = read_attr(n, name, v, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_inputs(const FgGraph *g, FgNode *n, const json_t *a,
                       FgError *err)
{
    const size_t nb = json_array_size(a);
    if (nb < (size_t)n->op->min_in || nb > (size_t)n->op->max_in ||
        nb > FG_MAX_IN)
        return fg_error(err, -EINVAL,
                        "graph: node '%s': %zu inputs, '%s' takes %d..%d",
                        n->name, nb, n->op->name, n->op->min_in, n->op->max_in);
    for (size_t i = 0; i < nb; i++) {
        const char *s = json_string_value(json_array_get(a, i));
        const int at = s ? fg_graph_find(g, s) : -ENOENT;
        if (at < 0)
            return fg_error(err, -EINVAL,
                            "graph: node '%s': input '%s' is not "
                            "a node before it",
                            n->name, s ? s : "(not a string)");
        n->in[n->nb_in++] = at;
    }
    return 0;
}

static int read_param_names(FgNode *n, const json_t *a, FgError *err)
{
    const int want = fg_node_params(n);
    if ((int)json_array_size(a) != want)
        return fg_error(err, -EINVAL,
                        "graph: node '%s': %zu parameters named, '%s' has %d",
                        n->name, json_array_size(a), n->op->name, want);
    for (int i = 0; i < want; i++) {
        const json_t *v = json_array_get(a, (size_t)i);
        if (!json_is_string(v) ||
            !fg_name_valid(json_string_value(v), json_string_length(v)))
            return fg_error(err, -EINVAL,
                            "graph: node '%s': parameter %d has no valid name",
                            n->name, i);
        strcpy(n->param[i], json_string_value(v));
    }
    n->nb_param = want;
    return 0;
}

static int check_keys(json_t *o, const char *const *names, const char *where,
                      FgError *err)
{
    const char *key;
    json_t *v;
    json_object_foreach(o, key, v)
    {
        int known = 0;
        for (int i = 0; names[i]; i++)
            known |= !strcmp(names[i], key);
        if (!known)
            return fg_error(err, -EINVAL, "graph: %s: unknown key '%s'", where,
                            key);
    }
    return 0;
}

static int read_node(FgGraph *g, json_t *o, size_t i, FgError *err)
{
    static const char *const names[] = {"name", "op",    "in",
                                        "attr", "param", NULL};
    FgNode n;
    char where[FG_NAME_LEN + 16];
    memset(&n, 0, sizeof(n));
    const json_t *name = json_object_get(o, "name");
    const char *op = json_string_value(json_object_get(o, "op"));
    if (!json_is_string(name) ||
        !fg_name_valid(json_string_value(name), json_string_length(name)))
        return fg_error(err, -EINVAL, "graph: node %zu has no valid name", i);
    strcpy(n.name, json_string_value(name));
    strcat(strcpy(where, "node "), n.name);
    if (fg_graph_find(g, n.name) >= 0)
        return fg_error(err, -EINVAL, "graph: two nodes are named '%s'",
                        n.name);
    n.op = op ? fg_op_find(op) : NULL;
    if (!n.op)
        return fg_error(err, -EINVAL, "graph: node '%s': unknown op '%s'",
                        n.name, op ? op : "");
    json_t *in = json_object_get(o, "in"), *attr = json_object_get(o, "attr"),
           *param = json_object_get(o, "param");
    int rc = check_keys(o, names, where, err);
    if (rc >= 0 &&
        ((in && !json_is_array(in)) || (attr && !json_is_object(attr)) ||
         (param && !json_is_array(param))))
        rc = fg_error(err, -EINVAL,
                      "graph: %s: in and param must be lists, attr an object",
                      where);
    if (rc >= 0)
        rc = read_attrs(&n, attr, err);
    if (rc >= 0)
        rc = read_inputs(g, &n, in, err);
    if (rc >= 0)
        rc = read_param_names(&n, param, err);
    if (rc < 0)
        return rc;
    rc = fg_graph_add(g, &n);
    return rc < 0
               ? fg_error(err, rc, "graph: node '%s' cannot be added", n.name)
               : 0;
}

static int read_graph(FgGraph *g, json_t *root, FgError *err)
{
    static const char *const names[] = {"nodes", NULL};
    json_t *nodes = json_object_get(root, "nodes");
    const size_t nb = json_array_size(nodes);
    int rc = check_keys(root, names, "top level", err);
    if (rc < 0)
        return rc;
    if (!json_is_array(nodes) || nb < 1 || nb > FG_MAX_NODES)
        return fg_error(err, -EINVAL, "graph: 'nodes' must be a list of 1..%d",
                        FG_MAX_NODES);
    for (size_t i = 0; i < nb && rc >= 0; i++)
        rc = read_node(g, json_array_get(nodes, i), i, err);
    return rc;
}

int fg_graph_from_json(FgGraph *g, const char *text, size_t len, FgError *err)
{
    json_error_t at;
    memset(g, 0, sizeof(*g));
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        return fg_error(err, -EINVAL, "graph: not JSON at %d:%d: %s", at.line,
                        at.column, at.text);
    int rc = read_graph(g, root, err);
    json_decref(root);
    if (rc >= 0) {
        FgShape *shapes = fg_graph_any_shapes(g, err);
        rc = shapes ? 0 : -errno;
        free(shapes);
    }
    if (rc < 0)
        fg_graph_free(g);
    return rc;
}
