/* ffgan: pickles as data: the stack machine.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pickle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import_priv.h"

#define MAX_VALUES (1 << 20)
#define MAX_STACK (1 << 18)
#define MAX_MEMO (1 << 20)
#define MARK (-1)

typedef struct Machine {
    FgPickle *p;
    const uint8_t *at, *end;
    FgError *err;
    int *stack, nb_stack, cap_stack;
    int *memo, nb_memo, cap_memo;
    int done;
} Machine;

/* ---- what may be named ---- */

enum {
    MAKE_DICT,
    MAKE_TENSOR,
    MAKE_PARAMETER,
    MAKE_TUPLE,
    MAKE_OTHER, /* accepted, worth nothing to us */
    IS_STORAGE
};

static const struct {
    const char *module, *name;
    int make;
    const char *dtype;
    size_t size;
} globals[] = {
    {"torch._utils", "_rebuild_tensor_v2", MAKE_TENSOR, NULL, 0},
    {"collections", "OrderedDict", MAKE_DICT, NULL, 0},
    {"torch._utils", "_rebuild_parameter", MAKE_PARAMETER, NULL, 0},
    {"torch", "Size", MAKE_TUPLE, NULL, 0},
    {"collections", "defaultdict", MAKE_DICT, NULL, 0},
    {"argparse", "Namespace", MAKE_OTHER, NULL, 0},
    {"torch", "device", MAKE_OTHER, NULL, 0},
    {"collections", "Counter", MAKE_OTHER, NULL, 0},
    {"numpy.core.multiarray", "scalar", MAKE_OTHER, NULL, 0},
    {"numpy._core.multiarray", "scalar", MAKE_OTHER, NULL, 0},
    {"numpy", "dtype", MAKE_OTHER, NULL, 0},
    {"_codecs", "encode", MAKE_OTHER, NULL, 0},
    {"torch", "FloatStorage", IS_STORAGE, "F32", 4},
    {"torch", "HalfStorage", IS_STORAGE, "F16", 2},
    {"torch", "BFloat16Storage", IS_STORAGE, "BF16", 2},
    {"torch", "DoubleStorage", IS_STORAGE, "F64", 8},
    {"torch", "LongStorage", IS_STORAGE, "I64", 8},
    {"torch", "IntStorage", IS_STORAGE, "I32", 4},
    {"torch", "ShortStorage", IS_STORAGE, "I16", 2},
    {"torch", "CharStorage", IS_STORAGE, "I8", 1},
    {"torch", "ByteStorage", IS_STORAGE, "U8", 1},
    {"torch", "BoolStorage", IS_STORAGE, "BOOL", 1},
};

const char *fg_pickle_dtype(const FgPickleValue *storage, size_t *size)
{
    *size = globals[storage->v].size;
    return globals[storage->v].dtype;
}

static int bad(const Machine *m, const char *what)
{
    fg_error(m->err, -EBADMSG, "data.pkl: %s", what);
    return -EBADMSG;
}

static int no_memory(const Machine *m)
{
    fg_error(m->err, -ENOMEM, "data.pkl: out of memory");
    return -ENOMEM;
}

/* ---- values and the stack ---- */

static int grow(void **p, int *cap, int want, size_t size)
{
    if (want <= *cap)
        return 0;
    int n = *cap ? *cap : 64;
    while (n < want)
        n *= 2;
    void *q = realloc(*p, (size_t)n * size);
    if (!q)
        return -ENOMEM;
    *p = q;
    *cap = n;
    return 0;
}

static int push(Machine *m, int value)
{
    if (m->nb_stack >= MAX_STACK)
        return bad(m, "too deep");
    if (grow((void **)&m->stack, &m->cap_stack, m->nb_stack + 1,
             sizeof(*m->stack)) < 0)
        return no_memory(m);
    m->stack[m->nb_stack++] = value;
    return 0;
}

/* Index of a fresh value, which is pushed; or an error. */
static int make(Machine *m, FgPickleType type, int64_t v)
{
    FgPickle *p = m->p;
    if (p->nb >= MAX_VALUES)
        return bad(m, "more than 2^20 values");
    if (grow((void **)&p->values, &p->cap, p->nb + 1, sizeof(*p->values)) < 0)
        return no_memory(m);
    p->values[p->nb] = (FgPickleValue){.type = type, .v = v};
    const int rc = push(m, p->nb);
    return rc < 0 ? rc : p->nb++;
}

