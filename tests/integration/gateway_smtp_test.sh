#!/usr/bin/env bash
# Mail clients at a gateway: real ones (swaks, openssl s_client, curl), and some that keep no rules.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_authority good
gw_authority other
gw_certificate gw good DNS:fax.example
gw_certificate scanner good DNS:scan.example
gw_certificate liar other DNS:scan.example
mkdir "$GW_TOP/lmtp"
chown sealfax:sealfax "$GW_TOP/lmtp" 2>/dev/null || true
while :; do
    smtp=$((RANDOM % 20000 + 20000))
    ! grep -qE ":($(printf '%04X' $smtp)|$(printf '%04X' $((smtp + 1)))) " /proc/net/tcp && break
done
gw_make north +4930551 lines.count=1 mail.domains=fax.example mail.host=gw.fax.example \
    "mail.listen=127.0.0.1:$smtp" "mail.listen_tls=127.0.0.1:$((smtp + 1))" mail.relays=127.0.0.9 \
    "mail.lmtp_socket=$GW_TOP/lmtp/socket" "mail.tls_certificate=$GW_TLS/gw.pem" \
    "mail.tls_key_file=$GW_TLS/gw.key.pem" "mail.tls_ca=$GW_TLS/good.ca" \
    mail.tls_clients=scan.example=clerk mail.max_message_mib=1 mail.max_recipients=3 \
    mail.greeting_delay_ms=200 journal.segment_bytes=65536
chown sealfax:sealfax "$GW_TOP/lmtp"
gw_start north
gw_provision north
gw_trunk north away 127.0.0.1 9 # nobody there

from=anna@example.com
to="$(gw_number north 3)"
to=+4930999${to: -4}
box="fax=$to/fine@fax.example"
printf 'correct horse battery\n' >"$GW_TOP/password"
printf 'another long secret\n' | admin north credential set clerk --user scan@example.com --password-file - >/dev/null
admin north credential set clerk --password-file "$GW_TOP/password" >/dev/null

# mail NAME OPTION...: swaks; what was said stays in $GW_TOP/NAME.said
mail() {
    local server=(--server 127.0.0.1 --port "$smtp")
    [[ $1 != lmtp ]] || server=(--protocol LMTP --socket "$GW_TOP/lmtp/socket")
    swaks "${server[@]}" --from "$from" --to "$box" --helo client.example --timeout 60 \
        --header 'Subject: a test' --body 'Hello.' "${@:2}" >"$GW_TOP/$1.said" 2>&1
}
# answers NAME: the codes and enhanced codes of the replies that refuse
answers() { grep -aoE '^<[~*-]*[*~-]? +[45][0-9]{2} [0-9.]+' "$GW_TOP/$1.said" | sed 's/^[^ ]* *//' | paste -sd, ; }
taken() { grep -aqE '^<~ +250 2\.0\.0 accepted as ' "$GW_TOP/$1.said"; }
count() { gw_sql north "SELECT count(*) FROM audit_record WHERE event = '$1' $2"; }
has_count() { [[ $(count "$1" "$3") == "$2" ]]; }
password=$(<"$GW_TOP/password")

note "credentials"
equal "who can sign in" "$(admin north --json credential list | jq -c '[.credentials[].user]')" '["clerk","scan@example.com"]'
like "a password that is too short" "$(echo short | admin north credential set clerk --password-file - 2>&1 || true)" '8 to 128'
like "nobody's" "$(admin north credential set bert --password-file "$GW_TOP/password" 2>&1 || true)" 'no such principal'
equal "the secret in clear in log and database" "$(gw_sql north "SELECT (SELECT count(*) FROM audit_record
    WHERE record::text LIKE '%correct horse%' OR record::text LIKE '%argon2%') +
    (SELECT count(*) FROM credentials WHERE sealed LIKE '%argon2%' OR length(sealed) < 200)")" 0

note "messages"
holds "STARTTLS and AUTH PLAIN" mail plain --tls --auth PLAIN --auth-user clerk --auth-password "$password"
holds "it was taken" taken plain
holds "AUTH LOGIN on the TLS port" mail login --port $((smtp + 1)) --tls-on-connect --auth LOGIN \
    --auth-user scan@example.com --auth-password 'another long secret'
