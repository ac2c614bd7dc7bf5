"""An archive whose store refuses or goes away, whose files are damaged, or which belongs to another server."""
import json
import os
import re
import shutil

import pytest

import archives
import configs
import events
import server as server_module
from archives import NEVER, Archive, on_day, put, stop_and_ask_the_catalog, wait_for
from s3 import S3, unused_url

FRS = re.compile(r"FRS-\d{4}")


def alarm(server):
    """Whether it is to be seen that rows cannot be archived."""
    _, _, metrics = server.request("GET", "/metrics")
    return re.search(rb"^freshet_archive_failing(\{\})? 1$", metrics, re.M) and "FRS-37" in server.log_tail(10_000)


def no_alarm(server):
    return re.search(rb"^freshet_archive_failing(\{\})? 0$", server.request("GET", "/metrics")[2], re.M)


# ---- stores ----------------------------------------------------------------------------------------


def only_moto(s3):
    if not isinstance(s3, S3):
        pytest.skip("this S3 is not ours to stop")


@pytest.mark.parametrize("wrong, words", [("bucket", "bucket"), ("key", "AWS_SECRET_ACCESS_KEY"), ("address", "127.0.0.1")])
def test_a_store_that_refuses_from_the_start(start_server, s3, wrong, words):
    """The server says clearly why it does not start, or takes events and sounds the alarm."""
    only_moto(s3)
    section, environment = s3.config("refused"), s3.environment()
    if wrong == "bucket":
        section = section.replace(f"s3://{s3.bucket}/", "s3://no-such-bucket/")
    elif wrong == "key":
        environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    else:
        section = section.replace(s3.url, unused_url())
    try:
        server = start_server(configs.standard(more=section), environment=environment)
    except server_module.ServerError as refused:
        assert "FRS-37" in str(refused) and words in str(refused), refused
        assert "ended with" in str(refused), refused  # it said so and went, it did not hang
        return
    put(server, on_day("2024-05-01", 50))
    assert server.value("SELECT count(*) FROM detections") == 50
    if wrong != "address":  # that is tried for a while before it is called a failure
        wait_for("an alarm", lambda: alarm(server))
        assert words in server.log_tail(10_000)
        server.kill()
        server.start()
        assert server.value("SELECT count(*) FROM detections") == 50
    server.stop()


def test_a_store_that_goes_away_and_comes_back(start_server, s3):
    """Events are taken while the store is away, an alarm is to be seen, and the rows arrive when it is back."""
    only_moto(s3)
    server = start_server(configs.standard(more=s3.config("away")), environment=s3.environment())
    archive = Archive(server, s3.pyiceberg())
    put(server, on_day("2024-05-01", 100))
    archive.flush()
    assert no_alarm(server)
    s3.stop()
    try:
        put(server, on_day("2024-05-02", 200))
        wait_for("an alarm", lambda: alarm(server))
        put(server, on_day("2024-05-03", 300))
        # What is in memory is answered: the files of the first day are not asked for.
        assert server.value("SELECT count(*) FROM detections WHERE event_time >= TIMESTAMPTZ '2024-05-02 00:00:00Z'") == 500
        behind = archive.state()["detections"]["boundary"]
    finally:
        s3.start()
    wait_for("the rows in the archive", lambda: archive.state()["detections"]["rows"] == 600)
    wait_for("the end of the alarm", lambda: no_alarm(server))
    assert archive.state()["detections"]["boundary"] > behind
    rows, _ = archives.assert_all_read_the_same(archive, by_duckdb=False)
    assert sum(rows.values()) == 600
    stop_and_ask_the_catalog(archive)


