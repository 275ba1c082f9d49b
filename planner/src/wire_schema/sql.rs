//! Arrow types as users of SQL tools know them: the one table of names and sizes.
//!
//! | Arrow | name | precision (column size) | scale (decimal digits) |
//! |---|---|---|---|
//! | Boolean | BOOLEAN | 1 | 0 |
//! | Int8 … Int64 | TINYINT, SMALLINT, INTEGER, BIGINT | 3, 5, 10, 19 digits | 0 |
//! | UInt8 … UInt64 | the same with UNSIGNED | 3, 5, 10, 20 digits | 0 |
//! | Float16, Float32 | FLOAT | 7 significant digits | 0 |
//! | Float64 | DOUBLE | 15 significant digits | 0 |
//! | Decimal | DECIMAL | its own | its own |
//! | text | VARCHAR | 65,536 | 0 |
//! | Binary | VARBINARY | 65,536 | 0 |
//! | FixedSizeBinary | BINARY | its bytes | 0 |
//! | Date | DATE | 10 letters | 0 |
//! | Time | TIME | 8 letters, and point and fraction | digits of the fraction |
//! | Timestamp | TIMESTAMP | 19 letters, and point and fraction | digits of the fraction |
//! | Timestamp with a zone | TIMESTAMP WITH TIME ZONE | the same and 6 for the offset | the same |
//! | Interval, Duration | INTERVAL | 65,536 (they travel as text where drivers ask) | 0 |
//! | lists, Struct, Map, Union | ARRAY, STRUCT, MAP, UNION | 65,536 (as text) | 0 |
//! | Dictionary, run-end encoded | those of their values | | |
//!
//! Sizes follow JDBC's `COLUMN_SIZE` and ODBC's appendix D. FLOAT is the single one here, as in
//! DataFusion's SQL and as the JDBC and ODBC drivers type the column, whatever the standard says.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// The size told for types without a limit.
///
/// JDBC's driver takes the same when a server says nothing. ODBC's takes 1,024 then and cuts
/// longer values; its clients allocate this much per value, and it multiplies by four in 32 bits,
/// so `i32::MAX` would not do.
pub const UNLIMITED: i32 = 65_536;

/// How SQL tools are told about a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlType {
    /// Name of the type, as `CAST` takes it where DataFusion's SQL has the type.
    pub name: &'static str,
    /// Column size: digits, letters or bytes, see the table above.
    pub precision: i32,
    /// Digits after the point.
    pub scale: i32,
}

/// The SQL type under which a column of `data_type` is shown.
pub fn sql_type(data_type: &DataType) -> SqlType {
    use DataType::*;
    match data_type {
        Null => of("NULL", 0, 0),
        Boolean => of("BOOLEAN", 1, 0),
        Int8 => of("TINYINT", 3, 0),
        Int16 => of("SMALLINT", 5, 0),
        Int32 => of("INTEGER", 10, 0),
        Int64 => of("BIGINT", 19, 0),
        UInt8 => of("TINYINT UNSIGNED", 3, 0),
        UInt16 => of("SMALLINT UNSIGNED", 5, 0),
        UInt32 => of("INTEGER UNSIGNED", 10, 0),
        UInt64 => of("BIGINT UNSIGNED", 20, 0),
        Float16 | Float32 => of("FLOAT", 7, 0),
        Float64 => of("DOUBLE", 15, 0),
        Decimal32(precision, scale)
        | Decimal64(precision, scale)
        | Decimal128(precision, scale)
        | Decimal256(precision, scale) => of("DECIMAL", (*precision).into(), (*scale).into()),
        Utf8 | LargeUtf8 | Utf8View => of("VARCHAR", UNLIMITED, 0),
        Binary | LargeBinary | BinaryView => of("VARBINARY", UNLIMITED, 0),
        FixedSizeBinary(bytes) => of("BINARY", *bytes, 0),
        Date32 | Date64 => of("DATE", 10, 0),
        Time32(unit) | Time64(unit) => clock("TIME", 8, unit),
        Timestamp(unit, None) => clock("TIMESTAMP", 19, unit),
        Timestamp(unit, Some(_)) => clock("TIMESTAMP WITH TIME ZONE", 25, unit),
        Interval(_) | Duration(_) => of("INTERVAL", UNLIMITED, 0),
        List(_) | LargeList(_) | FixedSizeList(..) | ListView(_) | LargeListView(_) => {
            of("ARRAY", UNLIMITED, 0)
        }
        Struct(_) => of("STRUCT", UNLIMITED, 0),
        Map(..) => of("MAP", UNLIMITED, 0),
        Union(..) => of("UNION", UNLIMITED, 0),
        Dictionary(_, values) => sql_type(values),
        RunEndEncoded(_, values) => sql_type(values.data_type()),
    }
}

