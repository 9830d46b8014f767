#!/bin/bash
# Calls between two real line processes: delivery, holding, refusing, a killed line, wrong keys,
# hostile peers, a plain one, a flood, and what comes while sockets rest, all at the same time.
set -euo pipefail

directory=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$directory"' EXIT

for scenario in one five hold refuse kill gone wrongkey withoutecm slow resume superfine standard express peak; do
    "$BUILD_DIR/tests/line_pair_prog" "$scenario" "$directory" >"$directory/$scenario.log" 2>&1 &
    pids+=($!)
done
"$BUILD_DIR/tests/line_hostile_prog" "$directory" >"$directory/hostile.log" 2>&1 &
pids+=($!)
"$BUILD_DIR/tests/line_plain_prog" "$directory" >"$directory/plain.log" 2>&1 &
pids+=($!)
"$BUILD_DIR/tests/line_rest_prog" "$directory" >"$directory/rest.log" 2>&1 &
pids+=($!)
"$BUILD_DIR/tests/line_flood_prog" "$directory" >"$directory/flood.log" 2>&1 &
pids+=($!)

failed=0
for pid in "${pids[@]}"; do
    wait "$pid" || failed=1
done
cat "$directory"/*.log
exit "$failed"
