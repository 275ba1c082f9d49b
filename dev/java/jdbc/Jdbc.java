/**
 * Checks a Squadron server through the stock Arrow Flight SQL JDBC driver, which it names at no place: any version on
 * the class path will do.
 *
 * <p>The server has the TPC-H tables and those of dev/python/odd_tables.py. {@code cargo dev test} compiles and runs
 * this against clusters of each kind (dev/src/java.rs).
 */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import java.util.logging.LogManager;

final class Jdbc {
    private static final String USAGE = """
            jdbc.Jdbc URL [--nodes N] [--user U --password P --token T] [--truth FOLDER] [--processes N,N] [GROUP …]
              --nodes      how many nodes the server has: so many endpoints has what they read together
              --user …     of the server's users, and a token of theirs; a server without users has none
              --truth      the rows of some queries by another engine
              --processes  those of the server, to see that a cancelled query takes no CPU any more""";

    private Jdbc() {}

    /** Checks of one topic. */
    private interface Group {
        void run() throws Exception;
    }

    private static final Map<String, Group> GROUPS = new LinkedHashMap<>();

    static {
        GROUPS.put("connect", Connecting::run);
        GROUPS.put("metadata", Catalog::run);
        GROUPS.put("columns", Columns::run);
        GROUPS.put("getters", Getters::run);
        GROUPS.put("values", Values::run);
        GROUPS.put("moments", Moments::run);
        GROUPS.put("results", ResultColumns::run);
        GROUPS.put("parameters", Parameters::run);
        GROUPS.put("bound", ParameterTypes::run);
        GROUPS.put("errors", Errors::run);
        GROUPS.put("settings", Settings::run);
        GROUPS.put("tools", Tools::run);
        GROUPS.put("queries", ToolQueries::run);
        GROUPS.put("reading", Reading::run);
        GROUPS.put("parallel", Parallel::run);
        GROUPS.put("endpoints", Endpoints::run);
        GROUPS.put("cancelling", Cancelling::run);
        GROUPS.put("credentials", Credentials::run);
        GROUPS.put("updates", Updates::run);
        GROUPS.put("writing", Writing::run);
        GROUPS.put("spark", Spark::run);
    }

    public static void main(String[] arguments) {
        List<String> chosen = parse(arguments);
        // What the driver logs of an error it throws, too.
        LogManager.getLogManager().reset();
        try (Connection connection = open("")) {
            driver = connection.getMetaData().getDriverVersion();
            System.out.println("JDBC driver " + driver + ", Java " + System.getProperty("java.version") + ", zone "
                    + TimeZone.getDefault().getID() + ", " + url);
        } catch (SQLException cannot) {
            report("FAIL", "connection", why(cannot));
        }
        long begun = System.nanoTime();
        for (String name : failed > 0 ? List.<String>of() : chosen) run(name);
        for (String failure : FAILURES) System.out.println("  " + failure);
        double seconds = (System.nanoTime() - begun) / 1e9;
        String summary = "%d passed, %d failed in %.1fs";
        System.out.println(String.format(Locale.ROOT, summary, passed, failed, seconds));
        // The driver leaves threads behind that would keep the machine running.
        System.exit(failed == 0 ? 0 : 1);
    }

    private static void run(String name) {
        group = name;
        long begun = System.nanoTime();
        try {
            shared = open("");
            GROUPS.get(name).run();
        } catch (Throwable broken) {
            report("FAIL", "group", why(broken));
        }
        System.out.println(String.format(Locale.ROOT, "%s took %.1fs", name, (System.nanoTime() - begun) / 1e9));
        // 18.3 leaks the buffers of a value that it refused to bind, and says so when it closes.
        if (name.equals("bound")) {
            limit("a connection closes that has refused values", "Memory was leaked", () -> {
                shared.close();
                return "";
            });
        } else {
            check("the connection closes", () -> {
                shared.close();
                return "";
            });
        }
    }

    private static List<String> parse(String[] arguments) {
        List<String> chosen = new ArrayList<>();
        for (int i = 0; i < arguments.length; i++) {
            switch (arguments[i]) {
                case "--nodes" -> nodes = Integer.parseInt(arguments[++i]);
                case "--user" -> user = arguments[++i];
                case "--password" -> password = arguments[++i];
                case "--token" -> token = arguments[++i];
                case "--truth" -> truth = arguments[++i];
                case "--processes" -> {
                    for (String process : arguments[++i].split(",")) PROCESSES.add(Long.parseLong(process));
                }
                default -> {
                    if (url == null) url = arguments[i];
                    else if (GROUPS.containsKey(arguments[i])) chosen.add(arguments[i]);
                    else usage("no group '" + arguments[i] + "': there are " + GROUPS.keySet());
                }
            }
        }
        if (url == null) usage("no URL");
        return chosen.isEmpty() ? List.copyOf(GROUPS.keySet()) : chosen;
    }

    private static void usage(String why) {
        System.err.println(why + "\n" + USAGE);
        System.exit(2);
    }
}
