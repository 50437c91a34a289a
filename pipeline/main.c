/* ffgan: the program: finds the command and runs it.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/commands.h"
#include "pipeline/exit.h"
#include "pipeline/stop.h"
#include "pipeline/util.h"

typedef struct Command {
    const char *name, *help;
    int (*run)(int argc, char **argv); /* NULL: the program ffgan-NAME */
} Command;

static const Command commands[] = {
    {"upscale", "enlarge a video or pictures with a preset", fg_cmd_upscale},
    {"run", "the same, with the preset as the first word", fg_cmd_run},
    {"generate", "make frames with a generator", fg_cmd_generate},
    {"variations", "a contact sheet of a generator's seeds", fg_cmd_variations},
    {"compare", "two films side by side, as a web page", fg_cmd_compare},
    {"plan", "cut a job into chunks for several machines", fg_cmd_run},
    {"worker", "do chunks of a planned job", fg_cmd_worker},
    {"assemble", "join the chunks of a job", fg_cmd_job},
    {"status", "show which chunks are done", fg_cmd_job},
    {"verify", "check the chunks of a job", fg_cmd_job},
    {"farm", "hand a job's chunks to a render farm; look at it", fg_cmd_farm},
    {"preset", "list, show and check presets", fg_cmd_preset},
    {"model", "list, describe and check weights files", fg_cmd_model},
    {"bench", "time a network on this machine", fg_cmd_bench},
    {"doctor", "look at this machine and this installation", fg_cmd_doctor},
    {"version", "print versions", fg_cmd_version},
    {"train", "train weights from a recipe", NULL},
    {"eval", "measure weights on pictures", NULL},
    {"search", "search networks and settings", NULL},
};
enum { NB_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int print_help(FILE *f)
{
    fputs("usage: ffgan COMMAND [...]\n\ncommands:\n", f);
    for (int i = 0; i < NB_COMMANDS; i++)
        fprintf(f, "  %-10s  %s\n", commands[i].name, commands[i].help);
    fputs("\n'ffgan COMMAND --help' tells more. First try:\n"
          "  ffgan upscale in.mp4 -o out.mkv\n",
          f);
    return f == stdout ? FG_EXIT_OK : FG_EXIT_USAGE;
}

int fg_cmd_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1 && strcmp(argv[1], "-h") != 0 &&
        strcmp(argv[1], "--help") != 0)
        return fg_usage_error("version", "takes no '%s'", argv[1]);
    if (argc > 1) {
        puts("usage: ffgan version\nPrints the version of ffgan and of the "
             "FFmpeg libraries in it.");
        return FG_EXIT_OK;
    }
    printf("ffgan %s\nFFmpeg %s\n", FG_VERSION, av_version_info());
    return FG_EXIT_OK;
}

/* The trainer is a program of its own, beside this one. */
static int run_beside(const char *name, char **argv)
{
    char dir[4096];
    int ret = fg_self_dir(dir, sizeof(dir));
    char *const path = ret < 0 ? NULL : fg_format("%s/ffgan-%s", dir, name);
    if (path) {
        argv[0] = path;
        execv(path, argv);
        ret = -errno;
    }
    fprintf(stderr, "ffgan: %s: cannot start ffgan-%s beside ffgan: %s\n", name,
            name, strerror(ret < 0 ? -ret : ENOMEM));
    free(path);
    return FG_EXIT_DEVICE;
}

/* Words that are not letters could lead execv elsewhere. */
static int is_plain(const char *s)
{
    return *s &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s) &&
           *s != '-';
}

static int unknown(const char *name, char **argv)
{
    const char *names[NB_COMMANDS + 1] = {NULL};
    char dir[4096];
    for (int i = 0; i < NB_COMMANDS; i++)
        names[i] = commands[i].name;
    if (is_plain(name) && !fg_self_dir(dir, sizeof(dir))) {
        char *const path = fg_format("%s/ffgan-%s", dir, name);
        const int there = path && !access(path, X_OK);
        free(path);
        if (there)
            return run_beside(name, argv);
    }
    const char *const near = fg_nearest(name, names);
    fprintf(stderr, "ffgan: no command '%s'%s%s%s; 'ffgan --help' lists them\n",
            fg_show(name), near ? ", did you mean '" : "", near ? near : "",
            near ? "'?" : "");
    return FG_EXIT_USAGE;
}

/* Files that are opened must never become standard streams that are closed:
 * messages would be written into them. */
static void hold_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static int run_command(const Command *c, int argc, char **argv)
{
    /* A film that is written is written, whoever reads the events. */
    const int is_job = c->run == fg_cmd_upscale || c->run == fg_cmd_run ||
                       c->run == fg_cmd_job || c->run == fg_cmd_worker ||
                       c->run == fg_cmd_generate;
    if (!c->run)
        return run_beside(c->name, argv);
    const int ret = c->run(argc, argv);
    return is_job ? ret : fg_stdout_end(ret);
}

int main(int argc, char **argv)
{
    hold_standard_streams();
    if (argc < 2)
        return print_help(stderr);
    const char *const name = argv[1];
    if (!strcmp(name, "-h") || !strcmp(name, "--help") || !strcmp(name, "help"))
        return fg_stdout_end(print_help(stdout));
    if (!strcmp(name, "--version"))
        return fg_stdout_end(fg_cmd_version(1, argv));
    fg_log_init(0);
    fg_find_data_dir();
    for (int i = 0; i < NB_COMMANDS; i++)
        if (!strcmp(name, commands[i].name))
            return run_command(&commands[i], argc - 1, argv + 1);
    return unknown(name, argv + 1);
}
