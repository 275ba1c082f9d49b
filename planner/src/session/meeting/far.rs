//! Instants that nanoseconds do not reach, written as text.
//!
//! Problem: DataFusion 55 takes `TIMESTAMP '9999-12-31'`, and a text beside an instant, for nanoseconds, which end in 2262,
//! and the usual end of what is open is an error. Here: such a text is an instant of microseconds, or of the unit
//! of what it is compared with; and `AT TIME ZONE` keeps the unit that there is.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable};

const NANOSECONDS: TimeUnit = TimeUnit::Nanosecond;

/// The same with such texts as instants of the unit of the others, if those have one that reaches so far.
pub(super) fn met(exprs: &[&Expr], types: &[DataType]) -> Option<Vec<Expr>> {
    let coarse =
        |of: &&DataType| matches!(of, DataType::Timestamp(unit, _) if *unit != NANOSECONDS);
    let of = types.iter().find(coarse)?;
    let is_far = |expr: &&Expr| match expr {
        Expr::Literal(text, _) => far(text, of).is_some(),
        _ => false,
    };
    if !exprs.iter().any(is_far) {
        return None;
    }
    let each = exprs.iter().map(|expr| match expr {
        Expr::Literal(text, _) => match far(text, of).or_else(|| near(text, of)) {
            Some(instant) => Expr::Literal(instant, None),
            None => (*expr).clone(),
        },
        other => (*other).clone(),
    });
    Some(each.collect())
}

/// `TIMESTAMP '…'` of such a text; `None` for all else.
pub(super) fn instant(cast: &Cast) -> Option<Expr> {
    let (Expr::Literal(text, _), DataType::Timestamp(NANOSECONDS, zone)) =
        (cast.expr.as_ref(), cast.field.data_type())
    else {
        return None;
    };
    let of = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
    far(text, &of).map(|instant| Expr::Literal(instant, None))
}

/// `x AT TIME ZONE '…'`, which is a cast to nanoseconds, of an instant or a day that has none.
pub(super) fn at_zone(cast: &Cast, schema: &DFSchema) -> Option<Expr> {
    let DataType::Timestamp(NANOSECONDS, Some(zone)) = cast.field.data_type() else { return None };
    let unit = match cast.expr.get_type(schema).ok()? {
        DataType::Timestamp(unit, _) if unit != NANOSECONDS => unit,
        DataType::Date32 | DataType::Date64 => TimeUnit::Microsecond,
        _ => return None,
    };
    let of = DataType::Timestamp(unit, Some(Arc::clone(zone)));
    Some(datafusion::logical_expr::cast((*cast.expr).clone(), of))
}

/// The instant that a text is, if nanoseconds do not reach it and the type does.
fn far(text: &ScalarValue, of: &DataType) -> Option<ScalarValue> {
    let DataType::Timestamp(_, zone) = of else { return None };
    text.try_as_str()??;
    let near = text.cast_to(&DataType::Timestamp(NANOSECONDS, zone.clone()));
    near.is_err().then(|| text.cast_to(of).ok()).flatten()
}

/// The instant that another text is, if the type has it whole: beside a far one all have to be of one unit.
fn near(text: &ScalarValue, of: &DataType) -> Option<ScalarValue> {
    let DataType::Timestamp(_, zone) = of else { return None };
    text.try_as_str()??;
    let fine = DataType::Timestamp(NANOSECONDS, zone.clone());
    let instant = text.cast_to(of).ok()?;
    (instant.cast_to(&fine).ok()? == text.cast_to(&fine).ok()?).then_some(instant)
}

#[cfg(test)]
mod tests {
    use super::super::tests::tried;

    async fn answer(sql: &str) -> Result<String, String> {
        tried(sql).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_end_of_what_is_open_is_an_instant() {
        let rows = "(SELECT i, arrow_cast(t, 'Timestamp(Microsecond, None)') AS t FROM (VALUES (1, arrow_cast('2024-01-01', 'Timestamp(Second, None)')), (2, arrow_cast('9999-12-31', 'Timestamp(Second, None)'))) AS r(i, t)) AS r";
        for (sql, expected) in [
            ("SELECT i FROM {} WHERE t < '9999-12-31'", "1"),
            ("SELECT i FROM {} WHERE t = '9999-12-31 00:00:00'", "2"),
            ("SELECT i FROM {} WHERE t BETWEEN '2024-01-01' AND '9999-12-31' ORDER BY i", "1 2"),
            ("SELECT i FROM {} WHERE t IN ('9999-12-31', '2025-01-01')", "2"),
            ("SELECT i FROM {} WHERE t < TIMESTAMP '9999-12-31'", "1"),
            ("SELECT TIMESTAMP '9999-12-31 23:59:59.5'", "9999-12-31T23:59:59.500"),
            ("SELECT TIMESTAMP '2024-06-01 00:00:00.123456789'", "2024-06-01T00:00:00.123456789"),
            ("SELECT i FROM {} WHERE t < '2024-06-01'", "1"),
            ("SELECT t AT TIME ZONE 'UTC' FROM {} WHERE i = 2", "9999-12-31T00:00:00Z"),
        ] {
            let sql = sql.replace("{}", rows);
            assert_eq!(answer(&sql).await, Ok(expected.to_owned()), "{sql}");
        }
        let told = answer(&format!("SELECT i FROM {rows} WHERE t < 'never'")).await.unwrap_err();
        assert!(told.contains("never"), "{told}");
    }
}
