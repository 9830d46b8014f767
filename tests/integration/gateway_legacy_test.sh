#!/usr/bin/env bash
# A gateway in front of a legacy machine, as docker/legacy-machine.md sets it up: a trunk that speaks T.38 over
# TLS through the edge of docker/kamailio.cfg, its media through rtpengine; behind the gateway a machine
# that registers and speaks G.711 only. Faxes both ways, and one over G.711 through a second edge. The
# far end and the machine are gateways as well; Wireshark judges what rtpengine passes on.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_authority house
for name in far middle machine; do
    case $name in
        far) prefix=+4930551 more=() ;;
        middle) prefix=+4930552 more=(fax.reinvite_as_sender_after_ms=1500) ;;
        machine) prefix=+4930553 more=(fax.t38=false) ;;
    esac
    gw_make "$name" "$prefix" "sip.tls_ca=$GW_TLS/house.ca" "sip.tls_directory=$GW_TLS" \
        "sip.tls_certificate=$GW_TLS/$name.pem" "sip.tls_key_file=$GW_TLS/$name.key.pem" "${more[@]}"
    gw_certificate "$name" house "IP:${GW_ADDRESS[$name]}"
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$name]}:$((GW_PORT[$name] + 1))/" "$GW_TOP/$name.yaml"
    gw_spawn "$name"
done

# edge NAME TRUNK: kamailio and rtpengine between the gateway and that far end
declare -A edge=()
edge() {
    local address tls=$GW_TLS/edge-$1.cfg
    while :; do
        address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
        [[ " ${edge[*]} ${GW_ADDRESS[*]} " == *" $address "* ]] || break
    done
    edge[$1]=$address
    gw_certificate "edge-$1" house "IP:$address"
    sed "s|/run/secrets/edge.key|$GW_TLS/edge-$1.key.pem|; s|/etc/kamailio/edge.pem|$GW_TLS/edge-$1.pem|
        s|/etc/kamailio/trunk-ca.pem|$GW_TLS/house.ca|" "$SOURCE_DIR/docker/tls.cfg" >"$tls"
    rtpengine --table=-1 --config-file=none --interface="inside/$address" --interface="outside/$address" \
        --listen-ng="$address:2223" --foreground --log-stderr --log-level=5 --port-min=31000 --port-max=31200 \
        --num-threads=1 --pidfile="$GW_TOP/$1.pid" >"$GW_TOP/rtpengine-$1.log" 2>&1 &
    GW_OTHERS+=($!)
    until_true 120 ng_is_up "$address" || { cat "$GW_TOP/rtpengine-$1.log"; die "rtpengine does not start"; }
    mkdir "$GW_TOP/kamailio-$1"
    kamailio -DD -E -m 32 -M 4 -Y "$GW_TOP/kamailio-$1" -A "INSIDE=tls:$address:5061" -A "OUTSIDE=tls:$address:5062" \
        -A "SOURCE=$address" \
        -A "GATEWAY_ADDRESS=${GW_ADDRESS[middle]}" -A "TRUNK_ADDRESS=${GW_ADDRESS[$2]}" -A "TLS_CONFIG=\"$tls\"" \
        -A "GATEWAY=\"sip:${GW_ADDRESS[middle]}:$((GW_PORT[middle] + 1));transport=tls\"" \
        -A "TRUNK=\"sip:${GW_ADDRESS[$2]}:$((GW_PORT[$2] + 1));transport=tls\"" -A "RTPENGINE=\"udp:$address:2223\"" \
        -f "$SOURCE_DIR/docker/kamailio.cfg" >"$GW_TOP/kamailio-$1.log" 2>&1 &
    GW_OTHERS+=($!)
    until_true 120 edge_listens "$address" || { cat "$GW_TOP/kamailio-$1.log"; die "kamailio does not start"; }
}
ng_is_up() { ! port_free "$1" 2223; }
edge_listens() { (: <"/dev/tcp/$1/5062") 2>/dev/null; }
edge trunk far
edge audio machine
for name in far middle machine; do gw_wait_ready "$name"; done
for name in far middle machine; do gw_provision "$name"; done

