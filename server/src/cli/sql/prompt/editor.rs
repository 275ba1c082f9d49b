//! The line editor: keys, history file, completion, and when an input is whole.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use etcetera::BaseStrategy;
use parking_lot::RwLock;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper, Hinter};

use super::command::Command;
use super::completion::Names;
use crate::cli::sql::failure::SqlError;
use crate::cli::sql::split::split;

const PROMPT: &str = "squadron> ";

/// Reads inputs: one command, or statements up to a `;`.
pub(super) struct LineEditor {
    editor: Editor<SqlHelper, FileHistory>,
    /// None where there is no home to keep it in.
    history: Option<PathBuf>,
}

impl LineEditor {
    pub(super) fn new(names: Arc<RwLock<Names>>) -> Result<Self, SqlError> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            .build();
        let mut editor = Editor::with_config(config).map_err(|e| unusable(&e))?;
        editor.set_helper(Some(SqlHelper { names }));
        let history = history_file();
        if let Some(path) = &history {
            editor.load_history(path).ok(); // the first time there is none
        }
        Ok(Self { editor, history })
    }

    /// Waits for an input on a thread of its own; the editor comes back with it.
    pub(super) async fn read(mut self) -> Result<(Self, Result<String, ReadlineError>), SqlError> {
        let read = tokio::task::spawn_blocking(move || {
            let line = self.editor.readline(PROMPT);
            if let Ok(text) = &line {
                self.remember(text);
            }
            (self, line)
        });
        read.await.map_err(|e| unusable(&ReadlineError::Io(io::Error::other(e))))
    }

    /// A history that cannot be written is no reason to refuse a statement.
    fn remember(&mut self, text: &str) {
        let added = self.editor.add_history_entry(text.trim()).unwrap_or(false);
        if let (true, Some(path)) = (added, &self.history) {
            self.editor.append_history(path).ok();
        }
    }
}

pub(super) fn unusable(error: &ReadlineError) -> SqlError {
    let source = io::Error::other(error.to_string());
    SqlError::Read { path: "the terminal".into(), source }
}

/// `$XDG_STATE_HOME/squadron/sql_history`, in a folder that is made if need be.
fn history_file() -> Option<PathBuf> {
    let folder = etcetera::base_strategy::Xdg::new().ok()?.state_dir()?.join("squadron");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}

#[derive(Helper, Hinter)]
struct SqlHelper {
    names: Arc<RwLock<Names>>,
}

impl Completer for SqlHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.names.read().complete(line, position))
    }
}

impl Highlighter for SqlHelper {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(format!("\x1b[1m{prompt}\x1b[0m"))
    }
}

impl Validator for SqlHelper {
    /// Enter ends an input that is whole, else begins the next line of it.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match is_whole(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

fn is_whole(input: &str) -> bool {
    let cut = split(input);
    Command::is_one(input) || (cut.rest.is_empty() && !cut.open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_whole_with_its_semicolon() {
        assert!(!is_whole("select 1"));
        assert!(!is_whole("select ';"));
        assert!(is_whole("select 1;"));
    }

    #[test]
    fn commands_and_nothing_are_whole_at_once() {
        assert!(is_whole("\\d lineitem"));
        assert!(is_whole("help"));
        assert!(is_whole("  "));
    }
}
