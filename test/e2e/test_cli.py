"""The command line where no server answers: usage, help, configuration, exit codes, completions."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

import server as server_module

BINARY = str(server_module.BINARY)


def freshet(*arguments, text=None, **environment):
    return subprocess.run([BINARY, *arguments], input=text, capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "NO_COLOR": "1", "FRESHET_SERVER": "http://127.0.0.1:1", **environment})


@pytest.mark.parametrize("arguments, code, words", [
    ([], 2, "usage: freshet COMMAND"),
    (["--help"], 0, "usage: freshet COMMAND"),
    (["sevre"], 2, 'did you mean "serve"?'),
    (["ref"], 2, "put, diff, get, history"),
    (["sql", "--fromat", "csv", "SELECT 1"], 2, 'did you mean "--format"?'),
    (["sql", "--format", "xml", "SELECT 1"], 2, "table, csv, json or ndjson"),
    (["sql", "SELECT 1"], 5, "is the server running?"),
    (["explain", "x"], 5, "cannot be reached"),
    (["tail", "--server", "ftp://x"], 2, "is not a server's address"),
    (["ingest", "/nowhere.ndjson"], 3, "is not a file"),
    (["ref", "put", "cameras", "/nowhere.csv", "--yes"], 3, "is not a file"),
    (["ref", "put", "cameras", "/etc/hostname", "--yes"], 1, ".csv, .json, .ndjson or .parquet"),
    (["serve", "--config", "/nowhere.toml"], 1, "FRS-1101"),
    (["config", "check", "/nowhere.toml"], 1, "FRS-1101"),
    (["serve", "--set", "listen.asw=x"], 1, 'unknown key "asw", did you mean "aws"?'),
    (["help", "nothing"], 3, "no help"),
    (["completion", "csh"], 2, "bash, zsh and fish"),
    (["bench", "ingest", "--rate", "fast"], 2, "a number above 0"),
    (["top", "--once", "--data", "/nowhere"], 5, "no server runs"),
])
def test_exit_codes(arguments, code, words):
    done = freshet(*arguments)
    assert done.returncode == code, done
    assert words in (done.stdout if code == 0 or not arguments else done.stderr)


def test_results_go_to_stdout_and_errors_to_stderr():
    wrong = freshet("sql", "SELECT 1")
    assert wrong.stdout == "" and wrong.stderr.startswith("freshet: ")
    wrong = freshet("config", "check", "/nowhere.toml", "--json")
    assert wrong.stdout == ""
    error = json.loads(wrong.stderr)
    assert error["api"] == "v1" and error["error"]["code"] == "FRS-1101"


def test_version():
    assert re.match(r"freshet \d+\.\d+\.\d+ \(", freshet("--version").stdout)
    version = json.loads(freshet("--version", "--json").stdout)
    assert version["api"] == "v1" and {"version", "commit", "build", "features"} <= set(version)


def test_help_of_every_command_and_code():
    overview = freshet("--help").stdout
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?) {2,}\S", overview, re.MULTILINE)
    assert {"serve", "demo", "sql", "ref put", "bench ingest"} <= set(names)
    for name in names:
        done = freshet(*name.split(), "--help")
        assert done.returncode == 0 and f"usage: freshet {name}" in done.stdout
    assert "config schema" in freshet("help", "FRS-1104").stdout
    assert "130" in freshet("help", "exit-codes").stdout


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_completions_are_scripts(shell, check, tmp_path):
    script = freshet("completion", shell).stdout
    assert "serve" in script
    if shutil.which(check[0]) is None:
        pytest.skip(f"there is no {shell} on this machine")
    path = tmp_path / "completion"
    path.write_text(script)
    subprocess.run([*check, str(path)], check=True, timeout=30)


def test_bash_completes_commands_and_flags():
    script = freshet("completion", "bash").stdout
    ask = script + '\nCOMP_WORDS=(freshet ref pu); COMP_CWORD=2; _freshet; echo "${COMPREPLY[@]}"' \
                   '\nCOMP_WORDS=(freshet sql --for); COMP_CWORD=2; _freshet; echo "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash"], input=ask, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["put", "--format"]


def test_man_pages_render():
    page = freshet("help", "--man").stdout
    assert page.startswith(".TH") and ".SS freshet serve" in page
    if shutil.which("man"):
        subprocess.run(["man", "--warnings", "-l", "-"], input=page, text=True, capture_output=True, timeout=30, check=True)


CONFIG = """
[listen]
aws = "127.0.0.1:0"
http = "127.0.0.1:0"

