/* ffgan: bytes of file names in JSON.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/path_json.h"

json_t *fg_path_to_json(const char *s)
{
    json_t *const plain = json_string(s); /* NULL when it is no UTF-8 */
    const size_t n = strlen(s);
    if (plain)
        return plain;
    char *const hex = malloc(2 * n + 1);
    if (!hex)
        return NULL;
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)s[i]);
    json_t *const j = json_pack("{s:s}", "hex", hex);
    free(hex);
    return j;
}

static int from_hex(const char *hex, char **s)
{
    const size_t n = strlen(hex) / 2;
    char *const out = calloc(n + 1, 1);
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        if (sscanf(hex + 2 * i, "%2x", &v) != 1 || !v) {
            free(out);
            return -EINVAL;
        }
        out[i] = (char)v;
    }
    *s = out;
    return 0;
}

int fg_path_from_json(const json_t *j, char **s)
{
    const char *const plain = json_string_value(j);
    const char *const hex = json_string_value(json_object_get(j, "hex"));
    free(*s);
    *s = NULL;
    if (hex)
        return from_hex(hex, s);
    /* A NUL inside would hide what follows. */
    if (!plain || strlen(plain) != json_string_length(j))
        return -EINVAL;
    *s = strdup(plain);
    return *s ? 0 : -ENOMEM;
}
