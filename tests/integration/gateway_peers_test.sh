#!/usr/bin/env bash
# Peers that refuse, hang up, or attack: a refusal becomes an outcome with its reason, an attack ends
# its own call and no other. All calls of the gateway run on one line, among them two good ones.
# The signalling of the bad peers is sipp's, their media that of gateway_hostile_prog.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
scenarios=$SOURCE_DIR/tests/integration

gw_make north +4930551 lines.count=1 fax.reinvite_as_sender_after_ms=300 fax.no_media_timeout_ms=12000 \
    retry.max_attempts=2 retry.first_delay_ms=500 retry.busy_delay_ms=500
gw_make south +4930552
for name in north south; do gw_spawn "$name"; done
for name in north south; do gw_wait_ready "$name"; done
for name in north south; do gw_provision "$name"; done
gw_connect north south

# The bad peers: one address, a port and a trunk each; number +49305603N leads to peer N.
while :; do
    address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
    [[ $address != "${GW_ADDRESS[north]}" && $address != "${GW_ADDRESS[south]}" ]] && break
done
noise_pdf "$GW_TOP/one.pdf" 1
ours=$(gw_number north 0)
free_port() {
    local port
    while :; do
        port=$((RANDOM % 10000 + 10000))
        port_free "$address" "$port" && break
    done
    echo "$port"
}
# scenario FILE NAME CODE PORT PAUSE: prints the path of a filled-in copy
scenario() {
    sed "s/@CODE@/$3/g; s/@PORT@/$4/g; s/@PAUSE@/$5/g" "$scenarios/$1.xml" >"$GW_TOP/$2.xml"
    echo "$GW_TOP/$2.xml"
}
# sipp_run NAME FILE PORT ARGUMENT...: in the background; its exit status goes to NAME.status
sipp_run() {
    local name=$1 status
    (
        status=0
        timeout 200 sipp -sf "$2" -i "$address" -p "$3" -m "${calls:-1}" -nostdin -nd -timeout 180s -timeout_error \
            -trace_err -error_file "$GW_TOP/$name.err" -trace_logs -log_file "$GW_TOP/$name.messages" \
            "${@:4}" >"$GW_TOP/$name.out" 2>&1 || status=$?
        echo "$status" >"$GW_TOP/$name.status"
    ) &
    GW_OTHERS+=($!)
    until_true 120 started "$name" "$3" || { cat "$GW_TOP/$name.out"; die "sipp for $name does not start"; }
}
started() { ! port_free "$address" "$2" || ended "$1"; }
ended() { [[ -s $GW_TOP/$1.status ]]; }
peers=0
# peer NAME FILE CODE MEDIA-PORT PAUSE [TRUNK OPTION...]: somebody who waits for a call; sets number[NAME]
declare -A number=() fax=()
peer() {
    local port
    port=$(free_port)
    number[$1]=+49305603$peers
    peers=$((peers + 1))
    sipp_run "$1" "$(scenario "$2" "$1" "$3" "$4" "$5")" "$port"
    gw_trunk north "peer-$1" "$address" "$port" --prefix "${number[$1]}" "${@:6}"
}


note "peers that refuse or hang up"
for code in 486 503; do calls=2 peer "$code" sipp/uas_refuses "$code" 0 0; done
for code in 404 488; do peer "$code" sipp/uas_refuses "$code" 0 0; done
peer refuses-t38 gateway_sipp/uas_refuses_t38 488 "$(free_port)" 0 --no-audio-fallback
calls=2 peer hangs-up gateway_sipp/uas_hangs_up 0 "$(free_port)" 4000 --t38-first
for name in "${!number[@]}"; do
    fax[$name]=$(gw_send north "$ours" "${number[$name]}" "$GW_TOP/one.pdf")
done

