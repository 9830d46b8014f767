#!/usr/bin/env bash
# Disposal: when its time has come, a fax's key and file are destroyed, an export says so, and each
# disposal is an event; by command and by timer.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551 retention.timer_ms=3600000
gw_trunk north nowhere 127.254.254.254 9
ours=$(gw_number north 0)
ids=()
for i in 1 2 3; do ids+=("$(gw_send north "$ours" "+49305520$i" "$GW_DATA/text_a4.pdf")"); done
for id in "${ids[@]}"; do equal "state" "$(gw_wait_state north "$id" "$GW_ENDED" 120)" failed; done
until_true 60 gw_drained north || wrong "the database lags"
vault_file() { find "$GW_TOP/north/vault" -name "$1.sfv"; }
# The key store names its files after the fax, with or without hyphens.
key_file() { find "$GW_TOP/north/keeper/fax" -type f | grep -F -e "$1" -e "${1//-/}"; }
for id in "${ids[@]}"; do
    holds "there is a file and a key" test -n "$(vault_file "$id")" -a -n "$(key_file "$id")"
done
like "the disposal date is 90 days from now" \
    "$(gw_fax north "${ids[0]}" '(.disposal | .[0:19] + "Z" | fromdateiso8601) - (.completed | .[0:19] + "Z" | fromdateiso8601) | . / 86400 | floor')" '^(89|90)$'

note "nothing is due"
like "who has no role for it" "$(clerk north dispose 2>&1)" "fax.dispose: 'clerk' has no role that allows it"
holds "there is a role for it" test "$(admin north --json role list | jq '[.roles[] | select(.name == "disposal-officer")] | length')" == 1
admin north grant add clerk disposal-officer --mailbox office >/dev/null || wrong "the role cannot be granted"
like "dispose" "$(clerk north dispose)" 'nothing is due'

# A retention is a matter of days: the owner of the database moves the date of two faxes.
note "two are due"
gw_sql north "UPDATE faxes SET disposal_at = now() - interval '1 hour' WHERE fax IN ('${ids[0]}', '${ids[1]}')"
equal "dry run: those two" "$(clerk north --json dispose --dry-run | jq -r '[.disposed[].id] | sort | join(" ")')" "$(printf '%s\n' "${ids[@]:0:2}" | sort | paste -sd ' ')"
holds "a dry run does nothing" test -n "$(vault_file "${ids[0]}")" -a -n "$(key_file "${ids[0]}")"
status=0
text=$(admin north dispose 2>&1) || status=$?
equal "dispose by the administrator: exit code" "$status" 1
like "dispose by the administrator" "$text" "fax.dispose: 'admin' has no role that allows it"
holds "and nothing is gone" test -n "$(vault_file "${ids[0]}")"
kept=("$(vault_file "${ids[0]}")" "$(key_file "${ids[0]}")")
cp -p "${kept[@]}" "$GW_TOP/"
equal "dispose: those two" "$(clerk north --json dispose | jq -r '[.disposed[].id] | sort | join(" ")')" "$(printf '%s\n' "${ids[@]:0:2}" | sort | paste -sd ' ')"

for id in "${ids[@]:0:2}"; do
    equal "file and key are gone" "$(vault_file "$id")$(key_file "$id")" ""
    status=0
    text=$(clerk north export --format pdf "$id" 2>&1 >"$GW_TOP/out") || status=$?
    equal "export: exit code" "$status" 1
    like "export: says why" "$text" 'disposed'
    holds "nothing was exported" test ! -s "$GW_TOP/out"
    like "fax show tells when" "$(gw_fax north "$id" .disposed)" '^20[0-9][0-9]-'
    until_true 60 gw_drained north || true
    equal "events" "$(gw_count_event north fax.disposed "$id") $(gw_count_event north key.destroyed "$id")" "1 1"
done
holds "the third is still there" test -n "$(vault_file "${ids[2]}")" -a -n "$(key_file "${ids[2]}")"
clerk north export --format pdf "${ids[2]}" >"$GW_TOP/out" || wrong "the third cannot be exported"
like "dispose again" "$(clerk north dispose)" 'nothing is due'
gw_verify north

note "by the timer"
gw_stop north
equal "exit status" "$GW_STATUS" 0
sed -i 's/timer_ms: 3600000/timer_ms: 1000/' "$GW_TOP/north.yaml"
# As if the first disposal had been recorded and then cut short.
for path in "${kept[@]}"; do cp -p "$GW_TOP/${path##*/}" "$path"; done
gw_start north
holds "a disposal that was interrupted is finished" until_true 60 test ! -e "${kept[0]}" -a ! -e "${kept[1]}"
gw_sql north "UPDATE faxes SET disposal_at = now() - interval '1 hour' WHERE fax = '${ids[2]}'"
gone() { [[ -z $(vault_file "${ids[2]}")$(key_file "${ids[2]}") ]]; }
holds "the third is disposed of" until_true 120 gone
until_true 60 gw_drained north || true
equal "by the gateway itself" "$(gw_sql north "SELECT actor FROM audit_record WHERE event = 'fax.disposed' AND fax = '${ids[2]}'")" system
gw_verify north
gw_end
