#!/usr/bin/env bash
# Calls taken through in real time, all side by side: gateways that have no T.38 and gateways that
# prefer it, with one between them that converts, both ways, with error correction and without, in
# clear and protected on either side; what it records and tells, what it keeps where a copy is wanted,
# how refusals, hang-ups, rings of bridges and a dead line are carried across, and that a stop lets
# calls finish.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_authority house
# over_tls NAME PREFIX [KEY=VALUE...]: a gateway that has TLS as well, one port further
over_tls() {
    gw_configure "$@" "sip.tls_ca=$GW_TLS/house.ca" "sip.tls_certificate=$GW_TLS/$1.pem" "sip.tls_key_file=$GW_TLS/$1.key.pem"
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$1]}:$((GW_PORT[$1] + 1))/" "$GW_TOP/$1.yaml"
}
over_tls north +4930551 fax.reinvite_as_sender_after_ms=1500
gw_configure east +4930553 fax.ecm=false
over_tls south +4930552 fax.t38=false
over_tls middle +4930559 fax.reinvite_as_sender_after_ms=1500 media.secured_classes=locked stop.drain_timeout_ms=300000 \
    mail.out_relay=smtp://127.0.0.1:9 mail.out_tls=none mail.attachment_classes=default mail.out_retry_first_ms=500 mail.out_retry_most_ms=2000
gw_configure west +4930554 fax.t38=false lines.count=3
all=(north east south middle west)
gw_each gw_init "${all[@]}"
for name in north south middle; do gw_certificate "$name" house "IP:${GW_ADDRESS[$name]}" -days 1; done
for name in "${all[@]}"; do gw_spawn "$name"; done
for name in "${all[@]}"; do gw_wait_ready "$name"; done

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
until_true 60 test -s "$GW_TOP/busy.port"
cat >"$GW_TOP/asks.py" <<'PYTHON'
"""Calls: each line of input is a number and a header, each line of output what was answered at last."""
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((address, 0))
s.settimeout(60)
here = f"{address}:{s.getsockname()[1]}"
print(s.getsockname()[1], flush=True)
sdp = (f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
       "m=audio 40000 RTP/AVP 8\r\n")
for call, line in enumerate(sys.stdin):
    number, header = line.rstrip().split(" ", 1)
    def request(method, more):
        return (f"{method} sip:{number}@{address} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKasks{call}\r\n"
                f"From: <sip:+49305557@{here}>;tag=asks\r\nTo: <sip:{number}@{address}>\r\n"
                f"Call-ID: asks{call}@{address}\r\nCSeq: 1 {method}\r\nContact: <sip:{here}>\r\n{more}").encode()
    s.sendto(request("INVITE", f"{header}\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"),
             (address, port))
    while True:
        answer = s.recv(65535).decode().split("\r\n")[0]
        if answer[8:9] != "1":
            break
    s.sendto(request("ACK", "Content-Length: 0\r\n\r\n"), (address, port))
    print(answer, flush=True)
PYTHON
coproc ASKS { exec python3 "$GW_TOP/asks.py" "${GW_ADDRESS[middle]}" "${GW_PORT[middle]}" 2>"$GW_TOP/asks.log"; }
GW_OTHERS+=("$ASKS_PID")
read -r -t 60 asks_port <&"${ASKS[0]}" || die "the peer that asks does not start"
# ask NUMBER HEADER: what the one in the middle answers
ask() {
    local answer
    echo "$1 $2" >&"${ASKS[1]}"
    read -r -t 60 answer <&"${ASKS[0]}" || answer=nothing
    echo "$answer"
}

# through NAME OTHER WHERE [OPTION...]: NAME reaches the numbers of OTHER by WHERE
through() {
    gw_trunk "$1" "$3-$2" "${GW_ADDRESS[$3]}" "${GW_PORT[$3]}" --prefix "${GW_PREFIX[$2]}" "${@:4}"
}
# secured NAME TRUNK OTHER [OPTION...]: over TLS, and never with media in clear
secured() {
    gw_trunk "$1" "$2" "${GW_ADDRESS[$3]}" "$((GW_PORT[$3] + 1))" --transport tls --secured "${@:4}"
}
# may WHERE TRUNK NUMBERS [MAILBOX]: its calls for these numbers may be taken through there
may() {
    admin "$1" grant add "trunk:$2" trunk --to "$3" --mailbox "${4:-office}" >/dev/null
    admin "$1" grant add "trunk:$2" bridge --to "$3" >/dev/null
}
# leads WHERE NUMBER TARGET [MAILBOX]: it is taken through to the target
leads() { admin "$1" number add "$2" --mailbox "${4:-office}" --bridge "$3" >/dev/null; }

