#!/usr/bin/env bash
# Attacks on one whole gateway: callers who send no text or hang up, peers with reasons of their own,
# local accounts without rights, changes made at the same time. Each was a finding once; after all of
# them the gateway still runs, starts again and its log verifies.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/gateway_lib.sh"

command -v python3 >/dev/null || die "python3 is missing"
peer=127.$((RANDOM % 200 + 30)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
gw_up north +4930551
gw_trunk north peer "$peer" 5060 --prefix +4930552
export PEER=$peer GATEWAY=${GW_ADDRESS[north]} PORT=${GW_PORT[north]} SOCKET=$GW_TOP/north/run/api.sock
control=$(gw_role north control)

cat >"$GW_TOP/sip.py" <<'PYTHON'
import collections, os, random, socket, sys, time
peer, gateway = os.environ['PEER'], (os.environ['GATEWAY'], int(os.environ['PORT']))
sdp = '\r\n'.join(['v=0', f'o=x 1 1 IN IP4 {peer}', 's=-', f'c=IN IP4 {peer}', 't=0 0',
                   'm=image 30002 udptl t38', 'a=T38FaxVersion:0', '']).encode()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((peer, 5060))

def request(method, to, who, call, branch, body=b'', tag=''):
    head = [f'{method} sip:{to}@{gateway[0]}:{gateway[1]} SIP/2.0',
            f'Via: SIP/2.0/UDP {peer}:5060;branch={branch}', f'From: <sip:{who}@{peer}>;tag=f',
            f'To: <sip:{to}@{gateway[0]}>{tag}', f'Call-ID: {call}', f'CSeq: {2 if method == "BYE" else 1} {method}',
            f'Contact: <sip:x@{peer}:5060>', 'Max-Forwards: 70']
    head += ['Content-Type: application/sdp'] if body else []
    s.sendto('\r\n'.join(head + [f'Content-Length: {len(body)}', '', '']).encode() + body, gateway)

def final(seconds=10):
    s.settimeout(seconds)
    while True:
        answer = s.recv(65535)
        line = answer.split(b'\r\n')[0]
        if not line.startswith(b'SIP/2.0 1') and b'INVITE' in answer[answer.lower().index(b'cseq:'):]:
            return line.decode()

def call(to, who):
    name, branch = f'{random.getrandbits(60)}@x', f'z9hG4bK{random.getrandbits(60)}'
    request('INVITE', to, who, name, branch, sdp)
    return name, branch

def refused(to, who):
    name, branch = call(to, who)
    print(final())
    request('ACK', to, who, name, branch)

def hang_up(to, count):
    # Until each call is over, for whoever is slow; what is not answered is sent again, as over UDP it has to be.
    calls, codes, end = {}, collections.Counter(), time.time() + 60
    for i in range(count):
        name, branch = call(to, '+493055201')
        calls[name] = branch
        time.sleep(0.002 * (i % 5))
        request('CANCEL', to, '+493055201', name, branch)
    s.settimeout(1)
    while calls and time.time() < end:
        try:
            answer = s.recv(65535)
        except socket.timeout:
            for name, branch in calls.items():
                request('INVITE', to, '+493055201', name, branch, sdp)
                request('CANCEL', to, '+493055201', name, branch)
            continue
        code = answer.split(b' ')[1].decode()
        fields = dict(l.split(b': ', 1) for l in answer.split(b'\r\n')[1:] if b': ' in l)
        name = fields[b'Call-ID'].decode()
        if code[0] == '1' or b'INVITE' not in fields[b'CSeq'] or name not in calls:
            continue
        branch, tag = calls.pop(name), fields[b'To'].decode().partition('>')[2]
        request('ACK', to, '+493055201', name, branch, tag=tag)
        if code == '200': # it was taken before
            request('BYE', to, '+493055201', name, branch + 'bye', tag=tag)
        codes[code] += 1
    print(' '.join(f'{k}:{v}' for k, v in sorted(codes.items())) + f' left:{len(calls)}')

def answer_badly():
    while True:
        message, source = s.recvfrom(65535)
        if not message.startswith(b'INVITE'):
            continue
        lines = [l for l in message.split(b'\r\n') if l.split(b':')[0].lower() in (b'via', b'from', b'call-id', b'cseq')]
        to = [l for l in message.split(b'\r\n') if l.lower().startswith(b'to:')][0]
        s.sendto(b'\r\n'.join([b'SIP/2.0 486 Busy \xff\xfe\x1b[31m caf\xc3', *lines, to + b';tag=u',
                              b'Content-Length: 0', b'', b'']), source)

globals()[sys.argv[1]](*[int(a) if a.isdigit() else a for a in sys.argv[2:]])
PYTHON
cat >"$GW_TOP/api.py" <<'PYTHON'
import collections, os, socket, sys, threading
def ask(method, path, body=b'', extra=''):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(os.environ['SOCKET'])
    s.sendall(f'{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}'
              f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)
    text = b''
    while piece := s.recv(65536):
        text += piece
    return text.split(b' ')[1].decode()

def become(uid):
    os.setgroups([]); os.setgid(65534); os.setuid(uid)

def at_once(count, method, path, body=b'', extra=''):
    seen, threads = [], []
    for _ in range(count):
        threads.append(threading.Thread(target=lambda: seen.append(ask(method, path, body, extra))))
    [t.start() for t in threads]
    [t.join() for t in threads]
    print(' '.join(f'{k}:{v}' for k, v in sorted(collections.Counter(seen).items())))

if sys.argv[1] == 'change':
    at_once(20, 'POST', sys.argv[2], sys.argv[3].encode(), 'Content-Type: application/json\r\n')
elif sys.argv[1] == 'stranger':
    become(65534)
    print(ask('GET', '/v1/faxes'), {ask('GET', '/v1/faxes') for _ in range(300)},
          ask('POST', '/v1/faxes?from=%2B493055100&to=%2B493055200', b'x' * 1000))
elif sys.argv[1] == 'verify':
    become(int(sys.argv[2]))
    at_once(12, 'POST', '/v1/audit/verify')
PYTHON
sip() { python3 "$GW_TOP/sip.py" "$@"; }
api() { python3 "$GW_TOP/api.py" "$@"; }
events() { gw_sql north "SELECT count(*) FROM audit_record WHERE event = '$1'"; }
alive() { equal "control has not been started again" "$(gw_role north control)" "$control"; }

note "callers for numbers that are not here, with names that are no text"
for who in +493055201 '%ff%fe' 'a%1b%5b31m' '%c3'; do
    like "answer to $who" "$(sip refused +499999 "$who")" '^SIP/2.0 404 '
done
like "answer for a number that is no text" "$(sip refused '%ff%fe' +493055201)" '^SIP/2.0 404 '
until_true 120 gw_drained north || wrong "the log is not drained"
equal "refusals in the log" "$(events call.refused)" 5
alive

# keys_left: files in the key store, faxes in the log, keys made and not destroyed as the log has it
keys_left() { echo "$(find "$GW_TOP/north/keeper/fax" -type f | wc -l) $(($(events fax.offered) + $(events fax.submitted))) $(($(events key.created) - $(events key.destroyed)))"; }
only_keys_of_faxes() { gw_drained north && [[ $(keys_left) =~ ^([0-9]+)" "([0-9]+)" "([0-9]+)$ && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} == "${BASH_REMATCH[3]}" ]]; }
note "callers who do not wait leave no key behind"
like "answers" "$(sip hang_up "$(gw_number north 0)" 60)" '^(200:[0-9]+ )?487:[0-9]+ left:0$'
# Keys of calls that are over may still be made, and are destroyed then.
keys_were_made() { gw_drained north && (($(events key.created) == 60)); }
until_true 180 keys_were_made || wrong "keys made: $(events key.created), not 60"
until_true 180 only_keys_of_faxes || wrong "keys, faxes, keys as the log has it: $(keys_left)"
alive

