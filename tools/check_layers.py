#!/usr/bin/env python3
"""Includes point down, and only where tools/layers.txt grants it.

Also: every folder of src/ is in tools/layers.txt, has a README.md, and is listed in ARCHITECTURE.md.

Usage: tools/check_layers.py              check this checkout
       tools/check_layers.py --self-test  plant each kind of fault in a small tree and see it found
"""
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.MULTILINE)


def read_grants(path):
    """The folders in order, bottom first, and for each the set it may include. Faults as text."""
    grants, faults = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        folder, _, granted = line.partition(":")
        where = f"{path.name}:{number}"
        if folder in grants:
            faults.append(f"{where}: {folder} stands here twice")
        for other in granted.split():
            # Bottom first: what is not above this line cannot be below this folder.
            if other not in grants:
                faults.append(f"{where}: {folder} may not be granted {other}, which is not above it")
        grants[folder] = set(granted.split())
    return grants, faults


def folder_of(path, grants):
    """The longest folder of the list that holds `path` (relative to src/), or its own folder's name."""
    for parent in pathlib.PurePosixPath(path).parents:
        if str(parent) in grants:
            return str(parent)
    return None


def check_includes(root, grants):
    faults = []
    source = root / "src"
    for file in sorted([*source.rglob("*.h"), *source.rglob("*.cc")]):
        name = file.relative_to(source).as_posix()
        folder = folder_of(name, grants)
        if folder is None:
            if "/" in name:
                faults.append(f"src/{name}: its folder is not in tools/layers.txt")
            continue
        for match in INCLUDE.finditer(file.read_text()):
            included = match.group(1)
            line = file.read_text().count("\n", 0, match.start()) + 1
            where = f"src/{name}:{line}"
            other = folder_of(included, grants)
            if other is None:
                if not (source / included).exists() and "/" not in included:
                    faults.append(f'{where}: write "{folder}/{included}", from src/ on')
                elif (source / included).exists():
                    faults.append(f"{where}: {included} is in a folder that tools/layers.txt does not know")
            elif other != folder and other not in grants[folder]:
                faults.append(f"{where}: {folder} may not include {other} ({included}): move the type down "
                              "to event/, or pass a function in")
    return faults


def check_folders(root, grants):
    faults = []
    architecture = root / "ARCHITECTURE.md"
    listed = architecture.read_text() if architecture.exists() else ""
    for folder in grants:
        path = root / "src" / folder
        if not path.is_dir():
            faults.append(f"tools/layers.txt: there is no src/{folder}")
            continue
        if not (path / "README.md").exists():
            faults.append(f"src/{folder}: has no README.md (what it holds, its front header, its promises)")
        if f"`{folder}/`" not in listed:
            faults.append(f"ARCHITECTURE.md: its folder table does not list `{folder}/`")
    for row in re.findall(r"^\| *`([a-z_/]+)/` *\|", listed, re.MULTILINE):
        if row not in grants:
            faults.append(f"ARCHITECTURE.md: its folder table lists `{row}/`, which is not in tools/layers.txt")
    return faults


def check(root):
    grants, faults = read_grants(root / "tools" / "layers.txt")
    return faults + check_includes(root, grants) + check_folders(root, grants)


def self_test():
    """A clean tree has no fault; each planted fault gives exactly the complaint that names it."""

    def tree(at, change):
        files = {
            "tools/layers.txt": "common:\nlog: common\nhot: common\napp: common log hot\n",
            "ARCHITECTURE.md": "| `common/` | x |\n| `log/` | x |\n| `hot/` | x |\n| `app/` | x |\n",
            "src/common/bytes.h": "#include <vector>\n",
            "src/log/journal.h": '#pragma once\n#include "common/bytes.h"\n#include "log/block.h"\n',
            "src/log/block.h": "#pragma once\n",
            "src/hot/table.h": '#include "common/bytes.h"\n',
            "src/app/serve.cc": '#include "hot/table.h"\n#include "log/journal.h"\n',
            **{f"src/{folder}/README.md": "x" for folder in ("common", "log", "hot", "app")},
        }
        files.update(change)
        for name, text in files.items():
            if text is None:
                continue
            (at / name).parent.mkdir(parents=True, exist_ok=True)
            (at / name).write_text(text)

    cases = [
        ("clean", {}, None),
        ("upward", {"src/common/bytes.h": '#include "log/journal.h"\n'}, "src/common/bytes.h:1: common may not include log"),
        ("sideways", {"src/hot/table.h": '\n#include "log/block.h"\n'}, "src/hot/table.h:2: hot may not include log"),
        ("bare name", {"src/log/block.h": '#include "journal.h"\n'}, 'write "log/journal.h"'),
        ("unknown folder", {"src/extra/thing.h": "\n"}, "src/extra/thing.h: its folder is not in"),
        ("no README", {"src/hot/README.md": None}, "src/hot: has no README.md"),
        ("not listed", {"ARCHITECTURE.md": "| `common/` |\n| `log/` |\n| `app/` |\n"}, "does not list `hot/`"),
        ("listed, gone", {"ARCHITECTURE.md": "| `common/` |\n| `log/` |\n| `hot/` |\n| `app/` |\n| `old/` | x |\n"},
         "lists `old/`"),
        ("grant upward", {"tools/layers.txt": "common: log\nlog: common\nhot: common\napp: common log hot\n"},
         "may not be granted log"),
    ]
    for name, change, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            tree(pathlib.Path(folder), change)
            faults = check(pathlib.Path(folder))
            if expected is None and faults:
                sys.exit(f"self-test {name}: complains of a clean tree: {faults}")
            if expected is not None and (len(faults) != 1 or expected not in faults[0]):
                sys.exit(f"self-test {name}: expected one fault with {expected!r}, got {faults}")
    print(f"check_layers self-test: {len(cases)} cases")


def main():
    if "--self-test" in sys.argv[1:]:
        self_test()
        return
    faults = check(ROOT)
    for fault in faults:
        print(fault)
    print(f"layers: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
