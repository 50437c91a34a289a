/* ffgan: what a run tells the outside: start, progress, warnings, end.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/progress.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

void fg_report_init(FgReport *r, int json, int quiet)
{
    memset(r, 0, sizeof(*r));
    r->json = json;
    r->quiet = quiet;
    r->terminal = !json && !quiet && isatty(STDERR_FILENO);
    r->shown_pct = -1;
    r->start = r->shown_at = fg_now();
    pthread_mutex_init(&r->lock, NULL);
}

int fg_report_style(FgReport *r, const char *name)
{
    static const struct {
        const char *name;
        FgStyle style;
        int json, quiet, terminal; /* -1 = stays */
    } all[] = {
        {"auto", FG_STYLE_AUTO, -1, -1, -1},
        {"bar", FG_STYLE_AUTO, 0, 0, 1},
        {"lines", FG_STYLE_AUTO, 0, 0, 0},
        {"json", FG_STYLE_AUTO, 1, 0, 0},
        {"deadline", FG_STYLE_DEADLINE, 0, 0, 0},
        {"openjd", FG_STYLE_OPENJD, 0, 0, 0},
        {"alf", FG_STYLE_ALF, 0, 0, 0},
        {"none", FG_STYLE_AUTO, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(name, all[i].name) != 0)
            continue;
        r->style = all[i].style;
        r->json = all[i].json < 0 ? r->json : all[i].json;
        r->quiet = all[i].quiet < 0 ? r->quiet : all[i].quiet;
        r->terminal = all[i].terminal < 0 ? r->terminal : all[i].terminal;
        return 0;
    }
    return -EINVAL;
}

/* One line in the manager's words. */
static void print_word(const FgReport *r, const char *text, int pct,
                       double part)
{
    if (r->style == FG_STYLE_DEADLINE)
        printf("Progress: %d%%\n", pct);
    else if (r->style == FG_STYLE_ALF)
        printf("ALF_PROGRESS %d%%\n", pct);
    else
        printf("openjd_progress: %.1f\nopenjd_status: %s\n", 100 * part, text);
    fflush(stdout);
}

static void print_json(json_t *o)
{
    char *const s = o ? json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER) : 0;
    if (s) {
        puts(s);
        fflush(stdout);
    }
    free(s);
    json_decref(o);
}

static void clear_bar(FgReport *r)
{
    if (r->bar)
        fputs("\r\033[K", stderr);
    r->bar = 0;
}

json_t *fg_json_text(const char *s)
{
    json_t *j = json_string(s);
    if (j)
        return j;
    const size_t len = strlen(s);
    char *const copy = malloc(len + 1);
    if (!copy)
        return NULL;
    for (size_t i = 0; i < len;) {
        /* The longest character that is valid UTF-8, else one byte. */
        size_t n = len - i < 4 ? len - i : 4;
        for (; n; n--) {
            json_t *const one = json_stringn(s + i, n);
            json_decref(one);
            if (one)
                break;
        }
        if (n)
            memcpy(copy + i, s + i, n);
        else
            copy[i] = '?';
        i += n ? n : 1;
    }
    j = json_stringn(copy, len);
    free(copy);
    return j;
}

void fg_report_start(FgReport *r, const char *input, const char *output,
                     const char *preset, int64_t frames)
{
    pthread_mutex_lock(&r->lock);
    r->total = frames;
    if (r->json)
        print_json(json_pack(
            "{s:s,s:o,s:o,s:o,s:I}", "event", "start", "input",
            fg_json_text(input), "output", fg_json_text(output), "preset",
            fg_json_text(preset), "frames", (json_int_t)frames));
    else if (!r->quiet)
        fprintf(stderr, "%s -> %s (preset %s)\n", fg_show(input),
                fg_show(output), preset);
    pthread_mutex_unlock(&r->lock);
}

