//! Casts between instants, and the clocks, days and texts of a zone.
//!
//! Problem: of an instant with a zone DataFusion 55 gives the day in its zone, and the time without a zone in UTC; a day
//! that becomes an instant begins in UTC. A column of instants has the zone "UTC" in its files, whatever the session's is, so
//! that a text compared with it, or inserted into it, is read there. Official way: `to_local_time` for one of these. Here, as in PostgreSQL and
//! DuckDB: clocks, days and texts are those of the instant's zone, and that of a table's column is the session's.
//!
//! ```text
//!   CAST(zoned AS TIMESTAMP)           ──►  to_local_time(zoned)
//!   CAST(day AS TIMESTAMPTZ)           ──►  CAST(CAST(day AS TIMESTAMP) AS TIMESTAMPTZ)
//!   CAST(column AS DATE)               ──►  CAST(CAST(column AS TIMESTAMPTZ) AS DATE)
//!   CAST('2024-01-01' AS column's)     ──►  CAST(CAST('2024-01-01' AS TIMESTAMPTZ) AS column's)
//! ```
//!
//! Times that clocks of a zone never show, or show twice, are instants too ([`at`]).

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::functions::datetime::to_local_time;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, TryCast, cast};
use datafusion::optimizer::AnalyzerRule;

use super::clocks::{UTC, is_utc};
use super::exact::rewritten_by_types;
use at::instant_at;

mod at;

/// The zone of columns, by its name in files: nothing that a statement says is called so
/// ([`crate::statement`] writes `AT TIME ZONE 'UTC'` with its offset).
const COLUMNS: &str = "UTC";

/// Has a session cast so.
pub(super) fn in_zones(state: &mut SessionState) -> Result<()> {
    state.register_udf(Arc::new(at::function()))?;
    state.add_analyzer_rule(Arc::new(InZones));
    Ok(())
}

/// `now()` and `to_timestamp` have the zone of the session: the functions hold the one of the settings that they were made with.
pub(super) fn in_its_zone(state: &mut SessionState) {
    for name in std::iter::once("now").chain(super::stamped::FUNCTIONS) {
        let of = state.scalar_functions().get(name);
        let here = of.and_then(|of| of.inner().with_updated_config(state.config().options()));
        if let Some(here) = here
            && let Err(error) = state.register_udf(Arc::new(here))
        {
            tracing::warn!(%error, "{name}() keeps the zone of the node");
        }
    }
}

/// Writes them so.
#[derive(Debug)]
struct InZones;

impl AnalyzerRule for InZones {
    fn name(&self) -> &str {
        "in_zones"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let session = config.execution.time_zone.as_deref().unwrap_or(UTC);
        rewritten_by_types(plan, |expr, schema| written(expr, schema, session))
    }
}

fn written(expr: Expr, schema: &DFSchema, session: &str) -> Result<Transformed<Expr>> {
    if let Expr::ScalarFunction(call) = &expr
        && let Some(written) = by_its_clock(call, schema, session)
    {
        return Ok(Transformed::yes(written));
    }
    let (Expr::Cast(Cast { expr: of, field }) | Expr::TryCast(TryCast { expr: of, field })) = &expr
    else {
        return Ok(Transformed::no(expr));
    };
    let Ok(from) = of.get_type(schema) else { return Ok(Transformed::no(expr)) };
    let Some(of) = in_zone(of, &from, field.data_type(), session) else {
        return Ok(Transformed::no(expr));
    };
    Ok(Transformed::yes(match expr {
        Expr::TryCast(cast) => Expr::TryCast(TryCast { expr: Box::new(of), ..cast }),
        Expr::Cast(cast) => Expr::Cast(Cast { expr: Box::new(of), ..cast }),
        other => other,
    }))
}

/// Functions that answer what clocks show.
const OF_CLOCKS: [&str; 6] =
    ["date_trunc", "date_part", "date_bin", "to_char", "to_date", "to_local_time"];

