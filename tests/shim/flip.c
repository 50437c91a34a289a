/* Copies a file with three bytes changed, the same ones for the same number.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * flip IN OUT N: the N-th (from 1) of a sequence of damaged copies. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 3, FIRST = 4711 };

static uint32_t next(uint32_t *seed)
{
    return *seed = (uint32_t)((*seed * 1103515245ull + 12345) & 0x7fffffff);
}

int main(int argc, char **argv)
{
    static unsigned char data[1 << 24];
    FILE *const in = argc == 4 ? fopen(argv[1], "rb") : NULL;
    FILE *const out = in ? fopen(argv[2], "wb") : NULL;
    const size_t size = out ? fread(data, 1, sizeof(data), in) : 0;
    uint32_t seed = FIRST;
    if (!size)
        return 1;
    for (long i = BYTES * (atol(argv[3]) - 1); i > 0; i--)
        next(&seed);
    for (int i = 0; i < BYTES; i++) {
        const uint32_t r = next(&seed);
        data[r / 2048 % size] = (unsigned char)(r / 8);
    }
    return fwrite(data, 1, size, out) != size || fclose(out);
}
