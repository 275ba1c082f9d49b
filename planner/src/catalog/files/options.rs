//! How the CSV files of a table are read, where the statement that made it says so: `OPTIONS ('format.delimiter' ';')`.
//!
//! What is not said there is as the session has it (`datafusion.catalog.has_header`).

use std::collections::BTreeMap;

/// An option's name, and what DataFusion and Spark call it; the first is kept.
const NAMES: [(&str, &[&str]); 5] = [
    (HAS_HEADER, &["format.has_header", "has_header", "header"]),
    (DELIMITER, &["format.delimiter", "delimiter", "sep"]),
    (QUOTE, &["format.quote", "quote"]),
    (ESCAPE, &["format.escape", "escape"]),
    (NEWLINES, &["format.newlines_in_values", "newlines_in_values", "multiline"]),
];

const HAS_HEADER: &str = "format.has_header";
const DELIMITER: &str = "format.delimiter";
const QUOTE: &str = "format.quote";
const ESCAPE: &str = "format.escape";
const NEWLINES: &str = "format.newlines_in_values";

/// What is said of a table's files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileOptions {
    pub(crate) has_header: Option<bool>,
    pub(crate) newlines_in_values: Option<bool>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
}

impl FileOptions {
    /// # Errors
    /// What is wrong with a value, or that there is no such option.
    pub(crate) fn of(options: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut all = Self::default();
        for (name, value) in options {
            match name.as_str() {
                HAS_HEADER => all.has_header = Some(flag(name, value)?),
                NEWLINES => all.newlines_in_values = Some(flag(name, value)?),
                DELIMITER => all.delimiter = Some(byte(name, value)?),
                QUOTE => all.quote = Some(byte(name, value)?),
                ESCAPE => all.escape = Some(byte(name, value)?),
                other => return Err(unknown(other)),
            }
        }
        let quote = all.quote.unwrap_or(b'"');
        match all.delimiter == Some(quote) {
            true => {
                Err(format!("'{DELIMITER}' and '{QUOTE}' are one character: {}", char::from(quote)))
            }
            false => Ok(all),
        }
    }
}

/// The name that is kept for one that a statement has.
///
/// # Errors
/// That there is no such option.
pub(crate) fn option_name(said: &str) -> Result<&'static str, String> {
    let name = said.to_lowercase();
    let found = NAMES.iter().find(|(_, names)| names.contains(&name.as_str()));
    found.map(|(kept, _)| *kept).ok_or_else(|| unknown(said))
}

fn unknown(name: &str) -> String {
    let all: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
    format!("there is no option '{name}' of files: there are {}", all.join(", "))
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    value
        .to_lowercase()
        .parse()
        .map_err(|_| format!("'{name}' is true or false, and not '{value}'"))
}

fn byte(name: &str, value: &str) -> Result<u8, String> {
    match value {
        "\\t" => Ok(b'\t'),
        _ => match value.as_bytes() {
            [b'\r' | b'\n'] => Err(format!("'{name}' is no end of a line")),
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err(format!("'{name}' is one character of ASCII, and not '{value}'")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<FileOptions, String> {
        let name = option_name(name)?;
        FileOptions::of(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn an_option_has_the_names_of_datafusion_and_of_spark() {
        for (name, value) in [("format.delimiter", ";"), ("sep", ";"), ("DELIMITER", ";")] {
            assert_eq!(read(name, value).unwrap().delimiter, Some(b';'), "{name}");
        }
        assert_eq!(read("header", "FALSE").unwrap().has_header, Some(false));
        assert_eq!(read("sep", "\\t").unwrap().delimiter, Some(b'\t'));
    }

    #[test]
    fn what_is_no_option_is_said() {
        assert!(read("format.compression", "gzip").unwrap_err().contains("format.has_header"));
        assert!(read("header", "perhaps").unwrap_err().contains("true or false"));
        assert!(read("sep", "||").unwrap_err().contains("one character"));
        assert!(read("sep", "\n").unwrap_err().contains("end of a line"));
        assert!(read("sep", "\"").unwrap_err().contains("are one character"));
    }
}
