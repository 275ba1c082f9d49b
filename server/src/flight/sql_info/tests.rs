//! Which codes are told, on which arm of the union, and the values that drivers act on.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, UnionArray};
use datafusion::arrow::datatypes::{
    DataType, Field, Int32Type, Int64Type, Schema, UInt32Type, UnionFields, UnionMode,
};
use datafusion::prelude::SessionContext;

use super::*;

/// The arms of the union.
const TEXT: i8 = 0;
const FLAG: i8 = 1;
const LONG: i8 = 2;
const INT: i8 = 3;
const LIST: i8 = 4;
const MAP: i8 = 5;

fn ask(info: &[u32]) -> RecordBatch {
    let state = SessionContext::new().state();
    let answer = sql_info(&CommandGetSqlInfo { info: info.to_vec() }, &state).unwrap();
    assert_eq!(answer.schema(), sql_info_schema());
    answer
}

fn codes(answer: &RecordBatch) -> Vec<u32> {
    answer["info_name"].as_primitive::<UInt32Type>().values().to_vec()
}

fn union(answer: &RecordBatch) -> &UnionArray {
    answer["value"].as_any().downcast_ref().unwrap()
}

fn value(code: u32) -> Arc<dyn Array> {
    union(&ask(&[code])).value(0)
}

fn text(code: u32) -> String {
    value(code).as_string::<i32>().value(0).to_string()
}

fn list(code: u32) -> Vec<String> {
    let values = value(code).as_list::<i32>().value(0);
    values.as_string::<i32>().iter().flatten().map(Into::into).collect()
}

/// The arm of each code as JDBC and ODBC cast it, the spec's where neither reads it.
fn arms() -> Vec<(u32, i8)> {
    let of = |arm: i8, codes: Vec<u32>| codes.into_iter().map(move |code| (code, arm));
    let flags = [3, 4, 5, 9, 10, 11, 500, 501, 502, 506, 515, 516, 518, 519, 520, 521, 523, 524];
    let more = [527, 532, 536, 537, 539, 556, 563, 565, 566, 572, 573, 574, 575, 576];
    let longs = [503, 505, 507].into_iter().chain(541..=555).chain(557..=562);
    let ints = [8, 100, 101, 522, 525, 526, 528, 533, 534, 535, 538, 540, 564, 567];
    let mut arms = of(TEXT, vec![0, 1, 2, 6, 7, 504, 513, 514, 529, 530, 531])
        .chain(of(FLAG, flags.into_iter().chain(more).collect()))
        .chain(of(LONG, longs.collect()))
        .chain(of(INT, ints.into_iter().chain(568..=571).collect()))
        .chain(of(LIST, (508..=512).collect()))
        .chain(of(MAP, vec![517]))
        .collect::<Vec<_>>();
    arms.sort_unstable();
    // 556 is a flag among the limits.
    arms.dedup_by_key(|(code, _)| *code);
    arms
}

#[test]
fn every_standard_code_is_on_the_arm_that_drivers_cast_it_from() {
    let answer = ask(&[]);
    let found = codes(&answer).into_iter().zip(union(&answer).type_ids().iter().copied());
    assert_eq!(found.collect::<Vec<_>>(), arms());
}

#[test]
fn the_codes_of_the_spec_are_told_and_no_others() {
    let standard = |code: &u32| SqlInfo::try_from(*code as i32).is_ok();
    let expected = (0..10_000).filter(standard);
    assert_eq!(codes(&ask(&[])), expected.collect::<Vec<_>>());
}

#[test]
fn what_is_asked_for_comes_in_order_once_and_unknown_codes_are_ignored() {
    assert_eq!(codes(&ask(&[504, 0, 3, 2, 0])), [0, 2, 3, 504]);
    assert_eq!(codes(&ask(&[8])), [8]);
    assert_eq!(codes(&ask(&[10_000, u32::MAX, 12, 1])), [1]);
    assert_eq!(codes(&ask(&[4711])), [0; 0]);
}

/// The names and nullability of C++, Java and Go.
#[test]
fn the_schema_is_that_of_the_spec() {
    let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
    let key = Field::new("key", DataType::Int32, false);
    let value = Field::new("value", list(DataType::Int32), true);
    let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
    let arms = UnionFields::from_fields(vec![
        Field::new("string_value", DataType::Utf8, false),
        Field::new("bool_value", DataType::Boolean, false),
        Field::new("bigint_value", DataType::Int64, false),
        Field::new("int32_bitmask", DataType::Int32, false),
        Field::new("string_list", list(DataType::Utf8), false),
        Field::new("int32_to_int32_list_map", DataType::Map(entries.into(), false), false),
    ]);
    let expected = Schema::new(vec![
        Field::new("info_name", DataType::UInt32, false),
        Field::new("value", DataType::Union(arms, UnionMode::Dense), false),
    ]);
    assert_eq!(*sql_info_schema(), expected);
}

