"""The object store against an S3 over a socket: moto's server, which checks our signatures with botocore's signer."""
import os
import pathlib
import subprocess

import botocore.exceptions
import pytest

import server as server_module
from s3 import S3

TESTS = pathlib.Path(os.environ.get(
    "FRESHET_OBJECT_STORE_TEST", server_module.BINARY.parent / "src" / "object_store" / "freshet_object_store_test"))
LACKS_IF_MATCH = "if-match-in-parts"


class Store(S3):
    """With what the store's own tests ask of it."""

    def lacks_if_match_in_parts(self):
        """Whether an upload may be completed under an etag that is not there."""
        self.s3.put_object(Bucket=self.bucket, Key="probe", Body=b"old")
        upload = self.s3.create_multipart_upload(Bucket=self.bucket, Key="probe")["UploadId"]
        part = self.s3.upload_part(Bucket=self.bucket, Key="probe", UploadId=upload, PartNumber=1, Body=b"new")
        try:
            self.s3.complete_multipart_upload(
                Bucket=self.bucket, Key="probe", UploadId=upload, IfMatch='"0"',
                MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 412
            return False
        return True

    def run(self, tests, **environment):
        """The suite's tests that match, on this S3."""
        done = subprocess.run(
            [str(TESTS), f"--gtest_filter={tests}"], capture_output=True, text=True, timeout=600, check=False,
            env={**os.environ, "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1",
                 "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
                 "FRESHET_TEST_S3_URL": f"s3://{self.bucket}/archive/deep", **environment})
        assert self.secret not in done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def store():
    assert TESTS.exists(), f"{TESTS} is not there: cmake --build --preset release --target {TESTS.name}"
    one = Store()
    one.check_signatures(True)
    yield one
    one.check_signatures(False)
    one.stop()


def test_conformance(store):
    lacks = LACKS_IF_MATCH if store.lacks_if_match_in_parts() else ""
    done = store.run("*/S3:ConformanceOfS3.*", FRESHET_TEST_S3_LACKS=lacks)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = done.stdout.count("[       OK ] Sides/Conformance.")
    skipped = done.stdout.count("[  SKIPPED ] Sides/Conformance.")
    assert passed >= 18 and skipped <= (2 if lacks else 0), done.stdout
    # Nothing is left behind, no half of an upload either.
    assert store.s3.list_objects_v2(Bucket=store.bucket, Prefix="archive/").get("KeyCount") == 0
    assert not store.s3.list_multipart_uploads(Bucket=store.bucket, Prefix="archive/").get("Uploads")


def test_large_puts_look_at_if_match(store):
    if store.lacks_if_match_in_parts():
        pytest.skip("moto does not look at If-Match where an upload is completed: puts of large files under an etag "
                    "are NOT tried on a server")
    assert store.run("*PutsFilesOnlyIfTheEtagMatches/S3").returncode == 0


@pytest.mark.parametrize("environment, number, words", [
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "FRS-3706", "AWS_SECRET_ACCESS_KEY"),
    ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, "FRS-3706", "AWS_ACCESS_KEY_ID"),
    ({"FRESHET_TEST_S3_URL": "s3://no-such-bucket"}, "FRS-3714", "there is no such bucket"),
])
def test_refusals_say_what_to_do(store, environment, number, words):
    done = store.run("*GivesBackWhatWasPut/S3", **environment)
    assert done.returncode != 0
    assert number in done.stdout and words in done.stdout, done.stdout