static int append(Machine *m, int to, int item)
{
    FgPickleValue *t = &m->p->values[to];
    if (grow((void **)&t->items, &t->cap, t->nb + 1, sizeof(int)) < 0)
        return no_memory(m);
    t->items[t->nb++] = item;
    return 0;
}

/* A value from the stack's top, or -EBADMSG. */
static int pop(Machine *m)
{
    if (!m->nb_stack || m->stack[m->nb_stack - 1] == MARK)
        return bad(m, "it takes a value where none is");
    return m->stack[--m->nb_stack];
}

static int top(Machine *m)
{
    if (!m->nb_stack || m->stack[m->nb_stack - 1] == MARK)
        return bad(m, "it needs a value where none is");
    return m->stack[m->nb_stack - 1];
}

/* Where the values above the last mark begin. */
static int mark(Machine *m)
{
    int i = m->nb_stack;
    while (i > 0 && m->stack[i - 1] != MARK)
        i--;
    return i ? i : bad(m, "it needs a mark where none is");
}

static int take(Machine *m, size_t n, const uint8_t **from)
{
    if (n > (size_t)(m->end - m->at))
        return bad(m, "it ends too early");
    *from = m->at;
    m->at += n;
    return 0;
}

static int number(Machine *m, int bytes, uint64_t *v)
{
    const uint8_t *p;
    const int rc = take(m, (size_t)bytes, &p);
    *v = rc < 0 ? 0 : fg_le(p, bytes);
    return rc;
}

/* ---- building values ---- */

static int make_text(Machine *m, int bytes)
{
    uint64_t n;
    const uint8_t *p;
    int rc = number(m, bytes, &n);
    if (rc >= 0)
        rc = n > (uint64_t)(m->end - m->at) ? bad(m, "a text ends after it")
                                            : take(m, (size_t)n, &p);
    if (rc >= 0)
        rc = make(m, FG_PICKLE_TEXT, 0);
    if (rc < 0)
        return rc;
    m->p->values[rc].text = (const char *)p;
    m->p->values[rc].len = (size_t)n;
    return 0;
}

/* Integers of any length: what needs more than 64 bits is nobody's size. */
static int make_long(Machine *m, int bytes)
{
    uint64_t n, v = 0;
    const uint8_t *p;
    int rc = number(m, bytes, &n);
    if (rc >= 0)
        rc = n > 8 ? bad(m, "an integer of more than 64 bits")
                   : take(m, (size_t)n, &p);
    if (rc < 0)
        return rc;
    v = fg_le(p, (int)n);
    if (n && n < 8 && p[n - 1] & 0x80)
        v |= ~(uint64_t)0 << 8 * n;
    rc = make(m, FG_PICKLE_INT, (int64_t)v);
    return rc < 0 ? rc : 0;
}

static int make_int(Machine *m, int bytes)
{
    uint64_t v;
    int rc = number(m, bytes, &v);
    if (rc < 0)
        return rc;
    rc = make(m, FG_PICKLE_INT, bytes == 4 ? (int32_t)v : (int64_t)v);
    return rc < 0 ? rc : 0;
}

static int make_float(Machine *m)
{
    uint64_t v = 0;
    const uint8_t *p;
    int rc = take(m, 8, &p);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    rc = make(m, FG_PICKLE_FLOAT, (int64_t)v);
    return rc < 0 ? rc : 0;
}

/* The values from stack index `from` on become a tuple. */
static int make_tuple(Machine *m, int from, int marked)
{
    FgPickle *p = m->p;
    const int nb = m->nb_stack - from;
    int *items = NULL;
    for (int i = from; i < m->nb_stack; i++)
        if (m->stack[i] == MARK)
            return bad(m, "a mark inside a tuple");
    if (nb && !(items = malloc(sizeof(*items) * (size_t)nb)))
        return no_memory(m);
    if (nb)
        memcpy(items, m->stack + from, sizeof(*items) * (size_t)nb);
    m->nb_stack = from - (marked ? 1 : 0);
    const int t = make(m, FG_PICKLE_TUPLE, 0);
    if (t < 0) {
        free(items);
        return t;
    }
    p->values[t].items = items;
    p->values[t].nb = p->values[t].cap = nb;
    return 0;
}

static int tuple_of(Machine *m, int nb)
{
    if (nb > m->nb_stack)
        return bad(m, "a tuple of values that are not there");
    return make_tuple(m, m->nb_stack - nb, 0);
}

