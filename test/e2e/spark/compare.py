#!/usr/bin/env python3
"""Feeds a server, flushes its archive, and compares what Spark counts in the tables with what Freshet does.

    compare.py FOLDER_OF_GROUND_TRUTH -- COMMAND THAT RUNS count.py WITH ITS JAR
"""
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2] / "examples" / "mot")]

import archives  # noqa: E402  the path is set above
import feeds  # noqa: E402
import reference  # noqa: E402
import server as server_module  # noqa: E402


def ours(server, name):
    groups = archives.GROUPS[name]
    columns = ", ".join(f"{column}::VARCHAR AS {column}" for column in groups)
    rows = server.sql(f'SELECT {columns}, count(*)::VARCHAR AS n, sum(position::HUGEINT)::VARCHAR AS positions '
                      f'FROM "{name}" GROUP BY ALL')
    return sorted([*(str(row[column]) for column in groups), int(row["n"]), int(row["positions"])] for row in rows)


def compare(folder, command, work):
    reference.write(pathlib.Path(work) / "reference")
    server = server_module.Server(work, feeds.config(archives.config(commit_every="2s"))).start()
    try:
        feeds.publish(server, folder, f"{work}/sent.json")
        archive = archives.Archive(server)
        archive.flush()
        tables = [f"{iceberg}={archives.path_of(archive.state()[name]['metadata_url'])}"
                  for name, iceberg in archives.TABLES.items()]
        done = subprocess.run([*command, *tables], stdout=subprocess.PIPE, text=True, check=True, timeout=600)
        theirs = json.loads(done.stdout[done.stdout.index("COUNTED ") + len("COUNTED "):].splitlines()[0])
        same = True
        for name, iceberg in archives.TABLES.items():
            wanted, found = ours(server, name), theirs[iceberg]
            equal = wanted == found["groups"]
            same &= equal
            print(f"{name}: {sum(group[-2] for group in wanted)} rows in {len(wanted)} groups here, "
                  f"{sum(group[-2] for group in found['groups'])} in Spark, from {found['files']} files and "
                  f"{found['snapshots']} snapshots: {'the same' if equal else 'DIFFERENT'}")
        return same
    finally:
        server.stop()


def main():
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as work:
        sys.exit(0 if compare(sys.argv[1], sys.argv[3:], work) else 1)


if __name__ == "__main__":
    main()
