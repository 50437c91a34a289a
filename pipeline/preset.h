/* ffgan: presets, made ready for a job.
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A preset is a YAML file (docs/preset-keys.md): parameters, what to do with
 * the input, a chain of libavfilter filters, the output, per-shot overrides.
 * Loading finds it, merges what it extends, substitutes ${params}, checks
 * every key, filter option and encoder option, and hands out plain text that
 * libavfilter, libavcodec and libavformat take as it is. */
#ifndef FFGAN_PIPELINE_PRESET_H
#define FFGAN_PIPELINE_PRESET_H

#include <stdint.h>
#include <stdio.h>

#include "kernels/error.h"
#include "pipeline/source.h"

#define FG_PRESET_DEFAULT "upscale-2x"

typedef struct FgPair {
    char *key, *value; /* owned */
} FgPair;

typedef enum FgDeinterlace {
    FG_DEINT_NO,
    FG_DEINT_AUTO, /* as flags and pictures say: fields.h */
    FG_DEINT_YES   /* every frame */
} FgDeinterlace;

/* What the input's colours are where it has an alpha channel. */
typedef enum FgAlpha {
    FG_ALPHA_AUTO, /* OpenEXR: premultiplied; all other: straight */
    FG_ALPHA_STRAIGHT,
    FG_ALPHA_PREMULTIPLIED
} FgAlpha;

/* Film that was made 60 fields a second, back to its frames; %s: parity. */
#define FG_IVTC                                                                \
    "fieldmatch=order=%s:combmatch=full,bwdif=mode=send_frame:deint="          \
    "interlaced,decimate"
/* Pixels of another shape made square, the smaller side enlarged. */
#define FG_SQUARE                                                              \
    "zscale=w=if(gt(sar\\,1)\\,2*round(iw*sar/"                                \
    "2)\\,iw):h=if(lt(sar\\,1)\\,2*round(ih/sar/"                              \
    "2)\\,ih):filter=lanczos,setsar=1"

/* Kinds of things that are copied from the input unchanged. */
enum {
    FG_COPY_AUDIO = 1,
    FG_COPY_SUBTITLES = 2,
    FG_COPY_ATTACHMENTS = 4,
    FG_COPY_CHAPTERS = 8,
    FG_COPY_METADATA = 16,
    FG_COPY_DATA = 32
};

/* A filter option that changes during the run: what to send with
 * avfilter_graph_send_command(graph, target, command, value, ...). */
typedef struct FgCommand {
    char *target;  /* filter instance in the graph text, e.g. "gansr@1" */
    char *command; /* option name, e.g. "blend" */
    char *value;   /* value outside of every shot */
} FgCommand;

/* One entry of shots. A frame at time t (seconds from the first frame) with
 * index n (from 0) is inside when from_s <= t < to_s and from_n <= n <= to_n;
 * limits that were not given are -inf/+inf and 0/INT64_MAX. */
typedef struct FgShot {
    double from_s, to_s;
    int64_t from_n, to_n;
    char **values; /* one per FgPreset.commands; NULL = not overridden */
} FgShot;

