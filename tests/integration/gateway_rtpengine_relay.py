#!/usr/bin/env python3
"""A SIP hop between two gateways that leads their media through rtpengine.

    gateway_rtpengine_relay.py NORTH SOUTH HOP-NORTH HOP-SOUTH NG [decode]

All arguments but the last are ADDRESS:PORT over UDP; with 'decode' an offer of T.38 goes on as one of
audio, and rtpengine converts. North talks to HOP-NORTH as if it were south, south to
HOP-SOUTH as if it were north. Every message goes on with the addresses exchanged; every description
in it is first given to rtpengine by its NG protocol (a cookie, then a bencoded dictionary), whose
ports then stand in it. One line is printed for each description: the method or status, and its
media lines.
"""
import os
import select
import socket
import sys


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, str):
        return bencode(value.encode())
    if isinstance(value, list):
        return b"l" + b"".join(bencode(v) for v in value) + b"e"
    return b"d" + b"".join(bencode(k) + bencode(v) for k, v in sorted(value.items())) + b"e"


def bdecode(data, at=0):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = bdecode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end], end


class Engine:
    """One NG connection; asked one thing at a time."""

    def __init__(self, ng, decodes):
        self.decodes = decodes
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(ng)
        self.socket.settimeout(2)

    def ask(self, **query):
        cookie = os.urandom(6).hex().encode()
        request = cookie + b" " + bencode(query)
        for _ in range(15):
            self.socket.send(request)
            try:
                reply = self.socket.recv(65535)
            except (socket.timeout, ConnectionRefusedError):
                continue
            if reply.startswith(cookie + b" "):
                return bdecode(reply[len(cookie) + 1:])[0]
        raise SystemExit("rtpengine does not answer")


def header(lines, name, short):
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() in (name, short):
            return value.strip()
    return ""


def tag(value):
    return value.partition(";tag=")[2].partition(";")[0]


def through_engine(engine, lines, body):
    """The description with rtpengine's ports in it."""
    query = {"call-id": header(lines, "call-id", "i"), "sdp": body,
             "from-tag": tag(header(lines, "from", "f")), "ICE": "remove",
             "replace": ["origin", "session-connection"], "flags": ["trust-address"]}
    if lines[0].startswith("SIP/"):
        query.update({"command": "answer", "to-tag": tag(header(lines, "to", "t"))})
    else:
        query.update({"command": "offer"})
        if engine.decodes:
            query["T.38"] = ["decode"]
    reply = engine.ask(**query)
    if reply.get(b"result") != b"ok":
        raise SystemExit(f"rtpengine: {reply}")
    media = [line for line in reply[b"sdp"].decode().split("\r\n") if line.startswith("m=")]
    print(lines[0].split()[0 if query["command"] == "offer" else 1], " ".join(media), flush=True)
    return reply[b"sdp"].decode()


def pass_on(engine, message, exchange):
    head, _, body = message.decode("latin-1").partition("\r\n\r\n")
    lines = head.split("\r\n")
    if body and "application/sdp" in header(lines, "content-type", "c"):
        body = through_engine(engine, lines, body)
    for old, new in exchange:
        head = head.replace(old, new)
    lines = [line for line in head.split("\r\n")
             if line.partition(":")[0].strip().lower() not in ("content-length", "l")]
    lines.append(f"Content-Length: {len(body.encode('latin-1'))}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def main():
    north, south, hop_north, hop_south, ng = sys.argv[1:6]
    engine = Engine(address(ng), "decode" in sys.argv[6:])
    ends = {}
    for hop in (hop_north, hop_south):
        ends[hop] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ends[hop].bind(address(hop))
    while True:
        for ready in select.select(list(ends.values()), [], [])[0]:
            message, _ = ready.recvfrom(65535)
            if ready is ends[hop_north]:
                exchange, way, to = [(north, hop_south), (hop_north, south)], hop_south, south
            else:
                exchange, way, to = [(south, hop_north), (hop_south, north)], hop_north, north
            ends[way].sendto(pass_on(engine, message, exchange), address(to))


if __name__ == "__main__":
    main()
