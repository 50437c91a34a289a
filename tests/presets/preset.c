/* ffgan: tests of presets: what they come to, and every kind of error.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <libavfilter/avfilter.h>
#include <libavutil/pixfmt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/preset.h"

static FgPreset *load_set(const char *text, const char *set)
{
    FgError err = {""};
    FgPreset *p;
    const int ret = fg_preset_parse(&p, text, strlen(text), "t.yaml", &set,
                                    !!set, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(ret, 0);
    assert_non_null(p);
    return p;
}

static void refused_set(const char *text, const char *set, const char *message)
{
    FgError err = {""};
    FgPreset *p = (FgPreset *)&err;

    assert_int_equal(
        fg_preset_parse(&p, text, strlen(text), "t.yaml", &set, !!set, &err),
        -EINVAL);
    assert_string_equal(err.text, message);
    assert_null(p);
}

static void refused(const char *text, const char *message)
{
    refused_set(text, NULL, message);
}

static void starts_refused(const char *text, const char *message)
{
    FgError err = {""};
    FgPreset *p;

    assert_int_equal(
        fg_preset_parse(&p, text, strlen(text), "t.yaml", NULL, 0, &err),
        -EINVAL);
    err.text[strlen(message)] = 0;
    assert_string_equal(err.text, message);
}

/* ---- what is taken ---- */

static void test_defaults(void **state)
{
    FgPreset *p = load_set("{preset: 1, chain: []}", NULL);

    (void)state;
    assert_string_equal(p->name, "t");
    assert_string_equal(p->help, "");
    assert_string_equal(p->chain, "null");
    assert_string_equal(p->graph, "null");
    assert_null(p->deint);
    assert_string_equal(p->codec, "libx264");
    assert_string_equal(p->pix_fmt, "source");
    assert_null(p->container);
    assert_null(p->rate);
    assert_int_equal(p->start_number, -1);
    assert_int_equal(p->copy, FG_COPY_AUDIO | FG_COPY_SUBTITLES |
                                  FG_COPY_ATTACHMENTS | FG_COPY_CHAPTERS |
                                  FG_COPY_METADATA);
    fg_preset_free(&p);
    assert_null(p);
    fg_preset_free(&p);
    fg_preset_free(NULL);
}

static void test_everything(void **state)
{
    FgPreset *p = load_set(
        "preset: 1\n"
        "name: full\n"
        "params: {s: {default: 2, one_of: [2, 4]}, b: 0.1}\n"
        "input: {deinterlace: auto, rate: 24000/1001, start_number: 7}\n"
        "chain:\n"
        "  - hqdn3d\n"
        "  - gansr: {model: 'film-x${s}', blend: \"${b}\"}\n"
        "  - null:\n"
        "output:\n"
        "  video: {codec: libx265, crf: 16, bitrate: 8M, pix_fmt: "
        "yuv420p10le,\n"
        "    options: {x265-params: 'aq-mode=3:psy-rd=2', threads: 3}}\n"
        "  copy: [audio, data]\n"
        "  container: mp4\n"
        "  options: {movflags: +faststart}\n"
        "  tags: {title: x, comment: }\n",
        "s=4");

    (void)state;
    assert_string_equal(p->name, "full");
    assert_string_equal(p->chain, "hqdn3d,gansr=model=film-x4:blend=0.1,null");
    assert_string_equal(p->graph, "bwdif=mode=send_frame:deint=interlaced,"
                                  "hqdn3d,gansr=model=film-x4:blend=0.1,null");
    assert_int_equal(p->deinterlace, FG_DEINT_AUTO);
    assert_string_equal(p->rate, "24000/1001");
    assert_int_equal(p->start_number, 7);
    assert_int_equal(p->nb_codec_opts, 4);
    assert_string_equal(p->codec_opts[1].key, "b");
    assert_string_equal(p->codec_opts[1].value, "8M");
    assert_string_equal(p->codec_opts[2].value, "aq-mode=3:psy-rd=2");
    assert_int_equal(p->copy, FG_COPY_AUDIO | FG_COPY_DATA);
    assert_string_equal(p->container, "mp4");
    assert_string_equal(p->mux_opts[0].value, "+faststart");
    assert_string_equal(p->tags[1].value, "");
    assert_string_equal(p->params[0].value, "4");
    fg_preset_free(&p);
}

