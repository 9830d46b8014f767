"""Processes that die, stop, meet their limits, or have another time."""
import os
import resource
import signal
import subprocess
import threading
import time

from gateway import send_signal, wait_until
from kinds import fault

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


# --- time and limits ---

@fault("clock-step", "clock-stays")
def clock_step(context):
    """Another time, for a while or from now on."""
    offset_s = context.random.choice([-3_000_000, -86400, -3600, -5, 5, 3600, 86400, 3_000_000])
    if context.kind == "clock-stays":
        context.gateway.page.clock(offset_s * 1000)
        context.note(f"{offset_s} s")
        context.afterwards.append(lambda _: context.gateway.page.clock(0))
        yield 0
        return
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
