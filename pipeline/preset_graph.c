/* ffgan: the chain of a preset, checked and written for libavfilter.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libavfilter/avfilter.h>
#include <libavutil/avstring.h>
#include <libavutil/bprint.h>
#include <libavutil/log.h>
#include <libavutil/mem.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/preset_priv.h"
#include "pipeline/util.h"

enum { MAX_FILTERS = 64, MAX_NAMES = 1024 };

static const char *const chain_path[] = {"chain", NULL};

/* The one network filter, which has a table of its own so that presets can be
 * checked by programs that are linked without it. */
static int is_gansr(const char *filter)
{
    return !strcmp(filter, "gansr");
}

const char *fg_chain_item(const FgYaml *chain, int i, const FgYaml **options)
{
    const FgYaml *const item = &chain->items[i];

    *options = NULL;
    if (item->type == FG_YAML_SCALAR)
        return item->text;
    if (item->items[0].type == FG_YAML_MAP)
        *options = &item->items[0];
    return item->keys[0];
}

/* ---- single options ---- */

static int check_gansr(const char *name, const char *value, FgError *text)
{
    FgYaml item = {.type = FG_YAML_SCALAR, .text = (char *)value};
    char *key = (char *)name;
    FgKey table[32];
    const FgYaml map = {
        .type = FG_YAML_MAP, .items = &item, .keys = &key, .nb = 1};
    FgError inner;
    int nb = 0;

    for (; fg_preset_gansr[nb].name && nb < 31; nb++) {
        table[nb] = fg_preset_gansr[nb];
        table[nb].required = 0;
    }
    table[nb].name = NULL;
    if (!fg_keys_check(&map, table, "", NULL, &inner))
        return 0;
    /* The place is added by the caller: skip ":0:0: ". */
    return fg_error(text, -EINVAL, "%s", inner.text + 6);
}

int fg_chain_check_option(const char *filter, const char *name,
                          const char *value, FgError *text)
{
    const AVFilter *const f = avfilter_get_by_name(filter);
    AVFilterGraph *graph;
    FgOptionSet set = {.what = filter};
    int ret;

    if (is_gansr(filter))
        return check_gansr(name, value, text);
    graph = avfilter_graph_alloc();
    if (!graph)
        return -ENOMEM;
    set.cls = f->priv_class;
    set.extra = avfilter_get_class();
    set.obj = avfilter_graph_alloc_filter(graph, f, "check");
    ret = set.obj ? fg_option_check(&set, name, value, text) : -ENOMEM;
    avfilter_graph_free(&graph);
    return ret;
}

int fg_chain_is_runtime(const char *filter, const char *name)
{
    const AVFilter *const f = avfilter_get_by_name(filter);
    const FgOptionSet set = {.what = filter, .cls = f ? f->priv_class : NULL};

    if (is_gansr(filter))
        return !strcmp(name, "blend");
    return f && fg_option_is_runtime(&set, name);
}

/* ---- the whole chain ---- */

static const char *near_filter(const char *name)
{
    const char *names[MAX_NAMES + 1];
    const AVFilter *f;
    void *it = NULL;
    int nb = 0;

    names[nb++] = "gansr";
    while (nb < MAX_NAMES && (f = av_filter_iterate(&it)))
        names[nb++] = f->name;
    names[nb] = NULL;
    return fg_nearest(name, names);
}

/* Pads that a filter makes itself are known when it has its options: 1 or 0;
 * negative when it does not start with them, cause says why. */
static int is_one_to_one_dynamic(const AVFilter *f, const FgYaml *options,
                                 char cause[256])
{
    AVFilterGraph *graph = avfilter_graph_alloc();
    AVFilterContext *const ctx = graph ? avfilter_graph_alloc_filter(graph, f,
                                                                     "check")
                                       : NULL;
    const int level = av_log_get_level();
    AVDictionary *dict = NULL;
    int one = ctx ? 0 : AVERROR(ENOMEM);

    for (int i = 0; options && i < options->nb; i++)
        av_dict_set(&dict, options->keys[i], options->items[i].text, 0);
    av_log_set_level(AV_LOG_QUIET);
    fg_log_cause(cause, 256); /* of something before */
    if (ctx)
        one = avfilter_init_dict(ctx, &dict);
    if (one >= 0)
        one = ctx->nb_inputs == 1 && ctx->nb_outputs == 1 &&
              avfilter_pad_get_type(ctx->input_pads, 0) == AVMEDIA_TYPE_VIDEO &&
              avfilter_pad_get_type(ctx->output_pads, 0) == AVMEDIA_TYPE_VIDEO;
    fg_log_cause(cause, 256);
    if (one < 0 && !*cause)
        snprintf(cause, 256, "%s", fg_strerror(one));
    av_log_set_level(level);
    av_dict_free(&dict);
    avfilter_graph_free(&graph);
    return one;
}

