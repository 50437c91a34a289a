/* ffgan: the weights file. SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A .safetensors file: u64 little-endian header length N (<= 16 MiB here), N
 * bytes of JSON, then the tensors' bytes. __metadata__ (string -> string)
 * describes the network completely:
 *   ffgan.format          "1"
 *   ffgan.graph           the graph, JSON text (graph.h)
 *   ffgan.scale           integer factor
 *   ffgan.colour          "rgb" or "y"
 *   ffgan.range           "full" (network values 0..1)
 *   ffgan.transfer        transfer function of the training pictures, "srgb"
 *   ffgan.reach           receptive field radius in input pixels
 *   ffgan.task            what the network is for; absent = "sr"
 *   ffgan.stages          JSON list of further graphs; absent = none
 *   ffgan.latent          a generator's random input (latent.h)
 *   ffgan.recipe, ffgan.recipe_sha256, ffgan.data, ffgan.data_sha256,
 *   ffgan.metrics, ffgan.licence, ffgan.parent_sha256, ffgan.notes, name
 * Tasks; all values 0..1:
 *   sr         [1,C,H,W] -> [1,C,H*scale,W*scale], C by colour
 *   image      [1,3,H,W] -> the same size (scale 1, colour rgb)
 *   generator  latent maps -> [1,3 or 4,H,W], alpha last (scale 1, rgb);
 *              generator.h says what each kind's graphs take and give
 *   interp     [1,4,H,W] -> [1,2,H,W] (scale 1, colour y), or
 *              [1,7,H,W] -> [1,3,H,W] (scale 1, colour rgb); interp.h
 * The tensors of all graphs share one name space; those of stage k begin
 * "sK." by convention.
 * Files without ffgan.graph are other programs': see import.h. */
#ifndef FFGAN_KERNELS_MODEL_H
#define FFGAN_KERNELS_MODEL_H

#include "graph.h"
#include "latent.h"

typedef enum FgTask {
    FG_TASK_SR,
    FG_TASK_IMAGE,
    FG_TASK_GENERATOR,
    FG_TASK_INTERP
} FgTask;

typedef struct FgMeta {
    char *key, *value; /* owned */
} FgMeta;

typedef struct FgModel {
    FgGraph graph;
    FgParams params;
    FgMeta *meta;
    int nb_meta;
    int scale; /* 1..16 */
    int luma;  /* 1: colour "y", 0: "rgb" */
    FgTask task;
    FgGraph *stages; /* [nb_stages], after the first graph; owned */
    int nb_stages;
    FgLatent latent; /* of a generator, else kind NONE */
    char sha256[65]; /* of the whole file, hex; "" if never read */
} FgModel;

/* Maps, checks every bound and limit, copies, unmaps; executes nothing.
 * Errors: -ENOENT, -EACCES, -EIO, -EBADMSG (what is wrong and where, e.g.
 * "x.safetensors: header says 412 bytes, the file has 100"), -ENOMEM,
 * -ENOTSUP (a valid file that this version cannot run, and why). NaN or Inf
 * in a tensor is refused. *m is created; on failure NULL. */
int fg_model_read(FgModel **m, const char *path, FgError *err);
/* The same from memory (fuzzers, tests); name stands in messages. */
int fg_model_parse(FgModel **m, const void *data, size_t size, const char *name,
                   FgError *err);
/* Atomic: temporary file in the same folder, write, fsync, rename, folder
 * fsync; the temporary is removed on failure. Non-finite parameters refused. */
int fg_model_write(const FgModel *m, const char *path, FgError *err);
void fg_model_free(FgModel **m); /* accepts NULL and *m == NULL */
FgModel *fg_model_alloc(void);   /* zeroed, or NULL */

const char *fg_task_name(FgTask task); /* "sr", ... */
/* 0 when the model is for this task, else -ENOTSUP and err, which names the
 * file and the filter that it is for. */
int fg_model_expect(const FgModel *m, FgTask task, const char *file,
                    FgError *err);
/* The k-th graph: 0 = m->graph, then the stages; k <= nb_stages. */
const FgGraph *fg_model_stage(const FgModel *m, int k);
/* Appends a copy of *g to the stages: 0, -ENOMEM, -EINVAL (too many). */
int fg_model_add_stage(FgModel *m, const FgGraph *g);

const char *fg_model_meta(const FgModel *m, const char *key); /* or NULL */
int fg_model_set_meta(FgModel *m, const char *key, const char *value);
void fg_model_drop_meta(FgModel *m, const char *key);

/* "name" -> path: a path (contains '/' or ends in .safetensors, .pth, .pt,
 * .onnx, .param) as it is;
 * else NAME.safetensors in each folder of $FFGAN_PATH (':' between, with and
 * without /weights), $XDG_CONFIG_HOME/ffgan (~/.config/ffgan), then the
 * installed or built folder (fg_set_data_dir, FFGAN_DATADIR). Never the
 * working directory. -ENOENT with err listing the folders searched and the
 * nearest names. out has room for size bytes. */
int fg_model_find(const char *name, char *out, size_t size, FgError *err);
/* Calls fn for every model that can be found by name (first folder wins). */
int fg_model_list(int (*fn)(void *arg, const char *name, const char *path),
                  void *arg);
/* Folder that holds weights/ and the presets; tried before FFGAN_DATADIR. */
void fg_set_data_dir(const char *dir);

/* SHA-256 (FIPS 180-4) as 64 hex digits + NUL. */
void fg_sha256_hex(const void *data, size_t size, char out[65]);

#endif
