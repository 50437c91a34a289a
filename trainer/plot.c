/* Pictures of numbers: drawing.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/plot_priv.h"

#define TEXT 2 /* pixels of a font's pixel */
#define ADVANCE (6 * TEXT)
#define LEFT 86
#define TOP 62
#define BOTTOM 54
#define GAP 16

typedef struct Ink {
    uint8_t r, g, b;
} Ink;

/* Okabe and Ito, "Color Universal Design", 2008; told apart by all eyes. */
static const Ink inks[] = {{0, 114, 178},   {213, 94, 0},  {0, 158, 115},
                           {204, 121, 167}, {230, 159, 0}, {86, 180, 233},
                           {90, 90, 90},    {150, 120, 0}};
static const Ink black = {20, 20, 20}, grid = {225, 225, 225};

/* ---- marks ---- */

static void blend(FgPicture *p, int x, int y, Ink c, double cover)
{
    uint8_t *d;

    if (x < 0 || y < 0 || x >= p->w || y >= p->h || cover <= 0)
        return;
    d = p->rgb + ((size_t)y * (size_t)p->w + (size_t)x) * 3;
    cover = fmin(cover, 1);
    d[0] = (uint8_t)lround(d[0] + cover * (c.r - d[0]));
    d[1] = (uint8_t)lround(d[1] + cover * (c.g - d[1]));
    d[2] = (uint8_t)lround(d[2] + cover * (c.b - d[2]));
}

/* From pixel centre to the segment; a disc when both ends are one point. */
static double distance(double px, double py, const double a[2],
                       const double b[2])
{
    const double dx = b[0] - a[0], dy = b[1] - a[1];
    const double len = dx * dx + dy * dy;
    double t = len > 0 ? ((px - a[0]) * dx + (py - a[1]) * dy) / len : 0;

    t = fmax(0, fmin(1, t));
    return hypot(px - a[0] - t * dx, py - a[1] - t * dy);
}

static void stroke(FgPicture *p, double x0, double y0, double x1, double y1,
                   double half, Ink c)
{
    const double a[2] = {x0, y0}, b[2] = {x1, y1};
    const int top = (int)floor(fmax(fmin(y0, y1) - half - 1, 0));
    const int end = (int)ceil(fmin(fmax(y0, y1) + half + 1, p->h - 1));
    const int left = (int)floor(fmax(fmin(x0, x1) - half - 1, 0));
    const int right = (int)ceil(fmin(fmax(x0, x1) + half + 1, p->w - 1));

    for (int y = top; y <= end; y++)
        for (int x = left; x <= right; x++)
            blend(p, x, y, c, half + 0.5 - distance(x, y, a, b));
}

static void box(FgPicture *p, int x, int y, int w, int h, Ink c)
{
    for (int j = 0; j < h; j++)
        for (int i = 0; i < w; i++)
            blend(p, x + i, y + j, c, 1);
}

static void text(FgPicture *p, int x, int y, const char *s, Ink c)
{
    for (; *s; s++, x += ADVANCE)
        for (int j = 0; j < 7; j++)
            for (int i = 0; i < 5; i++)
                if (fg_font_row(*s, j) >> (4 - i) & 1)
                    box(p, x + i * TEXT, y + j * TEXT, TEXT, TEXT, c);
}

static int width(const char *s)
{
    return (int)strlen(s) * ADVANCE - TEXT;
}

/* ---- the parts ---- */

typedef struct Draw {
    const FgPlot *p;
    FgPicture *pic;
    FgAxis x, y;
} Draw;

static void x_ticks(const Draw *d)
{
    double tick[16];
    const int n = fg_plot_ticks(d->x.lo, d->x.hi, d->x.log,
                                (int)(d->x.b - d->x.a) / 110, tick);

    for (int i = 0; i < n; i++) {
        const int at = (int)lround(fg_axis_at(&d->x, tick[i]));
        char label[32];

        snprintf(label, sizeof(label), "%.6g", tick[i]);
        box(d->pic, at, (int)d->y.b, 1, (int)(d->y.a - d->y.b), grid);
        box(d->pic, at, (int)d->y.a, 1, 5, black);
        text(d->pic, at - width(label) / 2, (int)d->y.a + 9, label, black);
    }
}

