/* ffgan: importing: ncnn's .param (text) with its .bin.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A line is: type, name, how many blobs in and out, their names, KEY=VALUE;
 * keys from -23300 down hold lists, COUNT,VALUE,... Weights follow one another
 * in the .bin in the order of the lines. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp.h"
#include "ncnn.h"

/* ---- tokens ---- */

static int next_line(FgNcnn *c, FgSpan *line)
{
    while (c->text.n) {
        const uint8_t *end = memchr(c->text.p, '\n', c->text.n);
        const size_t n = end ? (size_t)(end - c->text.p) : c->text.n;
        *line = (FgSpan){c->text.p, n};
        c->text.p += n + (end != NULL);
        c->text.n -= n + (end != NULL);
        for (size_t i = 0; i < n; i++)
            if (!isspace(line->p[i]))
                return 1;
    }
    return 0;
}

static int next_word(FgSpan *line, FgSpan *word)
{
    while (line->n && isspace(*line->p)) {
        line->p++;
        line->n--;
    }
    word->p = line->p;
    word->n = 0;
    while (line->n && !isspace(*line->p)) {
        word->n++;
        line->p++;
        line->n--;
    }
    return word->n > 0;
}

/* The whole word as a number. */
static int as_number(FgSpan w, double *v)
{
    char text[64], *end;
    if (!w.n || w.n >= sizeof(text))
        return 0;
    memcpy(text, w.p, w.n);
    text[w.n] = 0;
    *v = strtod(text, &end);
    return !*end && *v == *v && *v > -1e30 && *v < 1e30;
}

static int as_count(FgSpan w, int most, int *v)
{
    double d;
    if (!as_number(w, &d) || d < 0 || d > most || d != (int)d)
        return 0;
    *v = (int)d;
    return 1;
}

/* ---- one line ---- */

int fg_ncnn_refuse(FgNcnn *c, const FgNcnnLayer *l, const char *what)
{
    return fg_im_fail(
        c->im, -ENOTSUP, "layer '%.*s' (%.*s): %s",
        (int)(l->name.n < 64 ? l->name.n : 64), (const char *)l->name.p,
        (int)(l->type.n < 64 ? l->type.n : 64), (const char *)l->type.p, what);
}

static int read_list(FgNcnn *c, FgNcnnLayer *l, FgNcnnParam *p, FgSpan v)
{
    for (int k = -1; v.n; k++) {
        const uint8_t *comma = memchr(v.p, ',', v.n);
        const FgSpan w = {v.p, comma ? (size_t)(comma - v.p) : v.n};
        double d;
        if (!as_number(w, &d))
            return fg_ncnn_refuse(c, l, "a list that holds no numbers");
        if (k >= 0 && k < FG_NCNN_LIST)
            p->list[p->nb++] = d;
        v.p += w.n + (comma != NULL);
        v.n -= w.n + (comma != NULL);
    }
    return 0;
}

static int read_param(FgNcnn *c, FgNcnnLayer *l, FgSpan w)
{
    const uint8_t *eq = memchr(w.p, '=', w.n);
    FgNcnnParam *p = &l->param[l->nb_param];
    double key;
    if (!eq || l->nb_param >= FG_NCNN_PARAMS ||
        !as_number((FgSpan){w.p, (size_t)(eq - w.p)}, &key) ||
        !(key > -1e6 && key < 1e6))
        return fg_ncnn_refuse(c, l, "its parameters are not KEY=VALUE");
    const FgSpan v = {eq + 1, w.n - (size_t)(eq - w.p) - 1};
    memset(p, 0, sizeof(*p));
    if (key <= -23300) {
        p->key = (int)(-23300 - key);
        l->nb_param++;
        return read_list(c, l, p, v);
    }
    p->key = (int)key;
    p->nb = 1;
    l->nb_param++;
    /* Texts are of no use to the layers that are read. */
    if (!as_number(v, &p->list[0]))
        p->nb = 0;
    return 0;
}

