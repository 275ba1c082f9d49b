"""SQLAlchemy 1.4 over flightsql-dbapi, which is how Superset reads. Called as `sql_alchemy.py ADDRESS?OPTIONS`; see superset.md."""

import sys

import sqlalchemy


def main(address: str) -> None:
    engine = sqlalchemy.create_engine("datafusion://" + address)
    inspector = sqlalchemy.inspect(engine)
    print("tables:", ", ".join(sorted(inspector.get_table_names(schema="public"))))
    orders = sqlalchemy.Table("orders", sqlalchemy.MetaData(), schema="public", autoload_with=engine)
    month = sqlalchemy.func.date_trunc("month", orders.c.o_orderdate)
    count = sqlalchemy.func.count()
    # As a chart of Superset has it: days are compared with texts.
    chosen = sqlalchemy.and_(orders.c.o_orderdate >= "1995-01-01 00:00:00.000000", orders.c.o_orderdate < "1995-04-01 00:00:00.000000")
    with engine.connect() as connection:
        for when, n in connection.execute(sqlalchemy.select(month, count).where(chosen).group_by(month).order_by(month)):
            print(f"{when:%Y-%m}", n)
        print("rows:", len(connection.execute(sqlalchemy.text("SELECT l_orderkey, l_comment FROM lineitem")).fetchall()))


if __name__ == "__main__":
    main(sys.argv[1])
