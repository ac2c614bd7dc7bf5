"""Fixtures: servers, and what a failed test leaves to look at."""
import itertools
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "examples" / "mot")]

import configs  # noqa: E402  the path is set above
import feeds  # noqa: E402
import make_sample  # noqa: E402
import reference  # noqa: E402
import server as server_module  # noqa: E402
from s3 import S3, OtherS3  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--rounds", type=int, default=1, help="rounds of the tests that kill the server again and again")
    parser.addoption("--full", action="store_true", help="the full counts of the acceptance list; CI takes a part")


def pytest_configure(config):
    config.addinivalue_line("markers", "example: runs what the README and examples/ tell a user to do")
    # A proxy between the tests and their own server would only be in the way; nothing may reach AWS.
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        os.environ.pop(name, None)
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    os.environ.pop("AWS_PROFILE", None)
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null"
    if not server_module.BINARY.exists():
        raise pytest.UsageError(f"{server_module.BINARY} is not there: cmake --build --preset release")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for running in getattr(item, "servers", []):
            report.sections.append((f"server log ({running.log_file})", running.log_tail()))
    return report


@pytest.fixture
def start_server(request, tmp_path):
    """Starts servers that end with the test: start_server(config text, prepare=what fills its folder)."""
    request.node.servers = started = []
    numbers = itertools.count(1)

    def start(config=None, prepare=None, **options):
        folder = tmp_path / f"server-{next(numbers)}"
        folder.mkdir()
        (prepare or (lambda at: configs.write_references(at / "reference")))(folder)
        one = server_module.Server(folder, config or configs.standard(), **options)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        if one.process is not None and one.process.poll() is None:
            one.stop()


@pytest.fixture(params=["sample", "mot17"])
def data(request, tmp_path):
    """A folder of ground truth, and the share of malformed events that fits its size."""
    if request.param == "mot17":
        folder = os.environ.get("FRESHET_MOT_DIR")
        if not folder:
            pytest.skip("FRESHET_MOT_DIR is not set: NOT tried on real detections, only on made-up ones")
        return pathlib.Path(folder), 0.001
    make_sample.write(tmp_path / "sample", frames=120, tracks=12)
    return tmp_path / "sample", 0.01


@pytest.fixture
def mot_server(start_server):
    """Starts servers with the example's configuration and `more` of it."""
    def start(more="", **options):
        return start_server(feeds.config(more), prepare=lambda folder: reference.write(folder / "reference"), **options)
    return start


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests of a file, with the standard configuration."""
    folder = tmp_path_factory.mktemp("server")
    configs.write_references(folder / "reference")
    one = server_module.Server(folder, configs.standard()).start()
    yield one
    one.stop()


@pytest.fixture
def kinesis(server):
    return server.client("kinesis")


@pytest.fixture
def dynamodb(server):
    return server.client("dynamodb")


@pytest.fixture
def stream(kinesis, request):
    """A stream of the test's own that feeds no table."""
    name = request.node.name.replace("[", "-").replace("]", "")[:128]
    kinesis.create_stream(StreamName=name, ShardCount=2)
    yield name
    kinesis.delete_stream(StreamName=name)


@pytest.fixture(scope="module")
def s3():
    if "FRESHET_TEST_S3_ENDPOINT" in os.environ:
        yield OtherS3()
        return
    one = S3()
    one.check_signatures(True)
    yield one
    one.check_signatures(False)
    one.stop()
