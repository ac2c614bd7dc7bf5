"""Seven cameras of MOTChallenge through the whole path: retries, malformed events, crashes, a second feed, a rebuild.

With FRESHET_MOT_DIR on the real ground truth (204,701 rows); always on a small folder of the same format, made up.
"""
import collections
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

import check
import make_sample
import mot
import reference
import server as server_module

EXAMPLE = server_module.ROOT / "examples" / "mot"

# What the data's own README says: a mistake in reading the files would otherwise stand on both sides.
MOT17_ROWS = {"MOT17-02": 30_003, "MOT17-04": 108_005, "MOT17-05": 8_013, "MOT17-09": 10_411, "MOT17-10": 17_450,
              "MOT17-11": 10_617, "MOT17-13": 20_202}
MOT17_CLASSES = {"pedestrian": 112_297, "occluder on the ground": 28_573, "occluder full": 19_580, "bicycle": 13_527,
                 "static person": 12_041, "car": 6_189, "occluder": 3_724, "distractor": 3_595, "reflection": 2_250,
                 "person on vehicle": 1_864, "motorbike": 1_050, "non motorised vehicle": 11}


@pytest.fixture(params=["sample", "mot17"])
def data(request, tmp_path):
    """A folder of ground truth, and the share of malformed events that fits its size."""
    if request.param == "mot17":
        folder = os.environ.get("FRESHET_MOT_DIR")
        if not folder:
            pytest.skip("FRESHET_MOT_DIR is not set: NOT tried on real detections, only on made-up ones")
        return pathlib.Path(folder), 0.001
    make_sample.write(tmp_path / "sample", frames=120, tracks=12)
    return tmp_path / "sample", 0.01


@pytest.fixture
def mot_server(start_server):
    def start():
        config = (EXAMPLE / "freshet.toml").read_text().replace("127.0.0.1:4566", "127.0.0.1:0").replace(
            "127.0.0.1:8080", "127.0.0.1:0")
        # So that restarts begin at checkpoints: the real data makes ten of them.
        config = config.replace("[limits]\n", "[limits]\nreplay = 20000\n", 1)
        assert "replay" in config
        return start_server(config, prepare=lambda folder: reference.write(folder / "reference"))
    return start


