/* ffgan: one frame through a super-resolution network, whatever its format.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include "upscale_priv.h"

#include "chroma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "frame.h"
#include "resample.h"
#include "side.h"

#define BAND 8        /* rows of a job */
#define LEAST_TILE 64 /* pixels of its side */

static FgView view(const FgTensor *t)
{
    return (FgView){t->data, t->row};
}

/* ---- setting up ---- */

static int tensor(FgTensor *t, int c, int w, int h)
{
    return fg_tensor_alloc(t, (FgShape){1, c, h, w}, FG_F32);
}

static void sited_both(const FgUpscale *u, FgSited *x, FgSited *y)
{
    const int yuv = u->yuv;
    double px, py;

    fg_chroma_pos(&px, &py, &u->fmt, u->loc);
    *x = fg_sited(u->o.in_w, u->o.out_w, yuv ? u->fmt.log2w : 0, px);
    *y = fg_sited(u->o.in_h, u->o.out_h, yuv ? u->fmt.log2h : 0, py);
}

/* Rows of the output that are stored in any order. */
static int slice(const FgUpscale *u)
{
    const int n = FG_PLAN_AHEAD * u->model->scale;

    return (n + BAND - 1) / BAND * BAND;
}

static int init_chroma(FgUpscale *u)
{
    FgSited x, y;
    int ret;

    sited_both(u, &x, &y);
    u->cw = x.same.src, u->ch = y.same.src;
    u->ocw = x.same.dst, u->och = y.same.dst;
    if (!u->yuv && !(u->luma && u->fmt.rgb))
        return 0;
    if (!u->yuv) {
        u->tint.get = fg_upscale_tint_row;
        u->tint.arg = u;
        return fg_pull_init(&u->tint, x.same, y.same, FG_BICUBIC, 2,
                            fg_threads(u->o.ex));
    }
    if (u->luma &&
        (ret = fg_resize_init(&u->chroma, x.same, y.same, FG_BICUBIC, 2)) < 0)
        return ret;
    u->by_rows = u->luma && fg_resize_by_rows(&u->chroma);
    if (u->by_rows) {
        fg_resize_planar(&u->chroma);
        return 0;
    }
    if (u->mixes)
        return fg_chroma_mix_init(&u->mix, x, y, u->ahead);
    if ((ret = tensor(&u->cin, 2, u->cw, u->ch)) < 0)
        return ret;
    return u->luma ? tensor(&u->cout, 2, u->ocw, u->och) : 0;
}

static int init_alpha(FgUpscale *u)
{
    const FgUpscaleOptions *o = &u->o;

    u->alpha.get = fg_upscale_alpha_row;
    u->alpha.arg = u;
    return u->fmt.has_alpha
               ? fg_pull_init(&u->alpha, fg_axis(o->in_w, o->out_w),
                              fg_axis(o->in_h, o->out_h), FG_BICUBIC, 1,
                              fg_threads(o->ex))
               : 0;
}

/* Memory for the network's picture, and for the output's: only frames that need
 * them whole. */
static int whole_picture(FgUpscale *u)
{
    const FgUpscaleOptions *o = &u->o;
    const int c = u->luma ? 1 : 3, s = u->model->scale;
    const int w = o->in_w * s, h = o->in_h * s;
    int ret;

    if (u->tout.data)
        return 0;
    if (!u->tnet.data && (ret = tensor(&u->tnet, c, w, h)) < 0)
        return ret;
    if (!u->fits) {
        u->tout = u->tnet;
        u->tout.owned = NULL;
        return 0;
    }
    if (!u->fit.channels &&
        (ret = fg_resize_init(&u->fit, fg_axis(w, o->out_w),
                              fg_axis(h, o->out_h), FG_LANCZOS3, c)) < 0)
        return ret;
    return tensor(&u->tout, c, o->out_w, o->out_h);
}

/* Memory for what the network takes: only for frames that it takes whole. */
static int whole_input(FgUpscale *u)
{
    return u->tin.data ? 0
                       : tensor(&u->tin, u->luma ? 1 : 3, u->o.in_w, u->o.in_h);
}

/* Nothing has to be there as a picture before. */
static int can_stream(const FgUpscale *u, const FgPlanInfo *info)
{
    return u->direct && info->takes_rows && u->side.by_rows;
}

