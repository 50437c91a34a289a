/* ffgan: importing: which format, which family, and the checks at the end.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "graph_priv.h"
#include "import_priv.h"
#include "model_priv.h"

/* ---- formats ---- */

static int begins(const FgImportFile *f, const char *magic, size_t n)
{
    return f->size >= n && !memcmp(f->data, magic, n);
}

static int is_zip(const FgImportFile *f)
{
    return begins(f, "PK\3\4", 4);
}

/* A header's length, then an object that never says ffgan.graph. */
static int is_safetensors(const FgImportFile *f)
{
    const uint8_t *p = f->data;
    if (f->size < 10 || p[8] != '{')
        return 0;
    const uint64_t n = fg_le(p, 8);
    return n <= FG_MODEL_MAX_HEADER && n <= f->size - 8 &&
           !memmem(p + 8, (size_t)n, "\"ffgan.graph\"", 13);
}

static int is_ncnn(const FgImportFile *f)
{
    return begins(f, "7767517", 7);
}

/* ir_version, then producer, domain, version, graph, or an operator set. */
static int is_onnx(const FgImportFile *f)
{
    const uint8_t *p = f->data;
    return f->size > 4 && p[0] == 8 && p[1] >= 3 && p[1] < 32 &&
           (p[2] == 0x12 || p[2] == 0x1a || p[2] == 0x22 || p[2] == 0x28 ||
            p[2] == 0x3a || p[2] == 0x42);
}

static int is_ncnn_binary(const FgImportFile *f)
{
    return begins(f, "\xdd\x85\x76\x00", 4);
}

static int is_pickle(const FgImportFile *f)
{
    const uint8_t *p = f->data;
    return f->size > 2 && p[0] == 0x80 && p[1] >= 1 && p[1] <= 5;
}

static int is_tar(const FgImportFile *f)
{
    return f->size > 262 && !memcmp((const char *)f->data + 257, "ustar", 5);
}

static int old_pickle(FgImport *im, const FgImportFile *f)
{
    (void)f;
    return fg_im_fail(im, -ENOTSUP,
                      "written by a PyTorch before 1.6, or a bare pickle: "
                      "convert it with torch.save(torch.load(FILE, "
                      "map_location='cpu', weights_only=True), NEW)");
}

static int binary_param(FgImport *im, const FgImportFile *f)
{
    (void)f;
    return fg_im_fail(im, -ENOTSUP,
                      "ncnn's binary description: its text form, .param, is "
                      "wanted");
}

typedef struct Format {
    const char *line; /* NULL: known only to be refused */
    int (*is)(const FgImportFile *f);
    int (*read)(FgImport *im, const FgImportFile *f);
} Format;

static const Format formats[] = {
    {".pth, .pt: torch.save's zip files (PyTorch 1.6 and later): a "
     "state_dict, alone or under params_ema, params, state_dict, model",
     is_zip, fg_import_torch},
    {".safetensors: a state_dict", is_safetensors, fg_import_safetensors},
    {".onnx: a network of the operators listed below", is_onnx, fg_import_onnx},
    {".param with its .bin beside it: ncnn, a network of the layers listed "
     "below, weights of 32 or 16 bits; with three inputs it is RIFE 4's "
     "flownet.param (for ganinterp; not 4.25-lite, whose factor of 32 is "
     "above 16)",
     is_ncnn, fg_import_ncnn},
    {NULL, is_ncnn_binary, binary_param},
    {NULL, is_pickle, old_pickle},
    {NULL, is_tar, old_pickle},
};
enum { NB_FORMATS = sizeof(formats) / sizeof(*formats) };

const char *fg_import_format(int i)
{
    return i >= 0 && i < NB_FORMATS ? formats[i].line : NULL;
}

static const Format *format_of(const FgImportFile *f)
{
    for (int i = 0; i < NB_FORMATS; i++)
        if (formats[i].is(f))
            return &formats[i];
    return NULL;
}

int fg_import_wants(const void *data, size_t size)
{
    return format_of(&(FgImportFile){.data = data, .size = size}) != NULL;
}

/* ---- families ---- */