note "the trunks, the machine"
far=$(gw_number far 1) desk=$(gw_number middle 5) direct=$(gw_number middle 6) stored=$(gw_number middle 7)
caller=$(gw_number machine 0)
echo "a long enough secret" >"$GW_TOP/password"
gw_trunk middle trunk "${edge[trunk]}" 5061 --transport tls --prefix "${GW_PREFIX[far]}"
gw_trunk middle audio "${edge[audio]}" 5061 --transport tls --prefix "${GW_PREFIX[machine]}"
gw_trunk far gateway "${edge[trunk]}" 5062 --transport tls --prefix "${GW_PREFIX[middle]}"
gw_trunk machine gateway "${edge[audio]}" 5062 --transport tls --prefix "$stored"
admin middle device add desk --extension "$desk" --user "$caller" --nat --calls bridge:trunk \
    --password-file "$GW_TOP/password" >/dev/null
admin middle grant add device:desk bridge --from "$desk" --to '+4930*' >/dev/null
admin middle number remove "$direct" >/dev/null
admin middle number add "$direct" --mailbox office --bridge device:desk >/dev/null
admin middle grant add trunk:trunk bridge --to "$direct" >/dev/null
gw_trunk machine line "${GW_ADDRESS[middle]}" "${GW_PORT[middle]}" --prefix "${GW_PREFIX[far]}"
admin machine trunk credential set line --user "$caller" --realm sealfax --password-file "$GW_TOP/password" >/dev/null
admin machine trunk registration set line --user "$caller" >/dev/null
# The machine answers whatever number its line brings.
admin machine grant add trunk:line trunk --to '*' --mailbox office >/dev/null
registered() { [[ $(admin middle --json device show desk | jq -r .registered) == true ]]; }
until_true 120 registered || wrong "the machine is not registered"
for name in in out audio; do echo "one line of text, $name" >"$GW_TOP/$name.txt"; done

dumpcaps=()
capture() { # capture NAME ADDRESS
    dumpcap -q -i lo -f "udp and host $2 and portrange 31000-31200" -w "$GW_TOP/$1.pcapng" >"$GW_TOP/$1.dumpcap" 2>&1 &
    GW_OTHERS+=($!)
    dumpcaps+=($!)
    until_true 120 grep -qs '^File: ' "$GW_TOP/$1.dumpcap" || { cat "$GW_TOP/$1.dumpcap"; die "dumpcap does not capture"; }
}
for name in trunk audio; do capture "$name" "${edge[$name]}"; done

note "to the machine and from it, in real time, and over G.711 through an edge"
in=$(gw_send far "$far" "$direct" "$GW_TOP/in.txt")
out=$(gw_send machine "$caller" "$(gw_number far 2)" "$GW_TOP/out.txt")
audio=$(gw_send machine "$(gw_number machine 3)" "$stored" "$GW_TOP/audio.txt")

# same SENDER FAX RECEIVER TO: the pixels that were sent are those that came
same() {
    until_true 120 gw_has_inbound "$3" "$4" || { wrong "nothing came to $3"; return; }
    local got
    got=$(gw_inbound "$3" "$4")
    equal "$3: state of what came for $4" "$(gw_wait_state "$3" "$got" "$GW_ENDED" 180)" received
    clerk "$1" export --format pdf "$2" >"$GW_TOP/sent.pdf"
    clerk "$3" export --format pdf "$got" >"$GW_TOP/got.pdf"
    equal "$1 to $3: pixels" "$(pixels "$GW_TOP/got.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
}
# bridged NUMBER: what the gateway saw of a call to it that it took through
bridged() {
    until_true 120 bridge_is_over "$1" || wrong "the call to $1 has no end"
    gw_sql middle "SELECT state, pages, caller_media, called_media FROM bridges WHERE to_number = '$1'"
}
bridge_is_over() { [[ $(gw_sql middle "SELECT count(*) FROM bridges WHERE to_number = '$1' AND ended_at IS NOT NULL") == 1 ]]; }
attempt() { gw_fax "$1" "$2" ".attempts[-1].$3"; }

