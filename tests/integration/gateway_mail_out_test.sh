#!/usr/bin/env bash
# Received faxes go out by mail: as attachment, encrypted, as a notice; by a real Postfix that is not
# trusted, away, and then there. What it cannot deliver comes back, and a sender gets a report.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
source "$(dirname "$0")/mail_out_postfix.sh"

gw_authority right
gw_authority wrong
gw_authority people
for name in north south; do
    [[ $name == north ]] && prefix=+4930551 || prefix=+4930552
    gw_make "$name" "$prefix" lines.count=1 "sip.tls_ca=$GW_TLS/right.ca" "sip.tls_certificate=$GW_TLS/$name.pem" \
        "sip.tls_key_file=$GW_TLS/$name.key.pem" fax.reinvite_after_ms=200
    gw_certificate "$name" right "IP:${GW_ADDRESS[$name]}" -days 1
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$name]}:$((GW_PORT[$name] + 1))/" "$GW_TOP/$name.yaml"
done
gw_certificate relay right "DNS:relay.example.test"
postfix_make relay
for name in anna bert carl dora emil gone; do postfix_mailbox "$name"; done
postfix_route gone@example.test "smtp:[${GW_ADDRESS[south]}]:2525" # which refuses it: the relay must report
postfix_route fax.example.test "smtp:[${GW_ADDRESS[south]}]:2525"
postfix_route local.example.test "lmtp:unix:$GW_TOP/lmtp/socket"
postfix_submission $((POSTFIX_PORT + 1)) fax 'a secret of the relay'
install -m 0640 -g sealfax /dev/null "$GW_TOP/relay.password"
echo 'not the secret' >"$GW_TOP/relay.password"
install -d -o sealfax -g postfix -m 2750 "$GW_TOP/lmtp"
# settings CA RELAY [SETTING...]: what south is told about the relay
settings() {
    sed -i '/^mail:/,$d' "$GW_TOP/south.yaml"
    cat >>"$GW_TOP/south.yaml" <<EOF
mail:
  listen: ${GW_ADDRESS[south]}:2525
  lmtp_socket: $GW_TOP/lmtp/socket
  domains: fax.example.test,local.example.test
  relays: 127.0.0.0/8
  trusted_host: mx.example.test
  out_relay: $2
  out_host: gateway.example.test
  out_from: fax@fax.example.test
  out_tls_ca: $GW_TLS/$1.ca
  out_tls_name: relay.example.test
  out_retry_first_ms: 500
  out_retry_most_ms: 1500
  attachment_classes: open
$(printf '  %s\n' "${@:3}")
EOF
}
settings wrong "smtp://localhost:$POSTFIX_PORT"
for name in north south; do gw_spawn "$name"; done
for name in north south; do gw_wait_ready "$name"; done
for name in north south; do gw_provision "$name"; done
for peer in "north south" "south north"; do
    read -r name other <<<"$peer"
    gw_trunk "$name" "$other" "${GW_ADDRESS[$other]}" "$((GW_PORT[$other] + 1))" --prefix "${GW_PREFIX[$other]}" \
        --transport tls --express
done
printf 'A short fax.\n' >"$GW_TOP/one.txt"

# person NAME OPTION...: a certificate for encryption, NAME.pem and NAME.key
person() {
    openssl req "${@:2}" -nodes -keyout "$GW_TOP/$1.key" -out "$GW_TOP/$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$GW_TOP/$1.csr" -CA "$GW_TLS/people.ca" -CAkey "$GW_TLS/people.key" \
        -CAcreateserial -days "${DAYS:-2}" -out "$GW_TOP/$1.pem" \
        -extfile <(echo "keyUsage=${USAGE:-keyEncipherment}"; echo "extendedKeyUsage=emailProtection") 2>/dev/null
}
certificate() { admin south mail certificate set "$1@example.test" --file "$GW_TOP/$1.pem"; }

