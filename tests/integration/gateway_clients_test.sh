#!/usr/bin/env bash
# Clients that do not behave, against a whole gateway: requests cut anywhere, answers that nobody
# reads, submissions of 500 files and of one more. Nothing is left behind, and others are served.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551 render.max_pages=500
gw_trunk north nowhere 127.254.254.254 9 --prefix +4930552
ours=$(gw_number north 0)
theirs=+493055200
install -m 0755 "$SOURCE_DIR/tests/integration/gateway_clients.py" "$GW_TOP/clients.py"
install -m 0644 "$GW_DATA/text_a4.pdf" "$GW_TOP/page.pdf"
socket=$GW_TOP/north/run/api.sock
as_clerk() { setpriv --reuid "$GW_CLERK" --regid "$GW_CLERK" --clear-groups "$@"; }
python=$(command -v /usr/bin/python3 python3 | head -n 1)
control=$(gw_role north control)
descriptors() { find "/proc/$control/fd" -mindepth 1 | wc -l; }
vault_files() { find "$GW_TOP/north/vault" "$GW_TOP/north/keeper/fax" -type f; }
clerk north faxes >/dev/null
before=$(descriptors)

note "requests cut in the middle"
as_clerk "$python" -B "$GW_TOP/clients.py" cut "$socket" "$ours" "$theirs" "$GW_TOP/page.pdf" || wrong "the cut requests ended badly"
settled() { [[ $(descriptors) -le $before && -z $(vault_files) ]]; }
holds "no descriptor, file or key is left" until_true 120 settled
equal "no fax came of them" "$(clerk north --json faxes | jq '.faxes | length')" 0

note "answers that nobody reads"
fax=$(gw_send north "$ours" "$theirs" "$GW_DATA/text_10p.pdf")
as_clerk "$python" -B "$GW_TOP/clients.py" deaf "$socket" "/v1/faxes/$fax/document?format=tiff" 10 25 >"$GW_TOP/deaf" &
GW_OTHERS+=($!)
deaf=$!
holds "they have asked" until_true 120 grep -q asked "$GW_TOP/deaf"
clerk north export --format pdf "$fax" >"$GW_TOP/out.pdf" || wrong "an export beside them"
equal "others are served" "$(pdf_pages "$GW_TOP/out.pdf")" 10
second=$(gw_send north "$ours" "$theirs" "$GW_DATA/text_a4.pdf") || wrong "nothing can be submitted beside them"
kill "$deaf"
wait "$deaf" 2>/dev/null || true
back() { [[ $(descriptors) -le $((before + 4)) ]]; }
holds "their descriptors are closed" until_true 120 back

note "many files"
mkdir "$GW_TOP/parts"
for i in {000..500}; do echo "part $i" >"$GW_TOP/parts/$i.txt"; done
chmod -R go+rX "$GW_TOP/parts"
status=0
text=$(clerk north send --as "$ours" --to "$theirs" "$GW_TOP"/parts/*.txt 2>&1) || status=$?
equal "501 files: exit code" "$status" 2
like "501 files" "$text" "'.*/500.txt' is too much"
rm "$GW_TOP/parts/500.txt"
many=$(clerk north --json send --as "$ours" --to "$theirs" --resolution standard "$GW_TOP"/parts/*.txt | jq -r .id) || wrong "500 files"
equal "500 files: pages" "$(gw_fax north "$many" .pages)" 500
equal "faxes in all" "$(clerk north --json faxes | jq -r '[.faxes[].id] | sort | join(" ")')" \
    "$(printf '%s\n' "$fax" "$second" "$many" | sort | paste -sd ' ')"
gw_verify north
gw_end
