/* ffgan: the gansrc source: frames from a generator.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <stdatomic.h>

#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "frame.h"
#include "gpu.h"
#include "keys.h"
#include "kernels/generator.h"
#include "kernels/walk.h"

enum { ALPHA_NONE, ALPHA_MODEL, ALPHA_LUMA };
enum { STRAIGHT, PREMULTIPLIED };
enum { SRGB, LINEAR };
enum { CURVE = 4096 };

typedef struct GansrcContext {
    const AVClass *class;
    char *model_name, *device, *keys_name;
    int w, h, precision, tilesize, walk_mode, seamless;
    int alpha, alpha_mode, transfer;
    enum AVPixelFormat samples; /* of frames in GPU memory */
    AVRational rate;
    int64_t duration, nb_frames, seed, loop, start;
    double speed, truncation, alpha_low, alpha_high;

    FgModel *model;
    FgGenerator *generator;
    FgGpuMade *gpu; /* NULL: frames are in memory */
    FgExecutor ex;
    FgWalk walk;
    FgWalkKey *keys;
    FgFormat fmt;
    FgCode code;
    float curve[CURVE + 2]; /* sRGB to light */
    float *scratch;         /* [threads][4 * w] */
    int64_t n;              /* frames made */
    /* of the frame at hand */
    FgTensor picture;
    AVFrame *out;
    atomic_int bad;
} GansrcContext;

/* ---- light ---- */

/* x^2.4 by sums and products alone, so that all machines agree: the fifth root
 * of x^2 by Newton, times x^2. */
static double power24(double x)
{
    double y = 1;

    for (int i = 0; i < 80; i++)
        y -= (y - x * x / (y * y * y * y)) / 5;
    return x * x * y;
}

/* IEC 61966-2-1. */
static void init_curve(GansrcContext *s)
{
    for (int i = 0; i <= CURVE + 1; i++) {
        const double v = (double)i / CURVE;

        s->curve[i] = (float)(v <= 0.04045 ? v / 12.92
                                           : power24((v + 0.055) / 1.055));
    }
}

static float light(const GansrcContext *s, float v)
{
    const float x = v * CURVE;
    const int i = (int)x;

    return s->curve[i] + (x - (float)i) * (s->curve[i + 1] - s->curve[i]);
}

/* ---- life ---- */

static int init_walk(AVFilterContext *ctx)
{
    GansrcContext *s = ctx->priv;
    FgError err = {""};
    int ret;

    s->walk = (FgWalk){.mode = (FgWalkMode)s->walk_mode,
                       .seed = (uint64_t)s->seed,
                       .step = s->speed * s->rate.den / s->rate.num,
                       .loop = s->loop,
                       .truncation = (float)s->truncation};
    if (!s->keys_name)
        return 0;
    if (s->walk_mode == FG_WALK_CIRCLE) {
        av_log(ctx, AV_LOG_ERROR,
               "walk=circle takes no keys; hold, linear and slerp do\n");
        return AVERROR(EINVAL);
    }
    ret = fg_keys_read(s->keys_name, &s->keys, &s->walk.nb_keys, &err);
    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    s->walk.keys = s->keys;
    if (s->loop &&
        s->keys[s->walk.nb_keys - 1].frame - s->keys[0].frame >= s->loop) {
        av_log(ctx, AV_LOG_ERROR,
               "%s: keys over %" PRId64 " frames do not fit into loop=%" PRId64
               "\n",
               s->keys_name,
               s->keys[s->walk.nb_keys - 1].frame - s->keys[0].frame + 1,
               s->loop);
        return AVERROR(EINVAL);
    }
    return 0;
}