static int is_dynamic(const AVFilter *f)
{
    return !!(f->flags &
              (AVFILTER_FLAG_DYNAMIC_INPUTS | AVFILTER_FLAG_DYNAMIC_OUTPUTS));
}

static int is_one_to_one(const AVFilter *f)
{
    return avfilter_filter_pad_count(f, 0) == 1 &&
           avfilter_filter_pad_count(f, 1) == 1 &&
           avfilter_pad_get_type(f->inputs, 0) == AVMEDIA_TYPE_VIDEO &&
           avfilter_pad_get_type(f->outputs, 0) == AVMEDIA_TYPE_VIDEO;
}

/* Only the first one can make pictures of nothing. */
static int is_source(const AVFilter *f)
{
    return !avfilter_filter_pad_count(f, 0) && !is_dynamic(f) &&
           avfilter_filter_pad_count(f, 1) == 1 &&
           avfilter_pad_get_type(f->outputs, 0) == AVMEDIA_TYPE_VIDEO;
}

static int fail_pads(const FgLoad *l, const FgYaml *item, const char *name)
{
    return fg_load_fail(l, chain_path, item, item->type == FG_YAML_MAP ? 0 : -1,
                        "chain: '%s' does not take one picture in and give "
                        "one out",
                        name);
}

static int check_filter(const FgLoad *l, const FgYaml *item, const char *name,
                        int first)
{
    const AVFilter *const f = avfilter_get_by_name(name);
    const int i = item->type == FG_YAML_MAP ? 0 : -1;
    const char *near;

    if (is_gansr(name))
        return 0;
    if (f && first && is_source(f)) {
        l->preset->generates = 1;
        return 0;
    }
    if (f)
        return is_dynamic(f) || is_one_to_one(f) ? 0 : fail_pads(l, item, name);
    if (strcspn(name, "=:,; ") != strlen(name))
        return fg_load_fail(l, chain_path, item, i,
                            "chain: '%s': write options as a map, "
                            "{filter: {option: value}}",
                            name);
    near = near_filter(name);
    return fg_load_fail(l, chain_path, item, i, "chain: no filter '%s'%s%s%s",
                        name, near ? ", did you mean '" : "", near ? near : "",
                        near ? "'?" : "");
}

static int check_options(const FgLoad *l, const char *filter,
                         const FgYaml *options)
{
    FgError text;

    for (int i = 0; i < options->nb; i++) {
        const FgYaml *const y = &options->items[i];
        int ret;
        if (y->type != FG_YAML_SCALAR)
            return fg_load_fail(l, chain_path, options, i,
                                "%s: '%s' must be one value", filter,
                                options->keys[i]);
        ret = fg_chain_check_option(filter, options->keys[i], y->text, &text);
        if (ret == -ENOMEM)
            return ret;
        if (ret < 0)
            return fg_load_fail(l, chain_path, options, i, "%s: %s", filter,
                                text.text);
    }
    return 0;
}

static int check_item(const FgLoad *l, const FgYaml *chain, int i)
{
    const FgYaml *const item = &chain->items[i];
    const FgYaml *options, *value;
    const char *filter;
    int ret;

    if (item->type == FG_YAML_LIST ||
        (item->type == FG_YAML_MAP && item->nb != 1))
        return fg_load_fail(l, chain_path, item, -1,
                            "chain: each entry is a filter's name or a map of "
                            "one filter, {filter: {option: value}}");
    filter = fg_chain_item(chain, i, &options);
    value = item->type == FG_YAML_MAP ? &item->items[0] : NULL;
    ret = check_filter(l, item, filter, !i);
    if (ret < 0)
        return ret;
    if (value && !options &&
        (value->type == FG_YAML_LIST ||
         (*value->text && strcmp(value->text, "null") != 0 &&
          strcmp(value->text, "~") != 0)))
        return fg_load_fail(l, chain_path, item, 0,
                            "%s: write its options as a map, {option: value}",
                            filter);
    if (is_gansr(filter) && !fg_yaml_get(options, "model"))
        return fg_load_fail(l, chain_path, item, value ? 0 : -1,
                            "gansr: 'model' is missing: %s",
                            fg_preset_gansr[0].help);
    if (options)
        ret = check_options(l, filter, options);
    if (!ret && !is_gansr(filter)) {
        const AVFilter *const f = avfilter_get_by_name(filter);
        char cause[256];
        const int one = is_dynamic(f) ? is_one_to_one_dynamic(f, options, cause)
                                      : 1;
        if (one < 0)
            ret = fg_load_fail(
                l, chain_path, item, value ? 0 : -1,
                "%s: does not start with these options: %s", filter,
                strncmp(cause, "check: ", 7) ? cause : cause + 7);
        else if (!one)
            ret = fail_pads(l, item, filter);
    }
    return ret;
}

