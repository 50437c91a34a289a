#!/bin/sh
# Several frames of gansr in flight: the same frames, times and errors as one
# after another. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
mk=$BUILD/tests/filters/mkmodel
"$mk" compact y 2 "$T/net.safetensors" &&
    "$mk" compact rgb 2 "$T/rgb.safetensors" || exit 1
export FFGAN_PATH="$T"

ff() { "$FFMPEG" -nostdin -bitexact "$@"; }
# crc SOURCE FILTERS: one line a frame
crc() {
    ff -v error -f lavfi -i "$1" -vf "$2" -f framecrc - | grep -v '^#'
}
same() { diff "$1" "$2"; }
# at_a_time SIZE THREADS OPTIONS: frames that gansr takes at a time
at_a_time() {
    ff -v verbose -f lavfi -i "testsrc2=s=$1:d=0.04" \
        -vf "gansr=model=net:threads=$2:inflight=${3:-0}" -f null - 2>&1 |
        sed -n 's/.*threads, \([0-9]*\) at a time$/\1/p'
}
cpus=$(nproc)

# ---- when ----
check "one thread takes one frame" test "$(at_a_time 48x32 1)" = 1
check "one thread takes one frame, asked for more, too" test \
    "$(at_a_time 48x32 1 4)" = 1
if [ "$cpus" -gt 1 ]; then
    check "two threads take two small frames" test "$(at_a_time 48x32 2)" = 2
    check "inflight says how many" test "$(at_a_time 48x32 2 5)" = 5
    check "one large frame is for two threads" test "$(at_a_time 640x480 2)" = 1
    check "unless more are asked for" test \
        "$(at_a_time 640x480 2 2)" = 2
else
    skip "how many frames threads take" "one CPU"
fi
check "inflight=1 takes one frame" test "$(at_a_time 48x32 2 1)" = 1
check "too many are refused" eval '! ff -v error -f lavfi -i testsrc2 -vf \
    gansr=model=net:inflight=65 -f null -'

# ---- the same frames, for any number of them ----
src="testsrc2=s=46x30:r=5,noise=all_seed=3:alls=60:allf=t"
for m in net rgb; do
    for f in yuv420p gbrap; do
        crc "$src,format=$f,trim=end_frame=7" \
            gansr=model=$m:threads=1 > "$T/all"
        check "$m, $f: seven frames" test "$(wc -l < "$T/all")" = 7
        for n in 0 1 2 3 7; do
            for t in 2 3 8; do
                crc "$src,format=$f,trim=end_frame=$n" \
                    "gansr=model=$m:threads=$t:inflight=0" > "$T/a"
                crc "$src,format=$f,trim=end_frame=$n" \
                    "gansr=model=$m:threads=$t:inflight=3" > "$T/b"
                head -n $n "$T/all" > "$T/want"
                check "$m, $f: $n frames by $t threads" same "$T/want" "$T/a"
                check "$m, $f: $n frames by $t, three at a time" \
                    same "$T/want" "$T/b"
            done
        done
    done
done

# ---- times, side data, the end ----
more=threads=2:inflight=4
stamps() {
    "$FFPROBE" -v error -f lavfi -i "$1" -of csv -show_entries \
        frame=pts,duration,interlaced_frame:frame_side_data:frame_tags
}
vfr="testsrc2=s=32x32:r=25:d=1,select='not(mod(n*n,7))',setpts=PTS+9/TB"
vfr="$vfr,metadata=add:key=n:value=7,setfield=tff"
vfr="$vfr,addroi=x=0:y=0:w=4:h=4:qoffset=0.1,select=gte(n\,1)"
stamps "$vfr,gansr=model=net:threads=1" > "$T/a"
stamps "$vfr,gansr=model=net:$more" > "$T/b"
check "times, tags and side data" same "$T/a" "$T/b"
check "which there are" grep -q "Regions Of Interest" "$T/b"
crc "$src,trim=end_frame=9" "gansr=model=net:threads=1,fps=7,reverse" > "$T/a"
crc "$src,trim=end_frame=9" "gansr=model=net:$more,fps=7,reverse" > "$T/b"
check "the time of the end" same "$T/a" "$T/b"
crc "$src,trim=end_frame=9" "gansr=model=net:threads=1,trim=end_frame=2" \
    > "$T/a"
