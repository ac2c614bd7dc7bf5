"""50,000 mutants of requests that botocore signed: every one refused, every honest request accepted."""
import argparse
import random

import pytest

import configs
import server as server_module
import signature_mutations

KEYS = """
[auth.keys.signer]
secret_file = "keys/signer"
allow = ["* *"]

[auth.keys.other]
secret_file = "keys/other"
allow = ["* *"]
"""
SECRET = "a/secret+of=the-signer"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signatures")
    configs.write_references(folder / "reference")
    (folder / "keys").mkdir()
    for name, secret in (("signer", SECRET), ("other", "the-others")):
        (folder / "keys" / name).write_text(secret + "\n")
        (folder / "keys" / name).chmod(0o600)
    one = server_module.Server(folder, configs.standard(more=KEYS)).start()
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "signer")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def test_every_mutant_is_refused(guarded):
    assert len(signature_mutations.OPERATORS) >= 20
    honest, faults = signature_mutations.run(argparse.Namespace(
        endpoint=guarded.aws_url, count=50_000, seed=1, region="us-east-1", stream="detections", table="detections"))
    assert not faults, f"{sum(faults.values())} faults: {faults.most_common(10)}"
    assert honest == 2_500


def test_the_order_and_case_of_headers_do_not_matter(guarded):
    chance = random.Random(3)
    signer = signature_mutations.Signer(guarded.aws_url, "us-east-1", "detections", "detections", chance)
    connection = signature_mutations.Connection(guarded.aws_url)
    for _ in range(50):
        for made in signer.requests():
            chance.shuffle(made.headers)
            made.headers = [(chance.choice([name, name.lower(), name.upper()]), value) for name, value in made.headers]
            _, body = connection.send(made.wire())
            name = signature_mutations.error_name(body)
            assert name not in signature_mutations.SIGNATURE_ERRORS, f"{made.headers} {body}"
