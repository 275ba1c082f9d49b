//! The forms a result can be printed in, and which one a file name asks for.

use std::path::Path;

use clap::ValueEnum;

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For eyes: a table with borders, of at most --max-rows rows
    Table,
    /// Comma-separated values with a header line; nested values as JSON
    Csv,
    /// One JSON array of objects
    Json,
    /// One JSON object per line
    Ndjson,
    /// Apache Parquet, Snappy-compressed
    Parquet,
    /// Arrow IPC: the file format in a file, the stream format on standard output
    Arrow,
}

impl Format {
    /// What the extension of `path` says, if anything.
    pub(super) fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            "arrow" | "ipc" | "feather" => Some(Self::Arrow),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// Not for a terminal.
    pub(super) fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    /// Whether one file can hold one result only.
    pub(super) fn holds_one_result(self) -> bool {
        matches!(self, Self::Json | Self::Parquet | Self::Arrow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_says_its_format() {
        for (name, format) in [
            ("a.csv", Some(Format::Csv)),
            ("a.JSONL", Some(Format::Ndjson)),
            ("dir.csv/a", None),
            ("a.parquet", Some(Format::Parquet)),
        ] {
            assert_eq!(Format::of_path(Path::new(name)), format, "{name}");
        }
    }
}
