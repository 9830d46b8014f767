#!/bin/bash
# Office documents through LibreOffice in a real, sandboxed render process: harmless ones become pages,
# hostile ones are refused before LibreOffice sees them, and nothing is left of any.
set -euo pipefail

program=$BUILD_DIR/tests/render_document_prog
directory=$(mktemp -d)
listener=
trap '[[ -z $listener ]] || kill "$listener" 2>/dev/null; rm -rf "$directory"' EXIT
cd "$directory"
failed=0

complain() { # complain WHAT EXPECTED FOUND
    printf 'not so: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "${3:0:400}"
    failed=1
}
# nothing_left: no directory of a render of this test's
nothing_left() {
    local left
    left=$(find /dev/shm -maxdepth 1 -name "sealfax-driver-$1*")
    [[ -z $left ]] || complain "after $2" 'nothing left' "$(find "$left" | head -n 5)"
}
# limited WHAT CONFIGURATION FILE: what the program says about it begins with WHAT
limited() {
    local what=$1 configuration=$2 found pid
    shift 2
    "$program" pages "$1" "$configuration" >said 2>log &
    pid=$!
    wait $pid || true
    found=$(<said)
    [[ $found == "$what"* ]] || complain "$* $configuration" "$what" "$found $(<log)"
    nothing_left $pid "$*"
}
expect() { limited "$1" '' "$2"; }

# Whoever connects to it leaves a file.
cat >listener.py <<'PY'
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()
open("called", "w").close()
PY
python3 listener.py >port &
listener=$!
for _ in {1..600}; do
    [[ ! -s port ]] || break
    sleep 0.1
done
python3 "$SOURCE_DIR/tests/data/make_office.py" "$directory" "$(<port)"

# Words arrive on the page; a command's render runs as nobody.
"$SEALFAX" render --out letter letter.docx >table
found=$(tesseract letter/page-0001.png - 2>/dev/null | tr -s ' \n' ' ')
[[ $found == *'the quick brown fox jumps over the lazy dog'* ]] || complain 'letter.docx' 'the quick brown fox…' "$found"
[[ -z $(find /dev/shm -maxdepth 1 -name 'sealfax-render-*') ]] || complain 'after sealfax render' 'nothing left' "$(find /dev/shm/sealfax-render-*)"
expect 'pages 1' sheet.xlsx
# Several in one fax, each with a place of its own again.
printf 'Text.\n' >text.txt
found=$("$program" wish note.rtf text.txt open.odt | tr '\n' ';')
[[ $found == 'pages 3;'* ]] || complain 'three kinds' 'pages 3' "$found"
# What lies elsewhere is not fetched.
expect 'pages 1' linked.docx
[[ ! -e called ]] || complain 'linked.docx' 'no connection' 'a connection'

expect 'failed 0 the Office document has macros' macro.docm
expect 'failed 0 the Office document has macros' hidden_macro.docx
expect 'failed 0 the Office document has macros' macro.odt
expect 'failed 0 the Office document unpacks to more than 256 MiB' bomb.docx
expect 'failed 0 the Office document unpacks to more than 200 times its size' ratio.docx
expect 'failed 0 the Office document has more than 10000 parts' parts.docx
expect 'failed 0 the Office document is damaged' cut.docx
expect 'failed 0 a program, not a PDF, TIFF, PNG, JPEG, Office or text document' program.docx
expect 'failed 0 LibreOffice cannot read the document' odd.docx
[[ -e /usr/lib/libreoffice/program/libsdlo.so ]] ||
    expect 'failed 0 Office documents of this kind cannot be taken, make a PDF of it: libreoffice-impress-nogui' slides.pptx
limited 'failed 0 LibreOffice takes longer than 1 s for the document' 'render: {wall_limit_ms: 1000}' long.docx
limited 'failed 0 LibreOffice takes more than 1 s of processor time' 'render: {cpu_limit_s: 1}' long.docx

# LibreOffice dies in the middle, or as soon as it starts.
"$program" pages long.docx >said 2>log &
pid=$!
killed=0
while [[ -e /proc/$pid/exe ]]; do
    while read -r office; do
        kill -9 "$office" 2>/dev/null && killed=1
    done < <(grep -ls "sealfax-drive[r]-$pid/" /proc/[0-9]*/cmdline | cut -d / -f 3)
    sleep 0.05
done
((killed)) || complain 'LibreOffice' 'killed' 'not found'
wait $pid || true
[[ $(<said) == 'failed 0 LibreOffice was killed from outside'* ]] ||
    complain 'LibreOffice killed' 'failed 0 LibreOffice was killed from outside' "$(<said)"
nothing_left $pid 'LibreOffice was killed'
exit "$failed"
