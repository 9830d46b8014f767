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
# Pure code and parsers; no processes, databases or whole faxes, which take minutes here.
programs=(
)
