#!/bin/sh
# Frames between frames: leaves every second frame of clips out, makes it again
# by several filters, and prints PSNR and SSIM of the frames that were made
# (luma; all planes) and the seconds of CPU time that the filter took a frame.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: between.sh "CLIP[@FILTERS]" ...   environment: BUILD, ONLY (names),
# MODEL (default: ganinterp's own)
set -eu
bin=$(cd "${BUILD:-build}/bin" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
run() { "$bin/ffmpeg" -v error -nostdin -y "$@"; }

# The frames with odd numbers; not the last one, which minterpolate leaves out.
odd() { echo "select=mod(n\,2)*lt(n\,2*$nb-3),setpts=N/25/TB"; }
score() { # FILM TRUTH: means over the frames that were made; 99 dB at most
    (cd "$dir" && "$bin/ffmpeg" -v error -nostdin -i "$1" -i "$2" -lavfi "[0:v]$(odd)[m];\
[1:v]$(odd)[t];[m]split[m1][m2];[t]split[t1][t2];[m1][t1]psnr=shortest=1:f=p;\
[m2][t2]ssim=shortest=1:f=s" -f null - && cat p s) | awk '
        function v(key) { sub(".* " key ":", ""); x = $1 + 0; return $1 == "inf" || x > 99 ? 99 : x }
        /psnr_y/ { l = $0; a += v("psnr_avg"); $0 = l; y += v("psnr_y"); n++ }
        / Y:/ { s += v("Y"); m++ }
        END { printf "%.2f %.2f %.5f", y / n, a / n, s / m }'
}
seconds() { # CPU time of a command
    { /usr/bin/env TIMEFORMAT='%U %S' bash -c 'time "$@" > /dev/null 2>&1' - "$@"; } \
        2>&1 | awk '{ print $1 + $2 }'
}

printf '| clip | by | PSNR Y | PSNR | SSIM Y | CPU s a frame |\n|---|---|---|---|---|---|\n'
for arg; do
    clip=${arg%%@*} filters=null
    [ "$clip" = "$arg" ] || filters=${arg#*@}
    run -i "$clip" -an -vf "$filters,setpts=N/25/TB" -r 25 -c:v ffv1 "$dir/whole.mkv"
    run -i "$dir/whole.mkv" -vf "select=not(mod(n\,2)),setpts=N/25/TB" -r 25 \
        -c:v ffv1 "$dir/half.mkv"
    nb=$("$bin/ffprobe" -v error -count_packets -select_streams v -show_entries \
        stream=nb_read_packets -of csv=p=0 "$dir/half.mkv")
    still=$(seconds "$bin/ffmpeg" -nostdin -y -i "$dir/half.mkv" -c:v ffv1 "$dir/out.mkv")
    for by in blend mci ganinterp-none ganinterp; do
        case " ${ONLY:-$by} " in *" $by "*) ;; *) continue ;; esac
        case $by in
        blend) f="framerate=fps=50:interp_start=0:interp_end=255:scene=100" ;;
        mci) f="minterpolate=fps=50:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1" ;;
        ganinterp-none) f="ganinterp=model=none" ;;
        *) f="ganinterp${MODEL:+=model=$MODEL}" ;;
        esac
        took=$(seconds "$bin/ffmpeg" -nostdin -y -filter_threads 1 -i "$dir/half.mkv" \
            -vf "$f,setpts=N/50/TB" -r 50 -c:v ffv1 "$dir/out.mkv")
        printf '| %s | %s | %s | %s |\n' "$(basename "$clip") $filters" "$by" \
            "$(score "$dir/out.mkv" "$dir/whole.mkv" | sed 's/ / | /g')" \
            "$(awk "BEGIN { printf \"%.3f\", ($took - 2 * $still) / $nb }")"
    done
done
