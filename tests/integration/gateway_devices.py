#!/usr/bin/env python3
"""A device that registers by bare UDP, rightly and wrongly.

gateway_devices.py register LOCAL HOST PORT USER PASSWORD
    prints a line "what: answer" for each case
gateway_devices.py kill_at_end CONTROL-PID JOURNAL-DIRECTORY PLAN NUMBER
    waits for the records of so many faxes that ended with this plan, and kills the process at once
"""

import glob
import hashlib
import os
import re
import signal
import socket
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
    {"register": register, "kill_at_end": kill_at_end}[sys.argv[1]](*sys.argv[2:])