static int check_alpha(AVFilterContext *ctx)
{
    const GansrcContext *s = ctx->priv;
    const FgGraph *last = fg_model_stage(s->model, s->model->nb_stages);
    FgShape *shapes;
    FgError err = {""};

    if (s->model->latent.kind != FG_LATENT_PLATE)
        last = fg_model_stage(s->model, 0);
    if (s->alpha_high <= s->alpha_low) {
        av_log(ctx, AV_LOG_ERROR, "alpha_high must be above alpha_low\n");
        return AVERROR(EINVAL);
    }
    if (s->alpha != ALPHA_MODEL)
        return 0;
    shapes = malloc(sizeof(*shapes) * (size_t)last->nb_nodes);
    if (!shapes)
        return AVERROR(ENOMEM);
    const FgShape in = {1, last->nodes[0].attr.channels, 64, 64};
    int ret = fg_graph_shapes(last, in, shapes, &err);

    if (ret < 0)
        fg_filter_fail(ctx, ret, &err);
    else if (shapes[last->nb_nodes - 1].c != 4) {
        av_log(ctx, AV_LOG_ERROR,
               "the model makes no alpha: alpha can be none or luma\n");
        ret = AVERROR(EINVAL);
    }
    free(shapes);
    return ret;
}

static av_cold int init(AVFilterContext *ctx)
{
    GansrcContext *s = ctx->priv;
    FgError err = {""};
    int ret = fg_filter_model(ctx, s->model_name, FG_TASK_GENERATOR, &s->model);

    if (ret < 0 || (ret = init_walk(ctx)) < 0 || (ret = check_alpha(ctx)) < 0)
        return ret;
    if (!s->w && (ret = fg_generator_size(s->model, &s->w, &s->h, &err)) < 0)
        return fg_filter_fail(ctx, ret, &err);
    init_curve(s);
    return 0;
}

static av_cold void uninit(AVFilterContext *ctx)
{
    GansrcContext *s = ctx->priv;

    fg_generator_free(&s->generator);
    fg_gpu_made_free(&s->gpu); /* whose context it was */
    fg_model_free(&s->model);
    free(s->keys);
    av_freep(&s->scratch);
}

static const enum AVPixelFormat opaque[] = {
    AV_PIX_FMT_GBRP16, AV_PIX_FMT_GBRPF32, AV_PIX_FMT_GBRP14, AV_PIX_FMT_GBRP12,
    AV_PIX_FMT_GBRP10, AV_PIX_FMT_GBRP9,   AV_PIX_FMT_GBRP,   AV_PIX_FMT_RGB48,
    AV_PIX_FMT_BGR48,  AV_PIX_FMT_RGB24,   AV_PIX_FMT_BGR24,  AV_PIX_FMT_RGB0,
    AV_PIX_FMT_BGR0,   AV_PIX_FMT_0RGB,    AV_PIX_FMT_0BGR,   AV_PIX_FMT_NONE};
static const enum AVPixelFormat keyed[] = {
    AV_PIX_FMT_GBRAP16, AV_PIX_FMT_GBRAPF32, AV_PIX_FMT_GBRAP14,
    AV_PIX_FMT_GBRAP12, AV_PIX_FMT_GBRAP10,  AV_PIX_FMT_GBRAP,
    AV_PIX_FMT_RGBA64,  AV_PIX_FMT_BGRA64,   AV_PIX_FMT_RGBA,
    AV_PIX_FMT_BGRA,    AV_PIX_FMT_ARGB,     AV_PIX_FMT_ABGR,
    AV_PIX_FMT_NONE};

static int query_formats(const AVFilterContext *ctx, AVFilterFormatsConfig **in,
                         AVFilterFormatsConfig **out)
{
    const GansrcContext *s = ctx->priv;
    AVFilterFormats *f = ff_make_format_list(
        (const int *)(s->alpha ? keyed : opaque));
    const int gpu = !strncmp(s->device, "cuda", 4);
    const int ret = gpu ? ff_add_format(&f, AV_PIX_FMT_CUDA) : 0;

    return ret < 0 ? ret : ff_set_common_formats2(ctx, in, out, f);
}

static void log_plan(AVFilterContext *ctx)
{
    const GansrcContext *s = ctx->priv;
    FgGeneratorInfo i;

    fg_generator_info(s->generator, &i);
    av_log(ctx, AV_LOG_VERBOSE,
           "%dx%d, %d stages, first map %dx%d, %s on %s, %.0f MiB, %.2f GMAC "
           "per frame, %d threads\n",
           s->w, s->h, i.nb_stages, i.map_w, i.map_h, i.precision, i.isa,
           i.bytes / 1048576.0, i.macs / 1e9, s->ex.threads);
}

