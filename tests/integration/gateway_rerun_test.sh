#!/usr/bin/env bash
# Starting again: a second init changes nothing, a stop lets calls finish, a second SIGTERM ends them,
# state survives; a supervisor that was killed leaves nothing that hinders the next.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551 stop.drain_timeout_ms=120000
gw_up south +4930552
gw_connect north south
noise_pdf "$GW_TOP/one.pdf" 1
keys() { find "$GW_TOP/north/keeper" "$GW_TOP/north/secrets" -maxdepth 1 -type f -exec sha256sum {} + | sort; }

note "init while it runs, and after a stop"
before=$(keys)
again() { "$SEALFAX" init --config "$GW_TOP/north.yaml" --create-accounts --admin other --admin-uid 12345 >"$GW_TOP/init" 2>&1; }
status=0
again || status=$?
equal "while it runs: exit code" "$status" 1
like "while it runs" "$(tail -n 1 "$GW_TOP/init")" 'a gateway .pid [0-9]+. runs with this state directory already'
gw_stop north
equal "exit status" "$GW_STATUS" 0
again || wrong "a second init fails: $(<"$GW_TOP/init")"
like "it says what is there" "$(<"$GW_TOP/init")" 'there already'
gw_start north
equal "keys and passwords" "$(keys)" "$before"
equal "administrators" "$(admin north --json grant list | jq -r '[.grants[] | select(.role == "administrator") | .principal] | join(" ")')" admin

note "SIGTERM in the middle of a page: the call finishes, a new one is refused"
draining=$(gw_send north "$(gw_number north 0)" "$(gw_number south 0)" "$GW_TOP/one.pdf")
gw_watch north "$draining" "$GW_TOP/draining.watch"
until_true 180 grep -qs 'page 1' "$GW_TOP/draining.watch" || die "no page"
sleep 2
kill -TERM "${GW_PID[north]}"
sleep 1
turned_away=$(gw_send south "$(gw_number south 1)" "$(gw_number north 1)" "$GW_TOP/one.pdf")
status=0
text=$(clerk north send --as "$(gw_number north 0)" --to "$(gw_number south 2)" - <"$GW_TOP/one.pdf" 2>&1) || status=$?
equal "a fax submitted meanwhile: exit code" "$status" 1
like "a fax submitted meanwhile" "$text" 'sealfax: .'
like "a call to it meanwhile" "$(gw_wait_state south "$turned_away" "$GW_ENDED" 180) $(gw_fax south "$turned_away" '.attempts[0].sip_code')" 'failed 503'
gw_reap north
equal "exit status" "$GW_STATUS" 0
like "what the watch saw" "$(tail -n 1 "$GW_TOP/draining.watch")" 'delivered'
holds "PostgreSQL is stopped" test ! -e "$GW_TOP/north/database/postmaster.pid"

note "started again"
gw_start north
equal "the fax" "$(gw_state north "$draining")" delivered
equal "its pages" "$(clerk north export --format pdf "$draining" >"$GW_TOP/out.pdf" && pdf_pages "$GW_TOP/out.pdf")" 1
equal "the clerk's grants" "$(admin north --json grant list | jq '[.grants[] | select(.principal == "clerk")] | length')" 3
gw_verify north

note "SIGTERM twice: the call ends at once"
cut=$(gw_send north "$(gw_number north 0)" "$(gw_number south 3)" "$GW_TOP/one.pdf")
gw_watch north "$cut" "$GW_TOP/cut.watch"
until_true 180 grep -qs 'page 1' "$GW_TOP/cut.watch" || die "no page"
kill -TERM "${GW_PID[north]}"
sleep 1
from=$SECONDS
kill -TERM "${GW_PID[north]}"
gw_reap north
holds "it took $((SECONDS - from)) s" test $((SECONDS - from)) -lt 30

note "the supervisor is killed: what it leaves does not hinder the next"
gw_start north
like "the fax that was cut off" "$(gw_state north "$cut")" '^(uncertain|failed)$'
gw_verify north
server=$(gw_postmaster north)
mapfile -t children < <(gw_children "${GW_PID[north]}")
kill -KILL "${GW_PID[north]}"
gw_reap north
all_gone() {
    local pid
    for pid in "${children[@]}"; do [[ ! -d /proc/$pid ]] || return 1; done
}
holds "its processes end by themselves" until_true 120 all_gone
gw_start north
holds "another PostgreSQL runs" test "$(gw_postmaster north)" != "$server"
equal "the fax is still there" "$(gw_state north "$draining")" delivered
for name in north south; do gw_verify "$name"; done
gw_end
