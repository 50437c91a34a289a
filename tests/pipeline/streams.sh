#!/bin/sh
# Everything beside the picture is copied, or said to be left out.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1

cat > s.srt <<'SRT'
1
00:00:00,200 --> 00:00:00,900
one

2
00:00:01,000 --> 00:00:01,800
two
SRT
cat > meta.txt <<'META'
;FFMETADATA1
title=A title
comment=kept = yes
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=First
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=2000
title=Second
META
head -c 5000 /dev/urandom > font.ttf
mk -f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=d=2 \
    -f lavfi -i sine=f=900:d=2 -i s.srt -i meta.txt -map 0 -map 1 -map 2 \
    -map 3 -map_metadata 4 -map_chapters 4 -c:v libx264 -bf 2 -c:a:0 aac \
    -c:a:1 flac -c:s srt -metadata:s:a:0 language=deu \
    -metadata:s:a:1 language=fra -metadata:s:v title=Picture \
    -disposition:a:1 default+comment -disposition:a:0 0 -attach font.ttf \
    -metadata:s:t mimetype=application/x-truetype-font full.mkv

check "all streams to mkv" run "$P" full.mkv -o out.mkv
check "nothing is warned of" sh -c '! grep -q warning err'
for what in stream=codec_name stream_tags=language stream_tags=filename \
    stream_tags=mimetype stream_tags=title stream_disposition chapter \
    chapter_tags format_tags=title format_tags=comment; do
    probe full.mkv $what > in.txt
    probe out.mkv $what > out.txt
    check "$what is equal" cmp in.txt out.txt
done
for s in a:0 a:1 s:0; do
    check "stream $s is equal" [ "$(packets full.mkv $s)" = "$(packets out.mkv $s)" ]
done
mk -dump_attachment:t:0 got.ttf -i out.mkv -map 0:v -frames:v 1 -f null -
check "the attached file is equal" cmp font.ttf got.ttf
check "times of the text are equal" [ \
    "$(probe full.mkv packet=pts_time,duration_time -select_streams s:0)" = \
    "$(probe out.mkv packet=pts_time,duration_time -select_streams s:0)" ]

check "all that mp4 takes" run "$P" full.mkv -o out.mp4
check "text that mp4 does not take is named" grep -q \
    "stream 3 (subtitle, subrip) is left out" err
check "files that mp4 does not take are named" grep -q \
    "stream 4 (attachment, ttf) is left out" err
check "chapters are in mp4" [ "$(probe out.mp4 chapter=start_time | wc -l)" = 2 ]
check "two sounds are in mp4" [ "$(probe out.mp4 stream=index -select_streams a | wc -l)" = 2 ]
check "title is in mp4" [ "$(probe out.mp4 format_tags=title)" = "A title" ]

# mov_text, and covers in both directions.
mk -f lavfi -i color=red:s=32x32 -frames:v 1 cover.png
mk -i out.mp4 -i s.srt -i cover.png -map 0:v -map 0:a -map 1 -map 2 -c copy \
    -c:s mov_text -disposition:v:1 attached_pic cover.mp4
check "a cover and text in mp4" run "$P" cover.mp4 -o cover-out.mp4
check "the cover is equal" [ "$(packets cover.mp4 v:1)" = "$(packets cover-out.mp4 v:1)" ]
check "the cover is marked" [ \
    "$(probe cover-out.mp4 stream_disposition=attached_pic -select_streams v:1)" = 1 ]
check "the text is equal" [ "$(packets cover.mp4 s:0)" = "$(packets cover-out.mp4 s:0)" ]
check "a cover from mp4 to mkv" run "$P" cover.mp4 -o cover-out.mkv
mk -i cover-out.mkv -map 0:v:1 -c copy -f image2 -update 1 got.png
check "the cover is a file in mkv" cmp cover.png got.png
check "a cover from mkv to mkv" run "$P" cover-out.mkv -o cover-2.mkv
mk -i cover-2.mkv -map 0:v:1 -c copy -f image2 -update 1 -y got2.png
check "the cover is the same again" cmp cover.png got2.png

# The preset's list and tags.
sed 's/copy: .*/copy: [subtitles]/' "$P" > less.yaml
printf '  tags: {title: New, artist: Me}\n' >> less.yaml
check "a preset that copies text only" run ./less.yaml full.mkv -o less.mkv
check "text only" [ "$(probe less.mkv stream=codec_type | tr '\n' ' ')" = "video subtitle " ]
check "its own tags" [ "$(probe less.mkv format_tags=title,artist | sort | tr '\n' ' ')" = "Me New " ]
check "no chapters" [ -z "$(probe less.mkv chapter=id)" ]

# Two videos: the default one goes through, the other is copied.
mk -i full.mkv -f lavfi -i testsrc=s=64x64:r=25:d=2 -map 1 -map 0:v -c:v libx264 \
    -disposition:v:0 0 -disposition:v:1 default two.mkv
check "two videos" run "$P" two.mkv -o two-out.mkv
check "the default one is worked on" [ \
    "$(probe two-out.mkv stream=width | tr '\n' ' ')" = "64 160 " ]
check "the other is copied" [ "$(packets two.mkv v:0)" = "$(packets two-out.mkv v:0)" ]
check "no temporary file is left" nothing_left .
done_testing
