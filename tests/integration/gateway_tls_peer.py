#!/usr/bin/env python3
"""A SIP peer over mutual TLS that answers an offer of protected T.38 as it should not.

gateway_tls_peer.py ADDRESS PORT CERTIFICATE KEY CA HOW [FINGERPRINT]
HOW: refuse   488
     plain    200 with m=image udptl
     mute     200 with UDP/TLS/UDPTL, then unprotected UDPTL from there
     tamper   200 with UDP/TLS/UDPTL, FINGERPRINT and a DTLS server (openssl) of another certificate
Serves one connection, prints the offers' media lines, ends after BYE or 60 s.
"""
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
            if HOW == "refuse":
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
