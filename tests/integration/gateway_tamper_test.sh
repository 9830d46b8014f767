#!/usr/bin/env bash
# What was altered behind the gateway's back is found and named: a bit in a vault file, a record of
# the journal, a row of the database, a personal value; a wrong master key does not start.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551
gw_trunk north nowhere 127.254.254.254 9
ours=$(gw_number north 0)
theirs=+493055200
qpdf "$GW_DATA/text_10p.pdf" --pages . 1-3 -- "$GW_TOP/three.pdf"
fax=$(gw_send north "$ours" "$theirs" "$GW_TOP/three.pdf")
other=$(gw_send north "$ours" "$theirs" "$GW_DATA/text_a4.pdf")
for id in "$fax" "$other"; do gw_wait_state north "$id" "$GW_ENDED" 120 >/dev/null; done
file=$GW_TOP/north/vault/${fax: -2}/$fax.sfv

# flip FILE OFFSET: one bit
flip() {
    local octet
    octet=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "%b" "\\x$(printf %02x $((octet ^ 4)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# finds WHAT PATTERN: audit verify fails with exit code 1 and says this
finds() {
    local status=0 text
    text=$(clerk north audit verify 2>/dev/null) || status=$?
    equal "$1: exit code of audit verify" "$status" 1
    like "$1: audit verify" "$text" "$2"
}
page_offset() { gw_sql north "SELECT \"offset\" + length / 2 FROM pages WHERE fax = '$fax' AND page = $1"; }

until_true 60 gw_drained north || wrong "the database lags"
gw_verify north
clerk north export --format pdf "$fax" >"$GW_TOP/good.pdf"
equal "pages before" "$(pdf_pages "$GW_TOP/good.pdf")" 3

note "one bit of a page in a vault file"
offset=$(page_offset 2)
flip "$file" "$offset"
status=0
text=$(clerk north export --format pdf "$fax" 2>&1 >"$GW_TOP/out") || status=$?
equal "export: exit code" "$status" 1
like "export: names the page" "$text" 'page 2 of the vault file is damaged'
holds "nothing was exported" test ! -s "$GW_TOP/out"
until_true 60 gw_drained north || true
equal "event vault.damaged of this fax" "$(gw_count_event north vault.damaged "$fax")" 1
clerk north export --format pdf "$other" >"$GW_TOP/out" || wrong "another fax can no longer be exported"
flip "$file" "$offset"
clerk north export --format pdf "$fax" >"$GW_TOP/out" || wrong "the restored fax cannot be exported"
equal "pages after" "$(pdf_pages "$GW_TOP/out")" 3

note "one bit of its header, and the end cut off"
flip "$file" 20
status=0
text=$(clerk north export --format pdf "$fax" 2>&1 >/dev/null) || status=$?
equal "header: exit code" "$status" 1
like "header: reason" "$text" 'damaged'
flip "$file" 20
cp -p "$file" "$GW_TOP/whole.sfv"
# What follows the pages is the trace.
truncate -s "$(gw_sql north "SELECT max(\"offset\" + length) - 100 FROM pages WHERE fax = '$fax'")" "$file"
status=0
text=$(clerk north export --format pdf "$fax" 2>&1 >/dev/null) || status=$?
equal "cut: exit code" "$status" 1
like "cut: reason" "$text" 'page 3.*(missing|damaged)'
cat "$GW_TOP/whole.sfv" >"$file"

note "a row of the database"
until_true 60 gw_drained north || true
gw_verify north
row=$(gw_sql north "SELECT max(index) FROM audit_record WHERE event = 'fax.submitted'")
gw_sql north "CREATE TABLE kept AS SELECT * FROM audit_record WHERE index = $row"
gw_sql north "UPDATE audit_record SET bytes = set_byte(bytes, 30, get_byte(bytes, 30) # 1) WHERE index = $row"
finds "altered bytes of a row" "broken: record $row in the audit_(record|personal), .*(altered|missing)"
gw_sql north "UPDATE audit_record SET bytes = k.bytes FROM kept k WHERE audit_record.index = k.index"
gw_sql north "UPDATE audit_record SET actor = 'somebody' WHERE index = $row"
finds "altered actor of a row" "broken: record $row in the audit_(record|personal), .*(altered|missing)"
gw_sql north "UPDATE audit_record SET actor = k.actor FROM kept k WHERE audit_record.index = k.index"
gw_sql north "UPDATE audit_record SET record = record || '{\"event\": \"nothing\"}' WHERE index = $row"
finds "altered text of a row" "broken: record $row in the audit_(record|personal), .*(altered|missing)"
gw_sql north "UPDATE audit_record SET record = k.record FROM kept k WHERE audit_record.index = k.index"
gw_sql north "DELETE FROM audit_record WHERE index = $row"
finds "a row that is missing" "broken: record $row in the audit_(record|personal), .*(altered|missing)"
gw_sql north "INSERT INTO audit_record SELECT * FROM kept"
gw_sql north "UPDATE audit_personal SET value = '+4999999' WHERE index = $row AND key = 'to'"
finds "an altered called number" "broken: record $row in the audit_(record|personal), .*(altered|missing)"
gw_sql north "UPDATE audit_personal SET value = '$theirs' WHERE index = $row AND key = 'to'"
gw_sql north "DROP TABLE kept"
gw_verify north

note "a record of the journal"
segment=$(find "$GW_TOP/north/journal" -name '*.journal' | sort | head -n 1)
# The place of the record is found by the fax in it, whose id stands in clear.
offset=$(grep -abo "$other" "$segment" | head -n 1 | cut -d : -f 1)
index=$(gw_sql north "SELECT min(index) FROM audit_record WHERE fax = '$other'")
flip "$segment" "$((offset + 3))"
finds "an altered record" "broken: record $index in the 0+\.journal: .*altered"
flip "$segment" "$((offset + 3))"
gw_verify north

note "a wrong master key"
gw_stop north
equal "exit status" "$GW_STATUS" 0
key=$GW_TOP/north/keeper/master.key
cp -p "$key" "$GW_TOP/master.key"
"$SEALFAX" init --state "$GW_TOP/elsewhere" >/dev/null 2>&1 || die "init of another state"
cat "$GW_TOP/elsewhere/keeper/master.key" >"$key"
status=0
timeout 60 "$SEALFAX" serve --config "$GW_TOP/north.yaml" >"$GW_TOP/wrong.log" 2>&1 || status=$?
equal "serve: exit status" "$status" 1
holds "and says why" grep -q 'master key does not match the key store' "$GW_TOP/wrong.log"
holds "nothing crashed" test "$(grep -c 'ended by signal' "$GW_TOP/wrong.log")" = 0
holds "init does not replace it" cmp -s <("$SEALFAX" init --config "$GW_TOP/north.yaml" >/dev/null 2>&1; cat "$key") "$GW_TOP/elsewhere/keeper/master.key"
echo garbage >"$key"
status=0
timeout 60 "$SEALFAX" serve --config "$GW_TOP/north.yaml" >"$GW_TOP/wrong.log" 2>&1 || status=$?
equal "serve with garbage for a key: exit status" "$status" 1
like "and says why" "$(<"$GW_TOP/wrong.log")" 'master\.key'
cat "$GW_TOP/master.key" >"$key"

note "an older copy of the journal"
cp -a "$GW_TOP/north/journal" "$GW_TOP/older"
gw_start north
gw_send north "$ours" "$theirs" "$GW_DATA/text_a4.pdf" >/dev/null
until_true 60 gw_drained north || wrong "the database lags"
gw_stop north
mv "$GW_TOP/north/journal" "$GW_TOP/whole"
cp -a "$GW_TOP/older" "$GW_TOP/north/journal"
status=0
timeout 60 "$SEALFAX" serve --config "$GW_TOP/north.yaml" >"$GW_TOP/wrong.log" 2>&1 || status=$?
equal "serve: exit status" "$status" 1
like "and says why" "$(<"$GW_TOP/wrong.log")" "journal and database do not belong together: the journal ends at record [0-9]+, but the database holds [0-9]+ records of it: it was cut, or is an older copy"
like "and what can be done" "$(<"$GW_TOP/wrong.log")" "put back the directory .*/journal as it was"
equal "it is tried once" "$(grep -c 'do not belong together' "$GW_TOP/wrong.log")" 1
rm -r "$GW_TOP/north/journal"
mv "$GW_TOP/whole" "$GW_TOP/north/journal"
gw_start north
clerk north export --format pdf "$fax" >"$GW_TOP/out" || wrong "with the right key the fax cannot be exported"
equal "with the right key: pages" "$(pdf_pages "$GW_TOP/out")" 3
gw_verify north
gw_end
