/* ffgan: two films side by side: the page.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pipeline/compare.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "pipeline/util.h"

/* Text from outside, for HTML. */
static void put_text(FILE *f, const char *s)
{
    for (; *s; s++)
        switch (*s) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc((unsigned char)*s < 32 ? '?' : *s, f);
        }
}

static const char head[] =
    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>ffgan compare</title><style>"
    "body{font:14px sans-serif;background:#1b1b1b;color:#ddd;margin:1em;"
    "max-width:1100px}"
    ".pair{position:relative;display:inline-block;line-height:0}"
    ".pair img{max-width:100%}"
    ".pair .top{position:absolute;left:0;top:0;"
    "clip-path:inset(0 calc(100% - var(--at,50%)) 0 0)}"
    ".pair .bar{position:absolute;top:0;bottom:0;left:var(--at,50%);width:2px;"
    "background:#fff8}"
    "input[type=range]{width:100%}"
    "svg{background:#242424;width:100%;height:160px;display:block}"
    "table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right}"
    ".a{color:#7bd}.b{color:#fb6}</style></head><body>\n";

/* The page works without it, at the middle of the first picture. */
static const char script[] =
    "<script>\n"
    "const pair=document.getElementById('pair'),at=document.getElementById("
    "'at'),pick=document.getElementById('pick');\n"
    "function move(){pair.style.setProperty('--at',at.value+'%');}\n"
    "function show(){const s=shots[pick.value];"
    "document.getElementById('b').src='data:image/jpeg;base64,'+s.b;"
    "document.getElementById('a').src='data:image/jpeg;base64,'+s.a;"
    "document.getElementById('which').textContent='frame '+s.n;"
    "document.body.dataset.shown=s.n;}\n"
    "at.addEventListener('input',move);pick.addEventListener('input',show);\n"
    "pair.addEventListener('pointermove',e=>{const r=pair."
    "getBoundingClientRect();at.value=100*(e.clientX-r.left)/r.width;move();"
    "});\nshow();move();\n</script>\n";

typedef struct Curve {
    const char *name, *class;
    size_t offset; /* of a double in FgCompareFrame */
} Curve;

static double value(const FgCompare *c, const Curve *v, int n)
{
    return *(const double *)((const char *)&c->frame[n] + v->offset);
}

static void put_curve(const FgCompare *c, const Curve *v, double low,
                      double high, FILE *f)
{
    const double k = high > low ? 150 / (high - low) : 0;
    fprintf(f,
            "<polyline class=\"%s\" fill=\"none\" stroke=\"currentColor\" "
            "vector-effect=\"non-scaling-stroke\" points=\"",
            v->class);
    for (int n = 0; n < c->nb; n++)
        if (value(c, v, n) >= 0)
            fprintf(f, "%.2f,%.2f ", c->nb > 1 ? 1000.0 * n / (c->nb - 1) : 500,
                    155 - k * (value(c, v, n) - low));
    fputs("\"/>\n", f);
}

static void put_plot(const FgCompare *c, const char *title, const Curve *v,
                     int nb, FILE *f)
{
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < nb; i++)
        for (int n = 0; n < c->nb; n++)
            if (value(c, &v[i], n) >= 0) {
                low = fmin(low, value(c, &v[i], n));
                high = fmax(high, value(c, &v[i], n));
            }
    if (!(low <= high))
        return;
    fprintf(f, "<h3>%s: %.4g to %.4g ", title, low, high);
    for (int i = 0; i < nb; i++)
        fprintf(f, "<span class=\"%s\">%s</span> ", v[i].class, v[i].name);
    fputs("</h3><svg viewBox=\"0 0 1000 160\" preserveAspectRatio=\"none\">",
          f);
    for (int i = 0; i < nb; i++)
        put_curve(c, &v[i], low, high, f);
    fputs("</svg>\n", f);
}

static double mean(const FgCompare *c, const Curve *v)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < c->nb; i++)
        if (value(c, v, i) >= 0) {
            sum += value(c, v, i);
            n++;
        }
    return n ? sum / n : 0;
}

static const Curve curves[] = {
    {"PSNR", "a", offsetof(FgCompareFrame, psnr)},
    {"SSIM", "a", offsetof(FgCompareFrame, ssim)},
    {"A", "a", offsetof(FgCompareFrame, a)},
    {"B", "b", offsetof(FgCompareFrame, b)},
};

static void put_head(const FgCompare *c, FILE *f)
{
    fputs(head, f);
    fputs("<h2><span class=\"a\">A: ", f);
    put_text(f, c->name_a);
    fputs("</span> &ndash; <span class=\"b\">B: ", f);
    put_text(f, c->name_b);
    fprintf(f, "</span></h2><p>%dx%d", c->w, c->h);
    if (c->b_w != c->w || c->b_h != c->h)
        fprintf(f, ", B is %dx%d and was brought to that size", c->b_w, c->b_h);
    fprintf(f, "; %d frames", c->nb);
    if (c->more_a || c->more_b)
        fprintf(f, "; <b>%s has %d more</b>", c->more_a ? "A" : "B",
                c->more_a ? c->more_a : c->more_b);
    fprintf(f,
            "</p><table><tr><th>PSNR</th><th>SSIM</th><th>flicker A</th>"
            "<th>flicker B</th></tr><tr id=\"means\"><td>%.3f dB</td>"
            "<td>%.5f</td><td>%.3f</td><td>%.3f</td></tr></table>\n",
            mean(c, &curves[0]), mean(c, &curves[1]), mean(c, &curves[2]),
            mean(c, &curves[3]));
}

static void put_shots(const FgCompare *c, FILE *f)
{
    fprintf(
        f,
        "<p><span id=\"which\"></span> <input id=\"pick\" type=\"range\" "
        "min=\"0\" max=\"%d\" value=\"0\"></p><div class=\"pair\" "
        "id=\"pair\"><img id=\"b\" alt=\"B\"><img id=\"a\" class=\"top\" "
        "alt=\"A\"><div class=\"bar\"></div></div>"
        "<input id=\"at\" type=\"range\" min=\"0\" max=\"100\" step=\"0.1\" "
        "value=\"50\">\n<script>const shots=[",
        c->nb_shots - 1);
    for (int i = 0; i < c->nb_shots; i++)
        fprintf(f, "%s{n:%d,a:\"%s\",b:\"%s\"}", i ? ",\n" : "", c->shot[i].n,
                c->shot[i].a, c->shot[i].b);
    fputs("];</script>\n", f);
}

int fg_compare_page(const FgCompare *c, FILE *f)
{
    put_head(c, f);
    put_shots(c, f);
    put_plot(c, "PSNR in dB", &curves[0], 1, f);
    put_plot(c, "SSIM of luma", &curves[1], 1, f);
    put_plot(c,
             "flicker: mean difference to the frame before along the motion, "
             "code values of 255",
             &curves[2], 2, f);
    fputs(script, f);
    fputs("</body></html>\n", f);
    return ferror(f) ? -EIO : 0;
}
