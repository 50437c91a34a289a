#!/bin/sh
# Containers x codecs x rates x start offsets x B-frames x GOPs x edit lists,
# run in chunks: frames in = frames out, at the source's times.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
vfr="select='not(mod(n,4))+not(mod(n*n,3))'"
# NAME FILTER ENCODER-OPTIONS...: one clip of each encoding, in Matroska or NUT.
clip() {
    name=$1 filter=$2
    shift 2
    mk -f lavfi -i testsrc2=s=80x48:r=24000/1001:d=2 -vf "$filter" -fps_mode passthrough "$@" "$name"
}
clip h264.mkv null -c:v libx264 -g 12 -bf 2
clip h264-open.mkv null -c:v libx264 -x264-params keyint=12:open-gop=1:bframes=3:scenecut=0
clip h264-nob.mkv null -c:v libx264 -g 300 -bf 0
clip h264-vfr.mkv "$vfr" -c:v libx264 -g 10 -bf 3
clip h264-long.mkv null -c:v libx264 -x264-params keyint=infinite:bframes=5:b-pyramid=2
clip h264-field.mkv null -c:v libx264 -flags +ildct+ilme -x264-params tff=1:keyint=12
clip hevc.mkv null -c:v libx265 -x265-params log-level=error:keyint=12:open-gop=1
clip hevc-vfr.mkv "$vfr" -c:v libx265 -x265-params log-level=error:keyint=9:bframes=4
clip mpeg4.mkv null -c:v mpeg4 -g 12 -bf 2
clip mpeg2.mkv null -c:v mpeg2video -g 12 -bf 2
clip prores.mov null -c:v prores_ks
clip ffv1.mkv "$vfr" -c:v ffv1
clip mjpeg.mkv null -c:v mjpeg -pix_fmt yuvj420p
clip vp9.mkv null -c:v libvpx-vp9 -g 12
clip vp8.mkv null -c:v libvpx -g 12 -auto-alt-ref 0
clip av1.mkv null -c:v libaom-av1 -cpu-used 8 -crf 40 -b:v 0 -g 12

# CONTAINER CLIP [OUTPUT-OPTIONS...]
done_count=0
one() {
    container=$1 clip=$2
    shift 2
    name="${clip%.*} in $container${1:+ ($*)}"
    if ! "$FFMPEG" -nostdin -v error -y -i "$clip" -c copy "$@" s.$container 2> mk.err; then
        skip "$name" "ffmpeg cannot make it: $(head -n 1 mk.err | cut -c 1-60)"
        return
    fi
    rm -f o.mkv o.mp4
    check "$name" run "$N" s.$container -o o.mkv --chunk 13
    pts_of s.$container v > t1
    pts_of o.mkv v > t2
    check "$name: $(wc -l < t1) frames, times equal" awk 'NR == FNR { a[n++] = $1; next }
        { m++; if (a[FNR - 1] == "N/A") next # MPEG-PS: not each has a time
          d = a[FNR - 1] - $1; if (d < 0) d = -d; if (d > 0.00101) bad = 1 }
        END { exit bad || n != m || n == 0 }' t1 t2
    done_count=$((done_count + 1))
}
for c in h264.mkv h264-open.mkv h264-nob.mkv h264-vfr.mkv h264-long.mkv h264-field.mkv hevc.mkv hevc-vfr.mkv; do
    for k in mp4 mov mkv ts; do one $k $c; done
done
for c in mpeg4.mkv vp9.mkv av1.mkv mjpeg.mkv; do
    for k in mp4 mkv; do one $k $c; done
done
one mov prores.mov
one mkv ffv1.mkv
one nut ffv1.mkv
one webm vp8.mkv
one mpg mpeg2.mkv
one ts mpeg2.mkv
one avi mpeg4.mkv
one avi mjpeg.mkv
one mxf mpeg2.mkv
one flv h264.mkv
# Start offsets, and edit lists that hide what a key frame needs.
for k in mp4 mov mkv ts; do
    one $k h264.mkv -output_ts_offset 5
    one $k h264-vfr.mkv -output_ts_offset 0.7
done
for k in mp4 mov; do
    for c in h264.mkv h264-open.mkv hevc.mkv; do
        mk -ss 0.8 -i $c -c copy e.$k
        cp e.$k edit-${c%.mkv}.$k
        one $k edit-${c%.mkv}.$k
    done
done
check "the matrix has 40 or more ($done_count)" [ $done_count -ge 40 ]
done_testing
