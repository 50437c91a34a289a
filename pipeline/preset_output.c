/* ffgan: the output section of a preset.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/layers.h"
#include "pipeline/preset_priv.h"

enum { MAX_NAMES = 1024 };

typedef struct Video {
    FgLoad *l;
    const FgYaml *map;
    const AVCodec *codec;
    FgOptionSet set;
} Video;

static const char *near_codec(const char *name)
{
    const char *names[MAX_NAMES + 1];
    const AVCodec *c;
    void *it = NULL;
    int nb = 0;

    while (nb < MAX_NAMES && (c = av_codec_iterate(&it)))
        if (av_codec_is_encoder(c) && c->type == AVMEDIA_TYPE_VIDEO)
            names[nb++] = c->name;
    names[nb] = NULL;
    return fg_nearest(name, names);
}

static const char *near_muxer(const char *name)
{
    const char *names[MAX_NAMES + 1];
    const AVOutputFormat *f;
    void *it = NULL;
    int nb = 0;

    while (nb < MAX_NAMES && (f = av_muxer_iterate(&it)))
        names[nb++] = f->name;
    names[nb] = NULL;
    return fg_nearest(name, names);
}

static const char *near_format(const char *name)
{
    const char *names[MAX_NAMES + 1];
    const AVPixFmtDescriptor *d = NULL;
    int nb = 0;

    while (nb < MAX_NAMES && (d = av_pix_fmt_desc_next(d)))
        names[nb++] = d->name;
    names[nb] = NULL;
    return fg_nearest(name, names);
}

static int key_index(const FgYaml *map, const char *key)
{
    for (int i = 0; map && i < map->nb; i++)
        if (!strcmp(map->keys[i], key))
            return i;
    return -1;
}

/* file:line:column of a key, or of its default: of the preset's start. */
static int fail_key(const FgLoad *l, const char *const *path, const FgYaml *map,
                    const char *key, const char *text)
{
    const int i = key_index(map, key);

    return fg_load_fail(l, path, i < 0 ? &l->full : map, i, "%s", text);
}

static int fail_near(const Video *v, const char *key, const char *text,
                     const char *near)
{
    const char *const path[] = {"output", "video", key, NULL};
    char full[700];

    snprintf(full, sizeof(full), "video: %s%s%s%s", text,
             near ? ", did you mean '" : "", near ? near : "",
             near ? "'?" : "");
    return fail_key(v->l, path, v->map, key, full);
}

static int load_codec(Video *v)
{
    const char *const name = fg_keys_string(v->map, fg_preset_video, "codec");
    char text[400];

    v->codec = avcodec_find_encoder_by_name(name);
    if (!v->codec || v->codec->type != AVMEDIA_TYPE_VIDEO) {
        snprintf(text, sizeof(text), "'codec' is %.200s, not a video encoder",
                 name);
        return fail_near(v, "codec", text, near_codec(name));
    }
    v->l->preset->codec = strdup(name);
    return v->l->preset->codec ? 0 : -ENOMEM;
}

/* Words that libav takes as any text and the encoders refuse later. */
static const char *allowed_words(const char *codec, const char *name)
{
    const int x264 = !strncmp(codec, "libx264", 7);
    if (!x264 && strcmp(codec, "libx265") != 0)
        return NULL;
    if (!strcmp(name, "preset"))
        return "ultrafast, superfast, veryfast, faster, fast, medium, slow, "
               "slower, veryslow, placebo";
    if (!strcmp(name, "tune"))
        return x264 ? "film, animation, grain, stillimage, psnr, ssim, "
                      "fastdecode, zerolatency"
                    : "animation, grain, psnr, ssim, fastdecode, zerolatency";
    return NULL;
}

/* x264 takes several tunings in one value. */
static int is_word_of(const char *list, const char *value, int several)
{
    size_t len = several ? strcspn(value, ",./+") : strlen(value);
    for (const char *w = list; *w;) {
        const size_t n = strcspn(w, ",");
        if (n == len && !strncmp(w, value, n)) {
            if (!value[len])
                return 1;
            value += len + 1;
            len = strcspn(value, ",./+");
            w = list;
            continue;
        }
        w += n + strspn(w + n, ", ");
    }
    return 0;
}

