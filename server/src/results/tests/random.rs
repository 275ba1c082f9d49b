//! Any interleaving of writers, readers and moves to disk gives exactly what was appended.

use std::collections::HashMap;
use std::collections::HashSet;

use proptest::prelude::*;

use super::super::manifest::{Held, compare};
use super::*;

/// One step of a story.
#[derive(Debug, Clone)]
enum Step {
    Append(u32),
    /// A reader takes a frame, if there is one.
    Read(usize),
    NewReader,
    DropReader(usize),
    /// Another result's frames push this one's to disk, as far as they may.
    Press,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4u32).prop_map(Step::Append),
        4 => any::<usize>().prop_map(Step::Read),
        1 => Just(Step::NewReader),
        1 => any::<usize>().prop_map(Step::DropReader),
        1 => Just(Step::Press),
    ]
}

/// What one reader has seen: the frames of each part so far, which must be 0, 1, 2, ….
struct Seen {
    reader: ResultReader,
    parts: HashMap<u32, u32>,
}

impl Seen {
    fn new(result: &Arc<QueryResult>) -> Self {
        Self { reader: result.read().unwrap(), parts: HashMap::new() }
    }

    fn saw(&mut self, found: &Frame) {
        let (part, number) = name(found);
        let next = self.parts.entry(part).or_default();
        assert_eq!(*next, number, "part {part} out of order");
        assert_eq!(*found, frame(part, number));
        *next += 1;
    }

    /// A frame on disk takes a moment: it is waited for only when there must be one.
    async fn read(&mut self, written: u32) {
        if self.parts.values().sum::<u32>() < written {
            let found = self.reader.next().await.unwrap().unwrap();
            self.saw(&found);
        }
    }

    async fn finish(mut self) -> HashMap<u32, u32> {
        while let Some(found) = self.reader.next().await.unwrap() {
            self.saw(&found);
        }
        self.parts
    }
}

async fn play(steps: Vec<Step>, memory: usize) {
    let fixture = Fixture::with(memory, 1 << 30);
    let result = fixture.open();
    let parts: HashSet<u32> = (0..4).collect();
    parts.iter().for_each(|number| result.begin(part(&result, *number)).unwrap());
    let mut written = HashMap::from([(0, 0), (1, 0), (2, 0), (3, 0)]);
    let mut readers = vec![Seen::new(&result)];
    for step in steps {
        let count: u32 = written.values().sum();
        match step {
            Step::Append(number) => {
                let next = written.get_mut(&number).unwrap();
                result.append(part(&result, number), frame(number, *next)).await.unwrap();
                *next += 1;
            }
            Step::Read(which) => {
                let which = which % readers.len();
                readers[which].read(count).await;
            }
            Step::NewReader if readers.len() < 8 => readers.push(Seen::new(&result)),
            Step::DropReader(which) if readers.len() > 1 => {
                drop(readers.remove(which % readers.len()));
            }
            Step::Press => result.evict(3 * FRAME).1.unwrap(),
            _ => {}
        }
    }
    finish(&fixture, &result, written, readers).await;
}

async fn finish(
    fixture: &Fixture,
    result: &Arc<QueryResult>,
    written: HashMap<u32, u32>,
    readers: Vec<Seen>,
) {
    let counts: Vec<_> = written.into_iter().collect();
    for (number, frames) in &counts {
        assert_eq!(result.seal(part(result, *number)).unwrap(), totals(*number, *frames));
    }
    result.verify(0, &manifest(result, &counts)).unwrap();
    result.commit(0).unwrap();
    let expected: HashMap<_, _> = counts.into_iter().filter(|(_, frames)| *frames > 0).collect();
    for reader in readers {
        assert_eq!(reader.finish().await, expected);
    }
    let held = (fixture.memory() as u64) + fixture.disk();
    assert!(held >= u64::from(expected.values().sum::<u32>()) * FRAME as u64);
    fixture.store.remove(result.opening().query);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn readers_get_each_part_whole_and_in_order(
        steps in prop::collection::vec(step(), 0..120),
        frames_in_memory in 0..40usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps, frames_in_memory * FRAME));
    }

    #[test]
    fn writers_and_readers_on_many_threads_agree(
        frames in prop::collection::vec(0..40u32, 1..6),
        frames_in_memory in 0..60usize,
        readers in 1..5usize,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        runtime.block_on(race(frames, frames_in_memory * FRAME, readers));
    }

    #[test]
    fn a_manifest_matches_what_it_lists_and_nothing_else(
        held in prop::collection::hash_map(0..6u32, (0..3u64, any::<bool>()), 0..6),
        listed in prop::collection::hash_map(0..6u32, 0..3u64, 0..6),
    ) {
        let key = |partition| PartKey { query: Uuid::nil(), attempt: 0, task: 0, partition };
        let totals = |rows| PartTotals { rows, ..Default::default() };
        let equal = held.len() == listed.len()
            && held.iter().all(|(part, (rows, sealed))| *sealed && listed.get(part) == Some(rows));
        let held = held.into_iter().map(|(part, (rows, sealed))| {
            (key(part), Held { totals: totals(rows), sealed })
        });
        let listed = listed.into_iter().map(|(part, rows)| {
            PartSummary { part: key(part), totals: totals(rows) }
        });
        let listed: Vec<_> = listed.collect();
        prop_assert_eq!(compare(&held.collect(), &listed).is_ok(), equal);
    }

    #[test]
    fn a_part_listed_twice_never_matches(rows in 0..3u64, copies in 2..4usize) {
        let part = PartKey { query: Uuid::nil(), attempt: 0, task: 0, partition: 0 };
        let totals = PartTotals { rows, ..Default::default() };
        let listed = vec![PartSummary { part, totals }; copies];
        let held = HashMap::from([(part, Held { totals, sealed: true })]);
        prop_assert!(compare(&held, &listed).is_err());
    }
}

/// Writers, readers and another result's memory pressure, all at once.
async fn race(frames: Vec<u32>, memory: usize, readers: usize) {
    let fixture = Fixture::with(memory, 1 << 30);
    fixture.committed(&[(9, 10)]).await;
    let result = fixture.open();
    let reading: Vec<_> = (0..readers)
        .map(|_| Seen::new(&result))
        .map(|seen| datafusion::common::runtime::SpawnedTask::spawn(seen.finish()))
        .collect();
    let writing: Vec<_> = (0u32..)
        .zip(frames.clone())
        .map(|(number, frames)| {
            let result = Arc::clone(&result);
            let write = async move { write(&result, number, frames).await };
            datafusion::common::runtime::SpawnedTask::spawn(write)
        })
        .collect();
    for writer in writing {
        writer.join().await.unwrap();
    }
    let counts: Vec<_> = (0u32..).zip(frames).collect();
    result.verify(0, &manifest(&result, &counts)).unwrap();
    result.commit(0).unwrap();
    let expected: HashMap<_, _> = counts.into_iter().filter(|(_, frames)| *frames > 0).collect();
    for reader in reading {
        assert_eq!(reader.join().await.unwrap(), expected);
    }
}
