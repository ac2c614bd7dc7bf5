"""boto3's DynamoDB client on a pipeline's table, read only."""
import json

import boto3.dynamodb.conditions as conditions
import boto3
import botocore.exceptions
import pytest

import configs
import events

COUNT = 600
CAMERA = configs.CAMERAS[3][0]


@pytest.fixture(scope="module", autouse=True)
def published(server):
    made = [events.make(number, run="dynamodb") for number in range(COUNT)]
    events.put_all(server.client("kinesis"), "detections", [events.record(event) for event in made])
    return {event["detection_id"]: event for event in made}


@pytest.fixture
def table(server):
    resource = boto3.resource("dynamodb", endpoint_url=server.aws_url, region_name="us-east-1",
                              aws_access_key_id="test", aws_secret_access_key="test")
    return resource.Table("detections")


def of_camera(published, camera):
    """The camera's events, by time."""
    return sorted((event for event in published.values() if event["camera_id"] == camera),
                  key=lambda event: event["event_time"])


def pages(call, **arguments):
    items, more = [], {}
    while True:
        answer = call(**arguments, **more)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def test_the_table_describes_itself(dynamodb):
    assert "detections" in dynamodb.list_tables()["TableNames"]
    described = dynamodb.describe_table(TableName="detections")["Table"]
    assert described["TableStatus"] == "ACTIVE"
    assert described["KeySchema"] == [{"AttributeName": "detection_id", "KeyType": "HASH"}]
    indexes = {index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
               for index in described["GlobalSecondaryIndexes"]}
    assert indexes == {"by_camera": ["camera_id", "event_time"], "by_location": ["location_id", "event_time"]}


def test_get_item_gives_the_joined_row(dynamodb, published):
    event = next(iter(published.values()))
    item = dynamodb.get_item(TableName="detections", Key={"detection_id": {"S": event["detection_id"]}})["Item"]
    location = dict(configs.CAMERAS)[event["camera_id"]]
    assert item["detection_id"] == {"S": event["detection_id"]}
    assert item["camera_id"] == {"S": event["camera_id"]}
    assert item["location_id"] == {"S": location}
    assert item["camera_name"] == {"S": f"{event['camera_id']} v0"}
    assert item["location_name"] == {"S": f"{location} v0"}
    assert item["event_time"] == {"S": event["event_time"].replace("Z", ".000000Z")}
    assert float(item["confidence"]["N"]) == pytest.approx(event["confidence"], abs=1e-4)
    assert item["frame_no"] == {"N": str(event["frame_no"])}


def test_a_location_that_is_not_known_leaves_nulls(dynamodb, published):
    event = next(event for event in published.values() if dict(configs.CAMERAS)[event["camera_id"]] == "loc-5")
    item = dynamodb.get_item(TableName="detections", Key={"detection_id": {"S": event["detection_id"]}})["Item"]
    assert item["location_id"] == {"S": "loc-5"}
    assert item.get("location_name", {"NULL": True}) == {"NULL": True}


def test_get_item_of_nothing(dynamodb):
    answer = dynamodb.get_item(TableName="detections", Key={"detection_id": {"S": events.event_id("nobody")}})
    assert "Item" not in answer


def test_projection(dynamodb, published):
    key = {"detection_id": {"S": next(iter(published))}}
    item = dynamodb.get_item(TableName="detections", Key=key, ProjectionExpression="camera_id, #n",
                             ExpressionAttributeNames={"#n": "item_name"})["Item"]
    assert set(item) == {"camera_id", "item_name"}


def test_batch_get_item(dynamodb, published):
    keys = [{"detection_id": {"S": one}} for one in list(published)[:90]]
    keys.append({"detection_id": {"S": events.event_id("nobody")}})
    answer = dynamodb.batch_get_item(RequestItems={"detections": {"Keys": keys}})
    assert {item["detection_id"]["S"] for item in answer["Responses"]["detections"]} == set(list(published)[:90])
    assert answer["UnprocessedKeys"] == {}


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_query_by_camera_in_both_directions(dynamodb, published, forward, limit):
    items = pages(dynamodb.query, TableName="detections", IndexName="by_camera", Limit=limit, ScanIndexForward=forward,
                  KeyConditionExpression="camera_id = :c", ExpressionAttributeValues={":c": {"S": CAMERA}})
    wanted = [event["detection_id"] for event in of_camera(published, CAMERA)]
    assert [item["detection_id"]["S"] for item in items] == (wanted if forward else wanted[::-1])


