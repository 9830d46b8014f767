#!/usr/bin/env bash
# Calls taken through in real time: gateways that have no T.38 and gateways that prefer it, with one
# between them that converts, both ways, with error correction and without; what it records, what it
# keeps where a copy is wanted, and how refusals, hang-ups and a dead line are carried across.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_make north +4930551 fax.reinvite_as_sender_after_ms=1500
gw_make east +4930553 fax.ecm=false
gw_make south +4930552 fax.t38=false
gw_make middle +4930559 fax.reinvite_as_sender_after_ms=1500 lines.count=2
for name in north east south middle; do gw_spawn "$name"; done
for name in north east south middle; do
    gw_wait_ready "$name"
    gw_provision "$name"
done

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

# to_middle NAME OTHER [OPTION...]: NAME reaches the numbers of OTHER by the one in the middle
to_middle() {
    gw_trunk "$1" "middle-$2" "${GW_ADDRESS[middle]}" "${GW_PORT[middle]}" --prefix "${GW_PREFIX[$2]}" "${@:3}"
}
may_reach() { # NAME OTHER: what NAME may do there
    admin middle grant add "trunk:$1" trunk --to "${GW_PREFIX[$2]}*" --mailbox office >/dev/null
    admin middle grant add "trunk:$1" bridge --to "${GW_PREFIX[$2]}*" >/dev/null
}
admin middle mailbox add kept --retention-days 30 --capture >/dev/null
admin middle grant add clerk receiver --mailbox kept >/dev/null
for name in north east south; do
    gw_trunk middle "$name" "${GW_ADDRESS[$name]}" "${GW_PORT[$name]}" --t38-first
    # Numbers 0 to 4 are taken through; of 3 and 4 a copy is kept.
    for n in 0 1 2 3 4; do
        mailbox=office
        ((n < 3)) || mailbox=kept
        admin middle number add "$(gw_number "$name" "$n")" --mailbox "$mailbox" --bridge "$name" >/dev/null
    done
done
to_middle north south --t38-first
to_middle north east --t38-first
to_middle south north
to_middle south east
to_middle east south
to_middle east north
for pair in "north south" "north east" "south north" "south east" "east south"; do
    # shellcheck disable=SC2086
    may_reach $pair
done
# It may bring faxes for these numbers, but not have them taken through.
admin middle grant add trunk:east trunk --to "${GW_PREFIX[north]}*" --mailbox office >/dev/null

