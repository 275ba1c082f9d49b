//! A query over several peers, in runs that are cut short at any time, with messages of earlier runs
//! that come late: whoever reads to an end without an error has read one run, whole, and each row once.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const PEERS: usize = 3;
const PARTS: u32 = 4;

/// One step of a story, told by a coordinator, its workers and the network between.
#[derive(Debug, Clone)]
enum Step {
    /// A worker of the current run delivers a frame of a part.
    Deliver(u32),
    /// What a worker of an earlier run sent arrives now.
    Late(Index),
    /// A part of the current run is complete.
    Seal(u32),
    /// A node is lost: the query is to run again.
    Restart,
    /// All is there: the manifest is compared, and the commit reaches the peers but for those that miss it.
    Finish(Option<usize>),
    /// A peer that missed the commit asks.
    Ask(usize),
    Fail,
    Read(Index),
    NewReader(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..PARTS).prop_map(Step::Deliver),
        2 => any::<Index>().prop_map(Step::Late),
        6 => (0..PARTS).prop_map(Step::Seal),
        1 => Just(Step::Restart),
        3 => prop::option::of(0..PEERS).prop_map(Step::Finish),
        1 => (0..PEERS).prop_map(Step::Ask),
        1 => prop::bool::weighted(0.1).prop_map(|f| if f { Step::Fail } else { Step::Restart }),
        3 => any::<Index>().prop_map(Step::Read),
        1 => (0..PEERS).prop_map(Step::NewReader),
    ]
}

/// A frame whose header says of which run, part and place it is.
fn marked(attempt: u32, part: u32, number: u32) -> Frame {
    let header: Vec<u8> = [attempt, part, number].iter().flat_map(|n| n.to_le_bytes()).collect();
    Frame::new(header.into(), Bytes::from(vec![number as u8; 64]), 1)
}

fn mark(frame: &Frame) -> [u32; 3] {
    let number = |at: usize| u32::from_le_bytes(frame.header[at..at + 4].try_into().unwrap());
    [number(0), number(4), number(8)]
}

/// Which peer a part is delivered to: another one in every run.
fn peer_of(attempt: u32, part: u32) -> usize {
    (part + attempt) as usize % PEERS
}

struct Reading {
    peer: usize,
    reader: ResultReader,
    seen: Vec<[u32; 3]>,
    /// Set at its end: whether that was a good one.
    ended: Option<bool>,
}

struct Story {
    results: Vec<Arc<QueryResult>>,
    _stores: Vec<Fixture>,
    attempt: u32,
    /// Frames of each part of the current run, and whether it is sealed.
    parts: Vec<(u32, bool)>,
    committed: bool,
    failed: bool,
    readers: Vec<Reading>,
    /// Parts of earlier runs whose workers may still send.
    stale: Vec<PartKey>,
}

impl Story {
    fn new(memory: usize) -> Self {
        let opening = opening(Uuid::new_v4());
        let stores: Vec<_> = (0..PEERS).map(|_| Fixture::with(memory, 1 << 30)).collect();
        let open = |fixture: &Fixture| fixture.store.open(opening.clone()).unwrap();
        let results: Vec<_> = stores.iter().map(open).collect();
        let parts = vec![(0, false); PARTS as usize];
        let mut story = Self {
            results,
            _stores: stores,
            attempt: 0,
            parts,
            committed: false,
            failed: false,
            readers: Vec::new(),
            stale: Vec::new(),
        };
        story.begin_parts();
        (0..PEERS).for_each(|peer| story.read_at(peer));
        story
    }

    fn key(&self, part: u32) -> PartKey {
        PartKey { attempt: self.attempt, ..super::part(&self.results[0], part) }
    }

    fn at(&self, part: u32) -> &Arc<QueryResult> {
        &self.results[peer_of(self.attempt, part)]
    }

    fn begin_parts(&mut self) {
        for part in 0..PARTS {
            self.at(part).begin(self.key(part)).unwrap();
            self.parts[part as usize] = (0, false);
        }
    }

    fn runs(&self) -> bool {
        !self.committed && !self.failed
    }

