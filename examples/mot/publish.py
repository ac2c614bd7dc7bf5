#!/usr/bin/env python3
"""Publishes a folder of MOTChallenge ground truth with boto3, its cameras side by side.

    publish.py FOLDER --endpoint http://127.0.0.1:4566 [--manifest sent.json]

A share of single events and of whole batches is sent again, as a fleet's transport does, and a share of malformed
events goes along. The manifest says what was sent, for check.py.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import random
import sys
import time

import boto3
import botocore.config
import botocore.exceptions
import botocore.parsers

import malformed
import mot

BATCH_RECORDS = 500
# Answers after which nothing is known about what was stored: the request may have been carried out.
UNKNOWN_OUTCOMES = (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError,
                    botocore.parsers.ResponseParserError)
NOT_SENT = (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectTimeoutError)
THROTTLES = {"ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"}


class Outgoing:
    """One record on its way, with what is known of each time it was sent."""

    def __init__(self, camera_id, data, event_id=None, kind=None, reason=None):
        self.camera_id, self.data, self.event_id = camera_id, data, event_id
        self.kind, self.reason = kind, reason
        self.acknowledged = 0  # times that the server said it is stored
        self.unknown = 0       # times that it may have been stored


class Sender:
    """Sends batches, one after another, until each record is acknowledged."""

    def __init__(self, options):
        self.stream = options.stream
        self.until_acknowledged = options.until_acknowledged
        # No retries inside the SDK: every request that leaves is counted here.
        self.client = boto3.client(
            "kinesis", endpoint_url=options.endpoint, region_name=options.region,
            aws_access_key_id=options.access_key, aws_secret_access_key=options.secret_key,
            config=botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60))
        self.requests = 0

    def send(self, batch):
        waiting = list(batch)
        pause = 0.02
        while waiting:
            waiting, trouble = self.send_once(waiting)
            if trouble:
                time.sleep(pause)
                pause = min(pause * 2, 0.5)

    def send_once(self, batch):
        """The records that are still to be sent, and whether to wait before that."""
        self.requests += 1
        try:
            answer = self.client.put_records(StreamName=self.stream, Records=[
                {"Data": record.data, "PartitionKey": record.camera_id} for record in batch])
        except botocore.exceptions.ClientError as error:
            name = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if name not in THROTTLES and (status < 500 or not self.until_acknowledged):
                raise
            if status >= 500:
                self.note_unknown(batch)
            return batch, True
        except UNKNOWN_OUTCOMES as error:
            if not self.until_acknowledged:
                raise
            if not isinstance(error, NOT_SENT):
                self.note_unknown(batch)
            return batch, True
        left = []
        for record, outcome in zip(batch, answer["Records"], strict=True):
            if "ErrorCode" not in outcome:
                record.acknowledged += 1
                continue
            if outcome["ErrorCode"] not in THROTTLES:
                record.unknown += 1
            left.append(record)
        if answer["FailedRecordCount"] != len(left):
            raise SystemExit(f"FailedRecordCount is {answer['FailedRecordCount']}, but {len(left)} records failed")
        return left, bool(left)

    @staticmethod
    def note_unknown(batch):
        for record in batch:
            record.unknown += 1


def publish_camera(camera_id, file, options):
    """Sends one camera's file in order; gives what its part of the manifest says."""
    chance = random.Random(f"{options.seed}:{camera_id}")
    start = mot.parse_start(options.start)
    sender = Sender(options)
    kinds = list(malformed.KINDS)
    next_kind = sorted(mot.CAMERAS).index(camera_id)  # so that a small folder meets different kinds
    rows, bad, again = 0, [], collections.OrderedDict()
    batch, later = [], []  # later: what may only follow once the present batch is acknowledged
    counts = {"single_retries": 0, "batch_retries": 0}
    acknowledged = unknown = 0

    def flush():
        nonlocal batch, later, acknowledged, unknown
        sender.send(batch)
        if chance.random() < options.retries:
            counts["batch_retries"] += 1
            sender.send(batch)
        for record in batch:
            if record.kind is None and record.acknowledged + record.unknown > 1:
                again[record.event_id] = record
        batch, later = later, []

    sent = []  # every record of this camera, once
    for row in mot.read_rows(file):
        event = mot.event(camera_id, row, start)
        record = Outgoing(camera_id, mot.to_bytes(event), event["detection_id"])
        rows += 1
        batch.append(record)
        sent.append(record)
        if chance.random() < options.retries:
            counts["single_retries"] += 1
            later.append(record)
        if chance.random() < options.malformed:
            kind = kinds[next_kind % len(kinds)]
            next_kind += 1
            reason, event_id, data = malformed.make(kind, camera_id, event, len(bad))
            wrong = Outgoing(camera_id, data, event_id, kind, reason)
            bad.append(wrong)
            (later if kind == "conflict" else batch).append(wrong)
        if len(batch) >= BATCH_RECORDS - 1:
            flush()
    while batch:
        flush()
    for record in sent + bad:
        acknowledged += record.acknowledged
        unknown += record.unknown
    return {
        "rows": rows, "requests": sender.requests, "acknowledged": acknowledged, "unknown": unknown, **counts,
        "again": {record.event_id: [record.acknowledged, record.unknown] for record in again.values()},
        "malformed": [{"kind": record.kind, "reason": record.reason, "id": record.event_id,
                       "sha256": hashlib.sha256(record.data).hexdigest(), "bytes": len(record.data),
                       "acknowledged": record.acknowledged, "unknown": record.unknown} for record in bad],
    }


