/* ffgan: what the importers share. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef FFGAN_KERNELS_IMPORT_PRIV_H
#define FFGAN_KERNELS_IMPORT_PRIV_H

#include <stdarg.h>
#include <stdint.h>

#include "import.h"

/* A model in the making: a bag of foreign tensors (src) becomes m's graph and
 * parameters. The first failure sticks in rc, so that a family reads as a
 * plain list of layers; missing tensors are counted and building goes on, so
 * that the message can name several. */
typedef struct FgImport {
    const char *file;
    const char *family; /* title, for messages */
    FgParams src;       /* names without common prefixes; dims as stored */
    char *used;         /* of each of src */
    FgModel *m;
    FgError *err;
    int rc;
    int *channels;   /* of each node's output */
    FgShape *shapes; /* likewise, for a picture of ref_w x ref_h */
    int ref_w, ref_h;
    unsigned variant; /* FG_VARIANT_* of families.h */
    int nb_missing;
    char missing[3][FG_NAME_LEN];
} FgImport;

/* ---- the bag (import_bag.c) ---- */

/* Adds a tensor with room for its values; names that our files cannot hold
 * have their other characters replaced by '_'. NULL: rc is set. Shapes of
 * more than 4 sizes keep the product of the rest in the last. */
FgParam *fg_im_add(FgImport *im, const char *name, size_t len, int nb_dims,
                   const uint64_t *dims);
/* Takes away a prefix that all names share, such as "module.". */
void fg_im_strip(FgImport *im);
const FgParam *fg_im_find(const FgImport *im, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same, marked as used; a missing one is noted. */
const FgParam *fg_im_need(FgImport *im, const char *name);
/* Marks every tensor whose name begins with prefix as known, not needed. */
void fg_im_skip(FgImport *im, const char *prefix);
/* First failure: sets rc and the message, which the file's name precedes. */
int fg_im_fail(FgImport *im, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- layers (import_layers.c): each returns a node's index, or 0 after a
 * failure ---- */

int fg_im_op(FgImport *im, const char *op, const char *name, int in0, int in1,
             FgAttr attr);
int fg_im_input(FgImport *im, int channels);
/* KEY.weight and, where it is there, KEY.bias; groups follow from the shapes.
 * pad < 0: half the kernel. */
int fg_im_conv(FgImport *im, const char *key, int in, int stride, int pad);
/* The same with numbers made here: w [oc, ic/groups, k, k], b [oc] or NULL. */
typedef struct FgImKernel {
    int oc, k, groups, stride, pad, pad_mode;
    const float *w, *b;
} FgImKernel;
int fg_im_kernel(FgImport *im, const char *name, int in, const FgImKernel *q);
/* The layer KEY once more, with the same parameters, as NAME. */
int fg_im_conv_again(FgImport *im, const char *name, const char *key, int in);
/* Output channel i is in's channel from[i]. */
int fg_im_pick(FgImport *im, const char *name, int in, int nb, const int *from);
int fg_im_prelu(FgImport *im, const char *key, int in);
int fg_im_act(FgImport *im, const char *op, const char *name, int in,
              float alpha);
int fg_im_add2(FgImport *im, const char *name, int a, int b);
int fg_im_mul2(FgImport *im, const char *name, int a, int b);
int fg_im_scale(FgImport *im, const char *name, int in, double by);
/* in + by in every channel, or + each[c]. */
int fg_im_offset(FgImport *im, const char *name, int in, double by,
                 const float *each);
int fg_im_cat(FgImport *im, const char *name, int nb, const int *in);
int fg_im_slice(FgImport *im, const char *name, int in, int first, int nb);
int fg_im_shuffle(FgImport *im, const char *name, int in, int factor);
int fg_im_unshuffle(FgImport *im, const char *name, int in, int factor);
int fg_im_resize(FgImport *im, const char *name, int in, int factor, int mode);
/* import_cubic.c: scaled by num/den, 1..16 each, half-pixel centres, edges
 * repeated, no wider taps where it shrinks; cubic with Keys' a, or linear. */
typedef struct FgImRatio {
    int num, den, linear;
    double a;
} FgImRatio;
int fg_im_resample(FgImport *im, const char *name, int in, FgImRatio r);
/* Sets num and den in lowest terms; 0 where no such ratio is near. */
int fg_im_ratio(double by, FgImRatio *r);
/* A parameter of m under this name: a copy of n values. 0 or rc. */
int fg_im_param(FgImport *im, const char *name, int nb_dims, const int *dims,
                const float *v);

/* ---- the ends ---- */

/* import.c. After the bag is full: finds the family and builds it. */
int fg_im_build(FgImport *im);
/* import.c. After the graph is built: scale, colour, checks, notes. */
int fg_im_finish(FgImport *im);

/* import_text.c. The N of a file named Nx..., 0 where it is named otherwise. */
int fg_im_named_scale(const char *path);

/* One per format: fill im (bag or graph). */
int fg_import_torch(FgImport *im, const FgImportFile *f);
int fg_import_safetensors(FgImport *im, const FgImportFile *f);
int fg_import_onnx(FgImport *im, const FgImportFile *f);
int fg_import_ncnn(FgImport *im, const FgImportFile *f);

/* ---- little-endian numbers ---- */

static inline uint64_t fg_le(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

#endif
