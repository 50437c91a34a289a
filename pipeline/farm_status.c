/* ffgan: how a job stands, by its receipts and attempts.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/attempt.h"
#include "pipeline/exit.h"
#include "pipeline/farm.h"
#include "pipeline/output.h"
#include "pipeline/receipt.h"
#include "pipeline/stop.h"

enum { HAS_RECEIPT = 1, HAS_PACKETS = 2, KNOWN = 4, RUNNING = 8, FAILED = 16 };

typedef struct Chunk {
    unsigned char is;
    int host; /* index */
    float seconds;
} Chunk;

typedef struct Host {
    char name[65];
    int64_t chunks, frames;
    double seconds;
} Host;

typedef struct Status {
    const FgJobPlan *plan;
    Chunk *chunk; /* [nb_chunks] */
    Host *host;
    int nb_hosts;
    FgTry *tries;
    int nb_tries;
    int64_t done, running, failed, frames, fresh;
    double seconds,
        wasted; /* of done chunks; of attempts that came to naught */
    json_t *farm;
} Status;

static int host_index(Status *s, const char *name)
{
    for (int i = 0; i < s->nb_hosts; i++)
        if (!strcmp(s->host[i].name, name))
            return i;
    Host *const more = realloc(s->host,
                               sizeof(*more) * (size_t)(s->nb_hosts + 1));
    if (!more)
        return -1;
    s->host = more;
    more[s->nb_hosts] = (Host){{0}, 0, 0, 0};
    snprintf(more[s->nb_hosts].name, sizeof(more->name), "%s", name);
    return s->nb_hosts++;
}

static int64_t length(const FgJobPlan *p, int64_t k)
{
    return fg_job_plan_first(p, k + 1) - fg_job_plan_first(p, k);
}

/* ---- what lies in the folder ---- */

/* One look into the folder tells which receipts and packets there are. */
static int scan(Status *s, FgError *err)
{
    DIR *const d = opendir(s->plan->folder);
    if (!d) {
        fg_error(err, 0, "%s: %s", fg_show(s->plan->folder), strerror(errno));
        return FG_EXIT_NOINPUT;
    }
    for (struct dirent *e; (e = readdir(d));) {
        long long k;
        int n = 0;
        if (sscanf(e->d_name, "chunk-%lld%n", &k, &n) != 1 || !n || k < 0 ||
            k >= s->plan->nb_chunks)
            continue;
        const char *const ext = fg_path_ext(e->d_name);
        if (!strcmp(e->d_name + n, ".json"))
            s->chunk[k].is |= HAS_RECEIPT;
        else if (e->d_name[n] == '-' && !strcmp(ext, ".packets"))
            s->chunk[k].is |= HAS_PACKETS;
    }
    closedir(d);
    return 0;
}

/* Receipts do not change: what earlier looks have read of them is kept. */
static void read_cache(Status *s)
{
    char *const path = fg_format("%s/farm/status.cache", s->plan->folder);
    FILE *const f = path ? fopen(path, "r") : NULL;
    char id[33] = "", host[65];
    long long k;
    float seconds;
    if (f && fscanf(f, "%32s", id) == 1 && !strcmp(id, s->plan->id))
        while (fscanf(f, "%lld %f %64s", &k, &seconds, host) == 3)
            if (k >= 0 && k < s->plan->nb_chunks) {
                Chunk *const c = &s->chunk[k];
                c->is |= KNOWN;
                c->seconds = seconds;
                c->host = host_index(s, host);
            }
    if (f)
        fclose(f);
    free(path);
}

static void write_cache(const Status *s)
{
    FgText t = {0};
    char *const dir = fg_format("%s/farm", s->plan->folder);
    char *const path = fg_format("%s/farm/status.cache", s->plan->folder);
    if (dir && s->fresh)
        mkdir(dir, 0777);
    free(dir);
    fg_text_add(&t, "%s\n", s->plan->id);
    for (int64_t k = 0; k < s->plan->nb_chunks; k++)
        if ((s->chunk[k].is & (KNOWN | HAS_RECEIPT)) == (KNOWN | HAS_RECEIPT) &&
            s->chunk[k].host >= 0)
            fg_text_add(&t, "%lld %.3f %s\n", (long long)k,
                        (double)s->chunk[k].seconds,
                        s->host[s->chunk[k].host].name);
    if (path && !t.failed && s->fresh)
        fg_write_file(path, t.s, t.len, 1);
    fg_text_free(&t);
    free(path);
}

