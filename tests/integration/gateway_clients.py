"""Clients that do not behave, for gateway_clients_test.sh:
    gateway_clients.py cut SOCKET FROM TO DOCUMENT     requests that end at many places
    gateway_clients.py deaf SOCKET PATH COUNT SECONDS  ask and never read the answer
"""
import random
import socket
import sys
import time


def connect(path):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(60)
    client.connect(path)
    return client


def requests(sender, to, document):
    """Whole submissions: by length, in chunks, and of several files."""
    head = (f"POST /v1/faxes?from={sender.replace('+', '%2B')}&to={to.replace('+', '%2B')} HTTP/1.1\r\n"
            "Host: gateway\r\n").encode()
    pdf = b"Content-Type: application/pdf\r\n"
    yield head + pdf + b"Content-Length: %d\r\n\r\n" % len(document) + document
    half = len(document) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (document[:half], document[half:]))
    yield head + pdf + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    parts = b"".join(b"--b\r\nContent-Disposition: attachment; filename=%d.pdf\r\n\r\n%s\r\n" % (i, document)
                     for i in range(2)) + b"--b--\r\n"
    yield (head + b"Content-Type: multipart/mixed; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(parts)
           + parts)


def cut(path, sender, to, document):
    with open(document, "rb") as file:
        content = file.read()
    source = random.Random(1)
    for whole in requests(sender, to, content):
        places = [1, 20, whole.index(b"\r\n\r\n") + 2, whole.index(b"\r\n\r\n") + 4, len(whole) - 1]
        places += [source.randrange(1, len(whole)) for _ in range(10)]
        for number, place in enumerate(places):
            client = connect(path)
            client.sendall(whole[:place])
            if number % 2:  # the gateway may still answer
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            client.close()


def deaf(path, target, count, seconds):
    clients = []
    for _ in range(count):
        client = connect(path)
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode() * 20)
        clients.append(client)
    print("asked", flush=True)
    time.sleep(seconds)


if sys.argv[1] == "cut":
    cut(*sys.argv[2:6])
else:
    deaf(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
