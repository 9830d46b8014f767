#!/usr/bin/env python3
"""Writes the messages of render_message_test.sh into the current directory.

use: messages.py PDF TIFF
"""
import sys
from email import policy
from email.message import EmailMessage

pdf = open(sys.argv[1], 'rb').read()
tiff = open(sys.argv[2], 'rb').read()


def save(name, message):
    data = message.as_bytes(policy=policy.SMTP) if isinstance(message, EmailMessage) else message
    with open(name + '.eml', 'wb') as file:
        file.write(data)


def new(subject='Test', text=None):
    message = EmailMessage()
    message['From'] = 'alice@example.com'
    message['To'] = '+498912345@fax.example'
    message['Subject'] = subject
    if text is not None:
        message.set_content(text)
    return message


def raw(*lines):
    return '\r\n'.join(lines).encode() + b'\r\n'


def good():
    message = EmailMessage()
    message['From'] = 'Alice Müller <alice@example.com>'
    message['To'] = '+498912345@fax.example, Other <other@example.org>'
    message['Cc'] = 'name=Bob/number=+4930555/fine@fax.example'
    message['Subject'] = 'Grüße [fax: superfine, cover] from Munich'
    message['Message-ID'] = '<1@example.com>'
    message['X-Fax-Class'] = 'medical'
    message['X-Fax-At'] = '20271122T1800Z'
    message.set_content('Hello,\n\numlauts äöü and € signs.\n')
    message.add_alternative('<html><body><h1>Hello</h1></body></html>', subtype='html')
    return message


save('good', good())
message = good()
message.add_attachment(pdf, maintype='application', subtype='pdf', filename='form.pdf')
message.add_attachment(tiff, maintype='image', subtype='tiff', filename='letter.tif')
save('attached', message)
forward = new('Fwd', 'see below')
forward.add_attachment(message)
save('nested', forward)

head = ['To: +498912345@fax.example', 'Subject: x']
save('two_from', raw('From: a@example.com', 'From: b@example.com', *head, '', 'x'))
save('two_authors', raw('From: a@example.com, b@example.com', *head, '', 'x'))
save('group', raw('From: staff: a@example.com;', *head, '', 'x'))
save('injected', raw('From: a@example.com', 'Subject: =?utf-8?q?a=0D=0Ab=0ABcc:_victim@example.org?=', '', 'x'))
save('bad_option', raw('From: a@example.com', 'Subject: x [fax: purple]', '', 'x'))
save('loop', raw(*['Received: from a by b'] * 31, 'Auto-Submitted: auto-replied', *head, '', 'x'))
save('long_head', raw('From: a@example.com', *['X-Long: ' + 'x' * 900] * 400, '', 'x'))

passed = 'Authentication-Results: mx.example 1; dkim=pass (good) header.d=example.com; spf=fail'
hop, author = 'Received: from a by mx.example', 'From: Alice <alice@example.com>'
save('results', raw(passed, hop, author, *head, '', 'x'))
save('results_below', raw(hop, hop, passed, author, *head, '', 'x'))
save('results_second', raw('Authentication-Results: other.example; none', hop, passed, author, *head, '', 'x'))
save('results_comment', raw('Authentication-Results: mx.example (; dkim=pass header.d=example.com); '
                            'dkim=fail reason="; dkim=pass header.d=example.com" header.d=example.com',
                            hop, author, *head, '', 'x'))
save('results_other', raw('Authentication-Results: mx.example; dkim=pass header.d=ample.com', hop, author,
                          *head, '', 'x'))

html = new()
html.set_content('<p>Hello <b>you</b></p>', subtype='html')
save('html', html)
html.add_related(b'\x89PNG\r\n\x1a\n broken', maintype='image', subtype='png', cid='<logo>')
save('related', html)
save('signed_part', raw('From: a@example.com', 'Content-Type: multipart/signed; boundary=b', '', '--b',
                        'Content-Type: text/plain', '', 'signed', '--b',
                        'Content-Type: application/pgp-signature', '', 'garbage', '--b--'))
save('encrypted', raw('From: a@example.com', 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data',
                      'Content-Transfer-Encoding: base64', '', 'AAAA'))
save('koi8', raw('From: a@example.com', 'Content-Type: text/plain; charset=koi8-r',
                 'Content-Transfer-Encoding: quoted-printable', '', '=F0=D2=C9=D7=C5=D4'))
save('no_glyph', raw('From: a@example.com', 'Content-Type: text/plain; charset=utf-8', '', 'a \U00013000 b'))
save('bad_charset', raw('From: a@example.com', 'Content-Type: text/plain; charset=x-none', '', 'x'))
save('bad_octets', raw('From: a@example.com', 'Content-Type: text/plain; charset=utf-8',
                       'Content-Transfer-Encoding: quoted-printable', '', '=FF=FE'))
deep = ['From: a@example.com']
for depth in range(200):
    deep += [f'Content-Type: multipart/mixed; boundary=b{depth}', '', f'--b{depth}']
save('deep', raw(*deep, '', 'x'))
save('many_parts', raw('From: a@example.com', 'Content-Type: multipart/mixed; boundary=b', '',
                       *['--b', '', 'x'] * 100000, '--b--'))
save('no_end', raw('From: a@example.com', 'Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'x'))

renamed = new()
renamed.add_attachment(b'MZ\x90\x00' + bytes(300), maintype='application', subtype='pdf', filename='letter.pdf')
save('renamed', renamed)
executable = new()
executable.add_attachment(b'MZ\x90\x00', maintype='application', subtype='x-msdownload', filename='run.exe')
save('executable', executable)
archive = new()
archive.add_attachment(b'PK\x03\x04' + bytes(100), maintype='application', subtype='zip', filename='bomb.zip')
save('zip', archive)

svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 210 297"><text x="20" y="30">{{%s}}</text></svg>'
for name, field in (('template', 'subject'), ('wrong', 'wrong')):
    with open(name + '.svg', 'w', encoding='utf-8') as file:
        file.write(svg % field)
