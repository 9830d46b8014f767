#!/usr/bin/env python3
"""A SIP peer over mutual TLS that answers an offer of protected T.38 as it should not.

gateway_tls_peer.py ADDRESS PORT CERTIFICATE KEY CA HOW [FINGERPRINT]
HOW: refuse   488
     plain    200 with m=image udptl
     mute     200 with UDP/TLS/UDPTL, then unprotected UDPTL from there
     rekey    488, then 200 with SRTP; says nothing until it has given another key by a re-INVITE,
              then a second of silence, and BYE
     tamper   200 with UDP/TLS/UDPTL, FINGERPRINT and a DTLS server (openssl) of another certificate
Serves one connection, prints the offers' media lines, ends after BYE or 60 s.
"""
import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

ADDRESS, PORT, CERTIFICATE, KEY, CA, HOW = sys.argv[1:7]
FINGERPRINT = sys.argv[7] if len(sys.argv) > 7 else ":".join(["AB"] * 32)


def read_message(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = stream.read(1)
        if not octet:
            return None, b""
        head += octet
        if head == b"\r\n":
            head = b""
    length = int(re.search(rb"(?im)^content-length\s*:\s*(\d+)", head).group(1))
    return head.decode(), stream.read(length)


def answer(head, code, body=b""):
    lines = [line for line in head.split("\r\n")
             if re.match(r"(?i)(via|from|to|call-id|cseq)\s*:", line)]
    lines = [line + ";tag=peer" if line.lower().startswith("to:") and "tag=" not in line else line
             for line in lines]
    extra = [f"Contact: <sip:{ADDRESS}:{PORT};transport=tls>"]
    if body:
        extra.append("Content-Type: application/sdp")
    return ("\r\n".join([f"SIP/2.0 {code}"] + lines + extra + [f"Content-Length: {len(body)}", "", ""])
            ).encode() + body


def description(media, lines):
    text = ["v=0", f"o=- 1 1 IN IP4 {ADDRESS}", "s=-", f"c=IN IP4 {ADDRESS}", "t=0 0", media] + lines
    return ("\r\n".join(text) + "\r\n").encode()


def flood(port, offer):
    """Unprotected UDPTL: an indicator, again and again."""
    peer = int(re.search(rb"m=image (\d+)", offer).group(1))
    host = re.search(rb"c=IN IP4 (\S+)", offer).group(1).decode()
    media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    media.bind((ADDRESS, port))
    for sequence in range(2000):
        media.sendto(bytes([0, sequence & 255, 1, 6, 0, 0]), (host, peer))
        time.sleep(0.01)


def keystream(key, start, length):
    """AES-128 in counter mode (RFC 3711 section 4.1.1)."""
    return subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", key.hex(), "-iv", f"{start:032x}"],
                          input=bytes(length), stdout=subprocess.PIPE, check=True).stdout


class Srtp:
    """What we send: AES_CM_128_HMAC_SHA1_80, one source, no rollover."""

    def __init__(self, master):
        key, salt = master[:16], int.from_bytes(master[16:], "big")
        self.key, self.auth, salted = (keystream(key, (salt ^ label << 48) << 16, length)
                                       for label, length in ((0, 16), (1, 20), (2, 14)))
        self.salt = int.from_bytes(salted, "big")

    def packet(self, sequence, payload, source=0x1234):
        header = bytes([0x80, 8]) + sequence.to_bytes(2, "big") + (160 * sequence).to_bytes(4, "big") + \
            source.to_bytes(4, "big")
        stream = keystream(self.key, self.salt << 16 ^ source << 64 ^ sequence << 16, len(payload))
        packet = header + bytes(a ^ b for a, b in zip(payload, stream))
        return packet + hmac.new(self.auth, packet + bytes(4), hashlib.sha1).digest()[:10]


def crypto(tag, key):
    return [f"a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(key).decode()}"]