#[test]
fn the_server_says_what_it_is() {
    assert_eq!(text(0), "Squadron");
    assert_eq!(text(1), env!("CARGO_PKG_VERSION"));
    assert!(text(2).starts_with("59."), "{}", text(2));
}

#[test]
fn the_server_takes_writes_and_has_no_transactions() {
    assert!(!value(3).as_boolean().value(0));
    assert_eq!(value(8).as_primitive::<Int32Type>().value(0), 0);
    assert!(!value(563).as_boolean().value(0));
    assert_eq!(value(562).as_primitive::<Int64Type>().value(0), 0);
}

#[test]
fn names_are_quoted_escaped_and_termed() {
    assert_eq!(text(504), "\"");
    assert_eq!(text(513), "\\");
    assert_eq!([529, 530, 531].map(text), ["schema", "procedure", "catalog"]);
}

#[test]
fn bits_stand_at_the_numbers_of_their_options() {
    let mask = |code| value(code).as_primitive::<Int32Type>().value(0);
    assert_eq!(mask(522), 0b10);
    assert_eq!(mask(526), 0b11);
    assert_eq!(mask(528), 0b110);
    assert_eq!(mask(538), 0b1111);
    assert_eq!(mask(540), 0b11);
    assert_eq!(mask(564), 0b1);
    assert_eq!(mask(567), 0b10);
}

#[test]
fn functions_are_those_registered_each_of_one_kind() {
    let kinds = [509, 510, 511, 512].map(list);
    let expected = [["ABS", "ROUND"], ["UPPER", "REGEXP_LIKE"], ["COALESCE", "ARROW_CAST"]];
    for (kind, names) in kinds.iter().zip(expected.iter().chain([&["NOW", "EXTRACT"]])) {
        assert!(kind.is_sorted());
        assert!(names.iter().all(|name| kind.contains(&name.to_string())), "{names:?} {kind:?}");
    }
    let mut told = kinds.concat();
    told.sort();
    let registered = SessionContext::new().state().udfs().into_iter();
    for name in registered.chain(["extract", "timestampadd", "ucase", "convert"].map(Into::into)) {
        assert!(told.contains(&name.to_uppercase()), "{name}");
    }
    let before = told.len();
    told.dedup();
    assert_eq!(told.len(), before);
}

#[test]
fn keywords_have_the_words_of_queries_and_not_those_of_columns() {
    let keywords = list(508);
    assert!(keywords.is_sorted());
    for word in ["SELECT", "FROM", "WHERE", "NULL", "AND", "INTERVAL", "DESCRIBE"] {
        assert!(keywords.contains(&word.to_string()), "{word}");
    }
    for word in ["ID", "NAME", "DATE", "YEAR", "NoKeyword"] {
        assert!(!keywords.contains(&word.to_string()), "{word}");
    }
}

/// 0 is BIGINT, 4 DATE, 19 VARCHAR: numbers read from text, dates too, but no date from a flag.
#[test]
fn conversions_are_those_that_work() {
    let map = value(517);
    let map = map.as_map();
    let keys = map.keys().as_primitive::<Int32Type>().values().to_vec();
    assert_eq!(keys, (0..20).collect::<Vec<_>>());
    let from = |code: usize| {
        let targets = map.values().as_list::<i32>().value(code);
        targets.as_primitive::<Int32Type>().values().to_vec()
    };
    assert!(from(19).contains(&0) && from(19).contains(&4));
    assert!(from(0).contains(&19));
    assert!(!from(2).contains(&4));
    // 5 is DECIMAL: without a precision it is no type to convert to.
    assert!(from(5).contains(&0) && !from(0).contains(&5));
}

#[tokio::test]
async fn what_is_told_of_the_dialect_is_so() {
    let context = SessionContext::new();
    context.sql("CREATE TABLE t(a INT, b INT) AS VALUES (1, 2), (3, NULL)").await.unwrap();
    for sql in [
        "SELECT EXTRACT(YEAR FROM DATE '2020-02-02')",
        "SELECT a FROM t ORDER BY b + 1",
        "SELECT sum(a) FROM t GROUP BY b",
        r"SELECT a FROM t WHERE 'a_b' LIKE 'a\_b' ESCAPE '\'",
        "SELECT a FROM t WHERE a > (SELECT min(b) FROM t)",
        "SELECT a FROM t x WHERE EXISTS (SELECT 1 FROM t y WHERE y.a = x.b)",
        "SELECT a FROM t WHERE a IN (SELECT b FROM t)",
        "SELECT a FROM t WHERE a = ANY (SELECT b FROM t)",
        "SELECT x.a FROM t x FULL OUTER JOIN t y ON x.a = y.b",
        "SELECT a FROM t UNION SELECT b FROM t UNION ALL SELECT a FROM t",
        "SELECT ABS(a), COALESCE(b, 1) FROM t",
    ] {
        let plan = context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        plan.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let sorted = context.sql("SELECT b FROM t ORDER BY b").await.unwrap().collect().await.unwrap();
    assert!(sorted[0].column(0).is_null(1), "nulls sort high");
}
