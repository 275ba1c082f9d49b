//! What the server is and can do: every standard code but the lists of words.

use squadron_planner::plan::SUBSTRAIT_VERSION;
use std::time::Duration;

// Codes and their values share names (`SqlNullOrdering`): values go by their module.
use arrow_flight::sql::{self as values, SqlInfo, SqlSupportsConvert};
use datafusion::arrow::ARROW_VERSION;
use datafusion::arrow::compute::can_cast_types;
use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};

use super::Value::{Flag, Int, Long, Map, Text};
use super::{Answer, Value, bits};
use crate::query::PREPARED_IDLE;

/// `SupportedAnsi92SqlGrammarLevel`, which arrow-flight does not export.
const ANSI92_ENTRY_SQL: i32 = 0;
const ANSI92_INTERMEDIATE_SQL: i32 = 1;

/// Tells everything this file knows.
pub(super) fn tell(answer: &mut Answer) {
    let parts: [&[_]; 6] =
        [&server(), &names(), &queries(), &structure(), &transactions(), &results()];
    let values = parts.iter().flat_map(|part| part.iter());
    values.for_each(|(code, value)| answer.tell(*code, value()));
    limits().for_each(|code| answer.tell(code, Long(0)));
    if answer.wants(SqlInfo::SqlSupportsConvert) {
        answer.tell(SqlInfo::SqlSupportsConvert, Map(conversions()));
    }
}

/// A code and how its value is made.
type Told = (SqlInfo, fn() -> Value);

fn server() -> [Told; 15] {
    use SqlInfo::*;
    [
        (FlightSqlServerName, || Text("Squadron")),
        (FlightSqlServerVersion, || Text(env!("CARGO_PKG_VERSION"))),
        // The version of the library, as ADBC defines it and the reference servers have it.
        (FlightSqlServerArrowVersion, || Text(ARROW_VERSION)),
        (FlightSqlServerReadOnly, || Flag(false)),
        (FlightSqlServerSql, || Flag(true)),
        (FlightSqlServerSubstrait, || Flag(true)),
        (FlightSqlServerSubstraitMinVersion, || Text(SUBSTRAIT_VERSION.as_str())),
        (FlightSqlServerSubstraitMaxVersion, || Text(SUBSTRAIT_VERSION.as_str())),
        // ADBC begins a transaction on connect if this is anything but none.
        (FlightSqlServerTransaction, || Int(values::SqlSupportedTransaction::None as i32)),
        // The CancelQuery action of old; CancelFlightInfo is not told by any code.
        (FlightSqlServerCancel, || Flag(true)),
        (FlightSqlServerBulkIngestion, || Flag(true)),
        (FlightSqlServerIngestTransactionsSupported, || Flag(false)),
        // Handles of prepared statements that nobody uses.
        (FlightSqlServerStatementTimeout, || Int(milliseconds(PREPARED_IDLE))),
        (FlightSqlServerTransactionTimeout, || Int(0)),
        (SqlAllTablesAreSelectable, || Flag(true)),
    ]
}

fn names() -> [Told; 13] {
    use SqlInfo::*;
    use values::SqlSupportedCaseSensitivity::{
        SqlCaseSensitivityLowercase, SqlCaseSensitivityUnknown,
    };
    [
        // Unquoted names are taken in lower case. These and the null order are int64 to drivers.
        (SqlIdentifierCase, || Long(SqlCaseSensitivityLowercase as i64)),
        // Quoted names are taken as they are, for which there is no value: drivers read "unknown"
        // as case-sensitive.
        (SqlQuotedIdentifierCase, || Long(SqlCaseSensitivityUnknown as i64)),
        (SqlIdentifierQuoteChar, || Text("\"")),
        (SqlSearchStringEscape, || Text("\\")),
        // None, so that tools quote names with any other letter.
        (SqlExtraNameCharacters, || Text("")),
        (SqlSchemaTerm, || Text("schema")),
        (SqlProcedureTerm, || Text("procedure")),
        // Empty would tell ODBC that there are no catalogs.
        (SqlCatalogTerm, || Text("catalog")),
        (SqlCatalogAtStart, || Flag(true)),
        (SqlSupportsColumnAliasing, || Flag(true)),
        (SqlSupportsTableCorrelationNames, || Flag(true)),
        (SqlSupportsDifferentTableCorrelationNames, || Flag(false)),
        (SqlNullOrdering, || Long(values::SqlNullOrdering::SqlNullsSortedHigh as i64)),
    ]
}

