/* ffgan: files that appear whole or not at all.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/output.h"
#include "pipeline/sequence.h"
#include "pipeline/util.h"

/* Several machines may write into one folder. */
static const char *host_name(char name[65])
{
    if (gethostname(name, 64) < 0 || !*name || strchr(name, '/'))
        strcpy(name, "localhost");
    name[64] = 0;
    return name;
}

char *fg_temp_name(const char *path, const char *dir)
{
    /* NAME_MAX is 255 bytes: long names are cut, the PID keeps them apart. */
    const char *const base = fg_path_base(path);
    char host[65];
    host_name(host);
    if (dir)
        return fg_format("%s/.%.160s.%.48s.%ld.tmp", dir, base, host,
                         (long)getpid());
    return fg_format("%.*s.%.160s.%.48s.%ld.tmp", (int)(base - path), path,
                     base, host, (long)getpid());
}

/* The PID in ".NAME.HOST.PID.tmp" when name is one of those of base. */
static long temp_pid(const char *name, const char *base, size_t len)
{
    char host[65], tail[64];
    const char *const end = name + strlen(name);
    const char *dot = end - 4;
    if (strlen(name) < len + 8 || *name != '.' ||
        strncmp(name + 1, base, len) != 0 || strcmp(dot, ".tmp") != 0)
        return 0;
    while (dot > name + len + 1 && dot[-1] >= '0' && dot[-1] <= '9')
        dot--;
    snprintf(tail, sizeof(tail), ".%.48s.", host_name(host));
    const size_t n = strlen(tail);
    if ((size_t)(dot - name) < len + 1 + n || strncmp(dot - n, tail, n) != 0)
        return 0;
    return strtol(dot, NULL, 10);
}

void fg_temp_sweep(const char *path)
{
    const char *const base = fg_path_base(path);
    const size_t len = strnlen(base,
                               fg_is_pattern(path) ? strcspn(base, "%") : 160);
    char *const dir = fg_path_dir(path);
    DIR *const d = dir ? opendir(dir) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        const long pid = temp_pid(e->d_name, base, len);
        if (pid > 1 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
    free(dir);
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

static int write_new(const char *path, const void *data, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int ret = fg_write_all(fd, data, size);
    if (!ret && fsync(fd) < 0)
        ret = -errno;
    if (close(fd) < 0 && !ret)
        ret = -errno;
    return ret;
}

int fg_write_file(const char *path, const void *data, size_t size,
                  int overwrite)
{
    char *const temp = fg_temp_name(path, NULL);
    if (!temp)
        return -ENOMEM;
    int ret = write_new(temp, data, size);
    if (!ret)
        ret = fg_rename(temp, path, overwrite);
    if (ret)
        unlink(temp);
    free(temp);
    return ret;
}
