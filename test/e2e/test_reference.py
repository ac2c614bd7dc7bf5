"""Reference tables are switched whole, under load, and a bad file changes nothing."""
import itertools
import re
import threading
import time

import pytest

import configs
import events
import server as server_module
from s3 import REGION, unused_url

CAMERA_COLUMNS = ["camera_id", "location_id", "name", "vendor", "heading_deg"]


class Load(threading.Thread):
    """Puts events until it is stopped."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.kinesis, self.number, self.stopping, self.failure = server.client("kinesis"), 0, threading.Event(), None

    def run(self):
        try:
            while not self.stopping.is_set():
                batch = [events.record(events.make(self.number + i, run="load")) for i in range(100)]
                events.put_all(self.kinesis, "detections", batch)
                self.number += 100
        except Exception as failure:  # shown by the test
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join(60)
        assert self.failure is None, self.failure


def cameras_file(folder, tag, spoil=None):
    """A version of `cameras` in which every row carries `tag` twice, spoilt where the test wants it so."""
    path = folder / f"cameras-{tag}.csv"
    rows = [(camera, location, f"{camera} {tag}", tag, 7) for camera, location in configs.CAMERAS]
    if spoil == "duplicate":
        rows.append((configs.CAMERAS[4][0], "loc-1", "again", tag, 7))
    configs.write_csv(path, CAMERA_COLUMNS, rows)
    if spoil == "cut":
        text = path.read_text()
        path.write_text(text[: text.rindex(",", 0, text.rindex(","))])
    return path


def put_reference(server, name, path):
    return server.freshet("ref", "put", name, str(path), "--yes", check=False)


def test_switching_under_load(start_server, tmp_path, request):
    server = start_server()
    load = Load(server)
    load.start()
    switches = 100 if request.config.getoption("--full") else 40
    good, refused = [], 0
    try:
        for number in range(1, switches + 1):
            spoil = {3: "cut", 6: "duplicate"}.get(number % 8)
            done = put_reference(server, "cameras", cameras_file(tmp_path, f"v{number}", spoil))
            if spoil is None:
                assert done.returncode == 0, done.stderr
                good.append(f"v{number}")
                continue
            refused += 1
            assert done.returncode == 1, f"{spoil} was taken: {done.stdout}"
            assert re.search(r"FRS-13\d\d", done.stderr) and "cameras" in done.stderr
            # By name and line: of a key that stands twice, both lines (the head is line 1).
            lines = ["6", str(len(configs.CAMERAS) + 2)] if spoil == "duplicate" else [str(len(configs.CAMERAS) + 1)]
            assert all(re.search(rf"\b{line}\b", done.stderr) for line in lines), done.stderr
    finally:
        load.stop()
    assert refused >= 5
    versions = server.sql("SELECT ref_version, count(*) AS rows, count(DISTINCT vendor) AS vendors, min(vendor) AS vendor, "
                          "count(*) FILTER (camera_name <> camera_id || ' ' || vendor) AS mixed "
                          "FROM detections GROUP BY ref_version ORDER BY ref_version")
    assert sum(int(row["rows"]) for row in versions) == load.number
    for row in versions:
        assert int(row["vendors"]) == 1 and int(row["mixed"]) == 0, f"a version is mixed: {row}"
    met = [row["vendor"] for row in versions]
    assert set(met) <= {"v0", *good} and len(met) > len(good) // 3
    assert met == sorted(met, key=lambda tag: int(tag[1:])), "versions rise"
    last = events.make(10_000_000, run="last")
    server.client("kinesis").put_records(StreamName="detections", Records=[events.record(last)])
    (row,) = server.sql(f"SELECT vendor FROM detections WHERE detection_id = '{last['detection_id']}'")
    assert row["vendor"] == good[-1]


def test_versions_survive_a_crash(start_server, tmp_path):
    server = start_server()
    kinesis = server.client("kinesis")
    for number in range(6):
        assert put_reference(server, "cameras", cameras_file(tmp_path, f"v{number + 1}")).returncode == 0
        events.put_all(kinesis, "detections", [events.record(events.make(100 * number + i)) for i in range(100)])
    before = server.content_hashes()
    server.kill()
    server.start()
    assert server.content_hashes() == before
    history = server.freshet("ref", "history", "cameras").stdout
    assert len(history.splitlines()) >= 6


def test_a_file_that_changes_is_reloaded(start_server):
    config = configs.standard().replace('from = "reference/cameras.csv"',
                                        'from = "reference/cameras.csv"\nreload = "200ms"')
    server = start_server(config)
    configs.write_references(server.folder / "reference", "v1")
    kinesis = server.client("kinesis")

    def vendor(number):
        event = events.make(number, run="reload")
        kinesis.put_records(StreamName="detections", Records=[events.record(event)])
        (row,) = server.sql(f"SELECT vendor FROM detections WHERE detection_id = '{event['detection_id']}'")
        return row["vendor"]

    assert any(vendor(number) == "v1" for number in range(2_000)), "the new file was not taken"


def test_get_gives_what_was_put(start_server, tmp_path):
    server = start_server()
    path = cameras_file(tmp_path, "v1")
    assert put_reference(server, "cameras", path).returncode == 0
    given = server.freshet("ref", "get", "cameras").stdout
    assert all(camera in given for camera, _ in configs.CAMERAS) and "v1" in given
    changed = server.freshet("ref", "diff", "cameras", str(cameras_file(tmp_path, "v2")), check=False)
    assert changed.returncode == 2, "diff found changes"
    assert server.freshet("ref", "diff", "cameras", str(path), check=False).returncode == 0


@pytest.mark.parametrize("name", ["cameras", "locations"])
def test_a_bad_file_at_start_leaves_the_old_version(start_server, name):
    server = start_server()
    server.stop()
    path = server.folder / "reference" / f"{name}.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    server.start()  # with the version that it has
    assert "FRS-13" in server.log_tail()
    event = events.make(1, run="start")
    events.put_all(server.client("kinesis"), "detections", [events.record(event)])
    assert server.value("SELECT count(*) FROM detections WHERE vendor = 'v0'") == 1


def test_a_reference_in_s3(start_server, s3):
    """Starts with it, switches when it changes, keeps the old when it is bad or away, and says why."""
    key = "reference/cameras.csv"

    def put(text):
        s3.s3.put_object(Bucket=s3.bucket, Key=key, Body=text.encode())

    def text_of(tag):
        return "".join(f"{line}\n" for line in ["camera_id,location_id,name,vendor,heading_deg"] + [
            f"{camera},{location},{camera} {tag},{tag},7" for camera, location in configs.CAMERAS])

    def config(endpoint):
        return configs.standard().replace('from = "reference/cameras.csv"', (
            f'from = "s3://{s3.bucket}/{key}"\nendpoint = "{endpoint}"\nregion = "{REGION}"\nreload = "100ms"'))

    put(text_of("v1"))
    server = start_server(config(s3.url), environment=s3.environment())
    kinesis, numbers = server.client("kinesis"), itertools.count()

    def vendor():
        event = events.make(next(numbers), run="s3")
        events.put_all(kinesis, "detections", [events.record(event)])
        (row,) = server.sql(f"SELECT vendor FROM detections WHERE detection_id = '{event['detection_id']}'")
        return row["vendor"]

    def wait_for(what):
        for _ in range(600):
            if what():
                return
            time.sleep(0.05)
        pytest.fail(server.log_tail())

    assert vendor() == "v1"
    put(text_of("v2"))
    wait_for(lambda: vendor() == "v2")
    # A line twice, and half of a file: named by URL and line, and not taken.
    put(text_of("v3") + f"{configs.CAMERAS[0][0]},loc-1,again,v3,7\n")
    wait_for(lambda: re.search(rf"FRS-13\d\d[^\n]*s3://{s3.bucket}/{key}", server.log_tail()))
    assert vendor() == "v2"
    put(text_of("v4")[:-20])
    wait_for(lambda: re.search(rf"FRS-13\d\d[^\n]*s3://{s3.bucket}/{key}[^\n]*{len(configs.CAMERAS) + 1}", server.log_tail()))
    assert vendor() == "v2"
    s3.s3.delete_object(Bucket=s3.bucket, Key=key)
    wait_for(lambda: "FRS-3703" in server.log_tail())
    assert vendor() == "v2"
    put(text_of("v5"))
    wait_for(lambda: vendor() == "v5")
    # The store is away when the server starts: what the catalog has goes on.
    server.kill()
    server.config_file.write_text(config(unused_url()))
    server.start()
    assert vendor() == "v5"
    assert "FRS-3707" in server.log_tail()
    assert "freshet_pipeline_reference_refused_total 1" in server.request("GET", "/metrics")[2].decode()


@pytest.mark.parametrize("bucket, key, environment, number", [
    ("no-such-bucket", "cameras.csv", {}, "FRS-3714"),
    (None, "nothing.csv", {}, "FRS-3703"),
    (None, "nothing.csv", {"AWS_SECRET_ACCESS_KEY": "wrong"}, "FRS-3706"),
    (None, "nothing.csv", {"AWS_ACCESS_KEY_ID": ""}, "FRS-3712"),
])
def test_without_a_version_there_is_no_start(start_server, s3, bucket, key, environment, number):
    url = f"s3://{bucket or s3.bucket}/{key}"
    config = configs.standard().replace('from = "reference/cameras.csv"',
                                        f'from = "{url}"\nendpoint = "{s3.url}"\nregion = "{REGION}"')
    with pytest.raises(server_module.ServerError) as refused:
        start_server(config, environment={**s3.environment(), **environment})
    assert number in str(refused.value) and (url in str(refused.value) or number == "FRS-3712")
