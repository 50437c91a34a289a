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

int fg_generator_frame(FgGenerator *g, const FgMoment *at, void *stream,
                       const FgCudaFrame *frame, const FgCudaColour *colour,
                       int linear, FgError *err)
{
    FgStage *s = &g->stage[g->nb - 1];
    if (!s->plan->cuda)
        return fg_error(err, -ENOTSUP, "CUDA: this generator is the CPU's");
    if (frame->w != g->o.w || frame->h != g->o.h)
        return fg_error(err, -EINVAL, "CUDA: a frame of %dx%d for %dx%d",
                        frame->w, frame->h, g->o.w, g->o.h);
    FgKernelArgs a = {.dst = fg_cuda_kframe(frame, colour),
                      .mode = linear,
                      .kr = colour->kr,
                      .kb = colour->kb,
                      .x0 = s->pad_x * s->scale,
                      .y0 = s->pad_y * s->scale};
    a.c_down[0] = (FgKAxis){frame->log2w ? (double)colour->chroma_x : 0,
                            1 << frame->log2w};
    a.c_down[1] = (FgKAxis){frame->log2h ? (double)colour->chroma_y : 0,
                            1 << frame->log2h};
    int rc = fg_generator_last_input(g, at, err);
    if (rc >= 0)
        rc = fg_cuda_plan_keep(s->plan, stream, &s->in, &a.in[0], err);
    return rc < 0 ? rc : emit(s->plan, stream, &a, err);
}

int64_t fg_generator_frames_bad(FgGenerator *g, FgError *err)
{
    return fg_cuda_frame_bad(g->stage[g->nb - 1].plan, err);
}