static void format_time(char out[24], double s)
{
    const long t = s > 0 && s < 1e8 ? (long)(s + 0.5) : 0;
    if (t >= 3600)
        snprintf(out, 24, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    else
        snprintf(out, 24, "%ld:%02ld", t / 60, t % 60);
}

static void show_bar(FgReport *r, int64_t n, int pct, double fps,
                     const char *eta)
{
    char bar[25];
    const int full = pct < 0 ? 0 : pct * 24 / 100;
    for (int i = 0; i < 24; i++)
        bar[i] = i < full ? '#' : '.';
    bar[24] = 0;
    clear_bar(r);
    if (pct >= 0)
        fprintf(stderr, "[%s] %3d%%  %lld/%lld frames  %.2f fps  ETA %s", bar,
                pct, (long long)n, (long long)r->total, fps, eta);
    else
        fprintf(stderr, "%lld frames  %.2f fps", (long long)n, fps);
    r->bar = 1;
}

static void show_line(const FgReport *r, int64_t n, int pct, double fps,
                      double left, const char *eta)
{
    char text[96];
    snprintf(text, sizeof(text), "%lld of %lld frames, %.2f fps, %s left",
             (long long)n, (long long)r->total, fps, eta);
    if (r->style && pct >= 0)
        print_word(r, text, pct, r->total ? (double)n / (double)r->total : 0);
    else if (r->json)
        print_json(json_pack("{s:s,s:I,s:I,s:i,s:f,s:f}", "event", "progress",
                             "frame", (json_int_t)n, "frames",
                             (json_int_t)r->total, "percent", pct < 0 ? 0 : pct,
                             "fps", fps, "eta_s", left));
    else if (pct >= 0)
        fprintf(stderr, "Progress: %d%%  %lld/%lld frames  %.2f fps  ETA %s\n",
                pct, (long long)n, (long long)r->total, fps, eta);
    else
        fprintf(stderr, "%lld frames  %.2f fps\n", (long long)n, fps);
}

void fg_report_progress(FgReport *r, int64_t n)
{
    char eta[24];
    pthread_mutex_lock(&r->lock);
    const double now = fg_now();
    /* The first frame carries the loading of models: not part of the rate. */
    if (n && r->first_at <= 0)
        r->first_at = now;
    const double fps = n > 1 && now > r->first_at
                           ? (double)(n - 1) / (now - r->first_at)
                           : 0;
    const double left = fps > 0 && r->total > n ? (double)(r->total - n) / fps
                                                : 0;
    fg_stop_weigh(fps > 0 && r->total > 0 ? left : -1);
    int pct = r->total > 0 ? (int)(100 * n / r->total) : -1;
    if (pct > 100)
        pct = 100;
    const double age = now - r->shown_at;
    const int due = r->terminal ? age >= 0.2
                                : age >= 5 || (pct > r->shown_pct && n &&
                                               (age >= 1 || pct == 100));
    if (!r->quiet && due) {
        format_time(eta, left);
        if (r->terminal)
            show_bar(r, n, pct, fps, eta);
        else
            show_line(r, n, pct, fps, left, eta);
        r->shown_at = now;
        r->shown_pct = pct;
    }
    pthread_mutex_unlock(&r->lock);
}

void fg_report_warn(FgReport *r, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (r->muted)
        return;
    pthread_mutex_lock(&r->lock);
    r->warnings++;
    clear_bar(r);
    if (r->json)
        print_json(json_pack("{s:s,s:o}", "event", "warning", "text",
                             fg_json_text(text)));
    else if (!r->quiet)
        fprintf(stderr, "ffgan: warning: %s\n", text);
    pthread_mutex_unlock(&r->lock);
}

void fg_report_done(FgReport *r, const char *output, int64_t frames,
                    int64_t bytes)
{
    char took[24];
    pthread_mutex_lock(&r->lock);
    const double s = fg_now() - r->start;
    format_time(took, s);
    clear_bar(r);
    if (r->json)
        print_json(json_pack("{s:s,s:o,s:I,s:I,s:f,s:I}", "event", "done",
                             "output", fg_json_text(output), "frames",
                             (json_int_t)frames, "bytes", (json_int_t)bytes,
                             "seconds", s, "warnings",
                             (json_int_t)r->warnings));
    else if (!r->quiet)
        fprintf(stderr, "done: %s, %lld frames, %.1f MB, %s\n", fg_show(output),
                (long long)frames, (double)bytes * 1e-6, took);
    pthread_mutex_unlock(&r->lock);
}

int fg_report_error(FgReport *r, int code, const char *text)
{
    pthread_mutex_lock(&r->lock);
    clear_bar(r);
    if (r->json)
        print_json(json_pack("{s:s,s:i,s:o}", "event", "error", "code", code,
                             "text", fg_json_text(text)));
    if (r->style == FG_STYLE_OPENJD) {
        printf("openjd_fail: %s\n", fg_show(text));
        fflush(stdout);
    }
    fprintf(stderr, "ffgan: %s\n", text);
    pthread_mutex_unlock(&r->lock);
    return code;
}

void fg_report_summary(FgReport *r, int done, int skipped, int failed, int left)
{
    pthread_mutex_lock(&r->lock);
    clear_bar(r);
    if (r->json)
        print_json(json_pack("{s:s,s:i,s:i,s:i,s:i}", "event", "summary",
                             "done", done, "skipped", skipped, "failed", failed,
                             "left", left));
    else if (!r->quiet || failed)
        fprintf(stderr, "%d done, %d there already, %d failed, %d not begun\n",
                done, skipped, failed, left);
    pthread_mutex_unlock(&r->lock);
}
