"""Executes the instructions of a Dockerfile in root directories made by debootstrap, as an engine would.

usage: image.py DOCKERFILE CONTEXT OUT [--check]

The last stage is left in OUT/root, what it says about running in OUT/image.json. `FROM debian:12-slim` is a minimal
debootstrap of Debian 12; a RUN is executed by the shell that SHELL names, in the root with its own mounts, and with the
network and the package sources of this machine. --check only reads the file and prints the shell code of each RUN. What hadolint's rules forbid is refused.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

BASES = {"debian:12-slim": "bookworm"}
KNOWN = {"FROM", "ARG", "SHELL", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "ENV", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
         "ENTRYPOINT", "CMD"}


def instructions(path):
    """(line, word, arguments), continued lines joined"""
    number, held, begun = 0, "", 0
    for text in open(path, encoding="utf-8"):
        number += 1
        if text.lstrip().startswith("#") or (not held and not text.strip()):
            continue
        begun = begun or number
        held += text.rstrip("\n")
        if held.endswith("\\"):
            held = held[:-1]
            continue
        word, _, rest = held.strip().partition(" ")
        if word not in KNOWN:
            raise SystemExit(f"{path}:{begun}: '{word}' is not known here")
        yield begun, word, rest.strip()
        held, begun = "", 0


def faults(path):
    """what hadolint's rules for these instructions would say; their numbers stand before each"""
    shell, user, list_form = "", "", ("CMD", "ENTRYPOINT")
    for line, word, rest in instructions(path):
        installs = word == "RUN" and "apt-get install" in rest
        checks = (
            ("DL3006", word == "FROM" and ":" not in rest.split()[0]),
            ("DL3007", word == "FROM" and ":latest" in rest),
            ("DL3000", word == "WORKDIR" and not rest.startswith("/")),
            ("DL3003", word == "RUN" and re.search(r"(^|[;&|]\s*)cd\s", rest)),
            ("DL3004", word == "RUN" and re.search(r"\bsudo\b", rest)),
            ("DL3027", word == "RUN" and re.search(r"\bapt (install|update|upgrade)", rest)),
            ("DL3005", word == "RUN" and re.search(r"apt-get (dist-)?upgrade", rest)),
            ("DL3009", installs and "rm -rf /var/lib/apt/lists/*" not in rest),
            ("DL3014", installs and not re.search(r"install (.* )?-y", rest)),
            ("DL3015", installs and "--no-install-recommends" not in rest),
            ("DL3025", (word in list_form or (word == "HEALTHCHECK" and "CMD" in rest)) and "[" not in rest),
            ("DL4006", word == "RUN" and re.search(r"[^|]\|[^|]", rest) and "pipefail" not in shell),
        )
        yield from (f"{path}:{line}: {name}" for name, broken in checks if broken)
        if word == "FROM":
            shell, user = "", ""
        shell, user = (rest if word == "SHELL" else shell), (rest if word == "USER" else user)
    if user in ("", "root", "0", "0:0"):
        yield f"{path}: DL3002: the image runs as root"


def ignored(context):
    path = os.path.join(context, ".dockerignore")
    return [line.strip() for line in open(path, encoding="utf-8")] if os.path.exists(path) else []


class Stage:
    def __init__(self, root):
        self.root, self.directory, self.shell = root, "/", ["/bin/sh", "-c"]
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.image = {"User": "0:0", "Volumes": [], "ExposedPorts": [], "Entrypoint": [], "Cmd": []}

    def path(self, inside):
        return os.path.join(self.root, os.path.join(self.directory, inside).lstrip("/"))

    def run(self, code):
        # Package sources are those of this machine while a step runs, and no part of the image.
        script = r"""
            set -e
            mount --bind "$ROOT" "$ROOT"
            mount -t proc proc "$ROOT/proc"
            mount --rbind /dev "$ROOT/dev"
            mount -t tmpfs tmpfs "$ROOT/run"
            touch "$ROOT/etc/resolv.conf"
            [ ! -e /etc/resolv.conf ] || mount --bind "$(realpath /etc/resolv.conf)" "$ROOT/etc/resolv.conf"
            mount --bind /etc/apt "$ROOT/etc/apt"
            [ ! -d /usr/share/keyrings ] || mount --bind /usr/share/keyrings "$ROOT/usr/share/keyrings"
            [ ! -d /etc/ssl/certs ] || { mkdir -p "$ROOT/etc/ssl/certs" && mount --bind /etc/ssl/certs "$ROOT/etc/ssl/certs"; }
            exec chroot "$ROOT" /usr/bin/env -C "$DIRECTORY" "$@"
        """
        environment = {**os.environ, "ROOT": self.root, "DIRECTORY": self.directory}
        command = ["env", "-i", *(f"{k}={v}" for k, v in self.environment.items()), *proxies(), *self.shell, code]
        subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", *command],
                       env=environment, check=True)


