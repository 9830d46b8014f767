"""Faults with a fax of their own, given at the moment that matters, and with an outcome that can be
foreseen: what the second gateway, as the sender, sees of a receiver that cannot store, and whether it
tries again as the cause demands."""
import errno
import signal
import threading

import documents
import histories
import shim
from gateway import Unavailable, send_signal, wait_until
from kinds import fault
from link import Weather


class Fax:
    """A fax of the scenario's own, and the steps its gateway has told of."""

    def __init__(self, context, side, pages, block=documents.BLOCK):
        self.gateway = context.pair.gateways[side]
        self.steps = []
        self._over = threading.Event()
        self.submission = context.pair.submit(side, pages, None, context.random.random(),
                                              block)
        if self.submission.fax:
            self.gateway.watch(self.submission.fax, lambda kind, _: self.steps.append(kind),
                               self._over.is_set)

    def wait(self, step, seconds=60, times=1):
        """Whether the step came so often; not, when the fax has ended before."""
        return wait_until(seconds, lambda: self.steps.count(step) >= times or "ended" in self.steps,
                          0.02) and self.steps.count(step) >= times

    def records(self):
        return histories.read(self.gateway).get(self.submission.fax, [])

    def has_completed(self):
        """Whether it has its final state; an attempt's end is told as 'ended', too."""
        return not self.submission.fax or any(r["event"] == "fax.completed" for r in self.records())

    def causes(self):
        return _causes(self.records())

    def judge_later(self, context, judge):
        """judge(row, records) when all rests; row: state, pages confirmed, attempts."""
        def later(verdict):
            self._over.set()
            fax = self.submission.fax
            verdict.check(fax, "4 submitted", f"{context.kind}: {self.submission.refused}")
            if not fax:
                return
            state, confirmed, attempts, reason = self.gateway.sql(
                f"SELECT state, pages_confirmed, attempts, reason FROM faxes WHERE fax = '{fax}'")[0]
            records = self.records()
            context.note(f"{state} after {attempts}")
            for holds, text in judge(state, int(confirmed), int(attempts), records):
                verdict.check(holds, "4 outcome", f"{self.gateway.name}: {fax} {state} {confirmed} "
                              f"({reason}), attempts {attempts}: {text}")
        context.afterwards.append(later)


def _causes(records):
    return [record["cause"] for record in records if record["event"] == "fax.requeued"]


@fault("storing-slow")
def storing_slow(context):
    """The receiver's fsync takes long when a page is there. With ECM the sender is told to wait and
    waits; without, the call ends unconfirmed."""
    pair, receiver, sender = context.pair, context.side, 1 - context.side
    fax = Fax(context, sender, context.random.randint(1, 2))
    told, waited = pair.link.tap.seen[receiver]["RNR"], pair.link.tap.seen[sender]["RR"]
    came = fax.wait("page")
    seconds = context.random.choice([5, 10, 20])
    context.gateway.page.sync(seconds * 1000, 0, shim.LINE)
    wait_until(50, lambda: "confirmed" in fax.steps or "ended" in fax.steps)
    context.gateway.page.clear()
    told = pair.link.tap.seen[receiver]["RNR"] - told
    waited = pair.link.tap.seen[sender]["RR"] - waited
    context.note(f"{seconds} s, {'ECM' if pair.ecm else 'no ECM'}, RNR {told}, RR {waited}")

    def judge(state, confirmed, attempts, _):
        if not came:
            yield False, "never came to a page"
        elif pair.ecm:
            yield told >= 1 and waited >= 1, "the sender was not told to wait, or did not"
            yield state == "delivered" and attempts == 1, "does not wait for the receiver"
        else:
            yield told == 0, "receiver-not-ready without ECM"
            yield state == "uncertain" and confirmed == 0 and attempts == 1, "not said uncertain"
    fax.judge_later(context, judge)
    yield 0


@fault("storing-fails")
def storing_fails(context):
    """The receiver's fsync fails when a page is there: it is not confirmed, and not sent again."""
    fax = Fax(context, 1 - context.side, context.random.randint(1, 2))
    came = fax.wait("page")
    context.gateway.page.sync(0, context.random.choice([errno.EIO, errno.ENOSPC]), shim.LINE)
    wait_until(60, lambda: "confirmed" in fax.steps or "ended" in fax.steps)
    context.gateway.page.clear()

    def judge(state, confirmed, attempts, _):
        yield came, "never came to a page"
        yield state == "uncertain" and confirmed == 0 and attempts == 1, "not said uncertain"
    fax.judge_later(context, judge)
    yield 0


