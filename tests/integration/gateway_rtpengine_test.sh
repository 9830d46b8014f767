#!/usr/bin/env bash
# T.38 calls of two gateways through rtpengine, which relays their UDPTL on ports of its own: with
# redundancy and version 0, and with parity FEC and version 3 of T.38. A third pair has one gateway
# without T.38: there rtpengine converts between T.38 and audio, a call each way. Wireshark judges
# what is on the wire. The hop that leads the calls through it is gateway_rtpengine_relay.py.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

command -v rtpengine >/dev/null || die "rtpengine is not installed (package rtpengine-daemon)"

# Audio that a busy machine sends late is a bad line: converted calls may need a second attempt.
again="retry.max_attempts=3 retry.first_delay_ms=500"
# shellcheck disable=SC2086
gw_make north +4930551 fax.reinvite_as_sender_after_ms=600 $again
gw_make south +4930552
gw_make north-fec +4930553 media.error_correction=fec media.t38_version=3
gw_make south-fec +4930554 media.error_correction=fec media.t38_version=3
# shellcheck disable=SC2086
gw_make audio +4930555 fax.t38=false $again
names="north south north-fec south-fec audio"
for name in $names; do gw_spawn "$name"; done

free_address() { echo "127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))"; }
# One relays, one converts: what is on their ports can be told apart.
middle=$(free_address)
while :; do
    convert=$(free_address)
    [[ $convert != "$middle" ]] && break
done
for address in "$middle" "$convert"; do
    rtpengine --table=-1 --config-file=none --interface="$address" --listen-ng="$address:2223" --foreground --log-stderr \
        --log-level=5 --port-min=31000 --port-max=31200 --pidfile="$GW_TOP/$address.pid" >"$GW_TOP/rtpengine-$address.log" 2>&1 &
    GW_OTHERS+=($!)
done
relay() { # relay NORTH SOUTH ADDRESS PORT [decode]
    python3 "$SOURCE_DIR/tests/integration/gateway_rtpengine_relay.py" "${GW_ADDRESS[$1]}:${GW_PORT[$1]}" \
        "${GW_ADDRESS[$2]}:${GW_PORT[$2]}" "$3:$4" "$3:$(($4 + 1))" "$3:2223" "${@:5}" >"$GW_TOP/relay-$1-$2.log" 2>&1 &
    GW_OTHERS+=($!)
}
ng_is_up() { ! port_free "$1" 2223; }
for address in "$middle" "$convert"; do
    until_true 120 ng_is_up "$address" || { cat "$GW_TOP/rtpengine-$address.log"; die "rtpengine does not start"; }
done
relay north south "$middle" 6060
relay north-fec south-fec "$middle" 6070
relay north audio "$convert" 6080 decode
for name in $names; do gw_wait_ready "$name"; done
for name in $names; do gw_provision "$name"; done
connect() { # connect NORTH SOUTH ADDRESS PORT
    gw_trunk "$1" "$2" "$3" "$4" --prefix "${GW_PREFIX[$2]}"
    gw_trunk "$2" "$1" "$3" "$(($4 + 1))" --prefix "${GW_PREFIX[$1]}"
}
connect north south "$middle" 6060
connect north-fec south-fec "$middle" 6070
connect north audio "$convert" 6080
noise_pdf "$GW_TOP/one.pdf" 1
echo "one line of text" >"$GW_TOP/line.txt"

dumpcaps=()
capture() { # capture NAME FILTER
    dumpcap -q -i lo -f "udp and $2" -w "$GW_TOP/$1.pcapng" >"$GW_TOP/$1.dumpcap" 2>&1 &
    GW_OTHERS+=($!)
    dumpcaps+=($!)
    until_true 120 grep -qs '^File: ' "$GW_TOP/$1.dumpcap" || { cat "$GW_TOP/$1.dumpcap"; die "dumpcap does not capture"; }
}
capture call "host $middle"
capture audio "host $convert and host ${GW_ADDRESS[audio]}"

note "a call each, through rtpengine, and one each way that it converts"
declare -A fax=()
for name in north north-fec; do
    fax[$name]=$(gw_send "$name" "$(gw_number "$name" 0)" "$(gw_number "${name/north/south}" 0)" "$GW_TOP/one.pdf")
done
there=$(gw_send north "$(gw_number north 1)" "$(gw_number audio 1)" "$GW_TOP/line.txt")
back=$(gw_send audio "$(gw_number audio 2)" "$(gw_number north 2)" "$GW_TOP/line.txt")
for name in north north-fec; do
    equal "$name: the fax" "$(gw_wait_state "$name" "${fax[$name]}" "$GW_ENDED" 180)" delivered
    other=${name/north/south}
    clerk "$name" export --format pdf "${fax[$name]}" >"$GW_TOP/sent.pdf"
    clerk "$other" export --format pdf "$(gw_inbound "$other" "$(gw_number "$other" 0)")" >"$GW_TOP/received.pdf"
    equal "$name: its pixels" "$(pixels "$GW_TOP/received.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
    like "$name: descriptions through rtpengine" "$(tr '\n' ';' <"$GW_TOP/relay-$name-$other.log")" \
        'INVITE m=audio.*200 m=audio.*INVITE m=image 31[0-9]+ udptl t38;200 m=image 31[0-9]+ udptl t38'
