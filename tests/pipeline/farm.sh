# ffgan farm without a farm: scripts, templates, lists, workers' manners.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
cd "$T" || exit 1
mk -f lavfi -i "testsrc2=s=64x36:r=25:d=4" -c:v libx264 -g 12 in.mkv
run "$P" in.mkv -o whole.mkv --set codec=ffv1
frame_md5() { mk -i "$1" -map 0:v -f framemd5 - | grep -v '^#'; }
frame_md5 whole.mkv > whole.md5

submit() { # ENGINE OUT OPTIONS: 25-frame chunks
    farm_engine=$1 farm_out=$2
    shift 2
    cli farm submit "$P" in.mkv -o "$farm_out" --engine "$farm_engine" \
        --set codec=ffv1 --chunk 25f "$@"
}
same_frames() { frame_md5 "$1" | cmp - whole.md5; }
says() { grep -q -- "$1" "$T/out" "$T/err"; }
code() { want=$1; shift; "$@"; [ $? = "$want" ]; }
status_says() { "$FFGAN" farm status "$1" > st 2>&1; grep -q -- "$2" st; }

# ---- a list of commands ----
check "commands: submits" submit commands a.mkv
check "commands: a line a chunk" [ "$(wc -l < a.mkv.ffgan/farm/commands-1.txt)" = 4 ]
check "status: nothing done" status_says a.mkv.ffgan "0 of 4 done, 0 running, 0 failed, 4 missing"
check "a job is not submitted twice" code 73 submit commands a.mkv
check "and it says how to go on" says "farm retry"
check "commands: run by xargs, two at a time" sh -c \
    "xargs -P 2 -I{} sh -c '{}' < a.mkv.ffgan/farm/commands-1.txt > worker.out"
check "progress in Deadline's words" grep -q '^Progress: 100%$' worker.out
check "status: all done" status_says a.mkv.ffgan "4 of 4 done"
check "status: frames a second of this host" status_says a.mkv.ffgan "$(uname -n).* 4 chunks"
check "status: money" sh -c '"$FFGAN" farm status a.mkv.ffgan --rate 3.5 | grep -q "at 3.5 an hour"'
check "status: JSON" sh -c '"$FFGAN" farm status a.mkv.ffgan --json | grep -q "\"done\":4,\"running\":0,\"failed\":0,\"missing\":\[\]"'
check "status again, from its cache" status_says a.mkv.ffgan "4 of 4 done"
rm a.mkv.ffgan/chunk-00002-*.packets
check "status: a receipt without packets is not done" status_says a.mkv.ffgan "3 of 4 done"
check "assemble does not, either" code 66 cli assemble a.mkv.ffgan
check "retry: only what is missing" cli farm retry a.mkv.ffgan
check "retry: one line" [ "$(grep -c 'chunk 2 ' a.mkv.ffgan/farm/commands-2.txt)" = 1 ]
check "retry: runs" sh a.mkv.ffgan/farm/commands-2.txt
check "assembled" sh a.mkv.ffgan/farm/assemble-2.txt
check "the frames of a run in one piece" same_frames a.mkv
check "the folder is gone" [ ! -e a.mkv.ffgan ]

# ---- names that scripts choke on ----
name=$(printf 'o u\047t "$x" `y` {{z}} %%a\n\344\303\244 &;|<>*?[1].mkv')
check "hostile name: commands" submit commands "$name"
check "hostile name: each line is one command of plain words" sh -c \
    '! grep -v "^[][A-Za-z0-9/._ %:-]*$" "$1".ffgan/farm/commands-1.txt' - "$name"
check "hostile name: run" sh -c 'xargs -I{} sh -c "{}" < "$1".ffgan/farm/commands-1.txt' - "$name"
check "hostile name: joined" sh "$name.ffgan/farm/assemble-1.txt"
check "hostile name: the frames" same_frames "$name"

# ---- dry run ----
check "dry run: Slurm's scripts and commands" submit slurm d.mkv --dry-run --gpus 2 --queue q --max-running 7 --engine-arg=--mem=4G
for word in "'--array=0-3%7'" "'--gres=gpu:2'" "'--partition=q'" "'--mem=4G'" "--dependency=afterany:(id)" "--chunk-env SLURM_ARRAY_TASK_ID"; do
    check "dry run: $word" says "$word"
