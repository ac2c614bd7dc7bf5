"""What the README and examples/ tell a user to do, done word for word, but for the ports."""
import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import make_sample
import reference
import server as server_module

ROOT = server_module.ROOT
pytestmark = pytest.mark.example


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def first_example(folder):
    for file in (ROOT / "examples" / "first").iterdir():
        shutil.copy(file, folder / file.name)


def with_free_ports(text):
    return text.replace("127.0.0.1:4566", "127.0.0.1:0").replace("127.0.0.1:8080", "127.0.0.1:0")


def test_the_first_five_minutes(start_server):
    config = (ROOT / "examples" / "first" / "freshet.toml").read_text()
    shown, archive = blocks("toml")
    assert shown.splitlines()[1:] == config.splitlines()[1:], "the README shows another file than examples/first"
    server = start_server(with_free_ports(config) + archive, prepare=first_example)

    (program,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", program.replace("http://127.0.0.1:4566", server.aws_url)],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'S': 'East gate'}"

    text = (ROOT / "README.md").read_text()
    commands = re.findall(r"^    freshet ((?:sql|explain) .+)$", text, re.MULTILINE)
    assert len(commands) == 5
    answers = [server.freshet(*shlex.split(command)).stdout for command in commands]
    assert "East gate" in answers[0] and "car" in answers[0]
    assert re.search(r"gate-1\D+2\D+1\D+1", answers[1]), answers[1]
    assert "duplicate" in answers[2] and "accepted" in answers[2]
    assert re.search(r"^\s*0\s*$", answers[3], re.MULTILINE), "nothing had come by then"
    assert "chunks read" in answers[4]

    server.freshet("archive", "flush")
    listed, verified = (server.freshet(*shlex.split(command)).stdout
                        for command in re.findall(r"^    freshet (archive .+)$", text, re.MULTILINE))
    assert re.search(r"^detections\s+1\s+1\s", listed, re.MULTILINE), listed
    assert re.search(r"^detections\s+\d+\s+1\s+1\s", verified, re.MULTILINE), verified


def test_the_seven_cameras(start_server, tmp_path):
    example = ROOT / "examples" / "mot"
    make_sample.write(tmp_path / "data")
    server = start_server(with_free_ports((example / "freshet.toml").read_text()),
                          prepare=lambda folder: reference.write(folder / "reference"))
    sent = tmp_path / "sent.json"
    for arguments in (["publish.py", str(tmp_path / "data"), "--malformed", "0.01", "--manifest", str(sent),
                       "--endpoint", server.aws_url],
                      ["check.py", str(tmp_path / "data"), str(sent), "--http", server.http_url]):
        done = subprocess.run([sys.executable, str(example / arguments[0]), *arguments[1:]], capture_output=True,
                              text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    assert sum(camera["rows"] for camera in json.loads(sent.read_text())["cameras"].values()) == 7 * 60 * 8


def test_every_example_configuration_is_valid():
    for config in sorted((ROOT / "examples").glob("*/freshet.toml")):
        if config.parent.name == "mot":
            reference.write(config.parent / "reference")
        done = subprocess.run([str(server_module.BINARY), "config", "check", str(config)], capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{config}: {done.stderr}"
