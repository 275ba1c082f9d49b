/** Keys that tables are declared to have, as DatabaseMetaData tells them. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Parameters.*;
import static jdbc.Server.*;

import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

final class Keys {
    private Keys() {}

    private static final String[] PRIMARY = {"TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "COLUMN_NAME", "KEY_SEQ", "PK_NAME"};
    private static final String[] FOREIGN = {"PKTABLE_CAT", "PKTABLE_SCHEM", "PKTABLE_NAME", "PKCOLUMN_NAME", "FKTABLE_CAT",
        "FKTABLE_SCHEM", "FKTABLE_NAME", "FKCOLUMN_NAME", "KEY_SEQ", "UPDATE_RULE", "DELETE_RULE", "FK_NAME", "PK_NAME"};

    /** In a schema of this run alone. */
    static void run(String schema) throws SQLException {
        update("CREATE TABLE " + schema + ".shops (id INT PRIMARY KEY NOT ENFORCED, name VARCHAR)");
        update("CREATE TABLE " + schema + ".days (\"Year\" INT, day INT, CONSTRAINT cal PRIMARY KEY (\"Year\", day) NOT ENFORCED)");
        update("CREATE TABLE " + schema + ".sales (shop INT REFERENCES " + schema + ".shops NOT ENFORCED, y INT, d INT, "
                + "CONSTRAINT sold FOREIGN KEY (y, d) REFERENCES " + schema + ".days NOT ENFORCED)");
        String shop = "squadron." + schema + ".shops.id.squadron." + schema + ".sales.shop.1.3.3.sales_shop_fk.shops_pk";
        List<String> days = List.of(
                "squadron." + schema + ".days.Year.squadron." + schema + ".sales.y.1.3.3.sold.cal",
                "squadron." + schema + ".days.day.squadron." + schema + ".sales.d.2.3.3.sold.cal");
        DatabaseMetaData meta = shared.getMetaData();
        check("getPrimaryKeys", () -> {
            is("shops", told(meta.getPrimaryKeys("squadron", schema, "shops"), PRIMARY),
                    List.of("squadron." + schema + ".shops.id.1.shops_pk"));
            is("days", told(meta.getPrimaryKeys("squadron", schema, "days"), PRIMARY),
                    List.of("squadron." + schema + ".days.Year.1.cal", "squadron." + schema + ".days.day.2.cal"));
            is("sales", rows(meta.getPrimaryKeys("squadron", schema, "sales")).size(), 0);
            is("in another schema", rows(meta.getPrimaryKeys("squadron", "public", "shops")).size(), 0);
            return "";
        });
        check("getImportedKeys", () -> {
            List<String> all = new ArrayList<>(days);
            all.add(shop);
            is("sales", told(meta.getImportedKeys("squadron", schema, "sales"), FOREIGN), all);
            is("shops", rows(meta.getImportedKeys("squadron", schema, "shops")).size(), 0);
            return "";
        });
        check("getExportedKeys", () -> {
            is("days", told(meta.getExportedKeys("squadron", schema, "days"), FOREIGN), days);
            is("sales", rows(meta.getExportedKeys("squadron", schema, "sales")).size(), 0);
            return "";
        });
        check("getCrossReference", () -> {
            is("shops and sales", told(meta.getCrossReference("squadron", schema, "shops", "squadron", schema, "sales"), FOREIGN),
                    List.of(shop));
            is("the other way", rows(meta.getCrossReference("squadron", schema, "sales", "squadron", schema, "shops")).size(), 0);
            return "";
        });
        check("the rules of a foreign key are importedKeyNoAction", () -> {
            try (ResultSet keys = meta.getImportedKeys("squadron", schema, "sales")) {
                yes(keys.next(), "no keys");
                is("UPDATE_RULE", keys.getShort("UPDATE_RULE"), (short) DatabaseMetaData.importedKeyNoAction);
                is("DELETE_RULE", keys.getShort("DELETE_RULE"), (short) DatabaseMetaData.importedKeyNoAction);
            }
            return "";
        });
        check("a key that is enforced is refused", () -> refused("UNIMPLEMENTED",
                () -> update("ALTER TABLE " + schema + ".sales ADD UNIQUE (d)"), "NOT ENFORCED"));
    }

    /** These columns of all rows, each row joined by dots. */
    private static List<String> told(ResultSet result, String[] columns) throws SQLException {
        List<String> told = new ArrayList<>();
        try (result) {
            while (result.next()) {
                List<String> row = new ArrayList<>();
                for (String column : columns) row.add(result.getString(column));
                told.add(String.join(".", row));
            }
        }
        return told;
    }
}
