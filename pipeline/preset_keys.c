/* ffgan: every key of a preset, one row each.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "pipeline/preset_priv.h"

#define ROW(n, t, d, h)                                                        \
    {                                                                          \
        .name = n, .type = FG_KEY_##t, .def = d, .help = h                     \
    }
#define NUM(n, t, d, lo, hi, h)                                                \
    {                                                                          \
        .name = n, .type = FG_KEY_##t, .def = d, .min = lo, .max = hi,         \
        .help = h                                                              \
    }
#define SET(n, t, d, c, h)                                                     \
    {                                                                          \
        .name = n, .type = FG_KEY_##t, .def = d, .choices = c, .help = h       \
    }
#define END                                                                    \
    {                                                                          \
        .name = NULL                                                           \
    }

/* clang-format off */
const FgKey fg_preset_top[] = {
    {.name = "preset", .type = FG_KEY_INT, .min = 1, .max = 1, .required = 1,
     .help = "version of the preset form"},
    ROW("name", STRING, NULL, "name; without it the file's"),
    ROW("help", STRING, "", "what the preset is for, one sentence"),
    ROW("extends", STRING, NULL,
        "preset to start from: a name, or a path beside this file; maps are "
        "merged, lists and values replaced"),
    ROW("params", MAP, NULL, "parameters that --set can change"),
    ROW("input", MAP, NULL, "how the input is read"),
    {.name = "chain", .type = FG_KEY_ANY,
     .help = "list of filters; each a name, or a map of one filter with its "
             "options"},
    ROW("output", MAP, NULL, "how the output is written"),
    {.name = "shots", .type = FG_KEY_ANY,
     .help = "list of maps: other values for params between two times or "
             "frames"},
    END
};

const FgKey fg_preset_param[] = {
    ROW("default", STRING, NULL, "value without --set; must be there"),
    SET("type", ENUM, "auto", "auto|int|number|bool|string",
        "kind of value; auto: number when min or max is given, else string"),
    NUM("min", DOUBLE, NULL, -INFINITY, INFINITY, "smallest value allowed"),
    NUM("max", DOUBLE, NULL, -INFINITY, INFINITY, "largest value allowed"),
    ROW("one_of", LIST, NULL, "the only values allowed"),
    ROW("help", STRING, "", "what it does, with the unit"),
    END
};

const FgKey fg_preset_input[] = {
    SET("deinterlace", ENUM, "no", "auto|yes|ivtc|no",
        "before the chain. auto: looks at flags and pictures and puts bwdif, "
        "fieldmatch and decimate (3:2 pulldown), or nothing; yes: bwdif for "
        "all frames; ivtc: pulldown for all"),
    SET("alpha", ENUM, "auto", "auto|straight|premultiplied",
        "colours beside an alpha channel; where they are straight, what is "
        "hidden takes the colours around it before the network; auto: OpenEXR "
        "is premultiplied, all other is straight"),
    ROW("rate", STRING, NULL,
        "image sequences: frames per second, as 24 or 24000/1001"),
    NUM("start_number", INT, NULL, 0, 2147483647,
        "image sequences: number of the first frame; without it the lowest"),
    ROW("hwaccel", STRING, NULL,
        "hardware decoder; this version decodes on the CPU and refuses it"),
    END
};

const FgKey fg_preset_gansr[] = {
    {.name = "model", .type = FG_KEY_STRING, .required = 1,
     .help = "network: a name (`ffgan model list`) or a path"},
    NUM("scale_factor", DOUBLE, "0", 0, 64,
        "output size / input size; 0: the network's own"),
    ROW("w", STRING, "0", "output width, an expression over iw, ih; 0: by "
        "scale_factor"),
    ROW("h", STRING, "0", "output height, an expression over iw, ih; 0: by "
        "scale_factor"),
    SET("device", ENUM, "auto", "auto|cpu|cuda",
        "where the network runs; --device says which GPU"),
    SET("precision", ENUM, "auto", "auto|fp32|bf16|int16|fast|int8|fp8",
        "arithmetic; auto gives the same bits on every CPU, fast the most "
        "frames; fp8 is a GPU's"),
    NUM("tilesize", INT, "0", 0, 16777216,
        "side of a tile in input pixels; 0: as memory allows"),
    NUM("threads", INT, "0", 0, 1024, "threads; 0: the graph's"),
    NUM("inflight", INT, "0", 0, 64,
        "frames done at the same time, a thread each; 0: several where one is "
        "too small for all threads"),
    NUM("blend", DOUBLE, "0", 0, 1,
        "share of the plain bicubic upscale mixed back"),
    SET("colorspace", ENUM, "auto",
        "auto|bt709|bt601|bt470bg|smpte170m|smpte240m|fcc|bt2020nc|bt2020",
        "YCbCr matrix of the input; auto: the frame's, else by its size"),
    SET("range", ENUM, "auto", "auto|tv|limited|mpeg|pc|full|jpeg",
        "code range of the input; auto: the frame's, else limited"),
    END
};

