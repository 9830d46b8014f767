#!/usr/bin/env bash
# Quick unit tests under valgrind: no invalid or uninitialised access, nothing lost. The sanitizers see
# most of that, but not uninitialised values, and not what happens inside the libraries.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
build=${BUILD_DIR:-build/release}
if grep -q '^SEALFAX_SANITIZE:[A-Z]*=.' "$build/CMakeCache.txt"; then
    echo "$build is built with sanitizers, which valgrind cannot run"
    exit 77
fi
# No sandboxes (valgrind does what they forbid), no databases, no whole faxes (minutes), no SIP calls
# (their timers run 25 times as fast as in service, and give up on a program this slow).
programs=(
    cli_test decision_test fax_id_test fax_store_test file_octets_test grey_page_test guard_test
    header_line_test http_limits_test http_server_test http_strict_test ifp_test ipc_test
    journal_frame_test keeper_test key_wrap_test line_pages_test line_wheel_test media_offer_test
    media_socket_test page_set_test pdf_write_test policy_number_test policy_primitives_test raster_test
    record_test render_pdf_info_test retention_test sdp_test
    socket_address_test stranger_log_test supervisor_test t30_result_test
    udptl_test verifier_test wall_clock_test
)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # check BUILD WORK PROGRAM
    if ! timeout 100 valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \
        --errors-for-leak-kinds=definite,indirect --error-exitcode=99 \
        "$1/tests/$3" >"$2/$3" 2>&1; then
        echo "$3 under valgrind:"
        grep -vE '^\[ +(RUN|OK) +\]' "$2/$3" | head -n 60
        return 1
    fi
}
export -f check
printf '%s\n' "${programs[@]}" | xargs -P "$(nproc)" -I{} bash -c 'check "$@"' check "$build" "$work" {}
