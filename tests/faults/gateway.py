"""A whole gateway under test: made, provisioned, started, asked, looked into and ended.

Everything of it lies in one directory. Its processes are known by their program, a copy of its own,
and its PostgreSQL by its data directory, so that nothing is overlooked and nothing else is touched.
"""
import ctypes
import http.client
import json
import os
import platform
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
from urllib.parse import urlencode

import shim

CLERK = "sealfax-clerk"  # sends, reads and audits; root administers
DISKS = {"vault": 24, "journal": 8, "database": 160, "keeper": 4}  # MiB of each small file system
FINAL = {"delivered", "received", "partial", "failed", "uncertain", "cancelled"}
_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans():
    """What loses its parent becomes ours and is reaped: not every machine's init is quick at that,
    and a dead process that is still listed looks alive to PostgreSQL's lock file."""
    pr_set_child_subreaper = 36
    _libc.prctl(pr_set_child_subreaper, 1, 0, 0, 0)

    def reap():
        while True:
            time.sleep(0.05)
            with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
                for pid in map(int, file.read().split()):
                    try:
                        with open(f"/proc/{pid}/comm") as name:
                            ours = name.read().startswith(("sealfax-", "postgres", "pdftoppm"))
                        if ours and _state_of(pid) == "Z":
                            os.waitpid(pid, os.WNOHANG)
                    except OSError:
                        pass
    threading.Thread(target=reap, daemon=True).start()


class Unavailable(Exception):
    """The gateway did not answer."""


