#!/usr/bin/env bash
# Two whole gateways that speak SIP over mutual TLS: protected media where it is demanded, and refusals
# with their reason where it cannot be had.
# shellcheck source=tests/integration/gateway_lib.sh
source "$(dirname "$0")/gateway_lib.sh"

secured_gateway() { # NAME PREFIX [KEY=VALUE...]
    local name=$1
    gw_make "$name" "$2" "sip.tls_ca=$GW_TLS/house.ca" "sip.tls_directory=$GW_TLS" \
        "sip.tls_certificate=$GW_TLS/$name.pem" "sip.tls_key_file=$GW_TLS/$name.key.pem" \
        fax.reinvite_after_ms=200 "${@:3}"
    gw_certificate "$name" house "IP:${GW_ADDRESS[$name]},DNS:$name.example" -days 1
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$name]}:$((GW_PORT[$name] + 1))/" "$GW_TOP/$name.yaml"
    gw_start "$name"
    gw_provision "$name"
}
# tls_trunk NAME PEER [OPTION...]
tls_trunk() {
    gw_trunk "$1" "$2" "${GW_ADDRESS[$2]}" "$((GW_PORT[$2] + 1))" --prefix "${GW_PREFIX[$2]}" "${@:3}"
}
change_trunk() { # NAME PEER [OPTION...]
    admin "$1" trunk remove "$2" >/dev/null
    tls_trunk "$@"
}
attempt() { clerk "$1" --json fax show "$2" | jq -r ".attempts[-1].$3"; }
reason_of() { # EVENT NAME: the reason in the newest record
    gw_sql "$2" "SELECT record->>'reason' FROM audit_record WHERE event = '$1' ORDER BY index DESC LIMIT 1"
}
# send_fax N: sends a page from a to number N of b; FAX is its id
send_fax() {
    FAX=$(gw_send a "$(gw_number a 1)" "$(gw_number b "$1")" "$GW_TOP/page.txt")
}

echo "one line of text" >"$GW_TOP/page.txt"
gw_authority house
gw_authority stranger
note "two gateways with certificates of one authority"
secured_gateway a +4930551 "media.secured_classes=other, locked"
secured_gateway b +4930552 media.secured_classes=confidential
tls_trunk a b --transport tls --secured
tls_trunk b a --transport tls

note "a fax over TLS and DTLS"
send_fax 1
equal "state" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" delivered
like "signalling" "$(attempt a "$FAX" signalling)" '^tls TLSv1\.3 TLS_'
like "media" "$(attempt a "$FAX" protection)" '^DTLSv1\.2 ECDHE-ECDSA-AES256-GCM-SHA384$'
until_true 60 gw_has_inbound b "$(gw_number b 1)" || die "nothing came"
IN=$(gw_inbound b "$(gw_number b 1)")
equal "received" "$(gw_wait_state b "$IN" "$GW_ENDED" 120)" received
like "received by" "$(attempt b "$IN" protection)" '^DTLSv1\.2 '
like "received over" "$(attempt b "$IN" signalling)" '^tls TLSv1\.3'

note "what is sent is sealed, and comes out as it went in"
clerk a export --format pdf "$FAX" >"$GW_TOP/out.pdf"
clerk b export --format pdf "$IN" >"$GW_TOP/in.pdf"
equal "pixels" "$(pixels "$GW_TOP/in.pdf")" "$(pixels "$GW_TOP/out.pdf")"

note "what is demanded by a class cannot be had without: refused, with the reason"
admin b mailbox add secret --class confidential --retention-days 90 >/dev/null
admin b number remove "$(gw_number b 9)" >/dev/null
admin b number add "$(gw_number b 9)" --mailbox secret >/dev/null
admin b grant add trunk:a trunk --to "$(gw_number b 9)" --mailbox secret >/dev/null
change_trunk a b --transport tls
send_fax 9
equal "state" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" failed
like "reason at the sender" "$(gw_fax a "$FAX" .reason)" "488 class 'confidential' demands secured media, and the offer has none"
until_true 60 gw_drained b || die "b does not drain"
like "reason at the receiver" "$(reason_of call.refused b)" "class 'confidential' demands secured media"

note "a trunk without TLS cannot carry what demands protected media"
like "secured over udp" "$(admin a trunk add nonsense --host 127.0.0.9 --port 5060 --secured 2>&1 || true)" "needs 'transport' 'tls'"
admin a mailbox add safe --class locked --retention-days 90 >/dev/null
admin a number remove "$(gw_number a 8)" >/dev/null
admin a number add "$(gw_number a 8)" --mailbox safe >/dev/null
admin a grant add clerk sender --from "$(gw_number a 8)" --to '+4930*' --mailbox safe >/dev/null
admin a grant add clerk receiver --mailbox safe >/dev/null
admin a trunk remove b >/dev/null
gw_trunk a b "${GW_ADDRESS[b]}" "${GW_PORT[b]}" --prefix "${GW_PREFIX[b]}"
FAX=$(gw_send a "$(gw_number a 8)" "$(gw_number b 1)" "$GW_TOP/page.txt")
equal "state" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" failed
like "reason" "$(gw_fax a "$FAX" .reason)" "class 'locked' demands secured media, and trunk b has no TLS signalling"
equal "nothing was signalled" "$(attempt a "$FAX" signalling)" ''

