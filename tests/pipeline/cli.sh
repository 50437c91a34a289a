#!/bin/sh
# The command line: help, words, events, estimates.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mk -f lavfi -i testsrc2=s=96x64:r=25:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 25 -c:a aac in.mp4

# Help and usage.
for c in "" upscale run preset model doctor version; do
    check "ffgan $c --help" cli $c --help
    check "ffgan $c --help says how" grep -q "^usage: ffgan" out
done
check "ffgan upscale -h" cli upscale -h
check "ffgan version" cli version
check "ffgan version names both" [ "$(grep -c '^ffgan [0-9]\|^FFmpeg [0-9]' out)" = 2 ]
check "no words: 64" sh -c "$FFGAN 2> err; [ \$? = 64 ]"
refused "unknown command" 64 "did you mean 'upscale'" cli upscal
refused "unknown option" 64 "no option '--frobnicate'" run "$P" in.mp4 --frobnicate
refused "option without its value" 64 "needs a value" run "$P" in.mp4 -o
refused "no input" 64 "no input" cli upscale
refused "two inputs, one output" 64 "both would become" cli upscale in.mp4 in.mp4
refused "two inputs with -o" 64 "out-dir" cli upscale in.mp4 in.mp4 -o x.mp4
refused "--threads that is no number" 64 "threads" run "$P" in.mp4 --threads many
refused "--set without =" 64 "KEY=VALUE" run "$P" in.mp4 --set w
refused "--sample that is no time" 64 "5s@01:10" run "$P" in.mp4 --sample soon
refused "--rate that is no rate" 64 "not a rate" run "$N" x.%d.png -o y.%d.png --set codec=png --rate fast
refused "--rate for a video" 64 "is for pictures" run "$P" in.mp4 -o r.mp4 --rate 30
refused "--start-number for a video" 64 "is for pictures" run "$P" in.mp4 -o r.mp4 --start-number 3
refused "a letter that is no option" 64 "no option '-x'" run "$P" -x.mp4 -o r.mp4
refused "preset: --set without its value" 64 "needs KEY=VALUE" cli preset graph upscale-2x --set
refused "a program that is not there" 64 "no command" cli ../../bin/true

# Progress: lines, one of them 100 %.
check "progress in lines" run "$P" in.mp4 -o a.mp4
check "progress in lines: 100 %" grep -q "^Progress: 100%" err
check "nothing on stdout" [ ! -s out ]
check "-q" run "$P" in.mp4 -o b.mp4 -q
check "-q says nothing" [ ! -s err -a ! -s out ]
if command -v script > /dev/null; then
    script -qec "'$FFGAN' run '$P' in.mp4 -o tty.mp4" /dev/null < /dev/null > tty.txt 2>&1
    check "a bar on a terminal" grep -q "done: tty.mp4" tty.txt
else
    skip "a bar on a terminal" "no script(1)"
fi

# Events.
check "--json" run "$P" in.mp4 -o c.mp4 --json
check "--json: start first" sh -c 'head -n 1 out | grep -q "\"event\":\"start\".*\"frames\":100"'
check "--json: done last" sh -c 'tail -n 1 out | grep -q "\"event\":\"done\".*\"frames\":100"'
check "--json: progress between" grep -q '"event":"progress","frame":100,"frames":100,"percent":100' out
check "--json: one object a line" sh -c '! grep -v "^{.*}$" out'
refused "--json: an error" 66 "none.mp4" run "$P" none.mp4 -o d.mp4 --json
check "--json: error event" grep -q '"event":"error","code":66' out
refused "--json: the output exists" 73 "exists" run "$P" in.mp4 -o c.mp4 --json

refused "--json --dry-run: an error" 78 "size\|dimensions" \
    run "$P" in.mp4 -o d.mp4 --json --dry-run --set w=161
check "--json --dry-run: error event" grep -q '^{"event":"error","code":78' out
name=$(printf 'x\377\001"\\\303\251.mp4')
cp in.mp4 "$name"
for more in "" --dry-run; do
    check "--json $more: a name that is not UTF-8" run "$P" "$name" -o u.mp4 --json $more
    check "--json $more: its bytes are replaced" grep -q '"input":"x?\\u0001\\"\\\\é.mp4"' out
