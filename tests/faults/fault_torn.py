"""Writes that ended in the middle."""
import os
import shutil
import subprocess
import threading
import time

import shim
from gateway import wait_until
from kinds import fault

WRITERS = {"journal": shim.CONTROL, "vault": shim.CONTROL | shim.LINE, "keeper": shim.KEEPER}


@fault(*[f"torn-write-{folder}" for folder in WRITERS])
def torn_write(context):
    """A process ends in the middle of a write, for half of the runs all others of the gateway too."""
    gateway, folder = context.gateway, context.kind.rpartition("-")[2]
    share = context.random.choice([0, 0.01, 0.5, 0.9, 0.999])
    gateway.page.tear(os.path.join(gateway.state, folder), WRITERS[folder],
                      context.random.randint(0, 5), share)
    more = threading.Thread(target=lambda: context.pair.submit(
        context.side, 1, f"torn-{time.monotonic_ns()}"), daemon=True)
    more.start()
    torn = wait_until(40, gateway.page.has_torn, 0.005)
    everything = context.random.random() < 0.5
    if torn and everything:
        gateway.kill_all()
    gateway.page.mend()
    context.note(f"after {share} of it{', and everything' if everything else ''}" if torn
                 else "there was no write")
    more.join()
    yield 0


# --- what a torn write may leave, put there ---

def _last_octet(path):
    with open(path, "rb") as file:
        return len(file.read().rstrip(b"\0"))


def _newest(folder, suffix):
    names = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(suffix)]
    return max(names, key=os.path.getmtime) if names else None


def _write_at(path, offset, octets):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(octets)


@fault("torn-journal")
def torn_journal(context):
    """Garbage, or the beginning of a frame, behind the last record."""
    context.gateway.kill_all()
    folder = os.path.join(context.gateway.state, "journal")
    for suffix in (".journal", ".side"):
        path = _newest(folder, suffix)
        if not path:
            continue
        end = _last_octet(path)
        with open(path, "rb") as file:
            file.seek(max(0, end - 300))
            like_a_frame = file.read()[: context.random.randint(1, 200)]
        octets = context.random.choice([context.random.randbytes(context.random.randint(1, 3000)),
                                        like_a_frame])
        size = os.path.getsize(path)
        if end + 64 < size:
            _write_at(path, end + context.random.choice([0, 1, 8]), octets[: size - end - 16])
            context.note(f"{os.path.basename(path)}: {len(octets)} octets at {end}")
    yield 0


@fault("cut-journal")
def cut_journal(context):
    """Records that the database has are cut off the journal: that is damage, and must be noticed."""
    gateway = context.gateway
    if gateway.stop() is None:
        gateway.kill_all()
    folder = os.path.join(gateway.state, "journal")
    kept = os.path.join(gateway.home, "journal.kept")
    subprocess.run(["cp", "-a", folder, kept], check=True)
    path = max((os.path.join(folder, name) for name in os.listdir(folder)
                if name.endswith(".journal") and _last_octet(os.path.join(folder, name)) > 1000),
               key=os.path.getmtime)
    os.truncate(path, _last_octet(path) - context.random.randint(1, 600))
    gateway.start()
    gateway.wait_ready(15)
    if gateway.is_ready():
        holds, text = gateway.verify()
        context.verdict.check(not holds, "3 cut journal not noticed", f"{gateway.name}: {text}")
        context.note("noticed by verify")
    else:
        context.note("does not start")
    gateway.kill_all()
    for name in os.listdir(folder):
        if os.path.isfile(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    subprocess.run(["cp", "-a", kept + "/.", folder], check=True)
    shutil.rmtree(kept)
    yield 0


@fault("torn-keystore")
def torn_keystore(context):
    """A key file that was being written: unfinished ones, and an empty one of a fax never recorded."""
    context.gateway.kill_all()
    keeper = os.path.join(context.gateway.state, "keeper")
    folders = [root for root, _, _ in os.walk(keeper)]
    for folder in folders:
        owner = os.stat(folder)
        for name in ("0190b2c4-0000-7000-8000-000000000001.key.new", "x.new"):
            path = os.path.join(folder, name)
            with open(path, "wb") as file:
                file.write(context.random.randbytes(context.random.randint(0, 60)))
            os.chown(path, owner.st_uid, owner.st_gid)
    context.note(f"{len(folders)} folders")
    yield 0


@fault("torn-vault")
def torn_vault(context):
    """Garbage behind the last frame of the newest fax, and files in incoming/ that nobody recorded."""
    context.gateway.kill_all()
    vault = os.path.join(context.gateway.state, "vault")
    owner = os.stat(vault)
    newest = [path for folder in os.listdir(vault) if len(folder) == 2
              for path in [_newest(os.path.join(vault, folder), ".sfv")] if path]
    for path in sorted(newest, key=os.path.getmtime)[-1:]:
        with open(path, "ab") as file:
            file.write(context.random.randbytes(context.random.randint(1, 500)))
        context.note(f"tail of {os.path.basename(path)}")
    orphan = os.path.join(vault, "incoming", "0190b2c4-0000-7000-8000-000000000001.sfv")
    with open(orphan, "wb") as file:
        file.write(context.random.randbytes(context.random.randint(0, 300)))
    os.chown(orphan, owner.st_uid, owner.st_gid)
    yield 0
