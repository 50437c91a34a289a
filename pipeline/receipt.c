/* ffgan: chunks of a job: their receipts.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/exit.h"
#include "pipeline/receipt.h"
#include "pipeline/sequence.h"
#include "pipeline/util.h"

static int parse(FgReceipt *r, const FgJobPlan *p, int64_t k, FgError *err)
{
    const char *id;
    json_int_t chunk, from, to, bytes, packets;
    json_t *hashes, *file_name, *xxh3;
    if (json_unpack(r->json, "{s:s,s:I,s:[I,I],s:o,s:I,s:I,s:o,s:o}", "plan",
                    &id, "chunk", &chunk, "frames", &from, &to, "file",
                    &file_name, "bytes", &bytes, "packets", &packets, "xxh3",
                    &xxh3, "hashes", &hashes) < 0)
        return fg_error(err, -EINVAL, "a key is missing or of a wrong kind");
    const char *const file = json_string_value(file_name);
    const char *const hash = json_string_value(xxh3);
    if (strcmp(id, p->id) != 0)
        return fg_error(err, -EINVAL, "it belongs to another plan");
    if (chunk != k || from != fg_job_plan_first(p, k) ||
        to != fg_job_plan_first(p, k + 1) ||
        (file == NULL) != p->job.pictures_out ||
        (file && (!hash || strchr(file, '/'))) ||
        json_array_size(hashes) != (size_t)(to - from))
        return fg_error(err, -EINVAL, "its numbers do not fit the plan");
    r->from = from;
    r->to = to;
    r->bytes = bytes;
    r->packets = packets;
    r->hash = hash;
    if (file)
        r->file = fg_format("%s/%s", p->folder, file);
    return file && !r->file ? fg_error(err, -ENOMEM, "no memory") : 0;
}

int fg_receipt_read(FgReceipt *r, const FgJobPlan *p, int64_t k, FgError *err)
{
    json_error_t at = {0};
    FgError why = {{0}};
    char *const path = fg_job_plan_file(p, k, ".json");
    *r = (FgReceipt){0};
    if (!path)
        return fg_error(err, -ENOMEM, "no memory");
    if (access(path, F_OK) < 0) {
        const int ret = fg_error(err, -ENOENT, "%s: %s", fg_show(path),
                                 strerror(errno));
        free(path);
        return ret;
    }
    r->json = json_load_file(path, 0, &at);
    int ret = r->json
                  ? parse(r, p, k, &why)
                  : fg_error(&why, -EINVAL, "line %d: %s", at.line, at.text);
    if (ret) {
        fg_error(err, ret, "%s: not a receipt of this job: %s", fg_show(path),
                 why.text);
        fg_receipt_free(r);
    }
    free(path);
    return ret;
}

int fg_receipt_exit(int ret)
{
    return !ret             ? 0
           : ret == -ENOENT ? FG_EXIT_NOINPUT
           : ret == -ENOMEM ? FG_EXIT_RETRY
                            : FG_EXIT_DATA;
}

/* The pictures of a chunk, by their numbers. */
static int check_pictures(const FgReceipt *r, const FgJobPlan *p, FgError *err)
{
    const json_t *const a = json_object_get(r->json, "numbers");
    if (json_array_size(a) != (size_t)(r->to - r->from))
        return fg_error(err, -EINVAL, "%s: a receipt without its pictures",
                        fg_show(p->folder));
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_int_t n = json_integer_value(json_array_get(a, i));
        char *const path = fg_pattern_name(p->job.output, n);
        const int ret = !path ? -ENOMEM : access(path, R_OK) < 0 ? -errno : 0;
        if (ret)
            fg_error(err, ret, "%s: %s", fg_show(path ? path : p->job.output),
                     strerror(-ret));
        free(path);
        if (ret)
            return ret;
    }
    return 0;
}

int fg_receipt_check(const FgReceipt *r, const FgJobPlan *p, int deep,
                     FgError *err)
{
    struct stat st;
    char hash[33];
    if (!r->file)
        return check_pictures(r, p, err);
    if (stat(r->file, &st) < 0)
        return fg_error(err, -errno, "%s: %s", fg_show(r->file),
                        strerror(errno));
    if (st.st_size != r->bytes)
        return fg_error(
            err, -EINVAL, "%s: %lld bytes, and its receipt says %lld",
            fg_show(r->file), (long long)st.st_size, (long long)r->bytes);
    const int ret = deep ? fg_hash_file(r->file, 0, hash) : 0;
    if (ret)
        return fg_error(err, ret, "%s: %s", fg_show(r->file), strerror(-ret));
    if (deep && strcmp(hash, r->hash) != 0)
        return fg_error(err, -EINVAL,
                        "%s: damaged: its bytes are not those of its receipt",
                        fg_show(r->file));
    return 0;
}

int fg_chunk_is_done(const FgJobPlan *p, int64_t k)
{
    FgReceipt r;
    FgError err;
    const int ok = !fg_receipt_read(&r, p, k, &err) &&
                   !fg_receipt_check(&r, p, 0, &err);
    fg_receipt_free(&r);
    return ok;
}

int fg_receipt_stream(const FgReceipt *r, FgStreamInfo *s, FgError *err)
{
    return fg_stream_from_json(s, json_object_get(r->json, "stream"), err);
}

void fg_receipt_free(FgReceipt *r)
{
    json_decref(r->json);
    free(r->file);
    *r = (FgReceipt){0};
}

static int add_hashes(XXH3_state_t *s, const FgReceipt *r)
{
    const json_t *const a = json_object_get(r->json, "hashes");
    size_t i;
    const json_t *v;
    json_array_foreach(a, i, v)
    {
        const char *const text = json_string_value(v);
        if (!text)
            return -EINVAL;
        XXH3_128bits_update(s, text, strlen(text));
    }
    return 0;
}

int fg_job_plan_digest(const FgJobPlan *p, char text[33], FgError *err)
{
    XXH3_state_t *const s = XXH3_createState();
    FgReceipt r = {0};
    int ret = s ? 0 : -ENOMEM;
    if (s)
        XXH3_128bits_reset(s);
    for (int64_t k = 0; k < p->nb_chunks && !ret; k++) {
        ret = fg_receipt_read(&r, p, k, err);
        if (!ret)
            ret = add_hashes(s, &r);
        fg_receipt_free(&r);
    }
    if (!ret)
        fg_hash_text(XXH3_128bits_digest(s), text);
    XXH3_freeState(s);
    return fg_receipt_exit(ret);
}
