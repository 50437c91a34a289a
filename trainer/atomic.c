/* Whole files, read at once and written atomically.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/atomic.h"

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        const ssize_t k = write(fd, p, n);

        if (k < 0 && errno != EINTR)
            return -errno;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return 0;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : slash - path)
                      : strdup(".");
    const int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int ret = 0;

    free(dir);
    if (fd < 0)
        return 0; /* the file itself is in place and synced */
    if (fsync(fd) && errno != EINVAL)
        ret = -errno;
    close(fd);
    return ret;
}

int fg_write_atomic(const char *path, const FgPart *part, int nb, FgError *err)
{
    char *tmp;
    int fd, ret = 0;

    if (asprintf(&tmp, "%s.%ld.tmp", path, (long)getpid()) < 0)
        return fg_error(err, -ENOMEM, "%s: not enough memory", path);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        ret = -errno;
        fg_error(err, ret, "%s: cannot create: %s", path, strerror(-ret));
        free(tmp);
        return ret;
    }
    for (int i = 0; i < nb && !ret; i++)
        ret = write_all(fd, part[i].data, part[i].size);
    if (!ret && fsync(fd))
        ret = -errno;
    if (close(fd) && !ret)
        ret = -errno;
    if (!ret && rename(tmp, path))
        ret = -errno;
    if (ret)
        unlink(tmp);
    else
        ret = sync_folder(path);
    if (ret)
        fg_error(err, ret, "%s: cannot write: %s", path, strerror(-ret));
    free(tmp);
    return ret;
}

static int read_all(int fd, char *p, size_t n)
{
    while (n) {
        const ssize_t k = read(fd, p, n);

        if (k == 0)
            return -EIO;
        if (k < 0 && errno != EINTR)
            return -errno;
        if (k > 0) {
            p += k;
            n -= (size_t)k;
        }
    }
    return 0;
}

int fg_read_file(const char *path, char **data, size_t *size, FgError *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = {0};
    int ret = 0;

    *data = NULL;
    *size = 0;
    if (fd < 0 || fstat(fd, &st))
        ret = -errno;
    else if (!S_ISREG(st.st_mode))
        ret = -EISDIR;
    else if (st.st_size > (off_t)UINT32_MAX)
        ret = -EFBIG;
    if (!ret) {
        *size = (size_t)st.st_size;
        *data = malloc(*size + 1);
        ret = *data ? read_all(fd, *data, *size) : -ENOMEM;
    }
    if (fd >= 0)
        close(fd);
    if (ret) {
        free(*data);
        *data = NULL;
        fg_error(err, ret, "%s: cannot read: %s", path, strerror(-ret));
    }
    return ret;
}
