"""`freshet replay`: the pipeline again over a range of the log, beside production.

The real detections need FRESHET_MOT_DIR, as in test_mot.py.
"""
import json
import time

from pyiceberg.catalog.rest import RestCatalog

import archives
import configs
import events
import feeds
from archives import NEVER, wait_for

ARCHIVE = archives.config(commit_every=NEVER)
CAMERAS = ("MOT17-05", "MOT17-09")  # of the real ones: enough to differ in, and quick


def replay(server, *arguments, code=0):
    done = server.freshet("replay", "--yes", "--json", *arguments, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout) if done.stdout else json.loads(done.stderr.splitlines()[-1])


def publish(server, made):
    return events.put_all(server.client("kinesis"), "detections", [events.record(event) for event in made])


def moment(server):
    """Between what has arrived and what comes from here on."""
    time.sleep(0.002)
    now = server.value("SELECT strftime(now() AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')")
    time.sleep(0.002)
    return now


def assert_same(state, rows):
    comparison = state["comparison"]
    assert {name: comparison[name] for name in ("different", "only_replayed", "only_production")} == {
        "different": 0, "only_replayed": 0, "only_production": 0}, comparison
    assert int(comparison["equal"]) == rows


# ---- the same rows ---------------------------------------------------------------------------------


def test_real_detections_come_out_the_same_again(mot_server, data, tmp_path):
    """With retries and malformed events, half of the rows in files and half in memory: not one row differs."""
    folder, share = data
    if folder.name != "sample":
        folder, all_cameras, share = tmp_path / "two", folder, 0.01
        folder.mkdir()
        for camera in CAMERAS:
            (folder / f"{camera}.gt.txt").symlink_to(all_cameras / f"{camera}.gt.txt")
    server = mot_server(archives.config(commit_every="1s"))
    manifest = feeds.publish(server, folder, tmp_path / "sent.json", "--malformed", str(share))
    rows = sum(feeds.rows_by_camera_and_class(folder).values())
    state = replay(server, "--from", "-1h")
    assert_same(state, rows)
    feeds.assert_outcomes_right(server, manifest, rows)
    ledger = server.sql('SELECT sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(refused) AS refused '
                        'FROM "detections$ledger"')[0]
    assert {name: int(count) for name, count in ledger.items()} == {
        name: int(state["outcomes"][name]) for name in ledger}
    assert int(state["outcomes"]["duplicate"]) > 0 and int(state["outcomes"]["refused"]) > 0

    camera = server.sql("SELECT camera_id, count(*) AS n FROM detections GROUP BY ALL ORDER BY n LIMIT 1")[0]
    assert_same(replay(server, "--from", "-1h", "--camera", camera["camera_id"]), int(camera["n"]))


def test_a_range_remembers_ids_and_references_from_before_it(start_server):
    """Retries in the range of events before it make no row, and rows are joined with the versions of then."""
    server = start_server(configs.standard(more=ARCHIVE))
    before = [events.make(number, run="before") for number in range(40)]
    publish(server, before)
    start = moment(server)
    inside = [events.make(number, run="inside") for number in range(60)]
    publish(server, before[:10] + inside)
    end = moment(server)
    publish(server, [events.make(number, run="after") for number in range(20)])
    configs.write_references(server.folder / "new", tag="v1")
    for table in ("cameras", "locations"):
        server.freshet("ref", "put", "--yes", table, str(server.folder / "new" / f"{table}.csv"))
    publish(server, [events.make(number, run="later") for number in range(30)])

    state = replay(server, "--from", start, "--to", end)
    assert_same(state, 60)
    assert (int(state["outcomes"]["received"]), int(state["outcomes"]["duplicate"])) == (70, 10)
    assert_same(replay(server, "--from", "-1h"), 150)
    server.restart()
    assert_same(replay(server, "--from", start, "--to", end), 60)


# ---- another plan, and a table of its own ----------------------------------------------------------


def test_after_a_change_of_sql_exactly_the_changed_rows_are_named(start_server):
    server = start_server(configs.standard(more=ARCHIVE))
    publish(server, [events.make(number, run="sql") for number in range(90)])
    archives.Archive(server).flush()
    server.stop()
    config = server.config_file.read_text()
    changed = config.replace("track_id, item_name, confidence",
                             "track_id, CASE WHEN item_name = 'bus' THEN 'coach' ELSE item_name END AS item_name, confidence")
    assert changed != config
    server.config_file.write_text(changed)
    server.start()
    state = replay(server, "--from", "-1h", code=2)
    comparison = state["comparison"]
    assert (comparison["equal"], comparison["different"], comparison["columns"]) == (60, 30, {"item_name": 30})
    assert len(comparison["examples"]) == 5
    assert all(one["changes"] == "item_name: bus -> coach" for one in comparison["examples"])


