#!/usr/bin/env bash
# A fax machine that registers, by a password or a certificate: what it sends is stored and sent on, or its
# calls are taken through at once; what comes for it is delivered to it. The machine is a gateway too, that
# registers with the first as with a trunk. And what trunks are told, and believed, of who calls.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_authority machines
gw_authority stranger
gw_configure north +4930551 lines.count=1 "sip.tls_device_ca=$GW_TLS/machines.ca" \
    "sip.tls_certificate=$GW_TLS/north.pem" "sip.tls_key_file=$GW_TLS/north.key.pem" retry.max_attempts=2 retry.first_delay_ms=500 retry.busy_delay_ms=500
gw_configure south +4930552 lines.count=1
gw_configure copier +4930553 lines.count=1 routing.denied_numbers=+999
all=(north south copier)
gw_each gw_init "${all[@]}"
tls_port=$((GW_PORT[north] + 1))
gw_certificate north machines "IP:${GW_ADDRESS[north]}" -days 1
sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[north]}:$tls_port/" "$GW_TOP/north.yaml"
for name in "${all[@]}"; do gw_spawn "$name"; done
for name in "${all[@]}"; do gw_wait_ready "$name"; done
gw_each gw_provision "${all[@]}"
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

direct=$(gw_number south 4)
ear=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).7
python3 "$scenarios/gateway_devices.py" ear "$ear" 5070 "$GW_TOP/ear" &
GW_OTHERS+=($!)
until_true 120 grep -qs ready "$GW_TOP/ear" || die "nobody listens"
heard() { sed -n '$p' "$GW_TOP/ear"; }
# machine_sends TO STATE: sends from the machine; SENT is the id
machine_sends() {
    SENT=$(gw_send copier "$machine" "$1" "$GW_TOP/one.txt")
    equal "the machine's fax to $1" "$(gw_wait_state copier "$SENT" "$GW_ENDED" 180)" "$2"
}
refusals() { # PATTERN: records of refused calls with such a reason
    until_true 120 gw_drained north || wrong "the database of north lags"
    gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'call.refused' AND record->>'reason' LIKE '$1'"
}

note "machines are added"
like "an extension that is not ours" \
    "$(admin north device add copier --extension +4911111 --password-file "$GW_TOP/password" 2>&1 || true)" 'one of our numbers'
admin north device add copier --extension "$extension" --user "$machine" --password-file "$GW_TOP/password" >/dev/null
admin north device add adapter --extension "$(gw_number north 7)" --password-file "$GW_TOP/password" >/dev/null
equal "the secret in clear in log and database" "$(gw_sql north "SELECT (SELECT count(*) FROM audit_record
    WHERE record::text LIKE '%long enough%') + (SELECT count(*) FROM devices WHERE secret LIKE '%long%')")" 0
holds "not registered yet" registered false
admin north device add engaged --extension "$(gw_number north 8)" --password-file "$GW_TOP/password" >/dev/null
admin north grant add device:engaged device --to "$(gw_number north 8)" --mailbox office >/dev/null
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

note "meanwhile: what trunks say of who calls, and what they are told of it"
gw_trunk south oracle "$ear" 5071 --prefix +4970
gw_trunk south through "$ear" 5070 --prefix +4971 --asserted-identity send
admin south grant add trunk:oracle bridge --to "$(gw_number south 8)" >/dev/null
admin south number remove "$(gw_number south 8)" >/dev/null
admin south number add "$(gw_number south 8)" --mailbox office --bridge through >/dev/null
asserted=("<sip:anonymous@anonymous.invalid>" "P-Asserted-Identity: <sip:+4989123@carrier.example>")
# said TO CODE HEADER...: a call of the oracle for a number of south
said() {
    equal "the call" "$(python3 "$scenarios/gateway_devices.py" call "$ear" 5071 "${GW_ADDRESS[south]}" "${GW_PORT[south]}" "$1" "${@:3}")" "$2"
}
caller() { gw_sql south "SELECT from_number FROM faxes WHERE to_number = '$(gw_number south 7)' ORDER BY created_at DESC LIMIT 1"; }
offered() { until_true 120 gw_drained south && caller; }
said "$(gw_number south 7)" '200 OK Contact <>' "${asserted[@]}"
equal "what a trunk asserts is not believed" "$(offered)" ""
said "$(gw_number south 8)" '404 Not Found' "<sip:+4989555@x>" "${asserted[1]}"
equal "and not told further" "$(heard)" "from: <sip:+4989555>"
gw_trunk south dials "$ear" 5070 --prefix +4972 --rewrite "$(gw_number south 9)>112"
admin south grant add trunk:oracle bridge --to "$(gw_number south 9)" >/dev/null
admin south number remove "$(gw_number south 9)" >/dev/null
admin south number add "$(gw_number south 9)" --mailbox office --bridge dials >/dev/null
said "$(gw_number south 9)" '403 Forbidden' "<sip:+4989555@x>"
equal "a number of ours that would be dialled as 112" "$(heard)" "from: <sip:+4989555>"
admin south trunk change oracle --asserted-identity trust
said "$(gw_number south 7)" '200 OK Contact <>' "${asserted[@]}"
equal "of one that is trusted it is" "$(offered)" "+4989123"
said "$(gw_number south 8)" '404 Not Found' "${asserted[@]}"
equal "and told further" "$(heard)" "from: <sip:+4989123> | p-asserted-identity: <sip:+4989123>"
said "$(gw_number south 7)" '200 OK Contact <>' "${asserted[@]}" "Privacy: id"
equal "who wants privacy is not shown" "$(offered)" ""
said "$(gw_number south 8)" '404 Not Found' "${asserted[@]}" "Privacy: id"
like "nor told" "$(heard)" '^from: <sip:anonymous> . privacy: id$'

