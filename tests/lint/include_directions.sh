#!/usr/bin/env bash
# codecs and policy include nothing of ours but themselves, t38 also codecs; outside gateway no header
# of libuv, libpq, sockets or files. Nobody but t38's own files knows the T.30 library.
set -euo pipefail
cd "${SOURCE_DIR:-$(dirname "$0")/../..}"
status=0

complain() { # complain TEXT FINDINGS
    if [[ -n $2 ]]; then
        printf '%s\n%s\n' "$1" "$2"
        status=1
    fi
}

check_ours() { # check_ours FOLDER ALLOWED-REGEX
    complain "$1/ may not include:" \
        "$(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' --include='*.[ch]' "$1" | grep -vE "\"($2)/" || true)"
}

check_ours codecs codecs
check_ours policy policy
check_ours t38 't38|codecs'
check_ours gateway 'gateway|t38|codecs|policy'

complain 'spandsp is known to t38/spandsp_* and t38/tone_watch.c alone:' \
    "$(grep -rnE '#[[:space:]]*include[[:space:]]+[<"](t38/)?spandsp' --include='*.[ch]' codecs policy t38 gateway |
        grep -vE '^t38/(spandsp_[a-z_]*\.[ch]|tone_watch\.c):' || true)"

forbidden='uv\.h|uv/|libpq|libpq-fe|postgresql|sys/socket|netinet|arpa/inet|netdb|sys/un|sys/epoll|poll|fcntl|dirent|osip|http_parser|yaml|seccomp'
complain 'input/output headers outside gateway/:' \
    "$(grep -rnE "#[[:space:]]*include[[:space:]]+[<\"]($forbidden)" --include='*.[ch]' codecs policy t38 | grep -vE '^t38/(spandsp_[a-z_]*)\.c:[0-9]+:#include <fcntl\.h>' || true)"
complain 'stdio streams on files outside gateway/:' \
    "$(grep -rnE '\b(fopen|freopen|open|openat|creat|socket)[[:space:]]*\(' --include='*.c' codecs policy t38 |
        grep -vE '^[^:]+:[0-9]+:[[:space:]]*(/\*|\*)' || true)"
exit "$status"
