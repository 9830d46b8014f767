# Shared by the tests of processes; sourced. Needs $BUILD_DIR. Sets $program and $work, defines
# functions, stops what start_gateway started (by pid) and removes $work at the end.
# shellcheck shell=bash
set -euo pipefail

export program="${BUILD_DIR:?}/tests/process_prog"
work="$(mktemp -d /tmp/sealfax-test.XXXXXX)"
gateway=""

finish_test() {
    local status=$?
    if [[ -n "$gateway" ]]; then
        kill -TERM "$gateway" 2>/dev/null || true
        sleep 0.2
        kill -TERM "$gateway" 2>/dev/null || true
        wait "$gateway" 2>/dev/null || true
    fi
    if [[ $status -ne 0 && -f "$work/log" ]]; then
        echo "--- log"
        cat "$work/log"
    fi
    rm -rf "$work"
    exit "$status"
}
trap finish_test EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Accounts that every Debian has, so that the test changes nothing on the machine.
write_config() {
    cat >"$work/config.yaml" <<YAML
accounts: {control: www-data, keeper: backup, line: nobody, database: games}
stop: {drain_timeout_ms: 3000}
YAML
}

# wait_for PATTERN [COUNT]: until the log has so many lines with the pattern (up to 90 s).
wait_for() {
    local pattern="$1" count="${2:-1}" tries
    for tries in $(seq 900); do
        if [[ "$(grep -c -e "$pattern" "$work/log" || true)" -ge "$count" ]]; then
            return 0
        fi
        sleep 0.1
    done
    fail "not in the log ($tries tries): $pattern ($count times)"
}

# start_gateway PROGRAM...: runs it with "serve" in the background, log in $work/log.
start_gateway() {
    "$@" serve --config "$work/config.yaml" --state "$work/state" 2>>"$work/log" &
    gateway=$!
}

# stop_gateway: SIGTERM; the exit status must be 0.
stop_gateway() {
    local status=0
    kill -TERM "$gateway"
    wait "$gateway" || status=$?
    gateway=""
    [[ $status -eq 0 ]] || fail "exit status $status after SIGTERM"
}

# child_of ROLE: the pid of the newest running process of a role.
child_of() {
    pgrep -n -P "$gateway" -f "^sealfax role $1 " || fail "no process of role $1"
}

# is_alive PID: not gone, and no zombie that nobody has waited for.
is_alive() {
    [[ -e "/proc/$1" ]] && ! grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

order() {
    local owner
    owner="$(stat -c %u "$work/state/run")"
    printf '%s\n' "$@" >"$work/orders.new"
    chown "$owner" "$work/orders.new"
    mv "$work/orders.new" "$work/state/run/orders"
}
