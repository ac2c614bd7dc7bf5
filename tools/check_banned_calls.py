#!/usr/bin/env python3
"""The cores named in tools/cores.txt call no clock, chance, thread, file or system, and keep nothing in hash order.

Usage: tools/check_banned_calls.py              check this checkout; each fault is file:line
       tools/check_banned_calls.py --self-test  only plant each kind of fault and see it found

Tests (*_test.cc, *_test_*.h) are not cores. The plain run does the self-test first.
"""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Free functions: not members (x.time(), p->read()), not parts of longer names, not of our own namespaces.
FREE = r"(?<![\w.>:])(?:std::|::)?(?:{})\s*\("

# What, and why it has no place in a core.
ALWAYS = [
    (r"\b(?:system|steady|high_resolution|utc|tai|gps|file)_clock\b", "reads a clock: take the time as an argument"),
    (FREE.format("time|clock|gettimeofday|clock_gettime|localtime|localtime_r|gmtime|timespec_get|__rdtsc|_rdtsc"),
     "reads a clock: take the time as an argument"),
    (r"\b(?:random_device|mt19937(?:_64)?|minstd_rand0?|default_random_engine|system_random)\b",
     "draws random numbers: take them from an io::Random that is handed in"),
    (FREE.format("rand|srand|random|drand48|getrandom|getentropy"),
     "draws random numbers: take them from an io::Random that is handed in"),
    (r"\bstd::(?:thread|jthread|async|this_thread|future|promise|barrier|latch)\b", "has a thread of its own"),
    (r"\bpthread_(?:create|join|detach)\b", "has a thread of its own"),
    (r"\b(?:ConditionVariable|condition_variable(?:_any)?)\b", "waits: a core never sleeps"),
    (FREE.format("sleep|usleep|nanosleep|sleep_for|sleep_until|sched_yield"), "sleeps"),
    # With :: in front, as system calls are written here: open() and read() are good names for members too.
    (r"(?<![\w>])::(?:open|openat|creat|close|read|write|pread|pwrite|readv|writev|fsync|fdatasync|ftruncate|fallocate|"
     r"unlink|rename|mkdir|stat|fstat|ioctl|fcntl|poll|socket|connect|send|recv|system)\s*\(|" +
     FREE.format("syscall|mmap|munmap|madvise|memfd_create|epoll_wait|fork|getpid|gettid|getenv"),
     "calls the operating system: go through a seam of io/"),
    (r"\bstd::(?:filesystem|ifstream|ofstream|fstream|cout|cerr|clog|cin)\b|" + FREE.format("fopen|printf|fprintf|puts"),
     "does I/O: go through a seam of io/"),
    (r"\b(?:system_disk|system_clock|make_write_queue|make_uring_write_queue|make_thread_write_queue|ThreadPool)\b",
     "makes the outside itself: be handed it"),
    (r"\bunordered_(?:map|set|multimap|multiset|flat_map|flat_set|node_map|node_set)\b|\bstd::hash\b",
     "keeps things in an order that differs from build to build: use std::map or a sorted vector"),
    (r"\bstd::(?:map|set|multimap|multiset)<\s*(?:const\s+)?[\w:]+\s*(?:const\s*)?\*", "is ordered by addresses"),
    (r'#\s*include\s*<(?:thread|future|chrono|random|ctime|time\.h|fstream|iostream|filesystem|'
     r'unordered_map|unordered_set|unistd\.h|fcntl\.h|poll\.h|sys/[\w/]+\.h|linux/[\w/]+\.h|liburing\.h|sqlite3\.h|'
     r'duckdb\.h|boost/[\w/.]+|spdlog/[\w/.]+|rocksdb/[\w/.]+|curl/[\w/.]+)>',
     "includes what a core has no use for"),
    (r"\b(?:duckdb|sqlite3|rocksdb)_\w+\s*\(", "calls a library that does I/O"),
]
PURE = [
    (r'#\s*include\s*"(?:io|net|http|aws|sql|catalog|server|app|query)/', "includes a folder that touches the outside"),
    (r'#\s*include\s*"common/logging\.h"', "logs: give back an error, and let the caller log"),
]
WORDS = ("pure", "seams", "shell", "allow")


