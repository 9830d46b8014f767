#!/usr/bin/env bash
# PostgreSQL is stopped, then killed, in the middle of a call: receiving goes on, nothing is lost, and
# each event is in the database exactly once when it is back.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551
gw_up south +4930552
gw_connect north south
noise_pdf "$GW_TOP/one.pdf" 1
noise_pdf "$GW_TOP/two.pdf" 2

first=$(gw_send north "$(gw_number north 0)" "$(gw_number south 0)" "$GW_TOP/two.pdf")
gw_watch north "$first" "$GW_TOP/first.watch"
until_true 180 grep -qs 'page 1' "$GW_TOP/first.watch" || die "no page"
id=$(gw_inbound south "$(gw_number south 0)")
applied() { admin south --json status | jq .audit.applied; }
size() { admin south --json status | jq .audit.index; }
lag() { admin south --json status | jq .database.lag; }
before=$(applied)

note "PostgreSQL of the receiver does not answer"
server=$(gw_postmaster south)
backends() { gw_children "$server"; }
mapfile -t stopped < <(echo "$server"; backends)
kill -STOP "${stopped[@]}"
# A second call begins while it is away.
second=$(gw_send north "$(gw_number north 1)" "$(gw_number south 1)" "$GW_TOP/one.pdf")
until_true 180 grep -qs 'page 1 confirmed' "$GW_TOP/first.watch" || wrong "page 1 is not confirmed while the database is away"
page_waits() { [[ $(lag) -ge 3 ]]; }
holds "events wait in the journal: $(size) recorded, $(applied) applied" until_true 180 page_waits

note "it is killed"
kill -KILL "${stopped[@]}"
has_new_server() {
    local pid
    pid=$(gw_postmaster south 2>/dev/null) && [[ $pid != "$server" && -d /proc/$pid ]]
}
holds "a new one is started" until_true 120 has_new_server
equal "the first fax" "$(gw_wait_state north "$first" "$GW_ENDED" 180)" delivered
equal "the second fax" "$(gw_wait_state north "$second" "$GW_ENDED" 180)" delivered
holds "all events reach it" until_true 120 gw_drained south
holds "something happened meanwhile" test "$(applied)" -gt $((before + 5))

note "what came"
equal "the first fax at the receiver" "$(gw_wait_state south "$id" "$GW_ENDED" 120) $(gw_fax south "$id" .pages .pages_confirmed)" "received 2 2"
clerk north export --format pdf "$first" >"$GW_TOP/sent.pdf"
clerk south export --format pdf "$id" >"$GW_TOP/received.pdf"
for page in 1 2; do
    equal "pixels of page $page" "$(pixels "$GW_TOP/received.pdf" "$page")" "$(pixels "$GW_TOP/sent.pdf" "$page")"
done
equal "events of it in the database, once each" \
    "$(gw_sql south "SELECT string_agg(event || '=' || n, ' ' ORDER BY event) FROM (SELECT event, count(*) n FROM audit_record WHERE fax = '$id' AND event ~ '^(fax.offered|page|attempt.ended|fax.completed)' GROUP BY event) t")" \
    "attempt.ended=1 fax.completed=1 fax.offered=1 page.confirmed=2 page.received=2"
equal "indices without gap or repetition" \
    "$(gw_sql south "SELECT count(*) = max(index) + 1 AND count(DISTINCT index) = count(*) FROM audit_record")" t
for name in north south; do gw_verify "$name"; done

note "with the database away, nobody who has to be asked about in it is answered wrongly"
mapfile -t stopped < <(gw_postmaster south; server=$(gw_postmaster south) backends)
kill -STOP "${stopped[@]}"
status=0
timeout 100 setpriv --reuid "$GW_CLERK" --regid "$GW_CLERK" --clear-groups \
    env SEALFAX_SOCKET="$GW_TOP/south/run/api.sock" "$GW_TOP/sealfax" faxes >"$GW_TOP/out" 2>"$GW_TOP/err" || status=$?
equal "the list of faxes: exit code" "$status" 1
like "and why" "$(<"$GW_TOP/err")" '.'
kill -CONT "${stopped[@]}"
answers() { [[ $(clerk south --json faxes 2>/dev/null | jq '.faxes | length') == 2 ]]; }
holds "afterwards it is answered" until_true 120 answers
until_true 120 gw_drained south || wrong "the database lags"
gw_verify south
gw_end
