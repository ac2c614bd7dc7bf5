"""Keys and their rules: what is not allowed is refused, by its own name."""
import socket

import botocore.exceptions
import pytest

import configs
import events
import server as server_module

KEYS = """
[auth.keys.gateway]
secret_file = "keys/gateway"
allow = ["kinesis:PutRecords stream/detections", "kinesis:PutRecord stream/detections"]

[auth.keys.reader]
secret_file = "keys/reader"
allow = ["dynamodb:GetItem table/*", "kinesis:ListStreams *"]

[auth.keys.operator]
secret_file = "keys/operator"
allow = ["* *"]
"""
SECRETS = {"gateway": "secret-of-the-gateway", "reader": "secret+of/the=reader", "operator": "s"}


def write_keys(folder):
    configs.write_references(folder / "reference")
    (folder / "keys").mkdir()
    for name, secret in SECRETS.items():
        path = folder / "keys" / name
        path.write_text(secret + "\n")
        path.chmod(0o600)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    write_keys(folder)
    one = server_module.Server(folder, configs.standard(more=KEYS)).start()
    yield one
    one.stop()


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"]


def test_each_key_does_what_its_rules_say(guarded):
    event = events.make(1, run="auth")
    gateway = guarded.client("kinesis", "gateway", SECRETS["gateway"])
    assert gateway.put_records(StreamName="detections", Records=[events.record(event)])["FailedRecordCount"] == 0
    reader = guarded.client("dynamodb", "reader", SECRETS["reader"])
    key = {"detection_id": {"S": event["detection_id"]}}
    assert reader.get_item(TableName="detections", Key=key)["Item"]["camera_id"] == {"S": event["camera_id"]}
    operator = guarded.client("kinesis", "operator", SECRETS["operator"])
    operator.create_stream(StreamName="other", ShardCount=1)

    assert refusal(gateway.put_records, StreamName="other", Records=[events.record(event)]) == "AccessDeniedException"
    assert refusal(gateway.create_stream, StreamName="more", ShardCount=1) == "AccessDeniedException"
    assert refusal(guarded.client("dynamodb", "gateway", SECRETS["gateway"]).get_item, TableName="detections",
                   Key=key) == "AccessDeniedException"
    assert refusal(reader.scan, TableName="detections") == "AccessDeniedException"
    assert refusal(guarded.client("kinesis", "reader", SECRETS["reader"]).put_record, StreamName="detections",
                   PartitionKey="a", Data=b"x") == "AccessDeniedException"


def test_wrong_keys_have_their_names(guarded):
    assert refusal(guarded.client("kinesis", "nobody", "x").list_streams) == "UnrecognizedClientException"
    assert refusal(guarded.client("kinesis", "operator", "wrong").list_streams) == "InvalidSignatureException"
    assert refusal(guarded.client("kinesis", "operator", "s", region="eu-west-1").list_streams) in (
        "InvalidSignatureException", "IncompleteSignatureException")


def raw_post(guarded, headers, body):
    host, port = guarded.addresses["aws"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        lines = ["POST / HTTP/1.1", f"Host: {guarded.addresses['aws']}", f"Content-Length: {len(body)}",
                 "Connection: close", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), content.decode()


def test_without_a_signature(guarded):
    status, content = raw_post(guarded, ["Content-Type: application/x-amz-json-1.1",
                                         "X-Amz-Target: Kinesis_20131202.ListStreams"], b"{}")
    assert status == 400 and "MissingAuthenticationTokenException" in content


def test_no_secret_is_in_the_log(guarded):
    text = guarded.log_file.read_text()
    assert not any(secret in text for secret in SECRETS.values() if len(secret) > 4)
    assert "Signature=" not in text


def test_without_keys_only_loopback(start_server, tmp_path):
    config = configs.standard()
    server = start_server(config)
    assert server.client("kinesis", "anything", "goes").list_streams()["StreamNames"] == ["detections"]
    text = server.log_file.read_text().lower()
    assert "loopback" in text or "127.0.0.1" in text
    server.stop()
    server.addresses["aws"] = "0.0.0.0:0"
    with pytest.raises(server_module.ServerError, match=r"FRS-\d{4}"):
        server.start()
