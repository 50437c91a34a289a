/* ffgan: tests of the YAML reader.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/source.h"

static int parse(FgYaml *y, const char *text, FgError *err)
{
    err->text[0] = 0;
    return fg_yaml_parse(y, text, strlen(text), "t.yaml", err);
}

static void assert_refused(const char *text, const char *message)
{
    FgError err;
    FgYaml y;

    assert_int_equal(parse(&y, text, &err), -EINVAL);
    assert_string_equal(err.text, message);
    assert_null(y.items);
    assert_int_equal(y.nb, 0);
}

static void test_tree(void **state)
{
    const FgYaml *v;
    FgError err;
    FgYaml y;

    (void)state;
    assert_int_equal(parse(&y, "a: 1\nb:\n  - x\n  - \"2\"\nc: {d: }\n", &err),
                     0);
    assert_int_equal(y.type, FG_YAML_MAP);
    assert_int_equal(y.nb, 3);
    v = fg_yaml_get(&y, "a");
    assert_string_equal(v->text, "1");
    assert_int_equal(v->line, 1);
    assert_int_equal(v->column, 4);
    v = fg_yaml_get(&y, "b");
    assert_int_equal(v->type, FG_YAML_LIST);
    assert_int_equal(v->nb, 2);
    assert_int_equal(v->items[0].quoted, 0);
    assert_int_equal(v->items[1].quoted, 1);
    assert_int_equal(v->items[1].line, 4);
    v = fg_yaml_get(fg_yaml_get(&y, "c"), "d");
    assert_string_equal(v->text, "");
    assert_null(fg_yaml_get(&y, "e"));
    assert_null(fg_yaml_get(v, "e"));
    assert_int_equal(y.key_line[2], 5);
    assert_int_equal(y.key_column[2], 1);
    fg_yaml_free(&y);
    fg_yaml_free(&y);
    fg_yaml_free(NULL);
}

static void test_alias_and_copy(void **state)
{
    FgYaml y, copy;
    FgError err;

    (void)state;
    assert_int_equal(parse(&y, "a: &x {k: [1, 2]}\nb: *x\n", &err), 0);
    assert_int_equal(fg_yaml_copy(&copy, &y), 0);
    fg_yaml_free(&y);
    assert_string_equal(
        fg_yaml_get(fg_yaml_get(&copy, "b"), "k")->items[1].text, "2");
    fg_yaml_free(&copy);
}

static void test_many_keys(void **state)
{
    char text[4000], key[16];
    size_t n = 0;
    FgError err;
    FgYaml y;

    (void)state;
    for (int i = 0; i < 300; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "k%d: %d\n", i, i);
    assert_int_equal(parse(&y, text, &err), 0);
    assert_int_equal(y.nb, 300);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(atoi(fg_yaml_get(&y, key)->text), i);
    }
    fg_yaml_free(&y);
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("", "t.yaml:1:1: nothing inside");
    assert_refused("a: 1\nb: 2\na: 3\n",
                   "t.yaml:3:1: 'a' is there twice, first in line 1");
    assert_refused("a: &x {b: 1}\nc:\n  <<: *x\n",
                   "t.yaml:3:3: merge keys ('<<') are not taken");
    assert_refused("a: *x\n", "t.yaml:1:4: alias without its anchor");
    assert_refused("a: &x [*x]\n", "t.yaml:1:8: alias without its anchor");
    assert_refused("? [1]\n: 2\n", "t.yaml:1:3: a key must be plain text");
    assert_refused("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document");
    assert_refused("a: \"x\\0y\"\n", "t.yaml:1:4: a zero byte inside a value");
    assert_refused("a: [1, 2\nb: 3\n",
                   "t.yaml:2:2: did not find expected ',' or ']' while "
                   "parsing a flow sequence");
    assert_refused("a:\n\t- b\n",
                   "t.yaml:2:1: found character that cannot start any token "
                   "while scanning for the next token");
}

static void test_depth(void **state)
{
    char text[128] = "";
    FgError err;
    FgYaml y;

    (void)state;
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_int_equal(parse(&y, text, &err), -EINVAL);
    assert_string_equal(err.text, "t.yaml:1:33: nested over 32 deep");
    memset(text, 0, sizeof(text));
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    assert_int_equal(parse(&y, text, &err), 0);
    fg_yaml_free(&y);
}

/* "Billion laughs": nine levels of nine aliases. */
static void test_bomb(void **state)
{
    char text[1000] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    size_t n = strlen(text);
    FgError err;
    FgYaml y;

    (void)state;
    for (int i = 1; i < 9; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "*a%d%s", i - 1,
                                  k < 8 ? ", " : "]\n");
    }
    assert_int_equal(parse(&y, text, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 100000 values"));
}

static void test_files(void **state)
{
    char *const big = malloc(2 << 20);
    FgError err;
    FgYaml y;

    (void)state;
    assert_int_equal(fg_yaml_read(&y, "/no/such.yaml", &err), -ENOENT);
    assert_string_equal(err.text, "/no/such.yaml: No such file or directory");
    assert_int_equal(fg_yaml_read(&y, "/", &err), -EISDIR);
    assert_non_null(big);
    memset(big, '#', 2 << 20);
    assert_int_equal(fg_yaml_parse(&y, big, 2 << 20, "big", &err), -EFBIG);
    assert_string_equal(err.text, "big: 2097152 bytes, allowed up to 1048576");
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),      cmocka_unit_test(test_alias_and_copy),
        cmocka_unit_test(test_many_keys), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),     cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