static void read_receipt(Status *s, int64_t k)
{
    FgReceipt r;
    FgError none;
    Chunk *const c = &s->chunk[k];
    if (fg_receipt_read(&r, s->plan, k, &none) < 0) {
        c->is &= (unsigned char)~HAS_RECEIPT;
        return;
    }
    const char *const host = json_string_value(json_object_get(r.json, "host"));
    c->seconds = (float)json_number_value(json_object_get(r.json, "seconds"));
    c->host = host_index(s,
                         host && *host && !strpbrk(host, " \n") ? host : "?");
    c->is |= KNOWN;
    s->fresh++;
    fg_receipt_free(&r);
}

static int is_done(const Status *s, int64_t k)
{
    const unsigned need = s->plan->job.pictures_out ? HAS_RECEIPT
                                                    : HAS_RECEIPT | HAS_PACKETS;
    return (s->chunk[k].is & need) == need;
}

static void count_done(Status *s)
{
    for (int64_t k = 0; k < s->plan->nb_chunks; k++) {
        Chunk *const c = &s->chunk[k];
        if (is_done(s, k) && !(c->is & KNOWN))
            read_receipt(s, k);
        if (!is_done(s, k))
            continue;
        const int64_t n = length(s->plan, k);
        s->done++;
        s->frames += n;
        s->seconds += (double)c->seconds;
        if (c->host >= 0) {
            Host *const h = &s->host[c->host];
            h->chunks++;
            h->frames += n;
            h->seconds += (double)c->seconds;
        }
    }
}

static void count_tries(Status *s)
{
    for (int i = 0; i < s->nb_tries; i++) {
        const FgTry *const t = &s->tries[i];
        Chunk *const c = t->chunk >= 0 && t->chunk < s->plan->nb_chunks
                             ? &s->chunk[t->chunk]
                             : NULL;
        const int alive = fg_try_is_alive(t);
        if (!alive)
            s->wasted += t->seconds;
        if (!c || is_done(s, t->chunk) || t->past)
            continue;
        c->is |= alive ? RUNNING : FAILED;
    }
    for (int64_t k = 0; k < s->plan->nb_chunks; k++)
        if (s->chunk[k].is & RUNNING)
            s->running++;
        else if (s->chunk[k].is & FAILED)
            s->failed++;
}

static int look(Status *s, const FgJobPlan *p, FgError *err)
{
    *s = (Status){.plan = p,
                  .chunk = calloc((size_t)p->nb_chunks + 1, sizeof(Chunk)),
                  .farm = fg_farm_read(p->folder)};
    if (!s->chunk) {
        fg_error(err, 0, "no memory");
        return FG_EXIT_RETRY;
    }
    const int ret = scan(s, err);
    if (ret)
        return ret;
    if (fg_tries_read(p->folder, &s->tries, &s->nb_tries, err) < 0)
        return FG_EXIT_NOINPUT;
    read_cache(s);
    count_done(s);
    count_tries(s);
    write_cache(s);
    return 0;
}

static void status_free(Status *s)
{
    json_decref(s->farm);
    fg_tries_free(&s->tries, s->nb_tries);
    free(s->host);
    free(s->chunk);
    *s = (Status){0};
}

/* ---- telling ---- */

static double worker_fps(const Status *s)
{
    return s->seconds > 0 ? (double)s->frames / s->seconds : 0;
}

static double left_s(const Status *s)
{
    const double fps = worker_fps(s) * (double)s->running;
    return fps > 0
               ? (double)(fg_index_out(&s->plan->index).nb - s->frames) / fps
               : -1;
}

