//! Which files are data, told by their names, and how DataFusion reads each kind.

use datafusion::catalog::Session;
use datafusion::common::config::{CsvOptions, JsonOptions};
use datafusion::common::parsers::CompressionTypeVariant as Compression;
use datafusion::config::{ConfigOptions, TableParquetOptions};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::arrow::ArrowFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use std::sync::Arc;

use super::options::FileOptions;

/// How the rows of a file are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Parquet,
    Csv,
    Tsv,
    Json,
    Arrow,
}

/// A kind of file, and the compression around the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DataFormat {
    pub(crate) kind: Kind,
    pub(crate) compression: Compression,
}

/// What of a session's settings decides a table's schema. Sessions that agree on this share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaSettings {
    force_view_types: bool,
    binary_as_string: bool,
    skip_metadata: bool,
    coerce_int96: Option<String>,
    coerce_int96_tz: Option<String>,
    csv_has_header: bool,
    csv_newlines_in_values: bool,
    csv_delimiter: Option<u8>,
    csv_quote: Option<u8>,
    csv_escape: Option<u8>,
}

const SUFFIXES: [(&str, Kind); 9] = [
    (".parquet", Kind::Parquet),
    (".csv", Kind::Csv),
    (".tsv", Kind::Tsv),
    (".json", Kind::Json),
    (".ndjson", Kind::Json),
    (".jsonl", Kind::Json),
    (".arrow", Kind::Arrow),
    (".feather", Kind::Arrow),
    (".ipc", Kind::Arrow),
];

const COMPRESSIONS: [(&str, Compression); 5] = [
    (".gz", Compression::GZIP),
    (".bz2", Compression::BZIP2),
    (".xz", Compression::XZ),
    (".zst", Compression::ZSTD),
    ("", Compression::UNCOMPRESSED),
];

// === impl DataFormat ===

impl DataFormat {
    /// A data file's name without its suffixes, and what the suffixes say; `None` for any other
    /// name. Upper and lower case mean the same.
    pub(crate) fn split(file_name: &str) -> Option<(&str, DataFormat)> {
        COMPRESSIONS.iter().find_map(|(suffix, compression)| {
            let inner = strip_suffix(file_name, suffix)?;
            let (stem, kind) = SUFFIXES
                .iter()
                .find_map(|(suffix, kind)| Some((strip_suffix(inner, suffix)?, *kind)))?;
            let format = DataFormat { kind, compression: *compression };
            let allowed = format.is_text() || *compression == Compression::UNCOMPRESSED;
            (allowed && !stem.is_empty()).then_some((stem, format))
        })
    }

    /// Whether `STORED AS name` means such files; `name` is in lower case.
    pub(crate) fn is_called(self, name: &str) -> bool {
        match self.kind {
            Kind::Parquet => name == "parquet",
            Kind::Csv => name == "csv",
            Kind::Tsv => matches!(name, "tsv" | "csv"),
            Kind::Json => matches!(name, "json" | "ndjson" | "jsonl"),
            Kind::Arrow => matches!(name, "arrow" | "feather" | "ipc"),
        }
    }

    /// The suffixes that make a file data, for messages.
    pub(crate) fn suffixes() -> String {
        let suffixes: Vec<_> = SUFFIXES.iter().map(|(suffix, _)| *suffix).collect();
        suffixes.join(", ")
    }

