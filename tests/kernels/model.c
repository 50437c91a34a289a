/* The weights file: writing, reading back, every refusal, finding by name.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/ffgan-model-XXXXXX";
static char path[128];
static const FgBuild compact = {"compact", 1, 2, 4, 1, "relu", "bicubic", 0};

static char *slurp(size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *p = malloc(1 << 20);
    *size = fread(p, 1, 1 << 20, f);
    fclose(f);
    return p;
}

static void write_model(FgModel *m)
{
    FgError err = {{0}};
    if (fg_model_write(m, path, &err) < 0)
        fail_msg("%s", err.text);
}

static void round_trip(void **state)
{
    (void)state;
    FgModel *m = net_model(&compact), *r;
    FgError err = {{0}};
    char hex[65];
    size_t n, n2;
    fg_model_set_meta(m, "name", "first");
    fg_model_set_meta(m, "name", "small \"one\" \xc3\xa9");
    fg_model_set_meta(m, "ffgan.licence", "CC0");
    write_model(m);
    char *a = slurp(&n);
    if (fg_model_read(&r, path, &err) < 0)
        fail_msg("%s", err.text);
    fg_sha256_hex(a, n, hex);
    assert_string_equal(hex, r->sha256);
    assert_string_equal(fg_model_meta(r, "name"), fg_model_meta(m, "name"));
    assert_string_equal(fg_model_meta(r, "ffgan.colour"), "y");
    assert_string_equal(fg_model_meta(r, "ffgan.reach"), "3");
    assert_null(fg_model_meta(r, "ffgan.recipe"));
    assert_int_equal(r->scale, 2);
    assert_int_equal(r->luma, 1);
    assert_int_equal(r->params.nb, m->params.nb);
    for (int i = 0; i < m->params.nb; i++) {
        const FgParam *p = &m->params.p[i];
        const FgParam *q = fg_params_find(&r->params, p->name);
        assert_non_null(q);
        assert_memory_equal(p->data, q->data,
                            sizeof(float) * fg_param_count(p));
    }
    write_model(r);
    char *b = slurp(&n2);
    assert_int_equal(n, n2);
    assert_memory_equal(a, b, n);
    assert_int_equal((n - 4 * fg_params_count(&m->params)) % 64, 0);
    free(a);
    free(b);
    fg_model_free(&m);
    fg_model_free(&r);
    fg_model_free(&r);
    fg_model_free(NULL);
}

static void sha256_of_the_standard(void **state)
{
    (void)state;
    char hex[65];
    fg_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
                             "b00361a396177a9cb410ff61f20015ad");
}

/* ---- refusals: a file written by hand ---- */

#define GRAPH                                                                  \
    "{\\\"nodes\\\":[{\\\"name\\\":\\\"in\\\",\\\"op\\\":\\\"input\\\","       \
    "\\\"attr\\\":{\\\"channels\\\":1}},{\\\"name\\\":\\\"b\\\",\\\"op\\\":"   \
    "\\\"bias\\\",\\\"in\\\":[\\\"in\\\"],\\\"param\\\":[\\\"b.bias\\\"]}]}"
#define META(scale)                                                            \
    "\"__metadata__\":{\"ffgan.format\":\"1\",\"ffgan.graph\":\"" GRAPH        \
    "\",\"ffgan.scale\":\"" scale "\",\"ffgan.colour\":\"y\"}"
#define BIAS(dtype, shape, at)                                                 \
    ",\"b.bias\":{\"dtype\":\"" dtype "\",\"shape\":" shape                    \
    ",\"data_offsets\":" at "}"

static int parse_with(FgModel **m, const char *header, const void *data,
                      size_t size, FgError *err)
{
    static uint8_t buf[8192];
    const size_t n = strlen(header);
    assert_true(n + size + 8 <= sizeof(buf));
    memset(buf, 0, 8);
    buf[0] = n & 255;
    buf[1] = (uint8_t)(n >> 8);
    memcpy(buf + 8, header, n);
    memcpy(buf + 8 + n, data, size);
    return fg_model_parse(m, buf, n + size + 8, "x.safetensors", err);
}

static void refuses_data(const char *header, const void *data, size_t size,
                         int code, const char *what)
{
    FgModel *m;
    FgError err = {{0}};
    const int rc = parse_with(&m, header, data, size, &err);
    assert_null(m);
    if (rc != code || !strstr(err.text, what) ||
        !strstr(err.text, "x.safetensors"))
        fail_msg("%d '%s', wanted %d '%s'", rc, err.text, code, what);
}

static void refuses(const char *header, int code, const char *what)
{
    static const float one = 1;
    refuses_data(header, &one, 4, code, what);
}

