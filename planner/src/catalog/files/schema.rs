//! The columns of a table, read from the files it is made of.
//!
//! Every file is asked by itself, so that a broken or deviating one can be named. Parquet footers
//! read here stay in DataFusion's cache of file metadata: the query that follows finds them there.

use super::comments::commented;
use super::format::{DataFormat, Kind};
use super::layout::PlacedFile;
use super::merge::{FileSchema, merge};
use super::sound::{marked, marked_as_they_are, sound};
use super::{arrow_file, csv_file};
use crate::catalog::error::CatalogError;
use crate::catalog::footers::footer;
use crate::catalog::location::DataLocation;
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::DataFusionError;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::schema::types::Type;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// What is needed to read schemas: the location is there to name files in errors.
pub(crate) struct Inference<'i> {
    pub(crate) session: &'i dyn Session,
    pub(crate) store: &'i Arc<dyn ObjectStore>,
    pub(crate) location: &'i DataLocation,
    pub(crate) format: DataFormat,
    pub(crate) reader: &'i dyn FileFormat,
}

// === impl Inference ===

impl Inference<'_> {
    /// The schema of all `files` together, without the partition columns.
    pub(crate) async fn schema(
        &self,
        files: &[PlacedFile],
        partition_columns: &[FieldRef],
    ) -> Result<SchemaRef, CatalogError> {
        let concurrency = self.session.config_options().execution.meta_fetch_concurrency.get();
        let asks: Vec<_> = files.iter().map(|file| self.ask(&file.meta).boxed()).collect();
        let schemas: Vec<_> =
            futures::stream::iter(asks).buffered(concurrency).try_collect().await?;
        self.refuse_two_arrow_formats(files).await?;
        let metas = files.iter().map(|file| &file.meta);
        let schemas: Vec<_> =
            metas.zip(&schemas).map(|(file, schema)| FileSchema { file, schema }).collect();
        let merged = merge(self.format, self.location, &schemas)?;
        self.without(self.finish(merged), partition_columns, schemas[0].file)
    }

    /// A scan reads files of one of Arrow's two formats, as the first file is in.
    async fn refuse_two_arrow_formats(&self, files: &[PlacedFile]) -> Result<(), CatalogError> {
        let [first, others @ ..] = files else { return Ok(()) };
        if self.format.kind != Kind::Arrow || others.is_empty() {
            return Ok(());
        }
        let first = self.is_arrow_stream(&first.meta).await?;
        for other in others {
            if self.is_arrow_stream(&other.meta).await? != first {
                let (this, rest) = if first { ("file", "stream") } else { ("stream", "file") };
                return Err(CatalogError::invalid(
                    self.location.show(&other.meta.location),
                    format!(
                        "it is in Arrow's {this} format and files before it are in its {rest} format: keep them apart"
                    ),
                ));
            }
        }
        Ok(())
    }

    async fn is_arrow_stream(&self, file: &ObjectMeta) -> Result<bool, CatalogError> {
        arrow_file::is_stream(self.store.as_ref(), file).await.map_err(|error| {
            let path = self.location.show(&file.location);
            CatalogError::from_read(path, &self.format.unreadable(), &error)
        })
    }

    async fn ask(&self, file: &ObjectMeta) -> Result<SchemaRef, CatalogError> {
        let path = || self.location.show(&file.location);
        let schema = self
            .read(file)
            .await
            .map_err(|error| CatalogError::from_read(path(), &self.format.unreadable(), &error))?;
        let footer = self.footer_of(file).await?;
        let repeated = match &footer {
            Some(footer) => repeated_in_parquet(footer.file_metadata().schema()),
            None => repeated(schema.fields()),
        };
        match repeated {
            None => {
                let Some(footer) = footer else {
                    return Ok(match self.format.kind {
                        Kind::Arrow => Arc::new(marked_as_they_are(&schema)),
                        _ => schema,
                    });
                };
                let told = commented(&schema, footer.file_metadata());
                let schema = told.as_ref().unwrap_or(&schema);
                let marked = marked(schema, footer.file_metadata());
                Ok(Arc::new(sound(marked.as_ref().unwrap_or(schema))))
            }
            Some(name) => Err(CatalogError::invalid(
                path(),
                format!(
                    "it has two columns of the name '{name}', and a query could not tell them apart: write it with names of their own"
                ),
            )),
        }
    }

    /// Of a Parquet file.
    async fn footer_of(
        &self,
        file: &ObjectMeta,
    ) -> Result<Option<Arc<ParquetMetaData>>, CatalogError> {
        if self.format.kind != Kind::Parquet {
            return Ok(None);
        }
        let hint = self.session.config_options().execution.parquet.metadata_size_hint;
        let kept = self.session.runtime_env().cache_manager.get_file_metadata_cache();
        let footer = footer(self.store.as_ref(), file, hint, kept).await.map_err(|error| {
            let path = self.location.show(&file.location);
            CatalogError::from_read(path, &self.format.unreadable(), &error)
        })?;
        Ok(Some(footer))
    }

    async fn read(&self, file: &ObjectMeta) -> datafusion::common::Result<SchemaRef> {
        if self.format.kind == Kind::Arrow
            && let Some(schema) = arrow_file::schema(self.store.as_ref(), file).await?
        {
            return Ok(schema);
        }
        if let Some(format) = self.reader.downcast_ref::<CsvFormat>() {
            return csv_file::schema(format, self.session, self.store.as_ref(), file).await;
        }
        let inferring =
            self.reader.infer_schema(self.session, self.store, std::slice::from_ref(file));
        // Readers count with lengths that they find in the file: nonsense there makes some panic.
        AssertUnwindSafe(inferring).catch_unwind().await.unwrap_or_else(|_| {
            Err(DataFusionError::Execution("its lengths do not fit together".into()))
        })
    }

    /// Columns of text files that never had a value are strings: clients know no Null type.
    fn finish(&self, schema: Schema) -> Schema {
        if !self.format.is_text() {
            return schema;
        }
        let fields = schema.fields().iter().map(|field| match field.data_type() {
            DataType::Null => field.as_ref().clone().with_data_type(DataType::Utf8),
            _ => field.as_ref().clone(),
        });
        Schema::new(fields.collect::<Vec<_>>())
    }

    /// Leaves out the columns that the folders give: some writers store them in the files too.
    /// Where columns are found by position none can be left out.
    fn without(
        &self,
        schema: Schema,
        given: &[FieldRef],
        example: &ObjectMeta,
    ) -> Result<SchemaRef, CatalogError> {
        let in_both = given.iter().find(|column| schema.column_with_name(column.name()).is_some());
        match in_both {
            None => Ok(Arc::new(schema)),
            Some(column) if self.format.is_positional() => Err(CatalogError::invalid(
                self.location.show(&example.location),
                format!("column '{}' is in the file and in its folder's name", column.name()),
            )),
            Some(_) => {
                let kept = schema.fields().iter();
                let kept = kept.filter(|field| given.iter().all(|c| c.name() != field.name()));
                let fields: Vec<_> = kept.cloned().collect();
                Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
            }
        }
    }
}

/// The name that two columns of a file, or two fields of one column, have in common: DataFusion reads the
/// first for both, and of Parquet files shows only one.
fn repeated(fields: &Fields) -> Option<String> {
    let mut names = HashSet::new();
    fields.iter().find_map(|field| match names.insert(field.name()) {
        false => Some(field.name().clone()),
        true => repeated_within(field.data_type()).map(|name| format!("{}.{name}", field.name())),
    })
}

fn repeated_within(nested: &DataType) -> Option<String> {
    match nested {
        DataType::Struct(fields) => repeated(fields),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => repeated_within(item.data_type()),
        _ => None,
    }
}

fn repeated_in_parquet(group: &Type) -> Option<String> {
    let mut names = HashSet::new();
    let fields = if group.is_group() { group.get_fields() } else { &[] };
    fields.iter().find_map(|field| match names.insert(field.name()) {
        false => Some(field.name().to_owned()),
        true => repeated_in_parquet(field).map(|name| format!("{}.{name}", field.name())),
    })
}