static int init_push(FgUpscale *u, int w, int h)
{
    const FgUpscaleOptions *o = &u->o;
    const int ret = fg_push_init(&u->push, fg_axis(w, o->out_w),
                                 fg_axis(h, o->out_h), FG_LANCZOS3,
                                 u->luma ? 1 : 3, u->ahead, fg_threads(o->ex));

    if (ret < 0)
        return ret;
    const int ahead = fg_push_ahead(&u->push, u->ahead);

    u->ahead = ahead > u->ahead ? ahead : u->ahead;
    u->push.put = fg_upscale_store_row;
    u->push.arg = u;
    return 0;
}

static int init_main(FgUpscale *u)
{
    const FgUpscaleOptions *o = &u->o;
    const FgAxis ax = fg_axis(o->in_w, o->out_w);
    const FgAxis ay = fg_axis(o->in_h, o->out_h);
    const int nw = o->in_w * u->model->scale, nh = o->in_h * u->model->scale;
    FgPlanInfo info;
    int ret;

    if ((ret = fg_side_init(&u->side, ax, ay, u->luma ? 1 : 3,
                            fg_threads(o->ex))) < 0)
        return ret;
    fg_plan_info(u->plan, &info);
    u->fits = nw != o->out_w || nh != o->out_h;
    u->direct = info.tile_w >= o->in_w;
    u->stream = can_stream(u, &info);
    u->ahead = slice(u);
    if (!u->stream && (ret = whole_input(u)) < 0)
        return ret;
    if (!u->direct)
        return whole_picture(u);
    return u->fits ? init_push(u, nw, nh) : 0;
}

static int init_scratch(FgUpscale *u)
{
    const int w = u->o.in_w > u->o.out_w ? u->o.in_w : u->o.out_w;

    u->scratch_row = ((size_t)w * SCRATCH + 31) & ~(size_t)15;
    u->scratch = aligned_alloc(64, u->scratch_row * sizeof(float) *
                                       (size_t)fg_threads(u->o.ex));
    u->marks = calloc((size_t)u->o.out_h, 1);
    u->marks_in = calloc((size_t)u->o.in_h, 1);
    return u->scratch && u->marks && u->marks_in ? 0 : -ENOMEM;
}

static int make_plan(FgPlan **plan, const FgUpscale *u, const FgPlan *of,
                     FgPrecision precision, FgError *err)
{
    const FgPlanOptions po = {.device = u->o.device,
                              .precision = precision,
                              .max_w = u->o.in_w,
                              .max_h = u->o.in_h,
                              .tile = u->o.tile,
                              .ex = u->o.ex,
                              .take_rows = 1};

    return of ? fg_plan_share(plan, of, &po, err)
              : fg_plan_create(plan, u->model, &po, err);
}

static int check_plan(const FgUpscale *u, FgError *err)
{
    const int c = u->luma ? 1 : 3;
    FgPlanInfo info;

    fg_plan_info(u->plan, &info);
    if (info.channels_in != c || info.channels_out != c)
        return fg_error(err, -EINVAL,
                        "the model takes %d and gives %d channels, its colour "
                        "\"%s\" needs %d",
                        info.channels_in, info.channels_out,
                        u->luma ? "y" : "rgb", c);
    if (info.scale_num != u->model->scale * info.scale_den)
        return fg_error(err, -EINVAL,
                        "the model says scale %d, its network scales by %d/%d",
                        u->model->scale, info.scale_num, info.scale_den);
    return 0;
}

static int create_once(FgUpscale **pu, const FgModel *m,
                       const FgUpscaleOptions *o, const FgUpscale *of,
                       FgError *err)
{
    FgUpscale *u = *pu = calloc(1, sizeof(*u));
    int ret;

    if (!u)
        return fg_error(err, -ENOMEM, "out of memory");
    u->o = *o;
    u->model = m;
    u->luma = m->luma;
    u->shared = of != NULL;
    u->loc = AVCHROMA_LOC_UNSPECIFIED;
    if ((ret = fg_format_init(&u->fmt, o->format)) < 0) {
        fg_error(err, ret, "pixel format %s is not supported",
                 av_get_pix_fmt_name(o->format));
        goto fail;
    }
    u->yuv = u->fmt.nb == 3 && !u->fmt.rgb;
    u->sub = u->fmt.log2w || u->fmt.log2h;
    u->mixes = u->yuv && u->sub && !u->luma;
    if ((ret = make_plan(&u->plan, u, of ? of->plan : NULL, o->precision,
                         err)) < 0 ||
        (ret = check_plan(u, err)) < 0)
        goto fail;
    if ((ret = init_main(u)) < 0 || (ret = init_chroma(u)) < 0 ||
        (ret = init_alpha(u)) < 0 || (ret = init_scratch(u)) < 0) {
        fg_error(err, ret, "no memory for %dx%d to %dx%d", o->in_w, o->in_h,
                 o->out_w, o->out_h);
        goto fail;
    }
    return 0;
fail:
    fg_upscale_free(pu);
    return ret;
}

