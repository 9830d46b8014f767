#!/usr/bin/env bash
# mail.accept_rate: messages of 50 kB that a gateway takes in durably (answered 250), without TLS. The
# gateway and its database have one processor, the client another.
# mail.to_invite: from the 250 of a message to the INVITE of its fax, one page, by the times in the log.
# shellcheck source-path=SCRIPTDIR
export SOURCE_DIR=${SOURCE_DIR:?the top of the sources} SEALFAX=${SEALFAX:?the program}
source "$SOURCE_DIR/tests/integration/gateway_lib.sh" >&2
client=$BUILD_DIR/tests/mail_bench
messages=${MAIL_BENCH_MESSAGES:-4000}
connections=${MAIL_BENCH_CONNECTIONS:-32}
port=$((RANDOM % 4000 + 20000))

{
    gw_make north +4930551 lines.count=1 mail.listen=127.0.0.1:$port mail.domains=fax.example \
        mail.relays=127.0.0.1 mail.trusted_host=relay.example mail.greeting_delay_ms=0 mail.max_connections_of_peer=100
    gw_start north
    gw_provision north
    gw_trunk north peer 127.0.0.1 9 --prefix +4930552
    admin north mail sender add anna@example.com --principal clerk --from "$(gw_number north 1)"
} >&2

invited() {
    (($(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'attempt.started'") >= $1))
}
for i in 1 2 3 4 5; do
    printf '%s\n' "Authentication-Results: relay.example; dkim=pass header.d=example.com" "From: anna@example.com" \
        "To: <fax=+493055200$i@fax.example>" "Subject: one page" "" "A page." |
        swaks --server "127.0.0.1:$port" --from anna@example.com --to "fax=+493055200$i@fax.example" --data - >/dev/null
    until_true 20 invited "$i" || true
done
to_invite=$(gw_sql north "SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.time - m.accepted_at) * 1000))
    FROM mails m JOIN faxes f ON f.mail = m.mail JOIN audit_record a ON a.fax = f.fax AND a.event = 'attempt.started'")
printf '{"name":"mail.to_invite","value":%s,"unit":"ms"}\n' "${to_invite:-null}"

# One processor for all of the gateway, its threads and children.
one() {
    local pid
    for pid in $(gw_tree "$1"); do taskset -acp 0 "$pid" >/dev/null 2>&1 || true; done
}
gw_tree() {
    local child
    echo "$1"
    for child in $(gw_children "$1"); do gw_tree "$child"; done
}
one "${GW_PID[north]}"
# cpu ROLE: clock ticks that its processes have used
cpu() {
    local pid
    for pid in $(gw_role north "$1"); do awk '{ print $14 + $15 }' "/proc/$pid/stat"; done | awk '{ all += $1 } END { print all + 0 }'
}
before=$(($(cpu control) + $(cpu keeper)))
rate=$(taskset -c 1 "$client" 127.0.0.1 "$port" "fax=+493055299@fax.example" "$messages" "$connections" 50000) || rate=null
printf '{"name":"mail.accept_rate","value":%s,"unit":"messages/s"}\n' "$rate"
after=$(($(cpu control) + $(cpu keeper)))
printf '{"name":"mail.accept_cpu","value":%s,"unit":"ms"}\n' "$(awk "BEGIN { print ($after - $before) * 10 / $messages }")"
