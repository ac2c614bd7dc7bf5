"""Readers that follow a stream see every record once and in order per key, across a split, a merge and a crash."""
import collections
import datetime
import threading
import time

import botocore.exceptions
import pytest

import configs
import events

KEYS = [f"key-{number}" for number in range(12)]
TROUBLE = (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError)


def again_until_answered(call, *arguments, deadline=60, **keywords):
    """The call's answer; while the server is away, the call again."""
    end = time.monotonic() + deadline
    while True:
        try:
            return call(*arguments, **keywords)
        except TROUBLE:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Writer(threading.Thread):
    """Puts a counter per key, in order, one request after another; what was not answered is put again."""

    def __init__(self, kinesis, stream):
        super().__init__(daemon=True)
        self.kinesis, self.stream = kinesis, stream
        self.acknowledged = {key: [] for key in KEYS}  # payloads, in order
        self.sent = collections.Counter()
        self.stopping = threading.Event()
        self.failure = None
        self.written = 0

    def run(self):
        number = 0
        try:
            while not self.stopping.is_set():
                self.put_round(number)
                number += 1
                self.written = number
        except Exception as failure:  # shown by the test, which alone may fail
            self.failure = failure

    def put_round(self, number):
        waiting, attempt = list(KEYS), 0
        while waiting:
            payloads = {key: f"{key} {number:06} {attempt:03}" for key in waiting}
            attempt += 1
            for key in waiting:
                self.sent[payloads[key]] += 1
            try:
                answer = self.kinesis.put_records(StreamName=self.stream, Records=[
                    {"Data": payloads[key].encode(), "PartitionKey": key} for key in waiting])
            except TROUBLE:
                time.sleep(0.02)
                continue
            failed = []
            for key, outcome in zip(waiting, answer["Records"], strict=True):
                if "ErrorCode" in outcome:
                    failed.append(key)
                else:
                    self.acknowledged[key].append(payloads[key])
            waiting = failed

    def stop(self):
        self.stopping.set()
        self.join(60)
        assert self.failure is None, self.failure


class Reader:
    """Follows a stream from iterators on its open shards, through the children of those that close."""

    def __init__(self, kinesis, stream, iterators):
        self.kinesis, self.stream = kinesis, stream
        self.iterators = dict(iterators)  # shard to iterator, of those being read
        self.finished = set()
        self.waiting = {}                 # child to its parents, where not all are read yet
        self.last = {}                    # shard to the sequence number read last
        self.records = []

    def iterator(self, shard, kind, **more):
        return again_until_answered(self.kinesis.get_shard_iterator, StreamName=self.stream, ShardId=shard,
                                    ShardIteratorType=kind, **more)["ShardIterator"]

    def poll(self):
        """Reads once from each shard; tells whether all are caught up."""
        caught_up = True
        for shard, iterator in list(self.iterators.items()):
            answer = again_until_answered(self.kinesis.get_records, ShardIterator=iterator, Limit=1000)
            for record in answer["Records"]:
                assert int(record["SequenceNumber"]) > self.last.get(shard, -1), "the positions of a shard rise"
                self.last[shard] = int(record["SequenceNumber"])
                self.records.append(record["Data"].decode())
            caught_up &= not answer["Records"] and answer["MillisBehindLatest"] == 0
            if "NextShardIterator" in answer:
                self.iterators[shard] = answer["NextShardIterator"]
                continue
            del self.iterators[shard]
            self.finished.add(shard)
            caught_up = False
            for child in answer["ChildShards"]:
                self.waiting[child["ShardId"]] = set(child["ParentShards"])
        for child, parents in list(self.waiting.items()):
            # A child of a merge is read once both of its parents are.
            if parents <= self.finished:
                del self.waiting[child]
                if child not in self.iterators and child not in self.finished:
                    self.iterators[child] = self.iterator(child, "TRIM_HORIZON")
                    caught_up = False
        return caught_up

    def read_to_the_end(self):
        end = time.monotonic() + 60
        while not self.poll():
            assert time.monotonic() < end, "the reader does not catch up"


def check(reader, writer, preamble, kind):
    """Once each, in order per key, nothing else."""
    counted = collections.Counter(reader.records)
    twice = [payload for payload, count in counted.items() if count > 1]
    assert not twice, f"{kind}: read twice: {twice[:5]}"
    assert not set(counted) & preamble, f"{kind}: read what stands before its beginning"
    unknown = set(counted) - set(writer.sent)
    assert not unknown, f"{kind}: never put: {sorted(unknown)[:5]}"
    for key, payloads in writer.acknowledged.items():
        missing = [payload for payload in payloads if payload not in counted]
        assert not missing, f"{kind}: {key} lost {missing[:5]}"
        found = [payload for payload in reader.records if payload.startswith(f"{key} ")]
        assert found == sorted(found), f"{kind}: {key} is out of order"


