#!/bin/bash
# Messages through a real, sandboxed render process: what it reads of them, whose signatures hold, the
# pages it makes, and the sentence that each bad one gets.
set -euo pipefail

here=$SOURCE_DIR/tests/integration
data=$SOURCE_DIR/tests/data
program=$BUILD_DIR/tests/render_message_prog
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
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

# has LINE COMMAND...: the command's output has exactly this line
has() {
    local line=$1 found
    shift
    found=$("$@" 2>&1) || true
    if ! grep -qxF -- "$line" <<<"$found"; then
        printf 'not so: %s\n  expected the line: %s\n  found:\n%s\n' "$*" "$line" "$found"
        failed=1
    fi
}

python3 "$here/messages.py" "$data/form.pdf" "$data/letter.tif"

# --- the head ---
inspect=("$program" inspect)
has 'from alice@example.com (Alice Müller)' "${inspect[@]}" good.eml
has 'subject Grüße from Munich' "${inspect[@]}" good.eml
has 'options class=medical from= y_dpi=391 cover=1 priority=0 not_before=1826906400' "${inspect[@]}" good.eml
has 'addressed 2 +4930555 +498912345' "${inspect[@]}" good.eml '' fax.example
has 'addressed 0' "${inspect[@]}" good.eml '' elsewhere.example
has 'from  ()' "${inspect[@]}" two_from.eml
has 'from  ()' "${inspect[@]}" two_authors.eml
has 'from  ()' "${inspect[@]}" group.eml
has 'subject a b Bcc: victim@example.org' "${inspect[@]}" injected.eml
has 'problem the options in the subject cannot be read: The address has an option that is not known: '\''purple'\' \
    "${inspect[@]}" bad_option.eml
has 'received 31 automatic 1 authenticated 0' "${inspect[@]}" loop.eml
has 'received 1 automatic 0 authenticated 1' "${inspect[@]}" results.eml mx.example
has 'received 1 automatic 0 authenticated 0' "${inspect[@]}" results.eml other.example
has 'received 1 automatic 0 authenticated 0' "${inspect[@]}" results.eml
has 'received 2 automatic 0 authenticated 0' "${inspect[@]}" results_below.eml mx.example
has 'received 1 automatic 0 authenticated 0' "${inspect[@]}" results_second.eml mx.example
has 'received 1 automatic 0 authenticated 0' "${inspect[@]}" results_comment.eml mx.example
has 'received 1 automatic 0 authenticated 0' "${inspect[@]}" results_other.eml mx.example
expect 'failed 0 the message is empty' "${inspect[@]}" /dev/null
expect 'failed 0 the head of the message is larger than 256 KiB' "${inspect[@]}" long_head.eml

# --- signatures ---
openssl genrsa -out key.pem 2048 2>/dev/null
openssl genrsa -out short.pem 768 2>/dev/null
record="v=DKIM1; k=rsa; p=$(openssl rsa -in key.pem -pubout -outform DER 2>/dev/null | base64 -w0)"
short="v=DKIM1; k=rsa; p=$(openssl rsa -in short.pem -pubout -outform DER 2>/dev/null | base64 -w0)"
sign() { "$here/dkim_sign.py" "$@" <good.eml; }
sign example.com one key.pem From:To:Cc:Subject >signed.eml
has 'signature example.com one signs_to=1 expires=0' "${inspect[@]}" signed.eml
expect good "$program" verify signed.eml example.com one "$record"
expect 'bad ' "$program" verify signed.eml example.com other "$record"
expect 'bad ' "$program" verify signed.eml example.com one "$short"
expect 'bad ' "$program" verify signed.eml example.com one 'v=DKIM1; p='
sed 's/Hello/Hallo/' signed.eml >altered.eml
expect 'bad ' "$program" verify altered.eml example.com one "$record"
sed 's/^To: .*498912345/To: +497777777/' signed.eml >other_to.eml
expect 'bad ' "$program" verify other_to.eml example.com one "$record"
sign example.com one key.pem From:Subject >no_to.eml
has 'signature example.com one signs_to=0 expires=0' "${inspect[@]}" no_to.eml
sign example.com one key.pem From:To >no_cc.eml
has 'signature example.com one signs_to=0 expires=0' "${inspect[@]}" no_cc.eml
sign example.com one key.pem From:To:Cc l=10 >part.eml
expect 'bad it covers a part of the body only' "$program" verify part.eml example.com one "$record"
sign example.com one key.pem From:To:Cc a=rsa-sha1 >sha1.eml
expect 'bad ' "$program" verify sha1.eml example.com one "$record"
sign example.com one short.pem From:To:Cc >weak.eml
expect 'bad ' "$program" verify weak.eml example.com one "$short"
sign example.com one key.pem From:To:Cc x=1000000000 t=999999999 >expired.eml
expect 'bad ' "$program" verify expired.eml example.com one "$record"
sign evil.example one key.pem From:To:Cc >other_domain.eml
expect 'bad ' "$program" verify other_domain.eml evil.example one "$record"
sign com one key.pem From:To:Cc >registry.eml
expect 'bad ' "$program" verify registry.eml com one "$record"

# --- pages ---
pages=("$program" pages)
expect 'pages 1' "${pages[@]}" good.eml
expect 'pages 5' "${pages[@]}" attached.eml
expect 'pages 4' "${pages[@]}" text=ignored attached.eml
expect 'pages 5' "${pages[@]}" text=cover cover=yes attached.eml
expect 'pages 6' "${pages[@]}" cover=yes attached.eml
expect 'pages 1' "${pages[@]}" text=ignored cover=yes good.eml
expect 'failed 0 the message has nothing that can be faxed' "${pages[@]}" text=ignored good.eml
expect 'pages 1' "${pages[@]}" html.eml
expect 'pages 1' "${pages[@]}" related.eml
expect 'pages 5' "${pages[@]}" nested.eml
expect 'pages 1' "${pages[@]}" signed_part.eml
expect 'pages 1' "${pages[@]}" koi8.eml
expect 'pages 1' "${pages[@]}" no_glyph.eml
expect 'failed 0 the message is encrypted' "${pages[@]}" encrypted.eml
expect "failed 0 the character set 'x-none' is not known" "${pages[@]}" bad_charset.eml
expect 'failed 0 the text is not valid utf-8' "${pages[@]}" bad_octets.eml
expect 'failed 0 the parts of the message are nested more than 20 deep' "${pages[@]}" deep.eml
expect 'failed 0 the message has more than 200 parts' "${pages[@]}" many_parts.eml
expect 'failed 0 file 1 (letter.pdf): a program, not a PDF, TIFF, PNG, JPEG, Office or text document' "${pages[@]}" renamed.eml
expect "failed 0 attachments of the kind 'application/x-msdownload' are not taken (run.exe)" \
    "${pages[@]}" refused=.exe,.js executable.eml
expect 'failed 0 file 1 (bomb.zip): a ZIP archive, not a PDF' "${pages[@]}" zip.eml
expect 'failed 3 file 1 (form.pdf): the fax has more than 3 pages' "${pages[@]}" 'config=render: {max_pages: 3}' attached.eml
expect 'pages 1' "${pages[@]}" no_end.eml
expect 'pages 2' "${pages[@]}" cover=yes 'template=template.svg' good.eml
expect "failed 0 the cover template has an unknown field '{{wrong" \
    "${pages[@]}" cover=yes 'template=wrong.svg' good.eml
expect 'failed 0 the cover template is not valid SVG' "${pages[@]}" cover=yes 'template=good.eml' good.eml
exit "$failed"
