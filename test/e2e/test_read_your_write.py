"""After each answer of PutRecords, GetItem of a random accepted id returns the joined row, every time."""
import concurrent.futures
import random
import threading

import configs
import events


def test_get_item_after_put_records_under_load(start_server, request):
    server = start_server(configs.standard(partitions=4))
    answers = 10_000 if request.config.getoption("--full") else 1_600
    workers, stopping = 4, threading.Event()
    locations = dict(configs.CAMERAS)

    def load():
        """Events beside those that are looked at, so that blocks are never empty."""
        kinesis, number = server.client("kinesis"), 0
        while not stopping.is_set():
            events.put_all(kinesis, "detections", [events.record(events.make(number + i, run="load")) for i in range(200)])
            number += 200

    def look(worker):
        kinesis, dynamodb, chance = server.client("kinesis"), server.client("dynamodb"), random.Random(worker)
        accepted = []
        for number in range(answers // workers):
            batch = [events.make(number * 10 + i, run=f"worker {worker}") for i in range(10)]
            events.put_all(kinesis, "detections", [events.record(event) for event in batch])
            accepted += batch
            # Half of the time one of those just answered: that is where a late row would show.
            event = chance.choice(batch if number % 2 else accepted)
            item = dynamodb.get_item(TableName="detections", Key={"detection_id": {"S": event["detection_id"]}}).get("Item")
            assert item is not None, f"answer {number} of worker {worker}: {event['detection_id']} is not there"
            location = locations[event["camera_id"]]
            assert item["camera_id"] == {"S": event["camera_id"]} and item["location_id"] == {"S": location}
            assert item["vendor"] == {"S": "v0"}
            assert location == "loc-5" or item["location_name"] == {"S": f"{location} v0"}
        return answers // workers

    with concurrent.futures.ThreadPoolExecutor(workers + 1) as pool:
        beside = pool.submit(load)
        try:
            looked = sum(pool.map(look, range(workers)))
        finally:
            stopping.set()
        beside.result()
    assert looked == answers