def open_shards(kinesis, stream):
    return [shard for shard in kinesis.list_shards(StreamName=stream)["Shards"]
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]


def split(kinesis, stream, shard):
    begin, end = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((2 * begin + end) // 3))


def merge_two(kinesis, stream):
    shards = sorted(open_shards(kinesis, stream), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    kinesis.merge_shards(StreamName=stream, ShardToMerge=shards[0]["ShardId"], AdjacentShardToMerge=shards[1]["ShardId"])


def wait_for_rounds(writer, count):
    goal, end = writer.written + count, time.monotonic() + 60
    while writer.written < goal:
        assert writer.failure is None, writer.failure
        assert time.monotonic() < end, "the writer does not get on"
        time.sleep(0.005)


@pytest.mark.parametrize("crash", [False, True], ids=["restart", "crash"])
def test_readers_across_split_merge_and_restart(start_server, crash):
    server = start_server()
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="followed", ShardCount=2)

    preamble = {}
    for number in range(5):
        for key in KEYS:
            payload = f"before {key} {number}"
            preamble[payload] = kinesis.put_record(StreamName="followed", PartitionKey=key, Data=payload.encode())
    last = {}
    for outcome in preamble.values():
        last[outcome["ShardId"]] = outcome["SequenceNumber"]
    arrivals = [record["ApproximateArrivalTimestamp"] for found in events.read_stream(kinesis, "followed").values()
                for record in found]
    # A moment that is certainly behind the preamble, and certainly not in the future when it is asked for.
    moment = max(arrivals) + datetime.timedelta(milliseconds=2)
    while datetime.datetime.now(datetime.timezone.utc) <= moment + datetime.timedelta(milliseconds=2):
        time.sleep(0.001)

    shards = [shard["ShardId"] for shard in open_shards(kinesis, "followed")]
    starts = {"LATEST": lambda shard: {}, "AT_TIMESTAMP": lambda shard: {"Timestamp": moment},
              "AFTER_SEQUENCE_NUMBER": lambda shard: {"StartingSequenceNumber": last[shard]}}
    readers = {kind: Reader(kinesis, "followed", {shard: kinesis.get_shard_iterator(
        StreamName="followed", ShardId=shard, ShardIteratorType=kind, **more(shard))["ShardIterator"]
        for shard in shards}) for kind, more in starts.items()}

    writer = Writer(server.client("kinesis"), "followed")
    writer.start()
    wait_for_rounds(writer, 40)
    split(kinesis, "followed", open_shards(kinesis, "followed")[0])
    for reader in readers.values():
        reader.poll()
    wait_for_rounds(writer, 40)
    if crash:
        server.kill()
        server.start()
    else:
        server.restart()
    wait_for_rounds(writer, 40)
    merge_two(kinesis, "followed")
    wait_for_rounds(writer, 40)
    writer.stop()

    for kind, reader in readers.items():
        reader.read_to_the_end()
        check(reader, writer, set(preamble), kind)
    assert len(open_shards(kinesis, "followed")) == 2


def test_update_shard_count(start_server):
    server = start_server(configs.standard(partitions=2))
    kinesis = server.client("kinesis")
    kinesis.create_stream(StreamName="grown", ShardCount=2)
    sent = {f"{number}": f"key-{number}" for number in range(100)}
    for number, key in list(sent.items())[:50]:
        kinesis.put_record(StreamName="grown", PartitionKey=key, Data=number.encode())
    kinesis.update_shard_count(StreamName="grown", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    for number, key in list(sent.items())[50:]:
        kinesis.put_record(StreamName="grown", PartitionKey=key, Data=number.encode())
    assert len(open_shards(kinesis, "grown")) == 4
    read = [record["Data"].decode() for found in events.read_stream(kinesis, "grown").values() for record in found]
    assert sorted(read) == sorted(sent)
    sizes = [int(shard["HashKeyRange"]["EndingHashKey"]) - int(shard["HashKeyRange"]["StartingHashKey"])
             for shard in open_shards(kinesis, "grown")]
    assert max(sizes) - min(sizes) <= 4
