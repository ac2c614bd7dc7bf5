"""Seven cameras of MOTChallenge through the whole path: retries, malformed events, crashes, a second feed, a rebuild.

With FRESHET_MOT_DIR on the real ground truth (204,701 rows); always on a small folder of the same format, made up.
"""
import collections
import itertools
import shutil

import mot
from feeds import Killer, assert_all_right, assert_published_counts, publish


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
