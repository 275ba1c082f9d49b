//! What comes back from spill files, changed and unchanged, alone and below operators.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{
    SortColumn, concat_batches, lexsort_to_indices, take_record_batch,
};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManager, DiskManagerBuilder};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt};

use super::block::{HEADER, MOST};
use super::*;

/// Where a [`Place`] has its folder.
const BELOW: &str = "below";

/// A place to spill to, gone on drop.
struct Place {
    root: TempDir,
    spill: Spill,
}

impl Place {
    fn of(limit: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join(BELOW);
        let below: SpillRoot = Arc::new(move || fs::create_dir_all(&below).map(|()| below.clone()));
        let spill = Spill::open(Some(below), limit).unwrap();
        Self { root, spill }
    }

    fn manager(&self) -> Arc<DiskManager> {
        Arc::new(DiskManagerBuilder::default().with_mode(self.spill.mode()).build().unwrap())
    }

    fn file(&self) -> Arc<dyn SpillFile> {
        self.manager().create_tmp_file("a test").unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.spill.folder().unwrap()).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }

    /// Changes a byte of every `every`.
    fn change(&self, every: usize) {
        for path in self.files() {
            let length = fs::metadata(&path).unwrap().len();
            (every as u64 / 2..length).step_by(every).for_each(|at| flip(&path, at));
        }
    }
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}

fn some_bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn write(file: &Arc<dyn SpillFile>, bytes: &[u8]) -> Result<()> {
    let mut writer = file.open_writer()?;
    writer.write_all(bytes)?;
    writer.finish()
}

async fn read(file: &Arc<dyn SpillFile>) -> Result<Vec<u8>> {
    let blocks: Vec<Bytes> = file.read_stream()?.try_collect().await?;
    Ok(blocks.concat())
}

fn is_corrupt(error: DataFusionError) -> bool {
    matches!(PlannerError::from(error), PlannerError::Corrupt(_))
}

#[tokio::test]
async fn what_is_read_is_what_was_written() {
    let place = Place::of(u64::MAX);
    for length in [0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST + 7] {
        let file = place.file();
        write(&file, &some_bytes(length)).unwrap();
        assert_eq!(read(&file).await.unwrap(), some_bytes(length), "{length}");
    }
}

#[tokio::test]
async fn a_file_goes_on_where_a_writer_left_it() {
    let place = Place::of(u64::MAX);
    let file = place.file();
    for part in some_bytes(500_000).chunks(70_001) {
        write(&file, part).unwrap();
    }
    assert_eq!(read(&file).await.unwrap(), some_bytes(500_000));
}

#[tokio::test]
async fn a_reader_follows_a_writer() {
    let place = Place::of(u64::MAX);
    let file = place.file();
    let mut writer = file.open_writer().unwrap();
    let mut reader: Option<_> = None;
    for part in some_bytes(1000).chunks(100) {
        writer.write_all(part).unwrap();
        writer.flush().unwrap();
        let reader = reader.get_or_insert_with(|| file.read_stream().unwrap());
        assert_eq!(reader.next().await.unwrap().unwrap(), part);
    }
}

