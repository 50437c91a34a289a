/* ffgan: models made by other programs.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads .safetensors without ffgan.graph, PyTorch's .pth and .pt (zip files;
 * their pickle is read as data by an allow-list of opcodes and globals),
 * .onnx, and ncnn's .param with its .bin beside it. Nothing in a file is ever
 * executed; every count, size, stride and nesting is bounded and checked
 * before it is used. The first two hold weights without a network: that is
 * found from the tensors' names and shapes alone (fg_import_family). */
#ifndef FFGAN_KERNELS_IMPORT_H
#define FFGAN_KERNELS_IMPORT_H

#include "model.h"

/* Raised when a conversion changes: older entries of the cache are left. */
#define FG_IMPORT_VERSION 4

/* 1 when data is, by its first bytes, a file that fg_import_parse reads or
 * has a message for; 0 for our own weights files and for what nobody knows. */
int fg_import_wants(const void *data, size_t size);

/* A file in memory. more: what else the model is made of (ncnn: the .bin
 * file), or NULL. name stands in messages. Errors as fg_model_read. */
typedef struct FgImportFile {
    const void *data, *more;
    size_t size, more_size;
    const char *name;
} FgImportFile;
int fg_import_parse(FgModel **m, const FgImportFile *f, FgError *err);

/* Tensors of a .safetensors file as they are, into ps, which is zeroed: no
 * network is looked for. The caller frees ps, also on failure. */
int fg_import_tensors(FgParams *ps, const FgImportFile *f, FgError *err);

/* As fg_import_parse with the cache: $XDG_CACHE_HOME/ffgan/models
 * (~/.cache/...) keeps what was converted, by the SHA-256 of the file and
 * FG_IMPORT_VERSION. Many processes may do so at once; a cache that cannot be
 * written is only not used. data is the mapped file at path; for ncnn the .bin
 * is read, too. */
int fg_import_read(FgModel **m, const void *data, size_t size, const char *path,
                   FgError *err);

/* The families found from keys alone, for lists and documentation. */
typedef struct FgImportFamily {
    const char *name;    /* "compact" */
    const char *title;   /* "SRVGGNetCompact" */
    const char *example; /* models that people have */
    const char *limits;  /* what is not read, or "" */
    const char *keys[3]; /* tensors that every such file has */
} FgImportFamily;
const FgImportFamily *fg_import_family(int i); /* NULL past the end */
/* One line about the i-th file format; NULL past the end. */
const char *fg_import_format(int i);
/* The i-th ONNX operator, ncnn layer that is read; NULL past the end. */
const char *fg_import_onnx_op(int i);
const char *fg_import_ncnn_layer(int i);

#endif