static const FgFamilyReader *const families[] = {
    &fg_family_compact, &fg_family_esrgan,  &fg_family_spanf,
    &fg_family_esrnet,  &fg_family_span,    &fg_family_plksr,
    &fg_family_ifnet,   &fg_family_tsr,     &fg_family_errn,
    &fg_family_espan,   &fg_family_spanv2,  &fg_family_pds,
    &fg_family_dscf,    &fg_family_mosr,    &fg_family_rlfn,
    &fg_family_eern,    &fg_family_rfdn,    &fg_family_efdn,
    &fg_family_safmn,   &fg_family_safmnpp, &fg_family_errn24,
    &fg_family_rcunet,  &fg_family_pfdn,    &fg_family_nanosr,
};
enum { NB_FAMILIES = sizeof(families) / sizeof(*families) };

const FgImportFamily *fg_import_family(int i)
{
    return i >= 0 && i < NB_FAMILIES ? &families[i]->about : NULL;
}

static void list_first(const FgParams *ps, char *text, size_t size)
{
    size_t at = 0;
    for (int i = 0; i < 3 && i < ps->nb && at < size; i++) {
        const FgParam *p = &ps->p[i];
        at += (size_t)snprintf(text + at, size - at, "%s'%s' [", i ? ", " : "",
                               p->name);
        for (int k = 0; k < p->nb_dims && at < size; k++)
            at += (size_t)snprintf(text + at, size - at, "%s%d", k ? "," : "",
                                   p->dims[k]);
        if (at < size)
            at += (size_t)snprintf(text + at, size - at, "]");
    }
}

static int unknown_family(FgImport *im)
{
    char first[400] = "";
    list_first(&im->src, first, sizeof(first));
    return fg_im_fail(im, -ENOTSUP,
                      "%d tensors of no family that is known, the first are "
                      "%s; `ffgan model formats` lists the families",
                      im->src.nb, first);
}

static int has_keys(const FgImport *im, const FgImportFamily *a)
{
    for (int k = 0; k < 3 && a->keys[k]; k++)
        if (!fg_params_find(&im->src, a->keys[k]))
            return 0;
    return 1;
}

/* Missing tensors, then those that nobody asked for. */
static int check_keys(FgImport *im)
{
    char text[400] = "";
    int nb = 0;
    /* What does not fit may do so only because something is missing. */
    if (im->nb_missing && im->rc != -ENOMEM)
        im->rc = 0;
    if (im->rc < 0)
        return im->rc;
    for (int i = 0; i < 3 && i < im->nb_missing; i++) {
        strncat(text, i ? ", " : "", sizeof(text) - strlen(text) - 1);
        strncat(text, im->missing[i], sizeof(text) - strlen(text) - 1);
    }
    if (im->nb_missing)
        return fg_im_fail(im, -EBADMSG,
                          "looks like %s, but %d of its tensors are missing: "
                          "%s%s",
                          im->family, im->nb_missing, text,
                          im->nb_missing > 3 ? ", ..." : "");
    for (int i = 0; i < im->src.nb; i++) {
        if (im->used[i])
            continue;
        if (nb++ < 3) {
            strncat(text, nb > 1 ? ", " : "", sizeof(text) - strlen(text) - 1);
            strncat(text, im->src.p[i].name, sizeof(text) - strlen(text) - 1);
        }
    }
    if (nb)
        return fg_im_fail(im, -ENOTSUP,
                          "looks like %s, but has %d tensors that it does not "
                          "have: %s%s",
                          im->family, nb, text, nb > 3 ? ", ..." : "");
    return 0;
}

int fg_im_build(FgImport *im)
{
    const FgFamilyReader *r = NULL;
    if (im->rc < 0)
        return im->rc;
    if (!im->src.nb)
        return fg_im_fail(im, -ENOTSUP, "it holds no tensors");
    fg_im_strip(im);
    im->used = calloc((size_t)im->src.nb, 1);
    if (!im->used)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    for (int i = 0; i < NB_FAMILIES && !r; i++)
        if (families[i]->is ? families[i]->is(im)
                            : has_keys(im, &families[i]->about))
            r = families[i];
    if (!r)
        return unknown_family(im);
    im->family = r->about.title;
    fg_im_build_best(im, r);
    check_keys(im);
    return im->rc;
}

