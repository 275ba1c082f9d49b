/** What goes wrong is told. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

final class Errors {
    private Errors() {}

    private static void error(String name, String sql, String code, String... words) {
        check(name, () -> {
            String why = refused(code, () -> told(sql), words);
            is("the connection afterwards", value("SELECT 1"), "1");
            return why;
        });
    }

    /** Reads it to its end; an error has to say something, in what fits into a header. */
    private static Object told(String sql) throws SQLException {
        try {
            return query(sql);
        } catch (SQLException | RuntimeException error) {
            // The SQLException has the whole statement in its message.
            String told = String.valueOf(flightError(error) == null ? error.getMessage() : flightError(error).getMessage());
            yes(told.length() >= 10 && told.length() < 3000, "not a sentence: '" + told + "'");
            throw error;
        }
    }

    static void run() throws Exception {
        String last = value("SELECT max(l_orderkey) FROM lineitem");
        error("syntax", "SELEC 1", "INVALID_ARGUMENT", "SELEC");
        error("a table that there is not", "SELECT * FROM nope", "NOT_FOUND", "nope");
        error("a column that there is not", "SELECT nope FROM nation", "INVALID_ARGUMENT|NOT_FOUND", "nope", "n_name");
        error("a function that there is not", "SELECT nope(1)", "INVALID_ARGUMENT", "nope");
        error("types that do not meet", "SELECT n_name + 1 FROM nation", "INVALID_ARGUMENT");
        error("division by zero while it runs", "SELECT 1 / (n_nationkey - n_nationkey) FROM nation", "INVALID_ARGUMENT", "ivi");
        error("a cast that fails while it runs", "SELECT CAST(n_name AS BIGINT) FROM nation", "INVALID_ARGUMENT", "ALGERIA");
        error("an error after many rows", "SELECT 1000 / (l_orderkey - " + last + ") FROM lineitem", "INVALID_ARGUMENT");
        error("SQL that the engine would pass over", "SELECT * FROM nation TABLESAMPLE (10 PERCENT)",
                "INVALID_ARGUMENT|UNIMPLEMENTED", "TABLESAMPLE");
        error("SQL that there is no answer to", "SHOW CREATE TABLE nation", "UNIMPLEMENTED", "SHOW CREATE");
        error("two statements", "SELECT 1; SELECT 2", "INVALID_ARGUMENT", "one");
        error("nothing", "", "INVALID_ARGUMENT", "empty");
        error("a very long statement that is wrong", "SELECT '" + "x".repeat(100_000) + "' FROM nope", "NOT_FOUND", "nope");
        check("an error when preparing", () -> refused("INVALID_ARGUMENT|NOT_FOUND", () ->
                shared.prepareStatement("SELECT nope FROM nation WHERE n_nationkey = ?"), "nope"));
        check("an error while it runs with parameters", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT 1 / (n_nationkey - ?) FROM nation")) {
                statement.setLong(1, 3);
                return refused("INVALID_ARGUMENT", () -> rows(statement.executeQuery()), "ivi");
            }
        });
        check("the statement can be used again after an error", () -> {
            try (Statement statement = shared.createStatement()) {
                for (int i = 0; i < 3; i++) {
                    try {
                        statement.executeQuery("SELECT * FROM nope");
                        fail("it ran");
                    } catch (SQLException expected) {
                        is("rows", rows(statement.executeQuery("SELECT count(*) FROM nation")), List.of(List.of("25")));
                    }
                }
                return "";
            }
        });
        check("the reason is in the message of the SQLException itself", () -> {
            try {
                query("SELECT * FROM nope");
            } catch (SQLException error) {
                yes(error.getMessage().contains("not found"), error.getMessage());
                return error.getMessage() + " (SQLState " + error.getSQLState() + ", " + error.getErrorCode() + ")";
            }
            fail("it ran");
            return "";
        });
    }
}
