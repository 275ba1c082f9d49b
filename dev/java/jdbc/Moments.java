/** Dates, times and instants: how they look must not depend on the zone of the JVM, where the driver lets it. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Date;
import java.sql.ResultSet;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.List;
import java.util.TimeZone;

final class Moments {
    private Moments() {}

    private static final boolean UTC = TimeZone.getDefault().getRawOffset() == 0;

    static void run() {
        String[][] dates = {{"2024-02-29", "2024-02-29"}, {"0001-01-01", "0001-01-01"}, {"1500-03-01", "1500-03-01"},
                {"9999-12-31", "9999-12-31"}, {"1969-12-31", "1969-12-31"}};
        for (String[] date : dates) {
            check("date " + date[0], () -> {
                try (Statement statement = shared.createStatement();
                        ResultSet result = statement.executeQuery("SELECT DATE '" + date[0] + "'")) {
                    yes(result.next(), "no row");
                    is("getColumnType", result.getMetaData().getColumnType(1), Types.DATE);
                    is("getDate", result.getDate(1).toString(), date[1]);
                    is("getObject", result.getObject(1).toString(), date[1]);
                    is("getString", result.getString(1), date[0]);
                    return result.getObject(1).getClass().getSimpleName();
                }
            });
        }
        check("date: getObject(LocalDate.class)", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT DATE '2024-02-29'")) {
                yes(result.next(), "no row");
                is("LocalDate", result.getObject(1, LocalDate.class), LocalDate.parse("2024-02-29"));
                return "";
            }
        });
        check("date 64", () -> {
            is("text", value("SELECT arrow_cast(DATE '2024-02-29', 'Date64')"), "2024-02-29");
            return "";
        });
        for (String unit : new String[] {"Time32(Second)", "Time32(Millisecond)", "Time64(Microsecond)", "Time64(Nanosecond)"}) {
            check("time " + unit, () -> {
                try (Statement statement = shared.createStatement();
                        ResultSet result = statement.executeQuery("SELECT arrow_cast('12:34:56', '" + unit + "')")) {
                    yes(result.next(), "no row");
                    is("getColumnType", result.getMetaData().getColumnType(1), Types.TIME);
                    return result.getObject(1).getClass().getSimpleName();
                }
            });
            Body asJavaSql = () -> {
                try (Statement statement = shared.createStatement();
                        ResultSet result = statement.executeQuery("SELECT arrow_cast('12:34:56', '" + unit + "')")) {
                    yes(result.next(), "no row");
                    is("getTime", result.getTime(1).toString().substring(0, 8), "12:34:56");
                    is("LocalTime", result.getObject(1, LocalTime.class).toString(), "12:34:56");
                    is("getString", result.getString(1).substring(0, 8), "12:34:56");
                    return "";
                }
            };
            if (UTC) check("time " + unit + ": getTime, getString", asJavaSql);
            else limit("time " + unit + ": getTime, getString in another zone (the driver shifts them)",
                    "wanted '12:34:56'", asJavaSql);
        }
        String[][] stamps = {{"Second", ""}, {"Millisecond", ".789"}, {"Microsecond", ".789012"}, {"Nanosecond", ".789012345"}};
        for (String[] stamp : stamps) {
            LocalDateTime wanted = LocalDateTime.parse("2024-02-29T12:34:56" + stamp[1]);
            String sql = "SELECT arrow_cast('2024-02-29T12:34:56" + stamp[1] + "', 'Timestamp(" + stamp[0] + ", None)')";
            check("timestamp " + stamp[0], () -> {
                try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(sql)) {
                    yes(result.next(), "no row");
                    is("getColumnType", result.getMetaData().getColumnType(1), Types.TIMESTAMP);
                    is("LocalDateTime", result.getObject(1, LocalDateTime.class), wanted);
                    is("getString", result.getString(1), Timestamp.valueOf(wanted).toString());
                    return "";
                }
            });
            Body asJavaSql = () -> {
                try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(sql)) {
                    yes(result.next(), "no row");
                    is("getTimestamp", result.getTimestamp(1).toLocalDateTime(), wanted);
                    is("getObject", ((Timestamp) result.getObject(1)).toLocalDateTime(), wanted);
                    return "";
                }
            };
            if (UTC) check("timestamp " + stamp[0] + ": getTimestamp, getObject", asJavaSql);
            else limit("timestamp " + stamp[0] + ": getTimestamp, getObject in another zone (the driver shifts them)",
                    "wanted '" + wanted, asJavaSql);
            for (String zone : List.of("UTC", "+05:30", "Europe/Berlin")) {
                String instant = "arrow_cast('2024-02-29T12:34:56" + stamp[1] + "Z', 'Timestamp(" + stamp[0] + ", Some(\""
                        + zone + "\"))')";
                zoned(stamp[0] + " " + zone, "SELECT " + instant, wanted);
            }
        }
        check("timestamps far away", () -> {
            is("1901", value("SELECT arrow_cast('1901-02-28T12:34:56.789012345', 'Timestamp(Nanosecond, None)')"),
                    "1901-02-28 12:34:56.789012345");
            is("0001", value("SELECT arrow_cast('0001-01-01T00:00:00', 'Timestamp(Microsecond, None)')"),
                    "0001-01-01 00:00:00.0");
            is("9999", value("SELECT arrow_cast('9999-12-31T23:59:59.999999', 'Timestamp(Microsecond, None)')"),
                    "9999-12-31 23:59:59.999999");
            is("before 1970", value("SELECT arrow_cast('1969-12-31T23:59:59.9995', 'Timestamp(Microsecond, None)')"),
                    "1969-12-31 23:59:59.9995");
            return "";
        });
        Body now = () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT now(), current_timestamp, current_date")) {
                yes(result.next(), "no row");
                for (int i = 1; i <= 2; i++) {
                    long apart = Math.abs(((Timestamp) result.getObject(i)).getTime() - System.currentTimeMillis());
                    yes(apart < 60_000, "apart from this machine's is " + apart + " ms");
                }
                yes(result.getObject(3) instanceof Date, show(result.getObject(3)));
                return result.getObject(1);
            }
        };
        if (UTC) check("now() through getObject, as DBeaver reads", now);
        else limit("now() through getObject in another zone (the driver shifts it)", "apart from this machine's", now);
    }

    /** An instant is told as what it is in UTC: a column of that type would have no getObject in this driver. */
    private static void zoned(String name, String sql, LocalDateTime wanted) {
        check("instant " + name, () -> {
            try (Statement statement = shared.createStatement(); ResultSet result = statement.executeQuery(sql)) {
                yes(result.next(), "no row");
                is("getColumnType", result.getMetaData().getColumnType(1), Types.TIMESTAMP);
                is("LocalDateTime", result.getObject(1, LocalDateTime.class), wanted);
                is("getString", result.getString(1), Timestamp.valueOf(wanted).toString());
                if (UTC) is("getObject", ((Timestamp) result.getObject(1)).toLocalDateTime(), wanted);
                return "";
            }
        });
    }
}
