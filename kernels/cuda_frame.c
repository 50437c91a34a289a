/* ffgan: plans on a GPU: frames in device memory.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "cuda_plan.h"
#include "cuda_work.h"

/* ---- what a frame is ---- */

static int subsampled(int n, int log2)
{
    return -((-n) >> log2);
}

static int check_one(const FgCudaFrame *f, const char *what, FgError *err)
{
    const int planes = f->layout == FG_CUDA_RGB  ? 1
                       : f->layout == FG_CUDA_NV ? 2
                                                 : 3 + !!f->alpha;
    if (f->depth < 8 || f->depth > 16 || f->shift < 0 ||
        f->depth + f->shift > (f->depth > 8 ? 16 : 8))
        return fg_error(err, -EINVAL, "CUDA: %s has %d bits shifted by %d",
                        what, f->depth, f->shift);
    if (f->layout < FG_CUDA_YUV || f->layout > FG_CUDA_RGB || f->log2w < 0 ||
        f->log2w > 1 || f->log2h < 0 || f->log2h > 1 ||
        (f->layout == FG_CUDA_NV && f->alpha))
        return fg_error(err, -EINVAL, "CUDA: %s has an unknown layout", what);
    for (int i = 0; i < planes; i++)
        if (!f->plane[i] || f->pitch[i] > INT_MAX)
            return fg_error(err, -EINVAL, "CUDA: %s has no plane %d", what, i);
    return 0;
}

static int check(const FgPlan *p, const FgCudaFrame *in, const FgCudaFrame *out,
                 FgError *err)
{
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    int rc = check_one(in, "the input", err);
    if (rc >= 0)
        rc = check_one(out, "the output", err);
    if (rc < 0)
        return rc;
    if (in->layout != out->layout || in->depth != out->depth ||
        in->shift != out->shift || in->log2w != out->log2w ||
        in->log2h != out->log2h || !in->alpha != !out->alpha)
        return fg_error(err, -EINVAL, "CUDA: the frames' formats differ");
    if (in->w < 1 || in->h < 1 || in->w > p->max_w || in->h > p->max_h)
        return fg_error(err, -EINVAL, "CUDA: a frame of %dx%d, at most %dx%d",
                        in->w, in->h, p->max_w, p->max_h);
    if (out->w != fg_ceil_div(in->w * num, den) ||
        out->h != fg_ceil_div(in->h * num, den))
        return fg_error(err, -EINVAL, "CUDA: %dx%d to %dx%d is not %lld/%lld",
                        in->w, in->h, out->w, out->h, (long long)num,
                        (long long)den);
    if (p->channels_in != p->channels_out ||
        (p->channels_in != 1 && p->channels_in != 3))
        return fg_error(err, -ENOTSUP,
                        "CUDA: %d channels in, %d out: frames need 1 or 3",
                        p->channels_in, p->channels_out);
    return 0;
}

/* ITU-T H.273 8.3, as filters/colour.c. */
static void set_code(FgKFrame *k, int comp, int depth, int limited, int chroma)
{
    const double unit = ldexp(1, depth - 8), all = ldexp(1, depth) - 1;
    const double scale = limited ? unit * (chroma ? 224 : 219) : all;
    k->offset[comp] = (float)(chroma ? 128 * unit : limited ? 16 * unit : 0);
    k->to_value[comp] = (float)(1 / scale);
    k->to_code[comp] = (float)scale;
    k->max = (float)all;
}

FgKFrame fg_cuda_kframe(const FgCudaFrame *f, const FgCudaColour *c)
{
    const int rgb = f->layout == FG_CUDA_RGB, nv = f->layout == FG_CUDA_NV;
    FgKFrame k = {.w = f->w, .h = f->h, .rgb = rgb};
    k.bytes = f->depth > 8 ? 2 : 1;
    k.shift = f->shift;
    k.cw = rgb ? f->w : subsampled(f->w, f->log2w);
    k.ch = rgb ? f->h : subsampled(f->h, f->log2h);
    for (int i = 0; i < 3; i++) {
        const int plane = rgb ? 0 : nv && i ? 1 : i;
        k.comp[i] = (FgKPlane){f->plane[plane], (int64_t)f->pitch[plane],
                               rgb       ? 4
                               : nv && i ? 2
                                         : 1,
                               rgb            ? f->order[i]
                               : nv && i == 2 ? 1
                                              : 0};
        set_code(&k, i, f->depth, c->limited && !rgb, i && !rgb);
    }
    const FgKPlane fourth = {f->plane[0], (int64_t)f->pitch[0], 4, f->order[3]};
    if (f->alpha) {
        k.comp[3] = rgb ? fourth
                        : (FgKPlane){f->plane[3], (int64_t)f->pitch[3], 1, 0};
        set_code(&k, 3, f->depth, 0, 0);
    } else if (rgb) {
        k.filler = fourth;
    }
    return k;
}

