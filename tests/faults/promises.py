"""What must hold when two gateways have come to rest, whatever happened before."""
import os
import subprocess
import time

import documents
import histories
from gateway import FINAL, Refused, Unavailable, wait_until

PATIENCE_SECONDS = 10  # with processes and descriptors that are about to go away


class Verdict:
    def __init__(self):
        self.checked = 0
        self.broken = []

    def check(self, holds, promise, text):
        self.checked += 1
        if not holds:
            self.broken.append(f"{promise}: {text}")
        return holds


def check_all(pair, verdict, search=None):
    tables = [_read(gateway) for gateway in pair.gateways]
    for side in (0, 1):
        _check_received(pair, side, tables[side], verdict)
    for side in (0, 1):
        _check_sent(pair, side, tables[side], verdict)
        histories.check(pair.gateways[side], verdict, pair.gateways[side].page.was_moved)
        _check_log(pair.gateways[side], verdict)
        _check_files(pair.gateways[side], tables[side], verdict)
        _check_processes(pair, pair.gateways[side], verdict)
    for place, faxes in pair.copies.items():
        verdict.check(len(faxes) == 1, "4 twice", f"document {place[0]}, page {place[1]} in {faxes}")
    if search:
        _check_plaintext(pair, search, verdict)


def _read(gateway):
    faxes = {}
    for row in gateway.sql("SELECT fax, direction, state, pages, pages_confirmed, attempts, reason,"
                           " disposed_at IS NOT NULL, idempotency_key FROM faxes"):
        faxes[row[0]] = dict(zip(("fax", "direction", "state", "pages", "confirmed", "attempts",
                                  "reason", "disposed", "key"), row), received={})
        for number in ("pages", "confirmed", "attempts"):
            faxes[row[0]][number] = int(faxes[row[0]][number])
    for fax, page, confirmed in gateway.sql(
            "SELECT fax, page, confirmed_at IS NOT NULL FROM pages WHERE stream = 'received'"):
        faxes[fax]["received"][int(page)] = confirmed == "t"
    return faxes


def _check_received(pair, side, faxes, verdict):
    """Every page shown as received can be read and is one that was sent, in order, and once."""
    gateway = pair.gateways[side]
    index = documents.Index(near=not pair.ecm)
    for number, submission in enumerate(pair.ledger):
        if submission.side != side:
            for page, pixels in enumerate(submission.pages, 1):
                index.add(pixels, (number, page))
    for fax, row in faxes.items():
        if row["direction"] != "in":
            continue
        verdict.check(row["state"] in FINAL, "4 counts", f"{gateway.name}: {fax} is {row['state']}")
        pages = row["received"]
        verdict.check(sorted(pages) == list(range(1, len(pages) + 1)) and row["pages"] == len(pages),
                      "2 pages", f"{gateway.name}: {fax} has pages {sorted(pages)} of {row['pages']}")
        if row["state"] == "received":
            verdict.check(pages and all(pages.values()), "2 unconfirmed page shown as received",
                          f"{gateway.name}: {fax}: {pages}")
        if row["state"] == "failed":
            verdict.check(not pages, "4 silently lost", f"{gateway.name}: failed {fax} has {len(pages)} pages")
        if not pages or pair.known.get(fax) == len(pages):
            continue
        try:
            got = documents.read_tiff(gateway.export(fax))
        except (Refused, Unavailable, subprocess.CalledProcessError) as error:
            verdict.check(False, "2 confirmed page not readable", f"{gateway.name}: {fax}: {error}")
            continue
        verdict.check(len(got) == len(pages), "2 confirmed page not readable",
                      f"{gateway.name}: {fax}: {len(got)} of {len(pages)} pages")
        places = [index.find(pixels) for pixels in got]
        verdict.check(None not in places, "2 pixels", f"{gateway.name}: {fax}: pages {places}")
        known = [place for place in places if place]
        verdict.check(all(b == (a[0], a[1] + 1) for a, b in zip(known, known[1:])), "2 order of pages",
                      f"{gateway.name}: {fax}: {places}")
        for place in known:
            pair.copies.setdefault(place, []).append(fax)
        pair.known[fax] = len(pages)


def _check_sent(pair, side, faxes, verdict):
    gateway = pair.gateways[side]
    out = {fax: row for fax, row in faxes.items() if row["direction"] == "out"}
    ours = {}
    for number, submission in enumerate(pair.ledger):
        if submission.side != side:
            continue
        if submission.fax:
            ours[submission.fax] = number
            verdict.check(submission.fax in out, "4 lost", f"{gateway.name}: {submission.fax} is unknown")
    # What was submitted without an answer may be there; that is found by its key alone.
    unanswered = sum(1 for s in pair.ledger if s.side == side and not s.fax)
    verdict.check(len(out) <= len(ours) + unanswered, "4 counts",
                  f"{gateway.name}: {len(out)} faxes, {len(ours)} answered, {unanswered} not")
    for fax, row in out.items():
        verdict.check(row["state"] in FINAL, "4 counts", f"{gateway.name}: {fax} is {row['state']}")
        if fax in ours:
            _check_one_sent(pair, gateway, row, ours[fax], verdict)
    ends = gateway.sql("SELECT fax, count(*) FROM audit_record WHERE event = 'fax.completed' "
                       "GROUP BY fax HAVING count(*) > 1")
    verdict.check(not ends, "4 ended twice", f"{gateway.name}: {ends}")


