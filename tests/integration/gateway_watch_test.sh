#!/usr/bin/env bash
# Peers that stay in one phase of T.30 for ever, each saying something in time: the gateway ends each
# call when its phase has taken as long as the configuration allows, and says which phase it was.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
scenarios=$SOURCE_DIR/tests/integration

gw_up north +4930551 lines.count=1 fax.max_before_ms=16000 fax.max_training_ms=9000 fax.max_page_ms=8000 \
    fax.max_after_page_ms=7000
while :; do
    address=127.$((RANDOM % 20 + 230)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
    [[ $address != "${GW_ADDRESS[north]}" ]] && break
done

mkfifo "$GW_TOP/targets"
python3 "$SOURCE_DIR/tests/integration/gateway_stall.py" "$address" <"$GW_TOP/targets" >"$GW_TOP/peers.list" &
GW_OTHERS+=($!)
exec {targets}>"$GW_TOP/targets"
all_ports() { [[ $(wc -l <"$GW_TOP/peers.list") == 4 ]]; }
until_true 120 all_ports || die "the peers do not start"

note "four calls"
declare -A number=()
n=1
port=$((RANDOM % 10000 + 10000))
gw_trunk north slow "$address" "$port" --prefix +49305603
while read -r name media <&3; do
    number[$name]=$(gw_number north "$n")
    sed "s/@CODE@/0/g; s/@PORT@/$media/g; s/@PAUSE@/0/g" "$scenarios/gateway_sipp/uac_t38_first.xml" >"$GW_TOP/$name.xml"
    timeout 200 sipp -sf "$GW_TOP/$name.xml" -i "$address" -p "$((port + n))" -m 1 -nostdin -nd -timeout 180s \
        -timeout_error -trace_logs -log_file "$GW_TOP/$name.messages" -s "${number[$name]}" \
        "${GW_ADDRESS[north]}:${GW_PORT[north]}" >"$GW_TOP/$name.out" 2>&1 </dev/null 3<&- &
    GW_OTHERS+=($!)
    n=$((n + 1))
done 3<"$GW_TOP/peers.list"
media_port() { sed -n 's/^media \([0-9]*\).*/\1/p' "$GW_TOP/$1.messages" 2>/dev/null | head -n 1; }
has_media_port() { [[ -n $(media_port "$1") ]]; }
for name in "${!number[@]}"; do
    until_true 120 has_media_port "$name" || { tail "$GW_TOP/$name".*; die "no media for $name"; }
    echo "$name ${GW_ADDRESS[north]} $(media_port "$name")" >&"$targets"
done
echo go >&"$targets"

note "each ends in its phase"
# ends NAME STATE PAGES PHASE
ends() {
    local id
    id=$(gw_inbound north "${number[$1]}")
    equal "$1: state, pages" "$(gw_wait_state north "$id" "$GW_ENDED" 180) $(gw_fax north "$id" .pages)" "$2 $3"
    like "$1: reason" "$(gw_fax north "$id" .attempts[0].text)" "longer than it may \\($4, [0-9]+ s, "
    until_true 60 gw_drained north || wrong "the database lags"
    equal "$1: an event says so" "$(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'attempt.ended'
        AND fax = '$id' AND record->>'text' LIKE '%($4, %'")" 1
}
ends before-training failed 0 'before training'
ends training failed 0 training
ends page failed 0 page
ends after-page partial 1 'after a page'
gw_verify north
gw_end