static int read_layer(FgNcnn *c, FgSpan line, FgNcnnLayer *l)
{
    FgSpan in, out, w;
    memset(l, 0, sizeof(*l));
    if (!next_word(&line, &l->type) || !next_word(&line, &l->name) ||
        !next_word(&line, &in) || !next_word(&line, &out) ||
        !as_count(in, FG_NCNN_IO, &l->nb_in) ||
        !as_count(out, FG_NCNN_IO, &l->nb_out))
        return fg_im_fail(c->im, -EBADMSG,
                          "a line is not: type, name, inputs, outputs (0..%d)",
                          FG_NCNN_IO);
    for (int i = 0; i < l->nb_in + l->nb_out; i++)
        if (!next_word(&line, i < l->nb_in ? &l->in[i] : &l->out[i - l->nb_in]))
            return fg_ncnn_refuse(c, l, "names of its blobs are missing");
    while (next_word(&line, &w))
        if (read_param(c, l, w) < 0)
            return c->im->rc;
    return 0;
}

double fg_ncnn_number(const FgNcnnLayer *l, int key, double def)
{
    for (int i = 0; i < l->nb_param; i++)
        if (l->param[i].key == key && l->param[i].nb)
            return l->param[i].list[0];
    return def;
}

int fg_ncnn_int(const FgNcnnLayer *l, int key, int def)
{
    const double d = fg_ncnn_number(l, key, def);
    return d > -1e9 && d < 1e9 ? (int)d : INT_MAX;
}

const FgNcnnParam *fg_ncnn_list(const FgNcnnLayer *l, int key)
{
    for (int i = 0; i < l->nb_param; i++)
        if (l->param[i].key == key)
            return &l->param[i];
    return NULL;
}

/* ---- blobs ---- */

static int find_blob(const FgNcnn *c, FgSpan name)
{
    for (int i = c->nb_blobs - 1; i >= 0; i--)
        if (c->blobs[i].name.n == name.n &&
            !memcmp(c->blobs[i].name.p, name.p, name.n))
            return i;
    return -1;
}

int fg_ncnn_in(FgNcnn *c, const FgNcnnLayer *l, int k)
{
    const int i = k < l->nb_in ? find_blob(c, l->in[k]) : -1;
    if (i < 0 || c->blobs[i].data) {
        fg_ncnn_refuse(c, l,
                       i < 0 ? "an input that nothing makes"
                             : "an input that is numbers, not a picture");
        return 0;
    }
    c->blobs[i].uses++;
    return c->blobs[i].layer;
}

FgNcnnBlob *fg_ncnn_constant(FgNcnn *c, const FgNcnnLayer *l, int k)
{
    const int i = k < l->nb_in ? find_blob(c, l->in[k]) : -1;
    return i >= 0 && c->blobs[i].data ? &c->blobs[i] : NULL;
}

int fg_ncnn_alone(FgNcnn *c, const FgNcnnLayer *l, int k)
{
    const int i = k < l->nb_in ? find_blob(c, l->in[k]) : -1;
    if (i < 0 || c->blobs[i].uses != 1)
        return 0;
    c->blobs[i].name.n = 0; /* nobody finds it again */
    return 1;
}

int fg_ncnn_put(FgNcnn *c, const FgNcnnLayer *l, int k, int layer)
{
    if (c->im->rc < 0)
        return c->im->rc;
    if (k >= l->nb_out)
        return fg_ncnn_refuse(c, l, "it has no output");
    if (c->nb_blobs == FG_NCNN_BLOBS)
        return fg_ncnn_refuse(c, l, "more than 16384 blobs");
    c->blobs[c->nb_blobs++] = (FgNcnnBlob){.name = l->out[k], .layer = layer};
    c->last = layer;
    return 0;
}

int fg_ncnn_put_constant(FgNcnn *c, const FgNcnnLayer *l, int k, float *v,
                         int nb)
{
    const int last = c->last;
    if (!v || fg_ncnn_put(c, l, k, 0) < 0) {
        free(v);
        return c->im->rc;
    }
    c->last = last;
    c->blobs[c->nb_blobs - 1].data = v;
    c->blobs[c->nb_blobs - 1].nb = nb;
    return 0;
}

