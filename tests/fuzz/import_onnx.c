/* ONNX: the messages, the operators, folding of constants.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const FgImportFile f = {.data = data, .size = size, .name = "fuzz"};
    if (size < 5 || data[0] != 8)
        return -1;
    fuzz_import(&f);
    return 0;
}
