/* ffgan: --device: where networks run, and where frames are kept.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/pixfmt.h>

#include "kernels/cuda.h"
#include "pipeline/device.h"
#include "pipeline/exit.h"
#include "pipeline/util.h"

int fg_device_parse(FgDevice *d, const char *text)
{
    *d = (FgDevice){0};
    if (!strcmp(text, "auto"))
        return 0;
    if (!strcmp(text, "cpu")) {
        d->word = "cpu";
        return 0;
    }
    d->word = "cuda";
    d->all = !strcmp(text, "cuda:all");
    const int n = d->all ? 0 : fg_cuda_ordinal(text);
    d->gpu = n < 0 ? 0 : n;
    return n < 0 ? -EINVAL : 0;
}

/* ---- chains ---- */

/* One filter of a chain's text: [name, name_end), options up to end. */
typedef struct Filter {
    const char *name, *name_end, *end;
} Filter;

/* Past what is quoted or escaped at p. */
static const char *past(const char *p)
{
    if (*p == '\\' && p[1])
        return p + 2;
    if (*p == '\'') {
        const char *const q = strchr(p + 1, '\'');
        return q ? q + 1 : p + strlen(p);
    }
    return p + 1;
}

static const char *to_one_of(const char *p, const char *stops)
{
    while (*p && !strchr(stops, *p))
        p = past(p);
    return p;
}

/* The next filter from *p on; 0: none is left. */
static int next_filter(const char **p, Filter *f)
{
    const char *q = *p;
    for (;;) {
        q += strspn(q, " \n\t\r,;");
        if (*q != '[')
            break;
        q = to_one_of(q, "]"); /* a label */
        q += *q == ']';
    }
    f->name = q;
    f->name_end = q + strcspn(q, "=@,;[ \n\t\r");
    f->end = *p = to_one_of(q, ",;[");
    return f->name_end > f->name;
}

static int is_named(const Filter *f, const char *name)
{
    const size_t n = strlen(name);
    return (size_t)(f->name_end - f->name) == n && !strncmp(f->name, name, n);
}

static int is_ours(const Filter *f)
{
    return is_named(f, "gansr") || is_named(f, "ganfx") ||
           is_named(f, "ganinterp") || is_named(f, "gansrc");
}

/* Where option key's value is; NULL: not given. */
static const char *option(const Filter *f, const char *key)
{
    const size_t n = strlen(key);
    const char *p = to_one_of(f->name_end, "=,;[");
    while (p < f->end) {
        p++;
        if (!strncmp(p, key, n) && p[n] == '=')
            return p + n + 1;
        p = to_one_of(p, ":,;[");
    }
    return NULL;
}

static void append(char *to, const char *from, const char *end)
{
    strncat(to, from, (size_t)(end - from));
}

char *fg_device_chain(const char *chain, const char *word)
{
    const char *p = chain, *done = chain;
    Filter f;
    size_t room = strlen(chain) + 1;
    while (next_filter(&p, &f))
        room += strlen(word) + sizeof(":device=");
    char *const out = calloc(1, room);
    for (p = chain; out && next_filter(&p, &f);) {
        const char *const v = option(&f, "device");
        if (!is_ours(&f))
            continue;
        append(out, done, v ? v : f.end);
        if (!v)
            strcat(out, to_one_of(f.name_end, "=,;[") < f.end ? ":device="
                                                              : "=device=");
        strcat(out, word);
        done = v ? to_one_of(v, ":,;[") : f.end;
    }
    if (out)
        strcat(out, done);
    return out;
}

int fg_device_asked(const char *chain)
{
    Filter f;
    int asked = 0;
    while (next_filter(&chain, &f)) {
        const char *const v = is_ours(&f) ? option(&f, "device") : NULL;
        asked |= v && !strncmp(v, "cuda", 4);
    }
    return asked;
}

/* Of ganfx: nothing, or the frame's own alpha; not a second input. */
static int is_own(const char *mask)
{
    return !mask || !strncmp(mask, "none", 4) || !strncmp(mask, "alpha", 5) ||
           *mask == '0' || *mask == '1';
}

int fg_device_keeps(const char *chain)
{
    static const char *const any[] = {"null", "setpts", "settb", "fps",
                                      "setsar"};
    Filter f;
    int ours = 0;
    while (next_filter(&chain, &f)) {
        int takes = is_named(&f, "gansr") || is_named(&f, "ganinterp") ||
                    is_named(&f, "gansrc");
        if (is_named(&f, "ganfx"))
            takes = is_own(option(&f, "mask"));
        ours += takes;
        for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++)
            takes |= is_named(&f, any[i]);
        if (!takes)
            return 0;
    }
    return ours > 0;
}

