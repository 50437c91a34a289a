/* The stack machine that reads pickles, without a zip file round it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include "kernels/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FgPickle p = {0};
    FgError err;
    if (fg_pickle_read(&p, data, size, &err) >= 0)
        fg_pickle_get(&p, p.root, "params");
    fg_pickle_free(&p);
    return 0;
}
