/* ffgan: small helpers: text, paths, numbers, time.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libavutil/error.h>

#include "kernels/model.h"
#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/preset.h"
#include "pipeline/util.h"

void fg_text_add(FgText *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || t->failed) {
        t->failed = 1;
        return;
    }
    if (t->len + (size_t)n + 1 > t->cap) {
        const size_t cap = 2 * (t->len + (size_t)n + 1);
        char *const s = realloc(t->s, cap);
        if (!s) {
            t->failed = 1;
            return;
        }
        t->s = s;
        t->cap = cap;
    }
    va_start(ap, fmt);
    vsnprintf(t->s + t->len, t->cap - t->len, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void fg_text_free(FgText *t)
{
    free(t->s);
    *t = (FgText){0};
}

char *fg_format(const char *fmt, ...)
{
    va_list ap;
    char *s = NULL;
    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0)
        s = NULL;
    va_end(ap);
    return s;
}

const char *fg_path_base(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *fg_path_dir(const char *path)
{
    const char *const base = fg_path_base(path);
    if (base == path)
        return strdup(".");
    if (base == path + 1)
        return strdup("/");
    return strndup(path, (size_t)(base - path - 1));
}

const char *fg_path_ext(const char *path)
{
    const char *const base = fg_path_base(path);
    const char *const dot = strrchr(base, '.');
    return dot && dot != base ? dot : base + strlen(base);
}

int fg_self_dir(char *out, size_t size)
{
    const ssize_t n = readlink("/proc/self/exe", out, size);
    if (n < 0)
        return -errno;
    if ((size_t)n >= size)
        return -ENAMETOOLONG;
    out[n] = 0;
    char *const slash = strrchr(out, '/');
    if (!slash)
        return -ENOENT;
    *slash = 0;
    return 0;
}

static int use_data_dir(const char *bin, const char *rel)
{
    struct stat st;
    char *const path = fg_format("%s/%s", bin, rel);
    char *const real = path ? realpath(path, NULL) : NULL;
    const int ok = real && !stat(real, &st) && S_ISDIR(st.st_mode);
    if (ok) {
        fg_set_data_dir(real);
        fg_preset_set_data_dir(real);
    }
    free(path);
    free(real);
    return ok;
}

void fg_find_data_dir(void)
{
    char bin[4096];
    if (fg_self_dir(bin, sizeof(bin)) < 0)
        return;
    if (!use_data_dir(bin, "../share/ffgan"))
        use_data_dir(bin, "../../presets");
}

static int unit_factor(const char *end, double *factor)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"m", 60}, {"h", 3600}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcmp(end, units[i].unit)) {
            *factor = units[i].factor;
            return 0;
        }
    return -EINVAL;
}

int fg_parse_time(const char *text, double *seconds)
{
    double total = 0, factor = 1;
    const char *p = text;
    for (int fields = 1;; fields++) {
        char *end;
        if (!((*p >= '0' && *p <= '9') || *p == '.'))
            return -EINVAL;
        const double v = strtod(p, &end);
        if (end == p || !isfinite(v) || v < 0 || fields > 3)
            return -EINVAL;
        total = total * 60 + v;
        if (*end == ':') {
            p = end + 1;
            continue;
        }
        if (*end && (fields > 1 || unit_factor(end, &factor) < 0))
            return -EINVAL;
        break;
    }
    *seconds = total * factor;
    return *seconds > 1e9 ? -EINVAL : 0;
}

int fg_parse_int(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < min || v > max)
        return -EINVAL;
    *value = v;
    return 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

char *fg_path_from_url(const char *text)
{
    if (strncmp(text, "file://", 7) != 0)
        return strdup(text);
    const char *p = text + 7;
    char *const out = malloc(strlen(p) + 1);
    size_t n = 0;
    for (; out && *p; p++) {
        out[n] = *p;
        if (*p == '%') {
            const int high = hex_digit(p[1]);
            const int low = high < 0 ? -1 : hex_digit(p[2]);
            if (low < 0 || !(high | low)) {
                free(out);
                errno = EINVAL;
                return NULL;
            }
            out[n] = (char)(high * 16 + low);
            p += 2;
        }
        n++;
    }
    if (out)
        out[n] = 0;
    return out;
}

char *fg_path_to_word(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789/._-";
    FgText t = {0};
    if (!path[strspn(path, plain)])
        return strdup(path);
    fg_text_add(&t, "file://");
    for (const char *p = path; *p; p++)
        fg_text_add(&t, strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
    if (!t.failed)
        return t.s;
    fg_text_free(&t);
    return NULL;
}

double fg_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

const char *fg_strerror(int err)
{
    static _Thread_local char text[AV_ERROR_MAX_STRING_SIZE];
    if (err == AVERROR_INVALIDDATA)
        return "not valid data";
    av_strerror(err, text, sizeof(text));
    return text;
}

const char *fg_show(const char *path)
{
    static _Thread_local char text[4][512];
    static _Thread_local int turn;
    char *const out = text[turn++ & 3];
    size_t n = 0;
    for (; *path && n < sizeof(text[0]) - 1; path++, n++)
        out[n] = (unsigned char)*path < 32 || *path == 127 ? '?' : *path;
    out[n] = 0;
    return out;
}

int fg_exit_input(int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
    case -EACCES:
    case -EPERM:
    case -ENAMETOOLONG:
        return FG_EXIT_NOINPUT;
    case -EIO:
        return FG_EXIT_IO;
    case -ENOMEM:
    case -ESTALE: /* a shared folder's file was replaced under us */
    case -ETIMEDOUT:
        return FG_EXIT_RETRY;
    default:
        return FG_EXIT_DATA;
    }
}

int fg_exit_output(int err)
{
    switch (err) {
    case -ENOSPC:
    case -EDQUOT:
    case -EIO:
    case -EFBIG:
    case -EPIPE:
        return FG_EXIT_IO;
    case -ENOMEM:
    case -EAGAIN:
    case -ESTALE:
        return FG_EXIT_RETRY;
    case -EINVAL:
    case -ENOSYS:
        return FG_EXIT_CONFIG;
    default:
        return FG_EXIT_CANTCREAT;
    }
}

int fg_exit_chain(int err)
{
    if (err == AVERROR_INVALIDDATA || err == -EBADMSG || err == -EDOM)
        return FG_EXIT_DATA;
    switch (err) {
    case -ENOENT:
    case -EACCES:
        return FG_EXIT_NOINPUT;
    case -ENOMEM:
        return FG_EXIT_RETRY;
    case -ENOTSUP:
    case -ENODEV:
        return FG_EXIT_DEVICE;
    default:
        return FG_EXIT_CONFIG;
    }
}

int fg_stdout_end(int ret)
{
    const int failed = fflush(stdout) || ferror(stdout);
    if (ret || !failed)
        return ret;
    fputs("ffgan: standard output: cannot be written\n", stderr);
    return FG_EXIT_IO;
}

int fg_usage_error(const char *command, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "ffgan: %s: ", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see 'ffgan %s --help'\n", command);
    return FG_EXIT_USAGE;
}

int fg_take_options(const char *command, int argc, char **argv,
                    const char *letters, const struct option *options,
                    int (*take)(void *arg, int c, const char *value), void *arg)
{
    int c;
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (c == '?' || c == ':')
            return fg_usage_error(
                command, c == ':' ? "%s needs a value" : "no option '%s'",
                fg_show(argv[optind - 1]));
        const int ret = take(arg, c, optarg);
        if (ret)
            return ret;
    }
    return 0;
}
