//! Where the statements come from: the command line, a file, or standard input.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use super::args::SqlArgs;
use super::failure::SqlError;
use super::split::split;

/// The statements to run, in order; none at all asks for the prompt.
pub(super) fn statements(args: &SqlArgs) -> Result<Option<Vec<String>>, SqlError> {
    let text = match (&args.file, args.sql.as_deref()) {
        (Some(path), _) if path != Path::new("-") => read_file(path)?,
        (Some(_), _) | (None, Some("-")) => read_input()?,
        (None, Some(sql)) => sql.to_owned(),
        (None, None) if io::stdin().is_terminal() => return Ok(None),
        (None, None) => read_input()?,
    };
    let statements: Vec<_> = split(&text).statements().into_iter().map(str::to_owned).collect();
    if statements.is_empty() {
        return Err(SqlError::Usage("there is no statement to run".to_owned()));
    }
    Ok(Some(statements))
}

fn read_file(path: &Path) -> Result<String, SqlError> {
    std::fs::read_to_string(path).map_err(|source| SqlError::Read { path: path.to_owned(), source })
}

fn read_input() -> Result<String, SqlError> {
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text);
    let path = || "standard input".into();
    read.map_err(|source| SqlError::Read { path: path(), source })?;
    Ok(text)
}