static int gpus(const Status *s)
{
    return (int)json_integer_value(json_object_get(s->farm, "gpus"));
}

static double hours(const Status *s)
{
    return (s->seconds + s->wasted) / 3600;
}

static double cost(const Status *s, const FgFarmLook *l)
{
    return hours(s) * (gpus(s) ? gpus(s) : 1) * l->rate;
}

static void show_time(double seconds, char out[24])
{
    const unsigned t = seconds < 1e8 ? (unsigned)(seconds + 0.5) : 99999999;
    snprintf(out, 24, "%u:%02u:%02u", t / 3600, t / 60 % 60, t % 60);
}

static void print_speed(const Status *s, const FgFarmLook *l)
{
    char text[24];
    if (s->seconds > 0)
        printf("speed     %.2f fps a worker\n", worker_fps(s));
    for (int i = 0; i < s->nb_hosts; i++)
        if (s->host[i].seconds > 0)
            printf("            %-24s %.2f fps, %lld chunks\n", s->host[i].name,
                   (double)s->host[i].frames / s->host[i].seconds,
                   (long long)s->host[i].chunks);
    if (left_s(s) >= 0) {
        show_time(left_s(s), text);
        printf("left      %s with %lld workers\n", text, (long long)s->running);
    }
    printf("spent     %.3f worker hours, %.3f of them for nothing", hours(s),
           s->wasted / 3600);
    if (gpus(s))
        printf("; %.3f GPU hours", hours(s) * gpus(s));
    if (l->rate > 0)
        printf("; %.2f at %g an hour", cost(s, l), l->rate);
    puts("");
}

