/** How results are read. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;

final class Reading {
    private Reading() {}

    static void run() {
        check("setMaxRows", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.setMaxRows(10);
                is("getMaxRows", statement.getMaxRows(), 10);
                is("rows", rows(statement.executeQuery("SELECT * FROM lineitem")).size(), 10);
                statement.setMaxRows(0);
                is("rows without", rows(statement.executeQuery("SELECT * FROM nation")).size(), 25);
                return "";
            }
        });
        check("setMaxRows of a prepared statement", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT * FROM lineitem WHERE l_linenumber > ?")) {
                statement.setMaxRows(10);
                statement.setInt(1, 1);
                is("rows", rows(statement.executeQuery()).size(), 10);
                return "";
            }
        });
        check("setFetchSize", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.setFetchSize(7);
                is("rows", rows(statement.executeQuery("SELECT * FROM nation")).size(), 25);
                return "";
            }
        });
        check("a page is read, and the rest never (DBeaver)", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM lineitem")) {
                for (int i = 0; i < 200; i++) yes(result.next(), "no row " + i);
            }
            is("the connection afterwards", value("SELECT 1"), "1");
            return "";
        });
        check("a slow reader gets every row", () -> {
            int count = 0;
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT l_comment FROM lineitem")) {
                while (result.next()) if (count++ % 20_000 == 0) Thread.sleep(300);
            }
            is("rows", "" + count, value("SELECT count(*) FROM lineitem"));
            return count + " rows";
        });
        check("closeOnCompletion", () -> {
            Statement statement = shared.createStatement();
            statement.closeOnCompletion();
            ResultSet result = statement.executeQuery("SELECT 1");
            while (result.next()) result.getInt(1);
            yes(statement.isClosed(), "not closed");
            return "";
        });
        check("a second query closes the result of the first", () -> {
            try (Statement statement = shared.createStatement()) {
                ResultSet first = statement.executeQuery("SELECT * FROM lineitem");
                yes(first.next(), "no row");
                is("rows", rows(statement.executeQuery("SELECT 1")).size(), 1);
                yes(first.isClosed(), "the first result is open");
                return "";
            }
        });
        check("getMoreResults", () -> {
            try (Statement statement = shared.createStatement()) {
                yes(statement.execute("SELECT 1"), "no result set");
                rows(statement.getResultSet());
                yes(!statement.getMoreResults(), "a second result");
                is("getUpdateCount", statement.getUpdateCount(), -1);
                return "";
            }
        });
        check("100,000 rows of wide text come whole", () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(
                    "SELECT v, repeat('y', 200) FROM (SELECT unnest(range(0, 100000)) AS v)")) {
                long count = 0;
                long sum = 0;
                while (result.next()) {
                    count++;
                    sum += result.getLong(1) + result.getString(2).length();
                }
                is("rows", count, 100_000L);
                is("sum", sum, 99_999L * 50_000L + 100_000L * 200);
                return "";
            }
        });
        check("one value of 8 MB", () -> {
            is("length", query("SELECT repeat('x', 8000000)").get(0).get(0).length(), 8_000_000);
            return "";
        });
    }
}
