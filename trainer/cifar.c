/* CIFAR-10's binary layout as pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

#include "trainer/cifar.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, BLOCK = 512 };

static int ends(const char *s, const char *end)
{
    const size_t n = strlen(s), e = strlen(end);

    return n >= e && !strcmp(s + n - e, end);
}

int fg_cifar_is_archive(const char *path)
{
    const char *hash = strchr(path, '#');
    const size_t n = hash ? (size_t)(hash - path) : strlen(path);
    const char *const ext[] = {".tar.gz", ".tgz"};

    for (int i = 0; i < 2; i++) {
        const size_t e = strlen(ext[i]);

        if (n >= e && !memcmp(path + n - e, ext[i], e))
            return 1;
    }
    return 0;
}

/* ---- records ---- */

static int add_record(FgData *d, const uint8_t *rec, const char *file, int i,
                      FgError *err)
{
    FgPicture p = {SIDE, SIDE, malloc(3 * PLANE)};
    char name[320];

    if (!p.rgb)
        return fg_error(err, -ENOMEM, "%s: not enough memory", file);
    for (int k = 0; k < PLANE; k++)
        for (int c = 0; c < 3; c++)
            p.rgb[3 * k + c] = rec[1 + c * PLANE + k];
    snprintf(name, sizeof(name), "%.255s#%d", file, i);
    return fg_data_add_picture(d, name, &p, err);
}

/* gzread reads plain files as they are. size < 0: to the end of the file. */
static int add_records(FgData *d, gzFile f, int64_t size, const char *path,
                       const char *file, int limit, FgError *err)
{
    uint8_t rec[RECORD];
    int ret = 0;

    for (int i = 0; !ret && size != 0; i++) {
        const int n = gzread(f, rec, RECORD);

        if (n == 0 && size < 0)
            return i ? 0
                     : fg_error(err, -ENODATA, "%s: holds no picture", path);
        if (n != RECORD)
            return fg_error(err, n < 0 ? -EIO : -EINVAL,
                            "%s: %s: record %d is not whole: CIFAR-10's binary "
                            "layout has %d bytes each",
                            path, file, i, RECORD);
        size -= size > 0 ? RECORD : 0;
        if (!limit || d->nb < limit)
            ret = add_record(d, rec, file, i, err);
    }
    return ret;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int add_file(FgData *d, const char *path, int limit, FgError *err)
{
    gzFile f = gzopen(path, "rb");
    int ret;

    if (!f) {
        ret = errno ? -errno : -ENOMEM;
        return fg_error(err, ret, "%s: %s", path, strerror(-ret));
    }
    ret = add_records(d, f, -1, path, base_name(path), limit, err);
    gzclose(f);
    return ret;
}

/* ---- folders ---- */

static int is_bin(const struct dirent *e)
{
    return e->d_name[0] != '.' && ends(e->d_name, ".bin");
}

static int is_batch(const struct dirent *e)
{
    return is_bin(e) && !strncmp(e->d_name, "data_batch", 10);
}

static int list(const char *dir, struct dirent ***all)
{
    int n = scandir(dir, all, is_batch, alphasort);

    if (n == 0) {
        free(*all);
        n = scandir(dir, all, is_bin, alphasort);
    }
    return n;
}

static void free_list(struct dirent **all, int n)
{
    for (int i = 0; i < n; i++)
        free(all[i]);
    if (n >= 0)
        free(all);
}

static int add_folder(FgData *d, const char *dir, int limit, FgError *err)
{
    struct dirent **all = NULL;
    const int n = list(dir, &all);
    int ret = 0;

    for (int i = 0; i < n && !ret; i++) {
        char *path;

        if (asprintf(&path, "%s/%s", dir, all[i]->d_name) < 0) {
            ret = -ENOMEM;
            break;
        }
        ret = add_file(d, path, limit, err);
        free(path);
    }
    free_list(all, n);
    return ret;
}

/* ---- the published archive ---- */

static int check_md5(const char *path, const char *want, FgError *err)
{
    char hex[MD5_DIGEST_STRING_LENGTH];

    if (!MD5File(path, hex)) {
        const int ret = errno ? -errno : -EIO;

        return fg_error(err, ret, "%s: %s", path, strerror(-ret));
    }
    if (!strcasecmp(hex, want ? want : FG_CIFAR_MD5))
        return 0;
    return fg_error(err, -EBADMSG, "%s: MD5 is %s, %s has %s", path, hex,
                    want ? "the archive that 'md5' names"
                         : "CIFAR-10's binary archive",
                    want ? want : FG_CIFAR_MD5);
}

static int skip(gzFile f, int64_t n)
{
    return n == 0 || gzseek(f, (z_off_t)n, SEEK_CUR) >= 0 ? 0 : -EIO;
}

/* One header of a ustar archive and its file. 1 = the end. */
static int add_entry(FgData *d, gzFile f, const char *path, const char *want,
                     int limit, FgError *err)
{
    char head[BLOCK], name[101];
    int64_t size;
    int ret;

    if (gzread(f, head, BLOCK) != BLOCK || !head[0])
        return 1;
    snprintf(name, sizeof(name), "%.100s", head);
    head[124 + 11] = 0;
    size = strtoll(head + 124, NULL, 8);
    if (size < 0)
        return fg_error(err, -EBADMSG, "%s: damaged archive", path);
    if (want
            ? strcmp(base_name(name), want) != 0
            : strncmp(base_name(name), "data_batch", 10) || !ends(name, ".bin"))
        return skip(f, (size + BLOCK - 1) / BLOCK * BLOCK);
    ret = size % RECORD
              ? fg_error(err, -EBADMSG, "%s: %s is damaged", path, name)
              : add_records(d, f, size, path, base_name(name), limit, err);
    return ret ? ret : skip(f, (BLOCK - size % BLOCK) % BLOCK);
}

static int add_archive(FgData *d, const char *arg, int limit, FgError *err)
{
    const char *hash = strchr(arg, '#');
    char *path = strndup(arg, hash ? (size_t)(hash - arg) : strlen(arg));
    const int before = d->nb;
    gzFile f = NULL;
    int ret = path ? check_md5(path, d->md5, err) : -ENOMEM;

    if (!ret && !(f = gzopen(path, "rb")))
        ret = fg_error(err, -EIO, "%s: %s", path, strerror(errno));
    while (!ret)
        ret = add_entry(d, f, path, hash ? hash + 1 : NULL, limit, err);
    if (ret == 1)
        ret = d->nb > before || (limit && d->nb >= limit)
                  ? 0
                  : fg_error(err, -ENOENT, "%s: no such file in it", arg);
    if (f)
        gzclose(f);
    free(path);
    return ret;
}

int fg_cifar_is(const char *path)
{
    struct dirent **all = NULL;
    int n;

    if (fg_cifar_is_archive(path) || ends(path, ".bin"))
        return 1;
    n = list(path, &all);
    free_list(all, n);
    return n > 0;
}

int fg_cifar_add(FgData *d, const char *path, int limit, FgError *err)
{
    if (fg_cifar_is_archive(path))
        return add_archive(d, path, limit, err);
    return ends(path, ".bin") ? add_file(d, path, limit, err)
                              : add_folder(d, path, limit, err);
}
