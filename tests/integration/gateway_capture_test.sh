#!/usr/bin/env bash
# One call captured on the wire and decoded by Wireshark's dissectors, which are not ours: no SIP,
# SDP, UDPTL, T.38 or T.30 packet is malformed, and none is of an unknown kind.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551
# South would ask for T.38 so late that north did it first: it does at once as it hears the tone (CNG) of
# a fax machine.
gw_up south +4930552 fax.reinvite_after_ms=30000
gw_connect north south
noise_pdf "$GW_TOP/one.pdf" 1

note "capturing a call"
dumpcap -q -i lo -f "udp and host ${GW_ADDRESS[north]} and host ${GW_ADDRESS[south]}" -w "$GW_TOP/call.pcapng" \
    >"$GW_TOP/dumpcap.log" 2>&1 &
GW_OTHERS+=($!)
dumpcap=$!
until_true 120 grep -qs '^File: ' "$GW_TOP/dumpcap.log" || { cat "$GW_TOP/dumpcap.log"; die "dumpcap does not capture"; }
sent=$(gw_send north "$(gw_number north 0)" "$(gw_number south 0)" "$GW_TOP/one.pdf")
equal "the fax" "$(gw_wait_state north "$sent" "$GW_ENDED" 180)" delivered
sleep 1
kill -INT "$dumpcap"
wait "$dumpcap" || true

# decode FILTER FIELD...: fields of the packets that match
decode() {
    local arguments=() field
    for field in "${@:2}"; do arguments+=(-e "$field"); done
    # Wherever SIP is heard is chosen by the test, so the dissector has to be told.
    tshark -n -r "$GW_TOP/${capture:-call}.pcapng" -d "udp.port==${GW_PORT[north]},sip" -d "udp.port==${GW_PORT[south]},sip" \
        -2 -Y "$1" -T fields "${arguments[@]}" 2>"$GW_TOP/tshark.log"
}
count() { decode "$1" frame.number | wc -l; }

packets=$(count udp)
holds "the call was captured ($packets packets)" test "$packets" -gt 300
equal "packets dropped by the capture" "$(grep -o 'dropped on interface.*' "$GW_TOP/dumpcap.log" | grep -o '[0-9]\+/[0-9]\+' | cut -d / -f 2)" 0
# The packets that end a signal are sent three times, the same octets with the same sequence number
# (T.38 §9.1.3 leaves that to the sender), and the latest packet again when none follows. Wireshark's
# reassembly takes the second for an end without a beginning, so what repeats the packet before it of
# that sender is left to the first one's judgement.
# Audio flows until both sides know of T.38, which Wireshark takes the ports for from the offer on.
late_audio='udp.length == 180 && udp.payload[0:1] == 80 && udp.payload[1:1] & 7f == 08'
bad_packets() {
    decode t38 frame.number ip.src udp.payload >"$GW_TOP/payloads"
    decode "(_ws.malformed || _ws.short || _ws.expert.severity == \"Error\") && !($late_audio)" frame.number _ws.col.Info |
        awk -F '\t' 'NR == FNR { again = before[$2] == $3; repeats[$1] = again || was[$2]; was[$2] = again; before[$2] = $3; next } !repeats[$1]' "$GW_TOP/payloads" -
}
equal "malformed packets and packets with an error" "$(bad_packets | head -n 5)" ""
# Between the answer and T.38 both sides have begun with audio.
equal "packets that are neither SIP nor T.38 nor RTP" "$(count '!sip && !t38 && !rtp')" 0

note "what Wireshark sees"
methods=$(decode sip.Method sip.Method | sort | uniq -c | awk '{ printf "%s%s", sep, $2; sep = " " }')
equal "SIP methods" "$methods" "ACK BYE INVITE"
equal "offers and answers: audio first, then T.38" \
    "$(decode sdp sdp.media.media | tr '\n' ' ')" "audio audio image image "
equal "who asks for T.38" "$(decode 'sip.Method == "INVITE" && sdp.media.media == "image"' ip.src | sort -u)" \
    "${GW_ADDRESS[south]}"
holds "T.38 packets" test "$(count t38)" -gt 300
holds "with redundant packets in them" test "$(count 't38.secondary_ifp_packets > 0')" -gt 300
frames=$(decode t30.FacsimileControl _ws.col.Info | grep -o 'Reassembled: [A-Z]*' | cut -d ' ' -f 2 | sort -u | tr '\n' ' ')
equal "T.30 frames" "$frames" "CFR CSI DCN DCS DIS FCD MCF PPS RCP TSI "
like "the sender's identity in the clear text of TSI" "$(decode t30.FacsimileControl _ws.col.Info | grep -o 'TSI.*')" "Number:[+]493055100"

note "the check can fail: a call with damaged packets"
# Few octets, so that SIP still says which ports are T.38's.
damage_is_seen() {
    local seed capture=damaged
    for seed in 1 2 3 4 5; do
        editcap -E 0.003 -o 60 --seed "$seed" "$GW_TOP/call.pcapng" "$GW_TOP/damaged.pcapng" 2>/dev/null
        [[ $(bad_packets | wc -l) -gt 0 ]] && return
    done
    return 1
}
holds "bad packets are seen in it" damage_is_seen
gw_end
