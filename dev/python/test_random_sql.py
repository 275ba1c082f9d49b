"""Random queries at three processes, held against DuckDB over the same rows."""

import decimal
import math
import os
import random
from collections import Counter

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import duckdb
import pyarrow as pa
import pytest

from conftest import NODES, Cluster
from random_files import write
from random_sql import TABLES, Queries, table

QUERIES = 200
MODES = ["local", "distributed"]
HEADER = "adbc.flight.sql.rpc.call_header.squadron-execution-mode"
# What a node answers to what it does not take. Anything else is a mistake.
REFUSED = {
    adbc_driver_manager.AdbcStatusCode.NOT_IMPLEMENTED,
    adbc_driver_manager.AdbcStatusCode.INVALID_ARGUMENT,
}


@pytest.fixture(scope="module")
def seed() -> int:
    """The same in every run, so that a change is to blame for what it breaks; `any` looks for more."""
    seed = os.environ.get("SQUADRON_RANDOM_SQL_SEED", "1")
    return random.randrange(1 << 32) if seed == "any" else int(seed)


@pytest.fixture(scope="module")
def truth():
    """DuckDB, which is given the rows: of files it leaves out some with NaN, as bounds of row groups do."""
    return duckdb.connect()


def in_truth(truth, name: str, rows: pa.Table) -> None:
    """With one NaN, as to SQL: DuckDB sorts by its bits; and with one unit of time: it cuts off what a coarser one lacks."""
    floats = [math.nan if x is not None and math.isnan(x) else x for x in rows["x"].to_pylist()]
    rows = rows.set_column(rows.column_names.index("x"), "x", pa.array(floats, pa.float64()))
    at = rows.column_names.index("t")
    rows = rows.set_column(at, "t", rows["t"].cast(pa.timestamp("us")))
    truth.register("rows", rows)
    truth.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")


@pytest.fixture(scope="module")
def tables(seed, truth, tmp_path_factory):
    """A folder of tables: of several files, of several row groups, and one that is small."""
    folder = tmp_path_factory.mktemp("random")
    rng = random.Random(seed)
    for name, rows, files in zip(TABLES, [rng.choice([60, 400]), rng.choice([5, 40]), rng.choice([3, 30])], [3, 2, 1]):
        whole = table(rng, rows)
        in_truth(truth, name, whole)
        write(rng, folder / name, whole, files)
    return folder


def normal(value) -> str:
    """Values that are one to SQL, written alike."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value + 0.0:.9g}"
    if isinstance(value, decimal.Decimal):
        return format(value.normalize() + 0, "f")
    return str(value)


def bag(rows) -> Counter:
    return Counter(tuple(map(normal, row.values())) for row in rows.to_pylist())


def test_random_queries_are_duckdbs(seed, tables, truth, tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), str(tables))
    queries, answered = Queries(random.Random(seed)), 0
    try:
        for index in range(QUERIES):
            sql, told = queries.query(), f"seed {seed}, query {index}"
            try:
                right = bag(truth.sql(sql).to_arrow_table())
            except duckdb.Error:
                continue
            mode = {HEADER: MODES[index % 2]}
            uri = cluster.nodes[index % NODES].uri
            with flightsql.connect(uri, db_kwargs=mode, autocommit=True) as connection, connection.cursor() as cursor:
                try:
                    cursor.execute(sql)
                    answer = bag(cursor.fetch_arrow_table())
                except adbc_driver_manager.Error as error:
                    assert error.status_code in REFUSED, f"{told}: {sql}: {error}"
                    continue
            answered += 1
            assert answer == right, f"{told}, {mode[HEADER]}: {sql}\nmissing: {right - answer}\ntoo many: {answer - right}"
    finally:
        cluster.stop()
    assert answered > QUERIES // 2, f"seed {seed}: {answered} of {QUERIES} were answered"
