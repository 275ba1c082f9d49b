/** Tables that SQL writes: INSERT, UPDATE, DELETE, MERGE and their counts; batches are in Batches, types in WrittenTypes, keys in Keys. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Parameters.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;

final class Writing {
    private Writing() {}

    private static final String[] TABLES = {"TABLE"};

    static void run() throws Exception {
        // Of this run alone: another one may be before it on the same nodes.
        String schema = "written_" + Long.toHexString(System.nanoTime());
        update("CREATE SCHEMA " + schema);
        tables(schema + ".made");
        inserts(schema + ".filled");
        changes(schema + ".changed");
        merges(schema + ".merged");
        ways(schema + ".way");
        keys(schema + ".keyed");
        failures(schema + ".failed");
        connections(schema + ".shared");
        Batches.run(schema + ".batch");
        WrittenTypes.run(schema + ".typed");
        Keys.run(schema);
        check("DROP TABLE, and the schema with the others", () -> {
            is("executeUpdate", update("DROP TABLE " + schema + ".made"), 0);
            update("DROP SCHEMA " + schema + " CASCADE");
            is("getTables", rows(shared.getMetaData().getTables(null, schema.replace("_", "\\_"), "%", null)).size(), 0);
            return refused("NOT_FOUND", () -> update("DROP TABLE " + schema + ".made"), "made");
        });
    }

    /** The number of its rows. */
    static String count(String table) throws SQLException {
        return value("SELECT count(*) FROM " + table);
    }

    private static void tables(String table) {
        String name = table.substring(table.indexOf('.') + 1);
        check("CREATE TABLE, which is a TABLE with columns", () -> {
            is("executeUpdate", update("CREATE TABLE " + table + " (id BIGINT NOT NULL, price DECIMAL(10, 2))"), 0);
            is("rows", count(table), "0");
            DatabaseMetaData meta = shared.getMetaData();
            String schema = table.substring(0, table.indexOf('.')).replace("_", "\\_");
            is("getTables", named(meta.getTables("squadron", schema, name, TABLES), "TABLE_NAME"), List.of(name));
            try (ResultSet columns = meta.getColumns("squadron", schema, name, "%")) {
                yes(columns.next(), "no columns");
                is("NULLABLE of id", columns.getInt("NULLABLE"), DatabaseMetaData.columnNoNulls);
                yes(columns.next(), "one column");
                is("NULLABLE of price", columns.getInt("NULLABLE"), DatabaseMetaData.columnNullable);
                is("COLUMN_SIZE of price", columns.getInt("COLUMN_SIZE"), 10);
                is("DECIMAL_DIGITS of price", columns.getInt("DECIMAL_DIGITS"), 2);
            }
            return "";
        });
        check("CREATE TABLE again", () -> {
            is("IF NOT EXISTS", update("CREATE TABLE IF NOT EXISTS " + table + " (other INT)"), 0);
            return refused("ALREADY_EXISTS", () -> update("CREATE TABLE " + table + " (id BIGINT)"), name);
        });
        check("what the driver says of writing", () -> {
            DatabaseMetaData meta = shared.getMetaData();
            is("isReadOnly", meta.isReadOnly(), false);
            is("supportsBatchUpdates", meta.supportsBatchUpdates(), true);
            is("supportsTransactions", meta.supportsTransactions(), false);
            return "";
        });
        limit("a connection that writes is not read-only (the driver says so of all)", "isReadOnly is 'true'", () -> {
            is("isReadOnly", shared.isReadOnly(), false);
            return "";
        });
        check("CREATE TABLE AS SELECT", () -> {
            String copy = table + "_copy";
            int rows = update("CREATE TABLE " + copy + " AS SELECT * FROM nation");
            is("rows", query("SELECT * FROM " + copy + " ORDER BY n_nationkey"), query("SELECT * FROM nation ORDER BY n_nationkey"));
            is("INSERT of a query", update("INSERT INTO " + copy + " SELECT * FROM nation WHERE n_regionkey = 1"), 5);
            is("rows", count(copy), "30");
            is("INSERT OVERWRITE", update("INSERT OVERWRITE " + copy + " SELECT * FROM nation WHERE n_regionkey = 2"), 5);
            is("rows", count(copy), "5");
            return "update count " + rows;
        });
        check("CREATE TABLE AS SELECT of no rows", () -> {
            is("executeUpdate", update("CREATE TABLE " + table + "_none AS SELECT * FROM nation WHERE n_nationkey < 0"), 0);
            is("rows", count(table + "_none"), "0");
            return "";
        });
        check("a large query is written whole, by all nodes", () -> {
            String copy = table + "_lines";
            update("CREATE TABLE " + copy + " AS SELECT * FROM lineitem WHERE l_orderkey < 4");
            try (Connection all = open("squadron.execution_mode=distributed")) {
                long rows = Long.parseLong(value("SELECT count(*) FROM lineitem"));
                is("executeUpdate", update(all, "INSERT OVERWRITE " + copy + " SELECT * FROM lineitem"), rows);
            }
            String sums = "SELECT count(*), count(DISTINCT l_comment), sum(l_extendedprice), min(l_shipdate) FROM ";
            is("sums", query(sums + copy), query(sums + "lineitem"));
            return "";
        });
    }

    private static void inserts(String table) throws SQLException {
        update("CREATE TABLE " + table + " (id BIGINT NOT NULL, name VARCHAR, price DECIMAL(10, 2))");
        check("INSERT of literals", () -> {
            is("executeUpdate", update("INSERT INTO " + table + " (name, id) VALUES ('one', 1), ('it''s', 2)"), 2);
            is("rows", query("SELECT * FROM " + table + " ORDER BY id"),
                    List.of(Arrays.asList("1", "one", null), Arrays.asList("2", "it's", null)));
            return "";
        });
        check("executeLargeUpdate", () -> {
            try (Statement statement = shared.createStatement()) {
                is("count", statement.executeLargeUpdate("INSERT INTO " + table + " (id) VALUES (3)"), 1L);
                is("getLargeUpdateCount", statement.getLargeUpdateCount(), 1L);
            }
            return "";
        });
        check("INSERT with parameters, again and again, and NULL", () -> {
            try (PreparedStatement statement = shared.prepareStatement("INSERT INTO " + table + " (id, name) VALUES (?, ?)")) {
                for (int i = 10; i < 13; i++) {
                    statement.setLong(1, i);
                    statement.setString(2, i == 11 ? null : "n" + i);
                    is("executeUpdate", statement.executeUpdate(), 1);
                }
                is("names", query("SELECT name FROM " + table + " WHERE id >= 10 ORDER BY id").toString(), "[[n10], [null], [n12]]");
                return declared(statement);
            }
        });
        check("INSERT of a query with parameters", () -> {
            String sql = "INSERT INTO " + table + " (id, name) SELECT n_nationkey + ?, n_name FROM nation WHERE n_regionkey = ?";
            try (PreparedStatement statement = shared.prepareStatement(sql)) {
                statement.setLong(1, 100);
                statement.setLong(2, 3);
                is("executeUpdate", statement.executeUpdate(), 5);
                is("name", value("SELECT name FROM " + table + " WHERE id = 106"), "FRANCE");
                return declared(statement);
            }
        });
        check("INSERT without parameters, prepared and carried out twice", () -> {
            try (PreparedStatement statement = shared.prepareStatement("INSERT INTO " + table + " (id) VALUES (50)")) {
                is("rows before", value("SELECT count(*) FROM " + table + " WHERE id = 50"), "0");
                is("executeUpdate", statement.executeUpdate(), 1);
                is("again", statement.executeUpdate(), 1);
            }
            is("rows", value("SELECT count(*) FROM " + table + " WHERE id = 50"), "2");
            return "";
        });
    }

    private static void changes(String table) throws SQLException {
        update("CREATE TABLE " + table + " AS SELECT n_nationkey AS id, n_name AS name FROM nation");
        check("UPDATE", () -> {
            is("executeUpdate", update("UPDATE " + table + " SET name = 'ONE' WHERE id = 1"), 1);
            is("value", value("SELECT name FROM " + table + " WHERE id = 1"), "ONE");
            is("of no row", update("UPDATE " + table + " SET name = 'x' WHERE id = -1"), 0);
            is("of several", update("UPDATE " + table + " SET name = 'few' WHERE id > 20"), 4);
            return "";
        });
        check("UPDATE with parameters", () -> {
            try (PreparedStatement statement = shared.prepareStatement("UPDATE " + table + " SET name = ? WHERE id = ?")) {
                statement.setString(1, "it's \"two\" ?");
                statement.setLong(2, 2);
                is("executeUpdate", statement.executeUpdate(), 1);
                is("value", value("SELECT name FROM " + table + " WHERE id = 2"), "it's \"two\" ?");
                return declared(statement);
            }
        });
        check("DELETE", () -> {
            is("executeUpdate", update("DELETE FROM " + table + " WHERE id BETWEEN 10 AND 14"), 5);
            is("rows", count(table), "20");
            return "";
        });
        check("DELETE with parameters", () -> {
            try (PreparedStatement statement = shared.prepareStatement("DELETE FROM " + table + " WHERE id = ?")) {
                statement.setLong(1, 3);
                is("executeUpdate", statement.executeUpdate(), 1);
                is("again", statement.executeUpdate(), 0);
                return declared(statement);
            }
        });
        check("DELETE of all, TRUNCATE", () -> {
            is("DELETE", update("DELETE FROM " + table), 19);
            update("INSERT INTO " + table + " SELECT n_nationkey, n_name FROM nation");
            int count = update("TRUNCATE TABLE " + table);
            is("rows", count(table), "0");
            return "update count of TRUNCATE " + count;
        });
    }

    private static void merges(String table) throws SQLException {
        update("CREATE TABLE " + table + " AS SELECT n_nationkey AS id, n_name AS name FROM nation");
        String merge = "MERGE INTO " + table + " t USING (SELECT 6 AS k, 'GAUL' AS v UNION ALL SELECT 7, NULL UNION ALL SELECT 99, 'new') s"
                + " ON t.id = s.k WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.v"
                + " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.k, s.v)";
        check("MERGE updates, deletes and inserts", () -> {
            is("executeUpdate", update(merge), 3);
            is("rows", query("SELECT id, name FROM " + table + " WHERE id IN (6, 7, 99) ORDER BY id").toString(), "[[6, GAUL], [99, new]]");
            is("all", count(table), "25");
            return "";
        });
        check("MERGE with parameters", () -> {
            String sql = "MERGE INTO " + table + " t USING (SELECT CAST(? AS BIGINT) AS k, CAST(? AS VARCHAR) AS v) s ON t.id = s.k"
                    + " WHEN MATCHED THEN UPDATE SET name = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, s.v)";
            try (PreparedStatement statement = shared.prepareStatement(sql)) {
                for (long key : new long[] {0, 500, 500}) {
                    statement.setLong(1, key);
                    statement.setString(2, "upserted");
                    is("executeUpdate", statement.executeUpdate(), 1);
                }
                is("rows", value("SELECT count(*) FROM " + table + " WHERE name = 'upserted'"), "2");
                return declared(statement);
            }
        });
    }

    /** Each inserts once, and says what it can of the count. */
    private static void ways(String table) throws SQLException {
        update("CREATE TABLE " + table + " (way VARCHAR, id BIGINT)");
        check("Statement.execute", () -> {
            try (Statement statement = shared.createStatement()) {
                yes(!statement.execute("INSERT INTO " + table + " VALUES ('execute', 1), ('execute', 2)"), "it has a result set");
                is("getUpdateCount", statement.getUpdateCount(), 2);
                yes(!statement.getMoreResults(), "it has more results");
                is("then", statement.getUpdateCount(), -1);
            }
            return went(table, "execute", 2);
        });
        check("Statement.executeQuery", () -> {
            String told;
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("INSERT INTO " + table + " VALUES ('query', 1)")) {
                told = "rows " + rows(result);
            } catch (SQLException drivers) {
                yes(flightError(drivers) == null, why(drivers));
                told = why(drivers);
            }
            return went(table, "query", 1) + told;
        });
        check("PreparedStatement.executeUpdate", () -> {
            try (PreparedStatement statement = prepared(table, "update")) {
                is("count", statement.executeUpdate(), 1);
                is("getUpdateCount", statement.getUpdateCount(), 1);
            }
            return went(table, "update", 1);
        });
        check("PreparedStatement.execute inserts once, and its result has the count", () -> {
            try (PreparedStatement statement = prepared(table, "once")) {
                statement.execute();
                int count = statement.getUpdateCount();
                String told = count < 0 ? rows(statement.getResultSet()).toString() : "[[" + count + "]]";
                is("count", told, "[[1]]");
            }
            return went(table, "once", 1);
        });
        limit("PreparedStatement.execute gives an update count (18.3 asks for a result)", "a result set, getUpdateCount -1", () -> {
            try (PreparedStatement statement = prepared(table, "counted")) {
                if (statement.execute()) fail("a result set, getUpdateCount " + statement.getUpdateCount());
                is("getUpdateCount", statement.getUpdateCount(), 1);
            }
            return went(table, "counted", 1);
        });
        check("PreparedStatement.execute inserts once each time", () -> {
            try (PreparedStatement statement = prepared(table, "each")) {
                for (int i = 0; i < 3; i++) {
                    statement.setLong(1, i);
                    statement.execute();
                }
            }
            is("values", value("SELECT count(DISTINCT id) FROM " + table + " WHERE way = 'each'"), "3");
            return went(table, "each", 3);
        });
        check("PreparedStatement.executeQuery inserts once", () -> {
            String told;
            try (PreparedStatement statement = prepared(table, "asked"); ResultSet result = statement.executeQuery()) {
                told = "rows " + rows(result);
            }
            return went(table, "asked", 1) + told;
        });
    }

    private static PreparedStatement prepared(String table, String way) throws SQLException {
        PreparedStatement statement = shared.prepareStatement("INSERT INTO " + table + " VALUES ('" + way + "', ?)");
        statement.setLong(1, 7);
        return statement;
    }

    private static String went(String table, String way, int rows) throws SQLException {
        is("rows of " + way, value("SELECT count(*) FROM " + table + " WHERE way = '" + way + "'"), "" + rows);
        return "";
    }

    private static void keys(String table) throws SQLException {
        update("CREATE TABLE " + table + " (id BIGINT)");
        check("supportsGetGeneratedKeys", () -> {
            is("it", shared.getMetaData().supportsGetGeneratedKeys(), false);
            return "";
        });
        limit("prepareStatement with RETURN_GENERATED_KEYS (the driver has it not)", "SQLFeatureNotSupportedException", () -> {
            String sql = "INSERT INTO " + table + " VALUES (?)";
            try (PreparedStatement statement = shared.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
                statement.setLong(1, 1);
                return statement.executeUpdate();
            }
        });
        limit("executeUpdate with RETURN_GENERATED_KEYS (the driver has it not)", "SQLFeatureNotSupportedException", () -> {
            try (Statement statement = shared.createStatement()) {
                return statement.executeUpdate("INSERT INTO " + table + " VALUES (1)", Statement.RETURN_GENERATED_KEYS);
            }
        });
        limit("getGeneratedKeys of an INSERT (the driver has it not)", "SQLFeatureNotSupportedException", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.executeUpdate("INSERT INTO " + table + " VALUES (1)");
                return rows(statement.getGeneratedKeys());
            }
        });
        check("what the driver refuses was not sent", () -> {
            is("rows", count(table), "1");
            return "";
        });
    }

    private static void failures(String table) throws SQLException {
        update("CREATE TABLE " + table + " (id BIGINT NOT NULL, price DECIMAL(5, 2), small INT)");
        update("INSERT INTO " + table + " VALUES (1, 1.00, 1)");
        String[][] wrong = {
            {"a division by zero in the last rows", "INSERT INTO " + table + " SELECT n_nationkey, 1 / (n_nationkey - 20), 1 FROM nation"},
            {"NULL for NOT NULL", "INSERT INTO " + table + " (price) VALUES (1)"},
            {"NULL for NOT NULL by UPDATE", "UPDATE " + table + " SET id = NULL"},
            {"a decimal that does not fit", "INSERT INTO " + table + " VALUES (2, 1000000, 1)"},
            {"a number beyond INT", "INSERT INTO " + table + " VALUES (2, 1, 3000000000)"},
            {"text that is no number", "INSERT INTO " + table + " VALUES (2, 1, 'many')"},
            {"too few values", "INSERT INTO " + table + " VALUES (2)"},
            {"a column that there is not", "INSERT INTO " + table + " (nowhere) VALUES (2)"},
        };
        for (String[] one : wrong) {
            check("nothing is written: " + one[0], () -> {
                String told = refused("INVALID_ARGUMENT|NOT_FOUND", () -> update(one[1]));
                is("rows", query("SELECT * FROM " + table).toString(), "[[1, 1.00, 1]]");
                return told;
            });
        }
        check("tables that are files are not written", () -> {
            String before = count("nation");
            String told = refused("UNIMPLEMENTED|INVALID_ARGUMENT|FAILED_PRECONDITION", () ->
                    update("INSERT INTO nation SELECT * FROM nation"), "nation");
            is("rows", count("nation"), before);
            return told;
        });
        check("CREATE EXTERNAL TABLE … STORED AS DELTA of what is no Delta table", () ->
                refused("INVALID_ARGUMENT|NOT_FOUND|UNAUTHORIZED", () ->
                        update("CREATE EXTERNAL TABLE " + table + "_x STORED AS DELTA LOCATION '/nowhere/at/all'")));
    }

    private static void connections(String table) throws SQLException {
        update("CREATE TABLE " + table + " (id BIGINT)");
        check("another connection has the rows at once", () -> {
            try (Connection connection = open("")) {
                for (int i = 0; i < 5; i++) {
                    update(connection, "INSERT INTO " + table + " VALUES (" + i + ")");
                    is("rows", count(table), "" + (i + 1));
                }
            }
            return "";
        });
        check("there are no transactions: without autocommit nothing is held back, and nothing rolled back", () -> {
            try (Connection connection = open("")) {
                is("getAutoCommit", connection.getAutoCommit(), true);
                connection.setAutoCommit(false);
                update(connection, "INSERT INTO " + table + " VALUES (77)");
                is("rows before commit", value("SELECT count(*) FROM " + table + " WHERE id = 77"), "1");
                connection.rollback();
            }
            is("rows after rollback", value("SELECT count(*) FROM " + table + " WHERE id = 77"), "1");
            return "";
        });
        check("a reader keeps the version that it has begun to read", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM " + table)) {
                update("DELETE FROM " + table);
                int rows = 0;
                while (result.next()) rows++;
                is("rows", rows, 6);
            }
            is("rows afterwards", count(table), "0");
            return "";
        });
    }
}
