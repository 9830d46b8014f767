#!/usr/bin/env bash
# Two whole gateways as customers of a carrier (kamailio), which asks for credentials on REGISTER and
# INVITE: by UDP with MD5, by TLS with SHA-256.
# shellcheck source=tests/integration/gateway_lib.sh
source "$(dirname "$0")/gateway_lib.sh"

TLS=$GW_TOP/tls
mkdir "$TLS"
chmod 0755 "$TLS"
SECRET=correct-horse-battery
CARRIER=127.29.$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
CARRIER_PORT=$((RANDOM % 4000 + 15060))

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=house" \
    -addext basicConstraints=critical,CA:TRUE -keyout "$TLS/house.key" -out "$TLS/house.ca" 2>/dev/null
chmod 0644 "$TLS/house.ca"
certificate() { # NAME ADDRESS
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$TLS/$1.key.pem" -out "$TLS/$1.csr" 2>/dev/null
    openssl x509 -req -in "$TLS/$1.csr" -CA "$TLS/house.ca" -CAkey "$TLS/house.key" -CAcreateserial \
        -days 1 -extfile <(echo "subjectAltName=IP:$2") -out "$TLS/$1.pem" 2>/dev/null
    chmod 0640 "$TLS/$1.key.pem"
    chgrp sealfax "$TLS/$1.key.pem"
    chmod 0644 "$TLS/$1.pem"
}

carrier_listens() { (: <"/dev/tcp/$CARRIER/$((CARRIER_PORT + 1))") 2>/dev/null; }
carrier_start() { # ALGORITHM
    local file
    for file in carrier.cfg tls.cfg; do
        sed -e "s|@ADDRESS@|$CARRIER|; s|@PORT@|$CARRIER_PORT|; s|@TLS_PORT@|$((CARRIER_PORT + 1))|" \
            -e "s|@DIRECTORY@|$TLS|; s|@ALGORITHM@|$1|; s|@PASSWORD@|$SECRET|" \
            "$SOURCE_DIR/tests/integration/kamailio/$file" >"$TLS/$file"
    done
    kamailio -DD -E -f "$TLS/carrier.cfg" -m 32 -M 4 -Y "$TLS" >>"$GW_TOP/carrier.log" 2>&1 &
    CARRIER_PID=$!
    GW_OTHERS+=("$CARRIER_PID")
    until_true 60 carrier_listens || {
        cat "$GW_TOP/carrier.log" >&2
        die "the carrier does not start"
    }
}
carrier_stop() {
    kill -TERM "$CARRIER_PID"
    wait "$CARRIER_PID" || true
}

customer() { # NAME PREFIX
    local name=$1
    gw_make "$name" "$2" "sip.tls_ca=$TLS/house.ca" "sip.tls_directory=$TLS" \
        "sip.tls_certificate=$TLS/$name.pem" "sip.tls_key_file=$TLS/$name.key.pem" \
        fax.reinvite_after_ms=200
    certificate "$name" "${GW_ADDRESS[$name]}"
    sed -i "s/^sip:/sip:\n  listen_tls: ${GW_ADDRESS[$name]}:$((GW_PORT[$name] + 1))/" "$GW_TOP/$name.yaml"
    gw_spawn "$name"
}
subscribe() { # NAME TRUNK PORT [OPTION...]: over UDP or TLS, with credentials and registration
    gw_trunk "$1" "$2" "$CARRIER" "$3" "${@:4}"
    credential "$1" "$2" "$SECRET"
    admin "$1" trunk registration set "$2" --user "$(gw_number "$1" 1)" --domain sealfax.test --expires 60 >/dev/null
}
credential() { # NAME TRUNK PASSWORD
    printf '%s\n' "$3" >"$GW_TOP/password"
    admin "$1" trunk credential set "$2" --user "$(gw_number "$1" 1)" --realm sealfax.test \
        --password-file "$GW_TOP/password" >/dev/null
}
registration() { admin "$1" --json trunk show "$2" | jq -r ".registration.$3"; }
is_registered() { [[ $(registration "$1" "$2" state) == registered ]]; }
has_failed() { [[ $(registration "$1" "$2" state) == failed ]]; }
attempt() { clerk "$1" --json fax show "$2" | jq -r ".attempts[-1].$3"; }
# fax_through N: a page from a to b's number 1, which b is registered as
fax_through() {
    local before=$IN
    FAX=$(gw_send a "$(gw_number a 1)" "$(gw_number b 1)" "$GW_TOP/page.txt")
    equal "state" "$(gw_wait_state a "$FAX" "$GW_ENDED" 180)" delivered
    until_true 60 gw_has_inbound b "$(gw_number b 1)" || die "nothing came"
    IN=$(gw_inbound b "$(gw_number b 1)")
    [[ $IN != "$before" ]] || wrong "nothing new came"
    equal "received" "$(gw_wait_state b "$IN" "$GW_ENDED" 120)" received
}
IN=

