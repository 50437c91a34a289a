/* Makes the n-th allocation of our own code fail: preloaded by allocs.sh.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ALLOC_AT=n (from 1; 0 = none, only count), ALLOC_RANGES=file of "START END"
 * lines in hexadecimal: our code in the program's file, ALLOC_LOG=file that
 * gets "n ADDRESS" when it is hit, and the count at the end. Counted are calls
 * from those ranges of malloc, calloc, realloc, aligned_alloc, strdup, strndup,
 * asprintf and vasprintf. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_RANGES = 4096 };
static uintptr_t range[MAX_RANGES][2], base;
static int nb_ranges;
static atomic_int calls, ready;
static int at;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int first_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    base = info->dlpi_addr;
    return 1;
}

__attribute__((constructor)) static void start(void)
{
    const char *const ranges = getenv("ALLOC_RANGES"), *n = getenv("ALLOC_AT");
    FILE *const f = ranges ? fopen(ranges, "r") : NULL;
    dl_iterate_phdr(first_object, NULL);
    at = n ? atoi(n) : 0;
    while (f && nb_ranges < MAX_RANGES &&
           fscanf(f, "%lx %lx", &range[nb_ranges][0], &range[nb_ranges][1]) ==
               2)
        nb_ranges++;
    if (f)
        fclose(f);
    ready = 1;
}

static void note(const char *text)
{
    const char *const log = getenv("ALLOC_LOG");
    FILE *const f = log ? fopen(log, "a") : NULL;
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

__attribute__((destructor)) static void end(void)
{
    char text[64];
    ready = 0;
    snprintf(text, sizeof(text), "calls %d\n", (int)calls);
    if (!at)
        note(text);
}

/* 1: this call is to fail. */
static int hit(const void *caller)
{
    if (!ready)
        return 0;
    const uintptr_t p = (uintptr_t)caller - base;
    int a = 0, b = nb_ranges;
    while (a < b) {
        const int m = (a + b) / 2;
        if (range[m][1] <= p)
            a = m + 1;
        else
            b = m;
    }
    if (a == nb_ranges || p < range[a][0] || ++calls != at)
        return 0;
    char text[64];
    ready = 0;
    snprintf(text, sizeof(text), "%d 0x%lx\n", at, (unsigned long)p);
    note(text);
    errno = ENOMEM;
    return 1;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t n)
{
    return hit(CALLER) ? NULL : __libc_malloc(n);
}

void *calloc(size_t a, size_t b)
{
    return hit(CALLER) ? NULL : __libc_calloc(a, b);
}

void *realloc(void *p, size_t n)
{
    return hit(CALLER) ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t a, size_t n)
{
    return hit(CALLER) ? NULL : __libc_memalign(a, n);
}

static char *copy(const char *s, size_t n)
{
    char *const d = __libc_malloc(n + 1);
    if (d) {
        memcpy(d, s, n);
        d[n] = 0;
    }
    return d;
}

char *strdup(const char *s)
{
    return hit(CALLER) ? NULL : copy(s, strlen(s));
}

char *strndup(const char *s, size_t n)
{
    return hit(CALLER) ? NULL : copy(s, strnlen(s, n));
}

int vasprintf(char **out, const char *fmt, va_list ap)
{
    int (*const real)(char **, const char *, va_list) = (int (*)(
        char **, const char *, va_list))dlsym(RTLD_NEXT, "vasprintf");
    if (hit(CALLER))
        return -1;
    return real(out, fmt, ap);
}

int asprintf(char **out, const char *fmt, ...)
{
    int (*const real)(char **, const char *, va_list) = (int (*)(
        char **, const char *, va_list))dlsym(RTLD_NEXT, "vasprintf");
    va_list ap;
    if (hit(CALLER))
        return -1;
    va_start(ap, fmt);
    const int ret = real(out, fmt, ap);
    va_end(ap);
    return ret;
}
