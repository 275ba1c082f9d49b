"""flightsql-dbapi and SQLAlchemy (Superset), which read the first endpoint only, must get every row."""

import flightsql.sqlalchemy  # registers the dialect
import pytest
import sqlalchemy
from flightsql import FlightSQLClient, connect

from conftest import NODES

SCAN = "SELECT l_orderkey, l_comment FROM lineitem"


@pytest.fixture
def rows(truth):
    return truth.cursor().sql("SELECT count(*) FROM lineitem").fetchall()[0][0]


def client(cluster, node: int) -> FlightSQLClient:
    host, port = cluster.nodes[node].uri.removeprefix("grpc+tcp://").split(":")
    metadata = {"squadron-execution-mode": "distributed"}
    return FlightSQLClient(host=host, port=int(port), insecure=True, metadata=metadata)


def test_the_dbapi_gets_every_row_from_every_node(cluster, rows):
    for node in range(NODES):
        cursor = connect(client(cluster, node)).cursor()
        cursor.execute(SCAN)
        assert len(cursor.fetchall()) == rows


def test_sqlalchemy_gets_every_row(cluster, rows):
    address = cluster.nodes[0].uri.removeprefix("grpc+tcp://")
    url = f"datafusion+flightsql://{address}?insecure=True&squadron-execution-mode=distributed"
    with sqlalchemy.create_engine(url).connect() as connection:
        assert len(connection.execute(SCAN).fetchall()) == rows


def test_sqlalchemy_finds_the_tables(cluster, data):
    address = cluster.nodes[0].uri.removeprefix("grpc+tcp://")
    engine = sqlalchemy.create_engine(f"datafusion+flightsql://{address}?insecure=True")
    inspector = sqlalchemy.inspect(engine)
    assert "lineitem" in inspector.get_table_names(schema="public")
    columns = [column["name"] for column in inspector.get_columns("nation", schema="public")]
    assert columns == ["n_nationkey", "n_name", "n_regionkey", "n_comment"]


def test_sqlalchemy_gives_values_within_expressions_and_loses_those_beside_them(cluster):
    address = cluster.nodes[1].uri.removeprefix("grpc+tcp://")
    nation = sqlalchemy.table("nation", sqlalchemy.column("n_name", sqlalchemy.String))
    france = "SELECT count(*) FROM nation WHERE n_name = "
    with sqlalchemy.create_engine(f"datafusion+flightsql://{address}?insecure=True").connect() as connection:
        one = lambda statement, *values: connection.execute(statement, *values).scalar()
        counted = sqlalchemy.select([sqlalchemy.func.count()]).select_from(nation)
        assert one(counted.where(nation.c.n_name == "FRANCE")) == 1
        assert one(sqlalchemy.text(france + ":name").bindparams(name="FRANCE")) == 1
        assert connection.exec_driver_sql(france + "?", ("FRANCE",)).scalar() == 1
        # The client sends NULL in its place: dev/guides/superset.md says so.
        assert one(sqlalchemy.text(france + ":name"), {"name": "FRANCE"}) == 0


def test_sqlalchemy_makes_tables(cluster):
    address = cluster.nodes[2].uri.removeprefix("grpc+tcp://")
    metadata = sqlalchemy.MetaData()
    string, integer = sqlalchemy.String(50), sqlalchemy.Integer
    made = sqlalchemy.Table("by_sqlalchemy", metadata, sqlalchemy.Column("name", string), sqlalchemy.Column("n", integer))
    with sqlalchemy.create_engine(f"datafusion+flightsql://{address}?insecure=True").connect() as connection:
        made.create(connection)
        length = "SELECT character_maximum_length FROM information_schema.columns WHERE table_name = 'by_sqlalchemy' AND column_name = 'name'"
        assert connection.execute(sqlalchemy.text(length)).scalar() == 50
