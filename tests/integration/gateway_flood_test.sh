#!/usr/bin/env bash
# Media that is too much, not T.38, of any size, or from somebody else, at calls of a line that also
# carries good ones: each attacked call ends with a reason and its count, the good ones do not notice.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
scenarios=$SOURCE_DIR/tests/integration

gw_make north +4930551 lines.count=1 fax.no_media_timeout_ms=8000
gw_make south +4930552
for name in north south; do gw_spawn "$name"; done
for name in north south; do gw_wait_ready "$name"; done
for name in north south; do gw_provision "$name"; done
gw_connect north south
while :; do
    address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
    [[ $address != "${GW_ADDRESS[north]}" && $address != "${GW_ADDRESS[south]}" ]] && break
done
noise_pdf "$GW_TOP/one.pdf" 1

mkfifo "$GW_TOP/targets"
python3 "$SOURCE_DIR/tests/integration/gateway_flood.py" "$address" <"$GW_TOP/targets" >"$GW_TOP/attackers.list" &
GW_OTHERS+=($!)
flood=$!
exec {targets}>"$GW_TOP/targets"
all_ports() { [[ $(wc -l <"$GW_TOP/attackers.list") == 4 ]]; }
until_true 120 all_ports || die "the program that attacks does not start"

note "good calls on the same line, both ways"
good=$(gw_send north "$(gw_number north 1)" "$(gw_number south 1)" "$GW_TOP/one.pdf")
good_in=$(gw_send south "$(gw_number south 2)" "$(gw_number north 2)" "$GW_TOP/one.pdf")

note "four calls to be attacked"
declare -A attacked=()
n=3
port=$((RANDOM % 10000 + 10000))
gw_trunk north hostile "$address" "$port" --prefix +49305603
while read -r attack media <&3; do
    attacked[$attack]=$(gw_number north "$n")
    sed "s/@CODE@/0/g; s/@PORT@/$media/g; s/@PAUSE@/0/g" "$scenarios/gateway_sipp/uac_t38_first.xml" >"$GW_TOP/$attack.xml"
    timeout 200 sipp -sf "$GW_TOP/$attack.xml" -i "$address" -p "$((port + n))" -m 1 -nostdin -nd -timeout 180s \
        -timeout_error -trace_logs -log_file "$GW_TOP/$attack.messages" -s "${attacked[$attack]}" \
        "${GW_ADDRESS[north]}:${GW_PORT[north]}" >"$GW_TOP/$attack.out" 2>&1 </dev/null 3<&- &
    GW_OTHERS+=($!)
    n=$((n + 1))
done 3<"$GW_TOP/attackers.list"
media_port() { sed -n 's/^media \([0-9]*\).*/\1/p' "$GW_TOP/$1.messages" 2>/dev/null | head -n 1; }
has_media_port() { [[ -n $(media_port "$1") ]]; }
for attack in "${!attacked[@]}"; do
    until_true 120 has_media_port "$attack" || { tail "$GW_TOP/$attack".*; die "no media for $attack"; }
    echo "$attack ${GW_ADDRESS[north]} $(media_port "$attack")" >&"$targets"
done
line=$(gw_role north line)
echo go >&"$targets"
wait "$flood" || wrong "the program that attacks failed"
sent() { sed -n "s/^sent $1 //p" "$GW_TOP/attackers.list"; }

note "the attacked calls"
for attack in "${!attacked[@]}"; do
    id=$(gw_inbound north "${attacked[$attack]}")
    equal "$attack: state, pages" "$(gw_wait_state north "$id" "$GW_ENDED" 180) $(gw_fax north "$id" .pages)" "failed 0"
    like "$attack: reason" "$(gw_fax north "$id" .reason)" '.'
done
until_true 60 gw_drained north || wrong "the database lags"
counted() { # counted ATTACK FIELD: of its attempt.ended
    gw_sql north "SELECT record->>'$2' FROM audit_record WHERE event = 'attempt.ended' AND fax = '$(gw_inbound north "${attacked[$1]}")'"
}
holds "the flood was one ($(sent flood) datagrams in ten seconds)" test "$(sent flood)" -gt 20000
holds "audio: $(counted audio packets_rtp) of $(sent audio) datagrams were RTP" test "$(counted audio packets_rtp)" -gt 100
equal "audio: none was bad" "$(counted audio packets_bad)" 0
holds "sizes: $(counted sizes packets_bad) of $(sent sizes) datagrams were bad" test "$(counted sizes packets_bad)" -gt 500
equal "second address: its datagrams" "$(counted second-address packets_foreign)" "$(sent second-address)"
equal "second address: what the events say" "$(gw_sql north "SELECT sum((record->>'packets')::int) FROM audit_record
    WHERE event = 'media.foreign' AND fax = '$(gw_inbound north "${attacked[second-address]}")'")" "$(sent second-address)"

note "the good calls"
equal "sent" "$(gw_wait_state north "$good" "$GW_ENDED" 180)" delivered
equal "received" "$(gw_wait_state south "$good_in" "$GW_ENDED" 180)" delivered
for fax in "$good" "$(gw_inbound north "$(gw_number north 2)")"; do
    equal "frames asked for again" "$(gw_sql north "SELECT record->>'retransmissions' FROM audit_record
        WHERE event = 'attempt.ended' AND fax = '$fax'")" 0
done
equal "the line is the same process" "$(gw_role north line)" "$line"
gw_verify north
gw_end
