"""botocore-signed requests: every honest one is accepted, every mutant refused.

Each request is signed by botocore, then one operator changes what was signed, or the signature, or adds what must not
be there. A mutant that is answered 200 is a hole in the gate.
"""
import http.client
import json
import random

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

import configs
import server as server_module

KEYS = """
[auth.keys.signer]
secret_file = "keys/signer"
allow = ["* *"]

[auth.keys.other]
secret_file = "keys/other"
allow = ["* *"]
"""
SECRET = "a secret of the signer"
HONEST_EVERY = 20


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signatures")
    configs.write_references(folder / "reference")
    (folder / "keys").mkdir()
    for name, secret in (("signer", SECRET), ("other", "the other's")):
        (folder / "keys" / name).write_text(secret + "\n")
        (folder / "keys" / name).chmod(0o600)
    one = server_module.Server(folder, configs.standard(more=KEYS)).start()
    yield one
    one.stop()


class Request:
    """A signed request as a list of header lines, so that operators may repeat and reorder them."""

    def __init__(self, host, service, target, body, chance, region="us-east-1", extra=()):
        content_type = "application/x-amz-json-1.1" if service == "kinesis" else "application/x-amz-json-1.0"
        headers = {"Content-Type": content_type, "X-Amz-Target": target, **dict(extra)}
        signed = botocore.awsrequest.AWSRequest("POST", f"http://{host}/", data=body, headers=headers)
        credentials = botocore.credentials.Credentials("signer", SECRET)
        botocore.auth.SigV4Auth(credentials, service, region).add_auth(signed)
        self.method, self.path, self.body, self.chance = "POST", "/", body, chance
        self.headers = [["Host", host]] + [[name, value] for name, value in signed.headers.items()]

    def get(self, name):
        return next(value for key, value in self.headers if key.lower() == name.lower())

    def set(self, name, value):
        for line in self.headers:
            if line[0].lower() == name.lower():
                line[1] = value
                return
        raise KeyError(name)

    def remove(self, name):
        self.headers = [line for line in self.headers if line[0].lower() != name.lower()]

    def authorization(self, change):
        """Changes one of the parts Credential, SignedHeaders, Signature."""
        algorithm, _, parts = self.get("Authorization").partition(" ")
        fields = dict(part.strip().split("=", 1) for part in parts.split(","))
        change(fields)
        self.set("Authorization", f"{algorithm} " + ", ".join(f"{name}={value}" for name, value in fields.items()))


def scope_part(index, value):
    def change(fields):
        parts = fields["Credential"].split("/")
        parts[index] = value
        fields["Credential"] = "/".join(parts)
    return lambda request: request.authorization(change)


def flip_signature(request):
    def change(fields):
        digits = list(fields["Signature"])
        place = request.chance.randrange(len(digits))
        digits[place] = request.chance.choice([digit for digit in "0123456789abcdef" if digit != digits[place]])
        fields["Signature"] = "".join(digits)
    request.authorization(change)


def cut_signature(request):
    def change(fields):
        fields["Signature"] = fields["Signature"][: request.chance.randrange(0, 64)]
    request.authorization(change)


def flip_body(request):
    place = request.chance.randrange(len(request.body))
    body = bytearray(request.body)
    # A change that leaves it JSON of the same meaning's size: letters and digits only.
    body[place] = body[place] ^ 1 if chr(body[place]).isalnum() else body[place] ^ 0x20
    request.body = bytes(body)


def without_signed(name):
    """The header is no longer signed, though it came."""
    def change(fields):
        fields["SignedHeaders"] = ";".join(one for one in fields["SignedHeaders"].split(";") if one != name)
    return lambda request: request.authorization(change)


def shift_date(request):
    stamp = request.get("X-Amz-Date")
    minute = (int(stamp[11:13]) + request.chance.randrange(1, 59)) % 60
    request.set("X-Amz-Date", f"{stamp[:11]}{minute:02}{stamp[13:]}")


def old_date(request):
    stamp = request.get("X-Amz-Date")
    request.set("X-Amz-Date", f"{int(stamp[:4]) - 1}{stamp[4:]}")


def extra_signed_name(request):
    def change(fields):
        fields["SignedHeaders"] += ";x-amz-zz"
    request.authorization(change)


def other_algorithm(request):
    request.set("Authorization", request.get("Authorization").replace("AWS4-HMAC-SHA256", request.chance.choice(
        ["AWS4-HMAC-SHA1", "AWS", "AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256x", "Bearer"])))


def other_target(request):
    target = request.get("X-Amz-Target")
    request.set("X-Amz-Target", "Kinesis_20131202.DeleteStream" if "Dynamo" in target else "DynamoDB_20120810.Scan")


def other_operation(request):
    door, _, operation = request.get("X-Amz-Target").partition(".")
    request.set("X-Amz-Target", f"{door}.{'ListStreams' if operation != 'ListStreams' else 'DescribeLimits'}")


def wrong_hash_header(request):
    request.headers.append(["X-Amz-Content-SHA256", "".join(request.chance.choices("0123456789abcdef", k=64))])


def second(name):
    def change(request):
        request.headers.append([name, request.get(name)])
    return change


def query_signature_too(request):
    request.path = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + "0" * 64


