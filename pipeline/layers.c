/* ffgan: the layers of OpenEXR pictures beside the one that is the picture.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

#include "pipeline/chain.h"
#include "pipeline/layers.h"
#include "pipeline/temporal.h"
#include "pipeline/util.h"

struct FgLayers {
    const FgPreset *p;
    FgChain chain;
    int gpu, threads, network; /* network: the chain can be used */
    int64_t n;                 /* frames that went through */
};

int fg_layers_word(const char *word)
{
    static const char *const words[] = {"network", "resample", "copy", "drop"};
    for (int i = 0; i < 4; i++)
        if (!strcmp(word, words[i]))
            return i;
    return -1;
}

/* One frame in, the same frame out, and no option that changes on the way. */
static int is_single(const FgPreset *p, int *ok, FgError *err)
{
    FgSupport s;
    const int ret = fg_chain_support(&s, p->chain, err);
    *ok = !ret && !s.past && !s.future && !s.nb_rates && !*s.unknown &&
          !p->nb_commands;
    fg_support_free(&s);
    return ret;
}

static int asks_network(const FgPreset *p)
{
    for (int i = 0; i < p->nb_layers; i++)
        if (fg_layers_word(p->layers[i].value) == FG_EXR_NETWORK)
            return 1;
    return 0;
}

int fg_layers_open(FgLayers **out, const FgPreset *p, int threads, int gpu,
                   FgError *err)
{
    FgLayers *const l = calloc(1, sizeof(*l));
    *out = l;
    if (!l)
        return fg_error(err, -ENOMEM, "no memory");
    l->p = p;
    l->threads = threads;
    l->gpu = gpu;
    int ret = is_single(p, &l->network, err);
    if (!ret && !l->network && asks_network(p))
        ret = fg_error(err, -EINVAL,
                       "preset '%s': layers: network needs a chain that looks "
                       "at one frame at a time, without shots",
                       p->name);
    if (ret)
        fg_layers_close(out);
    return ret;
}

void fg_layers_close(FgLayers **l)
{
    if (l && *l) {
        fg_chain_close(&(*l)->chain);
        free(*l);
        *l = NULL;
    }
}

static int fits(const char *pattern, const char *layer, const char *part)
{
    char both[1024];
    snprintf(both, sizeof(both), "%s/%s", part, layer);
    return !fnmatch(pattern, layer, 0) || !fnmatch(pattern, both, 0) ||
           (*part && !fnmatch(pattern, part, 0));
}

static FgExrOther other(void *arg, const char *layer, const char *part,
                        int colour)
{
    const FgLayers *const l = arg;
    for (int i = 0; i < l->p->nb_layers; i++)
        if (fits(l->p->layers[i].key, layer, part))
            return (FgExrOther)fg_layers_word(l->p->layers[i].value);
    return colour && l->network ? FG_EXR_NETWORK : FG_EXR_RESAMPLE;
}

static int fail(const FgLayers *l, int ret, FgError *err)
{
    char cause[256];
    fg_log_cause(cause, sizeof(cause));
    return fg_error(err, ret == AVERROR(ENOMEM) ? -ENOMEM : -EINVAL,
                    "preset '%s': a layer: %s", l->p->name,
                    *cause ? cause : fg_strerror(ret));
}

static int network(void *arg, AVFrame **f, FgError *err)
{
    FgLayers *const l = arg;
    const AVRational tb = {1, 25};
    AVFrame *const out = av_frame_alloc();
    int ret = out ? 0 : AVERROR(ENOMEM);
    (*f)->pts = l->n++;
    (*f)->time_base = tb;
    if (!ret && !fg_chain_fits(&l->chain, *f))
        ret = fg_chain_open(
            &l->chain, l->p->chain, *f, tb, tb,
            &(FgChainUse){.threads = l->threads, .gpu = l->gpu});
    if (ret >= 0)
        ret = av_buffersrc_add_frame_flags(l->chain.src, *f,
                                           AV_BUFFERSRC_FLAG_PUSH);
    av_frame_free(f);
    if (ret >= 0)
        ret = av_buffersink_get_frame(l->chain.sink, out);
    *f = out;
    if (ret < 0)
        av_frame_free(f);
    return ret < 0 ? fail(l, ret, err) : 0;
}

void fg_layers_use(FgLayers *l, FgExrOptions *o)
{
    o->other = other;
    o->network = network;
    o->arg = l;
}
