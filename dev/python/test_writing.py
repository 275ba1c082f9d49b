"""Tables that SQL writes, against DuckDB doing the same, and against another engine reading and writing their logs."""

import datetime
import decimal
import os
import random

import adbc_driver_flightsql.dbapi as flightsql
import deltalake
import duckdb
import pyarrow as pa
import pytest

from conftest import NODES

ROWS = 300


def execute(connection, sql: str) -> int:
    """A statement as an update: how many rows it says that it changed."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_sql_query(sql)
        return cursor.adbc_statement.execute_update()


def fetch(connection, sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def name(prefix: str) -> str:
    return f"{prefix}_{random.getrandbits(40)}"


def folder_of(cluster, table: str) -> str:
    """Where the only table that was made since is: the newest."""
    tables = cluster.folder / "warehouse" / "tables"
    return str(max(tables.iterdir(), key=os.path.getmtime))


class Model:
    """Random statements for a table that DuckDB has as well."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def literal(self, kind: str) -> str:
        if self.random.random() < 0.15:
            return f"CAST(NULL AS {kind})"
        match kind:
            case "BIGINT":
                return f"CAST({self.random.randint(-5, 20)} AS BIGINT)"
            case "VARCHAR":
                return self.random.choice(["''", "'a'", "'ß '", "'it''s'", "'a,b'", "'zz'"])
            case "DATE":
                return f"DATE '20{self.random.randint(10, 12)}-0{self.random.randint(1, 9)}-1{self.random.randint(0, 9)}'"
            case _:
                return f"CAST({self.random.randint(-500, 500) / 100} AS {kind})"

    def condition(self) -> str:
        choices = [
            f"k {self.random.choice(['<', '>', '=', '<>', '<='])} {self.random.randint(-3, 15)}",
            f"s = {self.literal('VARCHAR')}", "s IS NULL", "d IS NOT NULL", "k % 3 = 1",
            f"d >= {self.literal('DATE')}", f"m BETWEEN -1 AND {self.random.randint(0, 4)}",
            "k IN (SELECT x.k + 1 FROM {t} x WHERE x.m > 0)",
            "k NOT IN (1, 2, 3)", "k = (SELECT max(k) FROM {t})",
        ]
        # Such a one is planned alone or beside others, as in any query.
        related = "EXISTS (SELECT 1 FROM {t} y WHERE y.k = {t}.k AND y.s <> {t}.s)"
        if self.random.random() < 0.15:
            return self.random.choice([related, f"NOT {related}", f"{related} AND {choices[0]}"])
        condition = self.random.choice(choices)
        if self.random.random() < 0.3:
            condition += f" {self.random.choice(['AND', 'OR'])} NOT ({self.random.choice(choices)})"
        return condition

    def rows(self) -> str:
        row = lambda: ", ".join(self.literal(kind) for kind in ["BIGINT", "VARCHAR", "DATE", "DECIMAL(9, 2)"])
        return ", ".join(f"({row()})" for _ in range(self.random.randint(1, 8)))

    def statement(self) -> str:
        match self.random.randint(0, 8):
            case 0 | 1 | 2:
                return f"INSERT INTO {{t}} VALUES {self.rows()}"
            case 3:
                return f"INSERT INTO {{t}} (m, k) SELECT m + 1, k FROM {{t}} WHERE {self.condition()} LIMIT 0"
            case 4:
                return f"INSERT INTO {{t}} (s, k) SELECT min(s), k FROM {{t}} WHERE {self.condition()} GROUP BY k"
            case 5:
                return f"DELETE FROM {{t}} WHERE {self.condition()}"
            case 6:
                return f"UPDATE {{t}} SET s = concat(s, 'x'), m = -m WHERE {self.condition()}"
            case 7:
                return f"UPDATE {{t}} SET k = k + 1, d = {self.literal('DATE')} WHERE {self.condition()}"
            case _:
                return f"UPDATE {{t}} SET m = k, k = CASE WHEN m > 0 THEN k ELSE length(s) END WHERE {self.condition()}"


