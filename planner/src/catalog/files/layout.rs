//! A listing understood as one table: one format, one set of partition columns, or an error that
//! says which file stands in the way.

use super::format::DataFormat;
use super::listing::{DataFile, Listing, Place, TableFormat};
use super::partitions::{self, Pair};
use crate::catalog::error::CatalogError;
use crate::catalog::location::DataLocation;
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::ScalarValue;
use object_store::ObjectMeta;

/// The files of one table and what their folders say.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) format: DataFormat,
    pub(crate) columns: Vec<FieldRef>,
    pub(crate) files: Vec<PlacedFile>,
}

/// A file that is not empty, with its value for each partition column.
#[derive(Debug, Clone)]
pub(crate) struct PlacedFile {
    pub(crate) meta: ObjectMeta,
    pub(crate) values: Vec<ScalarValue>,
}

/// A place together with the location it was found in: what a message needs to name files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'s> {
    pub(crate) location: &'s DataLocation,
    pub(crate) place: &'s Place,
}

// === impl Layout ===

impl Layout {
    /// Understands a listing, or says which file stands in the way.
    pub(crate) fn of(site: Site, listing: &Listing) -> Result<Self, CatalogError> {
        if let Some(format) = listing.kept_by {
            return Err(site.invalid(kept_by(format)));
        }
        let files = site.files(listing)?;
        let format = site.one_format(&files)?;
        let rows = site.partition_rows(&files)?;
        let columns = partitions::columns(&rows);
        let files = site.place_files(&files, &rows, &columns)?;
        Ok(Self { format, columns, files })
    }
}

// === impl Site ===

impl<'s> Site<'s> {
    fn show(&self, file: &DataFile) -> String {
        self.location.show(&file.meta.location)
    }

    fn invalid(&self, problem: impl Into<String>) -> CatalogError {
        CatalogError::invalid(self.location.show(self.place.path()), problem)
    }

    /// The files that hold anything. Writers leave empty texts behind as markers; they have no rows. An empty file of
    /// a format with a frame was cut, and its rows would be missing without a word.
    fn files<'l>(&self, listing: &'l Listing) -> Result<Vec<&'l DataFile>, CatalogError> {
        let (files, empty): (Vec<_>, Vec<_>) =
            listing.data.iter().partition(|file| file.meta.size > 0);
        if files.is_empty() {
            return Err(self.invalid(self.no_data(listing)));
        }
        match empty.iter().find(|file| !file.format.may_be_empty()) {
            Some(cut) => Err(CatalogError::invalid(self.show(cut), cut_to_nothing(cut.format))),
            None => Ok(files),
        }
    }

    fn no_data(&self, listing: &Listing) -> String {
        let suffixes = DataFormat::suffixes();
        match (&listing.data[..], &listing.nested, &listing.other) {
            ([_], _, _) if matches!(self.place, Place::File(_)) => {
                "the file is empty (0 bytes)".to_owned()
            }
            ([file, ..], _, _) => {
                format!("all its data files are empty (0 bytes), for example {}", self.show(file))
            }
            ([], Some(nested), _) => format!(
                "has data in plain sub-folders only, for example {}; give the folder itself as a \
                 data location to have its sub-folders as tables",
                self.location.show(nested)
            ),
            ([], None, Some(other)) => format!(
                "has no data files (names ending in {suffixes}), only others, for example {}",
                self.location.show(other)
            ),
            ([], None, None) => format!("is empty: it needs files ending in {suffixes}"),
        }
    }

    fn one_format(&self, files: &[&DataFile]) -> Result<DataFormat, CatalogError> {
        let first = files[0];
        match files.iter().find(|file| file.format != first.format) {
            None => Ok(first.format),
            Some(second) => Err(self.invalid(format!(
                "holds files of two formats, {} ({}) and {} ({}); all files of a table must have \
                 the same format",
                first.format,
                self.show(first),
                second.format,
                self.show(second)
            ))),
        }
    }

    /// The `name=value` folders of every file, the same names for all.
    fn partition_rows(&self, files: &[&DataFile]) -> Result<Vec<Vec<Pair>>, CatalogError> {
        let folders = files.iter().map(|file| self.place.folders_to(&file.meta.location));
        let rows: Vec<_> = folders.map(|folders| partitions::pairs(&folders)).collect();
        let names = |row: &[Pair]| row.iter().map(|pair| pair.name.clone()).collect::<Vec<_>>();
        let expected = names(&rows[0]);
        match rows.iter().position(|row| names(row) != expected) {
            None => Ok(rows),
            Some(at) => Err(self.invalid(format!(
                "its partition folders disagree: {} is partitioned by {}, {} by {}",
                self.show(files[0]),
                list_names(&expected),
                self.show(files[at]),
                list_names(&names(&rows[at]))
            ))),
        }
    }

    fn place_files(
        &self,
        files: &[&DataFile],
        rows: &[Vec<Pair>],
        columns: &[FieldRef],
    ) -> Result<Vec<PlacedFile>, CatalogError> {
        let placed = files.iter().zip(rows).map(|(file, row)| {
            let values = partitions::values(row, columns).map_err(|pair| {
                let problem =
                    format!("its value of partition column '{}' has another type", pair.name);
                CatalogError::invalid(self.show(file), problem)
            })?;
            Ok(PlacedFile { meta: file.meta.clone(), values })
        });
        placed.collect()
    }
}

fn list_names(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

/// Rows that were deleted or replaced there are in its files still.
fn kept_by(format: TableFormat) -> String {
    let name = format.name();
    format!(
        "is a table of {name}, which this version does not read; its files alone would give rows that were deleted or replaced"
    )
}

fn cut_to_nothing(format: DataFormat) -> String {
    format!(
        "is empty (0 bytes), which no {format} file is: it was cut, or is still written; replace or remove it"
    )
}