note "it is killed at the handover"
equal "without a grant" "$(gw_wait_state copier "$denied" "$GW_ENDED" 120)" failed
like "the reason" "$(gw_fax copier "$denied" .reason)" '403'
equal "a number that is denied" "$(gw_wait_state copier "$costly" "$GW_ENDED" 120)" failed
like "is refused at once" "$(gw_fax copier "$costly" .reason)" '403'
equal "the fax for the machine" "$(gw_wait_state south "$waiting" "$GW_ENDED" 180)" delivered
holds "killed" wait "$killer"
gw_wait_ready north
delivery=$(outbound "$extension")
equal "the fax for the machine waits" "$(gw_fax north "$delivery" .state)" queued
admin copier trunk registration set north --user "$machine" >/dev/null
holds "registered" until_true 60 registered true
holds "the delivery begins" until_true 120 gw_in_state north "$delivery" "sending|$GW_ENDED"
lost=$(gw_send copier "$machine" "$nowhere" "$GW_TOP/one.txt") # no trunk leads there
echo "sent on after the restart: $(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'fax.forwarded'
    AND index > (SELECT max(index) FROM audit_record WHERE event = 'gateway.started')")"

note "a machine that is busy is called again and again"
python3 "$scenarios/gateway_devices.py" engaged "${GW_ADDRESS[copier]}" "${GW_ADDRESS[north]}" "${GW_PORT[north]}" \
    engaged "$(<"$GW_TOP/password")" "$GW_TOP/engaged" &
GW_OTHERS+=($!)
until_true 120 grep -qs 200 "$GW_TOP/engaged" || die "the busy machine does not register"
engaged=$(gw_send north "$(gw_number north 0)" "$(gw_number north 8)" "$GW_TOP/one.txt")

note "it is to be sent on"
holds "it is in the queue" until_true 60 has_outbound "$theirs"
note "meanwhile a machine signs in by its certificate"
gw_certificate adapter machines DNS:adapter.machines.example,DNS:adapter.example -days 1
gw_certificate other machines DNS:nobody.example -days 1
gw_certificate late machines DNS:adapter.machines.example -days -1
gw_certificate false stranger DNS:adapter.machines.example -days 1
# certified CERTIFICATE [AS]
certified() {
    local files=("$GW_TLS/$1.pem" "$GW_TLS/$1.key.pem")
    [[ $1 != - ]] || files=(- -)
    python3 "$scenarios/gateway_devices.py" certified "${GW_ADDRESS[north]}" "$tls_port" "$GW_TLS/machines.ca" "${files[@]}" adapter "${@:2}"
}
equal "before it has a name" "$(certified adapter)" '401 Unauthorized'
admin north device change adapter --tls-certificate-name adapter.machines.example >/dev/null
like "a name that another one has" "$(admin north device change copier --tls-certificate-name ADAPTER.machines.example 2>&1 || true)" 'for another device'
equal "with its certificate" "$(certified adapter)" '200 OK Contact <>;expires=120'
equal "without" "$(certified -)" '401 Unauthorized'
equal "as another machine" "$(certified adapter copier)" '403 Forbidden'
equal "for another name" "$(certified other)" '403 Certificate Not Known'
like "of another authority" "$(certified false)" '^no connection|^closed'
like "expired" "$(certified late)" '^no connection|^closed'
bindings() { gw_sql north "SELECT count(*) FROM device_bindings WHERE device = 'adapter' AND gone_at IS NULL"; }
equal "where it is" "$(bindings)" 1
admin north device change adapter --calls store >/dev/null
equal "a change of its calls leaves it there" "$(bindings)" 1
admin north device change adapter --tls-certificate-name '' >/dev/null
equal "without the name it is nowhere" "$(bindings)" 0
equal "when it has no name any more" "$(certified adapter)" '401 Unauthorized'

