#!/bin/sh
# ffgan: `ffgan preset` and the presets that are shipped.
# SPDX-License-Identifier: LGPL-2.1-or-later
. "$(dirname "$0")/../lib.sh"

unset FFGAN_PATH
export HOME="$T/home" XDG_CONFIG_HOME="$T/config"
mkdir -p "$HOME" "$XDG_CONFIG_HOME/ffgan" "$T/cwd"
cd "$T/cwd" || exit 1

# says RC TEXT COMMAND...: exit code RC, TEXT in the one line on stderr,
# nothing on stdout.
says() {
    want_rc=$1
    want=$2
    shift 2
    "$@" > "$T/out" 2> "$T/err"
    rc=$?
    [ "$rc" = "$want_rc" ] && [ ! -s "$T/out" ] &&
        [ "$(wc -l < "$T/err")" = 1 ] && grep -qF -- "$want" "$T/err" &&
        return 0
    echo "exit $rc, wanted $want_rc: $want"
    cat "$T/out" "$T/err"
    return 1
}

same() { # COMMAND... prints what file $1 has
    file=$1
    shift
    "$@" > "$T/out" && diff "$file" "$T/out"
}

# The graph as libavfilter builds it and a frame comes through. A network that
# is not there is replaced by a filter in the same place of the chain.
builds() {
    graph=$("$FFGAN" preset graph "$1") || return 1
    case $graph in
    gansrc=model=:*) return 0 ;; # whose model is to be said
    gansrc*)
        "$FFMPEG" -nostdin -v error -f lavfi -i "$graph" -frames:v 1 -f null -
        return
        ;;
    esac
    model=$(echo "$graph" | sed 's/.*gansr[^,]*model=\([^:,]*\).*/\1/')
    [ -e "$ROOT/presets/weights/$model.safetensors" ] ||
        graph=$(echo "$graph" | sed 's/gansr[^,]*/scale=iw*2:ih*2/')
    "$FFMPEG" -nostdin -v error -f lavfi -i testsrc=s=32x24:d=0.04 \
        -vf "format=yuv420p,$graph" -f null -
}

# Every gansr key of the table is an option of the filter, and the other way.
gansr_keys() {
    "$FFGAN" preset keys | sed -n '/^gansr$/,/^$/p' |
        sed -n 's/^  \([a-z_]*\)  *\(text\|integer\|number\|word\) .*/\1/p' |
        grep -v '^threads$' | sort > "$T/keys"
    "$FFMPEG" -v error -h filter=gansr |
        sed -n 's/^   \([a-z_]*\)  *<.*/\1/p' | sort > "$T/options"
    [ -s "$T/keys" ] && diff "$T/keys" "$T/options"
}

list=$("$FFGAN" preset list | cut -d' ' -f1)
for p in upscale-2x upscale-2x-fast upscale-4x film-2x dvd sequence-2x; do
    case "
$list
" in
    *"
$p
"*) ok "preset list has $p" ;;
    *) notok "preset list has $p" ;;
    esac
done

