#!/usr/bin/env bash
# Every header compiles by itself, and twice in one unit.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
status=0
flags=(-std=c11 -D_GNU_SOURCE -I. -fsyntax-only -Wall -Wextra -Wpedantic -Werror -isystem "$(pg_config --includedir)")
read -ra system <<<"$(pkg-config --cflags-only-I pangocairo)"
flags+=("${system[@]/#-I/-isystem}")
while IFS= read -r header; do
    if ! printf '#include "%s"\n#include "%s"\nextern int unit_is_not_empty;\n' "$header" "$header" |
        gcc "${flags[@]}" -x c -; then
        echo "$header does not compile alone"
        status=1
    fi
done < <(git ls-files -co --exclude-standard '*.h' 2>/dev/null || find . -name '*.h' -not -path './build/*')
exit "$status"
