"""A server's archive as other programs read it: PyIceberg, DuckDB over the files, and the catalog when the server is away."""
import collections
import contextlib
import http.client
import json
import pathlib
import re
import shutil
import sqlite3
import tempfile
import threading
import time
import urllib.parse

import duckdb
from pyiceberg.manifest import ManifestEntryStatus
from pyiceberg.table import StaticTable

import events
import server as server_module

TABLES = {"detections": "detections", "detections$dead": "detections_dead", "detections$dupes": "detections_dupes"}
METADATA_FILE = re.compile(r"/metadata/\d{5}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.metadata\.json$")
SECONDS = 60
NEVER = "24h"  # commits only where a test asks for one


def config(url="file:archive", commit_every="1s"):
    return f'\n[archive]\nurl = "{url}"\ncommit_every = "{commit_every}"\n'


def wait_for(what, condition, seconds=SECONDS, pause=0.02):
    """What the condition gives, once that is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)


class Archive:
    """The archive of a server, wherever it lies; `properties` are PyIceberg's, to reach it."""

    def __init__(self, server, properties=None):
        self.server = server
        self.properties = properties or {}
        self.folder = server.data / "archive"  # of "file:archive"

    # ---- what the server says ----------------------------------------------------------------------

    def state(self):
        """Each table's part of GET /v1/archive."""
        status, _, body = self.server.request("GET", "/v1/archive")
        assert status == 200, body
        return {one["name"]: one for one in json.loads(body)["tables"]}

    def version(self, name="detections"):
        return int(self.state().get(name, {}).get("version", 0))

    def flush(self):
        status, _, body = self.server.request("POST", "/v1/archive/flush", b"")
        assert status == 200, body

    def job(self, work):
        """The report of each table, in the end of a verify or a compaction of all."""
        status, _, body = self.server.request("POST", f"/v1/archive/{work}", b"")
        job = json.loads(body)
        assert status in (200, 202), body

        def done():
            status, _, body = self.server.request("GET", f"/v1/archive/jobs/{job['job']}")
            return json.loads(body) if status == 200 else None

        reports = wait_for(f"the end of a {work}", done)["reports"]
        assert {report["table"] for report in reports} == set(TABLES)
        return {report["table"]: report for report in reports}

    def damaged(self):
        """URL to error, of each damaged file that a verify of all tables names."""
        return {one["url"]: one["error"] for report in self.job("verify").values() for one in report["damaged"]}

    def catalog(self):
        """Each table's row in the catalog, of a server that is stopped or killed: a running one has it for itself."""
        assert self.server.process.poll() is not None, "the catalog is the running server's"
        with tempfile.TemporaryDirectory() as folder:
            for file in self.server.data.glob("catalog.sqlite*"):
                shutil.copy(file, folder)
            with contextlib.closing(sqlite3.connect(pathlib.Path(folder) / "catalog.sqlite")) as catalog:
                catalog.row_factory = sqlite3.Row
                return {row["name"]: dict(row) for row in catalog.execute("SELECT * FROM archive_tables")}

    # ---- what PyIceberg reads ----------------------------------------------------------------------

    def table(self, name="detections", metadata_url=None):
        url = metadata_url or self.state()[name]["metadata_url"]
        assert f"/{TABLES[name]}/" in url and METADATA_FILE.search(url), url
        return StaticTable.from_metadata(url, properties=self.properties)

    # ---- its files, where it is a folder -----------------------------------------------------------

    def data_files(self, name="detections"):
        return sorted((self.folder / TABLES[name] / "data").rglob("*.parquet"))

    def objects(self):
        """Every file of the archive with its size and time, as it lies there."""
        return {file: (file.stat().st_size, file.stat().st_mtime_ns)
                for file in sorted(self.folder.rglob("*")) if file.is_file()}


def path_of(url):
    assert url.startswith("file:///"), url
    return pathlib.Path(urllib.parse.unquote(url.removeprefix("file://")))


def live_files(table, snapshot_id=None):
    """URLs of the files that PyIceberg's scan opens."""
    return sorted(task.file.file_path for task in table.scan(snapshot_id=snapshot_id).plan_files())


def kept_files(table):
    """URLs of the data files of every kept snapshot."""
    return {entry.data_file.file_path for snapshot in table.snapshots() for manifest in snapshot.manifests(table.io)
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
            if entry.status != ManifestEntryStatus.DELETED}


def positions_of_snapshot(snapshot):
    """The boundary that a snapshot was committed with."""
    return int(snapshot.summary.additional_properties["freshet.positions"].removeprefix("0:"))


# ---- the same question to all three ----------------------------------------------------------------


def fingerprint(table, columns, by):
    """SQL: rows, and all bits of all columns, for each group. The same rows give the same answer in any order."""
    text = ", ".join(f"coalesce({column}::VARCHAR, '~')" for column in sorted(columns))
    groups = ", ".join(f"{column}::VARCHAR AS {column}" for column in by)
    return (f"SELECT {groups}, count(*)::VARCHAR AS n, sum(position::HUGEINT)::VARCHAR AS positions, "
            f"bit_xor(md5_number(concat_ws('|', {text})))::VARCHAR AS bits FROM {table} GROUP BY ALL ORDER BY ALL")


def answers(connection, sql):
    found = connection.execute(sql)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextlib.contextmanager
def duckdb_session():
    """A DuckDB of the test's own. Extensions are loaded where they are at hand; nothing is fetched."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET autoinstall_known_extensions = false")
        yield connection


def duckdb_source(connection, table):
    """SQL that reads an Iceberg table, and how: DuckDB's own Iceberg reader needs an extension that may not be here."""
    with contextlib.suppress(duckdb.Error):
        connection.execute("LOAD iceberg")
        return f"iceberg_scan('{table.metadata_location}')", "iceberg_scan"
    files = ", ".join(f"'{path_of(url)}'" for url in live_files(table))
    return f"read_parquet([{files}], hive_partitioning = false, union_by_name = true)", "read_parquet over the files of PyIceberg's plan"


