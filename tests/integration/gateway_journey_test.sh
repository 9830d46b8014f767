#!/usr/bin/env bash
# One journey: a person's mail (swaks) goes through the Postfix of docker/postfix to a gateway, from it by SIP and
# T.38 to another one, and from there through Postfix as signed and encrypted mail into a mailbox. The report comes
# back to the person. A second mail cannot be faxed, and the person reads why.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
source "$(dirname "$0")/mail_out_postfix.sh"

free_port() {
    local port
    while :; do
        port=$((RANDOM % 20000 + 20000))
        ! grep -qE ":$(printf '%04X' $port) " /proc/net/tcp && break
    done
    echo "$port"
}

gw_authority house
gw_authority people
smtp=$(free_port)
for name in north south; do
    [[ $name == north ]] && prefix=+4930551 || prefix=+4930552
    gw_configure "$name" "$prefix" lines.count=1 "sip.tls_ca=$GW_TLS/house.ca" "sip.tls_certificate=$GW_TLS/$name.pem" \
        "sip.tls_key_file=$GW_TLS/$name.key.pem" fax.reinvite_after_ms=200
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$name]}:$((GW_PORT[$name] + 1))/" "$GW_TOP/$name.yaml"
done
gw_each gw_init north south
for name in north south; do gw_certificate "$name" house "IP:${GW_ADDRESS[$name]}"; done
# As docker/README.md has it made: the other side believes this certificate and no other.
for name in gateway relay; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
        -addext "subjectAltName=DNS:$name" -keyout "$GW_TLS/$name.key.pem" -out "$GW_TLS/$name.pem" 2>/dev/null
done
chown sealfax "$GW_TLS/gateway.key.pem"
gw_certificate signer people "email:fax@south.example.test"
postfix_shipped relay people "${GW_ADDRESS[north]}:$smtp"
for name in anna bert; do postfix_mailbox "$name"; done
# out NAME HOST: how that gateway's mails go out
out() {
    cat >>"$GW_TOP/$1.yaml" <<EOT
mail:
  host: $2
  out_relay: smtp://localhost:$POSTFIX_PORT
  out_from: fax@$2
  out_tls_ca: $GW_TLS/relay.pem
  out_tls_name: relay
  out_retry_first_ms: 1000
EOT
}
out north fax.example.test
echo "  out_tls: may" >>"$GW_TOP/north.yaml"
cat >>"$GW_TOP/north.yaml" <<EOF2
  listen: ${GW_ADDRESS[north]}:$smtp
  domains: fax.example.test
  tls_certificate: $GW_TLS/gateway.pem
  tls_key_file: $GW_TLS/gateway.key.pem
EOF2
out south south.example.test
cat >>"$GW_TOP/south.yaml" <<EOF2
  sign_certificate: $GW_TLS/signer.pem
  sign_key_file: $GW_TLS/signer.key.pem
EOF2
for name in north south; do gw_spawn "$name"; done
for name in north south; do gw_wait_ready "$name"; done
gw_each gw_provision north south
for peer in "north south" "south north"; do
    read -r name other <<<"$peer"
    # Between two of ours a page does not take the time that a modem would need.
    gw_trunk "$name" "$other" "${GW_ADDRESS[$other]}" "$((GW_PORT[$other] + 1))" --prefix "${GW_PREFIX[$other]}" \
        --transport tls --express
done

note "the relay that compose.yaml has"
secret=$(openssl rand -hex 24)
equal "Postfix is content" "$(postconf -c "$POSTFIX/etc" 2>&1 >/dev/null; postfix -c "$POSTFIX/etc" check 2>&1)" ""
install -m 0600 /dev/null "$POSTFIX/login"
echo "[${GW_ADDRESS[north]}]:$smtp relay:$secret" >"$POSTFIX/login"
admin north user add relay --kind service >/dev/null
admin north credential set relay --password-file - <<<"$secret" >/dev/null
admin north grant add relay sender --from "${GW_PREFIX[north]}*" --to '+4930*' --mailbox office >/dev/null
admin north mail sender add anna@example.test --principal relay --from "$(gw_number north 7)" >/dev/null
postfix_start
like "what it may do" "$(sed -n 's/^CapBnd:\t//p' "/proc/$POSTFIX_PID/status")" '^00000000000000eb$'

note "who receives: encrypted to bert"
openssl req -newkey rsa:2048 -nodes -keyout "$GW_TOP/bert.key" -out "$GW_TOP/bert.csr" -subj /CN=bert 2>/dev/null
openssl x509 -req -in "$GW_TOP/bert.csr" -CA "$GW_TLS/people.ca" -CAkey "$GW_TLS/people.key" -CAcreateserial -days 2 \
    -out "$GW_TOP/bert.pem" -extfile <(echo keyUsage=keyEncipherment) 2>/dev/null
admin south mail certificate set bert@example.test --file "$GW_TOP/bert.pem" >/dev/null
admin south mailbox add bert --class secret --mail-to bert@example.test --mail-form smime >/dev/null
there=$(gw_number south 3)
admin south number remove "$there" >/dev/null
admin south number add "$there" --mailbox bert >/dev/null
admin south grant add clerk receiver --mailbox bert >/dev/null