int fg_upscale_share(FgUpscale **pu, const FgUpscale *of, FgExecutor *ex,
                     FgError *err)
{
    FgUpscaleOptions o = of->o;

    o.ex = ex;
    return create_once(pu, of->model, &o, of, err);
}

int fg_upscale_parts(const FgUpscale *u)
{
    return fg_plan_parts(u->plan);
}

int fg_upscale_tiled(const FgUpscale *u)
{
    return u->o.tile > 0;
}

size_t fg_upscale_bytes(const FgUpscale *u)
{
    FgPlanInfo i;
    const size_t in = (size_t)u->o.in_w * (size_t)u->o.in_h;
    const size_t out = (size_t)u->o.out_w * (size_t)u->o.out_h;

    fg_upscale_plan_info(u, &i);
    const size_t net = in * (size_t)i.scale_num * (size_t)i.scale_num /
                       (size_t)i.scale_den / (size_t)i.scale_den;

    /* Of a pixel: three values of the network, two of chroma, alpha, as floats
     * before and after; samples of four components, of 4 bytes at most. */
    return i.bytes - i.weights + (in + out) * (4 * 6 + 4 * 4) + net * 4 * 3;
}

int fg_upscale_ready(FgUpscale *u, const FgLook *look, FgError *err)
{
    /* streams(), and do_picture's direct. */
    const int input = !u->stream || look->blend > 0;
    const int picture = !u->direct || !u->side.by_rows || look->blend >= 1;
    int ret = input ? whole_input(u) : 0;

    if (ret >= 0 && picture)
        ret = whole_picture(u);
    return ret < 0 ? fg_error(err, ret, "no memory for %dx%d", u->o.out_w,
                              u->o.out_h)
                   : 0;
}

/* The next smaller tile, 0 = there is none. */
static int half_tile(const FgUpscaleOptions *o, int tile)
{
    const int most = o->in_w > o->in_h ? o->in_w : o->in_h;

    tile = tile <= 0 || tile > most ? most : tile;
    return tile > LEAST_TILE ? (tile + 1) / 2 : 0;
}

int fg_upscale_create(FgUpscale **pu, const FgModel *m,
                      const FgUpscaleOptions *o, FgError *err)
{
    FgUpscaleOptions now = *o;
    int ret = create_once(pu, m, &now, NULL, err);

    /* Smaller tiles need less, and give the same bits. */
    while (ret == -ENOMEM && (now.tile = half_tile(&now, now.tile)))
        ret = create_once(pu, m, &now, NULL, err);
    if (!ret && *pu)
        (*pu)->shrunk = now.tile != o->tile;
    return ret;
}

/* The same for a frame that found no memory. 0: there is a plan with smaller
 * tiles. */
static int shrink(FgUpscale *u, FgError *err)
{
    FgPlanInfo info;
    int ret = -ENOMEM;

    while (ret == -ENOMEM && (u->o.tile = half_tile(&u->o, u->o.tile))) {
        fg_plan_free(&u->plan);
        fg_plan_free(&u->plan32);
        ret = make_plan(&u->plan, u, NULL, u->o.precision, err);
    }
    if (ret < 0)
        return ret;
    fg_plan_info(u->plan, &info);
    u->direct = u->direct && info.tile_w >= u->o.in_w;
    u->stream = u->stream && can_stream(u, &info);
    u->shrunk = 1;
    return 0;
}

void fg_upscale_free(FgUpscale **pu)
{
    FgUpscale *u = pu ? *pu : NULL;

    if (!u)
        return;
    FgTensor *const t[] = {&u->tin, &u->tnet, &u->tout, &u->cin, &u->cout};
    FgResize *const r[] = {&u->fit, &u->chroma};

    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
        fg_tensor_free(t[i]);
    for (size_t i = 0; i < sizeof(r) / sizeof(*r); i++)
        fg_resize_free(r[i]);
    fg_chroma_mix_free(&u->mix);
    fg_plan_free(&u->plan);
    fg_plan_free(&u->plan32);
    free(u->scratch);
    free(u->marks);
    free(u->marks_in);
    fg_push_free(&u->push);
    fg_pull_free(&u->alpha);
    fg_pull_free(&u->tint);
    fg_side_free(&u->side);
    free(u);
    *pu = NULL;
}

