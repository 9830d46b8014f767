#!/usr/bin/env bash
# A short random campaign of the fault harness (tests/faults/README.md): runs that are always the same,
# of each group of faults one, and one that is different every time. Long ones: tests/run faults.
set -euo pipefail
: "${SOURCE_DIR:?the top of the sources}" "${BUILD_DIR:?where it was built}"
[[ $(id -u) -eq 0 ]] || {
    echo "Each process of a gateway gets an account of its own: run this as root." >&2
    exit 1
}
random=$((RANDOM * 32768 + RANDOM))
echo "the random run: tests/faults/run --seed $random"
exec "$SOURCE_DIR/tests/faults/run" --program "$BUILD_DIR/tests/sealfax_faulty" \
    --search "$BUILD_DIR/tests/gateway_search_prog" --runs-per-pair 6 --minutes 2.5 \
    --seeds "51:kill-control,89:disk-full-journal,$random"