done
check "dry run: writes nothing" [ ! -e d.mkv.ffgan ]
check "auto: chunk length from a measured sample" cli farm submit "$P" in.mkv -o d.mkv --engine slurm --dry-run --node-fps 0.5 --chunk-minutes 1
check "auto: 30 frames a minute" says "30 frames a chunk"
check "no sbatch: says what is missing" code 69 env PATH=/nowhere "$FFGAN" farm submit "$P" in.mkv -o d.mkv --engine slurm --chunk 25
check "k8s wants an image" code 64 submit k8s e.mkv
check "an option that an engine cannot use" code 64 submit commands e.mkv --max-running 3
check "and it says which" says "max-running means nothing to engine commands"
check "one worker is one" code 64 submit commands e.mkv --workers 1
check "unknown engine" code 64 submit pigeon e.mkv
check "farm options are for the farm" code 64 cli upscale in.mkv --engine slurm

# ---- Kubernetes ----
check "k8s: a manifest" submit k8s k.mkv --image ffgan:1 --volume media:/mnt --gpus 1 --only-missing
K=k.mkv.ffgan/farm/jobs-1.json
[ -e $K ] || K=$(ls k.mkv.ffgan/farm/jobs-*.json)
for word in '"completions": 4' '"completionMode": "Indexed"' '"nvidia.com/gpu": 1' '"claimName": "media"' '"backoffLimitPerIndex": 3' JOB_COMPLETION_INDEX; do
    check "k8s: $word" grep -qF "$word" $K
done
if [ -n "${FFGAN_PYTHON:-}" ] && "$FFGAN_PYTHON" -c 'import kubernetes_validate' 2> /dev/null; then
    check "k8s: valid by Kubernetes' schema" "$FFGAN_PYTHON" - $K <<'PY'
import json, sys, kubernetes_validate as k
for item in json.load(open(sys.argv[1]))["items"]:
    k.validate(item, "1.31", strict=True)
PY
else
    skip "k8s: valid by Kubernetes' schema" "kubernetes-validate is missing"
fi
for i in 0 1 2 3; do
    check "k8s: task $i" env JOB_COMPLETION_INDEX=$i "$FFGAN" worker "$T/k.mkv.ffgan" --chunk-env JOB_COMPLETION_INDEX --progress none
done
check "k8s: joined" "$FFGAN" assemble k.mkv.ffgan --wait 1

