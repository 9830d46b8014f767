"""The proof that the checks can fail: a pair without any fault, at rest, into which one violation after
the other is planted. Each has to be found under its name, and none when it is gone again."""
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import uuid

import documents
import histories
import promises
from gateway import wait_until
from pair import Pair

_libc = ctypes.CDLL(None, use_errno=True)


class Planter:
    def __init__(self, pair, search):
        self.pair, self.search = pair, search
        self.north, self.south = pair.gateways
        self.sent = pair.ledger[0]
        self.copies = {}
        self.received = self.south.sql("SELECT fax FROM faxes WHERE direction = 'in' AND pages = 2")[0][0]

    # --- in the tables ---

    @contextlib.contextmanager
    def row(self, gateway, table, where, **values):
        """The values stand in the row for a while."""
        names = ", ".join(values)
        before = gateway.sql(f"SELECT row_to_json(r) FROM (SELECT {names} FROM {table} WHERE {where}) r")
        kept = json.loads(before[0][0])
        self._set(gateway, table, where, values)
        try:
            yield
        finally:
            self._set(gateway, table, where, kept)

    @staticmethod
    def _set(gateway, table, where, values):
        def literal(value):
            if value is None:
                return "NULL"
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            return "'" + text.replace("'", "''") + "'"
        gateway.sql(f"UPDATE {table} SET " + ", ".join(
            f"{name} = {literal(value)}" for name, value in values.items()) + f" WHERE {where}")

    def fax(self, fax, gateway=None, **values):
        return self.row(gateway or self.north, "faxes", f"fax = '{fax}'", **values)

    def record(self, name, **values):
        """The first of that name about the fax."""
        where = f"event = '{name}' AND fax = '{self.sent.fax}'"
        index = self.north.sql(f"SELECT min(index) FROM audit_record WHERE {where}")[0][0]
        return self.row(self.north, "audit_record", f"index = {index}", **values)

    # --- in files ---

    @contextlib.contextmanager
    def file(self, *names, octets=b"x"):
        path = os.path.join(self.south.state, *names)
        is_new = not os.path.isdir(os.path.dirname(path))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(octets)
        try:
            yield path
        finally:
            os.unlink(path)
            if is_new:
                os.rmdir(os.path.dirname(path))

    @contextlib.contextmanager
    def page_in_clear(self, kind):
        plain = os.path.join(self.pair.top, "planted.tif")
        with open(plain, "wb") as file:
            file.write(self.pair.ledger[-1].document)
        try:
            with self.file("run", "planted") as path:
                os.unlink(path)
                subprocess.run([self.search, "--plant", kind, plain, plain, path], check=True,
                               capture_output=True)
                os.unlink(plain)
                yield
        finally:
            if os.path.exists(plain):
                os.unlink(plain)

    @contextlib.contextmanager
    def flipped_bit(self):
        path = os.path.join(self.south.state, "vault", self.received[-2:], self.received + ".sfv")
        self._flip(path)
        try:
            yield
        finally:
            self._flip(path)

    @staticmethod
    def _last_page(octets):
        """where the sealed octets of the last page end; behind it may be a trace (policy/README.md, vault file)"""
        at = 8 + 16
        for _ in range(2):
            at += 1 + octets[at]
        at, end = at + 8, None
        while at < len(octets) and octets[at] == 0xF5:
            length = int.from_bytes(octets[at + 8:at + 12], "big")
            if octets[at + 1] == 1:
                end = at + 16 + length
            at += 16 + length + 16
        return end

    def _flip(self, path):
        with open(path, "r+b") as file:
            place = self._last_page(file.read()) - 24
            file.seek(place)
            octet = file.read(1)[0]
            file.seek(place)
            file.write(bytes([octet ^ 0x10]))

    # --- in processes ---

    @contextlib.contextmanager
    def process(self):
        """One of the gateway's program that stands still at its first instruction."""
        child = subprocess.Popen([self.south.program, "role", "render"],
                                 preexec_fn=lambda: _libc.ptrace(0, 0, 0, 0))
        try:
            yield
        finally:
            os.kill(child.pid, signal.SIGKILL)
            while not os.WIFSIGNALED(os.waitpid(child.pid, 0)[1]):
                pass  # that it stood still is told first
            child.returncode = -signal.SIGKILL

    @contextlib.contextmanager
    def descriptors(self):
        connections = [self.south.connect() for _ in range(3)]
        try:
            yield
        finally:
            for connection in connections:
                connection.close()
            now = self.south.descriptors
            wait_until(10, lambda: all(n <= self.pair.rest.get(("south", *who), n)
                                       for who, n in now().items()))

    # --- in what the harness remembers: as if the gateways had done otherwise ---

    @contextlib.contextmanager
    def memory(self, submission, **values):
        kept = {name: getattr(submission, name) for name in values}
        for name, value in values.items():
            setattr(submission, name, value)
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(submission, name, value)

    @contextlib.contextmanager
    def seen_before(self):
        """The first page at the peer, in another fax."""
        self.copies = {(0, 1): ["another fax"]}
        try:
            yield
        finally:
            self.copies = {}

    @contextlib.contextmanager
    def forgotten(self):
        """A fax that the harness has never given."""
        kept = self.pair.ledger.pop()
        try:
            yield
        finally:
            self.pair.ledger.append(kept)


