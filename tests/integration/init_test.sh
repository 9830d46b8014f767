#!/usr/bin/env bash
# `sealfax init`: makes everything once, changes nothing the second time, owners and modes, also
# without root; then an empty configuration serves.
# shellcheck source=tests/integration/process_functions.sh
source "${SOURCE_DIR:?}/tests/integration/process_functions.sh"

# mode_of PATH MODE OWNER
check_mode() {
    [[ "$(stat -c '%a %U' "$1")" == "$2 $3" ]] || fail "$1 is $(stat -c '%a %U' "$1"), not $2 $3"
}

check_init() {
    local first second
    "$@" init --config "$work/config.yaml" --state "$work/state" --admin eve --admin-uid 4711 \
        >"$work/out" || fail "first init"
    grep -q '^made .*master key' "$work/out" || fail "no master key made"
    grep -q '^made .*administrator eve (local account with uid 4711)' "$work/out" || fail "no admin"
    first="$(sha256sum "$work/state/keeper/master.key" "$work/state/secrets/"*)"
    "$@" init --config "$work/config.yaml" --state "$work/state" --admin mallory --admin-uid 666 \
        >"$work/out" || fail "second init"
    second="$(sha256sum "$work/state/keeper/master.key" "$work/state/secrets/"*)"
    [[ "$first" == "$second" ]] || fail "the second init changed keys or passwords"
    if grep -q '^made' "$work/out"; then
        fail "the second init made something: $(cat "$work/out")"
    fi
    grep -q '^there already .*administrator eve$' "$work/out" || fail "the first admin stays"
    start_gateway "$@"
    wait_for 'supervisor notice: the gateway is ready'
    if "$@" init --config "$work/config.yaml" --state "$work/state" 2>"$work/err" >/dev/null; then
        fail "init beside a running gateway"
    fi
    grep -q "a gateway (pid $gateway) runs" "$work/err" || fail "init does not name the gateway"
    stop_gateway
}

if "$program" serve --state "$work/state" 2>"$work/err"; then
    fail "serve without init"
fi
grep -q 'run sealfax init first' "$work/err" || fail "serve does not point to init"
if "$program" init --admin-uid x 2>/dev/null; then
    fail "a bad uid is taken"
fi

chmod 755 "$work"
if [[ "$(id -u)" -eq 0 ]]; then
    write_config
    check_init "$program"
    check_mode "$work/state" 711 root
    check_mode "$work/state/vault" 700 www-data
    check_mode "$work/state/journal" 700 www-data
    check_mode "$work/state/keeper" 700 backup
    check_mode "$work/state/keeper/master.key" 600 backup
    check_mode "$work/state/database" 700 games
    check_mode "$work/state/run/db" 710 games
    check_mode "$work/state/secrets" 700 root
    check_mode "$work/state/secrets/owner" 600 root
    chown nobody "$work/state/vault"
    if "$program" init --config "$work/config.yaml" --state "$work/state" 2>"$work/err" >/dev/null
    then
        fail "a vault of another account is taken"
    fi
    grep -q "vault belongs to uid .*; expected www-data" "$work/err" || fail "wrong owner not named"
    sed -i 's/www-data/no-such-account/' "$work/config.yaml"
    if "$program" init --config "$work/config.yaml" --state "$work/other" 2>"$work/err"; then
        fail "a missing account is taken"
    fi
    grep -q 'adduser --system --group --no-create-home --home /nonexistent no-such-account' \
        "$work/err" || fail "the adduser command is not named"
    rm -rf "$work/state"

    # And without privileges: everything under one account.
    cp "$program" "$work/program"
    chown nobody "$work"
    : >"$work/log"
    chmod 666 "$work/log"
    echo '{}' >"$work/config.yaml"
    chmod 644 "$work/config.yaml"
    check_init setpriv --reuid=nobody --regid=nogroup --clear-groups "$work/program"
    check_mode "$work/state" 700 nobody
    check_mode "$work/state/database" 700 nobody
    check_mode "$work/state/keeper/master.key" 600 nobody
    grep -q 'all processes under one account' "$work/log" || fail "not said to be unprivileged"
else
    echo '{}' >"$work/config.yaml"
    check_init "$program"
    check_mode "$work/state" 700 "$(id -un)"
fi
echo good
