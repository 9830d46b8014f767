#!/usr/bin/env bash
# A hundred thousand damaged SIP messages (a million: SIP_MUTATIONS=1000000), with a seed that is told,
# so that a failure can be made again.
set -euo pipefail

seed=${SIP_MUTATIONS_SEED:-$((RANDOM * 32768 + RANDOM))}
count=${SIP_MUTATIONS:-100000}
echo "seed $seed, $count messages"
"$BUILD_DIR/tests/sip_mutations_prog" "$seed" "$count"
echo "passed"
