//! Memory that is full, disks that are full or broken.

use super::*;

const MANY: u32 = 20;

fn all() -> Vec<(u32, u32)> {
    (0..MANY).map(|number| (0, number)).collect()
}

#[tokio::test]
async fn past_the_budget_frames_go_to_disk_and_come_back_in_order() {
    let fixture = Fixture::with(5 * FRAME, 1 << 20);
    let result = fixture.committed(&[(0, MANY)]).await;
    assert_eq!(fixture.memory(), 5 * FRAME);
    assert_eq!(fixture.disk(), (15 * FRAME) as u64);
    let expected: Vec<_> = (0..MANY).map(|number| frame(0, number)).collect();
    assert_eq!(read(&result).await.unwrap(), expected);
}

#[tokio::test]
async fn a_frame_larger_than_the_budget_goes_to_disk() {
    let fixture = Fixture::with(FRAME - 1, 1 << 20);
    let result = fixture.committed(&[(0, 1)]).await;
    assert_eq!(fixture.memory(), 0);
    assert_eq!(names(&result).await, [(0, 0)]);
}

#[tokio::test]
async fn a_finished_result_that_nobody_reads_makes_room() {
    let fixture = Fixture::with(10 * FRAME, 1 << 20);
    let idle = fixture.committed(&[(0, 10)]).await;
    let busy = fixture.open();
    write(&busy, 1, 10).await;
    assert_eq!(fixture.disk(), (10 * FRAME) as u64, "the idle one moved");
    assert_eq!(names(&idle).await, all()[..10]);
    assert_eq!(fixture.memory(), 10 * FRAME, "the new one has its memory");
}

#[tokio::test]
async fn the_result_used_longest_ago_makes_room_first() {
    let fixture = Fixture::with(2 * FRAME, 1 << 20);
    let (older, newer) = (fixture.committed(&[(0, 1)]).await, fixture.committed(&[(0, 1)]).await);
    read(&newer).await.unwrap();
    read(&older).await.unwrap();
    let next = fixture.open();
    write(&next, 0, 1).await;
    assert!(newer.use_of_memory().is_none(), "nothing of it is in memory");
    assert!(older.use_of_memory().is_some());
}

/// Its query has failed while room was made for its frame.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_goes_leaves_no_memory_taken() {
    let fixture = Fixture::with(2 * FRAME, 1 << 20);
    let idle = fixture.committed(&[(0, 2)]).await;
    let gone = fixture.open();
    gone.begin(part(&gone, 0)).unwrap();
    let append = gone.append(part(&gone, 0), frame(0, 0));
    assert!(append.now_or_never().is_none(), "it waits for room");
    let deadline = Instant::now() + Duration::from_secs(10);
    while idle.use_of_memory().is_some() {
        assert!(Instant::now() < deadline, "no room was made");
        tokio::task::yield_now().await;
    }
    fixture.store.remove(gone.opening().query);
    let next = fixture.open();
    write(&next, 0, 2).await;
    assert_eq!((fixture.memory(), fixture.disk()), (2 * FRAME, (2 * FRAME) as u64));
}

#[tokio::test]
async fn a_result_that_is_being_read_stays_where_it_is() {
    let fixture = Fixture::with(10 * FRAME, 1 << 20);
    let result = fixture.committed(&[(0, 10)]).await;
    let _reader = result.read().unwrap();
    write(&fixture.open(), 0, 3).await;
    assert_eq!(fixture.disk(), (3 * FRAME) as u64, "the new frames went to disk instead");
    assert_eq!(fixture.memory(), 10 * FRAME);
}

#[tokio::test]
async fn a_reader_survives_the_move_to_disk() {
    let fixture = Fixture::with(10 * FRAME, 1 << 20);
    let result = fixture.committed(&[(0, 10)]).await;
    let mut reader = result.read().unwrap();
    for number in 0..5 {
        assert_eq!(reader.next().await.unwrap(), Some(frame(0, number)));
    }
    result.evict(usize::MAX).1.unwrap();
    for number in 5..10 {
        assert_eq!(reader.next().await.unwrap(), Some(frame(0, number)));
    }
    assert_eq!(reader.next().await.unwrap(), None);
}

