"""The AWS CLI, with nothing set but endpoint, region and keys."""
import base64
import json
import os
import pathlib
import subprocess
import sys

import events


def aws(server, *arguments):
    environment = {**os.environ, "AWS_ENDPOINT_URL": server.aws_url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "",
                   "AWS_ACCESS_KEY_ID": "cli", "AWS_SECRET_ACCESS_KEY": "cli"}
    program = pathlib.Path(sys.executable).with_name("aws")
    done = subprocess.run([str(program), *arguments, "--output", "json"], capture_output=True, text=True,
                          env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else {}


def test_create_put_and_read(server, tmp_path):
    aws(server, "kinesis", "create-stream", "--stream-name", "cli", "--shard-count", "1")
    aws(server, "kinesis", "wait", "stream-exists", "--stream-name", "cli")
    contents = tmp_path / "contents"
    contents.write_bytes(bytes(range(256)))
    put = aws(server, "kinesis", "put-record", "--stream-name", "cli", "--partition-key", "k", "--data",
              f"fileb://{contents}")
    iterator = aws(server, "kinesis", "get-shard-iterator", "--stream-name", "cli", "--shard-id", put["ShardId"],
                   "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
    (record,) = aws(server, "kinesis", "get-records", "--shard-iterator", iterator)["Records"]
    assert (record["Data"], record["PartitionKey"], record["SequenceNumber"]) == (
        base64.b64encode(contents.read_bytes()).decode(), "k", put["SequenceNumber"])


def test_an_event_becomes_a_row(server):
    event = events.make(5, run="cli")
    aws(server, "kinesis", "put-record", "--stream-name", "detections", "--partition-key", event["camera_id"],
        "--data", json.dumps(event))
    item = aws(server, "dynamodb", "get-item", "--table-name", "detections", "--key",
               json.dumps({"detection_id": {"S": event["detection_id"]}}))["Item"]
    assert item["vendor"] == {"S": "v0"} and item["item_name"] == {"S": event["item_name"]}
