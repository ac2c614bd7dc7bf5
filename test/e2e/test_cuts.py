"""The same question at the same cut, partial answers, and what EXPLAIN says is read: over memory and archived files."""
import datetime
import json
import re

import pytest

import archives
import configs
import events
import server as server_module
from archives import NEVER, Archive, on_day, put, wait_for
from test_archive_faults import cut, flip, remove

QUESTIONS = [
    "SELECT count(*) AS n, count(DISTINCT detection_id) AS ids, sum(position) AS s, max(position) AS last FROM detections",
    "SELECT camera_id, item_name, count(*) AS n, min(event_time) AS first, max(confidence) AS best FROM detections "
    "GROUP BY ALL ORDER BY ALL",
    "SELECT * FROM detections ORDER BY position, sub_position",
    "SELECT * FROM detections WHERE event_time >= TIMESTAMPTZ '2024-05-02 00:00:00Z' AND camera_id = 'cam-03' "
    "ORDER BY position, sub_position",
    'SELECT * FROM "detections$dead" ORDER BY position, sub_position',
    'SELECT * FROM "detections$dupes" ORDER BY position, sub_position',
]


def ask(server, sql, **more):
    """(body, cut token), byte by byte as it came."""
    status, headers, body = server.request("POST", "/v1/sql", json.dumps({"sql": sql, **more}).encode(),
                                           {"Content-Type": "application/json"})
    if status != 200:
        raise server_module.SqlError(status, body.decode(errors="replace"))
    return body, headers["Freshet-Cut"]


def answers_at(server, **moment):
    return [ask(server, sql, **moment)[0] for sql in QUESTIONS]


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def past_answers(server, moment):
    """As of a moment that may not be past enough yet."""
    def ask_all():
        try:
            return answers_at(server, as_of=moment)
        except server_module.SqlError as refused:
            assert "FRS-5015" in refused.body, refused
            return None

    return wait_for("the moment to be past", ask_all)


def test_acceptance_5_the_same_cut_gives_the_same_digits_again(start_server):
    """Asked in memory, then after more events, commits, a compaction, a kill and a restart without checkpoints."""
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    made = on_day("2024-05-01", 300) + on_day("2024-05-02", 300)
    put(server, made)
    archive.flush()
    put(server, on_day("2024-05-02", 100, run="memory") + made[:20])
    events.put_all(server.client("kinesis"), "detections", [{"Data": b"{nonsense", "PartitionKey": "x"}])
    token = ask(server, QUESTIONS[0])[1]
    moment = utc_now()
    before = answers_at(server, cut=token)
    assert json.loads(before[0])[0]["n"] == 700 and len(json.loads(before[2])) == 700
    assert len(json.loads(before[3])) > 3 and len(json.loads(before[4])) == 1 and len(json.loads(before[5])) == 20
    assert [ask(server, sql)[0] for sql in QUESTIONS] == before
    assert past_answers(server, moment) == before

    def later():
        assert answers_at(server, cut=token) == before
        assert answers_at(server, as_of=moment) == before

    put(server, on_day("2024-05-02", 150, run="later") + on_day("2024-05-03", 150) + made[20:50])
    later()
    archive.flush()
    later()
    for part in range(3):
        put(server, on_day("2024-05-01", 10, run=f"late {part}"))
        archive.flush()
    assert archive.job("compact")["detections"]["files_after"] == 3
    later()
    server.kill()
    server.start()
    later()
    server.stop()
    for entry in server.data.iterdir():
        if entry.name == "checkpoint":
            for file in entry.rglob("*"):
                if file.is_file():
                    file.unlink()
    server.start()
    later()
    assert int(server.value("SELECT count(*) FROM detections")) == 1030
    done = server.freshet("sql", "--cut", token, "--format", "json", QUESTIONS[2])
    assert done.stdout.encode() == before[2]
    with pytest.raises(server_module.SqlError, match="FRS-5015"):
        ask(server, QUESTIONS[0], cut="v1,detections@9000000000000000000+1")


