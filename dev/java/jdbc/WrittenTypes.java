/** Values of each type, by each setter that the driver has for it, through an INSERT and back. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Parameters.*;
import static jdbc.Server.*;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.Arrays;
import java.util.List;

final class WrittenTypes {
    private WrittenTypes() {}

    /** A column of this type. */
    private static void stored(String table, String type, String name, Setter setter, String wanted) {
        check(type + " by " + name, () -> {
            insert(table, type, setter);
            is("value", value("SELECT v FROM " + table), wanted);
            return "";
        });
    }

    private static String insert(String table, String type, Setter setter) throws Exception {
        update("CREATE OR REPLACE TABLE " + table + " (v " + type + ")");
        try (PreparedStatement statement = shared.prepareStatement("INSERT INTO " + table + " VALUES (?)")) {
            setter.set(statement);
            is("executeUpdate", statement.executeUpdate(), 1);
            return declared(statement);
        }
    }

    static void run(String table) throws Exception {
        numbers(table);
        texts(table);
        moments(table);
        all(table + "_all");
        refused(table + "_no");
    }

    private static void numbers(String table) {
        stored(table, "BIGINT", "setLong", s -> s.setLong(1, Long.MIN_VALUE), "-9223372036854775808");
        stored(table, "BIGINT", "setInt", s -> s.setInt(1, -7), "-7");
        stored(table, "BIGINT", "setObject(Integer)", s -> s.setObject(1, 7), "7");
        stored(table, "INT", "setInt", s -> s.setInt(1, Integer.MAX_VALUE), "2147483647");
        stored(table, "INT", "setObject(Integer)", s -> s.setObject(1, 7), "7");
        stored(table, "SMALLINT", "setShort", s -> s.setShort(1, (short) -300), "-300");
        stored(table, "TINYINT", "setByte", s -> s.setByte(1, (byte) -7), "-7");
        stored(table, "DOUBLE", "setDouble", s -> s.setDouble(1, 0.1), "0.1");
        stored(table, "DOUBLE", "setDouble of NaN", s -> s.setDouble(1, Double.NaN), "NaN");
        stored(table, "DOUBLE", "setInt", s -> s.setInt(1, 7), "7.0");
        stored(table, "REAL", "setFloat", s -> s.setFloat(1, 1.5f), "1.5");
        stored(table, "DECIMAL(10, 2)", "setBigDecimal", s -> s.setBigDecimal(1, new BigDecimal("-12345678.90")), "-12345678.90");
        stored(table, "DECIMAL(38, 10)", "setBigDecimal", s -> s.setBigDecimal(1,
                new BigDecimal("1234567890123456789012345678.0123456789")), "1234567890123456789012345678.0123456789");
        stored(table, "BOOLEAN", "setBoolean", s -> s.setBoolean(1, true), "true");
        stored(table, "BOOLEAN", "setObject(Boolean)", s -> s.setObject(1, false), "false");
    }

    private static void texts(String table) {
        stored(table, "VARCHAR", "setString", s -> s.setString(1, "it's \"grüße\" 🚀 ? \\ \n"), "it's \"grüße\" 🚀 ? \\ \n");
        stored(table, "VARCHAR", "setString of ''", s -> s.setString(1, ""), "");
        stored(table, "VARCHAR", "setObject(String)", s -> s.setObject(1, "x"), "x");
        stored(table, "VARCHAR", "setNString", s -> s.setNString(1, "ß"), "ß");
        stored(table, "CHAR", "setString", s -> s.setString(1, "abc"), "abc");
        stored(table, "VARCHAR", "setString of a megabyte", s -> s.setString(1, "0123456789abcdef".repeat(1 << 16)), "0123456789abcdef".repeat(1 << 16));
        check("BYTEA by setBytes", () -> {
            byte[] bytes = {0, -1, 39, 92, 10};
            insert(table, "BYTEA", s -> s.setBytes(1, bytes));
            try (PreparedStatement statement = shared.prepareStatement("SELECT v FROM " + table); var result = statement.executeQuery()) {
                yes(result.next(), "no row");
                is("bytes", result.getBytes(1), bytes);
            }
            return "";
        });
    }

    private static void moments(String table) {
        stored(table, "DATE", "setDate", s -> s.setDate(1, Date.valueOf("2024-02-29")), "2024-02-29");
        stored(table, "DATE", "setDate before 1970", s -> s.setDate(1, Date.valueOf("1900-03-01")), "1900-03-01");
        stored(table, "TIMESTAMP", "setTimestamp", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789")), "2024-02-29 12:34:56.789");
        stored(table, "TIMESTAMP", "setTimestamp before 1970", s -> s.setTimestamp(1, Timestamp.valueOf("1969-12-31 23:59:59.999")), "1969-12-31 23:59:59.999");
        stored(table, "TIMESTAMPTZ", "setTimestamp", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789")), "2024-02-29 12:34:56.789");
        limit("setTimestamp keeps microseconds (the driver sends milliseconds)", "is '2024-02-29 12:34:56.789'", () -> {
            insert(table, "TIMESTAMP", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789012")));
            is("value", value("SELECT v FROM " + table), "2024-02-29 12:34:56.789012");
            return "";
        });
        check("TIMESTAMP of microseconds by a literal", () -> {
            update("CREATE OR REPLACE TABLE " + table + " (v TIMESTAMP)");
            update("INSERT INTO " + table + " VALUES (TIMESTAMP '2024-02-29 12:34:56.789012')");
            is("value", value("SELECT CAST(v AS VARCHAR) FROM " + table), "2024-02-29T12:34:56.789012");
            return "";
        });
    }

    private static void all(String table) throws SQLException {
        update("CREATE TABLE " + table + " (a BIGINT, b VARCHAR, c DECIMAL(10, 2), d DATE, e TIMESTAMP, f BOOLEAN, g BYTEA, h DOUBLE)");
        String insert = "INSERT INTO " + table + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        check("eight parameters are told with their types", () -> {
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                is("parameters", statement.getParameterMetaData().getParameterCount(), 8);
                statement.setLong(1, 4);
                statement.setString(2, "four");
                statement.setBigDecimal(3, new BigDecimal("4.04"));
                statement.setDate(4, Date.valueOf("2024-02-29"));
                statement.setTimestamp(5, Timestamp.valueOf("2024-02-29 12:34:56.789"));
                statement.setBoolean(6, true);
                statement.setBytes(7, new byte[] {65});
                statement.setDouble(8, 4.5);
                is("executeUpdate", statement.executeUpdate(), 1);
                is("row", query("SELECT * FROM " + table), List.of(
                        List.of("4", "four", "4.04", "2024-02-29", "2024-02-29 12:34:56.789", "true", "A", "4.5")));
                return declared(statement);
            }
        });
        check("NULL for each of them, by setNull and by setObject", () -> {
            int[] types = {Types.BIGINT, Types.VARCHAR, Types.DECIMAL, Types.DATE, Types.TIMESTAMP, Types.BOOLEAN, Types.VARBINARY,
                Types.DOUBLE};
            update("TRUNCATE TABLE " + table);
            try (PreparedStatement statement = shared.prepareStatement(insert)) {
                for (int i = 0; i < 8; i++) statement.setNull(i + 1, types[i]);
                statement.executeUpdate();
                for (int i = 0; i < 8; i++) statement.setObject(i + 1, null);
                statement.executeUpdate();
            }
            List<String> nulls = Arrays.asList(new String[8]);
            is("rows", query("SELECT * FROM " + table), List.of(nulls, nulls));
            return "";
        });
    }

    private static void refused(String table) {
        check("a long that is none of its INT column is refused", () ->
                Checks.refused("INVALID_ARGUMENT", () -> insert(table, "INT", s -> s.setLong(1, 1L << 40)), "1099511627776"));
        check("a short that is none of its TINYINT column is refused", () ->
                Checks.refused("INVALID_ARGUMENT", () -> insert(table, "TINYINT", s -> s.setInt(1, 200)), "200"));
        for (String type : new String[] {"TIME", "INTERVAL", "DECIMAL(40, 2)"}) {
            check("a column of " + type + " is refused", () ->
                    Checks.refused("UNIMPLEMENTED|INVALID_ARGUMENT", () -> update("CREATE TABLE " + table + "_x (v " + type + ")")));
        }
    }
}