def proxies():
    """Like the build arguments that engines hand on by themselves."""
    names = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return [f"{name}={os.environ[name]}" for name in names if name in os.environ]


def bootstrap(base, root, cache):
    tar = os.path.join(cache, base.replace(":", "-") + ".tar")
    if not os.path.exists(tar):
        made = tar + ".root"
        shutil.rmtree(made, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", BASES[base], made, *mirror()], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["tar", "-C", made, "--one-file-system", "--exclude=./var/cache/apt/archives/*.deb",
                        "--exclude=./var/lib/apt/lists/*", "-cf", tar + ".new", "."], check=True)
        os.rename(tar + ".new", tar)
        shutil.rmtree(made)
    os.makedirs(root)
    subprocess.run(["tar", "-C", root, "-xf", tar], check=True)


def mirror():
    """Where this machine gets Debian 12 from."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(CREATED_BY)"],
                             capture_output=True, text=True, check=True).stdout
    for line in listing.splitlines():
        uri, name, kind = line.split()
        if kind == "Packages" and name == "bookworm":
            return [uri]
    return []


def copy(stage, stages, context, rest):
    words, source = shlex.split(rest), context
    while words[0].startswith("--"):
        option, _, value = words.pop(0).partition("=")
        if option != "--from":
            raise SystemExit(f"COPY {option} is not known here")
        source = stages[value].root
    *what, target = words
    skip = ignored(context) if source == context else []
    for item in what:
        origin, into = os.path.join(source, item.lstrip("/")), stage.path(target)
        if os.path.isdir(origin):
            shutil.copytree(origin, into, symlinks=True, dirs_exist_ok=True,
                            ignore=lambda folder, names, top=origin: skip if folder == top else [])
        else:
            if target.endswith("/"):
                into = os.path.join(into, os.path.basename(item))
            os.makedirs(os.path.dirname(into), exist_ok=True)
            shutil.copy2(origin, into)


def shell_or_list(stage, rest):
    return json.loads(rest) if rest.startswith("[") else [*stage.shell, rest]


def execute(stage, stages, context, word, rest):
    if word == "SHELL":
        stage.shell = json.loads(rest)
    elif word == "WORKDIR":
        stage.directory = os.path.join(stage.directory, rest)
        os.makedirs(stage.path(""), exist_ok=True)
    elif word == "COPY":
        copy(stage, stages, context, rest)
    elif word == "RUN":
        stage.run(rest)
    elif word == "ARG":  # with its default: nothing is handed in
        name, _, value = rest.partition("=")
        stage.environment.setdefault(name, value)
    elif word == "ENV":
        stage.environment.update(pair.split("=", 1) for pair in shlex.split(rest))
    elif word in ("USER", "STOPSIGNAL"):
        stage.image[word.capitalize()] = rest
    elif word == "VOLUME":
        stage.image["Volumes"].append(rest)
    elif word == "EXPOSE":
        stage.image["ExposedPorts"] += rest.split()
    elif word == "HEALTHCHECK":
        stage.image["Healthcheck"] = shell_or_list(stage, re.sub(r"^(--\S+ +)*CMD +", "", rest))
    elif word in ("ENTRYPOINT", "CMD"):
        stage.image[word.capitalize()] = shell_or_list(stage, rest)


def main():
    dockerfile, context, out = sys.argv[1:4]
    check = "--check" in sys.argv[4:]
    stages, stage, found = {}, None, list(faults(dockerfile))
    if found:
        raise SystemExit("\n".join(found))
    for line, word, rest in instructions(dockerfile):
        if check:
            if word == "RUN":
                print(f": {shlex.quote(os.path.basename(dockerfile))} line {line}\n{rest}")
            continue
        print(f"== {os.path.basename(dockerfile)}:{line}: {word} {rest[:70]}", flush=True)
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stage = Stage(os.path.join(out, f"stage{len(stages)}"))
            stages[name or str(len(stages))] = stage
            shutil.rmtree(stage.root, ignore_errors=True)
            bootstrap(base, stage.root, out)
        else:
            execute(stage, stages, context, word, rest)
    if not check:
        stage.image["Env"] = [f"{k}={v}" for k, v in stage.environment.items()]
        stage.image["WorkingDir"] = stage.directory
        with open(os.path.join(out, "image.json"), "w", encoding="utf-8") as file:
            json.dump(stage.image, file, indent=1)
        link = os.path.join(out, "root")
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(os.path.basename(stage.root), link)


if __name__ == "__main__":
    main()