provide_north() {
    local n
    through north south middle --t38-first
    through north east middle --t38-first
    for n in 0 2; do
        gw_trunk north "west-$n" "${GW_ADDRESS[west]}" "${GW_PORT[west]}" --prefix "$(gw_number south $n)"
    done
    secured north middle-tls middle --prefix "$(gw_number south 5)" --t38-first
    secured north middle-safe middle --prefix "$(gw_number south 8)" --t38-first
    # A ring: what comes by TLS goes back in clear.
    admin north number remove "$(gw_number north 8)" >/dev/null
    leads north "$(gw_number north 8)" middle-south
    may north middle-tls "$(gw_number north 8)"
    may north middle-safe "$(gw_number north 8)"
}
provide_east() {
    through east south middle
    through east north middle
}
provide_south() {
    through south north middle
    through south east middle
    through south west middle
    secured south middle-tls middle --prefix "$(gw_number north 5)"
    secured south middle-safe middle --prefix "$(gw_number north 6)"
    secured south middle-half middle --prefix "$(gw_number north 7)"
    admin south number remove "$(gw_number south 7)" >/dev/null
    gw_trunk south west "${GW_ADDRESS[west]}" "${GW_PORT[west]}" --prefix "${GW_PREFIX[west]}9"
}
provide_west() {
    local n
    gw_trunk west middle "${GW_ADDRESS[middle]}" "${GW_PORT[middle]}"
    gw_trunk west south "${GW_ADDRESS[south]}" "${GW_PORT[south]}"
    gw_trunk west north "${GW_ADDRESS[north]}" "${GW_PORT[north]}"
    for n in 0 2; do
        leads west "$(gw_number south $n)" south
        may west north "$(gw_number south $n)"
    done
}
provide_middle() {
    local name n
    admin middle mailbox add kept --retention-days 30 --capture --mail-to anna@example.test --mail-form pdf >/dev/null
    admin middle mailbox add safe --retention-days 30 --class locked >/dev/null
    admin middle grant add clerk receiver --mailbox kept >/dev/null
    admin middle grant add clerk operator --mailbox kept >/dev/null
    for name in north east south; do
        gw_trunk middle "$name" "${GW_ADDRESS[$name]}" "${GW_PORT[$name]}" --t38-first
        # Numbers 1 to 4 are taken through; of 3 and 4 a copy is kept.
        for n in 1 2; do leads middle "$(gw_number "$name" $n)" "$name"; done
        for n in 3 4; do leads middle "$(gw_number "$name" $n)" "$name" kept; done
    done
    secured middle north-tls north --t38-first
    secured middle south-tls south --t38-first
    gw_trunk middle west "${GW_ADDRESS[west]}" "${GW_PORT[west]}"
    gw_trunk middle busy "${GW_ADDRESS[middle]}" "$(<"$GW_TOP/busy.port")" --max-calls 1 --rewrite '+49>0'
    gw_trunk middle asks "${GW_ADDRESS[middle]}" "$asks_port"
    leads middle "$(gw_number north 0)" north
    leads middle "$(gw_number north 9)" north
    leads middle "$(gw_number west 0)" west
    for n in 6 9; do leads middle "$(gw_number south $n)" busy; done
    leads middle "$(gw_number south 7)" south
    leads middle "$(gw_number north 5)" north
    leads middle "$(gw_number south 5)" south
    # Of a class that demands secured media; of the last one the other leg has none.
    leads middle "$(gw_number north 6)" north-tls safe
    leads middle "$(gw_number south 8)" south-tls safe
    leads middle "$(gw_number north 7)" north safe
    leads middle "$(gw_number north 8)" north-tls # the ring
    for name in north south asks south-tls north-tls; do may middle $name '+4930*'; done
    for name in south-tls north-tls; do
        admin middle grant add "trunk:$name" trunk --to '+4930*' --mailbox safe >/dev/null
    done
    may middle east "${GW_PREFIX[south]}*"
    # It may bring faxes for these numbers, but not have them taken through.
    admin middle grant add trunk:east trunk --to "${GW_PREFIX[north]}*" --mailbox office >/dev/null
}
provide() {
    case $1 in # how many numbers it has itself
        middle) GW_NUMBERS=0 ;;
        west) GW_NUMBERS=1 ;;
        east) GW_NUMBERS=5 ;;
    esac
    gw_provision "$1"
    "provide_$1"
}
gw_each provide "${all[@]}"

