/* ffgan: fuzzer of presets, from text to graph.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "pipeline/preset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgPreset *p;
    FgError err;

    if (fg_preset_parse(&p, (const char *)data, size, "fuzz", NULL, 0, &err) <
        0)
        return 0;
    for (int i = 0; i < p->nb_commands; i++)
        if (!fg_preset_command_value(p, i, 1, 25))
            abort();
    fg_preset_free(&p);
    return 0;
}
