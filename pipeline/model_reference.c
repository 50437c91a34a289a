/* ffgan: recorded references of models.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/model_reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/export.h"
#include "kernels/import.h"
#include "kernels/interp.h"
#include "pipeline/util.h"

char *fg_reference_path(const char *model)
{
    return fg_format("%.*s.reference.safetensors",
                     (int)(fg_path_ext(model) - model), model);
}

/* All of a file of at most 1 GiB. */
static int read_file(const char *path, void **data, size_t *size, FgError *err)
{
    FILE *f = fopen(path, "rb");
    long n = -1;
    *data = NULL;
    if (f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) >= 0)
        rewind(f);
    if (n >= 0 && n <= 1 << 30)
        *data = malloc((size_t)n + 1);
    if (*data && fread(*data, 1, (size_t)n, f) != (size_t)n) {
        free(*data);
        *data = NULL;
    }
    *size = n > 0 ? (size_t)n : 0;
    const int e = f ? EIO : errno;
    if (f)
        fclose(f);
    return *data ? 0
                 : fg_error(err, -e, "%s: %s", fg_show(path), fg_strerror(-e));
}

/* [1,C,H,W] to rows of pixels. */
static int to_tensor(const FgParam *p, FgTensor *t)
{
    const FgShape s = {1, p->dims[1], p->dims[2], p->dims[3]};
    const int ret = fg_tensor_alloc(t, s, FG_F32);
    for (int c = 0; !ret && c < s.c; c++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                fg_f32(t, 0, y,
                       x)[c] = p->data[((size_t)c * (size_t)s.h + (size_t)y) *
                                           (size_t)s.w +
                                       (size_t)x];
    return ret;
}

static int from_tensor(FgParams *ps, const char *name, const FgTensor *t)
{
    const FgShape s = t->shape;
    const int dims[4] = {1, s.c, s.h, s.w};
    FgParam *p = fg_params_add(ps, name, 4, dims);
    for (int c = 0; p && c < s.c; c++)
        for (int y = 0; y < s.h; y++)
            for (int x = 0; x < s.w; x++)
                p->data[((size_t)c * (size_t)s.h + (size_t)y) * (size_t)s.w +
                        (size_t)x] = fg_f32(t, 0, y, x)[c];
    return p ? 0 : -ENOMEM;
}

static int fits(const FgParam *p, int c, int h, int w)
{
    return p && p->nb_dims == 4 && p->dims[0] == 1 && p->dims[1] == c &&
           p->dims[2] == h && p->dims[3] == w;
}

static int check_sizes(const char *file, const FgModel *m, const FgParam *in,
                       const FgParam *out, FgError *err)
{
    const int c = m->graph.nodes[0].attr.channels, r = m->scale;
    const int made = m->task == FG_TASK_INTERP ? FG_INTERP_OUT : c;
    if (!in || !out)
        return fg_error(err, -EBADMSG,
                        "%s: a reference has the tensors 'input' and 'output'; "
                        "'%s' is missing",
                        fg_show(file), in ? "output" : "input");
    const int h = in->nb_dims == 4 ? in->dims[2] : 0;
    const int w = in->nb_dims == 4 ? in->dims[3] : 0;
    if (h < 1 || w < 1 || h > 8192 || w > 8192 || !fits(in, c, h, w))
        return fg_error(err, -EBADMSG,
                        "%s: 'input' is not [1,%d,H,W], as the model takes it",
                        fg_show(file), c);
    if (!fits(out, made, h * r, w * r))
        return fg_error(err, -EBADMSG,
                        "%s: 'output' is not [1,%d,%d,%d], as the model makes "
                        "it from that input",
                        fg_show(file), made, h * r, w * r);
    return 0;
}

int fg_reference_read(const char *file, const FgModel *m, FgTensor *in,
                      FgTensor *out, FgError *err)
{
    FgParams ps = {0};
    void *data = NULL;
    size_t size = 0;
    int ret = read_file(file, &data, &size, err);
    if (!ret)
        ret = fg_import_tensors(
            &ps,
            &(FgImportFile){.data = data, .size = size, .name = fg_show(file)},
            err);
    const FgParam *a = ret ? NULL : fg_params_find(&ps, "input");
    const FgParam *b = ret ? NULL : fg_params_find(&ps, "output");
    if (!ret)
        ret = check_sizes(file, m, a, b, err);
    if (!ret && (to_tensor(a, in) || to_tensor(b, out)))
        ret = fg_error(err, -ENOMEM, "%s: out of memory", fg_show(file));
    fg_params_free(&ps);
    free(data);
    return ret;
}

int fg_reference_write(const char *file, const FgTensor *in,
                       const FgTensor *out, FgError *err)
{
    FgParams ps = {0};
    const int bad = from_tensor(&ps, "input", in) ||
                    from_tensor(&ps, "output", out);
    const int ret = bad ? fg_error(err, -ENOMEM, "%s: out of memory",
                                   fg_show(file))
                        : fg_export_tensors(&ps, file, err);
    fg_params_free(&ps);
    return ret;
}
