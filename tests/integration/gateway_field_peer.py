#!/usr/bin/env python3
"""A gateway as they are met in the field: takes one T.38 call, and does what its kind does.

gateway_field_peer.py ADDRESS PORT KIND MACHINE FILE
  MACHINE is gateway_trace_prog, which receives the fax. Every message that comes or leaves becomes a line of FILE.

  refresh   refreshes the session every few seconds, by re-INVITE as before, with another version, and by UPDATE
  changes   re-INVITEs in mid-page with other attributes, with more lines, on hold, and without a description
  answers   answers our own refresh with another description than it gave at first
  wants-audio   asks for audio once the page is through, as some do before they hang up
  stuck     says nothing at all once the fax is through: no answer to BYE, none of its own
  nat       describes an address that nobody reaches, its media come from another port, and others send to us as well
  port0     answers the T.38 of our INVITE with a line that it refuses; the call has to go on over audio
  undecided takes audio, is silent there, and never says whether it takes T.38
"""
import re
import select
import socket
import subprocess
import sys
import time

T38 = ("a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\n"
       "a=T38FaxMaxDatagram:400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n")
BARE = "a=T38FaxVersion:3\r\na=T38MaxBitRate:9600\r\na=T38FaxFillBitRemoval:0\r\na=T38FaxMaxDatagram:72\r\n"


def header(text, name):
    found = re.search(r"^%s\s*:\s*(.*?)\r?$" % name, text, re.I | re.M)
    return found.group(1) if found else ""