# ---- Open Job Description ----
check "openjd: a template" submit openjd j.mkv --gpus 1 --cpus 2
openjd=$(dirname "${FFGAN_PYTHON:-/nowhere/x}")/openjd
if [ -x "$openjd" ]; then
    check "openjd: valid by its own checker" "$openjd" check j.mkv.ffgan/template-1.json
    check "openjd: runs by its own runner" "$openjd" run j.mkv.ffgan/template-1.json --step Assemble --run-dependencies
    check "openjd: the frames" same_frames j.mkv
    submit openjd "$name.2.mkv"
    check "openjd: hostile name, valid" "$openjd" check "$name.2.mkv.ffgan/template-1.json"
    check "openjd: hostile name, runs" "$openjd" run "$name.2.mkv.ffgan/template-1.json" --step Assemble --run-dependencies
    check "openjd: hostile name, the frames" same_frames "$name.2.mkv"
    # Cancelled in mid-task: nothing half written, and the job goes on.
    submit openjd c.mkv
    "$openjd" run c.mkv.ffgan/template-1.json --step Chunks > c.log 2>&1 &
    runner=$!
    for i in $(seq 100); do
        ls c.mkv.ffgan/attempts/*.json > /dev/null 2>&1 && break
        sleep 0.05
    done
    kill -INT $runner
    wait $runner
    check "openjd: cancelled, no half file" sh -c '! ls -A c.mkv.ffgan | grep tmp'
    check "openjd: cancelled, goes on" "$openjd" run c.mkv.ffgan/template-1.json --step Assemble --run-dependencies
    check "openjd: cancelled, the frames" same_frames c.mkv
else
    skip "openjd: its own checker and runner" "openjd-cli is missing"
fi
check "openjd: progress at a line's start" sh -c '
    "$FFGAN" plan "$1" in.mkv -o w.mkv --chunk 25 &&
    "$FFGAN" worker w.mkv.ffgan --chunk 0 --progress openjd | grep -q "^openjd_progress: 100.0$"' - "$P"
check "openjd: failures, too" sh -c '"$FFGAN" worker w.mkv.ffgan --chunk 9 --progress openjd | grep -q "^openjd_fail: "'
check "alf: progress" sh -c '"$FFGAN" worker w.mkv.ffgan --chunk 1 --progress alf | grep -q "^ALF_PROGRESS 100%$"'
check "several chunks in one task" "$FFGAN" worker w.mkv.ffgan --chunks 0-1,3 --progress none
printf '2\n0\n1\n3\n' > list
check "tasks are lines of a list" env N=1 "$FFGAN" worker w.mkv.ffgan --chunk-env N --list list --per-task 2 --progress none
check "a task behind the list" code 64 "$FFGAN" worker w.mkv.ffgan --chunk 2 --list list --per-task 2
check "tasks of two chunks" "$FFGAN" worker "file://$T/w.mkv.ffgan" --chunk 1 --per-task 2 --progress none
check "status: three of four" status_says w.mkv.ffgan "4 of 4 done"
check "a bad URL" code 64 "$FFGAN" worker file:///a%zz --chunk 0
check "an unknown manner of progress" code 64 "$FFGAN" worker w.mkv.ffgan --chunk 0 --progress loud

# ---- attempts that fail ----
cli plan "$P" in.mkv -o f.mkv --chunk 50
mv in.mkv away.mkv
check "a task that fails for good" code 66 "$FFGAN" worker f.mkv.ffgan --chunk 0 --max-tries 2
mv away.mkv in.mkv
ln -s /nowhere/full f.mkv.ffgan/chunk-00000.json # a receipt that cannot be written
"$FFGAN" worker f.mkv.ffgan --chunk 1 --max-tries 2 > log 2>&1
rm f.mkv.ffgan/chunk-00000.json
mkdir -p f.mkv.ffgan/attempts
printf '{"chunk": 0, "host": "n7", "pid": 1, "started": 1000.0, "code": 75, "text": "no memory", "seconds": 60.0, "log": "%s"}' "$T/log" > f.mkv.ffgan/attempts/00000-n7-1-a.json
printf '{"chunk": 0, "host": "n8", "pid": 1, "started": 1000.0}' > f.mkv.ffgan/attempts/00000-n8-1-b.json
touch -d '10 minutes ago' f.mkv.ffgan/attempts/00000-n8-1-b.json
printf 'half' > f.mkv.ffgan/attempts/00000-n9-1-c.json
check "status: failed, with host and cause" status_says f.mkv.ffgan "failed    chunk 0 on n7: code 75: no memory"
check "status: silent attempts are lost" status_says f.mkv.ffgan "lost      chunk 0 on n8"
check "status: one chunk failed" status_says f.mkv.ffgan "1 of 2 done, 0 running, 1 failed, 0 missing"
check "two tries are enough" code 69 "$FFGAN" worker f.mkv.ffgan --chunk 0 --max-tries 2
check "not submitted: nothing to retry" code 66 "$FFGAN" farm retry f.mkv.ffgan
cli farm submit "$P" in.mkv -o f.mkv --engine commands
check "retry forgets failed attempts" cli farm retry f.mkv.ffgan
check "and the chunk is done" "$FFGAN" worker f.mkv.ffgan --chunk 0 --max-tries 2 --progress none
check "status: what they took is counted" sh -c '"$FFGAN" farm status f.mkv.ffgan --json | grep -q "\"wasted_hours\":[0.]*[1-9]"'

# ---- nodes that differ, folders that lag ----
cp "$ROOT/presets/weights/fast-x2.safetensors" w.safetensors
cli plan upscale-2x-fast in.mkv -o v.mkv --chunk 50 --set model=./w.safetensors
cp "$ROOT/presets/weights/balanced-x2.safetensors" w.safetensors
check "other weights: refused" code 65 cli worker v.mkv.ffgan --chunk 0
check "and it says so" says "model's weights have changed"
cp "$ROOT/presets/weights/fast-x2.safetensors" w.safetensors
sed -i 's/"version": *"ffgan [^"]*"/"version": "ffgan 9"/; s/"ffgan": *"[0-9.]*"/"ffgan": "9.9.9"/; s/ffgan 0\.1\.0/ffgan 9.9.9/' v.mkv.ffgan/job.json
check "another version: refused" code 65 cli worker v.mkv.ffgan --chunk 0
check "and it says which" says "another version of ffgan"
cli plan "$P" in.mkv -o late.mkv --chunk 50
mv late.mkv.ffgan hidden
(sleep 1 && mv hidden late.mkv.ffgan) &
check "a folder that shows late is waited for" "$FFGAN" worker late.mkv.ffgan --chunk 0 --wait 30 --progress none
wait
"$FFGAN" worker late.mkv.ffgan --chunk 1 --wait 30 --progress none &
check "chunks that end late are waited for" "$FFGAN" assemble late.mkv.ffgan --wait 30 --keep --progress none
wait
if [ -z "${LESS:-}" ] && ${CC:-cc} -O1 -D_GNU_SOURCE -shared -fPIC -o shim.so "$ROOT/tests/shim/fault.c" -ldl 2> cc.err; then
    bad=0
    for n in 4 9 14 19 24; do # ESTALE, once, at one of the writing calls
        rm -rf st.mkv.ffgan
        cli plan "$P" in.mkv -o st.mkv --chunk 50
        FAULT_AT=$n FAULT_ERRNO=116 FAULT_DIR=st.mkv.ffgan LD_PRELOAD=./shim.so \
            "$FFGAN" worker st.mkv.ffgan --chunk 0 --max-tries 3 --progress none 2> st.err
        rc=$?
        status_says st.mkv.ffgan "1 of 2 done" && [ $rc = 0 ] || { bad=$((bad + 1)) && cat st.err; }
    done
    check "a stale file handle is tried again (bad: $bad of 5)" [ $bad = 0 ]
else
    skip "a stale file handle is tried again" "LESS is set, or no compiler"
fi

# ---- signals ----
mk -f lavfi -i "testsrc2=s=640x360:r=25:d=12" -c:v libx264 -preset ultrafast long.mkv
cli plan "$P" long.mkv -o g.mkv --chunk 150 --set w=1280 --set h=720
term() { # GRACE: starts a worker, TERM once it works; prints its exit code
    "$FFGAN" worker g.mkv.ffgan --chunk "$1" --grace "$2" --progress lines > g.log 2>&1 &
    pid=$!
    for i in $(seq 200); do
        grep -q 'Progress: [1-9]' g.log && break
        sleep 0.05
    done
    kill -TERM $pid
    wait $pid
}
check "SIGTERM without grace: abandons" code 143 term 0 0
check "and leaves nothing half written" sh -c '! ls -A g.mkv.ffgan g.mkv.ffgan/attempts | grep -E "tmp|json$" | grep -v job.json'
check "SIGTERM with grace: ends the chunk" code 0 term 1 120
check "and it is done" status_says g.mkv.ffgan "1 of 2 done"

# ---- this machine as a farm ----
check "local: done and joined" submit local l.mkv --workers 2
check "local: the frames" same_frames l.mkv
check "many inputs" sh -c 'mkdir shots && cp in.mkv shots/a.mkv && cp in.mkv "shots/b b.mkv" &&
    "$FFGAN" farm submit "$1" shots --out-dir many --engine commands --chunk 50 &&
    cat many/*.ffgan/farm/commands-1.txt | wc -l | grep -qx 4' - "$P"
check "status of many" sh -c '"$FFGAN" farm status many/*.ffgan | grep -c "0 of 2 done" | grep -qx 2'
check "cancel: says who can" code 69 cli farm cancel many/*.ffgan
done_testing