static void test_substitution(void **state)
{
    FgPreset *p = load_set("preset: 1\n"
                           "params: {a: x, b: 'y z'}\n"
                           "chain: [{gansr: {model: '${a}-${b}$$${a}$'}},\n"
                           "  {gansr: {model: '$${a}'}}]\n",
                           NULL);

    (void)state;
    assert_string_equal(p->chain, "gansr=model=x-y z$${a}$,gansr=model=${a}");
    fg_preset_free(&p);
}

/* What libavfilter reads back must be what stood in the preset. */
static void test_escaping(void **state)
{
    static const char *const words[] = {"a:b",
                                        "a,b;c",
                                        "[in]x",
                                        "it's",
                                        "back\\slash",
                                        "C:\\a'b,[c];d:e=f",
                                        " lead and trail ",
                                        "100%",
                                        "\xc3\xa9",
                                        "\\",
                                        "'",
                                        "a\\:b"};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        AVFilterGraph *const g = avfilter_graph_alloc();
        AVFilterGraphSegment *seg = NULL;
        char set[100];
        FgPreset *p;
        snprintf(set, sizeof(set), "t=%s", words[i]);
        p = load_set("preset: 1\n"
                     "params: {t: x}\n"
                     "chain: [{drawtext: {text: '${t}', x: '1'}}]\n",
                     set);
        assert_int_equal(avfilter_graph_segment_parse(g, p->chain, 0, &seg), 0);
        assert_int_equal(seg->chains[0]->nb_filters, 1);
        assert_string_equal(
            av_dict_get(seg->chains[0]->filters[0]->opts, "text", NULL, 0)
                ->value,
            words[i]);
        avfilter_graph_segment_free(&seg);
        avfilter_graph_free((AVFilterGraph **)&g);
        fg_preset_free(&p);
    }
}

static const char shots_text[] =
    "preset: 1\n"
    "params: {b: {default: 0.1, min: 0, max: 1}, m: {default: x}}\n"
    "chain:\n"
    "  - hqdn3d: {luma_spatial: \"${b}\"}\n"
    "  - gansr: {model: \"${m}\", blend: \"${b}\"}\n"
    "output: {tags: {comment: \"${m}\"}}\n"
    "shots:\n";

static void test_shots(void **state)
{
    char text[1000];
    FgPreset *p;

    (void)state;
    snprintf(text, sizeof(text), "%s%s", shots_text,
             "  - {from: 10, to: '00:00:20.5', b: 0.4}\n"
             "  - {from_frame: 300, to_frame: 400, b: 1}\n");
    p = load_set(text, NULL);
    assert_string_equal(p->chain,
                        "hqdn3d@1=luma_spatial=0.1,gansr@2=model=x:blend=0.1");
    assert_int_equal(p->nb_commands, 2);
    assert_string_equal(p->commands[1].target, "gansr@2");
    assert_string_equal(p->commands[1].command, "blend");
    assert_int_equal(p->nb_shots, 2);
    assert_true(p->shots[0].from_s == 10 && p->shots[0].to_s == 20.5);
    assert_string_equal(fg_preset_command_value(p, 1, 9.9, 250), "0.1");
    assert_string_equal(fg_preset_command_value(p, 1, 10, 250), "0.4");
    assert_string_equal(fg_preset_command_value(p, 0, 20.4, 299), "0.4");
    assert_string_equal(fg_preset_command_value(p, 1, 20.5, 299), "0.1");
    assert_string_equal(fg_preset_command_value(p, 1, 15, 300), "1");
    assert_string_equal(fg_preset_command_value(p, 1, 30, 400), "1");
    assert_string_equal(fg_preset_command_value(p, 1, 30, 401), "0.1");
    fg_preset_free(&p);
}

