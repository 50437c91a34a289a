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
    fg_family_spanf, fg_family_plksr, fg_family_ifnet;

/* Index after the largest N of "PREFIX.N.", 0 where there is none. */
int fg_family_count(const FgImport *im, const char *prefix);
/* r such that oc = c * r * r, or 0 with the failure set: "what". */
int fg_family_factor(FgImport *im, const char *what, int oc, int c);
/* import_dysample.c: the layers KEY.offset, .scope, .end_conv. */
int fg_im_dysample(FgImport *im, const char *key, int x, int scale);

#endif
