"""Disks that are full, a database that is away, fsync that is slow or fails, a keeper without its key."""
import errno
import os
import shutil
import signal
import time

import shim
from gateway import DISKS, send_signal, wait_until
from kinds import fault

# --- disks ---

def _fill(folder):
    """A file that takes what is left; its path."""
    filler = os.path.join(folder, "filler")
    with open(filler, "wb", buffering=0) as file:
        for size in (1 << 16, 512):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return filler


@fault("disk-full-vault", "disk-full-journal", "disk-full-database", "disk-full-keeper",
       "disk-full-all")
def disk_full(context):
    folder = context.kind.rpartition("-")[2]
    paths = [os.path.join(context.gateway.state, name)
             for name in (DISKS if folder == "all" else [folder])]
    fillers = [_fill(path) for path in paths if path in context.gateway.mounts]
    if not fillers:
        context.note("no small file system could be mounted")
    try:
        seconds = context.random.choice([5, 15, 30])
        context.note(f"{seconds} s")
        yield seconds if fillers else 0
    finally:
        for filler in fillers:
            os.unlink(filler)


# --- the database ---

@fault("database-away", "database-away-minutes")
def database_away(context):
    """The server is gone and cannot be started."""
    link = os.path.join(context.gateway.programs_dir, "postgres")
    real = os.readlink(link)
    os.unlink(link)
    try:
        pid = context.one("postmaster")
        if pid:
            send_signal(pid, context.random.choice([signal.SIGINT, signal.SIGQUIT, signal.SIGKILL]))
        seconds = context.random.choice([10, 30, 60] if context.kind == "database-away" else [120, 180])
        context.note(f"{seconds} s")
        yield seconds
    finally:
        os.symlink(real, link)


@fault("database-mute")
def database_mute(context):
    """The server takes connections and answers nothing."""
    roles = context.gateway.roles()
    pids = [pid for role in ("postmaster", "backend", "postgres") for pid in roles.get(role, [])]
    for pid in pids:
        send_signal(pid, signal.SIGSTOP)
    seconds = context.random.choice([10, 30, 60])
    context.note(f"{seconds} s")
    yield seconds
    for pid in pids:
        send_signal(pid, signal.SIGCONT)


# --- fsync ---

@fault("fsync-slow-2", "fsync-slow-10", "fsync-fails", "fsync-fails-once")
def fsync(context):
    roles = context.random.choice([shim.CONTROL | shim.LINE | shim.KEEPER, shim.CONTROL, shim.LINE])
    what = {"fsync-slow-2": (2000, 0, 0), "fsync-slow-10": (10000, 0, 0),
            "fsync-fails": (0, context.random.choice([errno.EIO, errno.ENOSPC]), 0),
            "fsync-fails-once": (0, errno.EIO, 1)}[context.kind]
    seconds = context.random.choice([5, 20, 40])
    context.gateway.page.sync(*what[:2], roles, what[2])
    context.note(f"roles {roles}, {seconds} s")
    yield seconds
    context.gateway.page.clear()


# --- the keeper ---

@fault("keeper-away")
def keeper_away(context):
    """Each keeper is killed as soon as it is seen."""
    seconds = context.random.choice([5, 20, 60])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid = context.one("keeper")
        if pid:
            send_signal(pid, signal.SIGKILL)
        time.sleep(0.05)
    context.note(f"{seconds} s")
    yield 0


@fault("master-key-missing")
def master_key_missing(context):
    gateway = context.gateway
    gateway.kill_all()
    key = os.path.join(gateway.state, "keeper", "master.key")
    kept = os.path.join(gateway.home, "master.key.kept")
    shutil.copy2(key, kept)
    about = os.stat(key)
    os.unlink(key)
    gateway.start()
    ended = wait_until(40, lambda: not gateway.is_running(), 0.2)
    context.verdict.check(ended and gateway.process.returncode != 0, "5 starts without its master key",
                          f"{gateway.name}: exit status {gateway.process.returncode}")
    context.verdict.check(not os.path.exists(key), "4 another master key was made", gateway.name)
    gateway.kill_all()
    shutil.copy2(kept, key)
    os.chown(key, about.st_uid, about.st_gid)
    os.unlink(kept)
    yield 0
