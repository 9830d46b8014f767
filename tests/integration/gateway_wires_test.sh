#!/usr/bin/env bash
# The ways over which two gateways can talk, all at once: T.38 over IPv6 with UDP and with TLS and
# DTLS; audio over SRTP with TLS; and sipp as a peer over TCP, which calls and is called.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
scenarios=$SOURCE_DIR/tests/integration/gateway_sipp

gw_authority house
# at NAME ADDRESS: the endpoint of its SIP; with a number that much further
at() { [[ ${GW_ADDRESS[$1]} == *:* ]] && echo "[${GW_ADDRESS[$1]}]:$((GW_PORT[$1] + ${2:-0}))" ||
    echo "${GW_ADDRESS[$1]}:$((GW_PORT[$1] + ${2:-0}))"; }
# wires NAME PREFIX ADDRESS FIRST-MEDIA-PORT [KEY=VALUE...]: a gateway with UDP, TCP and TLS; ADDRESS '': as it comes
wires() {
    local name=$1 address=$3
    gw_make "$name" "$2" "sip.tls_ca=$GW_TLS/house.ca" "sip.tls_certificate=$GW_TLS/$name.pem" \
        "sip.tls_key_file=$GW_TLS/$name.key.pem" fax.reinvite_after_ms=300 fax.reinvite_as_sender_after_ms=800 \
        fax.no_media_timeout_ms=10000 "media.port_first=$4" "media.port_last=$(($4 + 999))" "${@:5}"
    [[ -z $address ]] || GW_ADDRESS[$name]=$address
    sed -i "s/^  listen: .*/  listen: \"$(at "$name")\"\n  listen_tcp: \"$(at "$name")\"\n  listen_tls: \"$(at "$name" 1)\"/
            s/^\(  address: \).*/\1\"${GW_ADDRESS[$name]}\"/" "$GW_TOP/$name.yaml"
    gw_certificate "$name" house "IP:${GW_ADDRESS[$name]}" -days 1
    gw_spawn "$name"
}
# trunk NAME TRUNK PEER PREFIX PORT-OFFSET [OPTION...]
trunk() {
    gw_trunk "$1" "$2" "${GW_ADDRESS[$3]}" "$((GW_PORT[$3] + $5))" --prefix "$4" "${@:6}"
}

wires six +4930551 ::1 30000
wires sept +4930552 ::1 31000
wires four +4930553 '' 20000
wires audio +4930554 '' 20000 fax.t38=false
for name in six sept four audio; do gw_wait_ready "$name"; done
for name in six sept four audio; do gw_provision "$name"; done

# The last digit of the number chooses the way.
trunk six sept-udp sept "$(gw_number sept 0)" 0
trunk six sept-tls sept "$(gw_number sept 1)" 1 --transport tls --secured
trunk six sept-g711 sept "$(gw_number sept 4)" 0 --transport tcp --no-t38 # though both have T.38
trunk sept six-tcp six "$(gw_number six 4)" 0 --transport tcp
trunk sept six-udp six "$(gw_number six 0)" 0
trunk sept six-tls six "$(gw_number six 1)" 1 --transport tls --secured
trunk four audio audio "${GW_PREFIX[audio]}" 1 --transport tls --secured
trunk audio four four "${GW_PREFIX[four]}" 1 --transport tls --secured
echo "one line of text" >"$GW_TOP/page.txt"

note "sipp over TCP: refuses, hangs up, and calls"
while :; do
    address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
    [[ $address != "${GW_ADDRESS[four]}" && $address != "${GW_ADDRESS[audio]}" ]] && break
