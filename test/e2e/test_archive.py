"""Rows archived as Iceberg tables: in a folder and on S3, read while they are written, across crashes, damaged, refused.

PyIceberg and DuckDB judge what Freshet wrote. The real detections need FRESHET_MOT_DIR, as in test_mot.py.
"""
import collections
import datetime
import http.client
import os
import shutil
import threading
import time

import pytest

import archives
import configs
import events
import feeds
import make_sample
import mot
import server as server_module
from archives import NEVER, Archive, Reader, on_day, put, stop_and_ask_the_catalog, wait_for

REAL = 0.001   # the share of malformed events that goes with the real detections


def assert_all_three_agree(archive, folder, by_duckdb=True):
    """After a flush: every row of the folder, once, in Freshet, PyIceberg and DuckDB; $dead and $dupes alike."""
    rows, how = archives.assert_all_read_the_same(archive, by_duckdb=by_duckdb)
    assert rows == feeds.rows_by_camera_and_class(folder)
    for name, outcome in (("detections$dead", "refused"), ("detections$dupes", "duplicate")):
        counted, _ = archives.assert_all_read_the_same(archive, name, by_duckdb)
        assert sum(counted.values()) > 0
        assert sum(counted.values()) == archive.server.value(f'SELECT sum({outcome}) FROM "detections$ledger"')
    print(f"{sum(rows.values())} rows; DuckDB: {how}")
    return rows


# ---- the real detections ---------------------------------------------------------------------------


def assert_the_feed_is_right(archive, folder, manifest, full):
    """All three agree; retries, malformed events and the ledger; every column where that is quick, or --full."""
    rows = assert_all_three_agree(archive, folder)
    feeds.assert_outcomes_right(archive.server, manifest, sum(rows.values()))
    if full:
        feeds.assert_all_right(archive.server, folder, manifest)
    return rows


def test_rows_are_archived_while_they_come_and_are_read(mot_server, data, tmp_path, request):
    """Every question during the feed is answered from files and memory at one cut; in the end all three read the same."""
    folder, share = data
    server = mot_server(archives.config())
    archive = Archive(server)
    with Reader(server) as reader:
        manifest = feeds.publish(server, folder, tmp_path / "sent.json", "--malformed", str(share))
        reader.wait_for_answers()
        archive.flush()
        reader.wait_for_answers(2)
    reader.assert_right()
    assert reader.outages == 0, "a server that is never away has an answer to each question"
    assert reader.seen == sum(feeds.rows_by_camera_and_class(folder).values())
    table = archive.table()
    assert len(table.snapshots()) >= (3 if share == REAL else 1), "rows were to be committed during the feed"

    rows = assert_the_feed_is_right(archive, folder, manifest, share != REAL or request.config.getoption("--full"))
    if share == REAL:
        feeds.assert_published_counts(server)
        assert sum(rows.values()) == 204_701
    archives.assert_rows_are_in_one_file(table)
    archives.assert_snapshots_read_whole(table)
    archives.assert_nothing_lies_about(archive)
    days = {file.parent.name for file in archive.data_files()}
    assert days == {"event_time_day=2024-05-01"}
    stop_and_ask_the_catalog(archive)


def test_rows_are_archived_once_while_the_server_is_killed(mot_server, data, tmp_path, request):
    """kill -9 every 3 seconds of the feed: the same numbers, no row in two files. --full --rounds 50 for the whole trial."""
    folder, share = data
    full = share != REAL or request.config.getoption("--full")
    kills = []
    for number in range(request.config.getoption("--rounds")):
        server = mot_server(archives.config())
        archive = Archive(server)
        killer = feeds.Killer(server, 3 if share == REAL else 0.8, **({} if full else {"times": 3}))
        with Reader(server) as reader:
            killer.start()
            try:
                manifest = feeds.publish(server, folder, tmp_path / f"sent-{number}.json", "--until-acknowledged",
                                         "--seed", str(number), "--malformed", str(share))
            finally:
                killer.stop()
            if killer.kills == 0:  # a folder that is published faster than that is no trial
                server.kill()
                server.start()
            reader.wait_for_answers()
            archive.flush()
            reader.wait_for_answers(2)
        reader.assert_right()
        kills.append(killer.kills)

        assert_the_feed_is_right(archive, folder, manifest, full)
        if share == REAL:
            feeds.assert_published_counts(server)
        for name in archives.TABLES:
            table = archive.table(name)
            archives.assert_rows_are_in_one_file(table)
            archives.assert_snapshots_read_whole(table)
            archives.assert_nothing_lies_about(archive, name)
        stop_and_ask_the_catalog(archive)
        shutil.rmtree(server.data)
    print(f"kills per round: {kills}")