int fg_upscale_shrunk(const FgUpscale *u)
{
    return u->shrunk;
}

int fg_upscale_guessed(const FgUpscale *u)
{
    return u->guessed;
}

void fg_upscale_plan_info(const FgUpscale *u, FgPlanInfo *info)
{
    fg_plan_info(u->plan, info);
}

/* ---- rows ---- */

static int band_end(int i, int rows)
{
    return (i + 1) * BAND < rows ? (i + 1) * BAND : rows;
}

static void run_rows(FgUpscale *u, FgJobFn job, int rows)
{
    fg_run(u->o.ex, job, u, (rows + BAND - 1) / BAND);
}

/* Before the first row is stored. */
static void start_rows(FgUpscale *u)
{
    if (u->mixes)
        fg_chroma_mix_start(&u->mix);
    if (u->push.r.kept)
        fg_push_start(&u->push);
}

/* The frame's row y as the network's kind of values; what of it is not finite
 * is noted, alpha included. */
static const float *read_row(FgUpscale *u, int y, int worker)
{
    const FgUpscaleRows r = fg_upscale_rows(u, worker);
    int bad = 0;
    const float *const v = fg_upscale_read_row(u, r, y, &bad);

    if (u->fmt.has_alpha && u->fmt.is_float)
        bad |= fg_row_read(r.src, 1, u->in, &u->fmt, &u->fmt.alpha, y,
                           u->o.in_w, u->code_a);
    u->marks_in[y] = (uint8_t)bad;
    return v;
}

static void job_prepare(void *arg, int i, int worker)
{
    FgUpscale *u = arg;

    for (int y = i * BAND; y < band_end(i, u->o.in_h); y++)
        fg_side_split(&u->side, y, fg_f32(&u->tin, 0, y, 0),
                      read_row(u, y, worker), 1 - u->blend, worker);
}

typedef struct Store {
    FgUpscale *u;
    int first; /* of the slice's rows, a multiple of BAND */
} Store;

static void job_store(void *arg, int i, int worker)
{
    const Store *s = arg;
    FgUpscale *const u = s->u;
    const int at = s->first / BAND + i;

    for (int y = at * BAND; y < band_end(at, u->o.out_h); y++)
        fg_upscale_store_row(u, fg_f32(&u->tout, 0, y, 0), y, worker);
}

/* tout into the frame. */
static void store_all(FgUpscale *u)
{
    const int n = slice(u) / BAND, all = (u->o.out_h + BAND - 1) / BAND;
    Store s = {u, 0};

    start_rows(u);
    for (int i = 0; i < all; i += n) {
        s.first = i * BAND;
        fg_run(u->o.ex, job_store, &s, all - i < n ? all - i : n);
    }
}

/* ---- a frame ---- */

/* The frame at hand goes through without a picture of the network's input. */
static int streams(const FgUpscale *u)
{
    return u->stream && u->blend == 0;
}

static int set_matrix(FgUpscale *u, const FgLook *look, FgError *err)
{
    enum AVColorSpace s = look->space;

    u->guessed = 0;
    if (!u->yuv || u->luma) /* RGB and grey: any will do, as it is undone */
        return fg_matrix_init(&u->matrix, AVCOL_SPC_BT709);
    if (s == AVCOL_SPC_UNSPECIFIED)
        s = u->in->colorspace;
    if (s == AVCOL_SPC_UNSPECIFIED || s == AVCOL_SPC_RESERVED) {
        s = fg_guess_space(u->o.in_w, u->o.in_h);
        u->guessed = 1;
    }
    if (fg_matrix_init(&u->matrix, s) < 0)
        return fg_error(err, -ENOTSUP,
                        "colour space %s is not supported with an RGB model; "
                        "colorspace= can be %s",
                        av_color_space_name(s) ? av_color_space_name(s) : "?",
                        fg_matrix_names());
    return 0;
}

