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
mapfile -t programs < <(grep "^[a-z]" tests/lint/valgrind.txt)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # check BUILD WORK PROGRAM
    if ! timeout 300 valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect \
        --errors-for-leak-kinds=definite,indirect --error-exitcode=99 \
        "$1/tests/$3" >"$2/$3" 2>&1; then
        echo "$3 under valgrind:"
        grep -vE '^\[ +(RUN|OK) +\]' "$2/$3" | head -n 60
        return 1
    fi
}
export -f check
printf '%s\n' "${programs[@]}" | xargs -P "$(nproc)" -I{} bash -c 'check "$@"' check "$build" "$work" {}
