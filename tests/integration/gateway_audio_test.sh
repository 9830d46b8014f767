#!/usr/bin/env bash
# Faxes between two gateways of which one has no T.38: they go over G.711, both ways at once, sealed
# and confirmed by the same rules, and what is on the wire is well-formed to Wireshark.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

# North would wait long before it asks for T.38: it does when it hears the other machine, as receiver the
# calling one (CNG), as sender the answering one (CED).
gw_up north +4930551 fax.reinvite_as_sender_after_ms=20000 fax.reinvite_after_ms=20000
gw_up south +4930552 fax.t38=false
gw_connect north south
gw_trunk north south2 "${GW_ADDRESS[south]}" "${GW_PORT[south]}" --prefix "$(gw_number south 2)" --no-audio-fallback
line_pdf() { # FILE TEXT: a page of one line of text
    python3 - "$1" "$2" <<'PYTHON'
import sys
text = f"BT /F 36 Tf 60 420 Td ({sys.argv[2]}) Tj ET"
objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 1 /Kids [ 3 0 R ] >>",
           "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font "
           "<< /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
           f"<< /Length {len(text)} >> stream\n{text}\nendstream"]
out, offsets = "%PDF-1.4\n", []
for i, body in enumerate(objects):
    offsets.append(len(out))
    out += f"{i + 1} 0 obj {body}\nendobj\n"
start = len(out)
out += "xref\n0 5\n0000000000 65535 f \n" + "".join(f"{o:010d} 00000 n \n" for o in offsets)
out += f"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
open(sys.argv[1], "w").write(out)
PYTHON
}
line_pdf "$GW_TOP/there.pdf" "over audio to the south"
line_pdf "$GW_TOP/back.pdf" "over audio to the north"

note "one fax each way, captured"
dumpcap -q -i lo -f "udp and host ${GW_ADDRESS[north]} and host ${GW_ADDRESS[south]}" -w "$GW_TOP/call.pcapng" \
    >"$GW_TOP/dumpcap.log" 2>&1 &
GW_OTHERS+=($!)
dumpcap=$!
until_true 120 grep -qs '^File: ' "$GW_TOP/dumpcap.log" || { cat "$GW_TOP/dumpcap.log"; die "dumpcap does not capture"; }
there=$(gw_send north "$(gw_number north 0)" "$(gw_number south 0)" "$GW_TOP/there.pdf")
back=$(gw_send south "$(gw_number south 1)" "$(gw_number north 1)" "$GW_TOP/back.pdf")
refused=$(gw_send north "$(gw_number north 2)" "$(gw_number south 2)" "$GW_TOP/there.pdf")
equal "to the side without T.38" "$(gw_wait_state north "$there" "$GW_ENDED" 120)" delivered
equal "from the side without T.38" "$(gw_wait_state south "$back" "$GW_ENDED" 120)" delivered
sleep 1
kill -INT "$dumpcap"
wait "$dumpcap" || true

# check SENDER ID RECEIVER NUMBER
check() {
    local got
    until_true 120 gw_has_inbound "$3" "$4" || die "nothing came to $3"
    got=$(gw_inbound "$3" "$4")
    equal "$3 has the fax" "$(gw_wait_state "$3" "$got" "$GW_ENDED" 120)" received
    equal "the attempt at the sender" \
        "$(gw_fax "$1" "$2" '.attempts[0].media' '.attempts[0].t30_result' '.attempts[0].rate' '.attempts[0].ecm')" \
        "audio 0 14400 true"
    equal "the attempt at the receiver" "$(gw_fax "$3" "$got" '.attempts[0].media' '.attempts[0].t30_result')" "audio 0"
    like "the fallback is in the log of $1" "$(gw_count_event "$1" media.fallback "$2")" '^1$'
    like "the fallback is in the log of $3" "$(gw_count_event "$3" media.fallback "$got")" '^1$'
    clerk "$1" export --format pdf "$2" >"$GW_TOP/sent.pdf"
    clerk "$3" export --format pdf "$got" >"$GW_TOP/got.pdf"
    equal "pages that came to $3" "$(pdf_pages "$GW_TOP/got.pdf")" 1
    equal "pixels at $3" "$(pixels "$GW_TOP/got.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
}
check north "$there" south "$(gw_number south 0)"
check south "$back" north "$(gw_number north 1)"
like "fax show names the media" "$(clerk north fax show "$there")" 'MEDIA.*audio'

note "T.38 was asked for because of the tones"
# tones ID PATTERN: at north the rung comes after those of the tones, and long before its time. The line sees the
# tones, control the call: in the same millisecond either may stand first.
tones() {
    local trace="$GW_TOP/$1.trace" at
    traced() { clerk north fax trace "$1" >"$trace" 2>&1; }
    until_true 60 traced "$1" || wrong "no trace: $(<"$trace")"
    at=$(awk -v rung="$2" '/tones of a fax machine/ && !heard { heard = $1 } $0 ~ rung { rungs[++n] = $1 }
        END { for (i = 1; i <= n && heard; i++) if (rungs[i] > heard - 0.05) { print rungs[i]; exit } }' "$trace")
    like "after the tones '$2', at so many seconds" "$at" '^[0-9]\.|^1[0-4]\.'
    [[ -n $at ]] || cat "$trace"
}
tones "$there" '---- INVITE'
tones "$(gw_inbound north "$(gw_number north 1)")" '---- INVITE'

note "what Wireshark sees"
# A refused offer of T.38 makes Wireshark take the ports for T.38 from then on: it is told what they are.
as=(-d "udp.port==${GW_PORT[north]},sip" -d "udp.port==${GW_PORT[south]},sip" --disable-protocol t38)
decode() {
    local arguments=() field
    for field in "${@:2}"; do arguments+=(-e "$field"); done
    tshark -n -r "$GW_TOP/call.pcapng" "${as[@]}" \
        -2 -Y "$1" -T fields "${arguments[@]}" 2>"$GW_TOP/tshark.log"
}
count() { decode "$1" frame.number | wc -l; }
for port in $(decode sdp sdp.media.port | tr , '\n' | sort -u); do as+=(-d "udp.port==$port,rtp"); done
equal "malformed packets" "$(count '_ws.malformed || _ws.short || _ws.expert.severity == "Error"')" 0
equal "packets that are neither SIP nor RTP" "$(count '!sip && !rtp && !rtcp')" 0
holds "RTP flowed" test "$(count rtp)" -gt 1000
equal "payload types" "$(decode rtp rtp.p_type | sort -u | tr '\n' ' ')" "8 "
equal "octets of a packet" "$(decode rtp udp.length | sort -u | tr '\n' ' ')" "180 "
# The trunk that may not use audio is said nothing, but says something.
equal "streams" "$(decode rtp rtp.ssrc | sort -u | wc -l)" 5
like "T.38 was refused" "$(decode 'sip.Status-Code == 488' sip.Status-Code | sort -u)" '^488$'

note "a trunk that may not use audio"
equal "without T.38 it fails" "$(gw_wait_state north "$refused" "$GW_ENDED" 60)" failed
like "with the reason" "$(gw_fax north "$refused" .reason)" 'T.38'
gw_verify north
gw_verify south
gw_end
