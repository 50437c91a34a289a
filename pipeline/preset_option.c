/* ffgan: one option of a filter, encoder or muxer, checked against libav.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/preset_priv.h"

enum { MAX_NAMES = 1024 };

static const AVOption *find_option(const FgOptionSet *set, const char *name,
                                   const char *unit)
{
    const int flags = AV_OPT_SEARCH_FAKE_OBJ | AV_OPT_SEARCH_CHILDREN;
    const AVClass *cls = set->cls;
    const AVOption *o = NULL;

    if (cls)
        o = av_opt_find(&cls, name, unit, 0, flags);
    cls = set->extra;
    /* Children of a shared class would be those of every codec or filter. */
    if (!o && cls)
        o = av_opt_find(&cls, name, unit, 0, AV_OPT_SEARCH_FAKE_OBJ);
    return o;
}

static int add_names(const AVClass *cls, const char **names, int nb)
{
    const AVOption *o = NULL;

    while (cls && nb < MAX_NAMES && (o = av_opt_next(&cls, o)))
        if (o->type != AV_OPT_TYPE_CONST)
            names[nb++] = o->name;
    return nb;
}

static int fail_unknown(const FgOptionSet *set, const char *name, FgError *text)
{
    const char **const names = calloc(MAX_NAMES + 1, sizeof(*names));
    const char *near = NULL;

    if (names) {
        const int nb = add_names(set->cls, names, 0);
        add_names(set->extra, names, nb);
        near = fg_nearest(name, names);
    }
    free(names);
    return fg_error(text, -EINVAL, "%s has no option '%s'%s%s%s", set->what,
                    name, near ? ", did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
}

/* ---- what is allowed ---- */

static size_t list_constants(const AVClass *cls, const char *unit, char *out,
                             size_t size)
{
    const AVOption *o = NULL;
    size_t n = 0;

    while (cls && (o = av_opt_next(&cls, o))) {
        if (o->type != AV_OPT_TYPE_CONST || !o->unit ||
            strcmp(o->unit, unit) != 0)
            continue;
        if (n < size)
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "",
                                  o->name);
    }
    return n;
}

static const char *type_text(enum AVOptionType type)
{
    switch (type) {
    case AV_OPT_TYPE_BOOL:
        return "yes, no (auto where it has one)";
    case AV_OPT_TYPE_IMAGE_SIZE:
        return "a size as 1280x720";
    case AV_OPT_TYPE_PIXEL_FMT:
        return "a pixel format (`ffmpeg -pix_fmts`)";
    case AV_OPT_TYPE_VIDEO_RATE:
    case AV_OPT_TYPE_RATIONAL:
        return "a ratio as 24000/1001";
    case AV_OPT_TYPE_DURATION:
        return "a time as 12.5 or 00:00:12.5";
    case AV_OPT_TYPE_COLOR:
        return "a colour name or #RRGGBB";
    case AV_OPT_TYPE_DICT:
        return "key=value pairs with ':' between";
    case AV_OPT_TYPE_FLAGS:
        return "names with '+' between";
    default:
        return "what its documentation says";
    }
}

static int is_number(const AVOption *o)
{
    switch (o->type) {
    case AV_OPT_TYPE_INT:
    case AV_OPT_TYPE_INT64:
    case AV_OPT_TYPE_UINT:
    case AV_OPT_TYPE_UINT64:
    case AV_OPT_TYPE_FLOAT:
    case AV_OPT_TYPE_DOUBLE:
        return 1;
    default:
        return 0;
    }
}

/* Limits at the end of a C type are no limits to name. */
static void range_text(const AVOption *o, char *out, size_t size)
{
    const int low = o->min > -1e9, high = o->max < 1e9;

    if (low && high)
        snprintf(out, size, "%.6g..%.6g", o->min, o->max);
    else if (low)
        snprintf(out, size, "%.6g or more", o->min);
    else if (high)
        snprintf(out, size, "%.6g or less", o->max);
    else
        snprintf(out, size, "a number");
}

static int fail_value(const FgOptionSet *set, const AVOption *o,
                      const char *value, FgError *text)
{
    char allowed[600] = "";
    size_t n = 0;

    if (o->unit)
        n = list_constants(set->cls, o->unit, allowed, sizeof(allowed));
    if (o->unit && !n)
        n = list_constants(set->extra, o->unit, allowed, sizeof(allowed));
    if (!n && is_number(o))
        range_text(o, allowed, sizeof(allowed));
    else if (!n)
        snprintf(allowed, sizeof(allowed), "%s", type_text(o->type));
    return fg_error(text, -EINVAL, "'%s' is %s, allowed %s", o->name,
                    *value ? value : "empty", allowed);
}

/* The last word has libav itself, on an object that is thrown away. */
static int try_value(void *obj, const char *name, const char *value)
{
    const int level = av_log_get_level();
    int ret;

    if (!obj)
        return 0;
    av_log_set_level(AV_LOG_QUIET);
    ret = av_opt_set(obj, name, value, AV_OPT_SEARCH_CHILDREN);
    av_log_set_level(level);
    return ret;
}

int fg_option_check(const FgOptionSet *set, const char *name, const char *value,
                    FgError *text)
{
    const AVOption *const o = find_option(set, name, NULL);
    char *end;
    double v;

    if (!o || o->type == AV_OPT_TYPE_CONST)
        return fail_unknown(set, name, text);
    v = strtod(value, &end);
    if (is_number(o) && end != value && !*end && (v < o->min || v > o->max)) {
        const AVOption plain = {
            .name = o->name, .type = o->type, .min = o->min, .max = o->max};
        return fail_value(set, &plain, value, text);
    }
    if (try_value(set->obj, name, value) < 0)
        return fail_value(set, o, value, text);
    return 0;
}

int fg_option_is_runtime(const FgOptionSet *set, const char *name)
{
    const AVOption *const o = find_option(set, name, NULL);

    return o && (o->flags & AV_OPT_FLAG_RUNTIME_PARAM);
}
