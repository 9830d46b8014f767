#!/usr/bin/env bash
# Every bad submission is refused with a clear reason and exit code 1 (wrong usage: 2), and leaves
# nothing behind: no file in the vault or its incoming/, no key, no fax.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

# Only here: documents that never end are given up soon.
gw_up north +4930551 render.wall_limit_ms=60000 render.cpu_limit_s=5 render.max_children=2
# Nobody answers there; what is submitted stays queued or under way.
gw_trunk north nowhere 127.254.254.254 9 --prefix +4930552
ours=$(gw_number north 0)
theirs=+493055200
good=$GW_DATA/text_a4.pdf

vault_files() { find "$GW_TOP/north/vault" -type f | sort; }
key_files() { find "$GW_TOP/north/keeper/fax" -type f | sort; }
nothing_left() {
    [[ -z $(vault_files) && -z $(key_files) && $(clerk north --json faxes | jq '.faxes | length') == 0 ]]
}

# refused WHAT CODE PATTERN COMMAND...: the command fails with this code, says why, prints nothing else
refused() {
    local what=$1 code=$2 pattern=$3 status=0 text
    shift 3
    text=$("$@" 2>&1 >"$GW_TOP/out") || status=$?
    equal "$what: exit code" "$status" "$code"
    like "$what: reason" "$text" "$pattern"
    [[ ! -s $GW_TOP/out ]] || wrong "$what: printed on standard output: $(<"$GW_TOP/out")"
}
submit() { clerk north send --as "$1" --to "$2" "${@:4}" - <"$3"; }

note "documents"
cases=(
    "encrypted.pdf|needs a password"
    "truncated.pdf|the PDF is damaged"
    "zero_pages.pdf|has no pages"
    "garbage.pdf|not a PDF, TIFF, PNG, JPEG, Office or text document"
    "pageloop.pdf|the PDF is damaged"
    "nested_forms.pdf|page 1 takes more than 5 s of processor time|takes longer than 60 s to render"
    "huge_page.pdf|page 1 is [0-9]+ mm (high|wide); the limit is"
    "wrong_width.tif|1700 pixels wide; a fax page has 1728"
    "truncated.tif|the TIFF cannot be sent: page 1: the document ends"
    "rgb.tif|black and white"
)
pids=()
for i in "${!cases[@]}"; do
    (
        file=${cases[i]%%|*}
        status=0
        text=$(submit "$ours" "$theirs" "$GW_DATA/$file" 2>&1 >"$GW_TOP/out.$i") || status=$?
        printf '%s\n%s\n' "$status" "$text" >"$GW_TOP/case.$i"
    ) &
    pids+=($!)
done
wait "${pids[@]}"
for i in "${!cases[@]}"; do
    { read -r status && text=$(cat); } <"$GW_TOP/case.$i"
    equal "${cases[i]%%|*}: exit code" "$status" 1
    like "${cases[i]%%|*}: reason" "$text" "${cases[i]#*|}"
    [[ ! -s $GW_TOP/out.$i ]] || wrong "${cases[i]%%|*}: printed on standard output"
done
: >"$GW_TOP/empty"
refused "an empty document" 1 'document' submit "$ours" "$theirs" "$GW_TOP/empty"
refused "a file that is not there" 1 'No such file' clerk north send --as "$ours" --to "$theirs" "$GW_TOP/none.pdf"

printf 'one\n\ftwo\n' >"$GW_TOP/two.txt"
chmod 0644 "$GW_TOP/two.txt"
refused "a second file that is damaged" 1 'file 2 \(standard input\): the PDF is damaged' \
    clerk north send --as "$ours" --to "$theirs" "$GW_TOP/two.txt" - <"$GW_DATA/truncated.pdf"
refused "a page that is not there" 1 'page 3 was asked for, but there are 2 pages' submit "$ours" "$theirs" "$GW_TOP/two.txt" --pages 1,3
refused "page ranges that are none" 1 'The page ranges are not valid' submit "$ours" "$theirs" "$good" --pages 3-1
refused "a resolution that is none" 1 "must be standard, fine, superfine or 400" submit "$ours" "$theirs" "$good" --resolution best
refused "a paper that is none" 1 "must be a4, letter, legal, b4 or a3" submit "$ours" "$theirs" "$good" --paper a5
refused "a rotation that is none" 1 "must be auto or none" submit "$ours" "$theirs" "$good" --rotate left