note "it is sent on, once"
forwarded=$(outbound "$theirs")
equal "the fax of north" "$(gw_wait_state north "$forwarded" "$GW_ENDED" 180)" delivered
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
equal "the fax for the machine" "$(gw_wait_state north "$delivery" "$GW_ENDED" 180)" delivered
equal "the machine's second fax" "$(gw_wait_state copier "$lost" "$GW_ENDED" 180)" delivered
holds "a report is made" until_true 120 has_report
note "meanwhile its calls are taken through in real time"
admin copier grant add clerk sender --from "$machine" --to '*' --mailbox office >/dev/null
admin north device change copier --calls bridge:south >/dev/null
machine_sends "$direct" failed
like "without fax.bridge" "$(gw_fax copier "$SENT" .reason)" '403'
admin north grant add device:copier bridge --from "$lobby" --to '*' >/dev/null
machine_sends "$direct" failed
equal "with fax.bridge of another number" "$(refusals '%may not send as this number%')" 1
admin north grant add device:copier bridge --from "$extension" --to '*' >/dev/null
admin north mailbox change office --capture >/dev/null
has_bridges() { [[ $(gw_sql north "SELECT count(*) FROM bridges $2") == "$1" ]]; }
live=$(gw_send copier "$machine" "$direct" "$GW_TOP/one.txt")
holds "over the trunk that is set" until_true 120 has_bridges 1 ''
admin north mailbox change office --no-capture >/dev/null
admin north device change copier --calls bridge >/dev/null
# Two trunks lead there before that to south: one is full, one says nothing.
peer_port=5080
for kind in busy mute; do
    peer_port=$((peer_port + 1))
    python3 "$scenarios/gateway_routing_peer.py" peer "$ear" "$peer_port" "$kind" "$GW_TOP/$kind.peer" &
    GW_OTHERS+=($!)
    admin north trunk add "first-$kind" --host "$ear" --port "$peer_port" --prefix "$(gw_number south 5)" >/dev/null
    until_true 120 grep -qs ready "$GW_TOP/$kind.peer" || die "the peer $kind does not start"
done
routed=$(gw_send copier "$machine" "$(gw_number south 5)" "$GW_TOP/one.txt")
holds "over the routes" until_true 120 has_bridges 2 ''
machine_sends +49401234567 failed
equal "where no route leads" "$(gw_fax copier "$SENT" '.attempts[0].sip_code')" 404
note "meanwhile: calls to numbers that are denied, also as they would be dialled"
before=$(heard)
admin north trunk add strips --host "$ear" --port 5070 --prefix +4970 --rewrite '+4970>' >/dev/null
machine_sends +4970112 failed
equal "by the routes" "$(refusals '%denied as its trunk would dial it%')" 1
machine_sends +49900123456 failed
admin north device change copier --calls bridge:strips >/dev/null
machine_sends +4970112 failed
equal "over one trunk" "$(refusals 'numbers of 112 are denied, and no route over trunk%')" 1
machine_sends +49900123456 failed
equal "before it would be" "$(refusals 'numbers of +49900* are denied, and no route over trunk%')" 1
equal "nothing of it left" "$(heard)" "$before"
admin north route add firebrigade --trunk strips --prefix +4970112 >/dev/null
machine_sends +4970112 failed
like "a route names it" "$(gw_fax copier "$SENT" .reason)" '404'
equal "so it left" "$(heard)" "from: <sip:$extension>"

note "who calls is told to trunks that are to be told"
admin north trunk change strips --asserted-identity send
machine_sends +4970112 failed
equal "of a machine" "$(heard)" "from: <sip:$extension> | p-asserted-identity: <sip:$extension>"
own=$(gw_send north "$(gw_number north 1)" +4930712345 "$GW_TOP/one.txt" 2>/dev/null) || own=
admin north route add told --trunk strips --prefix +49307 >/dev/null
[[ -n $own ]] || own=$(gw_send north "$(gw_number north 1)" +4930712345 "$GW_TOP/one.txt")
equal "of a fax of ours" "$(gw_wait_state north "$own" "$GW_ENDED" 120)" failed
equal "says so" "$(heard)" "from: <sip:$(gw_number north 1)> | p-asserted-identity: <sip:$(gw_number north 1)>"

