/* Makes the n-th call that changes a folder fail: preloaded by faults.sh.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * FAULT_AT=n (from 1), FAULT_ERRNO, FAULT_DIR=folder whose files count,
 * FAULT_LOG=file that gets the call's name when it is hit. Counted: open for
 * writing, write, fsync, close of a written file, rename, mkdir. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FD = 1024 };
static atomic_int calls;
static atomic_bool ours[MAX_FD];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int in_folder(const char *path)
{
    const char *const dir = getenv("FAULT_DIR");
    return dir && strstr(path, dir) && !strstr(path, "/lock");
}

/* 1: this call is to fail; errno is set. */
static int hit(const char *name)
{
    const char *const at = getenv("FAULT_AT");
    const char *const code = getenv("FAULT_ERRNO");
    const char *const log = getenv("FAULT_LOG");
    if (!at || ++calls != atoi(at))
        return 0;
    const int fd = log ? REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND, 0666)
                       : -1;
    if (fd >= 0) {
        REAL(write)(fd, name, strlen(name));
        REAL(write)(fd, "\n", 1);
        REAL(close)(fd);
    }
    errno = code ? atoi(code) : ENOSPC;
    return 1;
}

static int opened(int fd, const char *path, int flags)
{
    if (fd >= 0 && fd < MAX_FD)
        ours[fd] = (flags & O_ACCMODE) != O_RDONLY && in_folder(path);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if ((flags & O_CREAT) && in_folder(path) && hit("open"))
        return -1;
    return opened(REAL(open)(path, flags, mode), path, flags);
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    if ((flags & O_CREAT) && in_folder(path) && hit("open"))
        return -1;
    return opened(REAL(open64)(path, flags, mode), path, flags);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (fd >= 0 && fd < MAX_FD && ours[fd] && hit("write"))
        return -1;
    return REAL(write)(fd, data, size);
}

int fsync(int fd)
{
    if (fd >= 0 && fd < MAX_FD && ours[fd] && hit("fsync"))
        return -1;
    return REAL(fsync)(fd);
}

int close(int fd)
{
    const int was = fd >= 0 && fd < MAX_FD && ours[fd];
    if (was)
        ours[fd] = 0;
    const int ret = REAL(close)(fd);
    return was && hit("close") ? -1 : ret;
}

int rename(const char *from, const char *to)
{
    return in_folder(to) && hit("rename") ? -1 : REAL(rename)(from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    return in_folder(to) && hit("renameat2")
               ? -1
               : REAL(renameat2)(a, from, b, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
    return in_folder(path) && hit("mkdir") ? -1 : REAL(mkdir)(path, mode);
}
