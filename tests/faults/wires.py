"""Network namespaces for a pair: each gateway has one of its own with one interface, and a third one
between them holds the other ends of both wires and the relay's sockets. So a gateway meets what a
host meets: an interface that is down, a lost address, a narrow or small link, and its kernel's errors.

    north 198.18.1.2 --- 198.18.1.1 [relay] 198.18.2.1 --- 198.18.2.2 south

What is sent to the near end of one's own wire arrives, through the relay, from the near end of the
other's: 198.18.1.1 is how north sees south."""
import contextlib
import ctypes
import os
import random
import subprocess

SIP_PORT = 5060
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def _enter(descriptor):
    """This thread alone."""
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def are_possible():
    try:
        Wires().close()
        return True
    except (OSError, subprocess.CalledProcessError):
        return False


class Wires:
    def __init__(self):
        name = f"sf{random.Random(os.urandom(8)).getrandbits(32):08x}"
        self.middle = name + "m"
        self.spaces = [name + "n", name + "s"]
        self._made = []
        try:
            for space in (self.middle, *self.spaces):
                _ip("netns", "add", space)
                self._made.append(space)
                _ip("-n", space, "link", "set", "lo", "up")
            for side in (0, 1):
                self._lay(side)
        except BaseException:
            self.close()
            raise

    def _lay(self, side):
        _ip("-n", self.middle, "link", "add", f"wire{side}", "type", "veth", "peer", "name", "wire",
            "netns", self.spaces[side])
        _ip("-n", self.middle, "address", "add", f"{self.public(1 - side)}/30", "dev", f"wire{side}")
        _ip("-n", self.middle, "link", "set", f"wire{side}", "up")
        self.give_address(side)
        self.go(side)

    def real(self, side):
        return f"198.18.{side + 1}.2"

    def public(self, side):
        """How the other gateway sees this one."""
        return f"198.18.{2 - side}.1"

    def command(self, side):
        """What to put before a command so that it runs at this end."""
        return ["nsenter", f"--net=/run/netns/{self.spaces[side]}", "--"]

    @contextlib.contextmanager
    def between(self):
        """Sockets made in here, by this thread, are the relay's."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.middle}") as middle:
            _enter(middle.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    # --- weather ---

    def stop(self, side):
        """The gateway's own interface is down: there is no route, and sending fails."""
        _ip("-n", self.spaces[side], "link", "set", "wire", "down")

    def go(self, side):
        _ip("-n", self.spaces[side], "link", "set", "wire", "up")

    def pull(self, side):
        """The far end is down: no carrier, and what is sent is gone."""
        _ip("-n", self.middle, "link", "set", f"wire{side}", "down")

    def plug(self, side):
        _ip("-n", self.middle, "link", "set", f"wire{side}", "up")

    def take_address(self, side):
        _ip("-n", self.spaces[side], "address", "flush", "dev", "wire")

    def give_address(self, side):
        _ip("-n", self.spaces[side], "address", "replace", f"{self.real(side)}/30", "dev", "wire")

    def narrow(self, side, bits_per_second):
        """Both ways: a queue of half a second, and what does not fit is lost."""
        for space, wire in ((self.spaces[side], "wire"), (self.middle, f"wire{side}")):
            subprocess.run(["ip", "netns", "exec", space, "tc", "qdisc", "replace", "dev", wire, "root",
                            "tbf", "rate", f"{bits_per_second}bit", "burst", "2000", "latency", "500ms"],
                           check=True, capture_output=True, text=True)

    def widen(self, side):
        for space, wire in ((self.spaces[side], "wire"), (self.middle, f"wire{side}")):
            subprocess.run(["ip", "netns", "exec", space, "tc", "qdisc", "del", "dev", wire, "root"],
                           check=False, capture_output=True)

    def mtu(self, side, octets):
        _ip("-n", self.spaces[side], "link", "set", "wire", "mtu", str(octets))
        _ip("-n", self.middle, "link", "set", f"wire{side}", "mtu", str(octets))

    def calm(self):
        for side in (0, 1):
            self.widen(side)
            self.mtu(side, 1500)
            self.give_address(side)
            self.go(side)
            self.plug(side)

    def close(self):
        for space in self._made:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
        self._made = []