/// A frame on its way to disk is of the run that it came in.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_begins_while_frames_move_has_its_own() {
    let fixture = Fixture::with(1 << 20, 1 << 30);
    for attempt in 1..200 {
        let result = fixture.open();
        result.begin(part(&result, 0)).unwrap();
        for number in 0..20 {
            result.append(part(&result, 0), frame(0, number)).await.unwrap();
        }
        let moving = Arc::clone(&result);
        let moving = tokio::task::spawn_blocking(move || {
            (0..20).for_each(|_| moving.evict(usize::MAX).1.unwrap());
        });
        result.restart(attempt, &[]).unwrap();
        let key = PartKey { attempt, ..part(&result, 1) };
        result.begin(key).unwrap();
        for number in 0..20 {
            result.append(key, frame(1, number)).await.unwrap();
        }
        result.seal(key).unwrap();
        moving.await.unwrap();
        let held = result.summaries();
        result.verify(attempt, &held).unwrap();
        result.commit(attempt).unwrap();
        let expected: Vec<_> = (0..20).map(|number| (1, number)).collect();
        assert_eq!(names(&result).await, expected);
        fixture.store.remove(result.opening().query);
    }
    assert_eq!(fixture.memory(), 0);
}

#[tokio::test]
async fn the_disk_quota_fails_the_write_and_names_the_setting() {
    let fixture = Fixture::with(0, 3 * FRAME as u64);
    let result = fixture.open();
    let key = part(&result, 0);
    result.begin(key).unwrap();
    for number in 0..3 {
        result.append(key, frame(0, number)).await.unwrap();
    }
    let error = result.append(key, frame(0, 3)).await.unwrap_err();
    assert!(matches!(&error, ResultError::Exhausted(text) if text.contains("--result-disk-limit")));
}

#[tokio::test]
async fn a_disk_that_fails_fails_the_write() {
    let fixture = Fixture::with(0, 1 << 20);
    let result = fixture.open();
    result.begin(part(&result, 0)).unwrap();
    fixture.break_disk();
    let error = result.append(part(&result, 0), frame(0, 0)).await.unwrap_err();
    assert!(matches!(&error, ResultError::Disk(text) if text.contains("--spill-dir")));
}

#[tokio::test]
async fn a_disk_that_fails_costs_idle_results_nothing() {
    let fixture = Fixture::with(FRAME, 1 << 20);
    let idle = fixture.committed(&[(0, 1)]).await;
    fixture.break_disk();
    let next = fixture.open();
    next.begin(part(&next, 0)).unwrap();
    assert!(next.append(part(&next, 0), frame(0, 0)).await.is_err());
    assert_eq!(names(&idle).await, [(0, 0)]);
}

#[tokio::test]
async fn a_spill_folder_that_somebody_removed_costs_no_result() {
    let fixture = Fixture::with(0, 1 << 20);
    let before = fixture.committed(&[(0, 2)]).await;
    fs::remove_dir_all(fixture.spill_folder()).unwrap();
    let after = fixture.committed(&[(0, 2)]).await;
    assert_eq!(names(&before).await, all()[..2]);
    assert_eq!(names(&after).await, all()[..2]);
    assert_eq!(fs::read_dir(fixture.store_folder()).unwrap().count(), 2, "with its lock");
}

#[tokio::test]
async fn a_spilled_frame_that_is_lost_is_an_error_not_an_end() {
    let fixture = Fixture::with(0, 1 << 20);
    let result = fixture.committed(&[(0, 2)]).await;
    for entry in fs::read_dir(fixture.store_folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some() {
            fs::File::options().write(true).open(path).unwrap().set_len(10).unwrap();
        }
    }
    assert!(matches!(read(&result).await, Err(ResultError::Corrupt(_))));
}

#[tokio::test]
async fn a_result_that_failed_holds_nothing() {
    let fixture = Fixture::with(5 * FRAME, 1 << 20);
    let result = fixture.open();
    write(&result, 0, 10).await;
    result.fail(broken());
    assert_eq!((fixture.memory(), fixture.disk()), (0, 0));
}

#[tokio::test]
async fn a_result_that_failed_makes_no_file() {
    let fixture = Fixture::with(0, 1 << 20);
    let result = fixture.open();
    result.begin(part(&result, 0)).unwrap();
    result.fail(broken());
    assert!(is_broken(&result.append(part(&result, 0), frame(0, 0)).await.unwrap_err()));
    assert_eq!(fixture.disk(), 0);
    assert_eq!(fs::read_dir(fixture.store_folder()).unwrap().count(), 1, "the lock only");
}

#[tokio::test]
async fn a_dropped_result_gives_everything_back() {
    let fixture = Fixture::with(5 * FRAME, 1 << 20);
    let result = fixture.open();
    write(&result, 0, 10).await;
    fixture.store.remove(result.opening().query);
    drop(result);
    assert_eq!((fixture.memory(), fixture.disk()), (0, 0));
    assert_eq!(fs::read_dir(fixture.store_folder()).unwrap().count(), 1, "the lock only");
}

