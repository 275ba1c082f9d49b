//! A pattern that dates and times are read by.

use super::super::written_times::{DAY, days};

/// A pattern of Java's `DateTimeFormatter`, of the parts that say a day and a time of it.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    /// A number of so many digits at least and at most.
    Number(Field, usize, usize),
    /// Digits of a second, as many as there are up to a number of them.
    Fraction(usize),
    /// A month by its first letters, or its whole name.
    Month(bool),
    /// AM or PM.
    Half,
    Optional(Vec<Part>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    /// Of this century.
    ShortYear,
    Month,
    Day,
    DayOfYear,
    Hour,
    HourOfHalf,
    Minute,
    Second,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Pattern {
    /// `None` for one with parts that nothing is read by here.
    pub(crate) fn of(pattern: &str) -> Option<Self> {
        let (parts, rest) = parts(pattern, false)?;
        rest.is_empty().then_some(Self(parts))
    }

    /// Microseconds from 1970-01-01; `None` for a text that is not of the pattern.
    pub(crate) fn read(&self, text: &str) -> Option<i64> {
        let mut read = Read::default();
        let rest = read.all(&self.0, text)?;
        rest.is_empty().then(|| read.micros()).flatten()
    }
}

/// The parts up to the end, or to the bracket that closes an optional one, and what is behind them.
fn parts(pattern: &str, in_brackets: bool) -> Option<(Vec<Part>, &str)> {
    let (mut found, mut rest) = (Vec::new(), pattern);
    while let Some(letter) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches(letter).len();
        match letter {
            '[' => {
                let (inner, behind) = parts(&rest[1..], true)?;
                found.push(Part::Optional(inner));
                rest = behind;
            }
            ']' if in_brackets => return Some((found, &rest[1..])),
            '\'' => {
                let (text, behind) = quoted(&rest[1..])?;
                found.push(Part::Text(text));
                rest = behind;
            }
            letter if letter.is_ascii_alphabetic() => {
                rest = &rest[run..];
                let is_beside_digits = rest.starts_with(|next: char| "MLdDHhmsS".contains(next));
                found.push(part(letter, run, is_beside_digits)?);
            }
            ']' | '{' | '}' | '#' => return None,
            letter => {
                found.push(Part::Text(letter.to_string()));
                rest = &rest[letter.len_utf8()..];
            }
        }
    }
    (!in_brackets).then_some((found, rest))
}

/// A text up to the quote that closes it, of which two are one, and what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    if let Some(behind) = text.strip_prefix('\'') {
        return Some(("'".to_owned(), behind));
    }
    let (mut all, mut rest) = (String::new(), text);
    loop {
        let (part, behind) = rest.split_once('\'')?;
        all.push_str(part);
        let Some(more) = behind.strip_prefix('\'') else { return Some((all, behind)) };
        all.push('\'');
        rest = more;
    }
}

fn part(letter: char, run: usize, is_beside_digits: bool) -> Option<Part> {
    let two = |field: Field| Some(Part::Number(field, run, if run == 1 { 2 } else { run }));
    match (letter, run) {
        ('y' | 'u', 2) => Some(Part::Number(Field::ShortYear, 2, 2)),
        ('y' | 'u', 1 | 3 | 4) => {
            let most = if is_beside_digits { run } else { 10 };
            Some(Part::Number(Field::Year, run, most))
        }
        ('M' | 'L', 1 | 2) => two(Field::Month),
        ('M' | 'L', 3) => Some(Part::Month(false)),
        ('M' | 'L', 4) => Some(Part::Month(true)),
        ('d', 1 | 2) => two(Field::Day),
        ('D', 1) => Some(Part::Number(Field::DayOfYear, 1, 3)),
        ('D', 3) => Some(Part::Number(Field::DayOfYear, 3, 3)),
        ('H', 1 | 2) => two(Field::Hour),
        ('h', 1 | 2) => two(Field::HourOfHalf),
        ('m', 1 | 2) => two(Field::Minute),
        ('s', 1 | 2) => two(Field::Second),
        ('S', 1..=9) => Some(Part::Fraction(run)),
        ('a', 1) => Some(Part::Half),
        _ => None,
    }
}

/// What a text has said so far.
#[derive(Debug, Default, Clone)]
struct Read {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    hour_of_half: Option<i64>,
    is_after_noon: bool,
    minute: i64,
    second: i64,
    micros: i64,
}

