//! The configuration file.

use std::path::Path;

use serde::Deserialize;

use super::{AuthSection, ConfigError, EngineSection, QueriesSection, ResultsSection, TlsSection};

/// A configuration file: every key may be left out, none may be unknown.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileConfig {
    pub(super) data: Vec<String>,
    pub(super) warehouse: Option<String>,
    pub(super) allow_location: Vec<String>,
    pub(super) listen: Option<String>,
    pub(super) connections: Option<usize>,
    pub(super) auth: AuthSection,
    pub(super) tls: TlsSection,
    pub(super) cluster: squadron_cluster::Config,
    pub(super) engine: EngineSection,
    pub(super) queries: QueriesSection,
    pub(super) results: ResultsSection,
}

impl FileConfig {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("--config {}: {error}", path.display())))?;
        Self::parse(&text).map_err(|why| ConfigError(format!("{}: {why}", path.display())))
    }

    /// Parses a file; an error names the line, the key and the reason, on one line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| one_line(text, &error))
    }
}

fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', " ");
    let Some(span) = error.span() else {
        return message;
    };
    let line = text[..span.start.min(text.len())].matches('\n').count();
    let content = text.lines().nth(line).unwrap_or_default().trim();
    format!("line {}: `{content}`: {message}", line + 1)
}

/// Durations as people write them: `5m`, `30s`, `1h 30m`.
pub(super) mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, de::Error};

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_file_may_be_empty() {
        assert_eq!(FileConfig::parse("").unwrap().results, ResultsSection::default());
    }

    /// The example, with the keys that have no fixed default switched on or left as comments.
    const EXAMPLE: &str = include_str!("../../../squadron.example.toml");

    #[test]
    fn the_example_says_the_defaults() {
        let example = FileConfig::parse(EXAMPLE).unwrap();
        assert_eq!(example.listen.as_deref(), Some(super::super::LISTEN));
        assert_eq!(example.warehouse.as_deref(), Some(super::super::WAREHOUSE));
        assert_eq!(example.connections, Some(super::super::CONNECTIONS));
        assert_eq!(example.auth, AuthSection::default());
        assert_eq!(example.tls, TlsSection::default());
        assert_eq!(example.cluster, squadron_cluster::Config::default());
        assert_eq!(example.results, ResultsSection::default());
        assert_eq!(example.engine, EngineSection::default());
        assert_eq!(example.queries, QueriesSection::default());
    }

    #[test]
    fn the_example_names_keys_that_exist() {
        let uncommented: Vec<&str> = EXAMPLE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.contains(" = ") && !setting.ends_with('.') => setting,
                _ => line,
            })
            .collect();
        FileConfig::parse(&uncommented.join("\n")).unwrap();
    }

    #[test]
    fn sections_are_read() {
        let file = FileConfig::parse(
            "listen = '0.0.0.0:1'\n[results]\nkeep = '2m'\n[engine]\nmemory_limit = '1GiB'\n",
        )
        .unwrap();
        assert_eq!(file.listen.as_deref(), Some("0.0.0.0:1"));
        assert_eq!(file.results.keep, Duration::from_secs(120));
        assert_eq!(file.engine.memory_limit, Some(bytesize::ByteSize::gib(1)));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, names) in [
            ("lisen = '1'", &["line 1", "lisen", "unknown field"][..]),
            ("[results]\nkeep = 'soon'", &["line 2", "keep", "soon"]),
            ("[engine]\nmemory_limit = 'lots'", &["line 2", "memory_limit", "lots"]),
            ("[clutser]", &["line 1", "clutser"]),
        ] {
            let why = FileConfig::parse(text).unwrap_err();
            assert!(names.iter().all(|name| why.contains(name)), "{why}");
            assert!(!why.contains('\n'), "{why}");
        }
    }
}
