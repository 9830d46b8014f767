#!/usr/bin/env bash
# gateway/run --once, as somebody runs it who has just cloned this: exit 0, and what it shows.
set -euo pipefail
[[ $(id -u) -eq 0 ]] || {
    echo "gateway/run needs root." >&2
    exit 1
}
log=$(mktemp)
run=
stop() {
    [[ -z $run ]] || kill "$run" 2>/dev/null || true
    rm -f "$log"
}
trap stop EXIT
unset SEALFAX_SOCKET SEALFAX_STATE
# It builds: beside others that must keep their time.
nice -n 10 "$SOURCE_DIR/gateway/run" --once >"$log" 2>&1 &
run=$!
status=0
wait "$run" || status=$?
run=
if [[ $status -ne 0 ]]; then
    tail -n 60 "$log" >&2
    echo "gateway/run --once: exit status $status" >&2
    exit 1
fi
while read -r line; do
    grep -q "$line" "$log" || {
        tail -n 100 "$log" >&2
        echo "gateway/run --once did not print '$line'" >&2
        exit 1
    }
done <<'LINES'
page 1 of 1
delivered
identical in every pixel below the header line
^ok: [0-9]* records
Done: a PDF became sealed pages and a verified log
LINES
left=$(find /var/lib -maxdepth 1 -name 'sealfax-once.*' -newer "$log")
[[ -z $left ]] || {
    echo "left behind: $left" >&2
    exit 1
}
echo passed
