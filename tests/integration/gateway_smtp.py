#!/usr/bin/env python3
"""A mail client that keeps no rules: says what the server answers, one line a case.
usage: gateway_smtp.py HOST PORT RECIPIENT | HOST PORT guess TIMES"""
import base64
import select
import socket
import ssl
import sys

host, port, recipient = sys.argv[1], int(sys.argv[2]), sys.argv[3]
RELAY = "127.0.0.9"  # mail.relays of the test


def connect(source=RELAY):
    s = socket.create_connection((host, port), 10, (source, 0))
    s.settimeout(60)
    return s, s.makefile("rb")


def reply(f):
    """The code, and the enhanced one where it refuses, of the next reply; 'end'."""
    while True:
        line = f.readline().decode()
        if not line:
            return "end"
        if line[3] == " ":
            words = line.split()
            return " ".join(words[:2]) if words[0][0] in "45" else words[0]


def dialogue(lines, source=RELAY):
    s, f = connect(source)
    reply(f)
    last = ""
    for line in lines:
        s.sendall(line)
        last = reply(f)
    return s, f, last


def guess(times):
    """Wrong passwords, two a connection, until the server lets wait."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for i in range(0, times, 2):
        s, f, _ = dialogue([b"EHLO x\r\n", b"STARTTLS\r\n"], "127.0.0.1")
        s = context.wrap_socket(s)
        f = s.makefile("rb")
        s.sendall(b"EHLO x\r\n")
        reply(f)
        for j in range(2):
            s.sendall(b"AUTH PLAIN " + base64.b64encode(b"\0clerk\0guess %d" % (i + j)) + b"\r\n")
            if reply(f) == "454 4.7.0":
                return "waits"
        s.close()
    return "never waits"


if recipient == "guess":
    print(guess(int(sys.argv[4])))
    sys.exit()

envelope = [b"EHLO x\r\n", b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<%s>\r\n" % recipient.encode()]

s, f = connect("127.0.0.1")
s.sendall(b"EHLO x\r\n")
print("early:", reply(f), reply(f))

s, f, last = dialogue([b"EHLO x\r\n", b"STARTTLS\r\nMAIL FROM:<a@example.com>\r\n"])
print("injected:", last, reply(f))

s, f, last = dialogue([b"EHLO x\r\n", b"NOOP\nNOOP\r\n"])
print("bare:", last, reply(f))

for name, end in (("smuggled", b"\n.\n"), ("smuggled2", b"\n.\r\n")):
    s, f, last = dialogue(envelope + [b"DATA\r\n",
        b"Subject: x\r\n\r\nx" + end + b"MAIL FROM:<admin@example.com>\r\n" + envelope[2] + b"DATA\r\nx\r\n.\r\n"])
    print(name + ":", last)

# 200 MB without a word of it before: it is answered long before its end, and cut off.
s, f, last = dialogue(envelope + [b"DATA\r\n"])
sent = 0
while sent < 200 and not select.select([s], [], [], 0.05 if sent > 4 else 0)[0]:
    s.sendall(16384 * (62 * b"x" + b"\r\n"))
    sent += 1
print("huge:", reply(f) if sent < 50 else f"{sent} MiB were taken")

body = b"From: a@example.com\r\nSubject: x\r\n\r\nx\r\n"
s, f, last = dialogue(envelope + [b"BDAT %d\r\n" % len(body) + body, b"BDAT 0 LAST\r\n"])
print("bdat:", last)

s, f, last = dialogue(envelope + 3 * [envelope[2]])
print("four:", last)