fn queries() -> [Told; 13] {
    use SqlInfo::*;
    use values::SqlOuterJoinsSupportLevel::{SqlFullOuterJoins, SqlLimitedOuterJoins};
    use values::SqlSupportedSubqueries::*;
    use values::SupportedSqlGrammar::{SqlCoreGrammar, SqlMinimumGrammar};
    [
        (SqlNullPlusNullIsNull, || Flag(true)),
        (SqlSupportsExpressionsInOrderBy, || Flag(true)),
        (SqlSupportsOrderByUnrelated, || Flag(true)),
        // Columns may be grouped by without being selected, but not selected without being
        // grouped by, which is what ODBC takes "unrelated" for.
        (SqlSupportedGroupBy, || bits(&[values::SqlSupportedGroupBy::SqlGroupByBeyondSelect])),
        // With any letter.
        (SqlSupportsLikeEscapeClause, || Flag(true)),
        (SqlSupportedGrammar, || bits(&[SqlMinimumGrammar, SqlCoreGrammar])),
        // As far as queries go.
        (SqlAnsi92SupportedLevel, || bits(&[ANSI92_ENTRY_SQL, ANSI92_INTERMEDIATE_SQL])),
        // The proto has the number of one level here, JDBC and ODBC test bits.
        (SqlOuterJoinsSupportLevel, || bits(&[SqlLimitedOuterJoins, SqlFullOuterJoins])),
        (SqlSelectForUpdateSupported, || Flag(false)),
        (SqlStoredProceduresSupported, || Flag(false)),
        (SqlSupportedSubqueries, || {
            bits(&[
                SqlSubqueriesInComparisons,
                SqlSubqueriesInExists,
                SqlSubqueriesInIns,
                SqlSubqueriesInQuantifieds,
            ])
        }),
        (SqlCorrelatedSubqueriesSupported, || Flag(true)),
        (SqlSupportedUnions, || {
            bits(&[values::SqlSupportedUnions::SqlUnion, values::SqlSupportedUnions::SqlUnionAll])
        }),
    ]
}

/// What can be defined and where catalogs and schemas may be named apart from queries.
fn structure() -> [Told; 8] {
    use SqlInfo::*;
    [
        (SqlDdlCatalog, || Flag(false)),
        (SqlDdlSchema, || Flag(true)),
        (SqlDdlTable, || Flag(true)),
        (SqlSupportsNonNullableColumns, || Flag(true)),
        (SqlSupportsIntegrityEnhancementFacility, || Flag(false)),
        (SqlSchemasSupportedActions, || Int(0)),
        (SqlCatalogsSupportedActions, || Int(0)),
        (SqlSupportedPositionedCommands, || Int(0)),
    ]
}

fn transactions() -> [Told; 6] {
    use SqlInfo::*;
    use values::SqlTransactionIsolationLevel::SqlTransactionNone;
    [
        // int64 to drivers, int32 in the proto.
        (SqlDefaultTransactionIsolation, || Long(SqlTransactionNone as i64)),
        (SqlTransactionsSupported, || Flag(false)),
        (SqlSupportedTransactionsIsolationLevels, || bits(&[SqlTransactionNone])),
        (SqlDataDefinitionCausesTransactionCommit, || Flag(false)),
        (SqlDataDefinitionsInTransactionsIgnored, || Flag(false)),
        (SqlSavepointsSupported, || Flag(false)),
    ]
}

