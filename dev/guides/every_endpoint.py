"""pyarrow, which has Flight but no Flight SQL: every endpoint is read at the same time, each from its own node.

Called as `every_endpoint.py URI SQL`; see python.md.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.flight as flight


def field(number: int, value: bytes) -> bytes:
    """A text or a message of protobuf: its number, its length, itself."""
    length, size = b"", len(value)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def statement(sql: str) -> flight.FlightDescriptor:
    """CommandStatementQuery within google.protobuf.Any."""
    url = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
    return flight.FlightDescriptor.for_command(field(1, url) + field(2, field(1, sql.encode())))


class Reader:
    """Who reads, and how: a user with a password, or a token, and the authority of the certificates."""

    def __init__(self, uri: str) -> None:
        self.uri, self.tls = uri, {}
        # pyarrow gives itself no name: without the header it would be taken for a program that reads one endpoint.
        headers = [(b"squadron-endpoints", b"all")]
        if "SQUADRON_AUTHORITY" in os.environ:
            with open(os.environ["SQUADRON_AUTHORITY"], "rb") as pem:
                self.tls = {"tls_root_certs": pem.read()}
        if "SQUADRON_USER" in os.environ:
            with flight.connect(uri, **self.tls) as client:
                headers.append(client.authenticate_basic_token(os.environ["SQUADRON_USER"], os.environ["SQUADRON_PASSWORD"]))
        elif "SQUADRON_TOKEN" in os.environ:
            headers.append((b"authorization", b"Bearer " + os.environ["SQUADRON_TOKEN"].encode()))
        self.options = flight.FlightCallOptions(headers=headers)

    def read(self, sql: str) -> pa.Table:
        with flight.connect(self.uri, **self.tls) as client:
            info = client.get_flight_info(statement(sql), self.options)
        with ThreadPoolExecutor(len(info.endpoints)) as threads:
            return pa.concat_tables(threads.map(self.share, info.endpoints))

    def share(self, endpoint: flight.FlightEndpoint) -> pa.Table:
        """The same rows are at every location; none means that they are where the query was asked."""
        locations = [location.uri.decode() for location in endpoint.locations] or [self.uri]
        for last, location in enumerate(locations, 1 - len(locations)):
            try:
                with flight.connect(location, **self.tls) as client:
                    return client.do_get(endpoint.ticket, self.options).read_all()
            except flight.FlightUnavailableError:
                if last == 0:
                    raise
        raise AssertionError("there is a location")


def main(uri: str, sql: str) -> None:
    table = Reader(uri).read(sql)
    print("rows:", table.num_rows)
    print("columns:", ", ".join(table.column_names))


if __name__ == "__main__":
    main(*sys.argv[1:])
