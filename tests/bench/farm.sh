#!/bin/sh
# A job of very many chunks, its receipts written by a script: how long planning,
# status and one more worker take, and what the folder weighs.
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: BUILD=DIR farm.sh [CHUNKS]     (100000)
set -eu
n=${1:-100000}
ffgan=${BUILD:-build}/bin/ffgan
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
took() { # TEXT COMMAND...
    what=$1
    shift
    start=$(date +%s.%N)
    "$@" > out 2>&1 || { cat out && exit 1; }
    printf '%-44s %7.2f s\n' "$what" "$(echo "$(date +%s.%N) - $start" | bc)"
}
cat > p.yaml <<'END'
# Nothing is done to the pictures.
preset: 1
name: p
chain: ["null"]
output: {video: {codec: ffv1, pix_fmt: source}}
END
"${BUILD:-build}/bin/ffmpeg" -v error -f lavfi -i color=s=16x16:r=25 -frames:v "$n" -c:v rawvideo -pix_fmt gray in.nut
took "plan, $n frames, one a chunk" "$ffgan" plan p.yaml in.nut -o out.mkv --chunk 1
job=out.mkv.ffgan
"$ffgan" worker $job --chunk 0 --quiet
receipt=$job/chunk-00000.json
packets=$(ls $job/*.packets)
took "receipts of the others, by this script" python3 - $job "$n" <<'END'
import json, os, sys
job, n = sys.argv[1], int(sys.argv[2])
one = json.load(open(job + "/chunk-00000.json"))
data = open(job + "/" + one["file"], "rb").read()
for k in range(1, n - 1):
    r = dict(one, chunk=k, frames=[k, k + 1], host="n%d" % (k % 1000),
             file=one["file"].replace("00000", "%05d" % k))
    open("%s/%s" % (job, r["file"]), "wb").write(data)
    json.dump(r, open("%s/chunk-%05d.json" % (job, k), "w"), indent=1)
END
took "status, first look" "$ffgan" farm status $job
grep chunks out | head -n 1
took "status, again" "$ffgan" farm status $job
took "status of one chunk more" "$ffgan" worker $job --chunk $((n - 1)) --quiet
took "a worker whose chunk is done" "$ffgan" worker $job --chunk 5 --quiet
took "submit what is missing (commands)" "$ffgan" farm submit p.yaml in.nut -o out.mkv --engine commands
took "verify: all packets read again" "$ffgan" verify $job
du -sh $job | sed 's/^/folder: /'
echo "files: $(ls -f $job | wc -l), job.json: $(stat -c %s $job/job.json) bytes, a receipt: $(stat -c %s $receipt) bytes"
