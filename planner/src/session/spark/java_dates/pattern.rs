//! A pattern that dates and times are read by.

use super::super::written_times::{DAY, civil, days};

/// A pattern of Java's `DateTimeFormatter`, of the parts that say a day and a time of it.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Part>);

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
    /// A year with its sign where it has more digits than these.
    Year(usize),
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
    /// 1 for PM.
    Half,
    Minute,
    Second,
    /// Of a second.
    Micros,
}

/// How many fields there are.
const FIELDS: usize = Field::Micros as usize + 1;

/// Levels of brackets that are read: each takes a part of the stack.
const DEEPEST: usize = 16;

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
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let (parts, rest) = parts(pattern, 0)?;
        rest.is_empty().then_some(Self(parts))
    }

    /// Microseconds from 1970-01-01; `None` for a text that is not of the pattern.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        let mut read = Read::default();
        let rest = read.all(&self.0, text)?;
        rest.is_empty().then(|| read.micros()).flatten()
    }
}

/// The parts up to the end, or to the bracket that closes an optional one, and what is behind them.
fn parts(pattern: &str, depth: usize) -> Option<(Vec<Part>, &str)> {
    let (mut found, mut rest) = (Vec::new(), pattern);
    while let Some(letter) = rest.chars().next() {
        match letter {
            '[' if depth == DEEPEST => return None,
            '[' => {
                let (inner, behind) = parts(&rest[1..], depth + 1)?;
                found.push(Part::Optional(inner));
                rest = behind;
            }
            ']' if depth > 0 => return Some((found, &rest[1..])),
            '\'' => {
                let (text, behind) = quoted(&rest[1..])?;
                found.push(Part::Text(text));
                rest = behind;
            }
            letter if letter.is_ascii_alphabetic() => {
                let run = rest.len() - rest.trim_start_matches(letter).len();
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
    (depth == 0).then_some((found, rest))
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
        ('y' | 'u', 4) if !is_beside_digits => Some(Part::Year(run)),
        ('y' | 'u', 1 | 3 | 4) => {
            let most = if is_beside_digits { run } else { 10 };
            Some(Part::Number(Field::Year, run, most))
        }
        ('M' | 'L', 1 | 2) => two(Field::Month),
        ('M' | 'L', 3) => Some(Part::Month(false)),
        ('M' | 'L', 4) => Some(Part::Month(true)),
        ('d', 1 | 2) => two(Field::Day),
        ('D', 1) => Some(Part::Number(Field::DayOfYear, 1, 3)),
        ('D', 2 | 3) => Some(Part::Number(Field::DayOfYear, run, 3)),
        ('H', 1 | 2) => two(Field::Hour),
        ('h', 1 | 2) => two(Field::HourOfHalf),
        ('m', 1 | 2) => two(Field::Minute),
        ('s', 1 | 2) => two(Field::Second),
        ('S', 1..=9) => Some(Part::Fraction(run)),
        ('a', 1) => Some(Part::Half),
        _ => None,
    }
}

/// What a text has said so far of each field.
#[derive(Debug, Default, Clone)]
struct Read([Option<i64>; FIELDS]);

impl Read {
    /// What follows the parts.
    fn all<'t>(&mut self, parts: &[Part], text: &'t str) -> Option<&'t str> {
        parts.iter().try_fold(text, |rest, part| self.one(part, rest))
    }

    fn one<'t>(&mut self, part: &Part, text: &'t str) -> Option<&'t str> {
        let (field, value, rest) = match part {
            Part::Text(expected) => return behind(text, expected),
            Part::Optional(parts) => {
                let mut more = self.clone();
                let rest = more.all(parts, text);
                if rest.is_some() {
                    *self = more;
                }
                return Some(rest.unwrap_or(text));
            }
            Part::Number(field, least, most) => {
                let (number, rest) = digits(text, *least, *most)?;
                (*field, number, rest)
            }
            Part::Year(least) => {
                let (year, rest) = year(text, *least)?;
                (Field::Year, year, rest)
            }
            Part::Fraction(most) => {
                let count = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                let six: String = format!("{:0<6}", text.get(..count)?).chars().take(6).collect();
                (Field::Micros, six.parse().ok().filter(|_| count > 0)?, &text[count..])
            }
            Part::Month(is_whole) => {
                let name = |name: &'static str| if *is_whole { name } else { &name[..3] };
                let mut months = MONTHS.iter().enumerate();
                let (month, rest) =
                    months.find_map(|(at, month)| Some((at, behind(text, name(month))?)))?;
                (Field::Month, month as i64 + 1, rest)
            }
            Part::Half => match behind(text, "pm") {
                Some(rest) => (Field::Half, 1, rest),
                None => (Field::Half, 0, behind(text, "am")?),
            },
        };
        match field {
            Field::ShortYear => self.set(Field::Year, 2_000 + value)?,
            field => self.set(field, value)?,
        }
        Some(rest)
    }

    fn said(&self, field: Field) -> Option<i64> {
        self.0[field as usize]
    }

    /// `None` where the text has said something else before.
    fn set(&mut self, field: Field, value: i64) -> Option<()> {
        let known = self.0[field as usize].get_or_insert(value);
        (*known == value).then_some(())
    }

    /// Whether nothing else than this was said of a field.
    fn agrees(&self, field: Field, value: i64) -> bool {
        self.said(field).is_none_or(|said| said == value)
    }

    /// What is not said is the first of its kind, in 1970.
    fn micros(&self) -> Option<i64> {
        let (day, hour) = (self.days()?, self.hours()?);
        let [minute, second, micros] =
            [Field::Minute, Field::Second, Field::Micros].map(|of| self.said(of).unwrap_or(0));
        let seconds = (hour * 60 + minute) * 60 + second;
        let is_time = minute < 60 && second < 60;
        day.checked_mul(DAY).filter(|_| is_time)?.checked_add(seconds * 1_000_000 + micros)
    }

    fn days(&self) -> Option<i64> {
        let year = self.said(Field::Year).unwrap_or(1970);
        let Some(of_year) = self.said(Field::DayOfYear) else {
            let of = |field: Field| self.said(field).unwrap_or(1);
            return days(year, of(Field::Month), of(Field::Day));
        };
        let day = days(year, 1, 1)? + of_year - 1;
        let (in_year, month, of_month) = civil(day);
        let agrees = in_year == year
            && self.agrees(Field::Month, month)
            && self.agrees(Field::Day, of_month);
        agrees.then_some(day)
    }

    /// The hour of the day; of PM alone it is noon.
    fn hours(&self) -> Option<i64> {
        let half = self.said(Field::Half);
        let of_half = match self.said(Field::HourOfHalf) {
            Some(hour) => Some((1..=12).contains(&hour).then_some(hour % 12)?),
            None => None,
        };
        let hour = self.said(Field::Hour).unwrap_or(12 * half.unwrap_or(0) + of_half.unwrap_or(0));
        let agrees = half.is_none_or(|half| half == hour / 12)
            && of_half.is_none_or(|of_half| of_half == hour % 12);
        (hour < 24 && agrees).then_some(hour)
    }
}