# bridge_row WHERE FROM TO COLUMNS: of the call between these numbers at that gateway
bridge_row() {
    gw_sql "$1" "SELECT $4 FROM bridges WHERE from_number = '$2' AND to_number = '$3' ORDER BY bridge DESC LIMIT 1"
}
bridge_is_over() { [[ -n $(bridge_row "$1" "$2" "$3" ended_at) ]]; }
wait_bridge() { until_true 120 bridge_is_over "$1" "$2" "$3" || wrong "the call from $2 to $3 has no end"; }

declare -A call=() from=() to=() where=()
# begin KEY FROM N TO N: a fax between these numbers
begin() {
    from[$1]=$(gw_number "$2" "$3") to[$1]=$(gw_number "$4" "$5") where[$1]="$2 $4"
    call[$1]=$(gw_send "$2" "${from[$1]}" "${to[$1]}" "$GW_TOP/$1.pdf")
}
# Five minutes each: they must not end before their turn comes, however slow all else is.
noise_pdf "$GW_TOP/page.pdf" 1
for name in left killed crashed; do
    pdfunite "$GW_TOP"/{page,page,page,page,page,page,page,page,page,page,page,page}.pdf "$GW_TOP/$name.pdf"
done
for name in a b c d e f g h i j k busy rings unknown denied full; do line_pdf "$GW_TOP/$name.pdf" "taken through, page of call $name"; done

note "all calls at once, each converted, relayed or passed on"
begin killed north 5 south 0  # audio to audio, by the gateway in the west
one_at_west() { [[ $(gw_sql west "SELECT count(*) FROM bridges") == 1 ]]; }
until_true 120 one_at_west || wrong "the first call does not come"
begin crashed north 6 south 2 # likewise
begin j south 5 west 0        # audio to audio
begin a north 0 south 3       # T.38 to audio, with a copy
begin b south 1 north 0       # audio to T.38
begin c east 0 south 1        # T.38 to audio without ECM
begin d south 2 east 4        # audio to T.38 without ECM, with a copy
begin e north 1 east 3        # T.38 to T.38, without ECM as its receiver has none, with a copy
begin f north 2 south 5       # T.38 over DTLS to audio in clear
begin g south 3 north 5       # audio over SRTP to T.38 in clear
begin h south 4 north 6       # audio over SRTP to T.38 over DTLS, as the class demands
begin k north 3 south 8       # T.38 over DTLS to audio over SRTP, likewise
begin left north 4 south 4    # its sender leaves in the page

note "what is carried across, and what is not bridged"
begin busy north 7 south 6
begin unknown north 9 south 7
begin denied east 1 north 9
begin i south 6 north 7 # the class demands more than the other leg has
equal "busy" "$(gw_wait_state north "${call[busy]}" "$GW_ENDED" 120)" failed
equal "busy is carried across" "$(gw_fax north "${call[busy]}" '.attempts[0].sip_code')" 486
equal "an unknown number" "$(gw_wait_state north "${call[unknown]}" "$GW_ENDED" 120)" failed
equal "is carried across" "$(gw_fax north "${call[unknown]}" '.attempts[0].sip_code')" 404
equal "a call that may not be taken through" "$(gw_wait_state east "${call[denied]}" "$GW_ENDED" 120)" failed
equal "is refused" "$(gw_fax east "${call[denied]}" '.attempts[0].sip_code')" 403
equal "a leg less protected than the class demands" "$(gw_wait_state south "${call[i]}" "$GW_ENDED" 120)" failed
equal "is refused" "$(gw_fax south "${call[i]}" '.attempts[0].sip_code')" 488

note "the limits of the other trunk, and who calls"
equal "who calls, as the trunk wants it" "$(head -n 1 "$GW_TOP/busy.callers")" "0${from[busy]#+49} "
begin rings north 7 south 9
rings() { [[ $(wc -l <"$GW_TOP/busy.callers") -ge 2 ]]; }
until_true 120 rings || wrong "the trunk is not called"
begin full north 9 south 6
equal "a call more than the trunk takes" "$(gw_wait_state north "${call[full]}" "$GW_ENDED" 120)" failed
clerk north fax cancel "${call[rings]}" >/dev/null
until_true 120 bridge_is_over middle "${from[rings]}" "${to[rings]}" || wrong "a call that rang has no end"
equal "a call whose caller wants privacy" "$(ask "$(gw_number south 6)" "Privacy: id")" "SIP/2.0 486 Busy Here"
equal "is shown so" "$(tail -n 1 "$GW_TOP/busy.callers")" "anonymous Privacy: id"

