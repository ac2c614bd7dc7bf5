"""The HTTP API and the subcommands over it: ingest, SQL in its formats, explain, tail, health, metrics."""
import csv
import io
import json
import re
import subprocess

import pytest

import configs
import events
import server as server_module

COUNT = 120


@pytest.fixture(scope="module", autouse=True)
def published(server):
    made = [events.make(number, run="http") for number in range(COUNT)]
    events.put_all(server.client("kinesis"), "detections", [events.record(event) for event in made])
    return made


def post_events(server, body, content_type="application/x-ndjson"):
    status, headers, answer = server.request("POST", "/v1/streams/detections/events", body,
                                             {"Content-Type": content_type})
    return status, headers, json.loads(answer)


def post_sql(server, sql, accept, **more):
    return server.request("POST", "/v1/sql", json.dumps({"sql": sql, **more}).encode(),
                          {"Content-Type": "application/json", "Accept": accept})


@pytest.mark.parametrize("form", ["ndjson", "array", "object"])
def test_events_are_taken_in_each_form(server, form):
    made = [events.make(number, run=f"post {form}") for number in range(1 if form == "object" else 40)]
    if form == "ndjson":
        body, content_type = b"".join(json.dumps(event).encode() + b"\n" for event in made), "application/x-ndjson"
    else:
        body, content_type = json.dumps(made if form == "array" else made[0]).encode(), "application/json"
    status, _, outcome = post_events(server, body, content_type)
    assert status == 200 and (outcome["accepted"], outcome["refused"]) == (len(made), 0)
    ids = ", ".join(f"'{event['detection_id']}'" for event in made)
    assert server.value(f"SELECT count(*) FROM detections WHERE detection_id IN ({ids}) AND vendor = 'v0'") == len(made)
    status, _, outcome = post_events(server, body, content_type)
    assert status == 200 and (outcome["accepted"], outcome["duplicate"]) == (0, len(made))


def test_some_events_refused_is_200_with_a_reason_each(server):
    good, other = events.make(1, run="partly"), events.make(2, run="partly")
    lines = [json.dumps(good), "{nonsense", json.dumps({**other, "event_time": "soon"}), json.dumps(other)]
    status, _, outcome = post_events(server, "\n".join(lines).encode())
    assert status == 200 and (outcome["accepted"], outcome["refused"]) == (2, 2)
    assert [(one["row"], one["reason"]) for one in outcome["refusals"]] == [(1, "parse"), (2, "bad_time")]


def test_sql_as_json_ndjson_and_csv(server, published):
    sql = "SELECT camera_id, count(*) AS n FROM detections WHERE frame_no < 120 GROUP BY ALL ORDER BY camera_id"
    status, headers, body = post_sql(server, sql, "application/json")
    rows = json.loads(body)
    assert status == 200 and isinstance(rows, list) and headers["Content-Type"].startswith("application/json")
    assert headers["Freshet-Cut"]
    assert rows[0]["camera_id"] == "cam-00"
    assert [json.loads(line) for line in post_sql(server, sql, "application/x-ndjson")[2].splitlines()] == rows
    table = list(csv.DictReader(io.StringIO(post_sql(server, sql, "text/csv")[2].decode())))
    assert [(row["camera_id"], int(row["n"])) for row in table] == [(row["camera_id"], int(row["n"])) for row in rows]


def test_sql_with_parameters_and_after(server):
    event = events.make(1, run="after")
    _, headers, outcome = post_events(server, json.dumps(event).encode(), "application/json")
    token = next(value for value in (headers["Freshet-Cut"], outcome.get("position"), outcome.get("after"),
                                     outcome.get("cut")) if value)
    rows = server.sql("SELECT camera_id FROM detections WHERE detection_id = $1", params=[event["detection_id"]],
                      after=token)
    assert rows == [{"camera_id": event["camera_id"]}]


@pytest.mark.parametrize("sql, status", [
    ("SELECT nothing_of_it FROM detections", 400),
    ("SELEC 1", 400),
    ("SELECT * FROM nowhere", 404),
    ("SELECT * FROM read_csv('/etc/passwd')", 400),
    ("SELECT * FROM '/etc/passwd'", 400),
    ("COPY detections TO '/tmp/freshet-e2e-copy.csv'", 400),
    ("INSTALL httpfs", 400),
    ("SET enable_external_access = true", 400),
    ("ATTACH '/tmp/freshet-e2e.db'", 400),
    ("CREATE TABLE t AS SELECT 1", 400),
    ("SELECT 1; SELECT 2", 400),
    ("SELECT range FROM range(2_000_000)", 400),
])
def test_sql_that_is_refused(server, sql, status):
    found, _, body = post_sql(server, sql, "application/json")
    error = json.loads(body)["error"]
    assert found in (status, 400, 403, 404, 413, 422), body
    assert re.fullmatch(r"FRS-\d{4}", error["code"]) and error["message"]


def test_a_query_that_takes_too_long_is_ended(start_server):
    server = start_server(configs.standard(limits=configs.LIMITS + 'query = { time = "300ms" }\n'))
    status, _, body = post_sql(server, "SELECT count(*) FROM range(1_000_000) AS a, range(1_000_000) AS b",
                               "application/json")
    assert status >= 400 and "FRS-5" in json.loads(body)["error"]["code"]
    assert server.value("SELECT 1") == 1


