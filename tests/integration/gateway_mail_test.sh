#!/usr/bin/env bash
# Messages that come by mail become faxes: who may send, what becomes of each recipient, once and only
# once whatever is killed in between; then the message is destroyed.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

while :; do
    smtp=$((RANDOM % 20000 + 20000))
    ! grep -qE ":$(printf '%04X' $smtp) " /proc/net/tcp && port_free 127.0.0.1 $((smtp + 1)) && break
done
relay=127.0.0.9
scenario() { python3 "$SOURCE_DIR/tests/integration/gateway_mail.py" "$@"; }
openssl genrsa -out "$GW_TOP/dkim.key" 2048 2>/dev/null
record=$(scenario record "$GW_TOP/dkim.key")
# Not by the function: its shell would be stopped in place of the program.
# dns_start SELECTOR
dns_start() {
    python3 "$SOURCE_DIR/tests/integration/gateway_mail.py" dns $((smtp + 1)) "$1._domainkey.signed.example" "$record" &
    dns=$!
    GW_OTHERS+=($!)
}
dns_start s1
# A real scanner, which knows one thing: EICAR's test file, here in halves.
# shellcheck disable=SC2016 # as it is
eicar='X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-''ANTIVIRUS-TEST-FILE!$H+H*'
mkdir "$GW_TOP/clamd"
chmod 0755 "$GW_TOP/clamd"
printf 'Eicar-Test:0:*:%s\n' "$(printf '%s' "${eicar:0:40}" | od -An -tx1 -v | tr -d ' \n')" >"$GW_TOP/clamd/test.ndb"
printf '%s\n' "Foreground yes" "DatabaseDirectory $GW_TOP/clamd" "LocalSocket $GW_TOP/clamd/socket" "LocalSocketMode 666" \
    >"$GW_TOP/clamd/conf"
clamd_start() {
    rm -f "$GW_TOP/clamd/socket"
    clamd --config-file="$GW_TOP/clamd/conf" >"$GW_TOP/clamd/log" 2>&1 &
    GW_OTHERS+=($!)
}

gw_authority good
gw_certificate gw good DNS:fax.example
tls=("sip.tls_ca=$GW_TLS/good.ca" fax.reinvite_after_ms=200)
gw_configure south +4930552 lines.count=1 "${tls[@]}" "sip.tls_certificate=$GW_TLS/south.pem" "sip.tls_key_file=$GW_TLS/south.key.pem"
gw_configure north +4930551 lines.count=1 "${tls[@]}" "sip.tls_certificate=$GW_TLS/north.pem" "sip.tls_key_file=$GW_TLS/north.key.pem" \
    media.secured_classes=locked "mail.scanner=clamd:$GW_TOP/clamd/socket" mail.domains=fax.example "mail.listen=127.0.0.1:$smtp" mail.relays=$relay \
    mail.trusted_host=mx.example mail.greeting_delay_ms=0 mail.max_recipients=1000 mail.faxes_of_message=20 \
    mail.out_relay=smtp://127.0.0.1:9 mail.out_tls=none mail.out_host=fax.example mail.reports_per_hour=5 \
    mail.out_retry_first_ms=1000 mail.out_retry_most_ms=2000 mail.out_lifetime_s=5 \
    "sip.dns_server=127.0.0.1:$((smtp + 1))" \
    "mail.tls_certificate=$GW_TLS/gw.pem" "mail.tls_key_file=$GW_TLS/gw.key.pem"
for name in north south; do
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$name]}:$((GW_PORT[$name] + 1))/" "$GW_TOP/$name.yaml"
done
gw_each gw_init north south
for name in north south; do gw_certificate "$name" good "IP:${GW_ADDRESS[$name]}"; done
for name in north south; do gw_spawn "$name"; done
for name in north south; do gw_wait_ready "$name"; done
gw_each gw_provision north south
# Between two of ours a page does not take the time that a modem would need.
for peer in "north south" "south north"; do
    read -r name other <<<"$peer"
    gw_trunk "$name" "$other" "${GW_ADDRESS[$other]}" "$((GW_PORT[$other] + 1))" --prefix "${GW_PREFIX[$other]}" \
        --transport tls --express
