# A real Postfix as relay, with mailboxes of its own, in a directory of the test. To be sourced after
# gateway_lib.sh.
# shellcheck shell=bash disable=SC2034

POSTFIX=$GW_TOP/postfix
POSTFIX_DOMAIN=example.test
POSTFIX_CONFINED=() # by what it is started

# postfix_make CERTIFICATE: chooses a port; the names of the mailboxes follow by postfix_mailbox
postfix_make() {
    local uid gid service
    uid=$(id -u "$GW_CLERK")
    gid=$(id -g "$GW_CLERK")
    POSTFIX_ADDRESS=127.0.0.1
    POSTFIX_PORT=$((RANDOM % 20000 + 10025))
    install -d -m 0755 "$POSTFIX" "$POSTFIX/etc" "$POSTFIX/queue"
    install -d -m 0755 -o postfix "$POSTFIX/data"
    install -d -m 0700 -o "$GW_CLERK" "$POSTFIX/mail"
    : >"$POSTFIX/etc/mailboxes"
    : >"$POSTFIX/etc/transport"
    cat >"$POSTFIX/etc/main.cf" <<EOF
compatibility_level = 3.6
queue_directory = $POSTFIX/queue
data_directory = $POSTFIX/data
maillog_file = $POSTFIX/log
maillog_file_prefixes = $POSTFIX
myhostname = mx.$POSTFIX_DOMAIN
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = $POSTFIX_DOMAIN
virtual_mailbox_base = $POSTFIX/mail
virtual_mailbox_maps = texthash:$POSTFIX/etc/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:$uid
virtual_gid_maps = static:$gid
relay_domains = fax.$POSTFIX_DOMAIN, local.$POSTFIX_DOMAIN
transport_maps = texthash:$POSTFIX/etc/transport
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = $GW_TLS/$1.pem
smtpd_tls_key_file = $GW_TLS/$1.key.pem
message_size_limit = 104857600
mailbox_size_limit = 0
virtual_mailbox_limit = 0
EOF
    {
        echo "$POSTFIX_ADDRESS:$POSTFIX_PORT inet n - n - - smtpd"
        for service in cleanup:0 tlsmgr:1 rewrite:- bounce:0 defer:0 trace:0 proxymap:- \
            smtp:- lmtp:- showq:- error:- retry:- discard:- anvil:1 scache:1; do
            case ${service%:*} in
            rewrite) echo "rewrite unix - - n - - trivial-rewrite" ;;
            defer | trace) echo "${service%:*} unix - - n - 0 bounce" ;;
            retry) echo "retry unix - - n - - error" ;;
            cleanup) echo "cleanup unix n - n - 0 cleanup" ;;
            tlsmgr) echo "tlsmgr unix - - n 1000? 1 tlsmgr" ;;
            *) echo "${service%:*} unix - - n - ${service#*:} ${service%:*}" ;;
            esac
        done
        echo "qmgr unix n - n 300 1 qmgr"
        echo "virtual unix - n n - - virtual"
        echo "postlog unix-dgram n - n - 1 postlogd"
    } >"$POSTFIX/etc/master.cf"
}