note "a ring of two gateways"
equal "it ends" "$(ask "$(gw_number north 8)" "Max-Forwards: 5")" "SIP/2.0 483 Too Many Hops"

note "the one in the middle is stopped: the calls go on, no others are taken"
open=$(gw_sql middle "SELECT count(*) FROM bridges WHERE ended_at IS NULL")
holds "calls under way: $open" test "$open" -ge 1 # most of them, unless the machine is very busy
kill -TERM "${GW_PID[middle]}"
late=$(ask "$(gw_number south 6)" "X-Call: late")
like "one more call" "$late" '^(SIP/2.0 503|nothing)'

note "calls that break"
in_page() { # KEY NAME
    rm -f "$GW_TOP/$1.watch"
    gw_watch "$2" "${call[$1]}" "$GW_TOP/$1.watch"
    until_true 180 grep -q 'page' "$GW_TOP/$1.watch" || wrong "$1 does not come to its page: $(<"$GW_TOP/$1.watch")"
}
in_page killed north
in_page crashed north
# Audio that a busy machine sends late may end a call before its turn has come: then it is made again.
for _ in 1 2 3; do
    [[ $(gw_sql west "SELECT count(*) FROM bridges WHERE ended_at IS NULL") != 2 ]] || break
    for key in "killed 5 0" "crashed 6 2"; do
        read -r key one other <<<"$key"
        [[ $(gw_fax north "${call[$key]}" .state) =~ ^($GW_ENDED)$ ]] || continue
        echo "$key: again, after: $(gw_fax north "${call[$key]}" .reason)"
        begin "$key" north "$one" south "$other"
        in_page "$key" north
    done
done
uncertain() { [[ $(gw_sql west "SELECT count(*) FROM bridges WHERE state = 'uncertain'") -ge $1 ]]; }
# Each call is on a line of its own, as lines with the fewest calls take the next; a third has none.
mapfile -t lines < <(gw_role west line)
for line in "${lines[@]}"; do
    kill -KILL "$line"
    ! until_true 20 uncertain 1 || break
done
until_true 120 uncertain 1 || wrong "no call became uncertain by its line's death"
equal "calls still open" "$(gw_sql west "SELECT count(*) FROM bridges WHERE ended_at IS NULL")" 1

