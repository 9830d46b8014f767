#!/usr/bin/env bash
# cppcheck finds nothing but what cppcheck.txt explains.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
build=${BUILD_DIR:-build/dev}
cache=$build/cppcheck
mkdir -p "$cache"
# Results of files that have not changed are taken from the cache.
cppcheck --quiet -j "$(nproc)" --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
    --library=posix --library=tests/lint/cppcheck.cfg -D_GNU_SOURCE -DSEALFAX_VERSION='"0"' \
    -DMIGRATIONS_DIR='"."' -I. --suppress=missingInclude --suppress=missingIncludeSystem \
    --suppressions-list=tests/lint/cppcheck.txt --template='{file}:{line}: {id}: {message}' \
    --cppcheck-build-dir="$cache" codecs t38 policy gateway
