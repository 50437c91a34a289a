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
static char temp[4096]; /* a fixed buffer: handlers may not allocate */
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