int fg_load_chain(FgLoad *l)
{
    const FgYaml *const chain = fg_yaml_get(&l->full, "chain");
    int ret = 0;

    if (!chain)
        return fg_load_fail(l, chain_path, &l->full, -1,
                            "'chain' is missing: a list of filters, [] for "
                            "none");
    if (chain->type != FG_YAML_LIST)
        return fg_load_fail(l, chain_path, chain, -1,
                            "'chain' must be a list of filters");
    if (chain->nb > MAX_FILTERS)
        return fg_load_fail(l, chain_path, chain, -1,
                            "'chain' has %d filters, allowed 0..%d", chain->nb,
                            MAX_FILTERS);
    for (int i = 0; i < chain->nb && !ret; i++)
        ret = check_item(l, chain, i);
    return ret;
}

/* ---- the text ---- */

/* Two layers read a value: the options' parser, then the graph's before it. */
static int add_escaped(AVBPrint *b, const char *value)
{
    char *inner = NULL, *outer = NULL;
    int ret = av_escape(&inner, value, ":", AV_ESCAPE_MODE_BACKSLASH, 0);

    if (ret >= 0)
        ret = av_escape(&outer, inner, "[],;", AV_ESCAPE_MODE_BACKSLASH, 0);
    if (ret >= 0)
        av_bprintf(b, "%s", outer);
    av_free(inner);
    av_free(outer);
    return ret < 0 ? -ENOMEM : 0;
}

static int has_commands(const FgPreset *p, const char *target)
{
    for (int i = 0; i < p->nb_commands; i++)
        if (!strcmp(p->commands[i].target, target))
            return 1;
    return 0;
}

static int add_filter(AVBPrint *b, const FgPreset *p, const FgYaml *chain,
                      int i)
{
    const FgYaml *options;
    const char *const filter = fg_chain_item(chain, i, &options);
    char target[128];
    int ret = 0;

    snprintf(target, sizeof(target), "%.100s@%d", filter, i + 1);
    av_bprintf(b, "%s%s", i ? "," : "",
               has_commands(p, target) ? target : filter);
    for (int k = 0; options && k < options->nb && !ret; k++) {
        av_bprintf(b, "%c%s=", k ? ':' : '=', options->keys[k]);
        ret = add_escaped(b, options->items[k].text);
    }
    return ret;
}

static char *chain_text(const FgPreset *p, const FgYaml *chain)
{
    AVBPrint b;
    char *text = NULL;
    int ret = 0;

    av_bprint_init(&b, 0, AV_BPRINT_SIZE_UNLIMITED);
    for (int i = 0; i < chain->nb && !ret; i++)
        ret = add_filter(&b, p, chain, i);
    if (!chain->nb && !p->square)
        av_bprintf(&b, "null");
    if (p->square)
        av_bprintf(&b, "%s%s", chain->nb ? "," : "", FG_SQUARE);
    if (!ret && av_bprint_is_complete(&b))
        text = strdup(b.str);
    av_bprint_finalize(&b, NULL);
    return text;
}

int fg_load_graph(FgLoad *l)
{
    FgPreset *const p = l->preset;

    const FgYaml *const out = fg_yaml_get(&l->full, "output");
    const FgYaml *const in = fg_yaml_get(&l->full, "input");
    const int ivtc = !strcmp(fg_keys_string(in, fg_preset_input, "deinterlace"),
                             "ivtc");

    p->square = !strcmp(fg_keys_string(out, fg_preset_output, "pixels"),
                        "square");
    p->chain = chain_text(p, fg_yaml_get(&l->full, "chain"));
    if (!p->chain)
        return -ENOMEM;
    if (p->deinterlace == FG_DEINT_NO)
        return (p->graph = strdup(p->chain)) ? 0 : -ENOMEM;
    if (ivtc && asprintf(&p->deint, FG_IVTC, "auto") < 0)
        p->deint = NULL;
    else if (!ivtc)
        p->deint = strdup(p->deinterlace == FG_DEINT_AUTO
                              ? "bwdif=mode=send_frame:deint=interlaced"
                              : "bwdif=mode=send_frame:deint=all");
    if (!p->deint || asprintf(&p->graph, "%s,%s", p->deint, p->chain) < 0) {
        p->graph = NULL;
        return -ENOMEM;
    }
    return 0;
}
