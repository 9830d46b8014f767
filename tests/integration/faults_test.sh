#!/usr/bin/env bash
# A short random campaign of the fault harness (tests/faults/README.md): pairs of gateways side by side, one
# run for each group of faults, drawn anew every time. Long ones: tests/run faults.
set -euo pipefail
: "${SOURCE_DIR:?the top of the sources}" "${BUILD_DIR:?where it was built}"
[[ $(id -u) -eq 0 ]] || {
    echo "Each process of a gateway gets an account of its own: run this as root." >&2
    exit 1
}
top=$(mktemp -d)
runs=()
# shellcheck disable=SC2317 # called by the trap
stop() {
    for pid in "${runs[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$top"
}
trap stop EXIT
groups=(
    "kill-line kill-keeper kill-control kill-postmaster kill-backend segv-line segv-keeper segv-control kill-all"
    "disk-full-vault disk-full-journal disk-full-keeper torn-write-journal torn-write-vault torn-write-keeper fsync-fails-once"
    "network-loss-20 network-reorders network-all network-cut wire-down wire-pulled wire-small peer-declines storing-fails"
)
for number in "${!groups[@]}"; do
    read -ra kinds <<<"${groups[number]}"
    seed=$((RANDOM * 32768 + RANDOM)):${kinds[RANDOM % ${#kinds[@]}]}
    echo "tests/faults/run --short --seeds $seed"
    "$SOURCE_DIR/tests/faults/run" --program "$BUILD_DIR/tests/sealfax_faulty" \
        --search "$BUILD_DIR/tests/gateway_search_prog" --short --seeds "$seed" >"$top/$number" 2>&1 &
    runs+=($!)
done
failed=0
for number in "${!runs[@]}"; do
    wait "${runs[number]}" || failed=1
    cat "$top/$number"
done
runs=()
exit "$failed"
