"""The AWS SDK for JavaScript v3: Kinesis over HTTP/2 without TLS, DynamoDB over HTTP/1.1."""
import os
import subprocess

import server as server_module


def test_javascript_sdk(server):
    folder = server_module.ROOT / "test" / "e2e" / "js"
    environment = {**os.environ, "AWS_ENDPOINT_URL": server.aws_url, "AWS_REGION": "us-east-1",
                   "AWS_ACCESS_KEY_ID": "js", "AWS_SECRET_ACCESS_KEY": "js"}
    done = subprocess.run(["node", "roundtrip.mjs"], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as put" in done.stdout
