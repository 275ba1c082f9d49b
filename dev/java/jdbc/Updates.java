/** Statements that give no rows: SET, and what SQL makes; each way of a driver carries one out, and once. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

final class Updates {
    private Updates() {}

    private static final String[] VIEWS = {"VIEW"};

    static void run() throws Exception {
        // Of this run alone: another one may be before it on the same nodes.
        String schema = "jdbc_" + Long.toHexString(System.nanoTime());
        check("CREATE SCHEMA, which getSchemas has", () -> {
            is("executeUpdate", update("CREATE SCHEMA " + schema), 0);
            is("getSchemas", named(shared.getMetaData().getSchemas("squadron", escaped(schema)), "TABLE_SCHEM"), List.of(schema));
            return "";
        });
        check("CREATE SCHEMA again", () -> {
            update("CREATE SCHEMA IF NOT EXISTS " + schema);
            return refused("ALREADY_EXISTS", () -> update("CREATE SCHEMA " + schema), schema);
        });
        views(schema + ".cheap");
        ways(schema + ".way");
        batches(schema + ".batch");
        check("another connection has what was made, and it goes", () -> {
            try (Connection connection = open("")) {
                update(connection, "CREATE VIEW " + schema + ".there AS SELECT 1 AS x");
                is("value", value("SELECT x FROM " + schema + ".there"), "1");
            }
            update("DROP SCHEMA " + schema + " CASCADE");
            is("getSchemas", rows(shared.getMetaData().getSchemas("squadron", escaped(schema))).size(), 0);
            return refused("NOT_FOUND|INVALID_ARGUMENT", () -> value("SELECT x FROM " + schema + ".there"), "there");
        });
        check("DROP of what there is not", () -> {
            update("DROP SCHEMA IF EXISTS " + schema);
            return refused("NOT_FOUND", () -> update("DROP SCHEMA " + schema), schema);
        });
        told();
    }

    private static String escaped(String name) {
        return name.replace("_", "\\_");
    }

    private static void views(String view) {
        String name = view.substring(view.indexOf('.') + 1);
        check("CREATE VIEW, which is a VIEW with columns", () -> {
            is("executeUpdate", update("CREATE VIEW " + view + " AS SELECT n_name AS name FROM nation WHERE n_regionkey = 3"), 0);
            is("rows", query("SELECT name FROM " + view).size(), 5);
            DatabaseMetaData meta = shared.getMetaData();
            is("getTables", named(meta.getTables("squadron", null, name, VIEWS), "TABLE_NAME"), List.of(name));
            is("of TABLE", rows(meta.getTables("squadron", null, name, new String[] {"TABLE"})).size(), 0);
            is("getColumns", named(meta.getColumns("squadron", null, name, "%"), "COLUMN_NAME"), List.of("name"));
            return "";
        });
        check("CREATE OR REPLACE VIEW, with a parameter in what reads it", () -> {
            update("CREATE OR REPLACE VIEW " + view + " AS SELECT n_name AS name, n_regionkey AS region FROM nation");
            try (PreparedStatement statement = shared.prepareStatement("SELECT count(*) FROM " + view + " WHERE region = ?")) {
                statement.setInt(1, 3);
                is("rows", rows(statement.executeQuery()), List.of(List.of("5")));
            }
            return "";
        });
        check("DROP VIEW", () -> {
            is("executeUpdate", update("DROP VIEW " + view), 0);
            return refused("NOT_FOUND", () -> update("DROP VIEW " + view), name);
        });
    }

    /** A second time would be ALREADY_EXISTS. */
    private static void ways(String view) {
        check("Statement.execute", () -> {
            try (Statement statement = shared.createStatement()) {
                yes(!statement.execute(create(view + 1)), "it has a result set");
                is("getUpdateCount", statement.getUpdateCount(), 0);
            }
            return made(view + 1);
        });
        check("Statement.executeLargeUpdate", () -> {
            try (Statement statement = shared.createStatement()) {
                is("count", statement.executeLargeUpdate(create(view + 2)), 0L);
            }
            return made(view + 2);
        });
        check("PreparedStatement.executeUpdate, and not when it is prepared", () -> {
            try (PreparedStatement statement = shared.prepareStatement(create(view + 3))) {
                refused("NOT_FOUND|INVALID_ARGUMENT", () -> made(view + 3));
                is("count", statement.executeUpdate(), 0);
            }
            return made(view + 3);
        });
        limit("PreparedStatement.execute is an update (18.3 asks for a result, whose columns are none)",
                "a result set of 0 columns", () -> {
            try (PreparedStatement statement = shared.prepareStatement(create(view + 4))) {
                boolean result = statement.execute();
                made(view + 4);
                yes(!result, "a result set of " + statement.getMetaData().getColumnCount() + " columns");
                return "";
            }
        });
        check("Statement.executeQuery", () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(create(view + 5))) {
                yes(!result.next(), "a row");
            } catch (SQLException drivers) {
                yes(flightError(drivers) == null, why(drivers));
            }
            return made(view + 5);
        });
    }

    private static String create(String view) {
        return "CREATE VIEW " + view + " AS SELECT 'made' AS x";
    }

    private static String made(String view) throws SQLException {
        is("of " + view, value("SELECT x FROM " + view), "made");
        return view;
    }

    private static void batches(String view) {
        limit("Statement.addBatch(sql) (the driver answers null)", "null", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.addBatch(create(view + 1));
                statement.addBatch(create(view + 2));
                is("counts", statement.executeBatch().length, 2);
            }
            return made(view + 1) + made(view + 2);
        });
        check("PreparedStatement.addBatch without parameters", () -> {
            try (PreparedStatement statement = shared.prepareStatement(create(view + 3))) {
                statement.addBatch();
                is("counts", statement.executeBatch().length, 1);
            }
            return made(view + 3);
        });
    }

    private static void told() {
        limit("a query through executeUpdate is refused (the driver runs it as a query, and counts -1)", "count is '-1'", () -> {
            is("count", update("SELECT 1"), "refused");
            return "";
        });
        check("what there is no place for is refused by name", () ->
                refused("UNIMPLEMENTED", () -> update("CREATE MATERIALIZED VIEW m AS SELECT 1"), "MATERIALIZED"));
    }
}
