/* ffgan: the libraries' messages, kept as causes for our own.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

#include "pipeline/util.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char cause[512];
static atomic_int premature, broken;
static int shown_level = AV_LOG_PANIC;
static void (*warn_fn)(void *arg, const char *text);
static void *warn_arg;

static void chomp(char *s)
{
    size_t n = strlen(s);
    while (n && (s[n - 1] == '\n' || s[n - 1] == '\r' || s[n - 1] == ' '))
        s[--n] = 0;
    for (; *s; s++)
        if ((unsigned char)*s < 32)
            *s = ' ';
}

/* The graph, or the filter itself, says once more in general words what a
 * filter just said. */
static int is_echo(const char *name, const char *text)
{
    return *cause &&
           ((!strcmp(name, "AVFilterGraph") && !strncmp(text, "Error", 5)) ||
            !strncmp(text, "Failed to configure output pad", 30));
}

/* What the demuxers of Matroska and MOV say when they step over bytes that
 * they cannot read, and go on as if nothing had been there. */
static int is_broken(const char *text)
{
    static const char *const words[] = {"Invalid track number",
                                        "of an EBML number",
                                        "Invalid EBML length",
                                        "exceeds max length",
                                        "exceeds containing master element",
                                        "reached eof, corrupted",
                                        "Sample size"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(text, words[i]))
            return 1;
    return 0;
}

/* libav prints long contexts in pieces, but its error lines come whole. */
static void on_message(void *ctx, int level, const char *fmt, va_list ap)
{
    char text[512];
    const AVClass *const cls = ctx ? *(const AVClass **)ctx : NULL;
    const char *const name = cls && cls->item_name ? cls->item_name(ctx) : "";
    level &= 0xff;
    if (level > AV_LOG_WARNING && level > shown_level)
        return;
    vsnprintf(text, sizeof(text), fmt, ap);
    chomp(text);
    if (!*text)
        return;
    if (strstr(text, "ended prematurely") || strstr(text, "partial file"))
        premature = 1;
    if (level <= AV_LOG_WARNING && is_broken(text))
        broken = 1;
    pthread_mutex_lock(&lock);
    if (level <= shown_level)
        fprintf(stderr, "[%s] %s\n", name, text);
    if (level <= AV_LOG_ERROR && !is_echo(name, text))
        snprintf(cause, sizeof(cause), "%s%s%s", name, *name ? ": " : "", text);
    else if (level == AV_LOG_WARNING && warn_fn && cls && cls->class_name &&
             !strncmp(cls->class_name, "gan", 3))
        warn_fn(warn_arg, text);
    pthread_mutex_unlock(&lock);
}

void fg_log_init(int verbosity)
{
    shown_level = verbosity > 0 ? AV_LOG_INFO : AV_LOG_PANIC;
    av_log_set_level(shown_level);
    av_log_set_callback(on_message);
}

void fg_log_cause(char *out, size_t size)
{
    pthread_mutex_lock(&lock);
    snprintf(out, size, "%s", cause);
    cause[0] = 0;
    pthread_mutex_unlock(&lock);
}

int fg_log_premature(void)
{
    return premature;
}

int fg_log_broken(void)
{
    return broken;
}

void fg_log_new_input(void)
{
    premature = broken = 0;
}

void fg_log_set_warn(void (*fn)(void *arg, const char *text), void *arg)
{
    pthread_mutex_lock(&lock);
    warn_fn = fn;
    warn_arg = arg;
    pthread_mutex_unlock(&lock);
}