def blank(match):
    """Spaces for everything but line ends, so that lines and columns stay."""
    return re.sub(r"[^\n]", " ", match.group(0))


def code_of(text):
    """The text without comments and without what stands in literals (an include's file name stays)."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)

    def keep_includes(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if re.match(r"\s*#\s*include\s*$", text[line_start:match.start()]):
            return match.group(0)
        return blank(match)

    return pattern.sub(keep_includes, text)


def faults_of(text, kind):
    """(line, what stands there, why not) for each fault of a core's text."""
    code = code_of(text)
    found = []
    for pattern, why in ALWAYS + (PURE if kind == "pure" else []):
        for match in re.finditer(pattern, code):
            found.append((code.count("\n", 0, match.start()) + 1, match.group(0).strip(), why))
    return sorted(set(found))


def read_cores(path):
    rules = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] not in WORDS or len(words) != (3 if words[0] == "allow" else 2):
            sys.exit(f"{path}:{number}: expected one of {', '.join(WORDS)} and a file pattern (allow: and a word)")
        rules.append((number, words[0], words[1], words[2] if len(words) > 2 else ""))
    return rules


def self_test():
    planted = [
        ("auto t = std::chrono::steady_clock::now();", "seams"), ("t = ::time(nullptr);", "seams"),
        ("std::random_device d;", "seams"), ("int x = rand();", "seams"), ("std::thread t([] {});", "seams"),
        ("usleep(5);", "seams"), ("int fd = ::open(path, 0);", "seams"), ("::mmap(nullptr, 1, 0, 0, 0, 0);", "seams"),
        ("std::ifstream file;", "seams"), ("std::unordered_map<int, int> m;", "seams"), ("std::hash<int> h;", "seams"),
        ("std::map<Node*, int> m;", "seams"), ("#include <unistd.h>", "seams"), ("io::system_clock().wall_us();", "seams"),
        ("duckdb_query(c, q, r);", "seams"), ("ready.wait(lock); ConditionVariable ready;", "seams"),
        ('#include "io/clock.h"', "pure"), ('#include "common/logging.h"', "pure"),
    ]
    clean = [
        ("file.read(1); segment->write(2); queue.open(); log::open(path);", "seams"),
        ("// std::thread and time() are banned", "pure"), ('const char* text = "rand()";', "pure"),
        ("std::int64_t arrival_time(int); bool event_time(int); Status reopen(int);", "pure"),
        ('#include "io/clock.h"\nvoid f(io::Clock& clock) { clock.wall_us(); }', "seams"),
        ("auto x = R\"(std::thread)\"; std::map<int, Node*> m;", "pure"),
    ]
    bad = [f"not found: {text}" for text, kind in planted if not faults_of("\n" + text, kind)]
    bad += [f"found falsely: {text}: {faults_of(text, kind)}" for text, kind in clean if faults_of(text, kind)]
    if bad:
        sys.exit("check_banned_calls self-test:\n  " + "\n  ".join(bad))
    print(f"check_banned_calls self-test: {len(planted) + len(clean)} cases")


def main():
    self_test()
    if "--self-test" in sys.argv[1:]:
        return
    cores = ROOT / "tools" / "cores.txt"
    rules = read_cores(cores)
    used, checked, bad = set(), 0, 0
    for file in sorted((ROOT / "src").rglob("*")):
        name = file.relative_to(ROOT).as_posix()
        if file.suffix not in (".h", ".cc") or file.stem.endswith("_test") or "_test_" in file.stem:
            continue
        kind, allowed = None, []
        for number, word, pattern, what in rules:
            if not fnmatch.fnmatchcase(name, pattern):
                continue
            used.add(number)
            if word == "allow":
                allowed.append(what)
            else:
                kind = word
        if kind not in ("pure", "seams"):
            continue
        checked += 1
        for line, what, why in faults_of(file.read_text(), kind):
            if any(word in what for word in allowed):
                continue
            bad += 1
            print(f"{name}:{line}: {what}: {why}")
    for number, _, pattern, _ in rules:
        if number not in used:
            bad += 1
            print(f"tools/cores.txt:{number}: {pattern} names no file: remove the line")
    print(f"banned calls: {checked} core files, {bad} faults")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