#[tokio::test]
async fn a_changed_bit_is_an_error_wherever_it_is() {
    const LENGTH: usize = MOST + 1000;
    let place = Place::of(u64::MAX);
    let file = place.file();
    write(&file, &some_bytes(LENGTH)).unwrap();
    let path = &place.files()[0];
    let second = HEADER + MOST;
    let headers = (0..HEADER).chain(second..second + HEADER);
    let bytes = (HEADER..2 * HEADER + LENGTH).step_by(997);
    for at in headers.chain(bytes).chain([2 * HEADER + LENGTH - 1]) {
        flip(path, at as u64);
        assert!(is_corrupt(read(&file).await.unwrap_err()), "{at}");
        flip(path, at as u64);
    }
    assert_eq!(read(&file).await.unwrap().len(), LENGTH);
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_an_error_wherever_it_was() {
    let place = Place::of(u64::MAX);
    let file = place.file();
    write(&file, &some_bytes(2 * MOST)).unwrap();
    let path = &place.files()[0];
    let block = (HEADER + MOST) as u64;
    for length in [2 * block - 1, block + 13, block + 12, block + 1, block, block - 1, 12, 1, 0] {
        OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
        assert!(is_corrupt(read(&file).await.unwrap_err()), "{length}");
    }
}

#[tokio::test]
async fn a_block_in_the_place_of_another_is_an_error() {
    let place = Place::of(u64::MAX);
    let (one, other) = (place.file(), place.file());
    write(&one, &[7; 2 * MOST]).unwrap();
    write(&other, &[7; 2 * MOST]).unwrap();
    let files = place.files();
    let contents = [&files[0], &files[1]].map(|path| fs::read(path).unwrap());
    let [first, second] = [&contents[0][..HEADER + MOST], &contents[0][HEADER + MOST..]];
    fs::write(&files[0], [second, first].concat()).unwrap();
    fs::write(&files[1], &contents[0]).unwrap();
    for file in [one, other] {
        assert!(is_corrupt(read(&file).await.unwrap_err()));
    }
}

#[test]
fn the_quota_holds_and_is_given_back() {
    let place = Place::of(1000);
    let file = place.file();
    write(&file, &[0; 900]).unwrap();
    assert_eq!(place.spill.used(), 912);
    assert_eq!(file.size(), Some(912));
    let error = PlannerError::from(write(&place.file(), &[0; 900]).unwrap_err());
    assert!(matches!(error, PlannerError::Exhausted(_)), "{error:?}");
    assert!(error.to_string().contains("--spill-limit"), "{error}");
    assert_eq!(place.spill.used(), 912);
    drop(file);
    assert_eq!(place.spill.used(), 0);
    write(&place.file(), &[0; 900]).unwrap();
}

#[tokio::test]
async fn a_file_is_gone_with_the_last_that_has_it_and_the_folder_with_the_last_file() {
    let place = Place::of(u64::MAX);
    let file = place.file();
    write(&file, &some_bytes(10)).unwrap();
    let reader = file.read_stream().unwrap();
    drop(file);
    let Place { root, spill } = place;
    let folder = spill.folder().unwrap();
    drop(spill);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(reader.try_collect::<Vec<_>>().await.unwrap().concat(), some_bytes(10));
    assert!(!folder.exists() && root.path().exists());
}

#[test]
fn without_a_root_there_is_a_folder_once_it_is_needed() {
    let spill = Spill::open(None, 1000).unwrap();
    assert_eq!(spill.folder(), None);
    let manager = DiskManagerBuilder::default().with_mode(spill.mode()).build().unwrap();
    let _file = Arc::new(manager).create_tmp_file("a test").unwrap();
    assert!(spill.folder().unwrap().is_dir());
}

#[tokio::test]
async fn a_folder_that_somebody_removed_is_made_anew() {
    let place = Place::of(u64::MAX);
    let before = place.file();
    write(&before, &some_bytes(10)).unwrap();
    fs::remove_dir_all(place.root.path().join(BELOW)).unwrap();
    let after = place.file();
    write(&after, &some_bytes(20)).unwrap();
    assert_eq!(place.files().len(), 1);
    assert_eq!(read(&before).await.unwrap(), some_bytes(10), "who has it open keeps it");
    assert_eq!(read(&after).await.unwrap(), some_bytes(20));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_as_a_disk_that_fails() {
    let place = Place::of(1000);
    let below = place.root.path().join(BELOW);
    fs::remove_dir_all(&below).unwrap();
    fs::write(&below, "a file").unwrap();
    let error = place.manager().create_tmp_file("a test").err().unwrap();
    let error = PlannerError::from(error);
    assert!(matches!(error, PlannerError::Exhausted(_)), "{error:?}");
}

/// Rows in no order, several times what the memory of a [`session`] holds.
const ROWS: &str = "select value * 7919 % 200003 as k, value as v, repeat('x', 40) as s from generate_series(1, 200000)";

fn session(place: &Place, memory: usize, settings: &[(&str, &str)]) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(place.spill.mode()))
        .build_arc();
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().execution.sort_spill_reservation_bytes = 1 << 20;
    for (key, value) in settings {
        config.options_mut().set(key, value).unwrap();
    }
    SessionContext::new_with_config_rt(config, runtime.unwrap())
}