note "somebody attacks with frames that crash T.30 libraries and with garbage, on the line of good calls"
mkfifo "$GW_TOP/targets"
"$BUILD_DIR/tests/gateway_hostile_prog" "$address" <"$GW_TOP/targets" >"$GW_TOP/hostile.ports" &
GW_OTHERS+=($!)
hostile=$!
exec {targets}>"$GW_TOP/targets"
all_ports() { [[ $(wc -l <"$GW_TOP/hostile.ports") == 8 ]]; }
until_true 120 all_ports || die "the hostile program does not start"
good=$(gw_send north "$(gw_number north 1)" "$(gw_number south 1)" "$GW_TOP/one.pdf")
good_in=$(gw_send south "$(gw_number south 2)" "$(gw_number north 2)" "$GW_TOP/one.pdf")
# Two more for hanging up in the middle of a page, one each way: each as soon as it is there, whatever else goes on
leave() { # NAME GATEWAY FAX
    local id=$3
    until_true 180 grep -qs 'page 1' "$GW_TOP/$1.watch" || die "$1: no page"
    sleep 3
    [[ $id != inbound ]] || id=$(gw_inbound south "$(gw_number south 3)")
    clerk "$2" fax cancel "$id" >/dev/null || wrong "$1: the call cannot be ended"
}
leaving=$(gw_send north "$(gw_number north 0)" "$(gw_number south 3)" "$GW_TOP/one.pdf")
gw_watch north "$leaving" "$GW_TOP/leaving.watch"
(trap - EXIT && leave leaving south inbound) >"$GW_TOP/leaving.left" 2>&1 &
leaves=("$!")
left=$(gw_send south "$(gw_number south 4)" "$(gw_number north 0)" "$GW_TOP/one.pdf")
gw_watch south "$left" "$GW_TOP/left.watch"
(trap - EXIT && leave left south "$left") >"$GW_TOP/left.left" 2>&1 &
leaves+=("$!")
GW_OTHERS+=("${leaves[@]}")

declare -A attacked=()
media_port() { sed -n 's/^media \([0-9]*\).*/\1/p' "$GW_TOP/$1.messages" 2>/dev/null | head -n 1; }
has_media_port() { [[ -n $(media_port "$1") ]]; }
line=$(gw_role north line)
equal "lines" "$(wc -l <<<"$line")" 1
n=3
while read -r attack port; do
    if [[ $attack == garbage-to-sender ]]; then
        peer "$attack" gateway_sipp/uas_t38_first 0 "$port" 0 --t38-first
        fax[$attack]=$(gw_send north "$ours" "${number[$attack]}" "$GW_TOP/one.pdf")
    else
        attacked[$attack]=$(gw_number north "$n")
        sipp_run "$attack" "$(scenario gateway_sipp/uac_t38_first "$attack" 0 "$port" 0)" "$(free_port)" \
            -s "${attacked[$attack]}" "${GW_ADDRESS[north]}:${GW_PORT[north]}"
        n=$((n + 1))
    fi
    until_true 120 has_media_port "$attack" || { tail "$GW_TOP/$attack".*; die "no media for $attack"; }
    echo "$attack ${GW_ADDRESS[north]} $(media_port "$attack")" >&"$targets"
done <"$GW_TOP/hostile.ports"
echo end >&"$targets"

note "strangers and wrong numbers"
# asks NAME ADDRESS NUMBER CODE
asks() {
    local port
    port=$(address=$2 free_port)
    calls=1 address=$2 sipp_run "$1" "$(scenario sipp/uac_refused "$1" "$4" 0 0)" "$port" \
        -s "$3" "${GW_ADDRESS[north]}:${GW_PORT[north]}"
}
asks stranger "${address%.*}.253" "$(gw_number north 1)" 403
asks wrong-number "$address" +4930551999 404
for name in stranger wrong-number; do
    until_true 120 ended "$name" || true
    equal "$name: as the scenario says" "$(cat "$GW_TOP/$name.status")" 0
done

note "hanging up in the middle of a page"
for pid in "${leaves[@]}"; do wait "$pid" || wrong "hanging up failed"; done
equal "what they say" "$(cat "$GW_TOP"/{leaving,left}.left)" ""

