/* ffgan: the frames of an input, and where decoding can start.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/avutil.h>
#include <libavutil/pixdesc.h>

#include "pipeline/index.h"

/* A month at 25 frames a second; their times are 512 MiB. */
static const int64_t max_frames = INT64_C(1) << 26;

/* Room for one more of size bytes. */
static int grow(void *array, int64_t nb, int64_t *cap, size_t size)
{
    void **const p = array;
    if (nb < *cap)
        return 0;
    const int64_t more = *cap ? 2 * *cap : 1024;
    void *const q = realloc(*p, (size_t)more * size);
    if (!q)
        return -ENOMEM;
    *p = q;
    *cap = more;
    return 0;
}

int fg_track_add(FgTrack *t, int64_t pts)
{
    if (grow(&t->pts, t->nb, &t->cap, sizeof(*t->pts)) < 0)
        return -ENOMEM;
    t->pts[t->nb++] = pts;
    return 0;
}

void fg_track_free(FgTrack *t)
{
    free(t->pts);
    *t = (FgTrack){0};
}

FgTrack fg_index_out(const FgIndex *x)
{
    return x->out.nb ? x->out
                     : (FgTrack){.tb = x->tb,
                                 .pts = x->pts,
                                 .nb = x->nb,
                                 .last_length = x->last_length};
}

int fg_index_add_frame(FgIndex *x, int64_t pts, int64_t length)
{
    if (grow(&x->pts, x->nb, &x->cap, sizeof(*x->pts)) < 0)
        return -ENOMEM;
    x->pts[x->nb++] = pts;
    x->last_length = length;
    return 0;
}

int fg_index_add_key(FgIndex *x, int64_t pts, int64_t dts)
{
    if (grow(&x->key, x->nb_keys, &x->cap_keys, sizeof(*x->key)) < 0)
        return -ENOMEM;
    const int64_t seek = dts != AV_NOPTS_VALUE && dts < pts ? dts : pts;
    x->key[x->nb_keys++] = (FgKeyFrame){0, pts, seek};
    return 0;
}

static int64_t frame_at(const FgIndex *x, int64_t pts)
{
    int64_t a = 0, b = x->nb;
    while (a < b) {
        const int64_t m = a + (b - a) / 2;
        if (x->pts[m] < pts)
            a = m + 1;
        else
            b = m;
    }
    return a;
}

static int by_pts(const void *a, const void *b)
{
    const FgKeyFrame *const x = a, *const y = b;
    return (x->pts > y->pts) - (x->pts < y->pts);
}

void fg_index_close(FgIndex *x)
{
    if (x->nb_keys)
        qsort(x->key, (size_t)x->nb_keys, sizeof(*x->key), by_pts);
    for (int64_t i = 0; i < x->nb_keys; i++)
        x->key[i].frame = frame_at(x, x->key[i].pts);
}

int64_t fg_index_key(const FgIndex *x, int64_t frame)
{
    int64_t k = -1;
    while (k + 1 < x->nb_keys && x->key[k + 1].frame <= frame)
        k++;
    return x->seekable && k > 1 ? k - 1 : -1;
}

/* ---- JSON ---- */

/* Frames from i on with one step between them. */
static int64_t run_length(const int64_t *pts, int64_t nb, int64_t i)
{
    int64_t n = 1;
    while (i + n < nb &&
           (n < 2 || pts[i + n] - pts[i + n - 1] == pts[i + 1] - pts[i]))
        n++;
    return n;
}

static json_t *pts_to_json(const int64_t *pts, int64_t nb)
{
    json_t *const a = json_array();
    for (int64_t i = 0, n; a && i < nb; i += n) {
        n = run_length(pts, nb, i);
        const int64_t step = n > 1 ? pts[i + 1] - pts[i] : 0;
        json_array_append_new(a, json_pack("[I,I,I]", (json_int_t)pts[i],
                                           (json_int_t)step, (json_int_t)n));
    }
    return a;
}

/* NULL for one frame out per frame in. */
static json_t *out_to_json(const FgTrack *t)
{
    return t->nb ? json_pack("{s:I,s:[i,i],s:o}", "frames", (json_int_t)t->nb,
                             "time_base", t->tb.num, t->tb.den, "pts",
                             pts_to_json(t->pts, t->nb))
                 : NULL;
}

static json_t *keys_to_json(const FgIndex *x)
{
    json_t *const a = json_array();
    for (int64_t i = 0; a && i < x->nb_keys; i++)
        json_array_append_new(a,
                              json_pack("[I,I,I]", (json_int_t)x->key[i].frame,
                                        (json_int_t)x->key[i].pts,
                                        (json_int_t)x->key[i].seek));
    return a;
}