def test_rows_become_a_table_that_others_read(start_server):
    server = start_server(configs.standard(more=ARCHIVE))
    publish(server, [events.make(number, run="into") for number in range(100)])
    state = replay(server, "--from", "-1h", "--into", "again")
    assert int(state["rows"]) == 100
    columns = "detection_id, camera_id, item_name, confidence, position, sub_position, ref_version, camera_name"

    def rows(table):
        return server.sql(f"SELECT {columns} FROM {table} ORDER BY position, sub_position")

    assert rows("again") == rows("detections")
    assert server.value("SELECT count(*) FROM again JOIN detections USING (position, sub_position)") == 100
    catalog = RestCatalog("archive", uri=f"{server.http_url}/iceberg")
    assert len(catalog.load_table("freshet.again").scan().to_arrow()) == 100
    refused = replay(server, "--from", "-1h", "--into", "again", code=1)
    assert refused["error"]["code"] == "FRS-3843", refused
    server.restart()
    wait_for("the archive", lambda: archives.Archive(server).state().get("again"))
    assert rows("again") == rows("detections")
    assert "again" not in server.client("dynamodb").list_tables()["TableNames"]


def test_case_08_a_poison_event_is_replayed_after_the_fix(start_server):
    """Its position is known, $dead has it, the stream goes on; with the SQL mended a replay makes its row."""
    broken = configs.standard(more=ARCHIVE).replace(
        "track_id, item_name, confidence",
        "track_id, CASE WHEN item_name = 'poison' THEN CAST(item_name AS INTEGER)::VARCHAR ELSE item_name END AS item_name, confidence")
    server = start_server(broken)
    publish(server, [events.make(number, run="good") for number in range(20)])
    poison = events.make(0, run="poison", item_name="poison")
    (put,) = publish(server, [poison])
    publish(server, [events.make(number, run="more") for number in range(20)])
    assert server.value("SELECT count(*) FROM detections") == 40, "the stream goes on"
    (dead,) = server.sql('SELECT detection_id, reason, position, partition FROM "detections$dead"')
    assert (dead["detection_id"], dead["reason"], dead["partition"]) == (
        poison["detection_id"], "sql", put["ShardId"])
    archives.Archive(server).flush()
    server.stop()
    server.config_file.write_text(configs.standard(more=ARCHIVE))
    server.start()

    state = replay(server, "--from", "-1h", code=2)
    comparison = state["comparison"]
    assert (int(comparison["equal"]), int(comparison["only_replayed"])) == (40, 1)
    assert int(comparison["examples"][0]["position"]) == int(dead["position"])
    replay(server, "--from", "-1h", "--into", "mended")
    (row,) = server.sql(f"SELECT item_name, position FROM mended WHERE detection_id = '{poison['detection_id']}'")
    assert (row["item_name"], row["position"]) == ("poison", dead["position"])


# ---- what is refused -------------------------------------------------------------------------------


def test_bad_ranges_names_and_keys_are_refused_with_their_reason(start_server):
    server = start_server()
    publish(server, [events.make(number) for number in range(10)])
    for arguments, code in [(("--from", "-1h", "--to", "-2h"), "FRS-5121"),
                            (("--from", "-1h", "--to", "-30m"), "FRS-5121"),
                            (("--from", "-1h", "--pipeline", "others"), "FRS-5120"),
                            (("--from", "-1h", "--into", "copy"), "FRS-5123"),
                            (("--from", "-1h", "--into", "no/name"), "FRS-5123")]:
        refused = replay(server, *arguments, code=3 if code == "FRS-5120" else 1)
        assert refused["error"]["code"] == code, (arguments, refused)
    done = server.freshet("replay", "--from", "-1h", check=False)
    assert done.returncode == 1 and "nothing is kept" in done.stderr and "--yes" in done.stderr
    assert server.freshet("replay", "--from", "yesterday", check=False).returncode == 2
    status, _, body = server.request("GET", "/v1/replay/replay-9")
    assert status == 404 and b"FRS-5125" in body


def test_a_server_that_dies_leaves_no_half_table(start_server):
    server = start_server(configs.standard(more=ARCHIVE))
    publish(server, [events.make(number, run="half") for number in range(10_000)])
    status, _, body = server.request("POST", "/v1/replay", json.dumps(
        {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "into": "half"}).encode())
    assert status == 202, body
    server.kill()
    server.start()
    wait_for("the archive", lambda: "detections" in archives.Archive(server).state())
    status, _, body = server.request("GET", f"/v1/replay/{json.loads(body)['replay']}")
    assert status == 404, body
    found = archives.Archive(server).state().get("half")
    assert found is None or int(found["rows"]) == 10_000, "whole or not at all"
    if found is None:
        assert int(replay(server, "--from", "-1h", "--into", "half")["rows"]) == 10_000
    assert server.value("SELECT count(*) FROM half") == 10_000