holds "a client certificate" mail cert --tls --tls-cert "$GW_TLS/scanner.pem" --tls-key "$GW_TLS/scanner.key.pem"
holds "a relay" mail relay --local-interface 127.0.0.9
holds "PIPELINING" mail pipeline --pipeline --tls --auth PLAIN --auth-user clerk --auth-password "$password"
holds "LMTP" mail lmtp --to "$box,$box"
equal "answers of LMTP to content" "$(sed -n '/^ -> \.$/,$p' "$GW_TOP/lmtp.said" | grep -cE '^<-  250 2\.')" 2
equal "the socket" "$(stat -c '%a %U' "$GW_TOP/lmtp/socket")" "660 sealfax"
until_true 60 has_count mail.accepted 6 '' || true
equal "messages in the log" "$(count mail.accepted '')" 6

note "who may not"
mail nobody && wrong "somebody who has not signed in was served"
equal "without signing in" "$(answers nobody)" "530 5.7.0"
mail liar --tls --tls-cert "$GW_TLS/liar.pem" --tls-key "$GW_TLS/liar.key.pem" && wrong "a certificate of another authority was taken"
equal "a certificate of another authority" "$(answers liar)" "530 5.7.0"
mail clear --auth PLAIN --auth-user clerk --auth-password "$password" && wrong "a password in clear was taken"
like "a password in clear" "$(<"$GW_TOP/clear.said")" 'did not advertise|not.*auth|AUTH'
mail wrong --tls --auth PLAIN --auth-user clerk --auth-password wrong && wrong "a wrong password was taken"
equal "a wrong password" "$(answers wrong)" "535 5.7.8"
mail unknown --tls --auth PLAIN --auth-user bert --auth-password "$password" && wrong "an unknown user was taken"
equal "an unknown user" "$(answers unknown)" "535 5.7.8"
mail foreign --to "fax=$to@elsewhere.example" --local-interface 127.0.0.9 && wrong "mail was relayed"
equal "another domain" "$(answers foreign)" "550 5.7.1"
mail nonumber --to "anna@fax.example" --local-interface 127.0.0.9 && wrong "a recipient without number was taken"
equal "no number" "$(answers nonumber)" "550 5.1.3"
head -c 1500000 /dev/zero | base64 -w 76 >"$GW_TOP/large"
mail large --local-interface 127.0.0.9 --attach "@$GW_TOP/large" && wrong "a large message was taken"
equal "too large" "$(answers large)" "552 5.3.4"
python3 "$SOURCE_DIR/tests/integration/gateway_smtp.py" 127.0.0.1 "$smtp" "$to@fax.example" >"$GW_TOP/rules" || wrong "the client that keeps no rules"
said() { sed -n "s/^$1: //p" "$GW_TOP/rules"; }
equal "an early talker" "$(said early)" "554 5.5.0 end"
equal "commands behind STARTTLS" "$(said injected)" "554 5.5.0 end"
equal "a bare LF between commands" "$(said bare)" "550 5.6.11 end"
equal "LF dot LF in content" "$(said smuggled)" "550 5.6.11"
equal "LF dot CR LF in content" "$(said smuggled2)" "550 5.6.11"
equal "200 MB where 1 MiB may be" "$(said huge)" "552 5.3.4"
equal "BDAT" "$(said bdat)" "250"
equal "four recipients" "$(said four)" "452 4.5.3"
equal "openssl s_client" "$( (sleep 1; printf 'EHLO x\r\nQUIT\r\n') | openssl s_client -quiet -ign_eof -connect 127.0.0.1:$((smtp + 1)) \
    -CAfile "$GW_TLS/good.ca" -verify_return_error -verify_hostname fax.example 2>/dev/null | tr -d '\r' | grep -cE '^(220 gw.fax.example|250-AUTH PLAIN LOGIN|221 )')" 3

note "a revoked credential, a disabled principal"
admin north credential revoke clerk --user scan@example.com >/dev/null
mail revoked --tls --auth PLAIN --auth-user scan@example.com --auth-password 'another long secret' && wrong "a revoked password was taken"
equal "revoked" "$(answers revoked)" "535 5.7.8"
admin north user disable clerk >/dev/null
mail disabled --tls --auth PLAIN --auth-user clerk --auth-password "$password" && wrong "a disabled principal was served"
equal "disabled" "$(answers disabled)" "535 5.7.8"
mail disabledcert --tls --tls-cert "$GW_TLS/scanner.pem" --tls-key "$GW_TLS/scanner.key.pem" && wrong "a certificate of a disabled principal was taken"
equal "its certificate" "$(answers disabledcert)" "530 5.7.0"
admin north user enable clerk >/dev/null

