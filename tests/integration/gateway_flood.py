#!/usr/bin/env python3
"""Media of broken or hostile peers: floods, late audio, damaged sizes, a second address.

    gateway_flood.py ADDRESS

Binds a port for each attack and prints 'NAME PORT'. Then reads lines 'NAME HOST PORT', the gateway's
media socket of that attack's call, until 'go'; attacks all of them at once for about ten seconds, and
prints 'sent NAME DATAGRAMS'.
"""
import socket
import sys
import threading
import time

NAMES = ("flood", "audio", "sizes", "second-address")
SECONDS = 10


def bound(host):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    return s


def indicator(number):
    """UDPTL: 'no signal' without redundancy."""
    return bytes([number >> 8 & 255, number & 255, 1, 0, 0, 0])


def paced(per_second, seconds, send):
    """Calls send(i) at that rate as far as the machine allows; returns how often."""
    begin, count = time.monotonic(), 0
    while True:
        now = time.monotonic() - begin
        if now >= seconds:
            return count
        while count < now * per_second:
            send(count)
            count += 1
        time.sleep(0.002)


def flood(s, target):
    return paced(10000, SECONDS, lambda i: s.sendto(indicator(i // 2), target))


def audio(s, target):
    """G.711 that is still on its way, between packets of T.38."""
    def send(i):
        rtp = bytes([0x80, 8, i >> 8 & 255, i & 255]) + bytes(8) + b"\xd5" * 160
        s.sendto(rtp if i % 2 else indicator(i // 2), target)
    return paced(100, SECONDS, send)


def sizes(s, target):
    """Every length from nothing to beyond what is looked at, cut anywhere."""
    whole = bytes([0, 0, 0x82, 0]) + bytes(512) + bytes([0, 0])
    huge = bytes([0, 1, 0x9F, 0xFF]) + bytes(60000)

    def send(i):
        s.sendto((huge if i % 3 == 0 else whole)[: i * 97 % (60000 if i % 3 == 0 else 518)], target)
    return paced(200, SECONDS, send)


def second_address(s, target):
    """One packet of the peer, then a stranger's."""
    for i in range(3):
        s.sendto(indicator(i), target)
    time.sleep(3)
    stranger = bound(s.getsockname()[0])
    for i in range(5000):
        stranger.sendto(indicator(i), target)
    time.sleep(3)
    return 5000


def main():
    sockets = {name: bound(sys.argv[1]) for name in NAMES}
    for name, s in sockets.items():
        print(name, s.getsockname()[1], flush=True)
    targets = {}
    for line in sys.stdin:
        if line.strip() == "go":
            break
        name, host, port = line.split()
        targets[name] = (host, int(port))
    attacks = {"flood": flood, "audio": audio, "sizes": sizes, "second-address": second_address}

    def run(name):
        count = attacks[name](sockets[name], targets[name])
        sys.stdout.write(f"sent {name} {count}\n")  # one piece: others write at the same time
        sys.stdout.flush()

    threads = [threading.Thread(target=run, args=(name,)) for name in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
