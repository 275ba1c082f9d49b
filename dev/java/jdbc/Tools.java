/** What tools ask about: SHOW, DESCRIBE, EXPLAIN, information_schema, who and where they are. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.util.ArrayList;
import java.util.List;

final class Tools {
    private Tools() {}

    /** Some rows, as many as there are. */
    static final int SOME = -1;

    static void tool(String name, int wanted, String sql) {
        check(name, () -> {
            List<List<String>> rows = query(sql);
            if (wanted == SOME) yes(!rows.isEmpty(), "no rows");
            else is("rows", rows.size(), wanted);
            return rows.size() + " rows" + (rows.isEmpty() ? "" : ", first " + rows.get(0));
        });
    }

    static void run() {
        check("SELECT version()", () -> {
            yes(!value("SELECT version()").isEmpty(), "empty");
            return value("SELECT version()");
        });
        shows();
        tool("DESCRIBE with schema, quoted (Metabase)", 4, "DESCRIBE \"public\".\"nation\"");
        tool("DESCRIBE with catalog", 4, "DESCRIBE squadron.public.nation");
        tool("DESC", 4, "DESC nation");
        tool("EXPLAIN", SOME, "EXPLAIN SELECT count(*) FROM lineitem");
        tool("EXPLAIN ANALYZE", SOME, "EXPLAIN ANALYZE SELECT count(*) FROM lineitem");
        tool("EXPLAIN ANALYZE VERBOSE", SOME, "EXPLAIN ANALYZE VERBOSE SELECT 1");
        schemas();
        generated();
        names();
        tool("FETCH FIRST ROWS ONLY", 2, "SELECT n_name FROM nation ORDER BY n_name FETCH FIRST 2 ROWS ONLY");
        tool("TOP", 2, "SELECT TOP 2 n_name FROM nation ORDER BY n_name");
        tool("SELECT 1 with an alias and a semicolon", 1, "SELECT 1 AS \"one\";");
    }

    private static void shows() {
        check("SHOW TABLES", () -> {
            List<String> names = new ArrayList<>();
            for (List<String> row : query("SHOW TABLES")) names.addAll(row);
            yes(names.containsAll(Catalog.TPCH), "" + names);
            return "";
        });
        for (String sql : List.of("SHOW SCHEMAS", "SHOW CATALOGS", "SHOW DATABASES", "SHOW FUNCTIONS",
                "SHOW ALL")) tool(sql, SOME, sql);
        tool("SHOW COLUMNS", 4, "SHOW COLUMNS FROM nation");
        check("DESCRIBE", () -> {
            List<String> names = new ArrayList<>();
            for (List<String> row : query("DESCRIBE nation")) names.add(row.get(0));
            is("columns", names, List.of("n_nationkey", "n_name", "n_regionkey", "n_comment"));
            return "";
        });
    }

    private static void schemas() {
        for (String table : List.of("tables", "columns", "schemata", "routines", "parameters", "df_settings"))
            tool("information_schema." + table, SOME, "SELECT * FROM information_schema." + table + " LIMIT 5");
        check("information_schema.tables has a table", () -> {
            is("row", query("SELECT table_catalog, table_schema, table_name, table_type FROM information_schema.tables "
                    + "WHERE table_schema = 'public' AND table_name = 'nation'"),
                    List.of(List.of("squadron", "public", "nation", "BASE TABLE")));
            return "";
        });
        check("information_schema.columns in order", () -> {
            List<String> names = new ArrayList<>();
            for (List<String> row : query("SELECT column_name, ordinal_position FROM information_schema.columns "
                    + "WHERE table_name = 'nation' ORDER BY ordinal_position")) names.add(row.get(0));
            is("columns", names, List.of("n_nationkey", "n_name", "n_regionkey", "n_comment"));
            return "";
        });
        tool("information_schema joined", SOME, "SELECT t.table_name, count(*) FROM information_schema.tables t "
                + "JOIN information_schema.columns c ON t.table_name = c.table_name GROUP BY t.table_name");
        tool("information_schema beside a table", 3, "SELECT table_name FROM information_schema.tables "
                + "UNION ALL SELECT n_name FROM nation ORDER BY 1 LIMIT 3");
    }

    private static void generated() {
        tool("generate_series", 10, "SELECT * FROM generate_series(1, 10)");
        check("values of no table", () -> {
            is("range", value("SELECT count(*) FROM range(0, 1000)"), "1000");
            is("joined", value("SELECT count(*) FROM lineitem JOIN (VALUES (1), (2)) v(k) ON l_orderkey = k"), "7");
            is("IN", value("SELECT count(*) FROM nation WHERE n_name IN (SELECT upper(x) FROM (VALUES ('france'), ('x')) v(x))"), "1");
            return "";
        });
    }

    private static void names() {
        for (String name : List.of("current_catalog", "current_database()")) named(name, "squadron");
        for (String name : List.of("current_schema", "current_schema()")) named(name, "public");
        for (String list : List.of("*, n_name", "n_name, n_name", "1, 1",
                "CAST(n_nationkey AS INT), CAST(n_nationkey AS VARCHAR)"))
            tool("columns of one name: SELECT " + list, 25, "SELECT " + list + " FROM nation");
        check("columns of one name: SELECT count(*), count(*)", () -> {
            is("row", query("SELECT count(*), count(*) FROM nation"), List.of(List.of("25", "25")));
            return "";
        });
    }

    private static void named(String name, String wanted) {
        check("SELECT " + name, () -> {
            is("it", value("SELECT " + name), wanted);
            return wanted;
        });
    }
}
