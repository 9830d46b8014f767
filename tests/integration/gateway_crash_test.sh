#!/usr/bin/env bash
# SIGKILL in the middle of a fax: of a line, of control, of everything. Only the calls of a killed
# line end; faxes get the states that promise 4 says; what is uncertain is not sent again; what was
# queued goes on; the log verifies; no page is in clear in any file.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
search=$BUILD_DIR/tests/gateway_search_prog
since=$(date +%s)

# Three victims that send to and receive from a fourth gateway. Those of which control or all is
# killed take two calls at a time, so that a third fax is queued.
gw_make sink +4930550
gw_make line +4930551 lines.count=2
gw_make ctrl +4930552 lines.count=1 lines.max_calls=2
gw_make whole +4930553 lines.count=1 lines.max_calls=2
victims=(line ctrl whole)
for name in sink "${victims[@]}"; do gw_spawn "$name"; done
for name in sink "${victims[@]}"; do gw_wait_ready "$name"; done
for name in sink "${victims[@]}"; do gw_provision "$name"; done
for name in "${victims[@]}"; do gw_connect "$name" sink; done

# Four pages, so that both calls are in one of the last three for a minute, however slow all else is. What has to
# come to its end is shorter: pages of the same document.
noise_pdf "$GW_TOP/four.pdf" 4
pdfseparate -l 2 "$GW_TOP/four.pdf" "$GW_TOP/page-%d.pdf"
pdfunite "$GW_TOP"/page-{1,2}.pdf "$GW_TOP/two.pdf"
cp "$GW_TOP/page-1.pdf" "$GW_TOP/one.pdf"

for name in "${victims[@]}"; do
    for role in control keeper line; do
        for pid in $(gw_role "$name" "$role"); do
            like "$name: core dumps of $role are off" "$(awk '/Max core file size/ { print $5 }' "/proc/$pid/limits")" '^0$'
        done
    done
done

calls_of() { admin "$1" --json status | jq -r '[.lines[] | "\(.pid):\(.calls)"] | sort | join(" ")'; }
# placed NAME BEFORE: the pid of the line that has got a call since
line_has_more() { [[ $(calls_of "$1") != "$2" ]]; }
placed() {
    until_true 120 line_has_more "$1" "$2" || die "no line of $1 takes the call"
    comm -13 <(tr ' ' '\n' <<<"$2" | sort) <(calls_of "$1" | tr ' ' '\n' | sort) | head -n 1 | cut -d : -f 1
}
in_call() { [[ $(gw_state "$1" "$2" 2>/dev/null) =~ ^(sending|receiving)$ ]]; }

# That of 'line' is under way too when the line is killed.
extra_document() { if [[ $1 == line ]]; then echo "$GW_TOP/two.pdf"; else echo "$GW_TOP/one.pdf"; fi; }
# The calls that come to it go on.
far_document() { if [[ $1 == line ]]; then echo "$GW_TOP/two.pdf"; else echo "$GW_TOP/four.pdf"; fi; }

# strike NAME: SIGKILL when both calls are past their first page; of 'line' the one that comes may be in it
control=$(gw_role ctrl control)
past_first() { grep -qs 'page [234] of 4' "$GW_TOP/$1.watch" && grep -qs "page $([[ $1 == line ]] && echo '[12]' || echo '[234]')" "$GW_TOP/$1.watch.in"; }
strike() {
    local name=$1 pids=()
    until_true 180 past_first "$name" || die "$name does not come to page 2"
    sleep 2 # into the page
    equal "$name: still in both calls" "$(gw_state "$name" "${out[$name]}") $(gw_state "$name" "${in[$name]}")" "sending receiving"
    case $name in
    whole)
        mapfile -t pids < <(gw_children "${GW_PID[whole]}")
        pids+=("${GW_PID[whole]}")
        ;;
    ctrl) pids=("$control") ;;
    line) pids=("$victim_line") ;;
    esac
    kill -KILL "${pids[@]}"
}

