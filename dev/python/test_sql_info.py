"""What GetSqlInfo tells of conversions is what `{fn CONVERT(…)}` takes."""

import pyarrow as pa
import pyarrow.flight as flight

from conftest import Cluster, field, statement

# By the codes of SqlSupportsConvert.
NAMES = [
    "BIGINT", "BINARY", "BIT", "CHAR", "DATE", "DECIMAL", "FLOAT", "INTEGER", "INTERVAL_DAY_TIME",
    "INTERVAL_YEAR_MONTH", "LONGVARBINARY", "LONGVARCHAR", "NUMERIC", "REAL", "SMALLINT", "TIME", "TIMESTAMP",
    "TINYINT", "VARBINARY", "VARCHAR",
]

SOURCES = {
    "BIT": "BOOLEAN", "DECIMAL": "DECIMAL(38, 10)", "NUMERIC": "DECIMAL(38, 10)", "LONGVARCHAR": "VARCHAR",
    "LONGVARBINARY": "VARBINARY", "INTERVAL_DAY_TIME": "INTERVAL", "INTERVAL_YEAR_MONTH": "INTERVAL",
}


def conversions(client: flight.FlightClient) -> dict[str, list[str]]:
    """Code 517, by names."""
    url = b"type.googleapis.com/arrow.flight.protocol.sql.CommandGetSqlInfo"
    codes = field(1, bytes([517 & 0x7F | 0x80, 517 >> 7]))
    info = client.get_flight_info(flight.FlightDescriptor.for_command(field(1, url) + field(2, codes)))
    [row] = client.do_get(info.endpoints[0].ticket).read_all().to_pylist()
    return {NAMES[of]: [NAMES[to] for to in targets] for of, targets in row["value"]}


def is_taken(client: flight.FlightClient, source: str, target: str) -> bool:
    try:
        client.get_flight_info(statement(f"SELECT {{fn CONVERT(CAST(NULL AS {source}), SQL_{target})}}"))
        return True
    except pa.ArrowException:
        return False


def test_every_conversion_that_is_told_is_taken(cluster: Cluster) -> None:
    with flight.connect(cluster.nodes[0].uri) as client:
        told = conversions(client)
        assert set(told) == set(NAMES)
        refused = [
            (of, to) for of, targets in told.items() for to in targets if not is_taken(client, SOURCES.get(of, of), to)
        ]
        assert refused == []


def test_types_that_are_told_for_nothing_are_refused(cluster: Cluster) -> None:
    with flight.connect(cluster.nodes[0].uri) as client:
        targets = {target for targets in conversions(client).values() for target in targets}
        missing = set(NAMES) - targets
        assert missing == {"DECIMAL", "NUMERIC", "INTERVAL_DAY_TIME", "INTERVAL_YEAR_MONTH"}
        assert not any(is_taken(client, "INTEGER", target) for target in missing)
