/** What tools write, as they send it: over this driver or over others, it is SQL all the same. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;
import static jdbc.Tools.*;

import java.sql.ResultSet;
import java.sql.Statement;

final class ToolQueries {
    private ToolQueries() {}

    static void run() {
        dBeaver();
        tableau();
        metabase();
        spark();
        others();
    }

    private static void dBeaver() {
        tool("DBeaver: table page", 200, """
                SELECT x.* FROM squadron.public.lineitem x LIMIT 200""");
        tool("DBeaver: row count", 1, """
                SELECT COUNT(*) FROM (SELECT * FROM squadron.public.nation WHERE n_nationkey > 3) dbvrcnt""");
        tool("DBeaver: filter and order", 2, """
                SELECT x.* FROM squadron.public.nation x WHERE n_name LIKE 'A%' ORDER BY x.n_name DESC""");
        tool("DBeaver: values of a column", 7, """
                SELECT l_shipmode, count(*) FROM squadron.public.lineitem GROUP BY l_shipmode ORDER BY 2 DESC, 1""");
        tool("DBeaver: comment and semicolon", 1, """
                -- a script
                /* with comments */
                SELECT 1;
                """);
    }

    private static void tableau() {
        tool("Tableau: aliases", 25, """
                SELECT "nation"."n_name" AS "n_name", COUNT(1) AS "cnt:n_name:ok" FROM "public"."nation" "nation" GROUP BY 1""");
        tool("Tableau: dotted aliases", 10, """
                SELECT "t0"."n_name" AS "nation.n_name" FROM "public"."nation" "t0" LIMIT 10""");
        tool("Tableau: HAVING without GROUP BY", 1, """
                SELECT SUM(1) AS "COL" FROM (SELECT * FROM "public"."nation") "Custom SQL Query" HAVING (COUNT(1) > 0)""");
        tool("Tableau: custom SQL", 25, """
                SELECT "Custom SQL Query"."n_name" AS "n_name" FROM (
                  SELECT * FROM nation
                ) "Custom SQL Query"
                LIMIT 100""");
        tool("Tableau: number of records", 1, """
                SELECT SUM(1) AS "sum:Number of Records:ok" FROM "public"."lineitem" "lineitem" HAVING (COUNT(1) > 0)""");
        tool("Tableau: dates", 5, """
                SELECT EXTRACT(YEAR FROM "orders"."o_orderdate") AS "yr:o_orderdate:ok", DATE_TRUNC('MONTH',
                "orders"."o_orderdate") AS "tmn", SUM("orders"."o_totalprice") AS "s" FROM "public"."orders" "orders" GROUP BY
                1, 2 LIMIT 5""");
        tool("Tableau: subquery with a join", 25, """
                SELECT "t0"."a" FROM (SELECT "nation"."n_name" AS "a", "nation"."n_regionkey" AS "k" FROM "public"."nation"
                "nation") "t0" INNER JOIN (SELECT "region"."r_regionkey" AS "k" FROM "public"."region" "region") "t1" ON
                ("t0"."k" = "t1"."k")""");
        tool("Tableau: CAST to TEXT, INTEGER, DOUBLE PRECISION", 1, """
                SELECT CAST(n_nationkey AS TEXT) AS a, CAST(n_nationkey AS INTEGER) AS b, CAST(n_nationkey AS DOUBLE PRECISION)
                AS c, CAST(NULL AS TIMESTAMP) AS d FROM nation LIMIT 1""");
        tool("Tableau: zero rows", 0, """
                SELECT * FROM "public"."nation" WHERE 1 = 0""");
        tool("Tableau: JDBC escape {d}", 1, """
                SELECT {d '2024-02-29'}""");
        tool("Tableau: JDBC escape {ts}", 1, """
                SELECT {ts '2024-02-29 12:34:56'}""");
        tool("Tableau: JDBC escape {fn}", 1, """
                SELECT {fn UPPER('x')}""");
        check("the columns of HAVING without GROUP BY", () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery("SELECT SUM(1) AS \"COL\" FROM nation HAVING (COUNT(1) > 0)")) {
                is("label", result.getMetaData().getColumnLabel(1), "COL");
                yes(result.next(), "no row");
                is("value", result.getLong(1), 25L);
                return "";
            }
        });
    }

    private static void metabase() {
        tool("Metabase: remark", 25, """
                -- Metabase:: userID: 1 queryType: MBQL queryHash: 1a2b
                SELECT "public"."nation"."n_name" AS "n_name", COUNT(*) AS "count" FROM "public"."nation" GROUP BY
                "public"."nation"."n_name" ORDER BY "public"."nation"."n_name" ASC""");
        tool("Metabase: first rows", 2000, """
                SELECT "public"."lineitem"."l_orderkey" AS "l_orderkey", "public"."lineitem"."l_shipdate" AS "l_shipdate" FROM
                "public"."lineitem" LIMIT 2000""");
        tool("Metabase: months", 80, """
                SELECT DATE_TRUNC('month', "public"."orders"."o_orderdate") AS "o_orderdate",
                SUM("public"."orders"."o_totalprice") AS "sum" FROM "public"."orders" GROUP BY DATE_TRUNC('month',
                "public"."orders"."o_orderdate") ORDER BY DATE_TRUNC('month', "public"."orders"."o_orderdate") ASC""");
        tool("Metabase: fingerprint", 25, """
                SELECT SUBSTRING("public"."nation"."n_comment", 1, 1234) AS "substring1" FROM "public"."nation" LIMIT 10000""");
        tool("Metabase: join with source alias", 5, """
                SELECT "source"."n_name" AS "n_name", "Region"."r_name" AS "Region__r_name" FROM (SELECT
                "public"."nation"."n_name" AS "n_name", "public"."nation"."n_regionkey" AS "k" FROM "public"."nation") AS
                "source" LEFT JOIN "public"."region" AS "Region" ON "source"."k" = "Region"."r_regionkey" LIMIT 5""");
        tool("Metabase: tables", SOME, """
                SELECT table_name, table_schema FROM information_schema.tables WHERE table_schema NOT IN ('information_schema')
                ORDER BY table_name""");
        tool("Metabase: columns", 4, """
                SELECT column_name, upper(data_type) AS data_type, ordinal_position FROM information_schema.columns WHERE
                lower(table_schema) = lower('public') AND lower(table_name) = lower('nation') ORDER BY ordinal_position""");
        tool("Metabase: boolean probe", 0, """
                SELECT TRUE AS "_" FROM "public"."nation" WHERE 1 <> 1 LIMIT 0""");
    }

    private static void spark() {
        tool("Spark: schema probe", 0, """
                SELECT * FROM public.lineitem WHERE 1=0""");
        tool("Spark: partition of a read", 105, """
                SELECT "l_orderkey","l_quantity" FROM public.lineitem WHERE "l_orderkey" < 100 or "l_orderkey" is null""");
        tool("Spark: sub-query", 25, """
                SELECT "n_name" FROM (SELECT * FROM nation) SPARK_GEN_SUBQ_0 WHERE ("n_name" IS NOT NULL)""");
    }

    private static void others() {
        tool("Power BI: top", 25, """
                select "n_name", "n_regionkey" from "squadron"."public"."nation" order by "n_name" limit 1001 offset 0""");
        tool("Superset: virtual table", 25, """
                SELECT n_name AS n_name, sum(n_nationkey) AS "SUM(n_nationkey)" FROM (SELECT * FROM nation) AS virtual_table
                GROUP BY n_name ORDER BY "SUM(n_nationkey)" DESC LIMIT 10000""");
    }
}