def request(head, method, cseq, more=(), body=b""):
    """A request of ours in the dialog that this INVITE began."""
    value = {name: re.search(rf"(?im)^{name}\s*:\s*(.*?)\r$", head).group(1)
             for name in ("from", "to", "call-id", "contact")}
    lines = [f"{method} {re.search('<(.*?)>', value['contact']).group(1)} SIP/2.0",
             f"Via: SIP/2.0/TLS {ADDRESS}:{PORT};branch=z9hG4bK{method}{cseq}", "Max-Forwards: 70",
             f"From: {value['to']};tag=peer", f"To: {value['from']}", f"Call-ID: {value['call-id']}",
             f"CSeq: {cseq} {method}", f"Contact: <sip:{ADDRESS}:{PORT};transport=tls>", *more,
             f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def rekey(connection, stream, head, body, port):
    """An INVITE with SRTP: answered with one key, which is never used, and a second one follows."""
    tag = re.search(rb"a=crypto:(\d+) AES_CM_128_HMAC_SHA1_80", body).group(1).decode()
    first, second = os.urandom(30), os.urandom(30)
    media = f"m=audio {port} RTP/SAVP 8"
    connection.sendall(answer(head, "200 OK", description(media, crypto(tag, first))))
    while not read_message(stream)[0].startswith("ACK"):
        pass
    offer = description(media, crypto(1, second)).replace(b"o=- 1 1", b"o=- 1 2")
    connection.sendall(request(head, "INVITE", 1, ["Content-Type: application/sdp"], offer))
    while True:
        text, taken = read_message(stream)
        if text.startswith("SIP/2.0 200"):
            break
    connection.sendall(request(head, "ACK", 1))
    print("rekeyed", re.search(rb"m=.*", taken).group(0).decode().strip(), flush=True)
    where = (re.search(rb"c=IN IP4 (\S+)", taken).group(1).decode(),
             int(re.search(rb"m=audio (\d+)", taken).group(1)))
    sender = Srtp(second)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((ADDRESS, port))
    for sequence in range(50):
        udp.sendto(sender.packet(sequence, bytes([0xD5]) * 160), where)
        time.sleep(0.02)
    connection.sendall(request(head, "BYE", 2))
    while True:
        text, _ = read_message(stream)
        if text is None or text.startswith("SIP/2.0 200"):
            return


def dialog(connection):
    stream = connection.makefile("rb")
    port = 40000 + int(PORT) % 10000
    while True:
        head, body = read_message(stream)
        if head is None:
            return
        method = head.split(" ", 1)[0]
        if method == "INVITE":
            print(re.search(rb"m=.*", body).group(0).decode().strip(), flush=True)
            if HOW == "rekey" and b"m=audio" in body:
                rekey(connection, stream, head, body, port)
                return
            if HOW in ("refuse", "rekey"):
                connection.sendall(answer(head, "488 Not Acceptable Here"))
                continue
            protected = [f"m=image {port} UDP/TLS/UDPTL t38",
                         ["a=setup:passive", f"a=fingerprint:sha-256 {FINGERPRINT}"]]
            media = [f"m=image {port} udptl t38", []] if HOW == "plain" else protected
            if HOW == "tamper":
                subprocess.Popen(["openssl", "s_server", "-dtls1_2", "-quiet", "-accept", f"{ADDRESS}:{port}",
                                  "-cert", CERTIFICATE, "-key", KEY, "-Verify", "1", "-naccept", "1"],
                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
                time.sleep(0.5)
            if HOW == "mute":
                threading.Thread(target=flood, args=(port, body), daemon=True).start()
            connection.sendall(answer(head, "200 OK", description(*media)))
        elif method == "BYE":
            connection.sendall(answer(head, "200 OK"))
            return


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    context.load_verify_locations(CA)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server((ADDRESS, int(PORT))) as listener:
        listener.settimeout(60)
        print("listening", flush=True)
        connection, _ = listener.accept()
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.settimeout(60)
            dialog(secured)


main()
