"""The stock ADBC driver against three processes, held against DuckDB over the same Parquet."""

import contextlib
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
import pytest

from conftest import NODES, field, statement

SCAN = "SELECT l_orderkey, l_linenumber, l_extendedprice, l_comment FROM lineitem"
LARGE = "SELECT l_orderkey, repeat(l_comment, 200) AS long FROM lineitem"
DISTRIBUTED = {"adbc.flight.sql.rpc.call_header.squadron-execution-mode": "distributed"}
HEADERS = [(b"squadron-execution-mode", b"distributed"), (b"squadron-endpoints", b"all")]
SECONDS = 10


def connect(cluster, node=0, **options):
    return flightsql.connect(cluster.nodes[node].uri, db_kwargs=options, autocommit=True)


def fetch(connection, sql: str) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def same_rows(left: pa.Table, right: pa.Table) -> bool:
    """As bags, with the types of the left."""
    right = right.rename_columns(left.column_names).cast(left.schema)
    keys = [(name, "ascending") for name in left.column_names]
    return left.sort_by(keys).combine_chunks().equals(right.sort_by(keys).combine_chunks())


def test_a_distributed_result_is_duckdbs(cluster, truth):
    with connect(cluster, **DISTRIBUTED) as connection:
        answer = fetch(connection, SCAN)
    assert same_rows(answer, truth.sql(SCAN).to_arrow_table())


def test_a_join_is_duckdbs_from_every_node(cluster, truth):
    sql = """SELECT n_name, count(*) AS orders, sum(o_totalprice) AS total
             FROM orders JOIN customer ON o_custkey = c_custkey
             JOIN nation ON c_nationkey = n_nationkey GROUP BY n_name"""
    right = truth.sql(sql).to_arrow_table()
    for node in range(NODES):
        with connect(cluster, node, **DISTRIBUTED) as connection:
            assert same_rows(fetch(connection, sql), right)


def test_each_endpoint_is_served_by_a_process_of_its_own(cluster, truth):
    options = flight.FlightCallOptions(headers=HEADERS)
    with flight.connect(cluster.nodes[0].uri) as client:
        info = client.get_flight_info(statement(SCAN), options)
    # The second location of an endpoint is for the loss of its node.
    locations = [endpoint.locations[0].uri.decode() for endpoint in info.endpoints]
    assert sorted(locations) == sorted(node.uri for node in cluster.nodes)
    assert len({node.process.pid for node in cluster.nodes}) == NODES

    shares = []
    for endpoint in info.endpoints:
        with flight.connect(endpoint.locations[0]) as client:
            shares.append(client.do_get(endpoint.ticket).read_all())
    assert all(share.num_rows > 0 for share in shares), [share.num_rows for share in shares]

    whole = pa.concat_tables(shares)
    right = truth.sql(SCAN).to_arrow_table()
    assert same_rows(whole, right)
    of_shares = sum(pc.sum(share["l_extendedprice"]).as_py() for share in shares)
    assert of_shares == pc.sum(right["l_extendedprice"]).as_py()


def test_a_share_is_only_in_its_own_process(cluster):
    """Kept apart for real: without its process, a share cannot be had."""
    options = flight.FlightCallOptions(headers=HEADERS)
    with flight.connect(cluster.nodes[0].uri) as client:
        info = client.get_flight_info(statement("SELECT l_orderkey, l_linenumber FROM lineitem"), options)
    rows = Counter()
    for endpoint in info.endpoints:
        with flight.connect(endpoint.locations[0]) as client:
            for key, line in zip(*client.do_get(endpoint.ticket).read_all().to_pydict().values()):
                rows[key, line] += 1
    assert set(rows.values()) == {1}, "a row came from two processes"


