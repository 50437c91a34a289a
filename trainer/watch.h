/* Training that goes on by itself when new pictures arrive.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OUT.watch/ holds a folder a round, 0001, 0002, ...: new/ with its pictures
 * (hard links, or copies), result.safetensors, and when it is over the file
 * done with the exit code. A picture is taken when its size and time stayed the
 * same between two looks and it can be decoded. Each round runs this program
 * with --continue, from the last result, on its own new/, the earlier rounds'
 * being old pictures. So a kill at any moment costs nothing: the round that has
 * no file done goes on from its checkpoint. */
#ifndef FFGAN_TRAINER_WATCH_H
#define FFGAN_TRAINER_WATCH_H

#include "kernels/error.h"

typedef struct FgWatch {
    const char *folder, *model, *out;
    int every; /* seconds between looks */
    int at_least, rounds, json;
    int argc; /* the command: --watch and its like become --data and its like */
    char **argv;
} FgWatch;

/* Until a signal (-EINTR) or after w->rounds rounds (0). A positive value is
 * the exit code of a round that failed; other errors are negative errno values.
 */
int fg_watch(const FgWatch *w, FgError *err);

#endif
