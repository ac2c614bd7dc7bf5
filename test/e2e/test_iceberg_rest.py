"""The archive by name: PyIceberg and DuckDB through the Iceberg REST catalog, `freshet archive` on the command line."""
import json

import duckdb
import pytest
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import ForbiddenError, NoSuchNamespaceError, NoSuchTableError, UnauthorizedError

import configs
import events
import server as server_module

ARCHIVE = """
[archive]
url = "file:archive"
commit_every = "1s"
"""
KEYS = """
[auth.keys.reader]
secret_file = "keys/reader"
allow = ["archive:read table/detections"]

[auth.keys.operator]
secret_file = "keys/operator"
allow = ["* *"]
"""
COUNT = 100
TABLE = "freshet.detections"
COLUMNS = "detection_id, camera_id, item_name, confidence, position"


def catalog_of(running, **properties):
    return RestCatalog("archive", uri=f"{running.http_url}/iceberg", **properties)


def rows_of(table):
    """In the form in which SQL answers, by position."""
    rows = table.scan(selected_fields=tuple(COLUMNS.split(", "))).to_arrow().sort_by("position").to_pylist()
    return [{**row, "detection_id": str(row["detection_id"])} for row in rows]


@pytest.fixture(scope="module")
def archived(tmp_path_factory):
    """A server whose archive holds all that it was sent."""
    folder = tmp_path_factory.mktemp("archived")
    configs.write_references(folder / "reference")
    running = server_module.Server(folder, configs.standard(more=ARCHIVE)).start()
    events.put_all(running.client("kinesis"), "detections",
                   [events.record(events.make(number, run="rest")) for number in range(COUNT)])
    status, _, body = running.request("POST", "/v1/archive/flush", b"")
    assert status == 200, body
    yield running
    running.stop()


def test_pyiceberg_finds_and_reads_a_table_by_its_name(archived):
    catalog = catalog_of(archived)
    assert catalog.list_namespaces() == [("freshet",)]
    assert catalog.namespace_exists("freshet") and not catalog.namespace_exists("other")
    assert ("freshet", "detections") in catalog.list_tables("freshet")
    assert catalog.table_exists(TABLE) and not catalog.table_exists("freshet.zones")
    rows = rows_of(catalog.load_table(TABLE))
    assert len(rows) == COUNT
    assert rows == archived.sql(f"SELECT {COLUMNS} FROM detections ORDER BY position")


def test_a_list_by_pages_is_the_whole_list(archived):
    assert catalog_of(archived, **{"rest-page-size": "1"}).list_tables("freshet") == catalog_of(archived).list_tables("freshet")


def test_what_is_not_there_and_what_is_not_offered_is_told(archived):
    catalog = catalog_of(archived)
    with pytest.raises(NoSuchTableError, match="zones"):
        catalog.load_table("freshet.zones")
    with pytest.raises(NoSuchNamespaceError, match="freshet"):
        catalog.list_tables("other")
    # The catalog lists what it serves, so that the client does not even ask for more.
    with pytest.raises(NotImplementedError):
        catalog.drop_table(TABLE)
    status, _, body = archived.request("DELETE", "/iceberg/v1/namespaces/freshet/tables/detections")
    assert status == 406 and "read-only" in json.loads(body)["error"]["message"]