class Refused(Exception):
    """The gateway answered with a problem: status and text."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, uid, timeout):
        super().__init__("gateway", timeout=timeout)
        self._path, self._uid = path, uid

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        _set_thread_uid(self._uid)  # the peer's credentials are those at connect
        try:
            self.sock.connect(self._path)
        finally:
            _set_thread_uid(0)


def _set_thread_uid(uid):
    """The effective uid of this thread alone, which os.seteuid() would change for all."""
    number = {"x86_64": 117, "aarch64": 147}[platform.machine()]
    if _libc.syscall(number, -1, uid, -1) != 0:
        raise OSError(ctypes.get_errno(), "setresuid")


def wait_until(seconds, condition, pause=0.1):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)


class Gateway:
    def __init__(self, top, name, program, prefix, settings, small_disks=True, command=()):
        """command: what is put before the program to start it in its place"""
        self.name, self.prefix, self.command_before = name, prefix, list(command)
        self.home = os.path.join(top, name)
        self.state = os.path.join(self.home, "state")
        os.mkdir(self.home)
        os.chmod(self.home, 0o711)
        self.program = os.path.join(self.home, "sealfax")
        shutil.copy(program, self.program)
        os.chmod(self.program, 0o755)
        self.page = shim.FaultPage(self.home)
        self.programs_dir = os.path.join(self.home, "postgresql")
        self._link_postgresql()
        self.config = os.path.join(self.home, "config.yaml")
        self.log = os.path.join(self.home, "log")
        self.settings = dict(settings, node=name, state_dir=self.state)
        self.settings["database.programs_dir"] = self.programs_dir
        self.small_disks = small_disks
        self.mounts = []
        self.process = None
        self._clerk = pwd.getpwnam(CLERK).pw_uid

    # --- making ---

    def _link_postgresql(self):
        """Links, so that the server can be taken away and given back."""
        source = sorted(d for d in os.listdir("/usr/lib/postgresql"))[-1]
        source = f"/usr/lib/postgresql/{source}/bin"
        os.mkdir(self.programs_dir)
        os.chmod(self.programs_dir, 0o755)
        for name in os.listdir(source):
            os.symlink(os.path.join(source, name), os.path.join(self.programs_dir, name))

    def _write_config(self):
        sections = {}
        for key, value in self.settings.items():
            section, _, last = key.rpartition(".")
            sections.setdefault(section, []).append((last, value))
        with open(self.config, "w") as file:
            for section in sorted(sections):
                if section:
                    file.write(f"{section}:\n")
                for key, value in sections[section]:
                    text = json.dumps(value) if isinstance(value, str) else str(value).lower()
                    file.write(f"{'  ' if section else ''}{key}: {text}\n")

    def make(self):
        self._write_config()
        done = subprocess.run(
            [self.program, "init", "--config", self.config, "--create-accounts", "--admin", "admin",
             "--admin-uid", "0"], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"init of {self.name}: {done.stdout}{done.stderr}")
        if self.small_disks:
            for folder, mib in DISKS.items():
                self._mount_small(os.path.join(self.state, folder), mib)

    def _mount_small(self, path, mib):
        about = os.stat(path)
        kept = path + ".kept"
        os.rename(path, kept)
        os.mkdir(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode={about.st_mode & 0o7777:o},"
                        f"uid={about.st_uid},gid={about.st_gid}", "sealfax-faults", path], check=True)
        self.mounts.append(path)
        subprocess.run(["cp", "-a", kept + "/.", path], check=True)
        shutil.rmtree(kept)

    def provision(self, peer_name, peer_host, peer_port, peer_prefix):
        self.admin("POST", "/v1/mailboxes", {"name": "office", "retention_days": 90})
        for i in range(10):
            self.admin("POST", "/v1/numbers", {"number": f"{self.prefix}0{i}", "mailbox": "office"})
        for words in (
            ["user", "add", "clerk", "--uid", str(self._clerk), "--full-name", "Test Clerk"],
            ["grant", "add", "clerk", "sender", "--from", self.prefix + "*", "--to", "+4930*",
             "--mailbox", "office"],
            ["grant", "add", "clerk", "receiver", "--mailbox", "office"],
            ["grant", "add", "clerk", "auditor"],
            ["trunk", "add", peer_name, "--host", peer_host, "--port", str(peer_port),
             "--prefix", peer_prefix],
            ["grant", "add", f"trunk:{peer_name}", "trunk", "--to", self.prefix + "*",
             "--mailbox", "office"],
        ):
            self.command(words)

    def command(self, words):
        environment = dict(os.environ, SEALFAX_SOCKET=self.socket)
        done = subprocess.run([self.program, *words], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.name}: sealfax {' '.join(words)}: {done.stderr}")
        return done.stdout

    # --- running ---

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.command_before, self.program, "serve", "--config", self.config],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def is_ready(self):
        try:
            return bool(self.status()["ready"])
        except (Unavailable, Refused):
            return False

    def wait_ready(self, seconds=60):
        """Seconds that it took, or None."""
        begun = time.monotonic()
        ready = wait_until(seconds, lambda: self.is_ready() or self.process.poll() is not None)
        return time.monotonic() - begun if ready and self.process.poll() is None else None

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=60):
        """SIGTERM twice: ends without waiting for calls. The exit status, or None."""
        if not self.is_running():
            return self.process.returncode if self.process else 0
        self.process.terminate()
        time.sleep(0.2)
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill_all(self):
        """SIGKILL to everything of it, until nothing is left."""
        for _ in range(100):
            left = self.pids()
            if not left:
                break
            for pid in left:
                send_signal(pid, signal.SIGKILL)
            if self.process:
                self.process.poll()
            time.sleep(0.05)
        if self.process:
            self.process.wait()

    def destroy(self):
        self.kill_all()
        for path in self.mounts:
            subprocess.run(["umount", "-l", path], check=False)

    # --- processes ---

    def pids(self):
        """Everything of this gateway: its program's processes and its PostgreSQL's."""
        return [pid for pids in self.roles().values() for pid in pids]

    def roles(self):
        """supervisor, control, keeper, line, render, postmaster, backend, ...: lists of pids"""
        found = {}
        database = os.path.join(self.state, "database")
        postmaster = self._postmaster()
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            pid = int(entry)
            try:
                program = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
                state = _state_of(pid)
                if state in "ZX":
                    continue
                if program == self.program:
                    role = words[2] if words[1] == "role" else "supervisor"
                    if words[1] not in ("role", "serve"):
                        continue
                elif program.startswith("/usr/lib/postgresql/"):
                    if os.readlink(f"/proc/{pid}/cwd") != database:
                        continue
                    role = "postmaster" if pid == postmaster else \
                        "backend" if "sealfax_app" in words[0] else "postgres"
                elif os.path.basename(program) in ("pdftoppm", "pdfinfo"):
                    continue
                else:
                    continue
            except (OSError, IndexError):
                continue
            found.setdefault(role, []).append(pid)
        return found

    def children(self):
        """Of the supervisor; quick to ask."""
        try:
            pid = self.process.pid
            with open(f"/proc/{pid}/task/{pid}/children") as file:
                return [int(word) for word in file.read().split()]
        except OSError:
            return []

    def _postmaster(self):
        try:
            with open(os.path.join(self.state, "database", "postmaster.pid")) as file:
                return int(file.readline())
        except (OSError, ValueError):
            return 0

    def descriptors(self):
        """Open descriptors of each process that should keep theirs: (role, pid) -> number"""
        numbers = {}
        for role, pids in self.roles().items():
            if role in ("supervisor", "control", "keeper", "line"):
                for pid in pids:
                    try:
                        numbers[role, pid] = len(os.listdir(f"/proc/{pid}/fd"))
                    except OSError:
                        pass
        return numbers

    # --- asking ---

    @property
    def socket(self):
        return os.path.join(self.state, "run", "api.sock")

    def connect(self):
        """A connection on which nothing is asked yet."""
        connection = _UnixConnection(self.socket, self._clerk, 20)
        connection.connect()
        return connection

    def request(self, method, path, uid=None, body=None, headers=None, timeout=20):
        connection = _UnixConnection(self.socket, self._clerk if uid is None else uid, timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(str(error)) from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(answer.status, content.decode(errors="replace")[:300])
        return content

    def admin(self, method, path, body):
        return self.request(method, path, uid=0, body=json.dumps(body),
                            headers={"Content-Type": "application/json"})

    def status(self):
        return json.loads(self.request("GET", "/v1/status", uid=0, timeout=5))

    def send(self, sender, to, document, key=None, kind="image/tiff", timeout=30):
        """The id of the fax. Raises Refused or Unavailable."""
        headers = {"Content-Type": kind}
        if key:
            headers["Idempotency-Key"] = key
        query = urlencode({"from": sender, "to": to})
        return json.loads(self.request("POST", f"/v1/faxes?{query}", body=document, headers=headers,
                                       timeout=timeout))["id"]

    def export(self, fax):
        return self.request("GET", f"/v1/faxes/{fax}/document?format=tiff", timeout=60)

    def watch(self, fax, seen, stop):
        """Calls seen(kind, line) for each step in a thread of its own, until stop() or the end."""
        def follow():
            connection = _UnixConnection(self.socket, self._clerk, 120)
            try:
                connection.request("GET", f"/v1/faxes/{fax}/watch")
                answer = connection.getresponse()
                while not stop():
                    line = answer.readline()
                    if not line:
                        return
                    step = json.loads(line)
                    seen(step.get("kind", ""), step)
            except (OSError, ValueError, http.client.HTTPException):
                return  # the gateway went away, as it may
            finally:
                connection.close()
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        return thread

    def sql(self, text):
        """Rows as lists of texts, as the owner of the schema."""
        with open(os.path.join(self.state, "database", "postmaster.pid")) as file:
            directory = file.read().split("\n")[4]
        with open(os.path.join(self.state, "secrets", "owner")) as file:
            password = file.read().strip()
        done = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", directory,
             "-U", "sealfax_owner", "-d", "sealfax", "-c", "SET search_path = sealfax", "-c", text],
            env=dict(os.environ, PGPASSWORD=password), capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def verify(self):
        """What 'audit verify' says and whether it is content."""
        done = subprocess.run(
            ["setpriv", "--reuid", CLERK, "--regid", CLERK, "--clear-groups", self.program, "audit",
             "verify"], env=dict(os.environ, SEALFAX_SOCKET=self.socket), capture_output=True, text=True)
        text = (done.stdout + done.stderr).strip()
        return done.returncode == 0 and done.stdout.startswith("ok:"), text


def _state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def send_signal(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False