note "numbers and people"
refused "a number that is not ours" 1 'not assigned to a mailbox here' submit +4930999 "$theirs" "$good"
refused "a number that may not be called" 1 'no grant for this called number' submit "$ours" +19005550199 "$good"
refused "no number at all" 1 "must be a telephone number" submit "$ours" none "$good"
refused "a number that no trunk leads to" 1 'No trunk leads to the number' submit "$ours" +4930777 "$good"
nobody() {
    setpriv --reuid nobody --regid nogroup --clear-groups env SEALFAX_SOCKET="$GW_TOP/north/run/api.sock" "$GW_TOP/sealfax" "$@"
}
refused "an account that is nobody, sending" 1 'this local account may send nothing|the local account is no principal' nobody send --as "$ours" --to "$theirs" - <"$good"
refused "an account that is nobody, reading" 1 'the local account is no principal' nobody faxes
refused "the administrator, who may not send" 1 'has no role that allows it' \
    admin north send --as "$ours" --to "$theirs" "$good"
refused "the clerk, who may not administer" 1 'has no role that allows it' clerk north number add +4930123 --mailbox office

note "usage"
refused "send without numbers" 2 '--as and --to are needed' clerk north send "$GW_TOP/none.pdf"
refused "an unknown option" 2 'colour' clerk north send --colour --as "$ours" --to "$theirs" -
refused "an unknown command" 2 'fly' clerk north fly

holds "nothing is left of all these" nothing_left
until_true 60 gw_drained north || wrong "the database lags"
holds "each refusal of a document is in the log" test "$(gw_count_event north fax.refused)" -ge $((${#cases[@]} + 3))
holds "each denial is in the log" test \
    "$(gw_sql north "SELECT count(*) FROM audit_record WHERE outcome = 'denied'")" -ge 4

note "the same idempotency key"
first=$(gw_send north "$ours" "$theirs" "$good" --idempotency-key one)
second=$(gw_send north "$ours" "$theirs" "$good" --idempotency-key one)
equal "the same document again: the same fax" "$second" "$first"
like "and it says so" "$(submit "$ours" "$theirs" "$good" --idempotency-key one)" "fax $first was submitted before"
refused "another document with the key" 1 'the key belongs to another document, other numbers or other options' submit "$ours" "$theirs" "$GW_DATA/form.pdf" --idempotency-key one
refused "another number with the key" 1 'the key belongs to another document, other numbers or other options' submit "$ours" "${theirs}1" "$good" --idempotency-key one
refused "other pages with the key" 1 'the key belongs to another document, other numbers or other options' submit "$ours" "$theirs" "$good" --idempotency-key one --pages 1
# Five at once with a key that is new: one fax
pids=()
for i in 1 2 3 4 5; do
    gw_send north "$ours" "$theirs" "$good" --idempotency-key many >"$GW_TOP/many.$i" 2>"$GW_TOP/many.$i.err" &
    pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || true; done
equal "five at once with a new key: faxes" "$(cat "$GW_TOP"/many.[1-5] | sort -u | wc -l)" 1
equal "faxes in all" "$(clerk north --json faxes | jq '.faxes | length')" 2
equal "files in the vault, keys" "$(vault_files | wc -l) $(key_files | wc -l)" "2 2"

note "several files"
several=$(clerk north --json send --as "$ours" --to "$theirs" --resolution standard --pages 2-3 "$GW_TOP/two.txt" - <"$good" | jq -r .id)
until_true 60 gw_drained north || wrong "the database lags"
equal "text and PDF: the pages that were asked for, in the resolution" \
    "$(gw_sql north "SELECT string_agg(page || ':' || y_dpi, ' ' ORDER BY page) FROM pages WHERE fax = '$several'")" "1:98 2:98"

note "configuration"
# bad WHAT PATTERN TEXT
bad() {
    printf '%s\n' "$3" >"$GW_TOP/bad.yaml"
    refused "$1" 1 "$2" "$SEALFAX" config check "$GW_TOP/bad.yaml"
    refused "$1, serve" 1 "$2" timeout 60 "$SEALFAX" serve --config "$GW_TOP/bad.yaml"
}
bad "no YAML" 'bad\.yaml:2:[0-9]+: ' $'sip:\n  listen: [127.0.0.1'
bad "an unknown key" 'bad\.yaml:3:3: .*lisen' $'node: x\nsip:\n  lisen: 127.0.0.1:5060'
bad "a value of the wrong kind" 'bad\.yaml:2:[0-9]+: .*lines\.count' $'lines:\n  count: many'
bad "a value out of range" 'bad\.yaml:2:[0-9]+: .*media\.port_first' $'media:\n  port_first: 80'
bad "a key twice" 'bad\.yaml:2:[0-9]+: .*node' $'node: x\nnode: y'
refused "a configuration that is not there" 1 'none\.yaml' "$SEALFAX" config check "$GW_TOP/none.yaml"
refused "a second gateway with the same state" 1 'a gateway .pid [0-9]+. runs with this state directory already' timeout 60 "$SEALFAX" serve --config "$GW_TOP/north.yaml"

gw_verify north
gw_end
