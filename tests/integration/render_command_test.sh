#!/bin/bash
# `sealfax render`: pages as they would be faxed, without a gateway, and one sentence about every bad input.
set -euo pipefail

data=$SOURCE_DIR/tests/data
directory=$(mktemp -d)
trap 'chmod -R u+w "$directory"; rm -rf "$directory"' EXIT
cd "$directory"
export SEALFAX_SOCKET=$directory/none
failed=0

complain() { # complain WHAT EXPECTED FOUND
    printf 'not so: %s\n  expected: %s\n  found:    %s\n' "$1" "$2" "${3:0:400}"
    failed=1
}
# refused CODE WHAT ARGUMENT...: nothing on standard output, one line that begins with WHAT
refused() {
    local code=$1 what=$2 found status=0
    shift 2
    found=$("$SEALFAX" render "$@" 2>&1 >output) || status=$?
    if [[ $status != "$code" || $(head -n 1 <<<"$found") != "sealfax: $what"* || -s output ]] ||
        { [[ $code == 1 ]] && (($(wc -l <<<"$found") != 1)); }; then
        complain "$*" "$code $what" "$status $found"
    fi
}

# What it writes, and what it says about it.
"$SEALFAX" render --out one "$data/text_a4.pdf" >said
[[ $(ls one) == page-0001.png ]] || complain 'files' page-0001.png "$(ls one)"
[[ $(stat -c %a one/page-0001.png) == 600 ]] || complain 'mode' 600 "$(stat -c %a one/page-0001.png)"
grep -q '^page-0001.png  *1728 × 2292 ' said || complain 'table' 'page-0001.png 1728 × 2292' "$(cat said)"
"$SEALFAX" render --out many --format tiff --json --rate 9600 --pages 2-4 --header 'Example, +49301' \
    "$data/text_a4.pdf" "$data/form.pdf" - <"$data/letter.tif" >said.json
[[ $(ls many) == pages.tif ]] || complain 'files' pages.tif "$(ls many)"
found=$(jq -c '[.rate, (.pages | length), .pages[0].width, .pages[0].y_dpi, .pages[0].codings.t6.octets > 1000,
    .pages[0].codings.t4_1d.ms > .pages[0].codings.t6.ms, .pages[0].codings.t6.ms > .pages[0].codings.t85.ms,
    .call_ms.t6 > ([.pages[].codings.t6.ms] | add)]' said.json)
[[ $found == '[9600,3,1728,196,true,true,true,true]' ]] || complain 'JSON' '[9600,3,1728,196,true…' "$found"

# Every paper and resolution; a page of the fax is never narrower or wider than its paper.
shape() { # shape EXPECTED ARGUMENT...
    local found expected=$1
    shift
    found=$("$SEALFAX" render --out shapes --json "$@" | jq -r '.pages[0] | "\(.width) \(.rows) \(.x_dpi) \(.y_dpi)"')
    [[ $found == "$expected" ]] || complain "$*" "$expected" "$found"
}
printf 'A line of text.\n' >line.txt
shape '1728 1145 204 98' --resolution standard line.txt
shape '1728 4571 204 391' --resolution superfine line.txt
shape '3456 4571 408 391' --resolution 400 line.txt
shape '1728 2152 204 196' --paper letter line.txt
shape '1728 2747 204 196' --paper legal line.txt
shape '2048 2723 204 196' --paper b4 line.txt
shape '4864 6465 408 391' --paper a3 --resolution 400 line.txt
shape '2432 2292 204 196' --paper a3 "$data/text_a4.pdf"

# What cannot be rendered.
refused 1 'the PDF needs a password' --out bad "$data/encrypted.pdf"
refused 1 'the PDF is damaged: ' --out bad "$data/truncated.pdf"
refused 1 'the PDF has no pages' --out bad "$data/zero_pages.pdf"
refused 1 'page 1 is 5080 mm high; the limit is 1300 mm' --out bad "$data/huge_page.pdf"
refused 1 'not a PDF, TIFF, PNG, JPEG, Office or text document' --out bad "$data/garbage.pdf"
refused 1 'the document is empty' --out bad /dev/null
refused 1 'file 2 (garbage.pdf): not a PDF' --out bad line.txt "$data/garbage.pdf"
refused 1 'page 2 was asked for, but there is 1 page' --out bad --pages 2 line.txt
refused 1 'the pages of a TIFF keep their resolution' --out bad --resolution 400 "$data/letter.tif"
[[ ! -e bad ]] || complain 'a folder of a document that was refused' none "$(ls -d bad)"
refused 1 'nothing.pdf: No such file' --out bad nothing.pdf
refused 1 'one: Is a directory' --out bad one
: >file
refused 1 'file/page-0001.png: Not a directory' --out file line.txt
mkdir links && ln -s "$data/README.md" links/page-0001.png
refused 1 'links/page-0001.png: Too many levels of symbolic links' --out links line.txt
refused 2 '--out is needed' line.txt
refused 2 '--format must be' --out bad --format pdf line.txt
refused 2 '--paper must be a4' --out bad --paper a5 line.txt
refused 2 '--resolution must be standard' --out bad --resolution best line.txt
refused 2 '--pages must be numbers' --out bad --pages 3-1 line.txt
refused 2 '--rotate must be' --out bad --rotate left line.txt
refused 2 '--rate must be a number from' --out bad --rate 1 line.txt
found=$("$SEALFAX" render --json --out bad "$data/encrypted.pdf" 2>/dev/null | jq -r .detail) || true
[[ $found == 'the PDF needs a password' ]] || complain 'JSON of a refusal' 'the PDF needs a password' "$found"

# A renderer that is killed is told of, and leaves nothing behind.
"$SEALFAX" render --out bad "$data/nested_forms.pdf" 2>killed >output &
command=$!
for ((i = 0; i < 600; i++)); do
    child=$(pgrep -P "$command" 2>/dev/null | head -n 1) || true
    [[ -z $child || -z $(pgrep -P "$child") ]] || break
    sleep 0.05
done
kill -KILL "$child"
status=0
wait "$command" || status=$?
[[ $status == 1 && $(cat killed) == 'sealfax: the renderer died on the document' && ! -e bad ]] ||
    complain 'a killed renderer' 'the renderer died' "$status $(cat killed)"
exit "$failed"
