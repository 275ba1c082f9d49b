/** Parameters of prepared statements. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.math.BigDecimal;
import java.sql.Date;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

final class Parameters {
    private Parameters() {}

    /** Binds values. */
    interface Setter {
        void set(PreparedStatement statement) throws Exception;
    }

    static void param(String name, String sql, Setter setter, String... wanted) {
        check(name, () -> bind(sql, setter, wanted));
    }

    static Object bind(String sql, Setter setter, String... wanted) throws Exception {
        try (PreparedStatement statement = shared.prepareStatement(sql)) {
            setter.set(statement);
            List<String> found = new ArrayList<>();
            for (List<String> row : rows(statement.executeQuery())) found.add(row.get(0));
            is("rows", found, Arrays.asList(wanted));
            return declared(statement);
        }
    }

    static String declared(PreparedStatement statement) throws SQLException {
        ParameterMetaData meta = statement.getParameterMetaData();
        List<String> types = new ArrayList<>();
        for (int i = 1; i <= meta.getParameterCount(); i++) types.add(meta.getParameterTypeName(i));
        return "" + types;
    }

    static void run() throws Exception {
        check("getParameterMetaData", () -> {
            try (PreparedStatement statement = shared.prepareStatement(
                    "SELECT n_name FROM nation WHERE n_nationkey = ? AND n_name LIKE ? LIMIT ?")) {
                ParameterMetaData meta = statement.getParameterMetaData();
                is("count", meta.getParameterCount(), 3);
                is("type of 1", meta.getParameterType(1), Types.BIGINT);
                is("type of 2", meta.getParameterType(2), Types.VARCHAR);
                is("type of 3", meta.getParameterType(3), Types.BIGINT);
                for (int i = 1; i <= 3; i++) {
                    meta.getParameterClassName(i);
                    meta.getParameterMode(i);
                    meta.getPrecision(i);
                    meta.getScale(i);
                    meta.isNullable(i);
                    meta.isSigned(i);
                }
                return declared(statement);
            }
        });
        String nation = "SELECT n_name FROM nation WHERE n_nationkey = ?";
        param("setInt", nation, s -> s.setInt(1, 6), "FRANCE");
        param("setLong", nation, s -> s.setLong(1, 6), "FRANCE");
        param("setShort", nation, s -> s.setShort(1, (short) 6), "FRANCE");
        param("setByte", nation, s -> s.setByte(1, (byte) 6), "FRANCE");
        param("setObject(Integer)", nation, s -> s.setObject(1, 6), "FRANCE");
        param("setObject(Long, BIGINT)", nation, s -> s.setObject(1, 6L, Types.BIGINT), "FRANCE");
        param("setString", "SELECT n_nationkey FROM nation WHERE n_name = ?", s -> s.setString(1, "FRANCE"), "6");
        param("setString with quotes is no SQL", "SELECT n_nationkey FROM nation WHERE n_name = ?", s -> s.setString(1,
                "' OR '1'='1"));
        param("setString LIKE", "SELECT n_nationkey FROM nation WHERE n_name LIKE ?", s -> s.setString(1, "FR%"), "6");
        param("setDouble", "SELECT count(*) FROM nation WHERE CAST(n_nationkey AS DOUBLE) < ?", s -> s.setDouble(1, 5.5), "6");
        param("setFloat", "SELECT count(*) FROM nation WHERE CAST(n_nationkey AS DOUBLE) < ?", s -> s.setFloat(1, 5.5f), "6");
        param("setBigDecimal", "SELECT count(*) > 0 FROM lineitem WHERE l_discount = ?", s -> s.setBigDecimal(1,
                new BigDecimal("0.05")), "true");
        param("setDate", "SELECT count(*) > 0 FROM lineitem WHERE l_shipdate = ?", s -> s.setDate(1,
                Date.valueOf("1994-01-01")), "true");
        check("setDate finds what a literal finds", () -> {
            String literal = value("SELECT count(*) FROM lineitem WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1994-02-01'");
            return bind("SELECT count(*) FROM lineitem WHERE l_shipdate >= ? AND l_shipdate < ?", s -> {
                s.setDate(1, Date.valueOf("1994-01-01"));
                s.setDate(2, Date.valueOf("1994-02-01"));
            }, literal);
        });
        param("setBoolean", "SELECT count(*) FROM region WHERE (r_regionkey > 2) = ?", s -> s.setBoolean(1, true), "2");
        param("setBytes", "SELECT count(*) FROM region WHERE arrow_cast(r_name, 'Binary') = ?", s -> s.setBytes(1,
                "ASIA".getBytes()), "1");
        param("setTime", "SELECT count(*) FROM region WHERE TIME '12:34:56' = ?", s -> s.setTime(1,
                Time.valueOf("12:34:56")), "5");
        param("setTimestamp", "SELECT count(*) FROM region WHERE TIMESTAMP '2024-02-29 12:34:56.789' = ?", s ->
                s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56.789")), "5");
        for (String unit : new String[] {"Second", "Millisecond", "Microsecond", "Nanosecond"}) {
            param("setTimestamp for a " + unit,
                    "SELECT r_name FROM region WHERE r_regionkey = 0 AND arrow_cast('2024-02-29T12:34:56', 'Timestamp("
                    + unit + ", None)') = ?",
                    s -> s.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:34:56")), "AFRICA");
        }
        for (String unit : new String[] {"Time32(Second)", "Time32(Millisecond)", "Time64(Microsecond)", "Time64(Nanosecond)"}) {
            param("setTime for a " + unit, "SELECT r_name FROM region WHERE r_regionkey = 0 AND arrow_cast('12:34:56', '"
                    + unit + "') = ?",
                    s -> s.setTime(1, Time.valueOf("12:34:56")), "AFRICA");
        }
        param("setNull", "SELECT count(*) FROM nation WHERE n_nationkey = ?", s -> s.setNull(1, Types.BIGINT), "0");
        param("setNull where NULL counts", "SELECT count(*) FROM nation WHERE ? IS NULL", s -> s.setNull(1, Types.VARCHAR), "25");
        param("setObject(null)", "SELECT coalesce(?, 'z')", s -> s.setObject(1, null), "z");
        param("LIMIT ?", "SELECT n_name FROM nation ORDER BY n_name LIMIT ?", s -> s.setInt(1, 2), "ALGERIA", "ARGENTINA");
        param("LIMIT ? OFFSET ?", "SELECT n_name FROM nation ORDER BY n_name LIMIT ? OFFSET ?", s -> {
            s.setInt(1, 1);
            s.setInt(2, 2);
        }, "BRAZIL");
        param("IN (?, ?)", "SELECT n_name FROM nation WHERE n_nationkey IN (?, ?) ORDER BY 1", s -> {
            s.setInt(1, 6);
            s.setInt(2, 7);
        }, "FRANCE", "GERMANY");
        param("BETWEEN ? AND ?", "SELECT count(*) FROM nation WHERE n_nationkey BETWEEN ? AND ?", s -> {
            s.setInt(1, 6);
            s.setInt(2, 7);
        }, "2");
        param("order of ? in an expression", "SELECT CASE WHEN ? > 1 THEN ? ELSE ? END", s -> {
            s.setInt(1, 2);
            s.setString(2, "a");
            s.setString(3, "b");
        }, "a");
        param("more than nine ?", "SELECT concat(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", s -> {
            for (int i = 1; i <= 12; i++) s.setString(i, Integer.toString(i, 36));
        }, "123456789abc");
        param("$n", "SELECT n_name FROM nation WHERE n_regionkey = $2 AND n_nationkey = $1", s -> {
            s.setInt(1, 6);
            s.setInt(2, 3);
        }, "FRANCE");
        param("? in text, names and comments are none",
                "SELECT '?' || n_name AS \"?\" /* ? */ FROM nation -- ?\n WHERE n_nationkey = ?", s -> s.setInt(1, 6), "?FRANCE");
        param("? in a UNION", nation + " UNION ALL SELECT r_name FROM region WHERE r_regionkey = ? ORDER BY 1 DESC", s -> {
            s.setInt(1, 6);
            s.setInt(2, 3);
        }, "FRANCE", "EUROPE");
        param("? in a subquery",
                "SELECT count(*) FROM nation WHERE n_regionkey = (SELECT r_regionkey FROM region WHERE r_name = ?)", s ->
                s.setString(1, "EUROPE"), "5");
        param("? in HAVING",
                "SELECT count(*) FROM (SELECT n_regionkey FROM nation GROUP BY n_regionkey HAVING count(*) = ?)", s ->
                s.setInt(1, 5), "5");
        param("? + 1", "SELECT ? + 1", s -> s.setInt(1, 2), "3");
        param("EXPLAIN of ?", "SELECT 1 WHERE 'x' = ?", s -> s.setString(1, "x"), "1");
        param("SELECT ? of text", "SELECT ?", s -> s.setString(1, "x"), "x");
        check("executed again with other values", () -> {
            try (PreparedStatement statement = shared.prepareStatement(nation)) {
                String[] wanted = {"ALGERIA", "ARGENTINA", "BRAZIL", "CANADA"};
                for (int i = 0; i < wanted.length; i++) {
                    statement.setInt(1, i);
                    is("row of " + i, rows(statement.executeQuery()), List.of(List.of(wanted[i])));
                }
                statement.setNull(1, Types.BIGINT);
                is("rows of NULL", rows(statement.executeQuery()).size(), 0);
                statement.setInt(1, 6);
                is("rows after NULL", rows(statement.executeQuery()), List.of(List.of("FRANCE")));
                statement.clearParameters();
                statement.setInt(1, 7);
                is("rows after clearParameters", rows(statement.executeQuery()), List.of(List.of("GERMANY")));
                return "";
            }
        });
        check("executed again without new values", () -> {
            try (PreparedStatement statement = shared.prepareStatement(nation)) {
                statement.setInt(1, 6);
                for (int i = 0; i < 3; i++) is("row", rows(statement.executeQuery()), List.of(List.of("FRANCE")));
                return "";
            }
        });
        check("a prepared statement without parameters, again and again", () -> {
            try (PreparedStatement statement = shared.prepareStatement("SELECT count(*) FROM nation")) {
                for (int i = 0; i < 3; i++) is("row", rows(statement.executeQuery()), List.of(List.of("25")));
                return "";
            }
        });
        check("two prepared statements do not mix their values", () -> {
            try (PreparedStatement a = shared.prepareStatement(nation); PreparedStatement b = shared.prepareStatement(nation)) {
                a.setInt(1, 6);
                b.setInt(1, 7);
                ResultSet ofA = a.executeQuery();
                ResultSet ofB = b.executeQuery();
                yes(ofA.next() && ofB.next(), "no rows");
                is("of a", ofA.getString(1), "FRANCE");
                is("of b", ofB.getString(1), "GERMANY");
                return "";
            }
        });
        check("execute() and getResultSet()", () -> {
            try (PreparedStatement statement = shared.prepareStatement(nation)) {
                statement.setInt(1, 6);
                yes(statement.execute(), "no result set");
                is("row", rows(statement.getResultSet()), List.of(List.of("FRANCE")));
                is("getUpdateCount", statement.getUpdateCount(), -1);
                return "";
            }
        });
        check("an ordinal that there is not", () -> {
            try (PreparedStatement statement = shared.prepareStatement(nation)) {
                statement.setInt(2, 1);
            } catch (SQLException error) {
                yes(error.getMessage().contains("ordinal"), why(error));
                return why(error);
            }
            fail("taken");
            return "";
        });
    }
}