note "a peer whose reason is no text"
python3 "$GW_TOP/sip.py" answer_badly &
bad_peer=$!
GW_OTHERS+=("$bad_peer")
peer_listens() { ! port_free "$peer" 5060; }
until_true 60 peer_listens || die "the peer does not listen"
fax=$(gw_send north "$(gw_number north 0)" +493055201 "$GW_DATA/text_a4.pdf")
last=$(clerk north --json fax watch "$fax" | tail -n 1) || true
equal "the watch ends" "$(jq -r .state <<<"$last")" failed
equal "the fax has ended" "$(gw_wait_state north "$fax" "$GW_ENDED" 120)" failed
like "its reason" "$(gw_fax north "$fax" .reason)" '486 Busy \?\?\?\[31m caf\?'
kill "$bad_peer"
until_true 120 port_free "$peer" 5060 || die "the peer listens for ever"

note "a local account without rights"
before=$(events access.denied)
like "answers" "$(api stranger)" "^403 \{'403'\} 403$"
until_true 120 gw_drained north || wrong "the log is not drained"
equal "records of 302 denials" $(($(events access.denied) - before)) 1

note "changes at the same time"
equal "principals" "$(api change /v1/principals '{"name":"twin","local_uid":4711}')" "201:1 422:19"
equal "mailboxes" "$(api change /v1/mailboxes '{"name":"twin"}')" "201:1 409:19"
equal "numbers" "$(api change /v1/numbers '{"number":"+4930551999","mailbox":"twin"}')" "201:1 409:19"
equal "the gateway's own name" "$(api change /v1/principals '{"name":"system"}')" "422:20"
like "verifications" "$(api verify "$(id -u "$GW_CLERK")")" '^200:[1-9]'

note "callers who do not wait, and a keeper that dies while it makes their keys"
keeper=$(gw_role north keeper)
kill -STOP "$keeper"
sip hang_up "$(gw_number north 0)" 60 >"$GW_TOP/hang_up"
kill -CONT "$keeper"
some_keys() { (($(find "$GW_TOP/north/keeper/fax" -name '*.key' -print -quit | wc -l) > 0)); }
for ((i = 0; i < 2000; i++)); do ! some_keys || break; done
kill -KILL "$keeper"
like "answers" "$(<"$GW_TOP/hang_up")" '^487:60 left:0$'
another_keeper() { local now; now=$(gw_role north keeper); [[ -n $now && $now != "$keeper" ]]; }
until_true 120 another_keeper || wrong "there is no other keeper"

note "the end, and the next start"
alive
gw_verify north
gw_stop north
equal "exit status" "$GW_STATUS" 0
gw_start north
gw_verify north
until_true 120 gw_drained north || wrong "the log is not drained"
holds "keys, faxes, keys as the log has it: $(keys_left)" only_keys_of_faxes
if grep -E 'ERROR: AddressSanitizer|runtime error' "$GW_TOP/north.log"; then wrong "a sanitizer spoke"; fi
gw_end