def test_a_commit_that_a_crash_cut_short_is_made_once(start_server):
    """Killed between the first file of a commit and its end, and started again: each row is in one file."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 10))
    archive.flush()
    count, caught = 10, 0
    # A file for each of many days, so that a commit takes a while.
    for attempt in range(20):
        made = [event for day in range(1, 29) for event in on_day(f"2024-06-{day:02}", 20, run=attempt)]
        put(server, made)
        count += len(made)
        files = set(archive.data_files())
        flushing = threading.Thread(target=ask_in_vain, args=(server, "flush"), daemon=True)
        flushing.start()
        wait_for("the first file of a commit", lambda: set(archive.data_files()) - files, pause=0)  # noqa: B023
        server.kill()
        flushing.join(archives.SECONDS)
        row = archive.catalog()["detections"]
        server.start()
        if row["building"] > row["boundary"]:
            caught += 1
            if caught == 2:
                break
    assert caught == 2, "no commit was caught in the middle"
    assert server.value("SELECT count(*) FROM detections") == count
    archive.flush()
    rows, _ = archives.assert_all_read_the_same(archive)
    assert sum(rows.values()) == count
    table = archive.table()
    archives.assert_rows_are_in_one_file(table)
    archives.assert_snapshots_read_whole(table)
    archives.assert_nothing_lies_about(archive)
    stop_and_ask_the_catalog(archive)


def test_compaction_changes_no_row(start_server):
    """Under a reader, and cut short by a crash: fewer files, the same rows, and older snapshots as they were."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER) + "compact = false\n"))
    archive = Archive(server)
    for part in range(12):
        made = on_day("2024-05-01", 40, run=part) + on_day("2024-05-02", 40, run=part)
        put(server, made)
        put(server, made[:5])
        archive.flush()
    rows = server.content_hashes()
    assert [len(rows[name]) for name in archives.TABLES] == [960, 0, 60]
    assert archive.state()["detections"]["files"] == 24
    with Reader(server) as reader:
        reader.wait_for_answers()
        files = set(archive.data_files())
        compacting = threading.Thread(target=ask_in_vain, args=(server, "compact"), daemon=True)
        compacting.start()
        wait_for("the first file of a compaction", lambda: set(archive.data_files()) - files, pause=0)
        server.kill()
        compacting.join(archives.SECONDS)
        server.start()
        assert server.content_hashes() == rows, "half a compaction changes rows"
        archive.job("compact")
        reader.wait_for_answers(2)
    reader.assert_right()
    assert archive.state()["detections"]["files"] == 2
    assert server.content_hashes() == rows, "a compaction changes rows"
    for name in archives.TABLES:
        archives.assert_all_read_the_same(archive, name)
        archives.assert_rows_are_in_one_file(archive.table(name))
    assert archives.assert_snapshots_read_whole(archive.table()) >= 13
    assert not archive.damaged()
    server.restart()
    put(server, on_day("2024-05-03", 40))
    archive.flush()
    assert server.content_hashes()["detections"][:960] == rows["detections"]
    stop_and_ask_the_catalog(archive)


def ask_in_vain(server, work):
    """A call to the archive that the server's end may cut short."""
    try:
        server.request("POST", f"/v1/archive/{work}", b"")
    except (OSError, http.client.HTTPException):
        pass


# ---- S3 --------------------------------------------------------------------------------------------


@pytest.fixture
def part_of_data(tmp_path):
    """Some 40,000 of the real detections; without them, what is made up."""
    part = tmp_path / "part"
    if "FRESHET_MOT_DIR" not in os.environ:
        make_sample.write(part, frames=120, tracks=12)
        return part, 0.01
    part.mkdir()
    for camera, file in mot.ground_truth_files(os.environ["FRESHET_MOT_DIR"]).items():
        if camera in ("MOT17-02", "MOT17-09"):
            (part / f"{camera}.gt.txt").symlink_to(file.resolve())
    return part, REAL


def kill_behind_the_first_commit(archive):
    """Kills the server once it has committed, and starts it again."""
    wait_for("a commit", lambda: archive.state()["detections"]["snapshot_id"])
    archive.server.kill()
    archive.server.start()


