/* ffgan: networks that other programs trained, one file each (family_*.c).
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each was written from the published description and checked against files
 * that PyTorch made (tests/kernels/import). Layers keep the names that their
 * tensors have in the family's own files, so that fg_export writes them back.
 */
#ifndef FFGAN_KERNELS_FAMILIES_H
#define FFGAN_KERNELS_FAMILIES_H

#include <stdio.h>

#include "import_priv.h"

typedef struct FgFamilyReader {
    FgImportFamily about;
    int (*is)(const FgImport *im); /* NULL: all of about.keys are there */
    void (*build)(FgImport *im);   /* failures go into im */
    unsigned variants; /* FG_VARIANT_* that build looks at, in im->variant */
} FgFamilyReader;

/* What the tensors do not say: pictures are 0..255; the enlarged picture is
 * added to the result. */
enum { FG_VARIANT_BYTES = 1, FG_VARIANT_ADDS = 2 };

/* import_probe.c: builds with those of the reader's variants that leave a
 * smooth picture most as it was. */
void fg_im_build_best(FgImport *im, const FgFamilyReader *r);

extern const FgFamilyReader fg_family_compact, fg_family_esrgan, fg_family_span,
    fg_family_spanf, fg_family_plksr, fg_family_ifnet, fg_family_tsr,
    fg_family_errn, fg_family_espan, fg_family_spanv2, fg_family_pds,
    fg_family_dscf, fg_family_mosr, fg_family_rlfn, fg_family_eern,
    fg_family_rfdn, fg_family_efdn, fg_family_safmn, fg_family_safmnpp,
    fg_family_errn24, fg_family_rcunet, fg_family_pfdn, fg_family_nanosr,
    fg_family_esrnet;

/* Limits that several share. */
#define FG_LIMIT_RANGE "whether it is for 0..1 or 0..255 is found by trying"
#define FG_LIMIT_WHOLE                                                         \
    "sees the whole picture, of at least 15x15, so that no tiles save memory"

/* "KEY.REST", good until the next call; KEY is none of its results. */
static inline const char *fg_part(const char *key, const char *rest)
{
    static _Thread_local char name[2 * FG_NAME_LEN];
    snprintf(name, sizeof(name), "%.90s.%.60s", key, rest);
    return name;
}
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

/* ---- family_esa.c: parts that its kin have, too ---- */

/* KEY in whichever form it is: itself, merged (eval_conv, conv_infer,
 * rbr_reparam, rep_conv), its parts (as fg_span_conv3), pw and dw in a row, or
 * 0 and 2 with a leaky ReLU between. */
int fg_im_conv_any(FgImport *im, const char *key, int in);
/* x times a gate that a much smaller map of it makes: KEY.conv1 to .conv4,
 * .conv_f and .conv_max, .conv3_ where they are there. */
int fg_im_esa(FgImport *im, const char *key, int x);
/* The last convolution to c channels, and the shuffle that its width asks. */
int fg_family_tail(FgImport *im, const char *key, int x, int c);
/* The input's c channels as the network wants them, and the result back again;
 * both look at im->variant. */
int fg_family_input(FgImport *im, int c);
int fg_family_output(FgImport *im, int x);

/* import_dysample.c: the layers KEY.offset, .scope, .end_conv. */
int fg_im_dysample(FgImport *im, const char *key, int x, int scale);

#endif