static int check_words(Video *v, const char *name, const char *value,
                       FgError *text)
{
    const char *const list = allowed_words(v->codec->name, name);
    const int several = list && !strcmp(name, "tune");
    if (!list || is_word_of(list, value, several))
        return 0;
    return fg_error(text, -EINVAL, "'%s' is %s, allowed %s", name,
                    *value ? value : "empty", list);
}

/* Adds one encoder option; key is where it stands in the preset. */
static int add_codec_opt(Video *v, const char *const *path, const FgYaml *map,
                         int i, const char *name)
{
    FgPreset *const p = v->l->preset;
    const FgYaml *const y = &map->items[i];
    FgError text;

    if (y->type != FG_YAML_SCALAR)
        return fg_load_fail(v->l, path, map, i, "video: '%s' must be one value",
                            map->keys[i]);
    if (fg_option_check(&v->set, name, y->text, &text) < 0 ||
        check_words(v, name, y->text, &text) < 0)
        return fg_load_fail(v->l, path, map, i, "video: %s", text.text);
    return fg_pair_add(&p->codec_opts, &p->nb_codec_opts, name, y->text);
}

static int load_codec_opts(Video *v)
{
    static const char *const keys[][2] = {
        {"crf", "crf"},         {"preset", "preset"}, {"tune", "tune"},
        {"profile", "profile"}, {"bitrate", "b"},     {"gop", "g"}};
    const FgYaml *const more = fg_yaml_get(v->map, "options");
    int ret = 0;

    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]) && !ret; k++) {
        const char *const path[] = {"output", "video", keys[k][0], NULL};
        const int i = key_index(v->map, keys[k][0]);
        if (i >= 0)
            ret = add_codec_opt(v, path, v->map, i, keys[k][1]);
    }
    for (int i = 0; more && i < more->nb && !ret; i++) {
        const char *const path[] = {"output", "video", "options", more->keys[i],
                                    NULL};
        ret = add_codec_opt(v, path, more, i, more->keys[i]);
    }
    return ret;
}

static const enum AVPixelFormat *codec_formats(const AVCodec *codec)
{
    const void *list = NULL;

    if (avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0,
                                     &list, NULL) < 0)
        return NULL;
    return list;
}

static int codec_takes(const enum AVPixelFormat *list, enum AVPixelFormat fmt)
{
    if (!list)
        return 1;
    for (; *list != AV_PIX_FMT_NONE; list++)
        if (*list == fmt)
            return 1;
    return 0;
}

static int load_pix_fmt(Video *v)
{
    const char *const name = fg_keys_string(v->map, fg_preset_video, "pix_fmt");
    const enum AVPixelFormat *list = codec_formats(v->codec);
    const enum AVPixelFormat fmt = av_get_pix_fmt(name);
    char text[600];
    int n;

    v->l->preset->pix_fmt = strdup(name);
    if (!v->l->preset->pix_fmt)
        return -ENOMEM;
    if (!strcmp(name, "source"))
        return 0;
    if (fmt == AV_PIX_FMT_NONE) {
        snprintf(text, sizeof(text), "'pix_fmt' is %.100s, not a pixel format",
                 name);
        return fail_near(v, "pix_fmt", text, near_format(name));
    }
    if (codec_takes(list, fmt))
        return 0;
    n = snprintf(text, sizeof(text),
                 "'pix_fmt' is %.100s, allowed with %s: ", name,
                 v->codec->name);
    for (int i = 0; list[i] != AV_PIX_FMT_NONE && n < 500; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%s", i ? ", " : "",
                      av_get_pix_fmt_name(list[i]));
    return fail_near(v, "pix_fmt", text, NULL);
}

