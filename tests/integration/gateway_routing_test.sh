#!/usr/bin/env bash
# Where calls go: peers by name (NAPTR, SRV) and by list, mute ones and full ones, other trunks, times,
# denied numbers, numbers as trunks want them, limits; and floods that are counted while calls go on.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
peers=$SOURCE_DIR/tests/integration/gateway_routing_peer.py
net=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1))
dns=$net.53

gw_make south +4930552
gw_make north +4930551 "sip.dns_server=$dns:5353" sip.breaker_failures=2 sip.source_requests_per_s=50 \
    retry.max_attempts=2 retry.first_delay_ms=500
for name in north south; do gw_spawn "$name"; done
south=${GW_ADDRESS[south]} port=${GW_PORT[south]}

start_peer() { # start_peer KIND ADDRESS
    python3 "$peers" peer "$2" 5070 "$1" "$GW_TOP/$1.peer" &
    GW_OTHERS+=($!)
    until_true 120 grep -qs ready "$GW_TOP/$1.peer" || die "the peer $1 does not start"
}
start_peer mute "$net.1"
start_peer busy "$net.2"
start_peer late "$net.3"
start_peer options "$net.4"
dnsmasq --keep-in-foreground --no-resolv --no-hosts --no-daemon --port=5353 --listen-address="$dns" \
    --bind-interfaces --conf-file=/dev/null --pid-file= --local-ttl=3 --auth-ttl=3 \
    --local=/carrier.test/ --host-record="greedy.carrier.test,$net.20,3" --host-record="mute.carrier.test,$net.1,3" --host-record="south.carrier.test,$south,3" \
    --srv-host="_sip._udp.carrier.test,mute.carrier.test,5070,1,10" \
    --srv-host="_sip._udp.carrier.test,south.carrier.test,$port,2,10" \
    --naptr-record=any.carrier.test,10,10,S,SIP+D2U,,_sip._udp.carrier.test \
    >"$GW_TOP/dns.log" 2>&1 &
GW_OTHERS+=($!)
for name in north south; do gw_wait_ready "$name"; done
for name in north south; do gw_provision "$name"; done
number() { gw_number south "$1"; }

note "trunks and routes"
# What trunks of the same peers are for is told by routes: none of them takes the faxes of another.
gw_trunk south north "${GW_ADDRESS[north]}" "${GW_PORT[north]}" --rewrite-in '00>+,0>+49'
admin north trunk add greedy --host greedy.carrier.test --port 5060 --max-calls-per-second 5 --prefix +99 >/dev/null
add() { # add TRUNK NUMBER OPTION...
    admin north trunk add "$1" "${@:3}" >/dev/null || wrong "trunk $1 cannot be added"
    admin north route add "$1" --trunk "$1" --prefix "$(number "$2")" >/dev/null || wrong "no route $1"
}
add named 1 --host carrier.test
add any 2 --host any.carrier.test --transport any
add late 3 --host "$net.3" --port 5070 --peers "$south:$port"
add full 4 --host "$net.2" --port 5070 --peers "$south:$port;priority=7"
add dead 5 --host "$net.9" --port 5071
add rescue 6 --host "$south" --port "$port"
admin north route add second --trunk rescue --prefix "$(number 5)" --priority 20 >/dev/null
add national 7 --host "$south" --port "$port" --rewrite '+49>0,+>00'
add single 8 --host "$south" --port "$port" --max-calls 1
add probed 9 --host "$net.4" --port 5070 --peers "$net.1:5070" --probe 1
admin north trunk add resting --host "$net.2" --port 5070 --prefix +98 --probe 1 >/dev/null
add nowhere 0 --host nothing.carrier.test
printf 'A short letter.\n' >"$GW_TOP/letter.txt"
send() { gw_send north "$(gw_number north 1)" "$(number "$1")" "$GW_TOP/letter.txt"; }
declare -A fax=()
for n in 1 2 3 4 5 7 8; do fax[$n]=$(send "$n"); done
fax[again]=$(send 8)

