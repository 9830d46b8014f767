"""What the log says of each outbound fax, step by step: attempts that follow each other, each for a
reason that allows it, not before its time, within the limit, and never after an end."""
import json

CAUSES = {"busy", "no answer", "network", "training"}
EVENTS = ("fax.submitted", "attempt.started", "media.started", "page.sent", "attempt.ended",
          "fax.requeued", "fax.completed")
BUSY, NO_ANSWER, NEVER = (486, 600), (408, 480, 487), (403, 404, 488, 603)


def read(gateway):
    """fax -> its records in order, of outbound faxes"""
    names = ", ".join(f"'{name}'" for name in EVENTS)
    faxes = {}
    for fax, record in gateway.sql(
            f"SELECT fax, record FROM audit_record WHERE event IN ({names}) AND fax IN "
            "(SELECT fax FROM faxes WHERE direction = 'out') ORDER BY node, index"):
        faxes.setdefault(fax, []).append(json.loads(record))
    return faxes


def check(gateway, verdict, own_clock):
    """own_clock: the gateway's clock has moved, so that its times say nothing."""
    for fax, records in read(gateway).items():
        for promise, text in faults_of(records, gateway.settings, own_clock):
            verdict.check(False, promise, f"{gateway.name}: {fax}: {text}")
        verdict.checked += 1


def faults_of(records, settings, own_clock):
    """(promise, what is wrong) of one fax"""
    attempt = sent = 0
    requeued = ended = media = completed = None
    for record in records:
        event = record["event"]
        if completed:
            yield "4 after the end", f"{event} after {completed['state']}"
        if event == "attempt.started":
            if attempt and not ended:
                yield "4 attempts", f"attempt {record['attempt']} begins before {attempt} has ended"
            if record["attempt"] != attempt + 1:
                yield "4 attempts", f"attempt {record['attempt']} after {attempt}"
            attempt, ended, media = record["attempt"], None, None
            if attempt > settings["retry.max_attempts"]:
                yield "4 limit of attempts", f"attempt {attempt}"
            if requeued and not own_clock and \
                    record["time"] < requeued["next_attempt"] * 1_000_000 - 1_000_000:
                yield "4 back-off", f"attempt {attempt} before its time"
            requeued = None
        elif event == "media.started":
            media = record
        elif event == "page.sent":
            if record["page"] != sent + 1:
                yield "4 twice", f"page {record['page']} sent after page {sent}"
            sent = record["page"]
        elif event == "attempt.ended":
            if ended:
                yield "4 attempts", f"attempt {record['attempt']} ends twice"
            ended = record
        elif event == "fax.requeued":
            yield from _requeue_faults(record, ended, media, sent, settings)
            requeued = record
        elif event == "fax.completed":
            completed = record


def _requeue_faults(record, ended, media, sent, settings):
    cause = record["cause"]
    if cause not in CAUSES:
        yield "4 cause", f"again because of '{cause}'"
    if not ended:
        yield "4 cause", "again without the end of an attempt"
        return
    code, t30 = ended.get("sip_code", 0), ended["t30_result"]
    # Where T.30 has a result, that decides: a BYE nobody answers leaves 408 behind.
    if t30 < 0 and (code in NEVER or (code in BUSY) != (cause == "busy") or
                    (code in NO_ANSWER and cause != "no answer")):
        yield "4 cause", f"again because of '{cause}' after {code}"
    if t30 == 0:
        yield "4 cause", "again after a call that went well"
    if record["first_page"] != sent + 1:
        yield "4 resumption", f"goes on at page {record['first_page']} after page {sent}"
    delay_ms = record["next_attempt"] * 1000 - record["time"] / 1000
    wanted_ms = settings["retry.busy_delay_ms"] if cause == "busy" else \
        settings["retry.first_delay_ms"] * 2 ** (record["attempt"] - 2)
    wanted_ms = min(wanted_ms, settings["retry.max_delay_ms"])
    if not wanted_ms - 100 <= delay_ms <= wanted_ms + 2100:
        yield "4 back-off", f"{cause}: attempt {record['attempt']} after {delay_ms:.0f} ms"
    if cause == "training" and media and record["max_rate"] >= 14400:
        yield "4 cause", f"training failed, and again with {record['max_rate']}"
