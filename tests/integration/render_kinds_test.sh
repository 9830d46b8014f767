#!/bin/bash
# Images, text, submissions of several files, page ranges, resolutions and turned pages through a
# real, sandboxed render process; and hostile ones of each kind.
set -euo pipefail

program=$BUILD_DIR/tests/render_document_prog
sample=$SOURCE_DIR/tests/data
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 "$sample/make_documents.py" "$directory"
cd "$directory"
failed=0

# expect WHAT ARGUMENT...: what the program says about the wish begins with WHAT, line ends as ';'
expect() {
    local what=$1 found
    shift
    found=$("$program" wish "$@" 2>&1 | tr -s ' \n' ' ;') || true
    if [[ $found != "$what"* ]]; then
        printf 'not so: %s\n  expected: %s\n  found:    %s\n' "${*:0:200}" "$what" "${found:0:300}"
        failed=1
    fi
}
# limited WHAT FILE CONFIGURATION
limited() {
    local found
    found=$("$program" pages "$2" "$3" 2>&1) || true
    if [[ $found != "$1"* ]]; then
        printf 'not so: %s with %s\n  expected: %s\n  found:    %s\n' "$2" "$3" "$1" "$found"
        failed=1
    fi
}
# same FILE FILE: their pages have the same pixels
same() {
    "$program" wish out=one.tif "$1" >/dev/null && "$program" wish out=two.tif "$2" >/dev/null
    cmp -s one.tif two.tif || {
        printf 'not the same: %s %s\n' "$1" "$2"
        failed=1
    }
}

# Images: as wide as the paper, upright, no longer than A4 where they are not much longer.
expect 'pages 1; 1728 x 2292, 196 dpi' f.png
expect 'pages 1; 1728 x 2292, 196 dpi' f.jpg
expect 'pages 1; 1728 x 1107, 196 dpi' rotate=none f_wide.png
expect 'pages 1; 1728 x 2292, 196 dpi' f_wide.png
expect 'pages 1; 1728 x 1146, 98 dpi' y_dpi=98 f.png
expect 'pages 1; 1728 x 4572, 391 dpi' y_dpi=391 f.jpg
expect 'pages 1; 1728 x 2292, 196 dpi' bilevel.png
expect 'pages 1; 1728 x 1660, 196 dpi' one.png
expect 'pages 1; 1728 x 10000, 196 dpi' tall.png
for image in rgb.png alpha.png deep.png photo.jpg colour.jpg inks.jpg; do
    expect 'pages 1; 1728 x 2214, 196 dpi' "$image"
done
expect 'pages 1; 1728 x 2292, 196 dpi' text_bomb.png
same f.png f_exif1.png
same alpha.png deep.png

expect 'failed 0 the image has 40,000 × 40,000 pixels; the limit is 30,000 a side' bomb_side.png
expect 'failed 0 the image has 30,000 × 4,000 pixels; the limit is 100,000,000 in all' bomb_area.png
expect 'failed 0 the image has 40,000 × 40,000 pixels; the limit is 30,000 a side' bomb.jpg
expect 'failed 0 the image has more than 100 scans' scans.jpg
expect 'failed 0 the image is damaged: ' cut.png
expect 'failed 0 the image is damaged: ' broken.png
expect 'failed 0 the image is damaged: it ends too early' cut.jpg

# Text: pages by form feeds and length; what cannot be shown is told.
expect 'pages 1; 1728 x 2291, 196 dpi' letter.txt
expect 'pages 1; 1728 x 1145, 98 dpi' y_dpi=98 letter.txt
expect 'pages 3; ' feeds.txt
expect 'pages 41; ' endless_line.txt
expect 'pages 1; ' marks.txt
expect 'failed 0 line 2 of the text has the control character U+001B' control.txt
expect 'failed 0 line 2 of the text has the control character U+0085' c1.txt
expect 'failed 0 line 1 of the text has the control character U+0000' nul.txt
expect 'failed 0 line 1 of the text is not UTF-8' latin1.txt
expect 'failed 0 the text is UTF-16; it must be UTF-8' utf16.txt
expect 'failed 1 line 2 of the text has U+4E2D, for which no font is installed' cjk.txt
expect 'failed 0 the text has nothing but blanks' blanks.txt
limited 'failed 10 the fax has more than 9 pages' many_lines.txt 'render: {max_pages: 9}'
limited 'failed 10 the fax has more than 9 pages' many_feeds.txt 'render: {max_pages: 9}'
expect 'failed 0 an HTML document; make a PDF of it' page.html