typedef struct FgPreset {
    char *name;     /* file name without folder and .yaml */
    char *path;     /* the file that it was read from */
    char *help;     /* "" if none */
    FgPair *params; /* resolved values, defaults included */
    int nb_params;

    FgDeinterlace deinterlace;
    FgAlpha alpha;
    char *rate;           /* image sequences: frames per second, "24" or
                             "24000/1001"; NULL = not given */
    int64_t start_number; /* image sequences: first number; -1 = found */

    char *chain;   /* libavfilter text of the chain, without the deinterlacer;
                      "null" when the chain is empty */
    int generates; /* the chain starts with a source: `ffgan generate` */
    char *deint; /* libavfilter text of the deinterlacer; NULL with FG_DEINT_NO.
                    With AUTO it leaves unflagged frames as they are, so that
                    it may always be put in front; leaving it out when the
                    stream is progressive saves work and keeps formats that it
                    does not take. Its frames out = frames in. */
    char *graph; /* deint + "," + chain, or chain: what `preset graph` prints */

    int square;         /* FG_SQUARE ends the chain */
    char *codec;        /* encoder name (checked: it exists) */
    char *pix_fmt;      /* "source" or a format name that the encoder takes */
    FgPair *codec_opts; /* for avcodec_open2's dictionary; checked */
    int nb_codec_opts;

    unsigned copy;    /* FG_COPY_* */
    char *container;  /* muxer name (checked), NULL = by the output's name */
    FgPair *mux_opts; /* for avformat_write_header's dictionary */
    int nb_mux_opts;
    FgPair *tags; /* metadata set on the output file; "" deletes */
    int nb_tags;
    FgPair *layers; /* OpenEXR: pattern and word of layers.h, in order */
    int nb_layers;
    int provenance; /* the output says how it was made */

    FgCommand *commands; /* empty without shots */
    int nb_commands;
    FgShot *shots;
    int nb_shots;
} FgPreset;

/* name: a path (has a '/' or ends in .yaml) or a name that is looked up. set:
 * nb_set texts "key=value" that override params. Returns 0; -ENOENT (no such
 * preset; nearest name and folders in err), -EINVAL (what is wrong, as
 * "file:line:column: text"), other negative errno. *p is created; NULL on
 * failure. */
int fg_preset_load(FgPreset **p, const char *name, const char *const *set,
                   int nb_set, FgError *err);
/* The same from memory; name stands in messages, extends is looked up by name
 * only. For tests and fuzzers. */
int fg_preset_parse(FgPreset **p, const char *text, size_t len,
                    const char *name, const char *const *set, int nb_set,
                    FgError *err);
void fg_preset_free(FgPreset **p); /* accepts NULL and *p == NULL */

/* The value of commands[i] for the frame at t seconds, index n: the last shot
 * that holds it wins, else commands[i].value. Never NULL. Send it when it
 * differs (strcmp) from what was sent last. */
const char *fg_preset_command_value(const FgPreset *p, int i, double t,
                                    int64_t n);

/* The pixel format (enum AVPixelFormat) to encode in when the chain gives
 * source_fmt: pix_fmt when it names one, else the format that the encoder
 * takes with the least loss (source_fmt itself when it can; never fewer bits
 * or less chroma where the encoder has it). -1 (AV_PIX_FMT_NONE) if none. */
int fg_preset_pix_fmt(const FgPreset *p, int source_fmt);
/* Whether the encoder of that name takes any pixel format with alpha; 0 for a
 * name that is no encoder. */
int fg_codec_keeps_alpha(const char *name);

/* Lookup: $FFGAN_PATH (':' between), $XDG_CONFIG_HOME/ffgan or
 * ~/.config/ffgan, then the data folder. Never the working directory. */
int fg_preset_find(const char *name, char *out, size_t size, FgError *err);
/* Calls fn for every preset found by name (first folder wins), sorted in each
 * folder; help is its first help line, "" if it cannot be read. A non-zero
 * return of fn ends the walk and is returned. */
int fg_preset_list(int (*fn)(void *arg, const char *name, const char *path,
                             const char *help),
                   void *arg);
/* Folder with the shipped presets (call it beside fg_set_data_dir); without
 * it the compiled-in FFGAN_DATADIR. */
void fg_preset_set_data_dir(const char *dir);

/* ---- the tables behind `preset keys`, the schema and the docs ---- */

typedef struct FgKeySection {
    const char *name; /* "top level", "params", "input", "gansr", ... */
    const char *help; /* one sentence */
    const FgKey *keys;
} FgKeySection;

const FgKeySection *fg_preset_sections(void);    /* ended by name NULL */
int fg_preset_print_keys(FILE *f, int markdown); /* 0 or -EIO */
int fg_preset_print_schema(FILE *f);             /* JSON Schema 2020-12 */

/* ffgan preset ...: argv[0] is "preset". Returns the exit code. */
int fg_cmd_preset(int argc, char **argv);

#endif
