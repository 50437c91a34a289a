/* ffgan: importing: what was converted is kept.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "import_priv.h"
#include "model_priv.h"

/* ---- ncnn's second file ---- */

static int bin_path(char *out, size_t size, const char *path)
{
    const size_t n = strlen(path);
    const size_t stem = n > 6 && !strcmp(path + n - 6, ".param") ? n - 6 : n;
    const int len = snprintf(out, size, "%.*s.bin", (int)stem, path);
    return len > 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
}

/* The .bin beside a link to a .param, or else beside what it points to. */
static int open_bin(char *bin, size_t size, const char *path)
{
    char real[PATH_MAX], other[PATH_MAX];
    const int fd = open(bin, O_RDONLY | O_CLOEXEC), e = errno;
    if (fd >= 0 || e != ENOENT || !realpath(path, real) ||
        bin_path(other, sizeof(other), real) < 0) {
        errno = e;
        return fd;
    }
    const int at = open(other, O_RDONLY | O_CLOEXEC);
    if (at >= 0)
        snprintf(bin, size, "%s", other);
    else
        errno = e;
    return at;
}

static int map_more(FgImportFile *f, const char *path, FgError *err)
{
    char bin[PATH_MAX];
    struct stat st;
    if (f->size < 8 || memcmp(f->data, "7767517", 7) != 0)
        return 0;
    if (bin_path(bin, sizeof(bin), path) < 0)
        return fg_error(err, -ENAMETOOLONG, "%s: the path is too long", path);
    const int fd = open_bin(bin, sizeof(bin), path);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_size < 1 || st.st_size > FG_MODEL_MAX_DATA) {
        const int e = fd < 0 ? errno : EBADMSG;
        if (fd >= 0)
            close(fd);
        return fg_error(err, e == ENOENT || e == EACCES ? -e : -EBADMSG,
                        "%s: the weights beside it, %s: %s", path, bin,
                        fd < 0 ? strerror(e)
                               : "not a plain file of 1 byte to "
                                 "1 GiB");
    }
    f->more_size = (size_t)st.st_size;
    void *map = mmap(NULL, f->more_size, PROT_READ, MAP_PRIVATE, fd, 0);
    const int e = errno;
    close(fd);
    if (map == MAP_FAILED)
        return fg_error(err, -EIO, "%s: %s", bin, strerror(e));
    f->more = map;
    return 0;
}

/* ---- the cache ---- */

/* The two hashes of a model of two files are hashed again. */
static void identity(const FgImportFile *f, char sha[65])
{
    char both[129];
    fg_sha256_hex(f->data, f->size, sha);
    if (!f->more)
        return;
    memcpy(both, sha, 64);
    fg_sha256_hex(f->more, f->more_size, both + 64);
    fg_sha256_hex(both, 128, sha);
}

/* What the file's name alone can say (fg_im_named_scale) goes into the name of
 * the entry. */
static int cache_path(char *out, size_t size, const char *sha, const char *path)
{
    const char *named = fg_im_named_scale(path) == 3 ? "-3x" : "";
    return fg_cache_path(out, size, "models/%s-%d%s.safetensors", sha,
                         FG_IMPORT_VERSION, named);
}

/* A file there that says it is another model's is as good as none. */
static int from_cache(FgModel **m, const char *path, const char *sha)
{
    FgError ignored;
    if (access(path, R_OK) < 0 || fg_model_read(m, path, &ignored) < 0)
        return 0;
    const char *source = fg_model_meta(*m, "ffgan.source_sha256");
    if (source && !strcmp(source, sha))
        return 1;
    fg_model_free(m);
    return 0;
}

static void into_cache(const FgModel *m, char *path)
{
    FgError ignored;
    if (fg_cache_folders(path) >= 0)
        fg_model_write(m, path, &ignored);
}

static int convert(FgModel **m, const FgImportFile *f, const char *sha,
                   FgError *err)
{
    const char *slash = strrchr(f->name, '/');
    const int rc = fg_import_parse(m, f, err);
    if (rc < 0)
        return rc;
    /* The transfer is what the writer would say: before and after the cache a
     * model is the same. */
    if (fg_model_set_meta(*m, "ffgan.transfer", "srgb") < 0 ||
        fg_model_set_meta(*m, "ffgan.source_sha256", sha) < 0 ||
        fg_model_set_meta(*m, "ffgan.source", slash ? slash + 1 : f->name) <
            0) {
        fg_model_free(m);
        return fg_error(err, -ENOMEM, "%s: out of memory", f->name);
    }
    return 0;
}

int fg_import_read(FgModel **m, const void *data, size_t size, const char *path,
                   FgError *err)
{
    FgImportFile f = {.data = data, .size = size, .name = path};
    char sha[65], cache[PATH_MAX];
    *m = NULL;
    int rc = map_more(&f, path, err);
    if (rc < 0)
        return rc;
    identity(&f, sha);
    const int cached = cache_path(cache, sizeof(cache), sha, path) >= 0;
    if (!cached || !from_cache(m, cache, sha)) {
        rc = convert(m, &f, sha, err);
        if (rc >= 0 && cached)
            into_cache(*m, cache);
    }
    if (rc >= 0)
        memcpy((*m)->sha256, sha, sizeof(sha));
    if (f.more)
        munmap((void *)f.more, f.more_size);
    return rc;
}
