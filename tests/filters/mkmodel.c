/* Writes the tests' networks to files; without arguments, tests that they can
 * be read again. usage: mkmodel KIND y|rgb SCALE FILE.safetensors
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models.h"

static int write_model(const char *kind, const char *colour, int scale,
                       const char *path)
{
    FgError err = {"failed"};
    FgModel *m = test_model(kind, !strcmp(colour, "y"), scale, &err);
    int ret = m ? fg_model_write(m, path, &err) : -1;

    fg_model_free(&m);
    if (ret < 0)
        fprintf(stderr, "mkmodel: %s\n", err.text);
    return ret < 0;
}

static void test_files_read_back(void **state)
{
    char dir[] = "/tmp/ffgan-mkmodel.XXXXXX", path[64];
    static const char *const kinds[] = {"identity", "bicubic", "compact"};
    FgError err;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/m.safetensors", dir);
    for (int i = 0; i < 6; i++) {
        const int scale = i < 2 ? 1 : 2;
        FgModel *m = NULL;

        assert_int_equal(
            write_model(kinds[i / 2], i & 1 ? "rgb" : "y", scale, path), 0);
        assert_int_equal(fg_model_read(&m, path, &err), 0);
        assert_int_equal(m->scale, scale);
        assert_int_equal(m->luma, !(i & 1));
        fg_model_free(&m);
    }
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_read_back),
    };

    if (argc == 5)
        return write_model(argv[1], argv[2], atoi(argv[3]), argv[4]);
    return cmocka_run_group_tests_name("mkmodel", tests, NULL, NULL);
}
