#!/usr/bin/env python3
"""Every header of src/ compiles alone, with the flags of that build.

A header that its own .cc includes before anything else has been compiled alone with that file, so only
the others are compiled here.

Usage: tools/check_headers.py BUILD_DIR
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def flags_by_folder(build):
    """Compile flags of one source per folder: a header is compiled as its own folder would."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(entry["file"])
        folder = source.parent
        if folder in flags or source.suffix != ".cc":
            continue
        words = shlex.split(entry["command"])
        if "ccache" in words[0]:
            words = words[1:]
        kept, skip = [words[0]], False
        for word in words[1:]:
            if skip:
                skip = False
            elif word in ("-o", "-c"):
                skip = word == "-o"
            elif word != entry["file"]:
                kept.append(word)
        flags[folder] = kept
    return flags


def is_first_include_of_its_source(header):
    source = header.with_suffix(".cc")
    if not source.exists():
        return False
    include = re.search(r'^#include\s+(\S+)', source.read_text(), re.MULTILINE)
    return include is not None and include.group(1) == f'"{header.relative_to(ROOT / "src")}"'


def check(header, command):
    result = subprocess.run(command + ["-fsyntax-only", "-x", "c++", "-include", str(header), "/dev/null"],
                            capture_output=True, text=True, check=False)
    return header, result.returncode, result.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    flags = flags_by_folder(build)
    if not flags:
        sys.exit(f"{build}/compile_commands.json names no source: configure the dev preset first")
    any_flags = next(iter(flags.values()))
    headers = sorted(h for h in (ROOT / "src").rglob("*.h") if not is_first_include_of_its_source(h))
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, h, flags.get(h.parent, any_flags)) for h in headers]
        for job in jobs:
            header, code, errors = job.result()
            if code != 0:
                bad += 1
                print(f"{header.relative_to(ROOT)} does not compile alone:\n{errors}")
    print(f"{len(headers)} headers that no source of their own includes first, {bad} do not compile alone")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