static int rewrite(char **text, const char *word)
{
    char *const out = *text ? fg_device_chain(*text, word) : NULL;
    if (*text && !out)
        return -ENOMEM;
    free(*text);
    *text = out;
    return 0;
}

int fg_device_apply(const FgDevice *d, FgPreset *p)
{
    const int ret = d->word ? rewrite(&p->chain, d->word) : 0;
    return ret || !d->word ? ret : rewrite(&p->graph, d->word);
}

/* ---- what is there ---- */

int fg_device_ready(const FgDevice *d, FgJob *job, FgEngine *e, FgError *err)
{
    FgCudaInfo info;
    if (!d->word || strcmp(d->word, "cuda") != 0)
        return 0;
    if (!fg_device_asked(job->preset->chain)) {
        fg_error(err, 0,
                 "preset '%s' has no network: nothing of it runs on a GPU",
                 job->preset->name);
        return FG_EXIT_CONFIG;
    }
    if (fg_cuda_probe(&info, err) < 0)
        return FG_EXIT_DEVICE;
    if (d->gpu >= info.nb_devices) {
        fg_error(err, 0, "CUDA: there is no GPU %d, only %d (cuda:0%s)", d->gpu,
                 info.nb_devices, info.nb_devices > 1 ? " and so on" : "");
        return FG_EXIT_DEVICE;
    }
    job->gpu = d->gpu;
    e->gpus = d->all ? info.nb_devices : 1;
    if (d->all && !e->workers)
        e->workers = info.nb_devices;
    return 0;
}

/* ---- frames ---- */

int fg_device_upload_format(int format)
{
    switch (format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_NV12:
    case AV_PIX_FMT_YUV444P:
    case AV_PIX_FMT_P010LE:
    case AV_PIX_FMT_YUVA420P:
    case AV_PIX_FMT_RGBA:
    case AV_PIX_FMT_BGRA:
        return format;
    case AV_PIX_FMT_YUV420P10LE:
        return AV_PIX_FMT_P010LE;
    case AV_PIX_FMT_ARGB:
    case AV_PIX_FMT_ABGR:
    case AV_PIX_FMT_GBRAP:
        return AV_PIX_FMT_RGBA;
    default:
        return AV_PIX_FMT_NONE;
    }
}

int fg_device_made_format(int format)
{
    switch (format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_NV12:
        return AV_PIX_FMT_NV12;
    case AV_PIX_FMT_YUV420P10LE:
    case AV_PIX_FMT_P010LE:
        return AV_PIX_FMT_P010LE;
    case AV_PIX_FMT_YUV444P:
        return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUV444P10LE:
    case AV_PIX_FMT_YUV444P12LE:
    case AV_PIX_FMT_YUV444P16LE:
        return AV_PIX_FMT_YUV444P16LE;
    case AV_PIX_FMT_RGB24:
    case AV_PIX_FMT_RGB0:
    case AV_PIX_FMT_BGR0:
        return AV_PIX_FMT_RGB0;
    case AV_PIX_FMT_YUVA420P:
    case AV_PIX_FMT_BGRA:
        return format;
    case AV_PIX_FMT_RGBA:
    case AV_PIX_FMT_ARGB:
    case AV_PIX_FMT_ABGR:
    case AV_PIX_FMT_GBRAP:
        return AV_PIX_FMT_RGBA;
    default:
        return AV_PIX_FMT_NONE;
    }
}

int fg_device_crop(AVFrame *f)
{
    if (!f->hw_frames_ctx || (!f->crop_left && !f->crop_top))
        return 0;
    AVFrame *m = av_frame_alloc();
    int ret = m ? av_hwframe_transfer_data(m, f, 0) : AVERROR(ENOMEM);
    if (ret >= 0)
        ret = av_frame_copy_props(m, f);
    if (ret >= 0)
        ret = av_frame_apply_cropping(m, AV_FRAME_CROP_UNALIGNED);
    if (ret >= 0) {
        av_frame_unref(f);
        av_frame_move_ref(f, m);
    }
    av_frame_free(&m);
    return ret < 0 ? ret : 0;
}

AVBufferRef *fg_device_open(int gpu)
{
    char name[16];
    AVBufferRef *ref = NULL;
    snprintf(name, sizeof(name), "%d", gpu);
    return av_hwdevice_ctx_create(&ref, AV_HWDEVICE_TYPE_CUDA, name, NULL, 0) <
                   0
               ? NULL
               : ref;
}
