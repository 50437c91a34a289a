#!/bin/sh
# gansr inside ffmpeg: messages, threads, graphs, times and tags.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
mk=$BUILD/tests/filters/mkmodel
"$mk" compact y 2 "$T/net.safetensors" &&
    "$mk" compact rgb 2 "$T/rgb.safetensors" &&
    "$mk" identity y 1 "$T/same.safetensors" &&
    "$mk" bad rgb 2 "$T/bad.safetensors" || exit 1
export FFGAN_PATH="$T"

ff() { "$FFMPEG" -v error -nostdin -bitexact "$@"; }
# crc SOURCE FILTERS [options]: one line a frame
crc() {
    crc_src=$1 crc_vf=$2
    shift 2
    ff "$@" -f lavfi -i "$crc_src" -vf "$crc_vf" -f framecrc -bitexact - |
        grep -v '^#'
}
same() { [ -s "$1" ] && diff "$1" "$2"; }
differ() { [ -s "$1" ] && ! diff -q "$1" "$2" > /dev/null; }
# Fails to run FILTERS, says WORDS, writes no frame.
refuses() { # FILTERS WORDS...
    ref_vf=$1
    shift
    ff -y -f lavfi -i testsrc2=s=64x36:d=0.2 -vf "$ref_vf" -f framecrc \
        "$T/out.crc" > "$T/msg" 2>&1 && return 1
    grep -q '^0,' "$T/out.crc" 2> /dev/null && return 1
    for word; do
        grep -qF "$word" "$T/msg" || { cat "$T/msg"; return 1; }
    done
}

# ---- messages ----
"$FFMPEG" -hide_banner -f lavfi -i testsrc2 -vf gansr=model=help -f null - \
    > "$T/help" 2>&1
check "model=help lists the models" grep -q "net .*$T/net.safetensors" "$T/help"
check "model=help is no error" ff -f lavfi -i testsrc2 -vf gansr=model=help \
    -f null -
check "a missing model is named, and where it was looked for" \
    refuses gansr=model=nett nett "$T"
echo hello > "$T/text.safetensors"
check "a text file as model" refuses gansr=model=text text.safetensors
head -c 300 "$T/net.safetensors" > "$T/cut.safetensors"
check "a truncated model" refuses gansr=model=cut cut.safetensors
check "a device that there is not" refuses gansr=model=net:device=toaster \
    toaster cpu
check "a bad width" refuses gansr=model=net:w=banana "w: 'banana'"
check "a width that refers to itself" refuses gansr=model=net:w=ow "w: 'ow'"
check "an absurd size" refuses gansr=model=net:w=9999999:h=9999999 9999999
check "an unknown matrix word" refuses gansr=model=net:colorspace=purple purple
check "a matrix that RGB models cannot use" \
    refuses setparams=colorspace=ycgco,gansr=model=rgb ycgco bt2020nc
check "a network that gives infinity stops the run" \
    refuses gansr=model=bad "pts 0" infinite
ff -f lavfi -i testsrc2=s=620x350:d=0.04 -vf gansr=model=bad -f null - \
    > "$T/msg" 2>&1
check "the same of a frame whose rows are asked for again in fp32" \
    grep -q "pts 0.*infinite value in fp32" "$T/msg"
check "a frame without a time is named as such" \
    refuses setpts=NAN,gansr=model=bad "pts NOPTS" infinite

# ---- the same bits ----
# Large enough for rows that come as the network takes them; tiles take the
# picture. Noise: codes that the network must not see.
noisy=testsrc2=s=620x350:r=5:d=0.4,noise=all_seed=3:alls=90:allf=t
for f in yuv420p nv12 yuv422p10 gray yuv444p gbrp rgb24 yuvj420p; do
    for m in net rgb; do
        crc "$noisy,format=$f" gansr=model=$m:threads=3 > "$T/rows"
        crc "$noisy,format=$f" gansr=model=$m:tilesize=128 > "$T/tiles"
        check "$m, $f: rows as they come are the picture" \
            same "$T/rows" "$T/tiles"
    done