/// What follows a text in any case.
fn behind<'t>(text: &'t str, expected: &str) -> Option<&'t str> {
    let begin = text.get(..expected.len())?;
    begin.eq_ignore_ascii_case(expected).then(|| &text[expected.len()..])
}

/// More digits than these have a sign before them, and a year before the first has one.
fn year(text: &str, least: usize) -> Option<(i64, &str)> {
    const MOST: usize = 10;
    if let Some(text) = text.strip_prefix('-') {
        let (year, rest) = digits(text, least, MOST)?;
        return (year > 0).then_some((-year, rest));
    }
    match text.strip_prefix('+') {
        Some(text) => digits(text, least + 1, MOST),
        None => {
            let (year, rest) = digits(text, least, least)?;
            (!rest.starts_with(|next: char| next.is_ascii_digit())).then_some((year, rest))
        }
    }
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
            ("yyyy-DD", "1970-35", Some(34 * DAY)),
            ("a", "PM", Some(12 * HOUR)),
            ("HH a", "13 PM", Some(13 * HOUR)),
            ("HH a", "13 AM", None),
            ("hh:mm H", "01:13 1", Some(HOUR + 13 * HOUR / 60)),
            ("hh:mm H", "01:13 2", None),
            ("yyyy yyyy", "1970 1970", Some(0)),
            ("yyyy yyyy", "1970 1971", None),
            ("yyyy-MM DDD", "1970-02 032", Some(31 * DAY)),
            ("yyyy-MM DDD", "1970-01 032", None),
            ("yyyy", "+11970", Some(3_652_425 * DAY)),
            ("yyyy", "-0001", Some(-719_893 * DAY)),
            ("yyyy", "11970", None),
            ("yyyy", "+1970", None),
            ("yyyy", "-0000", None),
            ("yyyy-MM-dd", "1970-1-2", None),
            ("yyyy-MM-dd", "1970-01-02x", None),
            ("yyyy-MM-dd", "1970-02-30", None),
        ] {
            assert_eq!(Pattern::of(pattern).unwrap().read(text), expected, "{pattern} {text}");
        }
        assert!(Pattern::of(&format!("{}y{}", "[".repeat(16), "]".repeat(16))).is_some());
        assert!(Pattern::of(&"[".repeat(100_000)).is_none());
        for unknown in ["yyyy-MM-dd XXX", "EEE", "'x", "yyyy]", "kk"] {
            assert!(Pattern::of(unknown).is_none(), "{unknown}");
        }
    }
}