static int load_video(FgLoad *l, const FgYaml *map)
{
    Video v = {.l = l, .map = map};
    AVCodecContext *ctx;
    char what[80];
    int ret = load_codec(&v);

    if (ret < 0)
        return ret;
    ctx = avcodec_alloc_context3(v.codec);
    if (!ctx)
        return -ENOMEM;
    snprintf(what, sizeof(what), "encoder %.60s", v.codec->name);
    v.set = (FgOptionSet){.what = what,
                          .cls = v.codec->priv_class,
                          .extra = avcodec_get_class(),
                          .obj = ctx};
    ret = load_codec_opts(&v);
    if (!ret)
        ret = load_pix_fmt(&v);
    avcodec_free_context(&ctx);
    return ret;
}

static int bits_lost(const AVPixFmtDescriptor *from,
                     const AVPixFmtDescriptor *to)
{
    const int have = from->comp[0].depth, get = to->comp[0].depth;

    return have > get ? have - get : 0;
}

int fg_codec_keeps_alpha(const char *name)
{
    const AVCodec *const codec = avcodec_find_encoder_by_name(name);
    const enum AVPixelFormat *list = codec ? codec_formats(codec) : NULL;
    for (; list && *list != AV_PIX_FMT_NONE; list++) {
        const AVPixFmtDescriptor *const d = av_pix_fmt_desc_get(*list);
        if (d && (d->flags & AV_PIX_FMT_FLAG_ALPHA) &&
            !(d->flags & AV_PIX_FMT_FLAG_PAL))
            return 1;
    }
    return 0;
}

int fg_preset_pix_fmt(const FgPreset *p, int source_fmt)
{
    const AVCodec *const codec = avcodec_find_encoder_by_name(p->codec);
    const enum AVPixelFormat *list = codec ? codec_formats(codec) : NULL;
    const AVPixFmtDescriptor *const from = av_pix_fmt_desc_get(source_fmt);
    enum AVPixelFormat best = AV_PIX_FMT_NONE;

    if (strcmp(p->pix_fmt, "source") != 0)
        return av_get_pix_fmt(p->pix_fmt);
    if (!from)
        return AV_PIX_FMT_NONE;
    if (!list || codec_takes(list, source_fmt))
        return source_fmt;
    for (; *list != AV_PIX_FMT_NONE; list++) {
        const AVPixFmtDescriptor *const to = av_pix_fmt_desc_get(*list);
        const AVPixFmtDescriptor *const now = av_pix_fmt_desc_get(best);
        if (!to || (to->flags & AV_PIX_FMT_FLAG_HWACCEL))
            continue;
        /* libavutil's own choice may trade bits for chroma. */
        if (!now || bits_lost(from, to) < bits_lost(from, now) ||
            (bits_lost(from, to) == bits_lost(from, now) &&
             av_find_best_pix_fmt_of_2(best, *list, source_fmt,
                                       from->flags & AV_PIX_FMT_FLAG_ALPHA,
                                       NULL) == *list))
            best = *list;
    }
    return best;
}

/* ---- the file ---- */

static int copy_bit(const char *word)
{
    static const char *const words[] = {"audio",    "subtitles", "attachments",
                                        "chapters", "metadata",  "data"};

    for (int i = 0; i < 6; i++)
        if (!strcmp(word, words[i]))
            return 1 << i;
    return 0; /* "none" */
}

static void load_copy(FgLoad *l, const FgYaml *out)
{
    const FgYaml *const copy = fg_yaml_get(out, "copy");
    FgPreset *const p = l->preset;

    if (!copy)
        p->copy = FG_COPY_AUDIO | FG_COPY_SUBTITLES | FG_COPY_ATTACHMENTS |
                  FG_COPY_CHAPTERS | FG_COPY_METADATA;
    else if (copy->type == FG_YAML_SCALAR)
        p->copy = (unsigned)copy_bit(copy->text);
    for (int i = 0; copy && i < copy->nb; i++)
        p->copy |= (unsigned)copy_bit(copy->items[i].text);
}

