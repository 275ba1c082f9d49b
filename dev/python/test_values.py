"""Values that clients bind and statements give: each arrives as it was sent, or is refused, and never as another."""

import datetime
import decimal
import random

import adbc_driver_manager
import pyarrow as pa
import pytest

from test_writing import execute, fetch, name


def bound(connection, sql: str, values: pa.RecordBatch | pa.Table) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


def one(**columns) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


NANOSECOND = pa.array([1_000_000_001], pa.timestamp("ns"))

CUT = [
    ("INSERT INTO {t} VALUES (?, NULL, NULL, NULL)", one(a=[1.5])),
    ("INSERT INTO {t} (a) SELECT ?", one(a=[1.5])),
    ("INSERT INTO {t} (a) SELECT v FROM (SELECT ? AS v) s WHERE true", one(a=[1.5])),
    ("INSERT INTO {t} (a) SELECT 1 UNION ALL SELECT ?", one(a=[1.5])),
    ("INSERT INTO {t} (l) VALUES (?)", one(l=pa.array([[1.0, 1.5]]))),
    ("INSERT INTO {t} (at) SELECT ?", one(at=NANOSECOND)),
    ("INSERT INTO {t} (s) VALUES (?)", one(s=pa.array([{"x": 2.5}]))),
    ("UPDATE {t} SET a = ?", one(a=[1.5])),
    ("UPDATE {t} SET at = ?", one(at=NANOSECOND)),
    ("MERGE INTO {t} USING (SELECT 1 AS k) s ON {t}.a = s.k WHEN MATCHED THEN UPDATE SET a = ?", one(a=[1.5])),
    ("CREATE TABLE {t}_new AS SELECT ? AS at", one(at=NANOSECOND)),
]


@pytest.mark.parametrize("sql, values", CUT)
def test_what_its_column_has_no_place_for_is_refused(connections, sql, values):
    t = name("cut")
    execute(connections[0], f"CREATE TABLE {t} (a INT, l INT[], at TIMESTAMP, s STRUCT<x INT>)")
    execute(connections[0], f"INSERT INTO {t} (a) VALUES (1)")
    with pytest.raises(adbc_driver_manager.Error, match="finer than"):
        bound(connections[1], sql.format(t=t), values)
    assert fetch(connections[2], f"SELECT * FROM {t}") == [(1, None, None, None)]


def test_what_has_a_place_arrives(connections):
    t = name("whole")
    execute(connections[0], f"CREATE TABLE {t} (a INT, l INT[])")
    bound(connections[0], f"INSERT INTO {t} VALUES (?, ?)", one(a=[2.0, -0.0], l=[[1.0, 3.0], None]))
    bound(connections[1], f"INSERT INTO {t} (a) SELECT ?", one(a=[decimal.Decimal("5.00")]))
    assert fetch(connections[2], f"SELECT * FROM {t} ORDER BY a") == [(0, None), (2, [1, 3]), (5, None)]


def test_a_time_without_a_zone_is_read_in_the_sessions(connections):
    t = name("zones")
    execute(connections[0], f"CREATE TABLE {t} (id INT, at TIMESTAMP WITH TIME ZONE, wall TIMESTAMP)")
    text, time = "2020-07-01 00:30:00", datetime.datetime(2020, 7, 1, 0, 30)
    zoned = pa.array([time - datetime.timedelta(hours=2)], pa.timestamp("us", "UTC"))
    with connections[1].cursor() as cursor:
        cursor.execute("SET TIME ZONE 'Europe/Berlin'")
        cursor.execute(f"INSERT INTO {t} VALUES (1, '{text}', '{text}')")
        cursor.execute(f"INSERT INTO {t} VALUES (2, ?, ?)", (text, text))
        cursor.execute(f"INSERT INTO {t} VALUES (3, ?, ?)", (time, time))
        cursor.executemany(f"INSERT INTO {t} VALUES (?, ?, ?)", [(4, time, time), (5, time, time)])
        cursor.executemany(f"INSERT INTO {t} VALUES (?, ?, ?)", one(id=[6], at=zoned, wall=zoned))
        cursor.adbc_ingest(t, pa.table({"id": [7], "at": [time], "wall": zoned}), mode="append")
        for value in (text, time, zoned[0].as_py()):
            cursor.execute(f"SELECT count(*) FROM {t} WHERE at = ? AND at BETWEEN ? AND ?", (value,) * 3)
            assert cursor.fetchone() == (7,), value
        cursor.execute(f"SELECT DISTINCT CAST(at AS TIMESTAMP), CAST(at AS TIME), wall FROM {t}")
        assert cursor.fetchall() == [(time, time.time(), time)]
        # Clocks of this zone never show it.
        cursor.execute(f"UPDATE {t} SET wall = '2020-03-29 02:30:00' WHERE id = 1")
        cursor.execute(f"SELECT count(*) FROM {t} WHERE at = wall")
        assert cursor.fetchone() == (6,)
        cursor.execute("RESET TIME ZONE")