static int config_memory(AVFilterLink *outlink)
{
    GansrcContext *s = outlink->src->priv;
    const int ret = fg_format_init(&s->fmt, outlink->format);

    if (ret < 0)
        return ret;
    s->code = s->fmt.is_float ? fg_code_float() : fg_code(s->fmt.depth, 0, 0);
    av_freep(&s->scratch);
    s->scratch = av_calloc((size_t)s->ex.threads,
                           4 * sizeof(float) * (size_t)s->w);
    return s->scratch ? 0 : AVERROR(ENOMEM);
}

/* Frames of samples that cannot have what is made, or the reverse, are not. */
static int config_gpu(AVFilterLink *outlink, FgError *err)
{
    GansrcContext *s = outlink->src->priv;
    enum AVPixelFormat sw = s->samples;

    if (sw == AV_PIX_FMT_NONE)
        sw = s->alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_NV12;
    const int ret = fg_gpu_made_create(&s->gpu, outlink, s->device, sw, err);

    if (ret < 0 || fg_gpu_made_alpha(s->gpu) == !!s->alpha)
        return ret;
    return fg_error(err, AVERROR(ENOSYS),
                    s->alpha ? "samples=%s has no alpha for alpha=: use "
                               "yuva420p, rgba or bgra"
                             : "samples=%s has alpha, which alpha=none does "
                               "not make: use nv12, yuv420p, yuv444p, p010, "
                               "p016, yuv444p16, rgb0 or bgr0",
                    av_get_pix_fmt_name(sw));
}

static int config_output(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GansrcContext *s = ctx->priv;
    FilterLink *link = ff_filter_link(outlink);
    FgError err = {""};
    int ret;

    fg_slices_init(&s->ex, ctx);
    fg_generator_free(&s->generator);
    fg_gpu_made_free(&s->gpu);
    outlink->w = s->w;
    outlink->h = s->h;
    if (outlink->format == AV_PIX_FMT_CUDA &&
        (ret = config_gpu(outlink, &err)) < 0)
        return fg_filter_fail(ctx, ret, &err);
    const FgGeneratorOptions o = {
        .device = s->device,
        .precision = s->precision,
        .w = s->w,
        .h = s->h,
        .seamless = s->seamless,
        .tile = s->tilesize,
        .ex = &s->ex,
        .cuda_context = s->gpu ? fg_gpu_made_place(s->gpu)->context : NULL};

    ret = fg_generator_create(&s->generator, s->model, &o, &err);
    if (ret < 0)
        return fg_filter_fail(ctx, ret, &err);
    outlink->sample_aspect_ratio = (AVRational){1, 1};
    outlink->time_base = av_inv_q(s->rate);
    link->frame_rate = s->rate;
    log_plan(ctx);
    return s->gpu ? 0 : config_memory(outlink);
}

/* ---- frames ---- */

/* Straight or premultiplied, in the values that leave. A key's picture is
 * what it gives over black. */
static void key_row(const GansrcContext *s, float *v, int n)
{
    const float low = (float)s->alpha_low;
    const float scale = 1 / (float)(s->alpha_high - s->alpha_low);

    for (int x = 0; x < n; x++, v += 4) {
        const float y = 0.2126f * v[0] + 0.7152f * v[1] + 0.0722f * v[2];
        float a = s->alpha == ALPHA_LUMA ? (y - low) * scale : v[3], k = 1;

        a = a > 0 ? a < 1 ? a : 1 : 0;
        v[3] = a;
        for (int c = 0; c < 3 && s->transfer == LINEAR; c++)
            v[c] = light(s, v[c]);
        if (s->alpha == ALPHA_LUMA && s->alpha_mode == STRAIGHT)
            k = a > 1 / 1024.0f ? 1 / a : 0;
        else if (s->alpha == ALPHA_MODEL && s->alpha_mode == PREMULTIPLIED)
            k = a;
        for (int c = 0; c < 3; c++)
            v[c] *= k;
    }
}

