//! Instants and what the clocks of a session's zone show then.
//!
//! In Spark's dialect a TIMESTAMP is what those clocks show, and seconds since 1970 are the same everywhere.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;

/// A session's zone.
pub(super) fn of_session(config: &ConfigOptions) -> &str {
    config.execution.time_zone.as_deref().unwrap_or(UTC)
}

const UTC: &str = "+00:00";

fn is_utc(zone: &str) -> bool {
    [UTC, "UTC", "Z", "Etc/UTC"].contains(&zone)
}

/// As microseconds without a zone.
pub(super) const WALL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// What clocks show at instants: counts of microseconds since 1970 in UTC, with whatever zone.
pub(super) fn shown(instants: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()));
    let instants = match instants.data_type() {
        DataType::Timestamp(_, None) => cast(instants, &WALL)?,
        _ => cast(instants, &zoned)?,
    };
    let micros = instants.as_primitive::<TimestampMicrosecondType>();
    if is_utc(zone) {
        let same: TimestampMicrosecondArray = micros.unary(|micros| micros);
        return Ok(Arc::new(same));
    }
    let zone: Tz = zone.parse()?;
    let rows = 0..micros.len();
    let walls = rows.map(|row| {
        let is_there = datafusion::arrow::array::Array::is_valid(micros, row);
        let local = micros.value_as_datetime_with_tz(row, zone).filter(|_| is_there)?;
        Some(local.naive_local().and_utc().timestamp_micros())
    });
    Ok(Arc::new(walls.collect::<TimestampMicrosecondArray>()))
}

/// The instants at which clocks show times without a zone; one that they never show is an error.
pub(super) fn instants(walls: &ArrayRef, zone: &str) -> Result<TimestampMicrosecondArray> {
    let walls = cast(walls, &WALL)?;
    let micros = match is_utc(zone) {
        true => walls,
        false => {
            let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
            cast_with_options(
                &walls,
                &zoned,
                &CastOptions { safe: false, ..CastOptions::default() },
            )?
        }
    };
    Ok(micros.as_primitive::<TimestampMicrosecondType>().unary(|micros| micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_a_zone_show_other_times() {
        let instants_: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(0), None]));
        for (zone, expected) in
            [("UTC", 0), ("+02:00", 7_200_000_000), ("America/New_York", -18_000_000_000)]
        {
            let walls = shown(&instants_, zone).unwrap();
            let expected = TimestampMicrosecondArray::from(vec![Some(expected), None]);
            assert_eq!(walls.as_primitive::<TimestampMicrosecondType>(), &expected, "{zone}");
            let back = instants(&walls, zone).unwrap();
            assert_eq!(&back, instants_.as_primitive::<TimestampMicrosecondType>(), "{zone}");
        }
    }
}
