/** Every getter of DatabaseMetaData, and what tools make of them. */
package jdbc;

import static jdbc.Checks.*;
import static jdbc.Server.*;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Getters {
    private Getters() {}

    /** Every getter of DatabaseMetaData, and what tools make of them. */
    static void run() throws Exception {
        DatabaseMetaData meta = shared.getMetaData();
        Method[] methods = DatabaseMetaData.class.getMethods();
        Arrays.sort(methods, Comparator.comparing(Method::getName));
        Map<String, Object> values = new LinkedHashMap<>();
        check("no getter without arguments throws", () -> {
            List<String> wrong = new ArrayList<>();
            for (Method method : methods) {
                if (method.getParameterCount() > 0) continue;
                try {
                    Object found = method.invoke(meta);
                    if (found instanceof ResultSet result) rows(result);
                    else values.put(method.getName(), found);
                } catch (InvocationTargetException error) {
                    wrong.add(method.getName() + ": " + why(error.getCause()));
                }
            }
            yes(wrong.isEmpty(), "" + wrong);
            return values.size() + " values";
        });
        check("supportsResultSetType, …Concurrency, …IsolationLevel, …Convert", () -> {
            for (int type : new int[] {ResultSet.TYPE_FORWARD_ONLY, ResultSet.TYPE_SCROLL_INSENSITIVE,
                    ResultSet.TYPE_SCROLL_SENSITIVE}) {
                meta.supportsResultSetType(type);
                meta.supportsResultSetConcurrency(type, ResultSet.CONCUR_READ_ONLY);
            }
            yes(meta.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY), "not even TYPE_FORWARD_ONLY");
            for (int level : new int[] {0, 1, 2, 4, 8}) meta.supportsTransactionIsolationLevel(level);
            for (Field from : Types.class.getFields()) for (Field to : Types.class.getFields()) meta.supportsConvert(from.getInt(null), to.getInt(null));
            return "INTEGER to VARCHAR: " + meta.supportsConvert(Types.INTEGER, Types.VARCHAR);
        });
        limit("supportsResultSetHoldability (the driver has it to do)", "todo: implement", () ->
                meta.supportsResultSetHoldability(meta.getResultSetHoldability()));
        limit("updatesAreDetected (the driver has it to do)", "todo: implement", () ->
                meta.updatesAreDetected(ResultSet.TYPE_FORWARD_ONLY));
        limit("ownUpdatesAreVisible (the driver has it to do)", "todo: implement", () ->
                meta.ownUpdatesAreVisible(ResultSet.TYPE_FORWARD_ONLY));
        check("names and versions", () -> {
            is("getDatabaseProductName", meta.getDatabaseProductName(), "Squadron");
            yes(!meta.getDatabaseProductVersion().isEmpty(), "no getDatabaseProductVersion");
            return meta.getDatabaseProductVersion();
        });
        Object[][] wanted = {
            {"getIdentifierQuoteString", "\""}, {"getSearchStringEscape", "\\"}, {"getCatalogTerm", "catalog"},
            {"getSchemaTerm", "schema"}, {"getCatalogSeparator", "."}, {"isCatalogAtStart", true},
            {"supportsTransactions", false}, {"getDefaultTransactionIsolation", 0}, {"supportsGroupBy", true},
            {"supportsOuterJoins", true}, {"supportsFullOuterJoins", true},
            {"supportsUnion", true}, {"supportsUnionAll", true}, {"supportsColumnAliasing", true},
            {"supportsExpressionsInOrderBy", true}, {"supportsOrderByUnrelated", true}, {"supportsSubqueriesInIns", true},
            {"supportsSubqueriesInExists", true}, {"supportsSubqueriesInComparisons", true},
            {"supportsCorrelatedSubqueries", true}, {"supportsTableCorrelationNames", true},
            {"supportsLikeEscapeClause", true}, {"nullPlusNonNullIsNull", true}, {"supportsNonNullableColumns", true},
            {"supportsStoredProcedures", false}, {"supportsSavepoints", false}, {"supportsNamedParameters", false},
            {"supportsMinimumSQLGrammar", true}, {"supportsCoreSQLGrammar", true}, {"supportsANSI92EntryLevelSQL", true},
            {"supportsSelectForUpdate", false}, {"supportsPositionedUpdate", false}, {"supportsPositionedDelete", false},
            {"getMaxColumnsInTable", 0}, {"getMaxStatementLength", 0}, {"getExtraNameCharacters", ""}};
        for (Object[] pair : wanted) {
            check((String) pair[0], () -> {
                Object found = DatabaseMetaData.class.getMethod((String) pair[0]).invoke(meta);
                is("it", found, pair[1]);
                return "" + found;
            });
        }
        check("getSQLKeywords: tools quote names by it", () -> {
            List<String> words = Arrays.asList(meta.getSQLKeywords().split(","));
            yes(words.size() > 50, "" + words);
            return words.size() + " words";
        });
        limit("names that are not quoted are stored in lower case (the driver says upper)",
                "storesUpperCaseIdentifiers is 'true'", () -> {
            is("storesUpperCaseIdentifiers", meta.storesUpperCaseIdentifiers(), false);
            return "";
        });
    }
}
