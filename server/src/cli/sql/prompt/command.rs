//! The commands of the prompt, which begin with a backslash.

use clap::ValueEnum;

use crate::cli::sql::args::Setting;
use crate::cli::sql::format::Format;

pub(super) const HELP: &str = "\
A statement ends with ; and may span lines. Ctrl-C cancels it, Ctrl-D leaves.
  \\d             list the tables
  \\d TABLE       show the columns of a table
  \\format FORM   print results as table, csv, json or ndjson
  \\timing        show or hide where the time goes
  \\endpoints     show or hide rows, bytes and time of each endpoint
  \\set KEY=VALUE set an option of the session, such as squadron.endpoints=one
  \\q             leave";

/// A command of the prompt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    Help,
    Tables,
    Describe(String),
    Timing,
    Endpoints,
    Format(Format),
    Set(Setting),
}

/// What newcomers type at any prompt: without them it would wait for a `;`.
const WORDS: [&str; 3] = ["help", "quit", "exit"];

impl Command {
    /// Whether an input is a command and not SQL.
    pub(super) fn is_one(input: &str) -> bool {
        Self::text(input).is_some()
    }

    /// The command in an input, without its backslash.
    pub(super) fn text(input: &str) -> Option<&str> {
        let input = input.trim();
        let word = input.trim_end_matches(';').trim_end();
        let bare = WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
        if bare { Some(word) } else { input.strip_prefix('\\') }
    }

    /// Reads what stands after the backslash. A semicolon at the end is forgiven.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match (name.to_ascii_lowercase().as_str(), rest.trim()) {
            ("q" | "quit" | "exit", "") => Ok(Self::Quit),
            ("?" | "h" | "help", "") => Ok(Self::Help),
            ("d", "") => Ok(Self::Tables),
            ("d", table) => Ok(Self::Describe(table.to_owned())),
            ("timing", "") => Ok(Self::Timing),
            ("endpoints", "") => Ok(Self::Endpoints),
            ("format", form) => Format::from_str(form, true).map(Self::Format).map_err(|_| {
                format!("there is no format {form:?}: use table, csv, json or ndjson")
            }),
            ("set", setting) => setting.parse().map(Self::Set),
            _ => Err(format!("there is no command \\{text}; \\? shows help")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for (text, command) in [
            ("q", Command::Quit),
            ("EXIT", Command::Quit),
            ("d", Command::Tables),
            ("d lineitem;", Command::Describe("lineitem".to_owned())),
            ("format CSV", Command::Format(Format::Csv)),
            ("set squadron.endpoints=one", Command::Set("squadron.endpoints=one".parse().unwrap())),
        ] {
            assert_eq!(Command::parse(text), Ok(command), "{text}");
        }
    }

    #[test]
    fn what_is_no_command_is_told_with_a_way_out() {
        assert!(Command::parse("dt").is_err_and(|told| told.contains("\\?")));
        assert!(Command::parse("format xml").is_err_and(|told| told.contains("ndjson")));
    }
}
