//! The command line of `squadron sql`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::failure::SqlError;
use super::format::Format;
use crate::client::{ClientOptions, Credentials, Order, TransportOptions};

/// Runs SQL on a Flight SQL server and reads the result from all its endpoints in parallel.
///
/// Without SQL, and with a terminal, it is an interactive prompt.
#[derive(clap::Args, Clone)]
pub struct SqlArgs {
    /// The server: grpc://HOST:PORT, grpc+tls://HOST:PORT, flightsql://HOST:PORT?transport=tcp or HOST:PORT
    pub(super) uri: String,
    /// One or several statements separated by `;`, or `-` to read them from standard input
    pub(super) sql: Option<String>,
    /// Read the statements from this file
    #[arg(short, long, conflicts_with = "sql")]
    pub(super) file: Option<PathBuf>,
    /// The form of the result [default: by the extension of --output, else table]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,
    /// Write the result to this file, which appears only when all of it is there
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Show at most this many rows of a table; 0 shows all [default: 1000, and all in a file]
    #[arg(long, value_name = "ROWS")]
    pub(super) max_rows: Option<usize>,
    /// Read endpoints in parallel but give all rows of the first before those of the second
    #[arg(long)]
    pub(super) ordered: bool,
    /// Run the statement, and show its stages and which node ran what in place of the result
    #[arg(long)]
    pub(super) explain: bool,
    /// Say how long planning, the first batch and the whole took
    #[arg(long)]
    pub(super) timing: bool,
    /// Show rows, bytes and time of each endpoint
    #[arg(long)]
    pub(super) endpoints: bool,
    /// Say nothing but the result and errors
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Set an option of the session (repeatable): squadron.* goes as a header, others by SET
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) settings: Vec<Setting>,
    /// The user to log in as
    #[arg(long, env = "SQUADRON_USER")]
    pub(super) user: Option<String>,
    /// The user's password; safer in the environment than here
    #[arg(long, env = "SQUADRON_PASSWORD", hide_env_values = true)]
    pub(super) password: Option<String>,
    /// A bearer token, in place of user and password; safer in the environment than here
    #[arg(long, env = "SQUADRON_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Trust the certificates in this PEM file for TLS, in place of the system's
    #[arg(long, value_name = "FILE")]
    pub(super) tls_ca: Option<PathBuf>,
    /// Show the certificate in this PEM file to servers that ask for one
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(super) tls_key: Option<PathBuf>,
    /// Give up connecting after this long
    #[arg(long, default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) connect_timeout: Duration,
}

fn read(path: &Option<PathBuf>) -> Result<Option<Vec<u8>>, SqlError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| SqlError::Read { path: path.clone(), source })
    };
    path.as_ref().map(read).transpose()
}

impl SqlArgs {
    /// By the extension of the file, or for the eye.
    pub(super) fn format(&self) -> Result<Format, SqlError> {
        match (self.format, &self.output) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::Table),
            (None, Some(path)) => Format::of_path(path).ok_or_else(|| {
                SqlError::Usage(format!(
                    "the extension of {} is of no format: add --format, or name it .csv, .json, .ndjson, .parquet, .arrow or .txt",
                    path.display()
                ))
            }),
        }
    }

    /// How many rows a table has at most; 0 for all.
    pub(super) fn max_rows(&self) -> usize {
        let on_screen = if self.output.is_none() { 1000 } else { 0 };
        self.max_rows.unwrap_or(on_screen)
    }

    pub(super) fn order(&self) -> Order {
        if self.ordered { Order::Endpoints } else { Order::Arrival }
    }

    /// How to connect; reads the files of certificates.
    pub(super) fn client_options(&self) -> Result<ClientOptions, SqlError> {
        let transport = TransportOptions {
            connect_timeout: self.connect_timeout,
            tls_ca: read(&self.tls_ca)?,
            tls_identity: read(&self.tls_certificate)?.zip(read(&self.tls_key)?),
            ..Default::default()
        };
        let headers = self.settings.iter().filter_map(Setting::header).collect();
        Ok(ClientOptions { credentials: self.credentials()?, headers, transport })
    }

    fn credentials(&self) -> Result<Credentials, SqlError> {
        match (&self.token, &self.user, &self.password) {
            (Some(token), _, _) => Ok(Credentials::Token(token.clone())),
            (None, Some(user), Some(password)) => {
                Ok(Credentials::Password { user: user.clone(), password: password.clone() })
            }
            (None, None, None) => Ok(Credentials::Anonymous),
            (None, Some(_), None) => Err(SqlError::Usage(
                "a user needs a password: set SQUADRON_PASSWORD or --password".to_owned(),
            )),
            (None, None, Some(_)) => Err(SqlError::Usage(
                "a password needs a user: set --user or SQUADRON_USER".to_owned(),
            )),
        }
    }
}

/// An option of the session, `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    key: String,
    value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        match key.is_empty() || !key.chars().all(plain) {
            true => Err(format!("{key:?} is not the name of an option")),
            false => Ok(Self { key, value }),
        }
    }
}

impl Setting {
    /// `squadron.execution_mode=local` as `squadron-execution-mode: local`: proxies drop headers
    /// with underscores.
    pub(super) fn header(&self) -> Option<(String, String)> {
        let ours = self.key.starts_with("squadron.");
        ours.then(|| (self.key.replace(['.', '_'], "-"), self.value.clone()))
    }

    /// The statement for an option that is not ours.
    pub(super) fn statement(&self) -> Option<String> {
        let value = self.value.replace('\'', "''");
        self.header().is_none().then(|| format!("SET {} = '{value}'", self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(text: &str) -> Setting {
        text.parse().unwrap()
    }

    #[test]
    fn our_options_are_headers() {
        let header = setting("squadron.execution_mode = local").header();
        assert_eq!(header, Some(("squadron-execution-mode".to_owned(), "local".to_owned())));
        assert_eq!(setting("squadron.endpoints=one").statement(), None);
    }

    #[test]
    fn other_options_are_statements_with_their_value_quoted() {
        let statement = setting("datafusion.sql_parser.dialect=it's").statement();
        assert_eq!(statement.as_deref(), Some("SET datafusion.sql_parser.dialect = 'it''s'"));
    }

    #[test]
    fn a_setting_without_a_plain_name_is_refused() {
        for text in ["local", "=local", "a b=c", "a;drop=1"] {
            assert!(text.parse::<Setting>().is_err(), "{text}");
        }
    }
}
