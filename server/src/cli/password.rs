//! `squadron password`: the line of a user for the file that `--users` names.

use std::io::{BufRead, IsTerminal, stdin};
use std::process::ExitCode;

use super::fail;
use crate::auth::{check_name, hashed};

/// Print the line of a user for the file of users: squadron password alice >> users
///
/// The password is asked for, or read from standard input where that is no terminal. Only its hash (argon2id)
/// is printed.
#[derive(clap::Args, Debug)]
pub(super) struct PasswordArgs {
    /// Name of the user
    name: String,
}

/// Asks, hashes, prints.
pub(super) fn run(args: &PasswordArgs) -> ExitCode {
    match line(&args.name) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => fail(&why),
    }
}

fn line(name: &str) -> Result<String, String> {
    check_name(name).map_err(|why| format!("{name:?}: {why}"))?;
    let password = if stdin().is_terminal() { asked(name)? } else { read(stdin().lock())? };
    Ok(format!("{name}:{}", hashed(&password)?))
}

fn asked(name: &str) -> Result<String, String> {
    let ask = |what: &str| rpassword::prompt_password(what).map_err(|error| error.to_string());
    let password = ask(&format!("Password of {name}: "))?;
    if ask("Once more: ")? != password {
        return Err("the two differ: run it again".into());
    }
    checked(password)
}

/// The first line, without its end.
fn read(mut from: impl BufRead) -> Result<String, String> {
    let mut text = String::new();
    from.read_line(&mut text).map_err(|error| format!("standard input: {error}"))?;
    checked(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn checked(password: String) -> Result<String, String> {
    match password.is_empty() {
        true => Err("a password needs a letter at least".into()),
        false => Ok(password),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn the_end_of_the_line_is_no_part_of_the_password() {
        for (text, password) in [(" a b \r\n", " a b "), ("a", "a"), ("a\nb\n", "a")] {
            assert_eq!(read(text.as_bytes()).unwrap(), password);
        }
        assert!(read("\n".as_bytes()).is_err());
    }
}
