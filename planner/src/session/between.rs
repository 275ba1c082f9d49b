//! How many units of time there are between two instants, and how many bounds of such units.
//!
//! Problem: DataFusion 55 has neither. Here: `statement/dates.rs` writes calls of these functions. Units of a day and more are
//! those of the zone that an instant has, as in DuckDB and Java; those below are counted in time that has passed. A month
//! is over on the day of its number at the time of day at which it began.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array};
use datafusion::arrow::compute::{DatePart, cast, date_part};
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampSecondType};
use datafusion::arrow::temporal_conversions::as_datetime_with_timezone;
use datafusion::common::{Result, ScalarValue, exec_err, internal_err, plan_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::statement::{BOUNDARIES_BETWEEN, UNITS_BETWEEN};

/// Has a session know both functions.
pub(super) fn between(state: &mut SessionState) -> Result<()> {
    for name in [BOUNDARIES_BETWEEN, UNITS_BETWEEN] {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Between::of(name))))?;
    }
    Ok(())
}

/// Of a unit, from, to.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Between {
    name: &'static str,
    signature: Signature,
}

impl Between {
    fn of(name: &'static str) -> Self {
        Self { name, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Between {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let instants = match types {
            [unit, from, to] if unit.is_string() => instant(from).zip(instant(to)),
            _ => None,
        };
        let Some((from, to)) = instants else {
            return plan_err!("{} takes a unit and two dates or instants", self.name);
        };
        // A time without a zone is one in the zone of the other.
        let zone = [&from, &to].into_iter().find_map(zone);
        let both = [from, to].map(|of| match (&of, &zone) {
            (DataType::Timestamp(unit, None), Some(zone)) => {
                DataType::Timestamp(*unit, Some(Arc::clone(zone)))
            }
            _ => of,
        });
        Ok([DataType::Utf8].into_iter().chain(both).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [unit, from, to] = args.args.as_slice() else {
            return internal_err!("{} of {} values", self.name, args.args.len());
        };
        let unit = match unit {
            ColumnarValue::Scalar(ScalarValue::Utf8(Some(unit))) => Unit::of(unit)?,
            _ => return exec_err!("the unit of {} is a constant", self.name),
        };
        let from = Instants::of(&from.to_array(args.number_rows)?)?;
        let to = Instants::of(&to.to_array(args.number_rows)?)?;
        let is_whole = self.name == UNITS_BETWEEN;
        let rows = (0..args.number_rows).map(|row| {
            let (from, to) = (from.at(row)?, to.at(row)?);
            Some(if is_whole { unit.whole(&from, &to) } else { unit.bounds(&from, &to) })
        });
        let counts: Result<Int64Array> = rows
            .map(|count| match count.map(i64::try_from).transpose() {
                Ok(count) => Ok(count),
                Err(_) => exec_err!("the difference is beyond 64 bits"),
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(counts?)))
    }
}

fn instant(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Timestamp(..) => Some(of.clone()),
        DataType::Date32 | DataType::Date64 | DataType::Null => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        of if of.is_string() => Some(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        _ => None,
    }
}

fn zone(of: &DataType) -> Option<Arc<str>> {
    match of {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    }
}

const DAY: i128 = 86_400_000_000_000;

/// A unit of time.
#[derive(Clone, Copy)]
enum Unit {
    /// So many nanoseconds that pass.
    Passed(i128),
    /// So many days of a calendar.
    Days(i128),
    /// So many months.
    Months(i128),
}

impl Unit {
    fn of(name: &str) -> Result<Self> {
        Ok(match name {
            "nanosecond" => Self::Passed(1),
            "microsecond" => Self::Passed(1_000),
            "millisecond" => Self::Passed(1_000_000),
            "second" => Self::Passed(1_000_000_000),
            "minute" => Self::Passed(60_000_000_000),
            "hour" => Self::Passed(3_600_000_000_000),
            "day" => Self::Days(1),
            "week" => Self::Days(7),
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            other => return exec_err!("{other} is no unit of time"),
        })
    }

    /// How many bounds of such units are behind `from` and not behind `to`. Weeks begin on Mondays, of which the
    /// fourth day before 1970 is one.
    fn bounds(self, from: &Instant, to: &Instant) -> i128 {
        let count = |of: &Instant| match self {
            Self::Passed(unit) => of.passed.div_euclid(unit),
            Self::Days(7) => (of.local.div_euclid(DAY) + 3).div_euclid(7),
            Self::Days(days) => of.local.div_euclid(days * DAY),
            Self::Months(months) => of.months.div_euclid(months),
        };
        count(to) - count(from)
    }

    /// How many such units pass.
    fn whole(self, from: &Instant, to: &Instant) -> i128 {
        match self {
            Self::Passed(unit) => (to.passed - from.passed) / unit,
            Self::Days(days) => (to.local - from.local) / (days * DAY),
            Self::Months(unit) => {
                let months = to.months - from.months;
                let months = match months {
                    1.. if to.of_month < from.of_month => months - 1,
                    ..=-1 if to.of_month > from.of_month => months + 1,
                    _ => months,
                };
                months / unit
            }
        }
    }
}

/// One row.
struct Instant {
    /// Nanoseconds since 1970.
    passed: i128,
    /// The same as clocks tell them there.
    local: i128,
    /// Months since the year 0.
    months: i128,
    /// Nanoseconds since the month began.
    of_month: i128,
}

/// A column.
struct Instants {
    passed: Vec<Option<(i128, i128)>>,
    years: ArrayRef,
    months: ArrayRef,
    days: ArrayRef,
}

impl Instants {
    fn of(column: &ArrayRef) -> Result<Self> {
        let DataType::Timestamp(unit, zone) = column.data_type() else {
            return internal_err!("{} is no instant", column.data_type());
        };
        let each: i128 = match unit {
            TimeUnit::Second => 1_000_000_000,
            TimeUnit::Millisecond => 1_000_000,
            TimeUnit::Microsecond => 1_000,
            TimeUnit::Nanosecond => 1,
        };
        let zone: Option<Tz> = zone.as_deref().map(str::parse).transpose()?;
        let counts = cast(column, &DataType::Int64)?;
        let passed = counts.as_primitive::<Int64Type>().iter().map(|count| {
            let passed = i128::from(count?) * each;
            Some((passed, passed + zone.map_or(0, |zone| ahead(passed, zone))))
        });
        let passed: Vec<_> = passed.collect();
        let day = |passed: &Option<(i128, i128)>| i32::try_from((*passed)?.1.div_euclid(DAY)).ok();
        let dates: Date32Array = passed.iter().map(day).collect();
        let part = |part| date_part(&dates, part);
        let (years, months, days) =
            (part(DatePart::Year)?, part(DatePart::Month)?, part(DatePart::Day)?);
        Ok(Self { passed, years, months, days })
    }

    fn at(&self, row: usize) -> Option<Instant> {
        let (passed, local) = self.passed[row]?;
        let [years, months, days] = [&self.years, &self.months, &self.days].map(|parts| {
            let parts = parts.as_primitive::<Int32Type>();
            parts.is_valid(row).then(|| i128::from(parts.value(row)))
        });
        let of_month = days? * DAY + local.rem_euclid(DAY);
        Some(Instant { passed, local, months: years? * 12 + months? - 1, of_month })
    }
}

/// By how many nanoseconds clocks of a zone are ahead.
fn ahead(passed: i128, zone: Tz) -> i128 {
    let seconds = i64::try_from(passed.div_euclid(1_000_000_000)).ok();
    let instant = seconds.and_then(|of| as_datetime_with_timezone::<TimestampSecondType>(of, zone));
    instant.map_or(0, |instant| {
        i128::from(instant.naive_local().and_utc().timestamp() - instant.timestamp())
            * 1_000_000_000
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::statement::{Statement, parse};

    async fn answer(sql: &str) -> String {
        let mut state = SessionContext::new().state();
        between(&mut state).unwrap();
        let Ok(Statement::Query(query)) = parse(&format!("SELECT {sql}")) else { panic!("{sql}") };
        let plan = state.statement_to_plan(query).await.unwrap();
        let context = SessionContext::new_with_state(state);
        let batches = context.execute_logical_plan(plan).await.unwrap().collect().await.unwrap();
        array_value_to_string(batches[0].column(0), 0).unwrap()
    }

    /// Those of `datediff` are DuckDB's.
    #[tokio::test]
    async fn bounds_and_whole_units_are_counted() {
        for (unit, from, to, bounds, whole) in [
            ("year", "2023-12-31 23:59:59", "2024-01-01 00:00:00", 1, 0),
            ("quarter", "2024-03-31", "2024-04-01", 1, 0),
            ("month", "2024-01-31", "2024-02-29", 1, 0),
            ("month", "2024-03-15 12:00:00", "2024-01-15 13:00:00", -2, -1),
            ("week", "2024-01-07", "2024-01-08", 1, 0),
            ("day", "2024-01-01 23:00:00", "2024-01-02 01:00:00", 1, 0),
            ("day", "1969-12-31 23:00:00", "1970-01-03 01:00:00", 3, 2),
            ("hour", "2024-01-01 00:59:59", "2024-01-01 01:00:00", 1, 0),
            ("minute", "2024-01-01", "2023-12-31 23:58:30", -2, -1),
            ("ms", "2024-01-01", "2024-01-01 00:00:00.0015", 1, 1),
        ] {
            let of = |name: &str| format!("{name}({unit}, TIMESTAMP '{from}', TIMESTAMP '{to}')");
            assert_eq!(answer(&of("datediff")).await, bounds.to_string(), "{unit} {from} {to}");
            assert_eq!(answer(&of("timestampdiff")).await, whole.to_string(), "{unit} {from} {to}");
        }
    }

    #[tokio::test]
    async fn days_are_those_of_a_zone_and_hours_pass() {
        let of = |unit: &str, from: &str, to: &str| {
            let zoned = |text: &str| {
                format!("arrow_cast('{text}', 'Timestamp(Microsecond, Some(\"Europe/Berlin\"))')")
            };
            format!("datediff({unit}, {}, {})", zoned(from), zoned(to))
        };
        // Clocks went ahead that night.
        let (from, to) = ("2024-03-31T00:30:00", "2024-03-31T03:30:00");
        assert_eq!(answer(&of("hour", from, to)).await, "2");
        let (from, to) = ("2024-03-30T23:59:00", "2024-03-31T00:01:00");
        assert_eq!(answer(&of("day", from, to)).await, "1");
    }

    #[tokio::test]
    async fn dates_and_texts_are_instants_and_null_is_null() {
        assert_eq!(answer("datediff('day', DATE '2024-01-01', '2024-03-01')").await, "60");
        assert_eq!(answer("datediff('day', NULL, DATE '2024-03-01')").await, "");
    }
}