def _check_one_sent(pair, gateway, row, number, verdict):
    submission = pair.ledger[number]
    count = len(submission.pages)
    what = f"{gateway.name}: {row['fax']} {row['state']} {row['confirmed']}/{count} ({row['reason']})"
    verdict.check(row["pages"] == count, "4 counts", f"{what}: {row['pages']} pages recorded")
    if row["state"] == "delivered":
        verdict.check(row["confirmed"] == count, "4 delivered", what)
    else:
        verdict.check(row["confirmed"] < count, "4 delivered, but not said so", what)
    for page in range(1, count + 1):
        copies = pair.copies.get((number, page), [])
        verdict.check(len(copies) <= 1, "4 twice", f"{what}: page {page} in {copies}")
        if page <= row["confirmed"]:
            verdict.check(copies, "2 confirmed page not there", f"{what}: page {page}")
        elif copies:
            verdict.check(row["state"] == "uncertain", "4 not said uncertain",
                          f"{what}: the peer has page {page} in {copies}")


def _check_log(gateway, verdict):
    holds, text = gateway.verify()
    verdict.check(holds, "3 log", f"{gateway.name}: {text}")


def _check_files(gateway, faxes, verdict):
    vault = os.path.join(gateway.state, "vault")
    verdict.check(not os.listdir(os.path.join(vault, "incoming")), "4 left in incoming",
                  f"{gateway.name}: {os.listdir(os.path.join(vault, 'incoming'))}")
    stored = set()
    for folder in os.listdir(vault):
        if len(folder) == 2:
            stored.update(name.removesuffix(".sfv") for name in os.listdir(os.path.join(vault, folder))
                          if name.endswith(".sfv"))
    unknown = stored - set(faxes)
    verdict.check(not unknown, "3 file without a record", f"{gateway.name}: {unknown}")


def _check_processes(pair, gateway, verdict):
    should = {"supervisor": 1, "control": 1, "keeper": 1, "postmaster": 1,
              "line": gateway.settings["lines.count"]}

    def wrong():
        now = {role: len(pids) for role, pids in gateway.roles().items()}
        return [f"{role} {now.get(role, 0)}" for role in {*should, "render", "migrate"}
                if now.get(role, 0) != should.get(role, 0)]
    wait_until(PATIENCE_SECONDS, lambda: not wrong(), 0.3)
    verdict.check(not wrong(), "5 processes", f"{gateway.name}: {wrong()}")

    def grown():
        return [f"{who}: {pair.rest[(gateway.name, *who)]} to {number}"
                for who, number in gateway.descriptors().items()
                if number > pair.rest.setdefault((gateway.name, *who), number)]
    wait_until(PATIENCE_SECONDS, lambda: not grown(), 0.5)
    verdict.check(not grown(), "5 descriptors", f"{gateway.name}: {grown()}")


def _check_plaintext(pair, search, verdict):
    """Looks for one of the latest documents in every file the gateways may have written."""
    submission = pair.ledger[-1]
    plain = os.path.join(pair.top, "plain.tif")
    begun = str(int(pair.begun))
    with open(plain, "wb") as file:
        file.write(submission.document)
    try:
        states = [gateway.state for gateway in pair.gateways]
        for arguments in (["--magic", plain, plain, *states],
                          ["--newer", begun, plain, plain, "/tmp", "/dev/shm", "/var/tmp"]):
            for _ in range(4):  # a file of somebody else's that shrinks while it is read ends it
                done = subprocess.run([search, *arguments], capture_output=True, text=True)
                if done.returncode >= 0:
                    break
            verdict.check(done.returncode == 0, "1 plaintext",
                          f"{done.returncode}: {(done.stdout + done.stderr)[-500:]}")
    finally:
        os.unlink(plain)


def check_last(pair, verdict, search=None):
    """Every page once more, whatever has come after it; then the stop."""
    pair.forget()
    check_all(pair, verdict, search)
    nothing_left(pair, verdict)


def nothing_left(pair, verdict):
    """After the stop of both gateways no process of theirs is there."""
    for gateway in pair.gateways:
        status = gateway.stop()
        verdict.check(status == 0, "5 stop", f"{gateway.name}: exit status {status}")
        time.sleep(0.2)
        left = gateway.roles()
        verdict.check(not left, "5 processes left", f"{gateway.name}: {left}")
