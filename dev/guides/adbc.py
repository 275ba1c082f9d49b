"""ADBC: all endpoints at once, in batches; values that are bound; rows that are written. Called as `adbc.py URI`; see python.md."""

import os
import sys

import adbc_driver_flightsql.dbapi as flightsql
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions

HEADER = DatabaseOptions.RPC_CALL_HEADER_PREFIX.value


def connect(uri: str) -> flightsql.Connection:
    """With what the environment has: a user with a password, or a token, and the authority of the certificates."""
    options = {HEADER + "squadron-query-timeout": "10m"}
    if "SQUADRON_USER" in os.environ:
        options["username"] = os.environ["SQUADRON_USER"]
        options["password"] = os.environ["SQUADRON_PASSWORD"]
    elif "SQUADRON_TOKEN" in os.environ:
        options[DatabaseOptions.AUTHORIZATION_HEADER.value] = "Bearer " + os.environ["SQUADRON_TOKEN"]
    if "SQUADRON_AUTHORITY" in os.environ:
        with open(os.environ["SQUADRON_AUTHORITY"]) as pem:
            options[DatabaseOptions.TLS_ROOT_CERTS.value] = pem.read()
    return flightsql.connect(uri, db_kwargs=options, autocommit=True)


def revenue(connection: flightsql.Connection, flag: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT l_shipmode, sum(l_extendedprice) FROM lineitem WHERE l_returnflag = ? GROUP BY 1 ORDER BY 1", [flag])
        return cursor.fetchall()


def rows_of(connection: flightsql.Connection, sql: str) -> int:
    """Batches as they come from all endpoints: the whole need not fit into memory."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


def write(connection: flightsql.Connection, table: str, rows: pa.Table) -> int:
    """An INSERT of one row of VALUES, bound to all rows at once, is one version of the table, or none."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE TABLE {table} (k BIGINT NOT NULL, name VARCHAR)")
        cursor.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
        cursor.execute(f"SELECT count(*) FROM {table}")
        (written,) = cursor.fetchone()
        cursor.execute(f"DROP TABLE {table}")
    return written


def main(uri: str) -> None:
    with connect(uri) as connection:
        for mode, total in revenue(connection, "R"):
            print(mode, total)
        print("rows:", rows_of(connection, "SELECT * FROM lineitem"))
        print("written:", write(connection, "guide_adbc", pa.table({"k": range(5000), "name": ["a"] * 5000})))


if __name__ == "__main__":
    main(sys.argv[1])