def _plants(p):
    """Groups of (what is checked, the violation) that can stand beside each other."""
    fax, other = p.sent.fax, documents.make_pages("other", 2)
    first, second = p.sent.pages
    last_page = f"fax = '{p.received}' AND stream = 'received' AND page > 1"
    yield [("1 plaintext", p.page_in_clear("t6"))]
    yield [
        ("2 unconfirmed page shown as received", p.row(p.south, "pages", last_page, confirmed_at=None)),
        ("2 order of pages", p.memory(p.sent, pages=[second, first])),
        ("3 log", p.record("page.sent", bytes="\\x7b7d")),
        ("3 file without a record", p.file("vault", "00", f"{uuid.UUID(int=0)}.sfv")),
        ("4 left in incoming", p.file("vault", "incoming", f"{uuid.UUID(int=0)}.sfv")),
        ("4 delivered", p.fax(fax, pages_confirmed=1)),
        ("4 ended twice", p.record("fax.submitted", event="fax.completed")),
        ("5 processes", p.process()),
        ("5 descriptors", p.descriptors()),
    ]
    yield [("2 confirmed page not readable", p.flipped_bit()),
           ("4 lost", p.memory(p.sent, fax=str(uuid.UUID(int=0))))]
    yield [("2 pixels", p.memory(p.sent, pages=[first, other[1]])),
           ("2 confirmed page not there", contextlib.nullcontext())]  # that is the same one
    yield [("2 pages", p.row(p.south, "pages", last_page, page=3)),
           ("4 attempts", p.record("attempt.started", record={
               "event": "attempt.started", "attempt": 2, "time": 0}))]
    yield [("4 counts", p.fax(fax, state="sending")),
           ("4 delivered, but not said so", contextlib.nullcontext())]
    yield [("4 not said uncertain", p.fax(fax, state="partial", pages_confirmed=1)),
           ("4 twice", p.seen_before()),
           ("4 silently lost", p.fax(p.received, p.south, state="failed"))]
    yield [("4 counts", p.forgotten())]
    yield [("4 counts", p.memory(p.sent, pages=[first]))]


def _check(p, promise=None):
    """Searching for plaintext takes long, and is left out when another promise is meant."""
    p.pair.forget()
    p.pair.copies.update({place: list(faxes) for place, faxes in p.copies.items()})
    verdict = promises.Verdict()
    promises.check_all(p.pair, verdict, None if promise and promise[0] != "1" else p.search)
    return verdict


def _stories():
    """(what is checked, records of a fax that nobody may see)"""
    def step(event, **more):
        return dict(more, event=event, time=more.get("time", 0))

    def again(**more):
        return dict({"event": "fax.requeued", "time": 1_000_000, "attempt": 2, "first_page": 1,
                     "max_rate": 14400, "ecm": 1, "next_attempt": 2, "cause": "network"}, **more)
    start = [step("fax.submitted"), step("attempt.started", attempt=1)]
    failed = step("attempt.ended", attempt=1, sip_code=503, t30_result=-1)
    second = step("attempt.started", attempt=2, time=2_000_000)
    end = step("fax.completed", state="uncertain")
    yield "4 after the end", [*start, failed, end, second]
    yield "4 after the end", [*start, failed, end, again()]
    yield "4 attempts", [*start, step("attempt.started", attempt=2)]
    yield "4 attempts", [*start, failed, failed]
    yield "4 limit of attempts", [*start, failed, second, failed, step("attempt.started", attempt=3),
                                  failed, step("attempt.started", attempt=4)]
    yield "4 back-off", [*start, failed, again(), dict(second, time=900_000)]
    yield "4 back-off", [*start, failed, again(next_attempt=1), dict(second, time=1_000_000)]
    yield "4 twice", [*start, step("page.sent", page=1), step("page.sent", page=1)]
    yield "4 resumption", [*start, step("page.sent", page=1), failed, again(first_page=1)]
    yield "4 cause", [*start, failed, again(cause="")]
    yield "4 cause", [*start, failed, again(cause="busy")]
    yield "4 cause", [*start, dict(failed, sip_code=404), again()]
    yield "4 cause", [*start, dict(failed, sip_code=200, t30_result=0), again()]
    yield "4 cause", [*start, step("media.started"), dict(failed, sip_code=200, t30_result=6),
                      again(cause="training")]


SETTINGS = {"retry.max_attempts": 3, "retry.first_delay_ms": 1000, "retry.busy_delay_ms": 1000,
            "retry.max_delay_ms": 4000}


def _wait(pair):
    waits = pair.wait_rest(120)
    if waits:
        raise RuntimeError(f"the faxes do not arrive: {waits}")


PATIENCE_SECONDS = 2  # with processes and descriptors that do not go away


def run(program, search, parent, namespaces):
    bad = []

    def expect(promise, broken):
        if not any(text.startswith(promise + ":") for text in broken):
            bad.append(f"'{promise}' is not found: {broken}")
    for promise, records in _stories():
        expect(promise, [f"{found}:" for found, _ in histories.faults_of(records, SETTINGS, False)])
    promises.PATIENCE_SECONDS = PATIENCE_SECONDS
    pair = Pair(program, parent=parent, namespaces=namespaces)
    count = 0
    try:
        sent = pair.submit(0, 2)
        pair.submit(1, 1)
        _wait(pair)
        planter = Planter(pair, search)
        bad += [f"before: {text}" for text in _check(planter).broken]
        for group in _plants(planter):
            with contextlib.ExitStack() as stack:
                for _, plant in group:
                    stack.enter_context(plant)
                broken = _check(planter, group[0][0]).broken
            for promise, _ in group:
                expect(promise, broken)
            count += len(group)
        with planter.fax(sent.fax, state="queued"):
            expect("4 rest", [f"4 rest: {pair.unfinished()}" if pair.unfinished() else ""])
        bad += [f"after: {text}" for text in _check(planter).broken]
        with planter.process():
            verdict = promises.Verdict()
            promises.nothing_left(pair, verdict)
            expect("5 processes left", verdict.broken)
    finally:
        pair.destroy()
    print(json.dumps({"planted": count + 2, "stories": len(list(_stories())), "bad": bad}), flush=True)
    return 1 if bad else 0
