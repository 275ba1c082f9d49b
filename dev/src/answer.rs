//! A statement's whole answer, read through the real client from all endpoints at once.

use arrow_flight::FlightInfo;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use squadron_server::client::{
    ClientError, EndpointReport, FlightSqlClient, Order, ReadOptions, ResultStream,
};

/// What came back for a statement.
#[derive(Debug)]
pub struct Answer {
    /// What GetFlightInfo said.
    pub info: FlightInfo,
    /// The schema of every batch.
    pub schema: SchemaRef,
    /// The rows: those of the first endpoint first.
    pub batches: Vec<RecordBatch>,
    /// Who served what.
    pub endpoints: Vec<EndpointReport>,
}

impl Answer {
    /// Rows of all batches.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows as one batch.
    ///
    /// # Panics
    /// Never: the client has compared the schemas.
    pub fn batch(&self) -> RecordBatch {
        concat_batches(&self.schema, &self.batches).expect("batches of one schema")
    }

    /// The rows as a table, for people and for assertions on text.
    ///
    /// # Panics
    /// For a value that cannot be shown.
    pub fn text(&self) -> String {
        pretty_format_batches(&self.batches).expect("values can be shown").to_string()
    }

    /// The only value of an answer of one row and one column, as text.
    ///
    /// # Panics
    /// When the answer is of another shape.
    pub fn value(&self) -> String {
        let batch = self.batch();
        assert_eq!((batch.num_rows(), batch.num_columns()), (1, 1), "{}", self.text());
        let column = batch.column(0);
        let format = datafusion::arrow::util::display::FormatOptions::default();
        let text = datafusion::arrow::util::display::ArrayFormatter::try_new(column, &format);
        text.expect("values can be shown").value(0).to_string()
    }
}

/// Runs a statement and reads all of its answer.
///
/// # Errors
/// Those of the client.
pub async fn ask(client: &FlightSqlClient, sql: &str) -> Result<Answer, ClientError> {
    let info = client.execute(sql).await?;
    read(client, info).await
}

/// Reads all of an answer that was announced.
///
/// # Errors
/// Those of the client.
pub async fn read(client: &FlightSqlClient, info: FlightInfo) -> Result<Answer, ClientError> {
    let mut stream = stream(client, &info)?;
    let (schema, meter) = (stream.schema().clone(), stream.meter());
    let mut batches = Vec::new();
    while let Some(batch) = stream.try_next().await? {
        batches.push(batch);
    }
    Ok(Answer { info, schema, batches, endpoints: meter.endpoints() })
}

/// Opens all endpoints of an answer, to be read in their order.
///
/// # Errors
/// Those of the client.
pub fn stream(client: &FlightSqlClient, info: &FlightInfo) -> Result<ResultStream, ClientError> {
    client.read_all(info, ReadOptions { order: Order::Endpoints, ..Default::default() })
}
