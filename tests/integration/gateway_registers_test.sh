#!/usr/bin/env bash
# The registers of a gateway by the command line: principals, roles, grants, mailboxes, numbers, trunks,
# keys and the log. What is made is listed, what cannot be is refused with its reason, everything has
# its event, and nobody does what no grant allows.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

gw_up north +4930551

# refused WHAT PATTERN COMMAND...: exit code 1, says why
refused() {
    local what=$1 pattern=$2 status=0 text
    shift 2
    text=$("$@" 2>&1 >/dev/null) || status=$?
    equal "$what: exit code" "$status" 1
    like "$what: reason" "$text" "$pattern"
}
# listed JQ-FILTER WORD...: what the administrator sees
listed() { admin north --json "${@:2}" | jq -r "$1"; }
# get PATH: body and status of the answer, as the clerk, past the command line
get() {
    setpriv --reuid "$GW_CLERK" --regid "$GW_CLERK" --clear-groups curl -s -w '%{http_code}' --unix-socket "$GW_TOP/north/run/api.sock" "http://localhost$1"
}

# post_trunk JSON: past the command line; exit code 1 and the answer to standard error unless it is made
post_trunk() {
    local answer
    answer=$(curl -s -w '%{http_code}' -H 'Content-Type: application/json' -d "$1" \
        --unix-socket "$GW_TOP/north/run/api.sock" http://localhost/v1/trunks)
    [[ $answer == *201 ]] || { echo "$answer" >&2 && return 1; }
}

note "principals"
admin north user add ada --uid 4711 --full-name 'Ada Example'
admin north user add robot --kind service
equal "ada" "$(listed '.principals[] | select(.name == "ada") | "\(.kind) \(.full_name) \(.local_uids[0])"' user list)" \
    "person Ada Example 4711"
refused "a name twice" 'There is a principal of this name' admin north user add ada
refused "a name that is none" 'The principal is not valid' admin north user add 'A b'
admin north user disable ada
equal "ada disabled" "$(listed '.principals[] | select(.name == "ada") | .disabled' user list)" true
admin north user enable ada
equal "ada enabled" "$(listed '.principals[] | select(.name == "ada") | .disabled' user list)" false
refused "nobody of this name" 'There is no such principal' admin north user disable eve
refused "oneself" 'Nobody can disable themselves' admin north user disable admin

note "roles and grants"
admin north role add filing --actions fax.list,fax.view
equal "the role" "$(listed '.roles[] | select(.name == "filing") | .actions | sort | join(",")' role list)" "fax.list,fax.view"
refused "a role twice" 'There is a role of this name' admin north role add filing --actions fax.view
refused "an action that is none" 'The role is not valid' admin north role add other --actions fax.fly
refused "a role's name that is none" 'The role is not valid' admin north role add 'A b' --actions fax.view
admin north grant add ada filing --mailbox office --expires 2099-01-31
grant=$(listed '.grants[] | select(.principal == "ada") | .id' grant list)
like "the grant" "$grant" '^[0-9a-f-]{36}$'
refused "a role in use" 'The role is granted' admin north role remove filing
refused "a role that is built in" 'A built-in role cannot be removed' admin north role remove auditor
refused "a role that is not there" 'There is no such role' admin north role remove none
refused "a grant of what is not there" '.' admin north grant add ada none
refused "a grant to oneself" 'nobody can grant themselves a role' admin north grant add admin auditor
refused "a grant to nobody" '.' admin north grant add eve filing
refused "a pattern that is none" '.' admin north grant add ada filing --from 'x*'
admin north grant revoke "$grant"
refused "a grant revoked twice" '.' admin north grant revoke "$grant"
refused "a grant that is none" '.' admin north grant revoke none
admin north role remove filing
equal "the role is gone" "$(listed '[.roles[] | select(.name == "filing")] | length' role list)" 0

note "mailboxes, numbers, trunks"
admin north mailbox add claims --class patient --retention-days 3650
equal "claims" "$(listed '.mailboxes[] | select(.name == "claims") | "\(.class) \(.retention_days)"' mailbox list)" \
    "patient 3650"
admin north mailbox change claims --retention-days 30
equal "claims, changed" "$(listed '.mailboxes[] | select(.name == "claims") | .retention_days' mailbox list)" 30
refused "a mailbox twice" '.' admin north mailbox add claims
refused "a mailbox that is not there" '.' admin north mailbox change none --retention-days 3
refused "a mailbox's name that is none" '.' admin north mailbox add 'A b'
admin north number add +49305519 --mailbox claims --ident '+49 30 5519'
equal "the number" "$(listed '.numbers[] | select(.number == "+49305519") | "\(.mailbox) \(.ident)"' number list)" \
    "claims +49 30 5519"
refused "a number twice" '.' admin north number add +49305519 --mailbox office
refused "a number of no mailbox" '.' admin north number add +49305518 --mailbox none
refused "a number that is none" '.' admin north number add 12x --mailbox claims
refused "an identity that is too long" '.' admin north number add +49305517 --mailbox claims --ident '123456789012345678901'
admin north number remove +49305519
refused "a number that is not there" '.' admin north number remove +49305519
admin north trunk add carrier --host 192.0.2.10 --port 5060 --t38-first --prefix +49
equal "the trunk" "$(listed '.trunks[] | select(.name == "carrier") | "\(.host) \(.port) \(.t38_first) \(.prefix)"' trunk list)" \
    "192.0.2.10 5060 true +49"
refused "a trunk twice" '.' admin north trunk add carrier --host 192.0.2.11 --port 5060
refused "a trunk's name that is none" '.' admin north trunk add 'A b' --host 192.0.2.11 --port 5060
admin north trunk remove carrier
refused "a trunk that is not there" '.' admin north trunk remove carrier

note "nobody inherits the grants of a trunk or machine that is gone"
grants_of() { listed "[.grants[] | select(.principal == \"$1\") | .role] | sort | join(\" \")" grant list; }
admin north trunk add heir --host 192.0.2.13 --port 5060 --asserted-identity send
equal "told who calls" "$(listed '.trunks[] | select(.name == "heir") | .asserted_identity' trunk list)" send
admin north trunk change heir --asserted-identity trust
equal "and believed" "$(listed '.trunks[] | select(.name == "heir") | .asserted_identity' trunk list)" trust
equal "its media come from where they are described" "$(listed '.trunks[] | select(.name == "heir") | .nat' trunk list)" false
admin north trunk change heir --nat yes
equal "and from behind an address translation" "$(listed '.trunks[] | select(.name == "heir") | "\(.nat) \(.asserted_identity)"' trunk list)" "true trust"
admin north trunk change heir --nat no --asserted-identity send
equal "no more" "$(listed '.trunks[] | select(.name == "heir") | "\(.nat) \(.asserted_identity)"' trunk list)" "false send"
like "an address translation otherwise" "$(admin north trunk change heir --nat maybe 2>&1 || true)" "yes or no"
like "a change of nothing" "$(admin north trunk change heir 2>&1 || true)" "is needed"
refused "an identity otherwise" "must be 'none', 'send' or 'trust'" admin north trunk change heir --asserted-identity maybe
refused "a trunk without T.38 that begins with it" "'t38_first'" admin north trunk add odd --host 192.0.2.14 --port 5060 --no-t38 --t38-first
refused "and one without any media" "'audio_fallback'" admin north trunk add odd --host 192.0.2.14 --port 5060 --no-t38 --no-audio-fallback
admin north grant add trunk:heir trunk --to '+4930551*' --mailbox claims
admin north grant add trunk:heir bridge --to '*'
equal "its grants" "$(grants_of trunk:heir)" "bridge trunk"
admin north trunk remove heir
equal "without it" "$(grants_of trunk:heir)" ""
refused "a grant to a trunk that is gone" 'was removed' admin north grant add trunk:heir trunk --to '*'
# As an earlier version left them behind.
gw_sql north "UPDATE grants SET revoked_at = NULL WHERE principal = 'trunk:heir' AND role = 'bridge'"
equal "left behind" "$(grants_of trunk:heir)" bridge
admin north trunk add heir --host 192.0.2.14 --port 5060
equal "the next one of its name" "$(grants_of trunk:heir)" ""
equal "told nothing again" "$(listed '.trunks[] | select(.name == "heir") | .asserted_identity' trunk list)" none
until_true 120 gw_drained north || wrong "the journal is not drained"
equal "each has its event" "$(gw_sql north "SELECT count(*) FROM audit_record WHERE event = 'grant.revoked'
    AND record->>'principal' = 'trunk:heir'")" 3
admin north trunk remove heir

note "what is in use stays"
echo "a long enough secret" >"$GW_TOP/password"
refused "a bridge to no machine" 'must exist' admin north number add +49305512 --mailbox claims --bridge device:copier
admin north number add +49305512 --mailbox claims
admin north device add copier --extension +49305512 --password-file "$GW_TOP/password"
admin north number add +49305513 --mailbox claims --bridge device:copier
admin north mailbox change claims --deliver-to copier
refused "calls by a trunk that is not there" "name of a trunk" admin north device change copier --calls bridge:none
refused "calls otherwise" "must be 'store', 'bridge'" admin north device change copier --calls later
refused "a certificate without authority" 'needs sip.tls_device_ca' \
    admin north device change copier --tls-certificate-name copier.example
equal "what becomes of its calls" "$(listed '.devices[] | .calls' device list)" store
admin north device change copier --nat yes
equal "behind an address translation" "$(listed '.devices[] | .nat' device list)" true
admin north device change copier --nat no
equal "not any more" "$(listed '.devices[] | .nat' device list)" false
admin north trunk add used --host 192.0.2.12 --port 5060 --prefix +33 --nat
admin north route add abroad --trunk used --prefix +44
admin north number add +49305514 --mailbox claims --bridge used
refused "a machine with a number" '\+49305513 are taken through' admin north device remove copier
admin north number remove +49305513
refused "a machine with a mailbox" "mailbox 'claims'" admin north device remove copier
refused "a machine's number" "device 'copier'" admin north number remove +49305512
refused "a trunk with a number" '\+49305514 are taken through' admin north trunk remove used
admin north number remove +49305514
admin north device change copier --calls bridge:used
refused "a trunk with a machine's calls" "calls of the device 'copier'" admin north trunk remove used
admin north device change copier --calls bridge
equal "by the routes" "$(listed '.devices[] | .calls' device list)" bridge
admin north grant add device:copier device --from +49305512 --to '*'
refused "a trunk with a route" "route 'abroad'" admin north trunk remove used
like "over which trunks" "$(admin north --json route test --to +441 | jq -r '.trunks[0]')" '^used$'
equal "the number of a machine" "$(admin north --json route test --to +49305512 | jq -r '.outcome + " " + (.trunks | join(" "))')" \
    "found device:copier"
like "a trunk's terms" "$(admin north trunk show used | tr '\n' ';')" 'Prefix +\+33.*Behind NAT +yes'
admin north device disable copier
equal "a new secret does not enable" "$(admin north --json device credential copier --password-file "$GW_TOP/password" | jq .disabled)" true
admin north mailbox change claims --deliver-to ''
admin north device remove copier
equal "the grants of a machine" "$(grants_of device:copier)" ""
admin north device add copier --extension +49305512 --password-file "$GW_TOP/password"
equal "of the next one" "$(grants_of device:copier) $(listed '.devices[] | .calls' device list)" " store"
admin north device remove copier
admin north number remove +49305512
admin north route remove abroad
admin north trunk remove used
refused "a member that nobody knows" "'max_call' is no member of 'TrunkNew'.*400" \
    post_trunk '{"name": "x", "host": "x.example", "max_call": 3}'
# ask METHOD PATH JSON: body and status of the answer
ask() {
    curl -s -w '%{http_code}' -X "$1" -H 'Content-Type: application/json' -d "$3" --unix-socket "$GW_TOP/north/run/api.sock" "http://localhost$2"
}
for words in "POST /v1/principals" "POST /v1/roles" "POST /v1/grants" "POST /v1/mailboxes" "PATCH /v1/mailboxes/office" \
    "POST /v1/numbers" "POST /v1/routes" "POST /v1/devices"; do
    read -r -a split <<<"$words"
    like "$words" "$(ask "${split[@]}" '{"nonsense": 1}')" "'nonsense' is no member of .*400$"
done
refused "a port that is a text" 'port' post_trunk '{"name": "x", "host": "x.example", "port": "5060"}'

note "words"
for words in "init --help" "serve --help" "config --help" "trunk credential --help"; do
    read -r -a split <<<"$words"
    like "$words" "$("$SEALFAX" "${split[@]}")" '^usage: sealfax '
done
like "a word that is missing" "$("$SEALFAX" trunk credential 2>&1 || true)" "further word is missing after 'credential'"
like "the keeper" "$(admin north status)" 'keeper +up'

note "what a clerk may not"
for words in "user add x" "user disable ada" "role add x --actions fax.view" "role remove auditor" \
    "grant add clerk administrator" "mailbox add x" "mailbox change office --retention-days 1" \
    "number add +4930999 --mailbox office" "number remove +49305510" \
    "trunk add x --host 192.0.2.1 --port 1" dispose; do
    read -r -a split <<<"$words"
    refused "clerk: $words" 'Not permitted: .*no role that allows it' clerk north "${split[@]}"
done

note "the log"
until_true 120 gw_drained north || wrong "the journal is not drained"
for event in principal.created principal.disabled principal.enabled role.created role.removed grant.created \
    grant.revoked mailbox.created mailbox.changed number.assigned number.removed trunk.created trunk.removed; do
    like "$event in the log" "$(gw_count_event north "$event")" '^[1-9]'
done
first=$(clerk north --json audit list --limit 3)
equal "three records" "$(jq '.records | length' <<<"$first")" 3
second=$(clerk north --json audit list --limit 3 --before "$(jq -r .next <<<"$first")")
equal "the next page goes on before" \
    "$(jq -n --argjson a "$first" --argjson b "$second" '($a.records | map(.index) | min) > ($b.records | map(.index) | max)')" true
equal "by event and actor" "$(clerk north --json audit list --event trunk.removed --actor admin --since 2020-01-01 --until 2099-01-01 |
    jq -r '.records[].fields.trunk' | tail -n 1)" carrier
