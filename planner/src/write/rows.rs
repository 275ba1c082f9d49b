//! The rows of one partition of a plan, on their way into files.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::execution::memory_pool::MemoryReservation;
use uuid::Uuid;

use super::checks::fitted;
use super::file::OpenFile;
use super::folder::hidden;
use super::{Encoding, Folder, Layout, Unclaimed, WriteSpec, WrittenFile};
use crate::catalog::delta::partition_text;
use crate::{PlannerError, Result};

/// Files that are open at once: each holds rows of one combination of partition values. With more of those the one that
/// was written to longest ago is closed, and another one begun when more of its rows come.
const MOST_OPEN: usize = 64;

/// How a folder of NULL is called.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The values of the partition columns of a file.
type Values = Vec<Option<String>>;

/// Takes rows and gives files.
pub(super) struct Rows {
    spec: Arc<WriteSpec>,
    folder: Folder,
    /// `task` and `partition`, for names.
    part: (u32, u32),
    own_columns: Vec<usize>,
    own_schema: SchemaRef,
    partition_columns: Vec<usize>,
    open: HashMap<Values, (OpenFile, u64)>,
    /// Counts writes, to know which file was written to longest ago.
    turn: u64,
    memory: MemoryReservation,
    done: Unclaimed,
}

impl Rows {
    pub(super) fn new(
        spec: Arc<WriteSpec>,
        folder: Folder,
        part: (u32, u32),
        memory: MemoryReservation,
    ) -> Self {
        let of = |name: &String| spec.partition_by.contains(name);
        let columns = spec.schema.fields().iter().enumerate();
        let own_columns: Vec<_> =
            columns.filter(|(_, field)| !of(field.name())).map(|(at, _)| at).collect();
        let partition_columns =
            spec.partition_by.iter().filter_map(|name| spec.schema.index_of(name).ok()).collect();
        let own_fields: Vec<_> =
            own_columns.iter().map(|at| Arc::clone(&spec.schema.fields()[*at])).collect();
        let done = Unclaimed::new(folder.clone());
        Self {
            own_schema: Arc::new(Schema::new(own_fields)),
            spec,
            folder,
            part,
            own_columns,
            partition_columns,
            open: HashMap::new(),
            turn: 0,
            memory,
            done,
        }
    }

