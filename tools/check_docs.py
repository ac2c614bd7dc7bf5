#!/usr/bin/env python3
"""What the documents say exists, exists.

- A link to a file of this repository leads to one.
- A `path/in/this/repository` in ARCHITECTURE.md or a README is there.
- In ARCHITECTURE.md's walk, the rows | step | `file` | `function` |, each function stands in its file.
- docs/decisions/README.md lists every decision, and docs/formats/README.md every format.

Usage: tools/check_docs.py [--self-test | --fix]   (--fix adds unlisted pages to both lists)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:src|test|fuzz|docs|tools|examples|cmake)/[A-Za-z0-9_./-]+|[a-z_]+/[a-z_/]+\.(?:h|cc))`")
WALK = re.compile(r"^\|[^|]*\|\s*`([^`]+\.(?:h|cc))`\s*\|\s*((?:`[^`]+`(?:,\s*)?)+)\s*\|", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def documents(root):
    tracked = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                             capture_output=True, text=True, check=False).stdout.split()
    found = [root / name for name in tracked if (root / name).exists()]
    not_ours = {"node_modules", "third_party", "build"}
    return found or [page for page in sorted(root.rglob("*.md")) if not not_ours & set(page.relative_to(root).parts)]


def exists(root, document, name):
    name = name.split("#")[0].rstrip("/")
    return any((base / name).exists() for base in (document.parent, root, root / "src"))


def check_links(root, document, text):
    faults = []
    for target in LINK.findall(text):
        if not re.match(r"[a-z]+:|#", target) and not exists(root, document, target):
            faults.append(f"{document.relative_to(root)}: the link to {target} leads nowhere")
    return faults


def check_paths(root, document, text):
    return [f"{document.relative_to(root)}: there is no {name}"
            for name in sorted(set(PATH.findall(text))) if not exists(root, document, name)]


def check_walk(root, document, text):
    faults = []
    for file, functions in WALK.findall(text):
        path = next((base / file for base in (root, root / "src") if (base / file).exists()), None)
        if path is None:
            faults.append(f"{document.relative_to(root)}: the walk names {file}, which is not there")
            continue
        code = path.read_text()
        for function in re.findall(r"`([^`]+)`", functions):
            name = function.split("(")[0].split("::")[-1].strip()
            if not re.search(rf"\b{re.escape(name)}\b", code):
                faults.append(f"{document.relative_to(root)}: {file} has no {function}")
    return faults


def check_index(root, folder):
    place = root / "docs" / folder
    if not place.is_dir():
        return []
    index = place / "README.md"
    text = index.read_text() if index.exists() else ""
    return [f"docs/{folder}/README.md does not list {page.name}"
            for page in sorted(place.glob("*.md")) if page.name != "README.md" and page.name not in text]


def fix_index(root, folder):
    """Lists every page of docs/FOLDER, in order, below its table's head: page, title."""
    index = root / "docs" / folder / "README.md"
    kept = [line for line in index.read_text().splitlines() if not re.match(r"\| \[[^\]]+\]\(", line)]
    for page in sorted(index.parent.glob("*.md")):
        if page != index:
            title = re.sub(r"^#\s*(\d{4}[ :.-]*)?", "", page.read_text().splitlines()[0])
            kept.append(f"| [{page.stem[:4] if folder == 'decisions' else page.stem}]({page.name}) | {title} |")
    index.write_text("\n".join(kept) + "\n")


def check(root):
    faults = []
    for document in documents(root):
        text = FENCE.sub("", document.read_text())
        faults += check_links(root, document, text)
        if document.name == "ARCHITECTURE.md" or document.name == "README.md":
            faults += check_paths(root, document, text)
        if document.name == "ARCHITECTURE.md":
            faults += check_walk(root, document, text)
    return faults + check_index(root, "decisions") + check_index(root, "formats")


def self_test():
    good = ("# x\n[log](src/log/README.md) `log/journal.h`\n\n| step | file | function |\n|---|---|---|\n"
            "| 1 | `log/journal.cc` | `Journal::append`, `submit` |\n")
    cases = [
        ("clean", good, None),
        ("dead link", good + "[gone](docs/gone.md)\n", "docs/gone.md leads nowhere"),
        ("dead path", good + "see `log/gone.h`\n", "there is no log/gone.h"),
        ("walk: no file", good.replace("log/journal.cc", "log/away.cc"), "log/away.cc"),
        ("walk: no function", good.replace("submit", "commit"), "log/journal.cc has no commit"),
    ]
    for name, text, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src/log").mkdir(parents=True)
            (root / "src/log/README.md").write_text("# log\n")
            (root / "src/log/journal.h").write_text("\n")
            (root / "src/log/journal.cc").write_text("void Journal::append() {}\nvoid Journal::submit() {}\n")
            (root / "ARCHITECTURE.md").write_text(text)
            faults = check(root)
            if (expected is None) != (not faults) or (expected and not any(expected in fault for fault in faults)):
                sys.exit(f"self-test {name}: expected {expected!r}, got {faults}")
    print(f"check_docs self-test: {len(cases)} cases")


def main():
    if "--self-test" in sys.argv[1:]:
        self_test()
        return
    if "--fix" in sys.argv[1:]:
        fix_index(ROOT, "decisions")
        fix_index(ROOT, "formats")
    faults = check(ROOT)
    for fault in faults:
        print(fault)
    print(f"docs: {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