/// Of a column they are the session's.
fn by_its_clock(call: &ScalarFunction, schema: &DFSchema, session: &str) -> Option<Expr> {
    if is_utc(session) || !OF_CLOCKS.contains(&call.func.name()) {
        return None;
    }
    let is_column = |of: &DataType| matches!(of, DataType::Timestamp(_, Some(zone)) if zone.as_ref() == COLUMNS);
    let types =
        call.args.iter().map(|arg| arg.get_type(schema)).collect::<Result<Vec<_>>>().ok()?;
    if !types.iter().any(is_column) {
        return None;
    }
    let args = call.args.iter().zip(&types).map(|(arg, of)| match of {
        DataType::Timestamp(unit, Some(zone)) => shown_in(arg, *unit, zone, session),
        _ => arg.clone(),
    });
    let shown = call.func.call(args.collect());
    // What stands above it knows it by the type that it had.
    let had = Expr::ScalarFunction(call.clone()).get_type(schema).ok()?;
    Some(if is_column(&had) { cast(shown, had) } else { shown })
}

/// What is to be cast instead; `None` for what the engine casts right.
fn in_zone(of: &Expr, from: &DataType, to: &DataType, session: &str) -> Option<Expr> {
    use DataType::{Date32, Date64, Timestamp};
    let is_text = |of: &DataType| of.is_string();
    let zone = |zone: &Arc<str>| match zone.as_ref() {
        COLUMNS => session.to_owned(),
        other => other.to_owned(),
    };
    match (from, to) {
        (Timestamp(unit, Some(of_it)), Timestamp(_, None)) => {
            let zone = zone(of_it);
            let here = shown_in(of, *unit, of_it, &zone);
            (!is_utc(&zone)).then(|| to_local_time().call(vec![here]))
        }
        (Timestamp(unit, Some(of_it)), to) if is_of_clocks(to) || is_text(to) => {
            let zone = zone(of_it);
            (zone != of_it.as_ref() && !is_utc(&zone)).then(|| shown_in(of, *unit, of_it, &zone))
        }
        (Date32 | Date64, Timestamp(_, Some(of_it))) => {
            let zone = zone(of_it);
            let wall = cast(of.clone(), Timestamp(TimeUnit::Microsecond, None));
            (!is_utc(&zone)).then(|| instant_at(wall, &zone))
        }
        (Timestamp(unit, None), Timestamp(_, Some(of_it))) if *unit != TimeUnit::Nanosecond => {
            let zone = zone(of_it);
            (!is_utc(&zone)).then(|| instant_at(of.clone(), &zone))
        }
        (from, Timestamp(unit, Some(of_it)))
            if is_text(from) || matches!(from, Timestamp(_, None)) =>
        {
            let zone = zone(of_it);
            if let Some(wall) = wall(of).filter(|_| !is_utc(&zone)) {
                return Some(instant_at(wall, &zone));
            }
            let there = Timestamp(*unit, Some(zone.as_str().into()));
            (zone != of_it.as_ref() && !is_utc(&zone)).then(|| cast(of.clone(), there))
        }
        _ => None,
    }
}

/// A day, or a time of one.
fn is_of_clocks(of: &DataType) -> bool {
    use DataType::{Date32, Date64, Time32, Time64};
    matches!(of, Date32 | Date64 | Time32(_) | Time64(_))
}

/// The time that a text of a statement says, if it says no zone, and no more of a second than microseconds.
fn wall(text: &Expr) -> Option<Expr> {
    const DAY: usize = "2024-01-01".len();
    let Expr::Literal(text, _) = text else { return None };
    let said = text.try_as_str()??;
    let clock = said.get(DAY..)?.trim_start_matches(['T', ' ']);
    let is_clock = clock.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte));
    let of = |unit| text.cast_to(&DataType::Timestamp(unit, None)).ok();
    let wall = of(TimeUnit::Microsecond).filter(|_| is_clock)?;
    let fine = of(TimeUnit::Nanosecond);
    let is_whole = fine.is_none_or(|fine| {
        wall.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None)).ok() == Some(fine)
    });
    is_whole.then_some(Expr::Literal(wall, None))
}