note "certificates are checked when they are set"
person carl -newkey rsa:2048
person curve -newkey ec -pkeyopt ec_paramgen_curve:P-256
person weak -newkey rsa:1024
USAGE=digitalSignature person signer -newkey rsa:2048
holds "a good one" certificate carl
like "too short" "$(certificate weak 2>&1 || true)" 'less than 2048 bits'
like "not for encryption" "$(certificate signer 2>&1 || true)" 'does not allow encryption'
like "a curve without agreement" "$(certificate curve 2>&1 || true)" 'keyAgreement'
USAGE=keyAgreement person curve -newkey ec -pkeyopt ec_paramgen_curve:P-256
cp "$GW_TOP/curve.pem" "$GW_TOP/emil.pem"
holds "a curve" certificate emil
like "no certificate" "$(admin south mail certificate set a@b.test --file "$GW_TOP/one.txt" 2>&1 || true)" 'no certificate in PEM'
equal "listed" "$(admin south --json mail certificate list | jq -r '[.certificates[].address] | join(" ")')" \
    'carl@example.test emil@example.test'

note "mailboxes that mail"
like "an address with a line end" "$(admin south mailbox add evil --mail-to $'a@b.test\r\nBcc: c@d.test' 2>&1 || true)" 'mail addresses'
like "an unknown form" "$(admin south mailbox add evil --mail-to a@b.test --mail-form zip 2>&1 || true)" 'pdf, tiff, smime or notice'
n=0
# box NAME CLASS TO FORM: a mailbox with a number of its own
declare -A NUMBER=()
box() {
    admin south mailbox add "$1" --class "$2" --mail-to "$3" --mail-form "$4" >/dev/null
    NUMBER[$1]=$(gw_number south "$n")
    admin south number remove "${NUMBER[$1]}" >/dev/null
    admin south number add "${NUMBER[$1]}" --mailbox "$1" >/dev/null
    admin south grant add clerk receiver --mailbox "$1" >/dev/null
    n=$((n + 1))
}
box plain open anna@example.test,nobody@example.test pdf
box tiff open bert@example.test,gone@example.test tiff
box sealed secret carl@example.test,dora@example.test,emil@example.test smime
box closed secret dora@example.test pdf
equal "listed" "$(admin south --json mailbox list | jq -r '.mailboxes[] | select(.name == "plain") | (.mail_to | join("+")) + " " + .mail_form')" \
    'anna@example.test+nobody@example.test pdf'

note "faxes come while the relay shows a certificate of somebody else"
postfix_start
declare -A SENT=() CAME=()
for name in plain tiff sealed closed; do
    SENT[$name]=$(gw_send north "$(gw_number north 1)" "${NUMBER[$name]}" "$GW_TOP/one.txt")
done
for name in plain tiff sealed closed; do
    equal "fax for $name" "$(gw_wait_state north "${SENT[$name]}" "$GW_ENDED" 180)" delivered
    holds "it came" until_true 60 gw_has_inbound south "${NUMBER[$name]}"
    CAME[$name]=$(gw_inbound south "${NUMBER[$name]}")
done
queue() { admin south --json mail queue list "$@"; }
waiting() { queue --state queued | jq '.mails | length'; }
all_queued() { (($(waiting) == 8)); }
holds "eight mails wait" until_true 120 all_queued
tried() { (($(queue --state queued | jq '[.mails[] | select(.tries > 0)] | length') > 0)); }
holds "one was tried" until_true 60 tried
like "why it waits" "$(queue --state queued | jq -r '[.mails[] | select(.tries > 0)][0].answer')" '[Cc]ertificate|SSL'
equal "nothing was delivered" "$(mails anna) $(mails bert) $(mails carl) $(mails dora)" '0 0 0 0'

