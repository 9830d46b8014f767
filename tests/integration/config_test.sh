#!/usr/bin/env bash
# `sealfax config check | show | help`: exit statuses, messages, and that nothing else is printed.
# shellcheck source=tests/integration/process_functions.sh
source "${SOURCE_DIR:?}/tests/integration/process_functions.sh"

cat >"$work/good.yaml" <<'YAML'
sip: {listen: "127.0.0.1:5080"}
fax:
  ident: "+41 44 555 00 00"
YAML
"$program" config check "$work/good.yaml" | grep -q ': good$' || fail "a good file"
"$program" config show "$work/good.yaml" >"$work/shown.yaml"
grep -q 'listen: "127.0.0.1:5080"' "$work/shown.yaml" || fail "show tells the value"
grep -q 'max_rate: 14400' "$work/shown.yaml" || fail "show tells defaults"
"$program" config check "$work/shown.yaml" >/dev/null || fail "what show prints is good"
"$program" config help >"$work/help.yaml"
"$program" config check "$work/help.yaml" >/dev/null || fail "what help prints is good"

printf 'sip:\n  listn: x\nfax:\n  ecm: 3\n  max_rate: 1\n' >"$work/bad.yaml"
status=0
"$program" config check "$work/bad.yaml" >"$work/out" 2>"$work/errors" || status=$?
[[ $status -eq 1 ]] || fail "a bad file gives $status"
[[ ! -s "$work/out" ]] || fail "a bad file prints to standard output"
[[ "$(wc -l <"$work/errors")" -eq 3 ]] || fail "expected three errors"
grep -q "^$work/bad.yaml:2:3: key 'sip.listn': unknown key; expected one of listen," "$work/errors"
grep -q "^$work/bad.yaml:4:8: key 'fax.ecm': expected true or false, found '3'" "$work/errors"
grep -q "^$work/bad.yaml:5:13: key 'fax.max_rate': expected one of 2400" "$work/errors"

status=0
"$program" serve --config "$work/bad.yaml" --state "$work/none" 2>"$work/errors" || status=$?
[[ $status -eq 1 && ! -e "$work/none" ]] || fail "serve with a bad file gives $status"
status=0
"$program" config check "$work/missing.yaml" 2>"$work/errors" || status=$?
[[ $status -eq 1 ]] || fail "a missing file gives $status"
grep -q 'No such file' "$work/errors" || fail "a missing file is not told"
status=0
"$program" config check "$work" 2>"$work/errors" || status=$?
[[ $status -eq 1 ]] || fail "a directory gives $status"
grep -q 'directory' "$work/errors" || fail "a directory is not told"
SEALFAX_SIP_LISTEN='[::1]:5099' "$program" config show | grep -q 'listen: "\[::1\]:5099"' ||
    fail "the environment does not go over the defaults"
status=0
SEALFAX_SIP_LISTN=x "$program" config show >/dev/null 2>"$work/errors" || status=$?
[[ $status -eq 1 ]] || fail "a variable that names no key gives $status"
grep -q 'environment: SEALFAX_SIP_LISTN: no such setting' "$work/errors" || fail "the variable is not told"

status=0
"$program" config frobnicate 2>/dev/null || status=$?
[[ $status -eq 2 ]] || fail "usage gives $status"
echo good
