#!/bin/bash
# Documents through a real, sandboxed render process: every kind of bad one has its clear error, good
# ones come out whole, and what is exported can be read again.
set -euo pipefail

data=$SOURCE_DIR/tests/data
program=$BUILD_DIR/tests/render_document_prog
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
failed=0

# expect WHAT COMMAND...: the command's output begins with WHAT
expect() {
    local what=$1 found
    shift
    found=$("$@" 2>&1) || true
    if [[ $found != "$what"* ]]; then
        printf 'not so: %s\n  expected: %s\n  found:    %s\n' "$*" "$what" "$found"
        failed=1
    fi
}

expect 'pages 1' "$program" pages "$data/text_a4.pdf"
expect 'pages 10' "$program" pages "$data/text_10p.pdf"
expect 'pages 3' "$program" pages "$data/form.pdf"
expect 'pages 1' "$program" pages "$data/letter.tif"
expect 'failed 0 the PDF needs a password' "$program" pages "$data/encrypted.pdf"
expect 'failed 0 the PDF is damaged: ' "$program" pages "$data/truncated.pdf"
expect 'failed 0 the PDF has no pages' "$program" pages "$data/zero_pages.pdf"
expect 'failed 1 page 1 is 5080 mm high; the limit is 1300 mm' "$program" pages "$data/huge_page.pdf"
expect 'failed 2 the PDF is damaged: page 2 has no usable size' "$program" pages "$data/pageloop.pdf"
expect 'failed 0 not a PDF, TIFF, PNG, JPEG, Office or text document' "$program" pages "$data/garbage.pdf"
expect 'failed 0 the TIFF cannot be sent: page 1: 1700 pixels wide' "$program" pages "$data/wrong_width.tif"
expect 'failed 0 the TIFF cannot be sent: page 1: RGB' "$program" pages "$data/rgb.tif"
expect 'failed 0 the TIFF cannot be sent: page 1: the document ends' "$program" pages "$data/truncated.tif"

# Endless content ends by the limit of processor time or of time, whichever comes first.
expect 'failed 1 page 1 takes more than 1 s of processor time to render' \
    "$program" pages "$data/nested_forms.pdf" 'render: {cpu_limit_s: 1}'
expect 'failed 1 the document takes longer than 1 s to render (page 1)' \
    "$program" pages "$data/nested_forms.pdf" 'render: {wall_limit_ms: 1000}'
expect 'failed 0 the PDF has 10 pages; the limit is 9' \
    "$program" pages "$data/text_10p.pdf" 'render: {max_pages: 9}'

# Pages with images are left to pdftoppm, wherever they stand.
tiff2pdf -o "$directory/image.pdf" "$data/letter.tif"
pdfunite "$data/text_a4.pdf" "$directory"/{image,image,image}.pdf "$data/form.pdf" "$directory/image.pdf" "$directory/mixed.pdf"
expect 'pages 8' "$program" pages "$directory/mixed.pdf"

# So is what the quick program cannot draw, and everything where it is not installed.
mkdir "$directory/alone"
cp "$program" "$directory/alone/program"
quick=$directory/alone/sealfax-draw-pdf
expect 'pages 10' "$directory/alone/program" pages "$data/text_10p.pdf"
printf '#!/bin/sh\necho "Syntax error: no ink" >&2\nexit %s\n' 3 >"$quick"
chmod +x "$quick"
expect 'pages 10' "$directory/alone/program" pages "$data/text_10p.pdf"
sed -i 's/exit 3/exit 1/' "$quick"
expect 'failed 1 page 1 of the PDF cannot be rendered: no ink' "$directory/alone/program" pages "$data/text_10p.pdf"

head -c 1100000 /dev/zero >"$directory/large"
expect 'failed 0 the document is larger than 1 MiB' \
    "$program" pages "$directory/large" 'render: {max_document_mib: 1}'
: >"$directory/empty"
expect 'failed 0 the document is empty' "$program" pages "$directory/empty"

for format in pdf tiff; do
    expect 'exported 10' "$program" save "$data/text_10p.pdf" "$directory/out.$format" "$format"
    expect 'pages 10' "$program" pages "$directory/out.$format"
done
expect 'failed 10 page 10 of the vault file is damaged' "$program" damaged "$data/text_10p.pdf"
exit "$failed"
