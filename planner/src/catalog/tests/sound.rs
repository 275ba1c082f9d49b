//! Columns of types that the engine does not calculate with rightly.

use super::*;
use datafusion::arrow::array::{
    ArrayRef, Decimal32Array, Decimal64Array, DictionaryArray, Float16Array, Int8Array, Int64Array,
    IntervalDayTimeArray, StringArray,
};
use datafusion::arrow::datatypes::ArrowPrimitiveType;
use datafusion::arrow::datatypes::{Float16Type, IntervalDayTime};
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;

type Half = <Float16Type as ArrowPrimitiveType>::Native;

impl Data {
    fn columns(&self, name: &str, columns: Vec<(&str, ArrayRef)>, options: ArrowWriterOptions) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = std::fs::File::create(self.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

#[tokio::test]
async fn small_decimals_keep_their_fractions_beside_integers() {
    let data = Data::new();
    let small = Decimal32Array::from(vec![-299, 50, 100]).with_precision_and_scale(9, 2).unwrap();
    let middle = Decimal64Array::from(vec![-299, 50, 100]).with_precision_and_scale(18, 2).unwrap();
    let columns = vec![("s", Arc::new(small) as ArrayRef), ("m", Arc::new(middle) as ArrayRef)];
    data.columns("t.parquet", columns, ArrowWriterOptions::new());
    let tables = data.open().await;
    assert_eq!(tables.columns("t").await, "s: Decimal128(9, 2), m: Decimal128(18, 2)");
    for column in ["s", "m"] {
        let between = format!("SELECT {column} FROM t WHERE {column} > 0 AND {column} < 1");
        assert_eq!(tables.rows(&between).await, ["0.50"]);
        let rest = format!("SELECT {column} % 2 FROM t WHERE {column} < 0");
        assert_eq!(tables.rows(&rest).await, ["-0.99"]);
        let both = format!("SELECT coalesce({column}, 0) FROM t WHERE {column} <> 1 ORDER BY 1");
        assert_eq!(tables.rows(&both).await, ["-2.99", "0.50"]);
    }
}

/// A hundred values, twice: 8 bits have keys for 128.
#[tokio::test]
async fn dictionaries_of_few_keys_are_as_many_values_as_there_are() {
    let data = Data::new();
    for file in 0..3 {
        let values = StringArray::from_iter_values((0..100).map(|n| format!("{file}/{n}")));
        let keys = Int8Array::from_iter_values((0..100).chain(0..100));
        let words = DictionaryArray::new(keys, Arc::new(values));
        let ids = Int64Array::from_iter_values(0..200);
        let columns = vec![("w", Arc::new(words) as ArrayRef), ("id", Arc::new(ids) as ArrayRef)];
        data.columns(&format!("t/{file}.parquet"), columns, ArrowWriterOptions::new());
    }
    let tables = data.open().await;
    assert_eq!(tables.columns("t").await, "w: Utf8View, id: Int64");
    let rows = tables.batches("SELECT w, id FROM t ORDER BY w, id").await.unwrap();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 600);
    let joined = "SELECT count(*), min(a.w) FROM t a JOIN t b ON a.w = b.w WHERE a.w >= '1/5'";
    assert_eq!(tables.rows(joined).await, ["620 | 1/5"]);
    assert_eq!(tables.rows("SELECT id FROM t WHERE w = '2/7' ORDER BY id").await, ["7", "107"]);
}

#[tokio::test]
async fn zeros_of_half_floats_are_one() {
    let data = Data::new();
    let halves = [-0.0, 0.0, 1.5].map(Half::from_f32);
    let halves = Arc::new(Float16Array::from(halves.to_vec())) as ArrayRef;
    data.columns("t.parquet", vec![("h", halves)], ArrowWriterOptions::new());
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT count(*) FROM t WHERE h = 0").await, ["2"]);
    assert_eq!(tables.rows("SELECT max(h), min(h + h) FROM t WHERE h > 1").await, ["1.5 | 3.0"]);
}

#[tokio::test]
async fn an_interval_that_may_lose_its_months_is_refused_where_it_is_read() {
    let data = Data::new();
    let spans = || Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(14, 0)]));
    let ids = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let columns = || vec![("span", spans() as ArrayRef), ("id", ids())];
    let foreign = ArrowWriterOptions::new().with_skip_arrow_metadata(true);
    data.columns("foreign.parquet", columns(), foreign);
    data.columns("own.parquet", columns(), ArrowWriterOptions::new());
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT id FROM foreign").await, ["1"]);
    assert_eq!(tables.rows("SELECT id, span IS NULL FROM own").await, ["1 | false"]);
    for sql in ["SELECT * FROM foreign", "SELECT id FROM foreign WHERE span > INTERVAL '1 day'"] {
        let error = tables.batches(sql).await.unwrap_err().to_string();
        assert!(error.contains("column 'span' of foreign") && error.contains("months"), "{error}");
    }
}

#[tokio::test]
async fn a_small_decimal_of_an_arrow_file_is_refused_where_it_is_read() {
    let data = Data::new();
    let small = Decimal32Array::from(vec![-299, 50]).with_precision_and_scale(9, 2).unwrap();
    let ids = Int64Array::from(vec![1, 2]);
    let columns = [("d", Arc::new(small) as ArrayRef), ("id", Arc::new(ids) as ArrayRef)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(data.path("t.arrow")).unwrap();
    let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT id FROM t ORDER BY id").await, ["1", "2"]);
    let error = tables.batches("SELECT id FROM t WHERE d > 0").await.unwrap_err().to_string();
    assert!(error.contains("column 'd' of t") && error.contains("128 bits"), "{error}");
}