static void store_job(void *arg, int y, int worker)
{
    GansrcContext *s = arg;
    const int n = s->w, has = s->picture.shape.c, keyed_out = s->fmt.has_alpha;
    float *v = s->scratch + (size_t)worker * 4 * (size_t)n;
    const float *p = fg_f32(&s->picture, 0, y, 0);
    int bad = 0;

    for (int x = 0; x < n; x++, p += s->picture.pitch) {
        for (int c = 0; c < has; c++)
            v[4 * x + c] = p[c] > 0 ? p[c] < 1 ? p[c] : 1 : 0;
        for (int c = 0; c < 3 && !keyed_out && s->transfer == LINEAR; c++)
            v[4 * x + c] = light(s, v[4 * x + c]);
    }
    if (keyed_out)
        key_row(s, v, n);
    for (int c = 0; c < 3; c++)
        bad |= fg_row_write(s->out, &s->fmt, &s->fmt.comp[c], y, n, v + c, 4,
                            s->code);
    if (keyed_out)
        bad |= fg_row_write(s->out, &s->fmt, &s->fmt.alpha, y, n, v + 3, 4,
                            s->code);
    fg_row_pad(s->out, &s->fmt, y, n);
    if (bad)
        atomic_store(&s->bad, 1);
}

static int set_props(const GansrcContext *s, AVFrame *f, int64_t n)
{
    f->pts = s->n;
    f->duration = 1;
    f->flags |= AV_FRAME_FLAG_KEY;
    f->sample_aspect_ratio = (AVRational){1, 1};
    f->color_range = AVCOL_RANGE_JPEG;
    f->colorspace = AVCOL_SPC_RGB;
    f->color_primaries = AVCOL_PRI_BT709;
    f->color_trc = s->transfer == LINEAR ? AVCOL_TRC_LINEAR
                                         : AVCOL_TRC_IEC61966_2_1;
#if LIBAVFILTER_VERSION_MAJOR >= 11
    if (s->alpha)
        f->alpha_mode = s->alpha_mode == STRAIGHT ? AVALPHA_MODE_STRAIGHT
                                                  : AVALPHA_MODE_PREMULTIPLIED;
#endif
    int ret = av_dict_set_int(&f->metadata, "ffgan.frame", n, 0);
    if (ret >= 0)
        ret = av_dict_set_int(&f->metadata, "ffgan.seed", s->seed, 0);
    return ret < 0
               ? ret
               : av_dict_set(&f->metadata, "ffgan.model", s->model->sha256, 0);
}

static int into_memory(GansrcContext *s, const FgMoment *at, FgError *err)
{
    const int ret = fg_generator_run(s->generator, at, &s->picture, err);

    if (ret < 0)
        return ret;
    atomic_store(&s->bad, 0);
    fg_run(&s->ex, store_job, s, s->h);
    return atomic_load(&s->bad)
               ? fg_error(err, AVERROR(EDOM), "the picture is not finite")
               : 0;
}

static int into_gpu(GansrcContext *s, const FgMoment *at, FgError *err)
{
    const FgMadeAs as = {.linear = s->transfer == LINEAR,
                         .alpha = s->alpha == ALPHA_NONE    ? FG_MADE_OPAQUE
                                  : s->alpha == ALPHA_MODEL ? FG_MADE_BY_MODEL
                                                            : FG_MADE_BY_LUMA,
                         .premultiplied = s->alpha_mode == PREMULTIPLIED,
                         .low = (float)s->alpha_low,
                         .high = (float)s->alpha_high};
    FgCudaFrame k;
    FgCudaColour c;
    const int ret = fg_gpu_made_frame(s->gpu, s->out, &k, &c, err);

    return ret < 0 ? ret
                   : fg_generator_frame(s->generator, at,
                                        fg_gpu_made_place(s->gpu)->stream, &k,
                                        &c, &as, err);
}

static int make_frame(AVFilterLink *outlink)
{
    AVFilterContext *ctx = outlink->src;
    GansrcContext *s = ctx->priv;
    const int64_t n = s->start + s->n;
    FgError err = {""};
    FgMoment at;
    int ret;

    s->walk.seed = (uint64_t)s->seed;
    s->walk.truncation = (float)s->truncation;
    fg_walk_at(&s->walk, n, &at);
    s->out = ff_get_video_buffer(outlink, s->w, s->h);
    if (!s->out)
        return AVERROR(ENOMEM);
    ret = set_props(s, s->out, n);
    if (ret >= 0 &&
        (ret = s->gpu ? into_gpu(s, &at, &err) : into_memory(s, &at, &err)) < 0)
        av_log(ctx, AV_LOG_ERROR, "frame %" PRId64 ": %s\n", n, err.text);
    if (ret < 0) {
        av_frame_free(&s->out);
        return ret;
    }
    s->n++;
    return ff_filter_frame(outlink, s->out);
}

