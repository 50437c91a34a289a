/* Pictures in memory and their small versions.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/model.h"
#include "trainer/cifar.h"
#include "trainer/data.h"
#include "trainer/imresize.h"

/* In place: what is left of each row moves up. */
static void crop(FgPicture *p, int w, int h)
{
    for (int y = 0; y < h; y++)
        memmove(p->rgb + (size_t)y * w * 3, p->rgb + (size_t)y * p->w * 3,
                (size_t)w * 3);
    p->w = w;
    p->h = h;
}

int fg_data_add_picture(FgData *d, const char *name, FgPicture *p, FgError *err)
{
    FgPair pair = {.hr = *p};
    FgPair *all;

    *p = (FgPicture){0};
    if (pair.hr.w < d->scale || pair.hr.h < d->scale) {
        fg_picture_free(&pair.hr);
        return 0;
    }
    crop(&pair.hr, pair.hr.w - pair.hr.w % d->scale,
         pair.hr.h - pair.hr.h % d->scale);
    pair.name = strdup(name);
    all = realloc(d->pair, sizeof(*all) * ((size_t)d->nb + 1));
    if (all)
        d->pair = all;
    if (!all || !pair.name) {
        free(pair.name);
        fg_picture_free(&pair.hr);
        return fg_error(err, -ENOMEM, "%s: not enough memory", name);
    }
    d->pair[d->nb++] = pair;
    return 0;
}

int fg_data_add_pair(FgData *d, const char *name, FgPicture *in, FgPicture *out,
                     FgError *err)
{
    const int ret = fg_data_add_picture(d, name, out, err);

    if (ret)
        fg_picture_free(in);
    else
        d->pair[d->nb - 1].lr = *in;
    *in = (FgPicture){0};
    return ret;
}

static int add_one(FgData *d, const char *path, const char *name, FgError *err)
{
    FgPicture p = {0};
    const int ret = fg_picture_read(&p, path, err);

    return ret ? ret : fg_data_add_picture(d, name, &p, err);
}

int fg_data_add(FgData *d, const char *dir, int scale, int limit, FgError *err)
{
    const size_t skip = strlen(dir);
    char **list = NULL;
    int nb = 0, ret;

    d->scale = scale;
    if (fg_cifar_is(dir))
        return fg_cifar_add(d, dir, limit, err);
    ret = fg_list_pictures(dir, &list, &nb, err);
    for (int i = 0; i < nb && !ret && (!limit || d->nb < limit); i++) {
        const char *name = list[i];

        name += strncmp(name, dir, skip) ? 0 : skip;
        name += strspn(name, "/");
        ret = add_one(d, list[i], name, err);
    }
    fg_strings_free(&list, nb);
    return ret;
}

typedef struct Job {
    FgData *d;
    int *ret;
    char (*sha)[65];
} Job;

/* A pair's hash is that of its halves' hashes. */
static void hash_pair(const FgPair *p, char sha[65])
{
    char both[130];

    memcpy(both, sha, 65);
    fg_sha256_hex(p->lr.rgb, (size_t)p->lr.w * p->lr.h * 3, both + 65);
    fg_sha256_hex(both, sizeof(both), sha);
}

/* Not a kernel job: it allocates, which is fine in the trainer's own pool. */
static void shrink_one(void *arg, int i, int worker)
{
    const Job *j = arg;
    FgPair *p = &j->d->pair[i];
    const FgPicture *hr = &p->hr;

    (void)worker;
    fg_sha256_hex(hr->rgb, (size_t)hr->w * hr->h * 3, j->sha[i]);
    if (p->lr.rgb) {
        hash_pair(p, j->sha[i]);
        return;
    }
    if (j->d->scale == 1) {
        p->lr = *hr;
        return;
    }
    p->lr.w = hr->w / j->d->scale;
    p->lr.h = hr->h / j->d->scale;
    p->lr.rgb = malloc((size_t)p->lr.w * p->lr.h * 3);
    j->ret[i] = p->lr.rgb ? fg_imresize(p->lr.rgb, p->lr.w, p->lr.h, hr->rgb,
                                        hr->w, hr->h, 3)
                          : -ENOMEM;
}

void fg_pair_free(FgPair *p)
{
    free(p->name);
    if (p->lr.rgb != p->hr.rgb)
        free(p->lr.rgb);
    fg_picture_free(&p->hr);
    *p = (FgPair){0};
}

static void drop_small(FgData *d, int min_side)
{
    int kept = 0;

    for (int i = 0; i < d->nb; i++) {
        if (d->pair[i].lr.w < min_side || d->pair[i].lr.h < min_side)
            fg_pair_free(&d->pair[i]);
        else
            d->pair[kept++] = d->pair[i];
    }
    d->nb = kept;
}

static int hash_all(FgData *d, char (*sha)[65])
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return -ENOMEM;
    for (int i = 0; i < d->nb; i++)
        fprintf(f, "%s %dx%d %s\n", d->pair[i].name, d->pair[i].hr.w,
                d->pair[i].hr.h, sha[i]);
    if (fclose(f)) {
        free(text);
        return -ENOMEM;
    }
    fg_sha256_hex(text, size, d->sha256);
    free(text);
    return 0;
}

static int sum_areas(FgData *d)
{
    uint64_t sum = 0;

    d->area = malloc(sizeof(*d->area) * (size_t)d->nb);
    if (!d->area)
        return -ENOMEM;
    for (int i = 0; i < d->nb; i++) {
        sum += (uint64_t)d->pair[i].lr.w * (uint64_t)d->pair[i].lr.h;
        d->area[i] = sum;
    }
    return 0;
}

int fg_data_finish(FgData *d, int min_side, FgExecutor *ex, FgError *err)
{
    Job j = {.d = d};
    int ret = 0;

    if (!d->nb)
        return fg_error(err, -ENODATA, "no pictures found");
    j.ret = calloc((size_t)d->nb, sizeof(*j.ret));
    j.sha = calloc((size_t)d->nb, sizeof(*j.sha));
    if (j.ret && j.sha)
        fg_run(ex, shrink_one, &j, d->nb);
    else
        ret = -ENOMEM;
    for (int i = 0; i < d->nb && !ret; i++)
        ret = j.ret[i];
    if (!ret)
        ret = hash_all(d, j.sha);
    if (!ret) {
        drop_small(d, min_side);
        ret = d->nb ? sum_areas(d)
                    : fg_error(err, -ENODATA,
                               "every picture is smaller than a crop of %d "
                               "input pixels",
                               min_side);
    }
    if (ret == -ENOMEM)
        fg_error(err, ret, "not enough memory for the pictures");
    free(j.ret);
    free(j.sha);
    return ret;
}

void fg_data_free(FgData *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->nb; i++)
        fg_pair_free(&d->pair[i]);
    free(d->pair);
    free(d->area);
    *d = (FgData){0};
}
