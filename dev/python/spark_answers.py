"""Records what Apache Spark answers, for the tests of `squadron.dialect = 'spark'` to hold the engine's answers against.

The dialect is for people who come from the Thrift Server of Spark, so the measure of it is Spark itself, not what its
documentation or another engine says. The answers change only with the version of Spark or with the expressions of spark_statements.txt,
so they are kept beside the tests and Spark is needed only to record them anew, with Java 17 or 21:

    pip install pyspark==4.0.1
    python dev/python/spark_answers.py > dev/python/spark_answers.jsonl

Each line of the output is an object, in the order of the expressions:

    {"sql": "SELECT 7 / 2", "type": "double", "answer": [["3.5"]]}
    {"sql": "SELECT 1 / 0", "error": "DIVIDE_BY_ZERO"}

`type` is the type of the column by Spark's name for it; of several columns, the types with ", " between them. `error` is
Spark's name for the condition, or the class of the exception where it has none. `answer` is a list of rows, in the order
in which Spark gave them; `"unordered": true` says that the statement asks for none. `names`, only for the expressions of
NAMES, are the names of the columns. A row is a list of its values, each a text, or null for NULL:

- a boolean is `true` or `false`, an integer its digits, a text itself, a binary its bytes in lower hex;
- a decimal has the digits of its scale and never an exponent (`1.10`);
- a float or a double is what Python's `repr` writes of it as a double (`3.5`, `1e+20`, `inf`, `nan`, `-0.0`);
- a date is `2024-02-29`, a timestamp `2024-02-29T12:34:56` in UTC, with six digits of a fraction unless that is zero;
- an interval is what `CAST(… AS STRING)` makes of it;
- an array is a list, a struct and a map an object, each as the text of its JSON without spaces; what is inside is a text
  or null by the same rules, or another list or object (`["1",null]`, `{"a":["1"]}`). The fields of a struct keep their
  order, the keys of a map are sorted by their text.

Spark runs with its own defaults (ANSI among them: `spark.sql.ansi.enabled` is true), in one thread and the time zone UTC.
"""

import datetime
import decimal
import json
import logging
import os
import pathlib
import re
import time

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

STATEMENTS = pathlib.Path(__file__).with_name("spark_statements.txt")


def statements() -> dict[str, list[str]]:
    """What is asked, by group; what spark_statements.txt says of itself is no group."""
    groups: dict[str, list[str]] = {}
    for line in STATEMENTS.read_text().splitlines():
        if re.fullmatch(r"-- [A-Z_]+", line):
            groups[line[3:]] = []
        elif line and not line.startswith("--"):
            whole = line.startswith(("SELECT ", "WITH ", "FROM ", "VALUES "))
            groups[list(groups)[-1]].append(line if whole else f"SELECT {line}")
    return groups


def session() -> SparkSession:
    # Every error is logged too, with the whole stack.
    logging.disable()
    # What Python makes of a timestamp is in the zone of the process.
    os.environ["TZ"] = "UTC"
    time.tzset()
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def collect(frame: DataFrame) -> list[list]:
    """The rows, by columns that have a name each; Python has no value for some intervals, so Spark writes them."""
    frame = frame.toDF(*(f"c{index}" for index in range(len(frame.columns))))
    for field in frame.schema.fields:
        if field.dataType.simpleString().startswith("interval"):
            frame = frame.withColumn(field.name, frame[field.name].cast("string"))
    return [[text(value, field.dataType) for value, field in zip(row, frame.schema)] for row in frame.collect()]


def text(value: object, of: DataType) -> str | None:
    value = canonical(value, of)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def canonical(value: object, of: DataType) -> str | list | dict | None:
    match value, of:
        case None, _:
            return None
        case _, ArrayType():
            return [canonical(element, of.elementType) for element in value]
        case _, StructType():
            return {field.name: canonical(element, field.dataType) for element, field in zip(value, of)}
        case _, MapType():
            entries = [(canonical(key, of.keyType), canonical(value[key], of.valueType)) for key in value]
            return dict(sorted(entries))
        case bool(), _:
            return str(value).lower()
        case str(), _:
            return value
        case int(), _:
            return str(value)
        case float(), _:
            return repr(value)
        case decimal.Decimal(), _:
            return format(value, "f")
        case bytearray(), _:
            return value.hex()
        case (datetime.date() | datetime.datetime()), _:
            return value.isoformat()
    raise TypeError(f"no text for {value!r} of {of.simpleString()}")


def condition(error: PySparkException | Py4JJavaError) -> str:
    if isinstance(error, Py4JJavaError):
        return error.java_exception.getCondition()
    return error.getCondition() or type(error).__name__


def answer(spark: SparkSession, sql: str) -> dict:
    try:
        frame = spark.sql(sql)
        types = ", ".join(field.dataType.simpleString() for field in frame.schema)
        rows = collect(frame)
    except (PySparkException, Py4JJavaError) as error:
        return {"sql": sql, "error": condition(error)}
    record = {"sql": sql, "type": types, "answer": rows}
    return record if len(rows) < 2 or "ORDER BY" in sql else record | {"unordered": True}


def main() -> None:
    groups = statements()
    asked = [sql for group in groups.values() for sql in group]
    named = set(groups["NAMES"])
    spark = session()
    for sql in asked:
        record = answer(spark, sql)
        if sql in named and "answer" in record:
            record["names"] = spark.sql(sql).columns
        print(json.dumps(record, ensure_ascii=False))
    spark.stop()


if __name__ == "__main__":
    main()
