#!/usr/bin/env bash
# T.38 calls of two gateways through rtpengine, which relays their UDPTL on ports of its own: with
# redundancy and version 0, and with parity FEC and version 3 of T.38. Wireshark judges what is on
# the wire. The hop that leads the calls through it is gateway_rtpengine_relay.py.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

command -v rtpengine >/dev/null || die "rtpengine is not installed (package rtpengine-daemon)"

gw_make north +4930551
gw_make south +4930552
gw_make north-fec +4930553 media.error_correction=fec media.t38_version=3
gw_make south-fec +4930554 media.error_correction=fec media.t38_version=3
names="north south north-fec south-fec"
for name in $names; do gw_spawn "$name"; done

free_address() { echo "127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))"; }
middle=$(free_address)
ng=$middle:2223
rtpengine --table=-1 --config-file=none --interface="$middle" --listen-ng="$ng" --foreground --log-stderr \
    --log-level=5 --port-min=31000 --port-max=31200 --pidfile="$GW_TOP/rtpengine.pid" >"$GW_TOP/rtpengine.log" 2>&1 &
GW_OTHERS+=($!)
relay() { # relay NORTH SOUTH PORT
    python3 "$SOURCE_DIR/tests/integration/gateway_rtpengine_relay.py" "${GW_ADDRESS[$1]}:${GW_PORT[$1]}" \
        "${GW_ADDRESS[$2]}:${GW_PORT[$2]}" "$middle:$3" "$middle:$(($3 + 1))" "$ng" >"$GW_TOP/relay-$1.log" 2>&1 &
    GW_OTHERS+=($!)
}
ng_is_up() { ! port_free "$middle" 2223; }
until_true 20 ng_is_up || { cat "$GW_TOP/rtpengine.log"; die "rtpengine does not start"; }
relay north south 6060
relay north-fec south-fec 6070
for name in $names; do gw_wait_ready "$name"; done
for name in $names; do gw_provision "$name"; done
connect() { # connect NORTH SOUTH PORT
    gw_trunk "$1" "$2" "$middle" "$3" --prefix "${GW_PREFIX[$2]}"
    gw_trunk "$2" "$1" "$middle" "$(($3 + 1))" --prefix "${GW_PREFIX[$1]}"
}
connect north south 6060
connect north-fec south-fec 6070
noise_pdf "$GW_TOP/one.pdf" 1

dumpcap -q -i lo -f "udp and host $middle" -w "$GW_TOP/call.pcapng" >"$GW_TOP/dumpcap.log" 2>&1 &
GW_OTHERS+=($!)
dumpcap=$!
until_true 20 grep -qs '^File: ' "$GW_TOP/dumpcap.log" || { cat "$GW_TOP/dumpcap.log"; die "dumpcap does not capture"; }

note "a call each, through rtpengine"
declare -A fax=()
for name in north north-fec; do
    fax[$name]=$(gw_send "$name" "$(gw_number "$name" 0)" "$(gw_number "${name/north/south}" 0)" "$GW_TOP/one.pdf")
done
for name in north north-fec; do
    equal "$name: the fax" "$(gw_wait_state "$name" "${fax[$name]}" "$GW_ENDED" 120)" delivered
    other=${name/north/south}
    clerk "$name" export --format pdf "${fax[$name]}" >"$GW_TOP/sent.pdf"
    clerk "$other" export --format pdf "$(gw_inbound "$other" "$(gw_number "$other" 0)")" >"$GW_TOP/received.pdf"
    equal "$name: its pixels" "$(pixels "$GW_TOP/received.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
    like "$name: descriptions through rtpengine" "$(tr '\n' ';' <"$GW_TOP/relay-$name.log")" \
        'INVITE m=audio.*200 m=audio.*INVITE m=image 31[0-9]+ udptl t38;200 m=image 31[0-9]+ udptl t38'
done
sleep 1
kill -INT "$dumpcap"
wait "$dumpcap" || true

note "what Wireshark sees"
decode() { # decode FILTER FIELD...
    local arguments=() field
    for field in "${@:2}"; do arguments+=(-e "$field"); done
    tshark -n -r "$GW_TOP/call.pcapng" -d udp.port==6060-6071,sip -d udp.port==31000-31200,t38 \
        -2 -Y "$1" -T fields "${arguments[@]}" 2>"$GW_TOP/tshark.log"
}
# A repeated datagram has the number of the first: Wireshark's reassembly takes it for something
# else, so the first one is judged. The audio before T.38 goes over the same ports: 80 08 begins RTP.
decode t38 frame.number ip.src udp.srcport udp.payload | awk -F '\t' '{ key = $2 $3; again = last[key] == $4; print $1 "\t" (again || was[key]); was[key] = again; last[key] = $4 }' >"$GW_TOP/repeats"
bad() {
    decode '(_ws.malformed || _ws.short) && !(udp.payload[0:2] == 80:08)' frame.number _ws.col.Info |
        awk -F '\t' 'NR == FNR { repeats[$1] = $2; next } !repeats[$1]' "$GW_TOP/repeats" -
}
count() { decode "$1" frame.number | wc -l; }
equal "malformed packets" "$(bad | head -n 5)" ""
holds "UDPTL with redundancy" test "$(count 't38.secondary_ifp_packets > 0')" -gt 300
holds "UDPTL with parity" test "$(count 't38.fec_npackets == 3')" -gt 300
equal "versions of T.38 that were described" "$(decode 'sdp.media_attr contains "T38FaxVersion"' sdp.media_attr |
    grep -o 'T38FaxVersion:[0-9]' | sort -u | tr '\n' ' ')" "T38FaxVersion:0 T38FaxVersion:3 "
equal "error correction that was described" "$(decode 'sdp.media_attr contains "T38FaxUdpEC"' sdp.media_attr |
    grep -o 't38UDP[A-Za-z]*' | sort -u | tr '\n' ' ')" "t38UDPFEC t38UDPRedundancy "
gw_end
