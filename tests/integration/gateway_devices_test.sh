#!/usr/bin/env bash
# A fax machine that registers: what it sends is stored and sent on, what comes for it is delivered to
# it. The machine is a gateway too, that registers with the first as with a trunk.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_make north +4930551 lines.count=1 retry.max_attempts=2 retry.first_delay_ms=500 retry.busy_delay_ms=500
gw_make south +4930552 lines.count=1
gw_make copier +4930553 lines.count=1 routing.denied_numbers=+999
for name in north south copier; do gw_spawn "$name"; done
for name in north south copier; do gw_wait_ready "$name"; done
for name in north south copier; do gw_provision "$name"; done
gw_connect north south
gw_trunk copier north "${GW_ADDRESS[north]}" "${GW_PORT[north]}"

scenarios=$SOURCE_DIR/tests/integration
extension=$(gw_number north 5)
lobby=$(gw_number north 6) # its faxes go to the machine
machine=$(gw_number copier 0) # what the machine calls itself
theirs=$(gw_number south 3)
nowhere=+49305599999
echo "a long enough secret" >"$GW_TOP/password"
printf 'A short fax.\n' >"$GW_TOP/one.txt"

registered() { [[ $(admin north --json device show copier | jq -r .registered) == "$1" ]]; }
# outbound TO: the id of north's newest fax to that number
outbound() {
    clerk north --json faxes --direction out --limit 100 |
        jq -r --arg to "$1" '[.faxes[] | select(.to == $to)][0].id // empty'
}
has_report() { [[ $(outbound "$extension") != "$delivery" ]]; }
has_outbound() { [[ -n $(outbound "$1") ]]; }

note "machines are added"
like "an extension that is not ours" \
    "$(admin north device add copier --extension +4911111 --password-file "$GW_TOP/password" 2>&1 || true)" 'one of our numbers'
admin north device add copier --extension "$extension" --user "$machine" --password-file "$GW_TOP/password" >/dev/null
admin north device add adapter --extension "$(gw_number north 7)" --password-file "$GW_TOP/password" >/dev/null
equal "the secret in clear in log and database" "$(gw_sql north "SELECT (SELECT count(*) FROM audit_record
    WHERE record::text LIKE '%long enough%') + (SELECT count(*) FROM devices WHERE secret LIKE '%long%')")" 0
holds "not registered yet" registered false
admin north grant add device:copier device --from "$extension" --to '+4930*,+49900*' --mailbox office >/dev/null
admin north mailbox add lobby --deliver-to copier >/dev/null
admin north number remove "$lobby" >/dev/null
admin north number add "$lobby" --mailbox lobby >/dev/null
admin north grant add clerk receiver --mailbox lobby >/dev/null

note "a fax for a machine that is off"
waiting=$(gw_send south "$(gw_number south 1)" "$lobby" "$GW_TOP/one.txt")

note "who registers how"
python3 "$scenarios/gateway_devices.py" register "${GW_ADDRESS[copier]}" "${GW_ADDRESS[north]}" "${GW_PORT[north]}" \
    adapter "$(<"$GW_TOP/password")" >"$GW_TOP/registers"
answer() { sed -n "s/^$1: //p" "$GW_TOP/registers"; }
equal "the first challenge" "$(answer challenge)" '401 Unauthorized SHA-256'
equal "right" "$(answer right)" '200 OK Contact <>;expires=120'
equal "a replay" "$(answer replay)" '401 Unauthorized stale'
equal "too brief" "$(answer "too brief")" '423 Interval Too Brief Min-Expires 60'
equal "star that is not alone" "$(answer "star that is not alone")" '400 Bad Request'
equal "star" "$(answer star)" '200 OK'
equal "a nonce of nobody" "$(answer "a nonce of nobody")" '401 Unauthorized stale'
equal "a wrong secret" "$(answer wrong)" '401 Unauthorized'
equal "its record" "$(gw_count_event north device.refused)" 1
equal "it came and went" "$(gw_count_event north device.registered) $(gw_count_event north device.expired)" '1 1'