note "two mails: one with a document, one with what is no document"
noise_pdf "$GW_TOP/offer.pdf" 2
printf 'MZ not a document' >"$GW_TOP/setup.exe"
# mail NAME RCPT OPTION...: by anna; what was said stays in $GW_TOP/NAME.said
mail() {
    swaks --server "$POSTFIX_ADDRESS" --port "$POSTFIX_PORT" --tls --helo anna.example.test --timeout 60 \
        --from anna@example.test --to "$2" --header-From 'Anna <anna@example.test>' --header-To "$to" \
        --header-Message-Id "<$1@example.test>" --header-Subject "$1 subject" "${@:3}" >"$GW_TOP/$1.said" 2>&1 ||
        { cat "$GW_TOP/$1.said"; die "swaks: $1"; }
}
to=fax=$there@fax.example.test
# swaks has no option for what stands behind a recipient; its own '>' becomes the end of ORCPT.
mail good "$to> NOTIFY=SUCCESS ORCPT=rfc822;<sales@example.test" --body 'Please find our offer.' \
    --attach-type application/pdf --attach "@$GW_TOP/offer.pdf"
mail bad "$to" --body 'Please install.' --attach-type application/octet-stream --attach-name setup.exe \
    --attach "@$GW_TOP/setup.exe"
(mail stranger "$to" --local-interface 127.0.0.77 --body 'Let me in.') >/dev/null 2>&1 && wrong "the relay serves strangers"
like "a stranger" "$(grep -aE '^<~\* ' "$GW_TOP/stranger.said")" '554 5\.7\.1'

note "what bert gets"
holds "a mail" until_true 180 has_mails bert 1
received=$(gw_inbound south "$there")
sent=$(gw_sql north "SELECT fax FROM faxes WHERE mail IS NOT NULL")
equal "the fax" "$(gw_fax north "$sent" .state .from .to .pages)" "delivered $(gw_number north 7) $there 3"
equal "in one attempt, by T.38" "$(gw_fax north "$sent" '[.attempts[].media] | join(",")')" t38
holds "opened by bert" openssl cms -decrypt -in "$(mail_of bert)" -inkey "$GW_TOP/bert.key" -recip "$GW_TOP/bert.pem" -out "$GW_TOP/signed.eml"
holds "signed by the gateway" openssl cms -verify -in "$GW_TOP/signed.eml" -CAfile "$GW_TLS/people.ca" -out "$GW_TOP/inner.eml"
equal "clear beside it" "$(grep -cE 'application/pdf|offer|4930551' "$(mail_of bert)" || true)" 0
python3 -c 'import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
assert sys.argv[3] in m.get_body().get_content()
open(sys.argv[2], "wb").write(list(m.iter_attachments())[0].get_content())' "$GW_TOP/inner.eml" "$GW_TOP/mailed.pdf" "$received"
clerk north export "$sent" --format pdf >"$GW_TOP/sealed.pdf"
equal "pages" "$(pdf_pages "$GW_TOP/mailed.pdf") $(pdf_pages "$GW_TOP/sealed.pdf")" "3 3"
seen=()
for page in 1 2 3; do
    seen+=("$(pixels "$GW_TOP/mailed.pdf" $page)")
    equal "pixels of page $page" "${seen[-1]}" "$(pixels "$GW_TOP/sealed.pdf" $page)"
done
equal "pages that differ from each other" "$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)" 3
like "what page 1 says" "$(pdftoppm -r 204 -l 1 -gray -x 0 -y 60 -W 1728 -H 500 "$GW_TOP/mailed.pdf" |
    OMP_THREAD_LIMIT=1 tesseract - - --psm 6 2>/dev/null | tr '\n' ' ')" 'Please find our offer'

note "what anna reads"
holds "two reports" until_true 120 has_mails anna 2
# report MESSAGE: its sentence, what it says of the recipient, whether it is well made
report() {
    python3 - "$(grep -l "^In-Reply-To: <$1@example.test>" "$POSTFIX"/mail/anna/new/*)" <<'EOF2'
import email, email.policy, sys
m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
assert m.get_content_type() == 'multipart/report' and m['Return-Path'] == '<>' and not m.defects
human, status, head = m.iter_parts()
whole, recipient = status.get_payload()
print(human.get_content().split('\n')[0], recipient['Action'], recipient['Status'], recipient['Original-Recipient'], sep='|')
EOF2
}
equal "of the first" "$(report good)" \
    "The fax was delivered: 3 pages confirmed by the receiver.|delivered|2.0.0|rfc822; <sales@example.test>"
# TLS need not be, and is there.
equal "how they came" "$(grep -hoE 'with ESMTPS?' "$POSTFIX"/mail/anna/new/* | sort -u)" "with ESMTPS"
equal "of the second" "$(report bad)" \
    "Attachments of the kind 'application/octet-stream' are not taken (setup.exe).|failed|5.6.1|rfc822; $to"

note "what the logs say"
over() { [[ $(gw_sql "$1" "$2") == "$3" ]]; }
holds "nothing is kept of the mails" until_true 60 over north \
    "SELECT count(*) FROM mails WHERE destroyed_at IS NOT NULL AND subject = ''" 2
equal "by whom they were brought" "$(gw_sql north "SELECT string_agg(DISTINCT principal || ' ' || identified_by, ', ') FROM mails")" "relay login"
equal "mails that wait" "$(for name in north south; do admin $name --json mail queue list --state queued | jq '.mails | length'; done | paste -sd' ')" "0 0"
for name in north south; do
    holds "$name has drained" until_true 60 gw_drained "$name"
    gw_verify "$name"
done
gw_end
