//! The interactive prompt: statements until `;`, commands that begin with `\`, history and
//! completion. Ctrl-C clears the line or cancels the running statement; Ctrl-D leaves.

mod command;
mod completion;
mod describe;
mod editor;

use std::sync::Arc;

use parking_lot::RwLock;
use rustyline::error::ReadlineError;

use super::failure::SqlError;
use super::output::Destination;
use super::runner::Runner;
use super::split::split;
use super::tell;
use command::{Command, HELP};
use completion::Names;
use editor::LineEditor;

/// Reads and runs until the user leaves.
pub(super) async fn run(runner: &mut Runner) -> Result<(), SqlError> {
    let names = Arc::new(RwLock::new(Names::default()));
    let mut editor = LineEditor::new(Arc::clone(&names))?;
    greet(runner);
    load_names(runner, &names).await;
    loop {
        let (again, line) = editor.read().await?;
        editor = again;
        let text = match line {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(editor::unusable(&error)),
        };
        let left = match Command::text(&text) {
            Some(command) => obey(runner, &names, command).await,
            None => run_text(runner, &names, &text).await,
        };
        match left {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(SqlError::BrokenPipe) => return Err(SqlError::BrokenPipe),
            Err(error) => tell(&runner.console, &error),
        }
    }
}

fn greet(runner: &Runner) {
    if !runner.settings.quiet {
        let target = runner.client.target();
        runner.console.say(&format!("Connected to {target}. \\? shows help, \\q leaves."));
    }
}

/// Completion works without: a server that cannot list tables still answers queries.
async fn load_names(runner: &Runner, names: &RwLock<Names>) {
    if let Ok(tables) = runner.client.tables().await {
        *names.write() = Names::new(tables);
    }
}

/// Runs the statements of one input; gives whether to leave, which is never.
async fn run_text(runner: &Runner, names: &RwLock<Names>, text: &str) -> Result<bool, SqlError> {
    let destination = Destination::stream(runner.console.out.clone());
    for statement in split(text).statements() {
        runner.run(statement, || Ok(&destination)).await?;
        if changes_tables(statement) {
            load_names(runner, names).await;
        }
    }
    Ok(false)
}

fn changes_tables(statement: &str) -> bool {
    let first = statement.split_whitespace().next().unwrap_or_default();
    ["create", "drop", "alter"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Does what a command says; gives whether to leave.
async fn obey(runner: &mut Runner, names: &RwLock<Names>, text: &str) -> Result<bool, SqlError> {
    let settings = &mut runner.settings;
    match Command::parse(text).map_err(SqlError::Usage)? {
        Command::Quit => return Ok(true),
        Command::Help => runner.console.say(HELP),
        Command::Timing => {
            settings.timing = !settings.timing;
            runner.console.say(&format!("timing is {}", on_off(settings.timing)));
        }
        Command::Endpoints => {
            settings.endpoints = !settings.endpoints;
            runner.console.say(&format!("endpoints are {}", on_off(settings.endpoints)));
        }
        Command::Format(format) if format.is_binary() && runner.console.out_is_terminal => {
            let text = "that format is not for a terminal: use squadron sql --output FILE";
            return Err(SqlError::Usage(text.to_owned()));
        }
        Command::Format(format) => settings.format = format,
        Command::Set(setting) => match (setting.header(), setting.statement()) {
            (Some((name, value)), _) => runner.client.set_header(&name, &value)?,
            (None, Some(statement)) => runner.client.run(&statement).await?,
            (None, None) => {}
        },
        Command::Tables => describe::tables(runner, names).await?,
        Command::Describe(table) => describe::table(runner, names, &table).await?,
    }
    Ok(false)
}

fn on_off(on: bool) -> &'static str {
    if on { "shown" } else { "not shown" }
}
