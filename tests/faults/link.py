"""The network between two gateways: a relay in a thread of its own, which may lose, repeat, reorder,
delay or cut. Each side has a public address; what is sent to it arrives at the real one, from the
sender's public address and the same port, so that both gateways see an ordinary peer."""
import heapq
import random
import select
import socket
import threading
import time


class Weather:
    """What the network does to packets; shares are 0 to 1."""

    def __init__(self, loss=0.0, repeat=0.0, reorder=0.0, delay_ms=0, jitter_ms=0, cut=False):
        self.loss, self.repeat, self.reorder = loss, repeat, reorder
        self.delay_ms, self.jitter_ms, self.cut = delay_ms, jitter_ms, cut


class Link:
    def __init__(self, sides, seed):
        """sides: two of (real address, public address, [ports])"""
        self.weather = Weather()
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

    def _weather_for(self, side, port, source, data):
        weather = self.weather
        if weather.cut or self._random.random() < weather.loss:
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
        try:
            out.sendto(data, (self._real[side], port))
            self.passed += 1
        except OSError:
            pass