note "the busy machine"
calls() { sort -u "$GW_TOP/engaged" | grep -c ^call || true; }
three() { (($(calls) >= 3)); }
holds "was called more often than a trunk would be" until_true 120 three
like "its fax waits" "$(gw_state north "$engaged")" '^(queued|sending)$'
clerk north fax cancel "$engaged" >/dev/null
equal "until it is cancelled" "$(gw_wait_state north "$engaged" "$GW_ENDED" 120)" cancelled

note "the report"
report=$(outbound "$extension")
equal "it comes from the number that was called" "$(gw_fax north "$report" .from)" "$nowhere"
equal "the report" "$(gw_wait_state north "$report" "$GW_ENDED" 180)" delivered
equal "the machine's faxes" "$(gw_state copier "$sent") $(gw_state copier "$lost")" 'delivered delivered'
failed=$(outbound "$nowhere")
equal "where no trunk leads" "$(gw_fax north "$failed" .state .reason)" 'failed no trunk leads to the number'
equal "faxes sent on" "$(gw_count_event north fax.forwarded)" 3
equal "nothing is left to be done" "$(gw_sql north "SELECT count(*) FROM faxes WHERE forward <> ''")" 0
came=$(clerk copier --json faxes --direction in --limit 100 | jq -r '[.faxes[] | .from] | sort | join(" ")')
equal "what the machine got" "$came" "$(gw_number south 1) $nowhere"

note "the bridged calls"
equal "the machine's calls" "$(gw_wait_state copier "$live" "$GW_ENDED" 180) $(gw_wait_state copier "$routed" "$GW_ENDED" 180)" "delivered delivered"
holds "the bridged calls end" until_true 120 has_bridges 2 "WHERE ended_at IS NOT NULL AND target = 'south'"
equal "their records" "$(gw_sql north "SELECT DISTINCT from_number, caller, target, mailbox, state, pages FROM bridges WHERE target = 'south'")" \
    "$extension|device:copier|south|office|completed|1"
equal "first it was tried elsewhere" "$(gw_sql north "SELECT record->>'target', record->>'cause' FROM audit_record WHERE event = 'bridge.rerouted' ORDER BY index")" \
    "first-mute|503 Full
south|no response"
for kind in busy mute; do equal "calls to the one that is $kind" "$(sed -n 's/.* INVITE //p' "$GW_TOP/$kind.peer" | sort -u | wc -l)" 1; done
traced=$(gw_sql north "SELECT bridge FROM bridges WHERE to_number = '$(gw_number south 5)'")
clerk north fax trace "$traced" >"$GW_TOP/routed.trace" || wrong "no trace of the call that was rerouted"
like "its ladder shows all three" "$(grep -c 'called |---- INVITE (1)' "$GW_TOP/routed.trace")" '^3$'
equal "who calls there" "$(gw_fax south "$(gw_inbound south "$direct")" .from .state)" "$extension received"
equal "the copy of the first" "$(gw_sql north "SELECT to_number, direction, mailbox, state, bridged FROM faxes WHERE bridged AND pages > 0")" \
    "$direct|in|office|received|t"
equal "of the second its trace alone" "$(gw_sql north "SELECT state, pages, disposal_at > now() + interval '89 days' FROM faxes WHERE
    fax = '$traced'")" "bridged|0|t"
like "no pages are to be had" "$(clerk north export --format pdf "$traced" 2>&1 >/dev/null || true)" 'no pages'

note "a machine gets another password: who registered with the old one is forgotten"
holds "registered" registered true
echo "another long secret" >"$GW_TOP/another"
admin north device credential copier --password-file "$GW_TOP/another" >/dev/null
holds "gone with the old one" registered false
equal "in the database, too" "$(gw_sql north "SELECT count(*) FROM device_bindings WHERE device = 'copier' AND gone_at IS NULL")" 0
admin copier trunk credential set north --user "$machine" --realm sealfax --password-file "$GW_TOP/another" >/dev/null
holds "registered with the new one" until_true 120 registered true

note "what was recorded of certificates"
gw_stop north
gw_start north
until_true 120 gw_drained north || wrong "the database of north lags"
recorded() { gw_sql north "SELECT count(*) > 0 FROM audit_record WHERE event = '$1' AND record->>'reason' LIKE '$2'"; }
equal "wrong authority" "$(recorded connection.failed '%no authority that is trusted for this peer has signed it')" t
equal "expired" "$(recorded connection.failed '%it has expired')" t
equal "for nobody" "$(recorded device.refused '%the certificate is for no device')" t
equal "for somebody else" "$(recorded device.refused '%of another device%')" t
holds "registered again" until_true 180 registered true

note "a device that is disabled"
admin north device disable copier
holds "gone" registered false
gw_verify north
gw_end