static void test_pix_fmt(void **state)
{
    FgPreset *p = load_set("{preset: 1, chain: []}", NULL);

    (void)state;
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_YUV420P),
                     AV_PIX_FMT_YUV420P);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_YUV422P10LE),
                     AV_PIX_FMT_YUV422P10LE);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_P010LE),
                     AV_PIX_FMT_YUV420P10LE);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_YUV420P12LE),
                     AV_PIX_FMT_YUV420P10LE);
    assert_int_equal(fg_preset_pix_fmt(p, -1), AV_PIX_FMT_NONE);
    fg_preset_free(&p);
    p = load_set("{preset: 1, chain: [], output: {video: {codec: png}}}", NULL);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_GBRP10LE),
                     AV_PIX_FMT_RGB48BE);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_GBRP), AV_PIX_FMT_RGB24);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_GBRAP16LE),
                     AV_PIX_FMT_RGBA64BE);
    fg_preset_free(&p);
    p = load_set("preset: 1\n"
                 "chain: []\n"
                 "output: {video: {pix_fmt: yuv444p}}",
                 NULL);
    assert_int_equal(fg_preset_pix_fmt(p, AV_PIX_FMT_RGB24),
                     AV_PIX_FMT_YUV444P);
    fg_preset_free(&p);
}

/* ---- what is refused ---- */

static void test_top_errors(void **state)
{
    (void)state;
    refused("[1]", "t.yaml:1:1: must be a map (key: value)");
    refused("chain: []",
            "t.yaml:1:1: 'preset' is missing: version of the preset form");
    refused("{preset: 2, chain: []}", "t.yaml:1:2: 'preset' is 2, allowed 1");
    refused("preset: 1", "t.yaml:1:1: 'chain' is missing: a list of filters, "
                         "[] for none");
    refused("preset: 1\nchian: []",
            "t.yaml:2:1: unknown key 'chian', did you mean 'chain'?");
    refused("{preset: 1, name: 'a b', chain: []}",
            "t.yaml:1:19: 'name' is a b, allowed letters, digits, '_', '.' and "
            "'-'");
    refused("preset: 1\nchain: []\ninput: {hwaccel: cuda}",
            "t.yaml:3:18: input: 'hwaccel' is cuda, allowed none: this version "
            "decodes on the CPU");
    refused("preset: 1\nchain: []\ninput: {deinterlace: maybe}",
            "t.yaml:3:9: input: 'deinterlace' is maybe, allowed auto, yes, "
            "ivtc, no");
    refused("preset: 1\nchain: []\ninput: {rate: fast}",
            "t.yaml:3:15: input: 'rate' is fast, allowed frames per second as "
            "24 or 24000/1001");
    starts_refused("preset: 1\nchain: []\nextends: no-such-preset-at-all",
                   "t.yaml:3:10: extends: no preset 'no-such-preset-at-all'; "
                   "looked in ");
}

static void test_param_errors(void **state)
{
    static const char text[] = "preset: 1\n"
                               "params: {blend: {default: 0, min: 0, max: 1},\n"
                               "         scale: {default: 2, one_of: [2, 4]}}\n"
                               "chain: []\n";

    (void)state;
    refused_set(text, "blend=1.4",
                "--set blend=1.4: 'blend' is 1.4, allowed 0..1");
    refused_set(text, "scale=3", "--set scale=3: 'scale' is 3, allowed 2, 4");
    refused_set(text, "blned=1",
                "--set blned: t.yaml has no param 'blned', did you mean "
                "'blend'?; its params: blend, scale");
    refused_set(text, "blend", "--set blend: write key=value");
    refused("preset: 1\nparams: {a: {default: 5, max: 4}}\nchain: []",
            "t.yaml:2:23: params: 'a' is 5, allowed 4 or less");
    refused("preset: 1\nparams: {a: {help: x}}\nchain: []",
            "t.yaml:2:10: params: 'a' has no default");
    refused("preset: 1\nparams: {a: {defualt: x}}\nchain: []",
            "t.yaml:2:14: params: a: unknown key 'defualt', did you mean "
            "'default'?");
    refused("preset: 1\nparams: {a b: 1}\nchain: []",
            "t.yaml:2:10: params: the name 'a b' may have only letters, "
            "digits, '_' and '-'");
    refused("preset: 1\nparams: {blend: 1}\nchain: [{gansr: {model: "
            "\"${blnd}\"}}]",
            "t.yaml:3:25: unknown param '${blnd}', did you mean '${blend}'?");
    refused("preset: 1\nchain: [{gansr: {model: \"${x\"}}]",
            "t.yaml:2:25: '${' without its '}'");
}