# The driver closes a statement twice when the first time failed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("victim", [2, 0], ids=["a worker", "the coordinator"])
def test_a_process_killed_in_the_middle_is_an_error_and_never_a_short_result(doomed, victim):
    connection = connect(doomed, **DISTRIBUTED)
    cursor = connection.cursor()
    cursor.execute(LARGE)
    reader = cursor.fetch_record_batch()
    rows = reader.read_next_batch().num_rows
    os.kill(doomed.nodes[victim].process.pid, signal.SIGKILL)
    killed = time.monotonic()
    with pytest.raises((adbc_driver_manager.Error, pa.ArrowException, OSError)):
        while True:
            try:
                rows += reader.read_next_batch().num_rows
            except StopIteration:
                pytest.fail(f"a result of {rows} rows ended as if it were whole")
    assert time.monotonic() - killed < SECONDS
    # Saying goodbye to a dead node is an error in the driver, which is none of this test's.
    reader.close()
    for closing in (cursor, connection):
        with contextlib.suppress(adbc_driver_manager.Error, RuntimeError):
            closing.close()


PAIRS = """SELECT a.l_suppkey AS s, count(*) AS pairs, sum(a.l_quantity) AS q
           FROM lineitem a JOIN lineitem b ON a.l_suppkey = b.l_suppkey GROUP BY a.l_suppkey"""


