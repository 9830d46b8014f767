#!/usr/bin/env python3
"""A device that registers by bare UDP, rightly and wrongly.

gateway_devices.py register LOCAL HOST PORT USER PASSWORD
    prints a line "what: answer" for each case
gateway_devices.py certified HOST PORT CA CERTIFICATE KEY NAME [AS]
    registers by TLS, by a certificate ("-" and "-": without), as NAME or AS; prints the answer
gateway_devices.py call LOCAL PORT HOST PORT TO FROM [HEADER...]
    calls over UDP from a trunk's address and takes the call back; prints the first final answer
gateway_devices.py engaged LOCAL HOST PORT USER PASSWORD FILE
    registers, and answers each call with 486; the answer to REGISTER and "call CALL-ID" become lines of FILE
gateway_devices.py ear ADDRESS PORT FILE
    answers calls with 404; what they say of who calls becomes a line of FILE for each
gateway_devices.py kill_at_end CONTROL-PID JOURNAL-DIRECTORY PLAN NUMBER
    waits for the records of so many faxes that ended with this plan, and kills the process at once
"""

import glob
import hashlib
import os
import re
import signal
import socket
import ssl
import sys
import time


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Device:
    def __init__(self, local, host, port, user, password):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((local, 0))
        self.socket.settimeout(5)
        self.peer = (host, int(port))
        self.local, self.port = self.socket.getsockname()
        self.user, self.password = user, password
        self.uri = f"sip:{host}:{port}"
        self.cseq, self.count, self.nonce, self.realm = 0, 0, "", ""

    def authorization(self):
        ha1 = md5(f"{self.user}:{self.realm}:{self.password}")
        ha2 = md5(f"REGISTER:{self.uri}")
        nc = f"{self.count:08x}"
        response = md5(f"{ha1}:{self.nonce}:{nc}:cafe:auth:{ha2}")
        return (
            f'Authorization: Digest username="{self.user}", realm="{self.realm}", nonce="{self.nonce}", '
            f'uri="{self.uri}", response="{response}", algorithm=MD5, qop=auth, nc={nc}, cnonce="cafe"\r\n'
        )

    def send(self, headers):
        self.cseq += 1
        self.socket.sendto(
            (
                f"REGISTER {self.uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {self.local}:{self.port};rport;branch=z9hG4bK{os.getpid()}x{self.cseq}\r\n"
                f"From: <sip:{self.user}@fax>;tag=1\r\nTo: <sip:{self.user}@fax>\r\n"
                f"Call-ID: {os.getpid()}\r\nCSeq: {self.cseq} REGISTER\r\nMax-Forwards: 70\r\n"
                "User-Agent: Copier 1.0\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"
                f"{headers}Content-Length: 0\r\n\r\n"
            ).encode(),
            self.peer,
        )
        return self.socket.recv(65535).decode()

    def challenge(self):
        answer = self.send("")
        for line in answer.splitlines():
            found = re.match(r'WWW-Authenticate: Digest realm="([^"]*)", nonce="([^"]*)", algorithm=MD5', line)
            if found:
                self.realm, self.nonce = found.groups()
        self.count = 0
        return answer

    def register(self, headers):
        self.count += 1
        return self.send(self.authorization() + headers)


def brief(answer):
    text = answer.split("\r\n", 1)[0].split(" ", 1)[1]
    for name in ("Min-Expires", "Contact"):
        found = re.search(rf"\r\n{name}: ([^\r]*)", answer)
        if found:
            text += f" {name} " + re.sub(r"<[^>]*>", "<>", found.group(1))
    return text + (" stale" if "stale=true" in answer else "")


def register(local, host, port, user, password):
    d = Device(local, host, port, user, password)
    contact = f"Contact: <sip:{user}@{d.local}:{d.port}>"
    answer = d.challenge()
    first = re.search(r"algorithm=([^,]*)", answer)
    print("challenge:", brief(answer), first.group(1))
    print("right:", brief(d.register(f"{contact};expires=120\r\n")))
    d.count -= 1
    print("replay:", brief(d.register(f"{contact}\r\n")))
    d.challenge()
    print("too brief:", brief(d.register(f"{contact};expires=5\r\n")))
    print("star that is not alone:", brief(d.register(f"Contact: *, <sip:{user}@h>\r\nExpires: 0\r\n")))
    print("star:", brief(d.register("Contact: *\r\nExpires: 0\r\n")))
    d.nonce = "0" * 64
    print("a nonce of nobody:", brief(d.register(f"{contact}\r\n")))
    d.challenge()
    d.password += "x"
    print("wrong:", brief(d.register(f"{contact}\r\n")))