static void test_chain_errors(void **state)
{
#define CHAIN(c) "preset: 1\nchain:\n  - " c "\n"
    (void)state;
    refused(CHAIN("gansr: {model: x, blend: 1.4}"),
            "t.yaml:3:23: gansr: 'blend' is 1.4, allowed 0..1");
    refused(CHAIN("gansr: {model: x, blned: 1}"),
            "t.yaml:3:23: gansr: unknown key 'blned', did you mean 'blend'?");
    refused(CHAIN("gansr: {model: x, range: wide}"),
            "t.yaml:3:23: gansr: 'range' is wide, allowed auto, tv, limited, "
            "mpeg, pc, full, jpeg");
    refused(CHAIN("gansr: {blend: 1}"),
            "t.yaml:3:5: gansr: 'model' is missing: network: a name (`ffgan "
            "model list`) or a path");
    refused(CHAIN("hqdn4d"),
            "t.yaml:3:5: chain: no filter 'hqdn4d', did you mean 'hqdn3d'?");
    refused(CHAIN("scale=2:2"), "t.yaml:3:5: chain: 'scale=2:2': write options "
                                "as a map, {filter: {option: value}}");
    refused(CHAIN("overlay"), "t.yaml:3:5: chain: 'overlay' does not take one "
                              "picture in and give one out");
    refused(CHAIN("split"), "t.yaml:3:5: chain: 'split' does not take one "
                            "picture in and give one out");
    refused(CHAIN("volume"), "t.yaml:3:5: chain: 'volume' does not take one "
                             "picture in and give one out");
    refused(CHAIN("{bwdif: {}, scale: {}}"),
            "t.yaml:3:5: chain: each entry is a filter's name or a map of one "
            "filter, {filter: {option: value}}");
    refused(CHAIN("scale: 1280"),
            "t.yaml:3:5: scale: write its options as a map, {option: value}");
    refused(CHAIN("bwdif: {deint: [a]}"),
            "t.yaml:3:13: bwdif: 'deint' must be one value");
    refused(CHAIN("bwdif: {dient: all}"),
            "t.yaml:3:13: bwdif: bwdif has no option 'dient', did you mean "
            "'deint'?");
    refused(CHAIN("bwdif: {deint: some}"),
            "t.yaml:3:13: bwdif: 'deint' is some, allowed all, interlaced");
    refused(CHAIN("hqdn3d: {luma_spatial: -1}"),
            "t.yaml:3:14: hqdn3d: 'luma_spatial' is -1, allowed 0 or more");
    refused(CHAIN("unsharp: {luma_amount: 9}"),
            "t.yaml:3:15: unsharp: 'luma_amount' is 9, allowed -2..5");
    refused("preset: 1\nchain: {a: b}",
            "t.yaml:2:8: 'chain' must be a list of filters");
#undef CHAIN
}

