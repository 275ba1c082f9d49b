"""The server to compare with: as little as a Flight server can do, on Arrow's C++ all the way.

It answers the two calls of a Flight SQL statement, GetFlightInfo(CommandStatementQuery) and DoGet,
so that the same client reads it the same way. Every statement is taken for `SELECT * FROM <table>`;
nothing is planned, authorised or kept. `parquet` scans the files for each read, `memory` loads them
once; both give batches of 64 k rows, the size that clients read fastest below their 16 MiB limit.
`constant` answers any statement with one row that is always the same: what is left of the time of a
small query when the server does nothing.
Batches go from the reader to the socket in C++: no Python runs per batch.
"""

import argparse
import re
import sys

import pyarrow
import pyarrow.dataset
import pyarrow.flight as flight

BATCH_ROWS = 64 * 1024


class Server(flight.FlightServerBase):
    def __init__(self, data, mode):
        super().__init__("grpc://127.0.0.1:0")
        self.data = data
        self.tables = {}
        self.mode = mode

    def dataset(self, table):
        return pyarrow.dataset.dataset(f"{self.data}/{table}", format="parquet")

    def load(self, table):
        scanner = self.dataset(table).scanner(batch_size=BATCH_ROWS)
        self.tables[table] = pyarrow.Table.from_batches(scanner.to_batches())

    def get_flight_info(self, context, descriptor):
        if self.mode == "constant" and b"SELECT" in descriptor.command:
            schema = self.tables["constant"].schema
            endpoint = flight.FlightEndpoint(b"constant", [])
            return flight.FlightInfo(schema, descriptor, [endpoint], -1, -1)
        found = re.search(rb"(?i)select \* from (\w+)", descriptor.command)
        if not found:
            raise flight.FlightServerError("only SELECT * FROM <table>")
        table = found.group(1).decode()
        endpoint = flight.FlightEndpoint(table.encode(), [])
        return flight.FlightInfo(self.dataset(table).schema, descriptor, [endpoint], -1, -1)

    def do_get(self, context, ticket):
        table = ticket.ticket.decode()
        if table in self.tables:
            return flight.RecordBatchStream(self.tables[table])
        return flight.RecordBatchStream(self.dataset(table).scanner(batch_size=BATCH_ROWS).to_reader())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["parquet", "memory", "constant"])
    parser.add_argument("data")
    args = parser.parse_args()
    server = Server(args.data, args.mode)
    if args.mode == "memory":
        server.load("lineitem")
    if args.mode == "constant":
        server.tables["constant"] = pyarrow.table({"x": [1]})
    print(server.port, flush=True)
    server.serve()


if __name__ == "__main__":
    sys.exit(main())