done
refused "--json: an error with such a name" 66 "No such file" run "$P" "no$name" -o u2.mp4 --json
check "--json: the error is whole" grep -q '"text":"nox??.*: No such file' out

# Standard streams that are closed or full.
sed 's/- zscale.*/- realtime: {}/' "$P" > slow.yaml
check "stderr is closed" sh -c \
    '"$0" run ./slow.yaml in.mp4 -o closed.mkv --sample 2.5s >&- 2>&-' "$FFGAN"
check "stderr is closed: no message is in the film" \
    sh -c '! grep -aq "Progress: " closed.mkv'
"$FFGAN" run "$P" in.mp4 -o piped.mp4 --json 2> err | head -n 1 > out
check "a reader that leaves does not stop a film" [ "$(frames piped.mp4)" = 100 ]
if [ -w /dev/full ]; then
    check "a full stdout does not stop a film" \
        sh -c '"$0" run "$1" in.mp4 -o full.mp4 --json > /dev/full' "$FFGAN" "$P"
    for c in version doctor "model list" "run $P in.mp4 -o z.mp4 --dry-run" "upscale --help"; do
        "$FFGAN" $c > /dev/full 2> err
        check "a full stdout: $c: exit 74" [ $? = 74 ]
    done
else
    skip "a full stdout" "no /dev/full"
fi

# Default names.
check "default output" run "$P" in.mp4
check "default output is in-p.mp4" [ "$(frames in-p.mp4)" = 100 ]
cp in.mp4 in.avi
cp in.mp4 100%d.mp4
check "a film with %d in its name" run "$P" 100%d.mp4
check "a film with %d in its name: in and out" [ "$(frames file:100%d-p.mp4)" = 100 ]
check "default output of another container" run "$P" in.avi
check "default output is in-p.mkv" [ "$(frames in-p.mkv)" = 100 ]

# Dry run.
ls -A > before.txt
check "--dry-run" run "$P" in.mp4 -o e.mp4 --dry-run
ls -A > after.txt
check "--dry-run writes nothing" [ "$(grep -cvx -e out -e err after.txt)" -le "$(grep -cvx -e out -e err before.txt)" -o ! -e e.mp4 ]
for word in "^input .*in.mp4" "96x64 yuv420p, 25.000 fps, 100 frames" \
    "stream 1 .*copied" "^preset .*p " "w = 160" "^-vf .*zscale=" "160x90" \
    "^estimate .* fps, .* MB, .* of memory"; do
    check "--dry-run shows '$word'" grep -q -e "$word" out
done
check "--dry-run --json" run "$P" in.mp4 -o e.mp4 --dry-run --json
check "--dry-run --json is one plan" grep -q '^{"event":"plan".*"width":160,"height":90' out
check "--dry-run wrote no output" [ ! -e e.mp4 ]

# Samples.
check "--sample" run "$P" in.mp4 -o s.mp4 --sample 1s@00:01.6
check "--sample: 25 frames" [ "$(frames s.mp4)" = 25 ]
check "--sample: starts at zero" [ "$(pts_of s.mp4 v | head -n 1)" = 0.000000 ]
mk -i in.mp4 -vf "trim=1.6:2.6,setpts=PTS-STARTPTS" -an -c:v ffv1 ref.mkv
check "--sample, pixels" run "$N" in.mp4 -o s.mkv --sample 1s@1.6
for f in ref s; do
    mk -i $f.mkv -map 0:v -f framehash -hash md5 - | grep -v '^#' | sed 's/.*, *//' > $f.txt
done
check "--sample: the very frames" cmp ref.txt s.txt
check "--sample past the end" run "$P" in.mp4 -o p.mp4 --sample 9s@3 --json
check "--sample past the end: frames that are to come" \
    grep -q '"event":"start".*"frames":25\b' out
check "--sample has sound" [ -n "$(pts_of s.mp4 a)" ]
refused "--sample behind the end" 65 "no frame" run "$P" in.mp4 -o t.mp4 --sample 1s@60

