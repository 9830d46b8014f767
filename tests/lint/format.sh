#!/usr/bin/env bash
# clang-format and shellcheck find nothing.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
mapfile -t sources < <(find codecs t38 policy gateway tests -name '*.[ch]' | sort)
clang-format-14 --dry-run --Werror "${sources[@]}"
mapfile -t scripts < <(grep -rlIE '^#!.*\b(ba)?sh$' --exclude-dir=build --exclude-dir=.git . | sort)
shellcheck -x "${scripts[@]}"
