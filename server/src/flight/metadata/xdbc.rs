//! GetXdbcTypeInfo: the types a client may name, for ODBC (Power BI asks before every preview).

use std::iter::once;

use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetXdbcTypeInfo, Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode,
};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{
    DECIMAL256_MAX_PRECISION, DECIMAL256_MAX_SCALE, DataType, IntervalUnit, SchemaRef, TimeUnit,
};

use squadron_planner::wire_schema::UNLIMITED;

use super::Result;
use super::types::{SqlType, is_case_sensitive, sql_type};

/// The answer to GetXdbcTypeInfo: the types, or those with the command's code, ordered by code
/// and name. Nested types have no code and are not listed.
pub fn xdbc_type_info(command: &CommandGetXdbcTypeInfo) -> Result<RecordBatch> {
    let mut rows = XdbcTypeInfoDataBuilder::new();
    all().for_each(|row| rows.append(row));
    Ok(rows.build()?.record_batch(command.data_type)?)
}

/// The schema of GetXdbcTypeInfo.
pub fn xdbc_type_info_schema() -> SchemaRef {
    XdbcTypeInfoDataBuilder::new().schema()
}

fn all() -> impl Iterator<Item = XdbcTypeInfo> {
    integers().chain(reals()).chain(once(decimal())).chain(texts()).chain(times()).chain(others())
}

fn integers() -> impl Iterator<Item = XdbcTypeInfo> {
    let integer = |(arrow, code, unsigned)| XdbcTypeInfo {
        unsigned_attribute: Some(unsigned),
        auto_increment: Some(false),
        num_prec_radix: Some(10),
        ..number(arrow, code)
    };
    [
        (DataType::Int8, XdbcDataType::XdbcTinyint, false),
        (DataType::Int16, XdbcDataType::XdbcSmallint, false),
        (DataType::Int32, XdbcDataType::XdbcInteger, false),
        (DataType::Int64, XdbcDataType::XdbcBigint, false),
        (DataType::UInt8, XdbcDataType::XdbcTinyint, true),
        (DataType::UInt16, XdbcDataType::XdbcSmallint, true),
        (DataType::UInt32, XdbcDataType::XdbcInteger, true),
        (DataType::UInt64, XdbcDataType::XdbcBigint, true),
    ]
    .into_iter()
    .map(integer)
}

/// Approximate numbers: here, by the spec, the size is in bits.
fn reals() -> impl Iterator<Item = XdbcTypeInfo> {
    let real = |(arrow, code, bits)| XdbcTypeInfo {
        column_size: Some(bits),
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        minimum_scale: None,
        maximum_scale: None,
        num_prec_radix: Some(2),
        ..number(arrow, code)
    };
    let single = (DataType::Float32, XdbcDataType::XdbcFloat, 24);
    [single, (DataType::Float64, XdbcDataType::XdbcDouble, 53)].into_iter().map(real)
}

fn decimal() -> XdbcTypeInfo {
    let widest = DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0);
    XdbcTypeInfo {
        create_params: Some(vec!["precision".into(), "scale".into()]),
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        maximum_scale: Some(DECIMAL256_MAX_SCALE.into()),
        num_prec_radix: Some(10),
        ..number(widest, XdbcDataType::XdbcDecimal)
    }
}

fn texts() -> impl Iterator<Item = XdbcTypeInfo> {
    let text = XdbcTypeInfo {
        create_params: Some(vec!["length".into()]),
        ..quoted(DataType::Utf8, XdbcDataType::XdbcVarchar, "'")
    };
    // Of no length of its own: ODBC shows every column of bytes as this.
    let bytes = XdbcTypeInfo {
        column_size: Some(UNLIMITED),
        create_params: Some(vec!["length".into()]),
        ..quoted(DataType::FixedSizeBinary(0), XdbcDataType::XdbcBinary, "X'")
    };
    [text, bytes, quoted(DataType::Binary, XdbcDataType::XdbcVarbinary, "X'")].into_iter()
}