/* Frames in GPU memory are judged at their end: before, that would mean to wait
 * for them. */
static int end(AVFilterLink *outlink)
{
    const GansrcContext *s = outlink->src->priv;
    FgError err = {""};
    const int64_t bad = s->gpu ? fg_generator_frames_bad(s->generator, &err)
                               : 0;

    if (bad > 0)
        fg_error(&err, 0,
                 "the generator's results are not finite (%" PRId64
                 " samples of all frames): precision=fp32 may help",
                 bad);
    if (bad)
        return fg_filter_fail(outlink->src, bad < 0 ? (int)bad : AVERROR(EDOM),
                              &err);
    ff_outlink_set_status(outlink, AVERROR_EOF, s->n);
    return 0;
}

static int work(AVFilterContext *ctx)
{
    AVFilterLink *outlink = ctx->outputs[0];
    const GansrcContext *s = ctx->priv;
    const int64_t last = s->duration < 0
                             ? INT64_MAX
                             : av_rescale_q_rnd(s->duration, AV_TIME_BASE_Q,
                                                outlink->time_base,
                                                AV_ROUND_UP);

    if (!ff_outlink_frame_wanted(outlink))
        return FFERROR_NOT_READY;
    if ((s->nb_frames >= 0 && s->n >= s->nb_frames) || s->n >= last)
        return end(outlink);
    return make_frame(outlink);
}

static int activate(AVFilterContext *ctx)
{
    return fg_filter_end(ctx, work(ctx));
}

/* ---- options ---- */

#define CONTEXT GansrcContext