fn results() -> [Told; 10] {
    use SqlInfo::*;
    use values::SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly;
    use values::SqlSupportedResultSetType::SqlResultSetTypeForwardOnly;
    [
        (SqlSupportedResultSetTypes, || bits(&[SqlResultSetTypeForwardOnly])),
        (SqlSupportedConcurrenciesForResultSetUnspecified, || Int(0)),
        (SqlSupportedConcurrenciesForResultSetForwardOnly, || {
            bits(&[SqlResultSetConcurrencyReadOnly])
        }),
        (SqlSupportedConcurrenciesForResultSetScrollSensitive, || Int(0)),
        (SqlSupportedConcurrenciesForResultSetScrollInsensitive, || Int(0)),
        (SqlMaxRowSizeIncludesBlobs, || Flag(true)),
        (SqlBatchUpdatesSupported, || Flag(true)),
        (SqlNamedParametersSupported, || Flag(false)),
        (SqlLocatorsUpdateCopy, || Flag(false)),
        (SqlStoredFunctionsUsingCallSyntaxSupported, || Flag(false)),
    ]
}

fn milliseconds(of: Duration) -> i32 {
    i32::try_from(of.as_millis()).unwrap_or(i32::MAX)
}

/// Limits, of which there are none: 0 says so, in JDBC and ODBC alike.
fn limits() -> impl Iterator<Item = SqlInfo> {
    use SqlInfo::*;
    [
        SqlMaxBinaryLiteralLength,
        SqlMaxCharLiteralLength,
        SqlMaxColumnNameLength,
        SqlMaxColumnsInGroupBy,
        SqlMaxColumnsInIndex,
        SqlMaxColumnsInOrderBy,
        SqlMaxColumnsInSelect,
        SqlMaxColumnsInTable,
        SqlMaxConnections,
        SqlMaxCursorNameLength,
        SqlMaxIndexLength,
        SqlDbSchemaNameLength,
        SqlMaxProcedureNameLength,
        SqlMaxCatalogNameLength,
        SqlMaxRowSize,
        SqlMaxStatementLength,
        SqlMaxStatements,
        SqlMaxTableNameLength,
        SqlMaxTablesInSelect,
        SqlMaxUsernameLength,
    ]
    .into_iter()
}

/// Which types can be cast to which: what Arrow's kernels do, asked of them. Not to decimals and intervals, whose names
/// in CONVERT say too little (`planner/src/statement/converts.rs`).
fn conversions() -> Vec<(i32, Vec<i32>)> {
    use SqlSupportsConvert::*;
    let types = convertible();
    let unnamed = [
        SqlConvertDecimal,
        SqlConvertNumeric,
        SqlConvertIntervalDayTime,
        SqlConvertIntervalYearMonth,
    ];
    let targets = |from: &DataType| {
        let named = types.iter().filter(|(code, _)| !unnamed.contains(code));
        let castable = named.filter(|(_, to)| can_cast_types(from, to));
        castable.map(|(code, _)| *code as i32).collect()
    };
    types.iter().map(|(code, from)| (*code as i32, targets(from))).collect()
}

fn convertible() -> [(SqlSupportsConvert, DataType); 20] {
    use SqlSupportsConvert::*;
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    [
        (SqlConvertBigint, DataType::Int64),
        (SqlConvertBinary, DataType::Binary),
        (SqlConvertBit, DataType::Boolean),
        (SqlConvertChar, DataType::Utf8),
        (SqlConvertDate, DataType::Date32),
        (SqlConvertDecimal, DataType::Decimal128(38, 10)),
        (SqlConvertFloat, DataType::Float32),
        (SqlConvertInteger, DataType::Int32),
        (SqlConvertIntervalDayTime, interval.clone()),
        (SqlConvertIntervalYearMonth, interval),
        (SqlConvertLongvarbinary, DataType::LargeBinary),
        (SqlConvertLongvarchar, DataType::LargeUtf8),
        (SqlConvertNumeric, DataType::Decimal128(38, 10)),
        (SqlConvertReal, DataType::Float32),
        (SqlConvertSmallint, DataType::Int16),
        (SqlConvertTime, DataType::Time64(TimeUnit::Nanosecond)),
        (SqlConvertTimestamp, DataType::Timestamp(TimeUnit::Nanosecond, None)),
        (SqlConvertTinyint, DataType::Int8),
        (SqlConvertVarbinary, DataType::Binary),
        (SqlConvertVarchar, DataType::Utf8),
    ]
}
