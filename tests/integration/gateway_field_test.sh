#!/usr/bin/env bash
# What goes wrong with T.38 in the field, as the trackers of others tell it: sessions refreshed and descriptions
# changed in mid-page, in both directions; a peer behind an address translation, and others that would
# steal its media; a peer that wants audio back at the end; one that never says goodbye. Each fax
# arrives in one attempt, and no call is left.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
peers=$SOURCE_DIR/tests/integration/gateway_field_peer.py
address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).1

# At 9600 bit/s a page lasts until our own refresh, which cannot come before 45 s.
GW_NUMBERS=1
gw_up north +4930551 fax.max_rate=9600 sip.session_expires_s=90 lines.count=1
noise_pdf "$GW_TOP/long.pdf" 1
echo "one line of text" >"$GW_TOP/short.txt"

declare -A number=() fax=()
free_port() {
    local port
    while :; do
        port=$((RANDOM % 10000 + 10000))
        port_free "$address" "$port" && break
    done
    echo "$port"
}
# peer KIND DOCUMENT [TRUNK OPTION...]: and a fax for it
peer() {
    local port
    port=$(free_port)
    number[$1]=+4930560${#number[@]}
    python3 "$peers" "$address" "$port" "$1" "$BUILD_DIR/tests/gateway_trace_prog" "$GW_TOP/$1.peer" 2>"$GW_TOP/$1.errors" &
    GW_OTHERS+=($!)
    until_true 120 grep -qs ready "$GW_TOP/$1.peer" || { cat "$GW_TOP/$1.errors"; die "the peer $1 does not start"; }
    gw_trunk north "peer-$1" "$address" "$port" --prefix "${number[$1]}" --t38-first "${@:3}"
    fax[$1]=$(gw_send north "$(gw_number north 0)" "${number[$1]}" "$GW_TOP/$2")
}
peer answers long.pdf
peer refresh long.pdf
peer changes long.pdf
peer wants-audio short.txt
peer stuck short.txt
peer nat short.txt --nat
peer port0 short.txt
peer undecided short.txt

note "each fax arrives, in one attempt"
# arrived KIND
arrived() {
    equal "$1: state" "$(gw_wait_state north "${fax[$1]}" "$GW_ENDED" 180)" delivered
    equal "$1: attempts" "$(gw_fax north "${fax[$1]}" '.attempts | length')" 1
    until_true 60 grep -q '^machine' "$GW_TOP/$1.peer" || wrong "$1: the machine has not ended"
    equal "$1: pages that the machine got" "$(sed -n 's/^machine //p' "$GW_TOP/$1.peer")" "1 pages"
    equal "$1: what the peer complains of" "$(<"$GW_TOP/$1.errors")" ""
}
for kind in wants-audio stuck nat; do arrived "$kind"; done

note "media of a peer behind an address translation"
until_true 60 gw_drained north || wrong "the database lags"
holds "others sent to its port, and were counted" test "$(gw_sql north "SELECT record->>'packets_foreign' FROM audit_record
    WHERE event = 'attempt.ended' AND fax = '${fax[nat]}'")" -ge 40
note "a T.38 line that is refused in the first answer"
fell_back() { [[ $(gw_count_event north media.fallback "${fax[port0]}") == 1 ]]; }
holds "the call goes on over audio" until_true 120 fell_back
equal "in one attempt" "$(gw_fax north "${fax[port0]}" '.attempts | length')" 1
like "in the same call: audio was offered, then T.38 once more" "$(grep -c '< INVITE' "$GW_TOP/port0.peer")" '^[3-9]$'

note "a peer that never says whether it takes T.38"
undecided() { [[ $(gw_count_event north media.fallback "${fax[undecided]}") == 1 ]]; }
holds "the call goes on over audio" until_true 120 undecided
equal "and says why" "$(gw_sql north "SELECT record->>'cause' FROM audit_record WHERE event = 'media.fallback'
    AND fax = '${fax[undecided]}'")" "T.38 was not agreed in time"
equal "undecided: what the peer complains of" "$(<"$GW_TOP/undecided.errors")" ""
clerk north fax cancel "${fax[undecided]}" >/dev/null 2>&1 || true # it may have heard no fax long enough

note "sessions that are refreshed in mid-page"
for kind in refresh changes answers; do arrived "$kind"; done
answers() { grep -c "^answer .*m=image [1-9][0-9]* udptl" "$GW_TOP/$1.peer" || true; }
holds "refresh: several, each answered with T.38" test "$(answers refresh)" -ge 5
equal "refresh: none refused" "$(grep -c '< SIP/2.0 [3-6]' "$GW_TOP/refresh.peer" || true)" 0
equal "refresh: always the same answer" "$(grep '^answer' "$GW_TOP/refresh.peer" | sort -u | wc -l)" 1
equal "changes: none refused" "$(grep -c '< SIP/2.0 [3-6]' "$GW_TOP/changes.peer" || true)" 0
equal "changes: each answered with T.38" "$(answers changes)" 7
holds "answers: we refreshed it, with our description" grep -q '< INVITE sip:gw@' "$GW_TOP/answers.peer"

note "nothing is left"
idle() { admin north --json status | jq -e '.calls <= 1 and ([.lines[].calls] | add) <= 1' >/dev/null; }
holds "no call but the one over audio" until_true 60 idle
gw_verify north
gw_end