def make_stream(options):
    """Creates the stream where the server's configuration did not."""
    client = Sender(options).client
    while True:
        try:
            client.describe_stream_summary(StreamName=options.stream)
            return
        except client.exceptions.ResourceNotFoundException:
            client.create_stream(StreamName=options.stream, ShardCount=2)
        except UNKNOWN_OUTCOMES:
            if not options.until_acknowledged:
                raise
            time.sleep(0.1)


def publish(options):
    files = mot.ground_truth_files(options.folder)
    make_stream(options)
    begin = time.monotonic()
    # Processes: signing and JSON are Python's own work, and threads would take turns.
    with concurrent.futures.ProcessPoolExecutor(len(files)) as pool:
        jobs = {camera: pool.submit(publish_camera, camera, file, options) for camera, file in files.items()}
        cameras = {camera: job.result() for camera, job in jobs.items()}
    return {"folder": str(options.folder), "start": options.start, "seed": options.seed, "stream": options.stream,
            "seconds": round(time.monotonic() - begin, 3), "cameras": cameras}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="holds NAME.gt.txt (or NAME/gt/gt.txt) per camera")
    parser.add_argument("--endpoint", default="http://127.0.0.1:4566", help="default %(default)s")
    parser.add_argument("--stream", default="detections")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--access-key", default="mot")
    parser.add_argument("--secret-key", default="mot")
    parser.add_argument("--start", default="2024-05-01T08:00:00Z", help="time of each camera's frame 1; default %(default)s")
    parser.add_argument("--retries", type=float, default=0.05, help="share of events, and of batches, sent twice")
    parser.add_argument("--malformed", type=float, default=0.001, help="malformed events per good one")
    parser.add_argument("--seed", type=int, default=1, help="of the retries and the malformed events")
    parser.add_argument("--until-acknowledged", action="store_true",
                        help="send again after broken connections and 5xx answers, for as long as it takes")
    parser.add_argument("--manifest", help="where to write what was sent, as JSON")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    manifest = publish(options)
    if options.manifest:
        with open(options.manifest, "w", encoding="utf-8") as out:
            json.dump(manifest, out)
    cameras = manifest["cameras"].values()
    rows = sum(camera["rows"] for camera in cameras)
    sent = sum(camera["acknowledged"] for camera in cameras)
    print(f"{rows} events of {len(cameras)} cameras, {sent} records acknowledged in {manifest['seconds']} s: "
          f"{sum(camera['single_retries'] for camera in cameras)} single retries, "
          f"{sum(camera['batch_retries'] for camera in cameras)} batches twice, "
          f"{sum(len(camera['malformed']) for camera in cameras)} malformed, "
          f"{sum(camera['unknown'] for camera in cameras)} with unknown outcome on the way")


if __name__ == "__main__":
    main()