note "after a restart the relay is away"
postfix_stop
restarted=$(gw_sql south "SELECT now()")
gw_stop south
settings right "smtps://localhost:$((POSTFIX_PORT + 1))" "out_user: fax" "out_password_file: $GW_TOP/relay.password"
gw_start south
equal "all eight wait" "$(waiting)" 8
refused() { [[ $(queue --state queued | jq -r '[.mails[].answer] | join(" ")') =~ 'refused'|'connect' ]]; }
holds "it is asked for" until_true 60 refused
# Up to four were being tried; then one asks for all of them, every 1.5 s at last. Eight would write five records a second.
again() { (($(gw_sql south "SELECT count(*) FROM audit_record WHERE event = 'mail.deferred' AND time > '$restarted'") >= 7)); }
holds "again and again" until_true 120 again
equal "an outage costs few records" "$(gw_sql south "SELECT count(*) <= 6 + extract(epoch FROM max(time) - min(time))
    FROM audit_record WHERE event = 'mail.deferred' AND time > '$restarted'")" t
dropped=$(queue --state queued | jq -r '[.mails[] | select(.to == "nobody@example.test")][0].id')

note "the relay is back, and takes nothing from whoever does not sign in"
postfix_start
denied() { [[ $(queue --state queued | jq -r '[.mails[].answer] | join(" ")') =~ 'Login denied'|'535' ]]; }
holds "the password is wrong" until_true 60 denied
equal "which ends none of them" "$(gw_sql south "SELECT count(*) FROM audit_record WHERE event IN ('mail.sent', 'mail.failed')")" 0
echo 'a secret of the relay' >"$GW_TOP/relay.password"
none_waits() { (($(waiting) == 0)); }
holds "none waits" until_true 120 none_waits
for name in anna bert carl emil; do holds "a mail for $name" until_true 60 has_mails "$name" 1; done
holds "two for dora" until_true 60 has_mails dora 2
equal "each once" "$(mails anna) $(mails bert) $(mails carl) $(mails dora) $(mails emil)" '1 1 1 2 1'
equal "states" "$(gw_sql south "SELECT state || ' ' || count(*) FROM mail_outbox GROUP BY state ORDER BY state" | paste -sd' ')" 'failed 1 sent 7'
like "who is not there" "$(admin south --json mail queue show "$dropped" | jq -r '.state + " " + .answer')" '^failed 550 5.1.1 '
like "what the relay said" "$(queue --state sent | jq -r '.mails[0].answer')" '^250 2.0.0 Ok: queued as '

equal "signed in, under TLS" "$(grep -cE 'smtpd.*sasl_method=(PLAIN|LOGIN), sasl_username=fax' "$POSTFIX/log")" "$(gw_count_event south mail.sent)"
equal "how they came" "$(grep -hoE 'with ESMTPS?A?' "$(mail_of anna)" | tail -n 1)" "with ESMTPSA"

note "what they got"
python3 - "$POSTFIX/mail" "${CAME[plain]}" <<'EOF'
import email, email.policy, glob, sys
top, fax = sys.argv[1:]
def mail(name):
    return [email.message_from_bytes(open(f, 'rb').read(), policy=email.policy.default)
            for f in sorted(glob.glob(f'{top}/{name}/new/*'))]
for name in 'anna bert carl dora emil'.split():
    for m in mail(name):
        assert m['Auto-Submitted'] == 'auto-generated', m['Auto-Submitted']
        assert m['To'] == f'{name}@example.test', m['To']
        assert not m.defects and all(not p.defects for p in m.walk()), m.defects
anna, bert, carl, emil = (mail(n)[0] for n in ('anna', 'bert', 'carl', 'emil'))
text, pdf = list(anna.iter_parts())
assert pdf.get_content_type() == 'application/pdf' and pdf.get_filename() == f'fax-{fax}.pdf', pdf.get_filename()
assert fax in text.get_content() and '+4930551' in text.get_content()
open(f'{top}/anna.pdf', 'wb').write(pdf.get_content())
_, tiff = list(bert.iter_parts())
assert tiff.get_content_type() == 'image/tiff' and tiff.get_content()[:2] in (b'II', b'MM')
open(f'{top}/bert.tiff', 'wb').write(tiff.get_content())
for m, n in ((carl, 'carl'), (emil, 'emil')):
    assert m.get_content_type() == 'application/pkcs7-mime' and m.get_param('smime-type') == 'enveloped-data'
    assert '+4930551' not in m.as_string(), 'a number in full beside the encrypted content'
    open(f'{top}/{n}.p7m', 'wb').write(m.get_content())