def worked(node) -> float:
    """Seconds that a process has computed."""
    with open(f"/proc/{node.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("locations", ["direct", "proxy"])
def test_a_worker_killed_before_the_first_row_costs_time_only(doomed, truth, locations):
    header = "adbc.flight.sql.rpc.call_header."
    options = {header + "squadron-endpoints": "all", header + "squadron-locations": locations}
    victim = doomed.nodes[2]
    before = worked(victim)
    with connect(doomed, **DISTRIBUTED, **options) as connection:
        with ThreadPoolExecutor(1) as reader:
            answer = reader.submit(fetch, connection, PAIRS)
            deadline = time.monotonic() + 3 * SECONDS
            while worked(victim) < before + 0.3:
                assert time.monotonic() < deadline and not answer.done(), "it runs"
                time.sleep(0.01)
            victim.process.kill()
            assert same_rows(answer.result(), truth.sql(PAIRS).to_arrow_table())


def test_set_lasts_for_the_connection(cluster):
    with connect(cluster) as connection:
        fetch(connection, "SET squadron.execution_mode = 'local'")
        assert partitions(connection, SCAN) == 1
        fetch(connection, "SET squadron.execution_mode = 'distributed'")
        assert partitions(connection, SCAN) == NODES


def partitions(connection, sql: str) -> int:
    with connection.cursor() as cursor:
        found, _ = cursor.adbc_execute_partitions(sql)
        return len(found)


def test_partitions_can_be_read_one_by_one(cluster, truth):
    sql = "SELECT o_orderkey FROM orders"
    with connect(cluster, **DISTRIBUTED) as connection:
        with connection.cursor() as cursor:
            found, schema = cursor.adbc_execute_partitions(sql)
        tables = []
        for partition in found:
            with connection.cursor() as cursor:
                cursor.adbc_read_partition(partition)
                tables.append(cursor.fetch_arrow_table())
    assert all(table.schema == schema for table in tables)
    assert same_rows(pa.concat_tables(tables), truth.sql(sql).to_arrow_table())


def test_the_catalog_is_shown(cluster):
    with connect(cluster) as connection:
        objects = connection.adbc_get_objects(depth="all", table_name_filter="nation").read_all()
        catalogs = {row["catalog_name"]: row["catalog_db_schemas"] for row in objects.to_pylist()}
        schemas = {row["db_schema_name"]: row["db_schema_tables"] for row in catalogs["squadron"]}
        [table] = [t for t in schemas["public"] if t["table_name"] == "nation"]
        names = [column["column_name"] for column in table["table_columns"]]
        assert names == ["n_nationkey", "n_name", "n_regionkey", "n_comment"]
        assert connection.adbc_get_table_schema("nation").names == names
        assert "TABLE" in connection.adbc_get_table_types()
        assert connection.adbc_get_info()["vendor_name"]


def test_pandas_reads(cluster, truth):
    import pandas

    sql = "SELECT l_returnflag, count(*) AS n, sum(l_quantity) AS q FROM lineitem GROUP BY 1 ORDER BY 1"
    with connect(cluster, **DISTRIBUTED) as connection:
        frame = pandas.read_sql(sql, connection)
    right = truth.sql(sql).df()
    assert list(frame["l_returnflag"]) == list(right["l_returnflag"])
    assert list(frame["n"]) == list(right["n"])
    assert [float(q) for q in frame["q"]] == [float(q) for q in right["q"]]


def test_a_schema_is_told_without_running(cluster):
    with connect(cluster) as connection, connection.cursor() as cursor:
        schema = cursor.adbc_execute_schema(SCAN)
        assert schema.names == ["l_orderkey", "l_linenumber", "l_extendedprice", "l_comment"]


@pytest.mark.parametrize(
    ("sql", "kind", "named"),
    [
        ("SELEC 1", adbc_driver_manager.ProgrammingError, "SELEC"),
        ("SELECT * FROM nowhere", adbc_driver_manager.ProgrammingError, "nowhere"),
        ("CREATE INDEX i ON nation (n_name)", adbc_driver_manager.NotSupportedError, "CREATE INDEX"),
    ],
)
def test_errors_have_their_kind_and_say_what_is_wrong(cluster, sql, kind, named):
    with connect(cluster) as connection, connection.cursor() as cursor:
        with pytest.raises(kind, match=named):
            cursor.execute(sql)
            cursor.fetchall()


def test_an_empty_result_and_a_large_row(cluster):
    with connect(cluster, **DISTRIBUTED) as connection:
        assert fetch(connection, f"{SCAN} WHERE l_quantity < 0").num_rows == 0
        [row] = fetch(connection, "SELECT repeat('abc', 1000000) AS t").to_pylist()
        assert len(row["t"]) == 3_000_000


def test_incremental_execution_gives_every_endpoint_once(cluster, truth):
    """PollFlightInfo, as the driver polls: partitions come as they can be read, then none."""
    with connect(cluster, **DISTRIBUTED) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.statement.exec.incremental": "true"})
        found = [cursor.adbc_execute_partitions(SCAN)[0]]
        while found[-1]:
            found.append(cursor.adbc_execute_partitions(SCAN)[0])
        partitions = [partition for some in found for partition in some]
        assert len(partitions) == len(set(partitions)) == NODES
        shares = []
        for partition in partitions:
            cursor.adbc_read_partition(partition)
            shares.append(cursor.fetch_arrow_table())
    assert same_rows(pa.concat_tables(shares), truth.sql(SCAN).to_arrow_table())


def test_what_pyarrow_was_given_is_renewed_and_cancelled(cluster):
    """By actions: the C++ client has both, its Python has not."""
    options = flight.FlightCallOptions(headers=HEADERS)
    with flight.connect(cluster.nodes[0].uri) as client:
        info = client.get_flight_info(statement(SCAN), options)
        for endpoint in info.endpoints:
            action = flight.Action("RenewFlightEndpoint", field(1, endpoint.serialize()))
            (answer,) = client.do_action(action)
            renewed = flight.FlightEndpoint.deserialize(answer.body.to_pybytes())
            assert renewed.expiration_time.value > endpoint.expiration_time.value
        action = flight.Action("CancelFlightInfo", field(1, info.serialize()))
        (answer,) = client.do_action(action)
        assert answer.body.to_pybytes() == b"\x08\x01", "CANCEL_STATUS_CANCELLED"
        # pyarrow takes a server's CANCELLED for a Ctrl-C of its own.
        with pytest.raises((flight.FlightCancelledError, KeyboardInterrupt)):
            client.do_get(info.endpoints[0].ticket).read_all()


def test_values_are_bound_to_a_prepared_statement(cluster, truth):
    sql = "SELECT count(*) AS n FROM lineitem WHERE l_orderkey BETWEEN ? AND ? AND l_returnflag = ?"
    with connect(cluster, **DISTRIBUTED) as connection, connection.cursor() as cursor:
        for bound in [(1, 100, "R"), (50, 5000, "N"), (7, 6, "R")]:
            cursor.execute(sql, bound)
            assert cursor.fetchone() == truth.execute(sql, bound).fetchone()
