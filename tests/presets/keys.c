/* ffgan: tests of tables of keys.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "pipeline/source.h"

static const FgKey table[] = {
    {.name = "steps",
     .type = FG_KEY_INT,
     .def = "10",
     .min = 1,
     .max = 99,
     .help = "steps"},
    {.name = "blend",
     .type = FG_KEY_DOUBLE,
     .def = "0.5",
     .min = 0,
     .max = 1,
     .help = "share"},
    {.name = "low",
     .type = FG_KEY_DOUBLE,
     .min = 0,
     .max = INFINITY,
     .help = "low"},
    {.name = "fast", .type = FG_KEY_BOOL, .def = "no", .help = "fast"},
    {.name = "mode",
     .type = FG_KEY_ENUM,
     .def = "a",
     .choices = "a|bc|d",
     .help = "mode"},
    {.name = "data", .type = FG_KEY_LIST, .choices = "x|y", .help = "data"},
    {.name = "more", .type = FG_KEY_MAP, .help = "more"},
    {.name = "name", .type = FG_KEY_STRING, .help = "the name", .required = 1},
    {.name = NULL},
};

static void check(const char *text, const char *message)
{
    FgError err = {""};
    FgYaml y;
    int ret;

    assert_int_equal(fg_yaml_parse(&y, text, strlen(text), "f.yaml", &err), 0);
    ret = fg_keys_check(&y, table, "f.yaml", "net", &err);
    assert_string_equal(err.text, message ? message : "");
    assert_int_equal(ret, message ? -EINVAL : 0);
    fg_yaml_free(&y);
}

static void test_taken(void **state)
{
    (void)state;
    check("name: x", NULL);
    check("{name: x, steps: 99, blend: 1, low: 1e9, fast: on, mode: bc}", NULL);
    check("{name: x, data: [x, y, x], more: {}}", NULL);
    check("{name: x, data: y}", NULL);
    check("{name: x, steps: \"7\"}", NULL);
}

static void test_refused(void **state)
{
    (void)state;
    check("[1]", "f.yaml:1:1: net: must be a map (key: value)");
    check("steps: 1", "f.yaml:1:1: net: 'name' is missing: the name");
    check("name: x\nblned: 1",
          "f.yaml:2:1: net: unknown key 'blned', did you mean 'blend'?");
    check("name: x\nzzzzzz: 1", "f.yaml:2:1: net: unknown key 'zzzzzz'");
    check("name: x\n\nblend: 1.4",
          "f.yaml:3:1: net: 'blend' is 1.4, allowed 0..1");
    check("{name: x, blend: nan}",
          "f.yaml:1:11: net: 'blend' is nan, allowed 0..1");
    check("{name: x, blend: }",
          "f.yaml:1:11: net: 'blend' is empty, allowed 0..1");
    check("{name: x, low: -1}",
          "f.yaml:1:11: net: 'low' is -1, allowed 0 or more");
    check("{name: x, steps: 1.5}",
          "f.yaml:1:11: net: 'steps' is 1.5, allowed 1..99");
    check("{name: x, steps: 100}",
          "f.yaml:1:11: net: 'steps' is 100, allowed 1..99");
    check("{name: x, steps: 99999999999999999999}",
          "f.yaml:1:11: net: 'steps' is 99999999999999999999, allowed 1..99");
    check("{name: x, fast: maybe}",
          "f.yaml:1:11: net: 'fast' is maybe, allowed yes, no");
    check("{name: x, mode: b}",
          "f.yaml:1:11: net: 'mode' is b, allowed a, bc, d");
    check("{name: x, mode: [a]}",
          "f.yaml:1:11: net: 'mode' must be one value, not a list");
    check("{name: x, mode: {a: b}}",
          "f.yaml:1:11: net: 'mode' must be one value, not a map");
    check("{name: x, data: [x, z]}",
          "f.yaml:1:11: net: 'data' is z, allowed x, y");
    check("{name: x, data: [[x]]}",
          "f.yaml:1:11: net: 'data' must be a list of plain values");
    check("{name: x, data: {x: y}}",
          "f.yaml:1:11: net: 'data' must be a list, not a map");
    check("{name: x, more: 1}",
          "f.yaml:1:11: net: 'more' must be a map (key: value)");
}

static void test_values(void **state)
{
    const char *const text = "{name: x, steps: 7, fast: true}";
    FgYaml y;

    (void)state;
    assert_int_equal(fg_yaml_parse(&y, text, strlen(text), "f", NULL), 0);
    assert_int_equal(fg_keys_int(&y, table, "steps"), 7);
    assert_true(fg_keys_double(&y, table, "blend") == 0.5);
    assert_int_equal(fg_keys_bool(&y, table, "fast"), 1);
    assert_string_equal(fg_keys_string(&y, table, "mode"), "a");
    assert_null(fg_keys_string(&y, table, "low"));
    assert_int_equal(fg_keys_int(NULL, table, "steps"), 10);
    fg_yaml_free(&y);
}

static void test_nearest(void **state)
{
    const char *const names[] = {"blend", "model", "w", "h", "range", NULL};

    (void)state;
    assert_string_equal(fg_nearest("blned", names), "blend");
    assert_string_equal(fg_nearest("Model", names), "model");
    assert_string_equal(fg_nearest("modl", names), "model");
    assert_string_equal(fg_nearest("rnage", names), "range");
    assert_null(fg_nearest("zzzzzzzz", names));
    assert_null(fg_nearest("x", names));
    assert_null(fg_nearest("x", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