refused "a mark that is none" 'The filter is not valid' clerk north audit list --before x
refused "a fax that is none" 'The filter is not valid' clerk north audit list --fax x
gw_verify north
like "the newest checkpoint" "$(clerk north audit checkpoint)" 'north'
like "the keys" "$(listed '.keys | length' key list)" '^[0-9]+$'
admin north grant add clerk disposal-officer --mailbox office
holds "nothing is due" clerk north dispose --dry-run
holds "nothing is disposed of" clerk north dispose

note "without the command line"
like "health" "$(get /healthz)" '200$'
like "readiness" "$(get /readyz)" '200$'
like "the description" "$(get /v1/openapi.json)" '"openapi".*200$'
like "no such path" "$(get /v1/none)" '404$'
like "a query that is not known" "$(get '/v1/audit/records?x=1')" '400$'
like "a limit that is too high" "$(get '/v1/audit/records?limit=100000')" '400$'

note "init with a database of one's own"
# init_with NAME KEY=VALUE...: writes a configuration, prints what init says
init_with() {
    printf '%s\n' "node=$1" "state_dir=$GW_TOP/$1" "sip.listen=127.0.0.1:5999" "${@:2}" | gw_yaml >"$GW_TOP/$1.yaml"
    "$SEALFAX" init --config "$GW_TOP/$1.yaml" --create-accounts --admin admin --admin-uid 0 2>&1
}
dsn() { echo "\"host=$(gw_database_socket north) dbname=sealfax user=$1\""; }
passwords=$GW_TOP/north/secrets
said=$(init_with given "database.dsn=$(dsn sealfax_app)" "database.password_file=$passwords/app") ||
    wrong "init with a given database: $said"