FgFlowGrid fg_cuda_grid(const FgKFrame *k, int comp, const FgCudaColour *c)
{
    const int chroma = (comp == 1 || comp == 2) && !k->rgb;
    const int sx = chroma && k->cw < k->w ? 2 : 1;
    const int sy = chroma && k->ch < k->h ? 2 : 1;
    return (FgFlowGrid){
        chroma ? k->cw : k->w,    chroma ? k->ch : k->h,   (float)sx, (float)sy,
        sx > 1 ? c->chroma_x : 0, sy > 1 ? c->chroma_y : 0};
}

/* Where chroma goes, along one axis: filters/upscale.c's sited. */
static void set_axes(FgKernelArgs *a, int i, int in, int out, int log2,
                     double pos)
{
    const int f = 1 << log2;
    const double r = (double)in / out, x = (pos + 0.5) * r - 0.5;
    a->up[i] = (FgKAxis){0.5 * r - 0.5, r};
    a->c_same[i] = (FgKAxis){(x - pos) / f, r};
    a->c_up[i] = (FgKAxis){-pos / f, 1.0 / f};
    a->c_down[i] = (FgKAxis){pos, f};
    a->c_loss[i] = (FgKAxis){x, f * r};
}

/* ---- memory ---- */

static int take(FgPlan *p, int mixes, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const int64_t num = p->reach.scale_num, den = p->reach.scale_den;
    const size_t in = sizeof(float) * (size_t)p->max_w * (size_t)p->max_h;
    const size_t out = sizeof(float) *
                       (size_t)fg_ceil_div(p->max_w * num, den) *
                       (size_t)fg_ceil_div(p->max_h * num, den);
    int rc = 0;
    if (!c->side)
        rc = c->api->alloc(c->dev, in * (size_t)p->channels_in, &c->side, err);
    if (rc >= 0 && mixes && !c->cup)
        rc = c->api->alloc(c->dev, in * 2, &c->cup, err);
    if (rc >= 0 && mixes && !c->cfull)
        rc = c->api->alloc(c->dev, out * 2, &c->cfull, err);
    return rc;
}

/* Where the network left too little memory it works in smaller tiles. */
static int buffers(FgPlan *p, int mixes, FgError *err)
{
    int rc = p->cuda->slot ? 0 : -ENOMEM; /* it was too much before */
    if (rc < 0)
        return fg_error(err, rc, "CUDA: %s has not enough free memory",
                        p->cuda->about.name);
    while ((rc = take(p, mixes, err)) == -ENOMEM &&
           (rc = fg_cuda_shrink(p, err)) >= 0)
        ;
    return rc;
}

/* ---- a frame ---- */

static FgKView pixels(uint64_t at, int w, int h, int pitch, int element)
{
    return (FgKView){at, 1, h, w, pitch, element};
}

/* By tiles: the network's input and output as whole pictures. */
static int by_tiles(FgPlan *p, void *stream, FgKernelArgs *a, FgShape in,
                    int nb, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    a->out = pixels(c->picture, in.w, in.h, in.c, FG_ELEMENT_F32);
    int rc = c->api->launch(c->dev, stream, FG_KERNEL_frame_in, a, err);
    if (rc >= 0)
        rc = fg_cuda_tiles(p, stream, in, nb, err);
    a->tail = 0;
    a->in[0] = (FgKView){c->result, in.c, a->dst.h,
                         a->dst.w,  in.c, FG_ELEMENT_F32};
    return rc;
}

