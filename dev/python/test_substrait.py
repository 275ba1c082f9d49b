"""Substrait plans, as DataFusion's own producer makes them, give what the same query gives in SQL."""

import pathlib

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import datafusion
import datafusion.substrait
import pytest

DISTRIBUTED = {"adbc.flight.sql.rpc.call_header.squadron-execution-mode": "distributed"}

QUERIES = [
    "SELECT * FROM nation ORDER BY n_nationkey",
    "SELECT n_name, upper(r_name) FROM nation JOIN region ON n_regionkey = r_regionkey ORDER BY 1",
    "SELECT l_returnflag, count(*) AS n, sum(l_quantity) AS q, avg(l_discount) AS d FROM lineitem "
    "WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag ORDER BY l_returnflag",
    "SELECT o_orderkey FROM orders WHERE o_totalprice > 300000 AND o_orderpriority IN ('1-URGENT', '2-HIGH') ORDER BY 1 LIMIT 20",
    "SELECT c_custkey FROM customer LEFT JOIN orders ON c_custkey = o_custkey WHERE o_orderkey IS NULL ORDER BY 1",
    "SELECT n_regionkey, n_name, row_number() OVER (PARTITION BY n_regionkey ORDER BY n_name) AS r FROM nation ORDER BY 1, 3",
    "SELECT count(DISTINCT l_suppkey) FROM lineitem WHERE l_comment LIKE '%final%'",
    "SELECT n_name FROM nation WHERE n_nationkey < 0",
]


@pytest.fixture(scope="module")
def producer(data):
    context = datafusion.SessionContext()
    for table in pathlib.Path(data).iterdir():
        if list(table.glob("*.parquet")):
            context.register_parquet(table.name, str(table) + "/")
    return lambda sql: bytes(datafusion.substrait.Serde.serialize_bytes(sql, context))


def run(connection, plan: bytes):
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_substrait_plan(plan)
        stream, _ = cursor.adbc_statement.execute_query()
        return adbc_table(stream)


def adbc_table(stream):
    import pyarrow as pa

    return pa.RecordBatchReader._import_from_c(stream.address).read_all()


@pytest.mark.parametrize("how", [{}, DISTRIBUTED], ids=["auto", "distributed"])
@pytest.mark.parametrize("sql", QUERIES)
def test_a_plan_gives_what_its_query_gives(cluster, producer, sql, how):
    with flightsql.connect(cluster.nodes[0].uri, db_kwargs=how) as connection:
        got = run(connection, producer(sql))
        with connection.cursor() as cursor:
            cursor.execute(sql)
            expected = cursor.fetch_arrow_table()
    assert [str(t) for t in got.schema.types] == [str(t) for t in expected.schema.types]
    assert got.to_pydict().values().__repr__() == expected.to_pydict().values().__repr__()


def test_a_prepared_plan_runs_as_often_as_it_is_asked(cluster, producer):
    with flightsql.connect(cluster.nodes[1].uri) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_substrait_plan(producer("SELECT count(*) FROM nation"))
        cursor.adbc_statement.prepare()
        for _ in range(2):
            stream, _ = cursor.adbc_statement.execute_query()
            assert adbc_table(stream).to_pydict().popitem()[1] == [25]


@pytest.mark.parametrize(("plan", "why"), [(b"no plan", "Substrait"), (b"\x1a\x00", "one relation|relation")])
def test_what_is_no_plan_is_refused(cluster, plan, why):
    with flightsql.connect(cluster.nodes[0].uri) as connection:
        with pytest.raises(adbc_driver_manager.Error, match=why):
            run(connection, plan)


def test_a_plan_of_a_table_that_is_not_there_names_it(cluster, data):
    context = datafusion.SessionContext()
    context.register_parquet("elsewhere", data + "/nation/")
    plan = bytes(datafusion.substrait.Serde.serialize_bytes("SELECT n_name FROM elsewhere", context))
    with flightsql.connect(cluster.nodes[0].uri) as connection:
        with pytest.raises(adbc_driver_manager.Error, match="elsewhere"):
            run(connection, plan)
