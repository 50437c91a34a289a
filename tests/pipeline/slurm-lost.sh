# A node of a real Slurm dies without a word: slurmd, its step daemon, the task.
# Slurm needs half a minute to see it. SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/common.inc"
. "$(dirname "$0")/slurm.inc"
[ -z "${LESS:-}" ] || { echo "1..0 # SKIP LESS is set" && exit 77; }
slurm_test
expect $slow
check "submits" cli farm submit "$P" in.mkv -o s.mkv --set codec=ffv1 $slow --engine slurm --chunk 60
check "a task runs on the node" wait_running s.mkv n2
kill -KILL "$(cat "$D/run/slurmd.n2.pid")" "$(ps -o ppid= -p "$pid" | tr -d ' ')" "$pid"
check "the rest is done, and the lost chunk again" slurm_wait 150
check "the frames of one machine" same_frames s.mkv
check "nothing is left" [ ! -e s.mkv.ffgan ]
done_testing
