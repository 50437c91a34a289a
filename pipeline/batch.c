/* ffgan: many inputs in one go.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/batch.h"
#include "pipeline/exit.h"
#include "pipeline/job.h"
#include "pipeline/preset.h"
#include "pipeline/source.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Names {
    char **s;
    int nb, cap;
} Names;

typedef struct Batch {
    const FgBatch *b;
    FgReport *report;
    Names files, outputs;
    int done, skipped, failed, code;
} Batch;

static int add(Names *n, char *s)
{
    if (s && n->nb == n->cap) {
        const int cap = n->cap ? 2 * n->cap : 64;
        char **const more = realloc(n->s, (size_t)cap * sizeof(*more));
        if (!more) {
            free(s);
            return -ENOMEM;
        }
        n->s = more;
        n->cap = cap;
    }
    if (!s)
        return -ENOMEM;
    n->s[n->nb++] = s;
    return 0;
}

static int is_video(const char *name)
{
    static const char *const exts[] = {
        ".mp4", ".mov", ".mkv",  ".webm", ".avi",  ".m4v", ".mxf",
        ".ts",  ".mts", ".m2ts", ".mpg",  ".mpeg", ".vob", ".flv",
        ".wmv", ".ogv", ".y4m",  ".nut",  ".3gp",  ".dv",  ".gif"};
    for (size_t i = 0; i < sizeof(exts) / sizeof(exts[0]); i++)
        if (*name != '.' && !strcasecmp(fg_path_ext(name), exts[i]))
            return 1;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_folder(Names *n, const char *path)
{
    const int first = n->nb;
    DIR *const d = opendir(path);
    int ret = d ? 0 : -errno;
    for (struct dirent *e; d && !ret && (e = readdir(d));)
        if (is_video(e->d_name))
            ret = add(n, fg_format("%s/%s", path, e->d_name));
    if (d)
        closedir(d);
    if (n->nb > first)
        qsort(n->s + first, (size_t)(n->nb - first), sizeof(*n->s), by_name);
    return ret;
}

static int list(Batch *s)
{
    for (int i = 0; i < s->b->nb; i++) {
        struct stat st;
        const char *const path = s->b->input[i];
        const int folder = !stat(path, &st) && S_ISDIR(st.st_mode);
        const int ret = folder ? add_folder(&s->files, path)
                               : add(&s->files, strdup(path));
        FgError err;
        if (!ret)
            continue;
        fg_error(&err, 0, "%s: %s", fg_show(path), strerror(-ret));
        return fg_report_error(s->report, fg_exit_input(ret), err.text);
    }
    return 0;
}

/* The preset's name without its folder and ".yaml". */
static const char *preset_name(const FgBatch *b, const char *input, int *len)
{
    const char *const p = b->preset                   ? b->preset
                          : fg_is_picture_name(input) ? "sequence-2x"
                                                      : FG_PRESET_DEFAULT;
    *len = (int)(fg_path_ext(p) - p);
    return p;
}

/* malloc'ed: the template filled in. */
static char *fill_in(const FgBatch *b, const char *input, const char *own)
{
    FgText t = {0};
    const char *const base = fg_path_base(input), *const ext = fg_path_ext(
                                                      base);
    int len;
    const char *const preset = preset_name(b, input, &len);
    if (b->out_dir)
        fg_text_add(&t, "%s/", b->out_dir);
    else
        fg_text_add(&t, "%.*s", (int)(base - input), input);
    for (const char *s = b->name; *s;) {
        if (!strncmp(s, "{stem}", 6)) {
            fg_text_add(&t, "%.*s", (int)(ext - base), base);
            s += 6;
        } else if (!strncmp(s, "{preset}", 8)) {
            fg_text_add(&t, "%.*s", len, preset);
            s += 8;
        } else if (!strncmp(s, "{ext}", 5)) {
            fg_text_add(&t, "%s", own);
            s += 5;
        } else {
            fg_text_add(&t, "%c", *s++);
        }
    }
    if (t.failed)
        fg_text_free(&t);
    return t.s;
}

static char *output_name(const FgBatch *b, const char *input, FgError *err)
{
    char *const ext = b->extension(b->arg, input, err);
    char *const name = ext ? fill_in(b, input, ext) : NULL;
    if (ext && !name)
        fg_error(err, 0, "no memory");
    free(ext);
    return name;
}

/* All outputs' names, before any work: two inputs may not have one. */
static int name_outputs(Batch *s)
{
    FgError err = {{0}};
    for (int i = 0; i < s->files.nb; i++) {
        char *const name = output_name(s->b, s->files.s[i], &err);
        for (int k = 0; name && k < i; k++)
            if (!strcmp(s->outputs.s[k], name)) {
                fg_error(&err, 0, "%s and %s: both would become %s",
                         fg_show(s->files.s[k]), fg_show(s->files.s[i]),
                         fg_show(name));
                free(name);
                return fg_report_error(s->report, FG_EXIT_USAGE, err.text);
            }
        if (add(&s->outputs, name) < 0)
            return fg_report_error(s->report, FG_EXIT_CONFIG, err.text);
    }
    return 0;
}

static void failed(Batch *s, int code, const char *text)
{
    s->failed++;
    s->code = s->code ? s->code : code;
    fg_report_error(s->report, code, text);
}

static void run_one(Batch *s, const char *input, const char *output)
{
    FgError err = {{0}};
    struct stat st;
    char *const folder = fg_job_folder(output);
    if (!folder) {
        failed(s, FG_EXIT_RETRY, "no memory");
    } else if (!s->b->overwrite && !stat(output, &st) &&
               access(folder, F_OK) < 0) {
        s->skipped++;
    } else {
        fg_report_init(s->report, s->report->json, s->report->quiet);
        const int ret = s->b->run(s->b->arg, input, output, s->report, &err);
        s->done += !ret;
        if (ret)
            failed(s, ret, err.text);
    }
    free(folder);
}

static int make_folder(Batch *s)
{
    const char *const dir = s->b->out_dir;
    FgError err;
    if (!dir || !mkdir(dir, 0777) || errno == EEXIST)
        return 0;
    fg_error(&err, 0, "%s: cannot be made: %s", fg_show(dir), strerror(errno));
    return fg_report_error(s->report, FG_EXIT_CANTCREAT, err.text);
}

int fg_batch_run(const FgBatch *b, FgReport *report)
{
    Batch s = {.b = b, .report = report};
    int ret = make_folder(&s);
    if (!ret)
        ret = list(&s);
    if (!ret)
        ret = name_outputs(&s);
    const int nb = s.files.s && s.outputs.s && !ret ? s.files.nb : 0;
    for (int i = 0; i < nb && !fg_stop_signal(); i++)
        run_one(&s, s.files.s[i], s.outputs.s[i]);
    if (!ret) {
        fg_report_summary(report, s.done, s.skipped, s.failed,
                          s.files.nb - s.done - s.skipped - s.failed);
        ret = s.code;
    }
    fg_strings_free(&s.files.s, s.files.nb);
    fg_strings_free(&s.outputs.s, s.outputs.nb);
    return ret;
}
