/* ffgan: a farm of one machine: worker processes, then the join.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "pipeline/engine.h"
#include "pipeline/farm.h"
#include "pipeline/receipt.h"

static int run(const FgFarmTask *t, FgError *err)
{
    FgEngine e = {.workers = t->farm->workers ? t->farm->workers : 2,
                  .lock = -1};
    int64_t bytes = 0;
    int ret = fg_engine_lock(&e, t->plan->folder, err);
    if (ret)
        return ret;
    if (t->nb)
        ret = fg_engine_work(&e, t->plan, t->report, err);
    if (!ret)
        ret = fg_job_plan_join(t->plan, t->report, &bytes, err);
    if (!ret)
        ret = fg_job_plan_remove(t->plan->folder, err);
    fg_engine_unlock(&e);
    if (!ret)
        fg_report_done(t->report, t->plan->job.output,
                       fg_index_out(&t->plan->index).nb, bytes);
    return ret;
}

static int local_submit(const FgFarmTask *t, json_t *ids, FgError *err)
{
    (void)ids;
    if (!t->farm->dry_run)
        return run(t, err);
    printf("%lld chunks here, %d at a time\n", (long long)t->nb,
           t->farm->workers ? t->farm->workers : 2);
    return 0;
}

const FgFarmEngine fg_farm_local = {
    .name = "local",
    .help = "processes of this machine",
    .takes = FG_TAKES_WORKERS,
    .default_grace_s = 0,
    .submit = local_submit,
};
