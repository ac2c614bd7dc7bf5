#!/usr/bin/env python3
"""clang's -Wthread-safety over every source that meets the annotated Mutex. Syntax only: nothing is built.

Usage: tools/check_thread_safety.py BUILD_DIR
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
SOURCE = ROOT / "src"
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)
ANNOTATED = re.compile(r"\b(MutexLock|FRESHET_GUARDED_BY|FRESHET_REQUIRES)\b")
COMPILER = "clang++-19"


def meets_a_mutex(source):
    """True where the source, or a header of its own folder that it includes, locks or guards something."""
    seen, todo = set(), [source]
    while todo:
        file = todo.pop()
        if file in seen or not file.exists():
            continue
        seen.add(file)
        text = file.read_text()
        if ANNOTATED.search(text):
            return True
        todo += [SOURCE / name for name in INCLUDE.findall(text) if (SOURCE / name).parent == source.parent]
    return False


def command_of(entry):
    """The entry's compile command for clang, checking only; what only GCC knows is left out."""
    words = shlex.split(entry["command"])
    if "ccache" in words[0]:
        words = words[1:]
    kept, skip = [COMPILER], False
    for word in words[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-c"):
            skip = word == "-o"
        elif not word.startswith(("-W", "-fsanitize", "-fno-sanitize")):
            kept.append(word)
    return kept + ["-fsyntax-only", "-Wthread-safety", "-Werror=thread-safety", "-Wno-unknown-warning-option"]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    entries = {pathlib.Path(e["file"]): e for e in json.loads((build / "compile_commands.json").read_text())}
    chosen = [e for file, e in sorted(entries.items())
              if file.is_relative_to(SOURCE) and not file.name.endswith("_test.cc") and meets_a_mutex(file)]
    if not chosen:
        sys.exit("no source meets the annotated Mutex: this check would pass whatever was wrong")
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(subprocess.run, command_of(e), cwd=e["directory"], capture_output=True, text=True,
                            check=False) for e in chosen]
        for entry, job in zip(chosen, jobs):
            result = job.result()
            if result.returncode != 0:
                bad += 1
                print(f"{pathlib.Path(entry['file']).relative_to(ROOT)}:\n{result.stderr}")
    print(f"thread safety: {len(chosen)} sources, {bad} with faults")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