/* The last lines of a log, each behind blanks. */
static void print_log(const char *path, int lines)
{
    char part[4096];
    FILE *const f = fopen(path, "r");
    if (!f || lines <= 0) {
        if (f)
            fclose(f);
        return;
    }
    if (!fseek(f, 0, SEEK_END) && ftell(f) > (long)sizeof(part) - 1)
        fseek(f, -(long)sizeof(part) + 1, SEEK_END);
    else
        rewind(f);
    part[fread(part, 1, sizeof(part) - 1, f)] = 0;
    fclose(f);
    size_t n = strlen(part);
    while (n && part[n - 1] == '\n')
        part[--n] = 0;
    const char *p = part + n;
    for (int i = 0; p > part && i < lines; p--)
        i += p[-1] == '\n';
    for (p += p > part; p < part + n;) {
        const size_t len = strcspn(p, "\n");
        printf("            | %.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
}

static void print_try(const FgTry *t, int lines)
{
    char since[24];
    const time_t at = (time_t)t->started;
    struct tm tm;
    strftime(since, sizeof(since), "%H:%M:%S", localtime_r(&at, &tm));
    if (fg_try_is_alive(t)) {
        printf("running   chunk %lld on %s since %s\n", (long long)t->chunk,
               t->host, since);
        return;
    }
    if (t->code)
        printf("failed    chunk %lld on %s: code %d: %s\n", (long long)t->chunk,
               t->host, t->code, t->text ? fg_show(t->text) : "");
    else
        printf("lost      chunk %lld on %s, begun at %s, silent for %.0f s\n",
               (long long)t->chunk, t->host, since, t->silent);
    if (t->log) {
        printf("            log %s\n", fg_show(t->log));
        print_log(t->log, lines);
    }
}

static void print_text(const Status *s, const FgFarmLook *l)
{
    const FgJobPlan *const p = s->plan;
    const char *const engine = json_string_value(
        json_object_get(s->farm, "engine"));
    printf("job       %s%s%s%s\n", fg_show(p->folder), engine ? " (" : "",
           engine ? engine : "", engine ? ")" : "");
    printf("chunks    %lld of %lld done, %lld running, %lld failed, %lld "
           "missing; %lld of %lld frames\n",
           (long long)s->done, (long long)p->nb_chunks, (long long)s->running,
           (long long)s->failed,
           (long long)(p->nb_chunks - s->done - s->running - s->failed),
           (long long)s->frames, (long long)fg_index_out(&p->index).nb);
    print_speed(s, l);
    for (int i = 0; i < s->nb_tries; i++) {
        const FgTry *const t = &s->tries[i];
        if (!t->past && t->chunk >= 0 && t->chunk < p->nb_chunks &&
            !is_done(s, t->chunk))
            print_try(t, l->lines);
    }
}

static json_t *tries_json(const Status *s, int alive)
{
    json_t *const a = json_array();
    for (int i = 0; i < s->nb_tries; i++) {
        const FgTry *const t = &s->tries[i];
        if (t->past || t->chunk < 0 || t->chunk >= s->plan->nb_chunks ||
            is_done(s, t->chunk) || fg_try_is_alive(t) != alive)
            continue;
        json_array_append_new(
            a, json_pack("{s:I,s:o,s:i,s:f,s:i,s:o,s:o}", "chunk",
                         (json_int_t)t->chunk, "host", fg_json_text(t->host),
                         "pid", (int)t->pid, "started", t->started, "code",
                         t->code, "text",
                         t->text ? fg_json_text(t->text) : json_null(), "log",
                         t->log ? fg_json_text(t->log) : json_null()));
    }
    return a;
}

static json_t *missing_json(const Status *s)
{
    json_t *const a = json_array();
    for (int64_t k = 0; k < s->plan->nb_chunks; k++)
        if (!is_done(s, k) && !(s->chunk[k].is & (RUNNING | FAILED)))
            json_array_append_new(a, json_integer(k));
    return a;
}

static json_t *hosts_json(const Status *s)
{
    json_t *const o = json_object();
    for (int i = 0; i < s->nb_hosts; i++)
        if (s->host[i].seconds > 0)
            json_object_set_new(
                o, s->host[i].name,
                json_pack("{s:I,s:f}", "chunks", (json_int_t)s->host[i].chunks,
                          "fps",
                          (double)s->host[i].frames / s->host[i].seconds));
    return o;
}

static void print_json(const Status *s, const FgFarmLook *l)
{
    const FgJobPlan *const p = s->plan;
    json_t *const j = json_pack(
        "{s:s,s:o,s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:f,s:f,s:o,s:f,s:f,s:f,s:f,s:o,"
        "s:o}",
        "event", "farm", "job", fg_json_text(p->folder), "chunks",
        (json_int_t)p->nb_chunks, "done", (json_int_t)s->done, "running",
        (json_int_t)s->running, "failed", (json_int_t)s->failed, "missing",
        missing_json(s), "frames", (json_int_t)fg_index_out(&p->index).nb,
        "frames_done", (json_int_t)s->frames, "fps", worker_fps(s), "left_s",
        left_s(s), "hosts", hosts_json(s), "worker_hours", hours(s),
        "wasted_hours", s->wasted / 3600, "gpu_hours", hours(s) * gpus(s),
        "cost", cost(s, l), "running_on", tries_json(s, 1), "failures",
        tries_json(s, 0));
    char *const text = j ? json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER)
                         : NULL;
    if (text)
        puts(text);
    free(text);
    json_decref(j);
}

/* The folder goes when the output is joined. */
static int is_over(const char *folder)
{
    return access(folder, F_OK) < 0;
}

int fg_farm_status(const char *folder, const FgFarmLook *l, FgError *err)
{
    FgJobPlan *p = NULL;
    int ret = fg_job_plan_read(&p, folder, err);
    while (!ret) {
        const struct timespec pause = {5, 0};
        Status s;
        ret = look(&s, p, err);
        if (!ret && l->json)
            print_json(&s, l);
        else if (!ret)
            print_text(&s, l);
        fflush(stdout);
        const int more = s.done < p->nb_chunks;
        status_free(&s);
        if (ret || !l->watch || !more || fg_stop_signal())
            break;
        nanosleep(&pause, NULL);
        if (is_over(folder)) {
            puts("the job is over: its folder is gone");
            break;
        }
        if (!l->json)
            puts("");
    }
    fg_job_plan_free(&p);
    return ret;
}