equal "over G.711: state" "$(gw_wait_state machine "$audio" "$GW_ENDED" 180)" delivered
like "over G.711: media, signalling" "$(attempt machine "$audio" media) $(attempt machine "$audio" signalling)" '^audio tls TLSv1\.[23]'
same machine "$audio" middle "$stored"

equal "to the machine: state" "$(gw_wait_state far "$in" "$GW_ENDED" 180)" delivered
like "to the machine: media, signalling" "$(attempt far "$in" media) $(attempt far "$in" signalling)" '^t38 tls TLSv1\.[23]'
reached=$(clerk machine --json faxes --direction in --limit 100 | jq -r '[.faxes[] | select(.state == "received") | .to][0]')
same far "$in" machine "$reached"
equal "to the machine: as the gateway saw it" "$(bridged "$direct")" "completed|1|t38|audio"

equal "from the machine: state" "$(gw_wait_state machine "$out" "$GW_ENDED" 180)" delivered
same machine "$out" far "$(gw_number far 2)"
equal "from the machine: as its number" "$(gw_fax far "$(gw_inbound far "$(gw_number far 2)")" .from)" "$desk"
equal "from the machine: as the gateway saw it" "$(bridged "$(gw_number far 2)")" "completed|1|audio|t38"
sleep 1
for dumpcap in "${dumpcaps[@]}"; do
    kill -INT "$dumpcap"
    wait "$dumpcap" || true
done

note "what Wireshark sees of it"
# The audio before T.38 goes over the same ports: 80 begins RTP. A repeated datagram has the number of
# the first, which Wireshark's reassembly takes for something else: the first one is judged.
seen() { # seen NAME PROTOCOL FILTER FIELD...
    local arguments=() field
    for field in "${@:4}"; do arguments+=(-e "$field"); done
    tshark -n -r "$GW_TOP/$1.pcapng" -d "udp.port==31000-31200,$2" -2 -Y "$3" -T fields "${arguments[@]}" 2>"$GW_TOP/tshark.log"
}
seen trunk t38 'udp' frame.number ip.src udp.srcport udp.payload |
    awk -F '\t' '{ key = $2 $3; again = last[key] == $4; print $1 "\t" (again || was[key]); was[key] = again; last[key] = $4 }' >"$GW_TOP/repeats"
equal "malformed packets of T.38" "$(seen trunk t38 '(_ws.malformed || _ws.short) && !(udp.payload[0:1] == 80)' frame.number _ws.col.Info |
    awk -F '\t' 'NR == FNR { repeats[$1] = $2; next } !repeats[$1]' "$GW_TOP/repeats" - | head -n 5)" ""
holds "T.38 with redundancy, both sides of rtpengine" test \
    "$(seen trunk t38 "t38.secondary_ifp_packets > 0 && ip.src == ${edge[trunk]}" frame.number | wc -l)" -gt 300
holds "G.711 that rtpengine passed on" test "$(seen audio rtp "rtp.p_type == 8 && ip.src == ${edge[audio]}" frame.number | wc -l)" -gt 500
equal "malformed packets of audio" "$(seen audio rtp '_ws.malformed || _ws.short' frame.number _ws.col.Info | head -n 5)" ""
equal "packets of audio that are neither RTP nor RTCP" "$(seen audio rtp '!rtp && !rtcp' frame.number | wc -l)" 0
for name in trunk audio; do
    equal "what kamailio complains of" "$(grep -E 'ERROR|CRITICAL' "$GW_TOP/kamailio-$name.log" | head -n 3)" ""
done
gw_verify middle
gw_end