echo "one line of text" >"$GW_TOP/page.txt"
note "a carrier and two customers"
customer a +4930551
customer b +4930552
certificate carrier "$CARRIER"
carrier_start MD5
for name in a b; do
    gw_wait_ready "$name"
    gw_provision "$name"
    subscribe "$name" carrier "$CARRIER_PORT"
done

note "registered, and called by the registration, with credentials of MD5 over UDP"
for name in a b; do
    until_true 60 is_registered "$name" carrier || admin "$name" trunk show carrier
    equal "registration of $name" "$(registration "$name" carrier state)" registered
done
equal "granted" "$(registration b carrier granted)" 60
fax_through
equal "signalling" "$(attempt a "$FAX" signalling)" udp

note "a wrong password: a clear end, one answer for each challenge, an event"
credential a carrier not-the-password
until_true 60 has_failed a carrier || wrong "registered with a wrong password"
like "reason" "$(registration a carrier reason)" '^realm "sealfax\.test": the credentials were refused$'
FAX=$(gw_send a "$(gw_number a 1)" "$(gw_number b 1)" "$GW_TOP/page.txt")
equal "state" "$(gw_wait_state a "$FAX" "$GW_ENDED" 120)" failed
like "reason" "$(gw_fax a "$FAX" .reason)" 'the credentials were refused'
admin a trunk credential remove carrier >/dev/null
FAX=$(gw_send a "$(gw_number a 1)" "$(gw_number b 1)" "$GW_TOP/page.txt")
equal "without any" "$(gw_wait_state a "$FAX" "$GW_ENDED" 120)" failed
like "reason" "$(gw_fax a "$FAX" .reason)" 'no credentials for it'
until_true 60 gw_drained a || die "a does not drain"
like "failures recorded" "$(gw_count_event a trunk.registration_failed)" '^[12]$'
equal "registrations recorded" "$(gw_count_event a trunk.registered)" 1

note "no password and no HA1 anywhere but sealed"
HA1=$(printf '%s' "$(gw_number b 1):sealfax.test:$SECRET" | md5sum | cut -d ' ' -f 1)
gw_sql b "CHECKPOINT" 2>/dev/null || true
for secret in "$SECRET" "$HA1" not-the-password; do
    for name in a b; do
        holds "$name does not keep it" [ -z "$(grep -rlaF -- "$secret" "$GW_TOP/$name" "$GW_TOP/$name.log" || true)" ]
    done
done
like "what is kept" "$(gw_sql b "SELECT left(sealed, 14) FROM trunk_credentials")" '^5345414c534543$' # SEALSEC

note "by TLS and SHA-256"
carrier_stop
for name in a b; do
    admin "$name" trunk remove carrier >/dev/null
done
carrier_start SHA-256
for name in a b; do
    subscribe "$name" carrier $((CARRIER_PORT + 1)) --transport tls --express
    until_true 60 is_registered "$name" carrier || admin "$name" trunk show carrier
    equal "registration of $name" "$(registration "$name" carrier state)" registered
done
fax_through
like "signalling" "$(attempt a "$FAX" signalling)" '^tls TLSv1\.[23]'

note "the connection is lost: registered again on a new one; and taken back at the end"
saved() { grep -cE "SAVED \\$(gw_number "$1" 1) .*expires=$2" "$GW_TOP/carrier.log"; }
has_saved() { (($(saved "$1" "$2") > $3)); }
BEFORE=$(saved b 60)
carrier_stop
carrier_start SHA-256
holds "b came again" until_true 60 has_saved b 60 "$BEFORE"
equal "state of b" "$(registration b carrier state)" registered
equal "taken back before" "$(saved b 0)" 0
gw_stop b
equal "exit" "$GW_STATUS" 0
equal "taken back" "$(saved b 0)" 1
gw_verify a
gw_end