note "certificates: wrong name, wrong authority, expired; then right again without a restart"
fails_with() { # WHAT REASON
    send_fax 1
    equal "$1" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" failed
    like "$1: reason" "$(gw_fax a "$FAX" .reason)" "$2"
}
change_trunk a b --transport tls --tls-name other.example
fails_with "wrong name" "the peer's certificate was refused: it is for b\.example, not for other\.example"
change_trunk a b --transport tls --tls-name b.example
gw_certificate b stranger "IP:${GW_ADDRESS[b]},DNS:b.example" -days 1
fails_with "wrong authority" "no authority that is trusted for this peer has signed it"
gw_certificate b house "IP:${GW_ADDRESS[b]},DNS:b.example" -days -1
fails_with "expired" "the peer's certificate was refused: it has expired"
until_true 60 gw_drained a || die "a does not drain"
like "event" "$(reason_of connection.failed a)" "it has expired"
gw_certificate b house "IP:${GW_ADDRESS[b]},DNS:b.example" -days 1
send_fax 2
equal "renewed" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" delivered

note "ahead of the clock: only when both trunks are marked, and over DTLS as well"
like "express over udp" "$(admin a trunk add nonsense --host 127.0.0.9 --port 5060 --express 2>&1 || true)" "needs 'transport' 'tls'"
change_trunk a b --transport tls --secured --express
send_fax 3
equal "one side alone" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" delivered
equal "is paced" "$(attempt a "$FAX" express)" false
change_trunk b a --transport tls --express
send_fax 4
equal "both" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" delivered
equal "are express" "$(attempt a "$FAX" express)" true
like "and protected" "$(attempt a "$FAX" protection)" '^DTLSv1\.2 '
until_true 60 gw_has_inbound b "$(gw_number b 4)" || die "nothing came"
IN=$(gw_inbound b "$(gw_number b 4)")
equal "received" "$(gw_wait_state b "$IN" "$GW_ENDED" 120)" received
equal "and so says the receiver" "$(attempt b "$IN" express)" true
clerk a export --format pdf "$FAX" >"$GW_TOP/out.pdf"
clerk b export --format pdf "$IN" >"$GW_TOP/in.pdf"
equal "pixels" "$(pixels "$GW_TOP/in.pdf")" "$(pixels "$GW_TOP/out.pdf")"
change_trunk a b --transport tls

note "peers that take TLS and will not protect media"
gw_certificate peer house "IP:${GW_ADDRESS[b]},DNS:peer.example" -days 1
hostile() { # HOW REASON
    local how=$1 port=$((GW_PORT[b] + 2)) pid
    python3 "$SOURCE_DIR/tests/integration/gateway_tls_peer.py" "${GW_ADDRESS[b]}" "$port" "$GW_TLS/peer.pem" \
        "$GW_TLS/peer.key.pem" "$GW_TLS/house.ca" "$how" >"$GW_TOP/$how.peer" 2>&1 &
    pid=$!
    GW_OTHERS+=("$pid")
    until_true 60 grep -qs listening "$GW_TOP/$how.peer" || die "the peer does not listen"
    admin a trunk remove b >/dev/null
    gw_trunk a b "${GW_ADDRESS[b]}" "$port" --prefix "${GW_PREFIX[b]}" --transport tls --secured \
        --no-audio-fallback
    send_fax 1
    equal "$how" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" failed
    like "$how: reason" "$(gw_fax a "$FAX" .reason)" "$2"
    equal "$how: pages" "$(attempt a "$FAX" pages)" 0
    equal "$how: protection" "$(attempt a "$FAX" protection)" ''
    like "$how: offered" "$(sed -n 2p "$GW_TOP/$how.peer")" 'm=image [0-9]+ UDP/TLS/UDPTL t38'
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}
hostile refuse "the peer refused secured media: 488"
hostile plain "the peer's answer has no secured T.38"
hostile tamper "the peer's DTLS certificate is not the one that signalling named"
hostile mute "the peer made no DTLS handshake"

note "a peer that changes its key in mid call"
port=$((GW_PORT[b] + 2))
python3 "$SOURCE_DIR/tests/integration/gateway_tls_peer.py" "${GW_ADDRESS[b]}" "$port" "$GW_TLS/peer.pem" \
    "$GW_TLS/peer.key.pem" "$GW_TLS/house.ca" rekey >"$GW_TOP/rekey.peer" 2>&1 &
GW_OTHERS+=($!)
until_true 60 grep -qs listening "$GW_TOP/rekey.peer" || die "the peer does not listen"
admin a trunk remove b >/dev/null
gw_trunk a b "${GW_ADDRESS[b]}" "$port" --prefix "${GW_PREFIX[b]}" --transport tls --secured
send_fax 1
equal "hung up" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" failed
like "rekeyed" "$(<"$GW_TOP/rekey.peer")" 'rekeyed m=audio [0-9]+ RTP/SAVP 8'
has_trace() { clerk a fax trace "$FAX" >"$GW_TOP/rekey.trace" 2>&1; }
until_true 120 has_trace || die "no trace: $(<"$GW_TOP/rekey.trace")"
like "what came with the new key was heard" "$(grep -E '<--- (INVITE|first packet)' "$GW_TOP/rekey.trace" | tr -d '\n')" \
    'INVITE \(1\).*first packet'
equal "all of it protected" "$(grep -c 'SDP: audio port .*, SRTP' "$GW_TOP/rekey.trace")" 4

gw_verify a
gw_verify b
gw_end
