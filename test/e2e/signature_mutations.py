#!/usr/bin/env python3
"""Every change to a signed request is refused by the server, and every honest request is accepted.

Signs realistic Kinesis and DynamoDB requests with botocore, applies one of the operators below to
each, and sends the bytes over plain sockets, because an HTTP library would repair or refuse many of
them itself.

    signature_mutations.py --endpoint http://127.0.0.1:4566 --count 50000 --seed 1

The server must have the key of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY configured. Without a
configured key it accepts any well-formed signature, and this test says so and fails.
A request counts as accepted when its signature was: any answer but the errors of SIGNATURE_ERRORS.
"""
import argparse
import collections
import datetime
import json
import os
import random
import re
import socket
import sys
import time
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

SIGNATURE_ERRORS = {
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "ExpiredTokenException",
}
# Requests are signed anew after so many seconds, to stay clear of the server's fifteen minutes.
SIGNED_FOR_S = 60
HONEST_EVERY = 20


class Request:
    """A request as bytes-to-be: mutations work on it before it is put on the wire."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.headers = list(headers)
        self.body = body

    def copy(self):
        return Request(self.method, self.target, self.headers, self.body)

    def get(self, name):
        return next(value for key, value in self.headers if key.lower() == name)

    def set(self, name, value):
        for at, (key, _) in enumerate(self.headers):
            if key.lower() == name:
                self.headers[at] = (key, value)
                return
        self.headers.append((name, value))

    def remove(self, name):
        self.headers = [(key, value) for key, value in self.headers if key.lower() != name]

    def replace_in_authorization(self, old, new):
        value = self.get("authorization")
        assert old in value, f"{old!r} is not in {value!r}"
        self.set("authorization", value.replace(old, new, 1))

    def wire(self):
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{key}: {value}" for key, value in self.headers]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


# Each operator: name -> function(request, random). Those whose name ends in "(http)" break HTTP
# itself; the server answers these 400 without an error of AWS, and closes.
OPERATORS = {}


def operator(name):
    def add(function):
        OPERATORS[name] = function
        return function

    return add


@operator("body: bit flipped")
def _(request, rng):
    at = rng.randrange(len(request.body))
    flipped = bytes([request.body[at] ^ (1 << rng.randrange(8))])
    request.body = request.body[:at] + flipped + request.body[at + 1 :]


@operator("body: byte added")
def _(request, rng):
    at = rng.randrange(len(request.body) + 1)
    request.body = request.body[:at] + b" " + request.body[at:]


@operator("body: cut")
def _(request, rng):
    request.body = request.body[: rng.randrange(len(request.body))]


@operator("signature: digit changed")
def _(request, rng):
    value = request.get("authorization")
    at = len(value) - 1 - rng.randrange(64)
    digit = rng.choice([c for c in "0123456789abcdef" if c != value[at]])
    request.set("authorization", value[:at] + digit + value[at + 1 :])


@operator("signature: cut")
def _(request, rng):
    request.set("authorization", request.get("authorization")[: -rng.randint(1, 64)])


@operator("signature: longer")
def _(request, rng):
    request.set("authorization", request.get("authorization") + rng.choice("0123456789abcdef"))


@operator("signature: upper case")
def _(request, rng):
    head, signature = request.get("authorization").split("Signature=")
    # A signature without a letter would not change; there is one in 10^13.
    request.set("authorization", head + "Signature=" + signature.upper())


@operator("signature: of other secret")
def _(request, rng):
    head = request.get("authorization").split("Signature=")[0]
    request.set("authorization", f"{head}Signature={rng.getrandbits(256):064x}")


@operator("signature: absent")
def _(request, rng):
    request.set("authorization", request.get("authorization").split(", Signature=")[0])


@operator("key: unknown")
def _(request, rng):
    request.replace_in_authorization("Credential=", f"Credential=X{rng.randrange(10**6)}")


@operator("key: empty")
def _(request, rng):
    value = request.get("authorization")
    request.set("authorization", re.sub("Credential=[^/]*/", "Credential=/", value))


@operator("scope: other day")
def _(request, rng):
    day = datetime.datetime.strptime(request.get("x-amz-date")[:8], "%Y%m%d")
    other = day + datetime.timedelta(days=rng.choice([-7, -1, 1, 7]))
    request.replace_in_authorization(f"/{day:%Y%m%d}/", f"/{other:%Y%m%d}/")


@operator("scope: other region")
def _(request, rng):
    value = request.get("authorization")
    region = value.split("/")[2]
    other = rng.choice([r for r in ("eu-west-1", "us-east-2", "us-west-1") if r != region])
    request.replace_in_authorization(f"/{region}/", f"/{other}/")


@operator("scope: other service")
def _(request, rng):
    service = request.get("authorization").split("/")[3]
    other = rng.choice([s for s in ("kinesis", "dynamodb", "s3", "sts") if s != service])
    request.replace_in_authorization(f"/{service}/", f"/{other}/")


@operator("scope: terminator")
def _(request, rng):
    request.replace_in_authorization("aws4_request", rng.choice(["aws4", "aws4_requests", ""]))


@operator("algorithm: other")
def _(request, rng):
    other = rng.choice(["AWS4-HMAC-SHA512", "AWS4-ECDSA-P256-SHA256", "AWS", "Bearer"])
    request.replace_in_authorization("AWS4-HMAC-SHA256", other)


@operator("signed names: one taken out")
def _(request, rng):
    names = re.search("SignedHeaders=([^,]*)", request.get("authorization")).group(1)
    kept = names.split(";")
    kept.remove(rng.choice(kept))
    request.replace_in_authorization(names, ";".join(kept))


@operator("signed names: one added")
def _(request, rng):
    names = re.search("SignedHeaders=([^,]*)", request.get("authorization")).group(1)
    more = names.split(";") + [rng.choice(["user-agent", "accept", "content-length", "x-other"])]
    request.replace_in_authorization(names, ";".join(sorted(more)))


@operator("signed names: out of order")
def _(request, rng):
    names = re.search("SignedHeaders=([^,]*)", request.get("authorization")).group(1)
    request.replace_in_authorization(names, ";".join(reversed(names.split(";"))))


@operator("signed names: one twice")
def _(request, rng):
    request.replace_in_authorization("host;", "host;host;")


@operator("date: shifted")
def _(request, rng):
    sent = datetime.datetime.strptime(request.get("x-amz-date"), "%Y%m%dT%H%M%SZ")
    shift = datetime.timedelta(seconds=rng.choice([-86400, -901, -1, 1, 901, 86400]))
    request.set("x-amz-date", f"{sent + shift:%Y%m%dT%H%M%SZ}")


@operator("date: another form")
def _(request, rng):
    sent = datetime.datetime.strptime(request.get("x-amz-date"), "%Y%m%dT%H%M%SZ")
    form = rng.choice(["%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT", "%Y%m%dT%H%M%S"])
    request.set("x-amz-date", sent.strftime(form))


@operator("date: absent")
def _(request, rng):
    request.remove("x-amz-date")


@operator("date: twice")
def _(request, rng):
    request.headers.append(("X-Amz-Date", request.get("x-amz-date")))


@operator("target: other operation")
def _(request, rng):
    prefix, name = request.get("x-amz-target").split(".")
    other = rng.choice([o for o in ("DeleteStream", "Scan", "DeleteTable") if o != name])
    request.set("x-amz-target", f"{prefix}.{other}")


@operator("target: twice")
def _(request, rng):
    request.headers.insert(0, ("X-Amz-Target", "Kinesis_20131202.DeleteStream"))


@operator("target: absent")
def _(request, rng):
    request.remove("x-amz-target")


@operator("host: other")
def _(request, rng):
    request.set("host", rng.choice(["localhost:1", "example.org", "127.0.0.2"]))


@operator("host: twice (http)")
def _(request, rng):
    request.headers.append(("Host", request.get("host")))


@operator("host: absent (http)")
def _(request, rng):
    request.remove("host")


@operator("content type: other")
def _(request, rng):
    request.set("content-type", rng.choice(["application/x-amz-cbor-1.1", "text/plain"]))


@operator("content type: twice")
def _(request, rng):
    request.headers.append(("Content-Type", request.get("content-type")))


@operator("content type: absent")
def _(request, rng):
    request.remove("content-type")


@operator("x-amz header added")
def _(request, rng):
    request.headers.append((f"X-Amz-{rng.choice(['Acl', 'Meta-A', 'User-Agent'])}", "1"))


@operator("token added")
def _(request, rng):
    request.headers.append(("X-Amz-Security-Token", "token"))


@operator("payload mark added")
def _(request, rng):
    marks = ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0" * 64]
    request.headers.append(("X-Amz-Content-Sha256", rng.choice(marks)))


@operator("method: other")
def _(request, rng):
    request.method = rng.choice(["PUT", "GET", "DELETE", "PATCH"])


@operator("path: other")
def _(request, rng):
    request.target = rng.choice(["/x", "//", "/./", "/x/..", "/%2e", "/\\"])
    if request.target == "//":  # the same path to SigV4, so let it name something too
        request.target = "//x"


@operator("query added")
def _(request, rng):
    request.target = rng.choice(["/?a", "/?Action=PutRecords", "/?a=%zz"])


@operator("signature in query too")
def _(request, rng):
    signature = request.get("authorization")[-64:]
    request.target = f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={signature}"


@operator("signature in query instead")
def _(request, rng):
    signature = request.get("authorization")[-64:]
    request.target = f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={signature}"
    request.remove("authorization")


@operator("authorization: absent")
def _(request, rng):
    request.remove("authorization")


@operator("authorization: twice")
def _(request, rng):
    request.headers.append(("Authorization", request.get("authorization")))


@operator("authorization: version 2")
def _(request, rng):
    request.set("authorization", "AWS AKIDEXAMPLE:c2lnbmF0dXJlIHZlcnNpb24gdHdv")


@operator("authorization: a part twice")
def _(request, rng):
    request.replace_in_authorization("Signature=", "Signature=" + "0" * 64 + ", Signature=")


class Signer:
    """Realistic requests, signed by botocore."""

    def __init__(self, endpoint, region, stream, table, rng):
        self.endpoint = endpoint
        self.region = region
        self.stream = stream
        self.table = table
        self.rng = rng
        self.credentials = botocore.credentials.Credentials(
            os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        )

    def bodies(self):
        rng = self.rng
        records = [
            {"Data": "eyJkZXRlY3Rpb25faWQiOiJtIn0=", "PartitionKey": f"camera-{rng.randrange(48)}"}
            for _ in range(rng.choice([1, 5, 50]))
        ]
        key = {"detection_id": {"S": f"m-{rng.getrandbits(64):x}"}}
        yield "kinesis", "Kinesis_20131202.PutRecords", {
            "StreamName": self.stream,
            "Records": records,
        }
        yield "kinesis", "Kinesis_20131202.DescribeStreamSummary", {"StreamName": self.stream}
        yield "kinesis", "Kinesis_20131202.ListStreams", {"Limit": rng.randint(1, 100)}
        yield "dynamodb", "DynamoDB_20120810.GetItem", {"TableName": self.table, "Key": key}
        yield "dynamodb", "DynamoDB_20120810.Query", {
            "TableName": self.table,
            "KeyConditionExpression": "detection_id = :i",
            "ExpressionAttributeValues": {":i": {"S": "caf\u00e9 \u2603"}},
        }

    def requests(self):
        signed = []
        for service, target, body in self.bodies():
            version = "1.1" if service == "kinesis" else "1.0"
            request = botocore.awsrequest.AWSRequest(
                method="POST",
                url=self.endpoint + "/",
                data=json.dumps(body).encode(),
                headers={
                    "X-Amz-Target": target,
                    "Content-Type": f"application/x-amz-json-{version}",
                    "User-Agent": "signature-mutations",
                    "Accept": "*/*",
                },
            )
            botocore.auth.SigV4Auth(self.credentials, service, self.region).add_auth(request)
            prepared = request.prepare()
            host = urllib.parse.urlsplit(self.endpoint).netloc
            headers = [("Host", host)]
            headers += [
                (key, value if isinstance(value, str) else value.decode())
                for key, value in prepared.headers.items()
                if key.lower() not in ("host", "content-length")
            ]
            signed.append(Request("POST", "/", headers, prepared.body))
        return signed


class Connection:
    """A socket that is opened again where the server closed it."""

    def __init__(self, endpoint):
        parts = urllib.parse.urlsplit(endpoint)
        self.address = (parts.hostname, parts.port or 80)
        self.socket = None
        self.buffer = b""

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None
        self.buffer = b""

    def send(self, wire):
        """Gives the status and the body."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address, timeout=30)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(wire)
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", "0"))
        while len(self.buffer) < length:
            self.receive()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split(" ")[1]), body

    def receive(self):
        came = self.socket.recv(65536)
        if not came:
            raise ConnectionError("the server closed the connection without an answer")
        self.buffer += came