done
# converted FROM ID TO NUMBER FROM-MEDIA TO-MEDIA
converted() {
    local in
    equal "$1 to $3: the fax" "$(gw_wait_state "$1" "$2" "$GW_ENDED" 180)" delivered
    in=$(gw_inbound "$3" "$4")
    equal "$1 to $3: received" "$(gw_wait_state "$3" "$in" "$GW_ENDED" 120)" received
    echo "attempts: $(gw_fax "$1" "$2" '[.attempts[].text] | join("; ")'); at the other end: $(clerk "$3" --json faxes \
        --direction in --limit 100 | jq -r --arg to "$4" '[.faxes[] | select(.to == $to) | .reason] | join("; ")')"
    equal "$1 to $3: media" "$(gw_fax "$1" "$2" .attempts[-1].media) $(gw_fax "$3" "$in" .attempts[-1].media)" "$5 $6"
    clerk "$1" export --format pdf "$2" >"$GW_TOP/sent.pdf"
    clerk "$3" export --format pdf "$in" >"$GW_TOP/received.pdf"
    equal "$1 to $3: its pixels" "$(pixels "$GW_TOP/received.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
}
converted north "$there" audio "$(gw_number audio 1)" t38 audio
converted audio "$back" north "$(gw_number north 2)" audio t38
sleep 1
for dumpcap in "${dumpcaps[@]}"; do
    kill -INT "$dumpcap"
    wait "$dumpcap" || true
done

note "what Wireshark sees"
decode() { # decode FILTER FIELD...
    local arguments=() field
    for field in "${@:2}"; do arguments+=(-e "$field"); done
    tshark -n -r "$GW_TOP/call.pcapng" -d udp.port==6060-6071,sip -d udp.port==31000-31200,t38 \
        -2 -Y "$1" -T fields "${arguments[@]}" 2>"$GW_TOP/tshark.log"
}
# Packets are judged as the gateways sent them: rtpengine relays on several threads, which pass each other
# when many packets come at once, and Wireshark's reassembly takes an end before its beginning for
# something else. It may change their order, nothing in them. A repeated datagram has the number of the first,
# which reassembly takes for something else too, so the first one is judged. The audio before T.38 goes
# over the same ports: 80 08 begins RTP.
decode 't38 && !(udp.payload[0:2] == 80:08)' frame.number ip.src udp.srcport udp.payload >"$GW_TOP/packets"
awk -F '\t' -v relay="$middle" '$2 == relay { print $1 "\t1"; next } { key = $2 $3; again = last[key] == $4; print $1 "\t" (again || was[key]); was[key] = again; last[key] = $4 }' "$GW_TOP/packets" >"$GW_TOP/not_judged"
bad() {
    decode '(_ws.malformed || _ws.short) && !(udp.payload[0:2] == 80:08)' frame.number _ws.col.Info |
        awk -F '\t' 'NR == FNR { skip[$1] = $2; next } !skip[$1]' "$GW_TOP/not_judged" -
}
count() { decode "$1" frame.number | wc -l; }
equal "malformed packets" "$(bad | head -n 5)" ""
equal "packets of T.38 from rtpengine that no gateway sent" \
    "$(awk -F '\t' -v relay="$middle" '$2 != relay { sent[$4] = 1; next } !($4 in sent)' "$GW_TOP/packets" | head -n 3)" ""
equal "packets dropped by the capture" "$(grep -o 'dropped on interface.*' "$GW_TOP/call.dumpcap" | grep -o '[0-9]\+/[0-9]\+' | cut -d / -f 2)" 0
holds "UDPTL with redundancy" test "$(count 't38.secondary_ifp_packets > 0')" -gt 300
holds "UDPTL with parity" test "$(count 't38.fec_npackets == 3')" -gt 300
equal "versions of T.38 that were described" "$(decode 'sdp.media_attr contains "T38FaxVersion"' sdp.media_attr |
    grep -o 'T38FaxVersion:[0-9]' | sort -u | tr '\n' ' ')" "T38FaxVersion:0 T38FaxVersion:3 "
equal "error correction that was described" "$(decode 'sdp.media_attr contains "T38FaxUdpEC"' sdp.media_attr |
    grep -o 't38UDP[A-Za-z]*' | sort -u | tr '\n' ' ')" "t38UDPFEC t38UDPRedundancy "
of_audio() { # of_audio FILTER: packets between rtpengine and the gateway without T.38
    tshark -n -r "$GW_TOP/audio.pcapng" --disable-protocol t38 -d udp.port==6080-6081,sip -d udp.port==31000-31200,rtp \
        -Y "$1" 2>"$GW_TOP/tshark.log" | wc -l
}
holds "audio that rtpengine made of T.38" test "$(of_audio "rtp && ip.src == $convert")" -gt 500
equal "malformed packets of audio" "$(of_audio '_ws.malformed || _ws.short')" 0
equal "packets of neither RTP, RTCP nor SIP" "$(of_audio '!rtp && !rtcp && !sip')" 0
gw_end
