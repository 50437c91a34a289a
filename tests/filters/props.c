/* Tests of filters/props: what a frame carries when its size changes.
 * SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libavutil/mastering_display_metadata.h>
#include <libavutil/spherical.h>

#include "filters/props.h"

static AVFrame *source(void)
{
    AVFrame *f = av_frame_alloc();

    assert_non_null(f);
    f->width = 720;
    f->height = 576;
    f->pts = 12345;
    f->duration = 7;
    f->sample_aspect_ratio = (AVRational){16, 15};
    f->colorspace = AVCOL_SPC_SMPTE170M;
    f->color_range = AVCOL_RANGE_JPEG;
    f->color_primaries = AVCOL_PRI_BT470BG;
    f->color_trc = AVCOL_TRC_SMPTE170M;
    f->chroma_location = AVCHROMA_LOC_TOPLEFT;
    f->crop_left = 8;
    f->crop_bottom = 3;
    assert_int_equal(av_dict_set(&f->metadata, "key", "value", 0), 0);
    assert_non_null(
        av_frame_new_side_data(f, AV_FRAME_DATA_MOTION_VECTORS, 64));
    assert_non_null(av_frame_new_side_data(f, AV_FRAME_DATA_A53_CC, 6));
    assert_non_null(av_mastering_display_metadata_create_side_data(f));
    AVFrameSideData *sd = av_frame_new_side_data(
        f, AV_FRAME_DATA_REGIONS_OF_INTEREST, 2 * sizeof(AVRegionOfInterest));

    assert_non_null(sd);
    for (int i = 0; i < 2; i++)
        ((AVRegionOfInterest *)sd->data)[i] = (AVRegionOfInterest){
            sizeof(AVRegionOfInterest), 10, 20, 30, 40 + i, {1, 5}};
    sd = av_frame_new_side_data(f, AV_FRAME_DATA_SPHERICAL,
                                sizeof(AVSphericalMapping));
    assert_non_null(sd);
    ((AVSphericalMapping *)sd->data)->padding = 5;
    return f;
}

static AVFrame *copy(const AVFrame *in, int w, int h, int dropped)
{
    AVFrame *out = av_frame_alloc();

    assert_non_null(out);
    out->width = w;
    out->height = h;
    assert_int_equal(fg_props_copy(out, in), dropped);
    assert_int_equal(out->width, w);
    assert_int_equal(out->height, h);
    return out;
}

static void test_kept(void **state)
{
    AVFrame *in = source(), *out = copy(in, 1440, 1152, 1);

    (void)state;
    assert_int_equal(out->pts, 12345);
    assert_int_equal(out->duration, 7);
    assert_int_equal(out->colorspace, AVCOL_SPC_SMPTE170M);
    assert_int_equal(out->color_range, AVCOL_RANGE_JPEG);
    assert_int_equal(out->color_primaries, AVCOL_PRI_BT470BG);
    assert_int_equal(out->color_trc, AVCOL_TRC_SMPTE170M);
    assert_int_equal(out->chroma_location, AVCHROMA_LOC_TOPLEFT);
    assert_string_equal(av_dict_get(out->metadata, "key", NULL, 0)->value,
                        "value");
    assert_non_null(av_frame_get_side_data(out, AV_FRAME_DATA_A53_CC));
    assert_non_null(
        av_frame_get_side_data(out, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA));
    av_frame_free(&in);
    av_frame_free(&out);
}

static void test_scaled(void **state)
{
    AVFrame *in = source(), *out = copy(in, 1440, 576, 1);
    const AVRegionOfInterest *r;

    (void)state;
    assert_int_equal(out->sample_aspect_ratio.num, 8);
    assert_int_equal(out->sample_aspect_ratio.den, 15);
    assert_int_equal(out->crop_left, 16);
    assert_int_equal(out->crop_bottom, 3);
    r = (AVRegionOfInterest *)av_frame_get_side_data(
            out, AV_FRAME_DATA_REGIONS_OF_INTEREST)
            ->data;
    assert_int_equal(r[0].top, 10);
    assert_int_equal(r[0].left, 60);
    assert_int_equal(r[1].right, 82);
    assert_int_equal(((AVSphericalMapping *)av_frame_get_side_data(
                          out, AV_FRAME_DATA_SPHERICAL)
                          ->data)
                         ->padding,
                     10);
    /* The input's own data is not touched. */
    r = (AVRegionOfInterest *)av_frame_get_side_data(
            in, AV_FRAME_DATA_REGIONS_OF_INTEREST)
            ->data;
    assert_int_equal(r[0].left, 30);
    av_frame_free(&in);
    av_frame_free(&out);
}

static void test_dropped_only_when_the_size_changes(void **state)
{
    AVFrame *in = source();
    AVFrame *same = copy(in, 720, 576, 0), *big = copy(in, 800, 600, 1);

    (void)state;
    assert_non_null(av_frame_get_side_data(same, AV_FRAME_DATA_MOTION_VECTORS));
    assert_null(av_frame_get_side_data(big, AV_FRAME_DATA_MOTION_VECTORS));
    av_frame_free(&in);
    av_frame_free(&same);
    av_frame_free(&big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_scaled),
        cmocka_unit_test(test_dropped_only_when_the_size_changes),
    };

    return cmocka_run_group_tests_name("props", tests, NULL, NULL);
}
