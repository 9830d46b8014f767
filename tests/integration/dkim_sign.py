#!/usr/bin/env python3
"""Signs a message (RFC 6376, relaxed/relaxed, rsa-sha256) with openssl.

use: dkim_sign.py DOMAIN SELECTOR KEY-FILE FIELDS [TAG=VALUE...] < message > signed
FIELDS: names with ':' between. TAGs: l (octets of the body), x, t, a=rsa-sha1.
"""
import base64
import hashlib
import re
import subprocess
import sys


def relax_field(name, value):
    value = re.sub(rb'[ \t]+', b' ', re.sub(rb'\r\n', b'', value)).strip()
    return name.lower().strip() + b':' + value


def relax_body(body):
    lines = [re.sub(rb'[ \t]+', b' ', line).rstrip(b' ') for line in body.split(b'\r\n')]
    while lines and not lines[-1]:
        lines.pop()
    return b'\r\n'.join(lines) + b'\r\n' if lines else b''


def main():
    domain, selector, key, names = sys.argv[1:5]
    tags = dict(argument.split('=', 1) for argument in sys.argv[5:])
    message = re.sub(rb'\r?\n', b'\r\n', sys.stdin.buffer.read())
    head, body = message.split(b'\r\n\r\n', 1)
    algorithm = tags.pop('a', 'rsa-sha256')
    digest = algorithm.split('-')[1]
    canonical = relax_body(body)
    if 'l' in tags:
        canonical = canonical[:int(tags['l'])]
    body_hash = base64.b64encode(hashlib.new(digest, canonical).digest()).decode()
    fields = []
    for field in re.split(rb'\r\n(?![ \t])', head):
        fields.append(tuple(field.split(b':', 1)))
    signed = b''
    left = list(fields)
    for name in names.split(':'):
        for i in reversed(range(len(left))):
            if left[i][0].strip().lower() == name.lower().encode():
                signed += relax_field(*left.pop(i)) + b'\r\n'
                break
    more = ''.join(f' {tag}={value};' for tag, value in tags.items())
    signature = (f' v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};{more}'
                 f' h={names}; bh={body_hash}; b=').encode()
    signed += relax_field(b'DKIM-Signature', signature)
    made = subprocess.run(['openssl', 'dgst', '-' + digest, '-sign', key], input=signed,
                          stdout=subprocess.PIPE, check=True).stdout
    sys.stdout.buffer.write(b'DKIM-Signature:' + signature + base64.b64encode(made) + b'\r\n' + message)


main()
