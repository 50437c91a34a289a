/* torch.save's files: the zip's directory, the pickle in it, storages.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const FgImportFile f = {.data = data, .size = size, .name = "fuzz"};
    if (size < 4 || memcmp(data, "PK\3\4", 4) != 0)
        return -1;
    fuzz_import(&f);
    return 0;
}
