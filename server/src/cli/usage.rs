//! What is wrong with a command line, in one line.
//!
//! clap takes several, with an empty one between any two: in the log of a service, where only the last
//! line of a start that failed is shown, that is "try '--help'".

use clap::Error;

/// The reason and clap's tip, without its preamble and how the command is called.
pub(super) fn line(error: &Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.take_while(|line| !line.starts_with("Usage:"));
    let mut told = String::new();
    for line in lines.filter(|line| !line.starts_with("For more information")) {
        match (line.strip_prefix("error: "), line.strip_prefix("tip: ")) {
            (Some(reason), _) => told.push_str(reason),
            (_, Some(tip)) => told = format!("{told}; {tip}"),
            _ => told = format!("{told} {line}"),
        }
    }
    format!("{told} (try --help)")
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    fn told(arguments: &[&str]) -> String {
        let number = Arg::new("n").long("number").value_parser(clap::value_parser!(u8));
        let command = Command::new("squadron").arg(number).arg(Arg::new("URI").required(true));
        let line = std::iter::once("squadron").chain(arguments.iter().copied());
        super::line(&command.try_get_matches_from(line).unwrap_err())
    }

    #[test]
    fn a_value_is_told_with_its_flag_and_reason() {
        let told = told(&["uri", "--number", "many"]);
        assert_eq!(
            told,
            "invalid value 'many' for '--number <n>': invalid digit found in string (try --help)"
        );
    }

    #[test]
    fn a_tip_stays() {
        let told = told(&["uri", "--numbr", "1"]);
        assert!(told.starts_with("unexpected argument '--numbr' found; "), "{told}");
        assert!(told.contains("'--number'") && !told.contains('\n'), "{told}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let told = told(&[]);
        assert!(told.contains("not provided: <URI>"), "{told}");
    }
}
