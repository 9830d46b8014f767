#!/usr/bin/env bash
# What became of a call can be seen: `sealfax fax trace` shows the ladder and says in one sentence what
# happened, for calls that went well, found no media path, could not train, were busy, or fell back to
# audio. It shows no page and no whole number, needs its own right, and is recorded.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
scenarios=$SOURCE_DIR/tests/integration

gw_make north +4930551 lines.count=1 fax.no_media_timeout_ms=8000 fax.max_rate=9600 trace.number_digits=3
gw_make south +4930552
gw_make west +4930554 fax.t38=false
for name in north south west; do gw_spawn "$name"; done
for name in north south west; do gw_wait_ready "$name"; done
for name in north south west; do gw_provision "$name"; done
gw_connect north south
gw_connect north west

printf 'a short page\n' >"$GW_TOP/page.txt"
while :; do
    address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
    [[ $address != "${GW_ADDRESS[north]}" ]] && break
done
ours=$(gw_number north 0)
free_port() {
    local port
    while :; do
        port=$((RANDOM % 10000 + 10000))
        port_free "$address" "$port" && break
    done
    echo "$port"
}
peers=0
declare -A number=() fax=()
# peer NAME SCENARIO CODE MEDIA-PORT [TRUNK OPTION...]: sipp that waits for a call
peer() {
    local port
    port=$(free_port)
    number[$1]=+49305603$peers
    peers=$((peers + 1))
    sed "s/@CODE@/$3/g; s/@PORT@/$4/g; s/@PAUSE@/0/g" "$scenarios/$2.xml" >"$GW_TOP/$1.xml"
    timeout 200 sipp -sf "$GW_TOP/$1.xml" -i "$address" -p "$port" -m 1 -nostdin -nd -timeout 180s \
        -trace_err -error_file "$GW_TOP/$1.err" >"$GW_TOP/$1.out" 2>&1 &
    GW_OTHERS+=($!)
    until_true 120 taken "$port" || die "sipp for $1 does not start"
    gw_trunk north "peer-$1" "$address" "$port" --prefix "${number[$1]}" "${@:5}"
}
taken() { ! port_free "$address" "$1"; }
# machine NAME: a fax machine with this fault; its media port goes to PORT
machine() {
    "$BUILD_DIR/tests/gateway_trace_prog" "$address" "$1" >"$GW_TOP/$1.port" &
    GW_OTHERS+=($!)
    until_true 120 test -s "$GW_TOP/$1.port" || die "the machine does not start"
    PORT=$(<"$GW_TOP/$1.port")
}

note "all calls side by side"
peer busy sipp/uas_refuses 486 0
peer mute gateway_sipp/uas_t38_first 0 "$(free_port)" --t38-first
machine deaf
peer deaf gateway_sipp/uas_t38_first 0 "$PORT" --t38-first
machine garbled
peer garbled gateway_sipp/uas_t38_first 0 "$PORT" --t38-first
number[good]=$(gw_number south 1)
number[audio]=$(gw_number west 2)
for name in "${!number[@]}"; do
    fax[$name]=$(gw_send north "$ours" "${number[$name]}" "$GW_TOP/page.txt")
done

trace() { clerk north fax trace "${fax[$1]}" "${@:2}"; }
has_trace() { trace "$1" >"$GW_TOP/$1.trace" 2>/dev/null; }
# outcome NAME STATE VERDICT SIDE RETRY
outcome() {
    equal "$1: state" "$(gw_wait_state north "${fax[$1]}" "$GW_ENDED" 180)" "$2"
    until_true 120 has_trace "$1" || { trace "$1" || true; die "no trace of $1"; }
    like "$1: verdict" "$(sed -n 's/^verdict *//p' "$GW_TOP/$1.trace")" "$3"
    equal "$1: look at, retry" "$(sed -n 's/^\(look at\|retry\) *//p' "$GW_TOP/$1.trace" | tr '\n' ' ')" "$4 $5 "
}
# rungs NAME PATTERN...: rungs of the ladder, in this order
rungs() {
    local pattern at=0 found
    for pattern in "${@:2}"; do
        found=$(grep -nE -- "$pattern" "$GW_TOP/$1.trace" | cut -d : -f 1 | awk -v at="$at" '$1 > at' | head -n 1) || true
        if [[ -z $found ]]; then
            wrong "$1: no rung '$pattern' below line $at"
            cat "$GW_TOP/$1.trace" >&2
            return
        fi
        at=$found
    done
    echo "ok: $1: the ladder"
}

note "busy"
outcome busy failed '^The number is busy\.' peer later
rungs busy '---- INVITE \(1\) -+>' 'SDP: audio port [0-9]+ PCM' '<--- 486 to INVITE \(1\) -' '---- ACK \(1\)' \
    'call ended by the peer \(486\)'
like "fax show has the sentence and what was met" "$(gw_fax north "${fax[busy]}" .reason)" '^The number is busy\. .the peer: 486'

note "no media path"
outcome mute failed 'likely no T\.38 media path' network now
rungs mute '---- INVITE' 'SDP: T\.38 v0 port' '<--- 200 to INVITE' 'T\.38 agreed' 'T\.38 begins' '---- first packet' \
    '---- BYE' '<--- 200 to BYE'
rungs mute '---- first packet' 'T\.30 ended: Nothing came'
holds "nothing was heard" test -z "$(grep -E '<--- (first packet|DIS)' "$GW_TOP/mute.trace")"