done
number=$(gw_number north 1)
there=$(gw_number south 3)
# Other ways there: for the class 'routed', one that takes one call at a time, one without protection.
way() { gw_trunk north "$1" "${GW_ADDRESS[south]}" "$((GW_PORT[south] + 1))" --transport tls --express "${@:2}"; }
way routed
way narrow --prefix +4930553 --max-calls 1
gw_trunk north clear "${GW_ADDRESS[south]}" "${GW_PORT[south]}"
admin north route add by-class --trunk routed --prefix +4930556 --class routed >/dev/null
admin north route add unprotected --trunk clear --prefix "$there" --class locked >/dev/null
admin north route add alone --trunk clear --prefix +4930554 >/dev/null
narrow=+493055300
classed=+493055600
for at in "$narrow" "$classed"; do admin south number add "$at" --mailbox office >/dev/null; done
admin south grant add trunk:north trunk --to '+4930553*,+4930556*' --mailbox office >/dev/null
for class in routed locked foreign; do admin north mailbox add "$class" --class "$class" >/dev/null; done
admin north grant add clerk sender --from "${GW_PREFIX[north]}*" --to '+493055*' --mailbox routed,locked >/dev/null
admin north mail sender add Anna@Example.com --principal clerk --from "$number" >/dev/null
admin north mail sender add bert@signed.example --principal clerk --from "$(gw_number north 2)" >/dev/null

echo 'a long enough secret' >"$GW_TOP/password"
admin north credential set clerk --password-file "$GW_TOP/password" >/dev/null

