"""Answers statements with DuckDB over a folder of Parquet tables, for `cargo dev tpch`.

Called as `duckdb_answers.py TABLES OUT`; reads a JSON list of statements from standard input and
writes the answer of the first to OUT/0.arrow, and so on.
"""

import json
import pathlib
import sys

import duckdb
import pyarrow as pa


def main(tables: pathlib.Path, out: pathlib.Path) -> None:
    connection = duckdb.connect()
    for table in sorted(tables.iterdir()):
        files = table / "*.parquet"
        connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{files}')")
    for index, sql in enumerate(json.load(sys.stdin)):
        answer = connection.sql(sql).to_arrow_table()
        with pa.ipc.new_file(out / f"{index}.arrow", answer.schema) as writer:
            writer.write_table(answer)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