GROUPS = {"detections": ["camera_id", "item_name"], "detections$dead": ["camera_id", "reason"],
          "detections$dupes": ["camera_id"]}


def assert_all_read_the_same(archive, name="detections", by_duckdb=True):
    """Freshet, PyIceberg and DuckDB: the same rows, bit by bit. Gives rows by group, and how DuckDB read."""
    table = archive.table(name)
    columns = [field.name for field in table.schema().fields]
    groups = GROUPS[name]
    ours = archive.server.sql(fingerprint(f'"{name}"', columns, groups))
    how = "not asked"
    with duckdb_session() as connection:
        arrow = table.scan().to_arrow()
        connection.register("theirs", arrow)
        theirs = answers(connection, fingerprint("theirs", columns, groups))
        assert len(arrow) == sum(int(row["n"]) for row in theirs)
        assert ours == theirs, f"{name}: Freshet and PyIceberg differ"
        if by_duckdb and live_files(table):
            source, how = duckdb_source(connection, table)
            assert ours == answers(connection, fingerprint(source, columns, groups)), f"{name}: DuckDB ({how}) differs"
    counts = collections.Counter({tuple(row[column] for column in groups): int(row["n"]) for row in ours})
    return counts, how


def assert_rows_are_in_one_file(table):
    """No event in two files, none twice in one: by position, and by id where the table has one row for each."""
    files = [path_of(url).as_posix() for url in live_files(table)]
    has_ids = "item_name" in [field.name for field in table.schema().fields]
    with duckdb_session() as connection:
        for key in ["position, sub_position"] + (["detection_id"] if has_ids else []):
            again = files and connection.execute(
                f"SELECT {key}, count(*), list(filename) FROM read_parquet($1, filename = true, "
                "hive_partitioning = false) GROUP BY ALL HAVING count(*) > 1 LIMIT 5", [files]).fetchall()
            assert not again, again


def assert_snapshots_read_whole(table):
    """Each snapshot that is kept: as many rows as it says, and exactly those up to its boundary."""
    final = sorted(table.scan(selected_fields=("position",)).to_arrow()["position"].to_pylist())
    boundaries = []
    for snapshot in table.snapshots():
        boundary = positions_of_snapshot(snapshot)
        found = sorted(table.scan(selected_fields=("position",), snapshot_id=snapshot.snapshot_id)
                       .to_arrow()["position"].to_pylist())
        assert len(found) == int(snapshot.summary["total-records"])
        assert found == [position for position in final if position <= boundary], f"snapshot {snapshot.snapshot_id}"
        boundaries.append(boundary)
    assert boundaries == sorted(boundaries), "boundaries only rise"
    return len(boundaries)


def assert_nothing_lies_about(archive, name="detections"):
    """Every data file belongs to a snapshot that is kept."""
    kept = {path_of(url) for url in kept_files(archive.table(name))}
    assert set(archive.data_files(name)) == kept


def assert_the_catalog_agrees(archive, tables):
    """Of a server that is stopped: what was read is what is in force, and no row lies behind the boundary."""
    for name, row in archive.catalog().items():
        table = tables[name]
        assert row["metadata_url"] == table.metadata_location
        positions = table.scan(selected_fields=("position",)).to_arrow()["position"].to_pylist()
        assert max(positions, default=0) <= row["boundary"], name
        assert row["building"] <= row["boundary"], f"{name}: an append is under way"


class Reader(threading.Thread):
    """Counts rows and ids again and again: as many rows as ids, and never fewer than before.

    While the server is away it asks on: an error then is no answer. A server that is never away must not give one."""

    SQL = "SELECT count(*) AS n, count(DISTINCT detection_id) AS ids FROM detections"

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.answers, self.outages, self.seen, self.failure = 0, 0, 0, None
        self.stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join(SECONDS)

    def run(self):
        try:
            while not self.stopping.is_set():
                self.ask()
        except Exception as failure:  # shown by the test
            self.failure = failure

    def ask(self):
        try:
            (row,) = self.server.sql(self.SQL)
        except (OSError, http.client.HTTPException):
            self.outages += 1
            self.stopping.wait(0.02)
            return
        except server_module.SqlError as error:
            if error.status != 503:  # it starts
                raise
            self.outages += 1
            return
        rows, ids = int(row["n"]), int(row["ids"])
        assert rows == ids, f"{rows} rows with {ids} ids"
        assert rows >= self.seen, f"{rows} rows after {self.seen}"
        self.seen = rows
        self.answers += 1

    def wait_for_answers(self, count=1):
        """Answers to questions that were asked from here on."""
        goal = self.answers + count + 1  # one may be on its way
        wait_for("answers of the reader", lambda: self.answers >= goal or self.failure)
        self.assert_right()

    def assert_right(self):
        assert self.failure is None, self.failure


def put(server, made, stream="detections"):
    return events.put_all(server.client("kinesis"), stream, [events.record(event) for event in made])


def on_day(day, count, run=""):
    """Events of one day, in UTC."""
    return [events.make(number, run=f"{day} {run}", event_time=f"{day}T{number // 60 % 24:02}:{number % 60:02}:00Z")
            for number in range(count)]


def stop_and_ask_the_catalog(archive):
    tables = {name: archive.table(name) for name in TABLES}
    archive.server.stop()
    assert_the_catalog_agrees(archive, tables)