@fault("resume")
def resume(context):
    """The receiver's lines die in the middle of a later page: the fax goes on at that page."""
    fax = Fax(context, 1 - context.side, 3, block=4)
    page = context.random.randint(1, 2)
    lines = context.gateway.roles().get("line", [])
    came = fax.wait("page", 90, page + 1)
    for pid in lines:
        send_signal(pid, signal.SIGKILL)
    yield 0

    def judge(state, confirmed, attempts, records):
        if not came:
            return  # the other traffic's trouble was larger
        if state == "uncertain" and confirmed == page and attempts == 1:
            context.note("killed after the page's end")
            return
        yield state == "delivered" and attempts == 2, "not resumed"
        yield [record["first_page"] for record in records if record["event"] == "fax.requeued"] == \
            [page + 1], "goes on elsewhere"
    fax.judge_later(context, judge)


@fault("peer-busy", "peer-unavailable", "peer-declines", "peer-silent")
def peer_refuses(context):
    """What stands between the two refuses calls: for once, or until no attempt is left."""
    code = {"peer-busy": 486, "peer-unavailable": 503, "peer-declines": 404, "peer-silent": 0}[context.kind]
    for_once = context.random.random() < 0.5
    context.pair.link.weather = Weather(refuse=code, deaf=not code)
    fax = Fax(context, context.side, 1)
    if for_once:
        wait_until(20, lambda: fax.has_completed() or fax.causes(), 0.3)
    else:
        wait_until(60, fax.has_completed, 0.5)
    context.pair.link.weather = Weather()
    context.note(f"{'once' if for_once else 'always'}, {code or 'no answer'}")
    cause = {"peer-busy": "busy", "peer-silent": "no answer"}.get(context.kind, "network")

    def judge(state, _, attempts, records):
        causes = _causes(records)
        if context.kind == "peer-declines":
            yield state == "failed" and attempts == 1 and not causes, "tried again after 404"
        elif for_once:
            yield state == "delivered" and attempts >= 2, "not tried again"
        else:
            yield state == "failed" and attempts == 3 and len(causes) == 2, "not tried three times"
        yield all(each == cause for each in causes), f"again because of {causes}"
    fax.judge_later(context, judge)
    yield 0


@fault("training-spoiled", "training-spoiled-fast")
def training_spoiled(context):
    """No modem, or none of the fast ones, gets its data through."""
    fast = context.kind == "training-spoiled-fast"
    context.pair.link.weather = Weather(spoil=3 if fast else 1)
    fax = Fax(context, context.side, 1)
    if fast:
        wait_until(120, fax.has_completed, 0.5)
    else:
        wait_until(75, lambda: fax.has_completed() or fax.causes(), 0.5)
    context.pair.link.weather = Weather()

    def judge(state, _, attempts, records):
        rates = [record["rate"] for record in records if record["event"] == "attempt.ended"]
        context.note(f"rates {rates}")
        yield state == "delivered", "not delivered at a rate that works"
        if fast:
            yield rates[-1] <= 4800, "the rate cannot be right"
        else:
            yield attempts >= 2 and _causes(records)[0] == "training", "not tried again, slower"
    fax.judge_later(context, judge)
    yield 0


@fault("crash-while-dialling")
def crash_while_dialling(context):
    """Nobody answers, and control dies in each attempt: those count, and wait their time, too."""
    context.pair.link.weather = Weather(deaf=True)
    fax = Fax(context, context.side, 1)

    def started():
        return fax.has_completed() or \
            sum(1 for r in fax.records() if r["event"] == "attempt.started") > begun
    for begun in range(context.random.randint(1, 4)):
        if not wait_until(30, lambda: _answered(started), 0.05) or fax.has_completed():
            break
        send_signal(context.one("control"), signal.SIGKILL)
        wait_until(30, lambda: not context.gateway.is_ready(), 0.05)
        wait_until(30, context.gateway.is_ready, 0.1)
    again = begun < 2
    context.note(f"{begun + 1} times")
    if not again:
        wait_until(60, fax.has_completed, 0.5)
    context.pair.link.weather = Weather()

    def judge(state, _, attempts, records):
        ends = [r["attempt"] for r in records if r["event"] == "attempt.ended"]
        yield attempts <= 3, "more attempts than allowed"
        yield ends == list(range(1, attempts + 1)), f"attempts ended: {ends}"
        yield state == "delivered" or not again, "given up early"
        yield len(_causes(records)) == attempts - 1, "tried again without saying why and when"
    fax.judge_later(context, judge)
    yield 0


def _answered(question):
    """The database may be away for a moment."""
    try:
        return question()
    except (Unavailable, OSError):
        return False


@fault("clock-back-while-waiting")
def clock_back_while_waiting(context):
    """The clock steps back while a fax waits for its next attempt: it does not wait for the old time."""
    context.pair.link.weather = Weather(refuse=503)
    fax = Fax(context, context.side, 1)
    wait_until(20, lambda: fax.has_completed() or fax.causes(), 0.05)
    context.gateway.page.clock(-1000 * context.random.choice([600, 3600, 86400]))
    context.pair.link.weather = Weather()
    context.afterwards.append(lambda _: context.gateway.page.clock(0))

    def judge(state, _, attempts, __):
        yield state == "delivered" and attempts >= 2, "not tried again"
    fax.judge_later(context, judge)
    yield 0