fn times() -> impl Iterator<Item = XdbcTypeInfo> {
    use XdbcDataType::{XdbcDate, XdbcTime, XdbcTimestamp};
    // The subcode of a date is called "year" in the proto; ODBC has the same 1 for SQL_CODE_DATE.
    use XdbcDatetimeSubcode::{
        XdbcSubcodeTime, XdbcSubcodeTimestamp, XdbcSubcodeTimestampWithTimezone, XdbcSubcodeYear,
    };
    let time = |(arrow, code, prefix, subcode): (DataType, _, _, _)| {
        let scale = Some(sql_type(&arrow).scale);
        XdbcTypeInfo {
            sql_data_type: XdbcDataType::XdbcDatetime,
            datetime_subcode: Some(subcode),
            minimum_scale: Some(0),
            maximum_scale: scale,
            ..quoted(arrow, code, prefix)
        }
    };
    let unit = TimeUnit::Nanosecond;
    let zoned = DataType::Timestamp(unit, Some("UTC".into()));
    [
        (DataType::Date32, XdbcDate, "DATE '", XdbcSubcodeYear),
        (DataType::Time64(unit), XdbcTime, "TIME '", XdbcSubcodeTime),
        (DataType::Timestamp(unit, None), XdbcTimestamp, "TIMESTAMP '", XdbcSubcodeTimestamp),
        (zoned, XdbcTimestamp, "TIMESTAMPTZ '", XdbcSubcodeTimestampWithTimezone),
    ]
    .into_iter()
    .map(time)
}

fn others() -> impl Iterator<Item = XdbcTypeInfo> {
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    let interval = XdbcTypeInfo {
        datetime_subcode: Some(XdbcDatetimeSubcode::XdbcSubcodeUnknown),
        ..quoted(interval, XdbcDataType::XdbcInterval, "INTERVAL '")
    };
    [interval, plain(&DataType::Boolean, XdbcDataType::XdbcBit)].into_iter()
}

fn number(arrow: DataType, code: XdbcDataType) -> XdbcTypeInfo {
    XdbcTypeInfo { minimum_scale: Some(0), maximum_scale: Some(0), ..plain(&arrow, code) }
}

fn quoted(arrow: DataType, code: XdbcDataType, prefix: &str) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(prefix.into()),
        literal_suffix: Some("'".into()),
        ..plain(&arrow, code)
    }
}

/// What every type has; `Default` fills in "not applicable".
fn plain(arrow: &DataType, code: XdbcDataType) -> XdbcTypeInfo {
    let sql @ SqlType { name, precision, .. } = sql_type(arrow);
    XdbcTypeInfo {
        type_name: name.into(),
        data_type: code,
        sql_data_type: code,
        column_size: Some(precision),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        case_sensitive: is_case_sensitive(sql),
        local_type_name: Some(name.into()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::{Field, Int32Type};

    use super::*;

    fn rows(data_type: Option<i32>) -> Vec<(i32, String)> {
        let batch = xdbc_type_info(&CommandGetXdbcTypeInfo { data_type }).unwrap();
        assert_eq!(batch.schema(), xdbc_type_info_schema());
        let codes = batch["data_type"].as_primitive::<Int32Type>();
        let names = batch["type_name"].as_string::<i32>();
        codes.values().iter().copied().zip(names.iter().flatten().map(Into::into)).collect()
    }

    #[test]
    fn types_come_by_code_and_name() {
        let rows = rows(None);
        assert!(rows.is_sorted(), "{rows:?}");
        for expected in
            [(12, "VARCHAR"), (-2, "BINARY"), (-5, "BIGINT"), (3, "DECIMAL"), (93, "TIMESTAMP")]
        {
            assert!(rows.contains(&(expected.0, expected.1.into())), "{expected:?}");
        }
    }

    #[test]
    fn a_code_filters_and_an_unknown_one_gives_nothing() {
        let both = [(-5, "BIGINT".to_string()), (-5, "BIGINT UNSIGNED".to_string())];
        assert_eq!(rows(Some(-5)), both);
        assert_eq!(rows(Some(4711)), []);
    }

    #[test]
    fn the_schema_is_that_of_the_spec() {
        let utf8 = |name, nullable| Field::new(name, DataType::Utf8, nullable);
        let int = |name, nullable| Field::new(name, DataType::Int32, nullable);
        let flag = |name, nullable| Field::new(name, DataType::Boolean, nullable);
        let item = Field::new_list_field(DataType::Utf8, false);
        let expected = [
            utf8("type_name", false),
            int("data_type", false),
            int("column_size", true),
            utf8("literal_prefix", true),
            utf8("literal_suffix", true),
            Field::new("create_params", DataType::List(item.into()), true),
            int("nullable", false),
            flag("case_sensitive", false),
            int("searchable", false),
            flag("unsigned_attribute", true),
            flag("fixed_prec_scale", false),
            flag("auto_increment", true),
            utf8("local_type_name", true),
            int("minimum_scale", true),
            int("maximum_scale", true),
            int("sql_data_type", false),
            int("datetime_subcode", true),
            int("num_prec_radix", true),
            int("interval_precision", true),
        ];
        let found = xdbc_type_info_schema();
        assert!(found.fields().iter().map(|field| field.as_ref()).eq(&expected));
    }
}
