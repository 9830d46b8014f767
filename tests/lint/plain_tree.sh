#!/usr/bin/env bash
# The tree holds no unfinished words, no paths of a machine, no over-long source files.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
status=0
find_all() {
    grep -rnIE "$1" --include='*.[ch]' --include='*.sql' --include='*.sh' --include='*.txt' --include='*.md' \
        --exclude-dir=build --exclude-dir=.git --exclude=plain_tree.sh . || true
}
unfinished=$(find_all '\b(TODO|FIXME|XXX|HACK)\b')
paths=$(find_all '/(root|home)/[a-z]')
long=$(find codecs t38 policy gateway tests -name '*.[ch]' -print0 | xargs -0 wc -l | awk '$2 != "total" && $1 > 500')
for finding in "$unfinished" "$paths" "$long"; do
    if [[ -n $finding ]]; then
        printf '%s\n' "$finding"
        status=1
    fi
done
exit "$status"
