"""Stock clients with passwords and tokens, with TLS and without, against one node and three."""

import base64
import dataclasses
import subprocess
import os

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pandas
import polars
import pyarrow.flight as flight
import pytest
import trustme

from conftest import NODES, Cluster, loopback, statement

COUNT = "SELECT count(*) AS n FROM lineitem"
SCAN = "SELECT l_orderkey, l_comment FROM lineitem"
DISTRIBUTED = {"adbc.flight.sql.rpc.call_header.squadron-execution-mode": "distributed"}
Options = adbc_driver_flightsql.DatabaseOptions


@dataclasses.dataclass
class Secured:
    """A cluster with users, and what clients need to trust it."""

    cluster: Cluster
    roots: str | None
    secret: str

    def adbc(self, node: int = 0, **options):
        if self.roots:
            options[Options.TLS_ROOT_CERTS.value] = self.roots
        return flightsql.connect(self.cluster.nodes[node].uri, db_kwargs=options, autocommit=True)

    def flight(self, node: int = 0) -> flight.FlightClient:
        return flight.connect(self.cluster.nodes[node].uri, **self.cluster.tls)


def line(name: str, password: str) -> str:
    """A line of the file of users, as the program makes it."""
    command = [os.environ["SQUADRON_BIN"], "password", name]
    return subprocess.run(command, input=password, text=True, check=True, capture_output=True).stdout


def basic(user: str, password: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{user}:{password}".encode())


def secured(folder, data: str, nodes: int, tls: bool) -> Secured:
    users = folder / "users"
    users.touch(mode=0o600)
    users.write_text(line("alice", "s3cret:ü") + line("bob", "b"))
    extra, host = ["--users", str(users)], loopback()
    headers = [(b"authorization", basic("alice", "s3cret:ü"))]
    if not tls:
        cluster = Cluster(folder, data, nodes, extra, headers=headers, host=host)
        return Secured(cluster, None, str(folder / "secret"))
    authority = trustme.CA()
    certificate = authority.issue_cert(host)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    extra += ["--tls-certificate", str(chain), "--tls-key", str(key)]
    roots = authority.cert_pem.bytes()
    cluster = Cluster(
        folder, data, nodes, extra, "grpc+tls", headers, host, tls_root_certs=roots
    )
    return Secured(cluster, roots.decode(), str(folder / "secret"))


@pytest.fixture(
    scope="module", params=[(1, False), (1, True), (NODES, False), (NODES, True)],
    ids=["one", "one-tls", "three", "three-tls"],
)
def server(request, tmp_path_factory, data):
    server = secured(tmp_path_factory.mktemp("secured"), data, *request.param)
    yield server
    server.cluster.stop()


def fetch(connection, sql: str):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def test_adbc_with_a_password_reads_every_endpoint(server, truth):
    rows = truth.cursor().sql(COUNT).fetchall()[0][0]
    for node in range(len(server.cluster.nodes)):
        with server.adbc(node, username="alice", password="s3cret:ü", **DISTRIBUTED) as connection:
            assert fetch(connection, SCAN).num_rows == rows


def test_adbc_with_a_wrong_password_is_told_so(server):
    with pytest.raises(adbc_driver_manager.Error, match="user or password is wrong") as refused:
        server.adbc(username="alice", password="b")
    assert refused.value.status_code == adbc_driver_manager.AdbcStatusCode.UNAUTHENTICATED


def test_adbc_without_a_password_is_told_what_to_do(server):
    with pytest.raises(adbc_driver_manager.Error, match="connect with user and password"):
        with server.adbc() as connection:
            fetch(connection, "SELECT 1")


def test_adbc_with_a_token_of_the_program(server):
    command = [os.environ["SQUADRON_BIN"], "token", "bob", "--cluster-secret-file", server.secret]
    token = subprocess.run(command, text=True, check=True, capture_output=True).stdout.strip()
    for header in [f"Bearer {token}", basic("bob", token).decode(), basic("", token).decode()]:
        options = {Options.AUTHORIZATION_HEADER.value: header}
        with server.adbc(**options) as connection:
            assert fetch(connection, COUNT).num_rows == 1
    with server.adbc(username="token", password=token) as connection:
        assert fetch(connection, COUNT).num_rows == 1


def test_settings_of_adbc_stay_with_its_token(server):
    with server.adbc(username="alice", password="s3cret:ü") as connection:
        fetch(connection, "SET squadron.execution_mode = 'local'")
        plan = fetch(connection, "EXPLAIN " + SCAN)
        assert "DistributedExec" not in str(plan.to_pydict())


def test_pyarrow_with_a_basic_token(server):
    with server.flight() as client:
        header = client.authenticate_basic_token("alice", "s3cret:ü")
    options = flight.FlightCallOptions(headers=[header])
    for node in range(len(server.cluster.nodes)):
        with server.flight(node) as client:
            info = client.get_flight_info(statement(COUNT), options)
            tables = [client.do_get(it.ticket, options).read_all() for it in info.endpoints]
            assert sum(table.num_rows for table in tables) == 1
            with pytest.raises(flight.FlightUnauthenticatedError, match="connect with user"):
                client.get_flight_info(statement(COUNT))


def test_pandas_reads_with_a_password(server, truth):
    sql = "SELECT l_returnflag, count(*) AS n, sum(l_quantity) AS q FROM lineitem GROUP BY 1 ORDER BY 1"
    with server.adbc(username="bob", password="b", **DISTRIBUTED) as connection:
        frame = pandas.read_sql(sql, connection)
    right = truth.cursor().sql(sql).fetchall()
    assert list(frame.itertuples(index=False, name=None)) == right


def test_duckdb_reads_what_adbc_streams(server, truth):
    """DuckDB pulls the batches of all endpoints as they come, beside its own tables."""
    sql = "SELECT l_orderkey, l_linenumber, l_extendedprice, l_comment FROM lineitem"
    with server.adbc(username="alice", password="s3cret:ü", **DISTRIBUTED) as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            stream = cursor.fetch_record_batch()  # named in DuckDB's SQL
            duck = truth.cursor()
            duck.execute("CREATE TEMP TABLE streamed AS SELECT * FROM stream")
    [(rows,)] = duck.execute(COUNT).fetchall()
    for sets, wanted in [("INTERSECT", rows), ("EXCEPT", 0)]:
        found = duck.execute(f"SELECT count(*) FROM (FROM streamed {sets} ALL ({sql}))").fetchall()
        assert found == [(wanted,)], sets


def test_polars_reads_with_a_password(server, truth):
    with server.adbc(username="bob", password="b") as connection:
        frame = polars.read_database(SCAN, connection)
    assert frame.height == truth.cursor().sql(COUNT).fetchall()[0][0]


@pytest.mark.parametrize("server", [(1, True)], ids=["one-tls"], indirect=True)
def test_a_certificate_that_nobody_vouches_for_is_refused(server):
    with pytest.raises(Exception, match="certificate"):
        flightsql.connect(server.cluster.nodes[0].uri, db_kwargs={"username": "bob", "password": "b"})
