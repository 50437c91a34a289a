/* ffgan: networks that other programs trained, one file each (family_*.c).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each was written from the published description and checked against files
 * that PyTorch made (tests/kernels/import). Layers keep the names that their
 * tensors have in the family's own files, so that fg_export writes them back.
 */
#ifndef FFGAN_KERNELS_FAMILIES_H
#define FFGAN_KERNELS_FAMILIES_H

#include "import_priv.h"

typedef struct FgFamilyReader {
    FgImportFamily about;
    int (*is)(const FgImport *im); /* NULL: all of about.keys are there */
    void (*build)(FgImport *im);   /* failures go into im */
} FgFamilyReader;

extern const FgFamilyReader fg_family_compact, fg_family_esrgan, fg_family_span,
    fg_family_spanf, fg_family_plksr, fg_family_ifnet, fg_family_tsr,
    fg_family_errn, fg_family_espan, fg_family_spanv2, fg_family_pds,
    fg_family_dscf, fg_family_mosr;

/* Index after the largest N of "PREFIX.N.", 0 where there is none. */
int fg_family_count(const FgImport *im, const char *prefix);
/* r such that oc = c * r * r, or 0 with the failure set: "what". */
int fg_family_factor(FgImport *im, const char *what, int oc, int c);
/* ---- family_span.c: parts of SPAN that its kin have, too ---- */

/* A 3x3 convolution KEY, merged or in the parts that it was trained in. */
int fg_span_conv3(FgImport *im, const char *key, int in);
int fg_span_silu(FgImport *im, const char *key, int in);
/* (x3 + x) * (sigmoid(x3) - 1/2) */
int fg_span_gate(FgImport *im, const char *block, int x3, int x);
/* c1_r, c2_r, c3_r and the gate. first: the value after the block's first
 * SiLU, which SPAN joins at its end (its SiLU works in place), or NULL. */
int fg_span_block(FgImport *im, const char *name, int x, int *first);
/* What the file does not say: the mean and range that SPAN was published
 * with. Files with a tensor no_norm leave them out. */
int fg_span_normalise(FgImport *im, int in);

/* import_dysample.c: the layers KEY.offset, .scope, .end_conv. */
int fg_im_dysample(FgImport *im, const char *key, int x, int scale);

#endif
