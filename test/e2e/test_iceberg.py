"""The archive's Iceberg tables against PyIceberg, in both directions; DuckDB writes the Parquet, as it does for us."""
import datetime
import json
import os
import pathlib
import subprocess
import uuid

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo
from pyiceberg.manifest import ManifestEntryStatus
from pyiceberg.table import StaticTable
from pyiceberg.transforms import DayTransform

import server as server_module

SAMPLE = pathlib.Path(os.environ.get("FRESHET_ICEBERG_SAMPLE", server_module.BINARY.parent / "iceberg_sample"))
DAY_US = 86_400 * 1_000_000
# 2026-11-20T00:00:00Z, and the rows of a file within its day.
FIRST_DAY = 20_777
ROWS = 50

COLUMNS = [("detection_id", "UUID"), ("camera_id", "VARCHAR"), ("event_time", "TIMESTAMP WITH TIME ZONE"),
           ("confidence", "DOUBLE"), ("bbox", "STRUCT(x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE)"),
           ("frame_no", "UBIGINT"), ("class_id", "USMALLINT"), ("position", "UBIGINT"), ("late", "BOOLEAN")]


def sample(*arguments):
    if not SAMPLE.exists():
        pytest.fail(f"{SAMPLE} is not there: cmake --build --preset release --target iceberg_sample")
    done = subprocess.run([str(SAMPLE), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def named(columns):
    return [{"name": name, "type": kind} for name, kind in columns]


class Plan:
    """A table that the sample writes, and the Parquet files around which it does."""

    def __init__(self, folder, partition="day", columns=None):
        self.folder = folder
        self.columns = columns or COLUMNS
        self.plan = {"uuid": str(uuid.UUID(int=7)), "location": f"file://{folder}", "time_column": "event_time",
                     "partition": partition, "columns": named(self.columns), "commits": []}
        (folder / "data").mkdir(parents=True)

    def file(self, name, day, first_position, cameras):
        """Writes ROWS rows of one day; says of them what the archive would."""
        path = self.folder / "data" / f"{name}.parquet"
        shape = json.loads(self.run("columns", {"columns": named(self.columns),
                                                "first": {"columns": self.plan["columns"]}}))
        cast = ", ".join(f'CAST("{one["name"]}" AS {one["type"]}) AS "{one["name"]}"' for one in shape["types"])
        first_us = day * DAY_US + 1_000
        names = ", ".join(f"'{one}'" for one in cameras)
        rows = f"""SELECT md5('{name}' || i)::UUID AS detection_id, [{names}][1 + i % {len(cameras)}] AS camera_id,
            make_timestamptz({first_us} + i * 1000000) AS event_time, i / 100.0::DOUBLE AS confidence,
            {{'x': i / 65535.0::DOUBLE, 'y': 0.5::DOUBLE, 'w': 0.25::DOUBLE, 'h': 1.0::DOUBLE}} AS bbox,
            (18446744073709551615 - i)::UBIGINT AS frame_no, (i % 7)::USMALLINT AS class_id,
            ({first_position} + i)::UBIGINT AS position, i % 2 = 0 AS late, 'zone-' || i % 3 AS zone
            FROM range({ROWS}) AS t(i)"""
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"COPY (SELECT {cast} FROM ({rows})) TO '{path}' "
                               f"(FORMAT parquet, COMPRESSION zstd, FIELD_IDS {shape['field_ids']})")
        last_us = first_us + (ROWS - 1) * 1_000_000
        return {"path": f"file://{path}", "rows": ROWS, "bytes": path.stat().st_size, "time": first_us,
                "bounds": [{"column": "event_time", "lower": first_us, "upper": last_us},
                           {"column": "camera_id", "lower": min(cameras), "upper": max(cameras)},
                           {"column": "position", "lower": first_position, "upper": first_position + ROWS - 1}]}

    def commit(self, operation, add=(), remove=(), **more):
        self.plan["commits"].append({"operation": operation, "add": list(add), "remove": [one["path"] for one in remove],
                                     "positions": json.dumps({"0": len(self.plan["commits"])}), **more})

    def write(self):
        self.metadata_file = self.run("write", self.plan)
        return StaticTable.from_metadata(self.metadata_file)

    def run(self, command, plan):
        file = self.folder / f"{command}.json"
        file.write_text(json.dumps(plan), encoding="utf-8")
        return sample(command, file)


def read(metadata_file, folder, ranges=(), texts=()):
    predicate = folder / "predicate.json"
    predicate.write_text(json.dumps({
        "ranges": [{"column": column, "first": first, "last": last} for column, first, last in ranges],
        "texts": [{"column": column, "value": value} for column, value in texts]}), encoding="utf-8")
    return json.loads(sample("read", metadata_file, predicate))


def paths_of(scan):
    return sorted(task.file.file_path for task in scan.plan_files())


def positions_of(scan):
    return sorted(scan.to_arrow()["position"].to_pylist())


def entries_of(table):
    """The entries of all manifests of the current snapshot. (`inspect` cannot make Arrow of UUID columns.)"""
    return [entry for manifest in table.current_snapshot().manifests(table.io)
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)]


