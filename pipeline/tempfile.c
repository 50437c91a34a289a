/* ffgan: files that appear whole or not at all.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/output.h"
#include "pipeline/util.h"

char *fg_temp_name(const char *path)
{
    /* NAME_MAX is 255 bytes: long names are cut, the PID keeps them apart. */
    const char *const base = fg_path_base(path);
    return fg_format("%.*s.%.220s.%ld.tmp", (int)(base - path), path, base,
                     (long)getpid());
}

int fg_write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int sync_folder(const char *path)
{
    char *const dir = fg_path_dir(path);
    if (!dir)
        return -ENOMEM;
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    if (fd < 0)
        return -errno;
    /* Some file systems cannot sync a folder: nothing more can be done. */
    const int ret = fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
    close(fd);
    return ret;
}

int fg_rename(const char *from, const char *to, int overwrite)
{
    int ret = -1;
    errno = EINVAL;
    if (!overwrite)
        ret = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (!overwrite && ret < 0 && errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (ret < 0 && !overwrite && !access(to, F_OK))
        return -EEXIST;
    if (ret < 0 && rename(from, to) < 0)
        return -errno;
    return sync_folder(to);
}
