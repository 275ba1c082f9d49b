//! Intervals of several fields: `'1-2' YEAR TO MONTH`, `'1 10:00' DAY TO MINUTE`, `'3 days 4:05:06'`.
//!
//! Problem: DataFusion 55 takes a number and its unit alone. Here: each field is one, as the standard and PostgreSQL read them.

use datafusion::sql::sqlparser::ast::DateTimeField;

/// What a text says between two fields, each with its unit; `None` where it has not a number for each of them.
pub(super) fn between(text: &str, first: &DateTimeField, last: &DateTimeField) -> Option<String> {
    const DAYS: [(&str, DateTimeField); 4] = [
        ("days", DateTimeField::Day),
        ("hours", DateTimeField::Hour),
        ("minutes", DateTimeField::Minute),
        ("seconds", DateTimeField::Second),
    ];
    const YEARS: [(&str, DateTimeField); 2] =
        [("years", DateTimeField::Year), ("months", DateTimeField::Month)];
    let (sign, text) = signed(text.trim());
    let place = |of: &[(&str, DateTimeField)], field| of.iter().position(|(_, of)| of == field);
    let (units, marks): (&[_], &[char]) = match place(&YEARS, first) {
        Some(_) => (&YEARS, &['-']),
        None => (&DAYS, &[' ', ':']),
    };
    let units = units.get(place(units, first)?..=place(units, last)?)?;
    let numbers: Vec<&str> = text.split(marks).filter(|part| !part.is_empty()).collect();
    let fits = numbers.len() == units.len() && numbers.iter().all(|number| is_number(number));
    fits.then(|| said(sign, &numbers, units.iter().map(|(unit, _)| *unit)))
}

/// A clock with its units: `4:05`, `-4:05:06.5`.
pub(super) fn clock(text: &str) -> Option<String> {
    let (sign, text) = signed(text);
    let numbers: Vec<&str> = text.split(':').collect();
    let is_clock = matches!(numbers.len(), 2 | 3) && numbers.iter().all(|of| is_number(of));
    is_clock.then(|| said(sign, &numbers, ["hours", "minutes", "seconds"].into_iter()))
}

/// Each number with its unit. The sign is that of them all.
fn said<'u>(sign: &str, numbers: &[&str], units: impl Iterator<Item = &'u str>) -> String {
    let fields = numbers.iter().zip(units);
    fields.map(|(number, unit)| format!("{sign}{number} {unit}")).collect::<Vec<_>>().join(" ")
}

fn signed(text: &str) -> (&str, &str) {
    match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Digits, and behind a point more of them.
fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |of: &str| !of.is_empty() && of.bytes().all(|digit| digit.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}