[pipelines.detections]
from = "detections"
into = "detections"
dedup = { horizn = "24h" }
"""


def test_configuration_mistakes_name_file_and_line(tmp_path):
    path = tmp_path / "freshet.toml"
    path.write_text(CONFIG)
    done = freshet("config", "check", str(path))
    assert done.returncode == 1
    assert done.stderr == f'freshet: FRS-1104 {path}:9: unknown key "horizn", did you mean "horizon"?\n'
    assert freshet("serve", "--check", "-c", str(path), "--data", str(tmp_path / "data")).returncode == 1
    assert not (tmp_path / "data").exists(), "a check writes nothing"


def test_config_show_tells_where_values_come_from(tmp_path):
    path = tmp_path / "freshet.toml"
    path.write_text(CONFIG.replace("horizn", "horizon"))
    done = freshet("config", "show", "--origin", "--plain", "-c", str(path), "--set", "limits.query.rows=5",
                   FRESHET_LIMITS__MEMORY="1GiB")
    assert done.returncode == 0, done.stderr
    shown = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert shown["limits.memory"] == ['"1GiB"', "FRESHET_LIMITS__MEMORY"]
    assert shown["limits.query.rows"] == ["5", "flag --set limits.query.rows"]
    assert shown["listen.aws"] == ['"127.0.0.1:0"', f"{path}:3"]
    assert shown["aws.region"] == ['"us-east-1"', "default"]
    # What is printed is a configuration again.
    again = tmp_path / "again.toml"
    again.write_text(freshet("config", "show", "-c", str(path)).stdout)
    assert freshet("config", "check", str(again)).returncode == 0


def test_reference_page_is_up_to_date():
    page = server_module.ROOT / "docs" / "reference" / "configuration.md"
    assert freshet("config", "schema", "--markdown").stdout == page.read_text(encoding="utf-8")


def test_a_full_disk_behind_stdout_is_a_failure():
    if not pathlib.Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "config", "schema"], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 1


def test_demo_runs_and_cleans_up(tmp_path):
    folders = tmp_path / "tmp"
    folders.mkdir()
    # Two at once: the second finds the usual ports taken and takes others.
    demos = [subprocess.Popen([BINARY, "demo", "--rate", "500"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "TMPDIR": str(folders)}) for _ in range(2)]
    try:
        urls = [watch_demo(demo) for demo in demos]
        assert len(set(urls)) == 2
        for demo in demos:
            demo.send_signal(signal.SIGINT)
        for demo in demos:
            assert demo.wait(30) == 0, demo.stderr.read()
            assert "duplicates" in demo.stderr.read()
        assert not list(folders.iterdir()), "each removes its folder"
    finally:
        for demo in demos:
            demo.kill()
            demo.communicate()


def watch_demo(demo):
    lines = ""
    while "tail --server" not in lines:
        line = demo.stdout.readline()
        assert line, demo.stderr.read()
        lines += line
    url = re.search(r"sql --server (\S+)", lines).group(1)
    event = re.search(r"explain --server \S+ (\S+)", lines).group(1)
    assert "accepted" in freshet("explain", "--server", url, event).stdout
    for _ in range(200):
        rows = json.loads(freshet("sql", "--server", url, "--format", "json", "SELECT count(*) AS n FROM detections "
                                  "WHERE location_name IS NOT NULL").stdout)
        if int(rows[0]["n"]) > 50:
            return url
        time.sleep(0.05)
    raise AssertionError("the demo publishes nothing")


def test_ctrl_c_ends_tail_with_130(server):
    process = subprocess.Popen([BINARY, "tail", "--server", server.http_url], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130


def test_ingest_goes_on_where_it_was_stopped(server, tmp_path):
    path = tmp_path / "events.csv"
    rows = "".join(f"interrupted-{number},cam-01,car,2026-11-22T10:00:00Z,0.5\n" for number in range(5_000))
    path.write_text("id,cam,item,ts,conf\n" + rows)
    head = tmp_path / "head.csv"
    head.write_text("".join(path.read_text().splitlines(keepends=True)[:3_001]))
    state = str(tmp_path / "state")
    assert "3000 accepted" in server.freshet("ingest", str(head), "--state", state).stdout
    done = server.freshet("ingest", str(path), "--state", state)
    assert "going on behind 3000 events" in done.stderr and "5000 events: 5000 accepted, 0 duplicate" in done.stdout
    other = tmp_path / "other.csv"
    other.write_text("id,cam\n" + "x,y\n" * 9_999)
    refused = server.freshet("ingest", str(other), "--state", state, check=False)
    assert refused.returncode == 1 and "--restart" in refused.stderr


def test_ingest_from_stdin_and_json_array(server):
    events = [{"id": f"stdin-{number}", "cam": "cam-02", "item": "dog", "ts": "2026-11-22T10:00:00Z"} for number in range(7)]
    done = server.freshet("ingest", "-", text="\n".join(json.dumps(event) for event in events))
    assert "7 accepted" in done.stdout
    done = server.freshet("ingest", "-", "--format", "json", "--json", text=json.dumps(events, indent=2))
    assert json.loads(done.stdout)["duplicate"] == 7


def test_sql_prompt_reads_statements_from_stdin(server):
    done = server.freshet("sql", "--plain", text="SELECT 1 AS a,\n 'x;y' AS b;\nSELECT 2;")
    assert done.stdout == "1\tx;y\n2\n"
    versioned = json.loads(server.freshet("sql", "--json", "SELECT 3 AS c").stdout)
    assert versioned["api"] == "v1" and versioned["rows"] == [{"c": 3}]


def test_inspect_looks_at_a_log_offline(start_server, tmp_path):
    one = start_server()
    one.freshet("ingest", "-", text="".join(
        json.dumps({"id": f"inspect-{number}", "cam": "cam-01", "item": "car", "ts": "2026-11-22T10:00:00Z"}) + "\n"
        for number in range(500)))
    one.stop()
    done = freshet("inspect", str(one.data), "--json", "--blocks")
    assert done.returncode == 0, done.stderr
    (journal,) = json.loads(done.stdout)["journals"]
    used = [segment for segment in journal["segments"] if segment["state"] == "used"]
    assert journal["damaged_areas"] == 0 and sum(segment["records"] for segment in used) >= 500
    assert all(segment["blocks"] == len(segment["listed_blocks"]) for segment in used)
    # A flipped byte in the first block is damage: later blocks say that it was durable.
    block = used[0]["listed_blocks"][0]
    with open(used[0]["path"], "r+b") as file:
        file.seek(block["offset"] + 300)
        byte = file.read(1)
        file.seek(block["offset"] + 300)
        file.write(bytes([byte[0] ^ 0x40]))
    done = freshet("inspect", str(one.data))
    assert done.returncode == 1 and "damaged_areas=1" in done.stdout
    assert freshet("inspect", str(tmp_path / "nothing")).returncode == 3