static void test_output_errors(void **state)
{
#define OUT(o) "preset: 1\nchain: []\noutput:\n  " o "\n"
    (void)state;
    refused(OUT("video: {codec: libx246}"),
            "t.yaml:4:11: video: 'codec' is libx246, not a video encoder, did "
            "you mean 'libx264'?");
    refused(OUT("video: {codec: aac}"),
            "t.yaml:4:11: video: 'codec' is aac, not a video encoder");
    refused(OUT("video: {codec: ffv1, crf: 3}"),
            "t.yaml:4:24: video: encoder ffv1 has no option 'crf'");
    refused(OUT("video: {crf: 300}"),
            "t.yaml:4:11: video: 'crf' is 300, allowed 0..255");
    refused(OUT("video: {options: {aq_mode: 3}}"),
            "t.yaml:4:21: video: encoder libx264 has no option 'aq_mode', did "
            "you mean 'aq-mode'?");
    refused(OUT("video: {options: {aq-strength: -2}}"),
            "t.yaml:4:21: video: 'aq-strength' is -2, allowed -1 or more");
    refused(OUT("video: {bitrate: lots}"),
            "t.yaml:4:11: video: 'b' is lots, allowed 0 or more");
    refused(OUT("video: {pix_fmt: yuv42p}"),
            "t.yaml:4:11: video: 'pix_fmt' is yuv42p, not a pixel format, did "
            "you mean 'yuv420p'?");
    starts_refused(OUT("video: {pix_fmt: pal8}"),
                   "t.yaml:4:11: video: 'pix_fmt' is pal8, allowed with "
                   "libx264: yuv420p, ");
    refused(OUT("container: matrska"),
            "t.yaml:4:3: output: 'container' is matrska, not a muxer, did you "
            "mean 'matroska'?");
    refused("preset: 1\nchain: []\noutput: {container: mp4, options: "
            "{moovflags: x}}",
            "t.yaml:3:36: output: options: the muxer has no option "
            "'moovflags', did you mean 'movflags'?");
    refused(OUT("copy: [audio, video]"),
            "t.yaml:4:3: output: 'copy' is video, allowed audio, subtitles, "
            "attachments, chapters, metadata, data, none");
    refused(OUT("tags: {a: [b]}"),
            "t.yaml:4:10: output: tags: 'a' must be one value");
#undef OUT
}

static void refused_shot(const char *shot, const char *message)
{
    char text[1000];

    snprintf(text, sizeof(text), "%s  - %s\n", shots_text, shot);
    refused(text, message);
}

static void test_shot_errors(void **state)
{
    (void)state;
    refused_shot("{from: 1, bb: 1}", "t.yaml:8:15: shots: unknown key 'bb'");
    refused_shot("{from: 1, b: 2}",
                 "t.yaml:8:15: shots: 'b' is 2, allowed 0..1");
    refused_shot("{b: 1}", "t.yaml:8:5: shots: no limits: give from, to, "
                           "from_frame or to_frame");
    refused_shot("{from: 2, to: 1, b: 1}",
                 "t.yaml:8:5: shots: ends before it starts");
    refused_shot("{from: soon, b: 1}",
                 "t.yaml:8:6: shots: 'from' is soon, allowed seconds or "
                 "HH:MM:SS.mmm");
    refused_shot("{from: 1, m: y}",
                 "t.yaml:8:5: shots: this would change the output, which "
                 "cannot change during a run");
    refused("preset: 1\n"
            "params: {m: x}\n"
            "chain: [{gansr: {model: \"${m}\"}}]\n"
            "shots: [{from: 1, m: y}]",
            "t.yaml:4:9: shots: this would change 'model' of gansr, which "
            "cannot change during a run");
    refused("preset: 1\nchain: []\nshots: {a: b}",
            "t.yaml:3:8: 'shots' must be a list of maps");
}

/* ---- files ---- */

static char dir[] = "/tmp/ffgan-preset-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void load_file(const char *name, FgPreset **p, FgError *err)
{
    err->text[0] = 0;
    fg_preset_load(p, name, NULL, 0, err);
}

