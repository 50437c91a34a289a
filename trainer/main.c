/* ffgan-train, ffgan-eval and ffgan-search: one binary, told apart by name.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "trainer/main.h"

int fg_fail(const char *program, int code, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s: ", program);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return code;
}

int fg_exit_input(int ret)
{
    switch (ret) {
    case 0:
        return 0;
    case -ENOENT:
    case -EACCES:
    case -ENOTDIR:
        return FG_EXIT_NOINPUT;
    case -ENOMEM:
        return FG_EXIT_TEMP;
    case -EIO:
        return FG_EXIT_IO;
    default:
        return FG_EXIT_DATA;
    }
}

int fg_exit_output(int ret)
{
    switch (ret) {
    case 0:
        return 0;
    case -ENOENT:
    case -EACCES:
    case -EPERM:
    case -ENOTDIR:
    case -EISDIR:
    case -EROFS:
        return FG_EXIT_CANTCREAT;
    case -EIO:
    case -ENOSPC:
    case -EDQUOT:
    case -EFBIG:
        return FG_EXIT_IO;
    case -ENOMEM:
        return FG_EXIT_TEMP;
    case -EDOM:
        return FG_EXIT_DATA;
    default:
        return FG_EXIT_SOFTWARE;
    }
}

const char *fg_option(int argc, char **argv, int *i, const char *name)
{
    const char *arg = argv[*i];
    const size_t n = strlen(name);

    if (strncmp(arg, name, n))
        return NULL;
    if (arg[n] == '=')
        return arg + n + 1;
    if (arg[n] || *i + 1 >= argc)
        return NULL;
    return argv[++*i];
}

int fg_option_int(const char *text, int min, int max)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < min || v > max)
        return -1;
    return (int)v;
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "ffgan-train";

    /* Our own message names the file and the reason, on one line. */
    av_log_set_level(AV_LOG_QUIET);
    if (!strcmp(name, "ffgan-eval"))
        return fg_main_eval(argc, argv);
    if (!strcmp(name, "ffgan-search"))
        return fg_main_search(argc, argv);
    return fg_main_train(argc, argv);
}
