/* ffgan: networks of mixed blocks, the space that architecture search walks.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "build_priv.h"

#define MAX_CONVS 4
#define BETWEEN " ,"

static const char *const types[] = {"plain", "res", "gate", "mix", "sep"};
enum { PLAIN, RES, GATE, MIX, SEP, NB_TYPES };

typedef struct Cell {
    int type, convs;
} Cell;

/* Reads the word at *p and moves past it; 0 at the end of the text. */
static int next_cell(const char **p, Cell *c, FgError *err)
{
    const char *w = *p + strspn(*p, BETWEEN);
    const size_t n = strcspn(w, BETWEEN);

    *p = w + n;
    if (!n)
        return 0;
    for (int t = 0; t < NB_TYPES; t++) {
        const size_t len = strlen(types[t]);

        if (n == len + 1 && !memcmp(w, types[t], len) && w[len] >= '1' &&
            w[len] <= '0' + MAX_CONVS) {
            *c = (Cell){t, w[len] - '0'};
            return 1;
        }
    }
    return fg_error(err, -EINVAL,
                    "network: cells: '%.*s' is not plain, res, gate, mix or "
                    "sep with 1..%d, as in 'res2'",
                    (int)n, w, MAX_CONVS);
}

static const char *cells_of(const FgCells *c)
{
    return c->cells ? c->cells : "plain1";
}

static int check(const FgCells *b, FgError *err)
{
    const char *p = cells_of(b);
    Cell c;
    int rc = 0, nb = 0;

    while ((rc = next_cell(&p, &c, err)) > 0)
        nb++;
    if (!rc && !nb)
        rc = fg_error(err, -EINVAL, "network: cells has no word");
    if (!rc && b->stem)
        rc = fg_build_word("stem", b->stem, "none|unshuffle2|pool", err);
    if (!rc && b->skip)
        rc = fg_build_word("skip", b->skip, "none|global|concat", err);
    return rc;
}

/* The type of block i: the words repeat. */
static Cell cell_of(const FgCells *b, int i)
{
    const char *text = cells_of(b), *p = text;
    Cell c = {0, 1}, all;
    int nb = 0;

    while (next_cell(&p, &all, NULL) > 0)
        nb++;
    p = text;
    for (int k = 0; nb && k <= i % nb; k++)
        next_cell(&p, &c, NULL);
    return c;
}

/* ---- blocks: from f channels to f channels ---- */

static const char *part(char out[FG_NAME_LEN], const char *name,
                        const char *what, int k)
{
    if (k < 0)
        snprintf(out, FG_NAME_LEN, "%s.%s", name, what);
    else
        snprintf(out, FG_NAME_LEN, "%s.%s%d", name, what, k);
    return out;
}

/* n convolutions, an activation after each or, open = 1, between them. */
static int convs(FgBuilder *s, const char *name, int x, int n, int open)
{
    const int f = s->b->features;
    char word[FG_NAME_LEN];

    for (int k = 0; k < n; k++) {
        const int last = k == n - 1;

        x = fg_build_layer(s, part(word, name, "conv", k), x, f, f,
                           !(last && open));
        if (!(last && open))
            x = fg_build_activation(s, part(word, name, "act", k), x);
    }
    return x;
}

static int separable(FgBuilder *s, const char *name, int x, int n)
{
    const int f = s->b->features;
    const FgAttr depth = {.channels = f,
                          .kernel = 3,
                          .stride = 1,
                          .pad = 1,
                          .groups = f,
                          .bias = 0};
    char word[FG_NAME_LEN];

    for (int k = 0; k < n; k++) {
        x = fg_build_node(s, "conv2d", part(word, name, "depth", k), x, -1,
                          depth);
        x = fg_build_conv(s, part(word, name, "point", k), x, f, 1, 1);
        x = fg_build_activation(s, part(word, name, "act", k), x);
    }
    return x;
}

