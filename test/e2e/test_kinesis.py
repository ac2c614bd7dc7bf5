"""boto3's Kinesis client, unmodified: what is put is what is read."""
import hashlib
import random

import botocore.exceptions
import pytest

import events


def error_code(call, *arguments, **keywords):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(*arguments, **keywords)
    return raised.value.response["Error"]["Code"]


def test_a_stream_is_made_described_and_deleted(kinesis):
    kinesis.create_stream(StreamName="made", ShardCount=3)
    kinesis.get_waiter("stream_exists").wait(StreamName="made")
    summary = kinesis.describe_stream_summary(StreamName="made")["StreamDescriptionSummary"]
    assert (summary["StreamStatus"], summary["OpenShardCount"], summary["RetentionPeriodHours"]) == ("ACTIVE", 3, 24)
    assert "made" in kinesis.list_streams()["StreamNames"]
    shards = kinesis.list_shards(StreamName="made")["Shards"]
    ranges = sorted((int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
                    for shard in shards)
    assert ranges[0][0] == 0 and ranges[-1][1] == 2**128 - 1
    assert all(before[1] + 1 == after[0] for before, after in zip(ranges, ranges[1:]))
    by_arn = kinesis.describe_stream(StreamARN=summary["StreamARN"])["StreamDescription"]
    assert by_arn["StreamName"] == "made"
    kinesis.delete_stream(StreamName="made")
    kinesis.get_waiter("stream_not_exists").wait(StreamName="made")


def test_contents_come_back_exactly(kinesis, stream):
    chance = random.Random(7)
    contents = [b"", b"\x00", "grün ✓".encode(), bytes(range(256))]
    contents += [chance.randbytes(chance.randrange(1, 4000)) for _ in range(500)]
    records = [{"Data": data, "PartitionKey": f"key-{number % 17} ü"} for number, data in enumerate(contents)]
    outcomes = events.put_all(kinesis, stream, records)
    read = {(shard, one["SequenceNumber"]): one for shard, found in events.read_stream(kinesis, stream).items()
            for one in found}
    assert len(read) == len(records)
    for sent, outcome in zip(records, outcomes, strict=True):
        found = read[outcome["ShardId"], outcome["SequenceNumber"]]
        assert (found["Data"], found["PartitionKey"]) == (sent["Data"], sent["PartitionKey"])


def test_a_record_of_a_mebibyte(kinesis, stream):
    data = random.Random(1).randbytes(1024 * 1024 - 3)
    kinesis.put_record(StreamName=stream, PartitionKey="big", Data=data)
    assert [one["Data"] for found in events.read_stream(kinesis, stream).values() for one in found] == [data]
    assert error_code(kinesis.put_record, StreamName=stream, PartitionKey="big",
                      Data=data + b"....") in ("ValidationException", "InvalidArgumentException")


def test_the_shard_is_the_md5_of_the_key(kinesis, stream):
    shards = kinesis.list_shards(StreamName=stream)["Shards"]

    def shard_of(number):
        (shard,) = [shard["ShardId"] for shard in shards if int(shard["HashKeyRange"]["StartingHashKey"]) <= number
                    <= int(shard["HashKeyRange"]["EndingHashKey"])]
        return shard

    for key in ("a", "ö", "x" * 256, "camera 7"):
        outcome = kinesis.put_record(StreamName=stream, PartitionKey=key, Data=b"x")
        assert outcome["ShardId"] == shard_of(int.from_bytes(hashlib.md5(key.encode()).digest()))
    for number in (0, 2**127 - 1, 2**127, 2**128 - 1):
        outcome = kinesis.put_record(StreamName=stream, PartitionKey="a", Data=b"x", ExplicitHashKey=str(number))
        assert outcome["ShardId"] == shard_of(number)


def test_order_and_sequence_numbers_of_one_key(kinesis, stream):
    numbers = []
    for number in range(200):
        more = {"SequenceNumberForOrdering": numbers[-1]} if numbers else {}
        numbers.append(kinesis.put_record(StreamName=stream, PartitionKey="one", Data=str(number).encode(),
                                          **more)["SequenceNumber"])
    assert numbers == sorted(numbers, key=int) and len(set(numbers)) == len(numbers)
    read = [one for found in events.read_stream(kinesis, stream).values() for one in found]
    assert [one["Data"] for one in read] == [str(number).encode() for number in range(200)]


@pytest.mark.parametrize("kind", ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"])
def test_iterators(kinesis, stream, kind):
    put = [kinesis.put_record(StreamName=stream, PartitionKey="one", Data=str(number).encode()) for number in range(10)]
    shard = put[0]["ShardId"]
    arrivals = {one["Data"]: one["ApproximateArrivalTimestamp"]
                for one in events.read_stream(kinesis, stream)[shard]}
    more, wanted = {
        "AT_SEQUENCE_NUMBER": ({"StartingSequenceNumber": put[4]["SequenceNumber"]}, range(4, 12)),
        "AFTER_SEQUENCE_NUMBER": ({"StartingSequenceNumber": put[4]["SequenceNumber"]}, range(5, 12)),
        "TRIM_HORIZON": ({}, range(12)),
        "LATEST": ({}, range(10, 12)),
        "AT_TIMESTAMP": ({"Timestamp": arrivals[b"0"]}, range(12)),
    }[kind]
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind,
                                          **more)["ShardIterator"]
    for number in (10, 11):
        kinesis.put_record(StreamName=stream, PartitionKey="one", Data=str(number).encode())
    read = events.read_shard(kinesis, iterator)
    assert [one["Data"] for one in read] == [str(number).encode() for number in wanted]


def test_retention_tags_and_limits(kinesis, stream):
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 48
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"owner": "test", "kind": "e2e"})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["kind"])
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == [{"Key": "owner", "Value": "test"}]
    assert kinesis.describe_limits()["ShardLimit"] > 0


