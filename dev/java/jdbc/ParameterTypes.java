/** What parameters are declared as, what may be bound to them, and what the driver does not bind. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Parameters.*;
import static jdbc.Server.*;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.PreparedStatement;
import java.sql.Time;
import java.sql.Timestamp;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class ParameterTypes {
    private ParameterTypes() {}

    static void run() throws Exception {
        String[][] casts = {{"BIGINT", "long"}, {"INT", "int"}, {"DOUBLE", "double"}, {"DECIMAL(10,2)", "decimal"},
                {"BOOLEAN", "boolean"},
            {"DATE", "date"}, {"TIME", "time"}, {"TIMESTAMP", "timestamp"}, {"BYTEA", "bytes"}, {"VARCHAR", "string"}};
        for (String[] cast : casts) {
            check("CAST(? AS " + cast[0] + ") takes the type's own setter", () -> {
                try (PreparedStatement s = shared.prepareStatement("SELECT CAST(? AS " + cast[0] + ")")) {
                    switch (cast[1]) {
                        case "long" -> s.setLong(1, 7);
                        case "int" -> s.setInt(1, 7);
                        case "double" -> s.setDouble(1, 7.5);
                        case "decimal" -> s.setBigDecimal(1, new BigDecimal("7.50"));
                        case "boolean" -> s.setBoolean(1, true);
                        case "date" -> s.setDate(1, Date.valueOf("2024-02-29"));
                        case "time" -> s.setTime(1, Time.valueOf("12:34:56"));
                        case "timestamp" -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56"));
                        case "bytes" -> s.setBytes(1, new byte[] {65});
                        default -> s.setString(1, "x");
                    }
                    Map<String, String> wanted = Map.of("long", "7", "int", "7", "double", "7.5", "decimal", "7.50",
                            "boolean", "true",
                            "date", "2024-02-29", "timestamp", "2024-02-29 12:34:56.0", "bytes", "A", "string", "x");
                    String found = rows(s.executeQuery()).get(0).get(0);
                    if (wanted.containsKey(cast[1])) is("value", found, wanted.get(cast[1]));
                    return declared(s);
                }
            });
        }
        param("?::int", "SELECT ?::int", s -> s.setInt(1, 7), "7");
        param("? + ? (the result is a number)", "SELECT ? + ?", s -> {
            s.setLong(1, 3);
            s.setLong(2, 4);
        }, "7");
        param("abs(?)", "SELECT abs(?) = 3", s -> s.setDouble(1, -3), "true");
        param("substr(x, ?, ?)", "SELECT substr(n_name, ?, ?) FROM nation WHERE n_nationkey = 6", s -> {
            s.setInt(1, 1);
            s.setInt(2, 2);
        }, "FR");
        param("date_trunc('month', ?)", "SELECT CAST(date_trunc('month', ?) AS DATE)", s -> s.setTimestamp(1,
                Timestamp.valueOf("2024-02-29 12:34:56")), "2024-02-01");
        param("EXTRACT(YEAR FROM ?)", "SELECT EXTRACT(YEAR FROM ?)", s -> s.setDate(1, Date.valueOf("2024-02-29")), "2024");
        param("date > ? - INTERVAL", "SELECT count(*) > 0 FROM orders WHERE o_orderdate > ? - INTERVAL '1 day'", s ->
                s.setDate(1, Date.valueOf("1998-01-01")), "true");
        param("? || ?", "SELECT ? || ?", s -> {
            s.setString(1, "a");
            s.setString(2, "b");
        }, "ab");
        param("$2 || $1", "SELECT $2 || $1", s -> {
            s.setString(1, "a");
            s.setString(2, "b");
        }, "ba");
        param("VALUES (?, ?)", "SELECT a FROM (VALUES (?, ?)) t(a, b)", s -> {
            s.setString(1, "a");
            s.setString(2, "b");
        }, "a");
        check("a long number in an INTEGER parameter is not cut", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT count(*) FROM lineitem WHERE l_linenumber = ?")) {
                statement.setLong(1, 4294967297L);
                is("rows with 2^32 + 1", rows(statement.executeQuery()).get(0).get(0), "0");
                return declared(statement);
            }
        });
        limit("a fraction in an integer parameter is not cut (the driver calls longValue)", "is '1'", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT count(*) FROM nation WHERE n_nationkey = ?")) {
                statement.setDouble(1, 1.5);
                is("rows with 1.5", rows(statement.executeQuery()).get(0).get(0), "0");
                return declared(statement);
            }
        });
        limit("setInt for a decimal (the driver takes BigDecimal alone)", "Binding value of type", () -> bind(
                "SELECT count(*) > 0 FROM lineitem WHERE l_quantity = ?", s -> s.setInt(1, 17), "true"));
        limit("setDouble for a decimal (the driver takes BigDecimal alone)", "Binding value of type", () -> bind(
                "SELECT count(*) > 0 FROM lineitem WHERE l_discount = ?", s -> s.setDouble(1, 0.05), "true"));
        limit("setBigDecimal of another scale (the driver takes that of the column alone)", "BigDecimal scale must equal",
                () -> bind(
                "SELECT count(*) > 0 FROM lineitem WHERE l_quantity = ?", s -> s.setBigDecimal(1, new BigDecimal("17")), "true"));
        limit("setString for a number", "Binding value of type", () ->
                bind("SELECT n_name FROM nation WHERE n_nationkey = ?", s -> s.setString(1, "6"), "FRANCE"));
        limit("setInt for SELECT ? (without a type it is text)", "Binding value of type", () -> bind("SELECT ?", s ->
                s.setInt(1, 6), "6"));
        limit("setObject(LocalDate)", "Binding value of type", () ->
                bind("SELECT count(*) > 0 FROM lineitem WHERE l_shipdate = ?",
                s -> s.setObject(1, LocalDate.parse("1994-01-01")), "true"));
        limit("setArray", "Binding value of type", () -> bind("SELECT count(*) FROM nation WHERE array_has(?, n_nationkey)",
                s -> s.setArray(1, shared.createArrayOf("BIGINT", new Object[] {1L, 2L})), "2"));
        limit("a value that was not set is told (the driver asks for one without looking)", "is null", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT n_name FROM nation WHERE n_nationkey = ?")) {
                return rows(statement.executeQuery());
            }
        });
        check("setDate, setTimestamp for zoned columns of a table", () -> {
            String sql = "SELECT count(*) FROM all_types WHERE c_tz_utc > ?";
            bind(sql, s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-28 00:00:00")), "1");
            return bind(sql, s -> s.setTimestamp(1, Timestamp.valueOf("2024-03-02 00:00:00")), "0");
        });
        check("parameters of every column type of a table", () -> {
            Map<String, Setter> setters = new LinkedHashMap<>();
            setters.put("c_bool", s -> s.setBoolean(1, true));
            setters.put("c_i8", s -> s.setInt(1, -8));
            setters.put("c_i16", s -> s.setInt(1, -16));
            setters.put("c_i32", s -> s.setInt(1, -32));
            setters.put("c_i64", s -> s.setLong(1, -64));
            setters.put("c_u8", s -> s.setInt(1, 200));
            setters.put("c_u16", s -> s.setInt(1, 60000));
            setters.put("c_u32", s -> s.setLong(1, 4000000000L));
            setters.put("c_f32", s -> s.setFloat(1, 1.5f));
            setters.put("c_f64", s -> s.setDouble(1, 2.5));
            setters.put("c_dec", s -> s.setBigDecimal(1, new BigDecimal("12.34")));
            setters.put("c_dec38", s -> s.setBigDecimal(1, new BigDecimal("1.0000000001")));
            setters.put("c_str", s -> s.setString(1, "grüße"));
            setters.put("c_lstr", s -> s.setString(1, "large"));
            setters.put("c_sview", s -> s.setString(1, "view"));
            setters.put("c_dict", s -> s.setString(1, "dictionary"));
            setters.put("c_bin", s -> s.setBytes(1, new byte[] {0, -1}));
            setters.put("c_fsb", s -> s.setBytes(1, "abcd".getBytes()));
            setters.put("c_bview", s -> s.setBytes(1, "bv".getBytes()));
            setters.put("c_date", s -> s.setDate(1, Date.valueOf("2024-02-29")));
            setters.put("c_ts_ms", s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789")));
            List<String> wrong = new ArrayList<>();
            for (var entry : setters.entrySet()) {
                try {
                    bind("SELECT c_required FROM all_types WHERE " + entry.getKey() + " = ?", entry.getValue(), "1");
                } catch (Exception | Error error) {
                    wrong.add(entry.getKey() + ": " + why(error));
                }
            }
            yes(wrong.isEmpty(), "" + wrong);
            return setters.size() + " types";
        });
        check("a number beyond 2^63 for an unsigned 64", () -> {
            return bind("SELECT c_required FROM all_types WHERE c_u64 = ?", s -> s.setBigDecimal(1,
                    new BigDecimal("18446744073709551615")), "1");
        });
        check("bytes of another length for a binary of fixed size", () -> {
            return bind("SELECT c_required FROM all_types WHERE c_fsb = ?", s -> s.setBytes(1, "ab".getBytes()));
        });
        limit("setBigDecimal for a decimal of 76 digits (the driver has no binder)", "Binding to vector type", () -> {
            return bind("SELECT c_required FROM all_types WHERE c_dec76 = ?", s -> s.setBigDecimal(1,
                    new BigDecimal("9".repeat(60) + ".0000000001")), "1");
        });
        check("a thousand prepared statements, each closed", () -> {
            for (int i = 0; i < 1000; i++) {
                try (PreparedStatement statement = shared.prepareStatement("SELECT CAST(" + i + " AS BIGINT) WHERE 1 = ?")) {
                    yes(statement.getParameterMetaData().getParameterCount() == 1, "no parameter");
                }
            }
            return "";
        });
    }
}