def between(day, other):
    """Rows from the beginning of one day to before the beginning of the other, in PyIceberg's words."""
    first, last = (datetime.datetime.fromtimestamp(one * 86_400, datetime.timezone.utc).isoformat() for one in (day, other))
    return f"event_time >= '{first}' and event_time < '{last}'"


@pytest.fixture
def plan(tmp_path):
    return Plan(tmp_path / "table")


@pytest.fixture
def three_days(plan):
    """Two commits: day 0 and day 1 first, then day 2 and a second file of day 1."""
    files = [plan.file("zero", FIRST_DAY, 100, ["cam-1", "cam-2"]),
             plan.file("one", FIRST_DAY + 1, 200, ["cam-2", "cam-5"]),
             plan.file("two", FIRST_DAY + 2, 300, ["cam-1", "cam-9"]),
             plan.file("more", FIRST_DAY + 1, 400, ["cam-6", "cam-8"])]
    plan.commit("append", files[:2])
    plan.commit("append", files[2:])
    return plan, files


def test_pyiceberg_reads_every_row_and_type(three_days):
    plan, _ = three_days
    rows = plan.write().scan().to_arrow()
    assert len(rows) == 4 * ROWS
    expected = duckdb.sql(f"SELECT * FROM read_parquet('{plan.folder}/data/*.parquet') ORDER BY position").to_arrow_table()
    rows = rows.sort_by("position")
    for name in ("camera_id", "event_time", "confidence", "bbox", "frame_no", "class_id", "position", "late"):
        assert rows[name].to_pylist() == expected[name].to_pylist(), name
    assert [str(one) for one in rows["detection_id"].to_pylist()] == [
        str(row[0]) for row in
        duckdb.sql(f"SELECT detection_id FROM read_parquet('{plan.folder}/data/*.parquet') ORDER BY position").fetchall()]
    assert rows["frame_no"].to_pylist()[0] == 2 ** 64 - 1
    assert str(rows.schema.field("event_time").type) == "timestamp[us, tz=UTC]"


def test_days_and_bounds_leave_files_out(three_days):
    plan, files = three_days
    table = plan.write()
    one, more = files[1]["path"], files[3]["path"]
    assert paths_of(table.scan(row_filter=between(FIRST_DAY + 1, FIRST_DAY + 2))) == sorted([one, more])
    assert paths_of(table.scan(row_filter=EqualTo("camera_id", "cam-7"))) == sorted([files[2]["path"], more])
    assert paths_of(table.scan(row_filter="position >= 340 and position <= 410")) == sorted([files[2]["path"], more])
    assert positions_of(table.scan(row_filter=EqualTo("camera_id", "cam-6"))) == list(range(400, 450, 2))
    # And our planner says the same.
    day = ("event_time", (FIRST_DAY + 1) * DAY_US, (FIRST_DAY + 2) * DAY_US - 1)
    assert sorted(read(plan.metadata_file, plan.folder, ranges=[day])["planned"]) == sorted([one, more])
    assert sorted(read(plan.metadata_file, plan.folder, texts=[("camera_id", "cam-7")])["planned"]) == sorted(
        [files[2]["path"], more])
    first_day = ("event_time", FIRST_DAY * DAY_US, (FIRST_DAY + 1) * DAY_US - 1)
    only_first = read(plan.metadata_file, plan.folder, ranges=[first_day])
    assert only_first["planned"] == [files[0]["path"]]
    assert (only_first["manifests"], only_first["selected_manifests"]) == (2, 1)