# check KEY: what came is what was sent
check() {
    local a=${where[$1]% *} b=${where[$1]#* } got
    equal "$1: the sender's fax" "$(gw_wait_state "$a" "${call[$1]}" "$GW_ENDED" 180)" delivered
    until_true 120 gw_has_inbound "$b" "${to[$1]}" || die "nothing came to $b"
    got=$(gw_inbound "$b" "${to[$1]}")
    equal "$1: the receiver's fax" "$(gw_wait_state "$b" "$got" "$GW_ENDED" 120)" received
    [[ $1 != [ghk] ]] || return 0 # others go the same ways
    clerk "$a" export --format pdf "${call[$1]}" >"$GW_TOP/$1.sent"
    clerk "$b" export --format pdf "$got" >"$GW_TOP/$1.got"
    equal "$1: pages" "$(pdf_pages "$GW_TOP/$1.got")" 1
    equal "$1: pixels" "$(pixels "$GW_TOP/$1.got")" "$(pixels "$GW_TOP/$1.sent")"
}
check j # the one that comes to the west
kill -KILL "$(gw_role west control)"
in_page left north
clerk north fax cancel "${call[left]}" >/dev/null
like "a sender that leaves in its page ends the receiver's call" \
    "$(gw_wait_state south "$(gw_inbound south "${to[left]}")" "$GW_ENDED" 120)" '^(failed|partial)$'
# Asking costs as much as calls do: so for one at a time until all are over.
for key in a b c d e f g h k; do gw_wait_state "${where[$key]% *}" "${call[$key]}" "$GW_ENDED" 180 >/dev/null; done
gw_checks check a b c d e f g h k
gw_reap middle
equal "the gateway stopped when they were over" "$GW_STATUS" 0
gw_start middle

note "what the one in the middle recorded"
# recorded KEY MEDIA ECM: of a call that was completed
recorded() {
    equal "$1: record" "$(bridge_row middle "${from[$1]}" "${to[$1]}" "state, pages, rate, ecm, caller_media, called_media")" \
        "completed|1|14400|$3|$2"
}
recorded a "t38|audio" 1
recorded b "audio|t38" 1
recorded c "t38|audio" 0
recorded d "audio|t38" 0
recorded e "t38|t38" 0
recorded f "t38|audio" 1
recorded g "audio|t38" 1
recorded h "audio|t38" 1
recorded k "t38|audio" 1
equal "j: record" "$(bridge_row middle "${from[j]}" "${to[j]}" "state, pages, caller_media, called_media")" "unobserved|0|audio|audio"
# protected KEY CALLER CALLED: patterns of what protected the legs
protected() {
    local bridge
    bridge=$(bridge_row middle "${from[$1]}" "${to[$1]}" bridge)
    like "$1: protection" "$(gw_sql middle "SELECT record->>'caller_protection', record->>'called_protection' FROM audit_record
        WHERE event = 'bridge.ended' AND fax = '$bridge'")" "^$2\|$3\$"
}
dtls='DTLSv1\.2 [A-Z0-9-]+' srtp='SRTP AEAD_AES_256_GCM'
protected a '' ''
protected f "$dtls" ''
protected g "$srtp" ''
protected h "$srtp" "$dtls"
protected k "$dtls" "$srtp"
# reason KEY STATE PATTERN
reason() {
    like "$1: record" "$(bridge_row middle "${from[$1]}" "${to[$1]}" "state, reason")" "^$2\|$3"
}
reason left '(failed|partial)' '.*he call was hung up before the fax ended\. \(the caller ended the call\)$'
reason busy refused 'The number is busy\. \(the other leg: 486 '
reason unknown refused 'The number is not known; check it\. \(the other leg: 404 '
reason full refused 'This gateway did not take the call through\. .*has no room'
reason rings cancelled 'The caller hung up before the call was answered\.'
reason i refused "This gateway did not take the call through\. \(class 'locked' demands secured media, and the called leg has no TLS signalling"
equal "what may not be taken through is none" "$(bridge_row middle "${from[denied]}" "${to[denied]}" "count(*) OVER ()")" ""
equal "and has its record" "$(gw_sql middle "SELECT count(*) FROM audit_record WHERE event = 'call.refused' AND record->>'sip_code' = '403'")" 1
equal "the ring, here" "$(gw_sql middle "SELECT count(*), min(sip_code), max(sip_code) FROM bridges WHERE to_number = '$(gw_number north 8)'")" "3|483|483"
equal "the ring, there" "$(gw_sql north "SELECT count(*), min(sip_code), max(sip_code) FROM bridges")" "2|483|483"

note "copies and traces"
# copy KEY: the one in the middle has what the receiver has, and a trace of both legs
copy() {
    local b=${where[$1]#* } kept got
    kept=$(gw_inbound middle "${to[$1]}") got=$(gw_inbound "$b" "${to[$1]}")
    equal "$1: the copy" "$(gw_wait_state middle "$kept" "$GW_ENDED" 120)" received
    equal "$1: the copy's digest" "$(gw_fax middle "$kept" '.page_list[0].digest')" "$(gw_fax "$b" "$got" '.page_list[0].digest')"
    equal "$1: its record" "$(gw_count_event middle bridge.captured "$kept")" 1
    clerk middle export --format pdf "$kept" >"$GW_TOP/$1.kept"
    equal "$1: the copy's pixels" "$(pixels "$GW_TOP/$1.kept")" "$(pixels "$GW_TOP/$1.got")"
    trace "$1"
    equal "$1: verdict" "$(sed -n 's/^verdict *//p' "$GW_TOP/$1.trace")" '1 page passed and was confirmed.'
}
trace() { clerk middle fax trace "$(gw_inbound middle "${to[$1]}")" >"$GW_TOP/$1.trace" 2>&1 || wrong "$1 has no trace: $(<"$GW_TOP/$1.trace")"; }
# rungs KEY PATTERN...: rungs of the ladder, in this order
rungs() {
    local pattern at=0 found
    for pattern in "${@:2}"; do
        found=$(grep -nE -- "$pattern" "$GW_TOP/$1.trace" | cut -d : -f 1 | awk -v at="$at" '$1 > at' | head -n 1) || true
        if [[ -z $found ]]; then
            wrong "$1: no rung '$pattern' below line $at"
            cat "$GW_TOP/$1.trace" >&2
            return
        fi
        at=$found
    done
    echo "ok: $1: the ladder"
}
gw_checks copy a d e
# There is no relay, but until it is asked all is done that a mail needs.
mailed() {
    gw_sql middle "SELECT string_agg(record->>'event' || coalesce(' ' || (record->>'form'), ''), ', ' ORDER BY index)
        FROM audit_record WHERE fax = '$1' AND (event IN ('mail.queued', 'fax.mailed') OR record->>'purpose' = 'mail')"
}
is_mailed() { [[ $(mailed "$1") =~ ^'mail.queued pdf, fax.mailed pdf, key.used' ]]; }
for key in a d; do holds "$key: its copy goes out by mail" until_true 120 is_mailed "$(gw_inbound middle "${to[$key]}")"; done
rungs a 'caller \|<--- INVITE \(1\)' 'called \|---- INVITE \(1\)' 'called \|<--- 200 to INVITE \(1\)' 'caller \|---- 200 to INVITE' \
    'called \|<--- first packet' 'called \|<--- DIS 14400' 'caller \|<--- DCS 14400 bit/s V\.17 ECM' 'called \|<--- CFR' \
    'trained: 14400 bit/s' 'page 1 begins' 'caller \|<--- PPS-EOP page 1' 'called \|<--- MCF' 'page 1 confirmed' \
    'caller \|<--- DCN' 'caller \|<--- BYE'
rungs e 'caller .*T\.38 agreed' 'called \|<--- DIS' 'caller \|<--- DCS' 'called \|<--- CFR' 'caller \|<--- EOP' 'called \|<--- MCF'
trace left
rungs left 'verdict .*he call was hung up before' 'caller \|<--- DCS' 'caller \|<--- BYE' 'called \|---- BYE'
holds "no whole number in them" test -z "$(grep -E '4930551|4930552|4930553' "$GW_TOP"/{a,d,e,left}.trace)"
note "without a copy the trace alone is kept"
# alone KEY PATTERN: the fax of its trace: no pages, kept as long as its mailbox says; and the verdict
alone() {
    local kept
    kept=$(gw_inbound middle "${to[$1]}")
    like "$1: what is kept" "$(gw_fax middle "$kept" .state .pages .reason)" "^bridged 0 ?$2"
    trace "$1"
    like "$1: verdict" "$(sed -n 's/^verdict *//p' "$GW_TOP/$1.trace")" "$2"
}
alone c '1 page passed and was confirmed\.'
alone f '1 page passed and was confirmed\.'
equal "h: of a mailbox that is not the clerk's" "$(gw_inbound middle "${to[h]}")" ""
alone busy 'The number is busy\.'
alone unknown 'The number is not known; check it\.'
alone rings 'The caller hung up before the call was answered\.'
rungs c 'caller \|<--- INVITE' 'called \|---- INVITE' 'called \|<--- DIS' 'caller \|<--- EOP' 'called \|<--- MCF' 'caller \|<--- BYE'
rungs busy 'called \|<--- 486 to INVITE' 'caller \|---- 486 to INVITE'
equal "each is due as its mailbox says" "$(gw_sql middle "SELECT count(*) FROM faxes WHERE state = 'bridged' AND
    disposal_at BETWEEN now() + interval '89 days' AND now() + interval '91 days'")" "$(gw_sql middle "SELECT count(*) FROM bridges
    WHERE mailbox = 'office' AND state <> 'uncertain'")"

note "what became of the calls that broke"
gw_wait_ready west
until_true 120 uncertain 2 || wrong "no call became uncertain by the restart"
equal "why" "$(gw_sql west "SELECT reason FROM bridges WHERE state = 'uncertain' ORDER BY reason" | tr '\n' ';')" \
    "Pages may have passed without our knowing; ask the receiver. (the line process died);the gateway stopped during the call;"
for key in killed crashed; do
    like "$key: the sender's fax" "$(gw_wait_state north "${call[$key]}" "$GW_ENDED" 180)" '^(failed|uncertain|partial)$'
done
for name in middle west north; do
    equal "calls without an end at $name" "$(gw_sql "$name" "SELECT count(*) FROM bridges WHERE ended_at IS NULL")" 0
    gw_verify "$name"
done
gw_verify south
gw_end