for file in "$ROOT"/presets/*.yaml; do
    name=$(basename "$file" .yaml)
    check "$name: checks" "$FFGAN" preset check "$file"
    check "$name: avfilter builds its graph" builds "$file"
    check "$name: shows" "$FFGAN" preset show "$name"
    check "$name: starts with its purpose" \
        sh -c 'head -n 1 "$1" | grep -q "^# .*\.$"' sh "$file"
    check "$name: has a help line" grep -q '^help: ' "$file"
    check "$name: stands in presets/README.md" \
        grep -qF "\`$name\`" "$ROOT/presets/README.md"
done

check "gansr: the table and the filter have the same options" gansr_keys
check "the key page is current" same "$ROOT/docs/preset-keys.md" \
    "$FFGAN" preset keys --markdown
check "the schema is current" same "$ROOT/docs/preset.schema.json" \
    "$FFGAN" preset schema

"$FFGAN" preset graph film-2x --set blend=0.3 > "$T/graph"
check "--set reaches the graph" grep -q 'blend=0.3$' "$T/graph"
check "--set out of range" says 78 \
    "ffgan: --set blend=3: 'blend' is 3, allowed 0..1" \
    "$FFGAN" preset graph film-2x --set blend=3
check "--set of no param" says 78 "did you mean 'blend'?" \
    "$FFGAN" preset graph film-2x --set blned=1
check "unknown preset" says 78 "no preset 'film2x', did you mean 'film-2x'?" \
    "$FFGAN" preset show film2x

printf 'preset: 1\nchain:\n  - gansr:\n      model: x\n      blend: 1.4\n' \
    > bad.yaml
check "a bad value names file, line and column" says 78 \
    "ffgan: bad.yaml:5:7: gansr: 'blend' is 1.4, allowed 0..1" \
    "$FFGAN" preset check bad.yaml
printf 'preset: 1\nchain: []\noutput:\n  video:\n    tune: filmy\n' > words.yaml
check "a tuning that the encoder has not" says 78 \
    "ffgan: words.yaml:5:5: video: 'tune' is filmy, allowed film, animation" \
    "$FFGAN" preset check words.yaml
printf 'preset: 1\nchain: []\noutput: {video: {tune: "grain,zerolatency"}}\n' > words.yaml
check "two tunings" "$FFGAN" preset check words.yaml
check "a speed that the encoder has not" says 78 \
    "video: 'preset' is fats, allowed ultrafast" \
    "$FFGAN" preset graph upscale-2x --set speed=fats
printf 'preset: 1\nchain:\n  - scale: {w: iw*}\n' > start.yaml
check "a filter that does not start says why" says 78 \
    "ffgan: start.yaml:3:5: scale: does not start with these options: Invalid size 'iw*'" \
    "$FFGAN" preset check start.yaml
cp bad.yaml here.yaml
check "the working directory is not searched" says 78 "no preset 'here'" \
    "$FFGAN" preset show here
printf 'preset: 1\nextends: film-2x\nparams: {blend: 0.7}\n' \
    > "$XDG_CONFIG_HOME/ffgan/mine.yaml"
"$FFGAN" preset graph mine > "$T/graph"
check "a preset of one's own" grep -q 'blend=0.7$' "$T/graph"
head -c 300 /dev/urandom > noise.yaml
"$FFGAN" preset check noise.yaml > "$T/out" 2>&1
rc=$?
check "noise is refused" [ "$rc" = 78 ]

# Frames 3 to 5 of a black clip are made lighter, and only those.
cat > shots.yaml << 'END'
preset: 1
params: {light: {default: 0, min: -1, max: 1}}
chain: [{eq: {brightness: "${light}"}}]
output: {video: {codec: ffv1}}
shots: [{from_frame: 3, to_frame: 5, light: 0.5}]
END
"$FFMPEG" -nostdin -v error -f lavfi -i color=black:s=32x16:r=10 -frames:v 8 \
    -pix_fmt yuv420p -c:v ffv1 in.mkv
check "a preset with shots runs" \
    "$FFGAN" upscale in.mkv -o out.mkv --preset ./shots.yaml -q
"$FFMPEG" -nostdin -v error -i out.mkv -f framecrc - |
    sed -n 's/^0, .*, *//p' | uniq -c | sed 's/^ *//; s/ .*//' > "$T/runs"
check "a shot changes its own frames" [ "$(echo $(cat "$T/runs"))" = "3 3 2" ]

check "no command" says 64 "a command is missing" "$FFGAN" preset
check "unknown command" says 64 "did you mean 'check'?" "$FFGAN" preset chek
check "too few words" says 64 "a name is missing" "$FFGAN" preset graph
check "unknown option" says 64 "unknown option" "$FFGAN" preset list --foo
check "help" "$FFGAN" preset --help

if [ -w /dev/full ]; then
    "$FFGAN" preset keys > /dev/full 2> "$T/err"
    rc=$?
    check "a full disk is an error" [ "$rc" = 74 ]
else
    skip "a full disk is an error" "no /dev/full"
fi
done_testing