    /// Whether the types of values are guessed from their text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self.kind, Kind::Csv | Kind::Tsv | Kind::Json)
    }

    /// Whether DataFusion finds a file's columns by their position and not by their name.
    pub(crate) fn is_positional(self) -> bool {
        matches!(self.kind, Kind::Csv | Kind::Tsv | Kind::Arrow)
    }

    /// Whether a file of no bytes is one of no rows. Any of another format has at least its frame.
    pub(crate) fn may_be_empty(self) -> bool {
        self.is_text() && self.compression == Compression::UNCOMPRESSED
    }

    /// What to say of a file of this format that cannot be read.
    pub(crate) fn unreadable(self) -> String {
        match self.kind {
            Kind::Parquet => "not a Parquet file, or cut short".to_owned(),
            _ => format!("not readable as {self}"),
        }
    }

    /// DataFusion's reader with the session's settings, except that what decides the schema is as
    /// it was when the schema was inferred.
    pub(crate) fn reader(
        self,
        session: &dyn Session,
        settings: &SchemaSettings,
    ) -> Arc<dyn FileFormat> {
        let options = session.default_table_options();
        match self.kind {
            Kind::Parquet => {
                Arc::new(ParquetFormat::default().with_options(settings.parquet(options.parquet)))
            }
            Kind::Csv => Arc::new(self.csv(options.csv, b',', settings)),
            Kind::Tsv => Arc::new(self.csv(options.csv, b'\t', settings)),
            Kind::Json => Arc::new(self.json(options.json)),
            Kind::Arrow => Arc::new(ArrowFormat),
        }
    }

    fn csv(self, options: CsvOptions, delimiter: u8, settings: &SchemaSettings) -> CsvFormat {
        let options = CsvOptions {
            delimiter: settings.csv_delimiter.unwrap_or(delimiter),
            quote: settings.csv_quote.unwrap_or(options.quote),
            escape: settings.csv_escape.or(options.escape),
            compression: self.compression,
            has_header: Some(settings.csv_has_header),
            newlines_in_values: Some(settings.csv_newlines_in_values),
            ..options
        };
        CsvFormat::default().with_options(options)
    }

    fn json(self, options: JsonOptions) -> JsonFormat {
        let options = JsonOptions { compression: self.compression, ..options };
        JsonFormat::default().with_options(options)
    }
}

impl std::fmt::Display for DataFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.kind {
            Kind::Parquet => "Parquet",
            Kind::Csv => "CSV",
            Kind::Tsv => "TSV",
            Kind::Json => "JSON",
            Kind::Arrow => "Arrow",
        })?;
        match self.compression {
            Compression::UNCOMPRESSED => Ok(()),
            other => write!(f, " ({})", other.to_string().to_lowercase()),
        }
    }
}

// === impl SchemaSettings ===

impl SchemaSettings {
    pub(crate) fn of(config: &ConfigOptions) -> Self {
        let parquet = &config.execution.parquet;
        Self {
            force_view_types: parquet.schema_force_view_types,
            binary_as_string: parquet.binary_as_string,
            skip_metadata: parquet.skip_metadata,
            coerce_int96: parquet.coerce_int96.clone(),
            coerce_int96_tz: parquet.coerce_int96_tz.clone(),
            csv_has_header: config.catalog.has_header,
            csv_newlines_in_values: config.catalog.newlines_in_values,
            csv_delimiter: None,
            csv_quote: None,
            csv_escape: None,
        }
    }

    /// The same, of files of which this is said.
    pub(crate) fn with(self, said: &FileOptions) -> Self {
        Self {
            csv_has_header: said.has_header.unwrap_or(self.csv_has_header),
            csv_newlines_in_values: said.newlines_in_values.unwrap_or(self.csv_newlines_in_values),
            csv_delimiter: said.delimiter,
            csv_quote: said.quote,
            csv_escape: said.escape,
            ..self
        }
    }

    fn parquet(&self, mut options: TableParquetOptions) -> TableParquetOptions {
        options.global.schema_force_view_types = self.force_view_types;
        options.global.binary_as_string = self.binary_as_string;
        options.global.skip_metadata = self.skip_metadata;
        options.global.coerce_int96.clone_from(&self.coerce_int96);
        options.global.coerce_int96_tz.clone_from(&self.coerce_int96_tz);
        options
    }
}

/// `name` without `suffix`, whatever its case.
fn strip_suffix<'n>(name: &'n str, suffix: &str) -> Option<&'n str> {
    let (stem, end) = name.split_at_checked(name.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(name: &str) -> String {
        DataFormat::split(name)
            .map_or("not data".to_owned(), |(stem, format)| format!("{stem}: {format}"))
    }

    #[test]
    fn suffixes_tell_the_format_and_the_rest_is_the_name() {
        assert_eq!(describe("a.parquet"), "a: Parquet");
        assert_eq!(describe("a.b.snappy.PARQUET"), "a.b.snappy: Parquet");
        assert_eq!(describe("a.csv.gz"), "a: CSV (gzip)");
        assert_eq!(describe("a.tsv"), "a: TSV");
        assert_eq!(describe("a.jsonl.zst"), "a: JSON (zstd)");
        assert_eq!(describe("a.feather"), "a: Arrow");
    }

    #[test]
    fn other_names_are_not_data() {
        for name in ["README.md", "a.gz", "a.parquet.gz", ".parquet", "parquet", "größe"] {
            assert_eq!(describe(name), "not data", "{name}");
        }
    }
}