def test_history_is_there_with_our_keys(three_days):
    plan, _ = three_days
    table = plan.write()
    first, second = table.snapshots()
    assert [entry.snapshot_id for entry in table.history()] == [first.snapshot_id, second.snapshot_id]
    assert second.parent_snapshot_id == first.snapshot_id
    assert (first.sequence_number, second.sequence_number) == (1, 2)
    summary = second.summary.additional_properties
    assert second.summary.operation.value == "append"
    assert json.loads(summary["freshet.positions"]) == {"0": 1}
    assert summary["added-data-files"] == "2" and summary["total-records"] == str(4 * ROWS)
    assert positions_of(table.scan(snapshot_id=first.snapshot_id)) == list(range(100, 150)) + list(range(200, 250))
    assert len(table.metadata.metadata_log) == 2
    assert table.sort_order().fields[0].source_id == table.schema().find_field("event_time").field_id


def test_a_replace_shows_the_same_rows_once(three_days):
    plan, files = three_days
    merged = plan.file("one", FIRST_DAY + 1, 200, ["cam-2", "cam-5"])
    merged["path"] = merged["path"].replace("one.parquet", "merged.parquet")
    (plan.folder / "data" / "one.parquet").rename(plan.folder / "data" / "merged.parquet")
    plan.file("one", FIRST_DAY + 1, 200, ["cam-2", "cam-5"])
    plan.commit("replace", [merged], [files[1]])
    table = plan.write()
    assert positions_of(table.scan()) == [first + i for first in (100, 200, 300, 400) for i in range(ROWS)]
    assert files[1]["path"] not in paths_of(table.scan())
    entries = {one.data_file.file_path: one for one in entries_of(table)}
    gone = [one for one in entries.values() if one.status == ManifestEntryStatus.DELETED]
    assert [one.data_file.file_path for one in gone] == [files[1]["path"]]
    assert gone[0].snapshot_id == table.current_snapshot().snapshot_id
    assert gone[0].sequence_number == 1
    kept, fresh = entries[files[0]["path"]], entries[merged["path"]]
    assert (kept.status, kept.sequence_number) == (ManifestEntryStatus.EXISTING, 1)
    assert (fresh.status, fresh.sequence_number) == (ManifestEntryStatus.ADDED, 3)
    summary = table.current_snapshot().summary
    assert summary.operation.value == "replace"
    assert summary["deleted-data-files"] == "1" and summary["total-data-files"] == "4"
    # The snapshot before still shows the file that was replaced.
    assert files[1]["path"] in paths_of(table.scan(snapshot_id=table.snapshots()[1].snapshot_id))


def test_a_delete_takes_rows_and_the_next_commit_forgets_the_entry(three_days):
    plan, files = three_days
    plan.commit("delete", remove=files[:2])
    plan.commit("append", [plan.file("last", FIRST_DAY + 3, 500, ["cam-1"])])
    table = plan.write()
    assert positions_of(table.scan()) == [first + i for first in (300, 400, 500) for i in range(ROWS)]
    assert {one.status for one in entries_of(table)} == {ManifestEntryStatus.ADDED}
    assert table.current_snapshot().summary["total-records"] == str(3 * ROWS)


def test_a_column_that_came_later_is_null_before(three_days):
    plan, _ = three_days
    plan.columns = COLUMNS + [("zone", "VARCHAR")]
    plan.commit("append", [plan.file("zoned", FIRST_DAY + 3, 500, ["cam-1"])], columns=named(plan.columns))
    table = plan.write()
    zones = {row["position"]: row["zone"] for row in table.scan().to_arrow().to_pylist()}
    assert zones[100] is None and zones[501] == "zone-1"
    assert len(table.schemas()) == 2
    assert read(plan.metadata_file, plan.folder)["schema"]["schema-id"] == 1


