//! Rows that become files without a log: INSERT into a folder of Parquet files, and COPY TO.
//!
//! Each worker writes files that nobody reads yet, since their names are hidden. When all are whole the node that took the
//! statement gives them their names, one after the other: a reader sees a file whole or not at all, and what breaks off
//! before that, or runs again, leaves nothing that is read.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::ObjectName;
use tokio_util::task::TaskTracker;

use super::running::{FILE_BYTES, Running};
use crate::catalog::delta::{arrow_type, may_partition};
use crate::catalog::{DataLocation, FilesTable, without_length};
use crate::commit::Outcome;
use crate::plan::ddl::{full, named_once};
use crate::plan::{Parameters, bound, logical};
use crate::statement::CopyTo;
use crate::wire_schema::sql_name;
use crate::write::{Encoding, Folder, Layout, WriteSpec, WrittenFile, publish_files, remove_files};
use crate::{PlannerError, Result};

/// The log of a Delta table in its folder.
const DELTA_LOG: &str = "_delta_log";

/// Files that are to be, and the name that the only one gets.
struct Place {
    location: DataLocation,
    layout: Layout,
    partition_by: Vec<String>,
    name: Option<String>,
    encoding: Encoding,
}

impl Running {
    /// The folder of a table of Parquet files, if the name is that of one, with its columns.
    pub(super) async fn folder_of(
        &self,
        state: &SessionState,
        name: &ObjectName,
    ) -> Result<Option<(DataLocation, Vec<String>, SchemaRef)>> {
        let name = full(name, self.config())?;
        let catalog = state.catalog_list().catalog(&name.catalog);
        let Some(schema) = catalog.and_then(|catalog| catalog.schema(&name.schema)) else {
            return Ok(None);
        };
        let Some(table) = schema.table(&name.table).await? else { return Ok(None) };
        let folder = table.downcast_ref::<FilesTable>().and_then(FilesTable::parquet_folder);
        let folder = folder.filter(|(location, _)| self.engine().may_write(location));
        Ok(folder.map(|(location, columns)| (location, columns, table.schema())))
    }

    /// Has these rows come to the files of a folder.
    pub(super) async fn insert_files(
        &self,
        state: &SessionState,
        (location, partition_by, schema): (DataLocation, Vec<String>, SchemaRef),
        rows: &LogicalPlan,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let (layout, encoding) = (Layout::Folder, Encoding::Parquet);
        let place = Place { location, layout, partition_by, name: None, encoding };
        self.to_files(state, place, &schema, rows, outcome).await
    }

    pub(super) async fn copy(
        &self,
        copy: &CopyTo,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let state = self.session().await?;
        let plan = logical(&mut state.clone(), copy.query.clone()).await?;
        let plan = bound(plan, &self.request().parameters)?;
        named_once(&plan, &[], "file")?;
        // A query's column is called as one of a table, and may have other texts.
        let fields = plan.schema().fields().iter().map(|field| without_length(field));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        refuse_untyped(schema.fields(), copy.encoding)?;
        let place = self.place(copy, &schema).await?;
        self.to_files(&state, place, &schema, &plan, outcome).await
    }

    pub(super) async fn copy_parameters(&self, copy: &CopyTo) -> Result<Parameters> {
        let state = self.session().await?;
        Parameters::of(&logical(&mut state.clone(), copy.query.clone()).await?)
    }