static void test_extends(void **state)
{
    char want[300];
    FgError err;
    FgPreset *p;

    (void)state;
    put("base.yaml", "preset: 1\nname: nobody\nhelp: h\n"
                     "params: {b: {default: 0, min: 0, max: 1}}\n"
                     "chain: [hqdn3d, {gansr: {model: m, blend: \"${b}\"}}]\n"
                     "output: {video: {crf: 20, preset: slow}}\n");
    put("kid.yaml", "preset: 1\nextends: base\nparams: {b: 0.5}\n"
                    "output: {video: {crf: 18}}\n");
    load_file("kid", &p, &err);
    assert_string_equal(err.text, "");
    assert_string_equal(p->name, "kid");
    assert_string_equal(p->help, "h");
    assert_string_equal(p->chain, "hqdn3d,gansr=model=m:blend=0.5");
    assert_int_equal(p->nb_codec_opts, 2);
    assert_string_equal(p->codec_opts[0].value, "18");
    assert_string_equal(p->codec_opts[1].value, "slow");
    fg_preset_free(&p);

    /* null takes a key away. */
    put("kid.yaml", "preset: 1\nextends: base\n"
                    "output: {video: {crf: null, tune: ~}}\n");
    load_file("kid", &p, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(p->nb_codec_opts, 1);
    assert_string_equal(p->codec_opts[0].value, "slow");
    fg_preset_free(&p);

    /* The range is the base's, the value and so the place the kid's. */
    put("kid.yaml", "preset: 1\nextends: ./base.yaml\nparams: {b: 1.5}\n");
    load_file("kid", &p, &err);
    snprintf(want, sizeof(want),
             "%s/kid.yaml:3:13: params: 'b' is 1.5, allowed 0..1", dir);
    assert_string_equal(err.text, want);
    put("kid.yaml", "preset: 1\nextends: base\nchain: [\"${b}\"]\n");
    put("base.yaml", "preset: 1\nparams: {b: hqdn3d}\nchain: []\n"
                     "output: {video: {codec: nope}}\n");
    load_file("kid", &p, &err);
    snprintf(want, sizeof(want),
             "%s/base.yaml:4:18: video: 'codec' is nope, not a video encoder",
             dir);
    err.text[strlen(want)] = 0;
    assert_string_equal(err.text, want);
    assert_null(p);
}

static void test_cycle(void **state)
{
    char want[600];
    FgError err;
    FgPreset *p;

    (void)state;
    put("a.yaml", "preset: 1\nextends: b\n");
    snprintf(want, sizeof(want), "preset: 1\nextends: %s/a.yaml\n", dir);
    put("b.yaml", want);
    load_file("a", &p, &err);
    snprintf(want, sizeof(want),
             "%s/b.yaml:2:10: extends: %s/a.yaml -> %s/b.yaml -> %s/a.yaml "
             "goes round in a circle",
             dir, dir, dir, dir);
    assert_string_equal(err.text, want);
}

static void test_lookup(void **state)
{
    char path[300];
    FgError err;
    FgPreset *p;

    (void)state;
    put("here.yaml", "{preset: 1, chain: []}");
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(fg_preset_find("here", path, sizeof(path), &err), 0);
    assert_int_equal(setenv("FFGAN_PATH", ":::/nope", 1), 0);
    assert_int_equal(fg_preset_find("here", path, sizeof(path), &err), -ENOENT);
    assert_string_equal(err.text,
                        "no preset 'here'; looked in /nope, /nonexistent");
    assert_int_equal(fg_preset_load(&p, "./nope.yaml", NULL, 0, &err), -ENOENT);
    assert_string_equal(err.text, "./nope.yaml: No such file or directory");
    load_file("here.yaml", &p, &err);
    assert_string_equal(err.text, "");
    fg_preset_free(&p);
    assert_int_equal(setenv("FFGAN_PATH", dir, 1), 0);
    assert_int_equal(fg_preset_find("hree", path, sizeof(path), &err), -ENOENT);
    snprintf(path, sizeof(path),
             "no preset 'hree', did you mean 'here'?; looked in %s, "
             "/nonexistent",
             dir);
    assert_string_equal(err.text, path);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    unsetenv("HOME");
    unsetenv("XDG_CONFIG_HOME");
    fg_preset_set_data_dir("/nonexistent");
    return setenv("FFGAN_PATH", dir, 1);
}

static int tear_down(void **state)
{
    static const char *const names[] = {"base", "kid", "a", "b", "here"};
    char path[200];

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "%s/%s.yaml", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_substitution),
        cmocka_unit_test(test_escaping),
        cmocka_unit_test(test_shots),
        cmocka_unit_test(test_pix_fmt),
        cmocka_unit_test(test_top_errors),
        cmocka_unit_test(test_param_errors),
        cmocka_unit_test(test_chain_errors),
        cmocka_unit_test(test_output_errors),
        cmocka_unit_test(test_shot_errors),
        cmocka_unit_test(test_extends),
        cmocka_unit_test(test_cycle),
        cmocka_unit_test(test_lookup),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
