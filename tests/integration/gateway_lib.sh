# Library of the end-to-end tests: whole gateways with their own PostgreSQL, on loopback addresses of
# their own, so that tests can run side by side. To be sourced:
#   source "$(dirname "$0")/gateway_lib.sh"
# Every function takes the name of a gateway first. All state lies in $GW_TOP and is removed on exit.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

: "${SEALFAX:?the program under test}" "${SOURCE_DIR:?the top of the sources}"
[[ $(id -u) -eq 0 ]] || {
    echo "These tests give each process of a gateway an account of its own: run them as root." >&2
    exit 1
}
unset SEALFAX_SOCKET SEALFAX_STATE

GW_DATA=$SOURCE_DIR/tests/data
GW_CLERK=sealfax-clerk # the account that sends, reads and audits; root administers
GW_NUMBERS=10          # numbers that each gateway has
declare -A GW_ADDRESS=() GW_PORT=() GW_PID=() GW_PREFIX=()
GW_OTHERS=() # pids of other programs to stop at the end
GW_FAILURES=0

mkdir -p /var/lib
GW_TOP=$(mktemp -d /var/lib/sealfax-test.XXXXXX)
chmod 0711 "$GW_TOP"
# The accounts cannot enter every folder that this may be built in: they get a copy of the program.
install -m 0755 "$SEALFAX" "$GW_TOP/sealfax"

gw_cleanup() {
    local status=$? name pid
    trap - EXIT
    trap '' INT TERM
    set +e
    for pid in "${GW_OTHERS[@]}"; do
        kill -CONT "$pid" 2>/dev/null
        kill -TERM "$pid" 2>/dev/null
    done
    for name in "${!GW_PID[@]}"; do
        # Twice: stop, and do not wait for calls.
        kill -TERM "${GW_PID[$name]}" 2>/dev/null && sleep 0.2 && kill -TERM "${GW_PID[$name]}" 2>/dev/null
    done
    for name in "${!GW_PID[@]}"; do gw_reap "$name"; done
    if [[ $status -ne 0 || -n ${GW_KEEP:-} ]]; then
        for name in "${!GW_ADDRESS[@]}"; do
            echo "--- end of the log of gateway $name" >&2
            tail -n 40 "$GW_TOP/$name.log" >&2
        done
    fi
    if [[ -n ${GW_KEEP:-} ]]; then
        echo "kept: $GW_TOP" >&2
    else
        rm -rf "$GW_TOP"
    fi
    exit "$status"
}
trap gw_cleanup EXIT
trap 'exit 130' INT TERM

id "$GW_CLERK" >/dev/null 2>&1 ||
    adduser --system --group --quiet --no-create-home --home /nonexistent "$GW_CLERK"

# --- checks ---

note() { printf '== %s\n' "$*"; }
die() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
# wrong TEXT: counts a failure and goes on; gw_end makes the test fail
wrong() {
    printf 'WRONG: %s\n' "$*" >&2
    GW_FAILURES=$((GW_FAILURES + 1))
}
# equal WHAT IS SHOULD
equal() {
    if [[ $2 == "$3" ]]; then printf 'ok: %s: %s\n' "$1" "$2"; else wrong "$1 is '$2', should be '$3'"; fi
}
# like WHAT IS PATTERN (extended regular expression)
like() {
    if [[ $2 =~ $3 ]]; then printf 'ok: %s: %s\n' "$1" "$2"; else wrong "$1 is '$2', should match '$3'"; fi
}
# holds WHAT COMMAND...
holds() {
    local what=$1
    shift
    if "$@"; then printf 'ok: %s\n' "$what"; else wrong "not so: $what"; fi
}
# until_true SECONDS COMMAND...: polls
until_true() {
    local end=$((SECONDS + $1)) tries=0
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        # What takes long is asked for less often: asking costs as much as many calls.
        if ((++tries < 20)); then sleep 0.1; else sleep 0.2; fi
    done
}
gw_end() {
    ((GW_FAILURES == 0)) || die "$GW_FAILURES checks went wrong"
    echo "passed"
}