/// A frame of several pieces.
fn large() -> Frame {
    let body: Vec<u8> = (0..3 * PIECE + 7).map(|at| (at % 251) as u8).collect();
    Frame::new(Bytes::from_static(b"header"), body.into(), 1)
}

/// A committed result of [`large`] frames, all of them on disk.
async fn of_large(fixture: &Fixture, frames: u32) -> Arc<QueryResult> {
    let result = fixture.open();
    let part = part(&result, 0);
    result.begin(part).unwrap();
    for _ in 0..frames {
        result.append(part, large()).await.unwrap();
    }
    result.seal(part).unwrap();
    commit(&result);
    result
}

fn on_disk() -> Fixture {
    Fixture::with(0, 1 << 30)
}

async fn begun(reader: &mut ResultReader) -> SpilledFrame {
    match reader.give().await.unwrap() {
        Some(Given::OnDisk(frame)) => frame,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_pieces_of_a_frame_are_the_frame() {
    let fixture = on_disk();
    let result = of_large(&fixture, 2).await;
    let mut reader = result.read().unwrap();
    for _ in 0..2 {
        let mut frame = begun(&mut reader).await;
        let (header, first) = frame.begin().await.unwrap();
        let mut body = vec![first];
        while let Some(piece) = frame.next().await.unwrap() {
            body.push(piece);
        }
        assert!(body.iter().all(|piece| piece.len() <= PIECE));
        assert_eq!(frame.body(), large().body.len());
        assert_eq!(Frame::new(header, body.concat().into(), 1), large());
    }
    assert!(reader.give().await.unwrap().is_none());
}

#[tokio::test]
async fn a_small_frame_is_one_piece() {
    let fixture = on_disk();
    let result = fixture.committed(&[(0, 1)]).await;
    let mut spilled = begun(&mut result.read().unwrap()).await;
    let (header, body) = spilled.begin().await.unwrap();
    assert_eq!(Frame::new(header, body, 1), frame(0, 0));
    assert!(spilled.next().await.unwrap().is_none());
}

/// Changes one byte of whatever is on disk.
fn flip(fixture: &Fixture, at: u64) {
    use std::os::unix::fs::FileExt;
    let files = fs::read_dir(fixture.store_folder()).unwrap();
    let mut frames = files.map(|entry| entry.unwrap().path()).filter(|it| it.extension().is_some());
    let file = fs::File::options().read(true).write(true).open(frames.next().unwrap());
    let (file, mut byte) = (file.unwrap(), [0]);
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

#[tokio::test]
async fn the_last_piece_of_a_changed_frame_never_comes() {
    let piece = PIECE as u64;
    for at in [0, 10, piece - 1, 2 * piece + 5, 3 * piece + 12] {
        let fixture = on_disk();
        let result = of_large(&fixture, 1).await;
        flip(&fixture, at);
        let mut frame = begun(&mut result.read().unwrap()).await;
        let mut came = frame.begin().await.unwrap().1.len();
        let error = loop {
            match frame.next().await {
                Ok(piece) => came += piece.expect("an error before the end").len(),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, ResultError::Corrupt(_)), "{error}");
        assert!(came < frame.body(), "byte {at}");
    }
}

#[tokio::test]
async fn a_reader_in_the_middle_of_a_frame_does_not_keep_the_file() {
    let fixture = on_disk();
    let result = of_large(&fixture, 1).await;
    let mut reader = result.read().unwrap();
    let mut frame = begun(&mut reader).await;
    frame.begin().await.unwrap();
    result.release(broken());
    assert_eq!(fixture.disk(), 0);
    assert!(is_broken(&frame.next().await.unwrap_err()));
}

#[tokio::test]
async fn a_stalled_reader_holds_one_piece_that_counts() {
    const READERS: usize = 50;
    let fixture = on_disk();
    let result = of_large(&fixture, 1).await;
    let leaving = || fixture.store.usage().leaving;
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        let mut reader = result.read().unwrap();
        let mut frame = begun(&mut reader).await;
        let first = frame.begin().await.unwrap();
        stalled.push((reader, frame, first));
    }
    let header = large().header.len();
    assert_eq!(leaving(), READERS * (PIECE + header));
    for (_, frame, first) in &mut stalled {
        first.1 = frame.next().await.unwrap().unwrap();
        first.0 = Bytes::new();
    }
    assert_eq!(leaving(), READERS * PIECE, "what has left is given back");
    stalled.clear();
    assert_eq!(leaving(), 0);
}