@pytest.mark.parametrize("partitioned", ["", " PARTITIONED BY (d)", " PARTITIONED BY (k, s)"])
@pytest.mark.parametrize("seed", range(3))
def test_random_statements_do_what_they_do_in_duckdb(connections, seed, partitioned):
    model, table, truth = Model(seed), name("r"), duckdb.connect()
    columns = "(k BIGINT, s VARCHAR, d DATE, m DECIMAL(9, 2))"
    execute(connections[0], f"CREATE TABLE {table} {columns}{partitioned}")
    truth.execute(f"CREATE TABLE {table} {columns}")
    for step in range(25):
        sql = model.statement().replace("{t}", table)
        # An empty text in a partition is kept as NULL: Delta's own rule.
        if "(k, s)" in partitioned:
            sql = sql.replace("''", "'e'").replace("it'e's", "its")
        expected = truth.execute(sql).fetchall()[0][0]
        changed = execute(connections[step % NODES], sql)
        assert changed == expected, sql
        rows = f"SELECT k, s, d, m FROM {table} ORDER BY k, s, d, m"
        ours = fetch(connections[(step + 1) % NODES], rows)
        key = lambda row: tuple((value is None, value) for value in row)
        assert sorted(ours, key=key) == sorted(truth.execute(rows).fetchall(), key=key), sql


def test_another_engine_reads_what_was_written(cluster, connections):
    table = name("d")
    execute(
        connections[0],
        f"CREATE TABLE {table} PARTITIONED BY (flag) AS SELECT l_orderkey, l_linenumber, l_quantity, l_comment, l_shipdate, "
        "l_returnflag AS flag FROM lineitem WHERE l_orderkey < 3000",
    )
    execute(connections[1], f"DELETE FROM {table} WHERE l_linenumber = 2")
    execute(connections[2], f"UPDATE {table} SET l_comment = NULL WHERE l_orderkey % 7 = 0")
    for _ in range(10):
        execute(connections[0], f"INSERT INTO {table} (l_orderkey, flag) VALUES (1, NULL)")
    theirs = deltalake.DeltaTable(folder_of(cluster, table)).to_pyarrow_table()
    order = [("l_orderkey", "ascending"), ("l_linenumber", "ascending")]
    with connections[1].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        ours = cursor.fetch_arrow_table()
    theirs = theirs.select(ours.column_names).cast(ours.schema)
    assert ours.sort_by(order).equals(theirs.sort_by(order))


def test_what_another_engine_writes_is_read(cluster, connections):
    table = name("w")
    execute(connections[0], f"CREATE TABLE {table} (a BIGINT, t TIMESTAMP, z TIMESTAMPTZ, s VARCHAR, b BOOLEAN, f DOUBLE, m DECIMAL(20, 3))")
    folder = folder_of(cluster, table)
    utc = datetime.timezone.utc
    rows = {
        "a": pa.array([1, None], pa.int64()),
        "t": pa.array([datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), None], pa.timestamp("us")),
        "z": pa.array([datetime.datetime(2024, 2, 29, 12, tzinfo=utc), None], pa.timestamp("us", "UTC")),
        "s": pa.array(["ä", ""]), "b": pa.array([True, None]), "f": pa.array([float("nan"), -0.0]),
        "m": pa.array([decimal.Decimal("12345678901234567.891"), None], pa.decimal128(20, 3)),
    }
    deltalake.write_deltalake(folder, pa.table(rows), mode="append")
    for connection in connections:
        assert fetch(connection, f"SELECT count(*), count(a), count(s), sum(m) FROM {table}") == [
            (2, 1, 2, decimal.Decimal("12345678901234567.891"))
        ]
        assert fetch(connection, f"SELECT s FROM {table} WHERE f = 'NaN'::double AND t < '1970-01-01'") == [("ä",)]
    deltalake.DeltaTable(folder).delete("a = 1")
    deltalake.DeltaTable(folder).optimize.compact()
    assert fetch(connections[2], f"SELECT a, s FROM {table}") == [(None, "")]
    assert execute(connections[1], f"DELETE FROM {table}") == 1


def test_a_table_of_another_engine_is_registered_where_it_is(cluster, connections):
    table, folder = name("e"), str(cluster.folder / "warehouse" / name("theirs"))
    deltalake.write_deltalake(folder, pa.table({"a": [1, 2, 3], "s": ["x", None, "z"]}))
    execute(connections[0], f"CREATE EXTERNAL TABLE {table} STORED AS DELTA LOCATION '{folder}'")
    assert execute(connections[1], f"INSERT INTO {table} VALUES (4, 'ours')") == 1
    assert execute(connections[2], f"UPDATE {table} SET s = 'two' WHERE a = 2") == 1
    rows = [(1, "x"), (2, "two"), (3, "z"), (4, "ours")]
    assert fetch(connections[0], f"SELECT a, s FROM {table} ORDER BY a") == rows
    execute(connections[1], f"DROP TABLE {table}")
    theirs = deltalake.DeltaTable(folder).to_pyarrow_table().sort_by("a").to_pylist()
    assert [(row["a"], row["s"]) for row in theirs] == rows