note "two calls at each victim, a third fax queued where there is no room"
declare -A out=() in=() extra=() far=() strikes=()
n=0
for name in "${victims[@]}"; do
    before=$(calls_of "$name")
    out[$name]=$(gw_send "$name" "$(gw_number "$name" 0)" "$(gw_number sink $((3 * n)))" "$GW_TOP/four.pdf")
    gw_watch "$name" "${out[$name]}" "$GW_TOP/$name.watch"
    line_of_out=$(placed "$name" "$before")
    before=$(calls_of "$name")
    far[$name]=$(gw_send sink "$(gw_number sink 9)" "$(gw_number "$name" 1)" "$(far_document "$name")")
    line_of_in=$(placed "$name" "$before")
    until_true 120 gw_has_inbound "$name" "$(gw_number "$name" 1)" || die "no call came to $name"
    in[$name]=$(gw_inbound "$name" "$(gw_number "$name" 1)")
    gw_watch "$name" "${in[$name]}" "$GW_TOP/$name.watch.in"
    if [[ $name == line ]]; then
        victim_line=$line_of_out
        holds "two calls are on two lines" test "$line_of_in" != "$line_of_out"
    fi
    before=$(calls_of "$name")
    extra[$name]=$(gw_send "$name" "$(gw_number "$name" 2)" "$(gw_number sink $((3 * n + 1)))" "$(extra_document "$name")")
    if [[ $name == line ]]; then
        line_of_extra=$(placed line "$before")
    else
        equal "$name: the third fax waits" "$(gw_state "$name" "${extra[$name]}")" queued
    fi
    if [[ $name == whole ]]; then
        clerk whole export --format tiff "${out[whole]}" >"$GW_TOP/planted.tif"
        clerk whole export --format pdf "${out[whole]}" >"$GW_TOP/planted.pdf"
    fi
    # None waits for another: a busy machine puts seconds between them.
    (trap - EXIT && strike "$name") >"$GW_TOP/$name.strike" 2>&1 &
    strikes[$name]=$!
    GW_OTHERS+=("$!")
    n=$((n + 1))
done

note "SIGKILL: a line, control, everything, each after the first page"
for name in "${victims[@]}"; do
    struck=0
    wait "${strikes[$name]}" || struck=$?
    cat "$GW_TOP/$name.strike"
    GW_FAILURES=$((GW_FAILURES + $(grep -c '^WRONG: ' "$GW_TOP/$name.strike" || true)))
    ((struck == 0)) || die "$name was not struck"
done
gw_reap whole

note "no page in clear in any file"
"$search" --magic "$GW_TOP/planted.tif" "$GW_TOP/four.pdf" "$GW_TOP/whole" "$GW_TOP/ctrl" "$GW_TOP/line" ||
    wrong "pages in clear in the state directories"
