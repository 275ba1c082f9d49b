/** The columns of results. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

final class ResultColumns {
    private ResultColumns() {}

    static void run() throws Exception {
        check("count, names, labels, types", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT n_nationkey, n_name AS \"The Name\", 1.5 AS x FROM nation")) {
                ResultSetMetaData meta = result.getMetaData();
                is("columns", meta.getColumnCount(), 3);
                is("label", meta.getColumnLabel(2), "The Name");
                is("name", meta.getColumnName(1), "n_nationkey");
                is("type", meta.getColumnType(1), Types.BIGINT);
                is("type name", meta.getColumnTypeName(2), "VARCHAR");
                is("findColumn", result.findColumn("x"), 3);
                is("findColumn in another case", result.findColumn("the name"), 2);
                return "";
            }
        });
        check("no getter of ResultSetMetaData throws", () -> {
            List<String> wrong = new ArrayList<>();
            Set<String> ignored = Set.of("unwrap", "isWrapperFor", "wait", "equals");
            String sql = "SELECT * FROM all_types";
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(sql)) {
                ResultSetMetaData meta = result.getMetaData();
                for (Method method : ResultSetMetaData.class.getMethods()) {
                    if (ignored.contains(method.getName()) || method.getParameterCount() != 1) continue;
                    for (int i = 1; i <= meta.getColumnCount(); i++) {
                        try {
                            method.invoke(meta, i);
                        } catch (InvocationTargetException error) {
                            wrong.add(method.getName() + "(" + meta.getColumnName(i) + "): " + why(error.getCause()));
                        }
                    }
                }
            }
            yes(wrong.isEmpty(), "" + wrong);
            return "";
        });
        check("getPrecision, getScale of decimals (Spark, Tableau take a scale of 0 at its word)", () -> {
            List<String> wrong = new ArrayList<>();
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(
                    "SELECT l_quantity, CAST(1 AS DECIMAL(38,10)) AS d, sum(l_tax) OVER () AS s FROM lineitem LIMIT 1")) {
                ResultSetMetaData meta = result.getMetaData();
                int[][] wanted = {{15, 2}, {38, 10}, {25, 2}};
                for (int i = 0; i < 3; i++)
                    if (meta.getPrecision(i + 1) != wanted[i][0] || meta.getScale(i + 1) != wanted[i][1])
                        wrong.add(meta.getColumnLabel(i + 1) + " is (" + meta.getPrecision(i + 1) + "," + meta.getScale(i
                                + 1) + "), wanted " + Arrays.toString(wanted[i]));
            }
            yes(wrong.isEmpty(), "" + wrong);
            return "";
        });
        check("getPrecision of text, getScale of timestamps", () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(
                    "SELECT 'x' AS t, arrow_cast('2024-02-29T12:34:56', 'Timestamp(Microsecond, None)') AS m")) {
                ResultSetMetaData meta = result.getMetaData();
                yes(meta.getPrecision(1) > 0, "getPrecision of VARCHAR is " + meta.getPrecision(1));
                is("getScale of TIMESTAMP", meta.getScale(2), 6);
                return "";
            }
        });
        check("a comment on a column is not its label", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM nation LIMIT 1")) {
                ResultSetMetaData meta = result.getMetaData();
                for (int i = 1; i <= meta.getColumnCount(); i++) is("label", meta.getColumnLabel(i), meta.getColumnName(i));
                return "";
            }
        });
        for (String sql : List.of("SELECT * FROM nation WHERE false", "SELECT * FROM nation WHERE n_nationkey < 0",
                "SELECT n_name, 1, 2, 3 FROM nation LIMIT 0")) {
            check("an empty result: " + sql, () -> {
                try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(sql)) {
                    ResultSetMetaData meta = result.getMetaData();
                    yes(meta.getColumnCount() >= 4, meta.getColumnCount() + " columns");
                    is("type of n_name", meta.getColumnType(result.findColumn("n_name")), Types.VARCHAR);
                    yes(!result.next(), "a row");
                    yes(!result.next(), "a row");
                }
                return "";
            });
        }
        limit("an empty result of a Statement has its columns once (the driver adds them twice, and replaces them with the first row)", "doubled", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM nation WHERE false")) {
                int count = result.getMetaData().getColumnCount();
                yes(count != 8, "8 columns, doubled");
                is("columns", count, 4);
            }
            return "";
        });
        check("an empty table", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT * FROM empty_table");
                    ResultSet result = statement.executeQuery()) {
                is("columns", result.getMetaData().getColumnCount(), 2);
                yes(!result.next(), "a row");
            }
            return "";
        });
        check("an empty result of a prepared statement has its columns", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT n_name FROM nation WHERE n_nationkey = ?")) {
                is("columns when prepared", statement.getMetaData().getColumnCount(), 1);
                statement.setInt(1, -1);
                try (ResultSet result = statement.executeQuery()) {
                    is("columns", result.getMetaData().getColumnCount(), 1);
                    yes(!result.next(), "a row");
                }
            }
            return "";
        });
        check("two columns of one name", () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(
                    "SELECT a.n_name, b.n_name FROM nation a JOIN nation b ON a.n_nationkey = b.n_nationkey")) {
                is("columns", result.getMetaData().getColumnCount(), 2);
                yes(result.next(), "no row");
                is("same", result.getString(1), result.getString(2));
            }
            return "";
        });
        check("awkward names", () -> {
            is("row", query("SELECT \"Spaced Col\", \"quote\"\"d\", \"dot.ted\" FROM \"Mixed Case\"").get(0), List.of("1",
                    "2", "3"));
            is("pct%name", value("SELECT id FROM \"pct%name\""), "3");
            is("tXa", value("SELECT id FROM squadron.public.\"tXa\""), "2");
            return "";
        });
    }
}