static int at_once(FgPlan *p, void *stream, FgKernelArgs *a, FgShape in,
                   FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    FgTile t;
    int rc = fg_cuda_tile(p, in.w, in.h, 0, &t, err);
    if (rc < 0)
        return rc;
    a->out = fg_cuda_view(p, 0);
    a->out.c = 1;
    rc = c->api->launch(c->dev, stream, FG_KERNEL_frame_in, a, err);
    if (rc >= 0)
        rc = fg_cuda_run_steps(p, stream, &t, 1, err);
    fg_cuda_tail(p, a);
    return rc;
}

static int emit(FgPlan *p, void *stream, FgKernelArgs *a, int alpha,
                FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    const FgKFrame *d = &a->dst;
    a->out = pixels(0, d->w, d->h, 1, FG_ELEMENT_F32);
    int rc = c->api->launch(c->dev, stream, FG_KERNEL_frame_out, a, err);
    if (rc >= 0 && alpha)
        rc = c->api->launch(c->dev, stream, FG_KERNEL_frame_alpha, a, err);
    if (rc < 0 || d->rgb || (a->groups == 3 && !a->cfull))
        return rc;
    a->out = (FgKView){0, 2, d->ch, d->cw, 2, FG_ELEMENT_F32};
    return c->api->launch(c->dev, stream, FG_KERNEL_frame_chroma, a, err);
}

int fg_cuda_follow(FgPlan *p, void *stream, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    int rc = 0;
    if (!c->has_last)
        rc = c->api->order(c->dev, NULL, stream, err);
    else if (c->last_stream != stream)
        rc = c->api->order(c->dev, c->last_stream, stream, err);
    c->has_last = 1;
    c->last_stream = stream;
    return rc;
}

int fg_cuda_frame_run(FgPlan *p, void *stream, const FgCudaFrame *in,
                      const FgCudaFrame *out, const FgCudaColour *colour,
                      FgError *err)
{
    FgTile t;
    FgKernelArgs a = {0};
    if (!p->cuda)
        return fg_error(err, -ENOTSUP, "CUDA: this plan is the CPU's");
    int rc = check(p, in, out, err);
    a.src = fg_cuda_kframe(in, colour);
    a.dst = fg_cuda_kframe(out, colour);
    a.groups = p->channels_in;
    const int mixes = a.groups == 3 && !a.src.rgb && (in->log2w || in->log2h);
    if (rc >= 0)
        rc = buffers(p, mixes, err);
    if (rc >= 0)
        rc = fg_cuda_follow(p, stream, err);
    if (rc < 0)
        return rc;
    set_axes(&a, 0, in->w, out->w, a.src.rgb ? 0 : in->log2w,
             in->log2w ? (double)colour->chroma_x : 0);
    set_axes(&a, 1, in->h, out->h, a.src.rgb ? 0 : in->log2h,
             in->log2h ? (double)colour->chroma_y : 0);
    a.kr = colour->kr;
    a.kb = colour->kb;
    a.blend = colour->blend;
    a.side = p->cuda->side;
    a.cup = mixes ? p->cuda->cup : 0;
    a.cfull = mixes ? p->cuda->cfull : 0;
    a.bad = p->cuda->bad;
    const FgShape s = {1, p->channels_in, in->h, in->w};
    const int nb = fg_plan_tile(p, in->w, in->h, INT_MAX, &t);
    rc = nb > 1 ? by_tiles(p, stream, &a, s, nb, err)
                : at_once(p, stream, &a, s, err);
    return rc < 0 ? rc : emit(p, stream, &a, in->alpha, err);
}

int64_t fg_cuda_frame_bad(FgPlan *p, FgError *err)
{
    struct FgCudaPlan *c = p->cuda;
    if (!c)
        return fg_error(err, -ENOTSUP, "CUDA: this plan is the CPU's");
    int rc = c->has_last ? c->api->sync(c->dev, c->last_stream, err) : 0;
    if (rc >= 0)
        rc = c->api->download(c->dev, NULL, c->host_bad, c->bad,
                              sizeof(uint64_t), err);
    if (rc >= 0)
        rc = c->api->sync(c->dev, NULL, err);
    return rc < 0 ? rc : (int64_t)*c->host_bad;
}
