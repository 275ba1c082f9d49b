/** What DBeaver walks through: catalogs, schemas, tables, keys. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

final class Catalog {
    private Catalog() {}

    static final List<String> TPCH =
            List.of("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier");

    static void run() throws Exception {
        DatabaseMetaData meta = shared.getMetaData();
        check("getCatalogs", () -> {
            List<String> names = named(meta.getCatalogs(), "TABLE_CAT");
            yes(names.contains("squadron"), "no catalog squadron: " + names);
            return names;
        });
        check("getSchemas()", () -> {
            List<String> names = named(meta.getSchemas(), "TABLE_SCHEM");
            yes(names.contains("public") && names.contains("information_schema"), "" + names);
            return names;
        });
        check("getSchemas columns", () -> columns(meta.getSchemas(), "TABLE_SCHEM", "TABLE_CATALOG"));
        check("getSchemas(catalog, pattern)", () -> {
            is("pub%", named(meta.getSchemas("squadron", "pub%"), "TABLE_SCHEM"), List.of("public"));
            is("p_blic", named(meta.getSchemas("squadron", "p_blic"), "TABLE_SCHEM"), List.of("public"));
            is("information\\_schema", named(meta.getSchemas(null, "information\\_schema"), "TABLE_SCHEM"),
                    List.of("information_schema"));
            is("p\\_blic", rows(meta.getSchemas("squadron", "p\\_blic")).size(), 0);
            is("of no catalog", rows(meta.getSchemas("nope", null)).size(), 0);
            is("catalog is no pattern", rows(meta.getSchemas("%", null)).size(), 0);
            is("catalog ''", rows(meta.getSchemas("", null)).size(), 0);
            return "";
        });
        check("getTableTypes", () -> {
            List<String> names = named(meta.getTableTypes(), "TABLE_TYPE");
            yes(names.contains("TABLE") && names.contains("VIEW"), "" + names);
            return names;
        });
        check("getTables(null, null, null, null)", () -> {
            List<String> names = named(meta.getTables(null, null, null, null), "TABLE_NAME");
            yes(names.containsAll(TPCH), "" + names);
            return names.size() + " tables";
        });
        check("getTables columns", () -> columns(meta.getTables(null, null, "%", null), "TABLE_CAT", "TABLE_SCHEM",
                "TABLE_NAME", "TABLE_TYPE", "REMARKS", "TYPE_CAT", "TYPE_SCHEM", "TYPE_NAME", "SELF_REFERENCING_COL_NAME",
                "REF_GENERATION"));
        check("getTables(squadron, public, %, TABLE)", () -> {
            try (ResultSet result = meta.getTables("squadron", "public", "%", new String[] {"TABLE"})) {
                Set<String> names = new TreeSet<>();
                while (result.next()) {
                    is("TABLE_CAT", result.getString("TABLE_CAT"), "squadron");
                    is("TABLE_SCHEM", result.getString("TABLE_SCHEM"), "public");
                    is("TABLE_TYPE", result.getString("TABLE_TYPE"), "TABLE");
                    result.getString("REMARKS");
                    names.add(result.getString("TABLE_NAME"));
                }
                yes(names.containsAll(TPCH), "" + names);
                return names.size() + " tables";
            }
        });
        check("getTables: BASE TABLE is TABLE, in any case", () -> {
            int tables = rows(meta.getTables("squadron", "public", "%", new String[] {"TABLE"})).size();
            is("BASE TABLE", rows(meta.getTables("squadron", "public", "%", new String[] {"BASE TABLE"})).size(), tables);
            is("table", rows(meta.getTables("squadron", "public", "%", new String[] {"table"})).size(), tables);
            is("TABLE, VIEW", rows(meta.getTables("squadron", "public", "%", new String[] {"TABLE",
                    "VIEW"})).size() >= tables, true);
            return tables + " tables";
        });
        check("getTables of types that there are not", () -> {
            is("rows", rows(meta.getTables(null, null, "%", new String[] {"GLOBAL TEMPORARY", "SYNONYM"})).size(), 0);
            return "";
        });
        check("getTables by patterns", () -> {
            is("l%", named(meta.getTables(null, null, "l%", null), "TABLE_NAME"), List.of("lineitem"));
            is("_ation", named(meta.getTables(null, "public", "_ation", null), "TABLE_NAME"), List.of("nation"));
            is("part", named(meta.getTables(null, "public", "part", null), "TABLE_NAME"), List.of("part"));
            is("''", rows(meta.getTables(null, null, "", null)).size(), 0);
            is("quote", rows(meta.getTables(null, null, "it's % \" ; DROP", null)).size(), 0);
            is("of no catalog", rows(meta.getTables("nope", null, "%", null)).size(), 0);
            is("of catalog ''", rows(meta.getTables("", null, "%", null)).size(), 0);
            is("of schema ''", rows(meta.getTables(null, "", "%", null)).size(), 0);
            return "";
        });
        check("getTables by escaped patterns", () -> {
            is("t_a", new TreeSet<>(named(meta.getTables(null, "public", "t_a", null), "TABLE_NAME")),
                    new TreeSet<>(Set.of("t_a", "tXa")));
            String escape = meta.getSearchStringEscape();
            is("escaped t_a", named(meta.getTables(null, "public", "t" + escape + "_a", null), "TABLE_NAME"), List.of("t_a"));
            is("escaped pct%name", named(meta.getTables(null, "public", "pct" + escape + "%name", null), "TABLE_NAME"),
                    List.of("pct%name"));
            is("Mixed Case", named(meta.getTables(null, "public", "Mixed Case", null), "TABLE_NAME"), List.of("Mixed Case"));
            return "";
        });
        empty("getPrimaryKeys", () -> meta.getPrimaryKeys("squadron", "public", "nation"));
        empty("getPrimaryKeys of no schema", () -> meta.getPrimaryKeys(null, null, "nation"));
        empty("getImportedKeys", () -> meta.getImportedKeys("squadron", "public", "nation"));
        empty("getExportedKeys", () -> meta.getExportedKeys("squadron", "public", "nation"));
        empty("getCrossReference", () -> meta.getCrossReference("squadron", "public", "region", "squadron", "public", "nation"));
        empty("getPrimaryKeys of no table", () -> meta.getPrimaryKeys("squadron", "public", "nope"));
        empty("getImportedKeys of no table", () -> meta.getImportedKeys("squadron", "public", "nope"));
        empty("getExportedKeys of no table", () -> meta.getExportedKeys("squadron", "public", "nope"));
        limit("an empty metadata answer has its columns (the driver takes them from the first row)", "columns is '0'", () -> {
            try (ResultSet result = meta.getPrimaryKeys("squadron", "public", "nope")) {
                is("columns", result.getMetaData().getColumnCount(), 6);
            }
            return "";
        });
        check("the walk in one connection, three times over", () -> {
            for (int i = 0; i < 3; i++) walk(meta);
            return "";
        });
        drivers(meta);
    }

    /** What the driver asks no server for. */
    private static void drivers(DatabaseMetaData meta) {
        empty("getTypeInfo", meta::getTypeInfo);
        empty("getIndexInfo", () -> meta.getIndexInfo("squadron", "public", "nation", false, true));
        empty("getProcedures", () -> meta.getProcedures(null, null, "%"));
        empty("getProcedureColumns", () -> meta.getProcedureColumns(null, null, "%", "%"));
        empty("getFunctions", () -> meta.getFunctions(null, null, "%"));
        empty("getFunctionColumns", () -> meta.getFunctionColumns(null, null, "%", "%"));
        empty("getUDTs", () -> meta.getUDTs(null, null, "%", null));
        empty("getSuperTypes", () -> meta.getSuperTypes(null, null, "%"));
        empty("getSuperTables", () -> meta.getSuperTables(null, null, "%"));
        empty("getAttributes", () -> meta.getAttributes(null, null, "%", "%"));
        empty("getBestRowIdentifier", () -> meta.getBestRowIdentifier(null, null, "nation", 0, true));
        empty("getVersionColumns", () -> meta.getVersionColumns(null, null, "nation"));
        empty("getPseudoColumns", () -> meta.getPseudoColumns(null, null, "%", "%"));
        empty("getTablePrivileges", () -> meta.getTablePrivileges(null, null, "%"));
        empty("getColumnPrivileges", () -> meta.getColumnPrivileges(null, null, "nation", "%"));
        empty("getClientInfoProperties", meta::getClientInfoProperties);
    }

    /** An answer of metadata. */
    private interface Answer {
        ResultSet get() throws SQLException;
    }

    private static void empty(String name, Answer answer) {
        check(name, () -> {
            is("rows", rows(answer.get()).size(), 0);
            return "";
        });
    }

    private static void walk(DatabaseMetaData meta) throws SQLException {
        yes(!rows(meta.getCatalogs()).isEmpty() && !rows(meta.getSchemas()).isEmpty(), "no catalogs or schemas");
        List<String> tables = named(meta.getTables("squadron", "public", "%", null), "TABLE_NAME");
        yes(tables.size() >= TPCH.size(), "tables: " + tables);
        for (String table : tables) {
            String escaped = table.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%");
            yes(!rows(meta.getColumns("squadron", "public", escaped, "%")).isEmpty(), "no columns of " + table);
            rows(meta.getPrimaryKeys("squadron", "public", table));
            rows(meta.getImportedKeys("squadron", "public", table));
            rows(meta.getExportedKeys("squadron", "public", table));
            rows(meta.getIndexInfo("squadron", "public", table, false, true));
        }
    }
}