like "without the owner's access" "$said" 'database.dsn'
like "without the owner's access" "$said" 'not checked .*run sealfax migrate'
said=$(init_with owned "database.dsn=$(dsn sealfax_app)" "database.password_file=$passwords/app" \
    "database.owner_dsn=$(dsn sealfax_owner)" "database.owner_password_file=$passwords/owner") ||
    wrong "init with the owner's access: $said"
like "with the owner's access" "$said" 'up to date .*database schema'
like "the administrator that is there" "$said" 'there already .*administrator admin'
# init_fails WHAT PATTERN NAME KEY=VALUE...
init_fails() {
    local status=0 said
    said=$(init_with "${@:3}") || status=$?
    equal "$1: exit code" "$status" 1
    like "$1: reason" "$said" "$2"
}
init_fails "an owner that is not there" 'could not be brought up to date' stranger \
    "database.dsn=$(dsn sealfax_app)" "database.password_file=$passwords/app" "database.owner_dsn=$(dsn eve)"
chmod 0777 "$GW_TOP/given/vault"
init_fails "a vault for everybody" 'vault has mode 0777; expected 0700 at most' given "database.dsn=$(dsn sealfax_app)"
: >"$GW_TOP/file"
init_fails "a state directory in a file" 'Not a directory' nowhere "state_dir=$GW_TOP/file/state"
init_fails "a database that is not there" 'database.dsn: ' away "database.dsn=\"host=$GW_TOP dbname=sealfax user=x\""
gw_end
