"""Erasure and holds: what is erased stands in no byte of the data folder, stays away, and nothing else goes."""
import datetime
import hashlib
import json
import os
import re
import time
import uuid

import duckdb
import pytest

import archives
import configs
import events
import feeds
import make_sample
import mot

HOUR = ("2024-05-01T08:10:00Z", "2024-05-01T08:20:00Z")


def aggregate(records):
    """As the Kinesis Producer Library packs them."""
    def field(number, data):
        return bytes([number << 3 | 2]) + varint(len(data)) + data

    def varint(value):
        out = b""
        while value >= 0x80:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    keys = sorted({key for key, _ in records})
    message = b"".join(field(1, key.encode()) for key in keys)
    for key, data in records:
        message += field(3, b"\x08" + varint(keys.index(key)) + field(3, data))
    return b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()


def time_of(minute, second):
    return f"2024-05-01T08:{minute:02}:{second:02}Z"


class Feed:
    """Rows of three cameras over half an hour, with retries, malformed events and aggregates."""

    def __init__(self):
        self.sent = []
        for minute in range(30):
            for second in (0, 30):
                for camera in ("cam-01", "cam-02", "cam-03"):
                    track = f"track-{camera}-{'in' if 10 <= minute < 20 else 'out'}-{minute}"
                    self.sent.append(events.make(len(self.sent), camera, "erase", track_id=track,
                                                 event_time=time_of(minute, second)))

    def is_in(self, event, camera="cam-02"):
        return event["camera_id"] == camera and HOUR[0] <= event["event_time"] < HOUR[1]

    def publish(self, server):
        kinesis = server.client("kinesis")
        plain = [event for number, event in enumerate(self.sent) if number % 3 != 0 or number % 2 == 0]
        packed = [event for event in self.sent if event not in plain]
        records = [events.record(event) for event in plain]
        # A retry, a conflict, and two that are refused: one whole but for its confidence, one cut off.
        victim = next(event for event in plain if self.is_in(event))
        records.append(events.record(victim))
        records.append(events.record({**victim, "item_name": "bus" if victim["item_name"] != "bus" else "car"}))
        records.append(events.record({**victim, "confidence": 7}))
        records.append({"Data": json.dumps(victim).encode()[:-9], "PartitionKey": victim["detection_id"]})
        for begin in range(0, len(packed), 6):
            part = packed[begin:begin + 6]
            records.append({"Data": aggregate([(event["detection_id"], json.dumps(event).encode()) for event in part]),
                            "PartitionKey": part[0]["detection_id"]})
        events.put_all(kinesis, "detections", records)
        self.victim = victim
        self.refused_of_victim, self.duplicates_of_victim = 3, 1

    def erased(self):
        return [event for event in self.sent if self.is_in(event)]

    def kept(self):
        return [event for event in self.sent if not self.is_in(event)]


def forms(event):
    """Every way in which the id might stand in a file."""
    identifier = uuid.UUID(event["detection_id"])
    return [str(identifier).encode(), str(identifier).upper().encode(), identifier.hex.encode(), identifier.bytes,
            identifier.bytes[:8][::-1] + identifier.bytes[8:][::-1]]


def needles_of(gone, tracks):
    """Tracks are a camera's own; one that events which stay have too is no secret."""
    return ({form for event in gone for form in forms(event)} |
            {event["track_id"].encode() for event in gone if tracks})


