#!/usr/bin/env python3
"""Peers that send a fax and never get on: each stays in one phase of T.30 for as long as it is let.

    gateway_stall.py ADDRESS

Binds a port for each and prints 'NAME PORT'. Then reads lines 'NAME HOST PORT', the gateway's media
socket of that call, until 'go', and plays all of them for SECONDS.
"""
import socket
import sys
import threading
import time

SECONDS = 45
V21, V17 = 0, 8
NO_SIGNAL, PREAMBLE, SHORT_TRAINING, LONG_TRAINING = 0, 3, 14, 15
TSI = bytes([0xFF, 0x03, 0x43, 0x20, 0x31])
DCS = bytes([0xFF, 0x13, 0x83, 0x00, 0x60, 0x90, 0x44])
RCP = bytes([0xFF, 0x03, 0x86])
PPS_MPS = bytes([0xFF, 0x13, 0xBF, 0x4F, 0, 0, 0])
# Eight white rows in T.6, and what fills the frame.
WHITE = bytes([0xFF, 0x00, 0x08, 0x80])


class Peer:
    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.target = None
        self.number = 0
        self.end = 0

    def going(self):
        return time.monotonic() < self.end

    def ifp(self, ifp):
        """One packet of UDPTL, without redundancy."""
        head = bytes([self.number >> 8 & 255, self.number & 255, len(ifp)])
        self.socket.sendto(head + ifp + b"\0\0", self.target)
        self.number += 1

    def indicate(self, indicator):
        self.ifp(bytes([indicator << 1]))

    def frame(self, data_type, frame, last):
        """An HDLC frame and FCS-OK; last: the signal ends with it."""
        turned = bytes(int(f"{octet:08b}"[::-1], 2) for octet in frame)
        self.ifp_long(bytes([0xC0 | data_type << 1, 2, 0x80]) + (len(frame) - 1).to_bytes(2, "big")
                      + turned + bytes([(4 if last else 2) << 4]))

    def ifp_long(self, ifp):
        if len(ifp) < 128:
            self.ifp(ifp)
            return
        head = bytes([self.number >> 8 & 255, self.number & 255, 0x80 | len(ifp) >> 8, len(ifp) & 255])
        self.socket.sendto(head + ifp + b"\0\0", self.target)
        self.number += 1

    def say(self, frame):
        self.indicate(PREAMBLE)
        time.sleep(1)
        self.frame(V21, frame, True)
        time.sleep(0.2)

    def training(self, octet):
        self.indicate(LONG_TRAINING)
        for _ in range(52):
            self.ifp(bytes([0xC0 | V17 << 1, 1, 0xE0, 0, 53]) + bytes([octet]) * 54)
            time.sleep(0.03)
        self.ifp(bytes([0xC0 | V17 << 1, 1, 0x70]))
        self.indicate(NO_SIGNAL)

    def train(self):
        self.say(DCS)
        self.training(0)
        time.sleep(3)

    def fcd(self, number):
        self.frame(V17, bytes([0xFF, 0x03, 0x06, number]) + WHITE + bytes(252), False)


def before_training(peer):
    while peer.going():
        peer.say(TSI)
        time.sleep(1)


def training(peer):
    while peer.going():
        peer.say(DCS)
        peer.training(0x55)
        time.sleep(2)


def page(peer):
    peer.train()
    peer.indicate(SHORT_TRAINING)
    number = 0
    while peer.going():
        peer.fcd(number)
        number = (number + 1) % 256
        time.sleep(0.5)


def after_page(peer):
    peer.train()
    peer.indicate(SHORT_TRAINING)
    peer.fcd(0)
    peer.frame(V17, RCP, True)
    peer.indicate(NO_SIGNAL)
    while peer.going():
        peer.say(PPS_MPS)
        time.sleep(1)


def main():
    roles = {"before-training": before_training, "training": training, "page": page,
             "after-page": after_page}
    peers = {name: Peer(sys.argv[1]) for name in roles}
    for name, peer in peers.items():
        print(name, peer.socket.getsockname()[1], flush=True)
    for line in sys.stdin:
        if line.strip() == "go":
            break
        name, host, port = line.split()
        peers[name].target = (host, int(port))
    time.sleep(6)  # the gateway identifies itself first
    threads = []
    for name, peer in peers.items():
        peer.end = time.monotonic() + SECONDS
        threads.append(threading.Thread(target=roles[name], args=(peer,), daemon=True))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
