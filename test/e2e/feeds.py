"""The seven cameras of examples/mot as the tests feed them: their configuration, their publisher, their counts."""
import collections
import json
import pathlib
import subprocess
import sys
import threading

import check
import mot
import server as server_module

EXAMPLE = server_module.ROOT / "examples" / "mot"

# What the data's own README says: a mistake in reading the files would otherwise stand on both sides.
MOT17_ROWS = {"MOT17-02": 30_003, "MOT17-04": 108_005, "MOT17-05": 8_013, "MOT17-09": 10_411, "MOT17-10": 17_450,
              "MOT17-11": 10_617, "MOT17-13": 20_202}
MOT17_CLASSES = {"pedestrian": 112_297, "occluder on the ground": 28_573, "occluder full": 19_580, "bicycle": 13_527,
                 "static person": 12_041, "car": 6_189, "occluder": 3_724, "distractor": 3_595, "reflection": 2_250,
                 "person on vehicle": 1_864, "motorbike": 1_050, "non motorised vehicle": 11}


def config(more=""):
    """The example's, on ports of its own; restarts begin at checkpoints: the real data makes ten of them."""
    text = (EXAMPLE / "freshet.toml").read_text().replace("127.0.0.1:4566", "127.0.0.1:0").replace(
        "127.0.0.1:8080", "127.0.0.1:0")
    text = text.replace("[limits]\n", "[limits]\nreplay = 20000\n", 1)
    assert "replay" in text
    return text + more


def publish(server, folder, manifest, *more):
    """Sends the folder; gives what was sent."""
    done = subprocess.run([sys.executable, str(EXAMPLE / "publish.py"), str(folder), "--endpoint", server.aws_url,
                           "--manifest", str(manifest), *more], capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(pathlib.Path(manifest).read_text())


def rows_by_camera_and_class(folder):
    return collections.Counter((camera, mot.CLASSES[row.item_class]) for camera, file in
                               mot.ground_truth_files(folder).items() for row in mot.read_rows(file))


def assert_all_right(server, folder, manifest):
    """Every column of every row, each retry, each malformed event, the ledger."""
    faults, summary = check.check(folder, manifest, server.http_url)
    assert not faults, f"{summary}\n" + "\n".join(faults[:40])
    print(summary)


def assert_outcomes_right(server, manifest, rows):
    """The same without the columns of the rows, which take longest."""
    checker = check.Checker(server.http_url)
    check.check_dupes(checker, manifest)
    check.check_dead(checker, manifest)
    check.check_ledger(checker, manifest, rows)
    assert not checker.faults, "\n".join(checker.faults[:40])


def assert_published_counts(server):
    """The counts of the data's README, from the table alone."""
    assert {row["camera_id"]: int(row["n"]) for row in server.sql(
        "SELECT camera_id, count(*) AS n FROM detections GROUP BY ALL")} == MOT17_ROWS
    assert {row["item_name"]: int(row["n"]) for row in server.sql(
        "SELECT item_name, count(*) AS n FROM detections GROUP BY ALL")} == MOT17_CLASSES
    assert server.value("SELECT count(*) FROM detections") == 204_701


class Killer(threading.Thread):
    """Kills the server and starts it again, over and over, or so many times."""

    def __init__(self, server, every_seconds, times=1_000_000):
        super().__init__(daemon=True)
        self.server, self.every_seconds, self.times = server, every_seconds, times
        self.stopping, self.kills, self.failure = threading.Event(), 0, None

    def run(self):
        try:
            while self.kills < self.times and not self.stopping.wait(self.every_seconds):
                self.server.kill()
                self.kills += 1
                self.server.start()
        except Exception as failure:  # shown by the test
            self.failure = failure

    def stop(self):
        self.stopping.set()
        self.join(120)
        assert self.failure is None, self.failure
