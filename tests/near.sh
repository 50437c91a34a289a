# Raw samples that may differ a little; sourced by test scripts.
# SPDX-License-Identifier: LGPL-2.1-or-later

# near A B LEVELS: as long, and each byte differs by at most LEVELS.
near() {
    [ -s "$1" ] && [ "$(wc -c < "$1")" = "$(wc -c < "$2")" ] &&
        cmp -l "$1" "$2" | awk -v max="$3" '
            function n(o) { return int(o / 100) * 64 + \
                int(o % 100 / 10) * 8 + o % 10 }
            { d = n($2) - n($3); if (d < 0) d = -d
              if (d > max) { print "byte", $1, "differs by", d; bad = 1 } }
            END { exit bad }'
}

# The same for samples of two bytes.
near16() {
    [ -s "$1" ] && [ "$(wc -c < "$1")" = "$(wc -c < "$2")" ] || return 1
    for near_i in "$1" "$2"; do
        od -An -v -w2 -tu2 "$near_i" > "$near_i.txt"
    done
    paste "$1.txt" "$2.txt" | awk -v max="$3" '
        { d = $1 - $2; if (d < 0) d = -d
          if (!(d <= max)) { print "sample", NR, "differs by", d; bad = 1 } }
        END { exit bad }'
}