note "outcomes of refusals"
# outcome NAME STATE ATTEMPTS SIP-CODE REASON
outcome() {
    equal "$1: state" "$(gw_wait_state north "${fax[$1]}" "$GW_ENDED" 180)" "$2"
    equal "$1: attempts, SIP code" "$(gw_fax north "${fax[$1]}" '.attempts | length' '.attempts[0].sip_code')" "$3 $4"
    like "$1: what fax show says" "$(clerk north fax show "${fax[$1]}" | tr -s ' ' | grep -E '^reason|^ ?1 ' | tr '\n' ';')" "$5"
}
outcome 486 failed 2 486 'reason The number is busy. .the peer: 486 Refused'
outcome 404 failed 1 404 'reason The number is not known; check it. .the peer: 404 Refused'
outcome 503 failed 2 503 'reason The trunk is out of service or overloaded. .the peer: 503 Refused'
outcome 488 failed 1 488 'reason The peer accepts none of the media offered. .the peer: 488 Refused'
outcome refuses-t38 failed 1 200 'reason the peer refused T.38 .488.'
outcome hangs-up failed 2 200 'the peer ended the call|hung up|hangup'

note "hung up in the middle of a page"
# The network is tried again: the second attempt delivers it.
equal "what we sent: state" "$(gw_wait_state north "$leaving" "$GW_ENDED" 180)" delivered
equal "what we sent: attempts" "$(gw_fax north "$leaving" '[.attempts[].outcome] | join(",")')" failed,ok
like "what we sent: reason of the first" "$(gw_fax north "$leaving" .attempts[0].text)" 'peer|hung up|disconnect'
left_in=$(gw_inbound north "$(gw_number north 0)")
equal "what came: state, pages" "$(gw_wait_state north "$left_in" "$GW_ENDED" 120) $(gw_fax north "$left_in" .pages)" "failed 0"
like "what came: reason" "$(gw_fax north "$left_in" .reason)" 'peer|hung up|disconnect'
equal "the other side cancelled: state" "$(gw_state south "$left")" cancelled

note "outcomes of attacks"
wait "$hostile" || wrong "the hostile program failed"
for attack in "${!attacked[@]}"; do
    id=$(gw_inbound north "${attacked[$attack]}")
    equal "$attack: state, pages" "$(gw_wait_state north "$id" "$GW_ENDED" 180) $(gw_fax north "$id" .pages)" "failed 0"
    like "$attack: reason" "$(gw_fax north "$id" .reason)" '.'
    # Had none of it come, the call would have ended for that reason after 12 seconds.
    holds "$attack: it came" test "$(gw_fax north "$id" '.attempts[0] | .seconds >= 24 or (.text | startswith("Nothing came") | not)')" = true
done
like "bomb: reason" "$(gw_fax north "$(gw_inbound north "${attacked[bomb]}")" .reason)" 'page 1 does not decode: a limit was reached'
outcome garbage-to-sender failed 2 200 'Timed out waiting for the first message'
for name in "${!attacked[@]}" "${!number[@]}"; do
    until_true 120 ended "$name" || true
    equal "$name: the signalling as the scenario says" "$(cat "$GW_TOP/$name.status")" 0
done
equal "the line is the same process" "$(gw_role north line)" "$line"

note "the good calls"
equal "sent" "$(gw_wait_state north "$good" "$GW_ENDED" 180)" delivered
equal "received" "$(gw_wait_state south "$good_in" "$GW_ENDED" 180)" delivered
clerk north export --format pdf "$good" >"$GW_TOP/sent.pdf"
clerk north export --format pdf "$(gw_inbound north "$(gw_number north 2)")" >"$GW_TOP/received.pdf"
equal "its pixels" "$(pixels "$GW_TOP/received.pdf")" "$(pixels "$GW_TOP/sent.pdf")"

until_true 60 gw_drained north || wrong "the database lags"
equal "the stranger and the wrong number in the log" \
    "$(gw_sql north "SELECT string_agg(record->>'sip_code', ' ' ORDER BY index) FROM audit_record WHERE event = 'call.refused'")" "403 404"
equal "garbage was seen as such" "$(gw_sql north "SELECT (record->>'packets_bad')::int > 100 FROM audit_record
    WHERE event = 'attempt.ended' AND fax = '$(gw_inbound north "${attacked[garbage]}")'")" t
for name in north south; do gw_verify "$name"; done
gw_end
