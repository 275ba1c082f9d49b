"""A cluster of three `squadron serve` processes for the tests, and the truth by DuckDB."""

import dataclasses
import os
import pathlib
import random
import secrets
import socket
import subprocess
import threading
import time

import adbc_driver_flightsql.dbapi as flightsql
import duckdb
import pyarrow.flight as flight
import pytest

NODES = 3
READY_SECONDS = 60


@dataclasses.dataclass
class Node:
    """One process and where it serves clients."""

    process: subprocess.Popen
    uri: str


def loopback() -> str:
    """A loopback address that nobody else is likely to use."""
    return f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


def free_addresses(host: str, count: int) -> list[str]:
    """Free ports on such an address: they stay free."""
    sockets = [socket.create_server((host, 0)) for _ in range(count)]
    addresses = [f"{host}:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


class Cluster:
    """Processes that know each other, killed at the end; `extra` are arguments of each."""

    def __init__(
        self, folder: pathlib.Path, data: str, nodes: int = NODES, extra: list[str] = [],
        scheme: str = "grpc+tcp", headers: list[tuple[bytes, bytes]] = [], host: str | None = None, **tls: bytes,
    ) -> None:
        self.folder = folder
        self.headers, self.tls = headers, tls
        secret = folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(32))
        addresses = free_addresses(host or loopback(), 2 * nodes)
        pairs = list(zip(addresses[:nodes], addresses[nodes:]))
        peers = ";".join(f"{internal},{scheme}://{client}" for client, internal in pairs)
        self.nodes: list[Node] = []
        for index, (client, internal) in enumerate(pairs):
            spill = folder / f"spill-{index}"
            spill.mkdir()
            command = [
                os.environ["SQUADRON_BIN"], "serve", "--data", data,
                "--listen", client, "--cluster-listen", internal, "--peers", peers,
                "--node-id", f"node-{index}", "--cluster-secret-file", str(secret),
                "--warehouse", str(folder / "warehouse"), "--spill-dir", str(spill), "--memory-limit", "2GiB",
                *extra,
            ]
            with open(folder / f"node-{index}.log", "w") as log:
                process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            self.nodes.append(Node(process, f"{scheme}://{client}"))
        for index, node in enumerate(self.nodes):
            self.wait_until_ready(index, node)
        self.wait_for_members()

    def wait_until_ready(self, index: int, node: Node) -> None:
        killer = threading.Timer(READY_SECONDS, node.process.kill)
        killer.start()
        line = node.process.stdout.readline()
        killer.cancel()
        log = (self.folder / f"node-{index}.log").read_text()
        assert line.startswith("squadron ready:"), f"node {index}: {log}"

    def wait_for_members(self) -> None:
        """Until every node would send a client to every node."""
        headers = [(b"squadron-endpoints", b"all"), *self.headers]
        options = flight.FlightCallOptions(headers=headers)
        deadline = time.monotonic() + READY_SECONDS
        for node in self.nodes:
            with flight.connect(node.uri, **self.tls) as client:
                while len(client.get_flight_info(statement("SELECT 1"), options).endpoints) < len(self.nodes):
                    assert time.monotonic() < deadline, "the nodes do not find each other"
                    time.sleep(0.05)

    def stop(self) -> None:
        for node in self.nodes:
            node.process.kill()
        for node in self.nodes:
            node.process.wait()
            node.process.stdout.close()


def statement(sql: str) -> flight.FlightDescriptor:
    """The descriptor of a Flight SQL statement, packed by hand: pyarrow has no Flight SQL."""
    query = field(1, sql.encode())
    url = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return flight.FlightDescriptor.for_command(field(1, url) + field(2, query))


def field(number: int, value: bytes) -> bytes:
    """A length-delimited protobuf field."""
    length, size = b"", len(value)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


@pytest.fixture(scope="session")
def data() -> str:
    """The folder of TPC-H tables."""
    return os.environ["SQUADRON_TEST_DATA"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, data):
    """Three processes, shared by the tests of a file."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), data)
    yield cluster
    cluster.stop()


@pytest.fixture
def connections(cluster):
    """A client of each of the processes."""
    opened = [flightsql.connect(node.uri) for node in cluster.nodes]
    yield opened
    for connection in opened:
        connection.close()


@pytest.fixture
def doomed(tmp_path, data):
    """Three processes of which the test will kill one."""
    cluster = Cluster(tmp_path, data)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def truth(data):
    """DuckDB over the same files."""
    connection = duckdb.connect()
    for table in pathlib.Path(data).iterdir():
        files = table / "*.parquet"
        connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{files}')")
    return connection