impl Read {
    /// What follows the parts.
    fn all<'t>(&mut self, parts: &[Part], text: &'t str) -> Option<&'t str> {
        parts.iter().try_fold(text, |rest, part| self.one(part, rest))
    }

    fn one<'t>(&mut self, part: &Part, text: &'t str) -> Option<&'t str> {
        match part {
            Part::Text(expected) => behind(text, expected),
            Part::Optional(parts) => {
                let mut more = self.clone();
                Some(match more.all(parts, text) {
                    Some(rest) => {
                        *self = more;
                        rest
                    }
                    None => text,
                })
            }
            Part::Number(field, least, most) => {
                let (number, rest) = digits(text, *least, *most)?;
                self.set(*field, number);
                Some(rest)
            }
            Part::Fraction(most) => {
                let count = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                let six: String = format!("{:0<6}", text.get(..count)?).chars().take(6).collect();
                self.micros = six.parse().ok().filter(|_| count > 0)?;
                Some(&text[count..])
            }
            Part::Month(is_whole) => {
                let name = |name: &'static str| if *is_whole { name } else { &name[..3] };
                let mut months = MONTHS.iter().enumerate();
                let (month, rest) =
                    months.find_map(|(at, month)| Some((at, behind(text, name(month))?)))?;
                self.month = Some(month as i64 + 1);
                Some(rest)
            }
            Part::Half => {
                self.is_after_noon = behind(text, "pm").is_some();
                behind(text, "am").or_else(|| behind(text, "pm"))
            }
        }
    }

    fn set(&mut self, field: Field, number: i64) {
        match field {
            Field::Year => self.year = Some(number),
            Field::ShortYear => self.year = Some(2_000 + number),
            Field::Month => self.month = Some(number),
            Field::Day => self.day = Some(number),
            Field::DayOfYear => self.day_of_year = Some(number),
            Field::Hour => self.hour = Some(number),
            Field::HourOfHalf => self.hour_of_half = Some(number),
            Field::Minute => self.minute = number,
            Field::Second => self.second = number,
        }
    }

    /// What is not said is the first of its kind, in 1970.
    fn micros(&self) -> Option<i64> {
        let year = self.year.unwrap_or(1970);
        let day = match self.day_of_year {
            Some(of_year) => {
                let first = days(year, 1, 1)?;
                let day = first + of_year - 1;
                (of_year >= 1 && day < days(year + 1, 1, 1)?).then_some(day)?
            }
            None => days(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match (self.hour, self.hour_of_half) {
            (Some(hour), _) => hour,
            (None, Some(hour)) => {
                let hour = (1..=12).contains(&hour).then_some(hour % 12)?;
                hour + if self.is_after_noon { 12 } else { 0 }
            }
            (None, None) => 0,
        };
        let is_time = hour < 24 && self.minute < 60 && self.second < 60;
        let seconds = (hour * 60 + self.minute) * 60 + self.second;
        let time = seconds * 1_000_000 + self.micros;
        day.checked_mul(DAY).filter(|_| is_time)?.checked_add(time)
    }
}

/// What follows a text in any case.
fn behind<'t>(text: &'t str, expected: &str) -> Option<&'t str> {
    let begin = text.get(..expected.len())?;
    begin.eq_ignore_ascii_case(expected).then(|| &text[expected.len()..])
}

fn digits(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let number = (count >= least).then(|| text[..count].parse().ok()).flatten()?;
    Some((number, &text[count..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_by_javas_patterns() {
        const HOUR: i64 = 3_600_000_000;
        for (pattern, text, expected) in [
            ("yyyy-MM-dd", "1970-01-02", Some(DAY)),
            ("yyyyMMdd", "19700103", Some(2 * DAY)),
            ("d/M/yyyy", "3/1/1970", Some(2 * DAY)),
            ("dd/MM/yy", "31/12/99", Some(47_481 * DAY)),
            ("yyyy", "1971", Some(365 * DAY)),
            ("MMM d, yyyy h:mm a", "Jan 2, 1970 1:00 PM", Some(DAY + 13 * HOUR)),
            ("yyyy-MM-dd[ HH:mm:ss[.SSS]]", "1970-01-01 01:00:00.5", Some(HOUR + 500_000)),
            ("yyyy-MM-dd[ HH:mm:ss[.SSS]]", "1970-01-01", Some(0)),
            ("yyyy-MM-dd'T'HH", "1970-01-01T02", Some(2 * HOUR)),
            ("h 'o''clock'", "1 o'clock", Some(HOUR)),
            ("yyyy DDD", "1971 001", Some(365 * DAY)),
            ("yyyy-MM-dd", "1970-1-2", None),
            ("yyyy-MM-dd", "1970-01-02x", None),
            ("yyyy-MM-dd", "1970-02-30", None),
        ] {
            assert_eq!(Pattern::of(pattern).unwrap().read(text), expected, "{pattern} {text}");
        }
        for unknown in ["yyyy-MM-dd XXX", "EEE", "'x", "yyyy]", "kk"] {
            assert!(Pattern::of(unknown).is_none(), "{unknown}");
        }
    }
}
