/* Event files: the checksum, records byte for byte, values read back by a
 * reader of its own, cutting on resume, damage.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/events.h"

static char dir[] = "/tmp/ffgan-events.XXXXXX";

/* RFC 3720 B.4: 32 bytes of zeros, of ones, ascending. */
static void the_checksum_is_castagnolis(void **state)
{
    static const struct {
        uint32_t crc;
        int fill;
    } rows[] = {{0x8a9136aau, 0}, {0x62a8ab43u, 255}, {0x46dd794eu, -1}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint8_t data[32];
        const uint32_t c = rows[i].crc;

        for (int k = 0; k < 32; k++)
            data[k] = (uint8_t)(rows[i].fill < 0 ? k : rows[i].fill);
        assert_int_equal(fg_crc32c_masked(data, 32),
                         (c >> 15 | c << 17) + 0xa282ead8u);
    }
}

/* ---- a reader of protobuf that knows no schema ---- */

typedef struct Field {
    int number, type;
    uint64_t v; /* varint, or fixed bits */
    const uint8_t *data;
    size_t size;
} Field;

static const uint8_t *next(const uint8_t *p, const uint8_t *end, Field *f)
{
    uint64_t v[2] = {0, 0};

    for (int k = 0; k < 2; k++) {
        int shift = 0, more = 1;

        if (k && (v[0] & 7) != 0 && (v[0] & 7) != 2)
            break;
        for (; more && p < end; shift += 7) {
            v[k] |= (uint64_t)(*p & 0x7f) << shift;
            more = *p++ >= 0x80;
        }
        assert_false(more);
    }
    *f = (Field){(int)(v[0] >> 3), (int)(v[0] & 7), v[1], p, 0};
    if (f->type == 2)
        f->size = v[1];
    else if (f->type)
        f->size = f->type == 1 ? 8 : 4;
    assert_true(f->size <= (size_t)(end - p));
    for (size_t i = 0; f->type != 2 && i < f->size; i++)
        f->v |= (uint64_t)p[i] << 8 * i;
    return p + f->size;
}

/* The first field of that number; field 5 then 1 is a summary's value. */
static int find(const uint8_t *p, size_t size, int number, int skip, Field *f)
{
    const uint8_t *const end = p + size;

    while (p < end) {
        p = next(p, end, f);
        if (f->number == number && !skip--)
            return 1;
    }
    return 0;
}

static float as_float(const Field *f)
{
    const uint32_t bits = (uint32_t)f->v;
    float v;

    memcpy(&v, &bits, 4);
    return v;
}

typedef struct Seen {
    int records, versions, scalars, images, trials, starts;
    int64_t steps[64];
    char tag[64][32];
    float v[64];
} Seen;

static void see_value(Seen *s, const Field *value, int64_t step)
{
    Field tag, f;

    assert_true(find(value->data, value->size, 1, 0, &tag));
    if (find(value->data, value->size, 2, 0, &f)) {
        const int i = s->scalars++;

        s->steps[i] = step;
        snprintf(s->tag[i], 32, "%.*s", (int)tag.size, (const char *)tag.data);
        s->v[i] = as_float(&f);
    }
    if (find(value->data, value->size, 4, 0, &f)) {
        Field png, h;

        assert_true(find(f.data, f.size, 4, 0, &png));
        assert_true(find(f.data, f.size, 1, 0, &h));
        assert_int_equal(h.v, 5);
        assert_memory_equal(png.data, "\x89PNG", 4);
        s->images++;
    }
    s->trials += find(value->data, value->size, 9, 0, &f);
}

static int see(void *arg, const uint8_t *data, size_t size, size_t at)
{
    Seen *s = arg;
    Field f, value;
    (void)at;

    s->records++;
    if (find(data, size, 3, 0, &f)) {
        assert_memory_equal(f.data, "brain.Event:2", 13);
        s->versions++;
    }
    if (find(data, size, 5, 0, &f))
        for (int k = 0; find(f.data, f.size, 1, k, &value); k++)
            see_value(s, &value, fg_event_step(data, size));
    s->starts += find(data, size, 7, 0, &f);
    return 0;
}

