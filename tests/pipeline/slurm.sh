# A real Slurm of two nodes: nodes lost, tasks killed, zombies; the frames are
# those of one machine. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
. "$(dirname "$0")/slurm.inc"
slurm_test

# ---- a clip over two nodes, and a name that scripts choke on ----
name=$(printf 'o u\047t "$x" %%a\nb.mkv')
expect
check "submits" cli farm submit "$P" in.mkv -o "$name" --set codec=ffv1 --engine slurm --chunk 40 --gpus 1
check "all jobs end" slurm_wait 90
check "the frames of one machine" same_frames "$name"
check "nothing else is left" [ ! -e "$name.ffgan" ]

# ---- a node that is set down, a task that is killed, a zombie ----
expect $slow
check "submits again" cli farm submit "$P" in.mkv -o out.mkv --set codec=ffv1 $slow --engine slurm --chunk 60
wait_running out.mkv n2
# An attempt of the last chunk that stops breathing, and wakes when all is over.
"$FFGAN" worker out.mkv.ffgan --chunk 4 --progress none 2> zombie.log &
zombie=$!
sleep 0.3
kill -STOP $zombie
check "a node is set down in mid-chunk" scontrol update nodename=n2 state=down reason=test
wait_running out.mkv n1 && kill -KILL "$pid"
check "status: running tasks, by host" sh -c '"$FFGAN" farm status out.mkv.ffgan | grep -q "^running   chunk"'
slurm_wait 90
check "a killed task: its job ends without its chunk" sh -c '"$FFGAN" farm status out.mkv.ffgan --json | grep -q "\"failed\":1"'
check "the join says what is missing" grep -q "is not done" out.mkv.ffgan/logs/join.txt
check "no output yet" [ ! -e out.mkv ]
cp -r out.mkv.ffgan kept
check "retry: only that" cli farm retry out.mkv.ffgan
check "retry: one chunk" grep -q "for 1 chunks" out
check "retry: ends" slurm_wait 60
check "the frames of one machine" same_frames out.mkv
kill -CONT $zombie
wait $zombie
check "the zombie ends after all others, harmless" same_frames out.mkv
check "and leaves nothing" sh -c '! ls -A | grep -E "tmp$"'

# ---- cancel, then go on ----
cli farm submit "$P" in.mkv -o c.mkv --set codec=ffv1 $slow --engine slurm --chunk 60
wait_running c.mkv n1
check "cancel" cli farm cancel c.mkv.ffgan
slurm_wait 30
check "cancelled: nothing half written" sh -c '! ls -A c.mkv.ffgan | grep -E "tmp$"'
check "cancelled: retry goes on" cli farm retry c.mkv.ffgan
check "cancelled: ends" slurm_wait 60
check "cancelled: the frames" same_frames c.mkv

done_testing