# --- making and running gateways ---

# port_free ADDRESS PORT: no UDP socket is bound there or to all addresses
port_free() {
    local a b c d
    IFS=. read -r a b c d <<<"$1"
    ! grep -qE ":? ($(printf '%02X%02X%02X%02X' "$d" "$c" "$b" "$a")|00000000):$(printf '%04X' "$2") " /proc/net/udp
}

# gw_configure NAME PREFIX [KEY=VALUE...]: chooses address and port, writes the configuration.
# PREFIX are the digits with which all numbers of the gateway begin, as +4930551. KEY is a dotted
# key of the configuration.
gw_configure() {
    local name=$1 state=$GW_TOP/$1
    GW_PREFIX[$name]=$2
    shift 2
    while :; do
        GW_ADDRESS[$name]=127.$((RANDOM % 200 + 30)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
        GW_PORT[$name]=$((RANDOM % 4000 + 5060))
        port_free "${GW_ADDRESS[$name]}" "${GW_PORT[$name]}" && break
    done
    printf '%s\n' "node=$name" "state_dir=$state" "sip.listen=${GW_ADDRESS[$name]}:${GW_PORT[$name]}" \
        "media.address=${GW_ADDRESS[$name]}" "fax.header=gateway $name" \
        "retry.max_attempts=1" "$@" | gw_yaml >"$GW_TOP/$name.yaml"
    : >"$GW_TOP/$name.log"
}
gw_init() {
    "$SEALFAX" init --config "$GW_TOP/$1.yaml" --create-accounts --admin admin --admin-uid 0 \
        >"$GW_TOP/$1.init" 2>&1 || {
        cat "$GW_TOP/$1.init" >&2
        die "init of $1"
    }
}
# gw_make NAME PREFIX [KEY=VALUE...]: both
gw_make() {
    gw_configure "$@"
    gw_init "$1"
}

# gw_yaml: lines of 'section.key=value' to YAML; the last of a key counts
gw_yaml() {
    awk -F= '{
        key = $1; value = substr($0, length($1) + 2)
        n = split(key, part, ".")
        section = n > 1 ? part[1] : ""
        last = n > 1 ? part[2] : part[1]
        if (!((section, last) in set)) { order[++count] = section SUBSEP last }
        set[section, last] = value
        if (section != "" && !(section in sections)) { sections[section] = 1; names[++m] = section }
    } END {
        for (i = 1; i <= count; i++) { split(order[i], p, SUBSEP); if (p[1] == "") print p[2] ": " set[order[i]] }
        for (j = 1; j <= m; j++) {
            print names[j] ":"
            for (i = 1; i <= count; i++) {
                split(order[i], p, SUBSEP)
                if (p[1] == names[j]) print "  " p[2] ": " set[order[i]]
            }
        }
    }'
}

gw_spawn() {
    "$SEALFAX" serve --config "$GW_TOP/$1.yaml" >>"$GW_TOP/$1.log" 2>&1 &
    GW_PID[$1]=$!
}

# Without a socket there is nobody to ask.
gw_is_ready() { [[ -S $GW_TOP/$1/run/api.sock && $(admin "$1" --json status 2>/dev/null | jq -r .ready 2>/dev/null) == true ]]; }

# gw_wait_ready NAME: at most 120 s
gw_wait_ready() {
    local tries
    for ((tries = 0; tries < 1200; tries++)); do
        gw_is_ready "$1" && return 0
        kill -0 "${GW_PID[$1]}" 2>/dev/null || die "gateway $1 ended at once"
        sleep 0.1
    done
    die "gateway $1 did not become ready"
}

gw_start() {
    gw_spawn "$1"
    gw_wait_ready "$1"
}