    fn read_at(&mut self, peer: usize) {
        let reader = self.results[peer].read().unwrap();
        self.readers.push(Reading { peer, reader, seen: Vec::new(), ended: None });
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Deliver(part) => self.deliver(part).await,
            Step::Late(which) => self.late(which).await,
            Step::Seal(part) => self.seal(part),
            Step::Restart => self.restart(),
            Step::Finish(missed) => self.finish(missed),
            Step::Ask(peer) if self.committed => drop(self.results[peer].commit(self.attempt)),
            Step::Ask(_) => {}
            Step::Fail => self.fail(),
            Step::Read(which) => self.take(which).await,
            Step::NewReader(peer) if self.readers.len() < 12 => self.read_at(peer),
            Step::NewReader(_) => {}
        }
    }

    async fn deliver(&mut self, part: u32) {
        let (frames, sealed) = self.parts[part as usize];
        if self.runs() && !sealed {
            let frame = marked(self.attempt, part, frames);
            self.at(part).append(self.key(part), frame).await.unwrap();
            self.parts[part as usize].0 += 1;
        }
    }

    /// Whatever an earlier run sends is refused, wherever it comes to.
    async fn late(&mut self, which: Index) {
        if self.stale.is_empty() {
            return;
        }
        let part = *which.get(&self.stale);
        for result in &self.results {
            result.begin(part).unwrap_err();
            let frame = marked(part.attempt, part.partition, 0);
            result.append(part, frame).await.unwrap_err();
            result.seal(part).unwrap_err();
            result.verify(part.attempt, &[]).unwrap_err();
            result.commit(part.attempt).unwrap_err();
            result.restart(part.attempt, &[]).unwrap_err();
        }
    }

    fn seal(&mut self, part: u32) {
        if self.runs() && !self.parts[part as usize].1 {
            self.at(part).seal(self.key(part)).unwrap();
            self.parts[part as usize].1 = true;
        }
    }

    /// As the coordinator does: every peer must begin again, or the query fails everywhere.
    fn restart(&mut self) {
        if !self.runs() {
            return;
        }
        let next = self.attempt + 1;
        let restarted: Vec<_> =
            self.results.iter().map(|result| result.restart(next, &[]).is_ok()).collect();
        for (peer, restarted) in restarted.iter().enumerate() {
            let read = self.readers.iter().any(|r| r.peer == peer && !r.seen.is_empty());
            assert_eq!(*restarted, !read, "refused exactly where a frame was given");
        }
        if !restarted.into_iter().all(|restarted| restarted) {
            return self.fail();
        }
        let stale: Vec<_> = (0..PARTS).map(|part| self.key(part)).collect();
        self.stale.extend(stale);
        self.attempt = next;
        self.begin_parts();
    }

    /// The manifest lists what the producers counted, which is what they sent.
    fn manifest(&self, peer: usize) -> Vec<PartSummary> {
        let here = (0..PARTS).filter(|part| peer_of(self.attempt, *part) == peer);
        let totals = |part: u32| {
            let frames = (0..self.parts[part as usize].0).map(|n| marked(self.attempt, part, n));
            frames.fold(PartTotals::default(), |sum, frame| PartTotals {
                rows: sum.rows + 1,
                frames: sum.frames + 1,
                bytes: sum.bytes + frame.bytes() as u64,
                checksum: chain(sum.checksum, &frame),
            })
        };
        here.map(|part| PartSummary { part: self.key(part), totals: totals(part) }).collect()
    }

    fn finish(&mut self, missed: Option<usize>) {
        if !self.runs() {
            return;
        }
        let complete = self.parts.iter().all(|(_, sealed)| *sealed);
        let verify = |peer: usize| self.results[peer].verify(self.attempt, &self.manifest(peer));
        let matched: Vec<_> = (0..PEERS).map(|peer| verify(peer).is_ok()).collect();
        assert_eq!(matched.iter().all(|matched| *matched), complete);
        if !complete {
            return self.fail();
        }
        self.committed = true;
        for peer in (0..PEERS).filter(|peer| Some(*peer) != missed) {
            self.results[peer].commit(self.attempt).unwrap();
        }
    }

    fn fail(&mut self) {
        if self.runs() {
            self.failed = true;
            self.results.iter().for_each(|result| result.fail(broken()));
        }
    }

    /// A reader takes what there is; a frame on disk takes a moment, and nothing is waited for.
    async fn take(&mut self, which: Index) {
        let which = which.index(self.readers.len());
        let reading = &mut self.readers[which];
        let there = self.results[reading.peer].frames() > reading.seen.len();
        if reading.ended.is_none() && (there || !self.failed && self.committed) {
            let next = tokio::select! {
                biased;
                next = reading.reader.next() => next,
                () = std::future::ready(()), if !there => return,
            };
            reading.took(next);
        }
    }

    async fn end(mut self) {
        for peer in 0..PEERS {
            match self.committed {
                true => self.results[peer].commit(self.attempt).unwrap(),
                false => self.fail(),
            }
        }
        (0..PEERS).for_each(|peer| self.read_at(peer));
        let mut readers = std::mem::take(&mut self.readers);
        for reading in &mut readers {
            while reading.ended.is_none() {
                let next = reading.reader.next().await;
                reading.took(next);
            }
            self.judge(reading);
        }
    }

    fn judge(&self, reading: &mut Reading) {
        assert_eq!(reading.ended, Some(self.committed), "an end is good where all was committed");
        if self.committed {
            let here = (0..PARTS).filter(|part| peer_of(self.attempt, *part) == reading.peer);
            let whole = here
                .flat_map(|part| (0..self.parts[part as usize].0).map(move |n| (part, n)))
                .map(|(part, number)| [self.attempt, part, number]);
            let mut whole: Vec<_> = whole.collect();
            whole.sort_unstable();
            reading.seen.sort_unstable();
            assert_eq!(reading.seen, whole);
        }
    }
}

impl Reading {
    fn took(&mut self, next: Result<Option<Frame>, ResultError>) {
        match next {
            Ok(Some(frame)) => self.seen.push(mark(&frame)),
            Ok(None) => self.ended = Some(true),
            Err(_) => self.ended = Some(false),
        }
    }
}

async fn play(steps: Vec<Step>, memory: usize) {
    let mut story = Story::new(memory);
    for step in steps {
        story.play(step).await;
    }
    story.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_good_end_is_one_run_whole_and_once(
        steps in prop::collection::vec(step(), 0..80),
        frames_in_memory in 0..12usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps, frames_in_memory * 76));
    }
}