note "what is refused"
refused() { # refused WHAT TO FROM PATTERN
    local text
    text=$(clerk north send --as "$3" --to "$2" - <"$GW_TOP/letter.txt" 2>&1) && wrong "$1: taken"
    like "$1" "$text" "$4"
}
admin north grant add clerk sender --from "${GW_PREFIX[north]}*" --to '*' --mailbox office >/dev/null
admin north route add rest --trunk rescue --prefix '' --time 'Mo-Su 00:00-24:00' >/dev/null
refused "an emergency number" 112 "$(gw_number north 1)" 'numbers of 112 are denied'
refused "a premium number" +49900123456 "$(gw_number north 1)" 'numbers of .49900. are denied'
admin north number add +4930559999 --mailbox office >/dev/null
refused "the number of others as one's own" "$(number 1)" +4930559999 'Not permitted: '
equal "each has its event" "$(until_true 120 gw_drained north && gw_count_event north fax.refused)" 3
judge() { admin north --json route test "$@" | jq -r '"\(.outcome) \(.trunks | join(","))"'; }
equal "route test: denied" "$(judge --to 112)" "denied "
admin north route add firebrigade --trunk rescue --prefix 112 >/dev/null
equal "route test: named" "$(judge --to 112)" "found rescue"
admin north trunk add strips --host "$net.9" --port 5071 --prefix +4970 --rewrite '+4970>' >/dev/null
equal "route test: denied as it would be dialled" "$(judge --to +4970110)" "found rescue"
refused_by=$(admin north --json route test --to +4970110 | jq -r '.routes[] | select(.trunk == "strips") | .verdict')
like "route test: says so" "$refused_by" 'denied'
equal "route test: neighbours stay denied" "$(judge --to 110)" "denied "
equal "route test: order" "$(judge --to "$(number 5)")" "found dead,rescue"
admin north route remove rest >/dev/null
fax[0]=$(send 0)
admin north route add night --trunk named --prefix +33 --time 'Mo-Fr 18:00-08:00' --class office >/dev/null
equal "route test: closed" "$(judge --to +33123456 --class office --at 2026-11-23T12:00)" "closed "
equal "route test: open" "$(judge --to +33123456 --class office --at 2026-11-23T20:00)" "found named"
equal "route test: another class" "$(judge --to +33123456 --class secret --at 2026-11-23T20:00)" "none "
like "route test for people" "$(admin north route test --to +33123456 2>&1 || true)" 'for other numbers|another class'

note "floods"
north=${GW_ADDRESS[north]} north_port=${GW_PORT[north]}
python3 "$peers" flood "$net.30" "$north" "$north_port" 20000 2 "$(gw_number north 2)" >"$GW_TOP/stranger.flood" &
GW_OTHERS+=($!)
stranger=$!
python3 "$peers" flood "$net.20" "$north" "$north_port" 300 2 "$(gw_number north 2)" >"$GW_TOP/greedy.flood"
wait "$stranger" || wrong "the flood failed"
cat "$GW_TOP/stranger.flood" "$GW_TOP/greedy.flood"
note "where they went"
delivered() { equal "$1" "$(gw_wait_state north "${fax[$2]}" "$GW_ENDED" 180)" delivered; }
attempts() { gw_fax north "${fax[$1]}" '.attempts | length' '.attempts[0].trunk'; }
delivered "by SRV, the first target mute" 1
delivered "by NAPTR" 2
delivered "another peer answers too late" 3
delivered "the first peer is full" 4
delivered "the first trunk is dead" 5
equal "within one attempt, on the second trunk" "$(attempts 5)" "1 rescue"
delivered "numbers as the trunk wants them" 7
delivered "one at a time, the first" 8
delivered "one at a time, the second" again
equal "a name that leads nowhere" "$(gw_wait_state north "${fax[0]}" "$GW_ENDED" 180)" failed
like "says so" "$(gw_fax north "${fax[0]}" .reason)" 'leads to no address'
for name in north south; do until_true 120 gw_drained "$name" || wrong "the database of $name lags"; done
event_time() { # event_time NAME EVENT TO: when it was recorded, in microseconds
    gw_sql "$1" "SELECT (record->>'time') FROM audit_record WHERE event = '$2' AND fax = '$3'"
}
first=$(sed -n 's/ INVITE .*//p' "$GW_TOP/mute.peer" | head -n 1)
second=$(event_time south fax.offered "$(gw_inbound south "$(number 1)")")
failover=$(awk -v a="$first" -v b="$second" 'BEGIN { printf "%d", b / 1000 - a * 1000 }')
echo "{\"figure\": \"sip.failover\", \"milliseconds\": $failover}"
holds "the second target had the call within three seconds ($failover ms)" test "$failover" -le 3000
equal "the late answer was acknowledged and ended" \
    "$(awk '$2 == "ACK" || $2 == "BYE" { print $2 }' "$GW_TOP/late.peer" | sort -u | tr '\n' ' ')" "ACK BYE "