passed='Authentication-Results: mx.example; dkim=pass header.d=example.com'
# message TO FIELD...: a message of Anna's, with fields on top
message() {
    local to=$1
    shift
    (($# == 0)) || printf '%s\n' "$@"
    printf '%s\n' "From: Anna <anna@example.com>" "To: <fax=$to@fax.example>" "Subject: ${subject:-secret-subject}" \
        "Message-ID: <$RANDOM.$RANDOM@example.com>" "" "This is the fax."
}
# attached FILE TO FIELD...: the same with a file
attached() {
    local file=$1
    shift
    message "$@" "MIME-Version: 1.0" "Content-Type: multipart/mixed; boundary=cut" |
        sed 's/^This is the fax\.$/--cut\nContent-Type: text\/plain\n\nThis is the fax./'
    printf '%s\n' "" "--cut" "Content-Type: application/octet-stream" "Content-Transfer-Encoding: base64" \
        "Content-Disposition: attachment; filename=\"$(basename "$file")\"" "" "$(base64 "$file")" "--cut--"
}
# bring TO FIELD...: by the relay; sets id; file: with that attached
bring() {
    local said
    said=$(if [[ -n ${file:-} ]]; then attached "$file" "$@"; else message "$@"; fi | scenario send "$smtp" $relay anna@example.com "fax=$1@fax.example")
    [[ $said =~ ^250\ 2\.0\.0\ accepted\ as\ ([0-9a-f-]{36})$ ]] || die "not taken: $said"
    id=${BASH_REMATCH[1]}
}
shown() { admin north --json mail show "$1"; }
field() { shown "$1" | jq -r "$2"; }
is_over() { [[ $(field "$1" .destroyed) != null ]]; }
# over ID: waits for its end and prints state, status and reason of its first recipient
over() {
    until_true 180 is_over "$1" || echo "(not over)"
    field "$1" '.recipient_list[0] | "\(.state) \(.status) \(.reason)"'
}
faxes_of() { gw_sql north "SELECT count(*) FROM faxes WHERE mail = '$1'"; }
files() { find "$GW_TOP/north/vault/mail" -type f | wc -l; }
ends_of() { gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'mail.recipient_ended' AND fax = '$1'"; }

note "messages while no scanner answers"
bring "$there" "$passed"
first=$id
bring "$there" "$passed" "X-Note: $eicar"
infected=$id
is_held() { [[ $(gw_count_event north mail.held) == 1 ]]; }
holds "it is recorded that they wait" until_true 60 is_held
# All at one time; high goes before the usual, that before low.
moment=$(($(date +%s) + 20))
at=$(date -u -d "@$moment" +%Y%m%dT%H%M%SZ)
bring "$narrow" "$passed" "X-Fax-At: $at" "X-Fax-Priority: low"
low=$id
bring "$narrow" "$passed" "X-Fax-Options: at=$at, standard"
usual=$id
bring "$narrow" "$passed" "X-Fax-At: $at" "X-Fax-Priority: high" "X-Fax-Resolution: superfine"
high=$id
equal "none is looked into, or faxed" "$(gw_sql north "SELECT (SELECT count(*) FROM mails WHERE principal <> '') || ' ' || (SELECT count(*) FROM faxes)")" "0 0"
clamd_start
like "the one with malware" "$(over "$infected")" '^refused 5.7.1 The message holds malware: Eicar-Test\.UNOFFICIAL\.$'
equal "they wait no more" "$(gw_count_event north mail.held) $(gw_count_event north mail.released)" "1 1"

note "messages are taken in, or not"
like "a stranger" "$(message "$there" | scenario send "$smtp" 127.0.0.1 anna@example.com "fax=$there@fax.example")" \
    '^refused 5[35]0 5.7.[01] '
like "a number that nothing leads to" "$(message +4940123456 | scenario send "$smtp" $relay anna@example.com fax=+4940123456@fax.example)" \
    '^refused 550 5.4.4'
bring "$there" "$passed"
twice=$id
python3 "$SOURCE_DIR/tests/data/make_office.py" "$GW_TOP/office"
file=$GW_TOP/office/letter.docx bring "$there" "$passed"
office=$id
file=$GW_TOP/office/hidden_macro.docx bring "$there" "$passed"
macro=$id
printf '%s\n' "From: bert@signed.example" "To: <fax=$there@fax.example>" "Subject: signed" "" "Signed." >"$GW_TOP/unsigned"
scenario sign "$GW_TOP/dkim.key" signed.example s1 <"$GW_TOP/unsigned" >"$GW_TOP/signed"
elsewhere=$(gw_number south 4)
dkim() { scenario send "$smtp" $relay bert@signed.example "$@" <"${signed:-$GW_TOP/signed}" | sed 's/.* //'; }
good=$(dkim "fax=$there@fax.example")

like "a bounce" "$(message "$there" | scenario send "$smtp" $relay "" "fax=$there@fax.example")" '^refused 550 5\.7\.1 reports '

note "who is not known, or only says who he is"
bring "$there"
unsigned=$id
bring "$there" "Authentication-Results: mail.evil.example; dkim=pass header.d=example.com"
other=$id
bring "$there" "Authentication-Results: mx.example; dkim=fail header.d=example.com" "$passed"
below=$id
bring "$there" "$passed" "Auto-Submitted: auto-replied"
automatic=$id
bring "$there" "$passed" "$(for i in {1..31}; do echo "Received: from a by b; Sun, 22 Nov 2026 0$((i % 10)):00:00 +0000"; done)"
looping=$id
like "From alone" "$(over "$unsigned")" '^refused 5.7.1 Nothing proves whose'
like "another server's results" "$(over "$other")" '^refused 5.7.1 Nothing proves whose'
like "results below the topmost" "$(over "$below")" '^refused 5.7.1 Nothing proves whose'
like "a program's" "$(over "$automatic")" '^refused 5.7.1 Messages that programs send'
like "one that loops" "$(over "$looping")" '^refused 5.7.1 The message has gone through too many'

note "signed by its domain"
replayed=$(dkim "fax=$there@fax.example")
redirected=$(dkim "fax=$elsewhere@fax.example")
sed 's/^Signed\./Altered./' "$GW_TOP/signed" >"$GW_TOP/altered"
altered=$(signed=$GW_TOP/altered dkim "fax=$there@fax.example")
like "the same once more" "$(over "$replayed")" '^refused 5.7.1 This signed message was sent to this number before'
like "to another number" "$(over "$redirected")" '^refused 5.7.1 The message is not addressed to this number'
like "altered" "$(over "$altered")" '^refused 5.7.1 Nothing proves whose'

note "messages that became faxes"
like "delivered" "$(over "$first")" '^delivered 2.0.0 The fax was delivered: 1 page '
like "the same text again is another fax" "$(over "$twice")" '^delivered 2.0.0'
like "signed" "$(over "$good")" '^delivered 2.0.0'
like "with an Office document" "$(over "$office")" '^delivered 2.0.0 The fax was delivered: 2 pages '
like "with one that has macros" "$(over "$macro")" '^refused 5\.6\.[0-9] .*[Ff]ile 1 \(hidden_macro.docx\): the Office document has macros'
equal "as the number of its sender" "$(gw_sql north "SELECT from_number FROM faxes WHERE mail = '$first'")" "$number"
equal "how they were known" "$(field "$first" '.principal + " " + .identified_by') $(field "$good" .identified_by)" "clerk results dkim"
equal "what the operator sees of it" "$(field "$first" .subject)" ""
equal "its key" "$(find "$GW_TOP/north/keeper" -name "${first//-/}.key" | wc -l)" 0
equal "in clear in the log or the tables" "$(gw_sql north "SELECT count(*) FROM audit_record WHERE record::text LIKE '%secret-subject%'") $(
    gw_sql north "SELECT count(*) FROM mails WHERE subject <> '' AND destroyed_at IS NOT NULL")" "0 0"
arrived=$(clerk south --json faxes --direction in | jq --arg to "$there" '[.faxes[] | select(.state == "received" and .to == $to)] | length')
equal "they arrived once" "$arrived" 4
[[ $arrived == 4 ]] || {
    gw_sql south "SELECT fax, state, call_id, from_number, created_at FROM faxes"
    gw_sql north "SELECT f.fax, f.mail, f.idempotency_key, a.attempt, a.call_id, a.outcome, a.text, a.started_at FROM faxes f
        LEFT JOIN attempts a ON a.fax = f.fax"
}
equal "faxes and ends of one" "$(faxes_of "$first") $(ends_of "$first")" "1 1"

note "a render is killed while LibreOffice has its files"
place=/dev/shm/sealfax-office-$(printf %s "$GW_TOP/north" | sha256sum | cut -c 1-12)
clerk north send --as "$number" --to "$there" "$GW_TOP/office/long.docx" >"$GW_TOP/killed" 2>&1 &
sender=$!
has_files() { [[ -n $(find "$place" -name long.docx -o -name 'document.docx' 2>/dev/null) ]]; }
is_empty() { [[ -d $place && -z $(ls "$place") ]]; }
until_true 120 has_files || wrong "LibreOffice has no files"
equal "who may look at them" "$(stat -c '%a %U' "$place")" "700 sealfax-line"
for render in "$place"/*; do kill -9 "$(basename "$render")"; done
wait $sender && wrong "a fax was made of it"
like "what its sender is told" "$(<"$GW_TOP/killed")" 'sealfax: '
until_true 60 is_empty || wrong "left: $(find "$place" | head -n 5)"

note "the class that a sender asks for"
bring $classed "$passed" "X-Fax-Class: routed"
routed=$id
bring "$there" "$passed" "X-Fax-Class: foreign"
foreign=$id
subject='[fax: class=locked, high] secret-subject' bring "$there" "$passed"
locked=$id
bring +493055400/class=locked "$passed"
clear=$id
like "none where only another class goes" "$(bring $classed "$passed" && over "$id")" '^refused 5.4.4 No trunk leads'
like "one for which there is no grant" "$(over "$foreign")" "^refused 5.7.1 .* has no grant for faxes of this class\\.$"
like "one that has a way of its own" "$(over "$routed")" '^delivered '
equal "it went that way" "$(gw_sql north "SELECT f.class || ' ' || f.mailbox || ' ' || a.trunk FROM faxes f JOIN attempts a ON a.fax = f.fax
    WHERE f.mail = '$routed'")" "routed office routed"
like "one that demands secured media" "$(over "$locked")" '^delivered '
equal "not by the way without" "$(gw_sql north "SELECT f.class || ' ' || a.trunk || ' ' || (a.protection <> '') || ' ' || f.priority FROM faxes f JOIN attempts a ON a.fax = f.fax
    WHERE f.mail = '$locked'")" "locked south true 2"
like "and not at all where there is none" "$(over "$clear")" "^failed 5.4.0 .*class 'locked' demands secured media, and trunk clear has no TLS"

note "one recipient whom a message names, and sixty whom it does not"
# More than are ended at once. A fax of one that is refused would wait in the queue.
tomorrow=$(date -u -d '+1 day' +%Y%m%dT1200Z)
others=()
for ((i = 0; i < 60; i++)); do others+=("fax=+4930552$((1000 + i))/at=$tomorrow@fax.example"); done
blind=$(message "$there" "$passed" | scenario send "$smtp" $relay anna@example.com "fax=$there/class=none@fax.example" "${others[@]}")
blind=${blind##* }
like "the one that it names" "$(over "$blind")" '^refused 5.7.1 There is no such class'
equal "the others" "$(gw_sql north "SELECT count(*) FROM mail_recipients WHERE mail = '$blind' AND reason LIKE '%not addressed%'")" 60
equal "faxes of them, of one to another number" "$(faxes_of "$blind") $(faxes_of "$redirected")" "0 0"
# So a start in between cannot take them for recipients whose faxes are to be made.
equal "refused before the sender was recorded" "$(gw_sql north "SELECT count(*) FROM audit_record e JOIN audit_record i ON i.fax = e.fax
    WHERE e.fax = '$blind' AND e.event = 'mail.recipient_ended' AND i.event = 'mail.identified' AND e.index < i.index")" 60

note "a thousand recipients, and one after them"
for ((i = 0; i < 1000; i++)); do
    # Forty wait until tomorrow, the others want a class that there is not. No more than twenty wait at once.
    printf 'fax=+4930552%04d/%s@fax.example\n' "$i" "$( ((i >= 960)) && echo "at=$tomorrow" || echo class=none)"
done >"$GW_TOP/many"
mapfile -t many <"$GW_TOP/many"
# Each of them is named: half in To, half in Cc.
crowd=$({
    printf '%s\n' "$passed" "From: anna@example.com"
    sed 's/^/ </; s/$/>,/; 1s/^/To:/; 501s/^/Cc:/; 500s/,$//; $s/,$//' "$GW_TOP/many"
    printf '%s\n' "Subject: many" "" "To all."
} | scenario send "$smtp" $relay anna@example.com "${many[@]}" | sed 's/.* //')
note "the DNS does not answer"
kill "$dns"
sed 's/^Signed\./Signed later./' "$GW_TOP/unsigned" | scenario sign "$GW_TOP/dkim.key" signed.example s2 >"$GW_TOP/later"
later=$(signed=$GW_TOP/later dkim "fax=$there@fax.example")
has_dns_event() { [[ $(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'mail.held' AND record->>'cause' = 'dns'") == 1 ]]; }
holds "the message waits" until_true 120 has_dns_event
equal "and is nobody's" "$(field "$later" .principal) $(faxes_of "$later")" " 0"
# Another one that came four hours ago: its record says when, also to the next start.
sed 's/^Signed\./Signed long ago./' "$GW_TOP/unsigned" | scenario sign "$GW_TOP/dkim.key" signed.example s2 >"$GW_TOP/old"
old=$(signed=$GW_TOP/old dkim "fax=$there@fax.example")
is_there() { [[ $(field "$1" .id) == "$1" ]]; }
until_true 30 is_there "$old" || wrong "the message has no row"
gw_sql north "UPDATE mails SET accepted_at = accepted_at - interval '4 hours' + interval '3 seconds' WHERE mail = '$old'"
note "a client that does not hear the answer brings it again"
message "$there" "$passed" >"$GW_TOP/same"
# again [TO]: the very same octets
again() { scenario send "$smtp" $relay anna@example.com "${1:-fax=$there@fax.example}" <"${same:-$GW_TOP/same}" | sed 's/.* //'; }
taken=$(again)
equal "one of it" "$(again)" "$taken"
equal "many at once are one" "$(message "$there" "$passed" | scenario same "$smtp" $relay anna@example.com "fax=$there@fax.example" 8 | sort | uniq -c |
    sed -E 's/^ *([0-9]+) 250 2\.0\.0 accepted as .*/\1/')" 8
other=$(again "fax=$there/class=none@fax.example")
holds "wanted otherwise it is another" test "$other" != "$taken"
like "which ends" "$(over "$other")" '^refused 5.7.1 There is no such class'
holds "one of which nothing came may be brought again" test "$(again "fax=$there/class=none@fax.example")" != "$other"
sed '/^Message-ID/d' "$GW_TOP/same" >"$GW_TOP/nameless"
holds "without an identifier each is a message" test "$(same=$GW_TOP/nameless again "fax=$there/class=none@fax.example")" != \
    "$(same=$GW_TOP/nameless again "fax=$there/class=none@fax.example")"
bring "$there" "$passed"
note "killed after it was taken, and while its fax is on its way"
kill -9 "$(gw_role north control)"
gw_wait_ready north
equal "brought again after the start" "$(again)" "$taken"
like "and faxed" "$(over "$taken")" '^(delivered|uncertain|failed) '
equal "once, and the log has it" "$(faxes_of "$taken") $(gw_count_event north mail.repeated "$taken")" "1 2"
no_others() { [[ $(files) == "$(gw_sql north "SELECT count(DISTINCT substr(mail::text, 20)) FROM mails WHERE destroyed_at IS NULL")" ]]; }
holds "nothing is left of those that were not taken" until_true 10 no_others
like "one that has waited for four hours" "$(over "$old")" '^refused 5.7.1 The signature of the message could not be checked'
equal "the other waits on" "$(field "$later" '.recipient_list[0].state')" waiting
dns_start s2
# On a busy machine the first one has met its fax on the way already: then it has ended.
under_way() { [[ $(gw_sql north "SELECT count(*) FROM faxes WHERE mail = '$id' AND state IN ('sending', 'delivered', 'uncertain', 'failed')") == 1 ]]; }
until_true 120 under_way || wrong "it was not sent"
kill -9 "$(gw_role north control)"
gw_wait_ready north
like "it has one end" "$(over "$id")" '^(delivered|uncertain|failed) '
equal "and one fax" "$(faxes_of "$id") $(ends_of "$id")" "1 1"
like "the one whose key could not be had" "$(over "$later")" '^(delivered|uncertain|failed) '
equal "by whom it is" "$(field "$later" .identified_by)" dkim
counted() { gw_sql north "SELECT count(*) FILTER (WHERE f.state = 'queued') || ' ' || count(*) FILTER (WHERE r.state = 'refused')
    FROM mail_recipients r LEFT JOIN faxes f ON f.mail = r.mail AND f.mail_recipient = r.recipient WHERE r.mail = '$crowd'"; }
is_counted() { [[ $(counted) == "$1" ]]; }
until_true 120 is_counted "20 960" || wrong "of the crowd wait and were refused: $(counted)"
equal "faxes and ends of the crowd" "$(faxes_of "$crowd") $(ends_of "$crowd")" "20 960"
like "its message is kept, in a file with others that came with it" "$(find "$GW_TOP/north/vault/mail" -type f | wc -l)" "^[1-9]"

note "not before their time, high before usual before low, one at a time"
for mail in "$high" "$usual" "$low"; do like "delivered" "$(over "$mail")" '^delivered '; done
equal "in this order" "$(gw_sql north "SELECT string_agg(f.priority || '', ' ' ORDER BY a.started_at) FROM attempts a JOIN faxes f ON f.fax = a.fax
    WHERE a.trunk = 'narrow'")" "2 0 1"
equal "too early, or two at a time" "$(gw_sql north "SELECT count(*) FILTER (WHERE started_at < to_timestamp($moment)) || ' ' || count(*) FILTER (WHERE started_at < before)
    FROM (SELECT started_at, lag(ended_at) OVER (ORDER BY started_at) AS before FROM attempts WHERE trunk = 'narrow') x")" "0 0"
equal "as fine as wanted" "$(gw_sql north "SELECT string_agg(DISTINCT f.mail || ' ' || p.y_dpi, ',') FROM faxes f JOIN pages p ON p.fax = f.fax
    WHERE f.mail IN ('$usual', '$high') AND p.y_dpi = CASE f.mail WHEN '$usual' THEN 98 ELSE 391 END" | tr , '\n' | wc -l)" 2
# Counted in memory, and control was started three times.
like "reports, no more to one address than an hour may have" "$(gw_sql north "SELECT string_agg(f || ' ' || n, ', ' ORDER BY f) FROM (
    SELECT m.from_address AS f, count(*) AS n FROM audit_record a JOIN mails m ON m.mail = a.fax WHERE a.event = 'mail.queued'
    GROUP BY 1) x")" '^anna@example.com ([5-9]|1[0-5]), bert@signed.example [34]$'
given_up() { [[ $(gw_sql north "SELECT count(*) FILTER (WHERE event = 'mail.queued') || ' ' || count(*) FILTER (WHERE event = 'mail.failed')
    FROM audit_record") =~ ^([0-9]+)' '([0-9]+)$ && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]; }
holds "the relay stays away, and each report has an end when its time is over" until_true 120 given_up
equal "sent" "$(gw_count_event north mail.sent)" 0
equal "about what a program sent" "$(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'mail.queued' AND fax = '$automatic'")" 0

note "killed while many are being taken in"
scenario flood "$smtp" $relay many@example.com "fax=$there@fax.example" 16 40 >"$GW_TOP/answers" &
flood=$!
has_answers() { (($(wc -l <"$GW_TOP/answers") >= 60)); }
until_true 120 has_answers || wrong "few messages were taken: $(wc -l <"$GW_TOP/answers")"
kill -9 "$(gw_role north control)"
wait "$flood" || true
sed -n 's/^250 2.0.0 accepted as //p' "$GW_TOP/answers" | sort >"$GW_TOP/taken"
equal "what else was answered" "$(grep -cv '^250 2.0.0 accepted as ' "$GW_TOP/answers")" 0
gw_wait_ready north
gw_sql north "SELECT fax FROM audit_record WHERE event = 'mail.accepted'" >"$GW_TOP/recorded"
equal "taken and not recorded" "$(sort "$GW_TOP/recorded" | uniq | comm -23 "$GW_TOP/taken" - | wc -l)" 0
equal "recorded twice" "$(sort "$GW_TOP/recorded" | uniq -d | wc -l)" 0
equal "recorded and not among the messages" "$(gw_sql north "SELECT count(*) FROM audit_record a
    LEFT JOIN mails m ON m.mail = a.fax WHERE a.event = 'mail.accepted' AND m.mail IS NULL")" 0
# Each is read again before it ends: one that could not be opened would say so.
all_over() { [[ $(gw_sql north "SELECT count(*) FROM mails WHERE destroyed_at IS NULL AND mail <> '$crowd'") == 0 ]]; }
until_true 180 all_over || wrong "messages are left"
equal "that could not be read any more" "$(gw_sql north "SELECT count(*) FROM mail_recipients WHERE status = '5.3.0'")" 0
# All of them ended badly, for one reverse path.
storm() { gw_sql north "SELECT $1 FROM audit_record a JOIN mails m ON m.mail = a.fax WHERE m.from_address = 'many@example.com' AND $2"; }
ended=$(storm 'count(*)' "event = 'mail.recipient_ended'")
queued=$(storm 'count(*)' "event = 'mail.queued'")
# Control was started once meanwhile, and what may come at once is 5 each time.
like "reports of a storm" "$queued" '^([5-9]|1[0-2])$'
equal "and each that was not sent says so" "$(storm 'count(*)' "event = 'mail.recipient_ended' AND record->>'unreported' = 'too many reports to the sender'")" "$((ended - queued))"
holds "the log is told once a minute" test "$(gw_count_event north mail.unreported)" -le 6
only_crowd() { (($(files) == 1)); }
until_true 120 only_crowd || wrong "files are left: $(files)"
gw_end
