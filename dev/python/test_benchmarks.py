"""Every query of TPC-DS and ClickBench is told in one schema, wherever a client asks for it."""

import pyarrow as pa
import pyarrow.flight as flight
import pytest

import benchmarks
from conftest import Cluster, field, statement

# Queries that are refused, with why. Whatever begins to work leaves this list, and whatever fails beside it is a fault.
REFUSED: dict[str, dict[str, str]] = {"tpcds": {}, "clickbench": {}}

QUERIES = {"tpcds": 99, "clickbench": 43}

HEADERS = [(b"squadron-endpoints", b"all"), (b"squadron-execution-mode", b"distributed")]

TYPES = b"type.googleapis.com/arrow.flight.protocol.sql."


def packed(message: bytes, value: bytes) -> bytes:
    return field(1, TYPES + message) + field(2, value)


def fields(message: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a protobuf message."""
    found, at = {}, 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte, at = message[at], at + 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = number()
        length = number()
        if key & 7 == 2:
            found[key >> 3] = message[at : at + length]
            at += length
    return found


def prepared(client: flight.FlightClient, sql: str, options: flight.FlightCallOptions) -> tuple[bytes, pa.Schema]:
    """The handle of a prepared statement, and the schema that it is told with."""
    request = packed(b"ActionCreatePreparedStatementRequest", field(1, sql.encode()))
    [answer] = client.do_action(flight.Action("CreatePreparedStatement", request), options)
    told = fields(fields(answer.body.to_pybytes())[2])
    return told[1], pa.ipc.read_schema(pa.py_buffer(told[2]))


def given(cluster: Cluster, info: flight.FlightInfo, options: flight.FlightCallOptions) -> list[pa.Schema]:
    """The schemas that the endpoints of a result begin with."""
    schemas = []
    for endpoint in info.endpoints:
        location = endpoint.locations[0] if endpoint.locations else cluster.nodes[0].uri
        with flight.connect(location) as client:
            schemas.append(client.do_get(endpoint.ticket, options).read_all().schema)
    return schemas


def disagreement(cluster: Cluster, client: flight.FlightClient, sql: str) -> str | None:
    """Where a schema of a query is another one than that of its FlightInfo."""
    options = flight.FlightCallOptions(headers=HEADERS)
    info = client.get_flight_info(statement(sql), options)
    handle, of_prepare = prepared(client, sql, options)
    bound = flight.FlightDescriptor.for_command(packed(b"CommandPreparedStatementQuery", field(1, handle)))
    again = client.get_flight_info(bound, options)
    told = [
        ("GetSchema", client.get_schema(statement(sql), options).schema),
        ("Prepare", of_prepare),
        ("FlightInfo of the prepared", again.schema),
    ]
    told += [("DoGet", schema) for schema in given(cluster, info, options)]
    told += [("DoGet of the prepared", schema) for schema in given(cluster, again, options)]
    for where, schema in told:
        metadata = not where.startswith("DoGet")
        if not schema.equals(info.schema, check_metadata=metadata):
            return f"{where}: {schema.to_string()}\n\nnot {info.schema.to_string()}"
    return None


@pytest.mark.parametrize("benchmark", QUERIES)
def test_every_query_has_one_schema(benchmark: str, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp(benchmark)
    try:
        data, queries = getattr(benchmarks, benchmark)(folder / "definition")
    except benchmarks.Unavailable as why:
        pytest.skip(f"{benchmark} cannot be had: {why}")
    assert len(queries) == QUERIES[benchmark]
    cluster = Cluster(tmp_path_factory.mktemp(f"{benchmark}-cluster"), data)
    refused, differing = {}, {}
    try:
        with flight.connect(cluster.nodes[0].uri) as client:
            for name, sql in sorted(queries.items()):
                try:
                    if difference := disagreement(cluster, client, sql):
                        differing[name] = difference
                except pa.ArrowException as error:
                    refused[name] = str(error)
    finally:
        cluster.stop()
    assert differing == {}
    assert {name: why for name, why in refused.items() if name not in REFUSED[benchmark]} == {}
    assert set(refused) == set(REFUSED[benchmark]), "these are not refused any more"