/// The type with its precision where it has one: `DECIMAL(15,2)`.
pub fn sql_name(data_type: &DataType) -> String {
    match sql_type(data_type) {
        SqlType { name: name @ "DECIMAL", precision, scale } => {
            format!("{name}({precision},{scale})")
        }
        SqlType { name, .. } => name.to_owned(),
    }
}

fn of(name: &'static str, precision: i32, scale: i32) -> SqlType {
    SqlType { name, precision, scale }
}

/// A type with a time of day: `whole` letters up to the seconds.
fn clock(name: &'static str, whole: i32, unit: &TimeUnit) -> SqlType {
    let digits = match unit {
        TimeUnit::Second => return of(name, whole, 0),
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    of(name, whole + 1 + digits, digits)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{Field, IntervalUnit};
    use datafusion::prelude::SessionContext;

    use super::*;

    fn check(data_type: DataType, name: &str, precision: i32, scale: i32) {
        let found = sql_type(&data_type);
        assert_eq!((found.name, found.precision, found.scale), (name, precision, scale));
    }

    #[test]
    fn numbers_have_their_digits() {
        check(DataType::Int8, "TINYINT", 3, 0);
        check(DataType::Int64, "BIGINT", 19, 0);
        check(DataType::UInt32, "INTEGER UNSIGNED", 10, 0);
        check(DataType::UInt64, "BIGINT UNSIGNED", 20, 0);
        check(DataType::Float32, "FLOAT", 7, 0);
        check(DataType::Float64, "DOUBLE", 15, 0);
        check(DataType::Decimal128(15, 2), "DECIMAL", 15, 2);
        check(DataType::Decimal256(76, -3), "DECIMAL", 76, -3);
        check(DataType::Boolean, "BOOLEAN", 1, 0);
    }

    #[test]
    fn text_and_bytes_have_a_size_that_no_driver_cuts_short() {
        for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View] {
            check(text, "VARCHAR", 65_536, 0);
        }
        check(DataType::BinaryView, "VARBINARY", 65_536, 0);
        check(DataType::FixedSizeBinary(16), "BINARY", 16, 0);
    }

    #[test]
    fn times_have_their_printed_length_and_fraction() {
        check(DataType::Date32, "DATE", 10, 0);
        check(DataType::Time64(TimeUnit::Microsecond), "TIME", 15, 6);
        check(DataType::Timestamp(TimeUnit::Second, None), "TIMESTAMP", 19, 0);
        check(DataType::Timestamp(TimeUnit::Nanosecond, None), "TIMESTAMP", 29, 9);
        let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        check(zoned, "TIMESTAMP WITH TIME ZONE", 29, 3);
        check(DataType::Interval(IntervalUnit::MonthDayNano), "INTERVAL", 65_536, 0);
        check(DataType::Duration(TimeUnit::Second), "INTERVAL", 65_536, 0);
    }

    #[test]
    fn nested_types_have_names_and_encodings_have_those_of_their_values() {
        let item = Arc::new(Field::new_list_field(DataType::Int32, true));
        check(DataType::List(Arc::clone(&item)), "ARRAY", 65_536, 0);
        check(DataType::FixedSizeList(Arc::clone(&item), 3), "ARRAY", 65_536, 0);
        check(DataType::Struct(vec![item].into()), "STRUCT", 65_536, 0);
        let coded = DataType::Dictionary(DataType::Int32.into(), DataType::Date32.into());
        check(coded, "DATE", 10, 0);
        let runs = Arc::new(Field::new("run_ends", DataType::Int32, false));
        let values = Arc::new(Field::new("values", DataType::Int16, true));
        check(DataType::RunEndEncoded(runs, values), "SMALLINT", 5, 0);
    }

    /// A tool that builds `CAST(x AS <type name>)` from the metadata gets the type it saw. (Not for
    /// VARBINARY: DataFusion has only the name BYTEA for it, which in turn is PostgreSQL's alone.)
    #[tokio::test]
    async fn scalar_names_are_names_in_sql() {
        use DataType::*;
        let types = [Boolean, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float32];
        let more = [Float64, Utf8View, Date32, Time64(TimeUnit::Nanosecond)];
        let stamp = Timestamp(TimeUnit::Nanosecond, None);
        let context = SessionContext::new();
        for data_type in types.into_iter().chain(more).chain([stamp]) {
            let sql = format!("SELECT CAST(NULL AS {})", sql_type(&data_type).name);
            let plan = context.sql(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(plan.schema().field(0).data_type(), &data_type, "{sql}");
        }
    }
}