note "the peer does not hear us"
outcome deaf failed 'never answered our DCS' network now
rungs deaf '<--- first packet' '<--- DIS 14400 bit/s ECM' '---- TSI' '---- DCS 9600 bit/s V\.29 ECM' '<--- DIS' \
    '---- DCS' 'T\.30 ended'

note "no speed gets through"
outcome garbled failed 'not even the slowest|never answered our DCS' network now
rungs garbled '<--- DIS' '---- DCS 9600 bit/s V\.29' '<--- FTT' '---- DCS 7200 bit/s V\.29' '<--- FTT' '---- DCS 2400 bit/s V\.27ter' 'T\.30 ended'

note "audio"
# Audio that a busy machine sends late is a bad line, on which the answer to a page may be lost.
calls=${#fax[@]}
for _ in 1 2; do
    [[ $(gw_wait_state north "${fax[audio]}" "$GW_ENDED" 180) == delivered ]] && break
    echo "audio: again, after: $(gw_fax north "${fax[audio]}" .reason)"
    fax[audio]=$(gw_send north "$ours" "${number[audio]}" "$GW_TOP/page.txt")
    calls=$((calls + 1))
done
outcome audio delivered '^All pages were sent and confirmed\.$' nobody "done"
rungs audio '---- INVITE' '<--- 200 to INVITE' 'audio agreed' 'audio begins' '---- INVITE \(2\)' '<--- 488 to INVITE \(2\)' \
    'no T\.38: goes on over audio' 'trained: V\.29' '<--- MCF' '---- DCN' 'page 1 confirmed'

note "delivered"
outcome good delivered '^All pages were sent and confirmed\.$' nobody "done"
rungs good '---- INVITE' 'T\.38 agreed' 'T\.38 begins' '<--- DIS' '---- DCS .* V\.29 ECM' '<--- CFR' 'trained: V\.29 9600' \
    'page 1 begins' '---- PPS-EOP page 1 block 1' '<--- MCF' '---- DCN' 'page 1 confirmed' 'BYE'
like "numbers are masked" "$(sed -n 's/^\(from\|to\) *//p' "$GW_TOP/good.trace" | tr '\n' ' ')" '^\+\*{7,}100 \+\*{7,}201 $|^\+\*+[0-9]{3} \+\*+[0-9]{3} $'
holds "no whole number in it" test -z "$(grep -E '4930551|4930552' "$GW_TOP/good.trace")"
got=$(gw_inbound south "${number[good]}")
until_true 120 clerk south fax trace "$got" >"$GW_TOP/got.trace" 2>&1 || die "no trace at the receiver"
rungs got '<--- INVITE' '---- 200 to INVITE' '---- DIS' '<--- DCS' '---- CFR' '<--- PPS-EOP page 1' \
    'page 1 whole: confirmation held' 'page 1 sealed and in the log after' '---- MCF' '<--- DCN'
equal "as JSON" "$(trace good --json | jq -r '[.state, .retry, .entries[0].text, (.entries | length > 20)] | join(" ")')" \
    "delivered done INVITE (1) true"

echo "figure: seconds of each call:$(for name in "${!fax[@]}"; do printf ' %s %s' "$name" "$(awk '/\|/ { last = $1 } END { print last }' "$GW_TOP/$name.trace")"; done)"

note "who may, and what is recorded"
status=0
admin north fax trace "${fax[good]}" >"$GW_TOP/denied" 2>&1 || status=$?
equal "without the right: exit status" "$status" 1
like "without the right" "$(<"$GW_TOP/denied")" 'no role that allows it'
status=0
trace good --attempt 2 >"$GW_TOP/none" 2>&1 || status=$?
equal "an attempt that was not: exit status" "$status" 1
like "an attempt that was not" "$(<"$GW_TOP/none")" 'no trace of this attempt'
status=0
trace good --attempt 0 >/dev/null 2>&1 || status=$?
equal "a wrong number: exit status" "$status" 2
until_true 120 gw_drained north || wrong "the database lags"
equal "trace.sealed of each" "$(gw_sql north "SELECT count(DISTINCT fax) FROM audit_record WHERE event = 'trace.sealed'")" "$calls"
equal "viewing is in the log" "$(gw_sql north "SELECT DISTINCT record->>'kind' FROM audit_record WHERE event = 'fax.viewed'")" trace
like "so is the use of the key" "$(gw_sql north "SELECT DISTINCT record->>'purpose' FROM audit_record WHERE event = 'key.used' ORDER BY 1" | tr '\n' ' ')" 'trace'
gw_sql north "SELECT 'figure: octets of a trace: ' || string_agg(record->>'octets', ' ') FROM audit_record WHERE event = 'trace.sealed'"

note "pages are still there, behind the trace nothing is"
clerk north export --format pdf "${fax[good]}" >"$GW_TOP/sent.pdf"
clerk south export --format pdf "$got" >"$GW_TOP/got.pdf"
equal "pages" "$(pdf_pages "$GW_TOP/sent.pdf") $(pdf_pages "$GW_TOP/got.pdf")" "1 1"

note "a bit of a sealed trace is damaged"
file=$GW_TOP/north/vault/${fax[busy]: -2}/${fax[busy]}.sfv
python3 - "$file" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[-20] ^= 1
open(sys.argv[1], "wb").write(data)
PYTHON
status=0
trace busy >"$GW_TOP/damaged" 2>&1 || status=$?
equal "exit status" "$status" 1
like "what it says" "$(<"$GW_TOP/damaged")" 'damaged'
equal "event vault.damaged" "$(until_true 60 gw_drained north && gw_count_event north vault.damaged "${fax[busy]}")" 1

for name in north south; do gw_verify "$name"; done
gw_end