@pytest.mark.parametrize("damage", [remove, cut, flip])
def test_a_partial_answer_counts_what_is_whole_and_names_the_rest(start_server, damage):
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 400) + on_day("2024-05-02", 300))
    archive.flush()
    put(server, on_day("2024-05-03", 50))
    (file,) = [one for one in archive.data_files() if one.parent.name == "event_time_day=2024-05-01"]
    damage(file)
    count = "SELECT count(*) AS n FROM detections"
    with pytest.raises(server_module.SqlError) as refused:
        server.sql(count)
    status, headers, body = server.request("POST", "/v1/sql", json.dumps({"sql": count, "partial": True}).encode(),
                                           {"Content-Type": "application/json"})
    answer = json.loads(body)
    assert status == 200 and answer["rows"] == [{"n": 350}]
    (missing,) = answer["partial"]
    assert missing["table"] == "detections" and missing["rows"] == 400 and archives.path_of(missing["file"]) == file
    assert re.match(r"FRS-38\d\d", missing["reason"]) and missing["reason"][:8] in refused.value.body
    assert json.loads(headers["Freshet-Partial"]) == answer["partial"]

    done = server.freshet("sql", "--partial", count, check=False)
    assert done.returncode == 6 and "350" in done.stdout
    assert file.name in done.stderr and "at most 400" in done.stderr and missing["reason"][:8] in done.stderr
    done = server.freshet("sql", "--partial", "--json", count, check=False)
    assert done.returncode == 6 and json.loads(done.stdout)["partial"] == answer["partial"]
    # Of a question that does not need the file nothing is missing.
    other = count + " WHERE event_time >= TIMESTAMPTZ '2024-05-02 00:00:00Z'"
    done = server.freshet("sql", "--partial", "--json", other)
    assert json.loads(done.stdout)["partial"] == [] and json.loads(done.stdout)["rows"] == [{"n": 350}]


def test_a_partial_answer_without_the_archives_metadata(start_server):
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    put(server, on_day("2024-05-01", 100))
    archive.flush()
    file = archives.path_of(archive.state()["detections"]["metadata_url"])
    server.stop()
    file.unlink()
    server.start()
    put(server, on_day("2024-05-02", 7))

    def refusal():
        with pytest.raises(server_module.SqlError) as refused:
            server.sql("SELECT count(*) FROM detections")
        assert "FRS-5014" in refused.value.body
        return file.name in refused.value.body

    wait_for("the reason in the error", refusal)
    status, _, body = server.request("POST", "/v1/sql", json.dumps(
        {"sql": "SELECT count(*) AS n FROM detections", "partial": True}).encode(), {})
    answer = json.loads(body)
    assert status == 200 and answer["rows"] == [{"n": 7}], body
    (missing,) = answer["partial"]
    assert missing["rows"] is None and missing["up_to_position"] > 0 and file.name in missing["reason"]


def test_explain_says_what_is_read_and_why_not_the_rest(start_server):
    server = start_server(configs.standard(more=archives.config(commit_every=NEVER)))
    archive = Archive(server)
    for day in range(1, 6):
        put(server, on_day(f"2024-05-{day:02}", 60))
    archive.flush()
    put(server, on_day("2024-05-06", 10))
    rows, token = ask(server, "EXPLAIN SELECT count(*) FROM detections WHERE camera_id = 'cam-03' AND event_time "
                              "BETWEEN TIMESTAMPTZ '2024-05-02 00:00:00Z' AND TIMESTAMPTZ '2024-05-03 12:00:00Z'")
    rows = json.loads(rows)
    assert {tuple(row) for row in rows} == {("explain_key", "table", "count", "rows", "bytes", "explain_value")}
    told = {}
    for row in rows:
        told.setdefault(row["explain_key"], []).append(row)
    assert told["cut"][0]["explain_value"] == token
    assert (told["files"][0]["count"], told["files"][0]["rows"]) == (5, 300)
    assert (told["files read"][0]["count"], told["files read"][0]["rows"]) == (2, 120)
    assert {(row["count"], row["explain_value"].split(" 2024")[0]) for row in told["files left out"]} == {
        (1, "day of event_time is below"), (2, "day of event_time is above")}
    assert [row["explain_value"].split("/")[-2] for row in told["file"]] == [
        "event_time_day=2024-05-02", "event_time_day=2024-05-03"]
    assert (told["chunks read"][0]["count"], told["chunks read"][0]["rows"]) == (1, 10)
    assert "UNGROUPED_AGGREGATE" in told["physical_plan"][0]["explain_value"]
    shown = server.freshet("sql", "EXPLAIN SELECT count(*) FROM detections WHERE position < 1").stdout
    assert "files left out" in shown and "position is above 1" in shown and "UNGROUPED_AGGREGATE" in shown
