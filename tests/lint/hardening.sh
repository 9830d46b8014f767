#!/usr/bin/env bash
# The program carries the hardening that the build with SEALFAX_HARDENING promises.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
build=${BUILD_DIR:-build/release}
program=$build/gateway/sealfax
if ! grep -q '^SEALFAX_HARDENING:[A-Z]*=ON$' "$build/CMakeCache.txt"; then
    echo "$build is built without SEALFAX_HARDENING"
    exit 77
fi
status=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readelf --wide --file-header --dynamic --segments "$program" >"$work/elf"
nm --dynamic --undefined-only "$program" >"$work/imports"

expect() { # expect FILE REGEX WHAT
    if ! grep -qE "$2" "$1"; then
        echo "$program: $3"
        status=1
    fi
}
refuse() { # refuse FILE REGEX WHAT
    if grep -E "$2" "$1"; then
        echo "$program: $3"
        status=1
    fi
}

expect "$work/elf" 'Type: +DYN' 'is no position-independent executable'
expect "$work/elf" 'FLAGS_1\).*\bPIE\b' 'is no position-independent executable'
expect "$work/elf" 'FLAGS_1\).*\bNOW\b' 'binds symbols lazily'
expect "$work/elf" '^ +GNU_RELRO ' 'has no read-only relocations'
expect "$work/elf" '^ +GNU_STACK .* RW +0x' 'has no mark against an executable stack'
refuse "$work/elf" '^ +LOAD .* RWE ' 'has a segment both writable and executable'
refuse "$work/elf" '\((RPATH|RUNPATH|TEXTREL)\)' 'has a library path or text relocations'
expect "$work/imports" '\b__stack_chk_fail\b' 'has no stack protector'
expect "$work/imports" '\b__(memcpy|snprintf|vsnprintf)_chk\b' 'has no fortified calls'

# The linker drops the note of control-flow protection when one object lacks it, as the start files
# of Debian 12 do. So it is looked for in our objects, and its effect in main().
if grep -q 'X86-64' "$work/elf"; then
    objdump --disassemble=main --no-show-raw-insn "$program" >"$work/main"
    expect "$work/main" '\bendbr64\b' 'has no mark for indirect branches in main()'
    while IFS= read -r -d '' library; do
        readelf --wide --notes "$library" >"$work/notes" 2>/dev/null
        members=$(ar t "$library" | wc -l)
        marked=$(grep -cE 'x86 feature: IBT, SHSTK' "$work/notes" || true)
        if [[ $marked -ne $members ]]; then
            echo "$library: $marked of $members objects are marked for IBT and SHSTK"
            status=1
        fi
    done < <(find "$build/codecs" "$build/t38" "$build/policy" "$build/gateway" -name '*.a' -print0)
fi
exit "$status"
