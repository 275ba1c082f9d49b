/** Batches of prepared statements: an INSERT of one row of VALUES is one change, all else is carried out row by row. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Arrays;

final class Batches {
    private Batches() {}

    static void run(String table) throws Exception {
        update("CREATE TABLE " + table + " (id BIGINT NOT NULL, name VARCHAR, price DECIMAL(5, 2), day DATE)");
        inserts(table);
        others(table + "_2");
        failures(table + "_3");
        limit("Statement.addBatch(sql) (the driver answers null)", "null", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.addBatch("INSERT INTO " + table + " (id) VALUES (5000)");
                statement.addBatch("INSERT INTO " + table + " (id) VALUES (5001)");
                is("counts", statement.executeBatch(), "[1, 1]");
            }
            return "";
        });
    }

    private static void inserts(String table) {
        String insert = "INSERT INTO " + table + " (id, name) VALUES (?, ?)";
        check("INSERT of a thousand rows", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                named(statement, 1000, 1000);
                String told = total(statement.executeBatch(), 1000);
                is("rows", query("SELECT count(*), count(DISTINCT id), count(DISTINCT name), min(id), max(name) FROM " + table).toString(),
                        "[[1000, 1000, 1000, 1000, n999]]");
                return told;
            }
        });
        check("executeLargeBatch", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                named(statement, 10_000, 5);
                long sum = Arrays.stream(statement.executeLargeBatch()).sum();
                is("sum of counts", sum, 5L);
                is("rows", value("SELECT count(*) FROM " + table + " WHERE id >= 10000"), "5");
                return "";
            }
        });
        check("a second batch of the same statement has its own rows alone", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                for (int batch = 1; batch <= 3; batch++) {
                    for (int i = 0; i < 10; i++) {
                        statement.setLong(1, 3000 + batch * 10 + i);
                        statement.setNull(2, Types.VARCHAR);
                        statement.addBatch();
                    }
                    total(statement.executeBatch(), 10);
                    is("rows", value("SELECT count(*) FROM " + table + " WHERE name IS NULL AND id >= 3000"), "" + 10 * batch);
                }
                return "";
            }
        });
        check("a batch of all kinds of values, some of them NULL", () -> {
            String sql = "INSERT INTO " + table + " VALUES (?, upper(?), ?, ?)";
            try (PreparedStatement statement = shared.prepareStatement(sql)) {
                for (int i = 0; i < 4; i++) {
                    statement.setLong(1, 20_000 + i);
                    statement.setString(2, i == 1 ? null : "it's " + i);
                    if (i == 2) statement.setNull(3, Types.DECIMAL);
                    else statement.setBigDecimal(3, new BigDecimal("1.2" + i));
                    statement.setDate(4, i == 3 ? null : Date.valueOf("2024-02-2" + i));
                    statement.addBatch();
                }
                total(statement.executeBatch(), 4);
                is("rows", query("SELECT * FROM " + table + " WHERE id >= 20000 ORDER BY id").toString(),
                        "[[20000, IT'S 0, 1.20, 2024-02-20], [20001, null, 1.21, 2024-02-21],"
                        + " [20002, IT'S 2, null, 2024-02-22], [20003, IT'S 3, 1.23, null]]");
                return "";
            }
        });
        check("clearBatch", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                named(statement, 40_000, 3);
                statement.clearBatch();
                named(statement, 50_000, 2);
                total(statement.executeBatch(), 2);
                is("rows", value("SELECT count(*) FROM " + table + " WHERE id >= 40000"), "2");
                return "";
            }
        });
        limit("an empty batch does nothing (the driver sends the rows of the last one again)", "is '4'", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                named(statement, 55_000, 2);
                total(statement.executeBatch(), 2);
                statement.executeBatch();
                is("rows", value("SELECT count(*) FROM " + table + " WHERE id >= 55000"), "2");
                return "";
            }
        });
        check("executeUpdate after a batch", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                named(statement, 60_000, 2);
                total(statement.executeBatch(), 2);
                statement.setLong(1, 60_002);
                statement.setString(2, "alone");
                is("executeUpdate", statement.executeUpdate(), 1);
                is("rows", value("SELECT count(*) FROM " + table + " WHERE id >= 60000"), "3");
                return "";
            }
        });
    }

    private static void named(PreparedStatement statement, int from, int rows) throws SQLException {
        for (int i = 0; i < rows; i++) {
            statement.setLong(1, from + i);
            statement.setString(2, "n" + i);
            statement.addBatch();
        }
    }

    /** The driver sends all rows at once and is given one count. */
    private static String total(int[] counts, int rows) {
        is("sum of " + Arrays.toString(counts), Arrays.stream(counts).sum(), rows);
        return counts.length + " counts";
    }

    private static void others(String table) throws SQLException {
        update("CREATE TABLE " + table + " AS SELECT n_nationkey AS id, 0 AS n FROM nation");
        check("UPDATE with parameters, row by row", () -> {
            try (PreparedStatement statement = shared.prepareStatement("UPDATE " + table + " SET n = n * 10 + ? WHERE id = ?")) {
                // Of one row twice: the second one sees what the first has made.
                for (int[] row : new int[][] {{1, 6}, {2, 6}, {3, 7}, {4, 99}}) {
                    statement.setInt(1, row[0]);
                    statement.setLong(2, row[1]);
                    statement.addBatch();
                }
                String told = total(statement.executeBatch(), 3);
                is("rows", query("SELECT id, n FROM " + table + " WHERE n > 0 ORDER BY id").toString(), "[[6, 12], [7, 3]]");
                return told;
            }
        });
        check("DELETE with parameters, row by row", () -> {
            try (PreparedStatement statement = shared.prepareStatement("DELETE FROM " + table + " WHERE id BETWEEN ? AND ?")) {
                for (int[] row : new int[][] {{0, 4}, {4, 5}, {90, 99}}) {
                    statement.setLong(1, row[0]);
                    statement.setLong(2, row[1]);
                    statement.addBatch();
                }
                total(statement.executeBatch(), 6);
            }
            is("rows", Writing.count(table), "19");
            return "";
        });
        check("INSERT of a query with parameters, row by row", () -> {
            String sql = "INSERT INTO " + table + " SELECT n_nationkey, CAST(? AS INT) FROM nation WHERE n_regionkey = ?";
            try (PreparedStatement statement = shared.prepareStatement(sql)) {
                for (int region = 0; region < 3; region++) {
                    statement.setInt(1, 100 + region);
                    statement.setLong(2, region);
                    statement.addBatch();
                }
                total(statement.executeBatch(), 15);
            }
            is("rows", value("SELECT count(*) FROM " + table + " WHERE n >= 100"), "15");
            return "";
        });
        check("INSERT of two rows of VALUES for each row", () -> {
            try (PreparedStatement statement = shared.prepareStatement("INSERT INTO " + table + " VALUES (?, 1000), (?, 1000)")) {
                for (int i = 0; i < 3; i++) {
                    statement.setLong(1, 2 * i);
                    statement.setLong(2, 2 * i + 1);
                    statement.addBatch();
                }
                total(statement.executeBatch(), 6);
            }
            is("rows", value("SELECT count(DISTINCT id) FROM " + table + " WHERE n = 1000"), "6");
            return "";
        });
    }

    private static void failures(String table) throws SQLException {
        update("CREATE TABLE " + table + " (id BIGINT NOT NULL, n INT)");
        check("a batch of INSERT with a NULL for NOT NULL writes nothing", () -> {
            String sql = "INSERT INTO " + table + " VALUES (?, ?)";
            String told = failing(sql, new Object[][] {{1L, 1}, {2L, 2}, {null, 3}, {4L, 4}});
            is("rows", Writing.count(table), "0");
            return told;
        });
        check("a batch of INSERT with a value that does not compute writes nothing", () -> {
            String told = failing("INSERT INTO " + table + " VALUES (?, 10 / ?)", new Object[][] {{1L, 1}, {2L, 2}, {3L, 0}});
            is("rows", Writing.count(table), "0");
            return told;
        });
        check("a batch of UPDATE stops at the row that fails, and says at which", () -> {
            update("INSERT INTO " + table + " VALUES (1, 100), (2, 100), (3, 100)");
            String sql = "UPDATE " + table + " SET n = n / ? WHERE id = ?";
            String told = failing(sql, new Object[][] {{2L, 1}, {0L, 2}, {5L, 3}});
            is("rows", query("SELECT id, n FROM " + table + " ORDER BY id").toString(), "[[1, 50], [2, 100], [3, 100]]");
            yes(told.contains("first 1 of 3 rows"), told);
            return told;
        });
        check("a statement goes on after a batch that failed", () -> {
            try (PreparedStatement statement = shared.prepareStatement("INSERT INTO " + table + " VALUES (?, 10 / ?)")) {
                values(statement, new Object[][] {{70L, 0}});
                refused("INVALID_ARGUMENT", () -> statement.executeBatch());
                statement.clearBatch();
                values(statement, new Object[][] {{71L, 1}, {72L, 2}});
                total(statement.executeBatch(), 2);
            }
            is("rows", query("SELECT id, n FROM " + table + " WHERE id > 60 ORDER BY id").toString(), "[[71, 10], [72, 5]]");
            return "";
        });
    }

    private static String failing(String sql, Object[][] rows) throws Exception {
        try (PreparedStatement statement = shared.prepareStatement(sql)) {
            values(statement, rows);
            int[] counts = statement.executeBatch();
            fail("it was taken: " + Arrays.toString(counts));
        } catch (BatchUpdateException error) {
            return "counts " + Arrays.toString(error.getUpdateCounts()) + ": " + why(error);
        } catch (SQLException error) {
            return why(error);
        }
        return "";
    }

    private static void values(PreparedStatement statement, Object[][] rows) throws SQLException {
        for (Object[] row : rows) {
            for (int i = 0; i < row.length; i++) statement.setObject(i + 1, row[i]);
            statement.addBatch();
        }
    }
}