@pytest.mark.parametrize("condition, keep", [
    ("event_time BETWEEN :a AND :b", lambda t: "2024-05-01T08:03:00Z" <= t <= "2024-05-01T08:06:03Z"),
    ("event_time < :b", lambda t: t < "2024-05-01T08:06:03Z"),
    ("event_time <= :b", lambda t: t <= "2024-05-01T08:06:03Z"),
    ("event_time > :a", lambda t: t > "2024-05-01T08:03:00Z"),
    ("event_time >= :a", lambda t: t >= "2024-05-01T08:03:00Z"),
])
def test_query_by_time(dynamodb, published, condition, keep):
    bounds = {":a": {"S": "2024-05-01T10:03:00+02:00"}, ":b": {"S": "2024-05-01T08:06:03Z"}}
    values = {":c": {"S": CAMERA}, **{name: value for name, value in bounds.items() if name in condition}}
    items = pages(dynamodb.query, TableName="detections", IndexName="by_camera",
                  KeyConditionExpression=f"camera_id = :c AND {condition}", ExpressionAttributeValues=values)
    assert [item["detection_id"]["S"] for item in items] == [
        event["detection_id"] for event in of_camera(published, CAMERA) if keep(event["event_time"])]


def test_query_by_location_with_a_filter(dynamodb, published):
    cameras = {camera for camera, location in configs.CAMERAS if location == "loc-2"}
    items = pages(dynamodb.query, TableName="detections", IndexName="by_location", Limit=10,
                  KeyConditionExpression="location_id = :l", FilterExpression="item_name = :i AND confidence > :x",
                  ExpressionAttributeValues={":l": {"S": "loc-2"}, ":i": {"S": "bus"}, ":x": {"N": "0.01"}})
    wanted = {event["detection_id"] for event in published.values()
              if event["camera_id"] in cameras and event["item_name"] == "bus" and event["confidence"] > 0.01}
    assert {item["detection_id"]["S"] for item in items} == wanted and wanted


def test_the_resource_interface(table, published):
    answer = table.query(IndexName="by_camera", Limit=5, ScanIndexForward=False,
                         KeyConditionExpression=conditions.Key("camera_id").eq(CAMERA))
    assert [item["detection_id"] for item in answer["Items"]] == [
        event["detection_id"] for event in of_camera(published, CAMERA)[::-1][:5]]


def test_scan_meets_every_row_once(dynamodb, published):
    items = pages(dynamodb.scan, TableName="detections", Limit=97)
    found = [item["detection_id"]["S"] for item in items]
    assert len(found) == len(set(found)) and set(found) >= set(published)
    parts = [pages(dynamodb.scan, TableName="detections", Segment=part, TotalSegments=3) for part in range(3)]
    assert sorted(item["detection_id"]["S"] for part in parts for item in part) == sorted(found)


def test_outcome_tables_can_be_scanned(server, dynamodb):
    kinesis = server.client("kinesis")
    kinesis.put_record(StreamName="detections", PartitionKey="a", Data=b"{nonsense")
    if "detections$dead" in dynamodb.list_tables()["TableNames"]:
        assert dynamodb.scan(TableName="detections$dead")["Count"] >= 1


@pytest.mark.parametrize("call, arguments", [
    ("put_item", {"Item": {"detection_id": {"S": "x"}}}),
    ("delete_item", {"Key": {"detection_id": {"S": "x"}}}),
    ("update_item", {"Key": {"detection_id": {"S": "x"}}}),
])
def test_a_write_names_the_stream_to_write_to(dynamodb, call, arguments):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        getattr(dynamodb, call)(TableName="detections", **arguments)
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "detections" in raised.value.response["Error"]["Message"]


def test_errors_have_their_names(dynamodb):
    def code(call, **arguments):
        with pytest.raises(botocore.exceptions.ClientError) as raised:
            call(**arguments)
        return raised.value.response["Error"]["Code"]

    key = {"detection_id": {"S": events.event_id("nobody")}}
    assert code(dynamodb.get_item, TableName="nowhere", Key=key) == "ResourceNotFoundException"
    assert code(dynamodb.get_item, TableName="detections", Key={"camera_id": {"S": "x"}}) == "ValidationException"
    assert code(dynamodb.query, TableName="detections", IndexName="by_nothing", KeyConditionExpression="a = :a",
                ExpressionAttributeValues={":a": {"S": "x"}}) == "ValidationException"
    assert code(dynamodb.query, TableName="detections", IndexName="by_camera", KeyConditionExpression="camera_id =",
                ExpressionAttributeValues={":a": {"S": "x"}}) == "ValidationException"
    assert code(dynamodb.batch_get_item, RequestItems={"detections": {"Keys": [
        {"detection_id": {"S": events.event_id(number)}} for number in range(101)]}}) == "ValidationException"
    assert code(dynamodb.get_item, TableName="detections", Key=key, ConsistentRead=True,
                ProjectionExpression="a,,b") == "ValidationException"


def test_a_put_that_is_answered_is_there(server, dynamodb):
    kinesis = server.client("kinesis")
    for number in range(200):
        event = events.make(number, run="at once", attributes={"n": number})
        kinesis.put_record(StreamName="detections", PartitionKey=event["camera_id"], Data=json.dumps(event).encode())
        item = dynamodb.get_item(TableName="detections", Key={"detection_id": {"S": event["detection_id"]}}).get("Item")
        assert item is not None and item["frame_no"] == {"N": str(number)}