fn shown_in(of: &Expr, unit: TimeUnit, own: &str, zone: &str) -> Expr {
    match own == zone {
        true => of.clone(),
        false => cast(of.clone(), DataType::Timestamp(unit, Some(zone.into()))),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    async fn value(session: &str, sql: &str) -> String {
        let mut config = SessionConfig::new();
        config.options_mut().execution.time_zone = Some(session.to_owned());
        let mut state = SessionContext::new_with_config(config).state();
        in_zones(&mut state).unwrap();
        let context = SessionContext::new_with_state(state);
        let found = context.sql(sql).await.unwrap().collect().await.unwrap();
        array_value_to_string(found[0].column(0), 0).unwrap()
    }

    /// The instant 2020-06-30T22:00Z, as a column has it, as the session does, and as a statement asks for it.
    const AT: &str = "(SELECT arrow_cast(1593554400000000, 'Timestamp(Microsecond, Some(\"UTC\"))') AS c, \
         arrow_cast('2020-06-30T22:00:00Z', 'Timestamp(Nanosecond, Some(\"Europe/Berlin\"))') AS s, \
         arrow_cast('2020-06-30T22:00:00Z', 'Timestamp(Nanosecond, Some(\"+00:00\"))') AS u, \
         DATE '2020-07-01' AS d, '2020-07-01 00:00:00' AS t, TIMESTAMP '2020-07-01 00:00:00' AS w) AS x";

    #[tokio::test]
    async fn clocks_days_and_texts_are_those_of_the_zone() {
        for (asked, expected) in [
            ("CAST(s AS TIMESTAMP)", "2020-07-01T00:00:00"),
            ("CAST(c AS TIMESTAMP)", "2020-07-01T00:00:00"),
            ("CAST(u AS TIMESTAMP)", "2020-06-30T22:00:00"),
            ("CAST(c AS DATE)", "2020-07-01"),
            ("CAST(s AS DATE)", "2020-07-01"),
            ("CAST(u AS DATE)", "2020-06-30"),
            ("CAST(c AS VARCHAR)", "2020-07-01T00:00:00+02:00"),
            ("CAST(c AS TIME)", "00:00:00"),
            ("to_date(c)", "2020-07-01"),
            ("to_local_time(c)", "2020-07-01T00:00:00"),
            (
                "arrow_cast('2020-03-29 02:30:00', 'Timestamp(Microsecond, None)') = CAST(c AS TIMESTAMP)",
                "false",
            ),
            ("c = d AND s = d", "true"),
            ("c = t AND s = t", "true"),
            ("c = w AND s = w", "true"),
            (
                "c = '2020-07-01' AND c >= '2020-07-01 00:00:00' AND c < '2020-07-01 00:00:01'",
                "true",
            ),
            ("c = '2020-06-30 22:00:00Z'", "true"),
            ("c IN ('2020-07-01 00:00:00')", "true"),
            ("date_part('hour', c)", "0"),
            ("CAST(date_trunc('month', c) AS DATE)", "2020-07-01"),
            ("date_trunc('day', c) = c", "true"),
            ("to_char(c, '%d %H')", "01 00"),
        ] {
            let sql = format!("SELECT {asked} FROM {AT}");
            assert_eq!(value("Europe/Berlin", &sql).await, expected, "{asked}");
        }
    }

    #[tokio::test]
    async fn times_that_clocks_never_show_or_show_twice_are_instants() {
        for (wall, at) in [
            ("2020-03-29 02:30:00", "2020-03-29T01:30:00Z"),
            ("2020-10-25 02:30:00", "2020-10-25T00:30:00Z"),
        ] {
            let instant = format!("arrow_cast('{at}', 'Timestamp(Microsecond, Some(\"UTC\"))')");
            for asked in [
                format!("arrow_cast('{wall}', 'Timestamp(Microsecond, None)') = {instant}"),
                format!("{instant} = '{wall}'"),
                format!("{instant} IN ('{wall}', '{wall}.5')"),
            ] {
                assert_eq!(
                    value("Europe/Berlin", &format!("SELECT {asked}")).await,
                    "true",
                    "{asked}"
                );
            }
        }
        let midnight = "CAST(DATE '2018-11-04' AS TIMESTAMPTZ) = arrow_cast('2018-11-04T03:00:00Z', 'Timestamp(Microsecond, Some(\"UTC\"))')";
        assert_eq!(value("America/Sao_Paulo", &format!("SELECT {midnight}")).await, "true");
    }

    #[tokio::test]
    async fn those_of_utc_stay() {
        for (asked, expected) in [
            ("CAST(s AS TIMESTAMP)", "2020-07-01T00:00:00"),
            ("CAST(c AS TIMESTAMP)", "2020-06-30T22:00:00"),
            ("CAST(c AS DATE)", "2020-06-30"),
            ("c = t", "false"),
            ("date_part('hour', c)", "22"),
        ] {
            let sql = format!("SELECT {asked} FROM {AT}");
            assert_eq!(value("+00:00", &sql).await, expected, "{asked}");
        }
    }
}