static void set_codes(FgUpscale *u, const FgLook *look)
{
    const FgFormat *f = &u->fmt;
    enum AVColorRange range = look->range;

    if (range == AVCOL_RANGE_UNSPECIFIED)
        range = f->full ? AVCOL_RANGE_JPEG : u->in->color_range;
    if (range == AVCOL_RANGE_UNSPECIFIED)
        range = u->yuv ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG;
    const int limited = range == AVCOL_RANGE_MPEG && !f->rgb;

    u->code_y = f->is_float ? fg_code_float() : fg_code(f->depth, limited, 0);
    u->code_a = f->is_float ? fg_code_float() : fg_code(f->depth, 0, 0);
    u->code_c = fg_code(f->depth, limited, 1);
    u->shaper = f->is_float && u->in->color_trc == AVCOL_TRC_LINEAR;
    u->blend = look->blend;
}

static void set_siting(FgUpscale *u, enum AVChromaLocation loc)
{
    FgSited x, y;

    if (loc == u->loc || !u->sub)
        return;
    u->loc = loc;
    sited_both(u, &x, &y);
    if (u->mixes)
        fg_chroma_mix_phase(&u->mix, x, y);
    else
        fg_resize_phase(&u->chroma, x.same.first, y.same.first);
}

static int check_marks(const FgUpscale *u, const uint8_t *marks, int rows,
                       int ret, const char *what, FgError *err)
{
    for (int y = 0; y < rows && u->fmt.is_float; y++)
        if (marks[y])
            return fg_error(err, ret,
                            "the %s has a NaN or an infinite value in row %d",
                            what, y);
    return 0;
}

static int check_input(const FgUpscale *u, FgError *err)
{
    return check_marks(u, u->marks_in, u->o.in_h, -EINVAL, "input", err);
}

/* Every row where the network takes pictures as a whole. */
static int fill_input(FgUpscale *u)
{
    const int ret = whole_input(u);

    if (ret >= 0)
        run_rows(u, job_prepare, u->o.in_h);
    return ret;
}

static void take_row(void *arg, float *row, int y, int worker)
{
    FgUpscale *const u = arg;

    fg_side_split(&u->side, y, row, read_row(u, y, worker), 1 - u->blend,
                  worker);
}

static void push_row(void *arg, const float *row, int y, int worker)
{
    FgUpscale *const u = arg;

    fg_push_row(&u->push, row, y, worker);
}

static int run_plan(FgUpscale *u, FgPlan *plan, int direct)
{
    const FgShape in = {1, u->luma ? 1 : 3, u->o.in_h, u->o.in_w};
    const FgTensor size = {.shape = in};
    FgPlanRows rows = {u->fits ? push_row : fg_upscale_store_row, u, NULL};
    FgPlanInfo info;

    fg_plan_info(plan, &info);
    /* A plan of another precision may want the picture. */
    const int get = streams(u) && direct && info.takes_rows;
    const int ret = streams(u) && !get ? fill_input(u) : 0;

    if (ret < 0)
        return ret;
    rows.get = get ? take_row : NULL;
    if (direct)
        start_rows(u);
    return direct ? fg_plan_run_rows(plan, get ? &size : &u->tin, &rows)
                  : fg_plan_run(plan, &u->tin, &u->tnet);
}

/* In one pass with the output's rows, or in whole pictures. */
static int run_fit(FgUpscale *u, FgPlan *plan, int direct)
{
    const int ret = run_plan(u, plan, direct);

    if (ret >= 0 && !direct && u->fits)
        fg_resize_run(&u->fit, view(&u->tout), view(&u->tnet), 0, 1, NULL,
                      u->o.ex);
    return ret;
}

static int run_net(FgUpscale *u, int direct, FgError *err)
{
    int ret = run_fit(u, u->plan, direct);
    FgPlanInfo info;

    /* Rows of the input were looked at as the network took them. */
    if (streams(u) && check_input(u, err) < 0)
        return -EINVAL;
    fg_plan_info(u->plan, &info);
    if (ret == -EDOM && strcmp(info.precision, "fp32") != 0) {
        if (u->shared)
            return -EAGAIN;
        if (!u->plan32 &&
            (ret = make_plan(&u->plan32, u, NULL, FG_PREC_FP32, err)) < 0)
            return ret;
        fg_plan_info(u->plan32, &info);
        if (info.tile_w >= u->o.in_w || !direct)
            ret = run_fit(u, u->plan32, direct);
        else if ((ret = whole_picture(u)) >= 0 &&
                 (ret = run_fit(u, u->plan32, 0)) >= 0)
            store_all(u);
    }
    if (ret == -EDOM)
        return fg_error(err, ret,
                        "the network's output has a NaN or an infinite value "
                        "in fp32");
    return ret < 0 ? fg_error(err, ret, "the network failed: %s",
                              fg_plan_failure(u->plan, ret))
                   : 0;
}

