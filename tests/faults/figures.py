"""Figures that need whole gateways: many calls at once, and a restart with a long past."""
import collections
import json
import os
import subprocess
import threading
import time

import documents
import promises
from gateway import Gateway, Refused, Unavailable
from pair import SETTINGS, Pair


def _cpu_seconds(gateway):
    """Of the living processes, by role."""
    used = collections.Counter()
    for role, pids in gateway.roles().items():
        for pid in pids:
            try:
                with open(f"/proc/{pid}/stat") as file:
                    words = file.read().rpartition(")")[2].split()
                used[role] += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
            except OSError:
                pass
    return used


def calls(program, parent, count, pages):
    """`count` faxes between two gateways, as many at once as can be; all have to be delivered."""
    pair = Pair(program, small_disks=False, relay=False, parent=parent,
                settings={"lines.max_calls": 1000, "api.max_body_mib": 16, "sip.t1_ms": 500,
                          "fax.no_media_timeout_ms": 30000})
    try:
        begun, peak, over = time.monotonic(), [0], threading.Event()

        def sample():
            while not over.wait(0.5):
                try:
                    peak[0] = max(peak[0], sum(g.status()["calls"] for g in pair.gateways) // 2)
                except Unavailable:
                    pass
        sampler = threading.Thread(target=sample)
        sampler.start()
        for number in range(count):
            pair.submit(number % 2, pages, None, 7)
        submitted = time.monotonic() - begun
        waits = pair.wait_rest(900)
        took = time.monotonic() - begun
        over.set()
        sampler.join()
        verdict = promises.Verdict()
        verdict.check(not waits, "4 rest", waits)
        promises.check_all(pair, verdict)
        states = collections.Counter(row[0] for gateway in pair.gateways for row in gateway.sql(
            "SELECT state FROM faxes WHERE direction = 'out'"))
        retried = sum(int(gateway.sql("SELECT count(*) FROM attempts a JOIN faxes USING (fax) WHERE "
                                      "direction = 'out' AND attempt > 1")[0][0])
                      for gateway in pair.gateways)
        used = sum((_cpu_seconds(gateway) for gateway in pair.gateways), collections.Counter())
        print(json.dumps({
            "name": "faults.calls", "faxes": count, "pages": pages, "states": dict(states),
            "calls_at_once": peak[0], "retried": retried, "submitted_s": round(submitted, 1),
            "seconds": round(took, 1), "cpu_s": {r: round(s, 1) for r, s in sorted(used.items())},
            "checked": verdict.checked, "broken": verdict.broken, "load": os.getloadavg()}), flush=True)
        return 1 if verdict.broken or states != {"delivered": count} else 0
    finally:
        pair.destroy()


def vault(program, fill, parent, count):
    """Seconds from the start to ready after SIGKILL of everything in the middle of submissions, with
    the records, rows, sealed files and keys of `count` faxes."""
    top = os.path.join(parent, f"sealfax-vault.{os.getpid()}")
    os.mkdir(top)
    os.chmod(top, 0o711)
    own = dict(SETTINGS, **{"sip.listen": "127.213.7.1:5060", "media.address": "127.213.7.1"})
    for key in ("journal.segment_bytes", "audit.checkpoint_interval_ms"):
        own.pop(key)
    gateway = Gateway(top, "test", program, "+4930551", own, small_disks=False)
    try:
        gateway.make()
        begun = time.monotonic()
        subprocess.run([fill, gateway.state, str(count)], check=True)
        _give_away(gateway.state)
        filled = time.monotonic() - begun
        begun = time.monotonic()
        gateway.start()
        if gateway.wait_ready(1200) is None:
            with open(gateway.log) as log:
                raise RuntimeError(f"the filled gateway does not become ready: {log.read()[-3000:]}")
        first = time.monotonic() - begun
        gateway.provision("nowhere", "127.213.7.9", 5060, "+4930552")
        old = [row[0] for row in gateway.sql("SELECT fax FROM faxes ORDER BY random() LIMIT 3")]
        times, left = [], []
        for _ in range(5):
            _kill_amid_submissions(gateway)
            gateway.start()
            took = gateway.wait_ready(300)
            times.append(round(took, 2) if took else None)
            left.append(int(gateway.sql("SELECT count(*) FROM faxes WHERE state IN "
                                        "('queued', 'sending', 'receiving')")[0][0]))
        exported = sum(len(gateway.export(fax)) > 1000 for fax in old)
        journal = os.path.join(gateway.state, "journal")
        size = sum(os.path.getsize(os.path.join(journal, name)) for name in os.listdir(journal))
        print(json.dumps({"name": "faults.restart", "faxes": count, "open": left,
                          "records": gateway.status()["audit"]["index"], "journal_octets": size,
                          "filled_s": round(filled, 1), "first_start_s": round(first, 1),
                          "ready_s": times, "exported": exported, "verify": gateway.verify()[1],
                          "load": os.getloadavg()}), flush=True)
        return 0 if exported == 3 and all(t and t <= 3 for t in times) else 1
    finally:
        gateway.destroy()
        subprocess.run(["rm", "-rf", top], check=False)


def _give_away(state):
    """What root made belongs to the accounts of the folders it lies in."""
    for folder in ("vault", "journal", "keeper"):
        about = os.stat(os.path.join(state, folder))
        subprocess.run(["chown", "-R", f"{about.st_uid}:{about.st_gid}",
                        os.path.join(state, folder)], check=True)


def _kill_amid_submissions(gateway):
    """Four submit as fast as they are answered, to a trunk where nobody is."""
    document, over = documents.write_tiff(documents.make_pages(1, 1)), threading.Event()

    def submit():
        while not over.is_set():
            try:
                gateway.send(gateway.prefix + "00", "+493055200", document)
            except (Unavailable, Refused):
                pass
    submitters = [threading.Thread(target=submit) for _ in range(4)]
    for thread in submitters:
        thread.start()
    time.sleep(4)
    gateway.kill_all()
    over.set()
    for thread in submitters:
        thread.join()