    /// # Errors
    /// `Invalid` for values that the table has no place for; those of the store and of memory.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = fitted(batch, &self.spec.schema)?;
        if self.partition_columns.is_empty() {
            return self.write_to(Vec::new(), &batch).await;
        }
        for (values, rows) in self.by_values(&batch)? {
            let rows = take_record_batch(&batch, &UInt32Array::from(rows))?;
            self.write_to(values, &rows.project(&self.own_columns)?).await?;
        }
        Ok(())
    }

    /// The rows of each combination of partition values.
    fn by_values(&self, batch: &RecordBatch) -> Result<Vec<(Values, Vec<u32>)>> {
        let columns = self.partition_columns.iter().map(|at| Arc::clone(batch.column(*at)));
        let columns: Vec<ArrayRef> = columns.collect();
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
        let keys = RowConverter::new(fields.collect())?.convert_columns(&columns)?;
        let mut groups: HashMap<_, Vec<u32>> = HashMap::new();
        for (row, key) in keys.iter().enumerate() {
            groups.entry(key).or_default().push(row as u32);
        }
        // Different keys may have one text: an empty one and NULL.
        let mut by_values: HashMap<Values, Vec<u32>> = HashMap::new();
        for rows in groups.into_values() {
            let row = rows[0] as usize;
            let values = columns.iter().map(|column| partition_text(column, row));
            let values = values.collect::<Result<Values, _>>().map_err(PlannerError::Invalid)?;
            self.no_empty_text(&values)?;
            by_values.entry(values).or_default().extend(rows);
        }
        for rows in by_values.values_mut() {
            rows.sort_unstable();
        }
        Ok(by_values.into_iter().collect())
    }

    /// An empty text is read as NULL, which a column may not have.
    fn no_empty_text(&self, values: &Values) -> Result<()> {
        let columns = self.partition_columns.iter().map(|at| self.spec.schema.field(*at));
        let column =
            columns.zip(values).find(|(field, value)| !field.is_nullable() && value.is_none());
        match column {
            Some((field, _)) => Err(PlannerError::Invalid(format!(
                "partition column '{}' is NOT NULL, and an empty text is kept as NULL there",
                field.name()
            ))),
            None => Ok(()),
        }
    }

    async fn write_to(&mut self, values: Values, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if !self.open.contains_key(&values) {
            self.make_room().await?;
            let name = self.name(&values);
            let (schema, encoding) = (Arc::clone(&self.own_schema), self.spec.encoding);
            let file = OpenFile::create(&self.folder, name, schema, encoding).await?;
            self.open.insert(values.clone(), (file, 0));
        }
        self.turn += 1;
        let Some((file, turn)) = self.open.get_mut(&values) else { return Ok(()) };
        *turn = self.turn;
        file.write(rows).await?;
        if file.bytes() >= self.spec.file_bytes {
            self.close(&values).await?;
        }
        self.account().await
    }

    async fn make_room(&mut self) -> Result<()> {
        if self.open.len() < MOST_OPEN {
            return Ok(());
        }
        let oldest = self.open.iter().min_by_key(|(_, (_, turn))| *turn);
        match oldest.map(|(values, _)| values.clone()) {
            Some(values) => self.close(&values).await,
            None => Ok(()),
        }
    }

    /// What the files hold in memory is the query's. Where there is no more of it, the largest is written out.
    async fn account(&mut self) -> Result<()> {
        let held = |open: &HashMap<Values, (OpenFile, u64)>| -> usize {
            open.values().map(|(file, _)| file.memory()).sum()
        };
        if self.memory.try_resize(held(&self.open)).is_ok() {
            return Ok(());
        }
        let largest = self.open.values_mut().max_by_key(|(file, _)| file.memory());
        if let Some((file, _)) = largest {
            file.flush().await?;
        }
        Ok(self.memory.try_resize(held(&self.open))?)
    }

    async fn close(&mut self, values: &Values) -> Result<()> {
        let Some((file, _)) = self.open.remove(values) else { return Ok(()) };
        let file = file.close().await?;
        let names = self.spec.partition_by.iter().cloned();
        let values = names.zip(values.iter().cloned()).collect();
        self.done.add([WrittenFile { values, ..file }]);
        Ok(())
    }

    /// Ends all files and gives them away.
    ///
    /// # Errors
    /// As [`Rows::write`].
    pub(super) async fn finish(mut self) -> Result<Vec<WrittenFile>> {
        let mut open: Vec<_> = self.open.keys().cloned().collect();
        open.sort();
        for values in open {
            self.close(&values).await?;
        }
        if self.done.is_empty() && self.is_never_empty() {
            let name = self.name(&Vec::new());
            let (schema, encoding) = (Arc::clone(&self.own_schema), self.spec.encoding);
            let file = OpenFile::create(&self.folder, name, schema, encoding).await?;
            self.done.add([file.close().await?]);
        }
        self.memory.free();
        Ok(self.done.claim())
    }

    /// Whether this partition has a file also if it has no rows.
    fn is_never_empty(&self) -> bool {
        let one_at_least = matches!(self.spec.layout, Layout::Copy | Layout::File);
        one_at_least && self.part == (0, 0) && self.partition_columns.is_empty()
    }

    /// A name that no other file has. Its time tells how old a file is that no log names.
    fn name(&self, values: &Values) -> String {
        let (task, partition) = self.part;
        let suffix = match self.spec.encoding {
            Encoding::Parquet => ".zstd.parquet",
            text => text.suffix(),
        };
        let name = format!("part-{task:03}-{partition:03}-{}{suffix}", Uuid::now_v7());
        if !self.spec.layout.is_plain() {
            return name;
        }
        let name = hidden(&name);
        let folders = self.spec.partition_by.iter().zip(values);
        let folders = folders.map(|(column, value)| {
            let value = value.as_deref().map_or(NULL.to_owned(), escaped);
            format!("{}={value}/", escaped(column))
        });
        folders.chain([name]).collect()
    }
}

/// As Hive and Spark write names of folders.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_. ".contains(&byte);
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match plain(byte) {
            true => escaped.push(byte as char),
            false => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}