static int tuple_marked(Machine *m)
{
    const int from = mark(m);
    return from < 0 ? from : make_tuple(m, from, 1);
}

/* Everything above the mark goes into the list or dictionary below it. */
static int put_marked(Machine *m, FgPickleType type, int even)
{
    const int from = mark(m);
    if (from < 0)
        return from;
    const int to = from > 1 ? m->stack[from - 2] : MARK;
    if (to == MARK || (m->p->values[to].type != type &&
                       m->p->values[to].type != FG_PICKLE_OTHER))
        return bad(m, "items for what is not a list or dictionary");
    if (even && (m->nb_stack - from) % 2)
        return bad(m, "a key without a value");
    int rc = 0;
    for (int i = from; i < m->nb_stack && rc >= 0; i++)
        rc = m->p->values[to].type == type ? append(m, to, m->stack[i]) : 0;
    m->nb_stack = from - 1;
    return rc;
}

static int put_items(Machine *m, FgPickleType type, int nb)
{
    int item[2] = {0, 0};
    for (int i = nb - 1; i >= 0; i--)
        if ((item[i] = pop(m)) < 0)
            return item[i];
    const int to = top(m);
    if (to < 0)
        return to;
    if (m->p->values[to].type != type)
        return bad(m, "an item for what is not a list or dictionary");
    int rc = append(m, to, item[0]);
    if (rc >= 0 && nb > 1)
        rc = append(m, to, item[1]);
    return rc;
}

/* ---- globals ---- */

static int find_global(const char *mod, size_t nm, const char *name, size_t nn)
{
    for (size_t i = 0; i < sizeof(globals) / sizeof(*globals); i++)
        if (strlen(globals[i].module) == nm && strlen(globals[i].name) == nn &&
            !memcmp(globals[i].module, mod, nm) &&
            !memcmp(globals[i].name, name, nn))
            return (int)i;
    return -1;
}

static int make_global(Machine *m, const char *mod, size_t nm, const char *name,
                       size_t nn)
{
    const int g = find_global(mod, nm, name, nn);
    if (g < 0)
        return fg_error(m->err, -ENOTSUP,
                        "data.pkl names '%.*s.%.*s': only tensors in "
                        "dictionaries are read, nothing is executed; save the "
                        "state_dict alone: torch.save(net.state_dict(), ...)",
                        (int)(nm < 64 ? nm : 64), mod, (int)(nn < 64 ? nn : 64),
                        name);
    const int rc = make(m, FG_PICKLE_GLOBAL, g);
    return rc < 0 ? rc : 0;
}

static int line(Machine *m, const char **text, size_t *len)
{
    const uint8_t *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!end)
        return bad(m, "it ends too early");
    *text = (const char *)m->at;
    *len = (size_t)(end - m->at);
    m->at = end + 1;
    return 0;
}

static int global_line(Machine *m)
{
    const char *mod, *name;
    size_t nm, nn;
    int rc = line(m, &mod, &nm);
    if (rc >= 0)
        rc = line(m, &name, &nn);
    return rc < 0 ? rc : make_global(m, mod, nm, name, nn);
}

static int global_stack(Machine *m)
{
    const int name = pop(m), mod = name < 0 ? name : pop(m);
    if (mod < 0)
        return mod;
    const FgPickleValue a = m->p->values[mod], b = m->p->values[name];
    if (a.type != FG_PICKLE_TEXT || b.type != FG_PICKLE_TEXT)
        return bad(m, "a global without a name");
    return make_global(m, a.text, a.len, b.text, b.len);
}

/* ('storage', type, key, place, elements) */
static int storage(Machine *m)
{
    const int t = pop(m);
    if (t < 0)
        return t;
    const FgPickleValue tuple = m->p->values[t];
    if (tuple.type != FG_PICKLE_TUPLE || tuple.nb < 5)
        return bad(m, "a storage that is not described by five values");
    const FgPickleValue type = m->p->values[tuple.items[1]];
    const FgPickleValue key = m->p->values[tuple.items[2]];
    if (type.type != FG_PICKLE_GLOBAL || globals[type.v].make != IS_STORAGE ||
        key.type != FG_PICKLE_TEXT || key.len > 64)
        return bad(m, "a storage of unknown type or without a key");
    const int s = make(m, FG_PICKLE_STORAGE, type.v);
    if (s < 0)
        return s;
    m->p->values[s].text = key.text;
    m->p->values[s].len = key.len;
    return 0;
}