note "who guesses waits"
equal "eight guesses, all at once" "$(python3 "$SOURCE_DIR/tests/integration/gateway_smtp.py" 127.0.0.1 "$smtp" guess 8)" waits

note "a stop"
gw_stop north
equal "exit status" "$GW_STATUS" 0
GW_STATUS=0
# From here on the journal lies on a file system of its own, a small one.
cat >"$GW_TOP/small" <<'EOT'
set -e
cp -a "$1" "$1.aside"
mount -t tmpfs -o "size=$(($(du -sk "$1" | cut -f 1) + 700))k" small "$1"
cp -a "$1.aside/." "$1"
exec "${@:2}"
EOT
unshare -m --propagation private bash "$GW_TOP/small" "$GW_TOP/north/journal" "$SEALFAX" serve --config "$GW_TOP/north.yaml" >>"$GW_TOP/north.log" 2>&1 &
GW_PID[north]=$!
gw_wait_ready north
equal "credentials after a restart" "$(admin north --json credential list | jq -c '[.credentials[].user]')" '["clerk"]'
again() { mail again --tls --auth PLAIN --auth-user clerk --auth-password "$password"; }
holds "signing in after a restart" until_true 60 again
holds "wrong passwords are in the log" test "$(count auth.failed '')" -gt 0
holds "sign-ins are in the log" test "$(count auth.succeeded "AND actor = 'clerk'")" -gt 0
holds "refused clients are in the log" test "$(count mail.client_refused '')" -ge 3
holds "the log" clerk north audit verify

note "a disk that is full while credentials and certificates are set"
on_disk() { nsenter -t "${GW_PID[north]}" -m "$@"; }
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=anna -addext keyUsage=keyEncipherment \
    -addext "nsComment=$(printf 'x%.0s' {1..1900})" -keyout /dev/null -out "$GW_TOP/anna.pem" 2>/dev/null
certificate() { admin north mail certificate set "$1@example.com" --file "$GW_TOP/anna.pem" 2>&1; }
on_disk dd if=/dev/zero "of=$GW_TOP/north/journal/filler" bs=4k status=none 2>/dev/null && wrong "it is not full"
# What the journal has kept for such a time is used up first.
set_ones=()
refusal=
for ((i = 0; i < 400; i++)); do
    refusal=$(certificate "anna$i") || break
    set_ones+=("anna$i@example.com")
done
like "the certificate that is refused, after ${#set_ones[@]}" "$refusal" 'no space|No space|cannot be recorded|could not be recorded'
refused=anna$i@example.com
like "a credential" "$(admin north credential set clerk --user late@example.com --password-file "$GW_TOP/password" 2>&1 || echo refused)" \
    '([Nn]o space|be recorded).*refused'
mail full --tls --auth PLAIN --auth-user clerk --auth-password "$password" && wrong "a message was taken on a full disk"
like "a message" "$(answers full)" '^4[0-9]{2} '
nothing_half() {
    equal "credentials, $1" "$(admin north --json credential list | jq -c '[.credentials[].user]')" '["clerk"]'
    holds "certificates, $1: just those that were set" diff <(admin north --json mail certificate list | jq -r '.certificates[].address' | sort) \
        <(printf '%s\n' "${set_ones[@]}" | sort)
}
nothing_half "on the full disk"
on_disk rm "$GW_TOP/north/journal/filler"
kill -9 "$(gw_role north control)"
gw_wait_ready north
nothing_half "by the log"
holds "the same certificate, with room" certificate "${refused%@*}"
set_late() { admin north credential set clerk --user late@example.com --password-file "$GW_TOP/password" >/dev/null 2>&1; }
holds "the same credential" until_true 60 set_late
holds "signing in with it" mail late --tls --auth PLAIN --auth-user late@example.com --auth-password "$password"
holds "the log" clerk north audit verify
gw_end