def contents(file):
    """A file's bytes, and what they are when whatever packs them is undone."""
    yield file.read_bytes().rstrip(b"\0")
    if file.suffix == ".parquet":
        rows = duckdb.sql(f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet('{file}')").fetchall()
        yield repr(rows).encode()


def all_contents(folder):
    """Of every file; looked through anew where the server renamed or removed one meanwhile."""
    for left in reversed(range(100)):
        try:
            return [(file, content) for file in folder.rglob("*") if file.is_file() for content in contents(file)]
        except (FileNotFoundError, duckdb.IOException):
            if not left:
                raise


def assert_no_byte_of(server, gone, tracks=True):
    """A raw scan of the whole data folder, and of Parquet columns as they unpack."""
    needles = needles_of(gone, tracks)
    looked_at = all_contents(server.data)
    assert looked_at
    for file, content in looked_at:
        found = [needle for needle in needles if needle in content]
        assert not found, f"{file.relative_to(server.data)} holds {found[:3]}"


def assert_rows_are(server, wanted, table="detections"):
    rows = server.sql(f'SELECT detection_id::VARCHAR AS id, camera_id, track_id FROM "{table}" ORDER BY 1')
    assert [row["id"] for row in rows] == sorted(event["detection_id"] for event in wanted)


def ledger(server, camera="cam-02"):
    return server.sql("SELECT sum(received)::INT AS received, sum(accepted)::INT AS accepted, sum(duplicate)::INT AS duplicate, "
                      "sum(refused)::INT AS refused, sum(erased)::INT AS erased FROM \"detections$ledger\" "
                      f"WHERE camera_id = '{camera}'")[0]


def erase(server, *selection, confirm):
    done = server.freshet("erase", "--data", str(server.data), *selection, f"--confirm={confirm}", "--json")
    return json.loads(done.stdout)


RANGE = ("--camera", "cam-02", "--from", HOUR[0], "--to", HOUR[1])


def config(archive):
    """Small segments: tests read every byte of them."""
    text = configs.standard(partitions=2, more=archive).replace('disk = "8GiB"', 'disk = "128MiB"')
    return text.replace("[limits]\n", "[limits]\nreplay = 60\n")


@pytest.fixture(name="fed")
def fed_fixture(start_server):
    server = start_server(config(archives.config(commit_every=archives.NEVER)))
    feed = Feed()
    feed.publish(server)
    assert_rows_are(server, feed.sent)
    return server, feed


def test_case_f3_a_camera_hour_is_in_no_byte_afterwards(fed):
    server, feed = fed
    archive = archives.Archive(server)
    archive.flush()
    # Some of it in memory and log alone.
    more = [events.make(5000 + number, "cam-02", "later", track_id=f"track-later-{number}", event_time=time_of(12, number))
            for number in range(10)]
    events.put_all(server.client("kinesis"), "detections", [events.record(event) for event in more])
    feed.sent += more
    gone = feed.erased()
    assert len(gone) == 30
    with pytest.raises(AssertionError):
        assert_no_byte_of(server, gone)  # the look finds what is there

    plan = server.freshet("erase", "--data", str(server.data), *RANGE)
    assert "30 rows" in plan.stderr and "--confirm=cam-02" in plan.stderr, plan.stderr
    assert_rows_are(server, feed.sent)
    before = ledger(server)

    erasure = erase(server, *RANGE, confirm="cam-02")
    report = erasure["report"]
    assert erasure["state"] == "done", erasure
    assert report["scan"]["found_in"] == [] and report["scan"]["log_mentions"] == 0 == report["scan"]["log_events_left"]
    assert report["archive"]["rows"] >= 20 and report["archive"]["rows_left"] == 0, report

    def assert_it_is_so():
        assert_rows_are(server, feed.kept())
        assert server.sql('SELECT * FROM "detections$dead"') == []
        assert server.sql('SELECT * FROM "detections$dupes"') == []
        counted = ledger(server)
        assert counted["received"] == before["received"]
        assert counted["erased"] == 30 + feed.refused_of_victim + feed.duplicates_of_victim, counted
        assert counted["accepted"] == before["accepted"] - 30
        assert_no_byte_of(server, gone)
        assert archive.table().scan(selected_fields=("detection_id",)).to_arrow().num_rows == len(feed.kept())

    archive.flush()
    assert_it_is_so()
    server.stop()
    assert_no_byte_of(server, gone)
    server.start()
    assert_it_is_so()


UUID = re.compile(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def rows_but(server, where):
    """Every column of every other row, as one number a camera."""
    return server.sql(f"SELECT camera_id, count(*) AS n, bit_xor(hash(d::VARCHAR))::VARCHAR AS bits FROM detections AS d "
                      f"WHERE NOT ({where}) GROUP BY camera_id ORDER BY camera_id")


def test_part_of_a_real_cameras_detections_is_erased(mot_server, tmp_path):
    """One of the real cameras, with retries and malformed events; without it, what is made up."""
    folder = tmp_path / "part"
    if "FRESHET_MOT_DIR" in os.environ:
        folder.mkdir()
        for camera, file in mot.ground_truth_files(os.environ["FRESHET_MOT_DIR"]).items():
            if camera == "MOT17-05":
                (folder / f"{camera}.gt.txt").symlink_to(file.resolve())
    else:
        make_sample.write(folder, frames=120, tracks=12)
    server = mot_server(archives.config(commit_every=archives.NEVER))
    feeds.publish(server, folder, tmp_path / "sent.json", "--malformed", "0.001")
    archive = archives.Archive(server)
    archive.flush()
    camera, begin, end = server.sql(
        "SELECT camera_id AS camera, epoch_us(quantile_disc(event_time, 0.25)) AS a, epoch_us(quantile_disc(event_time, 0.75)) AS b "
        "FROM detections GROUP BY camera_id ORDER BY camera_id DESC LIMIT 1")[0].values()
    begin, end = (datetime.datetime.fromtimestamp(int(us) / 1e6, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                  for us in (begin, end))
    where = f"camera_id = '{camera}' AND event_time >= '{begin}' AND event_time < '{end}'"
    gone = {row["id"].encode() for row in server.sql(f"SELECT detection_id::VARCHAR AS id FROM detections WHERE {where}")}
    assert len(gone) > 100
    before = rows_but(server, where)
    erase(server, "--camera", camera, "--from", begin, "--to", end, confirm=camera)

    def assert_it_is_so():
        assert server.value(f"SELECT count(*) FROM detections WHERE {where}") == 0
        assert rows_but(server, "false") == before
        assert server.value("SELECT count(*) FROM \"detections$ledger\" WHERE received <> accepted + duplicate + late + "
                            "refused + filtered + erased") == 0
        assert server.value('SELECT sum(erased) FROM "detections$ledger"') >= len(gone)
        for file, content in all_contents(server.data):
            assert not gone & {found.lower() for found in UUID.findall(content)}, file
        assert archive.table().scan(selected_fields=("detection_id",)).to_arrow().num_rows == sum(row["n"] for row in before)

    assert_it_is_so()
    server.restart()
    assert_it_is_so()


def test_late_retries_of_erased_events_are_erased_too(fed):
    server, feed = fed
    gone = feed.erased()
    erase(server, *RANGE, confirm="cam-02")
    one = feed.kept()[0]
    erase(server, "--id", one["detection_id"], confirm=one["detection_id"])
    gone.append(one)
    late = [events.record(event) for event in gone]
    late.append(events.record({**gone[0], "event_time": time_of(29, 59)}))
    late.append(events.record({**gone[1], "camera_id": "cam-03", "confidence": 7}))
    late.append({"Data": aggregate([(event["detection_id"], json.dumps(event).encode()) for event in gone[:3]]),
                 "PartitionKey": gone[0]["detection_id"]})
    events.put_all(server.client("kinesis"), "detections", late)
    stay = [event for event in feed.kept() if event is not one]
    assert_rows_are(server, stay)
    assert_no_byte_of(server, gone, tracks=False)
    for row in events.read_stream(server.client("kinesis"), "detections").values():
        for record in row:
            assert not any(form in record["Data"] for event in gone for form in forms(event))
    server.kill()
    server.start()
    assert_rows_are(server, stay)
    assert_no_byte_of(server, gone, tracks=False)


def test_an_erasure_is_completed_after_kills(fed):
    """Killed at any moment of it, again and again: the next start goes on, and nothing else is gone."""
    server, feed = fed
    archives.Archive(server).flush()
    gone = []
    for number, pause in enumerate((0.0, 0.05, 0.15, 0.4)):
        begin, end = time_of(10 + number, 0), time_of(11 + number, 0)
        body = {"camera": "cam-02", "from": begin, "to": end, "confirm": "cam-02"}
        status, _, answer = server.request("POST", "/v1/erasures", json.dumps(body).encode())
        assert status == 202, answer
        gone += [event for event in feed.sent if event["camera_id"] == "cam-02" and begin <= event["event_time"] < end]
        time.sleep(pause)
        server.kill()
        server.start(wait=False)
        time.sleep(pause)
        server.kill()
        server.start()
        erasure = json.loads(server.request("GET", f"/v1/erasures/{number + 1}")[2])
        assert erasure["state"] == "done", erasure
        assert erasure["report"]["scan"]["found_in"] == [], erasure
        assert_rows_are(server, [event for event in feed.sent if event not in gone])
    assert len(gone) == 8
    assert_no_byte_of(server, gone)


def test_the_rest_of_a_log_reads_as_before(fed):
    """Sequence numbers, keys and bytes of what stays, aggregates whose other records stay too."""
    server, feed = fed
    kinesis = server.client("kinesis")
    before = events.read_stream(kinesis, "detections")
    erase(server, *RANGE, confirm="cam-02")
    after = events.read_stream(server.client("kinesis"), "detections")
    ids = [event["detection_id"].encode() for event in feed.erased()]
    for shard, records in before.items():
        kept = [record for record in records if not any(identifier in record["Data"] for identifier in ids)]
        found = {record["SequenceNumber"]: record for record in after[shard]}
        for record in kept:
            same = found.pop(record["SequenceNumber"])
            assert (same["Data"], same["PartitionKey"]) == (record["Data"], record["PartitionKey"])
        # What is left are aggregates that lost some of their records.
        assert all(record["Data"].startswith(b"\xf3\x89\x9a\xc2") for record in found.values())


def test_a_hold_refuses_until_it_is_lifted(fed):
    server, feed = fed
    at = ("--data", str(server.data))
    server.freshet("hold", "add", "case-17", *RANGE, *at)
    held = feed.erased()[0]
    for selection, name in ((RANGE, "cam-02"), (("--id", held["detection_id"]), held["detection_id"]),
                            (("--camera", "cam-02", "--from", time_of(0, 0), "--to", time_of(10, 1)), "cam-02")):
        refused = server.freshet("erase", *at, *selection, f"--confirm={name}", check=False)
        assert refused.returncode == 4 and "FRS-3851" in refused.stderr and "case-17" in refused.stderr, refused.stderr
    assert_rows_are(server, feed.sent)
    server.restart()
    at = ("--data", str(server.data))
    wrong = server.freshet("hold", "lift", "case-17", *at, check=False)
    assert wrong.returncode == 1 and "FRS-5131" in wrong.stderr, wrong.stderr
    server.freshet("hold", "lift", "case-17", "--confirm=case-17", *at)
    listed = json.loads(server.freshet("hold", "ls", "--json", *at).stdout)["holds"]
    assert [(one["hold"], one["in_force"]) for one in listed] == [("case-17", False)]

    server.freshet("hold", "add", "one", "--id", held["detection_id"], *at)
    refused = server.freshet("erase", *at, *RANGE, "--confirm=cam-02", check=False)
    assert refused.returncode == 4 and '"one"' in refused.stderr, refused.stderr
    with pytest.raises(Exception, match="hold"):
        server.client("kinesis").delete_stream(StreamName="detections")
    server.freshet("hold", "lift", "one", "--confirm=one", *at)
    erase(server, *RANGE, confirm="cam-02")
    assert_rows_are(server, feed.kept())


def test_a_hold_is_met_where_no_table_shows_the_event(fed):
    """A stream that feeds no table: only the log knows that the id is of a camera under a hold."""
    server, _ = fed
    at = ("--data", str(server.data))
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="raw", ShardCount=1)
    kept = events.make(1, "cam-05", "raw", event_time=time_of(5, 0))
    events.put_all(kinesis, "raw", [events.record(kept)])
    server.freshet("hold", "add", "raw", "--camera", "cam-05", "--from", time_of(5, 0), "--to", time_of(6, 0), *at)
    name = kept["detection_id"]
    refused = server.freshet("erase", *at, "--id", name, f"--confirm={name}", "--json", check=False)
    assert refused.returncode == 4, refused.stderr
    assert json.loads(refused.stdout)["state"] == "refused"
    (records,) = events.read_stream(server.client("kinesis"), "raw").values()
    assert [json.loads(record["Data"]) for record in records] == [kept]
    server.freshet("hold", "lift", "raw", "--confirm=raw", *at)
    erase(server, "--id", name, confirm=name)
    (records,) = events.read_stream(server.client("kinesis"), "raw").values()
    assert records == []
    assert_no_byte_of(server, [kept], tracks=False)


def test_a_wrong_word_erases_nothing(fed):
    server, feed = fed
    at = ("--data", str(server.data))
    for arguments, words in (((*RANGE, "--confirm=cam-01"), "FRS-5131"), (("--camera", "cam-02"), "FRS-5103"),
                             (("--camera", "cam-02", "--from", "yesterday", "--to", HOUR[1]), "FRS-5103"),
                             (("--id", "x", *RANGE), "FRS-5103")):
        refused = server.freshet("erase", *at, *arguments, check=False)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
    assert_rows_are(server, feed.sent)


def test_an_archive_on_s3_is_erased_from_too(start_server, s3):
    prefix = "erased"
    server = start_server(config(s3.config(prefix, archives.NEVER)), environment=s3.environment())
    feed = Feed()
    feed.publish(server)
    archive = archives.Archive(server, s3.pyiceberg())
    archive.flush()
    gone = feed.erased()

    def objects():
        return {name: s3.s3.get_object(Bucket=s3.bucket, Key=name)["Body"].read() for name in s3.names(prefix + "/")}

    before = set(objects())
    report = erase(server, *RANGE, confirm="cam-02")["report"]
    assert report["archive"]["rows"] == len(gone) + feed.refused_of_victim + feed.duplicates_of_victim
    after = objects()
    assert report["scan"]["found_in"] == [] and before - set(after)
    for name, content in after.items():
        assert not [needle for needle in needles_of(gone, True) if needle in content], name
    assert_rows_are(server, feed.kept())
    rows = archive.table().scan(selected_fields=("detection_id",)).to_arrow()["detection_id"].to_pylist()
    assert sorted(str(row if isinstance(row, uuid.UUID) else uuid.UUID(bytes=row)) for row in rows) == sorted(
        event["detection_id"] for event in feed.kept())
    assert_no_byte_of(server, gone)