done
# Alpha, floats, and RGB around a network of luma, odd sizes; and sizes that the
# network does not give, larger, lower, and with one side as it is.
odd=testsrc2=s=620x350:r=5:d=0.4,noise=all_seed=5:alls=90:allf=t,crop=617:349
for f in yuva420p yuva444p10 ya8 bgra gbrap16 grayf32 gbrpf32 gbrapf32; do
    for m in net rgb; do
        crc "$odd:exact=1,format=$f" gansr=model=$m:threads=3 > "$T/rows"
        crc "$odd:exact=1,format=$f" gansr=model=$m:tilesize=128 > "$T/tiles"
        check "$m, $f: rows as they come are the picture" \
            same "$T/rows" "$T/tiles"
    done
done
for f in yuv420p rgba gbrpf32; do
    for w in 925:523 1500:1400 1300:210 300:900 1234:500 700:698 617:349; do
        for m in net rgb; do
            size=model=$m:w=${w%:*}:h=${w#*:}
            crc "$odd:exact=1,format=$f,trim=end_frame=1" \
                gansr=$size:threads=3 > "$T/rows"
            crc "$odd:exact=1,format=$f,trim=end_frame=1" \
                gansr=$size:tilesize=128 > "$T/tiles"
            check "$m, $f to $w: rows as they come are the picture" \
                same "$T/rows" "$T/tiles"
        done
    done
done
# Rows that are looked at as the network takes them.
one="if(eq(X\\,3)*eq(Y\\,123)\\,1/0\\,0.5)"
for f in "grayf32,geq=lum='$one'" "gbrpf32,geq=r=0.5:g='$one':b=0.5" \
    "gbrapf32,geq=r=0.5:g=0.5:b=0.5:a='$one'"; do
    for m in net rgb; do
        ff -y -f lavfi -i "color=s=620x350:r=1:d=1,format=$f" \
            -vf gansr=model=$m -f framecrc "$T/out.crc" > "$T/msg" 2>&1
        check "$m, ${f%%,*}: a value that is not finite is told by its row" \
            grep -q "the input has .* infinite value in row 123" "$T/msg"
        check "and no frame is written" eval '! grep -q "^0," "$T/out.crc"'
    done
done
src=testsrc=s=101x57:r=5:d=0.6
for m in net rgb; do
    crc $src "gansr=model=$m" -filter_threads 1 > "$T/a"
    crc $src "gansr=model=$m" -filter_threads 4 > "$T/b"
    check "$m: threads 1 and 4 agree" same "$T/a" "$T/b"
    crc $src "gansr=model=$m:threads=1" -filter_threads 4 > "$T/b"
    check "$m: threads=1 agrees" same "$T/a" "$T/b"
    crc $src "gansr=model=$m:tilesize=16" > "$T/b"
    check "$m: tiles agree" same "$T/a" "$T/b"
    crc $src "gansr=model=$m:blend=0.5" > "$T/b"
    check "$m: blend changes the picture" differ "$T/a" "$T/b"
    crc $src "gansr=model=$m:precision=bf16" > "$T/b"
    check "$m: bf16 runs" test -s "$T/b"
done
crc $src "format=yuv420p,gansr=model=net" > "$T/a"
crc $src "format=yuv420p,split[p][q];[p]gansr=model=net[x];\
[q]gansr=model=rgb:blend=1[y];[x][y]hstack,crop=iw/2:ih:0:0:exact=1" > "$T/b"
check "two instances in one graph do not disturb each other" same "$T/a" "$T/b"
crc $src gansr=model=net > "$T/a"
crc $src "sendcmd=c='0.3 gansr blend 1',gansr=model=net" > "$T/b"
crc $src "gansr=model=net:blend=1" > "$T/c"
check "blend can change while running" test \
    "$(sed -n 1p "$T/b"),$(sed -n 3p "$T/b")" = \
    "$(sed -n 1p "$T/a"),$(sed -n 3p "$T/c")"

# ---- sizes ----
crc $src gansr=model=same > "$T/a"
crc $src null > "$T/b"
check "a network that changes nothing changes nothing" same "$T/a" "$T/b"
shows() { # FILTERS FIELD: of the frames that leave them
    "$FFMPEG" -nostdin -f lavfi -i "$src" -vf "$1,showinfo" -f null - 2>&1 |
        sed -n "s/.*showinfo.* $2:\([0-9x/]*\) .*/\1/p" | tr '\n' ' '
}
sizes() { shows "$1" s; }
check "the model's factor" test "$(sizes gansr=model=net)" = \
    "202x114 202x114 202x114 "
check "scale_factor" test "$(sizes gansr=model=net:scale_factor=3)" = \
    "303x171 303x171 303x171 "
check "w and h" test "$(sizes gansr=model=net:w=iw*3/2:h=-4)" = \
    "151x84 151x84 151x84 "
turn="sendcmd=c='0.3 scale@t w 50; 0.3 scale@t h 30',scale@t"
check "frames that change their size on the way keep the first one" test \
    "$(sizes "$turn,gansr=model=net")" = "202x114 202x114 202x114 "
check "the aspect ratio follows them" test "$(shows "$turn,setsar=1,\
gansr=model=net" sar)" = "1/1 1/1 95/101 "
# A filter after it that must not meet another size than it was made for.
crc $src "$turn,gansr=model=net,boxblur" > "$T/a"
crc $src "$turn,gansr=model=net,scale=w=iw:h=ih:flags=neighbor,boxblur" > "$T/b"
check "the filters after it see one size" test "$(wc -l < "$T/a")" = 3
check "and the same pictures" same "$T/a" "$T/b"
for f in "crop=3:1:0:0,scale@t" "crop=1:9:0:0,scale@t"; do
    crc $src "sendcmd=c='0.3 scale@t w 7; 0.3 scale@t h 77',$f,\
gansr=model=rgb" > "$T/a"
    check "tiny sizes on the way: ${f%,*}" test "$(wc -l < "$T/a")" = 3
done

ff -f lavfi -i "testsrc=s=64x36:r=1:d=2,format=rgb24" "$T/f%d.png"
ff -y -f lavfi -i "testsrc=s=64x36:r=1:d=1,format=gray" -update 1 "$T/f2.png"
crc_images() { ff "$@" -i "$T/f%d.png" -vf gansr=model=net -f framecrc -; }
check "a new graph for frames that change their format" crc_images
crc_images -reinit_filter 0 > "$T/a" 2> "$T/msg"
check "frames that change their format in the same graph are refused" test \
    "$(grep -c '^0,' "$T/a") $(grep -o 'from rgb24 to gray' "$T/msg")" = \
    "1 from rgb24 to gray"

# ---- times and tags ----
crc testsrc2=s=32x32:r=25:d=1 gansr=model=net > "$T/a"
check "25 frames in, 25 out" test "$(wc -l < "$T/a")" = 25
vfr="testsrc2=s=32x32:r=25:d=1,select='not(mod(n*n,7))',setpts=PTS+9/TB"
stamps() {
    "$FFPROBE" -v error -f lavfi -i "$1" -show_entries frame=pts,duration \
        -of csv
}
stamps "$vfr" > "$T/a"
stamps "$vfr,gansr=model=net" > "$T/b"
check "times of a variable rate are kept" same "$T/a" "$T/b"
tags() { # FILTERS
    "$FFPROBE" -v error -f lavfi -i "testsrc2=s=64x36:d=0.04,format=yuv420p,$1" \
        -show_entries frame=width,height,sample_aspect_ratio,pix_fmt,$2 \
        -of csv=p=0
}
check "SAR stays when both sides grow alike" test \
    "$(tags setsar=16/15,gansr=model=net color_range)" = \
    "128,72,yuv420p,16:15,unknown"
check "SAR follows the shape" test \
    "$(tags setsar=16/15,gansr=model=net:w=iw*2:h=ih color_range)" = \
    "128,36,yuv420p,8:15,unknown"
p=setparams=range=pc:color_primaries=bt2020:color_trc=smpte2084
p=$p:colorspace=bt2020nc:chroma_location=topleft
check "colour tags are kept" test "$(tags "$p,gansr=model=rgb" \
    color_range,color_space,color_primaries,color_transfer,chroma_location)" = \
    "128,72,yuv420p,1:1,pc,bt2020nc,bt2020,smpte2084,topleft"
done_testing
