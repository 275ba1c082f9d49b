"""Rows that clients send (CommandStatementIngest): the four modes of ADBC, pandas and polars, against what was sent."""

import concurrent.futures
import datetime
import decimal
import random

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from conftest import NODES, field

COLUMNS = pa.table({"a": pa.array([1, 2, None], pa.int64()), "b": ["x", None, "ü'\""]})


def name(prefix: str) -> str:
    return f"{prefix}_{random.getrandbits(40)}"


def ingest(connection, table: str, rows, mode: str, **where) -> int:
    with connection.cursor() as cursor:
        return cursor.adbc_ingest(table, rows, mode=mode, **where)


def rows(connection, sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_each_mode_does_what_its_name_says(connections):
    one, two, three = connections
    t = name("modes")
    with pytest.raises(adbc_driver_manager.Error, match="there is no table"):
        ingest(one, t, COLUMNS, "append")
    assert ingest(one, t, COLUMNS, "create") == 3
    with pytest.raises(adbc_driver_manager.Error, match="already exists"):
        ingest(two, t, COLUMNS, "create")
    assert ingest(two, t, COLUMNS, "append") == 3
    assert ingest(three, t, COLUMNS, "create_append") == 3
    assert rows(one, f"SELECT count(*), count(a), min(b) FROM {t}") == [(9, 6, "x")]
    other = pa.table({"c": [1.5]})
    assert ingest(three, t, other, "replace") == 1
    assert rows(two, f"SELECT * FROM {t}") == [(1.5,)]
    new = name("modes")
    assert ingest(two, new, other, "replace") == 1
    assert ingest(two, name("modes"), other, "create_append") == 1


def test_nanoseconds_are_kept_as_microseconds_or_refused(connections):
    one, t = connections[0], name("nanos")
    at = lambda *nanoseconds: pa.table({"at": pa.array(nanoseconds, pa.timestamp("ns"))})
    assert ingest(one, t, at(1_000, None), "create") == 2
    with pytest.raises(adbc_driver_manager.Error, match="'at' has a time finer than a microsecond"):
        ingest(one, t, at(2_000, 1_001), "append")
    with one.cursor() as cursor, pytest.raises(adbc_driver_manager.Error, match="is finer than its column"):
        cursor.executemany(f"INSERT INTO {t} VALUES (?)", at(3_000, 1_001))
    assert rows(one, f"SELECT count(*), max(at) FROM {t}") == [(2, datetime.datetime(1970, 1, 1, 0, 0, 0, 1))]


def test_a_table_is_named_as_it_is_sent_in_whichever_schema(connections):
    one, two, _ = connections
    schema, t = name("s"), "Mixed Case"
    with one.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
    assert ingest(one, t, COLUMNS, "create", db_schema_name=schema) == 3
    assert ingest(two, t, COLUMNS, "append", db_schema_name=schema, catalog_name="squadron") == 3
    assert rows(two, f'SELECT count(*) FROM {schema}."{t}"') == [(6,)]
    with pytest.raises(adbc_driver_manager.Error, match="no schema"):
        ingest(one, "t", COLUMNS, "create", db_schema_name="nowhere")
    with pytest.raises(adbc_driver_manager.Error, match="temporary"):
        ingest(one, "t", COLUMNS, "create", temporary=True)


def test_what_is_of_files_or_a_view_is_not_written(connections):
    for mode in ("create", "append", "replace"):
        with pytest.raises(adbc_driver_manager.Error, match="nation"):
            ingest(connections[0], "nation", COLUMNS, mode)


def test_every_type_comes_back_as_it_was(connections):
    one, two, _ = connections
    day = datetime.date(2024, 2, 29)
    moment = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
    sent = pa.table({
        "flag": pa.array([True, None]),
        "tiny": pa.array([-128, None], pa.int8()), "small": pa.array([32767, None], pa.int16()),
        "whole": pa.array([-(2**31), None], pa.int32()), "big": pa.array([2**63 - 1, None], pa.int64()),
        "byte": pa.array([255, None], pa.uint8()), "word": pa.array([2**32 - 1, None], pa.uint32()),
        "half": pa.array([1.5, None], pa.float16()), "real": pa.array([1.5, None], pa.float32()),
        "double": pa.array([0.1, None], pa.float64()),
        "money": pa.array([decimal.Decimal("-12345678901234567890.12"), None], pa.decimal128(38, 2)),
        "text": pa.array(["ä\n\"'", None], pa.large_string()), "view": pa.array(["v", None], pa.string_view()),
        "coded": pa.array(["red", None]).dictionary_encode(),
        "bytes": pa.array([b"\0\xff", None], pa.binary()), "day": pa.array([day, None], pa.date32()),
        "moment": pa.array([moment, None], pa.timestamp("us")),
        "instant": pa.array([moment, None], pa.timestamp("ms", "Europe/Berlin")),
        "list": pa.array([[1, None], None], pa.list_(pa.int32())),
        "struct": pa.array([{"x": 1, "y": "z"}, None], pa.struct([("x", pa.int64()), ("y", pa.string())])),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    })
    t = name("types")
    assert ingest(one, t, sent, "create") == 2
    with two.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {t} ORDER BY flag NULLS LAST")
        got = cursor.fetch_arrow_table()
    assert got.column_names == sent.column_names
    for column in sent.column_names:
        there, here = got[column].to_pylist(), sent[column].to_pylist()
        if column == "instant":
            there, here = ([v and v.astimezone(datetime.timezone.utc) for v in values] for values in (there, here))
        assert there == here, column


def test_many_batches_come_whole_and_in_files_that_other_nodes_read(connections):
    one, two, three = connections
    t, batches, of = name("many"), 200, 5000

    def made():
        for at in range(batches):
            first = at * of
            yield pa.record_batch({"n": pa.array(range(first, first + of), pa.int64()), "s": [f"row {i}" for i in range(of)]})

    schema = pa.schema([("n", pa.int64()), ("s", pa.string())])
    reader = pa.RecordBatchReader.from_batches(schema, made())
    assert ingest(one, t, reader, "create") == batches * of
    total = batches * of
    expected = [(total, total, total * (total - 1) // 2, of)]
    for connection in (two, three):
        sql = f"SELECT count(*), count(DISTINCT n), CAST(sum(n) AS BIGINT), count(DISTINCT s) FROM {t}"
        assert rows(connection, sql) == expected


def test_rows_that_end_in_an_error_leave_nothing(connections):
    one, two, _ = connections

    def broken():
        for at in range(20):
            yield pa.record_batch({"n": pa.array([at] * 10_000, pa.int64())})
        raise OSError("the source is gone")

    schema = pa.schema([("n", pa.int64())])
    t = name("broken")
    with pytest.raises(Exception):
        ingest(one, t, pa.RecordBatchReader.from_batches(schema, broken()), "create")
    assert ingest(two, t, pa.table({"n": [1]}), "create") == 1
    with pytest.raises(Exception):
        ingest(one, t, pa.RecordBatchReader.from_batches(schema, broken()), "append")
    assert rows(two, f"SELECT count(*) FROM {t}") == [(1,)]


def test_rows_that_do_not_fit_leave_the_table_as_it_was(connections):
    one, two, _ = connections
    t = name("fit")
    with one.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {t} (a TINYINT NOT NULL, b VARCHAR)")
    for sent, why in [
        (pa.table({"a": [1000]}), "1000|cast"),
        (pa.table({"a": pa.array([None], pa.int8())}), "NOT NULL|null"),
        (pa.table({"b": ["x"]}), "NOT NULL|null"),
        (pa.table({"a": [1], "nothing": [1]}), "nothing"),
    ]:
        with pytest.raises(adbc_driver_manager.Error, match=f"(?i){why}"):
            ingest(two, t, sent, "append")
    assert ingest(two, t, pa.table({"B": ["x"], "a": [7]}), "append") == 1
    assert rows(one, f"SELECT a, b FROM {t}") == [(7, "x")]


def test_many_who_create_and_append_at_once_all_have_their_rows(cluster):
    t = name("crowd")

    def send(at: int) -> int:
        with flightsql.connect(cluster.nodes[at % NODES].uri) as connection:
            return ingest(connection, t, pa.table({"who": [at] * 100}), "create_append")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(8))) == 800
    with flightsql.connect(cluster.nodes[0].uri) as connection:
        assert rows(connection, f"SELECT count(*), count(DISTINCT who) FROM {t}") == [(800, 8)]


def test_no_rows_make_an_empty_table(cluster, connections):
    """ADBC sends nothing at all for a table without rows, not even its columns: pyarrow does."""
    t = name("none")
    create_or_append = field(1, bytes([8, 1, 16, 2])) + field(2, t.encode())
    url = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementIngest"
    descriptor = flight.FlightDescriptor.for_command(field(1, url) + field(2, create_or_append))
    with flight.connect(cluster.nodes[0].uri) as client:
        writer, answers = client.do_put(descriptor, COLUMNS.schema)
        writer.done_writing()
        answers.read()
        writer.close()
    assert rows(connections[1], f"SELECT * FROM {t}") == []
    with pytest.raises(adbc_driver_manager.Error, match="without a message"):
        ingest(connections[0], name("none"), COLUMNS.slice(0, 0), "create")


def test_a_column_without_a_value_is_one_of_text(connections):
    one, two, _ = connections
    t = name("nulls")
    frame = pd.DataFrame({"a": [1, 2], "b": [None, None]})
    frame.to_sql(t, one, index=False)
    assert ingest(two, t, pa.table({"a": [3], "b": ["x"]}), "append") == 1
    assert ingest(two, t, pa.table({"a": [4], "b": pa.nulls(1)}), "append") == 1
    assert rows(one, f"SELECT a, b FROM {t} ORDER BY a") == [(1, None), (2, None), (3, "x"), (4, None)]


def test_pandas_writes_and_reads_back(connections):
    one, two, _ = connections
    t = name("pandas")
    frame = pd.DataFrame({"k": [3, 1, 2], "v": ["c", "a", None], "w": pd.to_datetime(["2024-01-01", None, "2025-06-30"])})
    assert frame.to_sql(t, one, index=False) == 3
    frame.to_sql(t, two, index=False, if_exists="append")
    back = pd.read_sql(f"SELECT * FROM {t} ORDER BY k", two)
    assert list(back["k"]) == [1, 1, 2, 2, 3, 3]
    assert [v for v in back["v"].dropna()] == ["a", "a", "c", "c"]
    frame.to_sql(t, one, index=False, if_exists="replace")
    assert len(pd.read_sql(f"SELECT * FROM {t}", two)) == 3


def test_polars_writes_and_reads_back(connections, cluster, data):
    t = name("polars")
    lines = pl.from_arrow(duckdb.sql(f"SELECT * FROM '{data}/lineitem/*.parquet'").to_arrow_table())
    written = lines.write_database(t, connections[0], engine="adbc", if_table_exists="replace")
    assert written in (len(lines), -1)
    back = pl.read_database(f"SELECT * FROM {t} EXCEPT SELECT * FROM lineitem", connections[1])
    assert len(back) == 0
    count = pl.read_database(f"SELECT count(*) AS n FROM {t}", connections[2])
    assert count["n"][0] == len(lines)
