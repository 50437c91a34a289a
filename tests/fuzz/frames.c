/* ffgan: fuzzer of frame lists, patterns and sizes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "pipeline/sequence.h"
#include "pipeline/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgError err;
    FgTarget t;
    int64_t *v;
    int nb;
    char *const text = strndup((const char *)data, size);

    if (!text)
        return 0;
    if (!fg_frame_list(text, &v, &nb, &err)) {
        for (int i = 1; i < nb; i++)
            if (v[i] <= v[i - 1])
                abort();
        free(v);
    }
    char *const s = fg_pattern_normal(text);
    char *const name = s ? fg_pattern_name(s, 7) : NULL;
    fg_target_parse(text, &t);
    free(name);
    free(s);
    free(text);
    return 0;
}
