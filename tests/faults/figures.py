"""Figures that need whole gateways: many calls at once, and a restart with a long past."""
import collections
import json
import os
import subprocess
import threading
import time

import promises
from gateway import Gateway, Unavailable, wait_until
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
    """Seconds from the start to ready after SIGKILL, with the records, rows, sealed files and key
    files of `count` faxes."""
    top = os.path.join(parent, f"sealfax-vault.{os.getpid()}")
    os.mkdir(top)
    os.chmod(top, 0o711)
    own = dict(SETTINGS, **{"sip.listen": "127.213.7.1:5060", "media.address": "127.213.7.1",
                            "journal.segment_bytes": 1 << 24})
    gateway = Gateway(top, "test", program, "+4930551", own, small_disks=False)
    try:
        gateway.make()
        journal = os.path.join(gateway.state, "journal")
        owner = os.stat(journal)
        subprocess.run([fill, journal, str(count)], check=True)
        _remove_checkpoints(journal)
        for root, folders, names in os.walk(journal):
            for name in folders + names:
                os.chown(os.path.join(root, name), owner.st_uid, owner.st_gid)
        begun = time.monotonic()
        gateway.start()
        if gateway.wait_ready(1200) is None:
            raise RuntimeError("the gateway with the filled journal does not become ready")
        first = time.monotonic() - begun
        wait_until(600, lambda: gateway.status()["database"]["lag"] == 0, 0.5)
        _make_files(gateway)
        times = []
        for _ in range(3):
            gateway.kill_all()
            gateway.start()
            took = gateway.wait_ready(300)
            times.append(round(took, 2) if took else None)
        size = sum(os.path.getsize(os.path.join(journal, name)) for name in os.listdir(journal))
        print(json.dumps({"name": "faults.restart", "faxes": count,
                          "records": gateway.status()["audit"]["index"], "journal_octets": size,
                          "first_start_s": round(first, 1), "ready_s": times,
                          "load": os.getloadavg()}), flush=True)
        return 0 if all(t and t <= 3 for t in times) else 1
    finally:
        gateway.destroy()
        subprocess.run(["rm", "-rf", top], check=False)


def _remove_checkpoints(journal):
    """They are signed by another key than the keeper's."""
    subprocess.run(["rm", "-rf", os.path.join(journal, "checkpoints")], check=True)


def _make_files(gateway):
    """A sealed file and a key file for each fax, as large as real ones."""
    vault_folder = os.path.join(gateway.state, "vault")
    keys = os.path.join(gateway.state, "keeper", "fax")
    owner, keeper = os.stat(vault_folder), os.stat(os.path.join(gateway.state, "keeper"))
    sealed, key = os.urandom(6000), os.urandom(160)
    for (fax,) in gateway.sql("SELECT fax FROM faxes"):
        for path, octets, who in ((os.path.join(vault_folder, fax[-2:], fax + ".sfv"), sealed, owner),
                                  (os.path.join(keys, fax[-2:], fax.replace("-", "") + ".key"), key,
                                   keeper)):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.chown(os.path.dirname(path), who.st_uid, who.st_gid)
            with open(path, "wb") as file:
                file.write(octets)
            os.chown(path, who.st_uid, who.st_gid)