for m in mail('dora'):
    assert m.get_content_type() == 'text/plain' and '+4930' not in m.as_string(), m.as_string()
    assert 'no certificate is registered' in m.get_content(), m.get_content()
EOF
clerk south export "${CAME[plain]}" --format pdf >"$GW_TOP/plain.pdf"
equal "pixels of the attachment" "$(pixels "$POSTFIX/mail/anna.pdf")" "$(pixels "$GW_TOP/plain.pdf")"
clerk south export "${CAME[tiff]}" --format tiff >"$GW_TOP/tiff.tiff"
equal "the TIFF" "$(sha256sum <"$POSTFIX/mail/bert.tiff")" "$(sha256sum <"$GW_TOP/tiff.tiff")"
clerk south export "${CAME[sealed]}" --format pdf >"$GW_TOP/sealed.pdf"
# decrypted NAME KEY: the PDF in a mail
decrypted() {
    openssl cms -decrypt -inform DER -in "$POSTFIX/mail/$1.p7m" -inkey "$GW_TOP/$2.key" -recip "$GW_TOP/$2.pem" -out "$GW_TOP/$1.eml"
    python3 -c 'import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
open(sys.argv[2], "wb").write(list(m.iter_parts())[1].get_content())' "$GW_TOP/$1.eml" "$GW_TOP/$1.pdf"
    pixels "$GW_TOP/$1.pdf"
}
equal "pixels, by RSA" "$(decrypted carl carl)" "$(pixels "$GW_TOP/sealed.pdf")"
equal "pixels, by an elliptic curve" "$(decrypted emil curve)" "$(pixels "$GW_TOP/sealed.pdf")"

note "what the relay takes and cannot deliver comes back"
is_bounced() { [[ $(queue | jq -r '.mails[] | select(.to == "gone@example.test") | .bounced') != null ]]; }
holds "it is noted" until_true 60 is_bounced
equal "once" "$(gw_count_event south mail.bounced)" 1
# say FROM TO: what south answers to a recipient
say() {
    python3 -c 'import smtplib, sys
s = smtplib.SMTP(sys.argv[1], 2525, "mx.example.test")
s.ehlo()
s.mail(sys.argv[2])
print(*s.rcpt(sys.argv[3]))' "${GW_ADDRESS[south]}" "$@"
}
path=$(sed -n 's/^Return-Path: <\(.*\)>/\1/p' "$(mail_of anna)")
like "a reverse path" "$path" '^fax\+b[a-z2-7]{39}@fax\.example\.test$'
like "from nobody" "$(say '' "$path")" '^250 '
like "from somebody" "$(say anna@example.test "$path")" '^550 .*5\.7\.1'
like "a forged one" "$(say '' "fax+b$(tr a-y b-z <<<"${path:5:39}")@fax.example.test")" '^550 '

note "a storm of bounces, while somebody else is served"
records() { gw_sql south "SELECT count(*) FROM audit_record WHERE event LIKE 'mail.%'"; }
before=$(records)
bounces() { python3 "$SOURCE_DIR/tests/integration/gateway_mail.py" bounces "${GW_ADDRESS[south]}" 2525 127.0.0.77 "$@"; }
bounces 4 150 "$path" >"$GW_TOP/known" &
known=$!
bounces 4 150 "fax+b$(tr a-y b-z <<<"${path:5:39}")@fax.example.test" +493055177@fax.example.test fax@fax.example.test >"$GW_TOP/forged" &
forged=$!
note "a message that cannot be faxed is reported to its sender"
admin south mail sender add anna@example.test --principal clerk --from "$(gw_number south 9)" >/dev/null
python3 - "$POSTFIX_ADDRESS" "$POSTFIX_PORT" <<'EOF'
import smtplib, ssl, sys
s = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), 'anna.example.test')
context = ssl._create_unverified_context()
s.starttls(context=context)
s.ehlo('anna.example.test')
s.mail('anna@example.test', ['ENVID=QQ314159+2B1', 'RET=FULL'])
s.rcpt('+493055177@fax.example.test', ['NOTIFY=FAILURE', 'ORCPT=rfc822;sales@example.test'])
code, text = s.data(b'Authentication-Results: mx.example.test; dkim=pass header.d=example.test\r\n'
                    b'From: Anna <anna@example.test>\r\nTo: +493055177@fax.example.test\r\n'
                    b'Subject: =?utf-8?q?f=C3=BCr_Sie?=\r\nMessage-ID: <offer.1@example.test>\r\n'
                    b'Date: Sun, 22 Nov 2026 08:00:00 +0000\r\n\r\nAn offer.\r\n')