done
tcp_busy() { ss -Hltn "src $address:$1" | grep -q .; }
# sipp_run NAME FILE PORT ARGUMENT...: one call over TCP; its exit status goes to NAME.status
sipp_run() {
    local name=$1 status
    (
        status=0
        sed "s/@CODE@/486/g; s/@PORT@/$((RANDOM % 10000 + 40000))/g; s/@PAUSE@/3000/g" "$2" >"$GW_TOP/$name.xml"
        timeout 180 sipp -sf "$GW_TOP/$name.xml" -t t1 -i "$address" -p "$3" -m 1 -nostdin -nd -timeout 170s -timeout_error \
            -trace_err -error_file "$GW_TOP/$name.err" -trace_msg -message_file "$GW_TOP/$name.messages" \
            "${@:4}" >"$GW_TOP/$name.out" 2>&1 || status=$?
        echo "$status" >"$GW_TOP/$name.status"
    ) &
    GW_OTHERS+=($!)
}
port=$((RANDOM % 10000 + 10000))
# capture NAME FILTER: dumpcap to NAME.pcapng
declare -A dumpcap=()
capture() {
    dumpcap -q -i lo -f "$2" -w "$GW_TOP/$1.pcapng" >"$GW_TOP/$1.dumpcap" 2>&1 &
    dumpcap[$1]=$!
    GW_OTHERS+=("${dumpcap[$1]}")
    until_true 120 grep -qs '^File: ' "$GW_TOP/$1.dumpcap" || { cat "$GW_TOP/$1.dumpcap"; die "dumpcap does not capture"; }
}
captured() {
    kill -INT "${dumpcap[$1]}"
    wait "${dumpcap[$1]}" || true
}
capture tcp "tcp and host ${GW_ADDRESS[four]} and host $address"
capture six "ip6 and udp and port ${GW_PORT[six]} and port ${GW_PORT[sept]}"
sipp_run refuses "$scenarios/../sipp/uas_refuses.xml" "$port"
sipp_run leaves "$scenarios/uas_hangs_up.xml" "$((port + 1))"
for n in 0 1; do until_true 120 tcp_busy "$((port + n))" || die "sipp does not listen"; done
gw_trunk four refuses "$address" "$port" --prefix +49305600 --transport tcp
gw_trunk four leaves "$address" "$((port + 1))" --prefix +49305601 --transport tcp --t38-first
sipp_run calls "$scenarios/uac_t38_first.xml" "$((port + 2))" -s "$(gw_number four 5)" "$(at four)"

note "the faxes, all at once"
declare -A from=() to=() fax=()
# fax WAY SENDER RECEIVER N: from number N to number N
fax() {
    from[$1]=$2 to[$1]=$3
    fax[$1]=$(gw_send "$2" "$(gw_number "$2" "$4")" "$(gw_number "$3" "$4")" "$GW_TOP/page.txt")
}
capture srtp "udp and host ${GW_ADDRESS[four]} and host ${GW_ADDRESS[audio]}"
fax udp6 six sept 0
fax tls6 six sept 1
fax udp6-back sept six 0
fax tls6-back sept six 1
fax g711 six sept 4
fax srtp four audio 2
fax srtp-back audio four 3
refused=$(gw_send four "$(gw_number four 7)" +493056000 "$GW_TOP/page.txt")
left=$(gw_send four "$(gw_number four 8)" +493056010 "$GW_TOP/page.txt")

declare -A signalling=([udp6]='^udp$' [tls6]='^tls TLSv1\.3 ' [udp6-back]='^udp$' [tls6-back]='^tls TLSv1\.3 '
    [g711]='^tcp$' [srtp]='^tls TLSv1\.3 ' [srtp-back]='^tls TLSv1\.3 ')
declare -A protection=([udp6]='^$' [tls6]='^DTLSv1\.2 ' [udp6-back]='^$' [tls6-back]='^DTLSv1\.2 '
    [g711]='^$' [srtp]='^SRTP AEAD_AES_256_GCM$' [srtp-back]='^SRTP AEAD_AES_256_GCM$')
declare -A media=([udp6]=t38 [tls6]=t38 [udp6-back]=t38 [tls6-back]=t38 [g711]=audio [srtp]=audio [srtp-back]=audio)
for way in udp6 tls6 udp6-back tls6-back g711 srtp srtp-back; do
    case $way in udp6*) n=0 ;; tls6*) n=1 ;; srtp) n=2 ;; g711) n=4 ;; *) n=3 ;; esac
    a=${from[$way]} b=${to[$way]}
    # Audio that a busy machine sends late is a bad line: such a call may be made again.
    for _ in 1 2; do
        [[ ${media[$way]} == audio && $(gw_wait_state "$a" "${fax[$way]}" "$GW_ENDED" 180) != delivered ]] || break
        echo "$way: again, after: $(gw_fax "$a" "${fax[$way]}" .reason)"
        fax "$way" "$a" "$b" "$n"
    done
    equal "$way" "$(gw_wait_state "$a" "${fax[$way]}" "$GW_ENDED" 180)" delivered
    in=$(gw_inbound "$b" "$(gw_number "$b" "$n")")
    equal "$way: received" "$(gw_wait_state "$b" "$in" "$GW_ENDED" 120)" received
    for end in "$a ${fax[$way]}" "$b $in"; do
        # shellcheck disable=SC2086
        set -- $end
        like "$way: signalling at $1" "$(gw_fax "$1" "$2" .attempts[-1].signalling)" "${signalling[$way]}"
        like "$way: protection at $1" "$(gw_fax "$1" "$2" .attempts[-1].protection)" "${protection[$way]}"
        equal "$way: media at $1" "$(gw_fax "$1" "$2" .attempts[-1].media)" "${media[$way]}"
    done
    clerk "$a" export --format pdf "${fax[$way]}" >"$GW_TOP/sent.pdf"
    clerk "$b" export --format pdf "$in" >"$GW_TOP/received.pdf"
    equal "$way: pixels" "$(pixels "$GW_TOP/received.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