const FgKey fg_preset_output[] = {
    ROW("video", MAP, NULL, "the encoder"),
    SET("copy", LIST, "audio subtitles attachments chapters metadata",
        "audio|subtitles|attachments|chapters|metadata|data|none",
        "what is copied unchanged from the input"),
    ROW("container", STRING, NULL,
        "libavformat muxer (matroska, mp4, mov, image2, ...); without it by "
        "the output's name"),
    SET("pixels", ENUM, "keep", "keep|square",
        "shape of the pixels: the input's, or square by enlarging the "
        "smaller side"),
    ROW("layers", MAP, NULL,
        "OpenEXR: what becomes of other layers, {pattern: word}, by layer, "
        "part, or PART/LAYER; network, resample, copy (same size only), drop. "
        "Without it colours go through the network"),
    SET("provenance", BOOL, "yes", NULL,
        "the output names ffgan, the preset, and the weights with their "
        "SHA-256"),
    ROW("options", MAP, NULL, "options of the muxer"),
    ROW("tags", MAP, NULL, "metadata of the output; an empty value deletes"),
    END
};

const FgKey fg_preset_video[] = {
    ROW("codec", STRING, "libx264", "libavcodec encoder"),
    ROW("pix_fmt", STRING, "source",
        "pixel format; source: the chain's, or the nearest that the encoder "
        "takes without loss"),
    NUM("crf", DOUBLE, NULL, 0, 255, "constant quality, lower is better"),
    ROW("preset", STRING, NULL, "the encoder's speed preset"),
    ROW("tune", STRING, NULL, "the encoder's tuning"),
    ROW("profile", STRING, NULL, "the encoder's profile"),
    ROW("bitrate", STRING, NULL, "bits per second, as 8M"),
    NUM("gop", INT, NULL, 0, 100000, "longest distance of key frames"),
    ROW("options", MAP, NULL, "any other option of the encoder"),
    END
};

const FgKey fg_preset_shot[] = {
    ROW("from", STRING, NULL,
        "first time, in seconds or HH:MM:SS.mmm from the start"),
    ROW("to", STRING, NULL, "time where it ends (not inside any more)"),
    NUM("from_frame", INT, NULL, 0, 9e15, "first frame, from 0"),
    NUM("to_frame", INT, NULL, 0, 9e15, "last frame"),
    END
};
/* clang-format on */

static const FgKeySection sections[] = {
    {"top level", "A preset is one YAML file.", fg_preset_top},
    {"params",
     "Each entry of `params` has these keys; a plain value is a default. "
     "`${name}` anywhere in input, chain, output puts the value in.",
     fg_preset_param},
    {"input", "How the input is read.", fg_preset_input},
    {"gansr",
     "Options of the super-resolution filter in `chain`. Any other libavfilter "
     "filter with one picture in and one out takes its own options.",
     fg_preset_gansr},
    {"output", "How the output is written.", fg_preset_output},
    {"video", "The encoder, `video` inside `output`.", fg_preset_video},
    {"shots",
     "Each entry of `shots` has these keys, and params with other values. Such "
     "a param may only stand in filter options that can change during a run, "
     "as gansr's blend.",
     fg_preset_shot},
    {NULL, NULL, NULL},
};

const FgKeySection *fg_preset_sections(void)
{
    return sections;
}

static const char *type_text(const FgKey *k)
{
    static const char *const names[] = {"text",   "integer", "number",
                                        "yes/no", "word",    "list",
                                        "map",    "see text"};
    return names[k->type];
}

/* "0..1", "a, b, c" or "" when anything goes. */
static void print_allowed(FILE *f, const FgKey *k)
{
    if (k->choices) {
        for (const char *c = k->choices; *c; c++) {
            if (*c == '|')
                fputs(", ", f);
            else
                fputc(*c, f);
        }
    } else if ((k->min != 0 || k->max != 0) && isfinite(k->min)) {
        fprintf(f, k->min == k->max ? "%.15g" : "%.15g..%.15g", k->min, k->max);
    }
}

static void print_plain(FILE *f, const FgKeySection *s)
{
    fprintf(f, "%s\n  %s\n", s->name, s->help);
    for (const FgKey *k = s->keys; k->name; k++) {
        fprintf(f, "  %-13s %-8s %s\n", k->name, type_text(k), k->help);
        if (k->choices || k->min != 0 || (k->max != 0 && isfinite(k->max))) {
            fputs("                         allowed: ", f);
            print_allowed(f, k);
            fputc('\n', f);
        }
        if (k->def && *k->def)
            fprintf(f, "                         default: %s\n", k->def);
    }
    fputc('\n', f);
}

static void print_markdown(FILE *f, const FgKeySection *s)
{
    fprintf(f, "\n## %s\n\n%s\n\n", s->name, s->help);
    fputs("| key | type | allowed | default | what |\n|---|---|---|---|---|\n",
          f);
    for (const FgKey *k = s->keys; k->name; k++) {
        fprintf(f, "| `%s`%s | %s | ", k->name,
                k->required ? " (required)" : "", type_text(k));
        print_allowed(f, k);
        fprintf(f, " | %s | %s |\n", k->def ? k->def : "", k->help);
    }
}

int fg_preset_print_keys(FILE *f, int markdown)
{
    if (markdown)
        fputs("# Keys of a preset\n\nMade by `ffgan preset keys --markdown`; "
              "change the table in pipeline/preset_keys.c instead.\n",
              f);
    for (const FgKeySection *s = sections; s->name; s++) {
        if (markdown)
            print_markdown(f, s);
        else
            print_plain(f, s);
    }
    return fflush(f) || ferror(f) ? -EIO : 0;
}
