#!/usr/bin/env bash
# The supervisor: children in their sandboxes, restarts after SIGKILL of each process, the wrong
# master key, a clean stop; started from a directory that only root can enter.
# shellcheck source=tests/integration/process_functions.sh
source "${SOURCE_DIR:?}/tests/integration/process_functions.sh"

chmod 755 "$work"
write_config
mkdir -m 700 "$work/private"
cp "$program" "$work/private/program"
"$work/private/program" init --config "$work/config.yaml" --state "$work/state" >/dev/null
start_gateway "$work/private/program"
wait_for 'notice: keeper up sealfax/sealfax+'
wait_for 'the gateway is ready'

# Children: each says what it could reach.
order line line render key
wait_for 'hello of a child' 3
wait_for 'key status 0 kek general/2027-03/1'
if grep -E 'child [0-9]+ .*(OPEN|KNOWN|core [1-9])' "$work/log"; then
    fail "a child reaches what it must not"
fi
if [[ "$(id -u)" -eq 0 ]]; then
    for pair in keeper:backup control:www-data line:nobody render:nobody; do
        pid="$(child_of "${pair%%:*}")"
        # Uid, effective, saved and file system uid, and no group but its own.
        uid="$(id -u "${pair##*:}")"
        grep -q "^Uid:\s$uid\s$uid\s$uid\s$uid$" "/proc/$pid/status" ||
            fail "${pair%%:*} does not run as ${pair##*:}"
        [[ -z "$(sed -n 's/^Groups:\s*//p' "/proc/$pid/status" | tr -d ' ')" ]] || fail "groups"
        grep -q '^CapEff:.*0000000000000000$' "/proc/$pid/status" || fail "capabilities"
        grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status" || fail "no_new_privs of ${pair%%:*}"
        grep -q '^Seccomp:.*2$' "/proc/$pid/status" || fail "seccomp of ${pair%%:*}"
        if [[ "${pair##*:}" == nobody && -e "/proc/$pid/fd/4" ]]; then
            fail "${pair%%:*} has more descriptors than its channel"
        fi
    done
fi

# A killed line: control is told, its other children and the keeper stay.
keeper="$(child_of keeper)"
line="$(child_of line)"
kill -KILL "$line"
wait_for 'exited [0-9]* status 9'
[[ "$(child_of keeper)" == "$keeper" ]] || fail "the keeper was restarted for a line"
order "line"
wait_for 'hello of a child' 4

# Control asks for an end of a child.
tag="$(grep -o 'spawned [0-9]* status 0' "$work/log" | tail -1 | cut -d' ' -f2)"
order "kill $tag"
wait_for "exited $tag status 9"

# A killed keeper comes back with the same keys; the channel is new.
kill -KILL "$keeper"
wait_for 'keeper down 9'
wait_for 'keeper up sealfax/sealfax+' 2
[[ "$(grep -o 'keeper up .*' "$work/log" | sort -u | wc -l)" -eq 1 ]] || fail "another signing key"
order key
wait_for 'key status 0' 2

# A killed control: its children end, then a new control starts with a new keeper.
order line render
wait_for 'hello of a child' 6
database="$(pgrep -P "$gateway" -x postgres)"
line="$(child_of line)"
kill -KILL "$(child_of control)"
wait_for 'the gateway is ready' 2
if is_alive "$line"; then
    fail "a line outlived its control"
fi
wait_for 'keeper up sealfax/sealfax+' 3
[[ "$(pgrep -P "$gateway" -x postgres)" == "$database" ]] || fail "PostgreSQL was restarted"
order key line
wait_for 'hello of a child' 7

# A stopped line does not hold a dead control up: it is killed.
line="$(child_of line)"
kill -STOP "$line"
kill -KILL "$(child_of control)"
wait_for 'the gateway is ready' 3
if is_alive "$line"; then
    fail "a stuck line outlived its control"
fi
stop_gateway
grep -q 'supervisor notice: stopped' "$work/log" || fail "no clean stop"

# A control that does not stop: the second signal ends it at once, the exit is clean all the same.
: >"$work/log"
start_gateway "$program"
wait_for 'the gateway is ready'
order line
wait_for 'hello of a child'
kill -STOP "$(child_of control)"
kill -INT "$gateway"
wait_for 'SIGINT: stopping$'
kill -0 "$gateway" || fail "the first signal does not wait for control"
stop_gateway
grep -q 'SIGTERM: stopping at once' "$work/log" || fail "the second signal is not told"

# And without a second signal it is ended when its time is over.
: >"$work/log"
sed -i 's/drain_timeout_ms: .*}/drain_timeout_ms: 100}/' "$work/config.yaml"
start_gateway "$program"
wait_for 'the gateway is ready'
kill -STOP "$(child_of control)"
stop_gateway
grep -q 'calls did not end in time' "$work/log" || fail "control was not ended in time"

# The wrong master key.
cp -p "$work/state/keeper/master.key" "$work/master.key"
"$program" init --config "$work/config.yaml" --state "$work/other" >/dev/null
cat "$work/other/keeper/master.key" >"$work/state/keeper/master.key"
: >"$work/log"
status=0
"$program" serve --config "$work/config.yaml" --state "$work/state" 2>"$work/log" || status=$?
[[ $status -eq 1 ]] || fail "the wrong master key gives $status"
grep -q 'master key does not match the key store' "$work/log" || fail "the reason is not told"
echo 'sealfax-master-1 garbage' >"$work/state/keeper/master.key"
status=0
"$program" serve --config "$work/config.yaml" --state "$work/state" 2>"$work/log" || status=$?
[[ $status -eq 1 ]] || fail "garbage as master key gives $status"
grep -q 'keeper cannot run: stopping' "$work/log" || fail "garbage as master key is not told"
cp -p "$work/master.key" "$work/state/keeper/master.key"

# A control that cannot run ends the gateway instead of being restarted for ever.
: >"$work/log"
start_gateway "$program"
wait_for 'the gateway is ready'
order key
wait_for 'key status 0'
order "exit 78"
status=0
wait "$gateway" || status=$?
gateway=""
[[ $status -eq 1 ]] || fail "a permanent failure gives $status"
echo good