# PDF
expect 'failed 0 the PDF has 10000 pages; the limit is 1000' many_pages.pdf
expect 'pages 2; ' pages=3,9999 many_pages.pdf
expect 'pages 1; 1728 x 3, 196 dpi' one_point.pdf
expect 'failed 2 page 2 is 5000 mm high; the limit is 1300 mm' five_metres.pdf
expect 'pages 1; ' pages=1 five_metres.pdf
limited 'failed 1 page 1 takes more than 1 s of processor time to render' \
    long_content.pdf 'render: {cpu_limit_s: 1}'
limited 'failed 1 the document takes longer than 1 s to render (page 1)' \
    long_content.pdf 'render: {wall_limit_ms: 1000}'
limited 'failed 1 page 1 takes more than 1 s of processor time to render' \
    big_image.pdf 'render: {cpu_limit_s: 1}'

# Wide pages are turned where that is larger: not the half page, and not when it is not wanted.
full='1728 x 2292, 196 dpi;' half='1728 x 1143, 196 dpi;' small='1728 x 1174, 196 dpi;'
expect "pages 6; $full $full $half $full $full $full" mixed.pdf
expect "pages 6; $full $small $half $small $small $full" rotate=none mixed.pdf
expect 'pages 1; 1728 x 4572, 391 dpi' y_dpi=391 pages=2 mixed.pdf
expect "pages 3; $full $half $full" pages=2-3,6 mixed.pdf
expect 'failed 0 page 7 was asked for, but there are 6 pages' pages=5,7 mixed.pdf

# TIFF
limited 'failed 0 the TIFF cannot be sent: more than 100 pages' directories.tif ''
expect 'pages 1000; ' directories.tif
expect 'failed 0 the TIFF cannot be sent: page 6: damaged page directory' cyclic.tif
expect 'failed 0 the TIFF cannot be sent: page 3: 1600 pixels wide' mixed.tif
expect 'pages 3; 1728 x 4, 196 dpi; 1728 x 4, 196 dpi; 1728 x 2, 196 dpi' longer.tif
expect 'failed 0 the TIFF cannot be sent: page 1: stored in tiles; strips are needed' tiled.tif
expect 'pages 1; 1728 x 2200, 196 dpi' sideways.tif
expect 'failed 0 the TIFF cannot be sent: page 1: 2200 pixels wide' rotate=none sideways.tif

# Several files
expect "pages 5; 1728 x 2291, 196 dpi; $full $full $full 1728 x 2292" \
    letter.txt "$sample/form.pdf" f.jpg
expect 'pages 2; ' pages=4- letter.txt "$sample/form.pdf" f.jpg
expect 'failed 0 page 6 was asked for, but there are 5 pages' pages=6 letter.txt "$sample/form.pdf" f.jpg
expect 'failed 0 file 2 (cut.jpg): the image is damaged' letter.txt cut.jpg f.jpg
expect 'failed 2 file 2 (five_metres.pdf): page 2 is 5000 mm high' f.jpg five_metres.pdf
expect 'failed 0 file 3 (empty): the document is empty' f.jpg f.png empty
expect 'pages 500; ' parts/{000..499}.txt
expect 'failed 0 the submission has more than 500 files' parts/{000..500}.txt
printf -- '--b\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--\r\n' >base64.mime
expect 'failed 0 file 1 has a transfer encoding' 'type=multipart/mixed; boundary=b' base64.mime
expect 'failed 0 several files are taken as multipart/mixed' 'type=multipart/form-data; boundary=b' base64.mime
exit "$failed"
