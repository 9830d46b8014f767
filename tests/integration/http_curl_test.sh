#!/usr/bin/env bash
# curl as an independent client: uploads by length, chunked and with Expect, keep-alive, streams,
# refusals, and a clean stop.
set -euo pipefail

work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

socket=$work/api.sock
"$BUILD_DIR/tests/http_server_prog" "$socket" &
server=$!
for _ in $(seq 600); do
    [ -S "$socket" ] && break
    sleep 0.1
done

ask() {
    curl --silent --show-error --max-time 20 --unix-socket "$socket" "$@"
}
fail() {
    echo "http_curl_test: $1" >&2
    exit 1
}

head -c 5000000 /dev/urandom >"$work/document"
ask --data-binary "@$work/document" -H 'Expect: 100-continue' -o "$work/back" http://localhost/echo
cmp "$work/document" "$work/back" || fail 'an upload by length came back different'
ask -T - -X POST -o "$work/back" http://localhost/echo <"$work/document"
cmp "$work/document" "$work/back" || fail 'a chunked upload came back different'

[ "$(ask http://localhost/stream)" = $'{"page":1}\n{"page":2}\n{"page":3}' ] || fail 'stream'

# two requests, one connection
count=$(ask -w '%{num_connects} ' -o "$work/a" -o "$work/b" http://localhost/stream http://localhost/stream)
[ "$count" = '1 0 ' ] || fail "connections are not kept: $count"

status() {
    ask -o "$work/answer" -w '%{http_code}' "$@" || true
}
expect() {
    local wanted=$1 got
    shift
    got=$(status "$@")
    [ "$got" = "$wanted" ] || fail "$got instead of $wanted: $*"
}
expect 404 http://localhost/nothing
expect 405 -I http://localhost/stream
expect 505 --http1.0 http://localhost/stream
expect 400 -H 'Host:' http://localhost/stream
expect 400 -X POST -H 'Content-Length: 3' -H 'Transfer-Encoding: chunked' -d abc http://localhost/echo
head -c 9000000 /dev/zero >"$work/large"
expect 413 --data-binary "@$work/large" http://localhost/echo

ask http://localhost/v1/openapi.json | cmp - "$SOURCE_DIR/gateway/api/openapi.json" ||
    fail 'the built-in description differs'

if "$BUILD_DIR/tests/http_server_prog" "$socket" 2>"$work/error"; then
    fail 'a second server took the socket'
fi
grep -q 'Address already in use' "$work/error" || fail 'no reason for the second server'

kill "$server"
wait "$server" || fail 'the server did not stop cleanly'
server=
[ ! -e "$socket" ] || fail 'the socket was left'
