#!/usr/bin/env bash
# Peers that do not take T.38, each in its own way: refused by a code, by `m=image 0`, or agreed and
# never sent. No call is killed by it: it goes on over audio, or is tried again there; the peer is
# remembered, so the second call does not ask; an operator can have it asked again.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
scenario=$SOURCE_DIR/tests/integration/gateway_sipp/uas_answers_t38.xml

gw_up north +4930551 fax.reinvite_as_sender_after_ms=200 fax.no_media_timeout_ms=3000 \
    retry.max_attempts=2 retry.first_delay_ms=500
noise_pdf "$GW_TOP/one.pdf" 1
address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
ours=$(gw_number north 0)
free_port() {
    local port
    while :; do
        port=$((RANDOM % 10000 + 10000))
        port_free "$address" "$port" && break
    done
    echo "$port"
}
declare -A fax=() number=()
taken() { ! port_free "$address" "$1"; }
# peer NAME CODE IMAGE-PORT: waits for two calls at a trunk of its own
peer() {
    local port
    port=$(free_port)
    number[$1]=+4930560${#number[@]}
    sed "s/@CODE@/$2/; s/@PORT@/$3/" "$scenario" >"$GW_TOP/$1.xml"
    timeout 200 sipp -sf "$GW_TOP/$1.xml" -i "$address" -p "$port" -m 2 -nostdin -nd -timeout 180s -timeout_error \
        -trace_msg -message_file "$GW_TOP/$1.messages" -trace_err -error_file "$GW_TOP/$1.err" >"$GW_TOP/$1.out" 2>&1 &
    GW_OTHERS+=($!)
    until_true 120 taken "$port" || { cat "$GW_TOP/$1.out"; die "sipp for $1 does not start"; }
    gw_trunk north "peer-$1" "$address" "$port" --prefix "${number[$1]}"
}

note "seven ways to refuse, and one to agree and stay silent"
codes=(488 415 606 603 500 501)
for code in "${codes[@]}"; do peer "refuses-$code" "$code" 0; done
peer refused-line 200 0
peer mute 200 "$(free_port)"
for name in "${!number[@]}"; do
    fax[$name]=$(gw_send north "$ours" "${number[$name]}" "$GW_TOP/one.pdf")
done

asked() { grep -c '^m=image .* udptl t38' <(sed -n '/message received/,/message sent/p' "$GW_TOP/$1.messages") || true; }
for name in "${!number[@]}"; do
    # Nothing of a page was sent, so it is certain that nothing arrived.
    equal "$name: state" "$(gw_wait_state north "${fax[$name]}" "$GW_ENDED" 180)" failed
    equal "$name: attempts" "$(gw_fax north "${fax[$name]}" '.attempts | length')" 2
    equal "$name: T.38 was asked for once, in two calls" "$(asked "$name")" 1
    equal "$name: it is remembered, once" "$(gw_count_event north fallback.remembered "${fax[$name]}")" 1
    first=audio
    [[ $name != mute ]] || first=t38
    equal "$name: media of the attempts" "$(gw_fax north "${fax[$name]}" '[.attempts[].media] | sort | join(",")')" \
        "$(printf '%s\n' audio "$first" | sort | paste -sd,)"
done

note "an operator has it asked again"
admin north trunk retry-t38 peer-mute --number "${number[mute]}" >/dev/null || wrong "retry-t38 fails"
admin north trunk retry-t38 nobody >/dev/null 2>&1 && wrong "retry-t38 takes a trunk that is none"
equal "the log tells of it" "$(gw_count_event north fallback.forgotten)" 1
gw_end