def test_what_has_not_changed_is_not_sent_again(archived):
    path = "/iceberg/v1/namespaces/freshet/tables/detections"
    status, headers, body = archived.request("GET", path)
    assert status == 200 and json.loads(body)["metadata"]["format-version"] == 2
    status, _, body = archived.request("GET", path, headers={"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


def test_duckdb_reads_a_table_by_its_name(archived):
    with duckdb.connect() as connection:
        connection.execute("SET autoinstall_known_extensions = false")
        try:
            connection.execute("LOAD iceberg")
        except duckdb.Error as missing:
            pytest.skip(f"DuckDB's iceberg extension is not on this machine: NOT tried with DuckDB ({missing})")
        connection.execute(f"ATTACH '' AS lake (TYPE iceberg, ENDPOINT '{archived.http_url}/iceberg', "
                           "AUTHORIZATION_TYPE 'none')")
        rows = connection.execute(f"SELECT {COLUMNS} FROM lake.freshet.detections ORDER BY position").fetchall()
    expected = archived.sql(f"SELECT {COLUMNS} FROM detections ORDER BY position")
    assert [(str(row[0]), *row[1:]) for row in rows] == [tuple(row.values()) for row in expected]


def test_the_command_line_lists_compacts_and_verifies(archived):
    (table,) = [one for one in json.loads(archived.freshet("archive", "ls", "--json").stdout)["tables"]
                if one["name"] == "detections"]
    assert table["rows"] == COUNT and table["files"] >= 1 and table["committed"].endswith("Z")
    listed = archived.freshet("archive", "ls").stdout
    assert listed.splitlines()[0].split()[:4] == ["table", "files", "rows", "size"] and table["metadata_url"] in listed
    assert archived.freshet("archive", "ls", "--format", "csv").stdout.startswith("name,iceberg_name,files,rows,bytes,")
    archived.freshet("archive", "flush")
    archived.freshet("archive", "compact", "detections")
    # What is listed is the table: any reader of Parquet gets its rows.
    files = json.loads(archived.freshet("archive", "ls", "detections", "--json").stdout)["files"]
    assert sum(file["rows"] for file in files) == COUNT
    paths = [file["url"].removeprefix("file://") for file in files]
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet({paths})").fetchone() == (COUNT,)
    assert paths[0] in archived.freshet("archive", "ls", "detections").stdout
    assert archived.freshet("archive", "ls", "zones", check=False).returncode == 3
    job = json.loads(archived.freshet("archive", "verify", "--json").stdout)
    assert job["state"] == "done" and all(report["damaged"] == [] for report in job["reports"])
    assert archived.freshet("archive", "verify", "zones", check=False).returncode == 3


def test_a_damaged_file_is_named_with_its_code(start_server):
    running = start_server(configs.standard(more=ARCHIVE))
    events.put_all(running.client("kinesis"), "detections",
                   [events.record(events.make(number, run="damage")) for number in range(COUNT)])
    running.freshet("archive", "flush")
    status, _, body = running.request("GET", "/iceberg/v1/namespaces/freshet/tables/detections")
    assert status == 200, body
    location = json.loads(body)["metadata"]["location"].removeprefix("file://")
    damaged = next(path for path in running.folder.rglob("*.parquet") if str(path).startswith(location + "/"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0x40
    damaged.write_bytes(content)
    done = running.freshet("archive", "verify", "detections", check=False)
    assert done.returncode == 1
    (line,) = [one for one in done.stdout.splitlines() if damaged.name in one]
    assert "FRS-" in line
    assert "\t" in running.freshet("archive", "verify", "--plain", check=False).stdout


def test_a_key_loads_the_tables_of_its_rules(start_server):
    def prepare(folder):
        configs.write_references(folder / "reference")
        (folder / "keys").mkdir()
        for name in ("reader", "operator"):
            (folder / "keys" / name).write_text("s3cret\n")
            (folder / "keys" / name).chmod(0o600)

    running = start_server(configs.standard(more=ARCHIVE + KEYS), prepare=prepare)
    bearer = {"Authorization": "Bearer operator.s3cret"}
    # One good event and one that is refused, so that there is a $dead table to keep from the reader.
    kinesis = running.client("kinesis", "operator", "s3cret")
    events.put_all(kinesis, "detections", [events.record(events.make(1)), {"Data": b"{}", "PartitionKey": "x"}])
    assert running.request("POST", "/v1/archive/flush", b"", bearer)[0] == 200
    with pytest.raises(UnauthorizedError):
        catalog_of(running)
    reader = catalog_of(running, token="reader.s3cret")
    assert reader.list_tables("freshet") == [("freshet", "detections")]
    assert len(rows_of(reader.load_table(TABLE))) == 1
    with pytest.raises(ForbiddenError, match="archive:read"):
        reader.load_table("freshet.detections_dead")
    assert running.request("POST", "/v1/archive/flush", b"", {"Authorization": "Bearer reader.s3cret"})[0] == 403


def test_without_an_archive_its_calls_name_the_key_that_is_missing(start_server):
    running = start_server()
    status, _, body = running.request("GET", "/iceberg/v1/config")
    assert status == 404 and "[archive] url" in json.loads(body)["error"]["message"]
    done = running.freshet("archive", "ls", check=False)
    assert done.returncode == 3 and "FRS-3831" in done.stderr and "[archive] url" in done.stderr
