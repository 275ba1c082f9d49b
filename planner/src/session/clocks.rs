//! Instants and what the clocks of a zone show then.
//!
//! In Spark's dialect a TIMESTAMP is what those of the session's show, and seconds since 1970 are the same everywhere. In ours
//! that is so where an instant becomes a time without a zone, and back.

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::{binary, cast};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;

/// A session's zone.
pub(super) fn of_session(config: &ConfigOptions) -> &str {
    config.execution.time_zone.as_deref().unwrap_or(UTC)
}

pub(super) const UTC: &str = "+00:00";

/// Whether its clocks show UTC.
pub(super) fn is_utc(zone: &str) -> bool {
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

/// The instants at which clocks show times without a zone, as Java has them: the first of two; and one that clocks go by without
/// showing it is counted as if they had not been put forward.
pub(super) fn instants(walls: &ArrayRef, zone: &str) -> Result<TimestampMicrosecondArray> {
    let walls = cast(walls, &WALL)?;
    let walls = walls.as_primitive::<TimestampMicrosecondType>();
    if is_utc(zone) {
        return Ok(walls.unary(|micros| micros));
    }
    const DAY: i64 = 86_400_000_000;
    // How far clocks are ahead of UTC a day before, and a day after: they are not changed more often.
    let ahead = |by: i64| -> Result<TimestampMicrosecondArray> {
        let around: TimestampMicrosecondArray = walls.unary(|wall: i64| wall.saturating_add(by));
        let around: ArrayRef = Arc::new(around);
        let then = shown(&around, zone)?;
        less(then.as_primitive(), around.as_primitive())
    };
    let both = [ahead(-DAY)?, ahead(DAY)?];
    let mut found = [Vec::new(), Vec::new()];
    for (ahead, found) in both.iter().zip(&mut found) {
        let instants: ArrayRef = Arc::new(less(walls, ahead)?);
        let then = shown(&instants, zone)?;
        let then = then.as_primitive::<TimestampMicrosecondType>();
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        found.extend(
            instants.iter().zip(then).zip(walls).map(|((at, then), wall)| (at, then == wall)),
        );
    }
    let [before, after] = found;
    let instants = before.into_iter().zip(after).map(|pair| match pair {
        ((Some(before), true), (Some(after), true)) => Some(before.min(after)),
        ((_, false), (after, true)) => after,
        ((before, _), _) => before,
    });
    Ok(instants.collect())
}

fn less(
    left: &TimestampMicrosecondArray,
    right: &TimestampMicrosecondArray,
) -> Result<TimestampMicrosecondArray> {
    Ok(binary(left, right, i64::wrapping_sub)?)
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

    #[test]
    fn times_that_clocks_show_twice_or_never_are_instants() {
        // 2024-11-03 01:30 is there twice in New York, 2024-03-10 02:30 never.
        for (wall, expected) in [
            (1_730_597_400_000_000, 1_730_611_800_000_000),
            (1_710_037_800_000_000, 1_710_055_800_000_000),
        ] {
            let walls: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(wall)]));
            let found = instants(&walls, "America/New_York").unwrap();
            assert_eq!(found.value(0), expected, "{wall}");
        }
    }
}
