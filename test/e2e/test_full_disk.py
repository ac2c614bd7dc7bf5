"""A file system filled to the brim while putting, then freed: nothing acknowledged is lost, ingest resumes by itself."""
import contextlib
import os
import pathlib
import subprocess
import time

import botocore.exceptions
import pytest

import configs
import events

LIMITS = """
[limits]
memory = "512MiB"
disk = "230MiB"
"""


@pytest.fixture
def small_disk(tmp_path):
    """A mounted ext4 of 256 MB."""
    if os.geteuid() != 0:
        pytest.skip("not root: the full disk is NOT tried (a loop device must be mounted)")
    image, place = tmp_path / "disk.img", tmp_path / "disk"
    place.mkdir()
    with open(image, "wb") as out:
        out.truncate(256 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(place)], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no loop device here: the full disk is NOT tried ({mounted.stderr.strip()})")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path):
    """Takes all the room that is left."""
    with open(path, "wb", buffering=0) as out:
        piece = b"\x55" * 65_536
        while piece:
            try:
                while True:
                    out.write(piece)
            except OSError:
                piece = piece[: len(piece) // 2]
        with contextlib.suppress(OSError):
            os.fsync(out.fileno())


def put(kinesis, number):
    """Ids of a batch that were acknowledged, and those of which nothing is known: a 500 promises neither way."""
    # Text that does not compress, so that the disk fills at the rate of the events.
    batch = [events.make(number + i, run="disk", attributes={"noise": os.urandom(700).hex()}) for i in range(100)]
    try:
        answer = kinesis.put_records(StreamName="detections", Records=[events.record(event) for event in batch])
    except botocore.exceptions.ClientError as error:
        # invariants of overload: a full disk is 500 or 503, never a success and never a hang.
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503), error
        return [], [event["detection_id"] for event in batch]
    outcomes = list(zip(batch, answer["Records"], strict=True))
    return ([event["detection_id"] for event, outcome in outcomes if "ErrorCode" not in outcome],
            [event["detection_id"] for event, outcome in outcomes if "ErrorCode" in outcome])


def test_a_full_disk(small_disk, start_server):
    server = start_server(configs.standard(limits=LIMITS), data=small_disk / "data")
    kinesis, dynamodb = server.client("kinesis", read_timeout=30), server.client("dynamodb")
    acknowledged, unknown, number = [], set(), 0

    def put_some(count):
        nonlocal number
        found = []
        for _ in range(count):
            stored, perhaps = put(kinesis, number)
            found += stored
            unknown.update(perhaps)
            number += 100
        acknowledged.extend(found)
        return found

    def check_rows():
        rows = [row["id"] for row in server.sql("SELECT detection_id::VARCHAR AS id FROM detections")]
        assert len(rows) == len(set(rows)) and set(acknowledged) <= set(rows), "acknowledged rows were lost"
        assert set(rows) <= set(acknowledged) | unknown

    assert len(put_some(5)) == 500
    fill(small_disk / "filler")
    deadline = time.monotonic() + 120
    while put_some(1):
        assert time.monotonic() < deadline, "the server takes events on a full disk"
    # Full: puts are refused, reads go on, the process lives.
    assert put_some(3) == []
    item = dynamodb.get_item(TableName="detections", Key={"detection_id": {"S": acknowledged[0]}})
    assert item["Item"]["vendor"] == {"S": "v0"}
    check_rows()
    assert server.process.poll() is None

    pathlib.Path(small_disk / "filler").unlink()
    deadline = time.monotonic() + 60
    while not put_some(1):
        assert time.monotonic() < deadline, "ingest does not resume"
        time.sleep(0.05)
    assert len(put_some(5)) == 500

    check_rows()
    server.kill()
    server.start()
    check_rows()
    server.stop()
