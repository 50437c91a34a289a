/* ffgan: a list of commands, one a line: GNU parallel, OpenCue's cuecmd,
 * Deadline's command scripts. SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "pipeline/exit.h"
#include "pipeline/farm.h"

/* The program's name is the one word that cannot be a URL. */
static int program(const FgFarmTask *t, FgText *word, FgError *err)
{
    if (strpbrk(t->program, "\n\r")) {
        fg_error(err, 0,
                 "commands: the program's path has a line break; --program "
                 "names another");
        return FG_EXIT_USAGE;
    }
    char *const plain = fg_path_to_word(t->program);
    if (plain && !strcmp(plain, t->program))
        fg_text_add(word, "%s", plain);
    else
        fg_farm_quote(word, t->program);
    free(plain);
    return 0;
}

static int commands_submit(const FgFarmTask *t, json_t *ids, FgError *err)
{
    FgText word = {0}, text = {0}, join = {0};
    char *path = NULL, *last = NULL;
    int ret = program(t, &word, err);
    (void)ids;
    for (int64_t i = 0; i < t->nb && !ret; i++) {
        fg_text_add(&text, "%s worker %s --chunk %lld", word.s, t->job,
                    (long long)t->chunk[i]);
        fg_farm_worker_options(t, &text);
        fg_text_add(&text, " --progress deadline\n");
    }
    fg_text_add(&join, "%s assemble %s --wait 60\n", word.s ? word.s : "",
                t->job);
    if (!ret && t->nb)
        ret = fg_farm_write(t, "commands", "txt", &text, &path, err);
    if (!ret)
        ret = fg_farm_write(t, "assemble", "txt", &join, &last, err);
    if (!ret && !t->report->json)
        printf("%s: %lld lines, one a chunk; then %s\n",
               path ? fg_show(path) : "no chunk is missing", (long long)t->nb,
               fg_show(last));
    fg_text_free(&word);
    fg_text_free(&text);
    fg_text_free(&join);
    free(path);
    free(last);
    return ret;
}

const FgFarmEngine fg_farm_commands = {
    .name = "commands",
    .help = "one command a line: GNU parallel, OpenCue, Deadline",
    .takes = FG_TAKES_SIZE | FG_TAKES_TASK,
    .default_grace_s = 0,
    .submit = commands_submit,
};