async fn run(
    context: &SessionContext,
    sql: &str,
) -> (Arc<dyn ExecutionPlan>, SendableRecordBatchStream) {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let stream = execute_stream(Arc::clone(&plan), context.task_ctx()).unwrap();
    (plan, stream)
}

fn spills(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spill_count()).unwrap_or(0);
    own + plan.children().into_iter().map(spills).sum::<usize>()
}

fn whole(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(&batches[0].schema(), batches).unwrap()
}

/// The rows with `memory`, where the query spills, and those with more than it needs.
async fn spilled(memory: usize, settings: &[(&str, &str)], sql: &str) -> [RecordBatch; 2] {
    let place = Place::of(u64::MAX);
    let (plan, expected) = run(&session(&place, usize::MAX >> 1, settings), sql).await;
    let expected = whole(&expected.try_collect::<Vec<_>>().await.unwrap());
    assert_eq!(spills(&plan), 0);
    let (plan, rows) = run(&session(&place, memory, settings), sql).await;
    let rows = whole(&rows.try_collect::<Vec<_>>().await.unwrap());
    assert!(spills(&plan) > 0);
    drop(plan);
    assert_eq!((place.spill.used(), place.files()), (0, Vec::new()));
    [rows, expected]
}

fn sorted(rows: &RecordBatch) -> RecordBatch {
    let columns = rows.columns().iter().cloned();
    let columns = columns.map(|values| SortColumn { values, options: None }).collect::<Vec<_>>();
    take_record_batch(rows, &lexsort_to_indices(&columns, None).unwrap()).unwrap()
}

#[tokio::test]
async fn a_sort_that_spills_gives_its_rows() {
    let [rows, expected] = spilled(7 << 20, &[], &format!("{ROWS} order by k")).await;
    assert!(rows == expected);
}

#[tokio::test]
async fn groups_that_spill_give_their_rows() {
    let sql = format!("select k, count(*), max(v), min(s) from ({ROWS}) group by k");
    let [rows, expected] = spilled(9 << 20, &[], &sql).await;
    assert!(sorted(&rows) == sorted(&expected));
}

#[tokio::test]
async fn a_merge_join_that_spills_gives_its_rows() {
    let sql = format!(
        "select a.k, b.v, b.s from (select value as k from generate_series(0, 2)) a join ({ROWS}) b on a.k = b.k % 3"
    );
    let merge = [
        ("datafusion.optimizer.prefer_hash_join", "false"),
        ("datafusion.execution.target_partitions", "2"),
    ];
    let [rows, expected] = spilled(12 << 20, &merge, &sql).await;
    assert!(sorted(&rows) == sorted(&expected));
}

#[tokio::test]
async fn a_nested_loop_join_that_spills_gives_its_rows() {
    let sql = format!(
        "select a.k, a.s, b.v from ({ROWS}) a left join (select value as v from generate_series(0, 5)) b on a.k + b.v < 100"
    );
    let as_written = [("datafusion.optimizer.join_reordering", "false")];
    let [rows, expected] = spilled(4 << 20, &as_written, &sql).await;
    assert!(sorted(&rows) == sorted(&expected));
}

#[tokio::test]
async fn a_sort_whose_runs_are_changed_fails_and_gives_no_other_rows() {
    let place = Place::of(u64::MAX);
    let sql = format!("{ROWS} order by k");
    let (plan, mut stream) = run(&session(&place, 7 << 20, &[]), &sql).await;
    let mut read = vec![stream.try_next().await.unwrap().unwrap()];
    assert!(spills(&plan) > 0);
    place.change(4096);
    let error = loop {
        match stream.try_next().await {
            Ok(batch) => read.push(batch.expect("an error before the end")),
            Err(error) => break error,
        }
    };
    assert!(is_corrupt(error));
    let (_, right) = run(&session(&place, usize::MAX >> 1, &[]), &sql).await;
    let right = whole(&right.try_collect::<Vec<_>>().await.unwrap());
    let read = whole(&read);
    assert!(read == right.slice(0, read.num_rows()));
}
