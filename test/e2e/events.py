"""Events of the tests, and reading streams as a consumer does."""
import hashlib
import json
import uuid

import configs


def event_id(*parts):
    return str(uuid.UUID(bytes=hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()[:16], version=4))


def make(number, camera=None, run="", **fields):
    """A whole event; the same arguments give the same bytes."""
    camera = camera or configs.CAMERAS[number % len(configs.CAMERAS)][0]
    return {"detection_id": event_id(run, number), "camera_id": camera, "item_name": ("car", "person", "bus")[number % 3],
            "confidence": (number % 10_001) / 10_000, "event_time": f"2024-05-01T08:{number // 60 % 60:02}:{number % 60:02}Z",
            "frame_no": number, **fields}


def record(event):
    return {"Data": json.dumps(event).encode(), "PartitionKey": event["camera_id"]}


def put_all(kinesis, stream, records):
    """Puts all, in requests of 500, and gives the outcomes; a record that failed is a failed test."""
    outcomes = []
    for begin in range(0, len(records), 500):
        answer = kinesis.put_records(StreamName=stream, Records=records[begin:begin + 500])
        assert answer["FailedRecordCount"] == 0, answer
        outcomes += answer["Records"]
    return outcomes


def read_shard(kinesis, iterator):
    """Records of a shard until its end, or until nothing is left to read."""
    records = []
    while iterator is not None:
        answer = kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
    return records


def read_stream(kinesis, stream):
    """Every record that the stream holds, by shard id."""
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    return {shard["ShardId"]: read_shard(kinesis, kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"])
        for shard in shards}