def test_explain_tells_an_events_fate(server):
    event = events.make(3, run="explain")
    kinesis = server.client("kinesis")
    events.put_all(kinesis, "detections", [events.record(event)] * 2)
    conflicting = {**event, "item_name": "other"}
    events.put_all(kinesis, "detections", [events.record(conflicting)])
    status, _, body = server.request("GET", f"/v1/explain/{event['detection_id']}")
    text = body.decode()
    assert status == 200 and all(word in text for word in ("accepted", "duplicate", "conflict"))
    done = server.freshet("explain", event["detection_id"])
    assert "duplicate" in done.stdout
    assert server.freshet("explain", events.event_id("nobody"), check=False).returncode == 3


def test_outcome_tables_and_ledger(server):
    kinesis = server.client("kinesis")
    event = events.make(4, run="outcomes", camera="cam-07")
    bad = {"Data": json.dumps({**event, "detection_id": events.event_id("bad"), "confidence": 7}).encode(),
           "PartitionKey": "a"}
    before = server.sql("SELECT sum(received) AS r, sum(accepted) AS a, sum(duplicate) AS d, sum(refused) AS x "
                        "FROM \"detections$ledger\" WHERE camera_id = 'cam-07'")[0]
    first = kinesis.put_records(StreamName="detections", Records=[events.record(event)])["Records"][0]
    kinesis.put_records(StreamName="detections", Records=[events.record(event), bad])
    after = server.sql("SELECT sum(received) AS r, sum(accepted) AS a, sum(duplicate) AS d, sum(refused) AS x "
                       "FROM \"detections$ledger\" WHERE camera_id = 'cam-07'")[0]
    assert {name: int(after[name]) - int(before[name] or 0) for name in after} == {"r": 3, "a": 1, "d": 1, "x": 1}
    (dead,) = server.sql("SELECT reason, detail, camera_id, decode(raw) AS raw, partition FROM \"detections$dead\" "
                         f"WHERE detection_id = '{events.event_id('bad')}'")
    assert dead["reason"] == "schema" and dead["camera_id"] == "cam-07" and json.loads(dead["raw"])["confidence"] == 7
    (dupe,) = server.sql("SELECT partition, position > first_position AS later FROM \"detections$dupes\" "
                         f"WHERE detection_id = '{event['detection_id']}'")
    assert dupe["partition"] == first["ShardId"] and dupe["later"] is True


def test_freshet_sql_in_its_formats(server):
    sql = "SELECT 'a' AS x, 1 AS y UNION ALL SELECT NULL, 2 ORDER BY y"
    assert json.loads(server.freshet("sql", sql, "--format", "json").stdout) == [{"x": "a", "y": 1}, {"x": None, "y": 2}]
    assert server.freshet("sql", sql, "--format", "csv").stdout.splitlines()[0] == "x,y"
    assert [json.loads(line)["y"] for line in server.freshet("sql", sql, "--format", "ndjson").stdout.splitlines()] == [1, 2]
    table = server.freshet("sql", sql).stdout
    assert "x" in table and "a" in table
    assert server.freshet("sql", "-f", "-", text="SELECT 42 AS z", check=False).stdout.count("42") == 1
    wrong = server.freshet("sql", "SELECT nothing", check=False)
    assert wrong.returncode == 1 and "FRS-" in wrong.stderr and wrong.stdout == ""


def test_ingest_of_a_file_and_again(server, tmp_path):
    made = [events.make(number, run="ingest") for number in range(2_500)]
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(event) + "\n" for event in made))
    done = server.freshet("ingest", str(path))
    assert "2500 accepted" in done.stdout
    again = server.freshet("ingest", str(path), "--restart")
    assert "2500 duplicate" in again.stdout and "0 accepted" in again.stdout
    with open(path, "a") as out:
        out.write("{nonsense\n")
    partly = server.freshet("ingest", str(path), check=False)
    assert partly.returncode == 6, "one event was refused"


def test_tail_shows_rows_as_they_come(server):
    process = subprocess.Popen([str(server_module.BINARY), "tail", "camera_id = 'cam-09'", "--json", "-n", "5",
                                "--server", server.http_url], stdout=subprocess.PIPE, text=True)
    number = 0
    kinesis = server.client("kinesis")
    while process.poll() is None:
        event = events.make(number, run="tail", camera="cam-09" if number % 2 else "cam-08")
        events.put_all(kinesis, "detections", [events.record(event)])
        number += 1
        assert number < 5_000, "tail shows nothing"
    lines = process.stdout.read().splitlines()
    assert len(lines) == 5 and all(json.loads(line)["camera_id"] == "cam-09" for line in lines)


def test_health_metrics_and_top(server):
    status, _, _ = server.request("GET", "/healthz")
    assert status == 200
    status, headers, body = server.request("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    names = set(re.findall(r"^(freshet_[a-z_]+)", body.decode(), re.MULTILINE))
    assert len(names) > 5
    assert server.freshet("top", "--once").stdout.strip()


@pytest.mark.parametrize("path, body, status", [
    ("/v1/streams/nowhere/events", b"{}", 404), ("/v1/nothing", b"{}", 404), ("/v1/sql", b"{", 400),
    ("/v1/sql", b'{"sql": 5}', 400),
])
def test_errors_of_the_api(server, path, body, status):
    found, _, answer = server.request("POST", path, body, {"Content-Type": "application/json"})
    assert found == status
    assert {"code", "message"} <= set(json.loads(answer)["error"])


def test_pages_of_other_sites_are_refused(server):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        status, _, _ = server.request("POST", "/v1/sql", b'{"sql": "SELECT 1"}',
                                      {"Content-Type": "application/json", **headers})
        assert status in (400, 403, 421), headers