pattern=$(</proc/sys/kernel/core_pattern)
places=(/tmp /dev/shm /var/tmp "$PWD")
[[ $pattern != /* ]] || places+=("$(dirname "$pattern")")
[[ ! -d /var/lib/systemd/coredump ]] || places+=(/var/lib/systemd/coredump)
"$search" --newer "$since" "$GW_TOP/planted.tif" "$GW_TOP/four.pdf" "${places[@]}" || wrong "pages in clear in ${places[*]}"
note "the same search finds what is planted"
mkdir "$GW_TOP/plants"
for kind in t6 t6-reversed rows rows-inverted document tiff pdf; do
    "$search" --plant "$kind" "$GW_TOP/planted.tif" "$GW_TOP/four.pdf" "$GW_TOP/plants/$kind"
    status=0
    "$search" --magic "$GW_TOP/planted.tif" "$GW_TOP/four.pdf" "$GW_TOP/plants" >"$GW_TOP/plants.log" || status=$?
    equal "planted $kind: found" "$status" 1
    like "planted $kind: named" "$(head -n 1 "$GW_TOP/plants.log")" "plants/$kind: "
    rm "$GW_TOP/plants/$kind"
done
rm -r "$GW_TOP/plants"

note "up again"
gw_start whole
gw_wait_ready ctrl
has_new_control() { [[ $(gw_role ctrl control) =~ ^[0-9]+$ && $(gw_role ctrl control) != "$control" ]]; }
holds "control was started again" until_true 120 has_new_control
holds "its supervisor is the same" kill -0 "${GW_PID[ctrl]}"
two_lines() {
    local lines
    lines=$(gw_role line line)
    [[ $(wc -l <<<"$lines") == 2 && ! $lines =~ (^|[[:space:]])$victim_line($|[[:space:]]) ]]
}
holds "a new line was started" until_true 120 two_lines
niceness() { ps -o ni= -p "$1" | tr -d ' '; }
equal "niceness of a line" "$(niceness "$(gw_role line line | head -n 1)")" $(($(niceness "${GW_PID[line]}") - 5))
late=$(gw_send line "$(gw_number line 3)" "$(gw_number sink 8)" "$GW_TOP/one.pdf")

note "states"
for name in "${victims[@]}"; do
    equal "$name: what it sent" "$(gw_wait_state "$name" "${out[$name]}" "$GW_ENDED" 120)" uncertain
    like "$name: pages confirmed of it" "$(gw_fax "$name" "${out[$name]}" .pages_confirmed)" '^[123]$'
    like "$name: reason" "$(gw_fax "$name" "${out[$name]}" .reason)" 'the gateway stopped during the call|the line process died'
done
for name in ctrl whole; do
    equal "$name: what it received" "$(gw_wait_state "$name" "${in[$name]}" "$GW_ENDED" 120)" partial
    like "$name: pages of it" "$(gw_fax "$name" "${in[$name]}" .pages '.page_list | length')" '^(1 1|2 2|3 3)$'
    clerk "$name" export --format pdf "${in[$name]}" >"$GW_TOP/in.pdf" || wrong "$name: the page is not to be had"
    equal "$name: the page that was confirmed is there" "$(pixels "$GW_TOP/in.pdf")" "$(pixels "$GW_TOP/planted.pdf")"
done
# The call on the other line went on; one on the same line ended.
if [[ $line_of_extra == "$victim_line" ]]; then should=uncertain; else should=delivered; fi
equal "line: a call on another line than the killed one, or not" "$(gw_wait_state line "${extra[line]}" "$GW_ENDED" 180)" "$should"
equal "line: what it received on the other line" "$(gw_wait_state line "${in[line]}" "$GW_ENDED" 180)" received
equal "line: the next fax" "$(gw_wait_state line "$late" "$GW_ENDED" 180)" delivered
for name in ctrl whole; do
    equal "$name: what was queued" "$(gw_wait_state "$name" "${extra[$name]}" "$GW_ENDED" 180)" delivered
done

note "never twice, never lost"
n=0
for name in "${victims[@]}"; do
    equal "$name: attempts of what is uncertain" "$(gw_fax "$name" "${out[$name]}" '.attempts | length')" 1
    equal "$name: calls that reached the peer for it" \
        "$(clerk sink --json faxes --direction in --limit 100 | jq --arg to "$(gw_number sink $((3 * n)))" '[.faxes[] | select(.to == $to)] | length')" 1
    until_true 120 gw_drained "$name" || wrong "the database of $name lags"
    equal "$name: submitted = ended" "$(gw_count_event "$name" fax.submitted)" \
        "$(gw_sql "$name" "SELECT count(*) FROM faxes WHERE direction = 'out' AND state IN ('delivered', 'uncertain')")"
    equal "$name: one end each" "$(gw_sql "$name" "SELECT max(n) FROM (SELECT count(*) AS n FROM audit_record WHERE event = 'fax.completed' GROUP BY fax) t")" 1
    equal "$name: nothing in incoming" "$(find "$GW_TOP/$name/vault/incoming" -type f | wc -l)" 0
    n=$((n + 1))
done
for name in "${victims[@]}"; do
    like "the sender's view of the crash of $name" "$(gw_wait_state sink "${far[$name]}" "$GW_ENDED" 180)" \
        "$([[ $name == line ]] && echo delivered || echo 'uncertain|partial')"
done
for name in sink "${victims[@]}"; do gw_verify "$name"; done
gw_end
