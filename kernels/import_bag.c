/* ffgan: importing: the bag of foreign tensors.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph_priv.h"
#include "import_priv.h"
#include "model_priv.h"

static void clean_name(char out[FG_NAME_LEN], const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = fg_name_valid(name + i, 1) ? name[i] : '_';
    out[len] = 0;
}

/* The first three sizes and the product of the rest; 0 = no elements. */
static int flat_dims(FgImport *im, const char *name, int nb,
                     const uint64_t *from, int dims[4])
{
    uint64_t count = 1;
    for (int i = 0; i < nb; i++) {
        if (from[i] > FG_MODEL_MAX_DATA ||
            (count *= from[i]) > FG_MODEL_MAX_DATA)
            return fg_im_fail(im, -EBADMSG,
                              "tensor '%.96s' has more than 2^30 elements",
                              name);
        if (i < 4)
            dims[i] = (int)from[i];
        else
            dims[3] = (int)((uint64_t)dims[3] * from[i]);
    }
    return count > 0;
}

FgParam *fg_im_add(FgImport *im, const char *name, size_t len, int nb_dims,
                   const uint64_t *dims)
{
    char text[FG_NAME_LEN];
    int d[4] = {1, 1, 1, 1};
    if (im->rc < 0)
        return NULL;
    if (!len || len >= FG_NAME_LEN) {
        fg_im_fail(im, -EBADMSG, "a tensor's name has %zu bytes, allowed 1..%d",
                   len, FG_NAME_LEN - 1);
        return NULL;
    }
    clean_name(text, name, len);
    if (im->src.nb >= FG_MODEL_MAX_TENSORS) {
        fg_im_fail(im, -EBADMSG, "more than %d tensors", FG_MODEL_MAX_TENSORS);
        return NULL;
    }
    const int some = flat_dims(im, text, nb_dims, dims, d);
    if (some < 0)
        return NULL;
    if (!some) {
        fg_im_fail(im, -EBADMSG, "tensor '%s' has no elements", text);
        return NULL;
    }
    if (fg_params_find(&im->src, text)) {
        fg_im_fail(im, -EBADMSG, "two tensors are named '%s'", text);
        return NULL;
    }
    FgParam *p = fg_params_add(&im->src, text, nb_dims < 4 ? nb_dims : 4, d);
    if (!p)
        fg_im_fail(im, -ENOMEM, "tensor '%s': out of memory", text);
    return p;
}

static int all_begin(const FgParams *ps, const char *prefix)
{
    const size_t n = strlen(prefix);
    for (int i = 0; i < ps->nb; i++)
        if (strncmp(ps->p[i].name, prefix, n) != 0 || !ps->p[i].name[n])
            return 0;
    return ps->nb > 0;
}

void fg_im_strip(FgImport *im)
{
    static const char *const prefixes[] = {"module.", "_orig_mod.", "netG.",
                                           "net_g.",  "generator.", "model.",
                                           "net.",    "network."};
    const size_t nb = sizeof(prefixes) / sizeof(*prefixes);
    for (size_t k = 0; k < nb; k++) {
        /* Old ESRGAN files number their layers: model.0.weight. */
        if (!all_begin(&im->src, prefixes[k]) ||
            fg_params_find(&im->src, "model.0.weight"))
            continue;
        const size_t n = strlen(prefixes[k]);
        for (int i = 0; i < im->src.nb; i++)
            memmove(im->src.p[i].name, im->src.p[i].name + n,
                    strlen(im->src.p[i].name + n) + 1);
        k = (size_t)-1;
    }
}

const FgParam *fg_im_need(FgImport *im, const char *name)
{
    const FgParam *p = fg_params_find(&im->src, name);
    if (p && im->used)
        im->used[p - im->src.p] = 1;
    if (!p) {
        if (im->nb_missing < 3)
            snprintf(im->missing[im->nb_missing], FG_NAME_LEN, "%s", name);
        im->nb_missing++;
    }
    return p;
}

void fg_im_skip(FgImport *im, const char *prefix)
{
    const size_t n = strlen(prefix);
    for (int i = 0; im->used && i < im->src.nb; i++)
        if (!strncmp(im->src.p[i].name, prefix, n))
            im->used[i] = 1;
}
