/* The space that a search walks: genes are keys of a recipe.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * In YAML a gene is one of
 *   features: [8, 12, 16]                              one of these
 *   lr: {min: 1e-4, max: 1e-2, log: true}              a number
 *   batch: {min: 4, max: 32, step: 4}                  on a grid from min
 *   cells: {words: [plain1, res2], count: 4}           four choices, written
 *                                                      with blanks between
 * so any family's keys can be searched. */
#ifndef FFGAN_TRAINER_SPACE_H
#define FFGAN_TRAINER_SPACE_H

#include "pipeline/source.h"

#define FG_MAX_GENES 48
#define FG_MAX_CHOICES 64
#define FG_GENE_LEVELS 9 /* steps of a number for those who want choices */

typedef struct FgGene {
    char *key;
    int part;      /* which of several words of the key, -1 = the only one */
    char **choice; /* texts; NULL: a number */
    int nb;
    double lo, hi;
    double step; /* 0 = continuous */
    int log;
} FgGene;

typedef struct FgSpace {
    FgGene gene[FG_MAX_GENES];
    int nb;
} FgSpace;

/* Index of the choice, or the number itself; one value a gene. */
typedef struct FgPoint {
    double v[FG_MAX_GENES];
} FgPoint;

/* Reads a map of genes; file stands in messages. -EINVAL, -ENOMEM; on failure
 * *s is zeroed. */
int fg_space_read(FgSpace *s, const FgYaml *map, const char *file,
                  FgError *err);
void fg_space_free(FgSpace *s); /* accepts NULL, zeroed */
/* How many points, INFINITY where a number is continuous. */
double fg_space_size(const FgSpace *s);

/* A number's value at u of 0..1 (log and grid observed), and back. */
double fg_gene_at(const FgGene *g, double u);
double fg_gene_unit(const FgGene *g, double v);
/* Levels of a gene where every gene is a choice, and the value of one. */
int fg_gene_levels(const FgGene *g);
double fg_gene_level(const FgGene *g, int level);
/* The value as it stands in a recipe. */
void fg_gene_text(const FgGene *g, double v, char *out, size_t size);

/* "KEY=VALUE" texts, one a key; malloc'ed, free with fg_strings_free. */
int fg_space_overrides(const FgSpace *s, const FgPoint *p, char ***list,
                       int *nb);
int fg_space_same(const FgSpace *s, const FgPoint *a, const FgPoint *b);

#endif