@pytest.mark.parametrize("partition", ["hour", "none"])
def test_other_partitions_are_read(tmp_path, partition):
    plan = Plan(tmp_path / "table", partition)
    files = [plan.file("a", FIRST_DAY, 100, ["cam-1"]), plan.file("b", FIRST_DAY + 1, 200, ["cam-1"])]
    plan.commit("append", files)
    table = plan.write()
    assert len(table.spec().fields) == (1 if partition == "hour" else 0)
    assert paths_of(table.scan(row_filter=between(FIRST_DAY + 1, FIRST_DAY + 2))) == [files[1]["path"]]
    assert len(positions_of(table.scan())) == 2 * ROWS


def test_expired_snapshots_are_gone_and_the_table_is_not(three_days):
    plan, _ = three_days
    plan.plan["expire_older_than_ms"] = 1_500
    table = plan.write()
    assert len(table.snapshots()) == 1 and len(table.history()) == 1
    assert len(positions_of(table.scan())) == 4 * ROWS


def test_pyiceberg_appends_to_our_table_and_we_read_it(three_days, tmp_path):
    plan, files = three_days
    plan.write()
    catalog = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.sqlite", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("ours")
    table = catalog.register_table("ours.detections", plan.metadata_file)
    again = table.scan(row_filter="position < 110").to_arrow()
    table.append(again)
    answer = read(table.metadata_location, plan.folder)
    assert sum(one["rows"] for one in answer["entries"]) == 4 * ROWS + 10
    assert {files[0]["path"], files[3]["path"]} < set(answer["planned"])
    table.delete("position >= 300 and position < 350")
    answer = read(table.metadata_location, plan.folder)
    assert files[2]["path"] not in answer["planned"]
    assert len(positions_of(table.scan())) == 3 * ROWS + 10


def test_we_read_what_pyiceberg_wrote(tmp_path):
    catalog = SqlCatalog("test", uri=f"sqlite:///{tmp_path}/catalog.sqlite", warehouse=f"file://{tmp_path}/warehouse")
    catalog.create_namespace("theirs")
    rows = pa.table({
        "camera_id": pa.array(["cam-1", "camera-with-a-long-name", None]),
        "event_time": pa.array([FIRST_DAY * DAY_US + 5, (FIRST_DAY + 1) * DAY_US, None], pa.timestamp("us", tz="UTC")),
        "position": pa.array([-5, 7, 9], pa.int64()), "confidence": pa.array([0.5, 0.25, None], pa.float32()),
        "tags": pa.array([["a"], [], None], pa.list_(pa.string()))})
    table = catalog.create_table("theirs.detections", schema=rows.schema)
    with table.update_spec() as update:
        update.add_field("event_time", DayTransform(), "event_day")
    table.append(rows)
    table.append(rows.slice(0, 1))
    answer = read(table.metadata_location, tmp_path)
    theirs = {one["data_file"]["file_path"]: one for one in table.inspect.entries().to_pylist()}
    assert answer["manifests"] == 2 and len(answer["entries"]) == len(theirs) == 4
    for entry in answer["entries"]:
        their = theirs[entry["path"]]
        assert entry["status"] == their["status"] == 1
        assert entry["snapshot_id"] == their["snapshot_id"]
        assert entry["sequence_number"] == their["sequence_number"]
        assert entry["rows"] == their["data_file"]["record_count"]
        assert entry["bytes"] == their["data_file"]["file_size_in_bytes"]
        for ours, name in ((entry["lower"], "lower_bounds"), (entry["upper"], "upper_bounds")):
            assert ours == {str(key): bytes(value).hex() for key, value in their["data_file"][name]}
    assert sorted(str(one["partition"][0]) for one in answer["entries"]) == sorted(
        [str(FIRST_DAY), str(FIRST_DAY), str(FIRST_DAY + 1), "None"])
    day = ("event_time", FIRST_DAY * DAY_US, FIRST_DAY * DAY_US + 5)
    assert len(read(table.metadata_location, tmp_path, ranges=[day])["planned"]) == 2
    long_name = [("camera_id", "camera-with-a-long-name")]
    assert len(read(table.metadata_location, tmp_path, texts=long_name)["planned"]) == 1
    table.delete(EqualTo("camera_id", "cam-1"))
    answer = read(table.metadata_location, tmp_path)
    assert len(answer["planned"]) == 2