/* Blob names repeat the layers' numbers: ours are made from the layer's. */
const char *fg_ncnn_name(FgNcnn *c, const char *word)
{
    static _Thread_local char name[FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.60s_%d", word, c->serial++);
    return name;
}

/* ---- the file ---- */

/* The number of channels: the first convolution's. */
static int first_channels(const FgNcnn *c)
{
    FgNcnn copy = *c;
    FgImport quiet = {.file = "", .err = NULL};
    FgSpan line;
    FgNcnnLayer l;
    copy.im = &quiet;
    while (next_line(&copy, &line) && read_layer(&copy, line, &l) >= 0)
        if (fg_span_is(l.type, "Convolution")) {
            const int oc = fg_ncnn_int(&l, 0, 0), k = fg_ncnn_int(&l, 1, 0);
            const int n = fg_ncnn_int(&l, 6, 0);
            return oc > 0 && k > 0 && k < 32 && oc < 65536 && n == oc * k * k
                       ? 1
                       : 3;
        }
    return 3;
}

static int read_head(FgNcnn *c)
{
    FgSpan line, word;
    int layers = 0;
    if (!next_line(c, &line) || !next_word(&line, &word) ||
        !fg_span_is(word, "7767517") || !next_line(c, &line) ||
        !next_word(&line, &word) || !as_count(word, 8192, &layers))
        return fg_im_fail(c->im, -EBADMSG,
                          "its second line is not how many layers (up to 8192) "
                          "and blobs there are");
    return 0;
}

static int check_types(FgNcnn *c)
{
    FgNcnn copy = *c;
    FgSpan line, type, seen[3];
    char text[300] = "";
    int nb = 0;
    while (nb < 3 && next_line(&copy, &line) && next_word(&line, &type)) {
        int known = fg_ncnn_find(type) != NULL;
        for (int i = 0; i < nb; i++)
            known |= seen[i].n == type.n && !memcmp(seen[i].p, type.p, type.n);
        if (known)
            continue;
        seen[nb++] = type;
        const size_t at = strlen(text);
        snprintf(text + at, sizeof(text) - at, "%s'%.*s'", at ? ", " : "",
                 (int)(type.n < 64 ? type.n : 64), (const char *)type.p);
    }
    return nb ? fg_im_fail(
                    c->im, -ENOTSUP,
                    "layers that are not known: %s; `ffgan model formats` "
                    "lists those that are",
                    text)
              : 0;
}

static int count_inputs(const FgNcnn *c)
{
    FgNcnn copy = *c;
    FgSpan line, type;
    int nb = 0;
    while (next_line(&copy, &line) && next_word(&line, &type))
        nb += fg_span_is(type, "Input");
    return nb;
}

/* One picture, or two frames and a time (ganinterp), which are one input of
 * ours. */
static int make_inputs(FgNcnn *c)
{
    FgImport *im = c->im;
    const int nb = count_inputs(c);
    if (nb != 1 && nb != 3)
        return fg_im_fail(im, -ENOTSUP,
                          "it has %d inputs, expected 1 (a picture) or 3 (two "
                          "frames and the time, as RIFE 4 has them; RIFE 1 to "
                          "3 are several networks, which are not read)",
                          nb);
    if (nb == 1) {
        c->input[0] = fg_im_input(im, first_channels(c));
        return im->rc;
    }
    im->m->task = FG_TASK_INTERP;
    im->ref_w = im->ref_h = 5120; /* 1/16, then 1/4 of that */
    const int all = fg_im_input(im, FG_INTERP_RGB_IN);
    c->input[0] = fg_im_slice(im, "frame0", all, 0, 3);
    c->input[1] = fg_im_slice(im, "frame1", all, 3, 3);
    c->input[2] = fg_im_slice(im, "time", all, 6, 1);
    return im->rc;
}

static int run(FgNcnn *c)
{
    FgImport *im = c->im;
    FgSpan line;
    FgNcnnLayer l;
    if (read_head(c) < 0 || check_types(c) < 0 || make_inputs(c) < 0)
        return im->rc;
    while (im->rc >= 0 && next_line(c, &line))
        if (read_layer(c, line, &l) >= 0)
            fg_ncnn_find(l.type)->fn(c, &l);
    if (im->rc >= 0 && c->weights.n)
        fg_im_fail(im, -EBADMSG,
                   "its .bin has %zu bytes more than its layers take",
                   c->weights.n);
    /* The last blob is the picture. */
    if (im->rc >= 0)
        im->m->graph.nb_nodes = c->last + 1;
    return im->rc;
}

int fg_import_ncnn(FgImport *im, const FgImportFile *f)
{
    FgNcnn c = {.im = im,
                .text = {f->data, f->size},
                .weights = {f->more, f->more_size}};
    if (!f->more)
        return fg_im_fail(im, -ENOENT, "its .bin is missing");
    c.blobs = calloc(FG_NCNN_BLOBS, sizeof(*c.blobs));
    if (!c.blobs)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    run(&c);
    for (int i = 0; i < c.nb_blobs; i++)
        free(c.blobs[i].data);
    free(c.blobs);
    return im->rc;
}