def test_odd_values_in_names_of_folders_are_read_as_another_engine_writes_them(cluster, connections):
    folder, table = str(cluster.folder / "warehouse" / name("odd")), name("odd")
    values = ["r/1", "a%b", "x y", "ü", "c:d=e?", "%2F", "a+b&c#d", "'\""]
    deltalake.write_deltalake(folder, pa.table({"a": list(range(len(values))), "r": values}), partition_by=["r"])
    execute(connections[0], f"CREATE EXTERNAL TABLE {table} STORED AS DELTA LOCATION '{folder}'")
    assert fetch(connections[1], f"SELECT r FROM {table} ORDER BY a") == [(value,) for value in values]
    assert fetch(connections[2], f"SELECT a FROM {table} WHERE r = '%2F'") == [(5,)]
    assert execute(connections[0], f"DELETE FROM {table} WHERE r IN ('r/1', 'a%b')") == 2
    assert len(fetch(connections[1], f"SELECT * FROM {table}")) == len(values) - 2


def test_two_engines_do_not_lose_each_others_rows(cluster, connections):
    table = name("c")
    execute(connections[0], f"CREATE TABLE {table} (a BIGINT)")
    folder = folder_of(cluster, table)
    for round in range(6):
        execute(connections[round % NODES], f"INSERT INTO {table} VALUES ({round})")
        deltalake.write_deltalake(folder, pa.table({"a": pa.array([100 + round], pa.int64())}), mode="append")
    assert fetch(connections[0], f"SELECT count(*), count(DISTINCT a) FROM {table}") == [(12, 12)]


def test_values_are_bound_to_statements_that_write(connections):
    table = name("p")
    execute(connections[0], f"CREATE TABLE {table} (a BIGINT, s VARCHAR, m DECIMAL(9, 2))")
    with connections[0].cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", [1, "it's", decimal.Decimal("1.50")])
        assert cursor.rowcount == 1
        cursor.execute(f"UPDATE {table} SET s = ? WHERE a = ?", ["x'; --", 1])
        assert cursor.rowcount == 1
        cursor.execute(f"DELETE FROM {table} WHERE a = ?", [2])
        assert cursor.rowcount == 0
    assert fetch(connections[1], f"SELECT * FROM {table}") == [(1, "x'; --", decimal.Decimal("1.50"))]


def versions(cluster, table: str) -> int:
    log = os.path.join(folder_of(cluster, table), "_delta_log")
    return len([name for name in os.listdir(log) if name.endswith(".json")])


def test_many_rows_of_values_are_one_version(cluster, connections):
    table, rows = name("m"), 5000
    execute(connections[0], f"CREATE TABLE {table} (a BIGINT, s VARCHAR, d DATE)")
    before = versions(cluster, table)
    values = [(n, None if n % 7 == 0 else f"row {n}", datetime.date(2024, 1, 1 + n % 28)) for n in range(rows)]
    with connections[1].cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} (s, a, d) VALUES (upper($2), $1 + 1, $3)", values)
    assert versions(cluster, table) == before + 1
    found = fetch(connections[2], f"SELECT a, s, d FROM {table} ORDER BY a")
    assert found == [(n + 1, s and s.upper(), d) for n, s, d in values]


def test_other_statements_are_carried_out_row_by_row(connections):
    table = name("u")
    execute(connections[0], f"CREATE TABLE {table} AS SELECT * FROM (VALUES (1, 0), (2, 0), (3, 0)) v (k, n)")
    with connections[1].cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET n = n + ? WHERE k = ?", [(5, 1), (6, 3), (7, 3), (8, 9)])
    assert fetch(connections[2], f"SELECT k, n FROM {table} ORDER BY k") == [(1, 5), (2, 0), (3, 13)]
    with connections[1].cursor() as cursor, pytest.raises(Exception, match="first 1 of 2 rows"):
        cursor.executemany(f"UPDATE {table} SET n = n / ? WHERE k = 1", [(1,), (0,)])
