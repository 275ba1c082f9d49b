/** Values of every type. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Array;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

final class Values {
    private Values() {}

    /** How values of a type are looked at. */
    record Type(String name, String sql, int type, Object object, String text) {}

    static Type type(String name, String sql, int type, Object object, String text) {
        return new Type(name, sql, type, object, text);
    }

    static void run() throws Exception {
        BigDecimal digits38 = new BigDecimal("9".repeat(38));
        BigDecimal digits76 = new BigDecimal("9".repeat(76));
        List<Type> types = List.of(
                type("boolean true", "true", Types.BOOLEAN, true, "true"),
                type("boolean false", "false", Types.BOOLEAN, false, "false"),
                type("tinyint", "arrow_cast(-128, 'Int8')", Types.TINYINT, -128, "-128"),
                type("smallint", "arrow_cast(-32768, 'Int16')", Types.SMALLINT, -32768, "-32768"),
                type("integer", "arrow_cast(-2147483648, 'Int32')", Types.INTEGER, Integer.MIN_VALUE, "-2147483648"),
                type("bigint", "-9223372036854775808", Types.BIGINT, Long.MIN_VALUE, "-9223372036854775808"),
                type("bigint max", "9223372036854775807", Types.BIGINT, Long.MAX_VALUE, "9223372036854775807"),
                type("unsigned 8", "arrow_cast(200, 'UInt8')", Types.SMALLINT, 200, "200"),
                type("unsigned 16", "arrow_cast(60000, 'UInt16')", Types.INTEGER, 60000, "60000"),
                type("unsigned 32", "arrow_cast(4000000000, 'UInt32')", Types.BIGINT, 4000000000L, "4000000000"),
                type("unsigned 64", "18446744073709551615", Types.DECIMAL, new BigInteger("18446744073709551615"),
                        "18446744073709551615"),
                type("unsigned small", "arrow_cast(7, 'UInt64')", Types.DECIMAL, 7, "7"),
                type("row_number (unsigned in the engine)", "row_number() OVER ()", Types.DECIMAL, 1, "1"),
                type("half float", "arrow_cast(1.5, 'Float16')", Types.FLOAT, 1.5d, "1.5"),
                type("real", "arrow_cast(1.5, 'Float32')", Types.FLOAT, 1.5d, "1.5"),
                type("double", "2.5", Types.DOUBLE, 2.5d, "2.5"),
                type("double NaN", "'NaN'::double", Types.DOUBLE, Double.NaN, "NaN"),
                type("double infinity", "'-Infinity'::double", Types.DOUBLE, Double.NEGATIVE_INFINITY, "-Infinity"),
                type("decimal(5,2)", "CAST(-12.34 AS DECIMAL(5,2))", Types.DECIMAL, new BigDecimal("-12.34"), "-12.34"),
                type("decimal(38,0)", "CAST('" + digits38 + "' AS DECIMAL(38,0))", Types.DECIMAL, digits38, digits38.toString()),
                type("decimal(38,38)", "CAST('0." + digits38 + "' AS DECIMAL(38,38))", Types.DECIMAL, new BigDecimal("0."
                        + digits38), "0." + digits38),
                type("decimal(76,0)", "arrow_cast('" + digits76 + "', 'Decimal256(76, 0)')", Types.DECIMAL, digits76,
                        digits76.toString()),
                type("decimal(76,10)", "arrow_cast('-" + "9".repeat(66) + ".0000000001', 'Decimal256(76, 10)')", Types.DECIMAL,
                        new BigDecimal("-" + "9".repeat(66) + ".0000000001"), "-" + "9".repeat(66) + ".0000000001"),
                type("decimal 256 that fits into 128", "arrow_cast('1.5', 'Decimal256(20, 2)')", Types.DECIMAL,
                        new BigDecimal("1.50"), "1.50"),
                type("decimal 32", "arrow_cast('1.23', 'Decimal32(5, 2)')", Types.DECIMAL, new BigDecimal("1.23"), "1.23"),
                type("decimal 64", "arrow_cast('1.23', 'Decimal64(10, 2)')", Types.DECIMAL, new BigDecimal("1.23"), "1.23"),
                type("text", "'grüße 漢字 😀'", Types.VARCHAR, "grüße 漢字 😀", "grüße 漢字 😀"),
                type("text empty", "''", Types.VARCHAR, "", ""),
                type("text large", "arrow_cast('large', 'LargeUtf8')", Types.VARCHAR, "large", "large"),
                type("text view", "arrow_cast('view', 'Utf8View')", Types.VARCHAR, "view", "view"),
                type("text of 100 kB", "repeat('x', 100000)", Types.VARCHAR, "x".repeat(100_000), "x".repeat(100_000)),
                type("dictionary", "arrow_cast('d', 'Dictionary(Int32, Utf8)')", Types.VARCHAR, "d", "d"),
                type("run-end encoded", "arrow_cast('r', 'RunEndEncoded(\"run_ends\": non-null Int32, \"values\": Utf8)')",
                        Types.VARCHAR, "r", "r"),
                type("binary", "X'00ff41'", Types.VARBINARY, new byte[] {0, -1, 65}, null),
                type("binary large", "arrow_cast('abc', 'LargeBinary')", Types.VARBINARY, "abc".getBytes(), "abc"),
                type("binary view", "arrow_cast('abc', 'BinaryView')", Types.VARBINARY, "abc".getBytes(), "abc"),
                type("binary of fixed size", "arrow_cast(arrow_cast('abcd', 'Binary'), 'FixedSizeBinary(4)')", Types.BINARY,
                        "abcd".getBytes(), "abcd"),
                type("null", "NULL", Types.NULL, null, null),
                type("interval of months", "INTERVAL '1 year 2 months'", Types.JAVA_OBJECT, null, "P14M"),
                type("interval of days and time", "INTERVAL '3 days 4 hours'", Types.JAVA_OBJECT, null, "P3DT4H"),
                type("interval of all", "INTERVAL '1 month 2 days 3.000000004 seconds'", Types.JAVA_OBJECT, null,
                        "P1M2DT3.000000004S"),
                type("interval year-month", "arrow_cast('1 year 2 months', 'Interval(YearMonth)')", Types.JAVA_OBJECT, null,
                        "+001-02"),
                type("interval day-time", "arrow_cast('3 days 4 hours', 'Interval(DayTime)')", Types.JAVA_OBJECT, null,
                        "+003 04:00:00.000"),
                type("duration s", "arrow_cast(3661, 'Duration(Second)')", Types.JAVA_OBJECT,
                        java.time.Duration.ofSeconds(3661), "PT1H1M1S"),
                type("duration ms", "arrow_cast(1500, 'Duration(Millisecond)')", Types.JAVA_OBJECT,
                        java.time.Duration.ofMillis(1500), "PT1.5S"),
                type("duration us", "arrow_cast(-1, 'Duration(Microsecond)')", Types.JAVA_OBJECT,
                        java.time.Duration.ofNanos(-1000), null),
                type("duration ns", "arrow_cast(1, 'Duration(Nanosecond)')", Types.JAVA_OBJECT,
                        java.time.Duration.ofNanos(1), "PT0.000000001S"),
                type("difference of timestamps", "TIMESTAMP '2024-01-02' - TIMESTAMP '2024-01-01'", Types.JAVA_OBJECT, null,
                        "PT24H"),
                type("list", "[1, NULL, 3]", Types.ARRAY, null, "[1,null,3]"),
                type("list of text", "['a', 'b']", Types.ARRAY, null, "[\"a\",\"b\"]"),
                type("list of lists", "[[1], [2, 3]]", Types.ARRAY, null, "[[1],[2,3]]"),
                type("list empty", "make_array()", Types.ARRAY, null, "[]"),
                type("list large", "arrow_cast([1, 2], 'LargeList(Int64)')", Types.ARRAY, null, "[1,2]"),
                type("list of fixed size", "arrow_cast([1, 2], 'FixedSizeList(2, Int64)')", Types.ARRAY, null, "[1,2]"),
                type("list view", "arrow_cast([1, 2], 'ListView(Int64)')", Types.ARRAY, null, "[1,2]"),
                type("list of structs", "[named_struct('a', 1)]", Types.ARRAY, null, "[{\"a\":1}]"),
                type("struct", "named_struct('a', 1, 'b', 'x')", Types.JAVA_OBJECT, null, "{\"a\":1,\"b\":\"x\"}"),
                type("struct of structs", "named_struct('n', named_struct('d', 1.5))", Types.JAVA_OBJECT, null,
                        "{\"n\":{\"d\":1.5}}"),
                type("map", "MAP {'a': 1, 'b': NULL}", Types.JAVA_OBJECT, null, "{\"a\":1,\"b\":null}"),
                type("map of numbers", "MAP {1: 'x'}", Types.JAVA_OBJECT, null, "{\"1\":\"x\"}"));
        for (Type type : types) {
            check(type.name + ": getObject, getString", () -> {
                try (Statement statement = shared.createStatement();
                        ResultSet result = statement.executeQuery("SELECT " + type.sql + " AS x")) {
                    yes(result.next(), "no row");
                    ResultSetMetaData meta = result.getMetaData();
                    is("getColumnType", meta.getColumnType(1), type.type);
                    Object found = result.getObject(1);
                    if (type.object != null || type.name.equals("null")) is("getObject", found, type.object);
                    String text = result.getString(1);
                    if (type.text != null || type.name.equals("null")) is("getString", text, type.text);
                    if (type.object instanceof Number number && !(number instanceof Double)) {
                        is("getBigDecimal", result.getBigDecimal(1), number);
                        if (new BigDecimal(number.toString()).abs().compareTo(new BigDecimal(Long.MAX_VALUE)) <= 0) {
                            is("getLong", result.getLong(1), new BigDecimal(number.toString()).longValue());
                            is("getDouble", result.getDouble(1), number.doubleValue());
                        }
                    }
                    if (type.object instanceof Double number) is("getDouble", result.getDouble(1), number);
                    if (type.object instanceof byte[] bytes) is("getBytes", result.getBytes(1), bytes);
                    if (type.object instanceof Boolean flag) is("getBoolean", result.getBoolean(1), flag);
                    is("wasNull", result.wasNull(), type.name.equals("null"));
                    yes(!result.next(), "a second row");
                    return meta.getColumnTypeName(1) + ", " + (found == null ? null : found.getClass().getSimpleName());
                }
            });
        }
        check("list: getArray and its elements", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT [1, NULL, 3]")) {
                yes(result.next(), "no row");
                Array array = result.getArray(1);
                is("elements", Arrays.asList((Object[]) array.getArray()), Arrays.asList(1L, null, 3L));
                return array.getBaseTypeName();
            }
        });
        check("list: Array.getResultSet", () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery("SELECT ['a', 'b']")) {
                yes(result.next(), "no row");
                List<String> found = new ArrayList<>();
                try (ResultSet elements = result.getArray(1).getResultSet()) {
                    while (elements.next()) found.add(elements.getString(elements.getMetaData().getColumnCount()));
                }
                is("elements", found, List.of("a", "b"));
                return "";
            }
        });
        check("struct: getObject is a map", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT named_struct('a', 1, 'b', 'x')")) {
                yes(result.next(), "no row");
                Map<?, ?> found = (Map<?, ?>) result.getObject(1);
                is("a", found.get("a"), 1L);
                is("b", String.valueOf(found.get("b")), "x");
                return "";
            }
        });
        check("nulls of every type", () -> {
            String[] names = {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)",
                    "VARCHAR", "BYTEA", "DATE", "TIME", "TIMESTAMP", "INTERVAL"};
            for (String name : names) {
                try (Statement statement = shared.createStatement();
                        ResultSet result = statement.executeQuery("SELECT CAST(NULL AS " + name + ")")) {
                    yes(result.next(), "no row");
                    is("getObject of " + name, result.getObject(1), null);
                    yes(result.wasNull(), "not wasNull of " + name);
                    is("getString of " + name, result.getString(1), null);
                    is("wasNull of getString of " + name, result.wasNull(), true);
                }
            }
            return names.length + " types";
        });
        limit("a date within a list is text (the driver shows the number of the day)", "is '[19782]'", () -> {
            is("getString", value("SELECT [DATE '2024-02-29']"), "[\"2024-02-29\"]");
            return "";
        });
        check("null of TIMESTAMP WITH TIME ZONE", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT CAST(NULL AS TIMESTAMPTZ)")) {
                yes(result.next(), "no row");
                is("getObject", result.getObject(1), null);
                return "";
            }
        });
        check("all_types: every value through getObject and getString", () -> {
            List<String> wrong = new ArrayList<>();
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM all_types ORDER BY c_required")) {
                ResultSetMetaData meta = result.getMetaData();
                for (int row = 0; result.next(); row++) {
                    for (int i = 1; i <= meta.getColumnCount(); i++) {
                        try {
                            Object found = result.getObject(i);
                            String text = result.getString(i);
                            boolean wanted = row == 1 && !meta.getColumnName(i).equals("c_required");
                            if ((found == null) != wanted || (text == null) != wanted) wrong.add(meta.getColumnName(i)
                                    + ": " + found);
                        } catch (Exception | Error error) {
                            wrong.add(meta.getColumnName(i) + ": " + why(error));
                        }
                    }
                }
            }
            yes(wrong.isEmpty(), "" + wrong);
            return "";
        });
        check("all_types: unsigned values of a table", () -> {
            List<String> wrong = new ArrayList<>();
            Map<String, Object> wanted = Map.of("c_u8", 200, "c_u16", 60000, "c_u32", 4000000000L, "c_u64",
                    new BigInteger("18446744073709551615"));
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT c_u8, c_u16, c_u32, c_u64 FROM all_types WHERE c_required = 1")) {
                yes(result.next(), "no row");
                for (String name : new TreeSet<>(wanted.keySet())) {
                    if (!same(result.getObject(name), wanted.get(name))) wrong.add("getObject(" + name + ") is "
                            + result.getObject(name));
                    if (!same(result.getString(name), "" + wanted.get(name))) wrong.add("getString(" + name + ") is "
                            + result.getString(name));
                }
            }
            yes(wrong.isEmpty(), "" + wrong);
            return "";
        });
    }
}
