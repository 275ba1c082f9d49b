/** Cancelling and timeouts. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

final class Cancelling {
    private Cancelling() {}

    /** Takes minutes, and gives one row. */
    private static final String LONG = "SELECT count(*) FROM lineitem a CROSS JOIN lineitem b CROSS JOIN nation c "
            + "WHERE a.l_comment || b.l_comment < c.n_comment";
    /** Takes minutes, and gives rows all the time, but not so many that they fill a disk. */
    private static final String MANY = "SELECT a.l_orderkey, b.l_orderkey, a.l_comment "
            + "FROM lineitem a CROSS JOIN lineitem b WHERE (a.l_orderkey * 31 + b.l_orderkey * 17) % 20 = 0";

    private static double cpuSeconds() throws Exception {
        double ticks = 0;
        for (long pid : PROCESSES) {
            String[] stat = Files.readString(Path.of("/proc/" + pid + "/stat")).replaceFirst(".*\\) ", "").split(" ");
            ticks += Long.parseLong(stat[11]) + Long.parseLong(stat[12]);
        }
        return ticks / 100;
    }

    private static String idle() throws Exception {
        if (PROCESSES.isEmpty()) return "";
        long begin = System.nanoTime();
        while (true) {
            double before = cpuSeconds();
            Thread.sleep(1000);
            double used = cpuSeconds() - before;
            double after = (System.nanoTime() - begin) / 1e9;
            if (used < 0.3) return String.format("; the server is idle %.0f s later", after - 1);
            if (after > 15) fail(String.format("the server still uses %.1f cores %.0f s later", used, after));
        }
    }

    static void run() {
        check("Statement.cancel while the first row is waited for", () -> cancelled(LONG, false, shared.createStatement()));
        check("Statement.cancel of a prepared statement", () -> {
            PreparedStatement statement = shared.prepareStatement(LONG + " AND a.l_linenumber > ?");
            statement.setInt(1, 0);
            return cancelled(null, false, statement);
        });
        check("Statement.cancel while rows are read", () -> cancelled(MANY, true, shared.createStatement()));
        check("ResultSet.close in the middle ends the query", () -> {
            try (Statement statement = shared.createStatement()) {
                ResultSet result = statement.executeQuery(MANY);
                for (int i = 0; i < 1000; i++) yes(result.next(), "no row");
                long begin = System.nanoTime();
                result.close();
                return quickly(begin, 5) + idle();
            }
        });
        limit("Connection.close with a result that is read (18.3 leaves the stream open)",
                "Failed to clean up client resources", () -> {
            Connection connection = open("");
            ResultSet result = connection.createStatement().executeQuery(MANY);
            for (int i = 0; i < 1000; i++) yes(result.next(), "no row");
            try {
                connection.close();
            } finally {
                result.close();
            }
            return idle();
        });
        limit("a Statement can be used again after cancel (the driver's remembers it)", "Statement canceled", () -> {
            try (Statement statement = shared.createStatement()) {
                ResultSet result = statement.executeQuery(MANY);
                yes(result.next(), "no row");
                statement.cancel();
                is("rows", rows(statement.executeQuery("SELECT count(*) FROM nation")), List.of(List.of("25")));
                return "";
            }
        });
        check("another statement after cancel", () -> {
            is("rows", value("SELECT count(*) FROM nation"), "25");
            return "" + idle();
        });
        check("setQueryTimeout(1) ends a query without rows", () -> {
            String end = null;
            try (Statement statement = shared.createStatement()) {
                statement.setQueryTimeout(1);
                is("getQueryTimeout", statement.getQueryTimeout(), 1);
                long begin = System.nanoTime();
                try {
                    statement.executeQuery(LONG);
                } catch (SQLException error) {
                    end = quickly(begin, 5) + why(error);
                }
            }
            yes(end != null && end.contains("timed out"), "it ended with " + end);
            // Closing the statement closes what it has not read, which ends the query.
            return end + idle();
        });
        check("setQueryTimeout(20) lets a short query through", () -> {
            try (Statement statement = shared.createStatement()) {
                statement.setQueryTimeout(20);
                is("rows", rows(statement.executeQuery("SELECT * FROM nation")).size(), 25);
                return "";
            }
        });
        check("squadron.query_timeout as a property ends a query on the server", () -> {
            try (Connection connection = open("squadron.query_timeout=2s")) {
                long begin = System.nanoTime();
                String why = refused("TIMED_OUT", () -> query(connection, LONG), "squadron.query_timeout");
                return quickly(begin, 8) + why + idle();
            }
        });
        check("the connection is good afterwards", () -> {
            is("rows", value("SELECT count(*) FROM nation"), "25");
            return "";
        });
    }

    private static String quickly(long begin, double most) {
        double took = (System.nanoTime() - begin) / 1e9;
        yes(took < most, "it took " + took + " s");
        return String.format("%.1f s: ", took);
    }

    /** Runs a query on a thread, cancels it from this one, and sees that it ends, here and on the server. */
    private static String cancelled(String sql, boolean reading, Statement statement) throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        String[] end = {null};
        Thread thread = new Thread(() -> {
            try {
                ResultSet result = sql == null ? ((PreparedStatement) statement).executeQuery() : statement.executeQuery(sql);
                while (result.next()) {
                    result.getObject(1);
                    begun.countDown();
                }
                end[0] = "ended without an error";
            } catch (Throwable error) {
                end[0] = why(error);
            }
        });
        thread.setDaemon(true);
        thread.start();
        if (reading) yes(begun.await(60, TimeUnit.SECONDS), "no row in a minute");
        // Before its GetFlightInfo has been answered the driver has nothing to cancel, and forgets that it was asked to.
        else underway(statement);
        yes(end[0] == null, "it was over already: " + end[0]);
        long begin = System.nanoTime();
        statement.cancel();
        thread.join(10_000);
        yes(!thread.isAlive(), "cancel has returned, and the query goes on");
        yes(!end[0].equals("ended without an error"), "the reader was told that all is well");
        String took = quickly(begin, 5);
        try {
            statement.close();
        } catch (SQLException | RuntimeException drivers) {
            // 18.3 gives the buffers of a cancelled stream back twice, if its reader had one in hand.
            yes(why(drivers).contains("RefCnt has gone negative"), why(drivers));
        }
        return took + end[0] + idle();
    }

    private static void underway(Statement statement) throws Exception {
        long begin = System.nanoTime();
        while (statement.getResultSet() == null) {
            yes(System.nanoTime() - begin < 60e9, "no FlightInfo in a minute");
            Thread.sleep(50);
        }
    }
}
