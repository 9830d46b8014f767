#!/usr/bin/env bash
# Calls taken through in real time: gateways that have no T.38 and gateways that prefer it, with one
# between them that converts, both ways, with error correction and without; what it records, what it
# keeps where a copy is wanted, and how refusals, hang-ups and a dead line are carried across.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_make north +4930551 fax.reinvite_as_sender_after_ms=1500
gw_make middle +4930559 fax.reinvite_as_sender_after_ms=1500
gw_make south +4930552 fax.t38=false
for name in north middle south; do gw_spawn "$name"; done
for name in north middle south; do
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

# through FROM TO N: number N of TO, called by FROM, is taken through by the one in the middle
through() {
    admin middle number add "$(gw_number "$2" "$3")" --mailbox "${4:-office}" --bridge "$2" >/dev/null
}
# to_middle NAME OTHER: NAME reaches the numbers of OTHER by the one in the middle
to_middle() {
    gw_trunk "$1" middle "${GW_ADDRESS[middle]}" "${GW_PORT[middle]}" --prefix "${GW_PREFIX[$2]}" "${@:3}"
}
from_middle() { # NAME OTHER: what NAME may do there
    gw_trunk middle "$1" "${GW_ADDRESS[$1]}" "${GW_PORT[$1]}" --prefix "${GW_PREFIX[$1]}"
    admin middle grant add "trunk:$1" trunk --to "${GW_PREFIX[$2]}*" --mailbox office >/dev/null
    admin middle grant add "trunk:$1" bridge --to "${GW_PREFIX[$2]}*" >/dev/null
}
to_middle north south --t38-first
to_middle south north
from_middle north south
from_middle south north
for n in 0 1 2 3; do
    through north south "$n"
    through south north "$n"
done

line_pdf "$GW_TOP/there.pdf" "taken through to the south"
line_pdf "$GW_TOP/back.pdf" "taken through to the north"

note "both ways at once"
there=$(gw_send north "$(gw_number north 0)" "$(gw_number south 0)" "$GW_TOP/there.pdf")
back=$(gw_send south "$(gw_number south 1)" "$(gw_number north 1)" "$GW_TOP/back.pdf")
equal "from T.38 to audio" "$(gw_wait_state north "$there" "$GW_ENDED" 75)" delivered
equal "from audio to T.38" "$(gw_wait_state south "$back" "$GW_ENDED" 75)" delivered
gw_sql middle "select state, reason, pages, rate, ecm, caller_media, called_media, seconds, from_number, to_number from bridges"
gw_fax north "$there" .
gw_fax south "$back" .
gw_end
