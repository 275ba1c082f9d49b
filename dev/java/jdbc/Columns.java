/** getColumns: what tools make their pickers, drop-downs and pushed-down types of. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

final class Columns {
    private Columns() {}

    static void run() throws Exception {
        DatabaseMetaData meta = shared.getMetaData();
        check("getColumns has its 24 columns", () -> columns(meta.getColumns("squadron", "public", "lineitem", "%"), "TABLE_CAT",
                "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "BUFFER_LENGTH",
                "DECIMAL_DIGITS", "NUM_PREC_RADIX", "NULLABLE", "REMARKS", "COLUMN_DEF", "SQL_DATA_TYPE", "SQL_DATETIME_SUB",
                "CHAR_OCTET_LENGTH", "ORDINAL_POSITION", "IS_NULLABLE", "SCOPE_CATALOG", "SCOPE_SCHEMA", "SCOPE_TABLE",
                "SOURCE_DATA_TYPE", "IS_AUTOINCREMENT", "IS_GENERATEDCOLUMN"));
        check("getColumns: all 24 of every column of every table can be read", () -> {
            try (ResultSet result = meta.getColumns(null, null, null, null)) {
                int count = 0;
                while (result.next()) {
                    count++;
                    for (int i = 1; i <= 24; i++) result.getObject(i);
                    yes(result.getString("TYPE_NAME") != null, "no TYPE_NAME of " + result.getString("COLUMN_NAME"));
                    result.getInt("DATA_TYPE");
                    result.getInt("COLUMN_SIZE");
                    yes(!result.wasNull(), "no COLUMN_SIZE of " + result.getString("COLUMN_NAME"));
                    result.getInt("DECIMAL_DIGITS");
                    yes(!result.wasNull(), "no DECIMAL_DIGITS of " + result.getString("COLUMN_NAME"));
                    result.getString("REMARKS");
                    result.getString("COLUMN_DEF");
                    yes(Set.of("YES", "NO").contains(result.getString("IS_AUTOINCREMENT")), "IS_AUTOINCREMENT is "
                            + result.getString("IS_AUTOINCREMENT"));
                    result.getString("IS_GENERATEDCOLUMN");
                }
                return count + " columns";
            }
        });
        check("getColumns(lineitem): names, types, sizes, positions", () -> {
            String[] wanted = {"l_orderkey|-5|BIGINT|19|0|1", "l_partkey|-5|BIGINT|19|0|2", "l_suppkey|-5|BIGINT|19|0|3",
                "l_linenumber|4|INTEGER|10|0|4", "l_quantity|3|DECIMAL|15|2|5", "l_extendedprice|3|DECIMAL|15|2|6",
                "l_discount|3|DECIMAL|15|2|7", "l_tax|3|DECIMAL|15|2|8", "l_returnflag|12|VARCHAR|*|0|9",
                "l_linestatus|12|VARCHAR|*|0|10", "l_shipdate|91|DATE|10|0|11", "l_commitdate|91|DATE|10|0|12",
                "l_receiptdate|91|DATE|10|0|13", "l_shipinstruct|12|VARCHAR|*|0|14", "l_shipmode|12|VARCHAR|*|0|15",
                "l_comment|12|VARCHAR|*|0|16"};
            try (ResultSet result = meta.getColumns("squadron", "public", "lineitem", null)) {
                int at = 0;
                while (result.next()) {
                    String size = result.getInt("DATA_TYPE") == Types.VARCHAR ? "*" : result.getString("COLUMN_SIZE");
                    is("column " + at, String.join("|", result.getString("COLUMN_NAME"), result.getString("DATA_TYPE"),
                            result.getString("TYPE_NAME"), size, result.getString("DECIMAL_DIGITS"),
                            result.getString("ORDINAL_POSITION")), wanted[at++]);
                }
                is("columns", at, wanted.length);
            }
            return "";
        });
        check("getColumns: NULLABLE and IS_NULLABLE are those of information_schema", () -> {
            Map<String, String> nullable = new LinkedHashMap<>();
            for (List<String> row : query("SELECT table_name, column_name, is_nullable FROM information_schema.columns WHERE table_schema = 'public'"))
                nullable.put(row.get(0) + "." + row.get(1), row.get(2));
            List<String> wrong = new ArrayList<>();
            try (ResultSet result = meta.getColumns(null, "public", "%", "%")) {
                while (result.next()) {
                    String name = result.getString("TABLE_NAME") + "." + result.getString("COLUMN_NAME");
                    String told = result.getString("IS_NULLABLE");
                    is("NULLABLE of " + name, result.getInt("NULLABLE"), told.equals("YES") ? 1 : 0);
                    if (!told.equals(nullable.get(name))) wrong.add(name + ": " + told + ", information_schema says "
                            + nullable.get(name));
                }
            }
            yes(wrong.isEmpty(), wrong.size() + " columns differ, first " + (wrong.isEmpty() ? "" : wrong.get(0)));
            return nullable.size() + " columns";
        });
        check("getColumns by patterns", () -> {
            is("l_%key", named(meta.getColumns(null, null, "lineitem", "l_%key"), "COLUMN_NAME"), List.of("l_orderkey",
                    "l_partkey", "l_suppkey"));
            is("of no table", rows(meta.getColumns(null, null, "nope", null)).size(), 0);
            is("of tables by pattern", new TreeSet<>(named(meta.getColumns(null, "public", "_ation", "%name"),
                    "TABLE_NAME")), new TreeSet<>(Set.of("nation")));
            return "";
        });
        check("getColumns of tables by escaped patterns", () -> {
            is("t\\_a", new TreeSet<>(named(meta.getColumns(null, "public", "t\\_a", "%"), "TABLE_NAME")),
                    new TreeSet<>(Set.of("t_a")));
            is("pct\\%name", rows(meta.getColumns(null, "public", "pct\\%name", "%")).size(), 1);
            is("Mixed Case", named(meta.getColumns(null, "public", "Mixed Case", "%"), "COLUMN_NAME"), List.of("Spaced Col",
                    "quote\"d", "dot.ted", "a_b", "aXb"));
            return "";
        });
        limit("getColumns by an escaped column pattern (the driver takes the escape for a letter)", "wanted '[a_b]'", () -> {
            is("a\\_b", named(meta.getColumns(null, "public", "Mixed Case", "a\\_b"), "COLUMN_NAME"), List.of("a_b"));
            return "";
        });
        check("getColumns(all_types): DATA_TYPE, TYPE_NAME, COLUMN_SIZE, DECIMAL_DIGITS of every type", () -> {
            String[] wanted = {"c_bool 16 BOOLEAN 1 0", "c_i8 -6 TINYINT 3 0", "c_i16 5 SMALLINT 5 0", "c_i32 4 INTEGER 10 0",
                "c_i64 -5 BIGINT 19 0", "c_f32 6 FLOAT 7 0", "c_f64 8 DOUBLE 15 0", "c_dec 3 DECIMAL 15 2",
                "c_dec38 3 DECIMAL 38 10", "c_dec76 3 DECIMAL 76 10", "c_str 12 VARCHAR * 0", "c_lstr 12 VARCHAR * 0",
                "c_sview 12 VARCHAR * 0", "c_bin -3 VARBINARY * 0", "c_fsb -2 BINARY 4 0", "c_bview -3 VARBINARY * 0",
                "c_date 91 DATE 10 0", "c_time_ms 92 TIME 12 3", "c_time_us 92 TIME 15 6", "c_ts_ms 93 TIMESTAMP 23 3",
                "c_ts_us 93 TIMESTAMP 26 6", "c_ts_ns 93 TIMESTAMP 29 9", "c_tz_utc 93 TIMESTAMP 26 6",
                "c_tz_berlin 93 TIMESTAMP 26 6", "c_dict 12 VARCHAR * 0", "c_list 2003 ARRAY * 0",
                "c_struct 2000 STRUCT * 0", "c_map 2000 MAP * 0"};
            Map<String, String> found = new LinkedHashMap<>();
            try (ResultSet result = meta.getColumns(null, "public", "all\\_types", "%")) {
                while (result.next()) {
                    boolean open = result.getInt("COLUMN_SIZE") > 1000;
                    found.put(result.getString("COLUMN_NAME"), String.join(" ", result.getString("COLUMN_NAME"),
                            result.getString("DATA_TYPE"), result.getString("TYPE_NAME"),
                            open ? "*" : result.getString("COLUMN_SIZE"), result.getString("DECIMAL_DIGITS")));
                }
            }
            for (String row : wanted) is(row, found.get(row.split(" ")[0]), row);
            return found.size() + " columns";
        });
        check("getColumns(all_types): unsigned columns have a DATA_TYPE that holds their values", () -> {
            Map<String, Integer> wanted = Map.of("c_u8", Types.SMALLINT, "c_u16", Types.INTEGER, "c_u32", Types.BIGINT,
                    "c_u64", Types.DECIMAL);
            List<String> wrong = new ArrayList<>();
            try (ResultSet result = meta.getColumns(null, "public", "all\\_types", "c\\_u%".replace("\\", ""))) {
                while (result.next()) {
                    String name = result.getString("COLUMN_NAME");
                    if (wanted.get(name) != result.getInt("DATA_TYPE")) wrong.add(name + " is " + result.getInt("DATA_TYPE")
                            + " (" + result.getString("TYPE_NAME") + "), wanted " + wanted.get(name));
                }
            }
            yes(wrong.isEmpty(), "" + wrong);
            return "";
        });
        check("getColumns agrees with the columns of a result", () -> {
            List<String> wrong = new ArrayList<>();
            for (String table : List.of("lineitem", "all_types")) {
                Map<String, Integer> told = new LinkedHashMap<>();
                try (ResultSet result = meta.getColumns(null, "public", table.replace("_", "\\_"), "%")) {
                    while (result.next()) told.put(result.getString("COLUMN_NAME"), result.getInt("DATA_TYPE"));
                }
                try (Statement statement = shared.createStatement();
                        ResultSet result = statement.executeQuery("SELECT * FROM " + table + " LIMIT 1")) {
                    ResultSetMetaData columns = result.getMetaData();
                    is("columns of " + table, columns.getColumnCount(), told.size());
                    for (int i = 1; i <= columns.getColumnCount(); i++)
                        if (told.get(columns.getColumnName(i)) != columns.getColumnType(i)) wrong.add(columns.getColumnName(i));
                }
            }
            yes(wrong.isEmpty(), "types differ: " + wrong);
            return "";
        });
    }
}
