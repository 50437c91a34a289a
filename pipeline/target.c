/* ffgan: an output of a given size.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/exit.h"
#include "pipeline/input.h"
#include "pipeline/target.h"
#include "pipeline/util.h"

enum { LEAST = 2, MOST = 32768 };

static int side(const char *text, size_t n, int *v)
{
    char word[16];
    int64_t x;
    *v = 0;
    if (!n)
        return 0;
    if (n >= sizeof(word))
        return -EINVAL;
    memcpy(word, text, n);
    word[n] = 0;
    if (fg_parse_int(word, LEAST, MOST, &x) < 0)
        return -EINVAL;
    *v = (int)x;
    return 0;
}

int fg_target_parse(const char *text, FgTarget *t)
{
    const char *const x = strchr(text, 'x');
    if (!x || side(text, (size_t)(x - text), &t->w) < 0 ||
        side(x + 1, strlen(x + 1), &t->h) < 0)
        return -EINVAL;
    return t->w || t->h ? 0 : -EINVAL;
}

static int even(double v)
{
    const int n = 2 * (int)lround(v / 2);
    return n < LEAST ? LEAST : n > MOST ? MOST : n;
}

int fg_target_size(FgSize *s, const FgTarget *t, const FgJob *asked,
                   FgError *err)
{
    FgJob job = *asked;
    FgInput *in = NULL;
    struct stat st;
    FgPreset none = {.rate = NULL};
    job.preset = &none; /* only its rate is looked at */
    job.pictures_in = fg_is_picture_name(job.input) ||
                      (stat(job.input, &st) < 0 && fg_is_pattern(job.input));
    const int ret = fg_input_open(&in, &job, err);
    if (ret)
        return ret;
    double w = in->dec->width - in->crop[2] - in->crop[3];
    double h = in->dec->height - in->crop[0] - in->crop[1];
    AVRational sar = in->dec->sample_aspect_ratio;
    if (fg_input_stream(in) && fg_input_stream(in)->sample_aspect_ratio.num)
        sar = fg_input_stream(in)->sample_aspect_ratio;
    fg_input_close(&in);
    const int square = s->square && !(t->w && t->h);
    if (square && sar.num > 0 && sar.den > 0)
        w *= av_q2d(sar);
    s->w = t->w ? t->w : even(w * t->h / h);
    s->h = t->h ? t->h : even(h * t->w / w);
    s->factor = fmax(s->w / w, s->h / h);
    s->sar = (AVRational){square, 1};
    if (square)
        return 0;
    /* A pixel more or less for an even number is no other shape. */
    if (fabs(s->w * h / (s->h * w) - 1) < 0.01)
        return 0;
    if (sar.num <= 0 || sar.den <= 0)
        sar = (AVRational){1, 1};
    av_reduce(&s->sar.num, &s->sar.den, (int64_t)(w * s->h) * sar.num,
              (int64_t)(h * s->w) * sar.den, INT32_MAX);
    return 0;
}

/* Where the options of the last gansr begin ("gansr=", "gansr@1="), or where
 * they would; NULL = there is none. Values cannot hold a bare comma. */
static char *last_gansr(char *chain)
{
    char *found = NULL;
    for (char *s = chain; s; s = strstr(s + 1, "gansr"))
        if ((s == chain || s[-1] == ',') && !strncmp(s, "gansr", 5) &&
            strchr("@=,", s[5]))
            found = s + strcspn(s, "=,");
    return found;
}

/* The size that was asked for takes the place of the step to square pixels. */
static void drop_square(char *chain)
{
    const size_t n = strlen(chain), k = strlen(FG_SQUARE);
    if (n >= k && !strcmp(chain + n - k, FG_SQUARE))
        strcpy(chain + n - k - (n > k), n > k ? "" : "null");
}

static int put(char **chain, const FgSize *s)
{
    if (s->square)
        drop_square(*chain);
    char *const at = last_gansr(*chain);
    const int n = at ? (int)(at - *chain) : 0;
    char *const out = at ? fg_format("%.*s=w=%d:h=%d%s%s", n, *chain, s->w,
                                     s->h, *at == '=' ? ":" : "",
                                     *at == '=' ? at + 1 : at)
                         : fg_format("%s,zscale=w=%d:h=%d:filter=lanczos",
                                     *chain, s->w, s->h);
    free(*chain);
    *chain = out;
    if (out && s->sar.num) {
        *chain = fg_format("%s,setsar=%d/%d", out, s->sar.num, s->sar.den);
        free(out);
    }
    return *chain ? 0 : -ENOMEM;
}

int fg_target_apply(FgPreset *p, const FgSize *s)
{
    const int ret = put(&p->chain, s);
    return ret ? ret : put(&p->graph, s);
}
