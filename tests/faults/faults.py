"""The faults. Each is a generator: what stands before its `yield seconds` breaks something, what
stands after it mends what an operator would mend; in between the gateways are left alone so long."""
import errno
import os
import resource
import shutil
import signal
import subprocess
import threading
import time

import shim
from gateway import send_signal, wait_until
from link import Weather

KINDS = {}


def fault(*names):
    def register(function):
        for name in names:
            KINDS[name] = function
        return function
    return register


class Context:
    """What a fault works on. note() goes into the run's report."""

    def __init__(self, pair, side, kind, source, verdict):
        self.pair, self.side, self.kind, self.random = pair, side, kind, source
        self.verdict = verdict
        self.gateway = pair.gateways[side]
        self.notes = []

    def note(self, text):
        self.notes.append(text)

    def one(self, role):
        """A process of a role, or None."""
        pids = self.gateway.roles().get(role)
        return self.random.choice(sorted(pids)) if pids else None


# --- signals ---

ROLES = ("line", "keeper", "control", "supervisor", "postmaster", "backend")


def _render_pid(context):
    """Gives the gateway a document in passing and waits for the process that renders it."""
    submission = threading.Thread(target=lambda: context.pair.submit(
        context.side, 1, f"render-{time.monotonic_ns()}"), daemon=True)
    known = set(context.gateway.children())
    submission.start()
    pid = wait_until(8, lambda: next((child for child in context.gateway.children()
                                      if child not in known), None), 0.001)
    return pid, submission


def _pick(context, role):
    return _render_pid(context) if role == "render" else (context.one(role), None)


@fault(*[f"{signal_name}-{role}" for signal_name in ("kill", "segv") for role in (*ROLES, "render")])
def send_once(context):
    name, _, role = context.kind.partition("-")
    pid, submission = _pick(context, role)
    if pid:
        send_signal(pid, signal.SIGKILL if name == "kill" else signal.SIGSEGV)
        context.note(f"{name} {role} {pid}")
    else:
        context.note(f"no {role} was there")
    if submission:
        submission.join()
    yield 0


@fault("kill-all")
def kill_all(context):
    context.gateway.kill_all()
    yield context.random.choice([0, 0, 3])


@fault("kill-repeatedly")
def kill_repeatedly(context):
    role = context.random.choice(["line", "control", "keeper", "backend", "postmaster"])
    end = time.monotonic() + context.random.uniform(3, 12)
    count = 0
    while time.monotonic() < end:
        pid = context.one(role)
        if pid:
            count += send_signal(pid, signal.SIGKILL)
        time.sleep(context.random.uniform(0.05, 1.5))
    context.note(f"{role} {count} times")
    yield 0


@fault(*[f"stop-{role}" for role in (*ROLES, "render")])
def stop_and_go(context):
    role = context.kind.partition("-")[2]
    pid, submission = _pick(context, role)
    seconds = context.random.choice([1, 4, 12, 35])
    ends = context.random.random() < 0.3
    if pid:
        send_signal(pid, signal.SIGSTOP)
        context.note(f"{role} {pid} for {seconds} s{', then killed' if ends else ''}")
    yield seconds if pid else 0
    if pid:
        if ends:
            send_signal(pid, signal.SIGKILL)
        send_signal(pid, signal.SIGCONT)
    if submission:
        submission.join()


# --- disks ---

@fault("disk-full-vault", "disk-full-journal", "disk-full-database", "disk-full-keeper")
def disk_full(context):
    path = os.path.join(context.gateway.state, context.kind.rpartition("-")[2])
    if path not in context.gateway.mounts:
        context.note("no small file system could be mounted")
        yield 0
        return
    filler = os.path.join(path, "filler")
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            try:
                while True:
                    file.write(bytes(512))
            except OSError:
                pass
    try:
        seconds = context.random.choice([5, 15, 30])
        context.note(f"{seconds} s")
        yield seconds
    finally:
        os.unlink(filler)


# --- the database ---

@fault("database-away")
def database_away(context):
    """The server is gone and cannot be started."""
    link = os.path.join(context.gateway.programs_dir, "postgres")
    real = os.readlink(link)
    os.unlink(link)
    try:
        pid = context.one("postmaster")
        if pid:
            send_signal(pid, context.random.choice([signal.SIGINT, signal.SIGQUIT, signal.SIGKILL]))
        seconds = context.random.choice([10, 30, 60])
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
    seconds = context.random.choice([5, 20])
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


# --- the network ---

WEATHER = {
    "network-loss-5": Weather(loss=0.05),
    "network-loss-20": Weather(loss=0.2),
    "network-repeats": Weather(repeat=0.3),
    "network-reorders": Weather(reorder=0.1),
    "network-delays": Weather(delay_ms=200, jitter_ms=150),
    "network-cut": Weather(cut=True),
    "network-all": Weather(loss=0.05, repeat=0.1, reorder=0.05, delay_ms=50, jitter_ms=40),
}


@fault(*WEATHER)
def network(context):
    context.pair.link.weather = WEATHER[context.kind]
    seconds = context.random.choice([2, 6, 15, 45])
    context.note(f"{seconds} s")
    yield seconds
    context.pair.link.weather = Weather()


# --- time and limits ---

@fault("clock-step")
def clock_step(context):
    offset_s = context.random.choice([-86400, -3600, -5, 5, 3600, 86400])
    context.gateway.page.clock(offset_s * 1000)
    seconds = context.random.choice([3, 15])
    context.note(f"{offset_s} s for {seconds} s")
    yield seconds
    context.gateway.page.clock(0)


@fault("descriptor-limit", "memory-limit")
def limit(context):
    role = context.random.choice(["control", "line", "keeper"])
    pid = context.one(role)
    seconds = context.random.choice([5, 20])
    if not pid:
        yield 0
        return
    files = context.kind == "descriptor-limit"
    with open(f"/proc/{pid}/statm") as file:
        memory = int(file.read().split()[0]) * resource.getpagesize()
    extra = context.random.randint(0, 4)
    now = (max(int(n) for n in os.listdir(f"/proc/{pid}/fd")) + 1 + extra) if files else \
        memory + extra * 200_000
    before = _limit(pid, files, None)
    if before is None or _limit(pid, files, now) is None:
        context.note(f"the limit of {role} could not be set")
        yield 0
        return
    context.note(f"{role} {pid}: {now} for {seconds} s")
    yield seconds
    if _limit(pid, files, before) is None:
        context.note("it ended")


def _limit(pid, files, value):
    """Sets the soft limit, as the account of the process, which needs no capability. The old one."""
    option = "--nofile" if files else "--as"
    try:
        with open(f"/proc/{pid}/limits") as file:
            line = next(l for l in file if l.startswith("Max open files" if files else "Max address"))
        soft = line.split()[-3 if files or "bytes" in line else -2]
        owner = os.stat(f"/proc/{pid}")
    except (OSError, StopIteration):
        return None
    if value is not None:
        done = subprocess.run(["setpriv", "--reuid", str(owner.st_uid), "--regid", str(owner.st_gid),
                               "--clear-groups", "prlimit", "--pid", str(pid), f"{option}={value}:"],
                              capture_output=True)
        if done.returncode:
            return None
    return soft


# --- torn writes ---

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