json_t *fg_index_to_json(const FgIndex *x)
{
    return json_pack(
        "{s:I,s:[i,i],s:I,s:b,s:[i,i],s:s,s:[i,i],s:f,s:o,s:o,s:o*}", "frames",
        (json_int_t)x->nb, "time_base", x->tb.num, x->tb.den, "last_length",
        (json_int_t)x->last_length, "seekable", x->seekable, "size", x->w, x->h,
        "pix_fmt", av_get_pix_fmt_name(x->fmt), "aspect", x->sar.num,
        x->sar.den, "ratio", x->ratio, "pts", pts_to_json(x->pts, x->nb),
        "keys", keys_to_json(x), "out", out_to_json(&x->out));
}

static int bad(FgError *err, const char *what)
{
    return fg_error(err, -EINVAL, "index: '%s' is missing or wrong", what);
}

/* Three integers. */
static int triple(const json_t *row, int64_t v[3])
{
    for (size_t i = 0; i < 3; i++) {
        const json_t *const n = json_array_get(row, i);
        if (!json_is_integer(n))
            return -EINVAL;
        v[i] = json_integer_value(n);
    }
    return json_array_size(row) == 3 ? 0 : -EINVAL;
}

/* nb: the track's frames, so that no run can ask for more memory than they. */
static int add_run(FgTrack *t, const int64_t v[3], int64_t nb)
{
    const int64_t limit = INT64_C(1) << 60;
    if (v[2] < 1 || v[2] > nb - t->nb || llabs(v[0]) > limit ||
        v[1] < (v[2] > 1) || v[1] > limit / v[2] ||
        (t->nb && v[0] <= t->pts[t->nb - 1]))
        return -EINVAL;
    for (int64_t i = 0; i < v[2]; i++)
        if (fg_track_add(t, v[0] + i * v[1]) < 0)
            return -ENOMEM;
    return 0;
}

static int read_frames(FgTrack *t, const json_t *a, int64_t nb, FgError *err)
{
    int64_t v[3];
    size_t i;
    const json_t *row;
    json_array_foreach(a, i, row)
    {
        const int ret = triple(row, v) < 0 || nb > max_frames
                            ? -EINVAL
                            : add_run(t, v, nb);
        if (ret < 0)
            return ret == -ENOMEM ? fg_error(err, ret, "no memory")
                                  : bad(err, "pts");
    }
    return t->nb == nb && nb ? 0 : bad(err, "frames");
}

static int read_out(FgTrack *t, const json_t *j, FgError *err)
{
    json_int_t nb;
    json_t *pts;
    if (!j)
        return 0;
    if (json_unpack((json_t *)j, "{s:I,s:[i,i],s:o}", "frames", &nb,
                    "time_base", &t->tb.num, &t->tb.den, "pts", &pts) < 0 ||
        t->tb.num < 1 || t->tb.den < 1)
        return bad(err, "out");
    return read_frames(t, pts, nb, err);
}

static int read_keys(FgIndex *x, const json_t *a, FgError *err)
{
    int64_t v[3];
    size_t i;
    const json_t *row;
    json_array_foreach(a, i, row)
    {
        if (triple(row, v) < 0 || v[0] < 0 || v[0] > x->nb)
            return bad(err, "keys");
        if (fg_index_add_key(x, v[1], v[2]) < 0)
            return fg_error(err, -ENOMEM, "no memory");
        x->key[x->nb_keys - 1].frame = v[0];
    }
    return 0;
}

int fg_index_from_json(FgIndex *x, const json_t *j, FgError *err)
{
    json_t *pts, *keys;
    const char *fmt;
    json_int_t nb, last;
    memset(x, 0, sizeof(*x));
    if (json_unpack((json_t *)j,
                    "{s:I,s:[i,i],s:I,s:b,s:[i,i],s:s,s:[i,i],s:F,s:o,s:o}",
                    "frames", &nb, "time_base", &x->tb.num, &x->tb.den,
                    "last_length", &last, "seekable", &x->seekable, "size",
                    &x->w, &x->h, "pix_fmt", &fmt, "aspect", &x->sar.num,
                    &x->sar.den, "ratio", &x->ratio, "pts", &pts, "keys",
                    &keys) < 0)
        return bad(err, "index");
    x->last_length = last;
    x->fmt = av_get_pix_fmt(fmt);
    if (x->tb.num < 1 || x->tb.den < 1 || last < 0)
        return bad(err, "time_base");
    if (x->w < 1 || x->h < 1 || x->fmt < 0 || x->sar.num < 0 || x->sar.den < 1)
        return bad(err, "size");
    FgTrack t = {0};
    int ret = read_frames(&t, pts, nb, err);
    x->pts = t.pts;
    x->nb = t.nb;
    x->cap = t.cap;
    if (!ret)
        ret = read_keys(x, keys, err);
    return ret ? ret : read_out(&x->out, json_object_get(j, "out"), err);
}

void fg_index_free(FgIndex *x)
{
    fg_track_free(&x->out);
    free(x->pts);
    free(x->key);
    memset(x, 0, sizeof(*x));
}