# gw_reap NAME: waits for the end, sets GW_STATUS
gw_reap() {
    GW_STATUS=0
    [[ -n ${GW_PID[$1]:-} ]] || return 0
    wait "${GW_PID[$1]}" 2>/dev/null || GW_STATUS=$?
    unset "GW_PID[$1]"
}

# gw_stop NAME: SIGTERM; GW_STATUS is the exit status
gw_stop() {
    kill -TERM "${GW_PID[$1]}"
    gw_reap "$1"
}

# gw_role NAME ROLE: the pids of a gateway's processes of a role (keeper, control, line, render)
gw_role() {
    local pid words
    while read -r pid; do
        [[ -r /proc/$pid/cmdline ]] || continue
        mapfile -d '' -t words <"/proc/$pid/cmdline" 2>/dev/null || continue
        [[ ${words[1]:-} == role && ${words[2]:-} == "$2" ]] && echo "$pid"
    done < <(gw_children "${GW_PID[$1]}")
    return 0
}
gw_children() {
    local list=()
    read -r -a list <"/proc/$1/task/$1/children" 2>/dev/null || true
    ((${#list[@]} == 0)) || printf '%s\n' "${list[@]}"
}
gw_postmaster() { head -n 1 "$GW_TOP/$1/database/postmaster.pid"; }

# gw_each COMMAND NAME...: the command for each gateway, all at the same time
gw_each() {
    local pids=() pid name
    for name in "${@:2}"; do
        "$1" "$name" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || die "$1"; done
}

# gw_checks COMMAND WORD...: a function of checks for each word, all at the same time; what goes wrong
# counts. They share no files.
gw_checks() {
    local word pids=() failed
    for word in "${@:2}"; do
        "$1" "$word" >"$GW_TOP/checks.$word" 2>&1 &
        pids+=($!)
    done
    for word in "${@:2}"; do
        failed=0
        wait "${pids[0]}" || failed=$?
        pids=("${pids[@]:1}")
        cat "$GW_TOP/checks.$word"
        GW_FAILURES=$((GW_FAILURES + $(grep -c '^WRONG: ' "$GW_TOP/checks.$word" || true)))
        ((failed == 0)) || die "$1 $word"
    done
}

# --- certificates ---

GW_TLS=$GW_TOP/tls

# gw_authority NAME: a CA in $GW_TLS/NAME.ca
gw_authority() {
    mkdir -p "$GW_TLS"
    chmod 0755 "$GW_TLS"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -addext basicConstraints=critical,CA:TRUE -keyout "$GW_TLS/$1.key" -out "$GW_TLS/$1.ca" 2>/dev/null
    chmod 0644 "$GW_TLS/$1.ca"
}
# gw_certificate NAME AUTHORITY NAMES [OPTION...]: NAME.pem and NAME.key.pem, as control reads them
gw_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$GW_TLS/$1.key.new" -out "$GW_TLS/$1.csr" 2>/dev/null
    openssl x509 -req -in "$GW_TLS/$1.csr" -CA "$GW_TLS/$2.ca" -CAkey "$GW_TLS/$2.key" -CAcreateserial \
        -extfile <(echo "subjectAltName=$3") -out "$GW_TLS/$1.pem.new" "${@:4}" 2>/dev/null
    chmod 0640 "$GW_TLS/$1.key.new"
    chgrp sealfax "$GW_TLS/$1.key.new"
    chmod 0644 "$GW_TLS/$1.pem.new"
    mv "$GW_TLS/$1.key.new" "$GW_TLS/$1.key.pem"
    mv "$GW_TLS/$1.pem.new" "$GW_TLS/$1.pem"
}

# --- using them ---

admin() { SEALFAX_SOCKET=$GW_TOP/$1/run/api.sock "$SEALFAX" "${@:2}"; }
clerk() {
    SEALFAX_SOCKET=$GW_TOP/$1/run/api.sock setpriv --reuid "$GW_CLERK" --regid "$GW_CLERK" \
        --clear-groups "$GW_TOP/sealfax" "${@:2}"
}
# The program itself: what Debian has in the path is a script that looks for it and takes several times as long.
GW_PSQL=$(find /usr/lib/postgresql -path '*/bin/psql' 2>/dev/null | sort -V | tail -n 1)
GW_PSQL=${GW_PSQL:-psql}
# gw_sql NAME SQL: as the owner of the schema
gw_sql() {
    local directory
    directory=$(gw_database_socket "$1")
    PGPASSWORD=$(<"$GW_TOP/$1/secrets/owner") "$GW_PSQL" -X -q -A -t -v ON_ERROR_STOP=1 \
        -h "$directory" -U sealfax_owner -d sealfax -c "SET search_path = sealfax" -c "$2"
}
gw_database_socket() { sed -n 5p "$GW_TOP/$1/database/postmaster.pid"; }

# gw_number NAME N: number N (0 to 9) of a gateway
gw_number() { echo "${GW_PREFIX[$1]}0$2"; }

# gw_provision NAME: mailbox, numbers, and what the clerk may do
gw_provision() {
    local name=$1 i
    {
        admin "$name" mailbox add office --retention-days 90
        for ((i = 0; i < GW_NUMBERS; i++)); do
            admin "$name" number add "$(gw_number "$name" "$i")" --mailbox office
        done
        admin "$name" user add clerk --uid "$(id -u "$GW_CLERK")" --full-name "Test Clerk"
        admin "$name" grant add clerk sender --from "${GW_PREFIX[$name]}*" --to '+4930*' --mailbox office
        admin "$name" grant add clerk receiver --mailbox office
        admin "$name" grant add clerk auditor
    } >"$GW_TOP/$name.provision" 2>&1 || {
        cat "$GW_TOP/$name.provision" >&2
        die "provisioning of $name"
    }
}

# gw_trunk NAME TRUNK HOST PORT [OPTION...]: a trunk that may bring faxes for all numbers of NAME
gw_trunk() {
    admin "$1" trunk add "$2" --host "$3" --port "$4" "${@:5}" >/dev/null
    admin "$1" grant add "trunk:$2" trunk --to "${GW_PREFIX[$1]}*" --mailbox office >/dev/null
}

# gw_connect A B: a trunk from each to the other
gw_connect() {
    gw_trunk "$1" "$2" "${GW_ADDRESS[$2]}" "${GW_PORT[$2]}" --prefix "${GW_PREFIX[$2]}"
    gw_trunk "$2" "$1" "${GW_ADDRESS[$1]}" "${GW_PORT[$1]}" --prefix "${GW_PREFIX[$1]}"
}

# gw_up NAME PREFIX [KEY=VALUE...]: all of it
gw_up() {
    gw_make "$@"
    gw_start "$1"
    gw_provision "$1"
}

# gw_send NAME FROM TO FILE [OPTION...]: prints the id of the fax
gw_send() {
    local answer
    answer=$(clerk "$1" --json send --as "$2" --to "$3" "${@:5}" - <"$4") || return 1
    jq -er .id <<<"$answer"
}

# gw_fax NAME ID FIELD...: fields of a fax by jq, separated by spaces
gw_fax() {
    local fields
    fields=$(printf ', (%s)' "${@:3}")
    clerk "$1" --json fax show "$2" | jq -r "[${fields:2}] | map(tostring) | join(\" \")"
}

# gw_state NAME ID; gw_in_state NAME ID PATTERN; gw_wait_state NAME ID PATTERN SECONDS prints the state
gw_state() { gw_fax "$1" "$2" .state; }
gw_in_state() { [[ $(gw_state "$1" "$2" 2>/dev/null) =~ ^($3)$ ]]; }
gw_wait_state() {
    local state
    if until_true "$4" gw_in_state "$1" "$2" "$3"; then
        gw_state "$1" "$2"
    else
        state=$(gw_state "$1" "$2" 2>/dev/null) || state=unknown
        echo "$state (not $3 after $4 s)"
    fi
}
GW_ENDED='delivered|received|partial|failed|uncertain|cancelled'

# gw_inbound NAME TO: the id of the newest fax that came for this number
gw_inbound() {
    clerk "$1" --json faxes --direction in --limit 100 |
        jq -r --arg to "$2" '[.faxes[] | select(.to == $to)][0].id // empty'
}
gw_has_inbound() { [[ -n $(gw_inbound "$1" "$2" 2>/dev/null) ]]; }

gw_watch() { # gw_watch NAME ID FILE: follows in the background
    clerk "$1" fax watch "$2" >"$3" 2>&1 &
    GW_OTHERS+=($!)
}

# pixels FILE.pdf [PAGE]: a digest of all below the header line, which the sender draws when it dials
pixels() {
    pdftoppm -gray -f "${2:-1}" -l "${2:-1}" -rx 204 -ry 196 -x 0 -y 60 -W 1728 -H 2200 "$1" | sha256sum | cut -d ' ' -f 1
}
pdf_pages() { pdfinfo "$1" | sed -n 's/^Pages: *//p'; }

# gw_verify NAME: the log is intact, and says so
gw_verify() {
    local text
    text=$(clerk "$1" audit verify 2>/dev/null) && [[ $text == ok:* ]] && {
        printf 'ok: audit verify of %s: %s\n' "$1" "$text"
        return 0
    }
    wrong "audit verify of $1: $text"
}

# gw_count_event NAME EVENT [FAX]
gw_count_event() {
    local and=
    [[ -z ${3:-} ]] || and="AND fax = '$3'"
    gw_sql "$1" "SELECT count(*) FROM audit_record WHERE event = '$2' $and"
}

# gw_drained NAME: all that the journal holds is in the database
gw_drained() { admin "$1" --json status | jq -e '.database.lag == 0' >/dev/null; }

# noise_pdf FILE PAGES: a document that is like no other; each page is some 35 kB of T.6 (25 s at
# 14400 bit/s)
noise_pdf() {
    LC_ALL=C awk -v seed="$((RANDOM * 32768 + RANDOM))" -v pages="$2" '
        function emit(text) { printf "%s\n", text; at += length(text) + 1 }
        function object(text) { offset[++objects] = at; emit(objects " 0 obj " text); emit("endobj") }
        BEGIN {
            srand(seed); columns = 216; rows = 285
            emit("%PDF-1.4")
            kids = ""
            for (p = 0; p < pages; p++) kids = kids (3 + 3 * p) " 0 R "
            object("<< /Type /Catalog /Pages 2 0 R >>")
            object("<< /Type /Pages /Count " pages " /Kids [ " kids "] >>")
            for (p = 0; p < pages; p++) {
                object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents " (4 + 3 * p) \
                    " 0 R /Resources << /XObject << /I " (5 + 3 * p) " 0 R >> >> >>")
                content = "q 500 0 0 740 48 40 cm /I Do Q"
                object("<< /Length " length(content) " >> stream\n" content "\nendstream")
                image = ""
                for (i = 0; i < columns / 4 * rows; i++) {
                    digit = 15
                    for (b = 1; b < 16; b *= 2) if (rand() < 0.22) digit -= b
                    image = image sprintf("%X", digit)
                }
                image = image ">"
                object("<< /Type /XObject /Subtype /Image /Width " columns " /Height " rows \
                    " /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /ASCIIHexDecode /Length " \
                    length(image) " >> stream\n" image "\nendstream")
            }
            start = at
            emit("xref"); emit("0 " (objects + 1)); emit("0000000000 65535 f ")
            for (i = 1; i <= objects; i++) emit(sprintf("%010d 00000 n ", offset[i]))
            emit("trailer << /Size " (objects + 1) " /Root 1 0 R >>")
            emit("startxref"); emit(start); emit("%%EOF")
        }' >"$1"
}
