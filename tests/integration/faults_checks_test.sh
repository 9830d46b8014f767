#!/usr/bin/env bash
# The proof that the checks of the fault harness can fail: violations planted into two gateways at rest.
set -euo pipefail
: "${SOURCE_DIR:?the top of the sources}" "${BUILD_DIR:?where it was built}"
[[ $(id -u) -eq 0 ]] || {
    echo "Each process of a gateway gets an account of its own: run this as root." >&2
    exit 1
}
exec "$SOURCE_DIR/tests/faults/run" --program "$BUILD_DIR/tests/sealfax_faulty" \
    --search "$BUILD_DIR/tests/gateway_search_prog" --self-test
