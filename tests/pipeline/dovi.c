/* ffgan tests: Dolby Vision: its data are left out, its base stays; pictures
 * without a base are refused.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/packet.h>
#include <libavformat/avformat.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/mem.h>

#include "pipeline/exit.h"

/* Runs a command with $FFMPEG, $FFGAN set, in dir; its exit code. */
static int run(const char *dir, const char *command)
{
    char line[2048];
    snprintf(line, sizeof(line),
             "FFMPEG=${FFMPEG:-$BUILD/bin/ffmpeg}; "
             "FFGAN=${FFGAN:-$BUILD/bin/ffgan}; cd %s && { %s; } 2> err",
             dir, command);
    const int ret = system(line);
    return ret < 0 || ret & 0xff ? -1 : ret >> 8;
}

static int says(const char *dir, const char *word)
{
    char line[256];
    snprintf(line, sizeof(line), "grep -q '%s' %s/err", word, dir);
    return !system(line);
}

static void add_side_data(AVCodecParameters *par, int profile, int compat)
{
    size_t size;
    AVDOVIDecoderConfigurationRecord *const r = av_dovi_alloc(&size);
    assert_non_null(r);
    *r = (AVDOVIDecoderConfigurationRecord){
        .dv_version_major = 1,
        .dv_profile = (uint8_t)profile,
        .dv_level = 1,
        .rpu_present_flag = 1,
        .bl_present_flag = 1,
        .dv_bl_signal_compatibility_id = (uint8_t)compat};
    assert_non_null(av_packet_side_data_add(&par->coded_side_data,
                                            &par->nb_coded_side_data,
                                            AV_PKT_DATA_DOVI_CONF, r, size, 0));
}

/* A picture's data: a unit of type 62, whose content is nobody's business once
 * the stream is encoded anew. */
static void add_unit(AVPacket *pkt)
{
    static const uint8_t unit[] = {0, 0, 0, 6, 0x7c, 1, 0x19, 8, 9, 0x80};
    const int at = pkt->size;
    assert_int_equal(av_grow_packet(pkt, sizeof(unit)), 0);
    memcpy(pkt->data + at, unit, sizeof(unit));
}

static void remux(const char *dir, const char *to, int profile, int compat)
{
    char path[128];
    AVFormatContext *in = NULL, *out = NULL;
    AVPacket *pkt = av_packet_alloc();
    snprintf(path, sizeof(path), "%s/base.mp4", dir);
    assert_int_equal(avformat_open_input(&in, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(in, NULL) >= 0);
    snprintf(path, sizeof(path), "%s/%s", dir, to);
    assert_true(avformat_alloc_output_context2(&out, NULL, NULL, path) >= 0);
    out->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    AVStream *const st = avformat_new_stream(out, NULL);
    assert_non_null(st);
    assert_true(
        avcodec_parameters_copy(st->codecpar, in->streams[0]->codecpar) >= 0);
    add_side_data(st->codecpar, profile, compat);
    assert_true(avio_open(&out->pb, path, AVIO_FLAG_WRITE) >= 0);
    assert_true(avformat_write_header(out, NULL) >= 0);
    while (av_read_frame(in, pkt) >= 0) {
        add_unit(pkt);
        av_packet_rescale_ts(pkt, in->streams[0]->time_base, st->time_base);
        assert_int_equal(av_interleaved_write_frame(out, pkt), 0);
    }
    assert_int_equal(av_write_trailer(out), 0);
    avio_closep(&out->pb);
    avformat_free_context(out);
    avformat_close_input(&in);
    av_packet_free(&pkt);
}

static int has(const char *dir, const char *name,
               enum AVPacketSideDataType type)
{
    char path[128];
    AVFormatContext *in = NULL;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(avformat_open_input(&in, path, NULL, NULL), 0);
    assert_true(avformat_find_stream_info(in, NULL) >= 0);
    const AVCodecParameters *const par = in->streams[0]->codecpar;
    const int found = av_packet_side_data_get(par->coded_side_data,
                                              par->nb_coded_side_data,
                                              type) != NULL;
    avformat_close_input(&in);
    return found;
}

static const char preset[] =
    "printf '%s\\n' 'preset: 1' 'name: p' 'chain: [hflip]' 'output: {video: "
    "{codec: '$C', pix_fmt: source}}' > p.yaml";

static void make_base(const char *dir)
{
    static const char encode[] =
        "$FFMPEG -nostdin -v error -f lavfi -i "
        "testsrc2=s=64x48:r=25:d=0.4,format=yuv420p10,setparams=color_primaries"
        "=bt2020:colorspace=bt2020nc:color_trc=smpte2084 -c:v libx265 "
        "-x265-params 'log-level=error:hdr10=1:master-display=G(13250,34500)B("
        "7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400'"
        " -tag:v hvc1 base.mp4";
    assert_int_equal(run(dir, encode), 0);
}

static void base_stays(void **state)
{
    static const char *const codecs[] = {"ffv1", "libx265"};
    char dir[] = "/tmp/ffgan-dovi.XXXXXX", line[512];
    (void)state;
    assert_non_null(mkdtemp(dir));
    make_base(dir);
    remux(dir, "p8.mp4", 8, 1);
    remux(dir, "p5.mp4", 5, 0);
    assert_true(has(dir, "p8.mp4", AV_PKT_DATA_DOVI_CONF));
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof(line),
                 "C=%s; %s; $FFGAN run ./p.yaml p8.mp4 -o "
                 "o%d.mkv",
                 codecs[i], preset, i);
        assert_int_equal(run(dir, line), 0);
        assert_true(says(dir, "Dolby Vision is left out; HDR10 data stay"));
        snprintf(line, sizeof(line), "o%d.mkv", i);
        assert_false(has(dir, line, AV_PKT_DATA_DOVI_CONF));
        assert_true(has(dir, line, AV_PKT_DATA_MASTERING_DISPLAY_METADATA));
        assert_true(has(dir, line, AV_PKT_DATA_CONTENT_LIGHT_LEVEL));
    }
    /* The pictures are the base's. */
    assert_int_equal(run(dir, "$FFGAN run ./p.yaml base.mp4 -o b.mkv -q && for "
                              "f in b o1; do $FFMPEG -v error -i $f.mkv -f md5 "
                              "$f; done; cmp b o1"),
                     0);
    /* No unit of the data is in the new stream. */
    assert_int_equal(run(dir, "$FFMPEG -v error -i o1.mkv -c copy -bsf:v "
                              "filter_units=pass_types=62 -f hevc u; [ ! -s u "
                              "]"),
                     0);
    assert_int_equal(run(dir, "$FFGAN run ./p.yaml p5.mp4 -o c.mkv"),
                     FG_EXIT_DATA);
    assert_true(says(dir, "p5.mp4: .*no base"));
    assert_int_equal(run(dir, "[ ! -e c.mkv ] && $FFGAN run ./p.yaml p5.mp4 -o "
                              "c.mkv --allow-errors"),
                     0);
    assert_true(says(dir, "no base"));
    snprintf(line, sizeof(line), "rm -rf %s", dir);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_stays),
    };
    return cmocka_run_group_tests_name("dovi", tests, NULL, NULL);
}
