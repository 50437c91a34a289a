/* ffgan: SIGINT, SIGTERM and SIGHUP. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The first signal asks for a clean stop; the second removes the temporary
 * file and leaves at once. */
#ifndef FFGAN_PIPELINE_STOP_H
#define FFGAN_PIPELINE_STOP_H

void fg_stop_init(void);
int fg_stop_signal(void); /* the first signal's number, 0 = none */
/* The file that a second signal removes; NULL = none. Too long a path is not
 * remembered. */
void fg_stop_temp(const char *path);
/* What a second signal does. */
void fg_stop_now(int sig) __attribute__((noreturn));

#endif