def test_fields_that_a_column_has_not_are_refused(connections):
    t = name("fields")
    execute(connections[0], f"CREATE TABLE {t} (a STRUCT<x INT>)")
    more = one(a=[{"x": 1, "y": 2}])
    for sql in [f"INSERT INTO {t} VALUES (?)", f"INSERT INTO {t} SELECT ?", f"UPDATE {t} SET a = ?"]:
        with pytest.raises(adbc_driver_manager.Error, match="has no place"):
            bound(connections[1], sql, more)
    assert fetch(connections[2], f"SELECT count(*) FROM {t}") == [(0,)]


def test_each_row_of_values_names_its_partition(connections):
    t = name("parts")
    execute(connections[0], f"CREATE TABLE {t} (a INT, p INT, s TEXT) PARTITIONED BY (p)")
    values = [(7, 1, "x"), (8, 2, None), (7, 3, "z")]
    with connections[1].cursor() as cursor:
        cursor.executemany(f"INSERT INTO {t} PARTITION (p = ?) VALUES (?, upper(?))", values)
    assert fetch(connections[2], f"SELECT p, a, s FROM {t} ORDER BY a") == [(7, 1, "X"), (8, 2, None), (7, 3, "Z")]
    with pytest.raises(adbc_driver_manager.Error, match="finer than"):
        bound(connections[1], f"INSERT INTO {t} PARTITION (p = ?) VALUES (?, ?)", one(p=[1.5], a=[1], s=["x"]))
    with connections[1].cursor() as cursor:
        cursor.executemany(f"INSERT OVERWRITE {t} PARTITION (p = ?) VALUES (?, ?)", [(7, 4, "y"), (9, 5, "w")])
    assert fetch(connections[2], f"SELECT p, a FROM {t} ORDER BY a") == [(8, 2), (7, 4), (9, 5)]


def test_a_number_arrives_with_the_digits_that_are_written(connections, truth):
    t = name("digits")
    make = f"CREATE TABLE {t} (id INT, a DECIMAL(38, 2), b DECIMAL(10, 2), c DOUBLE)"
    rows = "(1, 12345678901234567890.12, 1.005, 0.1), (2, -0.285, -1.005, 12345678901234567.5), (3, 7.125, 0.285, 1e30)"
    statements = [
        f"INSERT INTO {t} VALUES {rows}",
        f"INSERT INTO {t} SELECT 4, 98765432109876543210.98, 1.005, 1.5",
        f"UPDATE {t} SET b = 2.675 WHERE id = 3",
        f"INSERT INTO {t} SELECT 5, CAST(1.005 AS DECIMAL(10, 2)), b, c FROM {t} WHERE a = 12345678901234567890.12",
    ]
    for at, sql in enumerate([make, *statements]):
        execute(connections[at % 3], sql)
        truth.execute(sql)
    sql = f"SELECT * FROM {t} ORDER BY id"
    assert fetch(connections[0], sql) == truth.execute(sql).fetchall()
    merged = f"MERGE INTO {t} USING (SELECT 1 AS id) s ON {t}.id = s.id WHEN MATCHED THEN UPDATE SET b = 4.545"
    execute(connections[1], merged)
    assert fetch(connections[0], f"SELECT b FROM {t} WHERE id = 1") == [(decimal.Decimal("4.55"),)]


def test_a_double_is_the_one_that_a_program_prints(connections):
    t = name("doubles")
    execute(connections[0], f"CREATE TABLE {t} (id INT, x DOUBLE)")
    some = random.Random(55)
    doubles = [some.choice([some.random(), some.uniform(-1e6, 1e6)]) for _ in range(400)]
    rows = ", ".join(f"({at}, {number!r})" for at, number in enumerate(doubles))
    execute(connections[0], f"INSERT INTO {t} VALUES {rows}")
    assert fetch(connections[1], f"SELECT x FROM {t} ORDER BY id") == [(number,) for number in doubles]
    listed = ", ".join(map(repr, doubles))
    assert fetch(connections[2], f"SELECT count(*) FROM {t} WHERE x IN ({listed})") == [(400,)]
    assert fetch(connections[0], f"SELECT count(*) FROM {t} WHERE x = {doubles[7]!r}") == [(1,)]
    assert fetch(connections[1], "SELECT 1 / 3.141592653589793") == [(1 / 3.141592653589793,)]


def test_a_text_is_as_long_as_its_column(connections):
    t = name("lengths")
    execute(connections[0], f"CREATE TABLE {t} (a INT, s VARCHAR(3))")
    with connections[1].cursor() as cursor:
        cursor.adbc_ingest(t, pa.table({"a": [1], "s": ["äöü"]}), mode="append")
        with pytest.raises(adbc_driver_manager.Error, match="VARCHAR"):
            cursor.adbc_ingest(t, pa.table({"a": [2], "s": ["abcd"]}), mode="append")
        with pytest.raises(adbc_driver_manager.Error, match="VARCHAR"):
            cursor.executemany(f"INSERT INTO {t} VALUES (?, ?)", [(3, "abc"), (4, "abcd")])
    assert fetch(connections[2], f"SELECT * FROM {t}") == [(1, "äöü")]