def test_rows_are_archived_on_s3(mot_server, s3, part_of_data, tmp_path):
    """The same on S3, with a crash behind the first commit."""
    folder, share = part_of_data
    prefix = "seven cameras/below"
    server = mot_server(s3.config(prefix), environment=s3.environment())
    archive = Archive(server, s3.pyiceberg())
    with Reader(server) as reader:
        killing = RaisingThread(kill_behind_the_first_commit, archive)
        killing.start()
        manifest = feeds.publish(server, folder, tmp_path / "sent.json", "--until-acknowledged", "--malformed", str(share))
        killing.finish()
        reader.wait_for_answers()
        archive.flush()
        reader.wait_for_answers(2)
    reader.assert_right()
    feeds.assert_all_right(server, folder, manifest)
    assert_all_three_agree(archive, folder, by_duckdb=False)  # DuckDB reads S3 with an extension only
    table = archive.table()
    assert table.metadata_location.startswith(f"s3://{s3.bucket}/{prefix}/detections/metadata/")
    archives.assert_snapshots_read_whole(table)
    stored = {f"s3://{s3.bucket}/{name}" for name in s3.names(f"{prefix}/detections/data/")}
    assert stored == archives.kept_files(table)
    assert not s3.s3.list_multipart_uploads(Bucket=s3.bucket).get("Uploads")
    stop_and_ask_the_catalog(archive)


class RaisingThread(threading.Thread):
    """A thread whose failure is its test's."""

    def __init__(self, call, *arguments):
        super().__init__(daemon=True)
        self.call, self.arguments, self.failure = call, arguments, None

    def run(self):
        try:
            self.call(*self.arguments)
        except Exception as failure:  # shown by finish()
            self.failure = failure

    def finish(self, seconds=120):
        self.join(seconds)
        assert not self.is_alive() and self.failure is None, self.failure


# ---- restarts, and where rows lie ------------------------------------------------------------------


