/** Connections. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

final class Connecting {
    private Connecting() {}

    static void run() {
        check("opens and closes", () -> {
            try (Connection connection = open("")) {
                yes(!connection.isClosed(), "closed at once");
                is("getAutoCommit", connection.getAutoCommit(), true);
                return connection.getMetaData().getURL();
            }
        });
        check("SELECT 1", () -> {
            is("value", value("SELECT 1"), "1");
            return "";
        });
        check("isValid", () -> {
            yes(shared.isValid(5), "not valid");
            return "";
        });
        check("unknown properties are headers that do no harm", () -> {
            try (Connection connection = open("applicationName=DBeaver&Foo.Bar=baz&x-long=" + "y".repeat(12_000))) {
                return value(connection, "SELECT 1");
            }
        });
        check("ten connections", () -> {
            List<Connection> all = new ArrayList<>();
            try {
                for (int i = 0; i < 10; i++) all.add(open(""));
                for (Connection connection : all) is("value", value(connection, "SELECT 1"), "1");
            } finally {
                for (Connection connection : all) connection.close();
            }
            return "";
        });
        check("closing with open statements and half-read results", () -> {
            Connection connection = open("");
            Statement statement = connection.createStatement();
            ResultSet result = statement.executeQuery("SELECT * FROM lineitem");
            yes(result.next(), "no row");
            result.close();
            PreparedStatement prepared = connection.prepareStatement("SELECT n_name FROM nation WHERE n_nationkey = ?");
            prepared.setInt(1, 1);
            prepared.executeQuery().close();
            statement.close();
            prepared.close();
            connection.close();
            yes(connection.isClosed(), "still open");
            return "";
        });
        check("connection refused is readable", () -> {
            try (Connection connection = DriverManager.getConnection(
                    "jdbc:arrow-flight-sql://127.0.0.1:1/?useEncryption=false")) {
                connection.createStatement().executeQuery("SELECT 1");
                fail("nobody listens there");
            } catch (SQLException error) {
                return why(error);
            }
            return "";
        });
    }
}
