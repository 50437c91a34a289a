/* ffgan: zip files with stored entries; every bound is checked.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import_priv.h"

#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define MAX_ENTRIES 20000

typedef struct File {
    const uint8_t *data;
    size_t size;
    FgError *err;
} File;

static int bad(const File *f, const char *what)
{
    return fg_error(f->err, -EBADMSG, "not a whole zip file: %s", what);
}

static int inside(const File *f, uint64_t at, uint64_t n)
{
    return at <= f->size && n <= f->size - at;
}

static int has(const File *f, uint64_t at, uint64_t n, uint32_t magic)
{
    return inside(f, at, n) && fg_le(f->data + at, 4) == magic;
}

/* The end record, behind which a comment of up to 64 KiB may stand. */
static int find_end(const File *f, size_t *at)
{
    if (f->size < END_SIZE)
        return bad(f, "it is too short");
    const size_t last = f->size - END_SIZE;
    for (size_t back = 0; back <= last && back <= 0xffff; back++)
        if (has(f, last - back, END_SIZE, 0x06054b50) &&
            fg_le(f->data + last - back + 20, 2) == back) {
            *at = last - back;
            return 0;
        }
    return bad(f, "the directory at its end is missing (cut off?)");
}

static int read_end(const File *f, uint64_t *nb, uint64_t *at)
{
    size_t end = 0;
    const int rc = find_end(f, &end);
    if (rc < 0)
        return rc;
    *nb = fg_le(f->data + end + 10, 2);
    *at = fg_le(f->data + end + 16, 4);
    if (end >= LOCATOR_SIZE &&
        has(f, end - LOCATOR_SIZE, LOCATOR_SIZE, 0x07064b50)) {
        const uint64_t e = fg_le(f->data + end - LOCATOR_SIZE + 8, 8);
        if (!has(f, e, END64_SIZE, 0x06064b50))
            return bad(f, "its 64-bit directory is missing");
        *nb = fg_le(f->data + e + 32, 8);
        *at = fg_le(f->data + e + 48, 8);
    }
    if (*nb > MAX_ENTRIES)
        return fg_error(f->err, -EBADMSG, "zip file: %llu entries, allowed %d",
                        (unsigned long long)*nb, MAX_ENTRIES);
    return 0;
}

/* Fields of 32 bits that are full are found in the extra field 1, in order. */
static int read_wide(const uint8_t *x, size_t len, uint64_t *v, int nb)
{
    while (len >= 4) {
        const size_t n = fg_le(x + 2, 2);
        if (n > len - 4)
            return 0;
        if (fg_le(x, 2) != 1) {
            x += 4 + n;
            len -= 4 + n;
            continue;
        }
        size_t at = 0;
        for (int i = 0; i < nb; i++)
            if (v[i] == 0xffffffff) {
                if (at + 8 > n)
                    return 0;
                v[i] = fg_le(x + 4 + at, 8);
                at += 8;
            }
        return 1;
    }
    return 0;
}

static int read_entry(const File *f, uint64_t *at, FgZipEntry *e)
{
    if (!has(f, *at, ENTRY_SIZE, 0x02014b50))
        return bad(f, "its directory is broken");
    const uint8_t *p = f->data + *at;
    const size_t name = fg_le(p + 28, 2), extra = fg_le(p + 30, 2);
    const uint64_t all = ENTRY_SIZE + name + extra + fg_le(p + 32, 2);
    /* bytes, bytes stored, place */
    uint64_t v[3] = {fg_le(p + 24, 4), fg_le(p + 20, 4), fg_le(p + 42, 4)};
    if (!inside(f, *at, all))
        return bad(f, "its directory ends too early");
    e->name = (const char *)p + ENTRY_SIZE;
    e->name_len = name;
    if ((v[0] == 0xffffffff || v[1] == 0xffffffff || v[2] == 0xffffffff) &&
        !read_wide(p + ENTRY_SIZE + name, extra, v, 3))
        return bad(f, "an entry has no 64-bit sizes");
    if (fg_le(p + 10, 2) || (fg_le(p + 8, 2) & 1))
        return fg_error(f->err, -ENOTSUP,
                        "zip file: entry '%.*s' is compressed or encrypted; "
                        "save it again with torch.save",
                        (int)(name < 96 ? name : 96), e->name);
    if (v[0] != v[1] || !has(f, v[2], LOCAL_SIZE, 0x04034b50))
        return bad(f, "an entry is not where the directory says");
    const uint8_t *l = f->data + v[2];
    const uint64_t start = v[2] + LOCAL_SIZE + fg_le(l + 26, 2) +
                           fg_le(l + 28, 2);
    if (!inside(f, start, v[0]))
        return bad(f, "an entry ends after the file");
    e->data = f->data + start;
    e->size = (size_t)v[0];
    *at += all;
    return 0;
}

static int compare(const char *a, size_t na, const char *b, size_t nb)
{
    const int c = memcmp(a, b, na < nb ? na : nb);
    return c ? c : na < nb ? -1 : na > nb;
}

static int by_name(const void *a, const void *b)
{
    const FgZipEntry *x = a, *y = b;
    return compare(x->name, x->name_len, y->name, y->name_len);
}

int fg_zip_open(FgZip *z, const void *data, size_t size, FgError *err)
{
    const File f = {data, size, err};
    uint64_t nb = 0, at = 0;
    memset(z, 0, sizeof(*z));
    int rc = read_end(&f, &nb, &at);
    if (rc < 0)
        return rc;
    z->entries = calloc((size_t)nb + 1, sizeof(*z->entries));
    if (!z->entries)
        return fg_error(err, -ENOMEM, "out of memory");
    for (uint64_t i = 0; i < nb && rc >= 0; i++)
        rc = read_entry(&f, &at, &z->entries[z->nb++]);
    if (rc < 0) {
        fg_zip_free(z);
        return rc;
    }
    qsort(z->entries, (size_t)z->nb, sizeof(*z->entries), by_name);
    return 0;
}

const FgZipEntry *fg_zip_find(const FgZip *z, const char *name, size_t len)
{
    const FgZipEntry key = {.name = name, .name_len = len};
    return z->nb
               ? bsearch(&key, z->entries, (size_t)z->nb, sizeof(key), by_name)
               : NULL;
}

void fg_zip_free(FgZip *z)
{
    free(z->entries);
    memset(z, 0, sizeof(*z));
}