@pytest.mark.parametrize("from_the_start", [False, True], ids=["later", "from the start"])
def test_the_log_keeps_what_the_store_has_not(start_server, s3, from_the_start):
    """With keep.bytes far below what comes while the store refuses: puts are refused, and nothing that was taken leaves
    log and table.

    Behind that, rows that only the store has are never left out of an answer in silence."""
    only_moto(s3)
    # The stream `control` feeds no table and shows when trimming is due.
    config = configs.standard(limits='[limits]\nmemory = "1GiB"\ndisk = "1GiB"\n', more=s3.config(
        f"kept-{from_the_start}") + '[streams.control]\npartitions = 1\nkeep = { time = "24h", bytes = "1MiB" }\n')
    config = config.replace('keep = { time = "24h" }', 'keep = { time = "24h", bytes = "1MiB" }')
    if from_the_start:
        s3.refuse()
    try:
        server = start_server(config, environment=s3.environment())
        archive, kinesis = Archive(server, s3.pyiceberg()), server.client("kinesis")
        put(server, on_day("2024-05-01", 100))
        if not from_the_start:
            archive.flush()
            s3.refuse()
        kept = put_more_than_is_kept(server, kinesis)
        assert ids_in_stream(kinesis) >= kept, "the log let go what no file holds"
        assert alarm(server)
        whole = server.content_hashes() if from_the_start else None
    finally:
        s3.allow()
    archive.flush()
    rows_in_all = 100 + len(kept)
    assert archive.table().scan().count() == rows_in_all
    whole = whole or server.content_hashes()
    assert len(whole["detections"]) == rows_in_all
    wait_for("the log to be trimmed", lambda: not ids_in_stream(kinesis) >= kept)
    rows, _ = archives.assert_all_read_the_same(archive, by_duckdb=False)
    assert sum(rows.values()) == rows_in_all
    assert server.content_hashes() == whole

    s3.refuse()
    try:
        server.kill()
        server.start()
        put(server, on_day("2024-05-03", 10))
        try:
            assert server.value("SELECT count(*) FROM detections") == rows_in_all + 10
        except server_module.SqlError as refused:
            assert FRS.search(refused.body), refused
    finally:
        s3.allow()
    wait_for("the rows to be read again", lambda: rows_or_none(server) == rows_in_all + 10)
    assert server.content_hashes()["detections"][:rows_in_all] == whole["detections"]


def put_more_than_is_kept(server, kinesis):
    """Until the log, which keeps 1 MiB of what is archived, is full of what is not; comes back when upkeep has looked at
    all of it. Gives the ids that were taken."""
    kept, made = set(), []
    for part in range(2_500):
        made = [{**event, "attributes": {"note": "x" * 3_900}} for event in on_day("2024-05-02", 100, run=part)]
        answer = kinesis.put_records(StreamName="detections", Records=[events.record(event) for event in made])
        if answer["FailedRecordCount"]:
            assert {one.get("ErrorCode") for one in answer["Records"]} == {"ProvisionedThroughputExceededException"}
            break
        kept |= {event["detection_id"] for event in made}
        put(server, made, "control")
    else:
        pytest.fail("keep.bytes is reached and puts are taken all the same")
    for _ in range(2):  # the second round of upkeep began behind all that was put
        first = first_numbers(kinesis, "control")
        put(server, made * 5, "control")
        wait_for("the control stream to be trimmed", lambda: first_numbers(kinesis, "control") > first)  # noqa: B023
    return kept


def rows_or_none(server):
    try:
        return server.value("SELECT count(*) FROM detections")
    except server_module.SqlError:
        return None


def first_numbers(kinesis, stream):
    """The oldest record of each shard."""
    found = []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"],
                                              ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        records = kinesis.get_records(ShardIterator=iterator, Limit=1)["Records"]
        found.append(int(records[0]["SequenceNumber"]) if records else 0)
    return found


def ids_in_stream(kinesis, stream="detections"):
    return {json.loads(record["Data"])["detection_id"]
            for records in events.read_stream(kinesis, stream).values() for record in records}


# ---- bad files -------------------------------------------------------------------------------------


