//! Readers: early, late, several, again, and how they end.

use datafusion::common::runtime::SpawnedTask;

use super::*;

#[tokio::test]
async fn a_reader_gets_frames_while_they_are_written() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let mut reader = result.read().unwrap();
    let key = part(&result, 0);
    result.begin(key).unwrap();
    assert!(waits(&mut reader));
    for number in 0..3 {
        result.append(key, frame(0, number)).await.unwrap();
        assert_eq!(reader.next().await.unwrap(), Some(frame(0, number)));
    }
    assert!(waits(&mut reader), "the part may still grow");
}

#[tokio::test]
async fn a_waiting_reader_is_woken_by_a_frame() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let mut reader = result.read().unwrap();
    let first = async { reader.next().await.unwrap() };
    let (first, _) = tokio::join!(first, write(&result, 0, 1));
    assert_eq!(first, Some(frame(0, 0)));
}

#[tokio::test]
async fn a_reader_does_not_end_before_the_commit() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    let mut reader = result.read().unwrap();
    reader.next().await.unwrap();
    assert!(waits(&mut reader), "all parts are sealed");
    result.verify(0, &manifest(&result, &[(0, 1)])).unwrap();
    assert!(waits(&mut reader), "this peer's manifest matched");
    result.commit(0).unwrap();
    assert_eq!(reader.next().await.unwrap(), None);
}

#[tokio::test]
async fn the_commit_wakes_a_reader_at_the_end() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 2).await;
    let read = SpawnedTask::spawn({
        let result = Arc::clone(&result);
        async move { names(&result).await }
    });
    tokio::task::yield_now().await;
    commit(&result);
    assert_eq!(read.join().await.unwrap(), [(0, 0), (0, 1)]);
}

#[tokio::test]
async fn several_readers_get_everything() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let all = futures::future::join_all((0..4).map(|_| names(&result)));
    let write = async {
        write(&result, 7, 5).await;
        commit(&result);
    };
    let (all, ()) = tokio::join!(all, write);
    let expected: Vec<_> = (0..5).map(|number| (7, number)).collect();
    assert!(all.iter().all(|read| *read == expected));
}

#[tokio::test]
async fn a_result_can_be_read_again() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 3)]).await;
    assert_eq!(names(&result).await, names(&result).await);
}

#[tokio::test]
async fn an_empty_result_ends_at_once() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[]).await;
    assert_eq!(names(&result).await, []);
}

#[tokio::test]
async fn a_failure_reaches_a_waiting_reader() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let fail = async { result.fail(broken()) };
    let (read, ()) = tokio::join!(read(&result), fail);
    assert!(is_broken(&read.unwrap_err()));
}

#[tokio::test]
async fn a_failure_reaches_a_reader_that_has_read_everything() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    result.verify(0, &manifest(&result, &[(0, 1)])).unwrap();
    let mut reader = result.read().unwrap();
    reader.next().await.unwrap();
    result.fail(broken());
    assert!(is_broken(&reader.next().await.unwrap_err()));
}

#[tokio::test]
async fn a_failure_reaches_a_reader_that_comes_late() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    result.fail(broken());
    assert!(is_broken(&read(&result).await.unwrap_err()));
}

#[tokio::test]
async fn a_forgotten_result_does_not_end_short() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 3)]).await;
    let mut reader = result.read().unwrap();
    reader.next().await.unwrap();
    fixture.store.remove(result.opening().query);
    assert!(matches!(reader.next().await, Err(ResultError::NotFound(_))));
    assert_eq!(fixture.memory(), 0);
}
