"""The guides (dev/guides): their programs run as they stand there, against DuckDB, and what they show is in those programs."""

import io
import os
import pathlib
import re
import subprocess
import sys

import pandas
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from conftest import statement
from test_credentials import secured

GUIDES = pathlib.Path(__file__).parents[1] / "guides"
USER, PASSWORD = "alice", "s3cret:ü"


def run(program: str, *arguments: str, **environment: str) -> str:
    """What a program of the guides prints."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SQUADRON_")}
    command = [sys.executable, "-B", "-W", "ignore", GUIDES / program, *arguments]
    done = subprocess.run(command, env=ours | environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def address(node) -> str:
    return node.uri.split("://")[1]


def rows(truth, table: str = "lineitem") -> int:
    return truth.cursor().sql(f"SELECT count(*) FROM {table}").fetchall()[0][0]


@pytest.fixture(scope="module")
def locked(tmp_path_factory, data):
    """One node with TLS and users; the file of its authority."""
    folder = tmp_path_factory.mktemp("locked")
    server = secured(folder, data, 1, tls=True)
    (folder / "ca.pem").write_text(server.roots)
    yield server, str(folder / "ca.pem")
    server.cluster.stop()


def secrets(authority: str) -> dict[str, str]:
    return {"SQUADRON_USER": USER, "SQUADRON_PASSWORD": PASSWORD, "SQUADRON_AUTHORITY": authority}


def token(server) -> str:
    command = [os.environ["SQUADRON_BIN"], "token", USER, "--cluster-secret-file", server.secret]
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout.strip()


def revenue(truth) -> list[str]:
    sql = "SELECT l_shipmode, sum(l_extendedprice) FROM lineitem WHERE l_returnflag = 'R' GROUP BY 1 ORDER BY 1"
    return [f"{mode} {total}" for mode, total in truth.cursor().sql(sql).fetchall()]


def test_adbc_reads_binds_and_writes(cluster, truth):
    wanted = [*revenue(truth), f"rows: {rows(truth)}", "written: 5000"]
    for node in cluster.nodes:
        assert run("adbc.py", node.uri).splitlines() == wanted


def test_adbc_comes_in_with_a_password_and_with_a_token(locked, truth):
    server, authority = locked
    uri = server.cluster.nodes[0].uri
    for who in [secrets(authority), {"SQUADRON_TOKEN": token(server), "SQUADRON_AUTHORITY": authority}]:
        assert run("adbc.py", uri, **who).splitlines()[:-2] == revenue(truth)


def test_frames_are_read_and_written(cluster, truth):
    printed = run("frames.py", cluster.nodes[0].uri)
    sql = "SELECT o_orderpriority, count(*) AS n, max(o_orderdate) AS latest FROM orders GROUP BY 1 ORDER BY 1"
    right = truth.cursor().sql(sql).fetchall()
    tables = re.findall(r"o_orderpriority,n,latest\n(?:.+\n)+", printed)
    found = [pandas.read_csv(io.StringIO(table)).itertuples(index=False, name=None) for table in tables]
    wanted = [(priority, n, str(latest)) for priority, n, latest in right]
    assert [list(table) for table in found] == [wanted, wanted]
    assert printed.splitlines()[-2:] == [f"rows: {rows(truth)}", "the same: True"]


def test_pyarrow_reads_every_endpoint(cluster, truth):
    columns = ", ".join(truth.cursor().sql("SELECT * FROM lineitem LIMIT 0").columns)
    for node in cluster.nodes:
        printed = run("every_endpoint.py", node.uri, "SELECT * FROM lineitem").splitlines()
        assert printed == [f"rows: {rows(truth)}", f"columns: {columns}"]


def test_pyarrow_comes_in_with_a_password_and_with_a_token(locked, truth):
    server, authority = locked
    uri = server.cluster.nodes[0].uri
    for who in [secrets(authority), {"SQUADRON_TOKEN": token(server), "SQUADRON_AUTHORITY": authority}]:
        assert run("every_endpoint.py", uri, "SELECT * FROM orders", **who).startswith(f"rows: {rows(truth, 'orders')}\n")


def test_sqlalchemy_reads_as_superset_does(cluster, truth):
    printed = run("sql_alchemy.py", f"{address(cluster.nodes[0])}?insecure=True&squadron-execution-mode=distributed")
    assert printed.splitlines() == superset_prints(truth)


def superset_prints(truth) -> list[str]:
    cursor = truth.cursor()
    tables = [name for (name,) in cursor.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()]
    months = cursor.sql(
        "SELECT strftime(o_orderdate, '%Y-%m') AS m, count(*) FROM orders WHERE m BETWEEN '1995-01' AND '1995-03' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [f"tables: {', '.join(tables)}", *(f"{month} {n}" for month, n in months), f"rows: {rows(truth)}"]


def test_sqlalchemy_comes_in_with_a_password_and_with_a_token(locked, truth):
    server, authority = locked
    node = address(server.cluster.nodes[0])
    roots = {"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": authority}
    for url in [f"{USER}:s3cret%3A%C3%BC@{node}", f"{node}?token={token(server)}"]:
        assert run("sql_alchemy.py", url, **roots).splitlines() == superset_prints(truth)


def test_what_superset_is_told_of_spans_is_sql(cluster, truth):
    spans = {}
    exec((GUIDES / "superset_config.py").read_text(), spans)
    for span in spans["TIME_GRAIN_ADDON_EXPRESSIONS"]["base"].values():
        sql = f"SELECT CAST({span.format(col='CAST(o_orderdate AS TIMESTAMP)')} AS TIMESTAMP) AS t, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1"
        found = read(cluster.nodes[0].uri, sql)
        assert [tuple(row.values()) for row in found.to_pylist()] == truth.cursor().sql(sql).fetchall(), span


def read(uri: str, sql: str, *headers: tuple[bytes, bytes]) -> pa.Table:
    """From the one endpoint that a program is given that reads no more."""
    options = flight.FlightCallOptions(headers=[(b"squadron-endpoints", b"one"), *headers])
    with flight.connect(uri) as client:
        (endpoint,) = client.get_flight_info(statement(sql), options).endpoints
        return client.do_get(endpoint.ticket, options).read_all()


def test_what_grafana_makes_of_its_macros_is_sql(cluster, truth):
    """As the guide shows it, with its times as nanoseconds."""
    [sql] = blocks("grafana.md", "sql")[1:2]
    found = read(cluster.nodes[0].uri, sql, (b"squadron-types", b"grafana"))
    assert found.schema.field(0).type == pa.timestamp("ns")
    right = truth.cursor().sql(
        "SELECT CAST(o_orderdate AS TIMESTAMP), count(*), sum(o_totalprice) FROM orders "
        "WHERE o_orderdate BETWEEN '1995-01-01' AND '1995-01-31' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    columns = [column.to_pylist() for column in found.columns]
    assert [(when.to_pydatetime(), n, round(total, 2)) for when, n, total in zip(*columns)] == [
        (when, n, float(total)) for when, n, total in right
    ]


def blocks(guide: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (GUIDES / guide).read_text(), re.M | re.S)


def programs() -> str:
    files = [*sorted(GUIDES.glob("*.py")), *GUIDES.glob("*.java"), GUIDES.parent / "go" / "guide_test.go"]
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("guide", sorted(path.name for path in GUIDES.glob("*.md")))
def test_a_guide_shows_what_its_programs_have(guide):
    bare = lambda text: [line.strip() for line in text.splitlines() if line.strip()]
    lines = "\n".join(bare(programs()))
    for language in ["python", "java", "go"]:
        for block in blocks(guide, language):
            for part in block.split("…\n"):
                assert "\n".join(bare(part)) in lines, part


def test_every_guide_says_what_was_tried_and_is_linked():
    readme = (GUIDES.parents[1] / "README.md").read_text()
    for guide in GUIDES.glob("*.md"):
        assert re.search(r"^(Tested|Not tested): ", guide.read_text(), re.M), guide
        assert f"(dev/guides/{guide.name})" in readme, guide