def remove(file):
    file.unlink()


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def flip(file):
    """One bit, in the middle of the columns."""
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0x10
    file.write_bytes(content)


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.parametrize("damage", [remove, cut, flip])
def test_a_damaged_file_is_named_and_the_rest_answers(start_server, damage, running):
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 400) + on_day("2024-05-02", 300))
    archive.flush()
    whole = server.content_hashes()["detections"]
    assert len(whole) == 700
    (file,) = [one for one in archive.data_files() if one.parent.name == "event_time_day=2024-05-01"]
    name = f"{file.parent.name}/{file.name}"
    assert not archive.damaged()
    good = file.read_bytes()

    if not running:
        server.stop()
    damage(file)
    if not running:
        server.start()
    with pytest.raises(server_module.SqlError) as refused:
        server.sql("SELECT * FROM detections WHERE event_time < TIMESTAMPTZ '2024-05-02 00:00:00Z'")
    assert FRS.search(refused.value.body) and name in refused.value.body
    other = server.sql("SELECT count(*) AS n, count(DISTINCT detection_id) AS ids FROM detections "
                       "WHERE event_time >= TIMESTAMPTZ '2024-05-02 00:00:00Z'")
    assert [(int(row["n"]), int(row["ids"])) for row in other] == [(300, 300)]
    assert server.value('SELECT count(*) FROM "detections$dead"') == 0
    ((url, error),) = archive.damaged().items()
    assert archives.path_of(url) == file and FRS.search(error)
    # Events are taken as ever.
    put(server, on_day("2024-05-03", 100))
    assert server.value("SELECT count(*) FROM detections WHERE event_time >= TIMESTAMPTZ '2024-05-03 00:00:00Z'") == 100

    file.write_bytes(good)
    assert server.content_hashes()["detections"][:700] == whole
    assert not archive.damaged()


def metadata_file(archive):
    return archives.path_of(archive.state()["detections"]["metadata_url"])


def manifest_list(archive):
    return archives.path_of(archive.table().current_snapshot().manifest_list)


def manifest(archive):
    table = archive.table()
    return archives.path_of(table.current_snapshot().manifests(table.io)[0].manifest_path)


@pytest.mark.parametrize("damage", [remove, cut])
@pytest.mark.parametrize("which", [metadata_file, manifest_list, manifest])
def test_damaged_metadata_is_named_and_rows_are_not_left_out(start_server, which, damage):
    """Behind a start: an error rather than fewer rows. Events are taken, and archived once the file is back."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 100))
    archive.flush()
    file = which(archive)
    good = file.read_bytes()
    server.stop()
    damage(file)
    server.start()
    with pytest.raises(server_module.SqlError) as refused:
        server.sql("SELECT count(*) FROM detections")
    assert FRS.search(refused.value.body)
    assert file.name in server.log_tail(10_000)
    put(server, on_day("2024-05-02", 10))
    status, _, body = server.request("POST", "/v1/archive/flush", b"")
    assert status >= 400 and file.name in body.decode()

    file.write_bytes(good)
    archive.flush()
    assert server.value("SELECT count(*) FROM detections") == 110
    rows, _ = archives.assert_all_read_the_same(archive)
    assert sum(rows.values()) == 110


@pytest.mark.parametrize("gone", ["removed", "in another place"])
def test_an_archive_that_is_gone_is_missed(start_server, gone):
    """Never fewer rows without a word."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 100))
    archive.flush()
    server.stop()
    if gone == "removed":
        shutil.rmtree(archive.folder)
    else:
        server.config_file.write_text(server.config_file.read_text().replace("file:archive", "file:elsewhere"))
    try:
        server.start()
    except server_module.ServerError as refused:
        assert FRS.search(str(refused)), refused
        return
    with pytest.raises(server_module.SqlError) as refused:
        server.sql("SELECT * FROM detections")
    assert FRS.search(refused.value.body)


def test_an_archive_of_another_installation_is_refused(start_server):
    first = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(first)
    put(first, on_day("2024-05-01", 100))
    archive.flush()
    before = archive.objects()
    with pytest.raises(server_module.ServerError) as refused:
        start_server(configs.standard(more=archives.config(url=f"file://{archive.folder}")))
    assert "ended with" in str(refused.value) and FRS.search(str(refused.value)), refused.value
    assert str(archive.folder) in str(refused.value)
    assert archive.objects() == before, "the first one's archive was touched"
    put(first, on_day("2024-05-01", 50, run="more"))
    archive.flush()
    rows, _ = archives.assert_all_read_the_same(archive)
    assert sum(rows.values()) == 150


def test_a_bucket_of_another_installation_is_refused(start_server, s3):
    only_moto(s3)
    section = s3.config("owned", NEVER)
    first = start_server(configs.standard(more=section), environment=s3.environment())
    put(first, on_day("2024-05-01", 100))
    Archive(first).flush()
    before = s3.names("owned/")
    with pytest.raises(server_module.ServerError) as refused:
        start_server(configs.standard(more=section), environment=s3.environment())
    assert "ended with" in str(refused.value) and FRS.search(str(refused.value)), refused.value
    assert f"s3://{s3.bucket}/owned" in str(refused.value)
    assert s3.names("owned/") == before