note "the machine sends: to somebody, and where it may not"
admin copier trunk credential set north --user "$machine" --realm sealfax --password-file "$GW_TOP/password" >/dev/null
sent=$(gw_send copier "$machine" "$theirs" "$GW_TOP/one.txt")
admin copier grant add clerk sender --from "$machine" --to '+4940*,+49900*' --mailbox office >/dev/null
denied=$(gw_send copier "$machine" +49401234567 "$GW_TOP/one.txt")
costly=$(gw_send copier "$machine" +49900123456 "$GW_TOP/one.txt")
# Control is killed when it has all of the fax, before it is sent on.
python3 "$scenarios/gateway_devices.py" kill_at_end "$(gw_role north control)" "$GW_TOP/north/journal" number 1 &
killer=$!

note "it is killed at the handover"
equal "without a grant" "$(gw_wait_state copier "$denied" "$GW_ENDED" 20)" failed
like "the reason" "$(gw_fax copier "$denied" .reason)" '403'
equal "a number that is denied" "$(gw_wait_state copier "$costly" "$GW_ENDED" 20)" failed
like "is refused at once" "$(gw_fax copier "$costly" .reason)" '403'
equal "the fax for the machine" "$(gw_wait_state south "$waiting" "$GW_ENDED" 60)" delivered
holds "killed" wait "$killer"
gw_wait_ready north
delivery=$(outbound "$extension")
equal "the fax for the machine waits" "$(gw_fax north "$delivery" .state)" queued
admin copier trunk registration set north --user "$machine" >/dev/null
holds "registered" until_true 10 registered true
holds "the delivery begins" until_true 20 gw_in_state north "$delivery" "sending|$GW_ENDED"
lost=$(gw_send copier "$machine" "$nowhere" "$GW_TOP/one.txt") # no trunk leads there
echo "sent on after the restart: $(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'fax.forwarded'
    AND index > (SELECT max(index) FROM audit_record WHERE event = 'gateway.started')")"

note "it is sent on, once"
holds "it is in the queue" until_true 10 has_outbound "$theirs"
forwarded=$(outbound "$theirs")
equal "the fax of north" "$(gw_wait_state north "$forwarded" "$GW_ENDED" 60)" delivered
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

note "what waits for the machine is delivered, and what failed is told"
equal "the fax for the machine" "$(gw_wait_state north "$delivery" "$GW_ENDED" 60)" delivered
equal "the machine's second fax" "$(gw_wait_state copier "$lost" "$GW_ENDED" 60)" delivered
holds "a report is made" until_true 20 has_report
report=$(outbound "$extension")
equal "it comes from the number that was called" "$(gw_fax north "$report" .from)" "$nowhere"
equal "the report" "$(gw_wait_state north "$report" "$GW_ENDED" 60)" delivered
equal "the machine's faxes" "$(gw_state copier "$sent") $(gw_state copier "$lost")" 'delivered delivered'
failed=$(outbound "$nowhere")
equal "where no trunk leads" "$(gw_fax north "$failed" .state .reason)" 'failed no trunk leads to the number'
equal "faxes sent on" "$(gw_count_event north fax.forwarded)" 3
equal "nothing is left to be done" "$(gw_sql north "SELECT count(*) FROM faxes WHERE forward <> ''")" 0
came=$(clerk copier --json faxes --direction in --limit 100 | jq -r '[.faxes[] | .from] | sort | join(" ")')
equal "what the machine got" "$came" "$(gw_number south 1) $nowhere"

note "a machine gets another password: who registered with the old one is forgotten"
holds "registered" registered true
echo "another long secret" >"$GW_TOP/another"
admin north device credential copier --password-file "$GW_TOP/another" >/dev/null
holds "gone with the old one" registered false
equal "in the database, too" "$(gw_sql north "SELECT count(*) FROM device_bindings WHERE device = 'copier' AND gone_at IS NULL")" 0
admin copier trunk credential set north --user "$machine" --realm sealfax --password-file "$GW_TOP/another" >/dev/null
holds "registered with the new one" until_true 30 registered true

note "a device that is disabled"
admin north device disable copier
holds "gone" registered false
gw_verify north
gw_end