/* (storage, offset, sizes, strides, ...) */
static int make_tensor(Machine *m, int args)
{
    const FgPickleValue *v = m->p->values;
    const FgPickleValue a = v[args];
    if (a.nb < 4 || v[a.items[0]].type != FG_PICKLE_STORAGE ||
        v[a.items[1]].type != FG_PICKLE_INT ||
        v[a.items[2]].type != FG_PICKLE_TUPLE ||
        v[a.items[3]].type != FG_PICKLE_TUPLE)
        return bad(m, "a tensor that is not described as such");
    const int t = make(m, FG_PICKLE_TENSOR, 0);
    if (t < 0)
        return t;
    for (int i = 0; i < 4; i++)
        if (append(m, t, m->p->values[args].items[i]) < 0)
            return -ENOMEM;
    return 0;
}

/* OrderedDict([(key, value), ...]): the older way of writing it. */
static int make_dict(Machine *m, int args)
{
    const int d = make(m, FG_PICKLE_DICT, 0);
    const FgPickleValue *v = m->p->values;
    if (d < 0 || v[args].nb < 1)
        return d < 0 ? d : 0;
    const int list = v[args].items[v[args].nb - 1];
    if (v[list].type != FG_PICKLE_LIST)
        return 0;
    for (int i = 0; i < m->p->values[list].nb; i++) {
        const FgPickleValue pair = m->p->values[m->p->values[list].items[i]];
        if ((pair.type != FG_PICKLE_TUPLE && pair.type != FG_PICKLE_LIST) ||
            pair.nb != 2)
            return bad(m, "a dictionary of what are not pairs");
        if (append(m, d, pair.items[0]) < 0 || append(m, d, pair.items[1]) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* What Python would call here, we make ourselves. */
static int reduce(Machine *m)
{
    const int args = pop(m), fn = args < 0 ? args : pop(m);
    if (fn < 0)
        return fn;
    const FgPickleValue f = m->p->values[fn], a = m->p->values[args];
    if (f.type == FG_PICKLE_OTHER)
        return push(m, fn);
    if (f.type != FG_PICKLE_GLOBAL || a.type != FG_PICKLE_TUPLE)
        return bad(m, "it calls what is not a name");
    switch (globals[f.v].make) {
    case MAKE_TENSOR:
        return make_tensor(m, args);
    case MAKE_DICT:
        return make_dict(m, args);
    case MAKE_PARAMETER:
    case MAKE_TUPLE:
        return a.nb ? push(m, a.items[0]) : bad(m, "a call without a value");
    default: {
        const int rc = make(m, FG_PICKLE_OTHER, 0);
        return rc < 0 ? rc : 0;
    }
    }
}

/* The state of an object: of the values that we make, none has any use. */
static int build(Machine *m)
{
    const int state = pop(m), to = state < 0 ? state : top(m);
    return to < 0 ? to : 0;
}

/* ---- memo ---- */

static int memo_put(Machine *m, uint64_t at)
{
    const int value = top(m);
    if (value < 0)
        return value;
    if (at >= MAX_MEMO)
        return bad(m, "a memo of more than 2^20 values");
    const int had = m->cap_memo;
    if (grow((void **)&m->memo, &m->cap_memo, (int)at + 1, sizeof(int)) < 0)
        return no_memory(m);
    for (int i = had; i < m->cap_memo; i++)
        m->memo[i] = MARK;
    m->memo[at] = value;
    return 0;
}

static int memo_get(Machine *m, uint64_t at)
{
    if (at >= (uint64_t)m->cap_memo || m->memo[at] == MARK)
        return bad(m, "a memo that was never put");
    return push(m, m->memo[at]);
}

static int memo(Machine *m, int bytes, int put)
{
    uint64_t v;
    const int rc = number(m, bytes, &v);
    return rc < 0 ? rc : put ? memo_put(m, v) : memo_get(m, v);
}

/* ---- opcodes ---- */

static int constant(Machine *m, FgPickleType type, int64_t v)
{
    const int rc = make(m, type, v);
    return rc < 0 ? rc : 0;
}

static int skip(Machine *m, int bytes)
{
    const uint8_t *p;
    return take(m, (size_t)bytes, &p);
}

static int drop(Machine *m)
{
    if (m->nb_stack)
        m->nb_stack--;
    return 0;
}

static int duplicate(Machine *m)
{
    const int v = top(m);
    return v < 0 ? v : push(m, v);
}

static int finish(Machine *m)
{
    const int v = pop(m);
    m->done = 1;
    m->p->root = v;
    return v < 0 ? v : 0;
}

static int step_values(Machine *m, int op)
{
    switch (op) {
    case 'N':
        return constant(m, FG_PICKLE_OTHER, 0);
    case 0x88:
        return constant(m, FG_PICKLE_INT, 1);
    case 0x89:
        return constant(m, FG_PICKLE_INT, 0);
    case 'J':
        return make_int(m, 4);
    case 'K':
        return make_int(m, 1);
    case 'M':
        return make_int(m, 2);
    case 0x8a:
        return make_long(m, 1);
    case 0x8b:
        return make_long(m, 4);
    case 'G':
        return make_float(m);
    case 'X': /* texts: unicode and bytes alike */
    case 'T':
    case 'B':
        return make_text(m, 4);
    case 'U':
    case 'C':
    case 0x8c:
        return make_text(m, 1);
    case 0x8d:
    case 0x8e:
        return make_text(m, 8);
    default:
        return fg_error(m->err, -ENOTSUP,
                        "data.pkl: opcode 0x%02x is not on the list of those "
                        "that hold data",
                        op);
    }
}

static int step_items(Machine *m, int op)
{
    switch (op) {
    case '(':
        return push(m, MARK);
    case ')':
        return tuple_of(m, 0);
    case 0x85:
        return tuple_of(m, 1);
    case 0x86:
        return tuple_of(m, 2);
    case 0x87:
        return tuple_of(m, 3);
    case 't':
        return tuple_marked(m);
    case ']':
        return constant(m, FG_PICKLE_LIST, 0);
    case '}':
        return constant(m, FG_PICKLE_DICT, 0);
    case 0x8f: /* a set: of no use, but may stand in a checkpoint */
        return constant(m, FG_PICKLE_LIST, 0);
    case 'a':
        return put_items(m, FG_PICKLE_LIST, 1);
    case 'e':
    case 0x90:
        return put_marked(m, FG_PICKLE_LIST, 0);
    case 's':
        return put_items(m, FG_PICKLE_DICT, 2);
    case 'u':
        return put_marked(m, FG_PICKLE_DICT, 1);
    default:
        return step_values(m, op);
    }
}

static int step(Machine *m)
{
    const uint8_t *p;
    const int rc = take(m, 1, &p);
    if (rc < 0)
        return rc;
    switch (*p) {
    case 0x80:
        return skip(m, 1);
    case 0x95:
        return skip(m, 8);
    case '.':
        return finish(m);
    case '0':
        return drop(m);
    case '2':
        return duplicate(m);
    case 'q':
        return memo(m, 1, 1);
    case 'r':
        return memo(m, 4, 1);
    case 0x94:
        return memo_put(m, (uint64_t)m->nb_memo++);
    case 'h':
        return memo(m, 1, 0);
    case 'j':
        return memo(m, 4, 0);
    case 'c':
        return global_line(m);
    case 0x93:
        return global_stack(m);
    case 'Q':
        return storage(m);
    case 'R':
    case 0x81:
        return reduce(m);
    case 'b':
        return build(m);
    default:
        return step_items(m, *p);
    }
}

int fg_pickle_read(FgPickle *p, const void *data, size_t size, FgError *err)
{
    Machine m = {
        .p = p, .at = data, .end = (const uint8_t *)data + size, .err = err};
    int rc = 0;
    memset(p, 0, sizeof(*p));
    while (rc >= 0 && !m.done)
        rc = step(&m);
    free(m.stack);
    free(m.memo);
    if (rc < 0)
        fg_pickle_free(p);
    return rc < 0 ? rc : 0;
}

int fg_pickle_get(const FgPickle *p, int d, const char *key)
{
    const FgPickleValue *v = &p->values[d];
    const size_t len = strlen(key);
    for (int i = 0; v->type == FG_PICKLE_DICT && i + 1 < v->nb; i += 2) {
        const FgPickleValue *k = &p->values[v->items[i]];
        if (k->type == FG_PICKLE_TEXT && k->len == len &&
            !memcmp(k->text, key, len))
            return v->items[i + 1];
    }
    return -1;
}

void fg_pickle_free(FgPickle *p)
{
    for (int i = 0; i < p->nb; i++)
        free(p->values[i].items);
    free(p->values);
    memset(p, 0, sizeof(*p));
}