static const AVOption gansrc_options[] = {
    FG_TEXT("model", "name or path of the weights file; help lists the names",
            model_name, NULL),
    {"size",
     "picture size, unset = what the model was trained on",
     FG_OFFSET(w),
     AV_OPT_TYPE_IMAGE_SIZE,
     {.str = NULL},
     0,
     0,
     FG_FLAGS,
     NULL},
    {"s",
     "picture size, unset = what the model was trained on",
     FG_OFFSET(w),
     AV_OPT_TYPE_IMAGE_SIZE,
     {.str = NULL},
     0,
     0,
     FG_FLAGS,
     NULL},
    {"rate",
     "frames per second",
     FG_OFFSET(rate),
     AV_OPT_TYPE_VIDEO_RATE,
     {.str = "25"},
     0,
     INT_MAX,
     FG_FLAGS,
     NULL},
    {"r",
     "frames per second",
     FG_OFFSET(rate),
     AV_OPT_TYPE_VIDEO_RATE,
     {.str = "25"},
     0,
     INT_MAX,
     FG_FLAGS,
     NULL},
    {"duration",
     "length in seconds, unset = endless",
     FG_OFFSET(duration),
     AV_OPT_TYPE_DURATION,
     {.i64 = -1},
     -1,
     INT64_MAX,
     FG_FLAGS,
     NULL},
    {"d",
     "length in seconds, unset = endless",
     FG_OFFSET(duration),
     AV_OPT_TYPE_DURATION,
     {.i64 = -1},
     -1,
     INT64_MAX,
     FG_FLAGS,
     NULL},
    {"nb_frames",
     "length in frames, -1 = endless",
     FG_OFFSET(nb_frames),
     AV_OPT_TYPE_INT64,
     {.i64 = -1},
     -1,
     INT64_MAX,
     FG_FLAGS,
     NULL},
    {"start",
     "number of the first frame: any frame can be made alone",
     FG_OFFSET(start),
     AV_OPT_TYPE_INT64,
     {.i64 = 0},
     -(1LL << 40),
     1LL << 40,
     FG_FLAGS,
     NULL},
    {"seed",
     "which random numbers",
     FG_OFFSET(seed),
     AV_OPT_TYPE_INT64,
     {.i64 = 0},
     0,
     INT64_MAX,
     FG_FLAGS | FG_RUNTIME,
     NULL},
    FG_VALUE("walk", "way through latent space", walk_mode, INT,
             {.i64 = FG_WALK_CIRCLE}, FG_WALK_CIRCLE, "walk"),
    FG_NUMBER("walk", "hold", FG_WALK_HOLD),
    FG_NUMBER("walk", "linear", FG_WALK_LINEAR),
    FG_NUMBER("walk", "slerp", FG_WALK_SLERP),
    FG_NUMBER("walk", "circle", FG_WALK_CIRCLE),
    {"speed",
     "steps from one latent to another, or quarter turns, per second",
     FG_OFFSET(speed),
     AV_OPT_TYPE_DOUBLE,
     {.dbl = 1},
     0,
     64,
     FG_FLAGS,
     NULL},
    {"loop",
     "frames after which all repeats, 0 = never",
     FG_OFFSET(loop),
     AV_OPT_TYPE_INT64,
     {.i64 = 0},
     0,
     1LL << 40,
     FG_FLAGS,
     NULL},
    FG_LIVE("truncation", "factor of the latents: less is nearer the average",
            truncation, 1, 0, 1),
    FG_TEXT("keys", "YAML file of latents by frame: lines 'FRAME: SEED'",
            keys_name, NULL),
    FG_VALUE("seamless", "edges that fit each other", seamless, INT, {.i64 = 0},
             3, "seamless"),
    FG_NUMBER("seamless", "none", 0),
    FG_NUMBER("seamless", "x", FG_SEAMLESS_X),
    FG_NUMBER("seamless", "y", FG_SEAMLESS_Y),
    FG_NUMBER("seamless", "xy", FG_SEAMLESS_X | FG_SEAMLESS_Y),
    FG_VALUE("alpha", "where alpha comes from", alpha, INT, {.i64 = ALPHA_NONE},
             ALPHA_LUMA, "alpha"),
    FG_NUMBER("alpha", "none", ALPHA_NONE),
    FG_NUMBER("alpha", "model", ALPHA_MODEL),
    FG_NUMBER("alpha", "luma", ALPHA_LUMA),
    FG_LIVE("alpha_low", "luma that is transparent", alpha_low, 0, 0, 1),
    FG_LIVE("alpha_high", "luma that is opaque", alpha_high, 0.5, 0, 1),
    FG_VALUE("alpha_mode", "colours beside or times alpha", alpha_mode, INT,
             {.i64 = STRAIGHT}, PREMULTIPLIED, "alpha_mode"),
    FG_NUMBER("alpha_mode", "straight", STRAIGHT),
    FG_NUMBER("alpha_mode", "premultiplied", PREMULTIPLIED),
    FG_VALUE("transfer", "what values mean", transfer, INT, {.i64 = SRGB},
             LINEAR, "transfer"),
    FG_NUMBER("transfer", "srgb", SRGB),
    FG_NUMBER("transfer", "linear", LINEAR),
    {"samples",
     "pixel format of frames in GPU memory, unset = nv12, with alpha rgba",
     FG_OFFSET(samples),
     AV_OPT_TYPE_PIXEL_FMT,
     {.i64 = AV_PIX_FMT_NONE},
     -1,
     INT_MAX,
     FG_FLAGS,
     NULL},
    FG_OPTIONS_PLAN,
    {NULL},
};

AVFILTER_DEFINE_CLASS(gansrc);

static const AVFilterPad gansrc_outputs[] = {
    {.name = "default",
     .type = AVMEDIA_TYPE_VIDEO,
     .config_props = config_output},
};

extern const FFFilter ff_vsrc_gansrc;
const FFFilter ff_vsrc_gansrc = {
    FG_PUB(name) = "gansrc",
    FG_PUB(description) = NULL_IF_CONFIG_SMALL(
        "Frames from a generative neural network."),
    FG_PUB(priv_class) = &gansrc_class,
    FG_PUB(flags) = AVFILTER_FLAG_SLICE_THREADS | AVFILTER_FLAG_HWDEVICE,
    .priv_size = sizeof(GansrcContext),
    .init = init,
    .uninit = uninit,
    .activate = activate,
    .flags_internal = FF_FILTER_FLAG_HWFRAME_AWARE,
    .process_command = ff_filter_process_command,
    FILTER_OUTPUTS(gansrc_outputs),
    FILTER_QUERY_FUNC2(query_formats),
};
