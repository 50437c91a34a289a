/* CIFAR-10's binary layout as pictures.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A record is one byte of class and three 32x32 planes, red, green, blue
 * (A. Krizhevsky, cs.toronto.edu/~kriz/cifar.html). Classes are not used. */
#ifndef FFGAN_TRAINER_CIFAR_H
#define FFGAN_TRAINER_CIFAR_H

#include "trainer/data.h"

/* MD5 of the published cifar-10-binary.tar.gz, 170 052 171 bytes. */
#define FG_CIFAR_MD5 "c32a1d4ab5d03f1284b67883e8d87530"

/* Does path name such data? FILE.bin; a folder with *.bin; FILE.tar.gz, checked
 * by its MD5 (d->md5 or the published one's), or FILE.tar.gz#NAME.bin for one
 * file in it. Folders and archives give data_batch_*.bin (a folder without
 * those: all of its *.bin). */
int fg_cifar_is(const char *path);
int fg_cifar_is_archive(const char *path);
/* Adds its pictures, at most limit in all (0 = no limit). */
int fg_cifar_add(FgData *d, const char *path, int limit, FgError *err);

#endif
