#!/usr/bin/env bash
# The private PostgreSQL: who may log in, restart after a crash, orphans of a killed supervisor, a
# long state directory.
# shellcheck source=tests/integration/process_functions.sh
source "${SOURCE_DIR:?}/tests/integration/process_functions.sh"

chmod 755 "$work"
write_config
"$program" init --config "$work/config.yaml" --state "$work/state" >/dev/null
start_gateway "$program"
wait_for 'the gateway is ready'
socket="$work/state/run/db"

query() { # ROLE SQL
    PGPASSWORD="$(cat "$work/state/secrets/$1")" \
        psql -h "$socket" -U "$2" -d sealfax -XAtq -c "$3" 2>&1 || true
}
[[ "$(query app sealfax_app 'SELECT count(*) FROM seen')" == 1 ]] || fail "app reads"
[[ "$(query reader sealfax_reader 'SELECT count(*) FROM seen')" == 1 ]] || fail "reader reads"
query reader sealfax_reader "INSERT INTO seen (who) VALUES ('x')" | grep -q 'permission denied' ||
    fail "the reader writes"
query app sealfax_app 'DROP TABLE seen' | grep -q 'must be owner' || fail "app owns the table"
query app sealfax_app 'CREATE TABLE x ()' | grep -q 'permission denied' || fail "app makes tables"
query app sealfax_reader 'SELECT 1' | grep -q 'authentication failed' || fail "a wrong password"
(psql -h "$socket" -U postgres -d postgres -c 'SELECT 1' 2>&1 || true) | grep -q 'no pg_hba.conf entry' ||
    fail "the superuser may log in"
query owner sealfax_owner "SELECT setting FROM pg_settings WHERE name IN
    ('fsync', 'full_page_writes', 'data_checksums', 'listen_addresses') ORDER BY name" |
    tr '\n' ' ' | grep -q '^on on on *$' || fail "settings"
query owner sealfax_owner 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user' |
    grep -q '^f$' || fail "the owner is a superuser"
if [[ "$(id -u)" -eq 0 ]] && setpriv --reuid=nobody --regid=nogroup --clear-groups \
    test -e "$socket/.s.PGSQL.5432"; then
    fail "other accounts reach the socket"
fi

# A crash of the server: started again, control stays.
control="$(child_of control)"
kill -KILL "$(pgrep -P "$gateway" -x postgres)"
wait_for 'supervisor notice: PostgreSQL is ready' 2
[[ "$(query app sealfax_app 'SELECT count(*) FROM seen')" == 1 ]] || fail "after a crash"
[[ "$(child_of control)" == "$control" ]] || fail "control was restarted for PostgreSQL"

# The supervisor killed: nothing stays behind, and the next start works at once.
server="$(pgrep -P "$gateway" -x postgres)"
keeper="$(child_of keeper)"
kill -KILL "$gateway"
wait "$gateway" 2>/dev/null || true
start_gateway "$program"
wait_for 'the gateway is ready' 2
for pid in "$keeper" "$control" "$server"; do
    if is_alive "$pid"; then
        fail "process $pid outlived the supervisor"
    fi
done
stop_gateway

# A server that was left behind without being told (as after a SIGKILL before it asked for that).
programs=/usr/lib/postgresql/15/bin
run_as_database() {
    if [[ "$(id -u)" -eq 0 ]]; then
        setpriv --reuid=games --regid=games --clear-groups "$@"
    else
        "$@"
    fi
}
cd /
run_as_database "$programs/postgres" -D "$work/state/database" -c listen_addresses= \
    -c "unix_socket_directories=$socket" >/dev/null 2>&1 &
orphan=$!
for _ in $(seq 600); do
    if sed -n 8p "$work/state/database/postmaster.pid" 2>/dev/null | grep -q ready; then
        break
    fi
    sleep 0.1
done
start_gateway "$program"
wait_for 'the gateway is ready' 3
wait "$orphan" 2>/dev/null || true
if is_alive "$orphan"; then
    fail "the orphan runs"
fi
stop_gateway

# A pid file that names a process of somebody else: that one is left alone.
sleep 1000 &
bystander=$!
printf '%s\n/x\n1\n5432\n\n\n\nready\n' "$bystander" >"$work/state/database/postmaster.pid"
chown --reference="$work/state/database/PG_VERSION" "$work/state/database/postmaster.pid"
start_gateway "$program"
sleep 1
is_alive "$bystander" || fail "a bystander was killed"
kill "$bystander"
wait "$bystander" 2>/dev/null || true
wait_for 'the gateway is ready' 4
stop_gateway

# A state directory whose path is too long for a socket.
long="$work/$(printf 'a%.0s' $(seq 50))"
mkdir -m 755 "$long"
sed -i '$a api: {socket: '"$work"'/api.sock}' "$work/config.yaml"
"$program" init --config "$work/config.yaml" --state "$long/state" >/dev/null || fail "long path"
"$program" serve --config "$work/config.yaml" --state "$long/state" 2>>"$work/log" &
gateway=$!
wait_for 'the gateway is ready' 5
stop_gateway
rmdir /run/sealfax-* /tmp/sealfax-????????????  2>/dev/null || true
echo good
