/** The server that is checked, and how it is asked. */
package jdbc;

import static jdbc.Checks.*;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;

final class Server {
    private Server() {}

    static String url;
    static int nodes = 1;
    static String user;
    static String password;
    static String token;
    static String truth;
    static final List<Long> PROCESSES = new ArrayList<>();

    /** The connection of the group that runs. */
    static Connection shared;

    static boolean hasUsers() {
        return user != null;
    }

    static Connection open(String more) throws SQLException {
        return open(more, user, password);
    }

    static Connection open(String more, String user, String password) throws SQLException {
        Properties properties = new Properties();
        if (user != null) {
            properties.put("user", user);
            properties.put("password", password);
        }
        return DriverManager.getConnection(with(more), properties);
    }

    static String with(String more) {
        return more.isEmpty() ? url : url + (url.contains("?") ? "&" : "?") + more;
    }

    /** All rows, each as the texts of its columns. */
    static List<List<String>> rows(ResultSet result) throws SQLException {
        try (result) {
            List<List<String>> rows = new ArrayList<>();
            int columns = 0;
            while (result.next()) {
                // The driver knows the columns of metadata only once there is a row.
                if (columns == 0) columns = result.getMetaData().getColumnCount();
                List<String> row = new ArrayList<>();
                for (int i = 1; i <= columns; i++) row.add(result.getString(i));
                rows.add(row);
            }
            return rows;
        }
    }

    static List<List<String>> query(String sql) throws SQLException {
        return query(shared, sql);
    }

    static List<List<String>> query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return rows(statement.executeQuery(sql));
        }
    }

    static String value(String sql) throws SQLException {
        return value(shared, sql);
    }

    static String value(Connection connection, String sql) throws SQLException {
        List<List<String>> rows = query(connection, sql);
        yes(rows.size() == 1, rows.size() + " rows of " + sql);
        return rows.get(0).get(0);
    }

    /** The value of a setting. */
    static String setting(Connection connection, String name) throws SQLException {
        return query(connection, "SHOW " + name).get(0).get(1);
    }

    static int update(String sql) throws SQLException {
        return update(shared, sql);
    }

    static int update(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            return statement.executeUpdate(sql);
        }
    }

    static List<String> named(ResultSet result, String column) throws SQLException {
        try (result) {
            List<String> names = new ArrayList<>();
            while (result.next()) names.add(result.getString(column));
            return names;
        }
    }

    /** It has these columns; how many there are. */
    static String columns(ResultSet result, String... wanted) throws SQLException {
        try (result) {
            yes(result.next(), "no rows");
            ResultSetMetaData meta = result.getMetaData();
            List<String> found = new ArrayList<>();
            for (int i = 1; i <= meta.getColumnCount(); i++) found.add(meta.getColumnLabel(i));
            is("columns", found, Arrays.asList(wanted));
            return found.size() + " columns";
        }
    }

    /** Closes a connection whose driver may say something that is its own business. */
    static void close(Connection connection) {
        try {
            connection.close();
        } catch (SQLException drivers) {
            // Looked at by the limits of closing.
        }
    }
}
