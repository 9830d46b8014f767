"""What a mail server around a gateway does.

    gateway_mail.py send PORT SOURCE FROM TO... < MESSAGE   brings a message from that address;
                                                            USER and PASSWORD: signs in over TLS
    gateway_mail.py flood PORT SOURCE FROM TO CONNECTIONS MOST
                                                            brings as many as MOST on each of several connections, until
                                                            they break; prints the answer to each message at once
    gateway_mail.py same PORT SOURCE FROM TO CONNECTIONS < MESSAGE
                                                            brings one message on several connections at once; prints
                                                            the answers
    gateway_mail.py bounces ADDRESS PORT SOURCE CONNECTIONS MOST TO...
                                                            brings as many as MOST bounces on each of several
                                                            connections, to each recipient in turn; prints how often
                                                            it heard which answer
    gateway_mail.py sign KEY DOMAIN SELECTOR < MESSAGE      signs it (DKIM, rsa-sha256, simple)
    gateway_mail.py record KEY                              the record of its key
    gateway_mail.py dns PORT NAME RECORD                    answers one TXT question, again and again
"""
import base64
import hashlib
import os
import smtplib
import socket
import ssl
import struct
import sys
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding


def octets():
    return sys.stdin.buffer.read().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')


def send(port, source, sender, recipients):
    """Prints a line for each recipient that is refused, then the answer to the message."""
    client = smtplib.SMTP('127.0.0.1', int(port), source_address=(source, 0), timeout=60)
    client.ehlo('client.example')
    if 'PASSWORD' in os.environ:
        client.starttls(context=ssl._create_unverified_context())
        client.login(os.environ['USER'], os.environ['PASSWORD'])
    code, text = client.mail(sender)
    if code != 250:
        print('refused', code, text.decode())
        return
    taken = 0
    for recipient in recipients:
        code, text = client.rcpt(recipient)
        taken += code == 250
        if code != 250:
            print('refused', code, text.decode())
    if taken:
        code, text = client.data(octets())
        print(code, text.decode())
    client.close()


def bring_many(port, source, sender, recipient, most):
    try:
        client = smtplib.SMTP('127.0.0.1', port, source_address=(source, 0), timeout=60)
        client.ehlo('client.example')
        for _ in range(most):
            client.mail(sender)
            client.rcpt(recipient)
            code, text = client.data(b'From: anna@example.com\r\nTo: many\r\n\r\n' + 700 * (b'x' * 70 + b'\r\n'))
            os.write(1, f'{code} {text.decode()}\n'.encode())
    except (OSError, smtplib.SMTPException):
        pass  # that is what is waited for


def at_once(count, work, *args):
    """Threads, as each waits for its answers."""
    clients = [threading.Thread(target=work, args=args) for _ in range(int(count))]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def flood(port, source, sender, recipient, connections, most):
    at_once(connections, bring_many, int(port), source, sender, recipient, int(most))


def bring_same(port, source, sender, recipient, message, together):
    client = smtplib.SMTP('127.0.0.1', port, source_address=(source, 0), timeout=60)
    client.ehlo('client.example')
    client.mail(sender)
    client.rcpt(recipient)
    together.wait()
    code, text = client.data(message)
    os.write(1, f'{code} {text.decode()}\n'.encode())


def same(port, source, sender, recipient, connections):
    at_once(connections, bring_same, int(port), source, sender, recipient, octets(), threading.Barrier(int(connections)))


BOUNCE = (b'From: MAILER-DAEMON@mx.example\r\nTo: %s\r\nAuto-Submitted: auto-replied\r\n'
          b'Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n'
          b'--b\r\n\r\nIt could not be delivered.\r\n--b--\r\n')


def bring_bounces(address, port, source, most, recipients, heard):
    client = None
    for i in range(most):
        recipient = recipients[i % len(recipients)]
        try:
            if client is None:
                client = smtplib.SMTP(address, port, 'mx.example', source_address=(source, 0), timeout=60)
                client.ehlo('mx.example')
            client.mail('')
            code, text = client.rcpt(recipient)
            if code == 250:
                code, text = client.data(BOUNCE % recipient.encode())
        except smtplib.SMTPServerDisconnected:
            client, code = None, 'cut off'
        except smtplib.SMTPResponseException as answer:
            client, code = None, answer.smtp_code
        heard.append((recipient, code))


def bounces(address, port, source, connections, most, *recipients):
    heard = []
    at_once(connections, bring_bounces, address, int(port), source, int(most), recipients, heard)
    for number, recipient in enumerate(recipients, 1):
        codes = [code for to, code in heard if to == recipient]
        print(number, *(f'{code}:{codes.count(code)}' for code in sorted(set(codes), key=str)))


def read_key(path):
    with open(path, 'rb') as file:
        return serialization.load_pem_private_key(file.read(), None)


def sign(path, domain, selector):
    message = octets()
    head, _, body = message.partition(b'\r\n\r\n')
    body = body.rstrip(b'\r\n') + b'\r\n'
    fields = {line.split(b':')[0].lower(): line for line in head.split(b'\r\n')}
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    field = (f'DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d={domain}; s={selector};'
             f' h=from:to:subject; bh={digest}; b=').encode()
    signed = b''.join(fields[name] + b'\r\n' for name in (b'from', b'to', b'subject')) + field
    value = read_key(path).sign(signed, padding.PKCS1v15(), hashes.SHA256())
    sys.stdout.buffer.write(field + base64.b64encode(value) + b'\r\n' + head + b'\r\n\r\n' + body)


def record(path):
    public = read_key(path).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    print('v=DKIM1; k=rsa; p=' + base64.b64encode(public).decode())


def dns(port, name, text):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', int(port)))
    wanted = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'
    strings = b''.join(bytes([len(text[i:i + 250])]) + text[i:i + 250].encode()
                       for i in range(0, len(text), 250))
    while True:
        question, client = server.recvfrom(2000)
        known = question[12:12 + len(wanted)].lower() == wanted
        asked = question[12:12 + len(wanted) + 4] if known else question[12:question.find(b'\0', 12) + 5]
        answer = question[:2] + struct.pack('>HHHHH', 0x8180 if known else 0x8183, 1, int(known), 0, 0) + asked
        if known:
            answer += b'\xc0\x0c' + struct.pack('>HHIH', 16, 1, 60, len(strings)) + strings
        server.sendto(answer, client)


if __name__ == '__main__':
    arguments = sys.argv[2:]
    if sys.argv[1] == 'send':
        send(arguments[0], arguments[1], arguments[2], arguments[3:])
    else:
        {'flood': flood, 'same': same, 'bounces': bounces, 'sign': sign, 'record': record, 'dns': dns}[sys.argv[1]](*arguments)