class Peer:
    def __init__(self, address, port, kind, machine, name):
        self.address, self.port, self.kind, self.program = address, int(port), kind, machine
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, self.port))
        self.log = open(name, "w", buffering=1)
        self.machine = self.invite = self.source = self.offer = None
        self.thieves = []
        self.media_port = self.version = self.cseq = self.step = 0
        self.next = None
        self.busy = False  # a re-INVITE of ours waits for its answer
        self.silence = None  # socket of the audio that is said
        self.said = 0
        print("ready", file=self.log)

    # --- descriptions ---

    def sdp(self, lines, host=None):
        host = host or ("10.11.12.13" if self.kind == "nat" else self.address)
        return (f"v=0\r\no=gw 77 {self.version} IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
                + lines)

    def image(self, attributes=T38):
        return f"m=image {self.media_port} udptl t38\r\n{attributes}"

    def audio(self, port):
        return f"m=audio {port} RTP/AVP 8 0\r\n"

    # --- messages ---

    def send(self, text, body, to=None):
        head = text + (f"Content-Type: application/sdp\r\n" if body else "")
        print("%.1f > %s" % (time.time() - self.begun, head.split("\r\n")[0]), file=self.log)
        self.socket.sendto((head + f"Content-Length: {len(body)}\r\n\r\n{body}").encode(), to or self.source)

    def reply(self, request, status, body="", extra=""):
        via = "".join(f"{v}\r\n" for v in re.findall(r"^Via:.*?(?=\r?$)", request, re.I | re.M))
        to = header(request, "To")
        to += "" if "tag=" in to else ";tag=field"
        methods = "INVITE, ACK, BYE, CANCEL" + (", UPDATE" if self.kind != "answers" else "")
        self.send(f"SIP/2.0 {status}\r\n{via}From: {header(request, 'From')}\r\nTo: {to}\r\n"
                  f"Call-ID: {header(request, 'Call-ID')}\r\nCSeq: {header(request, 'CSeq')}\r\n"
                  f"Contact: <sip:gw@{self.address}:{self.port}>\r\nAllow: {methods}\r\n"
                  f"Supported: timer\r\n{extra}", body)

    def request(self, method, body="", cseq=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        target = re.search(r"<([^>]*)>", header(self.invite, "Contact")).group(1)
        self.send(f"{method} {target} SIP/2.0\r\n"
                  f"Via: SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{self.port}{method}{cseq}\r\n"
                  f"From: {header(self.invite, 'To')};tag=field\r\nTo: {header(self.invite, 'From')}\r\n"
                  f"Call-ID: {header(self.invite, 'Call-ID')}\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
                  f"Contact: <sip:gw@{self.address}:{self.port}>\r\nSupported: timer\r\n", body)

    def reinvite(self, lines, host=None):
        self.busy = True
        self.request("INVITE", self.sdp(lines, host) if lines else "")

    # --- what the kinds do while the page passes ---

    def act(self):
        self.step += 1
        if self.kind == "refresh":
            if self.step % 3 == 0:
                self.request("UPDATE")
                return
            self.version += self.step % 2
            self.reinvite(self.image())
        elif self.kind == "changes":
            self.version += 1
            turns = [(self.image(BARE), None), (self.image(T38) + self.audio(0), None), (self.image(T38), "0.0.0.0"),
                     (self.image(T38 + "a=sendonly\r\n"), None), (self.image("a=T38FaxUdpEC:t38UDPFEC\r\n"), None),
                     ("", None), (self.image(), None)]
            if self.step <= len(turns):
                self.reinvite(*turns[self.step - 1])
        elif self.kind == "nat":
            for thief in self.thieves:
                for _ in range(20):
                    thief.sendto(bytes([0, self.step, 1, 0, 0, 0]), self.ours)

    def thief(self, host):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((host, 0))
        self.thieves.append(s)

    # --- the call ---

    def called(self, text, source):
        if self.invite and header(text, "Call-ID") != header(self.invite, "Call-ID"):
            self.machine = None  # another attempt
        elif self.invite:
            return  # repeated
        self.invite, self.source = text, source
        line = re.search(r"m=(image|audio) (\d+)", text)
        host = re.search(r"^c=IN IP4 (\S+?)\r?$", text, re.M).group(1)
        self.ours = (host, int(line.group(2)))
        self.version += 1
        if self.kind == "port0":
            self.reply(text, "200 OK", self.sdp("m=image 0 udptl t38\r\n"))
            return
        if self.kind == "undecided":
            if "m=image" in text:
                self.reply(text, "488 Not Acceptable Here")
                return
            self.silence = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.silence.bind((self.address, 0))
            self.reply(text, "200 OK", self.sdp(self.audio(self.silence.getsockname()[1])))
            return
        if self.kind == "nat":
            self.thief(self.address)
            self.thief(self.address.rsplit(".", 1)[0] + ".254")
            self.thieves[1].sendto(b"\0\0\1\0\0\0", self.ours)  # first of all
        self.machine = subprocess.Popen([self.program, self.address, "good", host, line.group(2)],
                                        stdout=subprocess.PIPE, text=True)
        self.media_port = int(self.machine.stdout.readline())
        if self.kind == "nat":
            self.media_port = 9  # it cannot know which one the translation gives it
        refresher = "Session-Expires: 90;refresher=uac\r\n" if self.kind == "answers" else ""
        self.reply(text, "200 OK", self.sdp(self.image()), refresher)

    def say_silence(self):
        while self.said < (time.time() - self.begun) * 50:
            self.said += 1
            self.silence.sendto(b"\x80\x08" + self.said.to_bytes(2, "big") + (self.said * 160).to_bytes(4, "big")
                                + b"quie" + b"\xd5" * 160, self.ours)

    def asked_again(self, text):
        self.version += 1
        if self.kind == "undecided":
            self.reply(text, "100 Trying")
            return
        if self.kind == "port0":
            if "m=audio" in text:
                self.reply(text, "200 OK", self.sdp(self.audio(self.port + 20000)))
            else:
                self.reply(text, "488 Not Acceptable Here")
            return
        print("refreshed by the gateway", file=self.log)
        self.reply(text, "200 OK", self.sdp(self.image(BARE) + self.audio(0)),
                   "Session-Expires: 90;refresher=uac\r\n")

    def take(self, text, source):
        first = text.split("\r\n", 1)[0]
        print("%.1f < %s" % (time.time() - self.begun, first), file=self.log)
        done = self.machine and self.machine.poll() is not None
        if self.kind == "stuck" and done:
            return
        if first.startswith("INVITE "):
            if self.invite and "tag=" in header(text, "To"):
                self.asked_again(text)
            else:
                self.called(text, source)
        elif first.startswith("UPDATE "):
            self.asked_again(text)
        elif first.startswith("ACK ") and self.next is None:
            self.next = time.time() + 4
        elif first.startswith("BYE "):
            self.reply(text, "200 OK")
            self.next = 0
        elif first.startswith("SIP/2.0 ") and "INVITE" in header(text, "CSeq") and not first.startswith("SIP/2.0 1"):
            self.busy = False
            print("answer " + " ".join(re.findall(r"^(?:m=.*?|c=.*?)(?=\r?$)", text, re.M)), file=self.log)
            offered = "m=" in text
            asked = self.kind == "changes" and self.step == 6
            self.request("ACK", self.sdp(self.image()) if asked and offered else "",
                         int(header(text, "CSeq").split()[0]))

    def run(self):
        self.begun = time.time()
        told = False
        while True:
            if select.select([self.socket], [], [], 0.05)[0]:
                data, source = self.socket.recvfrom(65536)
                self.take(data.decode(errors="replace"), source)
            if self.silence:
                self.say_silence()
            ended = self.machine is not None and self.machine.poll() is not None
            if ended and not told:
                told = True
                print("machine " + self.machine.stdout.read().strip(), file=self.log)
                if self.kind == "wants-audio":
                    self.version += 1
                    self.reinvite(self.audio(self.port + 20000))
            if self.next and time.time() >= self.next and not ended and not self.busy and not self.silence:
                self.next = time.time() + 2.5
                self.act()


if __name__ == "__main__":
    Peer(*sys.argv[1:]).run()
