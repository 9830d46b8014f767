#!/usr/bin/env bash
# A fax machine that registers: what it sends is stored and sent on, what comes for it is delivered to
# it. The machine is a gateway too, that registers with the first as with a trunk.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_make north +4930551 lines.count=1 retry.max_attempts=2 retry.first_delay_ms=500 retry.busy_delay_ms=500
gw_make south +4930552 lines.count=1
gw_make copier +4930553 lines.count=1
for name in north south copier; do gw_spawn "$name"; done
for name in north south copier; do gw_wait_ready "$name"; done
for name in north south copier; do gw_provision "$name"; done
gw_connect north south
gw_trunk copier north "${GW_ADDRESS[north]}" "${GW_PORT[north]}"

extension=$(gw_number north 5)
machine=$(gw_number copier 0) # what the machine calls itself
theirs=$(gw_number south 3)
echo "a long enough secret" >"$GW_TOP/password"
noise_pdf "$GW_TOP/one.pdf" 1

registered() { [[ $(admin north --json device show copier | jq -r .registered) == "$1" ]]; }
reason() { jq -r .detail; }
# outbound TO: the id of north's newest fax to that number
outbound() {
    admin north --json audit 2>/dev/null >/dev/null || true
    clerk north --json faxes --direction out --limit 100 |
        jq -r --arg to "$1" '[.faxes[] | select(.to == $to)][0].id // empty'
}
has_outbound() { [[ -n $(outbound "$1") ]]; }

note "a machine is added"
like "an extension that is not ours" "$(admin north device add copier --extension +4911111 --password-file "$GW_TOP/password" 2>&1 || true)" 'one of our numbers'
admin north device add copier --extension "$extension" --user "$machine" --password-file "$GW_TOP/password" >/dev/null
equal "the secret in clear in log and database" "$(gw_sql north "SELECT (SELECT count(*) FROM audit_record WHERE record::text LIKE '%long enough%') + (SELECT count(*) FROM devices WHERE secret LIKE '%long%')")" 0
like "the sealed secret" "$(gw_sql north "SELECT secret FROM devices")" '^[0-9a-f]{100,}$'
holds "not registered yet" registered false

note "it registers"
admin copier trunk credential set north --user "$machine" --realm sealfax --password-file "$GW_TOP/password" >/dev/null
admin copier trunk registration set north --user "$machine" >/dev/null
holds "registered" until_true 10 registered true
equal "events of it" "$(gw_count_event north device.registered)" 1

note "what it may not send is refused"
denied=$(gw_send copier "$machine" "$theirs" "$GW_TOP/one.pdf")
equal "without a grant" "$(gw_wait_state copier "$denied" "$GW_ENDED" 20)" failed
like "the reason" "$(gw_fax copier "$denied" .reason)" '403'

note "store and forward"
admin north grant add device:copier device --from "$extension" --to '+4930*' --mailbox office >/dev/null
sent=$(gw_send copier "$machine" "$theirs" "$GW_TOP/one.pdf")
equal "the machine's fax" "$(gw_wait_state copier "$sent" "$GW_ENDED" 60)" delivered
holds "it is sent on" until_true 10 has_outbound "$theirs"
forwarded=$(outbound "$theirs")
equal "north's fax" "$(gw_wait_state north "$forwarded" "$GW_ENDED" 60)" delivered
equal "from" "$(gw_fax north "$forwarded" .from)" "$extension"
taken=$(gw_inbound north "$theirs")
equal "its source" "$(gw_fax north "$forwarded" .source)" "$taken"
arrived=$(gw_inbound south "$theirs")
for one in "copier $sent" "north $taken" "north $forwarded" "south $arrived"; do
    read -r name id <<<"$one"
    clerk "$name" export --format pdf "$id" >"$GW_TOP/$name-$id.pdf"
done
equal "pixels that arrived" "$(pixels "$GW_TOP/south-$arrived.pdf")" "$(pixels "$GW_TOP/copier-$sent.pdf")"
equal "pixels of the forwarded fax" "$(pixels "$GW_TOP/north-$forwarded.pdf")" "$(pixels "$GW_TOP/north-$taken.pdf")"
gw_end
