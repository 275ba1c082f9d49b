"""pandas and polars over ADBC, reading and writing. Called as `frames.py URI`; see python.md."""

import sys

import pandas
import polars

from adbc import connect

SQL = "SELECT o_orderpriority, count(*) AS n, max(o_orderdate) AS latest FROM orders GROUP BY 1 ORDER BY 1"


def main(uri: str) -> None:
    with connect(uri) as connection:
        print(pandas.read_sql(SQL, connection, dtype_backend="pyarrow").to_csv(index=False))
        print(polars.read_database(SQL, connection).write_csv())
        batches = polars.read_database("SELECT * FROM lineitem", connection, iter_batches=True, batch_size=10_000)
        print("rows:", sum(batch.height for batch in batches))
        frame = polars.DataFrame({"k": [1, 2, 3], "name": ["a", "b", None]})
        with connection.cursor() as cursor:
            cursor.execute("CREATE OR REPLACE TABLE guide_frames (k BIGINT, name VARCHAR)")
            cursor.executemany("INSERT INTO guide_frames VALUES (?, ?)", frame.to_arrow())
        written = polars.read_database("SELECT * FROM guide_frames ORDER BY k", connection)
        print("the same:", written.equals(frame))
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE guide_frames")


if __name__ == "__main__":
    main(sys.argv[1])
