"""A freshet server of a test's own: its folder, its configuration, its ports, its end."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("FRESHET_BINARY", ROOT / "build" / "release" / "freshet"))
REGION = "us-east-1"
START_SECONDS = 60


class ServerError(AssertionError):
    """The server did something that no test asked for."""


class SqlError(Exception):
    """An answer of POST /v1/sql that is not rows."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Server:
    """Started with start(), ended with stop() or kill(). The ports stay the same across restarts."""

    def __init__(self, folder, config, data=None, environment=None):
        self.folder = pathlib.Path(folder)
        self.environment = environment or {}
        self.data = pathlib.Path(data) if data else self.folder / "data"
        self.config_file = self.folder / "freshet.toml"
        self.config_file.write_text(config, encoding="utf-8")
        self.log_file = self.folder / "server.log"
        self.process = None
        self.addresses = {"aws": "127.0.0.1:0", "http": "127.0.0.1:0"}

    # ---- life ------------------------------------------------------------------------------------

    def start(self, wait=True):
        if self.process is not None and self.process.poll() is None:
            raise ServerError("it is running already")
        addresses_file = self.data / "addresses.json"
        with contextlib.suppress(FileNotFoundError):
            addresses_file.unlink()
        environment = {**os.environ, "FRESHET_LISTEN__AWS": self.addresses["aws"],
                       "FRESHET_LISTEN__HTTP": self.addresses["http"], **self.environment}
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "serve", "--config", str(self.config_file), "--data", str(self.data)],
                stdout=log, stderr=log, env=environment)
        if wait:
            self.wait_until_healthy(addresses_file)
        return self

    def wait_until_healthy(self, addresses_file):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerError(f"the server ended with {self.process.returncode} at start:\n{self.log_tail()}")
            if self.read_addresses(addresses_file) and self.is_healthy():
                return
            time.sleep(0.01)
        raise ServerError(f"the server is not healthy after {START_SECONDS} s:\n{self.log_tail()}")

    def read_addresses(self, addresses_file):
        try:
            self.addresses.update(json.loads(addresses_file.read_text()))
            return True
        except (FileNotFoundError, ValueError):  # not there yet
            return False

    def is_healthy(self):
        try:
            with urllib.request.urlopen(f"{self.http_url}/healthz", timeout=5) as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill(self):
        """As a crash would: nothing is flushed, nobody is told."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=30):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise ServerError(f"the server did not stop within {seconds} s:\n{self.log_tail()}") from late
        if code != 0:
            raise ServerError(f"the server stopped with {code}:\n{self.log_tail()}")

    def restart(self):
        self.stop()
        return self.start()

    def log_tail(self, lines=60):
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    # ---- clients ---------------------------------------------------------------------------------

    @property
    def aws_url(self):
        return f"http://{self.addresses['aws']}"

    @property
    def http_url(self):
        return f"http://{self.addresses['http']}"

    def client(self, service, key="test", secret="test", region=REGION, attempts=1, **config):
        # One attempt: a test that wants the SDK's retries says so.
        return boto3.client(service, endpoint_url=self.aws_url, region_name=region, aws_access_key_id=key,
                            aws_secret_access_key=secret,
                            config=botocore.config.Config(retries={"total_max_attempts": attempts}, **config))

    def request(self, method, path, body=None, headers=None, timeout=120):
        """(status, headers, body) of a call to the HTTP API, whatever the status."""
        request = urllib.request.Request(self.http_url + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def sql(self, text, **more):
        """The rows of a query, as dictionaries."""
        status, _, body = self.request("POST", "/v1/sql", json.dumps({"sql": text, **more}).encode(),
                                       {"Content-Type": "application/json", "Accept": "application/x-ndjson"})
        if status != 200:
            raise SqlError(status, body.decode(errors="replace"))
        return [json.loads(line) for line in body.splitlines() if line.strip()]

    def value(self, text):
        (row,) = self.sql(text)
        (value,) = row.values()
        return int(value) if isinstance(value, str) and value.isdigit() else value

    def freshet(self, *arguments, check=True, text=None, timeout=120):
        """Runs a subcommand of the binary against this server."""
        environment = {**os.environ, "FRESHET_SERVER": self.http_url, "NO_COLOR": "1"}
        done = subprocess.run([str(BINARY), *arguments], input=text, capture_output=True, text=True, env=environment,
                              timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise ServerError(f"freshet {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
        return done

    def content_hashes(self, table="detections"):
        """A hash for each row and account of a table, over all of its columns, in order of position."""
        hashes = {}
        for name in (table, f"{table}$dead", f"{table}$dupes"):
            hashes[name] = [row["hash"] for row in self.sql(
                f'SELECT sha256(t::VARCHAR) AS hash FROM "{name}" AS t ORDER BY position, sub_position')]
        hashes[f"{table}$ledger"] = [row["hash"] for row in self.sql(
            f'SELECT sha256(t::VARCHAR) AS hash FROM "{table}$ledger" AS t ORDER BY minute, camera_id')]
        return hashes