static void number_formats(void **state)
{
    static const struct {
        const char *header;
        uint8_t data[8];
        size_t size;
    } t[] = {
        {"{" META("1") BIAS("F32", "[1]", "[0,4]") "}", {0, 0, 0x40, 0xc0}, 4},
        {"{" META("1") BIAS("F16", "[1]", "[0,2]") "}", {0, 0xc2}, 2},
        {"{" META("1") BIAS("BF16", "[1]", "[0,2]") "}", {0x40, 0xc0}, 2},
        {"{" META("1") BIAS("F64", "[1]", "[0,8]") "}",
         {0, 0, 0, 0, 0, 0, 8, 0xc0},
         8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
        FgModel *m;
        FgError err = {{0}};
        if (parse_with(&m, t[i].header, t[i].data, t[i].size, &err) < 0)
            fail_msg("%s", err.text);
        assert_true(m->params.p[0].data[0] == -3);
        fg_model_free(&m);
    }
}

static void bad_files_are_refused(void **state)
{
    static const uint8_t nan32[4] = {0, 0, 0xc0, 0x7f};
    static const uint8_t inf16[2] = {0, 0x7c},
                         inf64[8] = {1, 0, 0, 0, 0, 0, 0, 0x48};
    const int bad = -EBADMSG;
    (void)state;
    refuses("{", bad, "not JSON");
    refuses("[]", bad, "not an object");
    refuses("{}", bad, "belong to none");
    refuses("{" META("1") ",\"b.bias\":3}", bad, "'b.bias'");
    refuses("{" META("1") BIAS("F32", "[1]", "[0,4]")
                BIAS("F32", "[1]", "[0,4]") "}",
            bad, "not JSON");
    refuses("{" META("1") BIAS("I32", "[1]", "[0,4]") "}", bad,
            "dtype is I32, allowed F32");
    refuses("{" META("1") BIAS("F32", "[2]", "[0,4]") "}", bad,
            "has 4 bytes, its shape and dtype need 8");
    refuses("{" META("1") BIAS("F32", "[0]", "[0,0]") "}", bad, "shape");
    refuses("{" META("1") BIAS("F32", "[65536,65536]", "[0,4]") "}", bad,
            "2^30 elements");
    refuses("{" META("1") BIAS("F32", "[1,1,1,1,1]", "[0,4]") "}", bad,
            "0..4 sizes");
    refuses("{" META("1") BIAS("F32", "[-1]", "[0,4]") "}", bad, "shape");
    refuses("{" META("1") BIAS("F32", "[1]", "[4,8]") "}", bad,
            "ends at byte 8");
    refuses("{" META("1") BIAS("F32", "[1]", "[4,0]") "}", bad, "begin <= end");
    refuses("{" META("1") BIAS("F32", "[1]", "[-4,0]") "}", bad,
            "begin <= end");
    refuses_data("{" META("1") BIAS("F32", "[1]", "[0,4]") "}", "12345678", 8,
                 bad, "belong to none");
    refuses_data("{" META("1") BIAS("F32", "[1]", "[4,8]") "}", "12345678", 8,
                 bad, "a hole");
    refuses_data("{" META("1")
                     BIAS("F32", "[1]",
                          "[0,4]") ",\"c\":{\"dtype\":\"F32\",\"shape\":[1],"
                                   "\"data_offsets\":[2,6]}}",
                 "123456", 6, bad, "overlaps");
    refuses_data("{" META("1")
                     BIAS("F32", "[1]",
                          "[0,4]") ",\"c\":{\"dtype\":\"F32\",\"shape\":[1],"
                                   "\"data_offsets\":[4,8]}}",
                 "12345678", 8, bad, "does not use it");
    refuses_data("{" META("1") "}", "", 0, bad, "the file lacks it");
    refuses_data("{" META("1") BIAS("F32", "[1]", "[0,4]") "}", nan32, 4, bad,
                 "not finite");
    refuses_data("{" META("1") BIAS("F16", "[1]", "[0,2]") "}", inf16, 2, bad,
                 "not finite");
    refuses_data("{" META("1") BIAS("F64", "[1]", "[0,8]") "}", inf64, 8, bad,
                 "not finite");
    refuses("{" META("2") BIAS("F32", "[1]", "[0,4]") "}", bad,
            "ffgan.scale says 2");
    refuses("{" META("x") BIAS("F32", "[1]", "[0,4]") "}", bad,
            "allowed 1..16");
    refuses("{\"__metadata__\":{\"a\":1}" BIAS("F32", "[1]", "[0,4]") "}", bad,
            "not a string");
    refuses("{\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
            "\"data_offsets\":[0,4]}}",
            -ENOTSUP, "no ffgan.graph");
}

static void truncated_anywhere(void **state)
{
    (void)state;
    FgModel *m = net_model(&compact);
    size_t n;
    write_model(m);
    char *p = slurp(&n);
    for (size_t i = 0; i < n; i += i < 4096 ? 1 : 17) {
        FgModel *r;
        FgError err = {{0}};
        assert_int_equal(fg_model_parse(&r, p, i, "x", &err), -EBADMSG);
        assert_null(r);
        assert_true(err.text[0] != 0);
    }
    free(p);
    fg_model_free(&m);
}

static void bad_paths(void **state)
{
    (void)state;
    FgModel *m;
    FgError err = {{0}};
    assert_int_equal(fg_model_read(&m, "/nonexistent/x.safetensors", &err),
                     -ENOENT);
    assert_null(m);
    assert_int_equal(fg_model_read(&m, dir, &err), -EBADMSG);
    FILE *f = fopen(path, "w");
    fclose(f);
    assert_int_equal(fg_model_read(&m, path, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "0 bytes"));
}

static void writer_refuses_and_cleans_up(void **state)
{
    (void)state;
    FgModel *m = net_model(&compact);
    FgError err = {{0}};
    size_t n, n2;
    write_model(m);
    char *a = slurp(&n);
    m->params.p[1].data[2] = NAN;
    assert_int_equal(fg_model_write(m, path, &err), -EINVAL);
    assert_non_null(strstr(err.text, m->params.p[1].name));
    m->params.p[1].data[2] = 0;
    assert_int_equal(fg_model_write(m, "/nonexistent/x.safetensors", &err),
                     -ENOENT);
    assert_non_null(fg_params_add(&m->params, "unused", 1, (int[]){3}));
    assert_int_equal(fg_model_write(m, path, &err), -EINVAL);
    assert_non_null(strstr(err.text, "unused"));
    char *b = slurp(&n2);
    assert_int_equal(n, n2);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    fg_model_free(&m);
}

static int count_entries(void)
{
    DIR *d = opendir(dir);
    int n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* As on a full disk, writing stops in the middle: the old file stays and
 * nothing is left beside it. */
static void failed_write_leaves_nothing(void **state)
{
    (void)state;
    const struct rlimit small = {512, RLIM_INFINITY};
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    FgModel *m = net_model(&compact);
    FgError err = {{0}};
    size_t n, n2;
    write_model(m);
    char *a = slurp(&n);
    const int before = count_entries();
    fg_model_set_meta(m, "name", "another");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const int rc = fg_model_write(m, path, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_int_equal(rc, -EFBIG);
    assert_int_equal(count_entries(), before);
    char *b = slurp(&n2);
    assert_int_equal(n, n2);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    fg_model_free(&m);
}

/* ---- by name ---- */

static int first_one(void *arg, const char *name, const char *where)
{
    int *seen = arg;
    if (!strcmp(name, "tiny-x2"))
        *seen += strstr(where, "/a/weights/") ? 1 : 100;
    return 0;
}

static void found_by_name(void **state)
{
    (void)state;
    char a[160], list[400], out[256];
    FgError err = {{0}};
    int seen = 0;
    FgModel *m = net_model(&compact);
    snprintf(a, sizeof(a), "%s/a", dir);
    mkdir(a, 0777);
    snprintf(a, sizeof(a), "%s/a/weights", dir);
    mkdir(a, 0777);
    snprintf(a, sizeof(a), "%s/a/weights/tiny-x2.safetensors", dir);
    assert_int_equal(fg_model_write(m, a, &err), 0);
    snprintf(list, sizeof(list), "%s/tiny-x2.safetensors", dir);
    assert_int_equal(fg_model_write(m, list, &err), 0);
    snprintf(list, sizeof(list), ":%s/none::%s/a:%s", dir, dir, dir);
    setenv("FFGAN_PATH", list, 1);
    setenv("XDG_CONFIG_HOME", dir, 1);
    assert_int_equal(fg_model_find("tiny-x2", out, sizeof(out), &err), 0);
    assert_string_equal(out, a);
    assert_int_equal(fg_model_find("tinny-x2", out, sizeof(out), &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "did you mean 'tiny-x2'"));
    assert_non_null(strstr(err.text, "/a/weights"));
    assert_int_equal(fg_model_find("tiny-x2", out, 9, &err), -ENAMETOOLONG);
    assert_int_equal(fg_model_find("./x", out, sizeof(out), &err), 0);
    assert_string_equal(out, "./x");
    assert_int_equal(fg_model_list(first_one, &seen), 0);
    assert_int_equal(seen, 1);
    unsetenv("FFGAN_PATH");
    assert_int_equal(fg_model_find("tiny-x2", out, sizeof(out), &err), -ENOENT);
    snprintf(list, sizeof(list), "%s/a", dir);
    fg_set_data_dir(list);
    assert_int_equal(fg_model_find("tiny-x2", out, sizeof(out), &err), 0);
    unlink(a);
    /* The working directory is never searched. */
    assert_int_equal(chdir(dir), 0);
    fg_set_data_dir("");
    assert_int_equal(fg_model_find("tiny-x2", out, sizeof(out), &err), -ENOENT);
    fg_model_free(&m);
}

static int start(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/m.safetensors", dir);
    return 0;
}

static int stop(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(sha256_of_the_standard),
        cmocka_unit_test(number_formats),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(bad_paths),
        cmocka_unit_test(writer_refuses_and_cleans_up),
        cmocka_unit_test(failed_write_leaves_nothing),
        cmocka_unit_test(found_by_name),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
