#!/bin/bash
# Calls between sipp and our stack, both ways. Needs sipp.
set -euo pipefail

command -v sipp >/dev/null || { echo "sipp is missing: apt-get install sip-tester"; exit 1; }
peer="$BUILD_DIR/tests/sip_peer_prog"
scenarios="$SOURCE_DIR/tests/integration/sipp"
work=$(mktemp -d)
server=
stop()
{
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

# wait_for FILE PATTERN: at most 10 s
wait_for()
{
    for _ in $(seq 1200); do
        grep -q "$2" "$1" 2>/dev/null && return 0
        sleep 0.05
    done
    echo "no '$2' in $1:"
    cat "$1"
    return 1
}

# scenario NAME [CODE]: prints the path of the scenario with its code filled in
scenario()
{
    sed "s/@CODE@/${2:-}/g" "$scenarios/$1.xml" >"$work/$1${2:-}.xml"
    echo "$work/$1${2:-}.xml"
}

# run_sipp FILE ARGUMENTS...: one call, which must go as written
run_sipp()
{
    local file=$1
    shift
    timeout 120 sipp -sf "$file" -i 127.0.0.1 -m 1 -nostdin -nd -timeout 110s -timeout_error \
        -trace_err -error_file "$work/sipp.err" "$@" >"$work/sipp.out" 2>&1 && return 0
    echo "sipp $file failed:"
    cat "$work/sipp.err" 2>/dev/null || tail -n 30 "$work/sipp.out"
    return 1
}

"$peer" serve >"$work/serve.log" &
server=$!
wait_for "$work/serve.log" '^port'
port=$(sed -n 's/^port //p' "$work/serve.log")

echo "sipp calls us"
run_sipp "$(scenario uac_t38)" -s fax "127.0.0.1:$port"
wait_for "$work/serve.log" '^reinvite-answered 0 t38'
for code in 488 486 503 404; do
    run_sipp "$(scenario uac_refuses_t38 $code)" -s fax "127.0.0.1:$port"
    wait_for "$work/serve.log" "^reinvite-refused $code"
    run_sipp "$(scenario uac_refused $code)" -s $code "127.0.0.1:$port"
done
run_sipp "$(scenario uac_late_ack)" -s plain "127.0.0.1:$port"
run_sipp "$(scenario uac_cancel)" -s ring "127.0.0.1:$port"
wait_for "$work/serve.log" '^ended 487'
run_sipp "$(scenario uac_options)" -s fax "127.0.0.1:$port"
kill "$server"
wait "$server"
server=
tail -n 1 "$work/serve.log"
# The late ACK costs two more 200s; nothing else was repeated.
grep -q ' retransmissions-out 2 ' "$work/serve.log"

# we_call SCENARIO NUMBER [CODE]: sipp waits, we call
we_call()
{
    local file status=0 sipp_port caller
    file=$(scenario "$1" "${3:-}")
    sipp_port=$((20000 + RANDOM % 10000))
    run_sipp "$file" -p "$sipp_port" &
    caller=$!
    for _ in $(seq 1200); do
        grep -q "$(printf ':%04X ' "$sipp_port")" /proc/net/udp && break
        sleep 0.05
    done
    timeout 120 "$peer" call "$sipp_port" "$2" >"$work/call.log" || status=$?
    wait "$caller" || { cat "$work/call.log"; return 1; }
    [ "$status" -eq 0 ] || { echo "call to $1: exit $status"; cat "$work/call.log"; return 1; }
}

echo "we call sipp"
we_call uas_t38 t38
for code in 486 404 503 488; do
    we_call uas_refuses $code $code
done
we_call uas_late plain
# Two: sipp's second 200, and the one that our second ACK brought about.
grep -q 'retransmissions-in 2 ' "$work/call.log"
we_call uas_cancelled ring
echo "passed"
