/* ffgan: model convert, export and formats.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/parseutils.h>

#include "kernels/export.h"
#include "kernels/import.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/model_convert.h"
#include "pipeline/util.h"

typedef struct Convert {
    const char *in, *out, *mix;
    const char *form; /* export: --onnx, --safetensors, --pth-keys */
    int w, h;         /* of an ONNX file's picture, 0 = open */
} Convert;

static int failed(int rc, const FgError *err)
{
    fprintf(stderr, "ffgan: %s\n", err->text);
    return rc == -ENOMEM                                  ? FG_EXIT_RETRY
           : rc == -EIO || rc == -ENOSPC || rc == -EACCES ? FG_EXIT_IO
                                                          : FG_EXIT_DATA;
}

/* ---- mixing two models of one shape ---- */

static int same_dims(const FgParam *a, const FgParam *b)
{
    return a->nb_dims == b->nb_dims &&
           !memcmp(a->dims, b->dims, sizeof(*a->dims) * (size_t)a->nb_dims);
}

/* m = (1 - share) m + share other, tensor by tensor. */
static int mix(FgModel *m, const FgModel *other, double share, const char *path)
{
    char *const a = fg_graph_to_json(&m->graph);
    char *const b = fg_graph_to_json(&other->graph);
    int bad = !a || !b || strcmp(a, b) != 0;
    free(a);
    free(b);
    for (int i = 0; !bad && i < m->params.nb; i++) {
        FgParam *p = &m->params.p[i];
        const FgParam *q = fg_params_find(&other->params, p->name);
        bad = !q || !same_dims(p, q);
        for (size_t k = 0; !bad && k < fg_param_count(p); k++)
            p->data[k] = (float)((1 - share) * p->data[k] + share * q->data[k]);
    }
    if (!bad)
        return 0;
    fprintf(stderr,
            "ffgan: %s: --mix wants the same network with other weights\n",
            fg_show(path));
    return FG_EXIT_DATA;
}

/* FILE:SHARE */
static int mix_file(FgModel *m, const char *arg)
{
    char path[4096], found[4096], *end;
    const char *colon = strrchr(arg, ':');
    const double share = colon ? strtod(colon + 1, &end) : -1;
    FgModel *other = NULL;
    if (!colon || end == colon + 1 || *end || !(share >= 0 && share <= 1) ||
        (size_t)(colon - arg) >= sizeof(path))
        return fg_usage_error("model",
                              "--mix is '%s', allowed is FILE:SHARE "
                              "with a share of 0..1",
                              arg);
    snprintf(path, sizeof(path), "%.*s", (int)(colon - arg), arg);
    int ret = fg_model_open(&other, path, found, sizeof(found));
    if (!ret)
        ret = mix(m, other, share, found);
    fg_model_free(&other);
    return ret;
}

/* ---- the commands ---- */

static int convert(const Convert *c)
{
    char path[4096];
    FgModel *m = NULL;
    FgError err = {{0}};
    int ret = fg_model_open(&m, c->in, path, sizeof(path));
    if (!ret && c->mix)
        ret = mix_file(m, c->mix);
    if (!ret) {
        const int rc = fg_model_write(m, c->out, &err);
        ret = rc < 0 ? failed(rc, &err) : FG_EXIT_OK;
    }
    if (!ret)
        printf("%s: x%d, %zu parameters, from %s\n", fg_show(c->out), m->scale,
               fg_params_count(&m->params), fg_show(path));
    fg_model_free(&m);
    return ret;
}

static int export_model(const Convert *c)
{
    char path[4096];
    const char *family = NULL;
    FgModel *m = NULL;
    FgError err = {{0}};
    const int ret = fg_model_open(&m, c->in, path, sizeof(path));
    if (ret)
        return ret;
    const int rc = !strcmp(c->form, "--onnx")
                       ? fg_export_onnx(m, c->out, c->w, c->h, &err)
                   : !strcmp(c->form, "--pth-keys")
                       ? fg_export_keys(m, c->out, &family, &err)
                       : fg_export_weights(m, c->out, &err);
    if (rc >= 0)
        printf("%s: %s%s%s\n", fg_show(c->out), c->form + 2,
               family ? " of " : "", family ? family : "");
    fg_model_free(&m);
    return rc < 0 ? failed(rc, &err) : FG_EXIT_OK;
}

int fg_model_convert(int argc, char **argv)
{
    Convert c = {.form = "--safetensors"};
    const int exporting = !strcmp(argv[0], "export");
    for (int i = 1; i < argc; i++) {
        const int form = exporting && (!strcmp(argv[i], "--onnx") ||
                                       !strcmp(argv[i], "--safetensors") ||
                                       !strcmp(argv[i], "--pth-keys"));
        if (form || (!exporting && !strcmp(argv[i], "-o"))) {
            if (i + 1 >= argc || c.out)
                return fg_usage_error("model", "%s wants one file name",
                                      argv[i]);
            c.form = argv[i];
            c.out = argv[++i];
        } else if (exporting && !strcmp(argv[i], "--size")) {
            if (i + 1 >= argc || av_parse_video_size(&c.w, &c.h, argv[++i]) < 0)
                return fg_usage_error("model", "--size '%s' is not WxH",
                                      i < argc ? argv[i] : "");
        } else if (!exporting && !strcmp(argv[i], "--mix") && i + 1 < argc) {
            c.mix = argv[++i];
        } else if ((argv[i][0] == '-' && argv[i][1]) || c.in) {
            return fg_usage_error("model", "%s: '%s' is not expected", argv[0],
                                  argv[i]);
        } else {
            c.in = argv[i];
        }
    }
    if (c.w && strcmp(c.form, "--onnx") != 0)
        return fg_usage_error("model", "--size is for --onnx, not %s", c.form);
    if (!c.in || !c.out)
        return fg_usage_error("model", "%s",
                              exporting ? "export FILE|NAME --onnx OUT "
                                          "[--size WxH], --safetensors OUT or "
                                          "--pth-keys OUT"
                                        : "convert FILE -o OUT.safetensors "
                                          "[--mix FILE:SHARE]");
    return exporting ? export_model(&c) : convert(&c);
}

/* ---- what is read: docs/models.md has these lines ---- */

static void print_words(const char *title, const char *(*name)(int i))
{
    const char *word;
    printf("\n%s: ", title);
    for (int i = 0; (word = name(i)); i++)
        printf("%s`%s`", i ? ", " : "", word);
    puts(".");
}

int fg_model_formats(void)
{
    const FgImportFamily *f;
    const char *line;
    for (int i = 0; (line = fg_import_format(i)); i++)
        printf("- %s\n", line);
    puts("\n| family | models that people have | limits |\n|---|---|---|");
    for (int i = 0; (f = fg_import_family(i)); i++)
        printf("| %s | %s | %s |\n", f->title, f->example,
               *f->limits ? f->limits : "-");
    print_words("ONNX operators", fg_import_onnx_op);
    print_words("ncnn layers", fg_import_ncnn_layer);
    return FG_EXIT_OK;
}
