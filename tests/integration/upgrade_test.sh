#!/usr/bin/env bash
# The state directory of an older version is taken over in place; a migration that fails changes
# nothing; what a newer version wrote is refused and not touched.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"
old=$GW_DATA/state_0.1
# shellcheck disable=SC2034 # used by name
read -r received failed <"$old/faxes"
clerk_of_old() { # runs the command line as the clerk whose account number stands in the old log
    SEALFAX_SOCKET=$GW_TOP/south/run/api.sock setpriv --reuid 64242 --regid 64242 --clear-groups \
        "$GW_TOP/sealfax" "$@"
}

# with_database SQL...: PostgreSQL alone, as the gateway is not running
with_database() {
    local data=$GW_TOP/south/database sockets=$GW_TOP/sockets owner pid programs status=0
    owner=$(stat -c %u "$data")
    programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
    mkdir -p "$sockets" && chown "$owner" "$sockets"
    setpriv --reuid "$owner" --regid "$(stat -c %g "$data")" --clear-groups env -C "$data" \
        "$programs/postgres" -D "$data" -k "$sockets" -c listen_addresses= >"$GW_TOP/postgres.log" 2>&1 &
    pid=$!
    GW_OTHERS+=("$pid")
    until_true 120 pg_isready -q -h "$sockets" || die "PostgreSQL does not start"
    PGPASSWORD=$(<"$GW_TOP/south/secrets/owner") psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$sockets" \
        -U sealfax_owner -d sealfax -c "SET client_min_messages = warning" "$@" || status=$?
    kill -INT "$pid"
    wait "$pid" || true
    return "$status"
}
# refused PATTERN...: the gateway does not start, says this, and tries once
refused() {
    local status=0 pattern
    timeout 60 "$SEALFAX" serve --config "$GW_TOP/south.yaml" >"$GW_TOP/refused.log" 2>&1 || status=$?
    equal "serve: exit status" "$status" 1
    for pattern in "$@"; do like "serve: says" "$(<"$GW_TOP/refused.log")" "$pattern"; done
    holds "serve: nothing crashed" test "$(grep -c 'ended by signal' "$GW_TOP/refused.log")" = 0
}
# what lies in the state directory, but the pid in the lock
fingerprint() { find "$GW_TOP/south" -type f ! -name lock -printf '%p %s %T@ %m %u\n' | sort | sha256sum; }
set_octet() { printf "%b" "\\x$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

note "the state of version 0.1.0"
gw_make south +4930552
gunzip -c "$old/database.sql.gz" >"$GW_TOP/old.sql"
with_database -c "DROP SCHEMA sealfax CASCADE" -f "$GW_TOP/old.sql" >/dev/null || die "the dump cannot be restored"
for folder in journal keeper vault; do
    owner=$(stat -c %u:%g "$GW_TOP/south/$folder")
    rm -rf "${GW_TOP:?}/south/$folder"
    tar -C "$GW_TOP/south" -xzf "$old/files.tar.gz" "$folder"
    chown -R "$owner" "$GW_TOP/south/$folder"
done
rm -f "$GW_TOP/south/format"
before=$(with_database -c "SELECT max(version) FROM sealfax.schema_migration")

note "a migration that fails"
with_database -c "CREATE INDEX faxes_disposed ON sealfax.faxes (fax)"
refused "the database schema: 0007_long_past.sql: .*already exists; nothing was changed"
equal "the schema is the old one" "$(with_database -c "SELECT max(version) FROM sealfax.schema_migration" \
    -c "SELECT count(*) FROM information_schema.columns WHERE column_name = 'audio_fallback'" | paste -sd ' ')" "$before 0"
with_database -c "DROP INDEX sealfax.faxes_disposed"

note "taken over"
gw_start south
like "migrations" "$(<"$GW_TOP/south.log")" '[0-9]+ migrations applied, the schema has version'
like "the directory is this version's" "$(<"$GW_TOP/south/format")" '^sealfax state 2, written by '
for name in received failed; do
    fax=${!name}
    equal "$name: state" "$(clerk_of_old --json fax show "$fax" | jq -r .state)" "$name"
    clerk_of_old export --format tiff "$fax" >"$GW_TOP/$name.tif" || wrong "$name cannot be exported"
    holds "$name: the same pixels" cmp -s "$old/$name.tif" "$GW_TOP/$name.tif"
done
like "a new fax" "$(clerk_of_old --json send --as +493055200 --to +493099999 - <"$GW_DATA/text_a4.pdf")" '"id"'
until_true 120 gw_drained south || wrong "the database lags"
like "the log, old and new" "$(clerk_of_old audit verify)" '^ok: [0-9]+ records, [0-9]+ checkpoints'

note "another program takes over from a running one"
cp "$GW_TOP/sealfax" "$GW_TOP/sealfax-new"
gw_stop south
equal "exit status" "$GW_STATUS" 0
SEALFAX=$GW_TOP/sealfax-new gw_start south
like "the log" "$(clerk_of_old audit verify)" '^ok: '
gw_stop south

note "what a newer version wrote"
echo "sealfax state 9, written by 3.1.4" >"$GW_TOP/south/format"
state=$(fingerprint)
refused "was written by a newer sealfax \(3.1.4, state format 9\).*nothing was touched"
like "init" "$("$SEALFAX" init --config "$GW_TOP/south.yaml" 2>&1 || true)" 'was written by a newer sealfax'
equal "and nothing was touched" "$(fingerprint)" "$state"
echo "garbage" >"$GW_TOP/south/format"
refused "format does not say which version"
rm "$GW_TOP/south/format"

segment=$(find "$GW_TOP/south/journal" -name '*.journal' | sort | tail -n 1)
set_octet "$segment" 7 02
state=$(fingerprint)
refused "${segment##*/}: it was written by a newer sealfax"
equal "the journal was not touched" "$(find "$GW_TOP/south/journal" -newer "$segment" -type f | wc -l)" 0
set_octet "$segment" 7 01
kek=$(find "$GW_TOP/south/keeper/kek" -name '*.kek' | head -n 1)
set_octet "$kek" 7 02
refused "${kek##*/}: written by a newer sealfax"
set_octet "$kek" 7 01
with_database -c "INSERT INTO sealfax.schema_migration (version, name, sha256) VALUES (99, '0099_future.sql', '')"
refused "the schema is newer than this program: it has migration 0099_future.sql; nothing was changed"
with_database -c "DELETE FROM sealfax.schema_migration WHERE version = 99"

gw_start south
file=$(find "$GW_TOP/south/vault" -name "$received.sfv")
set_octet "$file" 7 02
like "a vault file" "$(clerk_of_old export --format pdf "$received" 2>&1 >/dev/null)" 'written by a newer sealfax'
set_octet "$file" 7 01
clerk_of_old export --format tiff "$received" >"$GW_TOP/again.tif" || wrong "it cannot be exported again"
holds "after all that: the same pixels" cmp -s "$old/received.tif" "$GW_TOP/again.tif"
gw_end