crc "$src" "gansr=model=net:$more,trim=end_frame=2" > "$T/b"
check "who wants no more ends it" same "$T/a" "$T/b"
two="split[p][q];[p]gansr=model=net:OPT[x];[q]gansr=model=rgb:OPT[y];[x][y]"
two="${two}hstack"
crc "$src,format=yuv420p,trim=end_frame=5" \
    "$(echo "$two" | sed s/OPT/threads=1/g)" > "$T/a"
crc "$src,format=yuv420p,trim=end_frame=5" \
    "$(echo "$two" | sed "s/OPT/$more/;s/OPT/threads=2:inflight=3/")" > "$T/b"
check "two side by side" same "$T/a" "$T/b"

# ---- what changes on the way ----
blend="sendcmd=c='0.4 gansr blend 1; 1.0 gansr blend 0.3'"
crc "$src,trim=end_frame=8" "$blend,gansr=model=net:threads=1" > "$T/a"
for n in 2 3 4 7; do
    crc "$src,trim=end_frame=8" \
        "$blend,gansr=model=net:threads=2:inflight=$n" > "$T/b"
    check "a command holds from its frame on, $n at a time" same "$T/a" "$T/b"
done
turn="sendcmd=c='0.6 scale@t w 50; 0.6 scale@t h 30; 1.4 scale@t w 20',scale@t"
crc "$src,trim=end_frame=9" "$turn,gansr=model=net:threads=1,boxblur" > "$T/a"
crc "$src,trim=end_frame=9" "$turn,gansr=model=net:$more,boxblur" > "$T/b"
check "nine frames of three sizes" test "$(wc -l < "$T/a")" = 9
check "sizes that change" same "$T/a" "$T/b"

# ---- errors ----
bad="testsrc2=s=46x30:r=5,format=grayf32"
bad="$bad,geq=lum='if(eq(N\\,BAD)*eq(X\\,3)*eq(Y\\,4)\\,1/0\\,lum(X\\,Y)/2)'"
for n in 0 1 2 3 5; do
    fails=$(echo "$bad" | sed "s/BAD/$n/")
    for o in threads=1 threads=2:inflight=3 threads=2:inflight=8; do
        ff -y -v error -f lavfi -i "$fails,trim=end_frame=7" \
            -vf "gansr=model=net:$o" -f framecrc "$T/out" 2> "$T/msg"
        echo "status $?, $(grep -c 'infinite value in row 4' "$T/msg") said" \
            > "$T/$o"
        sed -n 's/.*frame at pts \([0-9]*\).*/pts \1/p' "$T/msg" >> "$T/$o"
        grep '^0,' "$T/out" >> "$T/$o"
    done
    check "frames before a bad one are there: $n" test \
        "$(grep -c '^0,' "$T/threads=1")" = $n
    check "frame $n is bad, three at a time" \
        same "$T/threads=1" "$T/threads=2:inflight=3"
    check "frame $n is bad, eight at a time" \
        same "$T/threads=1" "$T/threads=2:inflight=8"
done

# ---- a graph that is made anew ----
for s in 48x32 64x48 48x32; do
    ff -v error -f lavfi -i "testsrc2=s=$s:r=5:d=1" -f mjpeg - >> "$T/sizes.mjpg"
done
frames() {
    ff -v warning -f mjpeg -i "$T/sizes.mjpg" -vf "gansr=model=net:threads=2$1" \
        -f framecrc - 2> "$T/msg" | grep -vc '^#'
}
check "none is lost, as it is" test "$(frames "")" = 15
check "nothing is said of it" eval '! grep -q "are lost" "$T/msg"'
if [ "$cpus" -gt 1 ]; then
    lost=$(frames :inflight=4)
    check "what is lost is said" grep -q "frames are lost" "$T/msg"
    check "and was held" test "$lost" -lt 15
fi

# ---- memory for all threads' frames ----
if [ "$cpus" -gt 1 ]; then
    check "a large result is too much for many" test "$(ff -v verbose -f lavfi \
        -i testsrc2=s=320x180:d=0.04 -vf \
        "gansr=model=net:scale_factor=8:threads=2:inflight=0" -f null - 2>&1 |
        sed -n 's/.*threads, \([0-9]*\) at a time$/\1/p')" = 1
    check "so is a tile size" test "$(at_a_time 48x32 2 0:tilesize=16)" = 1
fi
done_testing