static void y_ticks(const Draw *d)
{
    double tick[16];
    const int n = fg_plot_ticks(d->y.lo, d->y.hi, d->y.log,
                                (int)(d->y.a - d->y.b) / 60, tick);

    for (int i = 0; i < n; i++) {
        const int at = (int)lround(fg_axis_at(&d->y, tick[i]));
        char label[32];

        snprintf(label, sizeof(label), "%.5g", tick[i]);
        box(d->pic, (int)d->x.a, at, (int)(d->x.b - d->x.a), 1, grid);
        box(d->pic, (int)d->x.a - 5, at, 5, 1, black);
        text(d->pic, (int)d->x.a - 9 - width(label), at - 7 * TEXT / 2, label,
             black);
    }
}

static void frame(const Draw *d)
{
    const int x = (int)d->x.a, y = (int)d->y.b;
    const int w = (int)(d->x.b - d->x.a), h = (int)(d->y.a - d->y.b);
    const FgPlot *p = d->p;

    box(d->pic, x, y, 1, h, black);
    box(d->pic, x, y + h, w + 1, 1, black);
    text(d->pic, x, 12, p->title, black);
    text(d->pic, 12, TOP - 7 * TEXT - 10, p->y_label, black);
    text(d->pic, x + w - width(p->x_label), p->h - 7 * TEXT - 8, p->x_label,
         black);
}

static void series(const Draw *d, const FgSeries *s, Ink c)
{
    double lx = NAN, ly = NAN;

    for (int i = 0; i < s->nb; i++) {
        double x, y;

        if (!fg_axis_shows(&d->x, s->x[i]) || !fg_axis_shows(&d->y, s->y[i]))
            continue;
        x = fg_axis_at(&d->x, s->x[i]);
        y = fg_axis_at(&d->y, s->y[i]);
        if (s->mark == FG_MARK_DOTS || (!isfinite(lx) && s->nb == 1))
            stroke(d->pic, x, y, x, y, 3.5, c);
        else if (isfinite(lx) && s->mark == FG_MARK_STEPS) {
            stroke(d->pic, lx, ly, x, ly, 0.9, c);
            stroke(d->pic, x, ly, x, y, 0.9, c);
        } else if (isfinite(lx))
            stroke(d->pic, lx, ly, x, y, 0.9, c);
        lx = x;
        ly = y;
    }
}

static void legend(const Draw *d, int x)
{
    const int n = (int)(sizeof(inks) / sizeof(inks[0]));

    for (int i = 0; i < d->p->nb; i++) {
        const FgSeries *s = &d->p->series[i];
        const int y = TOP + 8 + i * 24;
        const double dot = s->mark == FG_MARK_DOTS;

        stroke(d->pic, x + (dot ? 9 : 0), y, x + (dot ? 9 : 18), y,
               dot ? 3.5 : 1.4, inks[i % n]);
        text(d->pic, x + 28, y - 7 * TEXT / 2, s->label, black);
    }
}

int fg_plot_draw(const FgPlot *p, FgPicture *pic)
{
    Draw d = {.p = p, .pic = pic};
    int side = 0;

    *pic = (FgPicture){0};
    if (p->w < 200 || p->h < 200 || p->w > 16384 || p->h > 16384)
        return -EINVAL;
    pic->rgb = malloc((size_t)p->w * (size_t)p->h * 3);
    if (!pic->rgb)
        return -ENOMEM;
    pic->w = p->w;
    pic->h = p->h;
    memset(pic->rgb, 255, (size_t)p->w * (size_t)p->h * 3);
    for (int i = 0; i < p->nb; i++)
        side = width(p->series[i].label) > side ? width(p->series[i].label)
                                                : side;
    side = side ? side + 28 + GAP : 0;
    d.x = fg_axis_of(p, 1, LEFT, fmax(LEFT + 60, p->w - side - GAP));
    d.y = fg_axis_of(p, 0, p->h - BOTTOM, TOP);
    x_ticks(&d);
    y_ticks(&d);
    frame(&d);
    for (int i = 0; i < p->nb; i++)
        series(&d, &p->series[i],
               inks[i % (int)(sizeof(inks) / sizeof(inks[0]))]);
    legend(&d, p->w - side);
    return 0;
}

int fg_plot_write(const FgPlot *p, const char *path, FgError *err)
{
    FgPicture pic;
    int ret = fg_plot_draw(p, &pic);

    if (ret)
        return fg_error(err, ret, "%s: cannot be drawn", path);
    ret = fg_picture_write_png(&pic, path, err);
    fg_picture_free(&pic);
    return ret;
}
