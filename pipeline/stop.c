/* ffgan: SIGINT, SIGTERM and SIGHUP.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/exit.h"
#include "pipeline/stop.h"

static atomic_int got;
static atomic_int asked;   /* SIGTERM that may wait for the chunk's end */
static atomic_int grace_s; /* for how long, 0 = not at all */
static char temp[4096];    /* a fixed buffer: handlers may not allocate */
static atomic_int temp_set;

void fg_stop_now(int sig)
{
    if (temp_set)
        unlink(temp);
    _exit(FG_EXIT_SIGNAL + sig);
}

static void on_signal(int sig)
{
    int none = 0;
    if (sig == SIGTERM && grace_s &&
        atomic_compare_exchange_strong(&asked, &none, sig)) {
        alarm((unsigned)grace_s);
        return;
    }
    none = 0;
    if (sig == SIGALRM)
        sig = SIGTERM;
    if (!atomic_compare_exchange_strong(&got, &none, sig))
        fg_stop_now(sig);
}

void fg_stop_init(void)
{
    struct sigaction sa = {.sa_handler = on_signal}, old;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    /* nohup means what it says. */
    if (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write then fails with EFBIG */
}

void fg_stop_grace(int seconds)
{
    struct sigaction sa = {.sa_handler = on_signal};
    sigemptyset(&sa.sa_mask);
    sigaction(SIGALRM, &sa, NULL);
    /* What writes and syncs at the end needs its share. */
    grace_s = seconds > 1 ? (seconds * 4 + 4) / 5 : seconds;
}

void fg_stop_weigh(double left_s)
{
    int none = 0;
    if (asked && (left_s < 0 || left_s > grace_s))
        atomic_compare_exchange_strong(&got, &none, asked);
}

int fg_stop_asked(void)
{
    return asked ? asked : got;
}

int fg_stop_signal(void)
{
    return got;
}

void fg_stop_temp(const char *path)
{
    temp_set = 0;
    if (!path || strlen(path) >= sizeof(temp))
        return;
    strcpy(temp, path);
    temp_set = 1;
}
