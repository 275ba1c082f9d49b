"""Keys that tables are declared to have, as Python's clients are told them."""

import random

import pytest


@pytest.fixture
def schema(connections):
    """One with `shops (id)`, `days (year, day)`, and `sales`, which refers to both."""
    name = f"keys_{random.getrandbits(40)}"
    with connections[0].cursor() as cursor:
        for sql in [
            f"CREATE SCHEMA {name}",
            f"CREATE TABLE {name}.shops (id INT PRIMARY KEY NOT ENFORCED, name VARCHAR UNIQUE NOT ENFORCED)",
            f"CREATE TABLE {name}.days (year INT, day INT, CONSTRAINT calendar PRIMARY KEY (year, day) NOT ENFORCED)",
            f"""CREATE TABLE {name}.sales (shop INT REFERENCES {name}.shops NOT ENFORCED, y INT, d INT,
                CONSTRAINT sold_on FOREIGN KEY (y, d) REFERENCES {name}.days NOT ENFORCED)""",
        ]:
            cursor.execute(sql)
    return name


def test_they_are_in_information_schema_of_every_node(connections, schema):
    for connection in connections:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT c.table_name, c.constraint_type, k.column_name, k.ordinal_position
                    FROM information_schema.table_constraints c JOIN information_schema.key_column_usage k
                      ON c.constraint_schema = k.constraint_schema AND c.constraint_name = k.constraint_name
                    WHERE c.table_schema = '{schema}' ORDER BY 1, 2, k.constraint_name, 4"""
            )
            assert cursor.fetchall() == [
                ("days", "PRIMARY KEY", "year", 1),
                ("days", "PRIMARY KEY", "day", 2),
                ("sales", "FOREIGN KEY", "shop", 1),
                ("sales", "FOREIGN KEY", "y", 1),
                ("sales", "FOREIGN KEY", "d", 2),
                ("shops", "PRIMARY KEY", "id", 1),
                ("shops", "UNIQUE", "name", 1),
            ]
