"""Tables for clients that look at every type and every awkward name, and what DuckDB has for some queries of TPC-H.

Run as `odd_tables.py TPCH OUT`: makes `OUT/tables`, to serve beside TPC-H, and `OUT/truth`, a file for each query: a
line a row, its values with bars between them, as text that JDBC, Go and DuckDB write alike.
"""

import datetime
import decimal
import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

MOMENT = datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)
MILLISECONDS = MOMENT.replace(microsecond=789000)
UTC = datetime.timezone.utc

# Each with one value, and a NULL in the second row.
COLUMNS = [
    ("c_bool", pa.bool_(), True),
    ("c_i8", pa.int8(), -8),
    ("c_i16", pa.int16(), -16),
    ("c_i32", pa.int32(), -32),
    ("c_i64", pa.int64(), -64),
    ("c_u8", pa.uint8(), 200),
    ("c_u16", pa.uint16(), 60_000),
    ("c_u32", pa.uint32(), 4_000_000_000),
    ("c_u64", pa.uint64(), 2**64 - 1),
    ("c_f32", pa.float32(), 1.5),
    ("c_f64", pa.float64(), 2.5),
    ("c_dec", pa.decimal128(15, 2), decimal.Decimal("12.34")),
    ("c_dec38", pa.decimal128(38, 10), decimal.Decimal("1.0000000001")),
    ("c_dec76", pa.decimal256(76, 10), decimal.Decimal("9" * 60 + ".0000000001")),
    ("c_str", pa.string(), "grüße"),
    ("c_lstr", pa.large_string(), "large"),
    ("c_sview", pa.string_view(), "view"),
    ("c_bin", pa.binary(), b"\x00\xff"),
    ("c_fsb", pa.binary(4), b"abcd"),
    ("c_bview", pa.binary_view(), b"bv"),
    ("c_date", pa.date32(), MOMENT.date()),
    ("c_time_ms", pa.time32("ms"), MILLISECONDS.time()),
    ("c_time_us", pa.time64("us"), MOMENT.time()),
    ("c_ts_ms", pa.timestamp("ms"), MILLISECONDS),
    ("c_ts_us", pa.timestamp("us"), MOMENT),
    ("c_ts_ns", pa.timestamp("ns"), 1709210096789012345),
    ("c_tz_utc", pa.timestamp("us", "UTC"), MOMENT.replace(tzinfo=UTC)),
    ("c_tz_berlin", pa.timestamp("us", "Europe/Berlin"), MOMENT.replace(tzinfo=UTC)),
    ("c_dict", pa.dictionary(pa.int32(), pa.string()), "dictionary"),
    ("c_list", pa.list_(pa.int32()), [1, None, 3]),
    ("c_struct", pa.struct([("a", pa.int32()), ("b", pa.string())]), {"a": 1, "b": "x"}),
    ("c_map", pa.map_(pa.string(), pa.int32()), [("k", 1)]),
]

TRUTH = {
    "lineitem": "SELECT * FROM lineitem",
    "large": "SELECT * FROM lineitem WHERE l_quantity > 25",
    "join": """SELECT o_orderkey, o_orderpriority, l_linenumber, l_extendedprice
               FROM orders JOIN lineitem ON o_orderkey = l_orderkey WHERE l_quantity > 30""",
}


def all_types() -> pa.Table:
    arrays = [pa.array([value, None], kind) for _, kind, value in COLUMNS]
    fields = [pa.field(name, kind) for name, kind, _ in COLUMNS]
    required = pa.field("c_required", pa.int32(), nullable=False)
    return pa.table([*arrays, pa.array([1, 2], pa.int32())], schema=pa.schema([*fields, required]))


def tables() -> dict[str, pa.Table]:
    """By name: patterns and quotes of metadata meet `_`, `%`, blanks and capitals."""
    return {
        "all_types": all_types(),
        "t_a": pa.table({"id": [1]}),
        "tXa": pa.table({"id": [2]}),
        "pct%name": pa.table({"id": [3]}),
        "Mixed Case": pa.table({"Spaced Col": [1], 'quote"d': [2], "dot.ted": [3], "a_b": [4], "aXb": [5]}),
        "empty_table": pa.table({"id": pa.array([], pa.int64()), "name": pa.array([], pa.string())}),
    }


def main(tpch: pathlib.Path, out: pathlib.Path) -> None:
    for name, table in tables().items():
        folder = out / "tables" / name
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part-0.parquet")
    (out / "truth").mkdir()
    connection = duckdb.connect()
    for table in tpch.iterdir():
        connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{table}/*.parquet')")
    for name, sql in TRUTH.items():
        connection.execute(f"COPY ({sql}) TO '{out}/truth/{name}.txt' (HEADER false, DELIMITER '|', QUOTE '')")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