# postfix_shipped CERTIFICATE CA GATEWAY: in its place the relay of docker/postfix, whose house is this machine: only
# addresses and file names are others, and it has mailboxes. CA signed the house's certificates, GATEWAY ADDRESS:PORT
# shows $GW_TLS/gateway.pem. The login for it is to be in $POSTFIX/login. It may do what its container may.
postfix_shipped() {
    postfix_make "$1"
    cp "$SOURCE_DIR/docker/postfix/main.cf" "$POSTFIX/etc/main.cf.new"
    grep -E '^(queue_directory|data_directory|virtual_.*|maillog_file.*) =' "$POSTFIX/etc/main.cf" >"$POSTFIX/etc/own"
    mv "$POSTFIX/etc/main.cf.new" "$POSTFIX/etc/main.cf"
    mapfile -t POSTFIX_OWN <"$POSTFIX/etc/own"
    postconf -c "$POSTFIX/etc" -e "${POSTFIX_OWN[@]}" "fax_domain=fax.$POSTFIX_DOMAIN" "fax_gateway=[${3%:*}]:${3##*:}" \
        "house_addresses=127.0.0.1" "fax_gateway_address=127.0.0.1" "inet_interfaces=$POSTFIX_ADDRESS" \
        "smtpd_tls_chain_files=$GW_TLS/$1.key.pem, $GW_TLS/$1.pem" "smtp_tls_CAfile=$GW_TLS/$2.ca" \
        "gateway_certificate=$GW_TLS/gateway.pem" "smtp_sasl_password_maps=texthash:$POSTFIX/login"
    sed "s/^2525 /$POSTFIX_ADDRESS:$POSTFIX_PORT /" "$SOURCE_DIR/docker/postfix/master.cf" >"$POSTFIX/etc/master.cf"
    echo "virtual unix - n n - - virtual" >>"$POSTFIX/etc/master.cf"
    POSTFIX_CONFINED=(setpriv --no-new-privs --inh-caps=-all --bounding-set
        "-all$(sed -n '/^  relay:/,/^  [a-z]*:$/s/^    cap_add: \[\(.*\)\]$/,\1/p' "$SOURCE_DIR/docker/compose.yaml" |
            tr '[:upper:]' '[:lower:]' | sed 's/, */,+/g')")
}

# postfix_mailbox NAME: NAME@example.test is taken
postfix_mailbox() { echo "$1@$POSTFIX_DOMAIN $1/" >>"$POSTFIX/etc/mailboxes"; }

# postfix_submission PORT USER PASSWORD: TLS from the first octet, and nobody is served who does not sign in
postfix_submission() {
    mkdir "$POSTFIX/etc/sasl" # where Debian's Postfix looks
    printf '%s\n' "pwcheck_method: auxprop" "auxprop_plugin: sasldb" "sasldb_path: $POSTFIX/sasldb" \
        "mech_list: PLAIN LOGIN" >"$POSTFIX/etc/sasl/smtpd.conf"
    saslpasswd2 -f "$POSTFIX/sasldb" -c -p -u "$POSTFIX_DOMAIN" "$2" <<<"$3"
    chown postfix "$POSTFIX/sasldb"
    postconf -c "$POSTFIX/etc" -e "smtpd_sasl_local_domain = $POSTFIX_DOMAIN"
    echo "$POSTFIX_ADDRESS:$1 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes" \
        "-o smtpd_client_restrictions=permit_sasl_authenticated,reject" >>"$POSTFIX/etc/master.cf"
}

# postfix_route ADDRESS-OR-DOMAIN WHERE
postfix_route() { echo "$1 $2" >>"$POSTFIX/etc/transport"; }

postfix_start() {
    "${POSTFIX_CONFINED[@]}" postfix -c "$POSTFIX/etc" start >>"$POSTFIX/start.log" 2>&1 || {
        cat "$POSTFIX/start.log" "$POSTFIX/log" >&2
        die "Postfix does not start"
    }
    POSTFIX_PID=$(tr -d ' ' <"$POSTFIX/queue/pid/master.pid")
    GW_OTHERS+=("$POSTFIX_PID")
}

postfix_stop() {
    kill -TERM "$POSTFIX_PID"
    until_true 60 postfix_is_gone || die "Postfix does not stop"
}
postfix_is_gone() { ! kill -0 "$POSTFIX_PID" 2>/dev/null; }

# mails NAME: how many a mailbox holds; mail_of NAME [N]: the file of the N-th (1)
mails() { find "$POSTFIX/mail/$1" -type f -path '*/new/*' 2>/dev/null | wc -l; }
mail_of() { find "$POSTFIX/mail/$1" -type f -path '*/new/*' | sort | sed -n "${2:-1}p"; }
has_mails() { (($(mails "$1") >= $2)); }