OPERATORS = {
    "flip_signature": flip_signature,
    "cut_signature": cut_signature,
    "empty_signature": lambda request: request.authorization(lambda fields: fields.update(Signature="")),
    "upper_case_signature": lambda request: request.authorization(
        lambda fields: fields.update(Signature=("A" + fields["Signature"][1:]).upper())),
    "flip_body": flip_body,
    "longer_body": lambda request: setattr(request, "body", request.body + b" "),
    "empty_body": lambda request: setattr(request, "body", b""),
    "other_key": scope_part(0, "other"),
    "unknown_key": scope_part(0, "nobody"),
    "other_scope_date": scope_part(1, "20200101"),
    "other_region": scope_part(2, "eu-central-1"),
    "other_service": lambda request: scope_part(
        3, "dynamodb" if "Kinesis" in request.get("X-Amz-Target") else "kinesis")(request),
    "weaker_service": scope_part(3, "s3"),
    "other_terminator": scope_part(4, "aws5_request"),
    "host_not_signed": without_signed("host"),
    "target_not_signed": without_signed("x-amz-target"),
    "date_not_signed": without_signed("x-amz-date"),
    "content_type_not_signed": without_signed("content-type"),
    "signed_name_without_header": extra_signed_name,
    "shift_date": shift_date,
    "old_date": old_date,
    "no_date": lambda request: request.remove("X-Amz-Date"),
    "other_target": other_target,
    "other_operation": other_operation,
    "other_content_type": lambda request: request.set("Content-Type", "application/x-amz-cbor-1.1"),
    "other_host": lambda request: request.set("Host", "kinesis.us-east-1.amazonaws.com"),
    "extra_amz_header": lambda request: request.headers.append(["X-Amz-Security-Token", "unsigned"]),
    "extra_unsigned_amz_header": lambda request: request.headers.append(["X-Amz-Anything", "1"]),
    "wrong_hash_header": wrong_hash_header,
    "unsigned_payload": lambda request: request.headers.append(["X-Amz-Content-SHA256", "STREAMING-NONSENSE"]),
    "two_authorizations": second("Authorization"),
    "two_hosts": second("Host"),
    "two_dates": second("X-Amz-Date"),
    "header_and_query": query_signature_too,
    "other_algorithm": other_algorithm,
    "no_authorization": lambda request: request.remove("Authorization"),
    "other_path": lambda request: setattr(request, "path", "/x"),
    "query": lambda request: setattr(request, "path", "/?a=b"),
    "other_method": lambda request: setattr(request, "method", "PUT"),
}


class Connection:
    """Sends requests as they are, header lines repeated where they are, on a connection that is kept."""

    def __init__(self, server):
        self.host, self.port = server.addresses["aws"].rsplit(":", 1)
        self.connection = None

    def send(self, request):
        """Status and body. A server may close after what it cannot trust; then the next one connects again."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, int(self.port), timeout=30)
        self.connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            if name.lower() != "content-length":
                self.connection.putheader(name, value)
        self.connection.putheader("Content-Length", str(len(request.body)))
        self.connection.endheaders(request.body)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self.connection.close()
            self.connection = None
        return answer.status, body


def honest(host, chance, number):
    """A random request that the server must accept."""
    kind = chance.randrange(4)
    if kind == 0:
        return Request(host, "kinesis", "Kinesis_20131202.ListStreams",
                       json.dumps({"Limit": chance.randrange(1, 100)}).encode(), chance)
    if kind == 1:
        return Request(host, "kinesis", "Kinesis_20131202.DescribeStreamSummary",
                       json.dumps({"StreamName": "detections"}).encode(), chance,
                       extra=[("X-Amz-Note", f"  spaces   inside {number} ")])
    if kind == 2:
        return Request(host, "dynamodb", "DynamoDB_20120810.ListTables",
                       json.dumps({"Limit": chance.randrange(1, 100)}).encode(), chance)
    return Request(host, "dynamodb", "DynamoDB_20120810.DescribeTable",
                   json.dumps({"TableName": "detections"}).encode(), chance, extra=[("User-Agent", "x/1 (y; z)")])


def test_every_mutant_is_refused(guarded, request):
    count = 50_000 if request.config.getoption("--full") else 12_000
    chance = random.Random(count)
    connection, names = Connection(guarded), sorted(OPERATORS)
    accepted = {}
    for number in range(count):
        made = honest(guarded.addresses["aws"], chance, number)
        if number % HONEST_EVERY == 0:
            status, body = connection.send(made)
            assert status == 200, f"an honest request was refused: {made.headers} {body}"
        name = names[number % len(names)]
        OPERATORS[name](made)
        status, body = connection.send(made)
        if not 400 <= status < 500:
            accepted.setdefault(name, f"{status} {made.method} {made.path} {made.headers} {body[:200]}")
    assert not accepted, "mutants got through:\n" + "\n".join(f"{name}: {what}" for name, what in accepted.items())
    assert len(names) >= 20


def test_requests_are_accepted_in_every_order_of_headers(guarded):
    chance, connection = random.Random(3), Connection(guarded)
    for number in range(200):
        made = honest(guarded.addresses["aws"], chance, number)
        chance.shuffle(made.headers)
        made.headers = [[chance.choice([name, name.lower(), name.upper()]), value] for name, value in made.headers]
        status, body = connection.send(made)
        assert status == 200, f"{made.headers} {body}"