/* The network's picture at the output size, with what it must not see, into
 * the frame. */
static int do_picture(FgUpscale *u, FgError *err)
{
    FgExecutor *ex = u->o.ex;
    const int any = streams(u) || u->blend > 0 || fg_side_any(&u->side);
    const int direct = u->direct && (!any || u->side.by_rows) && u->blend < 1;
    int ret = 0;

    if (!direct && whole_picture(u) < 0)
        return fg_error(err, -ENOMEM, "no memory for %dx%d", u->o.out_w,
                        u->o.out_h);
    u->adds = direct && any;
    if (u->blend < 1 && (ret = run_net(u, direct, err)) < 0)
        return ret;
    if (direct)
        return 0;
    if (any)
        fg_side_add_all(&u->side, view(&u->tout), 1 - u->blend, ex);
    store_all(u);
    return 0;
}

/* Chroma that the network does not see: no pictures of it. */
static FgChroma chroma_of(FgUpscale *u)
{
    return (FgChroma){
        &u->chroma,     &u->fmt,
        u->code_c,      u->in,
        u->out,         u->scratch + 4 * ((u->scratch_row - 16) / SCRATCH),
        u->scratch_row, u->o.ex};
}

/* The frame as the network takes it. */
static int read_frame(FgUpscale *u, const AVFrame *in, const FgLook *look,
                      FgError *err)
{
    int ret;

    u->in = in;
    set_codes(u, look);
    set_siting(u, in->chroma_location);
    if ((ret = set_matrix(u, look, err)) < 0)
        return ret;
    const FgChroma c = chroma_of(u);
    if (u->by_rows)
        fg_chroma_take(&c);
    else if (u->mixes)
        u->mix.fmt = &u->fmt, u->mix.code = u->code_c, u->mix.in = in;
    else if (u->yuv)
        fg_chroma_read(&c, view(&u->cin), u->cw, u->ch);
    if (streams(u))
        return 0;
    return fill_input(u) < 0 ? fg_error(err, -ENOMEM, "no memory for %dx%d",
                                        u->o.in_w, u->o.in_h)
                             : check_input(u, err);
}

int fg_upscale_input(FgUpscale *u, const AVFrame *in, const FgLook *look,
                     const FgTensor **t, FgError *err)
{
    int ret = u->plan ? read_frame(u, in, look, err) : -ENOMEM;

    if (ret >= 0 && streams(u))
        ret = fill_input(u) < 0 ? fg_error(err, -ENOMEM, "no memory for %dx%d",
                                           u->o.in_w, u->o.in_h)
                                : check_input(u, err);
    *t = &u->tin;
    return ret;
}

static int frame_once(FgUpscale *u, AVFrame *out, const AVFrame *in,
                      const FgLook *look, FgError *err)
{
    FgExecutor *ex = u->o.ex;
    int ret = read_frame(u, in, look, err);

    if (ret < 0)
        return ret;
    u->out = u->mix.out = out;
    /* These are what fg_upscale_store_row may need. */
    if (u->fmt.has_alpha)
        fg_pull_start(&u->alpha);
    if (u->tint.have)
        fg_pull_start(&u->tint);
    const FgChroma c = chroma_of(u);
    if (u->by_rows)
        fg_chroma_give(&c);
    if (u->cout.data)
        fg_resize_run(&u->chroma, view(&u->cout), view(&u->cin), 0, 1, NULL,
                      ex);
    if ((ret = do_picture(u, err)) < 0)
        return ret;
    if (u->yuv && u->cout.data)
        fg_chroma_write(&c, view(&u->cout), u->ocw, u->och);
    return check_marks(u, u->marks, u->o.out_h, -EDOM, "output", err);
}

int fg_upscale_frame(FgUpscale *u, AVFrame *out, const AVFrame *in,
                     const FgLook *look, FgError *err)
{
    int ret = u->plan ? frame_once(u, out, in, look, err) : -ENOMEM;

    if (u->shared)
        return ret == -ENOMEM ? -EAGAIN : ret;
    while (ret == -ENOMEM && (ret = shrink(u, err)) >= 0)
        ret = frame_once(u, out, in, look, err);
    return ret;
}