def test_errors_have_their_names(kinesis, stream):
    assert error_code(kinesis.describe_stream, StreamName="nowhere") == "ResourceNotFoundException"
    assert error_code(kinesis.put_record, StreamName="nowhere", PartitionKey="a", Data=b"") == "ResourceNotFoundException"
    assert error_code(kinesis.create_stream, StreamName=stream, ShardCount=1) == "ResourceInUseException"
    assert error_code(kinesis.get_records, ShardIterator="nonsense") in ("InvalidArgumentException",
                                                                        "ExpiredIteratorException")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="LATEST")["ShardIterator"]
    assert error_code(kinesis.get_records, ShardIterator=iterator, Limit=10_001) in ("InvalidArgumentException",
                                                                                    "ValidationException")
    many = [{"Data": b"x", "PartitionKey": "a"}] * 501
    assert error_code(kinesis.put_records, StreamName=stream, Records=many) == "ValidationException"
    assert error_code(kinesis.put_record, StreamName=stream, PartitionKey="x" * 257, Data=b"") == "ValidationException"
    assert error_code(kinesis.put_record, StreamName=stream, PartitionKey="a", Data=b"",
                      ExplicitHashKey=str(2**128)) == "InvalidArgumentException"
    assert error_code(kinesis.get_shard_iterator, StreamName=stream, ShardId="shardId-000000009999",
                      ShardIteratorType="LATEST") == "ResourceNotFoundException"
    # An operation that Freshet does not have; the connection stays usable.
    assert error_code(kinesis.describe_account_settings) == "UnknownOperationException"
    assert kinesis.describe_stream_summary(StreamName=stream)


def test_streams_and_records_survive_a_crash(start_server):
    server = start_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="kept", ShardCount=1)
    outcomes = events.put_all(kinesis, "kept", [{"Data": str(number).encode(), "PartitionKey": "a"}
                                                for number in range(1200)])
    server.kill()
    server.start()
    read = [one for found in events.read_stream(server.client("kinesis"), "kept").values() for one in found]
    assert [one["Data"] for one in read] == [str(number).encode() for number in range(1200)]
    assert {one["SequenceNumber"] for one in read} == {outcome["SequenceNumber"] for outcome in outcomes}
    later = server.client("kinesis").put_record(StreamName="kept", PartitionKey="a", Data=b"later")
    assert int(later["SequenceNumber"]) > max(int(outcome["SequenceNumber"]) for outcome in outcomes)
