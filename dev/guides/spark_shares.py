"""Spark over JDBC: a table in shares, a query, and a table that is written. See spark.md for how it is started.

    spark-submit --master 'local[2]' --jars flight-sql-jdbc-driver-18.3.0.jar,squadron-dialect.jar \\
      --driver-java-options '--add-opens=java.base/java.nio=ALL-UNNAMED -Duser.timezone=UTC' spark_shares.py ADDRESS?OPTIONS
"""

import sys

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, sum as total

DRIVER = "org.apache.arrow.driver.jdbc.ArrowFlightJdbcDriver"


def shares(spark: SparkSession, url: str, tasks: int) -> DataFrame:
    """Each task asks for its own span of keys, and is given it by all nodes."""
    (bounds,) = query(spark, url, "SELECT min(l_orderkey) AS low, max(l_orderkey) + 1 AS high FROM lineitem").collect()
    return (
        spark.read.format("jdbc").options(url=url, driver=DRIVER, dbtable="lineitem")
        .options(partitionColumn="l_orderkey", lowerBound=str(bounds.low), upperBound=str(bounds.high), numPartitions=str(tasks))
        .load()
    )


def query(spark: SparkSession, url: str, sql: str) -> DataFrame:
    """What Squadron should compute: Spark itself hands down columns and filters alone."""
    return spark.read.format("jdbc").options(url=url, driver=DRIVER, query=sql).load()


def write(spark: SparkSession, url: str, table: str, rows: int) -> None:
    frame = spark.range(rows).selectExpr("id", "CAST(id AS STRING) AS name", "id % 2 = 0 AS even", "CAST(id % 100 AS TINYINT) AS small")
    frame.write.format("jdbc").options(url=url, driver=DRIVER, dbtable=table, batchsize="10000").mode("overwrite").save()


def main(address: str) -> None:
    url = "jdbc:arrow-flight-sql://" + address
    spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark._jvm.SquadronDialect.register()
    frame = shares(spark, url, 4)
    print("types:", frame.schema.simpleString()[:60])
    print("tasks:", frame.rdd.getNumPartitions())
    found = frame.where(col("l_quantity") > 40).agg(count("*").alias("n"), total("l_extendedprice").alias("p")).first()
    again = query(spark, url, "SELECT count(*) AS n, sum(l_extendedprice) AS p FROM lineitem WHERE l_quantity > 40").first()
    print("the same:", (found.n, found.p) == (again.n, again.p), found.n)
    write(spark, url, "guide_spark", 5000)
    print("written:", query(spark, url, "SELECT id, name, even, small FROM guide_spark").distinct().count())
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
