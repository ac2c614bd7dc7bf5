"""An S3 of the tests' own: moto's server, which checks signatures with botocore's signer, in this process.

With FRESHET_TEST_S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment OtherS3 is a server that
somebody else runs (run_s3_server.sh).
"""
import json
import os
import socket
import urllib.request
import uuid

import boto3
import botocore.config
from moto.server import ThreadedMotoServer

REGION = "us-east-1"


def new_bucket_name():
    return f"freshet-{uuid.uuid4().hex[:12]}"


def make_client(url, service, key, secret):
    return boto3.client(service, endpoint_url=url, region_name=REGION, aws_access_key_id=key,
                        aws_secret_access_key=secret,
                        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}))


class Bucket:
    """One bucket, and a user who may do everything there. Subclasses set url, key, secret and bucket."""

    def environment(self):
        """What a process needs to be that user."""
        return {"AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret, "AWS_REGION": REGION}

    def client(self, service, key=None, secret=None):
        return make_client(self.url, service, key or self.key, secret or self.secret)

    @property
    def s3(self):
        return self.client("s3")

    def names(self, prefix=""):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def pyiceberg(self):
        """Properties with which PyIceberg reads it."""
        return {"s3.endpoint": self.url, "s3.access-key-id": self.key, "s3.secret-access-key": self.secret,
                "s3.region": REGION, "s3.force-virtual-addressing": "false"}

    def config(self, prefix, commit_every="1s"):
        """An [archive] section that writes there."""
        return (f'\n[archive]\nurl = "s3://{self.bucket}/{prefix}"\ncommit_every = "{commit_every}"\n'
                f'endpoint = "{self.url}"\nregion = "{REGION}"\npath_style = true\n')


class S3(Bucket):
    """moto's. It can refuse its user, and go away and come back with all that it holds.

    Users, buckets and whether signatures are checked are moto's own, in this process: new names each time, and no check
    outlives its module.
    """

    def __init__(self):
        self.bucket = new_bucket_name()
        self.moto, self.port = None, 0
        self.start()
        self.user = f"user-{self.bucket}"
        self.key, self.secret = self.make_user(self.client("iam", "none", "none"), self.user)
        self.admin = self.make_user(self.client("iam", "none", "none"), f"admin-{self.bucket}")
        self.s3.create_bucket(Bucket=self.bucket)

    def make_user(self, iam, name):
        iam.create_user(UserName=name)
        self.allow(iam, name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def allow(self, iam=None, user=None):
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        (iam or self.client("iam", *self.admin)).put_user_policy(
            UserName=user or self.user, PolicyName="all", PolicyDocument=json.dumps(policy))

    def refuse(self):
        """Until allow() every request of the user is denied, where signatures are checked."""
        self.client("iam", *self.admin).delete_user_policy(UserName=self.user, PolicyName="all")

    def start(self):
        self.moto = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.moto.start()
        host, self.port = self.moto.get_host_and_port()
        self.url = f"http://{host}:{self.port}"

    def stop(self):
        self.moto.stop()

    def check_signatures(self, on):
        count = b"0" if on else b"inf"
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", data=count, method="POST",
                                         headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=10).close()


class OtherS3(Bucket):
    """A server that is there already, with a bucket made for this run."""

    def __init__(self):
        self.url = os.environ["FRESHET_TEST_S3_ENDPOINT"].rstrip("/")
        self.key, self.secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        self.bucket = new_bucket_name()
        self.s3.create_bucket(Bucket=self.bucket)


def unused_url():
    """Where nobody listens: the port of a server that is gone."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"
