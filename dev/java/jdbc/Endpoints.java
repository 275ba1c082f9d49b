/** Results of many endpoints: every value of every row, held against another engine. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.io.IOException;
import java.lang.reflect.Field;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

final class Endpoints {
    private Endpoints() {}

    /** Rows, and a checksum that does not depend on their order. */
    record Sum(long rows, long checksum) {
        static final Sum NONE = new Sum(0, 0);

        Sum and(String row) {
            long hash = 1125899906842597L;
            for (int i = 0; i < row.length(); i++) hash = 31 * hash + row.charAt(i);
            return new Sum(rows + 1, checksum + (hash * 0x9E3779B97F4A7C15L ^ hash >>> 29));
        }
    }

    /** What another engine has for a query: a line a row, each value before a bar. */
    private static Sum truth(String query) throws IOException {
        Sum sum = Sum.NONE;
        for (String row : Files.readAllLines(Path.of(truth, query + ".txt"))) sum = sum.and(row + "|");
        yes(sum.rows > 0, "no rows of " + query);
        return sum;
    }

    static Sum sum(ResultSet result) throws SQLException {
        int columns = result.getMetaData().getColumnCount();
        Sum sum = Sum.NONE;
        StringBuilder row = new StringBuilder();
        while (result.next()) {
            row.setLength(0);
            for (int i = 1; i <= columns; i++) row.append(result.getString(i)).append('|');
            sum = sum.and(row.toString());
        }
        return sum;
    }

    static Sum sum(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            return sum(result);
        }
    }

    /** How many endpoints the result has, and where they are: the driver keeps its FlightInfo to itself. */
    static List<String> endpointsOf(ResultSet result) throws ReflectiveOperationException {
        Field field = result.getClass().getDeclaredField("flightInfo");
        field.setAccessible(true);
        Object info = field.get(result);
        List<String> all = new ArrayList<>();
        for (Object endpoint : (List<?>) info.getClass().getMethod("getEndpoints").invoke(info))
            all.add(String.valueOf(endpoint.getClass().getMethod("getLocations").invoke(endpoint)));
        return all;
    }

    private static final String DISTRIBUTED = "squadron.execution_mode=distributed&squadron.endpoints=all";
    private static final String LINEITEM = "SELECT * FROM lineitem";
    private static final String ORDERED = "SELECT l_orderkey, l_linenumber FROM lineitem ORDER BY l_orderkey, l_linenumber";

    static void run() throws Exception {
        Sum lineitem = truth("lineitem");
        check("endpoints of lineitem", () -> {
            try (Connection connection = open(DISTRIBUTED); Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery(LINEITEM)) {
                List<String> all = endpointsOf(result);
                is("endpoints of " + all, all.size(), nodes);
                return all;
            }
        });
        for (String more : List.of("", DISTRIBUTED, DISTRIBUTED + "&threadPoolSize=4", DISTRIBUTED + "&squadron.locations=proxy",
                DISTRIBUTED + "&squadron.delivery=staged", DISTRIBUTED + "&useClientCache=false",
                "squadron.endpoints=one&squadron.execution_mode=distributed", DISTRIBUTED + "&retainCookies=false",
                DISTRIBUTED + "&squadron.frame_bytes=1048576")) {
            String name = more.isEmpty() ? "as it comes" : more.replace(DISTRIBUTED, "distributed, all endpoints");
            check("every value of lineitem, " + name, () -> {
                try (Connection connection = open(more)) {
                    is("lineitem", sum(connection, LINEITEM), lineitem);
                    return "";
                }
            });
        }
        joins();
        check("a prepared statement with parameters over all endpoints", () -> {
            try (Connection connection = open(DISTRIBUTED);
                    PreparedStatement statement = connection.prepareStatement("SELECT * FROM lineitem WHERE l_quantity > ?")) {
                for (String from : List.of("0.00", "25.00", "0.00")) {
                    statement.setBigDecimal(1, new BigDecimal(from));
                    is("over " + from, sum(statement.executeQuery()), from.equals("0.00") ? lineitem : truth("large"));
                }
                return "";
            }
        });
        check("ORDER BY keeps its order", () -> ordered(DISTRIBUTED, nodes, lineitem.rows));
        check("ORDER BY keeps its order with four threads, where the server chooses", () ->
                ordered("squadron.execution_mode=distributed&threadPoolSize=4", 1, lineitem.rows));
        partly();
    }

    private static void joins() throws Exception {
        check("a join over all endpoints", () -> {
            try (Connection connection = open(DISTRIBUTED)) {
                is("join", sum(connection, "SELECT o_orderkey, o_orderpriority, l_linenumber, l_extendedprice "
                        + "FROM orders JOIN lineitem ON o_orderkey = l_orderkey WHERE l_quantity > 30"), truth("join"));
                return "";
            }
        });
    }

    private static Object ordered(String more, int endpoints, long wanted) throws Exception {
        try (Connection connection = open(more); Statement statement = connection.createStatement();
                ResultSet result = statement.executeQuery(ORDERED)) {
            List<String> all = endpointsOf(result);
            is("endpoints", all.size(), endpoints);
            long before = Long.MIN_VALUE;
            long rows = 0;
            while (result.next()) {
                long at = result.getLong(1) * 10 + result.getLong(2);
                yes(at > before, "row " + rows + " is out of order");
                before = at;
                rows++;
            }
            is("rows", rows, wanted);
            return all;
        }
    }

    /** What is not read to its end, or has none. */
    private static void partly() {
        check("a few rows of many endpoints, the rest never", () -> {
            for (int i = 0; i < 5; i++) {
                try (Connection connection = open(DISTRIBUTED); Statement statement = connection.createStatement();
                        ResultSet result = statement.executeQuery(LINEITEM)) {
                    yes(result.next(), "no row");
                }
            }
            is("the server afterwards", value("SELECT 1"), "1");
            return "";
        });
        check("setMaxRows over many endpoints", () -> {
            try (Connection connection = open(DISTRIBUTED); Statement statement = connection.createStatement()) {
                statement.setMaxRows(100);
                is("rows", sum(statement.executeQuery(LINEITEM)).rows, 100L);
                return "";
            }
        });
        check("an empty result over many endpoints", () -> {
            try (Connection connection = open(DISTRIBUTED); Statement statement = connection.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM lineitem WHERE l_quantity < 0")) {
                yes(result.getMetaData().getColumnCount() >= 16, result.getMetaData().getColumnCount() + " columns");
                yes(!result.next(), "a row");
                return "";
            }
        });
        check("an error while it runs over many endpoints", () -> {
            String last = value("SELECT max(l_orderkey) FROM lineitem");
            try (Connection connection = open(DISTRIBUTED)) {
                return refused("INVALID_ARGUMENT", () -> sum(connection, "SELECT 1 / (l_orderkey - " + last
                        + ") FROM lineitem"), "ivi");
            }
        });
    }
}
