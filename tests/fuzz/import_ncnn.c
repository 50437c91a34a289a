/* ncnn: the text of the .param, a 0xff byte, then the .bin.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgImportFile f = {.data = data, .size = size, .name = "fuzz"};
    const uint8_t *const cut = size ? memchr(data, 0xff, size) : NULL;
    if (!cut || size < 8 || memcmp(data, "7767517", 7) != 0)
        return -1;
    f.size = (size_t)(cut - data);
    f.more = cut + 1;
    f.more_size = size - f.size - 1;
    fuzz_import(&f);
    return 0;
}