def error_name(body):
    match = re.search(rb"([A-Z][A-Za-z]+Exception)", body)
    return match.group(1).decode() if match else ""


def judge(name, status, body):
    """What is wrong with the answer to a mutant, or None."""
    if not 400 <= status < 500:
        return f"answered {status}"
    if name.endswith("(http)"):
        return None if status == 400 else f"answered {status}, not 400"
    if error_name(body) not in SIGNATURE_ERRORS:
        return f"answered {status} {error_name(body) or body[:80]!r}"
    return None


def run(arguments):
    rng = random.Random(arguments.seed)
    signer = Signer(arguments.endpoint, arguments.region, arguments.stream, arguments.table, rng)
    connection = Connection(arguments.endpoint)
    names = sorted(OPERATORS)
    faults = collections.Counter()
    honest = 0
    signed_at = 0.0
    originals = []
    for at in range(arguments.count):
        if time.monotonic() - signed_at > SIGNED_FOR_S or at % 500 == 0:
            originals = signer.requests()
            signed_at = time.monotonic()
        original = originals[at % len(originals)]
        if at % HONEST_EVERY == 0:
            status, body = connection.send(original.wire())
            honest += 1
            if error_name(body) in SIGNATURE_ERRORS or status >= 500 or status == 403:
                faults[f"honest {original.get('x-amz-target')}: {status} {error_name(body)}"] += 1
        # Every operator meets every kind of request.
        name = names[(at // len(originals)) % len(names)]
        mutant = original.copy()
        OPERATORS[name](mutant, rng)
        fault = judge(name, *connection.send(mutant.wire()))
        if fault is not None:
            faults[f"mutant {name!r} of {original.get('x-amz-target')}: {fault}"] += 1
    return honest, faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    parser.add_argument("--stream", default="signature-mutations", help="need not exist")
    parser.add_argument("--table", default="signature-mutations", help="need not exist")
    arguments = parser.parse_args()
    started = time.monotonic()
    honest, faults = run(arguments)
    print(
        f"{arguments.count} mutants by {len(OPERATORS)} operators, {honest} honest requests, "
        f"seed {arguments.seed}, {time.monotonic() - started:.1f} s: {sum(faults.values())} faults"
    )
    for fault, count in faults.most_common(20):
        print(f"  {count} x {fault}")
    if any("signature: of other secret" in fault for fault in faults):
        print("  Has the server a key configured? Without one it takes any well-formed signature.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
