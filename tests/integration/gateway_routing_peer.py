"""SIP peers as trunks must fear them, and floods. Standard library only.

peer ADDRESS PORT KIND FILE: a UDP peer; every request becomes a line "TIME METHOD CALL-ID" of FILE.
  mute says nothing; busy refuses INVITE and OPTIONS with 503 and Retry-After; late answers an INVITE, and nothing
  else of it, with 200 after four seconds; options answers OPTIONS only.
flood FROM TO PORT RATE SECONDS NUMBER: INVITEs, each of another call; prints what was sent and came back.
"""
import re
import select
import socket
import sys
import time


def header(text, name):
    found = re.search(r"^%s:\s*(.*?)\r?$" % name, text, re.I | re.M)
    return found.group(1) if found else ""


def response(text, status, extra="", body=""):
    lines = ["SIP/2.0 " + status]
    lines += re.findall(r"^(Via:.*?)\r?$", text, re.I | re.M)
    to = header(text, "To")
    if ";tag=" not in to:
        to += ";tag=peer"
    lines += ["From: " + header(text, "From"), "To: " + to, "Call-ID: " + header(text, "Call-ID"),
              "CSeq: " + header(text, "CSeq")]
    if extra:
        lines.append(extra)
    lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def sdp(address):
    return ("v=0\r\no=p 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=image 9 udptl t38\r\n"
            "a=T38FaxVersion:0\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
            % (address, address))


def peer(address, port, kind, name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, int(port)))
    late = {}  # call -> (when, datagram, source)
    with open(name, "w", buffering=1) as log:
        print("ready", file=log)
        while True:
            due = [call for call, (when, _, _) in late.items() if when and when <= time.time()]
            for call in due:
                sock.sendto(late[call][1], late[call][2])
                late[call] = (0, b"", None)
            if not select.select([sock], [], [], 0.05)[0]:
                continue
            data, source = sock.recvfrom(65536)
            text = data.decode(errors="replace")
            method = text.split(" ", 1)[0]
            call = header(text, "Call-ID")
            print("%.6f %s %s" % (time.time(), method, call), file=log)
            if kind == "busy" and method in ("INVITE", "OPTIONS"):
                sock.sendto(response(text, "503 Full", "Retry-After: 60"), source)
            elif kind == "late" and method == "INVITE" and call not in late:
                contact = "Contact: <sip:%s:%s>\r\nContent-Type: application/sdp" % (address, port)
                late[call] = (time.time() + 4, response(text, "200 OK", contact, sdp(address)), source)
            elif kind == "late" and method == "BYE":
                sock.sendto(response(text, "200 OK"), source)
            elif kind == "options" and method == "OPTIONS":
                sock.sendto(response(text, "200 OK"), source)


def flood(address, to, port, rate, seconds, number):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((address, 0))
    sock.setblocking(False)
    own = "%s:%d" % (address, sock.getsockname()[1])
    text = ("INVITE sip:%s@%s:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK@N@;rport\r\nMax-Forwards: 70\r\n"
            "From: <sip:+4930999@%s>;tag=@N@\r\nTo: <sip:%s@%s>\r\nCall-ID: @N@@%s\r\nCSeq: 1 INVITE\r\n"
            "Contact: <sip:%s>\r\nContent-Length: 0\r\n\r\n" % (number, to, port, own, own, number, to, own, own))
    parts = text.split("@N@")
    target, rate, seconds = (to, int(port)), int(rate), float(seconds)
    sent = octets_out = octets_in = 0
    codes = {}
    start = time.time()

    def drain():
        nonlocal octets_in
        while True:
            try:
                data = sock.recv(65536)
            except BlockingIOError:
                return
            octets_in += len(data)
            code = data[8:11].decode()
            codes[code] = codes.get(code, 0) + 1

    while (now := time.time()) < start + seconds:
        for _ in range(min(int((now - start) * rate) - sent, 500)):
            data = ("f%d" % sent).join(parts).encode()
            try:
                sock.sendto(data, target)
            except BlockingIOError:
                break
            sent += 1
            octets_out += len(data)
        drain()
        time.sleep(0.001)
    time.sleep(1)
    drain()
    print("sent %d octets %d back %d %s" % (
        sent, octets_out, octets_in, " ".join("%s:%d" % c for c in sorted(codes.items()))))


if __name__ == "__main__":
    {"peer": peer, "flood": flood}[sys.argv[1]](*sys.argv[2:])
