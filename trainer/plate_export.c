/* What is made of a plate's weights: the file, and a sheet to look at.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/gpu.h"
#include "trainer/export.h"
#include "trainer/plate_chain.h"

enum { COLUMNS = 4, ROWS = 2 };

static int take_params(FgModel *m, const FgParams *ps)
{
    fg_params_host(ps, 0);
    for (int i = 0; i < ps->nb; i++) {
        const FgParam *p = &ps->p[i];
        FgParam *q = fg_params_add(&m->params, p->name, p->nb_dims, p->dims);

        if (!q)
            return -ENOMEM;
        q->trainable = p->trainable;
        memcpy(q->data, p->data, fg_param_count(p) * sizeof(*p->data));
    }
    return 0;
}

static int take_half(FgModel *m, int channels)
{
    FgParam *p = fg_params_add(&m->params, "half.bias", 1, &channels);

    for (int i = 0; p && i < channels; i++)
        p->data[i] = 0.5f;
    return p ? 0 : -ENOMEM;
}

static int take_stage(FgModel *m, const FgPlate *p, int i, int last,
                      FgError *err)
{
    FgGraph g;
    int ret = last ? fg_plate_last(&g, &p->net, i, err)
                   : fg_plate_stage(&g, &p->net, i, err);

    if (ret)
        return ret;
    if (!i) {
        m->graph = g;
        return 0;
    }
    ret = fg_model_add_stage(m, &g);
    fg_graph_free(&g);
    return ret;
}

static void describe(FgModel *m, const FgPlate *p, int k, const float *amp)
{
    m->scale = 1;
    m->task = FG_TASK_GENERATOR;
    m->latent = (FgLatent){
        .kind = FG_LATENT_PLATE, .channels = p->net.noise, .nb_sizes = k + 1};
    for (int i = 0; i <= k; i++) {
        m->latent.size[i][0] = p->pyramid.size[i][0];
        m->latent.size[i][1] = p->pyramid.size[i][1];
        m->latent.noise[i] = i ? amp[i] : 1;
    }
}

int fg_plate_export(const FgPlate *p, const FgTrain *t, int set, int k,
                    const float *amp, FgModel **out, FgError *err)
{
    FgModel *m = fg_model_alloc();
    int ret = m ? 0 : -ENOMEM;

    *out = NULL;
    for (int i = 0; i <= k && !ret; i++) {
        ret = take_stage(m, p, i, i == k, err);
        if (!ret)
            ret = take_params(m, &t->net[i].set[set]);
    }
    if (!ret)
        ret = take_params(m, &t->net[p->pyramid.nb_stages].set[set]);
    if (!ret)
        ret = take_half(m, p->net.channels);
    if (!ret) {
        describe(m, p, k, amp);
        ret = fg_export_meta(t, m);
    }
    if (ret) {
        fg_error(err, ret, "the plate's weights file cannot be made: %s",
                 strerror(-ret));
        fg_model_free(&m);
        return ret;
    }
    *out = m;
    return 0;
}

/* v [1,c,h,w], -1..1, into tile i of the sheet. */
static void put(FgPicture *sheet, int i, const FgTensor *v)
{
    const int x0 = i % COLUMNS * v->shape.w, y0 = i / COLUMNS * v->shape.h;

    for (int y = 0; y < v->shape.h; y++)
        for (int x = 0; x < v->shape.w; x++) {
            const float *p = fg_f32(v, 0, y, x);
            const float a = v->shape.c == 4 ? 0.5f + 0.5f * p[3] : 1;
            uint8_t *d = sheet->rgb +
                         3 * ((size_t)(y0 + y) * sheet->w + x0 + x);

            for (int k = 0; k < 3; k++) {
                const float q = 255 * (0.5f + 0.5f * p[k]) * a + 0.5f;

                d[k] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
            }
        }
}

int fg_plate_sheet(const FgPlate *p, FgTrain *t, int set, int k,
                   const float *amp, FgPicture *out, FgError *err)
{
    const int w = p->pyramid.size[k][0], h = p->pyramid.size[k][1];
    const FgTensor real = fg_tensor_images(&p->pyramid.real[k], 0, 1);
    FgPlateChain c = {.at = -1};
    int ret;

    *out = (FgPicture){w * COLUMNS, h * ROWS,
                       calloc((size_t)w * h * COLUMNS * ROWS, 3)};
    if (!out->rgb)
        return fg_error(err, -ENOMEM, "not enough memory for samples");
    ret = fg_plate_chain_open(&c, t, set, k, 0, err);
    if (!ret)
        put(out, 0, &real);
    for (int i = 1; i < COLUMNS * ROWS && !ret; i++) {
        ret = fg_plate_chain_forward(&c, t, amp, i == 1 ? 0 : -1, i, 2);
        if (!ret)
            put(out, i, fg_tape_output(&c.tail));
    }
    fg_plate_chain_free(&c);
    if (ret)
        fg_picture_free(out);
    return ret;
}