# busy.py: a peer that is always busy, but rings for ever for numbers that end in 9; tells who calls
python3 - "${GW_ADDRESS[middle]}" "$GW_TOP/busy.callers" >"$GW_TOP/busy.port" 2>"$GW_TOP/busy.log" <<'PYTHON' &
import re, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
print(s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(65535)
    text = data.decode()
    if not text.startswith("INVITE "):
        continue
    caller = re.search(r"(?mi)^From: *(?:.*<)?sip:(.*?)@", text)
    private = "Privacy: id" if re.search(r"(?mi)^Privacy: id", text) else ""
    open(sys.argv[2], "a").write(f"{caller and caller[1]} {private}\n")
    status = "180 Ringing" if re.match(r"INVITE sip:\S*9@", text) else "486 Busy Here"
    keep = re.findall(r"(?mi)^(?:Via|From|To|Call-ID|CSeq):.*\r\n", text)
    keep = [h.rstrip() + (";tag=busy" if h.lower().startswith("to:") else "") + "\r\n" for h in keep]
    s.sendto((f"SIP/2.0 {status}\r\n" + "".join(keep) + "Content-Length: 0\r\n\r\n").encode(), peer)
PYTHON
GW_OTHERS+=($!)
until_true 10 test -s "$GW_TOP/busy.port"
gw_trunk middle busy "${GW_ADDRESS[middle]}" "$(<"$GW_TOP/busy.port")" --max-calls 1 --rewrite '+49>0'
admin middle number add "$(gw_number south 6)" --mailbox office --bridge busy >/dev/null
admin middle number add "$(gw_number south 7)" --mailbox office --bridge south >/dev/null
admin south number remove "$(gw_number south 7)" >/dev/null
admin middle number add "$(gw_number north 9)" --mailbox office --bridge north >/dev/null

# bridge_row FROM TO COLUMNS: of the call between these numbers at the one in the middle
bridge_row() {
    gw_sql middle "SELECT $3 FROM bridges WHERE from_number = '$1' AND to_number = '$2' ORDER BY bridge DESC LIMIT 1"
}
bridge_is_over() { [[ -n $(bridge_row "$1" "$2" ended_at) ]]; }
wait_bridge() { until_true 20 bridge_is_over "$1" "$2" || wrong "the call from $1 to $2 has no end"; }

for name in a b c d e busy unknown denied; do line_pdf "$GW_TOP/$name.pdf" "taken through, page of call $name"; done

note "five calls at once, each converted or relayed"
declare -A call=()
# begin KEY FROM N TO N
begin() { call[$1]=$(gw_send "$2" "$(gw_number "$2" "$3")" "$(gw_number "$4" "$5")" "$GW_TOP/$1.pdf"); }
begin a north 0 south 3 # T.38 to audio, with a copy
begin b south 1 north 0 # audio to T.38
begin c east 0 south 1  # T.38 to audio without ECM
begin d south 2 east 4  # audio to T.38 without ECM, with a copy
begin e north 1 east 3  # T.38 to T.38, without ECM as its receiver has none, with a copy

# check KEY FROM N TO N MEDIA ECM
check() {
    local from to got
    from=$(gw_number "$2" "$3") to=$(gw_number "$4" "$5")
    equal "$1: the sender's fax" "$(gw_wait_state "$2" "${call[$1]}" "$GW_ENDED" 75)" delivered
    until_true 20 gw_has_inbound "$4" "$to" || die "nothing came to $4"
    got=$(gw_inbound "$4" "$to")
    equal "$1: the receiver's fax" "$(gw_wait_state "$4" "$got" "$GW_ENDED" 20)" received
    clerk "$2" export --format pdf "${call[$1]}" >"$GW_TOP/sent.pdf"
    clerk "$4" export --format pdf "$got" >"$GW_TOP/got.pdf"
    equal "$1: pages" "$(pdf_pages "$GW_TOP/got.pdf")" 1
    equal "$1: pixels" "$(pixels "$GW_TOP/got.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
    wait_bridge "$from" "$to"
    equal "$1: what the one in the middle recorded" \
        "$(bridge_row "$from" "$to" "state, pages, rate, ecm, caller_media, called_media")" "completed|1|14400|$7|$6"
}
check a north 0 south 3 "t38|audio" 1
check b south 1 north 0 "audio|t38" 1
check c east 0 south 1 "t38|audio" 0
check d south 2 east 4 "audio|t38" 0
check e north 1 east 3 "t38|t38" 0

note "copies"
# copy KEY TO N: the one in the middle has what the receiver has
copy() {
    local to kept got
    to=$(gw_number "$2" "$3") got=$(gw_inbound "$2" "$to")
    until_true 20 gw_has_inbound middle "$to" || die "no copy of $1"
    kept=$(gw_inbound middle "$to")
    equal "$1: the copy" "$(gw_wait_state middle "$kept" "$GW_ENDED" 20)" received
    equal "$1: the copy's digest" "$(gw_fax middle "$kept" '.page_list[0].digest')" \
        "$(gw_fax "$2" "$got" '.page_list[0].digest')"
    equal "$1: its record" "$(gw_count_event middle bridge.captured "$kept")" 1
    clerk middle export --format pdf "$kept" >"$GW_TOP/kept.pdf"
    clerk "$2" export --format pdf "$got" >"$GW_TOP/got.pdf"
    equal "$1: the copy's pixels" "$(pixels "$GW_TOP/kept.pdf")" "$(pixels "$GW_TOP/got.pdf")"
}
copy a south 3
copy d east 4
copy e east 3
equal "no copy where none is wanted" "$(gw_inbound middle "$(gw_number north 0)")" ""

note "what is carried across, and what is not bridged"
begin busy north 2 south 6
begin unknown north 3 south 7
begin denied east 1 north 9
equal "busy" "$(gw_wait_state north "${call[busy]}" "$GW_ENDED" 30)" failed
equal "busy is carried across" "$(gw_fax north "${call[busy]}" '.attempts[0].sip_code')" 486
equal "an unknown number" "$(gw_wait_state north "${call[unknown]}" "$GW_ENDED" 30)" failed
equal "is carried across" "$(gw_fax north "${call[unknown]}" '.attempts[0].sip_code')" 404
wait_bridge "$(gw_number north 2)" "$(gw_number south 6)"
equal "its record" "$(bridge_row "$(gw_number north 2)" "$(gw_number south 6)" "state, sip_code")" "refused|486"

equal "a call that may not be taken through" "$(gw_wait_state east "${call[denied]}" "$GW_ENDED" 30)" failed
equal "is refused" "$(gw_fax east "${call[denied]}" '.attempts[0].sip_code')" 403
equal "with its record" "$(gw_count_event middle call.refused)" 1
equal "and is none" "$(bridge_row "$(gw_number east 1)" "$(gw_number north 9)" "count(*) OVER ()")" ""

note "the limits of the other trunk, and who calls"
caller=$(gw_number north 2)
equal "who calls, as the trunk wants it" "$(head -n 1 "$GW_TOP/busy.callers")" "0${caller#+49} "
admin middle number add "$(gw_number south 9)" --mailbox office --bridge busy >/dev/null
begin busy north 2 south 9
until_true 20 grep -q 2 <(sed 1d "$GW_TOP/busy.callers") || wrong "the trunk is not called"
begin denied north 1 south 6
equal "a call more than the trunk takes" "$(gw_wait_state north "${call[denied]}" "$GW_ENDED" 30)" failed
wait_bridge "$(gw_number north 1)" "$(gw_number south 6)"
like "why" "$(bridge_row "$(gw_number north 1)" "$(gw_number south 6)" reason)" 'has no room'
clerk north fax cancel "${call[busy]}" >/dev/null
wait_bridge "$(gw_number north 2)" "$(gw_number south 9)"
python3 - "${GW_ADDRESS[middle]}" "${GW_PORT[middle]}" "$(gw_number south 6)" >"$GW_TOP/private.port" 2>"$GW_TOP/private.log" <<'PYTHON' &
import os, socket, sys, time
address, port, number = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((address, 0))
here = f"{address}:{s.getsockname()[1]}"
print(s.getsockname()[1], flush=True)
go = os.path.dirname(os.readlink("/proc/self/fd/1")) + "/private.go"
while not os.path.exists(go):
    time.sleep(0.05)
sdp = (f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
       "m=audio 40000 RTP/AVP 8\r\n")
s.sendto((f"INVITE sip:{number}@{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKprivate\r\n"
          f"Max-Forwards: 70\r\nFrom: <sip:+49305557@{here}>;tag=private\r\nTo: <sip:{number}@{address}>\r\n"
          f"Call-ID: private@{address}\r\nCSeq: 1 INVITE\r\nContact: <sip:{here}>\r\nPrivacy: id\r\n"
          f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}").encode(), (address, port))
s.settimeout(20)
while not s.recv(65535).startswith(b"SIP/2.0 486"):
    pass
s.sendto((f"ACK sip:{number}@{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKprivate\r\n"
          f"Max-Forwards: 70\r\nFrom: <sip:+49305557@{here}>;tag=private\r\nTo: <sip:{number}@{address}>\r\n"
          f"Call-ID: private@{address}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n").encode(), (address, port))
PYTHON
private=$!
GW_OTHERS+=("$private")
until_true 10 test -s "$GW_TOP/private.port"
gw_trunk middle private "${GW_ADDRESS[middle]}" "$(<"$GW_TOP/private.port")"
admin middle grant add trunk:private trunk --to "${GW_PREFIX[south]}*" --mailbox office >/dev/null
admin middle grant add trunk:private bridge --to "${GW_PREFIX[south]}*" >/dev/null
touch "$GW_TOP/private.go"
holds "a call whose caller wants privacy" wait "$private"
equal "is shown so" "$(tail -n 1 "$GW_TOP/busy.callers")" "anonymous Privacy: id"

note "calls that break"
noise_pdf "$GW_TOP/long.pdf" 2
for name in left killed crashed; do cp "$GW_TOP/long.pdf" "$GW_TOP/$name.pdf"; done
in_page() { # KEY NAME
    gw_watch "$2" "${call[$1]}" "$GW_TOP/$1.watch"
    until_true 30 grep -q 'page' "$GW_TOP/$1.watch" || wrong "$1 does not come to its page: $(<"$GW_TOP/$1.watch")"
}
begin left north 4 south 0
begin killed north 5 south 1
begin crashed north 6 south 2
in_page left north
in_page killed north
in_page crashed north
clerk north fax cancel "${call[left]}" >/dev/null
wait_bridge "$(gw_number north 4)" "$(gw_number south 0)"
equal "a sender that leaves in its page" "$(bridge_row "$(gw_number north 4)" "$(gw_number south 0)" "state, pages")" "failed|0"
like "ends the receiver's call" "$(gw_wait_state south "$(gw_inbound south "$(gw_number south 0)")" "$GW_ENDED" 20)" '^failed$'

# The two calls are on two lines, as lines with the fewest calls take the next.
mapfile -t lines < <(gw_role middle line)
kill -KILL "${lines[0]}"
one_is_uncertain() { [[ $(gw_sql middle "SELECT count(*) FROM bridges WHERE state = 'uncertain'") -ge $1 ]]; }
until_true 20 one_is_uncertain 1 || wrong "no call became uncertain by its line's death"
equal "calls still open" "$(gw_sql middle "SELECT count(*) FROM bridges WHERE ended_at IS NULL")" 1
kill -KILL "$(gw_role middle control)"
sleep 1
gw_wait_ready middle
until_true 20 one_is_uncertain 2 || wrong "no call became uncertain by the restart"
equal "why" "$(gw_sql middle "SELECT reason FROM bridges WHERE state = 'uncertain' ORDER BY reason" | tr '\n' ';')" \
    "the gateway stopped during the call;the line process died;"
for key in killed crashed; do
    like "$key: the sender's fax" "$(gw_wait_state north "${call[$key]}" "$GW_ENDED" 60)" '^(failed|uncertain)$'
done
equal "calls without an end" "$(gw_sql middle "SELECT count(*) FROM bridges WHERE ended_at IS NULL")" 0
for name in north south middle; do gw_verify "$name"; done
gw_end