/* All event files of the folder, oldest first. */
static Seen see_all(void)
{
    struct dirent **list;
    const int n = scandir(dir, &list, NULL, alphasort);
    Seen s = {0};

    for (int i = 0; i < n; i++) {
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
        if (list[i]->d_name[0] != '.')
            assert_int_equal(fg_events_walk(path, see, &s, NULL, NULL), 0);
        free(list[i]);
    }
    free(list);
    return s;
}

static FgEvents *opened(int64_t keep)
{
    FgEvents *e;
    FgError err = {{0}};
    if (fg_events_open(&e, dir, keep, &err))
        fail_msg("%s", err.text);
    return e;
}

static void put(FgEvents *e, int64_t step)
{
    const FgTag tags[] = {{"Loss/G", (double)step / 8}, {"Loss/D", -1.5}};

    assert_int_equal(fg_events_scalars(e, step, tags, 2, NULL), 0);
}

static void values_come_back(void **state)
{
    uint8_t rgb[5 * 4 * 3] = {9};
    const FgPicture pic = {4, 5, rgb};
    char *pairs[] = {"lr=1e-3", "act=relu", "aug=true"};
    FgEvents *e = opened(0);
    Seen s;
    (void)state;
    put(e, 100);
    put(e, 300);
    assert_int_equal(fg_events_image(e, 300, "samples", &pic, NULL), 0);
    assert_int_equal(fg_events_trial(e, "t1", pairs, 3, NULL), 0);
    assert_int_equal(fg_events_trial_end(e, 1, NULL), 0);
    fg_events_close(&e);
    s = see_all();
    assert_int_equal(s.records, 6);
    assert_int_equal(s.versions, 1);
    assert_int_equal(s.scalars, 4);
    assert_int_equal(s.images, 1);
    assert_int_equal(s.trials, 2);
    assert_int_equal(s.steps[2], 300);
    assert_string_equal(s.tag[2], "Loss/G");
    assert_string_equal(s.tag[3], "Loss/D");
    assert_true(fabsf(s.v[2] - 37.5f) <= 0 && fabsf(s.v[3] + 1.5f) <= 0);
}

/* The folder holds steps 100 and 300; going on from 200 says 300 once. */
static void a_resumed_run_says_no_step_twice(void **state)
{
    FgEvents *e = opened(200);
    Seen s;
    int at300 = 0;
    (void)state;
    put(e, 300);
    put(e, 400);
    fg_events_close(&e);
    s = see_all();
    for (int i = 0; i < s.scalars; i++)
        at300 += s.steps[i] == 300;
    assert_int_equal(s.scalars, 6);
    assert_int_equal(at300, 2);
    assert_int_equal(s.images, 0);
    assert_int_equal(s.versions, 2);
    assert_int_equal(s.starts, 1);
}

static void damage(const char *path, long at, int byte)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    fputc(byte, f);
    fclose(f);
}

/* Half a record, or a wrong byte: what follows is cut, what precedes stays. */
static void damaged_ends_are_cut(void **state)
{
    struct dirent **list;
    const int n = scandir(dir, &list, NULL, alphasort);
    char path[512];
    FgEvents *e;
    Seen s;
    (void)state;
    snprintf(path, sizeof(path), "%s/%s", dir, list[n - 1]->d_name);
    damage(path, -5, 0x7e); /* in the record of step 400 */
    assert_int_equal(see_all().scalars, 4);
    e = opened(1000);
    put(e, 500);
    fg_events_close(&e);
    s = see_all();
    assert_int_equal(s.scalars, 6);
    assert_int_equal(s.steps[4], 500);
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

static int make(void **state)
{
    (void)state;
    return !mkdtemp(dir);
}

static int clean(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_castagnolis),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(a_resumed_run_says_no_step_twice),
        cmocka_unit_test(damaged_ends_are_cut),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
