#!/usr/bin/env bash
# Makes the state of a gateway that `upgrade_test.sh` takes over:
#   SEALFAX=<program> SOURCE_DIR=<sources> make.sh
# with the program of the version whose state it is to be. Writes into its own folder.
# shellcheck source-path=SCRIPTDIR/../../integration
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/integration/gateway_lib.sh
source "$here/../../integration/gateway_lib.sh"

gw_make north +4930551
gw_make south +4930552
gw_start north
gw_start south
for name in north south; do
    admin "$name" mailbox add office --retention-days 90 >/dev/null
    admin "$name" number add "${GW_PREFIX[$name]}00" --mailbox office >/dev/null
    admin "$name" user add clerk --uid 64242 --full-name "Test Clerk" >/dev/null
    for role in "sender --from ${GW_PREFIX[$name]}* --to +4930* --mailbox office" "receiver --mailbox office" auditor; do
        # shellcheck disable=SC2086
        admin "$name" grant add clerk $role >/dev/null
    done
done
gw_connect north south
gw_trunk south nowhere 127.254.254.254 9 --prefix +49309
# An account number that no machine uses otherwise: it stands in the log.
clerk() { SEALFAX_SOCKET=$GW_TOP/$1/run/api.sock setpriv --reuid 64242 --regid 64242 --clear-groups "$GW_TOP/sealfax" "${@:2}"; }
send() { clerk "$1" --json send --as "${GW_PREFIX[$1]}00" --to "$2" - <"$3" | jq -er .id; }
ended() { [[ $(clerk "$1" --json fax show "$2" | jq -r .state) =~ ^($GW_ENDED)$ ]]; }
sent=$(send north +493055200 "$GW_DATA/text_a4.pdf")
failed=$(send south +493099999 "$GW_DATA/text_a4.pdf")
until_true 120 ended north "$sent"
until_true 60 ended south "$failed"
received=$(clerk south --json faxes --direction in --limit 5 | jq -r ".faxes[0].id")
clerk south --json fax show "$received" >"$here/received.json"
clerk south export --format tiff "$received" >"$here/received.tif"
clerk south export --format tiff "$failed" >"$here/failed.tif"
clerk south audit verify
until_true 20 gw_drained south
gw_sql south "SELECT max(version) FROM schema_migration"
PGPASSWORD=$(<"$GW_TOP/south/secrets/owner") pg_dump -h "$(gw_database_socket south)" -U sealfax_owner \
    -d sealfax -n sealfax | gzip -9n >"$here/database.sql.gz"
echo "$received $failed" >"$here/faxes"
kill -TERM "${GW_PID[south]}"
wait "${GW_PID[south]}" || true
tar -C "$GW_TOP/south" --sort=name --owner=0 --group=0 -czf "$here/files.tar.gz" journal keeper vault
ls -l "$here"