    /// Where the files of a COPY go, if they may.
    async fn place(&self, copy: &CopyTo, schema: &Schema) -> Result<Place> {
        let invalid = |problem: String| PlannerError::Invalid(format!("COPY TO: {problem}"));
        let target = copy.target.trim_end_matches('/');
        let (location, name) = match target.rsplit_once('/') {
            Some((folder, name)) if name.to_lowercase().ends_with(copy.encoding.suffix()) => {
                (folder, Some(name.to_owned()))
            }
            _ => (target, None),
        };
        let location = self.engine().allowed_to_write(location)?;
        let partition_by = copy.partition_by.iter().map(|column| {
            let names = || schema.fields().iter().map(|field| field.name());
            let exactly = names().find(|name| *name == column);
            let known = exactly.or_else(|| names().find(|it| it.eq_ignore_ascii_case(column)));
            let known = known.cloned();
            known
                .ok_or_else(|| invalid(format!("PARTITIONED BY {column}: there is no such column")))
        });
        let partition_by = partition_by.collect::<Result<Vec<_>>>()?;
        for name in &partition_by {
            let kept = arrow_type(schema.field_with_name(name)?.data_type());
            if !kept.is_ok_and(|kept| may_partition(&kept)) {
                return Err(invalid(format!(
                    "PARTITIONED BY {name}: columns of this type do not tell files apart"
                )));
            }
        }
        if !partition_by.is_empty()
            && (name.is_some() || partition_by.len() == schema.fields().len())
        {
            return Err(invalid(
                "PARTITIONED BY needs a folder, and columns that are left for its files".into(),
            ));
        }
        let folder = Folder::at(&location, self.engine().runtime())?;
        let is_kept = self.engine().named().store().is_some_and(|store| store.keeps(&location));
        if is_kept || folder.has(DELTA_LOG).await? {
            return Err(invalid(format!("{location} is a table's: write INSERT INTO its name")));
        }
        if let Some(name) = &name
            && folder.has(name).await?
        {
            return Err(PlannerError::AlreadyExists(format!(
                "COPY TO: {target} is there already: take another name, or remove it first"
            )));
        }
        let layout = if name.is_some() { Layout::File } else { Layout::Copy };
        Ok(Place { location, layout, partition_by, name, encoding: copy.encoding })
    }

    async fn to_files(
        &self,
        state: &SessionState,
        place: Place,
        schema: &SchemaRef,
        rows: &LogicalPlan,
        outcome: &Arc<Outcome>,
    ) -> Result<std::result::Result<u64, String>> {
        let spec = WriteSpec {
            query: self.request().query,
            attempt: self.request().attempt,
            location: place.location.absolute(),
            schema: Arc::clone(schema),
            partition_by: place.partition_by.into(),
            layout: place.layout,
            file_bytes: if place.name.is_some() { u64::MAX } else { FILE_BYTES },
            encoding: place.encoding,
        };
        let (count, mut written) = self.write(state, rows, spec).await?;
        let folder = Folder::at(&place.location, self.engine().runtime())?;
        let commit =
            async move { publish(&folder, &written.claim(), place.name).await.map(|()| Ok(count)) };
        outcome.commit(&TaskTracker::new(), commit).await
    }
}

/// # Errors
/// `Unsupported` for a column of what files of an encoding have no type for.
fn refuse_untyped(fields: &Fields, encoding: Encoding) -> Result<()> {
    if let Some(field) = fields.iter().find(|field| holds_intervals(field.data_type())) {
        return Err(PlannerError::Unsupported(format!(
            "COPY TO: column '{}' is an INTERVAL, and files have no type for that: CAST it to a text, or store a number of \
             days or of seconds",
            field.name()
        )));
    }
    let is_no_text = |field: &&FieldRef| match field.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => true,
        other => other.is_nested(),
    };
    match fields.iter().find(is_no_text) {
        Some(field) if matches!(encoding, Encoding::Csv(_)) => {
            Err(PlannerError::Unsupported(format!(
                "COPY TO: column '{}' is {}, which CSV has no text for: CAST it, or write Parquet or JSON",
                field.name(),
                sql_name(field.data_type())
            )))
        }
        _ => Ok(()),
    }
}

fn holds_intervals(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            holds_intervals(item.data_type())
        }
        DataType::Map(entries, _) => holds_intervals(entries.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| holds_intervals(field.data_type())),
        _ => false,
    }
}

async fn publish(folder: &Folder, files: &[WrittenFile], name: Option<String>) -> Result<()> {
    let published = publish_files(folder, files, name.as_deref()).await;
    if matches!(published, Err(PlannerError::AlreadyExists(_))) {
        remove_files(folder, files).await;
    }
    published
}