done
captured srtp

note "the audio on the wire"
tshark -n -r "$GW_TOP/srtp.pcapng" --disable-protocol t38 -d udp.port==20000-20999,rtp -T fields \
    -e frame.protocols -e udp.length -e udp.payload >"$GW_TOP/srtp.packets" 2>/dev/null
holds "RTP flowed" test "$(grep -c '^[^ ]*:rtp' "$GW_TOP/srtp.packets")" -gt 500
# 12 octets of header, 20 ms of G.711, the tag of GCM; silence would be a row of D5 in clear
equal "octets of a packet" "$(awk -F '\t' '$1 ~ /:rtp/ { print $2 }' "$GW_TOP/srtp.packets" | sort -u | tr '\n' ' ')" "196 "
equal "packets with G.711 in clear" "$(grep -c 'd5d5d5d5d5d5d5d5' "$GW_TOP/srtp.packets" || true)" 0
equal "malformed packets" "$(grep -c '_ws\.\(malformed\|short\)' "$GW_TOP/srtp.packets" || true)" 0

note "what sipp met"
equal "refused" "$(gw_wait_state four "$refused" "$GW_ENDED" 120)" failed
like "refused: reason" "$(gw_fax four "$refused" .reason)" 'the peer: 486'
equal "hung up" "$(gw_wait_state four "$left" "$GW_ENDED" 120)" failed
like "hung up: reason" "$(gw_fax four "$left" .reason)" 'the peer ended the call|hung up|hangup'
equal "hung up: signalling" "$(gw_fax four "$left" .attempts[-1].signalling)" tcp
until_true 120 gw_has_inbound four "$(gw_number four 5)" || die "sipp's call did not come"
in=$(gw_inbound four "$(gw_number four 5)")
equal "the call that brings nothing" "$(gw_wait_state four "$in" "$GW_ENDED" 120)" failed
equal "came by" "$(gw_fax four "$in" .attempts[-1].signalling)" tcp
for name in refuses leaves calls; do
    until_true 120 test -s "$GW_TOP/$name.status" || true
    equal "$name: as the scenario says" "$(cat "$GW_TOP/$name.status")" 0
done

note "SIP over TCP, and over IPv6, as Wireshark reads it"
captured tcp
captured six
for wire in tcp six; do
    # Whatever the ports are, it is SIP.
    tshark -n -r "$GW_TOP/$wire.pcapng" -d "tcp.port==1-65535,sip" -d "udp.port==1-65535,sip" -Y 'tcp.len > 0 || udp' -T fields \
        -e frame.protocols -e sip.Method -e _ws.expert.severity -e _ws.col.Info >"$GW_TOP/$wire.messages" 2>/dev/null
    holds "$wire: messages" test "$(wc -l <"$GW_TOP/$wire.messages")" -ge 10
    equal "$wire: octets that are no SIP" "$(grep -cv '^[^ ]*:sip' "$GW_TOP/$wire.messages" || true)" 0
    equal "$wire: malformed" "$(awk -F '\t' '$1 ~ /_ws\.(malformed|short)/ || $3 ~ /8388608/' "$GW_TOP/$wire.messages" | head -n 3)" ""
done
equal "tcp: methods" "$(cut -f 2 "$GW_TOP/tcp.messages" | sort -u | tr '\n' ' ')" " ACK BYE INVITE "
for name in six sept four audio; do gw_verify "$name"; done
gw_end
