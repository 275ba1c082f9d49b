//! Days and times as texts, read as Spark's casts read them: `2024`, `2024-2`, `2024-02-29`, `2024-02-29 1:2`,
//! `2024-02-29T01:02:03.5+02:00`.
//!
//! The engine's own cast takes fewer of them, and some that are none to Spark (`20240229`).

use std::sync::Arc;

use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::{Result, exec_err};

use super::super::clocks;

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// The day of a text, counted from 1970-01-01.
pub(super) fn day(text: &str) -> Option<i32> {
    let (day, rest) = leading_day(text.trim())?;
    let is_whole = rest.is_empty() || (rest.day_is_full && rest.text.starts_with([' ', 'T']));
    is_whole.then(|| i32::try_from(day).ok()).flatten()
}

/// The same of each text; what is none is an error, or NULL.
pub(super) fn all_days(texts: &StringArray, strict: bool) -> Result<Date32Array> {
    let days = texts.iter().map(|text| match text {
        None => Ok(None),
        Some(text) => match day(text) {
            None if strict => exec_err!("'{text}' is no date: try_cast makes NULL of it"),
            day => Ok(day),
        },
    });
    days.collect()
}

/// What follows a day in a text.
struct Rest<'t> {
    text: &'t str,
    /// Whether the month and the day were said.
    day_is_full: bool,
}

impl Rest<'_> {
    fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// A year, and a month and a day if they are there.
fn leading_day(text: &str) -> Option<(i64, Rest<'_>)> {
    let (is_before, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (year, text) = number(text, 4..=7)?;
    let year = if is_before { -year } else { year };
    let Some(text) = text.strip_prefix('-') else {
        return Some((days(year, 1, 1)?, Rest { text, day_is_full: false }));
    };
    let (month, text) = number(text, 1..=2)?;
    let Some(text) = text.strip_prefix('-') else {
        return Some((days(year, month, 1)?, Rest { text, day_is_full: false }));
    };
    let (day, text) = number(text, 1..=2)?;
    Some((days(year, month, day)?, Rest { text, day_is_full: true }))
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(i64, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = digits.contains(&count).then(|| text[..count].parse().ok()).flatten()?;
    Some((number, &text[count..]))
}

/// The days from 1970-01-01 to a day, if there is such a one.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=length(year, month)).contains(&day) {
        return None;
    }
    // Years that begin in March: a leap day is the last of one.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// How many days a month has.
pub(super) fn length(year: i64, month: i64) -> i64 {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a day that is counted from 1970-01-01.
pub(super) fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// What the clocks of a session show at the time of a text, in microseconds from 1970-01-01.
pub(super) fn wall(text: &str, session: &str) -> Result<Option<i64>> {
    let Some((wall, zone)) = clock(text.trim()) else { return Ok(None) };
    let zone = zone.trim();
    if zone.is_empty() {
        return Ok(Some(wall));
    }
    let Some(zone) = known(zone) else { return Ok(None) };
    let wall: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![wall]));
    let instant: ArrayRef = Arc::new(clocks::instants(&wall, &zone)?);
    let shown = clocks::shown(&instant, session)?;
    Ok(Some(shown.as_primitive::<TimestampMicrosecondType>().value(0)))
}

/// The same of each text; what is none is an error, or NULL.
pub(super) fn walls(texts: &ArrayRef, session: &str, strict: bool) -> Result<ArrayRef> {
    let walls = texts.as_string::<i32>().iter().map(|text| match text {
        None => Ok(None),
        Some(text) => match wall(text, session)? {
            None if strict => exec_err!("'{text}' is no timestamp: try_cast makes NULL of it"),
            wall => Ok(wall),
        },
    });
    Ok(Arc::new(walls.collect::<Result<TimestampMicrosecondArray>>()?))
}

/// A day and a time of it, and what is said of its zone.
fn clock(text: &str) -> Option<(i64, &str)> {
    let (day, rest) = leading_day(text)?;
    let start = day.checked_mul(DAY)?;
    if rest.is_empty() {
        return Some((start, ""));
    }
    let time = rest.text.strip_prefix([' ', 'T']).filter(|_| rest.day_is_full)?;
    let (hours, text) = number(time, 1..=2)?;
    let (minutes, text) = number(text.strip_prefix(':')?, 1..=2)?;
    let (seconds, text) = match text.strip_prefix(':') {
        Some(text) => number(text, 1..=2)?,
        None => (0, text),
    };
    let (micros, text) = match text.strip_prefix('.') {
        Some(text) => {
            let count = text.bytes().take_while(u8::is_ascii_digit).count();
            let digits = format!("{:0<6}", &text[..count.min(6)]);
            (digits.parse::<i64>().ok()?, &text[count..])
        }
        None => (0, text),
    };
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    let time = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros;
    is_time.then(|| start.checked_add(time)).flatten().map(|wall| (wall, text))
}

/// A zone that there is, as the engine writes it.
fn known(zone: &str) -> Option<String> {
    let zone = match zone {
        "Z" | "UTC" | "GMT" => return Some("+00:00".to_owned()),
        zone => zone.strip_prefix("UTC").or_else(|| zone.strip_prefix("GMT")).unwrap_or(zone),
    };
    let zone = match zone.strip_prefix(['+', '-']) {
        None => zone.to_owned(),
        Some(offset) => {
            let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
            let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours <= 18 && minutes < 60)
                .then(|| format!("{}{hours:02}:{minutes:02}", &zone[..1]))?
        }
    };
    zone.parse::<Tz>().is_ok().then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            (" 2024-2-29 ", Some(19_782)),
            ("2024-02-29 12:00:00", Some(19_782)),
            ("2024-02-29Tx", Some(19_782)),
            ("2024", Some(19_723)),
            ("2024-02", Some(19_754)),
            ("1969-12-31", Some(-1)),
            ("0001-01-01", Some(-719_162)),
            ("2023-02-29", None),
            ("20240229", None),
            ("2024-02-29x", None),
            ("24-02-29", None),
            ("", None),
        ] {
            assert_eq!(day(text), expected, "{text}");
        }
    }

    #[test]
    fn a_day_is_counted_back_and_forth() {
        for day in (-800_000..800_000).step_by(37) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day), "{year}-{month}-{of_month}");
        }
    }

    #[test]
    fn times_are_read() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-01-01 1:2:3", Some(3_723_000_000)),
            ("1970-01-01T00:01", Some(60_000_000)),
            ("1970-01-01 00:00:00.1234567", Some(123_456)),
            ("1970-01-01 00:00:00Z", Some(7_200_000_000)),
            ("1970-01-01 00:00:00 +2:00", Some(0)),
            ("1970-01-01 00:00:00 America/New_York", Some(25_200_000_000)),
            ("1970-01-01 25:00:00", None),
            ("1970-01-01 00:00:00 Nowhere", None),
            ("x", None),
        ] {
            assert_eq!(wall(text, "+02:00").unwrap(), expected, "{text}");
        }
    }
}