assert code == 250, text
EOF
wait $known $forged
equal "of a mail that there is" "$(<"$GW_TOP/known")" '1 250:600'
holds "of others" test "$(grep -cE '^[123]( (cut off|421|5[0-9][0-9]):[0-9]+)+$' "$GW_TOP/forged")" -eq 3
equal "it is recorded once, as is the one before" "$(gw_count_event south mail.bounced)" 2
holds "a report comes" until_true 60 has_mails anna 2
holds "a storm costs few records" test "$(($(records) - before))" -le 30
equal "and no mails" "$(queue | jq '.mails | length')" 9
report=$(grep -l 'report-type=delivery-status' "$POSTFIX"/mail/anna/new/*)
python3 - "$report" <<'EOF'
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
assert m.get_content_type() == 'multipart/report' and m.get_param('report-type') == 'delivery-status'
assert m['Return-Path'] == '<>' and m['Auto-Submitted'] == 'auto-replied', m['Return-Path']
assert m['In-Reply-To'] == m['References'] == '<offer.1@example.test>', m['References']
assert m['To'] == 'anna@example.test' and m['From'] == 'Fax gateway <fax@fax.example.test>', m['From']
human, status, head = list(m.iter_parts())
print(human.get_content())
whole, recipient = status.get_payload()
assert whole['Reporting-MTA'] == 'dns; gateway.example.test', whole['Reporting-MTA']
assert whole['Original-Envelope-Id'] == 'QQ314159+1' and whole['Arrival-Date']
assert recipient['Final-Recipient'] == 'rfc822; +493055177@fax.example.test', recipient['Final-Recipient']
assert recipient['Original-Recipient'] == 'rfc822; sales@example.test', recipient['Original-Recipient']
assert recipient['Diagnostic-Code'].startswith('X-SIP; 404'), recipient['Diagnostic-Code']
assert recipient['Action'] == 'failed' and recipient['Status'].startswith('5.'), recipient['Status']
assert head.get_content_type() == 'text/rfc822-headers'
returned = email.message_from_string(head.get_content(), policy=email.policy.default)
assert returned['Subject'] == 'für Sie' and returned['Message-ID'] == '<offer.1@example.test>', returned['Subject']
assert returned['From'] == 'Anna <anna@example.test>' and returned['To'] == '+493055177@fax.example.test', returned['From']
assert returned['Date'] == 'Sun, 22 Nov 2026 08:00:00 +0000', returned['Date']
assert 'An offer.' not in m.as_string()  # RET=FULL is heard, and what was to be faxed is not mailed
EOF
note "LMTP from Postfix: one recipient is taken, the other is not"
swaks --server "$POSTFIX_ADDRESS" --port "$POSTFIX_PORT" --tls --helo anna.example.test --timeout 60 --from anna@example.test \
    --to "fax=+493055177@local.example.test,nobody@local.example.test" --header-To "<fax=+493055177@local.example.test>" \
    --header 'Subject: by LMTP' --add-header 'Authentication-Results: mx.example.test; dkim=pass header.d=example.test' \
    --header-Message-Id '<local.1@example.test>' --body Local. >"$GW_TOP/local.said" 2>&1 || wrong "Postfix did not take it: $(<"$GW_TOP/local.said")"
holds "two reports: of Postfix, and of the gateway" until_true 120 has_mails anna 4
# told PATTERN: what a report with this pattern says of its recipient
told() { grep -lE "$1" "$POSTFIX"/mail/anna/new/* | xargs -r grep -hE '^(Final-Recipient|Diagnostic-Code|Status|    )' | paste -sd' '; }
like "of the first" "$(told '^Reporting-MTA: dns; mx')" 'rfc822; nobody@local\.example\.test.*Status: 5\.1\.3 '
like "of the second" "$(told '^In-Reply-To: <local.1@')" 'rfc822; fax=\+493055177@local\.example\.test .*404'
equal "by which way it came" "$(gw_sql south "SELECT record->>'recipients' || ' ' || (record->>'lmtp') FROM audit_record
    WHERE event = 'mail.accepted' ORDER BY index DESC LIMIT 1")" "1 1"
holds "the message is gone" until_true 60 test "$(find "$GW_TOP/south/vault/mail" -type f | wc -l)" -eq 0

note "no report about a report"
# tell FROM: a message that cannot be faxed; prints its identifier
tell() {
    python3 -c 'import smtplib, sys
s = smtplib.SMTP(sys.argv[1], 2525, "mx.example.test")
s.ehlo()
s.mail(sys.argv[2])
s.rcpt("+493055177@fax.example.test")
code, text = s.data(b"From: anna@example.test\r\nTo: +493055177@fax.example.test\r\n\r\nx\r\n")
print(text.decode().split()[-1])' "${GW_ADDRESS[south]}" "$1"
}
taken=$(gw_count_event south mail.accepted)
looped=$(tell gone@example.test) # the relay takes its report, and then hears from us that there is no such number
own=$(tell +493055177@fax.example.test)
is_told() { [[ $(gw_sql south "SELECT count(*) FROM mail_outbox WHERE about = '$looped' AND state = 'sent'") == 1 ]]; }
holds "a report goes" until_true 30 is_told
is_dropped() { grep -q 'bounce.*\(discard\|sender non-delivery\)\|removed' "$POSTFIX/log" && [[ -z $(find "$POSTFIX/queue/active" "$POSTFIX/queue/deferred" "$POSTFIX/queue/incoming" -type f) ]]; }
holds "nothing of it is left with the relay" until_true 30 is_dropped
equal "nor comes back as a message" "$(($(gw_count_event south mail.accepted) - taken))" 2
unreported() { gw_sql south "SELECT record->>'unreported' FROM audit_record WHERE event = 'mail.recipient_ended' AND fax = '$own'"; }
has_ended() { [[ -n $(unreported) ]]; }
holds "one in our own name has ended" until_true 30 has_ended
equal "and is told to nobody" "$(unreported)" "the sender's address is one of the gateway's"

note "the log"
equal "who got it is said before it goes" "$(gw_sql south "SELECT count(*) > 7 FROM audit_record WHERE event = 'fax.mailed'")" t
equal "its form" "$(gw_sql south "SELECT string_agg(DISTINCT record->>'form', ' ' ORDER BY record->>'form') FROM audit_record
    WHERE event = 'fax.mailed' AND fax IN ('${CAME[plain]}', '${CAME[closed]}')")" 'notice pdf'
equal "addresses in records" "$(gw_sql south "SELECT count(*) FROM audit_record WHERE record::text LIKE '%example.test%' AND event LIKE '%mail%'")" 0
equal "nothing is due" "$(gw_sql south "SELECT count(*) FROM faxes WHERE mail_due <> ''")" 0
gw_verify south
# What was counted is in the log at the latest when the gateway stops.
gw_stop south
counted() { grep -aohE '"count":[0-9]+,"event":"mail.bounced_again"' "$GW_TOP"/south/journal/* | sed 's/[^0-9]*//; s/,.*//' | paste -sd+ | bc; }
equal "how often it came again" "$(counted)" 599
gw_end