/* ---- the end ---- */

static int check_finite(FgImport *im)
{
    for (int i = 0; i < im->m->params.nb; i++) {
        const FgParam *p = &im->m->params.p[i];
        const int64_t at = fg_nonfinite(p->data, fg_param_count(p));
        if (at >= 0)
            return fg_im_fail(im, -EBADMSG,
                              "tensor '%s': element %lld is not finite",
                              p->name, (long long)at);
    }
    return 0;
}

/* Scale from the shapes of two sizes, which also holds where the reach is
 * global. */
static int find_scale(FgImport *im, const FgReach *r)
{
    const FgGraph *g = &im->m->graph;
    FgShape *s = malloc(sizeof(*s) * (size_t)g->nb_nodes);
    FgError why = {{0}};
    const int side = 240 * r->align;
    const FgShape in = {1, g->nodes[0].attr.channels, side, side};
    if (!s)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    const int rc = fg_graph_shapes(g, in, s, &why);
    const FgShape o = s[g->nb_nodes - 1];
    free(s);
    if (rc < 0)
        return fg_im_fail(im, -EBADMSG, "%s", why.text);
    if (o.w % side || o.h != o.w || o.w / side > 16)
        return fg_im_fail(im, -ENOTSUP,
                          "it makes %dx%d pixels from %dx%d, expected the same "
                          "or 2 to 16 times as many along each side",
                          o.w, o.h, side, side);
    im->m->scale = o.w / side;
    if (im->m->task == FG_TASK_INTERP)
        return fg_model_check_task(im->m, &why) < 0
                   ? fg_im_fail(im, -ENOTSUP, "%s", why.text)
                   : 0;
    if (o.c != in.c || (in.c != 3 && in.c != 1))
        return fg_im_fail(im, -ENOTSUP,
                          "it makes %d channels from %d, expected 3 from 3 or "
                          "1 from 1",
                          o.c, in.c);
    im->m->luma = in.c == 1;
    return 0;
}

int fg_im_finish(FgImport *im)
{
    FgModel *m = im->m;
    FgError why = {{0}};
    FgReach reach = {0};
    const int had = m->params.nb;
    if (im->rc < 0)
        return im->rc;
    if (fg_graph_check_attrs(&m->graph, &why) < 0 ||
        fg_graph_params(&m->graph, &m->params, &why) < 0 ||
        fg_graph_reach(&m->graph, &reach, &why) < 0)
        return fg_im_fail(im, -EBADMSG, "%s", why.text);
    if (m->params.nb != had)
        return fg_im_fail(im, -EBADMSG, "tensor '%s' is missing",
                          m->params.p[had].name);
    if (check_finite(im) < 0 || find_scale(im, &reach) < 0)
        return im->rc;
    if (im->family && fg_model_set_meta(m, "ffgan.family", im->family) < 0)
        return fg_im_fail(im, -ENOMEM, "out of memory");
    return 0;
}

int fg_import_parse(FgModel **m, const FgImportFile *f, FgError *err)
{
    /* A size that all usual strides divide. */
    FgImport im = {.file = f->name,
                   .err = err,
                   .m = fg_model_alloc(),
                   .ref_w = 5040,
                   .ref_h = 5040};
    const Format *format = format_of(f);
    *m = NULL;
    if (!im.m)
        return fg_error(err, -ENOMEM, "%s: out of memory", f->name);
    if (!format)
        fg_im_fail(&im, -EBADMSG, "not a model in any format that is known");
    else if (format->read(&im, f) >= 0)
        fg_im_finish(&im);
    fg_params_free(&im.src);
    free(im.used);
    free(im.channels);
    free(im.shapes);
    if (im.rc < 0) {
        fg_model_free(&im.m);
        return im.rc;
    }
    fg_sha256_hex(f->data, f->size, im.m->sha256);
    *m = im.m;
    return 0;
}
