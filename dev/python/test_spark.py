"""`squadron.dialect = 'spark'`, held against what Spark 4.0.1 itself answered (`spark_answers.py`).

A statement that Spark answers is answered alike, or is in `spark_differs.txt`: with those that are refused, and the few
whose answer has another form. Whoever makes one of them work takes it out there. What Spark refuses may have an answer
here, where it is one that cannot mislead (`QUALIFY`, a NULL in place of an error of a function), but for errors of numbers.
"""

import datetime
import decimal
import json
import math
import pathlib

import adbc_driver_flightsql.dbapi as flightsql
import adbc_driver_manager
import pyarrow as pa
import pytest

FOLDER = pathlib.Path(__file__).parent
DIALECT = "adbc.flight.sql.rpc.call_header.squadron-dialect"
MODE = "adbc.flight.sql.rpc.call_header.squadron-execution-mode"


@pytest.fixture(scope="module")
def recorded() -> list[dict]:
    """What was asked of Spark, and what it said."""
    return [json.loads(line) for line in (FOLDER / "spark_answers.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def differs() -> set[str]:
    """Statements that this version refuses, or whose answer has another form than Spark's."""
    lines = (FOLDER / "spark_differs.txt").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


@pytest.fixture
def cursor(cluster):
    """Of a session in Spark's dialect at the first of three nodes."""
    with flightsql.connect(cluster.nodes[0].uri, db_kwargs={DIALECT: "spark"}, autocommit=True) as connection:
        with connection.cursor() as cursor:
            yield cursor


def answer(cursor, sql: str) -> list[list] | None:
    """The rows as `spark_answers.py` writes them; `None` where the statement is refused."""
    try:
        cursor.execute(sql)
        table = cursor.fetch_arrow_table()
    except adbc_driver_manager.Error:
        return None
    columns = [[text(value, column.type) for value in column.to_pylist()] for column in table.columns]
    return [list(row) for row in zip(*columns)]


def text(value: object, of: pa.DataType) -> str | None:
    value = canonical(value, of)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def canonical(value: object, of: pa.DataType) -> str | list | dict | None:
    if value is None:
        return None
    if pa.types.is_map(of):
        entries = [(canonical(key, of.key_type), canonical(item, of.item_type)) for key, item in value]
        return dict(sorted(entries))
    if pa.types.is_list(of):
        return [canonical(item, of.value_type) for item in value]
    if pa.types.is_struct(of):
        return {field.name: canonical(value[field.name], field.type) for field in of}
    match value:
        case bool():
            return str(value).lower()
        case float():
            return repr(value)
        case decimal.Decimal():
            return format(value, "f")
        case bytes():
            return value.hex()
        case datetime.datetime():
            return value.replace(tzinfo=None).isoformat()
        case datetime.date():
            return value.isoformat()
    return str(value)


def is_same(left: list[list] | None, right: list[list], types: str = "") -> bool:
    """Alike but for the last digits of doubles, which Java and Rust add up in another order."""
    if left is None or len(left) != len(right):
        return False
    return all(same_row(ours, theirs, types.split(", ")) for ours, theirs in zip(left, right))


def same_row(left: list, right: list, types: list[str]) -> bool:
    types = types if len(types) == len(right) else [""] * len(right)
    return len(left) == len(right) and all(map(same_value, left, right, types))


def same_value(left: str | None, right: str | None, of: str) -> bool:
    """Of decimals every digit counts: 1.50 is none of one digit behind the point."""
    if left == right or of.startswith("decimal"):
        return left == right
    try:
        return math.isclose(float(left), float(right), rel_tol=1e-12)
    except (TypeError, ValueError):
        return False


def test_answers_are_sparks(cursor, recorded, differs):
    wrong = []
    for record in recorded:
        if "error" in record:
            continue
        given, expected = answer(cursor, record["sql"]), record["answer"]
        if record.get("unordered") and given is not None:
            given, expected = sorted(given, key=repr), sorted(expected, key=repr)
        if is_same(given, expected, record["type"]) == (record["sql"] in differs):
            wrong.append((record["sql"], expected, given))
    assert not wrong, "\n".join(f"{sql}: {expected} and not {given}" for sql, expected, given in wrong)


# Of every kind that a worker must find by name: scalars, those of ours, casts, aggregates.
OF_COLUMNS = """
SELECT l_returnflag, `l_linestatus`, sum(l_extendedprice / l_quantity) AS a, count_if(l_orderkey % 2 = 0) AS b,
  try_sum(l_orderkey DIV 7) AS c, max(concat(l_shipmode, ' ', l_shipdate, l_discount)) AS d,
  sum(size(split(l_comment, '[aeiou]+'))) AS e, min(date_format(l_shipdate, "yyyy/MM")) AS f,
  sum(CAST(CAST(l_shipdate AS TIMESTAMP) AS BIGINT)) AS g, max(array(l_tax, l_discount)[1]) AS h,
  max(add_months(l_shipdate, 2)) AS i, sum(xxhash64(l_comment) % 1000) AS j, max(initcap(l_comment)) AS k,
  sum(bit_count(l_orderkey)) AS l, max(CAST(CAST(l_quantity AS DOUBLE) * 1e6D AS STRING)) AS m,
  max_by(l_comment, l_orderkey * 10 + l_linenumber) AS n, sum(pmod(-l_orderkey, 7)) AS o,
  round(kurtosis(l_quantity), 6) AS p, sum(hash(l_comment)) AS q, percentile_approx(l_quantity, 0.9) AS r,
  max(CAST(l_tax AS DECIMAL(38, 30)) * CAST(l_discount AS DECIMAL(38, 30))) AS s, max(to_json(named_struct('a', l_tax))) AS u,
  sum(CASE WHEN l_quantity > 10 THEN '1' ELSE l_linenumber END) AS v, max(format_number(l_extendedprice, 1)) AS w
FROM lineitem GROUP BY l_returnflag, l_linestatus WITH ROLLUP ORDER BY 1, 2
"""


def test_workers_answer_as_one_node_does(cluster):
    answers = []
    for mode, node in [("local", 0), ("distributed", 0), ("distributed", 2)]:
        options = {DIALECT: "spark", MODE: mode}
        with flightsql.connect(cluster.nodes[node].uri, db_kwargs=options, autocommit=True) as connection:
            with connection.cursor() as cursor:
                answers.append(answer(cursor, OF_COLUMNS))
    local, *distributed = answers
    assert local and local[0][0] is None, "NULLs come first"
    assert all(is_same(rows, local) for rows in distributed)


def test_a_view_means_the_same_in_every_dialect(cluster):
    with flightsql.connect(cluster.nodes[0].uri, db_kwargs={DIALECT: "spark"}, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE VIEW halves AS SELECT 7 / 2 AS a, 'x' || NULL AS b, \"it\\'s\" AS c")
            made = answer(cursor, "SELECT * FROM halves")
    with flightsql.connect(cluster.nodes[1].uri, autocommit=True) as connection:
        with connection.cursor() as cursor:
            assert answer(cursor, "SELECT * FROM halves") == made == [["3.5", None, "it's"]]
            assert answer(cursor, "SELECT 7 / 2") == [["3"]]


def test_a_session_is_set_to_it_by_sql(cluster):
    with flightsql.connect(cluster.nodes[0].uri, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET squadron.dialect = 'spark'")
            assert answer(cursor, "SELECT 7 / 2, 7 DIV 2") == [["3.5", "3"]]
            cursor.execute("SET squadron.dialect = squadron")
            assert answer(cursor, "SELECT 7 / 2") == [["3"]]


def test_clocks_are_those_of_the_sessions_zone(cluster):
    asked = """SELECT from_unixtime(0), unix_timestamp('1970-01-01 00:00:00'), unix_timestamp('01/01/1970', 'dd/MM/yyyy'),
      CAST(CAST(0 AS TIMESTAMP) AS STRING), CAST(TIMESTAMP '1970-01-01 00:00:00' AS BIGINT),
      CAST(CAST('1970-01-01 00:00:00Z' AS TIMESTAMP) AS STRING),
      CAST(to_timestamp('01/01/1970 10:00', 'dd/MM/yyyy HH:mm') AS STRING), hash(TIMESTAMP '2024-01-01 00:00:00'),
      CAST(timestamp_millis(0) AS STRING), unix_timestamp(current_timestamp()) - unix_timestamp(),
      CAST(current_timestamp() AS STRING) LIKE concat(date_format(current_timestamp(), 'yyyy-MM-dd HH:mm'), '%')"""
    # By Spark 4.0.1 with this spark.sql.session.timeZone.
    then, seconds = "1969-12-31 19:00:00", "18000"
    expected = [then, seconds, seconds, then, seconds, then, "1970-01-01 10:00:00", "680353121", then, "0", "true"]
    with flightsql.connect(cluster.nodes[0].uri, db_kwargs={DIALECT: "spark"}, autocommit=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SET spark.sql.session.timeZone = America/New_York")
            try:
                assert answer(cursor, asked) == [expected]
            finally:
                cursor.execute("SET TIME ZONE 'UTC'")


# In their order: a statement, and its rows, or a part of why it is refused.
OF_TABLES = [
    ("CREATE DATABASE IF NOT EXISTS spark_db", []),
    ("USE spark_db", []),
    ("CREATE TABLE days (a INT, b STRING COMMENT 'x', day DATE) USING delta COMMENT 'all' PARTITIONED BY (day) "
     "TBLPROPERTIES ('owner' = 'me')", []),
    ("CREATE TABLE IF NOT EXISTS days (a INT) USING delta", []),
    ("CREATE TABLE other (a INT) USING parquet", "USING delta"),
    ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "WITH"),
    ("INSERT INTO days BY NAME SELECT DATE '2024-01-02' AS day, 'x' AS b, 1 AS a", []),
    ("INSERT INTO TABLE days PARTITION (day = '2024-01-03') VALUES (2, 'y')", []),
    ("INSERT OVERWRITE days PARTITION (day = '2024-01-03') SELECT 3, 'z'", []),
    ("SELECT * FROM days ORDER BY a", [["1", "x", "2024-01-02"], ["3", "z", "2024-01-03"]]),
    ("SHOW PARTITIONS days", [["day=2024-01-02"], ["day=2024-01-03"]]),
    ("SHOW TBLPROPERTIES days", [["delta.checkpointInterval", "10"], ["delta.enableExpiredLogCleanup", "false"], ["owner", "me"]]),
    ("MERGE INTO days USING (SELECT 1 AS a, 'new' AS b, DATE '2024-01-02' AS day UNION ALL "
     "SELECT 4, 'come', DATE '2024-01-04') s ON days.a = s.a "
     "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", []),
    ("SELECT a, b FROM days ORDER BY a", [["1", "new"], ["3", "z"], ["4", "come"]]),
    ("CREATE OR REPLACE TABLE copied USING delta AS SELECT a * 1.5 AS c FROM days", []),
    ("SELECT sum(c) FROM copied", [["12.0"]]),
    ("SHOW CURRENT NAMESPACE", [["squadron", "spark_db"]]),
    ("SET spark.sql.shuffle.partitions = 10", "leave it out"),
    ("REFRESH TABLE days", "newest version"),
    ("SELECT a AS k FROM days UNION ALL SELECT b FROM days", "CAST both"),
    ("DROP TABLE copied", []),
    ("USE default", []),
    ("DROP DATABASE spark_db CASCADE", []),
]


def test_statements_about_tables_are_sparks(cluster):
    with flightsql.connect(cluster.nodes[0].uri, db_kwargs={DIALECT: "spark"}, autocommit=True) as connection:
        with connection.cursor() as cursor:
            for sql, expected in OF_TABLES:
                if isinstance(expected, str):
                    with pytest.raises(adbc_driver_manager.Error, match=expected):
                        cursor.execute(sql)
                    continue
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
                if expected:
                    columns = [[text(value, column.type) for value in column.to_pylist()] for column in table.columns]
                    assert [list(row) for row in zip(*columns)] == expected, sql
            cursor.execute("CREATE TABLE told (a INT) USING delta")
            cursor.execute("DESCRIBE EXTENDED told")
            told = cursor.fetch_arrow_table().to_pylist()
            assert {"col_name": "Provider", "data_type": "delta"} in told
            cursor.execute("DROP TABLE told")


def test_what_is_an_error_of_numbers_to_spark_is_one_here(cursor, recorded):
    numbers = {"DIVIDE_BY_ZERO", "ARITHMETIC_OVERFLOW", "BINARY_ARITHMETIC_OVERFLOW", "CAST_OVERFLOW"}
    errors = [record["sql"] for record in recorded if record.get("error") in numbers]
    assert errors
    given = [(sql, answer(cursor, sql)) for sql in errors]
    assert [sql for sql, rows in given if rows is not None] == []
