/* ffgan: a generator's pictures as frames in a GPU's memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cuda_plan.h"
#include "cuda_work.h"
#include "generator_priv.h"

static int chroma_memory(FgPlan *p, const FgKFrame *k, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const size_t bytes = 2 * sizeof(float) * (size_t)k->w * (size_t)k->h;
    if (k->rgb || (k->cw == k->w && k->ch == k->h) || c->cfull)
        return 0;
    return c->api->alloc(c->dev, bytes, &c->cfull, err);
}

/* The picture, from (x0, y0) of the result on, into the frame. */
static int emit(FgPlan *p, void *stream, FgKernelArgs *a, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const FgKFrame *d = &a->dst;
    int rc = chroma_memory(p, d, err);
    a->cfull = c->cfull;
    a->out = fg_cuda_pixels(0, d->w, d->h, 1);
    if (rc >= 0)
        rc = c->api->launch(c->dev, stream, FG_KERNEL_made, a, err);
    if (rc < 0 || !a->cfull)
        return rc;
    a->out = (FgKView){0, 2, d->ch, d->cw, 2, FG_ELEMENT_F32};
    return c->api->launch(c->dev, stream, FG_KERNEL_chroma_down, a, err);
}

/* ---- stages ---- */

/* What the stage below gave, resized, to the noise that stage k has. */
static int add_below(FgGenerator *g, int k, void *stream, const FgKView *below,
                     FgError *err)
{
    const FgStage *s = &g->stage[k], *b = s - 1;
    const struct FgCudaPlan *c = s->plan->cuda;
    const FgShape n = s->in.shape;
    const FgKernelArgs a = {
        .in = {*below},
        .out = fg_cuda_pixels(fg_cuda_plan_picture(s->plan), n.w, n.h, n.c),
        .groups = b->out.shape.c,
        .x0 = b->pad_x,
        .y0 = b->pad_y,
        .x1 = b->w,
        .y1 = b->h,
        .pad = s->pad_x,
        .stride = s->pad_y,
        .grid = {.w = s->w, .h = s->h},
        .mode = (g->o.seamless & FG_SEAMLESS_X ? 1 : 0) |
                (g->o.seamless & FG_SEAMLESS_Y ? 2 : 0)};
    return c->api->launch(c->dev, stream, FG_KERNEL_plate, &a, err);
}

static int run_stages(FgGenerator *g, const FgMoment *at, void *stream,
                      FgKView *made, FgError *err)
{
    int rc = 0;
    g->at = at;
    for (int k = 0; k < g->nb && rc >= 0; k++) {
        FgStage *s = &g->stage[k];
        rc = fg_generator_fill(g, k, 1, err);
        if (rc >= 0)
            rc = fg_cuda_plan_send(s->plan, stream, &s->in, err);
        if (rc >= 0 && k)
            rc = add_below(g, k, stream, made, err);
        if (rc >= 0)
            rc = fg_cuda_plan_result(s->plan, stream, s->in.shape.w,
                                     s->in.shape.h, made, err);
    }
    return rc;
}

/* ---- frames ---- */

static int mode_of(const FgMadeAs *as)
{
    const int mode = as->linear ? FG_MADE_LINEAR : 0;
    switch (as->alpha) {
    case FG_MADE_BY_MODEL:
        return mode | FG_MADE_ALPHA | (as->premultiplied ? FG_MADE_TIMES : 0);
    case FG_MADE_BY_LUMA:
        return mode | FG_MADE_ALPHA | FG_MADE_KEY |
               (as->premultiplied ? 0 : FG_MADE_UNDO);
    case FG_MADE_OPAQUE:
    default:
        return mode;
    }
}

static int check(const FgGenerator *g, const FgCudaFrame *frame,
                 const FgMadeAs *as, FgError *err)
{
    const FgStage *s = &g->stage[g->nb - 1];
    if (!s->plan->cuda)
        return fg_error(err, -ENOTSUP, "CUDA: this generator is the CPU's");
    if (frame->w != g->o.w || frame->h != g->o.h)
        return fg_error(err, -EINVAL, "CUDA: a frame of %dx%d for %dx%d",
                        frame->w, frame->h, g->o.w, g->o.h);
    if (!frame->alpha != (as->alpha == FG_MADE_OPAQUE))
        return fg_error(err, -EINVAL, "CUDA: %s is made for a frame with%s",
                        as->alpha ? "alpha" : "no alpha",
                        frame->alpha ? " alpha" : "out");
    if (as->alpha == FG_MADE_BY_MODEL && s->out.shape.c < 4)
        return fg_error(err, -EINVAL, "CUDA: the model makes no alpha");
    return 0;
}

int fg_generator_frame(FgGenerator *g, const FgMoment *at, void *stream,
                       const FgCudaFrame *frame, const FgCudaColour *colour,
                       const FgMadeAs *as, FgError *err)
{
    FgStage *s = &g->stage[g->nb - 1];
    FgKernelArgs a = {.dst = fg_cuda_kframe(frame, colour),
                      .mode = mode_of(as),
                      .groups = s->out.shape.c,
                      .eps = as->low,
                      .alpha = 1 / (as->high - as->low),
                      .kr = colour->kr,
                      .kb = colour->kb,
                      .x0 = s->pad_x * s->scale,
                      .y0 = s->pad_y * s->scale};
    a.c_down[0] = (FgKAxis){frame->log2w ? (double)colour->chroma_x : 0,
                            1 << frame->log2w};
    a.c_down[1] = (FgKAxis){frame->log2h ? (double)colour->chroma_y : 0,
                            1 << frame->log2h};
    int rc = check(g, frame, as, err);
    if (rc >= 0)
        rc = run_stages(g, at, stream, &a.in[0], err);
    return rc < 0 ? rc : emit(s->plan, stream, &a, err);
}

int64_t fg_generator_frames_bad(FgGenerator *g, FgError *err)
{
    int64_t all = 0;
    for (int k = 0; k < g->nb; k++) {
        const int64_t bad = fg_cuda_frame_bad(g->stage[k].plan, err);
        if (bad < 0)
            return bad;
        all += bad;
    }
    return all;
}
