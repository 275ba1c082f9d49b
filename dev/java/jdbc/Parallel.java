/** Side by side. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

final class Parallel {
    private Parallel() {}

    static void run() {
        check("two results of one connection, row by row", () -> {
            try (Statement a = shared.createStatement(); Statement b = shared.createStatement();
                    ResultSet ofA = a.executeQuery("SELECT l_orderkey FROM lineitem ORDER BY l_orderkey, l_linenumber");
                    ResultSet ofB = b.executeQuery("SELECT o_orderkey FROM orders ORDER BY o_orderkey")) {
                for (int i = 0; i < 10_000; i++) yes(ofA.next() && ofB.next(), "no row " + i);
                return ofA.getLong(1) + " " + ofB.getLong(1);
            }
        });
        check("two statements of one connection on two threads", () -> {
            ExecutorService threads = Executors.newFixedThreadPool(2);
            try {
                Future<String> a = threads.submit(() -> value("SELECT sum(l_orderkey) FROM lineitem"));
                Future<String> b = threads.submit(() -> value("SELECT sum(o_orderkey) FROM orders"));
                String ofA = a.get(60, TimeUnit.SECONDS);
                String ofB = b.get(60, TimeUnit.SECONDS);
                is("of a", ofA, value("SELECT sum(l_orderkey) FROM lineitem"));
                is("of b", ofB, value("SELECT sum(o_orderkey) FROM orders"));
                return "";
            } finally {
                threads.shutdownNow();
            }
        });
        check("eight connections at once, ten queries each", () -> {
            ExecutorService threads = Executors.newFixedThreadPool(8);
            try {
                List<Future<Integer>> all = new ArrayList<>();
                for (int t = 0; t < 8; t++) {
                    all.add(threads.submit(() -> {
                        try (Connection connection = open("")) {
                            for (int i = 0; i < 10; i++) is("rows", value(connection,
                                    "SELECT count(*) FROM nation WHERE n_nationkey >= " + i), "" + (25 - i));
                        }
                        return 1;
                    }));
                }
                for (Future<Integer> each : all) each.get(120, TimeUnit.SECONDS);
                return "";
            } finally {
                threads.shutdownNow();
            }
        });
        check("metadata while a result is read", () -> {
            try (Statement statement = shared.createStatement();
                    ResultSet result = statement.executeQuery("SELECT * FROM lineitem")) {
                yes(result.next(), "no row");
                int tables = rows(shared.getMetaData().getTables(null, null, "%", null)).size();
                yes(result.next(), "no second row");
                return tables + " tables";
            }
        });
    }
}