def test_the_same_answer_from_memory_from_files_and_after_restarts(start_server):
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    made = on_day("2024-05-01", 500) + on_day("2024-05-02", 500)
    put(server, made)
    put(server, made[:100])
    wrong = [{"Data": b"{nonsense", "PartitionKey": "x"}, {"Data": b'{"camera_id": "cam-01"}', "PartitionKey": "x"}]
    events.put_all(server.client("kinesis"), "detections", wrong)
    from_memory = server.content_hashes()
    assert [len(from_memory[name]) for name in archives.TABLES] == [1000, 2, 100]
    archive.flush()
    assert server.content_hashes() == from_memory, "files change rows"
    server.restart()
    assert server.content_hashes() == from_memory, "a restart changes rows"
    server.kill()
    server.start()
    assert server.content_hashes() == from_memory, "a crash changes rows"
    archive.flush()
    assert server.content_hashes() == from_memory, "a flush of nothing changes rows"

    # The same events again are duplicates, of rows that files hold.
    put(server, made)
    archive.flush()
    again = server.content_hashes()
    assert again["detections"] == from_memory["detections"] and len(again["detections$dupes"]) == 1100
    for name in archives.TABLES:
        archives.assert_all_read_the_same(archive, name)
    archives.assert_rows_are_in_one_file(archive.table())

    # Without checkpoints everything is made again from the log; what files hold already is not archived again.
    server.stop()
    for entry in server.data.iterdir():
        if entry.name not in ("log", "archive") and not entry.name.startswith("catalog.sqlite"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    server.start()
    assert server.content_hashes() == again
    archive.flush()
    assert server.content_hashes() == again
    archives.assert_rows_are_in_one_file(archive.table())
    stop_and_ask_the_catalog(archive)


def test_case_04_ids_are_known_across_the_boundary(start_server):
    """Retries of rows that files hold, from before and after a kill, with their own time and with another one."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    made = on_day("2024-05-01", 100)
    put(server, made)
    archive.flush()
    put(server, made[:50] + on_day("2024-05-02", 20))
    server.kill()
    server.start()
    put(server, made + [{**event, "event_time": "2024-06-01T00:00:00Z"} for event in made])
    archive.flush()
    rows, _ = archives.assert_all_read_the_same(archive, by_duckdb=False)
    assert sum(rows.values()) == 120
    assert server.value('SELECT sum(accepted) FROM "detections$ledger"') == 120


# As it is written, and the day in UTC that it lies in.
TIMES = [("1969-12-31T23:59:59.999999Z", "1969-12-31"), ("1970-01-01T00:00:00Z", "1970-01-01"), (1.5, "1970-01-01"),
         ("0001-01-01T00:00:00Z", "0001-01-01"), ("1999-12-31T23:59:59.999999Z", "1999-12-31"),
         ("2000-02-29T12:00:00Z", "2000-02-29"), ("2023-12-31T23:30:00-05:00", "2024-01-01"),
         ("2024-05-01T00:30:00+02:00", "2024-04-30"), ("2024-05-01T08:00:00Z", "2024-05-01")]


def test_each_row_lies_in_the_day_of_its_event_time(start_server):
    """Long ago, before 1970, on the edge of a day, in another zone: in its own day's file, once; duplicates nowhere."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    made = [events.make(number, run="times", event_time=text) for number, (text, _) in enumerate(TIMES)]
    put(server, made)
    refused = server.sql('SELECT reason, detail FROM "detections$dead"')
    assert not refused, refused
    archive.flush()
    put(server, made)
    # One of long ago behind rows that are archived already.
    late = events.make(100, run="times", event_time="1999-12-31T00:00:00Z")
    put(server, [late])
    # Refused, so in no day of detections.
    events.put_all(server.client("kinesis"), "detections", [
        events.record(events.make(101, run="times", event_time=None)),
        events.record(events.make(102, run="times", event_time=-5)),
        events.record(events.make(103, run="times", event_time="2999-01-01T00:00:00Z"))])
    archive.flush()

    wanted = collections.defaultdict(list)
    for event, (_, day) in [*zip(made, TIMES, strict=True), (late, (None, "1999-12-31"))]:
        wanted[day].append(event["detection_id"])
    found = collections.defaultdict(list)
    with archives.duckdb_session() as connection:
        for file in archive.data_files():
            day = file.parent.name.removeprefix("event_time_day=")
            found[day] += [str(row[0]) for row in connection.execute(
                "SELECT detection_id FROM read_parquet($1, hive_partitioning = false)", [str(file)]).fetchall()]
    assert {day: sorted(ids) for day, ids in found.items()} == {day: sorted(ids) for day, ids in wanted.items()}
    for name, count in (("detections", 10), ("detections$dead", 3), ("detections$dupes", 9)):
        rows, _ = archives.assert_all_read_the_same(archive, name)
        assert sum(rows.values()) == count

    # PyIceberg's and our own choice of files by time give each row where it belongs.
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    for day, ids in wanted.items():
        first = datetime.datetime.fromisoformat(f"{day}T00:00:00+00:00")
        last = first + datetime.timedelta(days=1) - datetime.timedelta(microseconds=1)
        scan = archive.table().scan(row_filter=f"event_time >= '{first.isoformat()}' and event_time <= '{last.isoformat()}'")
        assert sorted(str(one) for one in scan.to_arrow()["detection_id"].to_pylist()) == sorted(ids), day
        begin, end = ((moment - epoch) // datetime.timedelta(microseconds=1) for moment in (first, last))
        assert sorted(row["id"] for row in server.sql(
            "SELECT detection_id::VARCHAR AS id FROM detections WHERE event_time BETWEEN "
            f"make_timestamptz({begin}) AND make_timestamptz({end})")) == sorted(ids), day
    stop_and_ask_the_catalog(archive)


def test_a_row_without_a_time_is_archived_too(start_server):
    """Where the pipeline's SQL leaves the time out."""
    config = configs.standard(more=archives.config(commit_every=NEVER)).replace(
        "SELECT detection_id, event_time,",
        "SELECT detection_id, CASE WHEN frame_no % 10 = 3 THEN NULL ELSE event_time END AS event_time,")
    server = start_server(config)
    archive = Archive(server)
    put(server, on_day("2024-05-01", 100))
    before = server.content_hashes()["detections"]
    archive.flush()
    assert server.content_hashes()["detections"] == before
    assert server.value("SELECT count(*) FROM detections WHERE event_time IS NULL") == 10
    rows, _ = archives.assert_all_read_the_same(archive)
    assert sum(rows.values()) == 100
    assert len(archive.table().scan(row_filter="event_time is null").to_arrow()) == 10


def test_rows_that_left_memory_are_read_from_files(start_server, request):
    """keep.hot is a minute or more: with --full that minute is waited for."""
    config = configs.standard(more=archives.config()).replace(
        'keys = ["camera_id", "location_id"]', 'keys = ["camera_id", "location_id"]\nkeep = { hot = "1m" }')
    assert "hot" in config
    server = start_server(config)
    archive = Archive(server)
    made = on_day("2024-05-01", 200)
    put(server, made)
    archive.flush()
    rows = server.content_hashes()
    assert is_found_by_key(server, made[0])
    if not request.config.getoption("--full"):
        return
    wait_for("the rows to leave memory", lambda: not is_found_by_key(server, made[0]), seconds=120, pause=1)
    assert server.content_hashes() == rows
    server.kill()
    server.start()
    assert server.content_hashes() == rows
    put(server, made[:50])
    archive.flush()
    again = server.content_hashes()
    assert again["detections"] == rows["detections"] and len(again["detections$dupes"]) == 50


def is_found_by_key(server, event):
    answer = server.client("dynamodb").get_item(TableName="detections", Key={"detection_id": {"S": event["detection_id"]}})
    return "Item" in answer


def test_columns_that_come_and_go(start_server):
    """Another SELECT from the next start on: what is archived stays, with nulls in what it does not have."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 100))
    archive.flush()
    server.stop()
    config = server.config_file.read_text()
    server.config_file.write_text(config.replace("cam.vendor AS vendor,", "upper(camera_id) AS shouted,"))
    server.start()
    put(server, on_day("2024-05-02", 50))
    for _ in range(2):
        assert server.sql("SELECT count(*)::INT AS n, count(vendor)::INT AS old, count(shouted)::INT AS new "
                          "FROM detections") == [{"n": 150, "old": 100, "new": 50}]
        archive.flush()
    archives.assert_all_read_the_same(archive)
    rows = archive.table().scan(selected_fields=("vendor", "shouted")).to_arrow()
    assert (rows["vendor"].null_count, rows["shouted"].null_count) == (50, 100)

    server.stop()
    server.config_file.write_text(config.replace("cam.vendor AS vendor,", "frame_no AS vendor,"))
    with pytest.raises(server_module.ServerError, match="FRS-3603.*vendor|vendor.*FRS-3603"):
        server.start()


# ---- what is said of it -------------------------------------------------------------------------------------


def test_a_deleted_stream_leaves_its_archive(start_server):
    """Its last rows are archived first; a stream of that name made again goes on with them."""
    server = start_server(configs.standard() + archives.config(commit_every=NEVER))
    kinesis, archive = server.client("kinesis"), Archive(server)
    events.put_all(kinesis, "detections", [events.record(events.make(i, run="first")) for i in range(100)])
    kinesis.delete_stream(StreamName="detections")
    kinesis.create_stream(StreamName="detections", ShardCount=2)
    wait_for("the files", lambda: server.request("POST", "/v1/sql", b'{"sql":"SELECT 1 FROM detections"}')[0] == 200)
    assert server.value("SELECT count(*) FROM detections") == 100
    events.put_all(kinesis, "detections", [events.record(events.make(i, run="second")) for i in range(10)])
    assert server.value("SELECT count(*) FROM detections") == 110
    archive.flush()
    assert server.value("SELECT count(DISTINCT detection_id) FROM detections") == 110


def test_a_stream_stays_while_its_rows_cannot_be_archived(start_server):
    server = start_server(configs.standard() + archives.config(commit_every=NEVER))
    kinesis = server.client("kinesis")
    events.put_all(kinesis, "detections", [events.record(events.make(i)) for i in range(10)])
    shutil.rmtree(server.data / "archive")
    (server.data / "archive").write_text("in the way")
    with pytest.raises(kinesis.exceptions.ResourceInUseException, match="FRS-3435|not archived"):
        kinesis.delete_stream(StreamName="detections")
    assert server.value("SELECT count(*) FROM detections") == 10
    events.put_all(kinesis, "detections", [events.record(events.make(10))])
    assert server.value("SELECT count(*) FROM detections") == 11


def test_what_is_said_of_the_archive(start_server):
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 60) + on_day("2024-05-02", 40))
    before = time.time()
    archive.flush()
    state = archive.state()
    assert set(state) == set(archives.TABLES)
    mine = state["detections"]
    assert (mine["rows"], mine["files"], mine["iceberg_name"]) == (100, 2, "detections")
    assert mine["bytes"] == sum(file.stat().st_size for file in archive.data_files())
    assert archives.path_of(mine["location"]) == archive.folder / "detections"
    table = archive.table()
    assert (mine["snapshot_id"], mine["snapshots"]) == (table.current_snapshot().snapshot_id, len(table.snapshots()))
    committed = datetime.datetime.fromisoformat(mine["committed"]).timestamp()
    assert before - 1 <= committed <= time.time() + 1
    assert mine["boundary"] >= server.value("SELECT max(position) FROM detections")
