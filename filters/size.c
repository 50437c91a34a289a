/* ffgan: the output size from the w, h and scale_factor options.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "size.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>

#include <libavutil/eval.h>
#include <libavutil/mathematics.h>

static const char *const names[] = {"iw", "in_w",  "ih", "in_h", "ow",  "out_w",
                                    "oh", "out_h", "a",  "sar",  "dar", NULL};
enum { IW, IN_W, IH, IN_H, OW, OUT_W, OH, OUT_H, A, SAR, DAR, NB };

/* Added to the level of the parser's own messages: err says it better. */
#define QUIET 100

static int evaluate(double *v, const char *option, const char *expr,
                    const double *vars, FgError *err)
{
    const int ret = av_expr_parse_and_eval(v, expr, names, vars, NULL, NULL,
                                           NULL, NULL, NULL, QUIET, NULL);

    return ret < 0 ? fg_error(err, -EINVAL,
                              "%s: '%s' is not an expression over iw, ih, ow, "
                              "oh, a, sar, dar, or refers to itself",
                              option, expr)
                   : 0;
}

static int whole(double *v, const char *option, const char *expr, FgError *err)
{
    if (fabs(*v) > 1 << 24)
        return fg_error(err, -EINVAL, "%s: '%s' is %g, allowed -%d..%d", option,
                        expr, *v, 1 << 24, 1 << 24);
    *v = trunc(*v);
    return 0;
}

static int set(const char *s)
{
    return s && *s;
}

/* Width first, then height, then width again as it may use the height. */
static int sides(double *w, double *h, const FgSizeIn *in, FgError *err)
{
    const char *const we = set(in->w_expr) ? in->w_expr : "-1";
    const char *const he = set(in->h_expr) ? in->h_expr : "-1";
    double v[NB];
    int ret;

    v[IW] = v[IN_W] = in->w;
    v[IH] = v[IN_H] = in->h;
    v[A] = (double)in->w / in->h;
    v[SAR] = in->sar.num > 0 && in->sar.den > 0 ? av_q2d(in->sar) : 1;
    v[DAR] = v[A] * v[SAR];
    v[OW] = v[OUT_W] = v[OH] = v[OUT_H] = NAN;
    evaluate(w, "w", we, v, NULL); /* may need the height: not a number yet */
    v[OW] = v[OUT_W] = *w == 0 ? in->w : trunc(*w);
    if ((ret = evaluate(h, "h", he, v, err)) < 0 ||
        (ret = whole(h, "h", he, err)) < 0)
        return ret;
    v[OH] = v[OUT_H] = *h == 0 ? in->h : *h;
    if ((ret = evaluate(w, "w", we, v, err)) < 0)
        return ret;
    return whole(w, "w", we, err);
}

/* other * n / d, as a multiple of -step. */
static int64_t keep_aspect(int64_t other, int n, int d, int64_t step)
{
    const int64_t m = step < -1 ? -step : 1;

    return av_rescale(other, n, (int64_t)d * m) * m;
}

int fg_size(int *w, int *h, const FgSizeIn *in, FgError *err)
{
    double ew, eh;
    int64_t ow, oh;
    int ret;

    if (!set(in->w_expr) && !set(in->h_expr)) {
        ow = llrint(in->w * in->factor);
        oh = llrint(in->h * in->factor);
    } else {
        if ((ret = sides(&ew, &eh, in, err)) < 0)
            return ret;
        ow = ew == 0 ? in->w : (int64_t)ew;
        oh = eh == 0 ? in->h : (int64_t)eh;
        const int64_t step_w = ow, step_h = oh;

        if (step_w < 0 && step_h < 0)
            ow = in->w, oh = in->h;
        if (step_w < 0)
            ow = keep_aspect(oh, in->w, in->h, step_w);
        if (step_h < 0)
            oh = keep_aspect(ow, in->h, in->w, step_h);
    }
    if (ow < 1 || oh < 1 || ow > 1 << 24 || oh > 1 << 24 ||
        8 * (ow + 128) * (oh + 128) >= INT_MAX) /* libavutil's own limit */
        return fg_error(err, -EINVAL,
                        "the output would be %lldx%lld, which is not a "
                        "picture size",
                        (long long)ow, (long long)oh);
    *w = (int)ow;
    *h = (int)oh;
    return 0;
}
