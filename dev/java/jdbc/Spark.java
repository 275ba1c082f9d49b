/** What Spark's JDBC source sends (3.5 and 4.0, taken down from the wire): each task one share of a table, which must add up. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

final class Spark {
    private Spark() {}

    static void run() throws Exception {
        schemas();
        shares();
        filters();
        writes("spark_" + Long.toHexString(System.nanoTime()));
    }

    private static void schemas() {
        check("the schema of a table, by a query of no rows", () -> {
            List<String> types = types("SELECT * FROM lineitem WHERE 1=0");
            is("columns", types.size(), 16);
            is("l_orderkey", types.get(0), "-5");
            is("l_linenumber", types.get(3), "4");
            is("l_quantity", types.get(4), "3(15,2)");
            is("l_shipdate", types.get(10), "91");
            return types;
        });
        check("the schema of a query", () -> types("SELECT * FROM (SELECT n_regionkey, count(*) AS n FROM nation GROUP BY n_regionkey)"
                + " SPARK_GEN_SUBQ_0 WHERE 1=0"));
        check("the schema of a query with WITH before it", () ->
                types("WITH x AS (SELECT 1 AS a) SELECT * FROM (SELECT * FROM x) SPARK_GEN_SUBQ_1 WHERE 1=0"));
        limit("numbers have signs (the driver says of none that it has: Spark makes BIGINT a DECIMAL)", "isSigned is 'false'", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT * FROM nation WHERE 1=0")) {
                is("isSigned", statement.executeQuery().getMetaData().isSigned(1), true);
                return "";
            }
        });
    }

    /** Of a prepared query without rows, as Spark asks; decimals with precision and scale. */
    private static List<String> types(String sql) throws SQLException {
        try (PreparedStatement statement = shared.prepareStatement(sql); ResultSet result = statement.executeQuery()) {
            ResultSetMetaData meta = result.getMetaData();
            List<String> types = new ArrayList<>();
            for (int i = 1; i <= meta.getColumnCount(); i++) {
                boolean decimal = meta.getColumnType(i) == Types.DECIMAL;
                String size = decimal ? "(" + meta.getPrecision(i) + "," + meta.getScale(i) + ")" : "";
                types.add(meta.getColumnType(i) + size);
            }
            return types;
        }
    }

    private static void shares() {
        String[] keys = {"\"l_orderkey\" < 20001 or \"l_orderkey\" is null", "\"l_orderkey\" >= 20001 AND \"l_orderkey\" < 40000",
            "\"l_orderkey\" >= 40000"};
        share("by a number", "lineitem", keys);
        share("by a date", "lineitem", "\"l_shipdate\" < '1994-05-03' or \"l_shipdate\" is null",
                "\"l_shipdate\" >= '1994-05-03' AND \"l_shipdate\" < '1996-09-01'", "\"l_shipdate\" >= '1996-09-01'");
        share("of a query", "(SELECT * FROM lineitem WHERE l_linenumber > 1) AS q", keys);
        share("of a query that Spark names", "(SELECT * FROM lineitem) SPARK_GEN_SUBQ_3", keys);
    }

    private static void share(String name, String table, String... conditions) {
        check("a table in shares, at once, " + name, () -> {
            String all = "SELECT \"l_orderkey\",\"l_extendedprice\" FROM " + table + "      ";
            Sum whole = sum(all);
            Sum parts = new Sum();
            ExecutorService tasks = Executors.newFixedThreadPool(conditions.length);
            try {
                List<Callable<Sum>> work = new ArrayList<>();
                for (String condition : conditions) work.add(() -> sum(all.stripTrailing() + "  WHERE " + condition + "    "));
                for (Future<Sum> part : tasks.invokeAll(work)) parts.add(part.get());
            } finally {
                tasks.shutdownNow();
            }
            is("rows", parts.rows, whole.rows);
            is("keys", parts.keys, whole.keys);
            is("prices", parts.prices, whole.prices);
            return whole.rows + " rows";
        });
    }

    private static final class Sum {
        long rows;
        long keys;
        BigDecimal prices = BigDecimal.ZERO;

        void add(Sum other) {
            rows += other.rows;
            keys += other.keys;
            prices = prices.add(other.prices);
        }
    }

    /** On a connection of its own, as a task has it. */
    private static Sum sum(String sql) throws SQLException {
        Sum sum = new Sum();
        try (Connection connection = open("squadron.execution_mode=distributed");
                PreparedStatement statement = connection.prepareStatement(sql, ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
            statement.setFetchSize(0);
            statement.setQueryTimeout(0);
            try (ResultSet result = statement.executeQuery()) {
                while (result.next()) {
                    sum.rows++;
                    sum.keys += result.getLong(1);
                    sum.prices = sum.prices.add(result.getBigDecimal(2));
                }
            }
        }
        return sum;
    }

    private static void filters() {
        filter("n_name", "(\"n_name\" IS NOT NULL) AND (\"n_name\" IN ('FRANCE', 'it''s'))", "1");
        filter("n_name", "(\"n_name\" LIKE 'UNITED%' ESCAPE '\\') OR (\"n_name\" LIKE '%NADA' ESCAPE '\\')", "3");
        filter("n_name", "(\"n_name\" LIKE 'U\\_\\%%' ESCAPE '\\') OR (NOT (\"n_nationkey\" = 5))", "24");
        filter("n_name", "((\"n_regionkey\" IS NOT NULL AND 1 IS NOT NULL AND \"n_regionkey\" = 1)"
                + " OR (\"n_regionkey\" IS NULL AND 1 IS NULL))", "5");
        check("a count is a query of no columns", () -> {
            is("rows", query("SELECT 1 FROM nation  WHERE (\"n_regionkey\" = 3)    ").size(), 5);
            is("tableExists", query("SELECT 1 FROM nation WHERE 1=0").size(), 0);
            return "";
        });
        check("an instant as text", () -> {
            is("rows", query("SELECT \"v\" FROM (SELECT TIMESTAMP '2024-02-29 12:34:56' AS v) SPARK_GEN_SUBQ_0"
                    + "  WHERE (\"v\" IS NOT NULL) AND (\"v\" > '2024-01-01 00:00:00.123456')    ").size(), 1);
            return "";
        });
        check("awkward names are quoted", () -> {
            is("rows", query("SELECT \"Spaced Col\",\"quote\"\"d\",\"dot.ted\" FROM \"Mixed Case\""
                    + "  WHERE (\"Spaced Col\" IS NOT NULL) AND (\"Spaced Col\" = 1)    ").toString(), "[[1, 2, 3]]");
            return "";
        });
    }

    private static void filter(String column, String condition, String rows) {
        check("filter " + condition, () -> {
            is("rows", "" + query("SELECT \"" + column + "\" FROM nation  WHERE " + condition + "    ").size(), rows);
            return "";
        });
    }

    private static void writes(String table) {
        check("a data frame is written by several tasks, in batches", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.executeUpdate("CREATE TABLE " + table + " (\"id\" BIGINT NOT NULL, \"s\" VARCHAR , \"t\" TIMESTAMP ) ");
            }
            ExecutorService tasks = Executors.newFixedThreadPool(3);
            try {
                List<Callable<Integer>> work = new ArrayList<>();
                for (int task = 0; task < 3; task++) {
                    int from = task * 10_000;
                    work.add(() -> write(table, from, 2500, 1000));
                }
                int written = 0;
                for (Future<Integer> rows : tasks.invokeAll(work)) written += rows.get();
                is("counts", written, 7500);
            } finally {
                tasks.shutdownNow();
            }
            is("rows", query("SELECT count(*), count(DISTINCT \"id\"), count(\"s\"), count(DISTINCT \"t\") FROM " + table).toString(),
                    "[[7500, 7500, 6750, 7500]]");
            return "";
        });
        check("it is overwritten: TRUNCATE, or DROP and CREATE", () -> {
            update("TRUNCATE TABLE " + table);
            is("rows", Writing.count(table), "0");
            is("DROP", update("DROP TABLE " + table), 0);
            return refused("NOT_FOUND|INVALID_ARGUMENT", () -> query("SELECT 1 FROM " + table + " WHERE 1=0"), table);
        });
    }

    /** A task: rows in batches, and what is left in a last one, on a connection without transactions. */
    private static int write(String table, int from, int rows, int size) throws SQLException {
        int written = 0;
        try (Connection connection = open("");
                PreparedStatement statement = connection.prepareStatement("INSERT INTO " + table + " (\"id\",\"s\",\"t\") VALUES (?,?,?)")) {
            for (int i = 0; i < rows; i++) {
                statement.setLong(1, from + i);
                if (i % 10 == 0) statement.setNull(2, Types.VARCHAR);
                else statement.setString(2, "s" + i);
                statement.setTimestamp(3, new Timestamp(1_000L * (from + i)));
                statement.addBatch();
                if (i % size == size - 1 || i == rows - 1) for (int count : statement.executeBatch()) written += count;
            }
        }
        return written;
    }
}
