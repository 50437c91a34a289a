/* ffgan: fuzzer of the YAML reader.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "pipeline/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgYaml y, copy;
    FgError err;

    if (fg_yaml_parse(&y, (const char *)data, size, "fuzz", &err) < 0)
        return 0;
    if (fg_yaml_copy(&copy, &y) == 0)
        fg_yaml_free(&copy);
    fg_yaml_free(&y);
    return 0;
}
