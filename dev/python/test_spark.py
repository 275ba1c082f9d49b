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


def is_same(left: list[list] | None, right: list[list]) -> bool:
    """Alike but for the last digits of doubles, which Java and Rust add up in another order."""
    if left is None or len(left) != len(right):
        return False
    return all(map(same_row, left, right))


def same_row(left: list, right: list) -> bool:
    return len(left) == len(right) and all(map(same_value, left, right))


def same_value(left: str | None, right: str | None) -> bool:
    if left == right:
        return True
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
        if is_same(given, expected) == (record["sql"] in differs):
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
  max_by(l_comment, l_orderkey * 10 + l_linenumber) AS n, sum(pmod(-l_orderkey, 7)) AS o
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


def test_what_is_an_error_of_numbers_to_spark_is_one_here(cursor, recorded):
    numbers = {"DIVIDE_BY_ZERO", "ARITHMETIC_OVERFLOW", "BINARY_ARITHMETIC_OVERFLOW", "CAST_OVERFLOW"}
    errors = [record["sql"] for record in recorded if record.get("error") in numbers]
    assert errors
    given = [(sql, answer(cursor, sql)) for sql in errors]
    assert [sql for sql, rows in given if rows is not None] == []
