/* ffgan: SIGINT, SIGTERM and SIGHUP. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The first signal asks for a clean stop; the second removes the temporary
 * file and leaves at once. */
#ifndef FFGAN_PIPELINE_STOP_H
#define FFGAN_PIPELINE_STOP_H

void fg_stop_init(void);
int fg_stop_signal(void); /* the first signal's number, 0 = none */
/* A farm's SIGTERM says how long it will wait: for that many seconds (a fifth
 * of it kept for the writing) work goes on if it can be done by then, as
 * fg_stop_weigh(seconds that are left, -1 = not known) finds. 0 = no grace. */
void fg_stop_grace(int seconds);
void fg_stop_weigh(double left_s);
/* The signal, whether or not work goes on for its grace: nothing new may be
 * begun. */
int fg_stop_asked(void);
/* The file that a second signal removes; NULL = none. Too long a path is not
 * remembered. */
void fg_stop_temp(const char *path);
/* What a second signal does. */
void fg_stop_now(int sig) __attribute__((noreturn));

#endif