equal "calls that came for it at the other peer" "$(clerk south --json faxes --direction in --limit 100 |
    jq --arg to "$(number 3)" '[.faxes[] | select(.to == $to)] | length')" 1
equal "the full peer was asked once" "$(grep -c INVITE "$GW_TOP/busy.peer")" 1
equal "and is held back as long as it asked" "$(gw_sql north "SELECT record->>'held_ms' FROM audit_record
    WHERE event = 'trunk.peer_down' AND record->>'trunk' = 'resting'")" 60000
equal "never two calls on the trunk for one" "$(gw_sql north "SELECT count(*) FROM attempts a JOIN attempts b ON a.trunk = 'single'
    AND b.trunk = 'single' AND a.fax < b.fax AND a.started_at < b.ended_at AND b.started_at < a.ended_at")" 0
holds "OPTIONS were sent" grep -q OPTIONS "$GW_TOP/options.peer"
probe_down() { [[ $(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'trunk.peer_down' AND record->>'trunk' = 'probed'") == 1 ]]; }
until_true 120 probe_down || wrong "the mute peer was not found by OPTIONS"

note "counts of the floods"
drops=$(awk -v p="$(printf ':%04X' "$north_port")" -v a="$(IFS=. read -r w x y z <<<"$north" && printf '%02X%02X%02X%02X' "$z" "$y" "$x" "$w")" \
    '$2 == a p { print $NF }' /proc/net/udp)
gw_stop north
gw_start north
until_true 120 gw_drained north || wrong "the database lags"
peer_sum() { # peer_sum EVENT TRUNK-CONDITION
    gw_sql north "SELECT coalesce(sum((record->>'count')::int), 0) FROM audit_record WHERE event = '$1' AND $2"
}
sent=$(sed -n 's/^sent \([0-9]*\).*/\1/p' "$GW_TOP/stranger.flood")
refused=$(peer_sum call.refused "record->>'reason' = 'the address belongs to no trunk'")
dropped=$(peer_sum source.limited "record->>'trunk' = ''")
echo "strangers: $sent sent, $drops lost in the kernel, $refused answered, $dropped not even read"
greedy=$(sed -n 's/^sent \([0-9]*\).*/\1/p' "$GW_TOP/greedy.flood")
limited=$(peer_sum source.limited "record->>'trunk' = 'greedy'")
judged=$(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'call.refused' AND record->>'actor' = 'trunk:greedy'")
equal "every request of both is counted" "$((refused + dropped + limited + judged + drops))" "$((sent + greedy))"
equal "the flood of a name's address is of its trunk" "$((judged + limited))" "$greedy"
holds "the trunk was held to its rate ($judged of $greedy calls were judged)" test "$judged" -le 40
holds "events did not grow with the flood" test "$(gw_count_event north source.limited)" -le 20
read -r _ _ _ out _ back _ <"$GW_TOP/stranger.flood"
holds "answers to strangers are no more than they sent" test "$back" -le $((2 * out))
for name in north south; do gw_verify "$name"; done
gw_end