static int gate(FgBuilder *s, const char *name, int x, int f)
{
    const FgAttr half = {.alpha = 0.5f}, none = {0};
    const int sum = fg_build_sum(s, name, ".sum", x, f);
    char word[FG_NAME_LEN];
    int g = fg_build_node(s, "scale", part(word, name, "in", -1), f, -1, half);

    g = fg_build_node(s, "tanh", part(word, name, "gate", -1), g, -1, none);
    g = fg_build_node(s, "scale", part(word, name, "half", -1), g, -1, half);
    return fg_build_node(s, "mul", name, sum, g, none);
}

static int mix(FgBuilder *s, const char *name, int x, int f)
{
    const int sum = fg_build_sum(s, name, ".sum", x, f);
    char word[FG_NAME_LEN];
    const int g = fg_build_conv(s, part(word, name, "point", -1), f,
                                s->b->features, 1, 1);

    return fg_build_node(s, "mul", name, sum, g, (FgAttr){0});
}

static int block(FgBuilder *s, int i, int x)
{
    const Cell c = cell_of(s->cells, i);
    char name[32];
    int f;

    snprintf(name, sizeof(name), "cell%d", i);
    if (c.type == SEP)
        return separable(s, name, x, c.convs);
    f = convs(s, name, x, c.convs, c.type != PLAIN);
    if (c.type == RES)
        return fg_build_sum(s, name, "", f, x);
    if (c.type == GATE)
        return gate(s, name, x, f);
    if (c.type == MIX)
        return mix(s, name, x, f);
    return f;
}

/* ---- stem and skip ---- */

static int is(const char *value, const char *word)
{
    return value && !strcmp(value, word);
}

/* What the head sees at half the size, made large again: context from far. */
static int pooled(FgBuilder *s, int in, int head)
{
    const FgAttr pool = {.kernel = 2, .stride = 2};
    const FgAttr up = {.factor = 2, .mode = FG_RESIZE_BILINEAR};
    int x = fg_build_node(s, "avg_pool", "pool", in, -1, pool);

    x = fg_build_layer(s, "pool.head", x, s->b->channels_in, s->b->features, 0);
    x = fg_build_node(s, "resize", "pool.up", x, -1, up);
    return fg_build_sum(s, "pool.sum", "", head, x);
}

static int joined(FgBuilder *s, int head, int x)
{
    if (is(s->cells->skip, "global"))
        return fg_build_sum(s, "skip", "", x, head);
    if (!is(s->cells->skip, "concat"))
        return x;
    x = fg_build_node(s, "concat", "skip", x, head, (FgAttr){0});
    return fg_build_conv(s, "fuse", x, s->b->features, 1, 1);
}

static void build(FgBuilder *s, int in)
{
    const int small = is(s->cells->stem, "unshuffle2") ? 2 : 1;
    const int ic = s->b->channels_in * small * small;
    int x = in, head;

    if (small > 1)
        x = fg_build_node(s, "pixel_unshuffle", "unshuffle", in, -1,
                          (FgAttr){.factor = small});
    head = fg_build_layer(s, "head", x, ic, s->b->features, 0);
    if (is(s->cells->stem, "pool"))
        head = pooled(s, in, head);
    head = fg_build_activation(s, "head.act", head);
    x = head;
    for (int i = 0; i < s->b->blocks; i++)
        x = block(s, i, x);
    x = joined(s, head, x);
    fg_build_tail(s, in, x, s->b->scale * small);
}

int fg_graph_build_cells(FgGraph *g, const FgBuild *b, const FgCells *c,
                         FgError *err)
{
    memset(g, 0, sizeof(*g));
    int rc = fg_build_check(b, err);
    if (rc >= 0)
        rc = fg_build_check_body(b, err);
    if (rc >= 0)
        rc = check(c, err);
    if (rc < 0)
        return rc;
    FgBuilder s = {g, b, c, 0};
    const FgAttr channels = {.channels = b->channels_in};
    build(&s, fg_build_node(&s, "input", "input", -1, -1, channels));
    return fg_build_end(&s, "cells", err);
}
