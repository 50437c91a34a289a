/* ffgan: CPU capabilities. SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FFGAN_KERNELS_CPU_H
#define FFGAN_KERNELS_CPU_H

/* Rising levels, each a documented bundle; a level implies those below.
 *   AVX2        AVX2 + FMA + F16C
 *   AVX512      F + BW + DQ + VL (and AVX2)
 *   AVX512BF16  AVX512 + AVX512_BF16 (and VNNI)
 *   AMX         AVX512BF16 + AMX tiles, bf16 and int8 products, for which the
 *               OS was asked (once, for the whole process)
 * On aarch64 the one level above C is NEON. */
typedef enum FgCpu {
    FG_CPU_C,
    FG_CPU_AVX2,
    FG_CPU_NEON = FG_CPU_AVX2,
    FG_CPU_AVX512,
    FG_CPU_AVX512BF16,
    FG_CPU_AMX,
    FG_CPU_TOP = FG_CPU_AMX
} FgCpu;

/* Level of this machine, lowered by the environment variable
 * FFGAN_CPU=c|avx2|avx512|avx512bf16|amx (aarch64: c|neon; read once; an
 * unknown word or a level that the machine lacks is reported on stderr once and
 * ignored) and by fg_cpu_mask. Thread safe. */
FgCpu fg_cpu_level(void);
/* What the hardware and the OS offer, unmasked. */
FgCpu fg_cpu_detect(void);
/* Caps the level for this process (tests). Not thread safe; call it before
 * plans and tables are made, then fg_kernels_init(). */
void fg_cpu_mask(FgCpu max);
const char *fg_cpu_name(FgCpu level); /* "c", "avx2", ... */
/* What a level does not tell: 8- and 16-bit dot products without AVX-512, and
 * on aarch64. Of the hardware, whatever the mask is. */
int fg_cpu_has_avxvnni(void);
int fg_cpu_has_dotprod(void);

#endif
