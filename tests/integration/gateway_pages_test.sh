#!/usr/bin/env bash
# Two gateways: documents of one and five pages and a TIFF, both ways at the same time. Every page
# arrives pixel for pixel, in T.85, the statistics are there, the log of both verifies. A page of A3 at
# 408 dpi arrives as what the receiver takes: as it is, or less.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551
gw_up south +4930552 fax.wide=false
gw_connect north south

qpdf "$GW_DATA/text_10p.pdf" --pages . 1-5 -- "$GW_TOP/five.pdf"
documents=("$GW_DATA/text_a4.pdf" "$GW_TOP/five.pdf" "$GW_DATA/letter.tif")
counts=(1 5 1)
peer() { if [[ $1 == north ]]; then echo south; else echo north; fi; }

note "sending three documents each way"
# No call is prepared while the lines are stopped, so that the watches see calls from the beginning.
lines=()
for name in north south; do
    while read -r pid; do lines+=("$pid"); done < <(gw_role "$name" line)
done
((${#lines[@]} >= 2)) || die "there are no lines"
kill -STOP "${lines[@]}"
declare -A sent=()
for from in north south; do
    to=$(peer "$from")
    for i in 0 1 2; do
        sent[$from$i]=$(gw_send "$from" "$(gw_number "$from" "$i")" "$(gw_number "$to" "$i")" "${documents[i]}") ||
            die "document $i of $from was not taken"
        gw_watch "$from" "${sent[$from$i]}" "$GW_TOP/$from$i.watch"
        until_true 120 grep -qs queued "$GW_TOP/$from$i.watch" || wrong "fax watch tells nothing"
    done
done
printf 'a line of A3\n' >"$GW_TOP/line.txt"
wide=$(gw_send north "$(gw_number north 3)" "$(gw_number south 3)" "$GW_TOP/line.txt" --paper a3 --resolution 400) ||
    die "the page of A3 was not taken"
equal "the page of A3 as it is sealed" "$(gw_fax north "$wide" '.page_list[0] | .width, .rows, .x_dpi, .y_dpi')" "4864 6465 408 391"
whole=$(gw_send south "$(gw_number south 3)" "$(gw_number north 3)" "$GW_TOP/line.txt" --paper a3 --resolution 400) ||
    die "the page of A3 was not taken"
kill -CONT "${lines[@]}"

note "waiting for them"
equal "the page of A3: state" "$(gw_wait_state north "$wide" "$GW_ENDED" 240)" delivered
received=$(gw_inbound south "$(gw_number south 3)")
equal "the page of A3 as it came" "$(gw_fax south "$received" '.page_list[0] | .width, .x_dpi, .y_dpi')" "1728 204 391"
equal "the page of A3 to one that takes it: state" "$(gw_wait_state south "$whole" "$GW_ENDED" 240)" delivered
received=$(gw_inbound north "$(gw_number north 3)")
equal "as it came there" "$(gw_fax north "$received" '.page_list[0] | .width, .rows, .x_dpi, .y_dpi')" "4864 6465 408 391"
clerk south export --format pdf "$whole" >"$GW_TOP/sent.pdf"
clerk north export --format pdf "$received" >"$GW_TOP/received.pdf"
equal "its pixels" "$(pixels "$GW_TOP/received.pdf")" "$(pixels "$GW_TOP/sent.pdf")"
for from in north south; do
    to=$(peer "$from")
    for i in 0 1 2; do
        what="$from to $to, document $i"
        id=${sent[$from$i]}
        equal "$what: state" "$(gw_wait_state "$from" "$id" "$GW_ENDED" 240)" delivered
        received=$(gw_inbound "$to" "$(gw_number "$to" "$i")")
        equal "$what: state at the receiver" "$(gw_wait_state "$to" "$received" "$GW_ENDED" 120)" received
        # What both sides know of the call
        fields=(.pages .pages_confirmed '.attempts | length' '.attempts[0].rate' '.attempts[0].modem' '.attempts[0].ecm'
            '.attempts[0].outcome' '.attempts[0].t30_result' '.page_list | length' '[.page_list[] | select(.confirmed != null)] | length')
        should="${counts[i]} ${counts[i]} 1 14400 V.17 true ok 0 ${counts[i]} ${counts[i]}"
        equal "$what: sender's account" "$(gw_fax "$from" "$id" "${fields[@]}")" "$should"
        equal "$what: receiver's account" "$(gw_fax "$to" "$received" "${fields[@]}")" "$should"
        equal "$what: coding on the wire" "$(gw_fax "$to" "$received" '[.page_list[].coding] | unique | join(" ")')" JBIG
        equal "$what: identities" "$(gw_fax "$from" "$id" '.attempts[0].peer_ident') $(gw_fax "$to" "$received" '.attempts[0].peer_ident')" \
            "$(gw_number "$to" "$i") $(gw_number "$from" "$i")"
        equal "$what: numbers at the receiver" "$(gw_fax "$to" "$received" .from .to .mailbox .direction)" \
            "$(gw_number "$from" "$i") $(gw_number "$to" "$i") office in"
        # The pages
        clerk "$from" export --format pdf "$id" >"$GW_TOP/sent.pdf"
        clerk "$to" export --format pdf "$received" >"$GW_TOP/received.pdf"
        equal "$what: pages" "$(pdf_pages "$GW_TOP/sent.pdf") $(pdf_pages "$GW_TOP/received.pdf")" "${counts[i]} ${counts[i]}"
        for ((page = 1; page <= counts[i]; page++)); do
            equal "$what: pixels of page $page" "$(pixels "$GW_TOP/received.pdf" "$page")" "$(pixels "$GW_TOP/sent.pdf" "$page")"
        done
        rm -f "$GW_TOP/sent.pdf" "$GW_TOP/received.pdf"
    done
done

note "what was seen while it went"
for from in north south; do
    for i in 0 1 2; do
        watched=$(<"$GW_TOP/$from$i.watch")
        for line in 'dialling' 'answered' 'T.38 agreed' 'trained at 14400 bit/s V.17' "page ${counts[i]} of ${counts[i]}" \
            "page ${counts[i]} confirmed" 'delivered'; do
            [[ $watched =~ $line ]] || wrong "fax watch of $from $i did not say '$line': $watched"
        done
    done
done

note "different pages differ: the comparison can fail"
clerk north export --format pdf "${sent[north1]}" >"$GW_TOP/sent.pdf"
[[ $(pixels "$GW_TOP/sent.pdf" 1) != $(pixels "$GW_TOP/sent.pdf" 2) ]] || wrong "two different pages compare as equal"

for name in north south; do
    until_true 60 gw_drained "$name" || wrong "the database of $name lags"
    gw_verify "$name"
    should='8 8 8'
    equal "$name: pages sealed and confirmed in the log" \
        "$(gw_count_event "$name" page.received) $(gw_count_event "$name" page.confirmed) $(gw_count_event "$name" page.sent)" "$should"
done
for name in north south; do
    gw_stop "$name"
    equal "$name: exit status" "$GW_STATUS" 0
done
gw_end
