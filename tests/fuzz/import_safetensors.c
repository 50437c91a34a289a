/* .safetensors without ffgan.graph: the header, then families from its names.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const FgImportFile f = {.data = data, .size = size, .name = "fuzz"};
    if (size < 10 || data[8] != '{')
        return -1;
    fuzz_import(&f);
    return 0;
}
