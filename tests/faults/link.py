"""The network between two gateways: a relay in a thread of its own, which may lose, repeat, reorder,
delay or cut. Each side has a public address; what is sent to it arrives at the real one, from the
sender's public address and the same port, so that both gateways see an ordinary peer."""
import heapq
import random
import select
import socket
import threading
import time

import tap


class Weather:
    """What the network does to packets; shares are 0 to 1. `refuse`: a carrier that answers each new
    call with this SIP code; `deaf`: to all signalling; `spoil`: loses the data of modems from this
    number on (tap.modem_of), so that they cannot train."""

    def __init__(self, loss=0.0, repeat=0.0, reorder=0.0, delay_ms=0, jitter_ms=0, cut=False,
                 refuse=0, deaf=False, spoil=0):
        self.loss, self.repeat, self.reorder = loss, repeat, reorder
        self.delay_ms, self.jitter_ms, self.cut = delay_ms, jitter_ms, cut
        self.refuse, self.deaf, self.spoil = refuse, deaf, spoil


def refusal(request, code):
    """The answer to an INVITE as a carrier would give it."""
    lines = request.split(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in lines[1:] if line.split(b":")[0].strip().lower() in
            (b"via", b"v", b"from", b"f", b"to", b"t", b"call-id", b"i", b"cseq")]
    kept = [line + b";tag=carrier" if line.lower().startswith((b"to:", b"t:")) else line
            for line in kept]
    return b"\r\n".join([b"SIP/2.0 %d Refused" % code, *kept, b"Content-Length: 0", b"", b""])


class Link:
    def __init__(self, sides, seed):
        """sides: two of (real address, public address, [ports]), the first port that of SIP"""
        self.weather = Weather()
        self.tap = tap.Tap()
        self._signalling = [ports[0] for _, _, ports in sides]
        self._refused = set()  # calls that the carrier has refused: their ACK is for nobody else
        self.passed = self.lost = 0
        self._random = random.Random(seed)
        self._stop = False
        self._sockets = {}  # (side, port) -> socket bound to the public address
        self._where = {}    # descriptor -> (side, port)
        self._side_of = {real: i for i, (real, _, _) in enumerate(sides)}
        self._real = [real for real, _, _ in sides]
        self._poll = select.epoll()
        for side, (_, public, ports) in enumerate(sides):
            for port in ports:
                bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                bound.setblocking(False)
                bound.bind((public, port))
                self._sockets[side, port] = bound
                self._where[bound.fileno()] = (side, port)
                self._poll.register(bound.fileno(), select.EPOLLIN)
        self._later = []  # heap of (time, number, side, port, source, data)
        self._number = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stop = True
        self._thread.join()
        for bound in self._sockets.values():
            bound.close()
        self._poll.close()

    def _run(self):
        while not self._stop:
            pause = 0.2
            if self._later:
                pause = max(0.0, min(pause, self._later[0][0] - time.monotonic()))
            for descriptor, _ in self._poll.poll(pause):
                self._take(self._where[descriptor])
            now = time.monotonic()
            while self._later and self._later[0][0] <= now:
                _, _, side, port, source, data = heapq.heappop(self._later)
                self._deliver(side, port, source, data)

    def _take(self, where):
        side, port = where
        bound = self._sockets[where]
        for _ in range(64):
            try:
                data, source = bound.recvfrom(65535)
            except OSError:
                return
            self._weather_for(side, port, source, data)

    def _is_taken(self, side, port, source, data):
        """Signalling that a carrier answers itself or overhears, modem data that is spoiled."""
        weather = self.weather
        if port != self._signalling[side]:
            modem = tap.modem_of(data)
            return bool(weather.spoil) and modem is not None and modem >= weather.spoil
        if not (weather.refuse or weather.deaf or self._refused):
            return False
        if weather.deaf:
            return True
        call = next((line for line in data.split(b"\r\n") if line.lower().startswith(b"call-id:")), b"")
        is_new = data.startswith(b"INVITE ") and b";tag=" not in next(
            (line for line in data.split(b"\r\n") if line.lower().startswith((b"to:", b"t:"))), b"")
        if is_new and (weather.refuse or call in self._refused):
            self._refused.add(call)
            if weather.refuse:
                self._send(self._sockets[side, port], refusal(data, weather.refuse), source)
            return True
        return data.startswith(b"ACK ") and call in self._refused

    def _weather_for(self, side, port, source, data):
        weather = self.weather
        if weather.cut or self._random.random() < weather.loss or \
                self._is_taken(side, port, source, data):
            self.lost += 1
            return
        copies = 2 if self._random.random() < weather.repeat else 1
        for _ in range(copies):
            delay = weather.delay_ms + self._random.random() * weather.jitter_ms
            if self._random.random() < weather.reorder:
                delay += 60
            if delay <= 0:
                self._deliver(side, port, source, data)
            else:
                self._number += 1
                heapq.heappush(self._later, (time.monotonic() + delay / 1000, self._number, side,
                                             port, source, data))

    def _deliver(self, side, port, source, data):
        sender = self._side_of.get(source[0])
        if sender is None or sender == side:
            return
        out = self._sockets.get((sender, source[1]))
        if out is None:
            return
        if port != self._signalling[side]:
            self.tap.feed(sender, port, data)
        self._send(out, data, (self._real[side], port))

    def _send(self, out, data, to):
        try:
            out.sendto(data, to)
            self.passed += 1
        except OSError:
            pass
