#!/usr/bin/env bash
# gcc -fanalyzer finds nothing but what analyzer.txt explains.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
build=${BUILD_DIR:-build/dev}
export cache=$build/analyzer
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t places < <(grep -oE -- '-(isystem |I)/[^ "]+' "$build/compile_commands.json" |
    sed -E 's/^-(isystem |I)//' | sort -u | grep -vxF "$PWD")

# The preprocessed text decides whether the result of an earlier run is still good.
# shellcheck disable=SC2317 # xargs calls it
analyze() { # analyze SOURCE FLAG...
    local source=$1 key
    shift
    key=$(gcc-12 "$@" -E "$source" | sha256sum | cut -c1-64)
    if [[ ! -e $cache/$key ]]; then
        gcc-12 "$@" -O1 -fanalyzer -fdiagnostics-plain-output -S -o /dev/null "$source" \
            2>"$cache/$key.$$"
        mv "$cache/$key.$$" "$cache/$key"
    fi
    touch "$cache/$key"
    cat "$cache/$key"
}
export -f analyze
find codecs t38 policy gateway -name '*.c' -print0 | sort -z |
    xargs -0 -P "$(nproc)" -I{} bash -c 'analyze "$@"' analyze {} -std=c11 -D_GNU_SOURCE \
        -DSEALFAX_VERSION='"0"' -DMIGRATIONS_DIR="\"$PWD/gateway/db/migrations\"" -I. \
        "${places[@]/#/-isystem}" >"$work/found"
find "$cache" -type f -mtime +30 -delete

grep -vE '^(#|$)' tests/lint/analyzer.txt | sort >"$work/known"
status=0
while IFS= read -r line; do
    file=${line%%:*}
    flag=$(grep -oE -- '-Wanalyzer-[a-z-]+' <<<"$line" || true)
    if ! grep -qxF -- "$file $flag" "$work/known"; then
        printf '%s\n' "$line"
        status=1
    fi
done < <(grep -E 'warning: ' "$work/found" || true)
exit "$status"