def publish(server, folder, manifest, *more):
    done = subprocess.run([sys.executable, str(EXAMPLE / "publish.py"), str(folder), "--endpoint", server.aws_url,
                           "--manifest", str(manifest), *more], capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(pathlib.Path(manifest).read_text())


def assert_all_right(server, folder, manifest):
    faults, summary = check.check(folder, manifest, server.http_url)
    assert not faults, f"{summary}\n" + "\n".join(faults[:40])
    print(summary)


def assert_published_counts(server):
    """The counts of the data's README, from the table alone."""
    assert {row["camera_id"]: int(row["n"]) for row in server.sql(
        "SELECT camera_id, count(*) AS n FROM detections GROUP BY ALL")} == MOT17_ROWS
    assert {row["item_name"]: int(row["n"]) for row in server.sql(
        "SELECT item_name, count(*) AS n FROM detections GROUP BY ALL")} == MOT17_CLASSES
    assert server.value("SELECT count(*) FROM detections") == 204_701


def assert_the_unknown_place_is_null(server, folder):
    cameras = [camera for camera, one in mot.CAMERAS.items() if one.location == mot.UNKNOWN_LOCATION]
    rows = sum(1 for camera in cameras for _ in mot.read_rows(mot.ground_truth_files(folder)[camera]))
    assert server.value("SELECT count(*) FROM detections WHERE location_name IS NULL AND site IS NULL AND lat IS NULL "
                        f"AND location_id = '{mot.UNKNOWN_LOCATION}'") == rows > 0
    assert server.value("SELECT count(*) FROM detections WHERE location_name IS NULL") == rows


def test_seven_cameras_and_after(mot_server, data, tmp_path):
    """Every row right; a restart and the whole feed again give no row; a rebuild from the log gives the same bytes."""
    folder, share = data
    server = mot_server()
    manifest = publish(server, folder, tmp_path / "sent.json", "--malformed", str(share))
    assert len({wrong["kind"] for camera in manifest["cameras"].values() for wrong in camera["malformed"]}) >= 6
    assert sum(camera["batch_retries"] for camera in manifest["cameras"].values()) > 0 or share > 0.001
    assert_all_right(server, folder, manifest)
    assert_the_unknown_place_is_null(server, folder)
    if share == 0.001:
        assert_published_counts(server)

    before = server.content_hashes()
    server.restart()
    assert server.content_hashes() == before, "a restart changed rows"
    again = publish(server, folder, tmp_path / "again.json", "--malformed", "0", "--retries", "0")
    after = server.content_hashes()
    assert after["detections"] == before["detections"], "the whole feed again made or changed rows"
    assert len(after["detections$dupes"]) - len(before["detections$dupes"]) == sum(
        camera["acknowledged"] for camera in again["cameras"].values())

    server.stop()
    for entry in server.data.iterdir():
        if entry.name != "log" and not entry.name.startswith("catalog.sqlite"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    server.start()
    assert server.content_hashes() == after, "rows made again from the log are not the same bytes"


class Killer(threading.Thread):
    """Kills the server and starts it again, over and over."""

    def __init__(self, server, every_seconds):
        super().__init__(daemon=True)
        self.server, self.every_seconds = server, every_seconds
        self.stopping, self.kills, self.failure = threading.Event(), 0, None

    def run(self):
        try:
            while not self.stopping.wait(self.every_seconds):
                self.server.kill()
                self.kills += 1
                self.server.start()
        except Exception as failure:  # shown by the test
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join(120)
        assert self.failure is None, self.failure


def test_seven_cameras_while_the_server_is_killed(mot_server, data, tmp_path, request):
    """kill -9 every 3 seconds, the client sends until acknowledged: the same numbers. --rounds 50 for the whole trial."""
    folder, share = data
    real = share == 0.001
    kills = collections.Counter()
    for number in range(request.config.getoption("--rounds")):
        server = mot_server()
        killer = Killer(server, 3 if real else 0.8)
        killer.start()
        try:
            manifest = publish(server, folder, tmp_path / f"sent-{number}.json", "--until-acknowledged",
                               "--seed", str(number), "--malformed", str(share))
        finally:
            killer.stop()
        kills[number] = killer.kills
        if killer.kills == 0:  # a folder that is published faster than that is no trial
            server.kill()
            server.start()
        assert_all_right(server, folder, manifest)
        if real:
            assert_published_counts(server)
        server.stop()
        shutil.rmtree(server.data)
    print(f"kills per round: {list(kills.values())}")


def test_the_derived_ids_are_those_of_the_specification():
    assert mot.derived_id("frigate", "front_door", "1700000000.123456-abcdef", "1700000001.5",
                          "update") == "0a81d5d3-2f75-f1d6-9ecb-7794654e7509"
    assert mot.derived_id("deepstream", "cam1", "7", "2026-11-22T10:00:00.000Z", "0",
                          "42") == "9df02706-7ec9-d8c1-c2b9-4991dd4375a5"


def test_boxes_are_clipped_to_the_picture():
    def row(*box):
        return mot.Row("1", "1", *map(str, box), "1", "1", "1")

    assert mot.box(row(912, 484, 97, 109), mot.CAMERAS["MOT17-02"]) == [0.474479, 0.447222, 0.050521, 0.100926]
    assert mot.box(row(-9, 101, 70, 100), mot.CAMERAS["MOT17-05"]) == [0.0, 0.208333, 0.09375, 0.208333]
    assert mot.box(row(700, 10, 20, 20), mot.CAMERAS["MOT17-05"]) is None


def test_each_kind_of_malformed_event_is_different():
    import malformed
    row = mot.Row("1", "1", "10", "10", "20", "20", "1", "1", "0.5")
    event = mot.event("MOT17-02", row, mot.parse_start("2024-05-01T08:00:00Z"))
    texts = [malformed.make(kind, "MOT17-02", event, number)[2]
             for kind, number in itertools.product(malformed.KINDS, range(3))]
    assert len(set(texts)) == len(texts) and mot.to_bytes(event) not in texts