def certified(host, port, ca, certificate, key, name, who=""):
    who = who or name
    context = ssl.create_default_context(cafile=ca)
    if certificate != "-":
        context.load_cert_chain(certificate, key)
    try:
        plain = socket.create_connection((host, int(port)), 5)
        with context.wrap_socket(plain, server_hostname=host) as tls:
            local, local_port = tls.getsockname()
            tls.sendall(
                (
                    f"REGISTER sip:{host}:{port};transport=tls SIP/2.0\r\n"
                    f"Via: SIP/2.0/TLS {local}:{local_port};branch=z9hG4bK{os.getpid()}\r\n"
                    f"From: <sip:{name}@fax>;tag=1\r\nTo: <sip:{who}@fax>\r\nCall-ID: tls{os.getpid()}\r\n"
                    "CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nExpires: 120\r\n"
                    f"Contact: <sip:{name}@{local}:{local_port};transport=tls>\r\nContent-Length: 0\r\n\r\n"
                ).encode()
            )
            answer = tls.recv(65535).decode()
            print(brief(answer) if answer else "closed")
    except OSError as e:
        print("no connection:", type(e).__name__)


def offer(local):
    return (
        f"v=0\r\no=- 1 1 IN IP4 {local}\r\ns=-\r\nc=IN IP4 {local}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    )


def call(local, port, host, to_port, to, who, *headers):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((local, int(port)))
    s.settimeout(30)
    call_id = f"{os.getpid()}@{local}"

    def send(method, to_tag, more="", body="", branch=None):
        cseq = 1 if method in ("INVITE", "ACK") else 2
        s.sendto(
            (
                f"{method} sip:{to}@{host}:{to_port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {local}:{port};rport;branch=z9hG4bK{os.getpid()}{branch or method}\r\n"
                f"From: {who};tag=1\r\nTo: <sip:{to}@{host}>{to_tag}\r\nCall-ID: {call_id}\r\n"
                f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:{local}:{port}>\r\n"
                f"{more}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            (host, int(to_port)),
        )

    more = "".join(h + "\r\n" for h in headers) + "Content-Type: application/sdp\r\n"
    send("INVITE", "", more, offer(local))
    answer = s.recv(65535).decode()
    while re.match(r"SIP/2.0 1", answer):
        answer = s.recv(65535).decode()
    tag = re.search(r"\r\nTo:[^\r]*(;tag=[^;\r]*)", answer)
    accepted = answer.startswith("SIP/2.0 2")
    send("ACK", tag.group(1) if tag else "", branch="ACK" if accepted else "INVITE")
    if accepted:
        send("BYE", tag.group(1))
    print(brief(answer))


def refuse(s, text, source, status):
    lines = re.findall(r"\r\n((?:Via|From|Call-ID|CSeq): [^\r]*)", text)
    lines.append(re.search(r"\r\n(To: [^\r]*)", text).group(1) + ";tag=ear")
    s.sendto((f"SIP/2.0 {status}\r\n" + "\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode(), source)


def engaged(local, host, port, user, password, name):
    d = Device(local, host, port, user, password)
    d.challenge()
    answer = d.register(f"Contact: <sip:{user}@{d.local}:{d.port}>;expires=120\r\n")
    d.socket.settimeout(None)
    with open(name, "w", buffering=1) as log:
        print(brief(answer).split(" ")[0], file=log)
        while True:
            data, source = d.socket.recvfrom(65535)
            text = data.decode()
            if text.startswith("INVITE "):
                print("call", re.search(r"\r\nCall-ID: ([^\r]*)", text).group(1), file=log)
                refuse(d.socket, text, source, "486 Busy Here")


def ear(address, port, name):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, int(port)))
    with open(name, "w", buffering=1) as log:
        print("ready", file=log)
        while True:
            data, source = s.recvfrom(65535)
            text = data.decode()
            if not text.startswith("INVITE "):
                continue
            said = re.findall(r"\r\n(From: [^;\r]*|P-Asserted-Identity: [^\r]*|Privacy: [^\r]*)", text, re.I)
            print(re.sub(r"@[0-9.:]*", "", " | ".join(sorted(said))).lower(), file=log)
            refuse(s, text, source, "404 Not Found")


def kill_at_end(pid, directory, plan, ends):
    mark = f'"forward":"{plan}"'.encode()
    newest = max(glob.glob(directory + "/*.journal"))
    end = time.time() + 120
    with open(newest, "rb") as journal:
        here = len(journal.read().rstrip(b"\0"))  # its space is allocated in advance
        while time.time() < end:
            if os.pread(journal.fileno(), 1 << 18, here).count(mark) >= int(ends):
                os.kill(int(pid), signal.SIGKILL)
                return
    sys.exit("no fax ended so")


if __name__ == "__main__":
    {
        "register": register,
        "certified": certified,
        "call": call,
        "engaged": engaged,
        "ear": ear,
        "kill_at_end": kill_at_end,
    }[sys.argv[1]](*sys.argv[2:])
