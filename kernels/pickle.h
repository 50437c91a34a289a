/* ffgan: Python pickles read as data.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A stack machine (pickle protocols 2 to 5, PEP 307, 3154) whose values are
 * numbers, strings, lists, dictionaries and tensors' descriptions. Nothing is
 * imported, called or executed: what a pickle would call must be on a list,
 * and is turned into a value by us. Opcodes, values, memo and depth of the
 * stack are bounded. */
#ifndef FFGAN_KERNELS_PICKLE_H
#define FFGAN_KERNELS_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

typedef enum FgPickleType {
    FG_PICKLE_OTHER, /* None, and what carries nothing for us */
    FG_PICKLE_INT,   /* also bool */
    FG_PICKLE_FLOAT,
    FG_PICKLE_TEXT,
    FG_PICKLE_TUPLE,
    FG_PICKLE_LIST,
    FG_PICKLE_DICT,    /* items: key, value, key, value, ... */
    FG_PICKLE_GLOBAL,  /* text: "module name" */
    FG_PICKLE_STORAGE, /* text: its key; v: index of the type in a table */
    FG_PICKLE_TENSOR   /* items: storage, offset, sizes, strides */
} FgPickleType;

typedef struct FgPickleValue {
    FgPickleType type;
    int64_t v;        /* numbers; FLOAT: bits of the double */
    const char *text; /* into the data, not terminated */
    size_t len;
    int *items; /* owned */
    int nb, cap;
} FgPickleValue;

typedef struct FgPickle {
    FgPickleValue *values;
    int nb, cap;
    int root; /* index of the result */
} FgPickle;

/* data must outlive p. -EBADMSG, -ENOTSUP (an opcode or a global that is not
 * on the list; the first three are named), -ENOMEM. Zeroed on failure. */
int fg_pickle_read(FgPickle *p, const void *data, size_t size, FgError *err);
void fg_pickle_free(FgPickle *p); /* accepts zeroed */
/* The value under a text key of dictionary d, or -1. */
int fg_pickle_get(const FgPickle *p, int d, const char *key);
/* Name of a storage's element type as in .safetensors, bytes of one. */
const char *fg_pickle_dtype(const FgPickleValue *storage, size_t *size);

#endif