static int load_container(FgLoad *l, const FgYaml *out,
                          const AVOutputFormat **fmt)
{
    static const char *const path[] = {"output", "container", NULL};
    const char *const name = fg_keys_string(out, fg_preset_output, "container");
    const char *near;
    char text[400];

    *fmt = NULL;
    if (!name)
        return 0;
    *fmt = av_guess_format(name, NULL, NULL);
    if (!*fmt) {
        near = near_muxer(name);
        snprintf(text, sizeof(text),
                 "output: 'container' is %.100s, not a muxer%s%s%s", name,
                 near ? ", did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
        return fail_key(l, path, out, "container", text);
    }
    l->preset->container = strdup(name);
    return l->preset->container ? 0 : -ENOMEM;
}

static int load_mux_opts(FgLoad *l, const FgYaml *map,
                         const AVOutputFormat *fmt)
{
    FgPreset *const p = l->preset;
    AVFormatContext *ctx = NULL;
    FgOptionSet set = {.what = "the muxer", .extra = avformat_get_class()};
    FgError text;
    int ret = 0;

    if (fmt && avformat_alloc_output_context2(&ctx, fmt, NULL, "") < 0)
        return -ENOMEM;
    set.cls = fmt ? fmt->priv_class : NULL;
    set.obj = ctx;
    for (int i = 0; map && i < map->nb && !ret; i++) {
        const char *const path[] = {"output", "options", map->keys[i], NULL};
        const char *const value = map->items[i].text;
        if (!value)
            ret = fg_load_fail(l, path, map, i,
                               "output: options: '%s' must be one value",
                               map->keys[i]);
        /* Without a container the muxer is known when the output is. */
        else if (fmt && fg_option_check(&set, map->keys[i], value, &text) < 0)
            ret = fg_load_fail(l, path, map, i, "output: options: %s",
                               text.text);
        else
            ret = fg_pair_add(&p->mux_opts, &p->nb_mux_opts, map->keys[i],
                              value);
    }
    avformat_free_context(ctx);
    return ret;
}

static int load_tags(FgLoad *l, const FgYaml *map)
{
    FgPreset *const p = l->preset;
    int ret = 0;

    for (int i = 0; map && i < map->nb && !ret; i++) {
        const char *const path[] = {"output", "tags", map->keys[i], NULL};
        ret = map->items[i].text
                  ? fg_pair_add(&p->tags, &p->nb_tags, map->keys[i],
                                map->items[i].text)
                  : fg_load_fail(l, path, map, i,
                                 "output: tags: '%s' must be one value",
                                 map->keys[i]);
    }
    return ret;
}

static int load_layers(FgLoad *l, const FgYaml *map)
{
    FgPreset *const p = l->preset;
    int ret = 0;

    for (int i = 0; map && i < map->nb && !ret; i++) {
        const char *const path[] = {"output", "layers", map->keys[i], NULL};
        const char *const word = map->items[i].text;
        ret = word && fg_layers_word(word) >= 0
                  ? fg_pair_add(&p->layers, &p->nb_layers, map->keys[i], word)
                  : fg_load_fail(l, path, map, i,
                                 "output: layers: '%s' is %s, allowed network, "
                                 "resample, copy, drop",
                                 map->keys[i], word ? word : "no word");
    }
    return ret;
}

static int check_rate(FgLoad *l)
{
    static const char *const path[] = {"input", "rate", NULL};
    const FgYaml *const y = fg_yaml_get(fg_yaml_get(&l->full, "input"), "rate");
    AVRational q;

    if (!y || (av_parse_video_rate(&q, y->text) >= 0 && q.num > 0))
        return 0;
    return fg_load_fail(l, path, y, -1,
                        "input: 'rate' is %s, allowed frames per second as 24 "
                        "or 24000/1001",
                        *y->text ? y->text : "empty");
}

int fg_load_output(FgLoad *l)
{
    const FgYaml *const out = fg_yaml_get(&l->full, "output");
    const AVOutputFormat *fmt = NULL;
    int ret = check_rate(l);

    if (!ret)
        ret = load_video(l, fg_yaml_get(out, "video"));
    if (!ret)
        ret = load_container(l, out, &fmt);
    if (!ret)
        ret = load_mux_opts(l, fg_yaml_get(out, "options"), fmt);
    if (!ret)
        ret = load_tags(l, fg_yaml_get(out, "tags"));
    if (!ret)
        ret = load_layers(l, fg_yaml_get(out, "layers"));
    l->preset->provenance = fg_keys_bool(out, fg_preset_output, "provenance");
    load_copy(l, out);
    return ret;
}
