/* ffgan: plans on a GPU: tiles, and bands of rows that stay in the second-level
 * cache. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Time is reckoned in bytes to and from memory: a layer takes its bytes, or its
 * products where these are more than the ridge for each byte. In bands the
 * bytes come from the cache, at a part of the price; rows of the border are
 * made twice, and the network's input and output go through memory once more.
 */
#include "cuda_plan.h"
#include "graph_priv.h"

/* Products a byte that tensor cores do at half their rate (H100: 395 T/s by 3.0
 * TB/s); what a byte of the cache costs; the gain from which on it pays. */
static const double ridge = 132, from_cache = 0.5, pays = 0.9;
enum { PART = 70, LEAST_ROWS = 32, UNIT = 8 /* rows of a block */ };

/* ---- tiles ---- */

static int each_tile(FgPlan *p, void *stream, FgShape in, int nb, FgError *err)
{
    FgTile t;
    int rc = 0;
    for (int i = 0; i < nb && rc >= 0; i++) {
        rc = fg_cuda_tile(p, in.w, in.h, i, &t, err);
        if (rc >= 0)
            rc = fg_cuda_picture(p, stream, &t, in, nb, err);
    }
    return rc;
}

int fg_cuda_tiles(FgPlan *p, void *stream, FgShape in, int nb, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int again = in.w == c->tiled_w && in.h == c->tiled_h;
    c->tiled_w = in.w;
    c->tiled_h = in.h;
    if (nb == 1 || !again)
        return each_tile(p, stream, in, nb, err);
    if (c->graph &&
        (c->graph_w != in.w || c->graph_h != in.h || c->graph_tiles != nb))
        c->api->forget(c->dev, &c->graph);
    if (!c->graph) {
        int rc = c->api->record(c->dev, err);
        if (rc < 0)
            return rc;
        rc = each_tile(p, NULL, in, nb, err);
        const int end = c->api->recorded(c->dev, &c->graph, err);
        if (rc < 0 || end < 0)
            return rc < 0 ? rc : end;
        c->graph_w = in.w;
        c->graph_h = in.h;
        c->graph_tiles = nb;
    }
    return c->api->replay(c->dev, stream, c->graph, err);
}

/* ---- bands ---- */

/* No memory has been taken yet: shapes alone. */
static double size_of(const FgPlan *p, int v)
{
    const FgShape s = p->shapes[v];
    const int half = p->cuda->element != FG_ELEMENT_F32;
    if (v >= p->g.nb_nodes)
        return (double)s.w * s.h * fg_round_up(s.c, 16);
    return (double)s.w * s.h * (half ? 2 * fg_round_up(s.c, 8) : 4 * s.c);
}

/* Bytes that step s reads and writes, and its products as bytes. */
static void work(const FgPlan *p, const FgCudaStep *s, double *bytes,
                 double *products)
{
    const FgAttr *a = &p->g.nodes[p->steps[s->step].node].attr;
    *bytes = *products = 0;
    for (int k = 0; k < 2; k++)
        if (s->in[k] >= 0)
            *bytes += size_of(p, s->in[k]);
    if (s->add >= 0)
        *bytes += size_of(p, s->add);
    if (s->out < 0)
        return;
    const FgShape o = p->shapes[s->out];
    *bytes += size_of(p, s->out);
    if (p->steps[s->step].conv && s->kernel != FG_KERNEL_narrow)
        *products = 2.0 * o.h * o.w * o.c * p->shapes[s->in[0]].c * a->kernel *
                    a->kernel / (a->groups > 0 ? a->groups : 1) / ridge;
}

/* The time of all steps when a byte costs that. */
static double reckon(const FgPlan *p, double price)
{
    double sum = 0;
    for (int i = 0; i < p->cuda->nb_steps; i++) {
        double bytes, products;
        work(p, &p->cuda->steps[i], &bytes, &products);
        bytes *= price;
        sum += bytes > products ? bytes : products;
    }
    return sum;
}

int fg_cuda_band(const FgPlan *p, int h, size_t bytes)
{
    const size_t room = p->cuda->about.cache / 100 * PART;
    const int border = 2 * fg_round_up(p->radius, p->grid);
    const double scale = (double)p->reach.scale_num / p->reach.scale_den;
    const int unit = fg_round_up(UNIT, p->grid);
    if (!room || bytes <= room || h < 1)
        return p->tile_h;
    const int most = (int)(room / (bytes / (size_t)h + 1)) - border;
    if (most < LEAST_ROWS)
        return p->tile_h;
    const int nb = fg_ceil_div(p->tile_h, most);
    int rows = fg_round_up(fg_ceil_div(p->tile_h, nb), unit);
    if (rows > most)
        rows -= unit;
    const double more = 8.0 * p->max_w * p->max_h *
                        (p->channels_in + p->channels_out * scale * scale);
    const double bands = reckon(p, from_cache) * (1 + (double)border / rows);
    return bands + more < pays * reckon(p, 1) ? rows : p->tile_h;
}
