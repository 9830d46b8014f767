"""Two gateways with trunks to each other and a network between them, and the faxes given to them."""
import os
import random
import shutil
import socket
import tempfile
import time

import documents
import wires
from gateway import Gateway, Refused, Unavailable, wait_until
from link import Link, Weather

MEDIA_PORTS = 24
SETTINGS = {
    "lines.count": 2,
    "sip.t1_ms": 100,
    "fax.reinvite_after_ms": 100,
    "fax.no_media_timeout_ms": 10000,
    "retry.max_attempts": 3,
    "retry.first_delay_ms": 1000,
    "retry.busy_delay_ms": 1000,
    "retry.max_delay_ms": 4000,
    "stop.drain_timeout_ms": 2000,
    "journal.segment_bytes": 1 << 16,  # so that a full disk is met
    "audit.checkpoint_interval_ms": 3000,
    "api.max_body_mib": 4,
}


class Submission:
    """One document given to one gateway; fax is its id, None when no answer came."""

    def __init__(self, side, pages, key):
        self.side, self.pages, self.key = side, pages, key
        self.document = documents.write_tiff(pages)
        self.fax = None
        self.refused = None
        self.sender = self.to = None


def _free_address(taken, source):
    while True:
        address = f"127.{source.randint(30, 229)}.{source.randint(1, 250)}.{source.randint(1, 250)}"
        if address not in taken:
            taken.add(address)
            return address


def _free_port(address, source):
    while True:
        port = source.randint(5060, 9060)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, port))
                return port
            except OSError:
                continue


class Pair:
    """ecm: which of the two offers error correction; a call has it only when both do."""

    def __init__(self, program, small_disks=True, relay=True, settings=None, parent="/var/lib",
                 namespaces=True, ecm=(True, True)):
        self.ecm = all(ecm)
        self.wires = wires.Wires() if relay and namespaces else None
        self.top = tempfile.mkdtemp(prefix="sealfax-faults.", dir=parent)
        os.chmod(self.top, 0o711)
        self.begun = time.time()
        self.ledger = []
        self.gateways = []
        self.link = None
        self.runs = 0
        self.rest = {}     # descriptors at the first rest of each process
        self.known = {}    # received pages already compared: fax -> pages in the table
        self.copies = {}   # (number in the ledger, page) -> received faxes that hold it
        source = random.Random(os.urandom(8))  # addresses are no part of a seed
        taken, sides = set(), []
        try:
            for number, name in enumerate(("north", "south")):
                sides.append(self._make_side(number, name, program, small_disks, relay,
                                             dict(SETTINGS, **(settings or {}),
                                                  **{"fax.ecm": ecm[number]}), taken, source))
            if self.wires:
                with self.wires.between():
                    self.link = Link(sides, 1)
            elif relay:
                self.link = Link(sides, 1)
            for gateway in self.gateways:
                gateway.make()
                gateway.start()
            for gateway in self.gateways:
                if gateway.wait_ready() is None:
                    raise RuntimeError(f"{gateway.name} does not become ready")
            for gateway, peer in zip(self.gateways, reversed(self.gateways)):
                gateway.provision(peer.name, *peer.sip, peer.prefix)
            time.sleep(1)
            self.note_rest()
        except BaseException:
            self.destroy(keep=True)
            raise

    def _make_side(self, number, name, program, small_disks, relay, own, taken, source):
        """One gateway; what the relay has to know of it."""
        if self.wires:
            real, public = self.wires.real(number), self.wires.public(number)
            port = wires.SIP_PORT
        else:
            real, public = _free_address(taken, source), _free_address(taken, source)
            port = _free_port(real, source)
        own["sip.listen"] = f"{real}:{port}"
        own["media.address"] = real
        if relay:
            own.update({"sip.public_address": public, "media.public_address": public,
                        "media.port_first": 20000, "media.port_last": 20000 + MEDIA_PORTS - 1})
        gateway = Gateway(self.top, name, program, f"+493055{number + 1}", own, small_disks,
                          self.wires.command(number) if self.wires else ())
        gateway.sip = (public if relay else real, port)
        self.gateways.append(gateway)
        return real, public, [port, *range(20000, 20000 + MEDIA_PORTS)]

    def note_rest(self):
        for gateway in self.gateways:
            for who, number in gateway.descriptors().items():
                self.rest.setdefault((gateway.name, *who), number)

    def forget(self):
        """Every page will be read and compared again."""
        self.known, self.copies = {}, {}

    def submit(self, side, pages, key=None, count_seed=0, block=documents.BLOCK):
        """Gives a document of `pages` pages to a gateway."""
        number = len(self.ledger)
        submission = Submission(side, documents.make_pages(f"{count_seed}-{number}", pages, block),
                                key)
        self.ledger.append(submission)
        submission.sender = f"{self.gateways[side].prefix}0{number % 10}"
        submission.to = f"{self.gateways[1 - side].prefix}0{number % 10}"
        self.submit_again(submission)
        return submission

    def submit_again(self, submission):
        try:
            submission.fax = self.gateways[submission.side].send(
                submission.sender, submission.to, submission.document, submission.key)
            submission.refused = None
        except Refused as error:
            submission.refused = str(error)
        except Unavailable:
            submission.refused = None
        return submission.fax

    def calm(self):
        """Ends what may still disturb: the network, the shim. A clock stays as it is."""
        if self.link:
            self.link.weather = Weather()
        if self.wires:
            self.wires.calm()
        for gateway in self.gateways:
            gateway.page.clear()
            gateway.page.mend()

    def unfinished(self):
        """What keeps the pair from being at rest, as text; empty when it is."""
        waits = []
        for gateway in self.gateways:
            try:
                status = gateway.status()
                if not status["ready"] or status["calls"] or status["queued"]:
                    waits.append(f"{gateway.name}: ready {status['ready']}, calls {status['calls']}, "
                                 f"queued {status['queued']}")
                elif status["database"]["lag"] or not status["database"]["up"]:
                    waits.append(f"{gateway.name}: database lag {status['database']['lag']}")
                else:
                    rows = gateway.sql("SELECT fax, state FROM faxes WHERE state IN "
                                       "('queued', 'sending', 'receiving') AND disposed_at IS NULL")
                    waits += [f"{gateway.name}: {fax} is {state}" for fax, state in rows]
            except (Unavailable, Refused, OSError) as error:
                waits.append(f"{gateway.name}: {error}")
        return "; ".join(waits)

    def wait_rest(self, seconds):
        """Empty, or what it still waits for."""
        last = [""]

        def rests():
            last[0] = self.unfinished()
            return not last[0]
        wait_until(seconds, rests, 0.5)
        return last[0]

    def destroy(self, keep=False):
        if self.link:
            self.link.close()
            self.link = None
        for gateway in self.gateways:
            gateway.destroy()
        if self.wires:
            self.wires.close()
        if not keep:
            shutil.rmtree(self.top, ignore_errors=True)