# Models and the machine.
cli doctor
rc=$?
check "doctor: exit 0 or 69" [ $rc = 0 -o $rc = 69 ]
check "doctor names CPU, threads, FFmpeg, GPU" [ "$(grep -c 'CPU: \|threads: \|FFmpeg \|GPU: ' out)" -ge 4 ]
check "model list" cli model list
refused "model info of nothing" 66 "none-such" cli model info none-such
echo "not a model" > bad.safetensors
refused "model info --size of nonsense" 64 "allowed WxH" cli model info fast-x2 --plan --size 12
refused "model info --size without --plan" 64 "goes with --plan" \
    cli model info fast-x2 --size 64x64
refused "model info of junk" 65 "bad.safetensors" cli model info ./bad.safetensors
if cli model info fast-x2; then
    for word in sha256 scale parameters reach work; do
        check "model info shows $word" grep -q "^$word" out
    done
    check "model info --json" cli model info fast-x2 --json
    check "model info --json has the graph's facts" grep -q '"scale":2.*"reach":' out
    check "model info --plan" cli model info fast-x2 --plan --size 640x360
    check "the plan names the way of each step" \
        test "$(grep -c 'Winograd F(4x4,3x3), int16' out)" = 5
    check "its first step reads the picture in fp32" grep -q ' 1 -> 16 *plain, fp32' out
    check "model info --plan --precision fp32" \
        cli model info fast-x2 --plan --precision fp32 --json
    check "the plan as JSON" grep -q '"method":"Winograd F(4x4,3x3), fp32","value":"fp32"' out
    refused "model info --plan --device of nonsense" 64 "allowed cpu, cuda" \
        cli model info fast-x2 --plan --device tpu
    gpu=$BUILD/tests/ffgan-cuda-emulated.so
    if [ -e "$gpu" ]; then
        check "model info --plan --device cuda names what was measured" sh -c '
            XDG_CACHE_HOME=$2 FFGAN_CUDA=$3 FFGAN_EMULATED_DNN=2 \
                FFGAN_EMULATED_TIMES="fake1=2.5" \
                "$1" model info fast-x2 --plan --device cuda --size 64x36 |
                grep -q "cuDNN fake1: 2.5 us, the fastest of [3-9] (10.0 us by"' \
            - "$FFGAN" "$T/choices" "$gpu"
        check "and so does --json" sh -c '
            XDG_CACHE_HOME=$2 FFGAN_CUDA=$3 FFGAN_EMULATED_DNN=2 \
                FFGAN_EMULATED_TIMES=none=1 \
                "$1" model info fast-x2 --plan --device cuda --size 64x36 \
                --json | grep -q "\"choice\":\"cuDNN fake1: 2.5 us"' \
            - "$FFGAN" "$T/choices" "$gpu"
    else
        skip "model info --plan --device cuda" "no emulated plug-in"
    fi
    check "model info --plan --precision fast says what it is here" \
        sh -c '"$1" model info fast-x2 --plan --precision fast | grep -q "bf16\|int16"' - "$FFGAN"
    check "model check" cli model check fast-x2
    check "model check tells dB and codes" grep -q "dB, at most [0-9.]* code" out
else
    skip "model info" "no fast-x2 here"
fi
net=compact:channels=16,layers=2,scale=2,colour=1
check "bench" cli bench $net --size 64x36 --runs 1 --json
check "bench tells time and SNR" grep -q '"ms_median":[0-9.]*,.*"snr_db":[0-9.]*' out
check "bench --precision fp32" cli bench $net --size=9x7 --runs 1 --precision fp32
check "bench says what ran" grep -q "fp32, .* ms" out
refused "bench of nothing" 64 "network" cli bench
refused "bench with a bad key" 64 "unknown key 'chanels', allowed channels" \
    cli bench compact:chanels=3
refused "bench with a bad value" 64 "allowed" cli bench res:channels=0
refused "bench with a bad size" 64 "allowed WxH" cli bench $net --size 0x9
refused "bench with a bad precision" 64 "allowed auto, fp32" \
    cli bench $net --precision fp4
refused "bench of a missing model" 66 "none-such" cli bench none-such
check "doctor --colour" cli doctor --colour
check "doctor --colour: 300 rows or more, none bad" sh -c "grep -c '^ok ' out | grep -q '[3-9]..' && ! grep -q FAIL out"
check "doctor --colour: floats differ by rounding only" grep -q "gbrpf32le .* luma.*e-0[78]" out
check "no temporary file is left" nothing_left .
done_testing
