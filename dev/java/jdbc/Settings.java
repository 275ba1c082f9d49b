/** Catalogs, schemas and settings of a connection. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;

final class Settings {
    private Settings() {}

    static void run() {
        limit("getCatalog and getSchema are the server's (the driver knows what it was told alone)", "getCatalog is null", () -> {
            is("getCatalog", shared.getCatalog(), "squadron");
            is("getSchema", shared.getSchema(), "public");
            return "";
        });
        check("setCatalog, setSchema", () -> {
            try (Connection connection = open("")) {
                connection.setCatalog("squadron");
                connection.setSchema("public");
                is("rows", value(connection, "SELECT count(*) FROM nation"), "25");
                is("getCatalog", connection.getCatalog(), "squadron");
                return "";
            }
        });
        limit("setSchema reaches the server (the driver keeps it to itself)", "not found", () -> {
            try (Connection connection = open("")) {
                connection.setSchema("information_schema");
                return value(connection, "SELECT count(*) FROM schemata");
            }
        });
        check("the property catalog=", () -> {
            Connection connection = open("catalog=squadron");
            try {
                return value(connection, "SELECT count(*) FROM nation");
            } finally {
                close(connection);
            }
        });
        limit("the property catalog= and close (18.3 closes its session twice)", "Channel shutdown invoked", () -> {
            Connection connection = open("catalog=squadron");
            is("rows", value(connection, "SELECT count(*) FROM nation"), "25");
            connection.close();
            return "";
        });
        check("the property catalog= of a catalog that there is not", () -> {
            Connection connection;
            try {
                connection = open("catalog=nope");
            } catch (SQLException error) {
                yes(why(error).contains("Cannot set session option for catalog"), why(error));
                return why(error);
            }
            close(connection);
            fail("connected");
            return "";
        });
        check("the property catalog= without a name", () -> {
            Connection connection = open("catalog=");
            try {
                return value(connection, "SELECT count(*) FROM nation");
            } finally {
                close(connection);
            }
        });
        check("names of catalog and schema in a query", () -> {
            is("rows", value("SELECT count(*) FROM squadron.public.nation"), "25");
            is("rows", value("SELECT count(*) FROM \"squadron\".\"public\".\"nation\""), "25");
            is("rows", value("SELECT count(*) FROM public.nation"), "25");
            return "";
        });
        check("SET and SHOW in one connection", () -> {
            try (Connection connection = open("")) {
                try (Statement statement = connection.createStatement()) {
                    yes(!statement.execute("SET squadron.delivery = 'staged'"), "SET has a result set");
                    is("getUpdateCount", statement.getUpdateCount(), 0);
                }
                is("SHOW", setting(connection, "squadron.delivery"), "staged");
            }
            try (Connection connection = open("")) {
                yes(!setting(connection, "squadron.delivery").equals("staged"), "it is another connection's too");
            }
            return "";
        });
        check("SET through PreparedStatement.execute", () -> {
            try (Connection connection = open(""); PreparedStatement statement = connection.prepareStatement("SET squadron.delivery = 'staged'")) {
                // 18.3 asks for a FlightInfo here, 19 sends an update.
                boolean result = statement.execute();
                is("SHOW", setting(connection, "squadron.delivery"), "staged");
                return result ? "a result set of " + statement.getMetaData().getColumnCount() + " columns" : "update count "
                        + statement.getUpdateCount();
            }
        });
        check("SET of what is a URL property, which goes with every call, is refused", () -> {
            try (Connection connection = open("squadron.delivery=streaming")) {
                String why = refused("INVALID_ARGUMENT", () -> update(connection, "SET squadron.delivery = 'staged'"), "header");
                is("SHOW", setting(connection, "squadron.delivery"), "streaming");
                return why;
            }
        });
        check("SET through executeUpdate and a prepared statement", () -> {
            try (Connection connection = open("")) {
                try (Statement statement = connection.createStatement()) {
                    is("executeUpdate", statement.executeUpdate("SET squadron.frame_bytes = 2097152"), 0);
                }
                is("SHOW", setting(connection, "squadron.frame_bytes"), "2097152");
                try (PreparedStatement statement = connection.prepareStatement("SET squadron.frame_bytes = 4194304")) {
                    is("executeUpdate", statement.executeUpdate(), 0);
                }
                is("SHOW", setting(connection, "squadron.frame_bytes"), "4194304");
                return "";
            }
        });
        check("settings as URL properties", () -> {
            try (Connection connection = open("squadron.execution_mode=local")) {
                is("SHOW", setting(connection, "squadron.execution_mode"), "local");
                return "";
            }
        });
        check("a value that there is not, as a URL property, is told", () -> {
            try (Connection connection = open("squadron.execution_mode=nonsense")) {
                return refused("INVALID_ARGUMENT", () -> value(connection, "SELECT 1"), "nonsense", "local");
            }
        });
        check("USE", () -> {
            try (Connection connection = open("")) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute("USE information_schema");
                }
                is("tables", Integer.parseInt(value(connection, "SELECT count(*) FROM schemata")) > 0, true);
                return "";
            }
        });
        check("setAutoCommit, commit, rollback, setReadOnly do no harm", () -> {
            try (Connection connection = open("")) {
                connection.setAutoCommit(true);
                connection.setReadOnly(true);
                connection.setTransactionIsolation(Connection.TRANSACTION_NONE);
                is("rows", value(connection, "SELECT 1"), "1");
                connection.setAutoCommit(false);
                is("rows", value(connection, "SELECT 1"), "1");
                connection.commit();
                connection.rollback();
                return "";
            }
        });
    }
}
