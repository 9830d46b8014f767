#!/usr/bin/env python3
"""Which lines have run: a table of folders and files, and whether each folder reaches the floor.

usage: report.py [--floor PERCENT] [--only FOLDER]... BUILD_DIR
Reads the counters in BUILD_DIR/counters; exits with 1 when a folder is below the floor."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

FOLDERS = ("codecs", "t38", "policy", "gateway")


def merge(build, profile):
    """Joins the counters of all processes. Those of one that ended while it started are empty."""
    found = [str(path) for path in sorted((build / "counters").glob("*.profraw")) if path.stat().st_size > 0]
    if not found:
        sys.exit(f"{build}/counters holds no counters")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(found))
        listed.flush()
        subprocess.run(["llvm-profdata-14", "merge", "-sparse", "-failure-mode=all", f"-input-files={listed.name}",
                        "-o", profile], check=True)
    return len(found)


def read(build, profile, only):
    """Lines in all and lines run, by file. The program holds all of our code, core_lines that of
    codecs, t38 and policy, and their counters are those of the same objects in the test programs."""
    holder = build / "tests" / "libcore_lines.so" if only else build / "gateway" / "sealfax"
    text = subprocess.run(["llvm-cov-14", "export", "-summary-only", f"-instr-profile={profile}", str(holder)],
                          check=True, capture_output=True).stdout
    lines = {}
    root = pathlib.Path(__file__).resolve().parents[2]
    for entry in json.loads(text)["data"][0]["files"]:
        path = pathlib.Path(entry["filename"])
        path = (build / path).resolve() if not path.is_absolute() else path.resolve()
        if root in path.parents:
            name = path.relative_to(root)
            if name.parts[0] in FOLDERS:
                count = entry["summary"]["lines"]
                lines[str(name)] = (count["count"], count["covered"])
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--floor", type=float, default=80.0)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("build", type=pathlib.Path)
    given = parser.parse_args()
    build = given.build.resolve()
    with tempfile.NamedTemporaryFile(suffix=".profdata") as profile:
        count = merge(build, profile.name)
        lines = read(build, profile.name, given.only)
    folders = {}
    for name, numbers in lines.items():
        folder = str(pathlib.PurePath(name).parent)
        if not given.only or folder in given.only:
            folders.setdefault(folder, {})[name] = numbers
    low = []
    print(f"counters of {count} processes\n  lines    run  share")
    for folder, files in sorted(folders.items()):
        total, run = (sum(numbers[i] for numbers in files.values()) for i in (0, 1))
        share = 100.0 * run / total
        print(f"{total:7} {run:6} {share:5.1f}%  {folder}/")
        for name, (total, run) in sorted(files.items()):
            print(f"{total:7} {run:6} {100.0 * run / max(total, 1):5.1f}%      {pathlib.PurePath(name).name}")
        if share < given.floor:
            low.append(f"{folder}: {share:.1f} %")
    for line in low:
        print(f"below the floor of {given.floor:g} %: {line}")
    if not folders:
        sys.exit("nothing of ours was counted")
    sys.exit(1 if low else 0)


if __name__ == "__main__":
    main()
